//! Rows: which of them a statement reaches.

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

/// Rows that an `UPDATE` or `DELETE` changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangeRows {
    /// The table.
    pub table: RelationName,
    /// The columns that are set; none for `DELETE`.
    pub columns: Vec<Name>,
    /// Which rows.
    pub rows: Rows,
    /// Other tables that it reads.
    pub reads: Vec<RelationName>,
}

/// Which rows a condition can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// No `WHERE`.
    All,
    /// A `WHERE` that PostgreSQL can only answer by looking.
    Filtered,
    /// `WHERE` that holds these columns to constants: as few rows as they have if they are a key.
    Constants(Vec<Name>),
}
