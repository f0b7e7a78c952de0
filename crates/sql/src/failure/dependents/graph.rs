//! Who depends on whom, from the facts: what would be left without something that goes.

use underpin_catalog::{Name, RelationName};

use super::{Dependent, Dependents};
use crate::effect::{Effect, ObjectKind};
use crate::failure::Certainty;
use crate::failure::lookup::Is;
use crate::surroundings::{
    ColumnValues, ConstraintFacts, ConstraintFactsKind, RelationFacts, RelationKind, Surroundings,
};

/// What depends on what an effect drops.
pub(super) fn of_effect(effect: &Effect, around: &Surroundings) -> Dependents {
    match effect {
        Effect::DropTable { table, .. } if around.is(table).is_some_and(Is::is_table) => {
            of_relation(around, table)
        }
        Effect::DropColumn { table, column, .. } => of_column(around, table, column),
        Effect::DropConstraint { table, constraint, .. } => of_constraint(around, table, constraint),
        Effect::DropIndex { index, .. } => match around.index(index) {
            Some(facts) if facts.unique && !facts.partial && !facts.has_expression() => {
                let columns: Vec<Name> = facts.columns.iter().flatten().cloned().collect();
                of_key(around, &facts.table, &columns, &around.resolve(index))
            }
            _ => Vec::new(),
        },
        Effect::Drop { kind: ObjectKind::View | ObjectKind::MaterializedView, name, .. } => {
            of_relation(around, name)
        }
        Effect::Drop { kind: ObjectKind::Sequence, name, .. } => of_sequence(around, name),
        Effect::Drop { kind: ObjectKind::Type | ObjectKind::Domain, name, .. } => of_type(around, name),
        Effect::Drop { kind: ObjectKind::Routine, name, .. } => of_routine(around, name),
        Effect::Drop { kind: ObjectKind::Schema, name, .. } => around
            .relations
            .iter()
            .filter(|(own, _)| own.namespace.as_ref() == Some(&name.name))
            .map(|(own, facts)| (as_dependent(own, facts), Certainty::Certain))
            .collect(),
        _ => Vec::new(),
    }
}

fn as_dependent(name: &RelationName, facts: &RelationFacts) -> Dependent {
    match facts.kind {
        RelationKind::View => Dependent::View(name.clone()),
        RelationKind::MaterializedView => Dependent::MaterializedView(name.clone()),
        RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign | RelationKind::Sequence => {
            Dependent::Table(name.clone())
        }
    }
}

/// What depends on a relation as a whole.
pub(super) fn of_relation(around: &Surroundings, name: &RelationName) -> Dependents {
    let name = around.resolve(name);
    let Some(facts) = around.relations.get(&name) else { return Vec::new() };
    let mut all: Dependents = Vec::new();
    for (other, other_facts) in around.relations.naming(&name) {
        if *other == name || facts.kind == RelationKind::Partitioned && facts.descendants.contains(other) {
            continue;
        }
        if other_facts.reads.iter().any(|read| read.relation == name) {
            all.push((as_dependent(other, other_facts), Certainty::Certain));
        }
        if other_facts.inherits.contains(&name) {
            all.push((Dependent::Table(other.clone()), Certainty::Certain));
        }
        for constraint in other_facts.constraints.iter().filter(|own| own.referenced.as_ref() == Some(&name))
        {
            all.push((Dependent::ForeignKey(other.clone(), constraint.name.clone()), Certainty::Certain));
        }
        for column in other_facts.columns.iter().filter(|column| column.type_name.as_ref() == Some(&name)) {
            all.push((Dependent::Column(other.clone(), column.name.clone()), Certainty::Certain));
        }
    }
    all
}

/// What depends on a column.
pub(super) fn of_column(around: &Surroundings, table: &RelationName, column: &Name) -> Dependents {
    let name = around.resolve(table);
    let Some(facts) = around.relations.get(&name) else { return Vec::new() };
    if facts.column(column).is_none() {
        return Vec::new();
    }
    let mut all = readers(around, &name, facts, column);
    // Up to 14 a generated column goes with the columns that it is computed from.
    if around.version.major() >= 15 {
        all.extend(generated(&name, facts, column).map(|own| (own, Certainty::Certain)));
    }
    for other in facts.referenced_by.iter().chain([&name]) {
        let Some(other_facts) = around.relations.get(other) else { continue };
        for constraint in &other_facts.constraints {
            let key = key_of(constraint, facts);
            // What references itself with the column that goes, goes with it.
            let own = *other == name && constraint.columns.contains(column);
            if constraint.referenced.as_ref() == Some(&name) && key.contains(column) && !own {
                all.push((Dependent::ForeignKey(other.clone(), constraint.name.clone()), Certainty::Certain));
            }
        }
    }
    all
}

