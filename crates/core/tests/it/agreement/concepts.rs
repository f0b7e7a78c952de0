//! Which of our rules speak of what the peers' cases are about.

use underpin_core::lint::finding::Severity;

use super::cases::Case;

/// What we have to say of a concept.
#[derive(Clone, Copy)]
pub(super) enum Ours {
    /// One of these rules, at least so loud.
    Rules { names: &'static [&'static str], least: Severity },
    /// Nothing.
    Nothing,
}

/// Concepts of the peers, and the rules of ours.
struct Row {
    concepts: &'static [&'static str],
    names: &'static [&'static str],
    least: Severity,
}

const fn row(concepts: &'static [&'static str], names: &'static [&'static str], least: Severity) -> Row {
    Row { concepts, names, least }
}

/// Work while others wait, whatever makes it. What is quick is a caution at most.
const WORK: &[&str] =
    &["index-build", "table-scan", "rewrite", "change-type", "enum-recreated", "many-to-many-key"];

/// The rules, by what the peers call it. Work and breaking are dangers; a lock for an instant is a caution; what
/// happens only if the next release does something is an info.
const ROWS: &[Row] = &[
    // Work under a lock.
    row(&["add-column-rewrite", "default-volatile"], &["rewrite"], Severity::Danger),
    row(
        &[
            "type-change-rewrite",
            "type-change-catalog-only",
            "alter_column",
            "prisma-enum-recreate",
            "vacuum-full-cluster",
        ],
        WORK,
        Severity::Danger,
    ),
    // A type change is a concept of its own.
    row(&["table-rewrite-under-lock"], &["rewrite", "lock-held-during-work"], Severity::Danger),
    row(&["fk-validate-blocking"], &["table-scan"], Severity::Danger),
    row(
        &[
            "constraint-validate-blocking",
            "set-not-null-scan",
            "onetoonefield_to_not_null",
            "make_column_not_null_with_django_default",
            "partition-attach",
        ],
        // A constraint that is validated while its own lock is kept scans as well.
        &["table-scan", "lock-held-during-work"],
        Severity::Danger,
    ),
    row(&["domain-constraint"], &["table-scan"], Severity::Danger),
    row(
        &[
            "index-create-blocking",
            "unique-build-blocking",
            "exclusion-build-blocking",
            "reindex-blocking",
            "reindex",
            "create_index_non_concurrently",
            "create_index_non_concurrently_with_table_creation",
        ],
        &["index-build"],
        Severity::Danger,
    ),
    row(&["pk-build-blocking", "pk-using-index-nullable"], WORK, Severity::Danger),
    row(&["matview-refresh-blocking"], &["rewrite", "unpopulated-view"], Severity::Danger),
    row(&["matview-refresh-concurrent"], &["table-scan"], Severity::Danger),
    row(
        &["lock-hold-accumulate", "not-valid-validate-same-tx"],
        &["lock-held-during-work"],
        Severity::Caution,
    ),
    row(&["wide-lock-window"], &["lock-held-during-work", "locks-pile-up"], Severity::Caution),
    row(&["dml-no-where"], &["bulk-update", "bulk-delete"], Severity::Danger),
    // Locks for an instant.
    row(&["index-drop-blocking"], &["index-drop"], Severity::Caution),
    row(
        &[
            "lock-timeout-missing",
            "trigger-create-lock",
            "trigger-toggle-lock",
            "brief-lock-only",
            "owner-change",
        ],
        &["unbounded-lock-wait"],
        Severity::Caution,
    ),
    row(&["partition-detach-blocking"], &["partition-detach"], Severity::Caution),
    row(&["lock-timeout-too-long"], &["long-lock-timeout"], Severity::Caution),
    row(&["partition-of-parent-ae-lock"], WORK, Severity::Danger),
    // What PostgreSQL refuses, and what it makes of a transaction.
    row(
        &[
            "nontx-statement-in-tx",
            "nontx-single-statement-ok",
            "any:create_index_exclusive_concurrently_no_lock",
        ],
        &["refused-in-transaction"],
        Severity::Blocker,
    ),
    row(&["enum-value-used-in-same-tx"], &["enum-value-used-early"], Severity::Caution),
    row(&["enum-add-value"], &["enum-value-used-early", "refused-in-transaction"], Severity::Caution),
    row(
        &["duplicate-column-assignment", "duplicate-index-column"],
        &["refused-definition"],
        Severity::Blocker,
    ),
    row(&["identifier-too-long"], &["name-too-long"], Severity::Caution),
    row(&["tx-nesting"], &["transaction-control", "left-open-transaction", "not-atomic"], Severity::Info),
    row(&["tx-uncommitted"], &["left-open-transaction"], Severity::Blocker),
    // What a running release does not survive.
    row(
        &["add-column-required-fails"],
        &["required-column-without-default", "column-recreated"],
        Severity::Blocker,
    ),
    row(&["drop-column-app-break"], &["drop-column", "column-recreated"], Severity::Danger),
    row(&["rename-disguised-as-drop-add"], &["looks-like-a-rename"], Severity::Caution),
    row(&["drop-table-app-break"], &["drop-table"], Severity::Danger),
    row(&["drop-schema"], &["drop-schema"], Severity::Caution),
    row(&["drop-database"], &["drop-database"], Severity::Blocker),
    row(&["rename-column-app-break"], &["rename-column"], Severity::Danger),
    row(&["rename-table-app-break"], &["rename-table"], Severity::Danger),
    row(&["rename-schema-app-break"], &["rename-schema"], Severity::Danger),
    row(&["drop-not-null-app-break"], &["column-becomes-optional"], Severity::Info),
    row(
        &["backward-compat"],
        &["drop-table", "drop-column", "rename-table", "rename-column", "change-type", "drop-schema"],
        Severity::Danger,
    ),
    row(&["create_unique_index_concurrently_where"], &["new-unique"], Severity::Info),
    row(&["rls-behaviour-change"], &["row-security-without-policy"], Severity::Caution),
    // Rows.
    row(&["truncate"], &["truncate"], Severity::Blocker),
    row(&["truncate-cascade"], &["cascade-empties-more"], Severity::Blocker),
    // The schema, for those who ask.
    row(&["fk-missing-index"], &["foreign-key-without-index"], Severity::Info),
    row(&["table-requires-pk"], &["table-without-primary-key"], Severity::Info),
    row(&["type-ban-char"], &["char-column"], Severity::Info),
    row(&["type-json-column"], &["json-column"], Severity::Info),
    row(&["type-prefer-text", "prefer-text-field"], &["varchar-limit"], Severity::Info),
    row(&["type-prefer-timestamptz", "prefer-timestamptz"], &["timestamp-without-time-zone"], Severity::Info),
    // Cases that must be free of all that is loud.
    row(
        &[
            "any:not_null_followed_by_default",
            "any:unique_together",
            "any:unique_index",
            "any:create_index_concurrently",
            "any:drop_index_concurrently",
            "any:create_index_exclusive_no_lock",
            "any:create_index_exclusive_with_prior_table_creation",
            "any:create_index_non_concurrently_with_table_creation",
            "do-block-analysed",
        ],
        LOUD,
        Severity::Danger,
    ),
];

