//! Tables: what `CREATE TABLE` says, and the options that change a table's description or its storage.

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use super::column::AddColumn;
use super::constraint::AddConstraint;

/// What `CREATE TABLE` does to tables other than the new one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateTable {
    /// The new table.
    pub table: RelationName,
    /// Tables that its foreign keys reference.
    pub references: Vec<RelationName>,
    /// The table that it becomes a partition of.
    pub partition_of: Option<RelationName>,
    /// The composite type whose columns it has (`OF`).
    pub of_type: Option<RelationName>,
    /// Tables that it inherits from.
    pub inherits: Vec<RelationName>,
    /// Tables that `LIKE` copies.
    pub like: Vec<RelationName>,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `PARTITION BY`.
    pub partitioned: bool,
    /// The columns of that, expressions left out.
    pub partition_key: Vec<Name>,
    /// `USING`: how its rows are stored.
    pub access_method: Option<Name>,
    /// `DEFAULT`: the partition of the rows that no other takes.
    pub default_partition: bool,
    /// How long its rows live.
    pub persistence: Persistence,
    /// Its columns in their order.
    pub columns: Vec<AddColumn>,
    /// The constraints that stand beside the columns, not with one of them.
    pub constraints: Vec<AddConstraint>,
}

/// How long the rows of a relation live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// For ever.
    #[default]
    Permanent,
    /// Until the next crash.
    Unlogged,
    /// Until the session ends, or the transaction.
    Temporary,
}

/// Where and how the rows of a table are to lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// `SET LOGGED`.
    Logged,
    /// `SET UNLOGGED`.
    Unlogged,
    /// `SET ACCESS METHOD`.
    AccessMethod(Name),
    /// `SET TABLESPACE`.
    Tablespace(Name),
}

/// A change of a table's description, by the lock that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableOption {
    /// Fill factor, autovacuum, parallel workers, options of a column: only other DDL and vacuum wait.
    Parameters,
    /// The statistics target of a column: the same, in every partition too.
    Statistics,
    /// `CLUSTER ON` an index: the same, on both.
    ClusterOn(Name),
    /// `OWNER TO`: the indexes and the sequences of its columns change hands too.
    Owner,
    /// `ENABLE` and `DISABLE ROW LEVEL SECURITY`.
    RowSecurity {
        /// On from then on.
        enabled: bool,
    },
    /// `FORCE` and `NO FORCE ROW LEVEL SECURITY`.
    ForceRowSecurity,
    /// `REPLICA IDENTITY`, by an index.
    ReplicaIdentity(Option<Name>),
    /// `SET STORAGE`, `SET COMPRESSION`: for later values.
    Storage,
    /// `OF`, `NOT OF`, `user_catalog_table`, options of a foreign table.
    Other,
}

/// How a partition is detached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Detach {
    /// In one step, under a lock that everybody waits for.
    AtOnce,
    /// `CONCURRENTLY` (PostgreSQL 14): in two transactions of its own.
    Concurrently,
    /// `FINALIZE`: the second of these, where it was interrupted.
    Finalize,
}
