//! The rules, a file for each, or for each family that shares its judgement.

mod breaks;
mod index_drop;
mod index_leftover;
mod lock_held_during_work;
mod opaque;
mod other_table_locked;
mod prisma_sending;
mod settings;
mod unbounded_lock_wait;
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

/// All of them, by group.
pub(super) static ALL: &[Rule] = &[
    // Failure
    rule!("syntax-error", Failure, Blocker, Judge::Run),
    // What breaks is told before what waits, which leaves out what was told.
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
    // Locks
    rule!("index-build", Locks, Danger, Judge::Statement(waits::judge)),
    rule!("table-scan", Locks, Danger, Judge::Run),
    rule!("rewrite", Locks, Danger, Judge::Run),
    rule!("bulk-update", Locks, Danger, Judge::Run),
    rule!("bulk-delete", Locks, Danger, Judge::Run),
    rule!("lock-table", Locks, Danger, Judge::Run),
    rule!("index-drop", Locks, Caution, Judge::Statement(index_drop::judge)),
    rule!("index-leftover", Locks, Caution, Judge::Statement(index_leftover::judge)),
    rule!("lock-held-during-work", Locks, Danger, Judge::File(lock_held_during_work::judge)),
    rule!("long-lock-timeout", Locks, Caution, Judge::Statement(settings::long_lock_timeout)),
    rule!("other-table-locked", Locks, Caution, Judge::Statement(other_table_locked::judge)),
    rule!("setting-leaks", Locks, Caution, Judge::File(settings::leaks)),
    rule!("setting-without-effect", Locks, Danger, Judge::File(settings::without_effect)),
    rule!("unbounded-lock-wait", Locks, Caution, Judge::Statement(unbounded_lock_wait::judge)),
    rule!("unknown-effect", Locks, Info, Judge::Statement(opaque::judge)),
    // Prisma
    rule!("batch-fallback", Prisma, Info, Judge::File(prisma_sending::batch_fallback)),
    rule!("not-atomic", Prisma, Info, Judge::File(prisma_sending::not_atomic)),
    // Data
    rule!("truncate", Data, Blocker, Judge::Run),
    // Repository, judged in `repository`: no statement is asked.
    rule!("accepted-data-loss", Repository, Blocker, Judge::Run),
    rule!("db-push-in-release", Repository, Danger, Judge::Run),
    rule!("migrate-at-start", Repository, Caution, Judge::Run),
    rule!("migrate-dev-in-release", Repository, Danger, Judge::Run),
    rule!("migrate-in-build", Repository, Danger, Judge::Run),
    rule!("reset-in-release", Repository, Blocker, Judge::Run),
    rule!("unpinned-prisma", Repository, Caution, Judge::Run),
];
