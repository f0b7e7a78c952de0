//! Relations and other objects that go, with what goes with them.

use underpin_catalog::LockMode::{AccessExclusive, ShareRowExclusive};
use underpin_catalog::{Name, RelationName};

use super::Claims;
use crate::effect::ObjectKind;
use crate::surroundings::{RelationKind, TypeFacts};
use crate::work::WorkKind;

impl Claims<'_> {
    /// A table, view or sequence with its indexes and sequences, the tables that it references, the parent
    /// that it is a partition of, and, by `cascade`, what depends on it.
    pub(super) fn drop_relation(&mut self, relation: &RelationName, cascade: bool) {
        let name = self.around.resolve(relation);
        let held = self.locks.iter().any(|claim| claim.relation == name && claim.mode == AccessExclusive);
        self.lock(&name, AccessExclusive);
        self.lock_indexes(&name, AccessExclusive);
        let Some(facts) = self.facts(&name).cloned() else { return };
        self.lock_sequences(&name, AccessExclusive);
        self.lock_referenced_by_keys(&name, |_| true);
        if let Some(parent) = &facts.partition_of {
            self.lock(parent, AccessExclusive);
            if let Some(other) = self.facts(parent).and_then(|facts| facts.default_partition.clone()) {
                self.lock(&other, AccessExclusive);
            }
        }
        // A circle of dependencies ends where it began.
        if held && facts.kind != RelationKind::Table {
            return;
        }
        if facts.kind == RelationKind::Partitioned {
            for partition in &facts.descendants {
                self.lock(partition, AccessExclusive);
                self.lock_indexes(partition, AccessExclusive);
            }
        }
        if !cascade {
            return;
        }
        if facts.kind == RelationKind::Table {
            for child in &facts.descendants {
                self.drop_relation(child, true);
            }
        }
        self.lock_referencing(&name, None);
        if let Some((table, _)) = &facts.owned_by {
            self.lock(table, AccessExclusive);
        }
        let users =
            self.around.relations.iter().filter(|(_, facts)| {
                facts.columns.iter().any(|column| column.type_name.as_ref() == Some(&name))
            });
        let users: Vec<_> = users.map(|(user, _)| user.clone()).collect();
        self.lock_all(&users, AccessExclusive);
        for view in self.views_on(&name, None) {
            self.drop_relation(&view, true);
        }
    }

    /// Views that read the relation, or this column of it.
    pub(super) fn views_on(&self, relation: &RelationName, column: Option<&Name>) -> Vec<RelationName> {
        let name = self.around.resolve(relation);
        let views = self.around.relations.iter().filter(|(_, facts)| {
            facts.reads.iter().any(|read| {
                read.relation == name && column.is_none_or(|column| read.columns.contains(column))
            })
        });
        views.map(|(view, _)| view.clone()).collect()
    }

    pub(super) fn truncate(&mut self, table: &RelationName, cascade: bool, restarts: bool) {
        for part in self.tree(table) {
            let held = self.locks.iter().any(|claim| claim.relation == part && claim.mode == AccessExclusive);
            self.lock(&part, AccessExclusive);
            if !self.with_rows(vec![part.clone()]).is_empty() {
                self.lock_indexes(&part, AccessExclusive);
                self.work_on(&part, WorkKind::Replace);
                for (index, _) in self.indexes(&part) {
                    self.work_on(&index, WorkKind::Replace);
                }
            }
            if restarts {
                for sequence in self.around.sequences_of(&part) {
                    self.lock(&sequence, AccessExclusive);
                    self.work_on(&sequence, WorkKind::Replace);
                }
            }
            if cascade && !held {
                for referencing in self.referencing(&part, None) {
                    self.truncate(&referencing, true, restarts);
                }
            }
        }
    }

    pub(super) fn drop_object(&mut self, kind: ObjectKind, name: &RelationName, cascade: bool) {
        match kind {
            ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                if self.facts(name).is_some() {
                    self.drop_relation(name, cascade);
                } else {
                    self.lock(name, AccessExclusive);
                }
            }
            ObjectKind::Type | ObjectKind::Domain => self.drop_type(name, cascade),
            ObjectKind::Schema if cascade => {
                let inside = self.around.relations.keys();
                let inside: Vec<_> = inside
                    .filter(|relation| relation.namespace.as_ref() == Some(&name.name))
                    .cloned()
                    .collect();
                for relation in inside {
                    self.drop_relation(&relation, true);
                }
            }
            ObjectKind::Routine if cascade => {
                let tables = self.tables_triggered_by(name);
                self.lock_all(&tables, AccessExclusive);
            }
            ObjectKind::Schema
            | ObjectKind::Routine
            | ObjectKind::Extension
            | ObjectKind::Role
            | ObjectKind::Other => {}
        }
    }

    fn drop_type(&mut self, name: &RelationName, cascade: bool) {
        let resolved = self.around.resolve_type(name);
        let facts: Option<TypeFacts> = self.around.type_facts(&resolved).cloned();
        if facts.as_ref().is_some_and(TypeFacts::is_composite) {
            self.lock_type(name, AccessExclusive);
        }
        if !cascade {
            return;
        }
        for table in facts.map(|facts| facts.used_by).unwrap_or_default() {
            let columns = self.facts(&table).map(|facts| facts.columns.clone()).unwrap_or_default();
            for column in columns {
                if column.type_name.as_ref() == Some(&resolved) {
                    self.drop_column(&table, &column.name, true);
                }
            }
        }
    }

    pub(super) fn drop_trigger(&mut self, table: &RelationName, trigger: &Name, if_exists: bool) {
        let known = self.facts(table).is_some_and(|facts| facts.triggers.contains_key(trigger));
        if if_exists && !known && self.around.complete {
            return;
        }
        self.lock_partitions(table, AccessExclusive);
    }

    /// The tables with a trigger that calls the function.
    pub(super) fn tables_triggered_by(&self, function: &RelationName) -> Vec<RelationName> {
        let name = self.around.resolve_routine(function);
        self.around.routines.get(&name).map(|facts| facts.trigger_of.clone()).unwrap_or_default()
    }

    /// Locks the relation behind a composite type.
    pub(super) fn lock_type(&mut self, name: &RelationName, mode: underpin_catalog::LockMode) {
        let name = self.around.resolve_type(name);
        self.lock(&name, mode);
    }

    pub(super) fn alter_sequence(
        &mut self,
        sequence: &RelationName,
        owner: Option<&RelationName>,
        renumbers: bool,
    ) {
        self.lock(sequence, ShareRowExclusive);
        if renumbers {
            self.work_on(sequence, WorkKind::Replace);
        }
        if let Some(table) = owner {
            self.lock(table, underpin_catalog::LockMode::AccessShare);
        }
    }
}
