//! Tables and other relations: made, dropped, renamed, partitioned.

use underpin_catalog::{Name, RelationName};

use crate::effect::{AddConstraint, ColumnDefault, ConstraintKind, CreateTable, ObjectKind, Persistence};
use crate::surroundings::{RelationFacts, RelationKind, Surroundings, TEMPORARY};

impl Surroundings {
    /// The facts of the relation that `name` means, to change them.
    pub(super) fn relation_mut(&mut self, name: &RelationName) -> Option<&mut RelationFacts> {
        let name = self.resolve(name);
        self.relations.get_mut(&name)
    }

    /// Puts a new relation in, where it is not there yet.
    pub(super) fn insert_relation(&mut self, name: &RelationName, facts: RelationFacts) -> RelationName {
        let name = self.new_relation_name(name, facts.persistence);
        self.relations.insert_new(name.clone(), || facts);
        name
    }

    /// Where a new object of this name goes: the first namespace of the path, unless it says another.
    pub fn new_name(&self, name: &RelationName) -> RelationName {
        match (&name.namespace, self.search_path.first()) {
            (None, Some(first)) => RelationName { namespace: Some(first.clone()), name: name.name.clone() },
            _ => name.clone(),
        }
    }

    /// The same for a relation that lives this long: temporary ones have a namespace of their session.
    pub fn new_relation_name(&self, name: &RelationName, persistence: Persistence) -> RelationName {
        match persistence {
            Persistence::Temporary => RelationName::qualified(TEMPORARY, name.name.as_str()),
            Persistence::Permanent | Persistence::Unlogged => self.new_name(name),
        }
    }

