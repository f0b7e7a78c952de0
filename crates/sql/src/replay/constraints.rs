//! Constraints: added, validated, dropped, and the indexes and references that come with them.

use std::collections::HashSet;

use underpin_catalog::{Name, RelationName};

use crate::effect::{AddConstraint, ConstraintKind};
use crate::names::constraint_name;
use crate::surroundings::{ConstraintFacts, ConstraintFactsKind, IndexFacts, RelationKind, Surroundings};

impl Surroundings {
    pub(super) fn add_constraint(&mut self, added: &AddConstraint) {
        let table = self.resolve(&added.table);
        self.insert_constraint(&table, added);
    }

    /// The constraint with everything that it makes. `table` is qualified.
    pub(super) fn insert_constraint(&mut self, table: &RelationName, added: &AddConstraint) {
        let Some(facts) = self.relations.get(table) else { return };
        let mut name = constraint_name(added);
        if added.name.is_none() {
            let own: HashSet<&Name> = facts.constraints.iter().map(|known| &known.name).collect();
            let taken = |name: &Name| {
                own.contains(name)
                    || (has_index(&added.kind) && self.indexes.contains_key(&table.sibling(name.clone())))
            };
            // PostgreSQL counts up behind the label.
            let first = name.clone();
            let mut count = 1;
            while taken(&name) {
                name = first.with_suffix(&count.to_string());
                count += 1;
            }
        }
        let descendants = facts.descendants.clone();
        let own_index = has_index(&added.kind).then(|| table.sibling(name.clone()));
        let mut columns = added.columns.clone();
        if let Some(index) = &added.using_index {
            columns = self.adopt_index(table, index, &name, added);
        } else if has_index(&added.kind) {
            self.insert_constraint_index(table, &name, added);
        }
        let (kind, referenced, referenced_columns) = match &added.kind {
            ConstraintKind::Check => (ConstraintFactsKind::Check, None, Vec::new()),
            ConstraintKind::ForeignKey { references, columns, .. } => {
                (ConstraintFactsKind::ForeignKey, Some(self.resolve(references)), columns.clone())
            }
            ConstraintKind::Unique => (ConstraintFactsKind::Unique, None, Vec::new()),
            ConstraintKind::PrimaryKey => (ConstraintFactsKind::PrimaryKey, None, Vec::new()),
            ConstraintKind::Exclude => (ConstraintFactsKind::Exclude, None, Vec::new()),
            ConstraintKind::NotNull => (ConstraintFactsKind::NotNull, None, Vec::new()),
        };
        if let Some(referenced) = &referenced
            && referenced != table
            && let Some(facts) = self.relations.get_mut(referenced)
            && !facts.referenced_by.contains(table)
        {
            facts.referenced_by.push(table.clone());
        }
        let refuses_null = match added.kind {
            ConstraintKind::PrimaryKey => true,
            ConstraintKind::NotNull => !added.not_valid,
            _ => false,
        };
        if let Some(facts) = self.relations.get_mut(table) {
            if refuses_null {
                facts
                    .columns
                    .iter_mut()
                    .filter(|known| columns.contains(&known.name))
                    .for_each(|known| known.not_null = true);
            }
            if added.kind == ConstraintKind::PrimaryKey {
                facts.primary_key.clone_from(&columns);
            }
            facts.constraints.push(ConstraintFacts {
                name,
                kind,
                columns,
                referenced,
                referenced_columns,
                on_delete: match added.kind {
                    ConstraintKind::ForeignKey { on_delete, .. } => Some(on_delete),
                    _ => None,
                },
                proves_not_null: added.proves_not_null.clone(),
                compares: added.compares.clone(),
                validated: !added.not_valid && !added.not_enforced,
                enforced: !added.not_enforced,
                deferral: added.deferral,
            });
        }
        for descendant in descendants {
            let indexed = has_index(&added.kind);
            if indexed && !self.is_partition(&descendant) || added.no_inherit {
                continue;
            }
            // An index needs a name of its own, which PostgreSQL makes.
            let name = if indexed { None } else { added.name.clone() };
            let inherited = AddConstraint { table: descendant.clone(), name, ..added.clone() };
            let before: Vec<_> = self.indexes_of(&descendant).map(|(index, _)| index.clone()).collect();
            self.insert_constraint(&descendant, &inherited);
            self.indexes.change_of(&descendant, |index, facts| {
                if indexed && !before.contains(index) {
                    facts.part_of.clone_from(&own_index);
                }
            });
        }
    }

    fn is_partition(&self, table: &RelationName) -> bool {
        self.relations.get(table).is_some_and(|facts| facts.partition_of.is_some())
    }

