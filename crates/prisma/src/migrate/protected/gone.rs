//! What the steps of a migration take away or give another type.

use std::collections::{BTreeMap, BTreeSet};

use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Name, RelationName};

use super::{column_key, index_key};
use crate::migrate::{Migration, Step, Table, TableChange};

#[derive(Debug, Default)]
pub(super) struct Gone {
    pub(super) tables: BTreeSet<RelationName>,
    /// Columns that are dropped, made again ones among them, by table.
    columns: BTreeMap<RelationName, Vec<Name>>,
    /// Columns that get another type, by table.
    retyped: BTreeMap<RelationName, Vec<Name>>,
    /// Columns whose default is changed.
    pub(super) defaults: BTreeSet<ObjectKey>,
    /// Indexes that are dropped.
    pub(super) indexes: BTreeSet<ObjectKey>,
    /// Indexes that are made.
    pub(super) made: BTreeSet<ObjectKey>,
    /// Enums that go, or are made anew.
    pub(super) types: BTreeSet<ObjectKey>,
}

impl Gone {
    pub(super) fn of(migration: &Migration<'_>) -> Self {
        let mut gone = Self::default();
        for step in &migration.steps {
            match step {
                Step::DropTable(table) => {
                    gone.tables.insert(table.name.clone());
                }
                Step::DropIndex { table, index } => {
                    gone.indexes.insert(index_key(&table.name, &index.name));
                }
                Step::CreateIndex { table, index, .. } => {
                    gone.made.insert(index_key(&table.name, &index.name));
                }
                Step::DropEnum(found) => {
                    gone.types.insert(ObjectKey::of(ObjectKind::Type, &found.name));
                }
                Step::AlterEnum(alter) if !alter.removed.is_empty() => {
                    gone.types.insert(ObjectKey::of(ObjectKind::Type, &alter.before.name));
                    for (table, column) in migration.before.columns_of_enum(&alter.before.name) {
                        gone.retyped.entry(table.name.clone()).or_default().push(column.name.clone());
                    }
                }
                Step::AlterTable(alter) => {
                    alter.changes.iter().for_each(|change| gone.change(alter.before, change))
                }
                Step::CreateNamespace(_)
                | Step::DropExtension(_)
                | Step::CreateExtension(_)
                | Step::AlterExtension { .. }
                | Step::CreateEnum(_)
                | Step::AlterEnum(_)
                | Step::DropForeignKey { .. }
                | Step::CreateTable(_)
                | Step::RenameForeignKey { .. }
                | Step::AddForeignKey { .. }
                | Step::RenameIndex { .. } => {}
            }
        }
        gone
    }

    fn change(&mut self, table: &Table, change: &TableChange<'_>) {
        let table = &table.name;
        match change {
            TableChange::DropColumn(column) => {
                self.columns.entry(table.clone()).or_default().push(column.name.clone());
            }
            TableChange::RecreateColumn(change) => {
                self.columns.entry(table.clone()).or_default().push(change.before.name.clone());
            }
            TableChange::AlterColumn(change) => {
                if change.cast.is_some() {
                    self.retyped.entry(table.clone()).or_default().push(change.before.name.clone());
                }
                if change.has_other_default {
                    self.defaults.insert(column_key(table, &change.before.name));
                }
            }
            TableChange::DropPrimaryKey
            | TableChange::RenamePrimaryKey
            | TableChange::AddColumn(_)
            | TableChange::AddPrimaryKey => {}
        }
    }

    pub(super) fn columns_of(&self, table: &RelationName) -> impl Iterator<Item = &Name> {
        self.columns.get(table).into_iter().flatten()
    }

    pub(super) fn retyped_of(&self, table: &RelationName) -> impl Iterator<Item = &Name> {
        self.retyped.get(table).into_iter().flatten()
    }

    pub(super) fn has_column(&self, table: &RelationName, column: &Name) -> bool {
        self.columns_of(table).any(|gone| gone == column)
    }

    /// Whether a table of this key goes.
    pub(super) fn is_table_of(&self, key: &ObjectKey) -> bool {
        self.tables.iter().any(|table| *key == ObjectKey::of(ObjectKind::Table, table))
    }

    /// All columns that go or get another type.
    pub(super) fn touched(&self) -> impl Iterator<Item = (&RelationName, &Name)> {
        let all = self.columns.iter().chain(&self.retyped);
        all.flat_map(|(table, columns)| columns.iter().map(move |column| (table, column)))
    }
}
