//! Which files are new since a revision.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Commit, Repository};
use crate::Problem;

impl Repository {
    /// The files that were added or changed since the last commit that `HEAD` and `revision` have in common,
    /// committed or not, those that Git does not know yet included. What changed only on the other side is not
    /// among them. A renamed file counts as added.
    ///
    /// # Errors
    /// When there is no such revision, or the clone does not reach the common commit.
    pub fn changed_since(&self, revision: &str) -> Result<BTreeSet<PathBuf>, Problem> {
        let theirs = self.commit(revision)?;
        let Some(base) = self.merge_base(theirs.as_str())? else {
            return Err(self.nothing_in_common(revision));
        };
        let mut changed = self.differing(&base, "--diff-filter=d")?;
        changed.extend(self.unknown_to_git()?);
        Ok(changed)
    }

    /// The files that were there in that commit and are gone or others now, renamed ones by their old name.
    ///
    /// # Errors
    /// As [`changed_since`](Self::changed_since).
    pub fn not_kept_since(&self, revision: &str) -> Result<BTreeSet<PathBuf>, Problem> {
        let theirs = self.commit(revision)?;
        let Some(base) = self.merge_base(theirs.as_str())? else {
            return Err(self.nothing_in_common(revision));
        };
        self.differing(&base, "--diff-filter=MDT")
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
        let names = answer.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// Files of these kinds of difference between a commit and the folder.
    fn differing(&self, base: &Commit, kinds: &str) -> Result<BTreeSet<PathBuf>, Problem> {
        let answer = self.answered(&[
            "diff",
            "--no-ext-diff",
            "--no-renames",
            kinds,
            "--name-only",
            "-z",
            base.as_str(),
            "--",
        ])?;
        Ok(self.paths(&answer.stdout))
    }

    fn unknown_to_git(&self) -> Result<BTreeSet<PathBuf>, Problem> {
        let answer = self.answered(&["ls-files", "--others", "--exclude-standard", "-z"])?;
        Ok(self.paths(&answer.stdout))
    }

    fn paths(&self, listing: &[u8]) -> BTreeSet<PathBuf> {
        let names = listing.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        names.map(|name| self.top.join(String::from_utf8_lossy(name).as_ref())).collect()
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
