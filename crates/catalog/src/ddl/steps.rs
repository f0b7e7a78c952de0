//! The steps of the way and their order: what is dropped before what, and what is made after what.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::Context;
use super::fate::Fate;
use super::inventory::{Inventory, Object, Owner};
use crate::model::ConstraintKind;
use crate::object::{ObjectKey, ObjectKind};

/// What a step does with its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    /// A default is dropped, so that what it calls can go before its table.
    Loosen,
    Drop,
    Alter,
    Create,
    /// What can be said when others are there.
    Finish,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) key: ObjectKey,
    pub(super) act: Act,
}

pub(super) fn step(key: &ObjectKey, act: Act) -> Step {
    Step { key: key.clone(), act }
}

/// All steps in an order that executes.
pub(super) fn ordered(context: &Context<'_>) -> Vec<Step> {
    let mut steps = BTreeSet::new();
    for (key, fate) in context.fates.moved() {
        let acts: &[Act] = match fate {
            Fate::Kept => &[],
            Fate::Altered => &[Act::Alter, Act::Finish],
            Fate::Replaced => &[Act::Drop, Act::Create, Act::Finish],
            Fate::Dropped => &[Act::Drop],
            Fate::Created => &[Act::Create, Act::Finish],
        };
        // The rest goes along with something else.
        steps.extend(
            acts.iter().map(|act| step(key, *act)).filter(|step| context.with(step).as_ref() == Some(step)),
        );
    }
    let loosened = context.fates.moved().filter(|(key, _)| context.is_loosened(key));
    steps.extend(loosened.map(|(key, _)| step(key, Act::Loosen)));
    let after = edges(context, &steps);
    sorted(context, steps, after)
}

type Edges = BTreeMap<Step, BTreeSet<Step>>;

/// What comes after what.
fn edges(context: &Context<'_>, steps: &BTreeSet<Step>) -> Edges {
    let mut after: Edges = BTreeMap::new();
    let mut edge = |first: &Step, then: &Step| {
        let (Some(first), Some(then)) = (context.with(first), context.with(then)) else { return };
        if first != then && steps.contains(&first) && steps.contains(&then) {
            after.entry(first).or_default().insert(then);
        }
    };
    // Who has no step comes after nothing.
    let moves = |object: Option<Object<'_>>| !object.is_some_and(|object| context.fates.is_idle(object));
    for (dependent, on) in context.before.needs_of(moves).filter(|(_, on)| moves(context.before.get(on))) {
        if on.kind == ObjectKind::Routine && context.is_loosened(dependent) {
            edge(&step(dependent, Act::Loosen), &step(on, Act::Drop));
            continue;
        }
        if context.is_set_aside(on) {
            // What is dropped by the name of the type goes while the type has it.
            edge(&step(dependent, Act::Drop), &step(on, Act::Create));
        }
        for act in [Act::Drop, Act::Alter] {
            edge(&step(dependent, act), &step(on, Act::Drop));
        }
        edge(&step(dependent, Act::Drop), &step(on, Act::Alter));
    }
    for (dependent, on) in context.after.needs_of(moves).filter(|(_, on)| moves(context.after.get(on))) {
        for act in [Act::Create, Act::Alter, Act::Finish] {
            let late = act == Act::Alter && is_late(dependent);
            // The default waits, and not the column.
            let default = act != Act::Finish && waits_for(context, dependent, on);
            if !late && !default {
                edge(&step(on, Act::Create), &step(dependent, act));
            }
        }
        edge(&step(on, Act::Alter), &step(dependent, Act::Create));
    }
    for (key, fate) in context.fates.moved() {
        match fate {
            Fate::Replaced if key.kind == ObjectKind::Type && context.is_set_aside(key) => {
                edge(&step(key, Act::Create), &step(key, Act::Drop));
            }
            Fate::Replaced => edge(&step(key, Act::Drop), &step(key, Act::Create)),
            _ => {}
        }
        edge(&step(key, Act::Alter), &step(key, Act::Finish));
        edge(&step(key, Act::Create), &step(key, Act::Finish));
    }
    names(context, &mut edge);
    sequences(context, &mut edge);
    partitions(context, &mut edge);
    extensions(context, steps, &mut edge);
    after
}

