//! What depends on something that is to go (2BP01), and what `CASCADE` takes along.
//!
//! Which columns a view reads is known from its text by their names alone; where several relations have the
//! name, or a sub-select may have made it, that it is this one is likely, not certain.

use std::collections::BTreeSet;

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use super::lookup::Is;
use super::{Asked, Certainty, FailureKind, Found};
use crate::effect::{Effect, ObjectKind};
use crate::statement::Statement;
use crate::surroundings::{
    ColumnValues, ConstraintFacts, ConstraintFactsKind, RelationFacts, RelationKind, Surroundings,
};

/// Something that cannot be without something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependent {
    /// A view.
    View(RelationName),
    /// A materialized view, with its rows.
    MaterializedView(RelationName),
    /// A table with all its rows: one that inherits.
    Table(RelationName),
    /// A foreign key, of this table.
    ForeignKey(RelationName, Name),
    /// A column, of this table.
    Column(RelationName, Name),
    /// A trigger, of this table.
    Trigger(RelationName, Name),
    /// A policy, of this table.
    Policy(RelationName, Name),
    /// The place of this table in a publication.
    Publication(RelationName),
}

impl Dependent {
    /// `view Report`, `foreign key Order_userId_fkey of Order`.
    pub fn shown(&self) -> String {
        let of = |word: &str, table: &RelationName, own: &Name| {
            format!("{word} {} of {}", own.as_str(), table.shown())
        };
        match self {
            Self::View(name) => format!("view {}", name.shown()),
            Self::MaterializedView(name) => format!("materialized view {}", name.shown()),
            Self::Table(name) => format!("table {}", name.shown()),
            Self::ForeignKey(table, name) => of("foreign key", table, name),
            Self::Column(table, name) => of("column", table, name),
            Self::Trigger(table, name) => of("trigger", table, name),
            Self::Policy(table, name) => of("policy", table, name),
            Self::Publication(table) => format!("the publication of {}", table.shown()),
        }
    }
}

/// What depends on something, and how sure that is.
pub(super) type Dependents = Vec<(Dependent, Certainty)>;

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    let around = asked.around;
    if let Effect::Truncate { table, cascade: false, .. } = effect {
        truncated(asked, table, found);
        return;
    }
    if let Effect::DropIndex { index, .. } = effect
        && let Some(facts) = around.index(index)
    {
        // Not even CASCADE takes an index away from its constraint.
        let why = match (&facts.constraint, &facts.part_of) {
            (Some(constraint), _) => format!(
                "{} belongs to the constraint {} of {}: drop that instead",
                index.shown(),
                constraint.as_str(),
                facts.table.shown()
            ),
            (None, Some(parent)) => {
                format!("{} belongs to the index {} of its parent", index.shown(), parent.shown())
            }
            (None, None) => String::new(),
        };
        if !why.is_empty() {
            found.certain(FailureKind::Dependents, "2BP01", index.shown(), why);
            return;
        }
    }
    if let Effect::Drop { kind: ObjectKind::Type, name, .. } = effect
        && around.type_facts(name).is_none()
        && let Some(is @ Is::Relation(_)) = around.is(name)
    {
        let why = format!("{} is the type of the rows of {}", name.shown(), is.words());
        found.certain(FailureKind::Dependents, "2BP01", name.shown(), why);
        return;
    }
    if cascades(effect) {
        return;
    }
    let Some(object) = object(effect) else { return };
    let mut dependents = of_effect(effect, around);
    // One statement drops all that it names together.
    dependents.retain(|(dependent, _)| !goes_too(asked, found.at, dependent));
    let Some(certainty) = dependents.iter().map(|(_, certainty)| *certainty).max() else { return };
    let why = listed(dependents.iter().map(|(dependent, _)| dependent));
    let verb = if dependents.len() == 1 { "depends" } else { "depend" };
    found.push(FailureKind::Dependents, "2BP01", certainty, &object, format!("{why} {verb} on {object}"));
}

/// What `CASCADE` of the statement's effect takes along, besides what belongs to it.
pub fn taken_along(statement: &Statement, effect: usize, around: &Surroundings) -> Vec<Dependent> {
    let Some(own) = statement.effects.get(effect) else { return Vec::new() };
    let nothing = super::TransactionSoFar::default();
    let asked = Asked { statement, around, in_block: false, so_far: &nothing };
    let all = cascaded(own, around);
    all.into_iter().filter(|dependent| !goes_too(&asked, statement.effects.len(), dependent)).collect()
}

