//! Constraints: what they demand, of which columns, and when they are checked.

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use crate::bounds::Comparison;

/// What `ADD CONSTRAINT`, or a constraint beside a column, asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AddConstraint {
    /// The table.
    pub table: RelationName,
    /// The name, unless it was left to PostgreSQL.
    pub name: Option<Name>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// The columns that it names; for a check, those that it reads.
    pub columns: Vec<Name>,
    /// The columns of `INCLUDE`.
    pub including: Vec<Name>,
    /// `NOT VALID`: rows that are there are not looked at.
    pub not_valid: bool,
    /// `NOT ENFORCED` (PostgreSQL 18).
    pub not_enforced: bool,
    /// `USING INDEX`.
    pub using_index: Option<Name>,
    /// `NO INHERIT`: of this table alone.
    pub no_inherit: bool,
    /// When it is checked.
    pub deferral: Deferral,
    /// For a check: columns in which it lets no NULL pass, by a conjunct `column IS NOT NULL`.
    pub proves_not_null: Vec<Name>,
    /// For a check: what it demands of columns by comparing them with constants.
    pub compares: Vec<Comparison>,
}

/// When a constraint is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deferral {
    /// At the end of each statement.
    #[default]
    Never,
    /// The same, unless `SET CONSTRAINTS` says otherwise.
    Possible,
    /// At the end of the transaction (`INITIALLY DEFERRED`).
    Initially,
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// A condition on each row.
    Check,
    /// A row of another table.
    ForeignKey {
        /// That table.
        references: RelationName,
        /// The columns there; empty for its primary key.
        columns: Vec<Name>,
        /// What happens here when a row there is deleted.
        on_delete: OnDelete,
    },
    /// No two rows alike.
    Unique,
    /// The same, and never NULL.
    PrimaryKey,
    /// No two rows that overlap.
    Exclude,
    /// Never NULL, as a constraint with a name (PostgreSQL 18).
    NotNull,
}

/// What a foreign key does when a referenced row is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// Refuses it: `NO ACTION`, `RESTRICT`.
    #[default]
    Refuse,
    /// Deletes the rows that reference it.
    Cascade,
    /// `SET NULL`.
    SetNull,
    /// `SET DEFAULT`.
    SetDefault,
}
