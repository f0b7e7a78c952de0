//! Steps in words, with types and defaults as they are in the script.

use underpin_catalog::Name;

use super::Renderer;
use super::column::expression;
use crate::migrate::catalog::{Column, Extension, ForeignKey, Index, PrimaryKey, Table};
use crate::migrate::change::Change;
use crate::migrate::step::{AlterEnum, AlterTable, ColumnChange, Step, TableChange};
use crate::schema::Arity;

impl Renderer<'_> {
    pub(in crate::migrate) fn words(self, step: &Step<'_>) -> Vec<Change> {
        let one = match step {
            Step::CreateNamespace(name) => Change::comes("namespace", name.as_str(), ""),
            Step::DropExtension(found) => Change::goes("extension", found.name.as_str(), ""),
            Step::CreateExtension(found) => Change::comes("extension", found.name.as_str(), version(found)),
            Step::AlterExtension { before, after } => {
                Change::changes("extension", before.name.as_str(), version(after))
            }
            Step::CreateEnum(found) => {
                Change::comes("enum", found.name.name.as_str(), found.values.join(", "))
            }
            Step::DropEnum(found) => Change::goes("enum", found.name.name.as_str(), found.values.join(", ")),
            Step::AlterEnum(alter) => Change::changes("enum", alter.before.name.name.as_str(), values(alter)),
            Step::DropForeignKey { key, .. } => Change::goes("foreign key", key.name.as_str(), leads(key)),
            Step::AddForeignKey { key, .. } => Change::comes("foreign key", key.name.as_str(), leads(key)),
            Step::RenameForeignKey { before, after, .. } => {
                Change::changes("foreign key", before.name.as_str(), called(&after.name))
            }
            Step::DropIndex { index, .. } => {
                Change::goes(kind(index), index.name.as_str(), on(index.column_names()))
            }
            Step::CreateIndex { index, .. } => {
                Change::comes(kind(index), index.name.as_str(), on(index.column_names()))
            }
            Step::RenameIndex { before, after, .. } => {
                Change::changes(kind(before), before.name.as_str(), called(&after.name))
            }
            Step::DropTable(table) => Change::goes("table", table.name.name.as_str(), columns(table)),
            Step::CreateTable(table) => Change::comes("table", table.name.name.as_str(), columns(table)),
            Step::AlterTable(alter) => {
                return alter.changes.iter().filter_map(|change| self.of_table(alter, change)).collect();
            }
        };
        vec![one]
    }

    fn of_table(self, alter: &AlterTable<'_>, change: &TableChange<'_>) -> Option<Change> {
        let (before, after) = (alter.before.primary_key.as_ref(), alter.after.primary_key.as_ref());
        let key = |key: &PrimaryKey, make: fn(&'static str, &str, String) -> Change| {
            make("primary key", key.name.as_str(), on(&key.columns))
        };
        Some(match change {
            TableChange::DropPrimaryKey => key(before?, Change::goes),
            TableChange::AddPrimaryKey => key(after?, Change::comes),
            TableChange::RenamePrimaryKey => {
                Change::changes("primary key", before?.name.as_str(), called(&after?.name))
            }
            TableChange::DropColumn(column) => {
                Change::goes("column", column.name.as_str(), self.definition(column))
            }
            TableChange::AddColumn(column) => {
                Change::comes("column", column.name.as_str(), self.definition(column))
            }
            TableChange::AlterColumn(change) => {
                Change::changes("column", change.before.name.as_str(), self.altered(change))
            }
            TableChange::RecreateColumn(change) => Change::changes(
                "column",
                change.before.name.as_str(),
                format!(
                    "dropped and made again as {}, because nothing casts {} to it",
                    self.definition(change.after),
                    self.column_type(change.before)
                ),
            ),
        })
    }

    /// What stands behind a column's name in SQL.
    fn definition(self, column: &Column) -> String {
        let line = self.column(column);
        let name = format!("    \"{}\" ", column.name.as_str());
        line.strip_prefix(&name).unwrap_or(&line).to_owned()
    }

    fn altered(self, change: &ColumnChange<'_>) -> String {
        let (before, after) = (change.before, change.after);
        let mut parts = Vec::new();
        let is_other_list = before.is_list() != after.is_list();
        if change.cast.is_some() || change.has_other_arity && is_other_list {
            parts.push(format!("{} becomes {}", self.column_type(before), self.column_type(after)));
        }
        if change.has_other_arity {
            match after.arity {
                Arity::Required => parts.push("becomes required".to_owned()),
                Arity::Optional => parts.push("becomes optional".to_owned()),
                Arity::List => {}
            }
        }
        if change.has_other_default {
            let default = after.default.as_ref();
            let default = default.and_then(|default| expression(default, &self.column_type(after)));
            parts.push(match default {
                Some(default) => format!("default {default}"),
                None => "no default any more".to_owned(),
            });
        }
        if change.has_other_autoincrement {
            parts.push(match after.is_autoincrement {
                true => "numbered by a sequence".to_owned(),
                false => "no longer numbered by a sequence".to_owned(),
            });
        }
        parts.join(", ")
    }
}

fn version(extension: &Extension) -> String {
    extension.version.as_ref().map(|version| format!("version {version}")).unwrap_or_default()
}

fn values(alter: &AlterEnum<'_>) -> String {
    let mut parts = Vec::new();
    if !alter.added.is_empty() {
        parts.push(format!("{} added", alter.added.join(", ")));
    }
    if !alter.removed.is_empty() {
        parts.push(format!("{} removed, so the type is made anew", alter.removed.join(", ")));
    }
    parts.join("; ")
}

fn leads(key: &ForeignKey) -> String {
    format!(
        "{} to {}{}, ON DELETE {}",
        on(&key.columns),
        key.references.name.as_str(),
        on(&key.referenced),
        key.on_delete.as_str()
    )
}

fn kind(index: &Index) -> &'static str {
    if index.is_unique { "unique index" } else { "index" }
}

fn columns(table: &Table) -> String {
    match table.columns.len() {
        1 => "1 column".to_owned(),
        several => format!("{several} columns"),
    }
}

fn called(name: &Name) -> String {
    format!("is called {}", name.as_str())
}

/// `(a, b)`
fn on<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    let names: Vec<&str> = names.into_iter().map(Name::as_str).collect();
    format!("({})", names.join(", "))
}
