//! Reading many migrations on all processors.

use std::os::fd::{AsFd, OwnedFd};

use underpin_sql::{Statement, SyntaxError};

/// Reads each text and hands over what it says, in their order and on the calling thread, while the other
/// processors read ahead.
///
/// What this process writes to its standard error meanwhile may be lost.
pub fn read_each(texts: &[&str], take: impl FnMut(usize, Result<Vec<Statement>, SyntaxError>)) {
    // The parser's threads leave anything in the place of standard error. Without a second way to it, one
    // thread reads, which puts back what it finds.
    let Ok(stderr) = std::io::stderr().as_fd().try_clone_to_owned() else {
        return underpin_sql::read_each(texts, 1, take);
    };
    let _back = PutBack(stderr);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    underpin_sql::read_each(texts, processors, take);
}

/// Standard error as it was, which it is again when this goes.
struct PutBack(OwnedFd);

impl Drop for PutBack {
    fn drop(&mut self) {
        // Fails for a file that is not open, and this one is.
        let _ = nix::unistd::dup2_stderr(&self.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write as _;
    use std::process::Command;

    use super::*;

    /// In a process of its own, because other tests parse in this one.
    #[test]
    fn standard_error_is_what_it_was_when_all_is_read() {
        const CHILD: &str = "UNDERPIN_TEST_READS";
        if std::env::var_os(CHILD).is_some() {
            let text = "ALTER TABLE t ADD COLUMN c int;\n".repeat(20);
            let mut taken = 0;
            read_each(&vec![text.as_str(); 500], |_, statements| taken += statements.unwrap().len());
            assert_eq!(taken, 10_000);
            return std::io::stderr().write_all(b"the last words").unwrap();
        }
        let this = std::env::current_exe().unwrap();
        let name = "reading::tests::standard_error_is_what_it_was_when_all_is_read";
        let output = Command::new(this).args(["--exact", name]).env(CHILD, "1").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "the last words");
    }
}
