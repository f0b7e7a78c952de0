//! Columns: their types, where their values come from, and how that changes.

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use super::constraint::AddConstraint;

/// What `ADD COLUMN` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AddColumn {
    /// The table.
    pub table: RelationName,
    /// The new column.
    pub column: Name,
    /// Its type.
    pub to: TypeText,
    /// `NOT NULL`, also as part of `PRIMARY KEY`, identity or serial.
    pub not_null: bool,
    /// What the rows that are there get.
    pub default: ColumnDefault,
    /// Constraints written beside the column, other than `NOT NULL` and `DEFAULT`.
    pub constraints: Vec<AddConstraint>,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// The columns that its generation expression reads.
    pub reads: Vec<Name>,
    /// Sequences from which its default takes numbers.
    pub sequences: Vec<RelationName>,
}

/// Where the values of a new column come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnDefault {
    /// NULL.
    None,
    /// One value for all rows, kept in the catalog since PostgreSQL 11: constants and expressions
    /// without volatile functions, `now()` among them.
    Constant,
    /// A value for each row: a volatile function.
    Volatile,
    /// As volatile as these functions, which are not PostgreSQL's own.
    Calls(Vec<RelationName>),
    /// `serial`: a sequence of its own.
    Serial,
    /// `GENERATED … AS IDENTITY`.
    Identity,
    /// `GENERATED ALWAYS AS (…) STORED`.
    Stored,
    /// `GENERATED ALWAYS AS (…) VIRTUAL` (PostgreSQL 18).
    Virtual,
}

/// A type as the file spells it, and its name when it is not one of PostgreSQL's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeText {
    /// `character varying(20)`, `"Mood"[]`: normalised by the grammar, for people and comparison.
    pub text: String,
    /// The type, without array brackets and modifiers, when it is not built in.
    pub user_defined: Option<RelationName>,
}

impl TypeText {
    /// A column whose type the statement does not say.
    pub(crate) fn unknown() -> Self {
        Self { text: String::new(), user_defined: None }
    }
}

/// The `USING` clause of a type change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Using {
    /// No clause: the assignment cast.
    Absent,
    /// The column cast to the new type, which is the same.
    Cast,
    /// An expression of its own: always a rewrite.
    Expression,
}

/// What happens to the generation of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// `ADD GENERATED … AS IDENTITY`: makes a sequence.
    AddIdentity,
    /// `SET GENERATED`: when values may be given.
    SetIdentity,
    /// `RESTART`, and options of the sequence.
    RenumberIdentity,
    /// `DROP IDENTITY`: drops the sequence.
    DropIdentity,
    /// `DROP EXPRESSION`: an ordinary column from then on.
    DropExpression,
    /// `SET EXPRESSION`: computes every row anew (PostgreSQL 17).
    Expression,
}
