//! The database as it will be when a statement's turn comes: the live facts, and what the statements
//! before it have made of them.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{AddConstraint, ColumnDefault, ConstraintKind, ObjectKind};
use underpin_sql::{
    ColumnFacts, ConstraintFacts, ConstraintFactsKind, Effect, IndexFacts, RelationFacts, RelationKind,
    Surroundings, search_path,
};

use crate::quantity::{bytes, thousands};

/// Facts that move with the file.
pub(super) struct World {
    facts: Surroundings,
    small_table_bytes: u64,
    new: BTreeSet<RelationName>,
    new_columns: BTreeSet<(RelationName, Name)>,
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
                | RelationKind::Foreign => facts.bytes <= self.small_table_bytes,
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
        match facts.rows_estimate {
            Some(rows) if rows >= 0.0 => {
                format!("{} ({}, about {} rows)", relation.shown(), bytes(facts.bytes), thousands(rows))
            }
            _ => format!("{} ({})", relation.shown(), bytes(facts.bytes)),
        }
    }

    /// What the effect leaves behind.
    pub(super) fn apply(&mut self, effect: &Effect) {
        if let Some(path) = search_path(effect) {
            self.facts.search_path = path;
            return;
        }
        match effect {
            Effect::CreateTable(created) => self.create(&created.table),
            Effect::CreateTableAs { table, .. } => self.create(table),
            Effect::Create {
                kind: ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence,
                name,
                ..
            } => {
                self.create(name);
            }
            Effect::DropTable { table, .. } => {
                let name = self.facts.resolve(table);
                self.facts.relations.remove(&name);
                self.facts.indexes.retain(|_, index| index.table != name);
                self.new.remove(&name);
            }
            Effect::RenameTable { table, to } => {
                let name = self.facts.resolve(table);
                self.rename(&name, &name.sibling(to.clone()));
            }
            Effect::MoveTable { table, namespace } => {
                let name = self.facts.resolve(table);
                let moved = RelationName { namespace: Some(namespace.clone()), name: name.name.clone() };
                self.rename(&name, &moved);
            }
            Effect::CreateIndex(created) => {
                let table = self.facts.resolve(&created.table);
                if let Some(name) = &created.name {
                    self.facts.indexes.entry(table.sibling(name.clone())).or_insert(IndexFacts {
                        table,
                        unique: created.unique,
                        primary: false,
                        constraint: None,
                        columns: created.columns.clone(),
                        partial: created.partial,
                        valid: true,
                        partitioned: false,
                    });
                }
            }
            Effect::DropIndex { index, .. } => {
                let name = self.facts.resolve(index);
                self.facts.indexes.remove(&name);
            }
            Effect::ChangeColumnType { table, column, to, .. } => self.change_type(table, column, &to.text),
            _ => self.change_columns(effect),
        }
    }

    fn create(&mut self, relation: &RelationName) {
        let name = self.facts.resolve(relation);
        if !self.facts.relations.contains_key(&name) {
            self.facts.relations.insert(name.clone(), RelationFacts::empty_table());
            self.new.insert(name);
        }
    }

    fn rename(&mut self, from: &RelationName, to: &RelationName) {
        if let Some(facts) = self.facts.relations.remove(from) {
            self.facts.relations.insert(to.clone(), facts);
        }
        for index in self.facts.indexes.values_mut().filter(|index| index.table == *from) {
            index.table = to.clone();
        }
        if self.new.remove(from) {
            self.new.insert(to.clone());
        }
    }

    /// Also forgets the table as a user of the type that it had, if no other column is of it.
    fn change_type(&mut self, table: &RelationName, column: &Name, to: &str) {
        let name = self.facts.resolve(table);
        let Some(facts) = self.facts.relations.get_mut(&name) else { return };
        if let Some(column) = facts.columns.iter_mut().find(|known| known.name == *column) {
            to.clone_into(&mut column.type_sql);
        }
        let remaining: Vec<String> = facts.columns.iter().map(|column| column.type_sql.clone()).collect();
        for (type_name, facts) in &mut self.facts.types {
            let own = type_name.name.as_str();
            let is_used = remaining.iter().any(|text| {
                text.trim_end_matches("[]")
                    .rsplit('.')
                    .next()
                    .is_some_and(|last| last.trim_matches('"') == own)
            });
            if !is_used {
                facts.used_by.retain(|user| *user != name);
            }
        }
    }

    fn change_columns(&mut self, effect: &Effect) {
        let Some(name) = effect.table().map(|table| self.facts.resolve(table)) else { return };
        let Some(facts) = self.facts.relations.get_mut(&name) else { return };
        match effect {
            Effect::AddColumn(added) if facts.column(&added.column).is_none() => {
                self.new_columns.insert((name.clone(), added.column.clone()));
                facts.columns.push(ColumnFacts {
                    name: added.column.clone(),
                    type_sql: added.to.text.clone(),
                    not_null: added.not_null,
                    has_default: added.default != ColumnDefault::None,
                });
                facts.constraints.extend(
                    added.constraints.iter().filter_map(|added| known(added, &self.facts.search_path)),
                );
            }
            Effect::DropColumn { column, .. } => {
                facts.columns.retain(|known| known.name != *column);
                facts.constraints.retain(|constraint| !constraint.columns.contains(column));
                if facts.primary_key.contains(column) {
                    facts.primary_key.clear();
                }
                let uses = |index: &IndexFacts| index.columns.iter().flatten().any(|used| used == column);
                self.facts.indexes.retain(|_, index| index.table != name || !uses(index));
            }
            Effect::RenameColumn { column, to, .. } => {
                let known = facts.columns.iter_mut().map(|known| &mut known.name);
                let constrained = facts.constraints.iter_mut().flat_map(|known| &mut known.columns);
                let indexes = self.facts.indexes.values_mut().filter(|index| index.table == name);
                let indexed = indexes.flat_map(|index| index.columns.iter_mut().flatten());
                for own in known.chain(constrained).chain(&mut facts.primary_key).chain(indexed) {
                    if own == column {
                        *own = to.clone();
                    }
                }
                if self.new_columns.remove(&(name.clone(), column.clone())) {
                    self.new_columns.insert((name.clone(), to.clone()));
                }
            }
            Effect::SetDefault { column, .. } | Effect::DropDefault { column, .. } => {
                for known in facts.columns.iter_mut().filter(|known| known.name == *column) {
                    known.has_default = matches!(effect, Effect::SetDefault { .. });
                }
            }
            Effect::SetNotNull { column, .. } | Effect::DropNotNull { column, .. } => {
                for known in facts.columns.iter_mut().filter(|known| known.name == *column) {
                    known.not_null = matches!(effect, Effect::SetNotNull { .. });
                }
            }
            Effect::AddConstraint(added) => {
                if added.kind == ConstraintKind::PrimaryKey {
                    // Of `USING INDEX` the columns are not known, and then there is no key to go along.
                    facts.primary_key.clone_from(&added.columns);
                }
                facts.constraints.extend(known(added, &self.facts.search_path));
            }
            Effect::DropConstraint { constraint, .. } => {
                let is_it = |known: &ConstraintFacts| known.name == *constraint;
                let is_key = |known: &ConstraintFacts| known.kind == ConstraintFactsKind::PrimaryKey;
                if facts.constraints.iter().any(|known| is_it(known) && is_key(known)) {
                    facts.primary_key.clear();
                }
                facts.constraints.retain(|known| !is_it(known));
            }
            _ => {}
        }
    }
}

/// A constraint of the file as a fact. One without a name stays unknown.
fn known(added: &AddConstraint, path: &[Name]) -> Option<ConstraintFacts> {
    let (kind, referenced) = match &added.kind {
        ConstraintKind::Check => (ConstraintFactsKind::Check, None),
        ConstraintKind::ForeignKey { references } => {
            let mut referenced = references.clone();
            if referenced.namespace.is_none() {
                referenced.namespace = path.first().cloned();
            }
            (ConstraintFactsKind::ForeignKey, Some(referenced))
        }
        ConstraintKind::Unique => (ConstraintFactsKind::Unique, None),
        ConstraintKind::PrimaryKey => (ConstraintFactsKind::PrimaryKey, None),
        ConstraintKind::Exclude => (ConstraintFactsKind::Exclude, None),
        ConstraintKind::NotNull => (ConstraintFactsKind::NotNull, None),
    };
    Some(ConstraintFacts {
        name: added.name.clone()?,
        kind,
        columns: added.columns.clone(),
        referenced,
        check: None,
        validated: !added.not_valid,
    })
}
