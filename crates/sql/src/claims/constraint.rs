//! Constraints: added, validated, changed, dropped.

use underpin_catalog::LockMode::{
    AccessExclusive, AccessShare, RowShare, Share, ShareRowExclusive, ShareUpdateExclusive,
};
use underpin_catalog::{Name, RelationName};

use super::Claims;
use crate::effect::{AddConstraint, ConstraintKind};
use crate::surroundings::{ConstraintFacts, ConstraintFactsKind, RelationKind};
use crate::work::{WorkKind, is_not_null};

impl Claims<'_> {
    pub(super) fn add_constraint(&mut self, added: &AddConstraint) {
        let table = self.around.resolve(&added.table);
        let looks = !added.not_valid && !added.not_enforced;
        match &added.kind {
            ConstraintKind::ForeignKey { references, .. } => {
                self.lock_tree(&table, ShareRowExclusive);
                self.lock_tree(references, ShareRowExclusive);
                if looks {
                    let references = self.around.resolve(references);
                    self.compare_references(&table, &references);
                }
            }
            // Of this table alone; 18 visits the children all the same.
            ConstraintKind::Check if added.no_inherit => {
                if self.major() < 18 {
                    self.lock(&table, AccessExclusive);
                } else {
                    self.lock_tree(&table, AccessExclusive);
                }
                if looks {
                    for heap in self.with_rows(vec![table]) {
                        self.work_on(&heap, WorkKind::Scan);
                    }
                }
            }
            ConstraintKind::Check | ConstraintKind::NotNull => {
                self.lock_tree(&table, AccessExclusive);
                let known = added.kind == ConstraintKind::NotNull
                    && added.columns.iter().all(|column| is_not_null(self.around, &table, column));
                if looks && !known {
                    self.work_tree(&table, WorkKind::Scan);
                }
            }
            ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude => {
                self.add_key(&table, added);
            }
        }
    }

    /// A constraint with an index. Partitions are taken in SHARE up to 17, in ACCESS EXCLUSIVE in 18 and
    /// where a primary key has to refuse NULL first.
    fn add_key(&mut self, table: &RelationName, added: &AddConstraint) {
        let by_index = added.using_index.as_ref().map(|index| table.sibling(index.clone()));
        let columns = match by_index.as_ref().and_then(|index| self.around.index(index)) {
            Some(facts) => facts.columns.iter().flatten().cloned().collect(),
            None => added.columns.clone(),
        };
        let proven = columns.iter().all(|column| is_not_null(self.around, table, column));
        let refuses_null = added.kind == ConstraintKind::PrimaryKey && (columns.is_empty() || !proven);
        self.lock(table, AccessExclusive);
        if refuses_null || self.major() >= 18 {
            self.lock_partitions(table, AccessExclusive);
        } else {
            self.lock_partitions(table, Share);
        }
        if let Some(index) = by_index {
            self.lock(&index, ShareUpdateExclusive);
            if refuses_null {
                self.work_on(table, WorkKind::Scan);
            }
            return;
        }
        for heap in self.with_rows(self.partitions(table)) {
            self.work_on(&heap, WorkKind::Build);
        }
    }

    /// Every row of `table` and its partitions is compared with the referenced one, by a query. When there
    /// are no rows the query is only planned.
    pub(super) fn compare_references(&mut self, table: &RelationName, referenced: &RelationName) {
        let heaps = self.with_rows(self.partitions(table));
        let empty = heaps.iter().all(|heap| self.is_empty(heap));
        for heap in heaps {
            self.lock_indexes(&heap, AccessShare);
            self.work_on(&heap, WorkKind::Scan);
        }
        self.query(referenced, AccessShare, (!empty).then_some(WorkKind::LookUp));
    }

    /// Known to have no row.
    pub(super) fn is_empty(&self, table: &RelationName) -> bool {
        self.facts(table).is_some_and(|facts| facts.bytes == Some(0) && facts.rows_estimate == Some(0.0))
    }

    fn known(&self, table: &RelationName, constraint: &Name) -> Option<ConstraintFacts> {
        self.facts(table).and_then(|facts| facts.constraint(constraint)).cloned()
    }

    pub(super) fn validate(&mut self, table: &RelationName, constraint: &Name) {
        let known = self.known(table, constraint);
        if known.as_ref().is_some_and(|known| known.validated) {
            self.lock(table, ShareUpdateExclusive);
            return;
        }
        let table = self.around.resolve(table);
        self.lock_tree(&table, ShareUpdateExclusive);
        match known.and_then(|known| known.referenced) {
            Some(referenced) => {
                self.lock_tree(&referenced, RowShare);
                self.compare_references(&table, &referenced);
            }
            None => self.work_tree(&table, WorkKind::Scan),
        }
    }

    pub(super) fn alter_constraint(
        &mut self,
        table: &RelationName,
        constraint: &Name,
        enforced: Option<bool>,
    ) {
        self.lock_partitions(table, AccessExclusive);
        let referenced = self.known(table, constraint).and_then(|known| known.referenced);
        let Some(referenced) = referenced else { return };
        match enforced {
            Some(true) => {
                self.lock_tree(&referenced, ShareRowExclusive);
                let table = self.around.resolve(table);
                self.compare_references(&table, &referenced);
            }
            Some(false) => self.lock_tree(&referenced, AccessExclusive),
            None => {}
        }
    }

    pub(super) fn drop_constraint(&mut self, table: &RelationName, constraint: &Name, cascade: bool) {
        let known = self.known(table, constraint);
        let table = self.around.resolve(table);
        match &known {
            // Children do not inherit what has an index.
            Some(known) if known.kind != ConstraintFactsKind::Check => {
                self.lock_partitions(&table, AccessExclusive);
            }
            Some(_) | None => self.lock_tree(&table, AccessExclusive),
        }
        let Some(known) = known else { return };
        if let Some(referenced) = &known.referenced {
            self.lock_tree(referenced, AccessExclusive);
        }
        for part in self.partitions(&table) {
            for (index, facts) in self.indexes(&part) {
                let columns: Vec<_> = facts.columns.iter().flatten().collect();
                let same = part == table && facts.constraint.as_ref() == Some(constraint)
                    || part != table
                        && facts.constraint.is_some()
                        && columns == known.columns.iter().collect::<Vec<_>>();
                if same {
                    self.lock(&index, AccessExclusive);
                    self.remade.insert(index);
                }
            }
        }
        if cascade {
            for referencing in self.referencing_key(&table, &known.columns) {
                self.lock_tree(&referencing, AccessExclusive);
            }
        }
    }

    /// The tables at the other end of foreign keys of `table` that `concerns` picks.
    pub(super) fn lock_referenced_by_keys(
        &mut self,
        table: &RelationName,
        concerns: impl Fn(&ConstraintFacts) -> bool,
    ) {
        let Some(facts) = self.facts(table) else { return };
        let referenced: Vec<_> = facts
            .constraints
            .iter()
            .filter(|constraint| concerns(constraint))
            .filter_map(|constraint| constraint.referenced.clone())
            .collect();
        for referenced in referenced {
            self.lock_tree(&referenced, AccessExclusive);
        }
    }

    pub(super) fn lock_referencing(&mut self, table: &RelationName, column: Option<&Name>) {
        for referencing in self.referencing(table, column) {
            self.lock_tree(&referencing, AccessExclusive);
        }
    }

    /// Tables with a foreign key to this one, or to a key with this column of it.
    pub(super) fn referencing(&self, table: &RelationName, column: Option<&Name>) -> Vec<RelationName> {
        let Some(facts) = self.facts(table) else { return Vec::new() };
        match column {
            None => facts.referenced_by.clone(),
            Some(column) => self.referencing_key(table, std::slice::from_ref(column)),
        }
    }

    /// Tables whose foreign key to `table` names all of `columns`; one that names none means the primary key.
    fn referencing_key(&self, table: &RelationName, columns: &[Name]) -> Vec<RelationName> {
        let table = self.around.resolve(table);
        let Some(facts) = self.facts(&table) else { return Vec::new() };
        let names = |constraint: &ConstraintFacts| {
            let key = match constraint.referenced_columns.as_slice() {
                [] => facts.primary_key.as_slice(),
                named => named,
            };
            constraint.referenced.as_ref() == Some(&table)
                && columns.iter().all(|column| key.contains(column))
        };
        let mut found = facts.referenced_by.clone();
        found.retain(|other| self.facts(other).is_none_or(|facts| facts.constraints.iter().any(names)));
        found
    }

    /// Whether the relation is partitioned.
    pub(super) fn is_partitioned(&self, table: &RelationName) -> bool {
        self.facts(table).is_some_and(|facts| facts.kind == RelationKind::Partitioned)
    }
}
