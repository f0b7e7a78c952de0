//! `index-drop`: `DROP INDEX` keeps everybody off the table, for an instant when it gets the lock at once.

use underpin_sql::Effect;

use super::super::case::{Case, strongest};
use super::super::cost;
use super::super::finding::{Blocks, Finding};
use crate::notice::has_lighter_twin;

pub(super) const NAME: &str = "index-drop";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::DropIndex { index, concurrently: false, .. } = act.effect else { continue };
        let Some(table) = case.worked_on(act.effect) else { continue };
        if !has_lighter_twin(act.effect, case.world) || super::is_told_as_one(case, act.effect) {
            continue;
        }
        let blocks = strongest(&act.locks).map_or(Blocks::Maintenance, Blocks::of);
        let budgets = case.file.around.settings.budgets();
        let severity =
            cost::judge(blocks, Some(&cost::instant()), case.heat(&table, blocks), case.queue(), &budgets);
        let message = format!(
            "dropping {} takes ACCESS EXCLUSIVE on {}: reads and writes wait while it waits, and until its \
             transaction ends",
            case.shown(index),
            case.shown(&table)
        );
        found.push(
            case.tell(NAME, severity, message)
                .about(case.shown(&table))
                .sure(case.confidence(&table))
                .locking(&act.locks)
                .instead("drop it CONCURRENTLY, alone in its file; `underpin deploy` does so by itself")
                .with_twin(case.twin())
                .done(),
        );
    }
}