/// Whether what a column needs is only needed by a default that is set when everything is there.
fn waits_for(context: &Context<'_>, dependent: &ObjectKey, on: &ObjectKey) -> bool {
    match context.after.get(dependent) {
        Some(Object::Column(owner @ Owner::Table(..), name, _)) if on.kind == ObjectKind::Routine => {
            context.default_is_later(owner, name)
        }
        _ => false,
    }
}

/// A publication lets go of what it tells before, and takes up what is new after.
fn is_late(key: &ObjectKey) -> bool {
    key.kind == ObjectKind::Publication
}

/// A name is free when what had it is gone: relations and types share theirs.
fn names(context: &Context<'_>, edge: &mut impl FnMut(&Step, &Step)) {
    let shares = |key: &ObjectKey| {
        matches!(
            key.kind,
            ObjectKind::Table
                | ObjectKind::View
                | ObjectKind::MaterializedView
                | ObjectKind::Sequence
                | ObjectKind::Index
                | ObjectKind::Type
        )
    };
    let mut going: BTreeMap<&str, Vec<&ObjectKey>> = BTreeMap::new();
    for (key, _) in context.fates.moved().filter(|(key, _)| shares(key) && context.fates.goes(key)) {
        going.entry(&key.identity).or_default().push(key);
    }
    for (key, _) in context.fates.moved().filter(|(key, _)| shares(key) && context.fates.comes(key)) {
        for gone in going.get(key.identity.as_str()).into_iter().flatten().filter(|gone| **gone != key) {
            edge(&step(gone, Act::Drop), &step(key, Act::Create));
        }
    }
}

/// A sequence that stays leaves its column before that goes, and is given to another when that is there.
fn sequences(context: &Context<'_>, edge: &mut impl FnMut(&Step, &Step)) {
    for (name, sequence) in &context.before.catalog.sequences {
        if let Some((table, column)) = &sequence.owned_by {
            let sequence = ObjectKey::of(ObjectKind::Sequence, name);
            edge(
                &step(&sequence, Act::Alter),
                &step(&ObjectKey::within(ObjectKind::Column, table, column), Act::Drop),
            );
        }
    }
    for (name, sequence) in &context.after.catalog.sequences {
        if let Some((table, column)) = &sequence.owned_by {
            let sequence = ObjectKey::of(ObjectKind::Sequence, name);
            let column = ObjectKey::within(ObjectKind::Column, table, column);
            for act in [Act::Create, Act::Alter] {
                edge(&step(&column, act), &step(&sequence, Act::Finish));
            }
        }
    }
}

