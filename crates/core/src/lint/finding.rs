//! What lint tells: a finding, with the facts that it rests on.
//!
//! Severity says how bad it is if it is so, confidence says how sure we are that it is so. Both are
//! data: which of them fails a build is decided once, behind the rules.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use underpin_catalog::LockMode;
use underpin_sql::{Action, Step, Transaction};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nobody is hurt.
    Info,
    /// A short wait behind a lock without a limit, or something that can fail on some data.
    Caution,
    /// People wait for longer than the budget, or the running release breaks.
    Danger,
    /// It fails when it is deployed, or it loses data.
    Blocker,
}

/// How sure we are that it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The object, its size or its type is not known.
    Low,
    /// Rests on something that the history says and nobody looked up.
    Medium,
    /// Follows from the statements alone, or from what was looked up.
    High,
}

/// A place in a file. Lines and columns count from 1, columns in characters, as SARIF wants them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The bytes of the file.
    pub bytes: Range<usize>,
    /// Line of the first character.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Line of the character behind the last.
    pub end_line: u32,
    /// Column of the character behind the last.
    pub end_column: u32,
}

/// A lock that a statement takes, and whom it keeps waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockFact {
    /// The relation, as people write it.
    pub relation: String,
    /// The mode.
    pub mode: LockMode,
    /// Who waits.
    pub blocks: Blocks,
}

/// Who waits behind a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// No statement of an application: other DDL and vacuum at most.
    Maintenance,
    /// Writes.
    Writes,
    /// Reads and writes.
    ReadsAndWrites,
}

/// How long something takes: an interval, because nobody knows a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// On a quick machine with warm caches, milliseconds.
    pub least_ms: f64,
    /// On a loaded one, milliseconds.
    pub most_ms: f64,
    /// Where the numbers come from: `measured rates at 30,000,000 rows (statistics file)`.
    pub source: String,
}

/// What to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// In words.
    pub advice: String,
    /// The safe form as statements in order, when there is one.
    pub statements: Vec<FixStatement>,
}

/// A statement of the safe form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixStatement {
    /// Without a semicolon.
    pub sql: String,
    /// It must be the only statement of its file (`CONCURRENTLY`).
    pub alone: bool,
    /// It must be in a later file than the statement before it (`VALIDATE` behind `NOT VALID`).
    pub later: bool,
    /// Row by row along the primary key, a transaction for each part, which no file can say.
    pub in_batches: bool,
}

/// One thing that lint tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name: reads well after "ignore".
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are.
    pub confidence: Confidence,
    /// The file, as it was given, with `/`.
    pub path: String,
    /// Where; `None` when it concerns the file as a whole.
    pub span: Option<Span>,
    /// Which statement of the file, from 1.
    pub statement: Option<usize>,
    /// The object that it is about, as people write it.
    pub object: Option<String>,
    /// One sentence: what happens to whom.
    pub message: String,
    /// The locks that it is about.
    pub locks: Vec<LockFact>,
    /// How long somebody waits.
    pub estimate: Option<Estimate>,
    /// The error that PostgreSQL would answer.
    pub sqlstate: Option<String>,
    /// What was taken for granted, because nobody said.
    pub assumptions: Vec<String>,
    /// A read-only query that tells beforehand whether it happens: no row means it does not.
    pub check: Option<String>,
    /// What to do.
    pub fix: Option<Fix>,
    /// Stays the same when lines move: rule, file, statement text and object, hashed.
    pub fingerprint: String,
    /// Why it does not count, when somebody decided so.
    pub suppressed: Option<Suppression>,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Suppression {
    /// `-- underpin: ignore rule because …`
    Comment {
        /// The reason that was given.
        reason: String,
        /// The day on which it ends, `2027-01-31`.
        until: Option<String>,
    },
    /// It was there when the baseline was written.
    Baseline,
    /// `underpin.toml`.
    Settings {
        /// The reason that was given.
        reason: String,
    },
}

impl Finding {
    /// What is told of a file when nothing more is known: surely, of no statement, without a fix.
    pub fn new(
        rule: impl Into<String>,
        severity: Severity,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            rule: rule.into(),
            severity,
            confidence: Confidence::High,
            path: path.into(),
            span: None,
            statement: None,
            object: None,
            message: message.into(),
            locks: Vec::new(),
            estimate: None,
            sqlstate: None,
            assumptions: Vec::new(),
            check: None,
            fix: None,
            // Behind the rules, with everything else that names a finding.
            fingerprint: String::new(),
            suppressed: None,
        }
    }
}

impl Fix {
    /// In words alone.
    pub fn advice(advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), statements: Vec::new() }
    }
}

impl FixStatement {
    /// The steps of an online twin as statements for files. What must stand alone does; what holds a lock
    /// that the next one would prolong is followed by a new file.
    pub fn of(steps: &[Step]) -> Vec<Self> {
        let mut later = false;
        steps
            .iter()
            .map(|step| {
                let sql = match &step.action {
                    Action::Execute { sql } | Action::BuildIndex { sql, .. } => sql.as_str().to_owned(),
                    Action::Batches(batches) => batches.in_one().as_str().to_owned(),
                };
                let alone = step.transaction == Transaction::Alone;
                let in_batches = matches!(step.action, Action::Batches(_));
                let one = Self { sql, alone, later, in_batches };
                later = step.transaction != Transaction::Shared;
                one
            })
            .collect()
    }
}

impl LockFact {
    /// The fact of a lock on a relation, which stands there as people write it.
    pub fn new(relation: String, mode: LockMode) -> Self {
        Self { relation, mode, blocks: Blocks::of(mode) }
    }
}

impl Blocks {
    /// Who waits behind a mode.
    pub fn of(mode: LockMode) -> Self {
        if mode.conflicts_with(LockMode::AccessShare) {
            Self::ReadsAndWrites
        } else if mode.conflicts_with(LockMode::RowExclusive) {
            Self::Writes
        } else {
            Self::Maintenance
        }
    }
}

impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Maintenance => "nobody but vacuum and other DDL",
            Self::Writes => "writes",
            Self::ReadsAndWrites => "reads and writes",
        })
    }
}

impl Severity {
    /// All, least first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Caution, Self::Danger, Self::Blocker];

    /// As it is written in settings and outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Caution => "caution",
            Self::Danger => "danger",
            Self::Blocker => "blocker",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

/// Not a severity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no severity called {0}; there are info, caution, danger and blocker")]
pub struct UnknownSeverity(String);