/// Views, triggers, policies and publications that read a column.
pub(in crate::failure) fn readers(
    around: &Surroundings,
    name: &RelationName,
    facts: &RelationFacts,
    column: &Name,
) -> Dependents {
    let mut all: Dependents = Vec::new();
    for (other, other_facts) in around.relations.naming(name) {
        for read in other_facts.reads.iter().filter(|read| read.relation == *name) {
            if read.columns.contains(column) {
                let ambiguous = other_facts
                    .reads
                    .iter()
                    .any(|other| other.relation != *name && other.columns.contains(column));
                let certainty = if ambiguous || !read.exact { Certainty::Likely } else { Certainty::Certain };
                all.push((as_dependent(other, other_facts), certainty));
            }
        }
    }
    for (trigger, reads) in &facts.triggers {
        if reads.contains(column) {
            all.push((Dependent::Trigger(name.clone(), trigger.clone()), Certainty::Certain));
        }
    }
    for (policy, reads) in &facts.policies {
        if reads.contains(column) {
            // It may ask another table for a column of that name.
            all.push((Dependent::Policy(name.clone(), policy.clone()), Certainty::Likely));
        }
    }
    if facts.published.contains(column) && around.version.major() >= 15 {
        all.push((Dependent::Publication(name.clone()), Certainty::Likely));
    }
    all
}

/// Columns that are computed from a column.
pub(in crate::failure) fn generated<'f>(
    name: &'f RelationName,
    facts: &'f RelationFacts,
    column: &'f Name,
) -> impl Iterator<Item = Dependent> + 'f {
    facts.columns.iter().filter_map(move |own| match &own.values {
        ColumnValues::Stored(reads) | ColumnValues::Virtual(reads)
            if reads.contains(column) && own.name != *column =>
        {
            Some(Dependent::Column(name.clone(), own.name.clone()))
        }
        _ => None,
    })
}

/// The columns that a foreign key references.
pub(in crate::failure) fn key_of<'f>(
    constraint: &'f ConstraintFacts,
    referenced: &'f RelationFacts,
) -> &'f [Name] {
    if constraint.referenced_columns.is_empty() {
        &referenced.primary_key
    } else {
        &constraint.referenced_columns
    }
}

fn of_constraint(around: &Surroundings, table: &RelationName, constraint: &Name) -> Dependents {
    let name = around.resolve(table);
    let Some(facts) = around.relations.get(&name).and_then(|facts| facts.constraint(constraint)) else {
        return Vec::new();
    };
    match facts.kind {
        ConstraintFactsKind::PrimaryKey | ConstraintFactsKind::Unique => {
            let own = name.sibling(constraint.clone());
            of_key(around, &name, &facts.columns, &own)
        }
        ConstraintFactsKind::Check
        | ConstraintFactsKind::ForeignKey
        | ConstraintFactsKind::NotNull
        | ConstraintFactsKind::Exclude => Vec::new(),
    }
}

/// Foreign keys that rely on a unique index, `own`. Where another has the same columns, they may rely on that.
fn of_key(around: &Surroundings, table: &RelationName, columns: &[Name], own: &RelationName) -> Dependents {
    let Some(facts) = around.relations.get(table) else { return Vec::new() };
    let same =
        |other: &[Name]| other.len() == columns.len() && other.iter().all(|column| columns.contains(column));
    let other = around.indexes_of(table).any(|(name, index)| {
        let columns: Option<Vec<Name>> = index.columns.iter().cloned().collect();
        name != own && index.unique && !index.partial && columns.is_some_and(|columns| same(&columns))
    });
    let certainty = if other { Certainty::Likely } else { Certainty::Certain };
    let mut all: Dependents = Vec::new();
    for referencing in facts.referenced_by.iter().chain([table]) {
        let Some(other) = around.relations.get(referencing) else { continue };
        for constraint in &other.constraints {
            if constraint.referenced.as_ref() == Some(table) && same(key_of(constraint, facts)) {
                all.push((Dependent::ForeignKey(referencing.clone(), constraint.name.clone()), certainty));
            }
        }
    }
    all
}

fn of_sequence(around: &Surroundings, name: &RelationName) -> Dependents {
    let Some((table, column)) = around.relation(name).and_then(|facts| facts.owned_by.clone()) else {
        return Vec::new();
    };
    let Some(own) = around.relations.get(&table).and_then(|facts| facts.column(&column)) else {
        return Vec::new();
    };
    let certainty = match own.values {
        ColumnValues::Identity => Certainty::Certain,
        // Its default takes numbers from the sequence, unless it was given another since.
        _ if own.has_default => Certainty::Likely,
        _ => return Vec::new(),
    };
    vec![(Dependent::Column(table, column), certainty)]
}

fn of_type(around: &Surroundings, name: &RelationName) -> Dependents {
    let name = around.resolve_type(name);
    let Some(facts) = around.types.get(&name) else { return Vec::new() };
    let mut all: Dependents = Vec::new();
    for table in &facts.used_by {
        let Some(table_facts) = around.relations.get(table) else { continue };
        for column in table_facts.columns.iter().filter(|column| column.type_name.as_ref() == Some(&name)) {
            all.push((Dependent::Column(table.clone(), column.name.clone()), Certainty::Certain));
        }
    }
    all
}

/// Triggers that call a function. Others of its name may be the ones that they call.
fn of_routine(around: &Surroundings, name: &RelationName) -> Dependents {
    let name = around.resolve_routine(name);
    let of = |(table, facts): (&RelationName, &RelationFacts)| -> Dependents {
        let calls = facts.trigger_functions.iter().filter(|(_, function)| **function == name);
        calls.map(|(own, _)| (Dependent::Trigger(table.clone(), own.clone()), Certainty::Certain)).collect()
    };
    around.relations.naming(&name).flat_map(of).collect()
}