/// A partition is attached when it has what its parent asks for; an index or a constraint of a parent takes
/// up those that its partitions have already.
fn partitions(context: &Context<'_>, edge: &mut impl FnMut(&Step, &Step)) {
    for (name, table) in
        context.after.catalog.tables.iter().filter(|(name, _)| context.fates.is_touched(name))
    {
        let owner = Owner::Table(name, table);
        let attached = step(&owner.key(), Act::Finish);
        let parts = table.constraints.keys().map(|part| owner.part(ObjectKind::Constraint, part));
        let indexes = table.indexes.keys().map(|part| owner.part(ObjectKind::Index, part));
        let columns = table.columns.keys().map(|part| owner.part(ObjectKind::Column, part));
        for part in parts.chain(indexes).chain(columns) {
            for act in [Act::Create, Act::Alter] {
                edge(&step(&part, act), &attached);
            }
        }
        for (index_name, index) in &table.indexes {
            if let Some(parent) = &index.part_of {
                let own = owner.part(ObjectKind::Index, index_name);
                edge(&step(&own, Act::Create), &step(&ObjectKey::of(ObjectKind::Index, parent), Act::Create));
            }
        }
        for (parent, _) in context.after.parents(name) {
            let parent = ObjectKey::of(ObjectKind::Table, parent);
            for act in [Act::Create, Act::Alter] {
                edge(&step(&parent, act), &attached);
            }
        }
    }
    for (name, table) in
        context.after.catalog.tables.iter().filter(|(name, _)| context.fates.is_touched(name))
    {
        let owner = Owner::Table(name, table);
        for (trigger, _) in table.triggers.iter().filter(|(_, trigger)| trigger.inherited) {
            // What is in the way of a copy goes before that is made.
            let own = step(&owner.part(ObjectKind::Trigger, trigger), Act::Drop);
            for (parent, of) in context.after.parents(name) {
                let parent = Owner::Table(parent, of).part(ObjectKind::Trigger, trigger);
                edge(&own, &step(&parent, Act::Create));
            }
        }
        for (column, of) in &table.columns {
            let own = owner.part(ObjectKind::Column, column);
            for (parent, _) in context.after.parents(name) {
                let parent = ObjectKey::within(ObjectKind::Column, parent, column);
                // A type comes from the parent, a default is the table's own and comes last.
                edge(&step(&parent, Act::Alter), &step(&own, Act::Alter));
                if of.declared_too && context.is_kept_table(name) {
                    edge(&step(&own, Act::Create), &step(&parent, Act::Create));
                    edge(&step(&parent, Act::Drop), &step(&own, Act::Drop));
                }
            }
        }
    }
    for (name, table) in
        context.before.catalog.tables.iter().filter(|(name, _)| context.fates.is_touched(name))
    {
        let owner = Owner::Table(name, table);
        let kept = context.is_kept_table(name);
        for (column, _) in table.columns.iter().filter(|(_, of)| kept && of.declared_too) {
            for (parent, _) in context.before.parents(name) {
                let parent = ObjectKey::within(ObjectKind::Column, parent, column);
                let own = owner.part(ObjectKind::Column, column);
                edge(&step(&parent, Act::Drop), &step(&own, Act::Drop));
            }
        }
        let parents: Vec<_> = context.before.parents(name).collect();
        for (parent, of) in parents {
            let parent_owner = Owner::Table(parent, of);
            // It is detached before anything that it shares goes.
            let shared = of
                .columns
                .keys()
                .map(|part| parent_owner.part(ObjectKind::Column, part))
                .chain(of.constraints.keys().map(|part| parent_owner.part(ObjectKind::Constraint, part)))
                .chain(of.indexes.keys().map(|part| parent_owner.part(ObjectKind::Index, part)));
            for part in shared {
                edge(&step(&owner.key(), Act::Alter), &step(&part, Act::Drop));
            }
        }
    }
}

/// Nobody knows what needs which member of an extension: it is made before everything but its namespace,
/// and goes after everything else.
fn extensions(context: &Context<'_>, steps: &BTreeSet<Step>, edge: &mut impl FnMut(&Step, &Step)) {
    let all = context.fates.all().filter(|(key, _)| key.kind == ObjectKind::Extension);
    for (extension, _) in all {
        for other in steps
            .iter()
            .filter(|step| !matches!(step.key.kind, ObjectKind::Extension | ObjectKind::Namespace))
        {
            match other.act {
                Act::Loosen | Act::Drop | Act::Alter => edge(other, &step(extension, Act::Drop)),
                Act::Create | Act::Finish => {}
            }
            if matches!(other.act, Act::Create | Act::Alter | Act::Finish) {
                edge(&step(extension, Act::Create), other);
                edge(&step(extension, Act::Alter), other);
            }
        }
    }
}

