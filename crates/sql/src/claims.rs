//! What an effect locks and what it works on: the one place that says it.
//!
//! The claims are those of PostgreSQL 13 to 18 and are held against servers, form by form: the pages in
//! `forms/` say what was seen, and this crate's tests compare. They name tables, indexes, sequences, views and
//! composite types that are there before the effect, and leave out TOAST tables and the system's own.
//! What nobody knows is claimed at its worst: a table without facts is large, a function without facts
//! volatile.
//!
//! What is easily missed and matters most: dropping a foreign key, with its column, its table or alone, takes
//! ACCESS EXCLUSIVE on the *referenced* table, and creating one takes SHARE ROW EXCLUSIVE there.

mod column;
mod constraint;
mod drop;
mod index;
mod object;
mod partition;
mod rows;
mod table;

use std::collections::BTreeSet;

use underpin_catalog::LockMode::{
    self, AccessExclusive, AccessShare, ShareRowExclusive, ShareUpdateExclusive,
};
use underpin_catalog::{Name, RelationName};

use crate::effect::{Binding, Effect, Persistence, Rows, TableOption};
use crate::locks::merged;
use crate::step::LockClaim;
use crate::surroundings::{IndexFacts, RelationFacts, RelationKind, Surroundings};
use crate::work::{Work, WorkKind};

/// What effects claim, while it is collected.
pub(crate) struct Claims<'a> {
    around: &'a Surroundings,
    locks: Vec<LockClaim>,
    work: Vec<Work>,
    /// Indexes that are dropped, to be made again or not: whatever else is done, their files are not written
    /// anew.
    remade: BTreeSet<RelationName>,
    /// Tables that the statement writes anew for the type of one of their columns.
    retyped: BTreeSet<RelationName>,
}

