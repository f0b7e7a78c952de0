//! Indexes: built, dropped, changed, built anew.

use underpin_catalog::LockMode::{AccessExclusive, AccessShare, Share, ShareUpdateExclusive};
use underpin_catalog::RelationName;

use super::Claims;
use crate::effect::{CreateIndex, IndexChange, ReindexTarget};
use crate::work::WorkKind;

impl Claims<'_> {
    pub(super) fn create_index(&mut self, created: &CreateIndex) {
        let table = self.around.resolve(&created.table);
        let exists = created
            .name
            .as_ref()
            .is_some_and(|name| self.around.index(&table.sibling(name.clone())).is_some());
        if created.if_not_exists && exists {
            // The concurrent form has let go of the table when it says that there is nothing to do.
            if !created.concurrently {
                self.lock(&table, Share);
            }
            return;
        }
        if created.concurrently {
            self.lock(&table, ShareUpdateExclusive);
            self.work_on(&table, WorkKind::Build);
            return;
        }
        if created.only {
            self.lock(&table, Share);
            if !self.is_partitioned(&table) {
                self.work_on(&table, WorkKind::Build);
            }
            return;
        }
        self.lock_partitions(&table, Share);
        for heap in self.with_rows(self.partitions(&table)) {
            self.work_on(&heap, WorkKind::Build);
        }
    }

    /// The index with those of partitions that belong to it.
    fn index_tree(&self, index: &RelationName) -> Vec<RelationName> {
        let mut tree = vec![self.around.resolve(index)];
        let mut at = 0;
        while let Some(parent) = tree.get(at).cloned() {
            let parts =
                self.around.indexes.iter().filter(|(_, facts)| facts.part_of.as_ref() == Some(&parent));
            tree.extend(parts.map(|(name, _)| name.clone()));
            at += 1;
        }
        tree
    }

    pub(super) fn drop_index(&mut self, index: &RelationName, concurrently: bool) {
        let mode = if concurrently { ShareUpdateExclusive } else { AccessExclusive };
        for part in self.index_tree(index) {
            let table = self.around.index(&part).map(|facts| facts.table.clone());
            if table.is_some() || !self.around.complete {
                self.lock(&part, mode);
            }
            if let Some(table) = table {
                self.lock(&table, mode);
            }
        }
    }

    pub(super) fn alter_index(&mut self, index: &RelationName, how: &IndexChange) {
        match how {
            IndexChange::Parameters => self.lock(index, ShareUpdateExclusive),
            IndexChange::Tablespace => {
                self.lock(index, AccessExclusive);
                self.work_on(index, WorkKind::Rewrite);
            }
            IndexChange::Attach { partition } => {
                self.lock(index, ShareUpdateExclusive);
                self.lock(partition, AccessExclusive);
                for index in [index, partition] {
                    if let Some(table) = self.around.index(index).map(|facts| facts.table.clone()) {
                        self.lock(&table, AccessShare);
                    }
                }
            }
        }
    }

    pub(super) fn reindex(&mut self, target: &ReindexTarget, concurrently: bool) {
        match target {
            ReindexTarget::Index(index) => self.reindex_index(index, concurrently),
            ReindexTarget::Table(table) => self.reindex_table(table, concurrently),
            ReindexTarget::Schema(namespace) => {
                let tables = self.around.relations.keys();
                let tables: Vec<_> =
                    tables.filter(|table| table.namespace.as_ref() == Some(namespace)).cloned().collect();
                for table in tables {
                    if !self.indexes(&table).is_empty() && !self.is_partitioned(&table) {
                        self.reindex_table(&table, concurrently);
                    }
                }
            }
            ReindexTarget::Everything | ReindexTarget::Catalogs => {}
        }
    }

    fn reindex_index(&mut self, index: &RelationName, concurrently: bool) {
        for part in self.index_tree(index) {
            let Some(facts) = self.around.index(&part).cloned() else {
                if !self.around.complete && !concurrently {
                    self.lock(&part, AccessExclusive);
                }
                continue;
            };
            if facts.partitioned {
                if !concurrently {
                    self.lock(&facts.table, Share);
                    self.lock(&part, AccessExclusive);
                }
                continue;
            }
            self.build_anew(&facts.table, &part, concurrently);
        }
    }

    fn reindex_table(&mut self, table: &RelationName, concurrently: bool) {
        for heap in self.with_rows(self.partitions(table)) {
            self.lock(&heap, if concurrently { ShareUpdateExclusive } else { Share });
            for (index, _) in self.indexes(&heap) {
                self.build_anew(&heap, &index, concurrently);
            }
        }
    }

    /// The concurrent form builds another index and gives it the name.
    fn build_anew(&mut self, table: &RelationName, index: &RelationName, concurrently: bool) {
        if concurrently {
            self.lock(table, ShareUpdateExclusive);
            self.lock(index, ShareUpdateExclusive);
        } else {
            self.lock(table, Share);
            self.lock(index, AccessExclusive);
            self.work_on(index, WorkKind::Rewrite);
        }
        self.work_on(table, WorkKind::Build);
    }
}
