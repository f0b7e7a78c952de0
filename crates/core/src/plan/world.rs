//! The database as it will be when a statement's turn comes: the live facts, and what the statements
//! before it have made of them.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::ObjectKind;
use underpin_sql::{Effect, RelationKind, Surroundings};

use crate::quantity::{bytes, thousands};

/// Facts that move with the file.
pub(super) struct World {
    facts: Surroundings,
    small_table_bytes: u64,
    new: BTreeSet<RelationName>,
    new_columns: BTreeSet<(RelationName, Name)>,
    new_types: BTreeSet<RelationName>,
    /// Named by facts of others, but not looked up themselves: they exist, and nothing else is known.
    beyond: BTreeSet<RelationName>,
}

impl World {
    pub(super) fn around(surroundings: &Surroundings, small_table_bytes: u64) -> Self {
        let mut beyond = BTreeSet::new();
        for facts in surroundings.relations.values() {
            beyond.extend(facts.referenced_by.iter().cloned());
            beyond.extend(facts.descendants.iter().cloned());
            beyond.extend(facts.partition_of.iter().cloned());
            beyond.extend(facts.constraints.iter().filter_map(|constraint| constraint.referenced.clone()));
        }
        beyond.extend(surroundings.types.values().flat_map(|facts| facts.used_by.iter().cloned()));
        beyond.retain(|name| !surroundings.relations.contains_key(name));
        Self {
            facts: surroundings.clone(),
            small_table_bytes,
            new: BTreeSet::new(),
            new_columns: BTreeSet::new(),
            new_types: BTreeSet::new(),
            beyond,
        }
    }

    /// The facts at this point of the file.
    pub(super) fn facts(&self) -> &Surroundings {
        &self.facts
    }

    /// Made by this file.
    pub(super) fn is_new(&self, relation: &RelationName) -> bool {
        self.new.contains(&self.facts.resolve(relation))
    }

    /// It exists, as far as we know.
    pub(super) fn is_known(&self, relation: &RelationName) -> bool {
        let name = self.facts.resolve(relation);
        self.facts.relations.contains_key(&name) || self.beyond.contains(&name)
    }

    /// Made by this file, so no client knows the column.
    pub(super) fn is_new_column(&self, table: &RelationName, column: &Name) -> bool {
        self.new_columns.contains(&(self.facts.resolve(table), column.clone()))
    }

    /// Made by this file, so no client casts to it.
    pub(super) fn is_new_type(&self, name: &RelationName) -> bool {
        self.new_types.contains(&self.facts.resolve_type(name))
    }

    /// Nobody can notice what happens to it.
    pub(super) fn is_exempt(&self, relation: &RelationName) -> bool {
        let name = self.facts.resolve(relation);
        if self.new.contains(&name) {
            return true;
        }
        match self.facts.relations.get(&name) {
            Some(facts) => match facts.kind {
                RelationKind::View | RelationKind::Sequence => true,
                RelationKind::Table
                | RelationKind::Partitioned
                | RelationKind::MaterializedView
                | RelationKind::Foreign => facts.bytes.is_some_and(|bytes| bytes <= self.small_table_bytes),
            },
            None => !self.beyond.contains(&name),
        }
    }

    /// A new session begins, with the settings that the first one began with.
    pub(super) fn reset_search_path(&mut self, surroundings: &Surroundings) {
        self.facts.search_path.clone_from(&surroundings.search_path);
    }

    /// Such as `User (2.1 GB, about 12,000,000 rows)`.
    pub(super) fn shown(&self, relation: &RelationName) -> String {
        let Some(facts) = self.facts.relation(relation) else { return relation.shown() };
        match (facts.bytes, facts.rows_estimate) {
            (Some(size), Some(rows)) if rows >= 0.0 => {
                format!("{} ({}, about {} rows)", relation.shown(), bytes(size), thousands(rows))
            }
            (Some(size), _) => format!("{} ({})", relation.shown(), bytes(size)),
            (None, _) => relation.shown(),
        }
    }

    /// What the effect leaves behind, and what of it is new.
    pub(super) fn apply(&mut self, effect: &Effect) {
        let named = effect.table().map(|table| self.facts.resolve(table));
        match effect {
            Effect::RenameColumn { column, to, .. } => {
                if let Some(table) = &named
                    && self.new_columns.remove(&(table.clone(), column.clone()))
                {
                    self.new_columns.insert((table.clone(), to.clone()));
                }
            }
            Effect::AddColumn(added) => {
                let known = self.facts.relation(&added.table);
                if let Some(table) = &named
                    && known.is_some_and(|facts| facts.column(&added.column).is_none())
                {
                    self.new_columns.insert((table.clone(), added.column.clone()));
                }
            }
            Effect::CreateType { name, .. } => {
                let name = self.facts.new_name(name);
                if !self.facts.types.contains_key(&name) {
                    self.new_types.insert(name);
                }
            }
            Effect::Rename { kind: ObjectKind::Type | ObjectKind::Domain, name, to } => {
                let name = self.facts.resolve_type(name);
                if self.new_types.remove(&name) {
                    self.new_types.insert(name.sibling(to.clone()));
                }
            }
            _ => {}
        }
        let before: BTreeSet<RelationName> = self.facts.relations.keys().cloned().collect();
        self.facts.apply(effect);
        let after = &self.facts.relations;
        let gone: Vec<_> = before.iter().filter(|name| !after.contains_key(name)).collect();
        let made: Vec<_> = after.keys().filter(|name| !before.contains(name)).cloned().collect();
        // What was renamed or moved is as new as it was.
        let is_rename = matches!(
            effect,
            Effect::RenameTable { .. }
                | Effect::MoveTable { .. }
                | Effect::Rename { .. }
                | Effect::Move { .. }
                | Effect::RenameIndex { .. }
        );
        let was_new = gone.iter().any(|name| self.new.contains(name));
        self.new.retain(|name| after.contains_key(name));
        if !is_rename || was_new {
            self.new.extend(made);
        }
    }
}
