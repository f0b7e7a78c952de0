//! What a transaction has done, as far as later statements of it fail for it.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use super::Certainty;
use super::proofs::Proofs;
use crate::effect::{Deferral, Effect, ObjectKind};
use crate::statement::Statement;
use crate::surroundings::{ConstraintFacts, ConstraintFactsKind, Surroundings};

/// What a transaction has done before a statement of it.
#[derive(Clone, Debug, Default)]
pub struct TransactionSoFar {
    /// Values that it added to enums.
    pub(super) enum_values: Vec<(RelationName, String)>,
    /// Types that it made.
    types: BTreeSet<RelationName>,
    /// Tables whose rows it changed while their foreign keys are checked at its end.
    pub(super) pending: BTreeMap<RelationName, Certainty>,
    /// `SET CONSTRAINTS ALL DEFERRED`: also those that are checked at once otherwise.
    deferred: bool,
    /// What the file's transactions took away and nothing has changed since.
    proofs: Proofs,
}

impl TransactionSoFar {
    /// The next transaction of the same file begins. What constraints proved of the rows lives on: between two
    /// statements of a file there is hardly time to write a row that they would have refused.
    pub fn next_transaction(self) -> Self {
        Self { proofs: self.proofs, ..Self::default() }
    }

    /// Whether a unique key that the file has dropped since proves that no two rows are equal in these columns.
    pub(super) fn proves_unique(&self, table: &RelationName, columns: &[Name]) -> bool {
        self.proofs.unique(table, columns)
    }

    /// Whether a foreign key that the file has dropped since proves that each row has its partner. Both names
    /// are qualified, and `key` are the columns of the referenced table.
    pub(super) fn proves_reference(
        &self,
        table: &RelationName,
        columns: &[Name],
        referenced: &RelationName,
        key: &[Name],
    ) -> bool {
        self.proofs.reference(table, columns, referenced, key)
    }

    /// Takes a statement along. `before` is the database before it.
    pub fn note(&mut self, statement: &Statement, before: &Surroundings) {
        if let NodeEnum::ConstraintsSetStmt(set) = statement.node.as_ref() {
            self.deferred = set.deferred && set.constraints.is_empty();
            if !set.deferred {
                self.pending.clear();
            }
        }
        for effect in &statement.effects {
            self.note_effect(effect, statement, before);
        }
    }

    fn note_effect(&mut self, effect: &Effect, statement: &Statement, before: &Surroundings) {
        self.proofs.note(effect, before);
        match effect {
            Effect::CreateType { name, .. } => {
                self.types.insert(before.new_name(name));
            }
            Effect::AddEnumValue { name, value, .. } => {
                let name = before.resolve_type(name);
                let is_new = !before.type_facts(&name).is_some_and(|facts| facts.has_value(value));
                // Since 17 a type that nobody else can see yet may be used with all its values.
                let is_free = before.version.major() >= 17 && self.types.contains(&name);
                if is_new && !is_free {
                    self.enum_values.push((name, value.clone()));
                }
            }
            Effect::Rename { kind: ObjectKind::Type, name, to } => {
                let from = before.resolve_type(name);
                let to = from.sibling(to.clone());
                for (name, _) in self.enum_values.iter_mut().filter(|(name, _)| *name == from) {
                    name.clone_from(&to);
                }
                if self.types.remove(&from) {
                    self.types.insert(to);
                }
            }
            Effect::RenameEnumValue { value, to, .. } => {
                for (_, known) in self.enum_values.iter_mut().filter(|(_, known)| known == value) {
                    known.clone_from(to);
                }
            }
            Effect::RenameTable { table, to } => {
                let from = before.resolve(table);
                if let Some(certainty) = self.pending.remove(&from) {
                    self.pending.insert(from.sibling(to.clone()), certainty);
                }
            }
            Effect::Insert { .. } | Effect::Copy { .. } | Effect::Merge { .. } => {
                if let Some(table) = effect.table() {
                    let certainty =
                        if inserts_values(statement) { Certainty::Certain } else { Certainty::IfRows };
                    let checks = |own: &ConstraintFacts| self.is_deferred(own);
                    if has_foreign_key(before, table, checks) {
                        self.add_pending(before.resolve(table), certainty);
                    }
                }
            }
            Effect::Update(changed) => {
                let checks = |own: &ConstraintFacts| {
                    self.is_deferred(own) && own.columns.iter().any(|column| changed.columns.contains(column))
                };
                if has_foreign_key(before, &changed.table, checks)
                    || self.is_referenced_by_deferred(before, &changed.table, Some(&changed.columns))
                {
                    self.add_pending(before.resolve(&changed.table), Certainty::IfRows);
                }
            }
            Effect::Delete(changed) if self.is_referenced_by_deferred(before, &changed.table, None) => {
                self.add_pending(before.resolve(&changed.table), Certainty::IfRows);
            }
            Effect::Do(program) => {
                for inner in program.effects() {
                    self.note_effect(inner, statement, before);
                }
            }
            _ => {}
        }
    }

    fn add_pending(&mut self, table: RelationName, certainty: Certainty) {
        let known = self.pending.entry(table).or_insert(certainty);
        *known = certainty.max(*known);
    }

    fn is_deferred(&self, constraint: &ConstraintFacts) -> bool {
        match constraint.deferral {
            Deferral::Initially => true,
            Deferral::Possible => self.deferred,
            Deferral::Never => false,
        }
    }

    /// Whether a foreign key of another table looks for these rows at the end of the transaction.
    fn is_referenced_by_deferred(
        &self,
        before: &Surroundings,
        table: &RelationName,
        columns: Option<&[Name]>,
    ) -> bool {
        let table = before.resolve(table);
        let Some(facts) = before.relations.get(&table) else { return false };
        let concerns = |constraint: &ConstraintFacts| {
            let key = if constraint.referenced_columns.is_empty() {
                &facts.primary_key
            } else {
                &constraint.referenced_columns
            };
            constraint.referenced.as_ref() == Some(&table)
                && self.is_deferred(constraint)
                && columns.is_none_or(|columns| key.iter().any(|column| columns.contains(column)))
        };
        facts.referenced_by.iter().chain([&table]).any(|referencing| {
            before.relations.get(referencing).is_some_and(|facts| facts.constraints.iter().any(concerns))
        })
    }
}

fn has_foreign_key(
    around: &Surroundings,
    table: &RelationName,
    is: impl Fn(&ConstraintFacts) -> bool,
) -> bool {
    around.relation(table).is_some_and(|facts| {
        facts
            .constraints
            .iter()
            .any(|own| own.kind == ConstraintFactsKind::ForeignKey && own.enforced && is(own))
    })
}

/// `INSERT … VALUES` inserts rows whatever the database holds, unless it gives way to others.
fn inserts_values(statement: &Statement) -> bool {
    let NodeEnum::InsertStmt(insert) = statement.node.as_ref() else { return false };
    insert.on_conflict_clause.is_none()
        && insert.select_stmt.as_ref().is_some_and(|source| match &source.node {
            Some(NodeEnum::SelectStmt(select)) => !select.values_lists.is_empty(),
            _ => false,
        })
}