/// Locks, breaking and failing.
const LOUD: &[&str] = &[
    "index-build",
    "table-scan",
    "rewrite",
    "change-type",
    "lock-held-during-work",
    "drop-column",
    "drop-table",
    "drop-unique",
    "rename-column",
    "rename-table",
    "required-column-without-default",
    "refused-in-transaction",
    "syntax-error",
];

/// Concepts of the peers that are none of ours, each with its reason.
const WITHOUT: &[(&str, &str)] = &[
    (
        "idempotent-statements",
        "a migration that Prisma has recorded is not run again, and IF NOT EXISTS hides what is there",
    ),
    (
        "merge-alter-table",
        "several ALTER TABLE of one transaction keep the same locks as one; what each of them scans is told of each",
    ),
    (
        "statement-timeout-missing",
        "a limit on how long a statement works ends a build that nobody waits for as well; the wait for a lock is what hurts",
    ),
    ("timeouts-missing", "asks for a limit on the statement as well, and for both where nobody waits"),
    ("idle-tx-timeout-missing", "a file is sent in one go, so its transaction is never idle"),
    ("missing-idle-timeout", "a file is sent in one go, so its transaction is never idle"),
    ("style-schema-qualified", "style"),
    ("style-drop-naming", "style"),
    ("style-no-fk", "a policy against foreign keys"),
    ("style-type-list", "a list of types that a team writes for itself"),
    ("type-prefer-identity", "SERIAL is what @default(autoincrement()) is"),
    (
        "type-prefer-bigint-smallint",
        "a small number is a choice; `integer-key` speaks of keys, which run out",
    ),
    ("prefer-bigint-over-int", "an integer is a choice; `integer-key` speaks of keys, which run out"),
    ("fk-cascade", "a policy; `cascade-deletes-rows` speaks of a foreign key that begins to delete"),
    ("enum-create", "a policy against enums"),
    (
        "dml-in-ddl-migration",
        "the peer expects a finding and none of the same statement, by what the change was declared to be",
    ),
    ("add-column-constant-default", "the peer notes that nothing happens"),
    ("validate-constraint", "the peer notes that nobody waits"),
    ("detach-partition-concurrent", "the peer notes that nobody waits"),
    ("add-column-default-pre-pg11", "PostgreSQL 11 had no fast defaults and is not supported"),
];

/// Rules of the peers that ask for something else than the concept does under which they stand.
const OTHERWISE: &[(&str, &str, &str)] = &[
    (
        "bytebase",
        "statement_non_transactional",
        "a statement that cannot be rolled back, also where it stands alone and works",
    ),
    (
        "squawk",
        "ban-create-domain-with-constraint",
        "a policy against such domains; making one locks nothing",
    ),
    ("squawk", "prefer-repack", "recommends a command of PostgreSQL 19"),
];

/// What we have for a case's concept.
///
/// # Panics
/// When nobody has said.
pub(super) fn of(case: &Case) -> Ours {
    let otherwise = |(source, rule, _): &&(&str, &str, &str)| *source == case.source && *rule == case.rule;
    if case.major.is_none() || !case.is_sql || OTHERWISE.iter().any(|row| otherwise(&row)) {
        return Ours::Nothing;
    }
    let mut rows = ROWS.iter().filter(|row| row.concepts.contains(&case.concept.as_str()));
    match rows.next() {
        Some(row) => Ours::Rules { names: row.names, least: row.least },
        None => {
            let reason = WITHOUT.iter().find(|(concept, _)| *concept == case.concept);
            assert!(reason.is_some(), "{} is about {}, which is in no table", case.id, case.concept);
            Ours::Nothing
        }
    }
}
