//! What partitions and heirs cannot have of their own, and what a partitioned table cannot have.

use underpin_catalog::{Name, RelationName};

use super::refuse;
use crate::effect::{AddConstraint, ConstraintKind};
use crate::failure::{Asked, FailureKind, Found};
use crate::surroundings::RelationKind;

/// A unique index of a partitioned table holds in each partition by itself.
pub(super) fn partition_key(
    asked: &Asked<'_>,
    table: &RelationName,
    added: &AddConstraint,
    found: &mut Found<'_>,
) {
    if matches!(added.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey) {
        lacks_partition_key(asked, table, &added.columns, found);
    }
}

pub(super) fn lacks_partition_key(
    asked: &Asked<'_>,
    table: &RelationName,
    columns: &[Name],
    found: &mut Found<'_>,
) {
    let Some(facts) = asked.around.relation(table) else { return };
    if let Some(missing) = facts.partition_key.iter().find(|key| !columns.contains(key)) {
        let why = format!(
            "a unique key of the partitioned table {} must contain {}, by which it is partitioned",
            table.shown(),
            missing.as_str()
        );
        found.certain(FailureKind::Definition, "0A000", table.shown(), why);
    }
}

pub(super) fn new_partition(asked: &Asked<'_>, parent: &RelationName, default: bool, found: &mut Found<'_>) {
    let Some(facts) = asked.around.relation(parent) else { return };
    if facts.kind == RelationKind::Table && facts.whole && facts.partition_of.is_none() {
        let why = format!("{} is not partitioned", parent.shown());
        found.certain(FailureKind::Definition, "42P17", parent.shown(), why);
    }
    if let Some(other) = facts.default_partition.as_ref().filter(|_| default) {
        let why = format!("{} has a default partition already ({})", parent.shown(), other.shown());
        found.certain(FailureKind::Definition, "42P17", parent.shown(), why);
    }
}

/// A partition has the columns of its parent, no more and no fewer.
pub(super) fn attached(
    asked: &Asked<'_>,
    table: &RelationName,
    partition: &RelationName,
    found: &mut Found<'_>,
) {
    let around = asked.around;
    if around
        .relation(table)
        .is_some_and(|facts| facts.kind == RelationKind::Table && facts.partition_of.is_none())
    {
        let sqlstate = if around.version.major() >= 18 { "42809" } else { "42P17" };
        let why = format!("{} is not partitioned", table.shown());
        found.certain(FailureKind::Definition, sqlstate, table.shown(), why);
        return;
    }
    let (Some(parent), Some(own)) = (around.whole(table), around.whole(partition)) else { return };
    let more = own.columns.iter().find(|column| parent.column(&column.name).is_none());
    let fewer = parent.columns.iter().find(|column| own.column(&column.name).is_none());
    let why = match (more, fewer) {
        (Some(more), _) => {
            format!("{} has a column {} and {} has not", partition.shown(), more.name.as_str(), table.shown())
        }
        (None, Some(fewer)) => {
            format!(
                "{} has a column {} and {} has not",
                table.shown(),
                fewer.name.as_str(),
                partition.shown()
            )
        }
        (None, None) => return,
    };
    found.certain(FailureKind::Definition, "42804", partition.shown(), why);
}

/// A column that a parent table has is the parent's to change.
pub(super) fn inherited(asked: &Asked<'_>, table: &RelationName, column: &Name, found: &mut Found<'_>) {
    let Some(facts) = asked.around.relation(table) else { return };
    let parent = facts.partition_of.iter().chain(&facts.inherits).find(|parent| {
        asked.around.relations.get(*parent).is_some_and(|facts| facts.column(column).is_some())
    });
    if let Some(parent) = parent {
        refuse(
            found,
            "42P16",
            table,
            column,
            &format!("it is a column of {}, which hands it down", parent.shown()),
        );
    }
}

/// A partition has the columns of its parent: it gets no others.
pub(super) fn column_of_parent(asked: &Asked<'_>, table: &RelationName, found: &mut Found<'_>) {
    let parent = asked.around.relation(table).and_then(|facts| facts.partition_of.as_ref());
    if let Some(parent) = parent {
        let why = format!("a partition has the columns of its parent: add it to {}", parent.shown());
        found.certain(FailureKind::Definition, "42809", table.shown(), why);
    }
}

/// What ends has to be there.
pub(super) fn disinherited(
    asked: &Asked<'_>,
    table: &RelationName,
    parent: &RelationName,
    found: &mut Found<'_>,
) {
    let parent = asked.around.resolve(parent);
    let heir = asked.around.whole_or_heir(table).is_none_or(|facts| facts.inherits.contains(&parent));
    if !heir {
        let why = format!("{} does not inherit from {}", table.shown(), parent.shown());
        found.certain(FailureKind::Missing, "42P01", table.shown(), why);
    }
}

/// The same for a partition.
pub(super) fn detached(
    asked: &Asked<'_>,
    table: &RelationName,
    partition: &RelationName,
    found: &mut Found<'_>,
) {
    let parent = asked.around.resolve(table);
    let facts = asked.around.whole_or_heir(partition);
    if facts.is_some_and(|facts| facts.partition_of.as_ref() != Some(&parent)) {
        let why = format!("{} is no partition of {}", partition.shown(), table.shown());
        found.certain(FailureKind::Missing, "42P01", partition.shown(), why);
    }
}
