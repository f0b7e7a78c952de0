//! What every object has, reached whatever the kind: for those who read all owners and privileges alike.

use super::{About, Catalog, Column, Constraint, Index, Rule, Trigger, TypeKind};
use crate::Name;
use crate::object::ObjectKind;
use indexmap::IndexMap;

impl Catalog {
    /// Shows the owner, the privileges and the comment of each object, with its kind. The sequence behind an
    /// identity is one too; a composite's attributes, which have comments alone, are not shown.
    pub fn for_each_about(&mut self, mut see: impl FnMut(ObjectKind, &mut About)) {
        let see = &mut see;
        for namespace in self.namespaces.values_mut() {
            see(ObjectKind::Namespace, &mut namespace.about);
        }
        for of in self.types.values_mut() {
            if let TypeKind::Domain { constraints: of_domain, .. } = &mut of.kind {
                constraints(of_domain, see);
            }
            see(ObjectKind::Type, &mut of.about);
        }
        for sequence in self.sequences.values_mut() {
            see(ObjectKind::Sequence, &mut sequence.about);
        }
        for table in self.tables.values_mut() {
            columns(&mut table.columns, see);
            constraints(&mut table.constraints, see);
            indexes(&mut table.indexes, see);
            reactions(&mut table.triggers, &mut table.rules, see);
            for policy in table.policies.values_mut() {
                see(ObjectKind::Policy, &mut policy.about);
            }
            see(ObjectKind::Table, &mut table.about);
        }
        for view in self.views.values_mut() {
            columns(&mut view.columns, see);
            indexes(&mut view.indexes, see);
            reactions(&mut view.triggers, &mut view.rules, see);
            see(ObjectKind::View, &mut view.about);
        }
        for routine in self.routines.values_mut() {
            see(ObjectKind::Routine, &mut routine.about);
        }
        for statistics in self.statistics.values_mut() {
            see(ObjectKind::Statistics, &mut statistics.about);
        }
        for trigger in self.event_triggers.values_mut() {
            see(ObjectKind::EventTrigger, &mut trigger.about);
        }
        for publication in self.publications.values_mut() {
            see(ObjectKind::Publication, &mut publication.about);
        }
    }
}

fn columns(columns: &mut IndexMap<Name, Column>, see: &mut impl FnMut(ObjectKind, &mut About)) {
    for column in columns.values_mut() {
        if let Some(identity) = &mut column.identity {
            see(ObjectKind::Sequence, &mut identity.about);
        }
        see(ObjectKind::Column, &mut column.about);
    }
}

fn constraints(constraints: &mut IndexMap<Name, Constraint>, see: &mut impl FnMut(ObjectKind, &mut About)) {
    for constraint in constraints.values_mut() {
        see(ObjectKind::Constraint, &mut constraint.about);
    }
}

fn indexes(indexes: &mut IndexMap<Name, Index>, see: &mut impl FnMut(ObjectKind, &mut About)) {
    for index in indexes.values_mut() {
        see(ObjectKind::Index, &mut index.about);
    }
}

fn reactions(
    triggers: &mut IndexMap<Name, Trigger>,
    rules: &mut IndexMap<Name, Rule>,
    see: &mut impl FnMut(ObjectKind, &mut About),
) {
    for trigger in triggers.values_mut() {
        see(ObjectKind::Trigger, &mut trigger.about);
    }
    for rule in rules.values_mut() {
        see(ObjectKind::Rule, &mut rule.about);
    }
}
