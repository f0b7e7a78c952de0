//! A column as the client uses it.

use underpin_catalog::{Name, RelationName};

use crate::schema::{Arity, Scalar};

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the database.
    pub name: Name,
    /// The field's name in the schema.
    pub field: String,
    /// Whether the client mentions it.
    pub used: ColumnUse,
    /// What the field is one of, or several of.
    pub column_type: ColumnType,
    /// `VarChar(191)`, as `@db.` says it.
    pub native_type: Option<String>,
    /// Whether there may be none, or several.
    pub arity: Arity,
    /// Where the value of a new row comes from.
    pub on_create: OnCreate,
    /// `@updatedAt`: every update of a row writes it.
    pub is_touched: bool,
}

/// Whether the client mentions a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnUse {
    /// It reads it, and writes it as [`OnCreate`] says.
    Client,
    /// `@ignore`: never.
    Ignored,
    /// `Unsupported("…")`: never.
    Unsupported,
}

/// What a column's field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// A scalar.
    Scalar(Scalar),
    /// An enum, by its type's name in the database.
    Enum(RelationName),
    /// A type of the database, as the database writes it.
    Unsupported(String),
    /// The schema does not say: the type is in a part that could not be read.
    Unknown,
}

/// Where the value of a new row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnCreate {
    /// The application must give it.
    FromApplication,
    /// The application may give it; else the client sends the schema's default: a value, `now()`, `uuid()`,
    /// `cuid()`, `ulid()`, `nanoid()`, `@updatedAt`.
    FromClient,
    /// The application may give it; else the insert leaves it out, and the column's default
    /// (`autoincrement()`, `sequence()`, `dbgenerated()`) has to fill it.
    LeftToDatabase,
    /// The application may give it; else the insert leaves it out, and nothing fills it.
    Optional,
}

impl Column {
    /// Whether the application can write NULL, or leave NULL.
    pub fn allows_null(&self) -> bool {
        match self.arity {
            Arity::Required => false,
            Arity::Optional => true,
            // A list is never written as NULL, but it is left out when it has no default.
            Arity::List => self.on_create == OnCreate::Optional,
        }
    }
}
