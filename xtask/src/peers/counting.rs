//! Which rules count as a finding about availability: that somebody will wait for long, or that the
//! statement will fail. The one place where that is decided, for all and for us.
//!
//! What does not count: advice about timeouts, which fires on nearly every statement; style; data that is
//! lost; a running client that breaks; "cannot read this".

use std::collections::BTreeSet;

use super::said::{A_WAIT, Remark};

/// The rules of one linter.
pub(super) struct Rules {
    counting: &'static [&'static str],
    others: &'static [&'static str],
    /// The least severity that counts, from 0.
    severity: usize,
}

impl Rules {
    /// Whether the remark is a finding about availability.
    pub(super) fn count(&self, remark: &Remark) -> bool {
        remark.severity >= self.severity && self.counting.contains(&remark.rule.as_str())
    }

    /// Rules of which nothing is said here.
    pub(super) fn unknown<'a>(&self, said: &'a [Vec<Remark>]) -> BTreeSet<&'a str> {
        let rules = said.iter().flatten().map(|remark| remark.rule.as_str());
        rules.filter(|rule| !self.counting.contains(rule) && !self.others.contains(rule)).collect()
    }
}

pub(super) const SQUAWK: Rules = Rules {
    severity: 0,
    counting: &[
        "adding-field-with-default",
        "adding-foreign-key-constraint",
        "adding-not-nullable-field",
        "adding-required-field",
        "adding-serial-primary-key-field",
        "ban-alter-domain-with-add-constraint",
        "ban-concurrent-index-creation-in-transaction",
        "changing-column-type",
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "prefer-repack",
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
        "require-concurrent-partition-detach",
        "require-concurrent-reindex",
        "ban-truncate-cascade",
        "syntax-error",
    ],
    others: &[
        "ban-char-field",
        "ban-create-domain-with-constraint",
        "ban-drop-column",
        "ban-drop-database",
        "ban-drop-not-null",
        "ban-drop-table",
        "ban-uncommitted-transaction",
        "identifier-too-long",
        "prefer-bigint-over-int",
        "prefer-bigint-over-smallint",
        "prefer-identity",
        "prefer-robust-stmts",
        "prefer-text-field",
        "prefer-timestamp-tz",
        "renaming-column",
        "renaming-table",
        "require-enum-value-ordering",
        "require-lock-timeout",
        "require-statement-timeout",
        "require-timeout-settings",
        "transaction-nesting",
    ],
};

/// Risks are LOW, MEDIUM, HIGH and CRITICAL; what is LOW is advice.
pub(super) const PGFENCE: Rules = Rules {
    severity: 1,
    counting: &[
        "add-column-non-constant-default",
        "add-column-not-null-no-default",
        "add-column-serial",
        "add-column-stored-generated",
        "add-constraint-check-no-not-valid",
        "add-constraint-exclude",
        "add-constraint-fk-no-not-valid",
        "add-constraint-unique",
        "add-pk-without-using-index",
        "alter-column-set-not-null",
        "alter-column-type",
        "attach-partition",
        "concurrent-in-transaction",
        "create-index-not-concurrent",
        "create-trigger",
        "delete-without-where",
        "detach-partition",
        "drop-constraint",
        "drop-index-not-concurrent",
        "not-valid-validate-same-tx",
        "refresh-matview-blocking",
        "reindex-non-concurrent",
        "statement-after-access-exclusive",
        "update-in-migration",
        "vacuum-full",
        "validate-constraint",
        "truncate",
        "truncate-cascade",
    ],
    others: &[
        "add-column-constant-default",
        "add-column-json",
        "add-constraint-unique-using-index",
        "add-pk-using-index",
        "alter-enum-add-value",
        "drop-column",
        "drop-not-null",
        "drop-table",
        "missing-application-name",
        "missing-idle-timeout",
        "missing-lock-timeout",
        "missing-statement-timeout",
        "prefer-bigint-over-int",
        "prefer-robust-create-index",
        "prefer-robust-create-table",
        "prefer-robust-drop-index",
        "prefer-robust-drop-table",
        "prefer-text-field",
        "prefer-timestamptz",
        "refresh-matview-concurrent",
        "rename-column",
        "rename-table",
    ],
};

