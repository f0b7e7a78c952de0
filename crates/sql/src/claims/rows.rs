//! Rows: written and locked.

use std::collections::BTreeSet;

use underpin_catalog::LockMode::{self, AccessShare, RowExclusive, RowShare};
use underpin_catalog::{Name, RelationName};

use super::Claims;
use crate::effect::{ChangeRows, OnDelete, Rows};
use crate::surroundings::{ConstraintFactsKind, RelationKind};
use crate::work::WorkKind;

impl Claims<'_> {
    /// Whether the condition holds a key to constants.
    pub(super) fn is_by_key(&self, table: &RelationName, rows: &Rows) -> bool {
        let Rows::Constants(columns) = rows else { return false };
        let held = |key: &[Name]| !key.is_empty() && key.iter().all(|column| columns.contains(column));
        let unique = self.around.indexes_of(table).any(|(_, index)| {
            let key: Option<Vec<Name>> = index.columns.iter().cloned().collect();
            index.unique && !index.partial && index.valid && key.is_some_and(|key| held(&key))
        });
        unique
            || self.facts(table).is_some_and(|facts| {
                held(&facts.primary_key)
                    || facts.constraints.iter().any(|constraint| {
                        constraint.kind == ConstraintFactsKind::Unique && held(&constraint.columns)
                    })
            })
    }

    pub(super) fn insert(
        &mut self,
        table: &RelationName,
        columns: &[Name],
        arbitrates: bool,
        reads: &[RelationName],
    ) {
        for part in self.written_through(table) {
            self.lock_tree(&part, RowExclusive);
            self.number(&part, columns);
            if arbitrates {
                self.lock_indexes(&part, RowExclusive);
            }
            self.look_up_references(&part, |column| columns.is_empty() || columns.contains(column));
        }
        self.query_all(reads, AccessShare, WorkKind::Scan);
    }

    /// Columns without a value take the next number of their sequence.
    fn number(&mut self, table: &RelationName, columns: &[Name]) {
        if columns.is_empty() {
            return;
        }
        let table = self.around.resolve(table);
        let takes = |owner: &(RelationName, Name)| owner.0 == table && !columns.contains(&owner.1);
        let sequences = self.around.relations.iter();
        let taken = sequences.filter(|(_, facts)| facts.owned_by.as_ref().is_some_and(takes));
        let taken: Vec<_> = taken.map(|(sequence, _)| sequence.clone()).collect();
        self.lock_all(&taken, RowExclusive);
    }

    pub(super) fn update(&mut self, changed: &ChangeRows) {
        self.change(changed);
        self.look_up_references(&changed.table, |column| changed.columns.contains(column));
    }

    /// The rows that reference a deleted one are looked for.
    pub(super) fn delete(&mut self, changed: &ChangeRows) {
        self.change(changed);
        let mut gone = BTreeSet::new();
        self.look_for_referencing(&changed.table, &mut gone);
    }

    /// Each key by what it does then: `CASCADE` goes on from there.
    fn look_for_referencing(&mut self, table: &RelationName, gone: &mut BTreeSet<RelationName>) {
        let table = self.around.resolve(table);
        if !gone.insert(table.clone()) {
            return;
        }
        for referencing in self.referencing(&table, None) {
            let acts: Vec<_> = self
                .facts(&referencing)
                .map(|facts| facts.constraints.as_slice())
                .unwrap_or_default()
                .iter()
                .filter(|constraint| constraint.referenced.as_ref() == Some(&table))
                .map(|constraint| constraint.on_delete)
                .collect();
            let refuses = !acts.is_empty() && acts.iter().all(|act| *act == Some(OnDelete::Refuse));
            let mode = if refuses { RowShare } else { RowExclusive };
            self.query(&referencing, mode, Some(WorkKind::LookUp));
            if acts.contains(&Some(OnDelete::Cascade)) {
                self.look_for_referencing(&referencing, gone);
            }
        }
    }

    fn change(&mut self, changed: &ChangeRows) {
        let work = (!self.is_by_key(&changed.table, &changed.rows)).then_some(WorkKind::Scan);
        self.query(&changed.table, RowExclusive, work);
        self.query_all(&changed.reads, AccessShare, WorkKind::Scan);
    }

    /// A new value of a foreign key is looked up in the referenced table.
    fn look_up_references(&mut self, table: &RelationName, is_set: impl Fn(&Name) -> bool) {
        let Some(facts) = self.facts(table) else { return };
        let referenced: Vec<_> = facts
            .constraints
            .iter()
            .filter(|constraint| constraint.columns.iter().any(&is_set))
            .filter_map(|constraint| constraint.referenced.clone())
            .collect();
        for referenced in referenced {
            self.query(&referenced, RowShare, None);
        }
    }

    /// The relation, and behind a view what it reads.
    fn written_through(&self, relation: &RelationName) -> Vec<RelationName> {
        let mut all = vec![self.around.resolve(relation)];
        let mut at = 0;
        while let Some(name) = all.get(at) {
            if let Some(facts) = self.facts(name)
                && facts.kind == RelationKind::View
            {
                all.extend(facts.reads.iter().map(|read| read.relation.clone()).collect::<Vec<_>>());
            }
            at += 1;
        }
        all
    }

    pub(super) fn copy(&mut self, table: &RelationName, writes: bool) {
        if writes {
            self.lock_tree(table, RowExclusive);
        } else {
            self.lock(table, AccessShare);
            self.work_on(table, WorkKind::Scan);
        }
    }

    pub(super) fn lock_table(&mut self, table: &RelationName, mode: LockMode) {
        for part in self.written_through(table) {
            self.lock_tree(&part, mode);
        }
    }
}
