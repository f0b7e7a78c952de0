//! A column that one list names twice: `SET a = 1, a = 2` (42601), `INSERT INTO t (a, a)`, `PRIMARY KEY (a, a)`
//! (42701).

use std::collections::BTreeSet;

use pg_query::protobuf::Node;
use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::RelationName;

use super::{Asked, FailureKind, Found};
use crate::effect::{AddConstraint, ConstraintKind, Effect};

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    match (effect, asked.statement.node.as_ref()) {
        (Effect::Update(changed), NodeEnum::UpdateStmt(statement)) => {
            assigned(&changed.table, &statement.target_list, found);
        }
        (Effect::Insert { table, .. }, NodeEnum::InsertStmt(statement)) => {
            if let Some(column) = twice(&statement.cols) {
                let why = format!("the list of columns has {column} twice");
                found.certain(FailureKind::Definition, "42701", table.shown(), why);
            }
            if let Some(conflict) = &statement.on_conflict_clause {
                assigned(table, &conflict.target_list, found);
            }
        }
        (Effect::AddConstraint(added), _) => key(added, found),
        (Effect::AddColumn(added), _) => added.constraints.iter().for_each(|added| key(added, found)),
        (Effect::CreateTable(created), _) => {
            created.constraints.iter().for_each(|added| key(added, found));
        }
        _ => {}
    }
}

fn assigned(table: &RelationName, targets: &[Node], found: &mut Found<'_>) {
    if let Some(column) = twice(targets) {
        let why = format!("SET gives {column} two values");
        found.certain(FailureKind::Definition, "42601", table.shown(), why);
    }
}

/// The first name that comes again. Two elements of an array, or two fields of a row, are two targets.
fn twice(targets: &[Node]) -> Option<&str> {
    let mut seen = BTreeSet::new();
    targets
        .iter()
        .filter_map(|target| match &target.node {
            Some(NodeEnum::ResTarget(target)) if target.indirection.is_empty() => Some(target.name.as_str()),
            _ => None,
        })
        .find(|name| !seen.insert(*name))
}

fn key(added: &AddConstraint, found: &mut Found<'_>) {
    if !matches!(added.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique) {
        return;
    }
    let mut seen = BTreeSet::new();
    if let Some(column) = added.columns.iter().find(|column| !seen.insert(*column)) {
        let why = format!("the key has {} twice", column.as_str());
        found.certain(FailureKind::Definition, "42701", added.table.shown(), why);
    }
}
