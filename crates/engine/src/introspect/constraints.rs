//! Constraints of tables and domains.

use std::collections::HashMap;

use underpin_catalog::Name;
use underpin_catalog::model::{
    Constraint, ConstraintKind, Deferral, Enforcement, ForeignKey, MatchKind, ReferentialAction, TypeKind,
};
use underpin_catalog::object::{ObjectKey, ObjectKind};

use super::assembly::{Assembly, Unassembled, deparsed, letter};
use super::names::class;
use super::rows::{ConstraintRow, Letter};

impl Assembly {
    /// Gives the constraints to their tables and domains.
    pub(super) fn constraints(&mut self, rows: Vec<ConstraintRow>) -> Result<(), Unassembled> {
        let tables: HashMap<u32, u32> = rows.iter().map(|row| (row.oid, row.relation)).collect();
        for row in rows {
            // A foreign key to a partitioned table has a copy for each partition that it references.
            let is_copy = letter(row.kind) == 'f' && tables.get(&row.parent) == Some(&row.relation);
            let owner = match row.domain {
                0 => self.relation(row.relation).cloned(),
                domain => self.domains.get(&domain).cloned(),
            };
            let Some(owner) = owner.filter(|_| !is_copy) else { continue };
            let Some(kind) = self.kind_of(&row)? else { continue };
            let name = Name::new(row.name.clone());
            self.keys.insert(
                (class::CONSTRAINT, row.oid),
                ObjectKey::within(ObjectKind::Constraint, &owner, &name),
            );
            let index = match &kind {
                ConstraintKind::PrimaryKey { index, .. }
                | ConstraintKind::Unique { index, .. }
                | ConstraintKind::Exclusion { index, .. } => Some(index.clone()),
                _ => None,
            };
            let constraint = Constraint {
                kind,
                deferral: match (row.is_deferrable, row.is_deferred) {
                    (false, _) => Deferral::NotDeferrable,
                    (true, false) => Deferral::InitiallyImmediate,
                    (true, true) => Deferral::InitiallyDeferred,
                },
                enforcement: match (row.is_enforced, row.is_validated) {
                    (false, _) => Enforcement::NotEnforced,
                    (true, false) => Enforcement::NotValid,
                    (true, true) => Enforcement::Valid,
                },
                // Of the others it says whether a partition got them from its parent, and means nothing.
                no_inherit: row.no_inherit && matches!(letter(row.kind), 'c' | 'n'),
                inherited_from: row.inherited_from.unsigned_abs(),
                declared_too: row.inherited_from > 0 && row.is_local,
                switched: Vec::new(),
                about: self.names.remarked(class::CONSTRAINT, row.oid),
            };
            if row.domain == 0 {
                let Some(table) = self.table(row.relation) else { continue };
                if let Some(index) = index.and_then(|index| table.indexes.get_mut(&index)) {
                    index.constraint = Some(name.clone());
                }
                table.constraints.insert(name.clone(), constraint);
                self.constraint_tables.insert(row.oid, (row.relation, name));
            } else if let Some(domain) = self.catalog.types.get_mut(&owner)
                && let TypeKind::Domain { constraints, .. } = &mut domain.kind
            {
                constraints.insert(name, constraint);
            }
        }
        Ok(())
    }

    /// What a constraint demands; `None` of a kind that is no object of its own.
    fn kind_of(&self, row: &ConstraintRow) -> Result<Option<ConstraintKind>, Unassembled> {
        let columns = |numbers: &Option<Vec<i16>>| {
            self.column_list(row.relation, numbers.as_deref().unwrap_or_default())
        };
        let index = || {
            let index = self.relation(row.index).ok_or(Unassembled::Changed)?;
            Ok::<_, Unassembled>(index.name.clone())
        };
        let without_overlaps = row.period;
        Ok(Some(match letter(row.kind) {
            'p' => ConstraintKind::PrimaryKey {
                columns: columns(&row.columns)?,
                without_overlaps,
                index: index()?,
            },
            'u' => {
                ConstraintKind::Unique { columns: columns(&row.columns)?, without_overlaps, index: index()? }
            }
            'f' => {
                let Some(referenced) = self.relation(row.referenced).cloned() else { return Ok(None) };
                let numbers = row.referenced_columns.as_deref().unwrap_or_default();
                ConstraintKind::ForeignKey(ForeignKey {
                    columns: columns(&row.columns)?,
                    referenced,
                    referenced_columns: self.column_list(row.referenced, numbers)?,
                    match_kind: match letter(row.r#match) {
                        'f' => MatchKind::Full,
                        _ => MatchKind::Simple,
                    },
                    on_update: action(row.on_update),
                    on_delete: action(row.on_delete),
                    on_delete_columns: columns(&row.on_delete_columns)?,
                    period: row.period,
                })
            }
            'c' => ConstraintKind::Check { expression: deparsed(row.expression.clone())? },
            'x' => ConstraintKind::Exclusion {
                operators: row.operators.clone().unwrap_or_default(),
                index: index()?,
            },
            'n' => ConstraintKind::NotNull { column: columns(&row.columns)?.into_iter().next() },
            't' => ConstraintKind::Trigger,
            _ => return Ok(None),
        }))
    }
}

fn action(action: Letter) -> ReferentialAction {
    match letter(action) {
        'r' => ReferentialAction::Restrict,
        'c' => ReferentialAction::Cascade,
        'n' => ReferentialAction::SetNull,
        'd' => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}
