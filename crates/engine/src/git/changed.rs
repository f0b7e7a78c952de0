//! Which files are new since a revision.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Commit, Repository};
use crate::Problem;

/// What is another on disk than in a commit, committed or not. A file is named by its path from the top; one that
/// was renamed is one that is gone and one that is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    top: PathBuf,
    /// Added or changed, those that Git does not know yet included.
    new: BTreeSet<String>,
    /// There in the commit, and gone or others now.
    not_kept: BTreeSet<String>,
}

impl Changes {
    /// Where the files are that were added or changed, those that Git does not know yet included.
    pub fn new_files(&self) -> impl Iterator<Item = PathBuf> {
        self.new.iter().map(|name| self.top.join(name))
    }

    /// Where the files are, or were, that the commit has and that are gone or others now.
    pub fn not_kept_files(&self) -> impl Iterator<Item = PathBuf> {
        self.not_kept.iter().map(|name| self.top.join(name))
    }

    /// Those of them in a folder, named from the top.
    pub(crate) fn not_kept_in(&self, folder: &str) -> BTreeSet<String> {
        let is_in = |name: &&String| Path::new(name.as_str()).starts_with(folder);
        self.not_kept.iter().filter(is_in).cloned().collect()
    }
}

impl Repository {
    /// What changed since the last commit that `HEAD` and `revision` have in common. What changed only on the other
    /// side is not among it.
    ///
    /// # Errors
    /// When there is no such revision, or the clone does not reach the common commit.
    pub fn changes_since(&self, revision: &str) -> Result<Changes, Problem> {
        let theirs = self.commit(revision)?;
        match self.merge_base(theirs.as_str())? {
            Some(base) => self.changes_from(&base),
            None => Err(self.nothing_in_common(revision)),
        }
    }

    /// What is another here than in a commit.
    ///
    /// # Errors
    /// When Git cannot compare.
    pub fn changes_from(&self, base: &Commit) -> Result<Changes, Problem> {
        let differing = ["diff", "--no-ext-diff", "--no-renames", "--name-status", "-z", base.as_str(), "--"];
        let differing = self.answered(&differing)?;
        let unknown = self.answered(&["ls-files", "--others", "--exclude-standard", "-z"])?;
        let mut changes = Changes {
            top: self.top.clone(),
            new: names(&unknown.stdout).collect(),
            not_kept: BTreeSet::new(),
        };
        let mut told = names(&differing.stdout);
        while let (Some(kind), Some(name)) = (told.next(), told.next()) {
            // Modified, deleted, of another type.
            if ["M", "D", "T"].contains(&kind.as_str()) {
                changes.not_kept.insert(name.clone());
            }
            if kind != "D" {
                changes.new.insert(name);
            }
        }
        Ok(changes)
    }

    /// The files of a folder that a commit has and that are gone or others now, by their paths from the top.
    ///
    /// # Errors
    /// When Git cannot compare.
    pub fn others_than(&self, commit: &Commit, folder: &str) -> Result<BTreeSet<String>, Problem> {
        let folder = if folder.is_empty() { "." } else { folder };
        let answer = self.answered(&[
            "--literal-pathspecs",
            "diff",
            "--no-ext-diff",
            "--no-renames",
            "--diff-filter=MDT",
            "--name-only",
            "-z",
            commit.as_str(),
            "--",
            folder,
        ])?;
        Ok(names(&answer.stdout).collect())
    }

    pub(crate) fn nothing_in_common(&self, revision: &str) -> Problem {
        let shallow = self.is_shallow().unwrap_or_default();
        let problem = Problem::new(format!("git finds no commit that HEAD and `{revision}` have in common"));
        if shallow {
            problem
                .hint("the clone is shallow: fetch the whole history (actions/checkout: fetch-depth: 0; else git fetch --unshallow)")
        } else {
            problem.hint("name a revision of the same history, such as the branch that this one goes to")
        }
    }
}

/// What Git lists with `-z`.
fn names(listing: &[u8]) -> impl Iterator<Item = String> {
    let names = listing.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned())
}
