//! The rules, a file for each, or for each family that shares its judgement.

mod breaks;
mod waits;

use super::rule::{Group, Judge, Rule};

/// A rule whose page is `rules/NAME.md`.
macro_rules! rule {
    ($name:literal, $group:ident, $severity:ident, $judge:expr) => {
        Rule {
            page: crate::lint::page::RulePage {
                name: $name,
                severity: crate::lint::finding::Severity::$severity,
                text: include_str!(concat!("../../rules/", $name, ".md")),
            },
            group: Group::$group,
            judge: $judge,
        }
    };
}

/// All of them, by group and name.
pub(super) static ALL: &[Rule] = &[
    // Failure
    rule!("syntax-error", Failure, Blocker, Judge::Run),
    // Locks
    rule!("index-build", Locks, Danger, Judge::Statement(waits::judge)),
    rule!("table-scan", Locks, Danger, Judge::Run),
    rule!("rewrite", Locks, Danger, Judge::Run),
    rule!("bulk-update", Locks, Danger, Judge::Run),
    rule!("bulk-delete", Locks, Danger, Judge::Run),
    rule!("lock-table", Locks, Danger, Judge::Run),
    // Compatibility
    rule!("change-type", Compatibility, Danger, Judge::Statement(breaks::judge)),
    rule!("drop-column", Compatibility, Danger, Judge::Run),
    rule!("drop-table", Compatibility, Danger, Judge::Run),
    rule!("drop-type", Compatibility, Danger, Judge::Run),
    rule!("drop-unique", Compatibility, Danger, Judge::Run),
    rule!("rename-column", Compatibility, Danger, Judge::Run),
    rule!("rename-enum-value", Compatibility, Danger, Judge::Run),
    rule!("rename-table", Compatibility, Danger, Judge::Run),
    rule!("rename-type", Compatibility, Danger, Judge::Run),
    rule!("required-column-without-default", Compatibility, Blocker, Judge::Run),
    // Data
    rule!("truncate", Data, Blocker, Judge::Run),
];
