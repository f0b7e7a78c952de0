//! Indexes, put together from their parts.

use std::collections::HashMap;

use underpin_catalog::Name;
use underpin_catalog::model::{Index, IndexKey, IndexState, KeyPart, ReplicaIdentity, SortOrder};
use underpin_catalog::object::{ObjectKey, ObjectKind};

use super::assembly::{Assembly, Role, Unassembled, deparsed, settings};
use super::columns::AboutKeys;
use super::names::class;
use super::relations::Rest;
use super::rows::{IndexRow, InheritsRow};

/// The collation of expressions of which nobody said another.
const DEFAULT_COLLATION: u32 = 100;
/// The bits of `indoption`.
const DESCENDING: i16 = 1;
const NULLS_FIRST: i16 = 2;

impl Assembly {
    /// Gives the indexes to their tables and materialized views.
    pub(super) fn indexes(
        &mut self,
        rows: Vec<IndexRow>,
        rest: &Rest,
        about_keys: &AboutKeys,
        inherits: &[InheritsRow],
    ) -> Result<(), Unassembled> {
        let parents: HashMap<u32, u32> = inherits.iter().map(|row| (row.child, row.parent)).collect();
        for row in rows {
            let (Some(of), Some(name)) = (self.relations.get(&row.relation), self.relation(row.oid).cloned())
            else {
                continue;
            };
            let role = of.role;
            let (Some(relation), oid, on) = (rest.get(&row.oid), row.oid, row.relation) else { continue };
            self.keys.insert((class::RELATION, oid), ObjectKey::of(ObjectKind::Index, &name));
            let is_replica_identity = row.is_replica_identity;
            let (keys, included) = self.keys_of(&row, about_keys)?;
            let predicate = row.predicate;
            let index = Index {
                method: self.names.access_method(relation.method).ok_or(Unassembled::Changed)?,
                unique: row.is_unique,
                nulls_not_distinct: row.nulls_not_distinct,
                deferred: !row.is_immediate,
                keys,
                included,
                predicate,
                state: match (row.is_live, row.is_ready, row.is_valid) {
                    (false, _, _) => IndexState::Dropping,
                    (_, false, _) => IndexState::NotReady,
                    (_, _, false) => IndexState::Invalid,
                    _ => IndexState::Valid,
                },
                clustered: row.is_clustered,
                constraint: None,
                part_of: parents.get(&oid).and_then(|parent| self.relation(*parent)).cloned(),
                options: settings(relation.options.clone()),
                tablespace: self.names.tablespace(relation.tablespace),
                about: self.names.remarked(class::RELATION, oid),
            };
            match role {
                Role::Table => {
                    let Some(table) = self.table(on) else { continue };
                    if is_replica_identity {
                        table.replica_identity = ReplicaIdentity::Index(name.name.clone());
                    }
                    table.indexes.insert(name.name, index);
                }
                Role::View => {
                    let Some(view) = self.view(on) else { continue };
                    view.indexes.insert(name.name, index);
                }
                Role::Sequence | Role::Composite | Role::Index => {}
            }
        }
        Ok(())
    }

    /// The keys of an index and its included columns.
    fn keys_of(
        &self,
        row: &IndexRow,
        about_keys: &AboutKeys,
    ) -> Result<(Vec<IndexKey>, Vec<Name>), Unassembled> {
        let key_count = usize::try_from(row.keys).unwrap_or_default();
        let mut expressions = row.expressions.iter().flatten();
        let mut keys = Vec::with_capacity(key_count);
        for (at, number) in row.columns.iter().take(key_count).enumerate() {
            let collated = row.collations.get(at).copied().unwrap_or_default();
            let (part, otherwise) = if *number == 0 {
                let expression = expressions.next().cloned().flatten();
                (KeyPart::Expression(deparsed(expression)?), DEFAULT_COLLATION)
            } else {
                let collation = self.column_collations.get(&(row.relation, *number)).copied();
                (KeyPart::Column(self.column(row.relation, *number)?), collation.unwrap_or_default())
            };
            let class = row.operator_classes.get(at).copied().unwrap_or_default();
            let (operator_class, operator_class_is_default) = self.names.operator_class(class);
            let place = i16::try_from(at + 1).unwrap_or(i16::MAX);
            let about = about_keys.get(&(row.oid, place));
            keys.push(IndexKey {
                part,
                operator_class,
                operator_class_is_default,
                operator_class_options: about.map(|about| about.options.clone()).unwrap_or_default(),
                collation: self.names.collation(collated, otherwise),
                order: order(row.orders.get(at).copied().unwrap_or_default()),
                statistics_target: about.and_then(|about| about.statistics_target),
            });
        }
        let included = row.columns.get(key_count..).unwrap_or_default();
        Ok((keys, self.column_list(row.relation, included)?))
    }
}

fn order(option: i16) -> SortOrder {
    match (option & DESCENDING != 0, option & NULLS_FIRST != 0) {
        (false, false) => SortOrder::Ascending,
        (false, true) => SortOrder::AscendingNullsFirst,
        (true, true) => SortOrder::Descending,
        (true, false) => SortOrder::DescendingNullsLast,
    }
}
