//! `check`: what a pipeline asks of a change before it is merged, in parts that stand by themselves.
//!
//! Each part tells findings, as lint does, so that severities, reasons to ignore and every form of a report
//! hold for them too. What a part could not look at is said with the next step, and is never a pass: without
//! a finding that fails, the run is incomplete.

pub mod base;
pub mod down;
pub mod replay;
pub mod schema;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::exit;
use crate::lint::finding::{Finding, Severity};
use crate::lint::report::Report;
use crate::lint::{Group, rules};

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What databases have already stays as it is, and what is new comes behind it.
    Base,
    /// What is new, judged by lint.
    Lint,
    /// The history runs on an empty database.
    Replay,
    /// It ends in what the Prisma schema says.
    Schema,
    /// The last migrations can be taken back.
    Down,
}

/// What a part looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// At this, in a few words: `3 new migrations since origin/main (3f2a91c0d)`.
    At(String),
    /// There was nothing to look at, and that is all right; the reason.
    Nothing(String),
    /// It could not look.
    Not {
        /// Why, as half a sentence.
        why: String,
        /// What to do next.
        hints: Vec<String>,
    },
    /// Somebody left it out.
    LeftOut,
}

/// How a part came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing that fails was found.
    Passed,
    /// Something was found that fails.
    Failed,
    /// There was nothing to look at.
    NothingToCheck,
    /// It could not be looked at.
    NotChecked,
    /// Somebody left it out.
    LeftOut,
}

/// A part of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// Which.
    pub part: Part,
    /// How it came out.
    pub outcome: Outcome,
    /// What was looked at, or why it was not.
    pub about: String,
    /// What to do so that it is checked.
    pub hints: Vec<String>,
    /// The findings that count.
    pub findings: usize,
    /// Those of them that fail.
    pub failing: usize,
}

impl Part {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Base, Self::Lint, Self::Replay, Self::Schema, Self::Down];

    /// As it is written on the command line and in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Lint => "lint",
            Self::Replay => "replay",
            Self::Schema => "schema",
            Self::Down => "down",
        }
    }

    /// The part that tells a rule's findings.
    pub fn of_rule(rule: &str) -> Self {
        match rule {
            "out-of-order" | "same-timestamp" | "migration-edited" | "migration-removed"
            | "provider-changed" => Self::Base,
            "history-fails" => Self::Replay,
            "schema-differs" | "schema-unreadable" => Self::Schema,
            "down-missing" | "down-fails" | "down-differs" => Self::Down,
            _ => Self::Lint,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        Self::ALL.into_iter().find(|part| part.as_str() == text).ok_or_else(|| UnknownPart(text.to_owned()))
    }
}

/// Not a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no part called {0}; there are base, lint, replay, schema and down")]
pub struct UnknownPart(String);

/// The names of the rules that only `check` tells: elsewhere nobody knows whether they hold.
pub fn own_rules() -> impl Iterator<Item = &'static str> {
    rules().filter(|rule| rule.group == Group::History).map(|rule| rule.name())
}

/// The parts of a weighed report.
pub fn conclude(
    looked: impl IntoIterator<Item = (Part, Looked)>,
    report: &Report,
    fail_on: Severity,
) -> Vec<PartReport> {
    let mut parts: Vec<PartReport> = looked
        .into_iter()
        .map(|(part, looked)| {
            let of_part = |finding: &&Finding| Part::of_rule(&finding.rule) == part;
            let findings = report.counted().filter(of_part).count();
            let failing =
                report.counted().filter(of_part).filter(|finding| finding.severity >= fail_on).count();
            let (outcome, about, hints) = match looked {
                _ if failing > 0 => (Outcome::Failed, about(&looked), Vec::new()),
                Looked::At(_) => (Outcome::Passed, about(&looked), Vec::new()),
                Looked::Nothing(_) => (Outcome::NothingToCheck, about(&looked), Vec::new()),
                Looked::LeftOut => (Outcome::LeftOut, about(&looked), Vec::new()),
                Looked::Not { why, hints } => (Outcome::NotChecked, why, hints),
            };
            PartReport { part, outcome, about, hints, findings, failing }
        })
        .collect();
    parts.sort_by_key(|part| part.part);
    parts
}

fn about(looked: &Looked) -> String {
    match looked {
        Looked::At(what) => what.clone(),
        Looked::Nothing(why) | Looked::Not { why, .. } => why.clone(),
        Looked::LeftOut => "left out with --skip".to_owned(),
    }
}

/// 10 when something fails; 2 when nothing does and a part could not be looked at; else 0.
pub fn exit_code(parts: &[PartReport]) -> u8 {
    let any = |outcome: Outcome| parts.iter().any(|part| part.outcome == outcome);
    match (any(Outcome::Failed), any(Outcome::NotChecked)) {
        (true, _) => exit::FINDINGS,
        (false, true) => exit::COULD_NOT_RUN,
        (false, false) => exit::CLEAN,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::lint::report::FileReport;

    fn found(rule: &str, severity: Severity) -> Report {
        let finding = Finding::new(rule, severity, "a.sql", "…");
        Report {
            files: vec![FileReport {
                path: "a.sql".to_owned(),
                statements: Vec::new(),
                findings: vec![finding],
            }],
        }
    }

    fn outcomes(looked: Vec<(Part, Looked)>, report: &Report) -> (Vec<Outcome>, u8) {
        let parts = conclude(looked, report, Severity::Danger);
        (parts.iter().map(|part| part.outcome).collect(), exit_code(&parts))
    }

    #[test]
    fn what_was_not_looked_at_is_no_pass_and_a_finding_outweighs_it() {
        let at = |part| (part, Looked::At("all".to_owned()));
        let not = |part| (part, Looked::Not { why: "no server".to_owned(), hints: Vec::new() });
        let nothing = Report { files: Vec::new() };
        let left = (Part::Down, Looked::LeftOut);
        assert_eq!(
            outcomes(vec![at(Part::Lint), at(Part::Base), left.clone()], &nothing),
            (vec![Outcome::Passed, Outcome::Passed, Outcome::LeftOut], exit::CLEAN)
        );
        assert_eq!(
            outcomes(vec![at(Part::Base), not(Part::Replay)], &nothing),
            (vec![Outcome::Passed, Outcome::NotChecked], exit::COULD_NOT_RUN)
        );
        let edited = found("migration-edited", Severity::Danger);
        assert_eq!(
            outcomes(vec![at(Part::Base), not(Part::Replay)], &edited),
            (vec![Outcome::Failed, Outcome::NotChecked], exit::FINDINGS)
        );
        let mild = found("same-timestamp", Severity::Info);
        assert_eq!(outcomes(vec![at(Part::Base)], &mild), (vec![Outcome::Passed], exit::CLEAN));
    }

    #[test]
    fn every_rule_of_the_group_belongs_to_a_part_of_its_own() {
        for rule in own_rules() {
            assert_ne!(Part::of_rule(rule), Part::Lint, "{rule}");
        }
        assert_eq!(Part::of_rule("drop-table"), Part::Lint);
        for part in Part::ALL {
            assert_eq!(part.as_str().parse(), Ok(part));
        }
        assert!("all".parse::<Part>().is_err());
    }
}
