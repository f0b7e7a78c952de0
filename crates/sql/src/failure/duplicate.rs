//! What a statement makes and is there already (42P07, 42710, 42701, 42P06), unless it says
//! `IF NOT EXISTS`.
//!
//! Tables, views, sequences and indexes share their names, and a table takes the name of a type as well.

use std::collections::BTreeSet;

use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use super::lookup::{Is, SYSTEM_COLUMNS};
use super::{Asked, FailureKind, Found};
use crate::effect::{
    AddConstraint, ConstraintKind, CreateTable, Effect, ObjectKind, Persistence, PolicyChange, TypeKind,
};
use crate::surroundings::RelationKind;

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    let around = asked.around;
    match effect {
        Effect::CreateTable(created) => {
            if created.persistence != Persistence::Temporary && !created.if_not_exists {
                relation(asked, found, &created.table);
                if around.is_in_the_way(&created.table).is_none() {
                    type_in_the_way(asked, found, &created.table);
                }
            }
            inside(asked, found, created);
        }
        Effect::CreateTableAs { table, persistence, .. } => {
            let if_not_exists = match asked.statement.node.as_ref() {
                NodeEnum::CreateTableAsStmt(statement) => statement.if_not_exists,
                _ => false,
            };
            if *persistence != Persistence::Temporary && !if_not_exists {
                relation(asked, found, table);
            }
        }
        Effect::CreateView(created) => match around.is_in_the_way(&created.view) {
            Some(Is::Relation(RelationKind::View)) if created.replace => {}
            Some(is) if created.replace => {
                let why = format!("{} is {}, not a view", created.view.shown(), is.words());
                found.certain(FailureKind::Duplicate, "42809", created.view.shown(), why);
            }
            Some(_) if !created.if_not_exists => relation(asked, found, &created.view),
            _ => {}
        },
        Effect::Create { kind: ObjectKind::Sequence, name, if_not_exists: false } => {
            relation(asked, found, name);
        }
        Effect::Create { kind: ObjectKind::Schema, name, if_not_exists: false } => {
            let is_there = name.name.as_str() == "public"
                || around.relations.keys().any(|known| known.namespace.as_ref() == Some(&name.name));
            if is_there {
                let why = format!("schema {} exists already", name.shown());
                found.certain(FailureKind::Duplicate, "42P06", name.shown(), why);
            }
        }
        Effect::CreateIndex(created) => {
            if let Some(name) = created.name.as_ref().filter(|_| !created.if_not_exists) {
                relation(asked, found, &around.resolve(&created.table).sibling(name.clone()));
            }
        }
        Effect::AddColumn(added) => {
            let is_there =
                around.relation(&added.table).is_some_and(|facts| facts.column(&added.column).is_some());
            let is_system = SYSTEM_COLUMNS.contains(&added.column.as_str());
            if (is_there && !added.if_not_exists && !drops_column(asked, &added.column)) || is_system {
                column(found, &added.table, &added.column);
            } else if !is_there {
                added.constraints.iter().for_each(|added| constraint(asked, found, added));
            }
        }
        Effect::AddConstraint(added) => constraint(asked, found, added),
        Effect::RenameTable { table, to } => renamed(asked, found, table, to),
        Effect::RenameIndex { index, to } => renamed(asked, found, index, to),
        Effect::Rename { kind, name, to } => match kind {
            ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView => {
                renamed(asked, found, name, to);
            }
            ObjectKind::Type | ObjectKind::Domain if around.type_facts(name).is_some() => {
                type_in_the_way(asked, found, &around.resolve_type(name).sibling(to.clone()));
            }
            _ => {}
        },
        Effect::RenameColumn { table, column: from, to } => {
            let there = |name| around.relation(table).is_some_and(|facts| facts.column(name).is_some());
            if there(from) && there(to) {
                column(found, table, to);
            }
        }
        Effect::RenameConstraint { table, constraint, to } => {
            let there = |name| around.relation(table).is_some_and(|facts| facts.constraint(name).is_some());
            if there(constraint) && there(to) {
                constraint_exists(found, table, to);
            }
        }
        // A base type is declared before it is made.
        Effect::CreateType { kind: TypeKind::Base, .. } => {}
        Effect::CreateType { name, kind: TypeKind::Composite }
            if matches!(
                around.is_in_the_way(name),
                Some(Is::Index | Is::Relation(RelationKind::Sequence))
            ) =>
        {
            relation(asked, found, name);
        }
        Effect::CreateType { name, kind: TypeKind::Enum { values } } => {
            type_in_the_way(asked, found, name);
            let mut seen = BTreeSet::new();
            if let Some(twice) = values.iter().find(|value| !seen.insert(*value)) {
                let why = format!("value {twice} is in the statement twice");
                found.certain(FailureKind::Duplicate, "23505", name.shown(), why);
            }
        }
        Effect::CreateType { name, .. } => type_in_the_way(asked, found, name),
        Effect::AddEnumValue { name, value, if_not_exists: false, .. } => {
            value_exists(asked, found, name, value)
        }
        Effect::RenameEnumValue { name, to, .. } => value_exists(asked, found, name, to),
        Effect::CreateTrigger(created) if !created.replace => {
            let is_there = around
                .relation(&created.table)
                .is_some_and(|facts| facts.triggers.contains_key(&created.trigger));
            if is_there {
                let why = format!(
                    "table {} has a trigger {} already",
                    created.table.shown(),
                    created.trigger.as_str()
                );
                found.certain(FailureKind::Duplicate, "42710", created.trigger.as_str(), why);
            }
        }
        Effect::Policy { table, policy, how: PolicyChange::Create { .. } }
            if around.relation(table).is_some_and(|facts| facts.policies.contains_key(policy)) =>
        {
            let why = format!("table {} has a policy {} already", table.shown(), policy.as_str());
            found.certain(FailureKind::Duplicate, "42710", policy.as_str(), why);
        }
        _ => {}
    }
}

