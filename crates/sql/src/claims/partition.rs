//! Partitions: attached, detached.

use underpin_catalog::LockMode::{AccessExclusive, ShareUpdateExclusive};
use underpin_catalog::RelationName;

use super::Claims;
use crate::bounds::{PartitionBounds, is_proven};
use crate::effect::Detach;
use crate::work::WorkKind;

impl Claims<'_> {
    /// The table that joins is read, unless a check says what the bounds say, and a default partition is
    /// read for rows of the new one. Indexes of the parent that it lacks are built.
    pub(super) fn attach(
        &mut self,
        table: &RelationName,
        partition: &RelationName,
        bounds: &PartitionBounds,
    ) {
        self.lock(table, ShareUpdateExclusive);
        self.lock_indexes(table, ShareUpdateExclusive);
        self.lock_tree(partition, AccessExclusive);
        if !is_proven(self.around, table, partition, bounds) {
            self.work_tree(partition, WorkKind::Scan);
        }
        if let Some(other) = self.facts(table).and_then(|facts| facts.default_partition.clone()) {
            self.lock_tree(&other, AccessExclusive);
            self.work_tree(&other, WorkKind::Scan);
        }
    }

    pub(super) fn detach(&mut self, table: &RelationName, partition: &RelationName, how: Detach) {
        self.lock(table, if how == Detach::AtOnce { AccessExclusive } else { ShareUpdateExclusive });
        self.lock(partition, AccessExclusive);
        for (index, facts) in self.indexes(partition) {
            if facts.part_of.is_some() {
                self.lock(&index, AccessExclusive);
            }
        }
        if let Some(other) = self.facts(table).and_then(|facts| facts.default_partition.clone()) {
            self.lock(&other, AccessExclusive);
        }
    }
}
