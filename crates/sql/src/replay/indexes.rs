//! Indexes: built, dropped, renamed, and those that partitions get.

use underpin_catalog::{Name, RelationName};

use crate::effect::CreateIndex;
use crate::names::{index_name, object_name};
use crate::surroundings::{IndexFacts, RelationKind, Surroundings};

impl Surroundings {
    pub(super) fn create_index(&mut self, created: &CreateIndex) {
        let table = self.resolve(&created.table);
        let partitioned =
            self.relations.get(&table).is_some_and(|facts| facts.kind == RelationKind::Partitioned);
        let name = match (&created.name, index_name(created)) {
            (Some(name), _) => name.clone(),
            (None, Some(chosen)) => self.free_index_name(&table, chosen),
            (None, None) => {
                self.free_index_name(&table, object_name(table.name.as_str(), Some("expr"), "idx"))
            }
        };
        let name = table.sibling(name);
        if self.indexes.contains_key(&name) {
            return;
        }
        self.indexes.insert(
            name.clone(),
            IndexFacts {
                table: table.clone(),
                unique: created.unique,
                primary: false,
                constraint: None,
                columns: created.columns.clone(),
                reads: created.reads.clone(),
                partial: created.partial,
                // The parent of partitions is valid when an index of each of them is attached.
                valid: !(partitioned && created.only),
                partitioned,
                part_of: None,
            },
        );
        if partitioned && !created.only {
            for partition in self.partitions(&table) {
                self.partition_index(&name, &partition);
            }
        }
    }

    fn partitions(&self, table: &RelationName) -> Vec<RelationName> {
        self.relations.get(table).map(|facts| facts.descendants.clone()).unwrap_or_default()
    }

    /// A new partition gets an index for each index of its parent.
    pub(super) fn partition_indexes(&mut self, parent: &RelationName, partition: &RelationName) {
        let indexes: Vec<_> = self.indexes_of(parent).map(|(name, _)| name.clone()).collect();
        for index in indexes {
            self.partition_index(&index, partition);
        }
    }

    fn partition_index(&mut self, index: &RelationName, partition: &RelationName) {
        let Some(facts) = self.indexes.get(index) else { return };
        // One that is equal is adopted.
        let same = |other: &IndexFacts| {
            other.part_of.is_none()
                && other.columns == facts.columns
                && other.unique == facts.unique
                && other.partial == facts.partial
        };
        let own = self.indexes.of(partition).find(|(_, other)| same(other)).map(|(name, _)| name.clone());
        if let Some(name) = own {
            self.indexes.adopt(&name, index);
            return;
        }
        let label = match (facts.primary, facts.constraint.is_some()) {
            (true, _) => "pkey",
            (false, true) => "key",
            (false, false) => "idx",
        };
        let columns: Vec<_> = facts
            .columns
            .iter()
            .map(|column| column.as_ref().map_or("expr", Name::as_str).to_owned())
            .collect();
        let columns = columns.join("_");
        let columns = (label != "pkey").then_some(columns.as_str());
        let name = self.free_index_name(partition, object_name(partition.name.as_str(), columns, label));
        let partitioned =
            self.relations.get(partition).is_some_and(|facts| facts.kind == RelationKind::Partitioned);
        let own = IndexFacts {
            table: partition.clone(),
            part_of: Some(index.clone()),
            constraint: facts.constraint.is_some().then(|| name.clone()),
            partitioned,
            valid: true,
            ..facts.clone()
        };
        self.indexes.insert(partition.sibling(name), own);
    }

    /// PostgreSQL counts up behind the label when a name is taken.
    fn free_index_name(&self, table: &RelationName, wanted: Name) -> Name {
        let taken = |name: &Name| {
            let name = table.sibling(name.clone());
            self.indexes.contains_key(&name) || self.relations.contains_key(&name)
        };
        let mut name = wanted.clone();
        let mut count = 1;
        while taken(&name) {
            name = wanted.with_suffix(&count.to_string());
            count += 1;
        }
        name
    }

    pub(super) fn drop_index(&mut self, index: &RelationName) {
        let name = self.resolve(index);
        let Some(facts) = self.indexes.remove(&name) else { return };
        for partition in self.partitions(&facts.table) {
            let below =
                self.indexes.of(&partition).filter(|(_, other)| other.part_of.as_ref() == Some(&name));
            let below: Vec<_> = below.map(|(name, _)| name.clone()).collect();
            below.iter().for_each(|other| self.drop_index(other));
        }
    }

    /// `ALTER INDEX … RENAME TO` takes tables too, and renames the constraint that owns the index.
    pub(super) fn rename_index(&mut self, index: &RelationName, to: &Name) {
        let from = self.resolve(index);
        let Some(mut facts) = self.indexes.remove(&from) else {
            if self.relations.contains_key(&from) {
                self.rename_relation(&from, &from.sibling(to.clone()));
            }
            return;
        };
        if let Some(constraint) = facts.constraint.replace(to.clone()) {
            if let Some(known) = self.constraint_mut(&facts.table.clone(), &constraint) {
                known.name.clone_from(to);
            }
        } else {
            facts.constraint = None;
        }
        let to = from.sibling(to.clone());
        for partition in self.partitions(&facts.table) {
            let renamed = |own: &mut IndexFacts| {
                if own.part_of.as_ref() == Some(&from) {
                    own.part_of = Some(to.clone());
                }
            };
            self.indexes.change_of(&partition, |_, own| renamed(own));
        }
        self.indexes.insert(to, facts);
    }
}
