//! What a migration may lose or fail at, in Prisma's words: the comment at the head of a
//! `migration.sql` of `migrate dev`. Nobody looked into tables here, so that each sentence is the one
//! for a table that may have rows.

use std::fmt;

use underpin_catalog::Name;

use super::catalog::{Column, ColumnType, Table};
use super::step::{AlterTable, Cast, ColumnChange, IndexCause, Step, TableChange};

/// Something that a step may lose or fail at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss<'a> {
    /// A table goes.
    Table(&'a Table),
    /// A column goes.
    Column(&'a Table, &'a Column),
    /// Values are cast to a type that may not hold them.
    Cast(&'a Table, ColumnChange<'a>),
    /// A column is dropped and made again.
    RecreatedColumn(&'a Table, &'a Column),
    /// A primary key goes, perhaps for another.
    PrimaryKey(&'a Table),
    /// A unique index comes, and the rows may not be.
    Unique(&'a Table, &'a super::catalog::Index),
    /// Values of an enum go.
    EnumValues(&'a Name, &'a [&'a str]),
    /// A required column comes, and rows have no value for it.
    RequiredColumn(&'a Table, &'a Column),
    /// An optional column becomes required.
    MadeRequired(&'a Table, &'a Column),
    /// A column becomes a list.
    MadeList(&'a Table, &'a Column),
    /// A required column is dropped and made again without a default.
    RecreatedRequiredColumn(&'a Table, &'a Column),
}

impl Loss<'_> {
    /// Whether the step fails when there are rows, rather than losing them.
    pub fn is_unexecutable(&self) -> bool {
        matches!(
            self,
            Self::RequiredColumn(..)
                | Self::MadeRequired(..)
                | Self::MadeList(..)
                | Self::RecreatedRequiredColumn(..)
        )
    }
}

/// Everything that the steps may lose or fail at: first what is lost, then what fails, each in the
/// order of the steps.
pub(super) fn losses<'a>(steps: &'a [Step<'a>]) -> Vec<Loss<'a>> {
    let mut losses = Vec::new();
    for step in steps {
        match step {
            Step::AlterTable(alter) => of_table(alter, &mut losses),
            Step::DropTable(table) => losses.push(Loss::Table(table)),
            Step::CreateIndex { table, index, cause: IndexCause::NewIndex } if index.is_unique => {
                losses.push(Loss::Unique(table, index));
            }
            Step::AlterEnum(alter) if !alter.removed.is_empty() => {
                losses.push(Loss::EnumValues(&alter.after.name.name, &alter.removed));
            }
            _ => {}
        }
    }
    losses.sort_by_key(Loss::is_unexecutable);
    losses
}

fn of_table<'a>(alter: &'a AlterTable<'a>, losses: &mut Vec<Loss<'a>>) {
    let table = alter.before;
    for change in &alter.changes {
        match change {
            TableChange::DropPrimaryKey => losses.push(Loss::PrimaryKey(table)),
            TableChange::DropColumn(column) => losses.push(Loss::Column(table, column)),
            TableChange::AddColumn(column) => {
                if column.is_required() && column.default.is_none() {
                    losses.push(Loss::RequiredColumn(alter.after, column));
                }
            }
            TableChange::AlterColumn(change) => of_altered_column(table, change, losses),
            TableChange::RecreateColumn(change) => losses.push(of_recreated_column(table, change)),
            TableChange::RenamePrimaryKey | TableChange::AddPrimaryKey => {}
        }
    }
}

fn of_altered_column<'a>(table: &'a Table, change: &ColumnChange<'a>, losses: &mut Vec<Loss<'a>>) {
    let (before, after) = (change.before, change.after);
    if before.is_optional() && after.is_required() {
        losses.push(Loss::MadeRequired(table, before));
    }
    if !before.is_list() && after.is_list() {
        losses.push(Loss::MadeList(table, before));
    }
    if change.cast == Some(Cast::Risky) {
        losses.push(Loss::Cast(table, *change));
    }
}

fn of_recreated_column<'a>(table: &'a Table, change: &ColumnChange<'a>) -> Loss<'a> {
    let (before, after) = (change.before, change.after);
    match after.is_required() && after.default.is_none() {
        // As if the column were new, because nobody can have relied on its values.
        true if before.is_optional() => Loss::RequiredColumn(table, before),
        true => Loss::RecreatedRequiredColumn(table, before),
        false => Loss::RecreatedColumn(table, before),
    }
}

/// Prisma's sentence.
impl fmt::Display for Loss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = |table: &Table| table.name.name.as_str().to_owned();
        match self {
            Self::Table(table) => write!(
                f,
                "You are about to drop the `{}` table. If the table is not empty, all the data it contains will be lost.",
                t(table)
            ),
            Self::Column(table, column) => write!(
                f,
                "You are about to drop the column `{}` on the `{}` table. All the data in the column will be lost.",
                column.name.as_str(),
                t(table)
            ),
            Self::Cast(table, change) => write!(
                f,
                "You are about to alter the column `{}` on the `{}` table. The data in that column could be lost. The data in that column will be cast from `{}` to `{}`.",
                change.before.name.as_str(),
                t(table),
                type_name(change.before),
                type_name(change.after)
            ),
            Self::RecreatedColumn(table, column) => write!(
                f,
                "The `{}` column on the `{}` table would be dropped and recreated. This will lead to data loss if there is data in the column.",
                column.name.as_str(),
                t(table)
            ),
            Self::PrimaryKey(table) => write!(
                f,
                "The primary key for the `{}` table will be changed. If it partially fails, the table could be left without primary key constraint.",
                t(table)
            ),
            Self::Unique(table, index) => {
                let columns: Vec<&str> = index.column_names().map(Name::as_str).collect();
                write!(
                    f,
                    "A unique constraint covering the columns `[{}]` on the table `{}` will be added. If there are existing duplicate values, this will fail.",
                    columns.join(","),
                    t(table)
                )
            }
            Self::EnumValues(name, values) => write!(
                f,
                "The values [{}] on the enum `{}` will be removed. If these variants are still used in the database, this will fail.",
                values.join(","),
                name.as_str()
            ),
            Self::RequiredColumn(table, column) if column.is_filled_by_client => write!(
                f,
                "The required column `{}` was added to the `{}` table with a prisma-level default value. This is not possible if the table is not empty. Please add this column as optional, then populate it before making it required.",
                column.name.as_str(),
                t(table)
            ),
            Self::RequiredColumn(table, column) => write!(
                f,
                "Added the required column `{}` to the `{}` table without a default value. This is not possible if the table is not empty.",
                column.name.as_str(),
                t(table)
            ),
            Self::MadeRequired(table, column) => write!(
                f,
                "Made the column `{}` on table `{}` required. This step will fail if there are existing NULL values in that column.",
                column.name.as_str(),
                t(table)
            ),
            Self::MadeList(table, column) => write!(
                f,
                "Changed the column `{}` on the `{}` table from a scalar field to a list field. If there are non-null values in that column, this step will fail.",
                column.name.as_str(),
                t(table)
            ),
            Self::RecreatedRequiredColumn(table, column) => write!(
                f,
                "Changed the type of `{}` on the `{}` table. No cast exists, the column would be dropped and recreated, which cannot be done if there is data, since the column is required.",
                column.name.as_str(),
                t(table)
            ),
        }
    }
}

fn type_name(column: &Column) -> String {
    match &column.column_type {
        ColumnType::Native(native) => native.to_string(),
        ColumnType::Enum(name) => format!("Enum({})", name.name.as_str()),
        ColumnType::Unsupported(text) => format!("Unsupported({text:?})"),
        ColumnType::OfExtension { name, arguments } if arguments.is_empty() => name.clone(),
        ColumnType::OfExtension { name, arguments } => format!("{name}({})", arguments.join(",")),
    }
}
