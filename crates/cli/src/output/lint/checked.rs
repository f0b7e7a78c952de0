//! What `check` tells beside the findings: its parts, and what none of them could look at.

use serde::Serialize;
use underpin_core::check::{Outcome, PartReport, exit_code};

use super::facts::{clean, wrapped};
use super::tally::several;
use crate::output::protected::ProtectedTold;

/// The columns in front of what a part says: its mark and its name.
const INDENT: usize = "FAIL  replay  ".len();

/// Narrower columns of words cannot be read.
const WORDS_MIN: usize = 30;

/// A check.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    /// The branch that the change goes to; `None` when nobody knows it.
    pub(crate) base: Option<BaseTold>,
    /// The version of the throwaway server; `None` when there was none.
    pub(crate) server: Option<String>,
    pub(crate) parts: Vec<PartReport>,
    /// What a migration would say that brings the history to the Prisma schema.
    pub(crate) missing_sql: Option<String>,
    /// What the end of the history has and no schema can say.
    pub(crate) protected: Vec<ProtectedTold>,
}

/// That branch.
#[derive(Debug, Serialize)]
pub(crate) struct BaseTold {
    pub(crate) revision: String,
    /// The commit in common.
    pub(crate) commit: String,
}

impl Checked {
    pub(super) fn exit_code(&self) -> u8 {
        exit_code(&self.parts)
    }

    /// The parts that could not look.
    pub(super) fn not_checked(&self) -> impl Iterator<Item = &PartReport> {
        self.parts.iter().filter(|part| part.outcome == Outcome::NotChecked)
    }

    /// The last line: `check fails: base, replay; not checked: schema, down`.
    pub(super) fn verdict(&self) -> String {
        let names = |outcome: Outcome| {
            let of = self.parts.iter().filter(|part| part.outcome == outcome);
            of.map(|part| part.part.as_str()).collect::<Vec<_>>().join(", ")
        };
        let (failed, not_checked) = (names(Outcome::Failed), names(Outcome::NotChecked));
        match (failed.as_str(), not_checked.as_str()) {
            ("", "") => "check passes".to_owned(),
            ("", _) => format!("check is incomplete; not checked: {not_checked}"),
            (_, "") => format!("check fails: {failed}"),
            (_, _) => format!("check fails: {failed}; not checked: {not_checked}"),
        }
    }

    /// The parts as lines, a mark in front of each.
    pub(super) fn lines(&self, width: usize) -> String {
        let mut text = String::new();
        let room = width.saturating_sub(INDENT).max(WORDS_MIN);
        let below = format!("\n{}", " ".repeat(INDENT));
        for part in &self.parts {
            let words = wrapped(&clean(&sentence(part)), room).replace('\n', &below);
            text.push_str(&format!("{:<4}  {:<6}  {words}\n", mark(part.outcome), part.part.as_str()));
            for hint in &part.hints {
                let hint = wrapped(&clean(hint), room.saturating_sub(2)).replace('\n', &format!("{below}  "));
                text.push_str(&format!("{}- {hint}\n", " ".repeat(INDENT)));
            }
        }
        text
    }
}

/// What a part says in one sentence.
pub(super) fn sentence(part: &PartReport) -> String {
    let counted = || several(part.findings, "finding");
    match part.outcome {
        Outcome::NotChecked => format!("not checked: {}", part.about),
        Outcome::Failed | Outcome::Passed if part.findings > 0 => {
            let sentence = format!("{}; {}", part.about, counted());
            if part.outcome == Outcome::Passed { format!("{sentence}, none fails") } else { sentence }
        }
        Outcome::Failed | Outcome::Passed | Outcome::NothingToCheck | Outcome::LeftOut => part.about.clone(),
    }
}

pub(super) fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "ok",
        Outcome::Failed => "FAIL",
        Outcome::NothingToCheck | Outcome::LeftOut => "-",
        Outcome::NotChecked => "?",
    }
}
