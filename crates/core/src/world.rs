//! The database as it will be when a statement's turn comes: the live facts, and what the statements
//! before it have made of them.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{ChangeRows, ObjectKind, Persistence, Program, Reach};
use underpin_sql::{Effect, RelationKind, Surroundings};

use crate::quantity::{bytes, thousands};

/// Facts that move with the file.
#[derive(Clone, Debug)]
pub(crate) struct World {
    facts: Surroundings,
    small_table_bytes: u64,
    new: BTreeSet<RelationName>,
    new_columns: BTreeSet<(RelationName, Name)>,
    new_types: BTreeSet<RelationName>,
    /// New tables that a file has put rows into.
    filled: BTreeSet<RelationName>,
    /// With what a session begins.
    time_zone: Option<String>,
    /// Everything that there was before the file is known.
    began_complete: bool,
    /// Named by facts of others, but not looked up themselves: they exist, and nothing else is known.
    beyond: BTreeSet<RelationName>,
}

impl World {
    pub(crate) fn around(surroundings: &Surroundings, small_table_bytes: u64) -> Self {
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
            time_zone: surroundings.time_zone.clone(),
            began_complete: surroundings.complete,
            new: BTreeSet::new(),
            new_columns: BTreeSet::new(),
            new_types: BTreeSet::new(),
            filled: BTreeSet::new(),
            beyond,
        }
    }

    /// The facts at this point of the file.
    pub(crate) fn facts(&self) -> &Surroundings {
        &self.facts
    }

    /// Made by this file.
    pub(crate) fn is_new(&self, relation: &RelationName) -> bool {
        self.new.contains(&self.facts.resolve(relation))
    }

    /// It exists, as far as we know.
    pub(crate) fn is_known(&self, relation: &RelationName) -> bool {
        let name = self.facts.resolve(relation);
        self.facts.relations.contains_key(&name) || self.beyond.contains(&name)
    }

    /// Made by this file, and has rows all the same: those that it put in.
    pub(crate) fn is_new_with_rows(&self, table: &RelationName) -> bool {
        self.filled.contains(&self.facts.resolve(table))
    }

    /// Made by this file, so no client knows the column.
    pub(crate) fn is_new_column(&self, table: &RelationName, column: &Name) -> bool {
        self.new_columns.contains(&(self.facts.resolve(table), column.clone()))
    }

    /// Made by this file, so no client casts to it.
    pub(crate) fn is_new_type(&self, name: &RelationName) -> bool {
        self.new_types.contains(&self.facts.resolve_type(name))
    }

    /// Nobody can notice what happens to it.
    pub(crate) fn is_exempt(&self, relation: &RelationName) -> bool {
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
            // What was not there before the file is new, or absent still.
            None => self.began_complete && !self.beyond.contains(&name),
        }
    }

    /// Others may use it, as far as we know: it was there before the file, or nobody knows. Of an index, its
    /// table.
    pub(crate) fn concerns_others(&self, relation: &RelationName) -> bool {
        let name = self.facts.resolve(relation);
        let owner = self.facts.indexes.get(&name).map_or(&name, |index| &index.table);
        if self.new.contains(owner) {
            return false;
        }
        self.facts.relations.contains_key(owner) || self.beyond.contains(owner) || !self.began_complete
    }

    /// The next file of a history begins. When time has passed since the one before, what that one made is
    /// used by now, and its tables have filled.
    pub(crate) fn begin_file(&mut self, time_passes: bool, search_path: &[Name]) {
        self.facts.end_session();
        self.reset_search_path(search_path);
        if time_passes {
            self.facts.time_zone.clone_from(&self.time_zone);
            self.new.clear();
            self.new_columns.clear();
            self.new_types.clear();
            self.filled.clear();
            self.began_complete = self.facts.complete;
            self.facts.forget_sizes();
        }
    }

    /// A file went by that nobody could read: what there is now, nobody knows.
    pub(crate) fn forget(&mut self) {
        self.facts.complete = false;
    }

    /// A new session begins, with the settings that the first one began with.
    pub(crate) fn reset_search_path(&mut self, search_path: &[Name]) {
        search_path.clone_into(&mut self.facts.search_path);
    }

    /// Such as `User (2.1 GB, about 12,000,000 rows)`.
    pub(crate) fn shown(&self, relation: &RelationName) -> String {
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
    pub(crate) fn apply(&mut self, effect: &Effect) {
        if let Effect::Do(program) = effect {
            self.apply_program(program);
            return;
        }
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
                let absent = match self.facts.relation(&added.table) {
                    Some(facts) if facts.whole => facts.column(&added.column).is_none(),
                    Some(facts) => facts.column(&added.column).is_none() && !added.if_not_exists,
                    None => !self.facts.complete && !added.if_not_exists,
                };
                if let Some(table) = &named
                    && absent
                {
                    self.new_columns.insert((table.clone(), added.column.clone()));
                }
            }
            Effect::Insert { table, reads, .. } if reads.is_empty() && self.is_new(table) => {
                self.filled.insert(self.facts.resolve(table));
            }
            Effect::Truncate { table, .. } | Effect::Delete(ChangeRows { table, .. }) => {
                self.filled.remove(&self.facts.resolve(table));
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
        let made = self.made_by(effect);
        let renamed = self.renamed_by(effect);
        let count = self.facts.relations.len();
        self.facts.apply(effect);
        if let Some((from, to)) = renamed
            && self.new.remove(&from)
        {
            self.new.insert(to);
        }
        self.new.extend(made);
        match (effect, &named, count.saturating_sub(self.facts.relations.len())) {
            (_, _, 0) => {}
            (Effect::DropTable { .. }, Some(table), 1) => _ = self.new.remove(table),
            // Something went with it.
            (Effect::DropTable { .. } | Effect::Drop { .. }, ..) => {
                let facts = &self.facts;
                self.new.retain(|name| facts.relations.contains_key(name));
            }
            _ => {}
        }
    }

    /// The same for the statements of a program. What one of them may have taken away may still be there.
    fn apply_program(&mut self, program: &Program) {
        for statement in &program.statements {
            let certain = statement.reach <= Reach::IfNeeded;
            let before: Vec<_> =
                if certain { Vec::new() } else { self.facts.relations.keys().cloned().collect() };
            statement.effects.iter().for_each(|effect| self.apply(effect));
            let gone = before.into_iter().filter(|name| !self.facts.relations.contains_key(name));
            self.beyond.extend(gone);
        }
        self.facts.complete &= program.leaves_behind_what_it_says();
    }

    /// The relation that the effect makes, if it is not there yet.
    pub(crate) fn made_by(&self, effect: &Effect) -> Option<RelationName> {
        let (name, persistence) = match effect {
            Effect::CreateTable(created) => (&created.table, created.persistence),
            Effect::CreateTableAs { table, persistence, .. } => (table, *persistence),
            Effect::CreateView(created) => (&created.view, Persistence::Permanent),
            Effect::Create { kind: ObjectKind::Sequence, name, .. } => (name, Persistence::Permanent),
            _ => return None,
        };
        let name = self.facts.new_relation_name(name, persistence);
        (!self.facts.relations.contains_key(&name)).then_some(name)
    }

    /// What was renamed or moved is as new as it was.
    fn renamed_by(&self, effect: &Effect) -> Option<(RelationName, RelationName)> {
        let moved = |from: RelationName, namespace: &Name| {
            let to = RelationName { namespace: Some(namespace.clone()), name: from.name.clone() };
            (from, to)
        };
        match effect {
            Effect::RenameTable { table: name, to }
            | Effect::RenameIndex { index: name, to }
            | Effect::Rename {
                kind: ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView,
                name,
                to,
            } => {
                let from = self.facts.resolve(name);
                let to = from.sibling(to.clone());
                Some((from, to))
            }
            Effect::MoveTable { table: name, namespace }
            | Effect::Move {
                kind: ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView,
                name,
                namespace,
            } => Some(moved(self.facts.resolve(name), namespace)),
            _ => None,
        }
    }
}
