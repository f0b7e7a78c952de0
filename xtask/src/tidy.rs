//! `xtask tidy`: the rules of the house that the compiler cannot know.
//!
//! Each check is a function from text (or a listing) to offences, tested here without a file
//! system; this module reads the tree, once, and prints. It looks at what git knows: tracked files
//! and new ones that are not ignored.

mod documents;
mod edges;
mod layout;
mod sources;

use std::fmt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// A file of the tree; the path is relative to the workspace root, with `/`.
#[derive(Debug, Clone)]
struct File {
    path: String,
    text: String,
}

impl File {
    #[cfg(test)]
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// `catalog` of `crates/catalog/src/name.rs`, `xtask` of `xtask/src/main.rs`.
    fn krate(&self) -> Option<&str> {
        let mut parts = self.path.split('/');
        match parts.next()? {
            "crates" => parts.next(),
            "xtask" => Some("xtask"),
            _ => None,
        }
    }
}

/// A broken rule and where. Line 0 means the file as a whole.
#[derive(Debug, PartialEq, Eq)]
struct Offence {
    path: String,
    line: usize,
    what: String,
}

impl Offence {
    fn file(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 0, what: what.into() }
    }

    fn line(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Checks the tree below `root`, prints every offence, and fails when there is one. Notes (long
/// files) are printed and do not fail.
pub(crate) fn run(root: &Path) -> ExitCode {
    let files = match read_tree(root) {
        Ok(files) => files,
        Err(reason) => {
            eprintln!("tidy: {reason}");
            return ExitCode::from(2);
        }
    };
    for note in sources::length_notes(&files) {
        eprintln!("note: {note}");
    }
    let offences = judge(&files);
    for offence in &offences {
        eprintln!("{offence}");
    }
    if offences.is_empty() {
        eprintln!("tidy: {} files, nothing to mend", files.len());
        return ExitCode::SUCCESS;
    }
    eprintln!("tidy: {} to mend", offences.len());
    ExitCode::FAILURE
}

/// All checks, in the order of the tree.
fn judge(files: &[File]) -> Vec<Offence> {
    let mut offences = Vec::new();
    offences.extend(edges::check(files));
    offences.extend(layout::check(files));
    offences.extend(documents::check(files));
    offences.extend(sources::check(files));
    offences.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    offences
}

/// Every text file that git tracks or would add. Binary files have no text to check.
fn read_tree(root: &Path) -> Result<Vec<File>, String> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if !listing.status.success() {
        return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&listing.stderr).trim()));
    }
    let mut files = Vec::new();
    for path in String::from_utf8_lossy(&listing.stdout).split('\0').filter(|path| !path.is_empty()) {
        // A tracked file that is deleted but not yet committed is gone; so is a text in no encoding we read.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    Ok(files)
}