/// Where a step stands when nothing else decides: what is dropped, then what is made, each in the order in
/// which a person would write it.
fn rank(context: &Context<'_>, step: &Step) -> u8 {
    use ObjectKind as Kind;
    let foreign = |inventory: &Inventory<'_>| match inventory.get(&step.key) {
        Some(Object::Constraint(_, _, constraint)) => {
            matches!(constraint.kind, ConstraintKind::ForeignKey(_))
        }
        _ => false,
    };
    let not_null = |inventory: &Inventory<'_>| match inventory.get(&step.key) {
        Some(Object::Constraint(_, _, constraint)) => {
            matches!(constraint.kind, ConstraintKind::NotNull { .. })
        }
        _ => false,
    };
    match (step.act, &step.key.kind) {
        (Act::Drop, Kind::EventTrigger) => 0,
        (Act::Loosen, _) => 2,
        (Act::Drop | Act::Alter, Kind::Publication) => 1,
        (Act::Drop, Kind::Policy) => 2,
        (Act::Drop, Kind::Trigger) => 3,
        (Act::Drop, Kind::Rule) => 4,
        (Act::Drop, Kind::View | Kind::MaterializedView) => 5,
        (Act::Drop, Kind::Constraint) if foreign(&context.before) => 6,
        (Act::Drop, Kind::Statistics) => 7,
        (Act::Drop, Kind::Index) => 8,
        (Act::Drop, Kind::Constraint) if not_null(&context.before) => 30,
        (Act::Drop, Kind::Constraint) => 9,
        (Act::Create | Act::Alter, Kind::Namespace) => 10,
        (Act::Create | Act::Alter, Kind::Extension) => 11,
        (Act::Create | Act::Alter, Kind::Type) => 12,
        (Act::Create | Act::Alter, Kind::Sequence) => 13,
        (Act::Create | Act::Alter, Kind::Routine) => 14,
        (Act::Drop, Kind::Column) => 15,
        (Act::Drop, Kind::Table) => 16,
        (Act::Create, Kind::Table) => 20,
        (Act::Alter, Kind::Table) => 21,
        (Act::Create, Kind::Column) => 22,
        (Act::Alter | Act::Finish, Kind::Column) => 23,
        (Act::Create | Act::Alter, Kind::Constraint) if foreign(&context.after) => 42,
        (Act::Create, Kind::Constraint) if not_null(&context.after) => 31,
        (Act::Create | Act::Alter, Kind::Constraint) => 40,
        (Act::Create | Act::Alter, Kind::Index) => 41,
        (Act::Finish, Kind::Sequence) => 43,
        (Act::Finish, Kind::Table) => 44,
        (Act::Create | Act::Alter, Kind::Statistics) => 45,
        (Act::Create | Act::Alter, Kind::View | Kind::MaterializedView) => 46,
        (Act::Create | Act::Alter, Kind::Rule) => 47,
        (Act::Create | Act::Alter, Kind::Trigger) => 48,
        (Act::Create | Act::Alter, Kind::Policy) => 49,
        (Act::Drop, Kind::Routine) => 60,
        (Act::Drop, Kind::Sequence) => 61,
        (Act::Drop, Kind::Type) => 62,
        (Act::Drop, Kind::Extension) => 63,
        (Act::Drop, Kind::Namespace) => 64,
        (Act::Create | Act::Finish, Kind::Publication) => 70,
        (_, Kind::DefaultPrivileges) => 71,
        (_, Kind::EventTrigger) => 72,
        (Act::Finish, _) => 50,
        (_, Kind::Unmodelled(_)) => 73,
    }
}

/// By rank, as far as what comes after what allows.
fn sorted(context: &Context<'_>, steps: BTreeSet<Step>, after: Edges) -> Vec<Step> {
    let mut waits: BTreeMap<&Step, usize> = steps.iter().map(|step| (step, 0)).collect();
    for then in after.values().flatten() {
        *waits.entry(then).or_default() += 1;
    }
    let entry = |step: &Step| Reverse((rank(context, step), step.clone()));
    let mut ready: BinaryHeap<_> =
        waits.iter().filter(|(_, waits)| **waits == 0).map(|(step, _)| entry(step)).collect();
    let mut left: BTreeSet<(u8, Step)> =
        steps.iter().map(|step| (rank(context, step), step.clone())).collect();
    let mut order = Vec::with_capacity(steps.len());
    while !left.is_empty() {
        let next = match ready.pop() {
            Some(Reverse(next)) => next,
            // A circle, such as of a function and a table that use each other: the one that is usually
            // first begins, and what PostgreSQL checks later need not be there.
            None => left.first().cloned().expect("there is one left"),
        };
        if !left.remove(&next) {
            continue;
        }
        for then in after.get(&next.1).into_iter().flatten() {
            if let Some(waits) = waits.get_mut(then) {
                *waits = waits.saturating_sub(1);
                if *waits == 0 && left.contains(&(rank(context, then), then.clone())) {
                    ready.push(entry(then));
                }
            }
        }
        order.push(next.1);
    }
    order
}
