//! Views, types, domains, policies, and what only has a description.

use underpin_catalog::LockMode::{AccessExclusive, AccessShare, Exclusive, RowExclusive, Share};
use underpin_catalog::{Name, RelationName};

use super::Claims;
use crate::effect::{CreateView, ObjectKind, PolicyChange};
use crate::work::WorkKind;

impl Claims<'_> {
    pub(super) fn create_view(&mut self, created: &CreateView) {
        let exists = self.facts(&created.view).is_some();
        if created.if_not_exists && exists {
            return;
        }
        if created.materialized {
            self.filled_from(&created.reads, created.with_data);
        } else {
            self.lock_all(&created.reads, AccessShare);
        }
        if created.replace && exists {
            self.lock(&created.view, AccessExclusive);
        }
    }

    /// The old content is replaced under ACCESS EXCLUSIVE, or compared with the new one.
    pub(super) fn refresh(&mut self, view: &RelationName, concurrently: bool, with_data: bool) {
        let mode = if concurrently { Exclusive } else { AccessExclusive };
        self.lock(view, mode);
        self.lock_indexes(view, if concurrently { RowExclusive } else { AccessExclusive });
        if concurrently {
            self.work_on(view, WorkKind::Scan);
        } else {
            self.work_on(view, if with_data { WorkKind::Fill } else { WorkKind::Replace });
            for (index, _) in self.indexes(view) {
                self.work_on(&index, if with_data { WorkKind::Rewrite } else { WorkKind::Replace });
                if with_data {
                    self.work_on(view, WorkKind::Build);
                }
            }
        }
        let reads = self.facts(view).map(|facts| facts.reads.clone()).unwrap_or_default();
        if with_data {
            for read in reads {
                self.query(&read.relation, AccessShare, Some(WorkKind::Scan));
            }
        }
    }

    pub(super) fn alter_object(&mut self, kind: ObjectKind, name: &RelationName) {
        match kind {
            ObjectKind::Sequence | ObjectKind::View => self.lock(name, AccessExclusive),
            ObjectKind::MaterializedView => {
                self.lock(name, AccessExclusive);
                self.lock_indexes(name, AccessExclusive);
            }
            _ => {}
        }
    }

    pub(super) fn rename_object(&mut self, kind: ObjectKind, name: &RelationName) {
        if matches!(kind, ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView) {
            self.lock(name, AccessExclusive);
        }
    }

    /// `ADD CONSTRAINT`, `SET NOT NULL` and even `VALIDATE` look at every row of every table that uses the
    /// domain.
    pub(super) fn constrain_domain(&mut self, name: &RelationName, checks: bool) {
        if !checks {
            return;
        }
        let used_by = self.around.type_facts(name).map(|facts| facts.used_by.clone()).unwrap_or_default();
        for table in used_by {
            self.lock(&table, Share);
            self.work_tree(&table, WorkKind::Scan);
        }
    }

    pub(super) fn policy(&mut self, table: &RelationName, policy: &Name, how: &PolicyChange) {
        match how {
            PolicyChange::Create { asks, .. } => {
                self.lock(table, AccessExclusive);
                self.lock_all(asks, AccessShare);
            }
            PolicyChange::Alter => self.lock(table, AccessExclusive),
            PolicyChange::Drop => {
                let known = self.facts(table).is_some_and(|facts| facts.policies.contains_key(policy));
                if known || !self.around.complete {
                    self.lock(table, AccessExclusive);
                }
            }
        }
    }
}
