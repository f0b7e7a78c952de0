//! What a running Prisma Client needs of the database, derived from its schema.
//!
//! The client names columns: it selects each scalar field by name, also when the application asks
//! for none in particular, and an `INSERT` or `UPDATE` ends in `RETURNING` all of them. Defaults that
//! the schema states as values, and those of `now()`, `uuid()`, `cuid()`, `ulid()`, `nanoid()` and
//! `@updatedAt`, are sent by the client, whatever the column's default is; those of
//! `autoincrement()`, `sequence()` and `dbgenerated()` are left to the database. Fields of
//! `Unsupported` types and ignored ones are never mentioned. All this is what Prisma Client 6.19 and
//! 7.10 send, seen in the statements that they log.
//!
//! What raw queries of the application need is not here.

mod column;
mod derive;
mod of_database;
mod relation;

use std::collections::BTreeMap;

use underpin_catalog::{Name, RelationName};

pub use column::{Column, ColumnType, ColumnUse, OnCreate};
pub(crate) use derive::{constraint_name, relation_name};
pub use relation::{ForeignKey, ManyToMany};

use crate::migrate::PrismaCatalog;
use crate::schema::{ModelKind, Schema};

/// What the client of one schema needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientContract {
    /// The namespace of what has no `@@schema`: `schema` in the connection's URL, else `public`.
    pub namespace: Name,
    /// The tables and views, also those that the client ignores.
    pub tables: BTreeMap<RelationName, Table>,
    /// The enums.
    pub enums: BTreeMap<RelationName, ClientEnum>,
    /// Whether the schema was read without an error. Where not, an answer "the client does not know it"
    /// may be wrong.
    pub is_whole: bool,
}

/// A table or a view that the schema speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name in the database, with the namespace.
    pub name: RelationName,
    /// What it is in the schema.
    pub origin: Origin,
    /// Whether the client leaves it out (`@@ignore`).
    pub is_ignored: bool,
    /// The columns, in order of the fields.
    pub columns: Vec<Column>,
    /// The keys by which the client finds single rows; its upserts say them as `ON CONFLICT`, which
    /// fails with 42P10 without a unique index.
    pub keys: Vec<Key>,
    /// The foreign keys of its relations; none with `relationMode = "prisma"`.
    pub foreign_keys: Vec<ForeignKey>,
}

/// What a table is in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A model or a view.
    Model {
        /// Which of the two; composite types have no table.
        kind: ModelKind,
        /// Its name in the schema.
        name: String,
    },
    /// The table behind an implicit many-to-many relation.
    ManyToMany(ManyToMany),
}

/// A primary key or a unique constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Which of the two.
    pub kind: KeyKind,
    /// The name of its constraint or index.
    pub name: Name,
    /// Its columns, in order.
    pub columns: Vec<Name>,
}

/// Which kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `@id`, `@@id`
    Primary,
    /// `@unique`, `@@unique`
    Unique,
}

/// An enum of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEnum {
    /// The type's name in the database, with the namespace. Statements that write a value cast to it.
    pub type_name: RelationName,
    /// Its name in the schema.
    pub name: String,
    /// The values. A row with another one is an error in the client that reads it.
    pub values: Vec<ClientEnumValue>,
}

/// A value of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEnumValue {
    /// Its name in the schema.
    pub name: String,
    /// What the database stores.
    pub stored: String,
}

