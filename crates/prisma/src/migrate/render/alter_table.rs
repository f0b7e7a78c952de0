//! `ALTER TABLE`, with what must run before and behind it.

use underpin_catalog::Name;

use super::column::expression;
use super::{Renderer, rename_constraint};
use crate::migrate::catalog::{Column, Default, PrimaryKey, Table};
use crate::migrate::sql::{identifier, identifiers, literal};
use crate::migrate::step::{AlterTable, ColumnChange, TableChange};
use crate::schema::Arity;

/// The parts of a step for a table.
#[derive(Default)]
struct Parts {
    before: Vec<String>,
    clauses: Vec<String>,
    renaming: Option<String>,
    after: Vec<String>,
}

impl Renderer<'_> {
    pub(super) fn alter_table(self, alter: &AlterTable<'_>) -> Vec<String> {
        let mut parts = Parts::default();
        let name = |key: &Option<PrimaryKey>| key.as_ref().map(|key| key.name.clone());
        for change in &alter.changes {
            match change {
                TableChange::DropPrimaryKey => parts.clauses.extend(
                    name(&alter.before.primary_key)
                        .map(|name| format!("DROP CONSTRAINT {}", identifier(name.as_str()))),
                ),
                TableChange::RenamePrimaryKey => {
                    let names = name(&alter.before.primary_key).zip(name(&alter.after.primary_key));
                    let renaming = names.map(|(before, after)| rename_constraint(&before, &after));
                    match self.version.renames_keys_apart() {
                        true => parts.renaming = renaming,
                        false => parts.clauses.extend(renaming),
                    }
                }
                TableChange::DropColumn(column) => parts.clauses.push(drop_column(&column.name)),
                TableChange::AddColumn(column) => parts.clauses.push(self.add_column(column)),
                TableChange::AlterColumn(change) => self.alter_column(alter, change, &mut parts),
                TableChange::RecreateColumn(change) => {
                    parts.clauses.push(drop_column(&change.before.name));
                    parts.clauses.push(self.add_column(change.after));
                }
                TableChange::AddPrimaryKey => {
                    parts.clauses.extend(alter.after.primary_key.as_ref().map(|key| {
                        format!(
                            "ADD CONSTRAINT {} PRIMARY KEY ({})",
                            identifier(key.name.as_str()),
                            identifiers(&key.columns, ", ")
                        )
                    }))
                }
            }
        }
        let clauses = (!parts.clauses.is_empty()).then(|| parts.clauses.join(",\n"));
        let table = self.name(&alter.before.name);
        let statements = clauses.into_iter().chain(parts.renaming);
        let statements = statements.map(|clauses| format!("ALTER TABLE {table} {clauses}"));
        parts.before.into_iter().chain(statements).chain(parts.after).collect()
    }

    fn add_column(self, column: &Column) -> String {
        format!("ADD COLUMN {}", self.column(column))
    }

    /// Arity, default, autoincrement, and the type last.
    fn alter_column(self, alter: &AlterTable<'_>, change: &ColumnChange<'_>, parts: &mut Parts) {
        let (before, after) = (change.before, change.after);
        let prefix = format!("ALTER COLUMN {}", identifier(before.name.as_str()));
        if change.has_other_arity {
            // A list is without NOT NULL, whatever the schema makes of it.
            match (before.arity, after.arity) {
                (Arity::Optional | Arity::List, Arity::Required) => {
                    parts.clauses.push(format!("{prefix} SET NOT NULL"));
                }
                (Arity::Required | Arity::List, Arity::Optional) => {
                    parts.clauses.push(format!("{prefix} DROP NOT NULL"));
                }
                _ => {}
            }
        }
        if change.has_other_default {
            match &after.default {
                Some(default) => {
                    let default = expression(default, &self.column_type(after)).unwrap_or_default();
                    parts.clauses.push(format!("{prefix} SET DEFAULT {default}"));
                }
                None => self.drop_default(change, &prefix, parts),
            }
        }
        if change.has_other_autoincrement {
            match before.is_autoincrement {
                true => self.drop_default(change, &prefix, parts),
                false => self.add_sequence(alter.after, change, &prefix, parts),
            }
        }
        let is_other_list = change.has_other_arity && before.is_list() != after.is_list();
        if change.cast.is_some() || is_other_list {
            parts.clauses.push(format!("{prefix} SET DATA TYPE {}", self.column_type(after)));
        }
    }

    /// The sequence goes with the default, unless another column is filled by it.
    fn drop_default(self, change: &ColumnChange<'_>, prefix: &str, parts: &mut Parts) {
        parts.clauses.push(format!("{prefix} DROP DEFAULT"));
        let Some(Default::Sequence(sequence)) = &change.before.default else { return };
        let mut others = self.after.tables.iter().flat_map(|table| &table.columns);
        let is_used = others.any(|column| {
            column.default.as_ref() == Some(&Default::Sequence(sequence.clone()))
                && !std::ptr::eq(column, change.after)
        });
        if !is_used {
            parts.after.push(format!("DROP SEQUENCE {}", identifier(sequence)));
        }
    }

    /// What `SERIAL` would have made of a new column. The sequence's name is in lower case and not quoted.
    fn add_sequence(self, table: &Table, change: &ColumnChange<'_>, prefix: &str, parts: &mut Parts) {
        let left_out = self.left_out().filter(|_| !self.after.says_default_namespace);
        let namespace = table.name.namespace.as_ref().filter(|namespace| Some(*namespace) != left_out);
        let namespace = namespace.map(|namespace| format!("{}.", identifier(namespace.as_str())));
        let column = &change.after.name;
        let sequence =
            format!("{}{}_{}_seq", namespace.unwrap_or_default(), table.name.name.as_str(), column.as_str())
                .to_lowercase();
        parts.before.push(format!("CREATE SEQUENCE {sequence}"));
        parts.clauses.push(format!("{prefix} SET DEFAULT nextval({})", literal(&sequence)));
        parts.after.push(format!(
            "ALTER SEQUENCE {sequence} OWNED BY {}.{}",
            self.name(&table.name),
            identifier(column.as_str())
        ));
    }
}

fn drop_column(name: &Name) -> String {
    format!("DROP COLUMN {}", identifier(name.as_str()))
}
