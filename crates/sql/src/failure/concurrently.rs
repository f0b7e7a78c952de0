//! `CONCURRENTLY` where PostgreSQL has no such thing (0A000, 55000).

use pg_query::protobuf::node::Node as NodeEnum;

use super::{Asked, FailureKind, Found};
use crate::effect::{Detach, Effect};
use crate::surroundings::RelationKind;

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    let around = asked.around;
    match effect {
        Effect::CreateIndex(created) if created.concurrently => {
            let partitioned =
                around.relation(&created.table).is_some_and(|facts| facts.kind == RelationKind::Partitioned);
            if partitioned {
                let why = format!("{} is partitioned", created.table.shown());
                found.certain(FailureKind::Concurrently, "0A000", created.table.shown(), why);
            }
        }
        Effect::DropIndex { index, concurrently: true, cascade, .. } => {
            if asked.statement.effects.len() > 1 && found.at == 0 {
                let why = "it drops one index at a time";
                found.certain(FailureKind::Concurrently, "0A000", "DROP INDEX CONCURRENTLY", why);
            } else if *cascade {
                let why = "it does not cascade";
                found.certain(FailureKind::Concurrently, "0A000", index.shown(), why);
            } else if around.index(index).is_some_and(|facts| facts.partitioned) {
                let why = format!("{} is the index of a partitioned table", index.shown());
                found.certain(FailureKind::Concurrently, "0A000", index.shown(), why);
            }
        }
        Effect::DetachPartition { table, how: Detach::Concurrently, .. } => {
            let default = around.relation(table).and_then(|facts| facts.default_partition.as_ref());
            if let Some(default) = default {
                let why = format!("{} has a default partition ({})", table.shown(), default.shown());
                found.certain(FailureKind::Concurrently, "55000", table.shown(), why);
            }
        }
        Effect::RefreshView { view, concurrently: true, .. } => {
            let empties = matches!(asked.statement.node.as_ref(), NodeEnum::RefreshMatViewStmt(refresh) if refresh.skip_data);
            if empties {
                let why = "CONCURRENTLY and WITH NO DATA exclude each other";
                found.certain(FailureKind::Concurrently, "42601", view.shown(), why);
                return;
            }
            let known = around
                .relation(view)
                .is_some_and(|facts| facts.kind == RelationKind::MaterializedView && around.complete);
            let key = around
                .indexes_of(view)
                .any(|(_, index)| index.unique && !index.partial && !index.has_expression());
            if known && !key {
                let why = format!("{} has no unique index on columns, without a condition", view.shown());
                found.certain(FailureKind::Concurrently, "55000", view.shown(), why);
            }
        }
        _ => {}
    }
}
