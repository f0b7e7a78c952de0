//! Indexes: what `CREATE INDEX` says, what changes in one, and which are built anew.

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

/// What `CREATE INDEX` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateIndex {
    /// The table.
    pub table: RelationName,
    /// The name, unless it was left to PostgreSQL. An index lives in the namespace of its table.
    pub name: Option<Name>,
    /// `UNIQUE`.
    pub unique: bool,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `ON ONLY`: the parent of a partitioned index alone, which is empty.
    pub only: bool,
    /// The columns, `None` for an expression.
    pub columns: Vec<Option<Name>>,
    /// The columns of `INCLUDE`.
    pub including: Vec<Name>,
    /// It has a `WHERE`.
    pub partial: bool,
    /// Every column that it reads, in its keys, expressions and condition.
    pub reads: Vec<Name>,
    /// `btree`, `gin`, …
    pub method: String,
}

/// A change of an index's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexChange {
    /// `SET (…)`, `RESET (…)`, `ALTER COLUMN … SET STATISTICS`.
    Parameters,
    /// `ATTACH PARTITION`.
    Attach {
        /// The index of the partition.
        partition: RelationName,
    },
    /// `SET TABLESPACE`: writes the index anew.
    Tablespace,
}

/// What is built anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReindexTarget {
    /// One index.
    Index(RelationName),
    /// All indexes of a table.
    Table(RelationName),
    /// All of a namespace: never in a transaction.
    Schema(Name),
    /// All of the database: never in a transaction.
    Everything,
    /// Those of the system catalogs, which are small: never in a transaction.
    Catalogs,
}