/// How a row of the client comes to have no value in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap<'a> {
    /// The client does not know the column: its inserts leave it out.
    NotInSchema,
    /// `@ignore` or `Unsupported`: the client knows of it and leaves it out.
    LeftOut(FieldName<'a>),
    /// The field is required, and the schema leaves it to the column's default.
    LeftToDefault(FieldName<'a>),
    /// The field is optional, or a list without a default: the application may leave it out or, unless it
    /// is a list, write NULL in so many words, which no default of the database catches.
    Optional(FieldName<'a>),
}

/// A field, as people speak of it: `field fullName of model User`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldName<'a> {
    table: &'a Table,
    column: &'a Column,
}

impl ClientContract {
    /// The contract of a schema's client. `namespace` is where names without `@@schema` live.
    pub fn of(schema: &Schema, namespace: &Name) -> Self {
        derive::contract(schema, namespace)
    }

    /// The contract of a client that fits a database, where the schema of its release is not at hand: every
    /// table is a model, and every column a field that is read and written.
    pub fn of_database(database: &PrismaCatalog, namespace: &Name) -> Self {
        of_database::contract(database, namespace)
    }

    /// The table or view of a name; without a namespace, that of the connection. Also when it is ignored.
    pub fn table(&self, name: &RelationName) -> Option<&Table> {
        self.tables.get(&self.resolved(name))
    }

    /// The table or view, if the client has something to do with it.
    pub fn knows_table(&self, name: &RelationName) -> Option<&Table> {
        self.table(name).filter(|table| !table.is_ignored)
    }

    /// The field that the client reads from a column. Every column that the client knows is read by every
    /// query that does not `select`, so that without the column nearly all of them fail (42703).
    pub fn reads_column(&self, table: &RelationName, column: &Name) -> Option<FieldName<'_>> {
        let table = self.knows_table(table)?;
        let column = table.column(column).filter(|column| column.used == ColumnUse::Client)?;
        Some(FieldName { table, column })
    }

    /// The field that is marked in the schema as one that the client leaves out: `@ignore`, or a field
    /// of a model with `@@ignore`.
    pub fn ignores_column(&self, table: &RelationName, column: &Name) -> Option<FieldName<'_>> {
        let table = self.table(table)?;
        let column = table.column(column)?;
        let is_ignored = table.is_ignored || column.used == ColumnUse::Ignored;
        is_ignored.then_some(FieldName { table, column })
    }

    /// How the client can make a row without a value in a column; `None` when it makes no rows in the table,
    /// or none without a value there.
    pub fn writes_without(&self, table: &RelationName, column: &Name) -> Option<Gap<'_>> {
        let table = self.knows_table(table).filter(|table| table.is_written())?;
        let Some(column) = table.column(column) else { return Some(Gap::NotInSchema) };
        let field = FieldName { table, column };
        match column.used {
            ColumnUse::Ignored | ColumnUse::Unsupported => Some(Gap::LeftOut(field)),
            ColumnUse::Client if column.allows_null() => Some(Gap::Optional(field)),
            ColumnUse::Client => {
                (column.on_create == OnCreate::LeftToDatabase).then_some(Gap::LeftToDefault(field))
            }
        }
    }

    /// The enum of a type; without a namespace, in that of the connection.
    pub fn enum_of(&self, type_name: &RelationName) -> Option<&ClientEnum> {
        self.enums.get(&self.resolved(type_name))
    }

    /// The fields that the client reads or writes as an enum.
    pub fn fields_of_enum(&self, type_name: &RelationName) -> Vec<FieldName<'_>> {
        let wanted = self.resolved(type_name);
        let tables = self.tables.values().filter(|table| !table.is_ignored);
        let columns =
            tables.flat_map(|table| table.columns.iter().map(move |column| FieldName { table, column }));
        columns
            .filter(|field| {
                field.column.used == ColumnUse::Client
                    && matches!(&field.column.column_type, ColumnType::Enum(name) if *name == wanted)
            })
            .collect()
    }

    /// The tables whose client looks rows up by a key of exactly these columns, in any order.
    pub fn key_of(&self, table: &RelationName, columns: &[Name]) -> Option<&Key> {
        let table = self.knows_table(table)?;
        let is_same = |key: &&Key| {
            key.columns.len() == columns.len() && key.columns.iter().all(|column| columns.contains(column))
        };
        table.keys.iter().find(is_same)
    }

    fn resolved(&self, name: &RelationName) -> RelationName {
        let namespace = name.namespace.clone().unwrap_or_else(|| self.namespace.clone());
        RelationName { namespace: Some(namespace), name: name.name.clone() }
    }
}

impl Table {
    /// The column of a name.
    pub fn column(&self, name: &Name) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// Whether the client makes rows: not in views, and not where a field that it cannot write must have
    /// a value.
    pub fn is_written(&self) -> bool {
        let is_view = matches!(self.origin, Origin::Model { kind: ModelKind::View, .. });
        let unwritable = |column: &Column| {
            column.used == ColumnUse::Unsupported
                && !column.allows_null()
                && column.on_create != OnCreate::LeftToDatabase
        };
        !is_view && !self.is_ignored && !self.columns.iter().any(unwritable)
    }

    /// What it is, for a person: `model User`, `view Totals`, `the relation between A and B`.
    pub fn described(&self) -> String {
        match &self.origin {
            Origin::Model { kind: ModelKind::View, name } => format!("view {name}"),
            Origin::Model { kind: ModelKind::Model | ModelKind::CompositeType, name } => {
                format!("model {name}")
            }
            Origin::ManyToMany(relation) => relation.described(),
        }
    }
}

impl<'a> FieldName<'a> {
    /// The table.
    pub fn table(&self) -> &'a Table {
        self.table
    }

    /// The column, with what the client does with it.
    pub fn column(&self) -> &'a Column {
        self.column
    }
}

impl std::fmt::Display for Gap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotInSchema => f.write_str("its schema does not have the column"),
            Self::LeftOut(field) => write!(f, "{field} is left out of all its statements"),
            Self::LeftToDefault(field) => write!(f, "{field} is left to the column's default"),
            Self::Optional(field) => write!(f, "{field} may be without a value"),
        }
    }
}

impl std::fmt::Display for FieldName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.table.origin {
            Origin::Model { .. } => write!(f, "field {} of {}", self.column.field, self.table.described()),
            Origin::ManyToMany(relation) => f.write_str(&relation.described()),
        }
    }
}

#[cfg(test)]
mod tests;