    fn insert_constraint_index(&mut self, table: &RelationName, name: &Name, added: &AddConstraint) {
        let partitioned =
            self.relations.get(table).is_some_and(|facts| facts.kind == RelationKind::Partitioned);
        let primary = added.kind == ConstraintKind::PrimaryKey;
        let mut reads = added.columns.clone();
        reads.extend(added.including.iter().cloned());
        let index = IndexFacts {
            unique: added.kind != ConstraintKind::Exclude,
            primary,
            constraint: Some(name.clone()),
            reads,
            partitioned,
            ..IndexFacts::plain(table.clone(), added.columns.clone())
        };
        self.indexes.insert(table.sibling(name.clone()), index);
    }

    /// `USING INDEX`: the index takes the name of the constraint. Answers its columns.
    fn adopt_index(
        &mut self,
        table: &RelationName,
        index: &Name,
        name: &Name,
        added: &AddConstraint,
    ) -> Vec<Name> {
        let Some(mut facts) = self.indexes.remove(&table.sibling(index.clone())) else { return Vec::new() };
        // Without a name the constraint takes that of the index.
        let name = if added.name.is_some() { name } else { index };
        facts.constraint = Some(name.clone());
        facts.primary = added.kind == ConstraintKind::PrimaryKey;
        let columns = facts.columns.iter().flatten().cloned().collect();
        self.indexes.insert(table.sibling(name.clone()), facts);
        columns
    }

    pub(super) fn constraint_mut(
        &mut self,
        table: &RelationName,
        constraint: &Name,
    ) -> Option<&mut ConstraintFacts> {
        self.relation_mut(table)?.constraints.iter_mut().find(|known| known.name == *constraint)
    }

    pub(super) fn validate(&mut self, table: &RelationName, constraint: &Name) {
        let Some(facts) = self.relation_mut(table) else { return };
        let mut not_null = Vec::new();
        for known in facts.constraints.iter_mut().filter(|known| known.name == *constraint) {
            known.validated = true;
            if known.kind == ConstraintFactsKind::NotNull {
                not_null.extend(known.columns.iter().cloned());
            }
        }
        facts
            .columns
            .iter_mut()
            .filter(|column| not_null.contains(&column.name))
            .for_each(|column| column.not_null = true);
        for descendant in facts.descendants.clone() {
            self.validate(&descendant, constraint);
        }
    }

    pub(super) fn drop_constraint(&mut self, table: &RelationName, constraint: &Name) {
        let table = self.resolve(table);
        let Some(facts) = self.relations.get_mut(&table) else { return };
        let Some(at) = facts.constraints.iter().position(|known| known.name == *constraint) else { return };
        let dropped = facts.constraints.remove(at);
        let descendants = facts.descendants.clone();
        match dropped.kind {
            ConstraintFactsKind::PrimaryKey => facts.primary_key.clear(),
            ConstraintFactsKind::NotNull => {
                facts
                    .columns
                    .iter_mut()
                    .filter(|column| dropped.columns.contains(&column.name))
                    .for_each(|column| column.not_null = false);
            }
            _ => {}
        }
        if matches!(
            dropped.kind,
            ConstraintFactsKind::PrimaryKey | ConstraintFactsKind::Unique | ConstraintFactsKind::Exclude
        ) {
            self.indexes.remove(&table.sibling(constraint.clone()));
        }
        if let Some(referenced) = dropped.referenced {
            self.recount_references(&referenced, &table);
        }
        for descendant in descendants {
            self.drop_constraint(&descendant, constraint);
        }
    }

    /// A foreign key from `table` to `referenced` is gone; there may be others.
    fn recount_references(&mut self, referenced: &RelationName, table: &RelationName) {
        let still = self.relations.get(table).is_some_and(|facts| {
            facts.constraints.iter().any(|known| known.referenced.as_ref() == Some(referenced))
        });
        if !still && let Some(facts) = self.relations.get_mut(referenced) {
            facts.referenced_by.retain(|known| known != table);
        }
    }

    pub(super) fn rename_constraint(&mut self, table: &RelationName, constraint: &Name, to: &Name) {
        let table = self.resolve(table);
        if let Some(facts) = self.constraint_mut(&table, constraint) {
            facts.name.clone_from(to);
        }
        if let Some(mut index) = self.indexes.remove(&table.sibling(constraint.clone())) {
            index.constraint = Some(to.clone());
            self.indexes.insert(table.sibling(to.clone()), index);
        }
    }
}

fn has_index(kind: &ConstraintKind) -> bool {
    match kind {
        ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude => true,
        ConstraintKind::Check | ConstraintKind::ForeignKey { .. } | ConstraintKind::NotNull => false,
    }
}