impl<'a> Claims<'a> {
    /// The claims of effects that begin in the same surroundings: one statement's.
    pub(crate) fn of<'e>(effects: impl IntoIterator<Item = &'e Effect>, around: &'a Surroundings) -> Self {
        let effects: Vec<_> = effects.into_iter().collect();
        let mut claims = Self {
            around,
            locks: Vec::new(),
            work: Vec::new(),
            remade: BTreeSet::new(),
            retyped: effects.iter().filter_map(|effect| column::retyped(effect, around)).collect(),
        };
        for effect in effects {
            claims.add(effect);
        }
        claims
    }

    /// The strongest mode for each relation, in name order.
    pub(crate) fn locks(self) -> Vec<LockClaim> {
        merged(self.locks)
    }

    /// Each work once, in name order.
    pub(crate) fn work(self) -> Vec<Work> {
        self.locks_and_work().1
    }

    /// Both.
    pub(crate) fn locks_and_work(mut self) -> (Vec<LockClaim>, Vec<Work>) {
        self.work.retain(|work| !self.remade.contains(&work.relation));
        self.work.sort();
        self.work.dedup();
        (merged(self.locks), self.work)
    }

    fn add(&mut self, effect: &Effect) {
        match effect {
            Effect::CreateTable(created) => self.create_table(created),
            Effect::CreateTableAs { reads, with_data, .. } => self.filled_from(reads, *with_data),
            Effect::DropTable { table, cascade, .. } => self.drop_relation(table, *cascade),
            Effect::RenameTable { table, .. } => self.lock(table, AccessExclusive),
            Effect::MoveTable { table, .. } => {
                self.lock(table, AccessExclusive);
                self.lock_sequences(table, AccessExclusive);
            }
            Effect::AddColumn(added) => self.add_column(added),
            Effect::DropColumn { table, column, cascade, .. } => self.drop_column(table, column, *cascade),
            Effect::RenameColumn { table, .. }
            | Effect::SetDefault { table, .. }
            | Effect::DropDefault { table, .. } => self.lock_tree(table, AccessExclusive),
            Effect::ChangeColumnType { table, column, to, using, collation } => {
                self.change_type(table, column, to, *using, *collation);
            }
            Effect::SetNotNull { table, column } => self.set_not_null(table, column),
            Effect::DropNotNull { table, column } => self.drop_not_null(table, column),
            Effect::ChangeGeneration { table, column, how } => self.change_generation(table, column, *how),
            Effect::AddConstraint(added) => self.add_constraint(added),
            Effect::ValidateConstraint { table, constraint } => self.validate(table, constraint),
            Effect::AlterConstraint { table, constraint, enforced } => {
                self.alter_constraint(table, constraint, *enforced);
            }
            Effect::DropConstraint { table, constraint, cascade, .. } => {
                self.drop_constraint(table, constraint, *cascade);
            }
            Effect::RenameConstraint { table, constraint, .. } => {
                self.lock_tree(table, AccessExclusive);
                if let Some(index) = self.index_of_constraint(table, constraint) {
                    self.lock(&index, ShareUpdateExclusive);
                }
            }
            Effect::CreateIndex(created) => self.create_index(created),
            Effect::DropIndex { index, concurrently, .. } => self.drop_index(index, *concurrently),
            Effect::RenameIndex { index, .. } => self.lock(index, ShareUpdateExclusive),
            Effect::AlterIndex { index, how } => self.alter_index(index, how),
            Effect::AlterTable { table, what } => self.alter_table(table, what),
            Effect::MoveStorage { table, to } => self.move_storage(table, to),
            Effect::AttachPartition { table, partition, bounds } => self.attach(table, partition, bounds),
            Effect::DetachPartition { table, partition, how } => {
                self.detach(table, partition, *how);
            }
            Effect::Inherit { table, parent, ends } => {
                self.lock(table, AccessExclusive);
                self.lock(parent, if *ends { AccessShare } else { ShareUpdateExclusive });
            }
            Effect::CreateView(created) => self.create_view(created),
            Effect::AlterSequence { sequence, owned_by, renumbers } => {
                self.alter_sequence(sequence, owned_by.as_ref().map(|(table, _)| table), *renumbers);
            }
            Effect::ChangeAttributes { name } => self.lock_type(name, AccessExclusive),
            Effect::Alter { kind, name } => self.alter_object(*kind, name),
            Effect::Rename { kind, name, .. } | Effect::Move { kind, name, .. } => {
                self.rename_object(*kind, name);
            }
            Effect::Drop { kind, name, cascade, .. } => self.drop_object(*kind, name, *cascade),
            Effect::ConstrainDomain { name, checks } => self.constrain_domain(name, *checks),
            Effect::CreateTrigger(created) => {
                if created.each_row {
                    self.lock_partitions(&created.table, ShareRowExclusive);
                } else {
                    self.lock(&created.table, ShareRowExclusive);
                }
                self.lock_all(&created.from, AccessShare);
            }
            Effect::DropTrigger { table, trigger, if_exists } => {
                self.drop_trigger(table, trigger, *if_exists);
            }
            // Up to 14 the triggers of partitions kept their names.
            Effect::RenameTrigger { table, .. } if self.major() < 15 => self.lock(table, AccessExclusive),
            Effect::RenameTrigger { table, .. } => self.lock_partitions(table, AccessExclusive),
            Effect::SwitchTrigger { table } => self.lock_partitions(table, ShareRowExclusive),
            Effect::Policy { table, policy, how } => self.policy(table, policy, how),
            Effect::Rule { table, reads, writes } => {
                self.lock(table, AccessExclusive);
                self.lock_all(writes, LockMode::RowExclusive);
                self.lock_all(reads, AccessShare);
            }
            Effect::Register { table, .. } => self.lock(table, ShareUpdateExclusive),
            // Bodies that the server looks at when it makes the function.
            Effect::CreateRoutine { body, .. } => {
                if body.binding != Binding::Late {
                    for read in &body.reads {
                        self.lock_all(&read.relations, AccessShare);
                        self.lock_all(&read.written, LockMode::RowExclusive);
                    }
                }
            }
            Effect::Comment { relation: Some(relation), part } => {
                self.lock(relation, if *part { AccessShare } else { ShareUpdateExclusive });
            }
            // Nothing up to 17.
            Effect::Grant { tables, .. } => {
                if self.major() >= 18 {
                    self.lock_all(tables, AccessShare);
                }
            }
            Effect::Insert { table, columns, arbitrates, reads } => {
                self.insert(table, columns, *arbitrates, reads);
            }
            Effect::Update(changed) => self.update(changed),
            Effect::Delete(changed) => self.delete(changed),
            Effect::Merge { table, reads } => {
                self.query(table, LockMode::RowExclusive, Some(WorkKind::LookUp));
                self.query_all(reads, AccessShare, WorkKind::Scan);
            }
            Effect::Truncate { table, cascade, restarts } => self.truncate(table, *cascade, *restarts),
            Effect::Select { reads, locks_rows, rows, sequences, .. } => {
                self.select(reads, *locks_rows, rows, sequences);
            }
            Effect::Copy { table, writes } => {
                if let Some(table) = table {
                    self.copy(table, *writes);
                }
            }
            Effect::LockTable { table, mode } => self.lock_table(table, *mode),
            Effect::Vacuum { table, full } => self.vacuum(table.as_ref(), *full),
            Effect::Analyze { table } => self.analyze(table.as_ref()),
            Effect::Reindex { target, concurrently } => self.reindex(target, *concurrently),
            Effect::Cluster { table } => {
                if let Some(table) = table {
                    self.lock(table, AccessExclusive);
                    self.rewrite_all(table);
                }
            }
            Effect::RefreshView { view, concurrently, with_data } => {
                self.refresh(view, *concurrently, *with_data);
            }
            // One transaction, so that everything is held together; what it makes nobody else can hold.
            Effect::Do(program) => {
                let made: Vec<_> = program.effects().filter_map(|effect| self.made_by(effect)).collect();
                program.effects().for_each(|effect| self.add(effect));
                self.locks.retain(|claim| !made.contains(&claim.relation));
                self.work.retain(|work| !made.contains(&work.relation));
            }
            Effect::CreateType { .. }
            | Effect::Create { .. }
            | Effect::AddEnumValue { .. }
            | Effect::RenameEnumValue { .. }
            | Effect::Comment { relation: None, .. }
            | Effect::Set(_)
            | Effect::TransactionControl(_)
            | Effect::Call { .. }
            | Effect::Server { .. }
            | Effect::Unknown { .. } => {}
        }
    }
}

