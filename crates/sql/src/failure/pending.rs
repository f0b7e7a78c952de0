//! `ALTER TABLE` on a table whose rows the same transaction changed, while a check of them is deferred to its
//! end (55006).
//!
//! Renaming, triggers, policies, comments and `REINDEX` are not refused.

use pg_query::protobuf::node::Node as NodeEnum;

use super::{Asked, FailureKind, Found};
use crate::effect::Effect;

pub(super) fn find(asked: &Asked<'_>, effect: &Effect, found: &mut Found<'_>) {
    if asked.so_far.pending.is_empty() || found.at > 0 && found.says(FailureKind::PendingEvents) {
        return;
    }
    let refused = matches!(asked.statement.node.as_ref(), NodeEnum::AlterTableStmt(_))
        || matches!(
            effect,
            Effect::DropTable { .. }
                | Effect::CreateIndex(_)
                | Effect::Truncate { .. }
                | Effect::Cluster { .. }
        );
    let Some(table) = effect.table().filter(|_| refused) else { return };
    let table = asked.around.resolve(table);
    let Some(certainty) = asked.so_far.pending.get(&table) else { return };
    let why = format!(
        "rows of {} are changed earlier in the same transaction, and a deferred foreign key has yet to check them",
        table.shown()
    );
    found.push(FailureKind::PendingEvents, "55006", *certainty, table.shown(), why);
}

impl Found<'_> {
    fn says(&self, kind: FailureKind) -> bool {
        self.all.iter().any(|failure| failure.kind == kind)
    }
}
