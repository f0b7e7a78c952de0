//! What goes along with what: the parts of a table that is dropped, the index of a constraint, what a
//! partition has from its parent. Such a step has no statement of its own.

use std::collections::BTreeSet;

use super::Context;
use super::fate::{Fate, comes_from_parent};
use super::inventory::{Inventory, Object, Owner};
use super::steps::{Act, Step, step};
use crate::model::{Constraint, ConstraintKind, Enforcement, KeyPart, Table};
use crate::object::{ObjectKey, ObjectKind};
use crate::{Name, RelationName};

impl Context<'_> {
    /// The step that a step is part of: itself, or that of an object that takes this one along. `None`
    /// when there is nothing to do.
    pub(super) fn with(&self, asked: &Step) -> Option<Step> {
        let mut now = asked.clone();
        // An object goes with its index, that with its constraint, that with its table: never far.
        for _ in 0..8 {
            let next = match now.act {
                Act::Drop => self.dropped_with(&now.key),
                Act::Create => self.made_with(&now.key),
                Act::Loosen | Act::Alter | Act::Finish => None,
            };
            match next {
                Some(next) => now = next,
                None => break,
            }
        }
        let fate = self.fates.moves(&now.key)?;
        let there = match now.act {
            Act::Drop => matches!(fate, Fate::Dropped | Fate::Replaced),
            Act::Loosen => self.is_loosened(&now.key),
            Act::Alter => fate == Fate::Altered,
            Act::Create => matches!(fate, Fate::Created | Fate::Replaced),
            Act::Finish => matches!(fate, Fate::Created | Fate::Replaced | Fate::Altered),
        };
        there.then_some(now)
    }

    /// What takes an object along when it is dropped.
    fn dropped_with(&self, key: &ObjectKey) -> Option<Step> {
        let goes = |key: ObjectKey| self.fates.goes(&key).then(|| step(&key, Act::Drop));
        let object = self.before.get(key)?;
        match object {
            Object::Constraint(owner, name, constraint) => {
                if let ConstraintKind::ForeignKey(foreign) = &constraint.kind
                    && self.is_in_circle(owner.name(), &foreign.referenced)
                {
                    return None;
                }
                if constraint.kind == ConstraintKind::Trigger {
                    return goes(owner.part(ObjectKind::Trigger, name));
                }
                let columns = match &constraint.kind {
                    ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                        columns.as_slice()
                    }
                    ConstraintKind::ForeignKey(foreign) => foreign.columns.as_slice(),
                    ConstraintKind::NotNull { column: Some(column) } => std::slice::from_ref(column),
                    _ => &[],
                };
                goes(owner.key())
                    .or_else(|| {
                        comes_from_parent(constraint.inherited_from, constraint.declared_too).then_some(())?;
                        let parents = self.before.parents(owner.name());
                        let mut of_parents = parents.map(|(parent, table)| {
                            Owner::Table(parent, table).part(ObjectKind::Constraint, name)
                        });
                        of_parents.find_map(goes)
                    })
                    .or_else(|| {
                        // The index of a partition's key goes with that of its parent.
                        let Owner::Table(_, table) = owner else { return None };
                        let of =
                            table.indexes.values().find(|index| index.constraint.as_ref() == Some(name))?;
                        goes(ObjectKey::of(ObjectKind::Index, of.part_of.as_ref()?))
                    })
                    .or_else(|| {
                        columns.iter().find_map(|column| goes(owner.part(ObjectKind::Column, column)))
                    })
            }
            Object::Column(owner, name, column) => goes(owner.key()).or_else(|| {
                comes_from_parent(column.inherited_from, column.declared_too).then_some(())?;
                self.before.parents(owner.name()).find_map(|(parent, table)| {
                    goes(Owner::Table(parent, table).part(ObjectKind::Column, name))
                })
            }),
            Object::Index(owner, _, index) => goes(owner.key())
                .or_else(|| goes(owner.part(ObjectKind::Constraint, index.constraint.as_ref()?)))
                .or_else(|| goes(ObjectKey::of(ObjectKind::Index, index.part_of.as_ref()?)))
                .or_else(|| {
                    let names = index.keys.iter().filter_map(|key| match &key.part {
                        KeyPart::Column(name) => Some(name),
                        KeyPart::Expression(_) => None,
                    });
                    names.chain(&index.included).find_map(|name| goes(owner.part(ObjectKind::Column, name)))
                }),
            Object::Trigger(owner, name, trigger) => goes(owner.key()).or_else(|| {
                trigger.inherited.then_some(())?;
                self.before
                    .parents(owner.name())
                    .find_map(|(parent, table)| {
                        goes(Owner::Table(parent, table).part(ObjectKind::Trigger, name))
                    })
                    .or_else(|| self.moved(owner).then(|| step(&owner.key(), Act::Alter)))
            }),
            Object::Rule(owner, ..) | Object::Policy(owner, ..) => goes(owner.key()),
            Object::Statistics(_, statistics) => goes(ObjectKey::of(ObjectKind::Table, &statistics.table)),
            Object::Sequence(_, sequence) => {
                let (table, column) = sequence.owned_by.as_ref()?;
                goes(ObjectKey::within(ObjectKind::Column, table, column)).filter(|_| !self.fates.comes(key))
            }
            Object::DefaultPrivileges(privileges) => {
                goes(ObjectKey::global(ObjectKind::Namespace, privileges.namespace.as_ref()?))
            }
            _ => None,
        }
    }

    /// What takes an object along when it is made.
    fn made_with(&self, key: &ObjectKey) -> Option<Step> {
        let comes = |key: ObjectKey| self.fates.comes(&key).then(|| step(&key, Act::Create));
        let object = self.after.get(key)?;
        match object {
            Object::Column(owner, name, column) => comes(owner.key()).or_else(|| {
                if let Owner::View(..) = owner {
                    return Some(step(&owner.key(), Act::Alter));
                }
                comes_from_parent(column.inherited_from, column.declared_too).then_some(())?;
                self.after.parents(owner.name()).find_map(|(parent, table)| {
                    comes(Owner::Table(parent, table).part(ObjectKind::Column, name))
                })
            }),
            Object::Index(owner, _, index) => {
                comes(owner.part(ObjectKind::Constraint, index.constraint.as_ref()?))
            }
            Object::Constraint(owner, name, constraint) => self.constraint_made_with(owner, name, constraint),
            Object::Trigger(owner, name, trigger) if trigger.inherited => self
                .after
                .parents(owner.name())
                .find_map(|(parent, table)| {
                    comes(Owner::Table(parent, table).part(ObjectKind::Trigger, name))
                })
                .or_else(|| Some(step(&owner.key(), Act::Finish))),
            _ => None,
        }
    }

    fn constraint_made_with(&self, owner: Owner<'_>, name: &Name, constraint: &Constraint) -> Option<Step> {
        let comes = |key: ObjectKey| self.fates.comes(&key).then(|| step(&key, Act::Create));
        let Owner::Table(table_name, table) = owner else { return None };
        match &constraint.kind {
            ConstraintKind::Trigger => return comes(owner.part(ObjectKind::Trigger, name)),
            ConstraintKind::NotNull { column: Some(column) }
                if constraint.enforcement == Enforcement::Valid =>
            {
                let with_column =
                    comes(owner.key()).or_else(|| comes(owner.part(ObjectKind::Column, column)));
                let identity =
                    |of: &Table| of.columns.get(column).is_some_and(|column| column.identity.is_some());
                let was = self.before.catalog.tables.get(table_name).is_some_and(identity);
                if let Some(step) = with_column {
                    return Some(step);
                }
                if identity(table) && !was {
                    return Some(step(&owner.part(ObjectKind::Column, column), Act::Alter));
                }
            }
            _ => {}
        }
        comes_from_parent(constraint.inherited_from, constraint.declared_too).then_some(())?;
        let foreign = matches!(constraint.kind, ConstraintKind::ForeignKey(_));
        let checked =
            matches!(constraint.kind, ConstraintKind::Check { .. } | ConstraintKind::NotNull { .. });
        let is_new = self.fates.comes(&owner.key());
        if is_new && checked && table.partition_of.is_some() {
            // A partition is attached with the checks of its parent.
            return None;
        }
        if is_new && checked {
            return Some(step(&owner.key(), Act::Create));
        }
        if foreign || checked {
            let mut of_parents = self
                .after
                .parents(table_name)
                .map(|(parent, table)| Owner::Table(parent, table).part(ObjectKind::Constraint, name));
            return of_parents.find_map(comes).or_else(|| Some(step(&owner.key(), Act::Finish)));
        }
        None
    }

    /// Whether a table becomes or ceases to be a part of another.
    fn moved(&self, owner: Owner<'_>) -> bool {
        let place = |inventory: &Inventory<'_>| {
            let table = inventory.catalog.tables.get(owner.name());
            table.map(|table| {
                (table.partition_of.clone(), table.partition_bound.clone(), table.inherits.clone())
            })
        };
        place(&self.before) != place(&self.after)
    }

    /// Whether two tables that both go reference each other, over however many others.
    fn is_in_circle(&self, from: &RelationName, to: &RelationName) -> bool {
        let goes = |name: &RelationName| self.fates.goes(&ObjectKey::of(ObjectKind::Table, name));
        if from == to || !goes(from) || !goes(to) {
            return false;
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![to];
        while let Some(name) = open.pop() {
            if name == from {
                return true;
            }
            if !seen.insert(name) {
                continue;
            }
            let Some(table) = self.before.catalog.tables.get(name) else { continue };
            open.extend(
                table
                    .constraints
                    .values()
                    .filter_map(super::constraint::referenced)
                    .filter(|name| goes(name)),
            );
        }
        false
    }
}
