//! What keys proved of the rows before a file dropped them. Prisma changes a foreign key by dropping it and
//! adding it again, and a unique key by dropping it and adding one of more columns: neither can meet a row that
//! it refuses.

use underpin_catalog::{Name, RelationName};

use crate::effect::Effect;
use crate::surroundings::{ConstraintFactsKind, Surroundings};

/// What is known of the rows without being checked any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs(Vec<Proof>);

/// That no two rows are equal in the columns, or that each has its partner.
#[derive(Clone, Debug)]
struct Proof {
    table: RelationName,
    columns: Vec<Name>,
    partner: Option<(RelationName, Vec<Name>)>,
}

impl Proofs {
    /// Takes an effect along. `before` is the database before it.
    pub(super) fn note(&mut self, effect: &Effect, before: &Surroundings) {
        match effect {
            Effect::DropConstraint { table, constraint, .. } => {
                self.constraint(&before.resolve(table), constraint, before);
            }
            Effect::DropIndex { index, .. } => self.index(index, before),
            // A program may do anything to the rows.
            Effect::Do(_) | Effect::Call { .. } | Effect::Unknown { .. } => self.0.clear(),
            Effect::Select { calls, .. } if !calls.is_empty() => self.0.clear(),
            Effect::Insert { table, .. }
            | Effect::Merge { table, .. }
            | Effect::Copy { table: Some(table), writes: true }
            | Effect::RenameTable { table, .. }
            | Effect::MoveTable { table, .. }
            | Effect::DropTable { table, .. }
            | Effect::RenameColumn { table, .. }
            | Effect::DropColumn { table, .. }
            | Effect::ChangeColumnType { table, .. } => self.forget(&before.resolve(table), effect),
            Effect::Update(changed) | Effect::Delete(changed) => {
                self.forget(&before.resolve(&changed.table), effect);
            }
            _ => {}
        }
    }

    fn constraint(&mut self, table: &RelationName, constraint: &Name, before: &Surroundings) {
        let Some(known) = before.relations.get(table).and_then(|facts| facts.constraint(constraint)) else {
            return;
        };
        if !known.validated || !known.enforced {
            return;
        }
        let partner = match (known.kind, &known.referenced) {
            (ConstraintFactsKind::Unique | ConstraintFactsKind::PrimaryKey, _) => None,
            (ConstraintFactsKind::ForeignKey, Some(referenced)) => {
                Some((referenced.clone(), key(before, referenced, &known.referenced_columns)))
            }
            _ => return,
        };
        self.0.push(Proof { table: table.clone(), columns: known.columns.clone(), partner });
    }

    fn index(&mut self, index: &RelationName, before: &Surroundings) {
        let Some(facts) = before.index(index) else { return };
        let columns: Option<Vec<Name>> = facts.columns.iter().cloned().collect();
        if let Some(columns) = columns.filter(|_| facts.unique && facts.valid && !facts.partial) {
            self.0.push(Proof { table: facts.table.clone(), columns, partner: None });
        }
    }

    /// Rows of the table are others now, or its columns: those that the effect names, or all.
    fn forget(&mut self, table: &RelationName, effect: &Effect) {
        let touches = |columns: &[Name]| match effect {
            Effect::Update(changed) => columns.iter().any(|column| changed.columns.contains(column)),
            Effect::DropColumn { column, .. } | Effect::ChangeColumnType { column, .. } => {
                columns.contains(column)
            }
            Effect::RenameColumn { column, to, .. } => columns.contains(column) || columns.contains(to),
            _ => true,
        };
        // A row that goes leaves no equal one behind, and takes no partner but its own.
        let goes = matches!(effect, Effect::Delete(_));
        // A row that comes is nobody's missing partner.
        let comes = matches!(effect, Effect::Insert { .. } | Effect::Copy { .. });
        self.0.retain(|proof| {
            let own = proof.table == *table && !goes && touches(&proof.columns);
            let partner = proof
                .partner
                .as_ref()
                .is_some_and(|(referenced, key)| referenced == table && !comes && touches(key));
            !own && !partner
        });
    }

    pub(super) fn unique(&self, table: &RelationName, columns: &[Name]) -> bool {
        self.0.iter().any(|proof| {
            proof.table == *table
                && proof.partner.is_none()
                && proof.columns.iter().all(|column| columns.contains(column))
        })
    }

    pub(super) fn reference(
        &self,
        table: &RelationName,
        columns: &[Name],
        referenced: &RelationName,
        key: &[Name],
    ) -> bool {
        self.0.iter().any(|proof| {
            proof.table == *table
                && proof.columns == columns
                && proof.partner.as_ref().is_some_and(|(there, known)| there == referenced && known == key)
        })
    }
}

/// The columns that a foreign key references.
fn key(around: &Surroundings, referenced: &RelationName, named: &[Name]) -> Vec<Name> {
    match named {
        [] => around.relations.get(referenced).map(|facts| facts.primary_key.clone()).unwrap_or_default(),
        named => named.to_vec(),
    }
}
