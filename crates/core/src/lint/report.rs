//! What a lint run found, file by file and statement by statement, for every output.

use serde::{Deserialize, Serialize};

use super::finding::{Estimate, Finding, LockFact, Severity, Span};

/// The result of a lint run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The files that were asked for, in the order in which they are applied. Files of the history that
    /// only carry the state are not among them.
    pub files: Vec<FileReport>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// As it was given, with `/`.
    pub path: String,
    /// Its statements in order. Empty when the file is not SQL that PostgreSQL's grammar takes.
    pub statements: Vec<StatementReport>,
    /// What was found, in the order of their places. Suppressed ones are among them.
    pub findings: Vec<Finding>,
}

/// One statement, whether or not there is something to say about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementReport {
    /// Where it stands.
    pub span: Span,
    /// Its first words, for tables: `ALTER TABLE "User" ADD COLUMN`.
    pub title: String,
    /// The locks on relations that were there before, strongest first.
    pub locks: Vec<LockFact>,
    /// What it does while it holds them: `instant`, `scan`, `build`, `rewrite`, `waits`, `unknown`.
    pub work: String,
    /// How long that takes, when the work depends on the size of a table.
    pub estimate: Option<Estimate>,
    /// The transaction that it runs in, counted from 1 in the file. Statements with the same number
    /// share one.
    pub transaction: usize,
}

impl Report {
    /// The findings that count, of all files.
    pub fn counted(&self) -> impl Iterator<Item = &Finding> {
        self.files.iter().flat_map(|file| &file.findings).filter(|finding| finding.suppressed.is_none())
    }

    /// The worst severity that counts.
    pub fn worst(&self) -> Option<Severity> {
        self.counted().map(|finding| finding.severity).max()
    }
}
