//! Which table, column, key and index of one database is which of the other.

use std::collections::{BTreeMap, HashMap};

use underpin_catalog::{Name, RelationName};

use super::columns::change;
use super::indexes;
use crate::migrate::catalog::{Column, ForeignKey, Index, PrismaCatalog, Table};
use crate::migrate::step::ColumnChange;

/// Prisma's ledger, and tables that PostGIS makes for itself: Prisma sees neither.
const NOT_SEEN: [&str; 6] = [
    "_prisma_migrations",
    "spatial_ref_sys",
    "geometry_columns",
    "geography_columns",
    "raster_columns",
    "raster_overviews",
];

/// The tables of two databases.
pub(super) struct Pairs<'a> {
    /// On both sides, in the order of the first.
    pub(super) both: Vec<PairedTable<'a>>,
    /// Of the second alone.
    pub(super) created: Vec<&'a Table>,
    /// Of the first alone.
    pub(super) dropped: Vec<&'a Table>,
    /// All of the first.
    before: Vec<&'a Table>,
    by_name: HashMap<&'a RelationName, usize>,
}

/// A table that both sides have.
pub(super) struct PairedTable<'a> {
    pub(super) before: &'a Table,
    pub(super) after: &'a Table,
    /// The columns of both sides, by name, changed or not.
    pub(super) changes: Vec<ColumnChange<'a>>,
    /// The columns that go, by name.
    pub(super) dropped: Vec<&'a Column>,
    /// The columns that come, by name.
    pub(super) added: Vec<&'a Column>,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(before: &'a PrismaCatalog, after: &'a PrismaCatalog) -> Self {
        let seen = |catalog: &'a PrismaCatalog| -> Vec<&'a Table> {
            let is_seen = |table: &&Table| {
                let name = table.name.name.as_str();
                !NOT_SEEN.iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
            };
            catalog.tables.iter().filter(is_seen).collect()
        };
        let (before, after) = (seen(before), seen(after));
        let partners: HashMap<&RelationName, &'a Table> =
            after.iter().map(|table| (&table.name, *table)).collect();
        let (mut both, mut dropped) = (Vec::new(), Vec::new());
        for table in &before {
            match partners.get(&table.name) {
                Some(partner) => both.push(PairedTable::of(table, partner)),
                None => dropped.push(*table),
            }
        }
        let by_name: HashMap<_, _> =
            both.iter().enumerate().map(|(position, pair)| (&pair.before.name, position)).collect();
        let created = after.into_iter().filter(|table| !by_name.contains_key(&table.name)).collect();
        Self { both, created, dropped, before, by_name }
    }

    /// The tables of the first side, with their partners.
    pub(super) fn in_order_of_before(&self) -> impl Iterator<Item = (&'a Table, Option<&PairedTable<'a>>)> {
        self.before.iter().map(|table| (*table, self.by_name.get(&table.name).map(|&at| &self.both[at])))
    }

    /// The pair of a table of the second side.
    pub(super) fn of_after(&self, table: &Table) -> Option<&PairedTable<'a>> {
        self.by_name.get(&table.name).map(|&at| &self.both[at])
    }

    pub(super) fn is_created(&self, table: &Table) -> bool {
        self.created.iter().any(|created| std::ptr::eq(*created, table))
    }
}

impl<'a> PairedTable<'a> {
    fn of(before: &'a Table, after: &'a Table) -> Self {
        let mut columns: BTreeMap<&str, (Option<&'a Column>, Option<&'a Column>)> = BTreeMap::new();
        for column in &before.columns {
            columns.entry(column.name.as_str()).or_default().0 = Some(column);
        }
        for column in &after.columns {
            columns.entry(column.name.as_str()).or_default().1 = Some(column);
        }
        let mut pair = Self { before, after, changes: Vec::new(), dropped: Vec::new(), added: Vec::new() };
        for columns in columns.into_values() {
            match columns {
                (Some(before), Some(after)) => pair.changes.push(change(before, after)),
                (Some(before), None) => pair.dropped.push(before),
                (None, Some(after)) => pair.added.push(after),
                (None, None) => {}
            }
        }
        pair
    }

    /// What differs in a column that both sides have.
    pub(super) fn change_of(&self, name: &Name) -> Option<&ColumnChange<'a>> {
        let at = self.changes.binary_search_by(|change| change.before.name.cmp(name)).ok()?;
        Some(&self.changes[at])
    }

    /// Whether both sides have a primary key, and not the same: other columns, or one of another type.
    pub(super) fn has_other_primary_key(&self) -> bool {
        let (Some(before), Some(after)) = (&self.before.primary_key, &self.after.primary_key) else {
            return false;
        };
        let has_other_type = |name: &Name| self.change_of(name).is_some_and(|change| change.cast.is_some());
        before.columns != after.columns || before.columns.iter().any(has_other_type)
    }

    pub(super) fn keeps_foreign_key(&self, key: &ForeignKey) -> bool {
        self.after.foreign_keys.iter().any(|other| self.are_the_same(key, other))
    }

    pub(super) fn is_new_foreign_key(&self, key: &ForeignKey) -> bool {
        !self.before.foreign_keys.iter().any(|other| self.are_the_same(other, key))
    }

    /// Foreign keys that are the same but for the name; each of the second side at most once.
    pub(super) fn paired_foreign_keys(&self) -> Vec<(&'a ForeignKey, &'a ForeignKey)> {
        let mut pairs: Vec<(&ForeignKey, &ForeignKey)> = Vec::new();
        for key in &self.before.foreign_keys {
            let is_free = |other: &&ForeignKey| pairs.iter().all(|(_, taken)| !std::ptr::eq(*taken, *other));
            let mut free = self.after.foreign_keys.iter().filter(is_free);
            if let Some(other) = free.find(|other| self.are_the_same(key, other)) {
                pairs.push((key, other));
            }
        }
        pairs
    }

    /// Prisma compares the target by its name without the namespace.
    fn are_the_same(&self, before: &ForeignKey, after: &ForeignKey) -> bool {
        let keeps_type = |name: &Name| self.change_of(name).is_some_and(|change| change.cast.is_none());
        before.references.name == after.references.name
            && before.columns == after.columns
            && before.referenced == after.referenced
            && before.on_delete == after.on_delete
            && before.on_update == after.on_update
            && before.columns.iter().all(keeps_type)
    }

    pub(super) fn dropped_indexes(&self) -> impl Iterator<Item = &'a Index> {
        let is_gone = |index: &&Index| {
            !index.is_left_alone
                && !self.after.indexes.iter().any(|other| indexes::match_each_other(index, other))
        };
        self.before.indexes.iter().filter(is_gone)
    }

    pub(super) fn is_new_index(&self, index: &Index) -> bool {
        !index.is_left_alone
            && !self.before.indexes.iter().any(|other| indexes::match_each_other(other, index))
    }

    /// Indexes that are the same but for the name. Of several on the same columns Prisma pairs none, since it
    /// could not tell which is which.
    pub(super) fn paired_indexes(&self) -> impl Iterator<Item = (&'a Index, &'a Index)> {
        let looks_like = |one: &Index, other: &Index| {
            one.is_unique == other.is_unique && one.column_names().eq(other.column_names())
        };
        let is_alone = move |index: &&Index| {
            self.before.indexes.iter().filter(|other| looks_like(index, other)).count() == 1
        };
        self.before.indexes.iter().filter(is_alone).filter_map(|index| {
            let mut others = self.after.indexes.iter();
            Some((index, others.find(|other| indexes::match_each_other(index, other))?))
        })
    }
}