pub(super) const PRISMA_STRONG_MIGRATIONS: Rules = Rules {
    severity: 0,
    counting: &[
        "constraint-missing-not-valid",
        "no-add-not-null-column-without-default",
        "no-change-column-type",
        "no-data-manipulation",
        "no-set-not-null",
        "require-concurrent-index",
    ],
    others: &["no-drop-column", "no-drop-table", "no-rename-column", "no-rename-table", "parse-error"],
};

/// E9 is about timeouts, E3 and W12 to W15 are style.
pub(super) const EUGENE: Rules = Rules {
    severity: 0,
    counting: &["E1", "E2", "E4", "E5", "E6", "E7", "E8", "E10", "E11"],
    others: &["E3", "E9", "W12", "W13", "W14", "E15"],
};

/// Severities are info, caution, danger and blocker; a caution is about a short wait. Findings that tell how
/// long somebody waits count under whatever name, and by name those of statements that fail.
pub(super) const OURS: Rules = Rules {
    severity: 2,
    counting: &[
        A_WAIT,
        "concurrently-unsupported",
        "drop-blocked",
        "duplicate-object",
        "enum-value-used-early",
        "missing-object",
        "newer-syntax",
        "not-valid-unsupported",
        "pending-trigger-events",
        "refused-definition",
        "refused-in-transaction",
        "required-column-without-default",
        "syntax-error",
        "truncate",
        "type-change-blocked",
    ],
    others: &[
        "accepted-data-loss",
        "batch-fallback",
        "bulk-delete",
        "bulk-update",
        "cascade-deletes-rows",
        "cascade-drops-more",
        "cascade-empties-more",
        "change-type",
        "char-column",
        "column-becomes-optional",
        "column-becomes-required",
        "column-recreated",
        "data-loss",
        "data-may-refuse",
        "db-push-in-release",
        "default-dropped",
        "drift-by-hand",
        "drop-column",
        "drop-database",
        "drop-schema",
        "drop-table",
        "drop-type",
        "drop-unique",
        "duplicate-index",
        "enum-recreated",
        "expired-ignore",
        "foreign-key-without-index",
        "function-left-behind",
        "grant-to-public",
        "heavy-write",
        "index-build",
        "index-drop",
        "index-leftover",
        "integer-key",
        "json-column",
        "left-open-transaction",
        "lock-held-during-work",
        "lock-table",
        "locks-pile-up",
        "long-lock-timeout",
        "looks-like-a-rename",
        "lossy-cast",
        "malformed-ignore",
        "many-to-many-key",
        "migrate-at-start",
        "migrate-dev-in-release",
        "migrate-in-build",
        "missing-analyze",
        "money-column",
        "name-too-long",
        "new-check",
        "new-enum-value",
        "new-foreign-key",
        "new-unique",
        "not-atomic",
        "other-table-locked",
        "partition-detach",
        "protected-object-dropped",
        "rename-column",
        "rename-enum-value",
        "rename-schema",
        "rename-table",
        "rename-type",
        "reset-in-release",
        "rewrite",
        "row-security-without-policy",
        "security-definer-search-path",
        "setting-leaks",
        "setting-without-effect",
        "shadow-database-fails",
        "table-recreated",
        "table-scan",
        "table-without-primary-key",
        "timestamp-to-timestamptz",
        "timestamp-without-time-zone",
        "transaction-control",
        "unbounded-lock-wait",
        "unknown-effect",
        "unpinned-prisma",
        "unpopulated-view",
        "unused-ignore",
        "varchar-limit",
        "wide-index",
    ],
};