/// What the families have in common.
impl Claims<'_> {
    fn major(&self) -> u32 {
        self.around.version.major()
    }

    fn facts(&self, relation: &RelationName) -> Option<&RelationFacts> {
        self.around.relation(relation)
    }

    fn lock(&mut self, relation: &RelationName, mode: LockMode) {
        self.locks.push(LockClaim { relation: self.around.resolve(relation), mode });
    }

    fn lock_all<'r>(&mut self, relations: impl IntoIterator<Item = &'r RelationName>, mode: LockMode) {
        for relation in relations {
            self.lock(relation, mode);
        }
    }

    /// The table and everything below it, partitions and children alike.
    fn tree(&self, table: &RelationName) -> Vec<RelationName> {
        let mut tree = vec![self.around.resolve(table)];
        tree.extend(self.facts(table).map(|facts| facts.descendants.clone()).unwrap_or_default());
        tree
    }

    /// The table and its partitions; children that inherit are tables of their own here.
    fn partitions(&self, table: &RelationName) -> Vec<RelationName> {
        let partitioned = self.facts(table).is_some_and(|facts| facts.kind == RelationKind::Partitioned);
        if partitioned { self.tree(table) } else { vec![self.around.resolve(table)] }
    }

    /// Those that have rows of their own. A relation without facts is taken for a table.
    fn with_rows(&self, relations: Vec<RelationName>) -> Vec<RelationName> {
        let has_rows = |relation: &RelationName| {
            self.facts(relation).is_none_or(|facts| {
                matches!(facts.kind, RelationKind::Table | RelationKind::MaterializedView)
            })
        };
        relations.into_iter().filter(has_rows).collect()
    }

    fn lock_tree(&mut self, table: &RelationName, mode: LockMode) {
        self.lock_all(&self.tree(table), mode);
    }

    fn lock_partitions(&mut self, table: &RelationName, mode: LockMode) {
        self.lock_all(&self.partitions(table), mode);
    }

    fn indexes(&self, table: &RelationName) -> Vec<(RelationName, IndexFacts)> {
        self.around.indexes_of(table).map(|(name, facts)| (name.clone(), facts.clone())).collect()
    }

    fn lock_indexes(&mut self, table: &RelationName, mode: LockMode) {
        for (index, _) in self.around.indexes_of(table) {
            self.locks.push(LockClaim { relation: index.clone(), mode });
        }
    }

    fn lock_sequences(&mut self, table: &RelationName, mode: LockMode) {
        for sequence in self.around.sequences_of(table) {
            self.lock(&sequence, mode);
        }
    }

    fn index_of_constraint(&self, table: &RelationName, constraint: &Name) -> Option<RelationName> {
        let mut indexes = self.around.indexes_of(table);
        indexes.find(|(_, facts)| facts.constraint.as_ref() == Some(constraint)).map(|(name, _)| name.clone())
    }

    fn work_on(&mut self, relation: &RelationName, kind: WorkKind) {
        self.work.push(Work { relation: self.around.resolve(relation), kind });
    }

    /// The same work on every table below that has rows.
    fn work_tree(&mut self, table: &RelationName, kind: WorkKind) {
        for heap in self.with_rows(self.tree(table)) {
            self.work_on(&heap, kind);
        }
    }

    /// The table and each of its indexes written anew. Those that `is_new` picks are made again instead,
    /// under the same lock.
    fn rewrite(&mut self, heap: &RelationName, is_new: impl Fn(&IndexFacts) -> bool) {
        self.work_on(heap, WorkKind::Rewrite);
        if self.around.indexes_of(heap).next().is_some() {
            self.work_on(heap, WorkKind::Build);
        }
        for (index, facts) in self.indexes(heap) {
            self.lock(&index, AccessExclusive);
            self.work_on(&index, WorkKind::Rewrite);
            if is_new(&facts) {
                self.remade.insert(index);
            }
        }
    }

    fn rewrite_all(&mut self, table: &RelationName) {
        for heap in self.with_rows(self.tree(table)) {
            self.rewrite(&heap, |_| false);
        }
    }

    /// What planning and executing a query takes: its relations, what is behind a view, and every index
    /// that the planner looks at. That of a partitioned parent is looked at since 16.
    fn query(&mut self, relation: &RelationName, mode: LockMode, work: Option<WorkKind>) {
        self.lock(relation, mode);
        let Some(facts) = self.facts(relation) else {
            if let Some(kind) = work {
                self.work_on(relation, kind);
            }
            return;
        };
        let (kind, descendants) = (facts.kind, facts.descendants.clone());
        let reads: Vec<_> = facts.reads.iter().map(|read| read.relation.clone()).collect();
        match kind {
            RelationKind::View => {
                for read in reads {
                    self.query(&read, mode, work);
                }
                return;
            }
            RelationKind::Partitioned if self.major() < 16 => {}
            _ => self.lock_indexes(relation, mode),
        }
        if let Some(work) =
            work.filter(|_| matches!(kind, RelationKind::Table | RelationKind::MaterializedView))
        {
            self.work_on(relation, work);
        }
        for descendant in descendants {
            // Each lists all that is below it: one level is enough.
            self.lock(&descendant, mode);
            let is_leaf = self.with_rows(vec![descendant.clone()]);
            if is_leaf.is_empty() && self.major() < 16 {
                continue;
            }
            self.lock_indexes(&descendant, mode);
            if let (Some(work), false) = (work, is_leaf.is_empty()) {
                self.work_on(&descendant, work);
            }
        }
    }

    fn query_all(&mut self, relations: &[RelationName], mode: LockMode, work: WorkKind) {
        for relation in relations {
            self.query(relation, mode, Some(work));
        }
    }

    /// `AS SELECT …`, whether or not the query is executed.
    fn filled_from(&mut self, reads: &[RelationName], with_data: bool) {
        if with_data {
            self.query_all(reads, AccessShare, WorkKind::Scan);
        } else {
            self.lock_all(reads, AccessShare);
        }
    }

    fn select(&mut self, reads: &[RelationName], locks: bool, rows: &Rows, sequences: &[RelationName]) {
        let mode = if locks { LockMode::RowShare } else { AccessShare };
        for read in reads {
            let work = (!self.is_by_key(read, rows)).then_some(WorkKind::Scan);
            self.query(read, mode, work);
        }
        self.lock_all(sequences, LockMode::RowExclusive);
    }

    /// The relation that the effect makes, unless it is there.
    fn made_by(&self, effect: &Effect) -> Option<RelationName> {
        let (name, persistence) = match effect {
            Effect::CreateTable(created) => (&created.table, created.persistence),
            Effect::CreateTableAs { table, persistence, .. } => (table, *persistence),
            Effect::CreateView(created) => (&created.view, Persistence::Permanent),
            _ => return None,
        };
        self.facts(name).is_none().then(|| self.around.new_relation_name(name, persistence))
    }

    fn alter_table(&mut self, table: &RelationName, what: &TableOption) {
        match what {
            TableOption::Parameters => self.lock(table, ShareUpdateExclusive),
            TableOption::Statistics => self.lock_tree(table, ShareUpdateExclusive),
            TableOption::ClusterOn(index) => {
                self.lock(table, ShareUpdateExclusive);
                let index = self.around.resolve(table).sibling(index.clone());
                self.lock(&index, ShareUpdateExclusive);
            }
            TableOption::Owner => {
                self.lock(table, AccessExclusive);
                self.lock_indexes(table, AccessExclusive);
                self.lock_sequences(table, AccessExclusive);
            }
            TableOption::ReplicaIdentity(index) => {
                self.lock(table, AccessExclusive);
                if let Some(index) = index {
                    let index = self.around.resolve(table).sibling(index.clone());
                    self.lock(&index, LockMode::Share);
                }
            }
            TableOption::Storage => self.lock_tree(table, AccessExclusive),
            TableOption::RowSecurity { .. } | TableOption::ForceRowSecurity | TableOption::Other => {
                self.lock(table, AccessExclusive);
            }
        }
    }
}
