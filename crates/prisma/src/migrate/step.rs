//! The steps from one database to another, as Prisma Migrate takes them. Each becomes a paragraph
//! of the script.

use super::catalog::{Column, Enum, Extension, ForeignKey, Index, Table};
use underpin_catalog::{Name, RelationName};

/// A step. What it is about is borrowed from the two catalogs.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<'a> {
    /// `CREATE SCHEMA`
    CreateNamespace(&'a Name),
    /// `DROP EXTENSION`
    DropExtension(&'a Extension),
    /// `CREATE EXTENSION`
    CreateExtension(&'a Extension),
    /// `ALTER EXTENSION`, of one that can move.
    AlterExtension {
        /// As it is.
        before: &'a Extension,
        /// As it shall be.
        after: &'a Extension,
    },
    /// `CREATE TYPE`
    CreateEnum(&'a Enum),
    /// New values, or a new type in the place of the old.
    AlterEnum(AlterEnum<'a>),
    /// `ALTER TABLE … DROP CONSTRAINT`
    DropForeignKey {
        /// The table.
        table: &'a Table,
        /// The foreign key.
        key: &'a ForeignKey,
    },
    /// `DROP INDEX`
    DropIndex {
        /// The table.
        table: &'a Table,
        /// The index.
        index: &'a Index,
    },
    /// `ALTER TABLE` with one clause or more.
    AlterTable(AlterTable<'a>),
    /// `DROP TABLE`
    DropTable(&'a Table),
    /// `DROP TYPE`
    DropEnum(&'a Enum),
    /// `CREATE TABLE`
    CreateTable(&'a Table),
    /// `CREATE INDEX`
    CreateIndex {
        /// The table.
        table: &'a Table,
        /// The index.
        index: &'a Index,
        /// Why it is made.
        cause: IndexCause,
    },
    /// `ALTER TABLE … RENAME CONSTRAINT`
    RenameForeignKey {
        /// The table as it is.
        table: &'a Table,
        /// The foreign key as it is.
        before: &'a ForeignKey,
        /// The foreign key as it shall be.
        after: &'a ForeignKey,
    },
    /// `ALTER TABLE … ADD CONSTRAINT`
    AddForeignKey {
        /// The table.
        table: &'a Table,
        /// The foreign key.
        key: &'a ForeignKey,
    },
    /// `ALTER INDEX … RENAME`
    RenameIndex {
        /// The table as it is.
        table: &'a Table,
        /// The index as it is.
        before: &'a Index,
        /// The index as it shall be.
        after: &'a Index,
    },
}

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Namespaces and extensions.
    Database,
    /// An enum.
    Enum(&'a RelationName),
    /// A table, with its indexes and foreign keys.
    Table(&'a RelationName),
}

/// Why an index is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexCause {
    /// Its table is new.
    NewTable,
    /// The schema has it, the database does not.
    NewIndex,
    /// One of its columns is dropped and made again, and the index goes with it.
    RecreatedColumn,
}

/// A change of an enum's values.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterEnum<'a> {
    /// As it is.
    pub before: &'a Enum,
    /// As it shall be.
    pub after: &'a Enum,
    /// The values that come, in their order.
    pub added: Vec<&'a str>,
    /// The values that go, in their order. With any, the type is made anew.
    pub removed: Vec<&'a str>,
    /// The columns whose default stands in the way of a new type.
    pub defaults: Vec<DefaultOfEnum<'a>>,
}

/// A column of an enum with a default.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultOfEnum<'a> {
    /// The table as it is.
    pub table: &'a Table,
    /// The column as it is.
    pub column: &'a Column,
    /// The column as it shall be, where it is still one of the enum with a default.
    pub after: Option<&'a Column>,
}

/// Changes of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterTable<'a> {
    /// As it is.
    pub before: &'a Table,
    /// As it shall be.
    pub after: &'a Table,
    /// The changes, in order.
    pub changes: Vec<TableChange<'a>>,
}

/// A change of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum TableChange<'a> {
    /// The primary key goes.
    DropPrimaryKey,
    /// The primary key gets another name.
    RenamePrimaryKey,
    /// A column goes.
    DropColumn(&'a Column),
    /// A column comes.
    AddColumn(&'a Column),
    /// A column changes.
    AlterColumn(ColumnChange<'a>),
    /// A column is dropped and made again, because nothing casts its values.
    RecreateColumn(ColumnChange<'a>),
    /// A primary key comes.
    AddPrimaryKey,
}

/// What differs in a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnChange<'a> {
    /// As it is.
    pub before: &'a Column,
    /// As it shall be.
    pub after: &'a Column,
    /// Whether it becomes required, optional or a list.
    pub has_other_arity: bool,
    /// Whether its default changes.
    pub has_other_default: bool,
    /// How its values get their new type, if it has one.
    pub cast: Option<Cast>,
    /// Whether it becomes autoincrementing, or is so no longer.
    pub has_other_autoincrement: bool,
}

/// How values get a new type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cast {
    /// Every value fits.
    Safe,
    /// Some values may not fit.
    Risky,
    /// PostgreSQL has no such cast.
    Impossible,
}

impl<'a> Step<'a> {
    /// What it is about.
    pub fn subject(&self) -> Subject<'a> {
        match self {
            Self::CreateNamespace(_)
            | Self::DropExtension(_)
            | Self::CreateExtension(_)
            | Self::AlterExtension { .. } => Subject::Database,
            Self::CreateEnum(found) | Self::DropEnum(found) => Subject::Enum(&found.name),
            Self::AlterEnum(alter) => Subject::Enum(&alter.before.name),
            Self::AlterTable(alter) => Subject::Table(&alter.before.name),
            Self::DropTable(table)
            | Self::CreateTable(table)
            | Self::DropForeignKey { table, .. }
            | Self::DropIndex { table, .. }
            | Self::CreateIndex { table, .. }
            | Self::RenameForeignKey { table, .. }
            | Self::AddForeignKey { table, .. }
            | Self::RenameIndex { table, .. } => Subject::Table(&table.name),
        }
    }

    /// The word that Prisma writes above the step's statements.
    pub fn title(&self) -> &'static str {
        match self {
            Self::CreateNamespace(_) => "CreateSchema",
            Self::DropExtension(_) => "DropExtension",
            Self::CreateExtension(_) => "CreateExtension",
            Self::AlterExtension { .. } => "AlterExtension",
            Self::CreateEnum(_) => "CreateEnum",
            Self::AlterEnum(_) => "AlterEnum",
            Self::DropForeignKey { .. } => "DropForeignKey",
            Self::DropIndex { .. } => "DropIndex",
            Self::AlterTable(_) => "AlterTable",
            Self::DropTable(_) => "DropTable",
            Self::DropEnum(_) => "DropEnum",
            Self::CreateTable(_) => "CreateTable",
            Self::CreateIndex { .. } => "CreateIndex",
            Self::RenameForeignKey { .. } => "RenameForeignKey",
            Self::AddForeignKey { .. } => "AddForeignKey",
            Self::RenameIndex { .. } => "RenameIndex",
        }
    }
}

impl ColumnChange<'_> {
    /// Whether anything differs.
    pub fn is_any(&self) -> bool {
        self.has_other_arity || self.has_other_default || self.cast.is_some() || self.has_other_autoincrement
    }
}
