//! Which table locks an effect takes: the one place that says it.
//!
//! Observed in `pg_locks` on PostgreSQL 13 to 18, statement by statement, and held against
//! real servers by this crate's tests. The claims name tables, views and sequences and leave out
//! indexes, whose locks follow those of their table, and relations that the statement itself makes.
//! ACCESS SHARE is claimed where the text names the relation, and not where a view reads it.
//!
//! What peers miss and matters most: dropping a foreign key, with its column, its table or alone,
//! takes ACCESS EXCLUSIVE on the *referenced* table, and creating one takes SHARE ROW EXCLUSIVE there.

use underpin_catalog::LockMode::{
    self, AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share, ShareRowExclusive,
    ShareUpdateExclusive,
};
use underpin_catalog::{Name, RelationName};

use crate::effect::{Binding, ConstraintKind, CreateTrigger, Effect, ObjectKind, ReindexTarget, TableOption};
use crate::step::LockClaim;
use crate::surroundings::{ConstraintFactsKind, Surroundings};

impl Effect {
    /// The table locks that the effect takes and holds to the end of its transaction, the strongest
    /// mode for each relation, in name order.
    pub fn locks(&self, surroundings: &Surroundings) -> Vec<LockClaim> {
        let mut claims = Claims { surroundings, list: Vec::new() };
        claims.add(self);
        claims.strongest()
    }
}

/// The strongest claim for each relation.
pub(crate) fn merged(claims: impl IntoIterator<Item = LockClaim>) -> Vec<LockClaim> {
    let mut list: Vec<_> = claims.into_iter().collect();
    list.sort_by(|a, b| a.relation.cmp(&b.relation).then(b.mode.cmp(&a.mode)));
    list.dedup_by(|later, first| later.relation == first.relation);
    list
}

struct Claims<'a> {
    surroundings: &'a Surroundings,
    list: Vec<LockClaim>,
}

