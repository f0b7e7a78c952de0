//! Working on all processors: on many migrations, or on one thing beside another.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::thread;

use underpin_sql::{Statement, SyntaxError};

/// Reads each text and hands over what it says, in their order and on the calling thread, while the other
/// processors read ahead.
///
/// What this process writes to its standard error meanwhile may be lost.
pub fn read_each(texts: &[&str], take: impl FnMut(usize, Result<Vec<Statement>, SyntaxError>)) {
    // The parser's threads leave anything in the place of standard error. Without a second way to it, one
    // thread reads, which puts back what it finds.
    match PutBack::now() {
        Some(_back) => underpin_sql::read_each(texts, processors(), take),
        None => underpin_sql::read_each(texts, 1, take),
    }
}

/// Does something to each item, on as many threads as pay where a thread is worth so many items. Scanner and
/// parser may be used; the same holds for standard error as with [`read_each`].
pub fn on_each<T: Send>(all: &mut [T], worth_a_thread: usize, work: impl Fn(&mut T) + Sync) {
    let threads = processors().min(all.len() / worth_a_thread.max(1));
    let back = if threads > 1 { PutBack::now() } else { None };
    if back.is_none() {
        return all.iter_mut().for_each(work);
    }
    // Small shares, because one item may be as much as a thousand others.
    let share = (all.len() / threads / SHARES_A_THREAD).max(1);
    let shares = Mutex::new(all.chunks_mut(share));
    let next = || shares.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work_on = || {
        while let Some(share) = next() {
            share.iter_mut().for_each(&work);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work_on);
        }
        work_on();
    });
}

/// Does something on another thread, while whoever waits for it does the rest.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    ended(tokio::task::spawn_blocking(work)).await
}

/// What another thread has done.
pub(crate) async fn ended<T>(work: tokio::task::JoinHandle<T>) -> T {
    match work.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => unreachable!("nobody takes back what is waited for"),
        },
    }
}

/// A thread that got little comes back for more so often.
const SHARES_A_THREAD: usize = 16;

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Standard error as it was, which it is again when the last of these goes. What reads on a thread of its own, or
/// beside one that does, holds one from before the first of them begins.
#[derive(Debug)]
pub(crate) struct PutBack(());

/// How many there are, and standard error as it was before the first.
static HELD: Mutex<(usize, Option<OwnedFd>)> = Mutex::new((0, None));

impl PutBack {
    /// `None` when there is no second way to standard error.
    pub(crate) fn now() -> Option<Self> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 == 0 {
            held.1 = Some(std::io::stderr().as_fd().try_clone_to_owned().ok()?);
        }
        held.0 += 1;
        Some(Self(()))
    }
}

impl Drop for PutBack {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.0 -= 1;
        if held.0 == 0
            && let Some(back) = held.1.take()
        {
            // Fails for a file that is not open, and this one is.
            let _ = nix::unistd::dup2_stderr(&back);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn something_is_done_to_each_once() {
        for count in [0, 1, 7, 1_000] {
            let mut all: Vec<usize> = (0..count).collect();
            on_each(&mut all, 3, |one| *one += 1);
            assert!(all.into_iter().eq(1..=count));
        }
    }

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
