//! The rules, a file for each, or for each family that shares its judgement.

mod breaks;
mod cascade_deletes_rows;
mod cascade_drops_more;
mod cascade_empties_more;
mod column_recreated;
mod data_loss;
mod enum_recreated;
mod failures;
mod function_left_behind;
mod hand_written;
mod index_drop;
mod index_leftover;
mod lock_held_during_work;
mod locks_pile_up;
mod long_names;
mod lossy_cast;
mod many_to_many_key;
mod old_readers;
mod old_writers;
mod opaque;
mod operations;
mod other_table_locked;
mod partition_detach;
mod prisma_sending;
mod quality;
mod schemas;
mod security;
mod settings;
mod table_recreated;
mod timestamp_to_timestamptz;
mod transactions;
mod unbounded_lock_wait;
mod unpopulated_view;
mod waits;

pub(crate) use self::lossy_cast::loss as cast_loss;
use super::case::Case;
use super::rule::{Group, Judge, Rule};
use underpin_sql::Effect;

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
    rule!("left-open-transaction", Failure, Blocker, Judge::File(transactions::left_open)),
    rule!("transaction-control", Failure, Danger, Judge::File(transactions::control)),
    rule!("name-too-long", Failure, Caution, Judge::Statement(long_names::judge)),
    // What breaks is told before what waits, which leaves out what was told.
    // Compatibility
    rule!("column-becomes-optional", Compatibility, Info, Judge::Part(old_readers::judge)),
    rule!("new-enum-value", Compatibility, Info, Judge::Run),
    rule!("column-becomes-required", Compatibility, Caution, Judge::Part(old_writers::judge)),
    rule!("default-dropped", Compatibility, Info, Judge::Run),
    rule!("new-check", Compatibility, Info, Judge::Run),
    rule!("new-foreign-key", Compatibility, Info, Judge::Run),
    rule!("new-unique", Compatibility, Info, Judge::Run),
    rule!("timestamp-to-timestamptz", Compatibility, Danger, Judge::Part(timestamp_to_timestamptz::judge)),
    rule!("function-left-behind", Compatibility, Caution, Judge::Part(function_left_behind::judge)),
    rule!("enum-recreated", Compatibility, Danger, Judge::Part(enum_recreated::judge)),
    rule!("change-type", Compatibility, Danger, Judge::Part(breaks::judge)),
    rule!("drop-column", Compatibility, Danger, Judge::Run),
    rule!("drop-table", Compatibility, Danger, Judge::Run),
    rule!("drop-type", Compatibility, Danger, Judge::Run),
    rule!("drop-unique", Compatibility, Danger, Judge::Run),
    rule!("rename-column", Compatibility, Danger, Judge::Run),
    rule!("rename-enum-value", Compatibility, Danger, Judge::Run),
    rule!("rename-table", Compatibility, Danger, Judge::Run),
    rule!("rename-type", Compatibility, Danger, Judge::Run),
    rule!("required-column-without-default", Compatibility, Blocker, Judge::Run),
    rule!("drop-schema", Compatibility, Danger, Judge::Statement(schemas::judge)),
    rule!("rename-schema", Compatibility, Danger, Judge::Run),
    rule!("unpopulated-view", Compatibility, Danger, Judge::Statement(unpopulated_view::judge)),
    rule!("column-recreated", Compatibility, Danger, Judge::Part(column_recreated::judge)),
    // Failure, behind what it would say again
    rule!("refused-in-transaction", Failure, Blocker, Judge::Statement(failures::judge)),
    rule!("concurrently-unsupported", Failure, Blocker, Judge::Run),
    rule!("data-may-refuse", Failure, Caution, Judge::Run),
    rule!("drop-blocked", Failure, Blocker, Judge::Run),
    rule!("duplicate-object", Failure, Blocker, Judge::Run),
    rule!("enum-value-used-early", Failure, Blocker, Judge::Run),
    rule!("missing-object", Failure, Blocker, Judge::Run),
    rule!("newer-syntax", Failure, Blocker, Judge::Run),
    rule!("not-valid-unsupported", Failure, Blocker, Judge::Run),
    rule!("pending-trigger-events", Failure, Blocker, Judge::Run),
    rule!("refused-definition", Failure, Blocker, Judge::Run),
    rule!("type-change-blocked", Failure, Blocker, Judge::Run),
    // Locks
    rule!("index-build", Locks, Danger, Judge::Part(waits::judge)),
    rule!("table-scan", Locks, Danger, Judge::Run),
    rule!("rewrite", Locks, Danger, Judge::Run),
    rule!("bulk-update", Locks, Danger, Judge::Run),
    rule!("bulk-delete", Locks, Danger, Judge::Run),
    rule!("lock-table", Locks, Danger, Judge::Run),
    rule!("index-drop", Locks, Caution, Judge::Part(index_drop::judge)),
    rule!("index-leftover", Locks, Caution, Judge::Part(index_leftover::judge)),
    rule!("lock-held-during-work", Locks, Danger, Judge::File(lock_held_during_work::judge)),
    rule!("locks-pile-up", Locks, Caution, Judge::File(locks_pile_up::judge)),
    rule!("long-lock-timeout", Locks, Caution, Judge::Once(settings::long_lock_timeout)),
    rule!("partition-detach", Locks, Caution, Judge::Statement(partition_detach::judge)),
    rule!("other-table-locked", Locks, Caution, Judge::Part(other_table_locked::judge)),
    rule!("setting-leaks", Locks, Caution, Judge::File(settings::leaks)),
    rule!("setting-without-effect", Locks, Danger, Judge::File(settings::without_effect)),
    rule!("unbounded-lock-wait", Locks, Caution, Judge::Once(unbounded_lock_wait::judge)),
    rule!("unknown-effect", Locks, Info, Judge::Part(opaque::judge)),
    // Prisma
    rule!("drift-by-hand", Prisma, Info, Judge::Part(hand_written::judge)),
    rule!("protected-object-dropped", Prisma, Caution, Judge::Run),
    rule!("shadow-database-fails", Prisma, Caution, Judge::Run),
    rule!("many-to-many-key", Prisma, Danger, Judge::Part(many_to_many_key::judge)),
    rule!("batch-fallback", Prisma, Info, Judge::File(prisma_sending::batch_fallback)),
    rule!("not-atomic", Prisma, Info, Judge::File(prisma_sending::not_atomic)),
    // Judged in `order`, by the names of the folder.
    rule!("out-of-order", Prisma, Caution, Judge::Run),
    rule!("same-timestamp", Prisma, Info, Judge::Run),
    // Data
    rule!("truncate", Data, Blocker, Judge::Run),
    rule!("drop-database", Data, Blocker, Judge::Run),
    rule!("cascade-empties-more", Data, Blocker, Judge::Statement(cascade_empties_more::judge)),
    rule!("cascade-deletes-rows", Data, Caution, Judge::Part(cascade_deletes_rows::judge)),
    rule!("looks-like-a-rename", Data, Caution, Judge::Run),
    rule!("table-recreated", Data, Caution, Judge::Part(table_recreated::judge)),
    rule!("lossy-cast", Data, Caution, Judge::Part(lossy_cast::judge)),
    rule!("data-loss", Data, Info, Judge::Part(data_loss::judge)),
    rule!("cascade-drops-more", Data, Danger, Judge::Statement(cascade_drops_more::judge)),
    // Repository, judged in `repository`: no statement is asked.
    rule!("accepted-data-loss", Repository, Blocker, Judge::Run),
    rule!("db-push-in-release", Repository, Danger, Judge::Run),
    rule!("migrate-at-start", Repository, Caution, Judge::Run),
    rule!("migrate-dev-in-release", Repository, Danger, Judge::Run),
    rule!("migrate-in-build", Repository, Danger, Judge::Run),
    rule!("reset-in-release", Repository, Blocker, Judge::Run),
    rule!("unpinned-prisma", Repository, Caution, Judge::Run),
    // History, judged in `check`: it takes a repository or a server.
    rule!("history-fails", History, Blocker, Judge::Run),
    rule!("migration-edited", History, Danger, Judge::Run),
    rule!("migration-removed", History, Danger, Judge::Run),
    rule!("provider-changed", History, Blocker, Judge::Run),
    rule!("schema-differs", History, Danger, Judge::Run),
    rule!("schema-unreadable", History, Blocker, Judge::Run),
    rule!("down-differs", History, Danger, Judge::Run),
    rule!("down-fails", History, Danger, Judge::Run),
    rule!("down-missing", History, Caution, Judge::Run),
    // Operations
    rule!("heavy-write", Operations, Caution, Judge::Part(operations::judge)),
    rule!("missing-analyze", Operations, Info, Judge::Run),
    // Security
    rule!("grant-to-public", Security, Caution, Judge::Part(security::judge)),
    rule!("row-security-without-policy", Security, Caution, Judge::Run),
    rule!("security-definer-search-path", Security, Caution, Judge::Run),
    // Quality
    rule!("char-column", Quality, Info, Judge::Part(quality::judge)),
    rule!("duplicate-index", Quality, Info, Judge::Run),
    rule!("foreign-key-without-index", Quality, Info, Judge::Run),
    rule!("integer-key", Quality, Info, Judge::Run),
    rule!("json-column", Quality, Info, Judge::Run),
    rule!("money-column", Quality, Info, Judge::Run),
    rule!("table-without-primary-key", Quality, Info, Judge::Run),
    rule!("timestamp-without-time-zone", Quality, Info, Judge::Run),
    rule!("varchar-limit", Quality, Info, Judge::Run),
    rule!("wide-index", Quality, Info, Judge::Run),
];

/// Whether the effect is part of something that another rule tells as the one thing that it is, so that those
/// who judge effects one by one leave it out.
fn is_told_as_one(case: &Case<'_>, effect: &Effect) -> bool {
    enum_recreated::covers(case, effect)
        || many_to_many_key::covers(case, effect)
        || timestamp_to_timestamptz::covers(case, effect)
}