fn relation(asked: &Asked<'_>, found: &mut Found<'_>, name: &RelationName) {
    let around = asked.around;
    let Some(is) = around.is_in_the_way(name) else { return };
    // What a session made for itself is gone when the next one begins.
    let temporary = around
        .relation(&around.new_name(name))
        .is_some_and(|facts| facts.persistence == Persistence::Temporary);
    if !temporary {
        let why = format!("{} exists already, as {}", name.shown(), is.words());
        found.certain(FailureKind::Duplicate, "42P07", name.shown(), why);
    }
}

fn renamed(asked: &Asked<'_>, found: &mut Found<'_>, from: &RelationName, to: &Name) {
    let resolved = asked.around.resolve(from);
    if asked.around.is(&resolved).is_some() {
        relation(asked, found, &resolved.sibling(to.clone()));
    }
}

fn type_in_the_way(asked: &Asked<'_>, found: &mut Found<'_>, name: &RelationName) {
    let around = asked.around;
    let new = around.new_name(name);
    let by_type = around.types.contains_key(&new);
    let by_row = matches!(around.is(&new), Some(Is::Relation(kind)) if kind != RelationKind::Sequence);
    if by_type || by_row {
        let why = match by_type {
            true => format!("type {} exists already", name.shown()),
            false => format!("the rows of {} have a type of that name", name.shown()),
        };
        found.certain(FailureKind::Duplicate, "42710", name.shown(), why);
    }
}

fn drops_column(asked: &Asked<'_>, column: &Name) -> bool {
    asked.also(|other| matches!(other, Effect::DropColumn { column: dropped, .. } if dropped == column))
}

fn column(found: &mut Found<'_>, table: &RelationName, column: &Name) {
    let why = format!("table {} has a column {} already", table.shown(), column.as_str());
    found.certain(FailureKind::Duplicate, "42701", format!("{}.{}", table.shown(), column.as_str()), why);
}

fn constraint(asked: &Asked<'_>, found: &mut Found<'_>, added: &AddConstraint) {
    let around = asked.around;
    let Some(name) = &added.name else { return };
    let dropped = asked.also(|other| match other {
        Effect::DropConstraint { constraint, .. } => constraint == name,
        _ => false,
    });
    let Some(facts) = around.relation(&added.table).filter(|_| !dropped) else { return };
    if facts.constraint(name).is_some() {
        constraint_exists(found, &added.table, name);
        return;
    }
    let index =
        matches!(added.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude);
    if index && added.using_index.as_ref() != Some(name) {
        relation(asked, found, &around.resolve(&added.table).sibling(name.clone()));
    }
}

fn constraint_exists(found: &mut Found<'_>, table: &RelationName, name: &Name) {
    let why = format!("table {} has a constraint {} already", table.shown(), name.as_str());
    found.certain(FailureKind::Duplicate, "42710", name.as_str(), why);
}

fn value_exists(asked: &Asked<'_>, found: &mut Found<'_>, name: &RelationName, value: &str) {
    if asked.around.type_facts(name).is_some_and(|facts| facts.has_value(value)) {
        let why = format!("type {} has a value {value} already", name.shown());
        found.certain(FailureKind::Duplicate, "42710", name.shown(), why);
    }
}

/// A `CREATE TABLE` that says something twice, or names an index like something that is there.
fn inside(asked: &Asked<'_>, found: &mut Found<'_>, created: &CreateTable) {
    let own = asked.around.new_name(&created.table);
    if created.if_not_exists && asked.around.is(&own).is_some() {
        return;
    }
    let mut columns = BTreeSet::new();
    let twice = created.columns.iter().find(|own| !columns.insert(&own.column));
    // A partition or an heir may say a column again, but not twice itself.
    if let Some(twice) = twice {
        column(found, &created.table, &twice.column);
    }
    let beside = created.columns.iter().flat_map(|column| &column.constraints);
    let mut names = BTreeSet::new();
    let mut keys = 0;
    for added in beside.chain(&created.constraints) {
        let index = matches!(
            added.kind,
            ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude
        );
        keys += usize::from(added.kind == ConstraintKind::PrimaryKey);
        let Some(name) = &added.name else { continue };
        if !names.insert(name) {
            let sqlstate = if index { "42P07" } else { "42710" };
            let why = format!("constraint {} is in the statement twice", name.as_str());
            found.certain(FailureKind::Duplicate, sqlstate, name.as_str(), why);
        } else if index {
            relation(asked, found, &own.sibling(name.clone()));
        }
    }
    if keys > 1 {
        let why = format!("table {} would have {keys} primary keys", created.table.shown());
        found.certain(FailureKind::Definition, "42P16", created.table.shown(), why);
    }
}
