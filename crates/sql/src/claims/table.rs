//! Tables: created, moved, vacuumed.

use underpin_catalog::LockMode::{
    AccessExclusive, AccessShare, RowExclusive, ShareRowExclusive, ShareUpdateExclusive,
};
use underpin_catalog::RelationName;

use super::Claims;
use crate::effect::{CreateTable, Persistence, Storage};
use crate::surroundings::RelationKind;
use crate::work::WorkKind;

impl Claims<'_> {
    pub(super) fn create_table(&mut self, created: &CreateTable) {
        if created.if_not_exists && self.facts(&created.table).is_some() {
            return;
        }
        for referenced in &created.references {
            self.lock_tree(referenced, ShareRowExclusive);
        }
        self.lock_all(&created.inherits, ShareUpdateExclusive);
        self.lock_all(&created.like, AccessShare);
        if let Some(of) = &created.of_type {
            self.lock_type(of, AccessShare);
        }
        let Some(parent) = &created.partition_of else { return };
        self.lock(parent, AccessExclusive);
        self.lock_indexes(parent, ShareUpdateExclusive);
        let Some(facts) = self.facts(parent).cloned() else { return };
        // The default partition is searched for rows of the new one.
        if let Some(other) = &facts.default_partition {
            self.lock_tree(other, AccessExclusive);
            self.work_tree(other, WorkKind::Scan);
        }
        // Triggers of foreign keys to the parent are made for the partition too.
        let mode = if self.major() >= 15 { ShareRowExclusive } else { AccessShare };
        self.lock_all(&facts.referenced_by, mode);
        for constraint in &facts.constraints {
            if let Some(referenced) = &constraint.referenced {
                self.lock_tree(referenced, ShareRowExclusive);
            }
        }
    }

    pub(super) fn move_storage(&mut self, table: &RelationName, to: &Storage) {
        self.lock(table, AccessExclusive);
        let facts = self.facts(table);
        let persistence = facts.map(|facts| facts.persistence);
        let there = match to {
            Storage::Logged => persistence == Some(Persistence::Permanent),
            Storage::Unlogged => persistence == Some(Persistence::Unlogged),
            // `heap` is what servers are set to, unless somebody changed `default_table_access_method`.
            Storage::AccessMethod(method) => {
                let wanted = if method.as_str() == "default" { "heap" } else { method.as_str() };
                let known = facts.and_then(|facts| facts.access_method.as_ref());
                known.is_some_and(|known| known.as_str() == wanted)
            }
            Storage::Tablespace(_) => false,
        };
        if facts.is_some_and(|facts| facts.kind == RelationKind::Sequence) {
            self.work_on(table, WorkKind::Replace);
            return;
        }
        if there {
            return;
        }
        if matches!(to, Storage::Tablespace(_)) {
            // Indexes stay where they are.
            self.work_on(table, WorkKind::Rewrite);
            return;
        }
        for heap in self.with_rows(vec![self.around.resolve(table)]) {
            self.rewrite(&heap, |_| false);
        }
        if matches!(to, Storage::Logged | Storage::Unlogged) && self.major() >= 15 {
            for sequence in self.around.sequences_of(table) {
                self.lock(&sequence, AccessExclusive);
                self.work_on(&sequence, WorkKind::Replace);
            }
        }
    }

    pub(super) fn vacuum(&mut self, table: Option<&RelationName>, full: bool) {
        let Some(table) = table else { return };
        for heap in self.with_rows(self.partitions(table)) {
            if full {
                self.lock(&heap, AccessExclusive);
                self.rewrite(&heap, |_| false);
            } else {
                self.lock(&heap, ShareUpdateExclusive);
                self.lock_indexes(&heap, RowExclusive);
                self.work_on(&heap, WorkKind::Scan);
            }
        }
    }

    /// It reads a sample, whatever the size.
    pub(super) fn analyze(&mut self, table: Option<&RelationName>) {
        let Some(table) = table else { return };
        for part in self.tree(table) {
            self.lock(&part, ShareUpdateExclusive);
            if !self.is_partitioned(&part) {
                self.lock_indexes(&part, AccessShare);
            }
        }
    }
}
