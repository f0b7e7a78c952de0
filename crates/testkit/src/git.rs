//! A Git repository in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A Git repository in a temporary folder, gone when dropped. Nobody's own configuration decides about it.
#[derive(Debug)]
pub struct GitFolder(TempDir);

impl GitFolder {
    /// An empty one on branch `main`.
    pub fn new() -> Self {
        let folder = Self::without_git();
        git(&folder.path(), &["init", "--quiet", "--initial-branch=main"]);
        folder
    }

    /// The folder before there is a repository in it, to clone into.
    pub fn without_git() -> Self {
        let folder = tempfile::Builder::new().prefix("underpin-git-").tempdir();
        Self(folder.unwrap_or_else(|error| panic!("no temporary folder: {error}")))
    }

    /// Where it is, without links, as Git tells it.
    pub fn path(&self) -> PathBuf {
        let path = self.0.path().canonicalize();
        path.unwrap_or_else(|error| panic!("{} is gone: {error}", self.0.path().display()))
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        let folder = path.parent().unwrap_or(&path);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        let path = self.path().join(path);
        fs::remove_file(&path).unwrap_or_else(|error| panic!("cannot remove {}: {error}", path.display()));
    }

    /// `git ARGUMENTS` at its top.
    pub fn git(&self, arguments: &[&str]) {
        git(&self.path(), arguments);
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        commit(&self.path(), message);
    }
}

impl Default for GitFolder {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes a folder a repository on branch `main`, with everything in it committed.
pub fn committed(folder: &Path) {
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    commit(folder, "first");
}

fn commit(folder: &Path, message: &str) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", message]);
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    let identity =
        ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    command.args(identity).args(arguments).current_dir(folder);
    let output = command.output().unwrap_or_else(|error| panic!("cannot run git: {error}"));
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