/// Everything that goes with what a `CASCADE` drops, besides what belongs to it.
pub(crate) fn cascaded(effect: &Effect, around: &Surroundings) -> BTreeSet<Dependent> {
    let mut all: BTreeSet<Dependent> = BTreeSet::new();
    if !cascades(effect) {
        return all;
    }
    let mut next: Vec<Dependent> =
        of_effect(effect, around).into_iter().map(|(dependent, _)| dependent).collect();
    while let Some(dependent) = next.pop() {
        if !all.insert(dependent.clone()) {
            continue;
        }
        let more = match &dependent {
            Dependent::View(name) | Dependent::MaterializedView(name) | Dependent::Table(name) => {
                of_relation(around, name)
            }
            Dependent::Column(table, column) => of_column(around, table, column),
            Dependent::ForeignKey(..)
            | Dependent::Trigger(..)
            | Dependent::Policy(..)
            | Dependent::Publication(_) => Vec::new(),
        };
        next.extend(more.into_iter().map(|(dependent, _)| dependent));
    }
    all
}

/// At most three by name, and how many more.
pub(super) fn listed<'d>(dependents: impl Iterator<Item = &'d Dependent>) -> String {
    let shown: Vec<_> = dependents.map(Dependent::shown).collect();
    match shown.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [a, b] => format!("{a} and {b}"),
        [a, b, c] => format!("{a}, {b} and {c}"),
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} more", rest.len()),
    }
}

fn cascades(effect: &Effect) -> bool {
    match effect {
        Effect::DropTable { cascade, .. }
        | Effect::DropColumn { cascade, .. }
        | Effect::DropConstraint { cascade, .. }
        | Effect::DropIndex { cascade, .. }
        | Effect::Drop { cascade, .. } => *cascade,
        _ => false,
    }
}

/// What the effect drops.
fn object(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::DropTable { table, .. } => table.shown(),
        Effect::DropColumn { table, column, .. } => format!("{}.{}", table.shown(), column.as_str()),
        Effect::DropConstraint { constraint, .. } => constraint.as_str().to_owned(),
        Effect::DropIndex { index, .. } => index.shown(),
        Effect::Drop { name, .. } => name.shown(),
        _ => return None,
    })
}

fn of_effect(effect: &Effect, around: &Surroundings) -> Dependents {
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

/// The same statement drops it, or its table; a column or constraint only by an action before action `at`, as
/// PostgreSQL drops them one after the other.
fn goes_too(asked: &Asked<'_>, at: usize, dependent: &Dependent) -> bool {
    let around = asked.around;
    let same = |named: &RelationName, own: &RelationName| around.resolve(named) == *own;
    let drops = |own: &RelationName| {
        asked.also(|effect| match effect {
            Effect::DropTable { table, .. } => same(table, own),
            Effect::Drop { kind: ObjectKind::View | ObjectKind::MaterializedView, name, .. } => {
                same(name, own)
            }
            _ => false,
        })
    };
    match dependent {
        Dependent::View(name)
        | Dependent::MaterializedView(name)
        | Dependent::Table(name)
        | Dependent::Publication(name) => drops(name),
        Dependent::ForeignKey(table, constraint) => {
            drops(table)
                || asked.statement.effects[..at].iter().any(|effect| match effect {
                    Effect::DropConstraint { table: named, constraint: dropped, .. } => {
                        same(named, table) && dropped == constraint
                    }
                    _ => false,
                })
        }
        Dependent::Column(table, column) => {
            drops(table)
                || asked.statement.effects[..at].iter().any(|effect| match effect {
                    Effect::DropColumn { table: named, column: dropped, .. } => {
                        same(named, table) && dropped == column
                    }
                    _ => false,
                })
        }
        Dependent::Trigger(table, _) | Dependent::Policy(table, _) => drops(table),
    }
}

/// What depends on a relation as a whole.
fn of_relation(around: &Surroundings, name: &RelationName) -> Dependents {
    let name = around.resolve(name);
    let Some(facts) = around.relations.get(&name) else { return Vec::new() };
    let mut all: Dependents = Vec::new();
    for (other, other_facts) in &around.relations {
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
pub(super) fn readers(
    around: &Surroundings,
    name: &RelationName,
    facts: &RelationFacts,
    column: &Name,
) -> Dependents {
    let mut all: Dependents = Vec::new();
    for (other, other_facts) in &around.relations {
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
pub(super) fn generated<'f>(
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
pub(super) fn key_of<'f>(constraint: &'f ConstraintFacts, referenced: &'f RelationFacts) -> &'f [Name] {
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
    around.relations.iter().flat_map(of).collect()
}

/// `TRUNCATE` of a table that others reference, and that are not truncated with it.
fn truncated(asked: &Asked<'_>, table: &RelationName, found: &mut Found<'_>) {
    let around = asked.around;
    let name = around.resolve(table);
    let Some(facts) = around.relations.get(&name) else { return };
    let together = |other: &RelationName| {
        asked.also(|effect| match effect {
            Effect::Truncate { table, .. } => around.resolve(table) == *other,
            _ => false,
        })
    };
    let Some(other) = facts.referenced_by.iter().find(|other| **other != name && !together(other)) else {
        return;
    };
    let why = format!(
        "{} references {}, and its rows would have nothing to refer to",
        other.shown(),
        table.shown()
    );
    found.certain(FailureKind::Dependents, "0A000", table.shown(), why);
}
