//! Columns: added, dropped, of another type, refusing NULL.

use underpin_catalog::LockMode::{AccessExclusive, AccessShare, RowExclusive, ShareRowExclusive};
use underpin_catalog::{Name, RelationName};

use super::Claims;
use crate::effect::{AddColumn, ColumnDefault, ConstraintKind, Effect, Generation, TypeText, Using};
use crate::surroundings::{ColumnValues, ConstraintFactsKind, IndexFacts, Surroundings};
use crate::type_change::{TypeChange, is_catalog_only, is_sorted_anew};
use crate::work::{WorkKind, any_volatile, is_not_null};

impl Claims<'_> {
    pub(super) fn add_column(&mut self, added: &AddColumn) {
        self.lock_tree(&added.table, AccessExclusive);
        let exists = self.facts(&added.table).is_some_and(|facts| facts.column(&added.column).is_some());
        if added.if_not_exists && exists {
            return;
        }
        if self.default_rewrites(added) {
            self.lock_all(&added.sequences, RowExclusive);
            self.rewrite_all(&added.table);
        } else if added.default == ColumnDefault::Virtual && added.not_null {
            self.work_tree(&added.table, WorkKind::Scan);
        }
        for constraint in &added.constraints {
            match &constraint.kind {
                ConstraintKind::ForeignKey { references, .. } => {
                    let references = self.around.resolve(references);
                    self.lock_tree(&references, ShareRowExclusive);
                    // A column of NULLs references nothing, so nobody looks.
                    if added.default != ColumnDefault::None && !constraint.not_enforced {
                        self.compare_references(&added.table, &references);
                    }
                }
                ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude => {
                    self.work_tree(&added.table, WorkKind::Build);
                }
                ConstraintKind::Check | ConstraintKind::NotNull if !constraint.not_enforced => {
                    self.work_tree(&added.table, WorkKind::Scan);
                }
                ConstraintKind::Check | ConstraintKind::NotNull => {}
            }
        }
    }

    /// Whether each row needs a value of its own. A domain with a constraint is rewritten for even without a
    /// default, up to 18.
    fn default_rewrites(&self, added: &AddColumn) -> bool {
        let constrained = added
            .to
            .user_defined
            .as_ref()
            .and_then(|name| self.around.type_facts(name))
            .is_some_and(|facts| facts.constrained_domain);
        match &added.default {
            _ if constrained => true,
            ColumnDefault::None | ColumnDefault::Constant | ColumnDefault::Virtual => false,
            // STABLE is enough: the value is computed once, for all rows that are there.
            ColumnDefault::Calls(functions) => any_volatile(functions, self.around),
            ColumnDefault::Volatile
            | ColumnDefault::Serial
            | ColumnDefault::Identity
            | ColumnDefault::Stored => true,
        }
    }

    pub(super) fn drop_column(&mut self, table: &RelationName, column: &Name, cascade: bool) {
        self.lock_tree(table, AccessExclusive);
        self.lock_referenced_by_keys(table, |constraint| constraint.columns.contains(column));
        for part in self.tree(table) {
            for (index, facts) in self.indexes(&part) {
                if facts.reads.contains(column) {
                    self.lock(&index, AccessExclusive);
                    self.remade.insert(index);
                }
            }
        }
        let owner = (self.around.resolve(table), column.clone());
        let owned = self.around.relations.iter().filter(|(_, facts)| facts.owned_by.as_ref() == Some(&owner));
        let owned: Vec<_> = owned.map(|(name, _)| name.clone()).collect();
        self.lock_all(&owned, AccessExclusive);
        if cascade {
            self.lock_referencing(table, Some(column));
            for view in self.views_on(table, Some(column)) {
                self.drop_relation(&view, true);
            }
        }
    }

    pub(super) fn set_not_null(&mut self, table: &RelationName, column: &Name) {
        self.lock_tree(table, AccessExclusive);
        if !is_not_null(self.around, table, column) {
            self.work_tree(table, WorkKind::Scan);
        }
    }

    /// Since 18 a column that allows NULL already is left alone in the partitions.
    pub(super) fn drop_not_null(&mut self, table: &RelationName, column: &Name) {
        let refuses =
            self.facts(table).and_then(|facts| facts.column(column)).is_none_or(|column| column.not_null);
        if refuses || self.major() < 18 {
            self.lock_tree(table, AccessExclusive);
        } else {
            self.lock(table, AccessExclusive);
        }
    }

    pub(super) fn change_generation(&mut self, table: &RelationName, column: &Name, how: Generation) {
        let identity = matches!(
            how,
            Generation::AddIdentity
                | Generation::SetIdentity
                | Generation::RenumberIdentity
                | Generation::DropIdentity
        );
        // Partitions share the identity of their parent since 17.
        if identity && self.major() < 17 {
            self.lock(table, AccessExclusive);
        } else {
            self.lock_tree(table, AccessExclusive);
        }
        match how {
            Generation::SetIdentity | Generation::RenumberIdentity => {
                for sequence in self.sequences_of_column(table, column) {
                    self.lock(&sequence, ShareRowExclusive);
                    if how == Generation::RenumberIdentity {
                        self.work_on(&sequence, WorkKind::Replace);
                    }
                }
            }
            Generation::DropIdentity => {
                let sequences = self.sequences_of_column(table, column);
                self.lock_all(&sequences, AccessExclusive);
            }
            Generation::Expression => self.rewrite_all(table),
            Generation::AddIdentity | Generation::DropExpression => {}
        }
    }

    fn sequences_of_column(&self, table: &RelationName, column: &Name) -> Vec<RelationName> {
        let owner = (self.around.resolve(table), column.clone());
        let owned = self.around.relations.iter().filter(|(_, facts)| facts.owned_by.as_ref() == Some(&owner));
        owned.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn change_type(
        &mut self,
        table: &RelationName,
        column: &Name,
        to: &TypeText,
        using: Using,
        collation: bool,
    ) {
        self.lock_tree(table, AccessExclusive);
        let table = self.around.resolve(table);
        let change = TypeChange { around: self.around, table: &table, column, to, using };
        let rewrites = !is_catalog_only(&change);
        // PostgreSQL takes a foreign key over as it is only when no column of the table is rewritten.
        let compares_keys = self.retyped.contains(&table);
        let sorts_anew = collation || is_sorted_anew(&change);
        let reads = |index: &IndexFacts| index.reads.contains(column);
        for heap in self.with_rows(self.tree(&table)) {
            if rewrites {
                self.rewrite(&heap, reads);
            } else {
                for (index, facts) in self.indexes(&heap) {
                    if reads(&facts) {
                        // A plain index keeps its file: only the catalog's row is made anew.
                        self.remade.insert(index.clone());
                        self.lock(&index, AccessExclusive);
                        if facts.partial || facts.has_expression() || sorts_anew {
                            self.work_on(&heap, WorkKind::Build);
                        }
                    }
                }
            }
        }
        for part in self.tree(&table) {
            for (index, facts) in self.indexes(&part) {
                if reads(&facts) {
                    self.lock(&index, AccessExclusive);
                }
            }
        }
        let Some(facts) = self.facts(&table) else {
            return;
        };
        let checked = facts.constraints.iter().any(|constraint| {
            constraint.kind == ConstraintFactsKind::Check && constraint.columns.contains(column)
        });
        let is_identity = facts.column(column).is_some_and(|known| known.values == ColumnValues::Identity);
        let own_keys: Vec<_> = facts
            .constraints
            .iter()
            .filter(|constraint| constraint.columns.contains(column))
            .filter_map(|constraint| constraint.referenced.clone())
            .collect();
        if checked && !rewrites {
            self.work_tree(&table, WorkKind::Scan);
        }
        if is_identity {
            for sequence in self.sequences_of_column(&table, column) {
                self.lock(&sequence, ShareRowExclusive);
                self.work_on(&sequence, WorkKind::Replace);
            }
        }
        for referenced in own_keys {
            if self.major() < 15 && self.is_partitioned(&referenced) {
                // The parent itself only gets its triggers anew.
                let parts = self.tree(&referenced);
                self.lock(&referenced, ShareRowExclusive);
                self.lock_all(&parts[1..], AccessExclusive);
            } else {
                self.lock_tree(&referenced, AccessExclusive);
            }
            if compares_keys {
                self.compare_references(&table, &referenced);
            }
        }
        for referencing in self.referencing(&table, Some(column)) {
            self.lock_tree(&referencing, AccessExclusive);
            if compares_keys {
                self.query(&referencing, AccessShare, Some(WorkKind::Scan));
            }
        }
    }
}

/// The table that a change of type writes anew.
pub(super) fn retyped(effect: &Effect, around: &Surroundings) -> Option<RelationName> {
    let Effect::ChangeColumnType { table, column, to, using, .. } = effect else { return None };
    let change = TypeChange { around, table, column, to, using: *using };
    (!is_catalog_only(&change)).then(|| around.resolve(table))
}
