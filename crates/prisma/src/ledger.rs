//! The ledger `_prisma_migrations`: its table, its rows, and what state a row says.
//!
//! The definition is the same for Prisma 5, 6 and 7. The name is not qualified: the table lives in
//! the first namespace of the search path, which the URL's `schema` sets. Tables with further
//! columns are fine, so every statement names its columns.

use jiff::Timestamp;

/// The ledger's name, as SQL writes it.
pub const TABLE: &str = "_prisma_migrations";

/// The statement that creates the ledger, with Prisma's definition.
pub const CREATE_TABLE: &str = "\
CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
);";

/// The ledger's columns, in the order of [`LIST`] and of the table.
pub const COLUMNS: [&str; 8] = [
    "id",
    "checksum",
    "finished_at",
    "migration_name",
    "logs",
    "rolled_back_at",
    "started_at",
    "applied_steps_count",
];

/// The statement that reads the ledger: the order decides which row of a name is the first.
pub const LIST: &str = "SELECT \"id\", \"checksum\", \"finished_at\", \"migration_name\", \"logs\", \
    \"rolled_back_at\", \"started_at\", \"applied_steps_count\" FROM \"_prisma_migrations\" \
    ORDER BY \"started_at\" ASC";

/// One row of the ledger. Rows are never deleted or used again: a migration that runs a second
/// time gets a second row of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// A version 4 UUID as text.
    pub id: String,
    /// What the script's checksum was when it started; 64 digits but for very old rows.
    pub checksum: String,
    /// When it was done, by the client's clock.
    pub finished_at: Option<Timestamp>,
    /// The migration folder's name.
    pub migration_name: String,
    /// The P3018 text of a failure; empty, not null, in rows that `resolve --applied` wrote.
    pub logs: Option<String>,
    /// When a person said that it was rolled back.
    pub rolled_back_at: Option<Timestamp>,
    /// When it began, by the client's clock.
    pub started_at: Timestamp,
    /// 1 for a script that ran, whatever the number of its statements; 0 before its end, after
    /// a failure, and in rows that `resolve --applied` wrote.
    pub applied_steps_count: i32,
}

/// What a row says about its migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// Done.
    Applied,
    /// Begun and not done: it failed, was killed, or is running now. The row alone cannot tell.
    Failed,
    /// Declared rolled back, done or not. `deploy` acts as if the row were not there.
    RolledBack,
}

impl LedgerRow {
    /// The state that the row's instants say.
    pub fn state(&self) -> RowState {
        match (self.rolled_back_at, self.finished_at) {
            (Some(_), _) => RowState::RolledBack,
            (None, Some(_)) => RowState::Applied,
            (None, None) => RowState::Failed,
        }
    }

    /// The row that Prisma inserts before it runs a script.
    pub fn started(id: String, migration_name: String, checksum: String, now: Timestamp) -> Self {
        Self {
            id,
            checksum,
            finished_at: None,
            migration_name,
            logs: None,
            rolled_back_at: None,
            started_at: now,
            applied_steps_count: 0,
        }
    }

    /// The row that `resolve --applied` inserts: begun and done at the same instant, no steps,
    /// empty logs.
    pub fn marked_applied(id: String, migration_name: String, checksum: String, now: Timestamp) -> Self {
        Self {
            finished_at: Some(now),
            logs: Some(String::new()),
            ..Self::started(id, migration_name, checksum, now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rolled_back_row_stays_so_even_when_it_finished() {
        let now = Timestamp::UNIX_EPOCH;
        let mut row = LedgerRow::started("id".into(), "name".into(), "checksum".into(), now);
        assert_eq!(row.state(), RowState::Failed);
        row.finished_at = Some(now);
        assert_eq!(row.state(), RowState::Applied);
        row.rolled_back_at = Some(now);
        assert_eq!(row.state(), RowState::RolledBack);
    }

    #[test]
    fn a_row_marked_applied_has_no_steps_and_empty_logs() {
        let row = LedgerRow::marked_applied("id".into(), "n".into(), "c".into(), Timestamp::UNIX_EPOCH);
        assert_eq!((row.state(), row.applied_steps_count), (RowState::Applied, 0));
        assert_eq!(row.logs.as_deref(), Some(""));
        assert_eq!(row.finished_at, Some(row.started_at));
    }

    #[test]
    fn the_statements_name_every_column() {
        for column in COLUMNS {
            assert!(LIST.contains(&format!("\"{column}\"")), "{column}");
            assert!(CREATE_TABLE.contains(&format!("\n    {column} ")), "{column}");
        }
    }
}