    /// The session ends, and its temporary relations with it.
    pub fn end_session(&mut self) {
        let temporary = |name: &&RelationName| {
            name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == TEMPORARY)
        };
        let behind = self.relations.range(RelationName::qualified(TEMPORARY, "")..).map(|(name, _)| name);
        let gone: Vec<_> = behind.take_while(temporary).cloned().collect();
        gone.iter().for_each(|relation| self.drop_relation(relation));
    }

    pub(super) fn create_table(&mut self, created: &CreateTable) {
        let name = self.new_relation_name(&created.table, created.persistence);
        if self.relations.contains_key(&name) {
            return;
        }
        let kind = if created.partitioned { RelationKind::Partitioned } else { RelationKind::Table };
        let facts = RelationFacts {
            persistence: created.persistence,
            bytes: Some(0),
            rows_estimate: Some(0.0),
            partition_key: created.partition_key.clone(),
            access_method: Some(created.access_method.clone().unwrap_or_else(|| Name::new("heap"))),
            whole: created.like.is_empty()
                && created.inherits.is_empty()
                && created.partition_of.is_none()
                && created.of_type.is_none(),
            ..RelationFacts::empty(kind)
        };
        self.relations.insert(name.clone(), facts);
        for source in created.like.iter().chain(&created.inherits).chain(&created.partition_of) {
            self.copy_columns(source, &name);
        }
        for column in &created.columns {
            self.insert_column(&name, column);
        }
        // A foreign key may reference a key of the same table, which therefore comes first.
        let beside = created.columns.iter().flat_map(|column| &column.constraints);
        let all: Vec<&AddConstraint> = beside.chain(&created.constraints).collect();
        let is_foreign = |added: &&AddConstraint| matches!(added.kind, ConstraintKind::ForeignKey { .. });
        for added in all.iter().filter(|added| !is_foreign(added)) {
            self.insert_constraint(&name, added);
        }
        for added in all.iter().filter(|added| is_foreign(added)) {
            self.insert_constraint(&name, added);
        }
        for parent in &created.inherits {
            self.inherit(&name, parent, false);
        }
        if let Some(parent) = &created.partition_of {
            self.become_partition(parent, &name);
            if created.default_partition
                && let Some(facts) = self.relation_mut(parent)
            {
                facts.default_partition = Some(name);
            }
        }
    }

    /// `LIKE`, `INHERITS`, `PARTITION OF`: the columns of another table.
    fn copy_columns(&mut self, source: &RelationName, table: &RelationName) {
        let Some(columns) = self.relation(source).map(|facts| facts.columns.clone()) else { return };
        let Some(facts) = self.relations.get_mut(table) else { return };
        for column in columns {
            if facts.column(&column.name).is_none() {
                facts.columns.push(column);
            }
        }
    }

    /// Also drops what cannot be without it: its indexes, its sequences, foreign keys to it, views on it.
    pub(super) fn drop_relation(&mut self, relation: &RelationName) {
        let name = self.resolve(relation);
        let Some(facts) = self.relations.remove(&name) else { return };
        self.indexes.remove_of(&name, |_| true);
        self.relations.change_naming(&name, |other| {
            other.constraints.retain(|constraint| constraint.referenced.as_ref() != Some(&name));
            other.referenced_by.retain(|referencing| *referencing != name);
            other.descendants.retain(|descendant| *descendant != name);
            other.inherits.retain(|parent| *parent != name);
            other.default_partition.take_if(|partition| *partition == name);
        });
        self.change_types_of(&facts, |of_type| of_type.used_by.retain(|user| *user != name));
        self.remove_sequences_of(&name, None);
        if facts.kind == RelationKind::Partitioned {
            for partition in &facts.descendants {
                self.drop_relation(partition);
            }
        }
        let reads = |facts: &RelationFacts| facts.reads.iter().any(|read| read.relation == name);
        let naming = self.relations.naming(&name);
        let views: Vec<_> = naming.filter(|(_, facts)| reads(facts)).map(|(name, _)| name.clone()).collect();
        for view in views {
            self.drop_relation(&view);
        }
    }

    pub(super) fn move_relation(&mut self, relation: &RelationName, namespace: &Name) {
        let from = self.resolve(relation);
        let to = RelationName { namespace: Some(namespace.clone()), name: from.name.clone() };
        let indexes: Vec<_> = self.indexes_of(&from).map(|(name, _)| name.clone()).collect();
        for index in indexes {
            if let Some(facts) = self.indexes.remove(&index) {
                let moved = RelationName { namespace: Some(namespace.clone()), name: index.name };
                self.indexes.insert(moved, facts);
            }
        }
        let owned: Vec<_> = self.sequences_of(&from).collect();
        self.rename_relation(&from, &to);
        for sequence in owned {
            let moved = RelationName { namespace: Some(namespace.clone()), name: sequence.name.clone() };
            self.rename_relation(&sequence, &moved);
        }
    }

    /// The new name, wherever the old one stands.
    pub(super) fn rename_relation(&mut self, from: &RelationName, to: &RelationName) {
        let rename = |name: &mut RelationName| {
            if name == from {
                name.clone_from(to);
            }
        };
        if let Some(facts) = self.relations.remove(from) {
            self.change_types_of(&facts, |of_type| of_type.used_by.iter_mut().for_each(rename));
            self.relations.insert(to.clone(), facts);
        }
        self.relations.change_naming(from, |facts| {
            facts
                .constraints
                .iter_mut()
                .filter_map(|constraint| constraint.referenced.as_mut())
                .for_each(rename);
            facts.referenced_by.iter_mut().for_each(rename);
            facts.descendants.iter_mut().for_each(rename);
            facts.inherits.iter_mut().for_each(rename);
            facts.reads.iter_mut().map(|read| &mut read.relation).for_each(rename);
            facts.partition_of.iter_mut().for_each(rename);
            facts.default_partition.iter_mut().for_each(rename);
            facts.owned_by.iter_mut().map(|(table, _)| table).for_each(rename);
        });
        self.indexes.rename_table(from, to);
        self.routines.values_mut().flat_map(|facts| &mut facts.trigger_of).for_each(rename);
    }

    /// The sequences that belong to columns of a table.
    pub(crate) fn sequences_of(&self, table: &RelationName) -> impl Iterator<Item = RelationName> + use<> {
        let table = self.resolve(table);
        let is_owned =
            |facts: &RelationFacts| facts.owned_by.as_ref().is_some_and(|(owner, _)| *owner == table);
        let naming = self.relations.naming(&table);
        let owned: Vec<_> =
            naming.filter(|(_, facts)| is_owned(facts)).map(|(name, _)| name.clone()).collect();
        owned.into_iter()
    }

    /// The sequences that belong to a column of a table, or to any of them, go.
    pub(super) fn remove_sequences_of(&mut self, table: &RelationName, column: Option<&Name>) {
        let is_owned = |facts: &RelationFacts| {
            let owner = facts.owned_by.as_ref().filter(|(owner, _)| owner == table);
            owner.is_some_and(|(_, own)| column.is_none_or(|column| own == column))
        };
        let naming = self.relations.naming(table);
        let gone: Vec<_> =
            naming.filter(|(_, facts)| is_owned(facts)).map(|(name, _)| name.clone()).collect();
        for sequence in gone {
            self.relations.remove(&sequence);
        }
    }

    pub(super) fn attach(&mut self, parent: &RelationName, partition: &RelationName) {
        let partition = self.resolve(partition);
        self.become_partition(parent, &partition);
    }

    fn become_partition(&mut self, parent: &RelationName, partition: &RelationName) {
        let parent = self.resolve(parent);
        if let Some(facts) = self.relations.get_mut(partition) {
            facts.partition_of = Some(parent.clone());
        }
        self.add_descendant(&parent, partition);
        self.partition_indexes(&parent, partition);
    }

    pub(super) fn detach(&mut self, parent: &RelationName, partition: &RelationName) {
        let (parent, partition) = (self.resolve(parent), self.resolve(partition));
        if let Some(facts) = self.relations.get_mut(&partition) {
            facts.partition_of = None;
        }
        self.remove_descendant(&parent, &partition);
        self.indexes.change_of(&partition, |_, index| index.part_of = None);
    }

    pub(super) fn inherit(&mut self, table: &RelationName, parent: &RelationName, ends: bool) {
        let (table, parent) = (self.resolve(table), self.resolve(parent));
        if ends {
            self.remove_descendant(&parent, &table);
        } else {
            self.add_descendant(&parent, &table);
        }
        if let Some(facts) = self.relations.get_mut(&table) {
            facts.inherits.retain(|known| *known != parent);
            if !ends {
                facts.inherits.push(parent);
            }
        }
    }

    /// The table and everything that it is part of.
    fn ancestors(&self, table: &RelationName) -> Vec<RelationName> {
        let mut all = vec![table.clone()];
        let mut at = 0;
        while let Some(name) = all.get(at) {
            if let Some(facts) = self.relations.get(name) {
                let parents: Vec<_> = facts.partition_of.iter().chain(&facts.inherits).cloned().collect();
                all.extend(parents.into_iter().filter(|parent| !all.contains(parent)).collect::<Vec<_>>());
            }
            at += 1;
        }
        all
    }

    fn add_descendant(&mut self, parent: &RelationName, table: &RelationName) {
        let mut below = vec![table.clone()];
        below.extend(self.relations.get(table).map(|facts| facts.descendants.clone()).unwrap_or_default());
        for ancestor in self.ancestors(parent) {
            if let Some(facts) = self.relations.get_mut(&ancestor) {
                let fresh: Vec<_> =
                    below.iter().filter(|name| !facts.descendants.contains(name)).cloned().collect();
                facts.descendants.extend(fresh);
            }
        }
    }

    fn remove_descendant(&mut self, parent: &RelationName, table: &RelationName) {
        let mut below = vec![table.clone()];
        below.extend(self.relations.get(table).map(|facts| facts.descendants.clone()).unwrap_or_default());
        for ancestor in self.ancestors(parent) {
            if let Some(facts) = self.relations.get_mut(&ancestor) {
                facts.descendants.retain(|name| !below.contains(name));
                facts.default_partition.take_if(|partition| below.contains(partition));
            }
        }
    }

    pub(super) fn rename_object(&mut self, kind: ObjectKind, name: &RelationName, to: &Name) {
        match kind {
            ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                let from = self.resolve(name);
                self.rename_relation(&from, &from.sibling(to.clone()));
            }
            ObjectKind::Type | ObjectKind::Domain => {
                let from = self.resolve_type(name);
                self.rename_type(&from, &from.sibling(to.clone()));
            }
            ObjectKind::Schema => self.rename_namespace(&name.name, to),
            ObjectKind::Routine => {
                let from = self.new_name(name);
                if let Some(facts) = self.routines.remove(&from) {
                    self.routines.insert(from.sibling(to.clone()), facts);
                }
            }
            ObjectKind::Extension | ObjectKind::Role | ObjectKind::Other => {}
        }
    }

    pub(super) fn move_object(&mut self, kind: ObjectKind, name: &RelationName, namespace: &Name) {
        match kind {
            ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                self.move_relation(name, namespace);
            }
            ObjectKind::Type | ObjectKind::Domain => {
                let from = self.resolve_type(name);
                let to = RelationName { namespace: Some(namespace.clone()), name: from.name.clone() };
                self.rename_type(&from, &to);
            }
            ObjectKind::Routine
            | ObjectKind::Schema
            | ObjectKind::Extension
            | ObjectKind::Role
            | ObjectKind::Other => {}
        }
    }

    pub(super) fn drop_object(&mut self, kind: ObjectKind, name: &RelationName) {
        match kind {
            ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                self.drop_relation(name)
            }
            ObjectKind::Type | ObjectKind::Domain => {
                let name = self.resolve_type(name);
                self.types.remove(&name);
            }
            ObjectKind::Schema => {
                let inside: Vec<_> = self
                    .relations
                    .keys()
                    .filter(|relation| relation.namespace.as_ref() == Some(&name.name))
                    .cloned()
                    .collect();
                for relation in inside {
                    self.drop_relation(&relation);
                }
                self.types.retain(|own, _| own.namespace.as_ref() != Some(&name.name));
            }
            ObjectKind::Routine => {
                let name = self.new_name(name);
                self.routines.remove(&name);
            }
            ObjectKind::Extension | ObjectKind::Role | ObjectKind::Other => {}
        }
    }

    fn rename_namespace(&mut self, from: &Name, to: &Name) {
        let inside = |name: &RelationName| name.namespace.as_ref() == Some(from);
        let moved =
            |name: &RelationName| RelationName { namespace: Some(to.clone()), name: name.name.clone() };
        let relations: Vec<_> = self.relations.keys().filter(|name| inside(name)).cloned().collect();
        for relation in relations {
            self.rename_relation(&relation, &moved(&relation));
        }
        let indexes: Vec<_> = self.indexes.keys().filter(|name| inside(name)).cloned().collect();
        for index in indexes {
            if let Some(facts) = self.indexes.remove(&index) {
                self.indexes.insert(moved(&index), facts);
            }
        }
        let types: Vec<_> = self.types.keys().filter(|name| inside(name)).cloned().collect();
        for name in types {
            self.rename_type(&name, &moved(&name));
        }
        for name in self.search_path.iter_mut().filter(|name| *name == from) {
            name.clone_from(to);
        }
    }
}

/// Whether a default makes a sequence that belongs to the column.
pub(super) fn has_sequence(default: &ColumnDefault) -> bool {
    matches!(default, ColumnDefault::Serial | ColumnDefault::Identity)
}
