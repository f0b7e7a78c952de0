//! What depends on something that is to go (2BP01), and what `CASCADE` takes along.
//!
//! Which columns a view reads is known from its text by their names alone; where several relations have the
//! name, or a sub-select may have made it, that it is this one is likely, not certain.

mod graph;

use std::collections::BTreeSet;

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use super::lookup::Is;
use super::{Asked, Certainty, FailureKind, Found};
use crate::effect::{Effect, ObjectKind};
use crate::statement::Statement;
use crate::surroundings::Surroundings;

pub(super) use graph::{generated, key_of, readers};
use graph::{of_column, of_effect, of_relation};

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