impl Claims<'_> {
    fn strongest(self) -> Vec<LockClaim> {
        merged(self.list)
    }

    fn claim(&mut self, relation: &RelationName, mode: LockMode) {
        self.list.push(LockClaim { relation: self.surroundings.resolve(relation), mode });
    }

    /// The table and everything below it.
    fn tree(&mut self, table: &RelationName, mode: LockMode) {
        self.claim(table, mode);
        if let Some(facts) = self.surroundings.relation(table) {
            for descendant in &facts.descendants {
                self.claim(descendant, mode);
            }
        }
    }

    fn all<'r>(&mut self, relations: impl IntoIterator<Item = &'r RelationName>, mode: LockMode) {
        for relation in relations {
            self.claim(relation, mode);
        }
    }

    /// The tables at the other end of foreign keys of `table` that `concerns` picks.
    fn referenced_by_keys_of(
        &mut self,
        table: &RelationName,
        concerns: impl Fn(&crate::ConstraintFacts) -> bool,
    ) {
        let Some(facts) = self.surroundings.relation(table) else { return };
        for constraint in facts.constraints.iter().filter(|constraint| concerns(constraint)) {
            if let Some(referenced) = &constraint.referenced {
                self.tree(referenced, AccessExclusive);
            }
        }
    }

    /// The relation that the effect makes, unless it is there.
    fn made_by(&self, effect: &Effect) -> Option<RelationName> {
        let name = match effect {
            Effect::CreateTable(created) => &created.table,
            Effect::CreateTableAs { table, .. } => table,
            Effect::CreateView(created) => &created.view,
            _ => return None,
        };
        self.surroundings.relation(name).is_none().then(|| self.surroundings.new_name(name))
    }

    fn referencing(&mut self, table: &RelationName) {
        if let Some(facts) = self.surroundings.relation(table) {
            self.all(&facts.referenced_by, AccessExclusive);
        }
    }

    /// Whether foreign keys can reference the column.
    fn is_key(&self, table: &RelationName, column: &Name) -> bool {
        self.surroundings.relation(table).is_some_and(|facts| {
            facts.constraints.iter().any(|constraint| {
                matches!(constraint.kind, ConstraintFactsKind::PrimaryKey | ConstraintFactsKind::Unique)
                    && constraint.columns.contains(column)
            })
        })
    }

    fn add(&mut self, effect: &Effect) {
        match effect {
            Effect::CreateTable(created) => {
                if created.if_not_exists && self.surroundings.relation(&created.table).is_some() {
                    return;
                }
                self.all(&created.references, ShareRowExclusive);
                // The parent and its default partition, which is searched for rows of the new one.
                if let Some(parent) = &created.partition_of {
                    self.claim(parent, AccessExclusive);
                }
                self.all(&created.inherits, ShareUpdateExclusive);
                self.all(&created.like, AccessShare);
            }
            Effect::CreateTableAs { reads, .. } | Effect::Select { reads, locks_rows: false, .. } => {
                self.all(reads, AccessShare);
            }
            Effect::Select { reads, locks_rows: true, .. } => self.all(reads, RowShare),
            Effect::DropTable { table, cascade, .. } => {
                self.tree(table, AccessExclusive);
                self.referenced_by_keys_of(table, |_| true);
                if *cascade {
                    self.referencing(table);
                }
                if let Some(parent) =
                    self.surroundings.relation(table).and_then(|facts| facts.partition_of.clone())
                {
                    self.claim(&parent, AccessExclusive);
                }
            }
            Effect::DropColumn { table, column, cascade, .. } => {
                self.tree(table, AccessExclusive);
                self.referenced_by_keys_of(table, |constraint| constraint.columns.contains(column));
                if *cascade && self.is_key(table, column) {
                    self.referencing(table);
                }
            }
            Effect::ChangeColumnType { table, column, .. } => {
                self.tree(table, AccessExclusive);
                self.referenced_by_keys_of(table, |constraint| constraint.columns.contains(column));
                if self.is_key(table, column) {
                    self.referencing(table);
                }
            }
            Effect::AddColumn(added) => {
                self.tree(&added.table, AccessExclusive);
                for constraint in &added.constraints {
                    if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
                        self.tree(references, ShareRowExclusive);
                    }
                }
            }
            Effect::AddConstraint(added) => match &added.kind {
                ConstraintKind::ForeignKey { references, .. } => {
                    self.tree(&added.table, ShareRowExclusive);
                    self.tree(references, ShareRowExclusive);
                }
                // Their indexes take partitions in SHARE up to 17, and in ACCESS EXCLUSIVE in 18.
                ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude
                    if self.surroundings.version.major() < 18 =>
                {
                    self.tree(&added.table, Share);
                    self.claim(&added.table, AccessExclusive);
                }
                ConstraintKind::Check
                | ConstraintKind::Unique
                | ConstraintKind::PrimaryKey
                | ConstraintKind::Exclude
                | ConstraintKind::NotNull => self.tree(&added.table, AccessExclusive),
            },
            Effect::ValidateConstraint { table, constraint } => {
                self.tree(table, ShareUpdateExclusive);
                let referenced = self
                    .surroundings
                    .relation(table)
                    .and_then(|facts| facts.constraint(constraint))
                    .and_then(|constraint| constraint.referenced.clone());
                if let Some(referenced) = referenced {
                    self.claim(&referenced, RowShare);
                }
            }
            Effect::AlterConstraint { table, constraint, enforced } => {
                self.tree(table, AccessExclusive);
                if *enforced {
                    let name = constraint.clone();
                    self.referenced_by_keys_of(table, |constraint| constraint.name == name);
                }
            }
            Effect::DropConstraint { table, constraint, cascade, .. } => {
                self.tree(table, AccessExclusive);
                let name = constraint.clone();
                self.referenced_by_keys_of(table, |constraint| constraint.name == name);
                if *cascade {
                    self.referencing(table);
                }
            }
            Effect::RenameTable { table, .. }
            | Effect::MoveTable { table, .. }
            | Effect::RenameColumn { table, .. }
            | Effect::SetNotNull { table, .. }
            | Effect::DropNotNull { table, .. }
            | Effect::SetDefault { table, .. }
            | Effect::DropDefault { table, .. }
            | Effect::ChangeGeneration { table, .. }
            | Effect::RenameConstraint { table, .. }
            | Effect::AlterTable {
                table,
                what:
                    TableOption::Owner
                    | TableOption::RowSecurity { .. }
                    | TableOption::ForceRowSecurity
                    | TableOption::ReplicaIdentity
                    | TableOption::Storage
                    | TableOption::Other,
            }
            | Effect::MoveStorage { table }
            | Effect::DropTrigger { table, .. }
            | Effect::RenameTrigger { table, .. }
            | Effect::Policy { table, .. }
            | Effect::Rule { table } => self.tree(table, AccessExclusive),
            Effect::AlterTable { table, what: TableOption::Parameters | TableOption::ClusterOn(_) }
            | Effect::Register { table, .. } => {
                self.claim(table, ShareUpdateExclusive);
            }
            Effect::CreateTrigger(CreateTrigger { table, .. }) | Effect::SwitchTrigger { table } => {
                self.tree(table, ShareRowExclusive);
            }
            Effect::CreateIndex(created) => {
                let mode = if created.concurrently { ShareUpdateExclusive } else { Share };
                if created.only { self.claim(&created.table, mode) } else { self.tree(&created.table, mode) }
            }
            Effect::DropIndex { index, concurrently, .. } => {
                if let Some(facts) = self.surroundings.index(index) {
                    let table = facts.table.clone();
                    self.tree(&table, if *concurrently { ShareUpdateExclusive } else { AccessExclusive });
                }
            }
            // SHARE UPDATE EXCLUSIVE on the index alone since PostgreSQL 12.
            Effect::RenameIndex { .. } | Effect::AlterIndex { .. } => {}
            Effect::AttachPartition { table, partition } => {
                self.claim(table, ShareUpdateExclusive);
                self.tree(partition, AccessExclusive);
            }
            Effect::DetachPartition { table, partition, concurrently } => {
                // The last act of the concurrent form takes the partition alone.
                self.claim(table, if *concurrently { ShareUpdateExclusive } else { AccessExclusive });
                self.claim(partition, AccessExclusive);
            }
            Effect::Inherit { table, parent, ends } => {
                self.claim(table, AccessExclusive);
                self.claim(parent, if *ends { AccessShare } else { ShareUpdateExclusive });
            }
            Effect::CreateView(created) => {
                self.all(&created.reads, AccessShare);
                if created.replace && self.surroundings.relation(&created.view).is_some() {
                    self.claim(&created.view, AccessExclusive);
                }
            }
            Effect::AlterSequence { sequence, owned_by } => {
                self.claim(sequence, ShareRowExclusive);
                if let Some((table, _)) = owned_by {
                    self.claim(table, AccessShare);
                }
            }
            Effect::Alter { kind, name } => match kind {
                ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                    self.claim(name, AccessExclusive)
                }
                _ => {}
            },
            Effect::Rename { kind, name, .. }
            | Effect::Move { kind, name, .. }
            | Effect::Drop { kind, name, .. } => match kind {
                ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                    self.claim(name, AccessExclusive);
                }
                _ => {}
            },
            Effect::ConstrainDomain { name, checks: true } => {
                let used_by = self.surroundings.type_facts(name).map(|facts| facts.used_by.clone());
                self.all(&used_by.unwrap_or_default(), Share);
            }
            Effect::Comment { relation } => {
                if let Some(relation) = relation {
                    self.claim(relation, ShareUpdateExclusive);
                }
            }
            // Nothing up to 17, ACCESS SHARE in 18.
            Effect::Grant { tables } => self.all(tables, AccessShare),
            Effect::Insert { table, reads } | Effect::Merge { table, reads } => {
                self.tree(table, RowExclusive);
                self.all(reads, AccessShare);
            }
            Effect::Update(changed) | Effect::Delete(changed) => {
                self.tree(&changed.table, RowExclusive);
                self.all(&changed.reads, AccessShare);
            }
            Effect::Truncate { table, cascade } => {
                self.tree(table, AccessExclusive);
                if *cascade {
                    self.referencing(table);
                }
            }
            Effect::Copy { table, writes } => {
                if let Some(table) = table {
                    self.tree(table, if *writes { RowExclusive } else { AccessShare });
                }
            }
            Effect::LockTable { table, mode } => self.tree(table, *mode),
            Effect::Vacuum { table, full } => {
                if let Some(table) = table {
                    self.tree(table, if *full { AccessExclusive } else { ShareUpdateExclusive });
                }
            }
            Effect::Analyze { table } => {
                if let Some(table) = table {
                    self.tree(table, ShareUpdateExclusive);
                }
            }
            Effect::Reindex { target, concurrently } => {
                let mode = if *concurrently { ShareUpdateExclusive } else { Share };
                match target {
                    ReindexTarget::Table(table) => self.tree(table, mode),
                    ReindexTarget::Index(index) => {
                        if let Some(facts) = self.surroundings.index(index) {
                            let table = facts.table.clone();
                            self.tree(&table, mode);
                        }
                    }
                    ReindexTarget::Everything => {}
                }
            }
            Effect::Cluster { table } => {
                if let Some(table) = table {
                    self.tree(table, AccessExclusive);
                }
            }
            Effect::RefreshView { view, concurrently } => {
                self.claim(view, if *concurrently { Exclusive } else { AccessExclusive });
            }
            Effect::CreateRoutine { body, .. } if body.binding != Binding::Late => {
                for read in &body.reads {
                    self.all(&read.relations, AccessShare);
                    self.all(&read.written, RowExclusive);
                }
            }
            // One transaction, so that everything is held together; what it makes nobody else can hold.
            Effect::Do(program) => {
                let made: Vec<_> = program.effects().filter_map(|effect| self.made_by(effect)).collect();
                program.effects().for_each(|effect| self.add(effect));
                self.list.retain(|claim| !made.contains(&claim.relation));
            }
            // No table, or none that can be known.
            Effect::CreateType { .. }
            | Effect::Create { .. }
            | Effect::ConstrainDomain { checks: false, .. } => {}
            Effect::AddEnumValue { .. }
            | Effect::RenameEnumValue { .. }
            | Effect::Set(_)
            | Effect::TransactionControl(_)
            | Effect::CreateRoutine { .. }
            | Effect::Call { .. }
            | Effect::Server { .. }
            | Effect::Unknown { .. } => {}
        }
    }
}
