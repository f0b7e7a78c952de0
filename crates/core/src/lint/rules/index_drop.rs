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
        let facts = case.world.facts();
        // An index that nobody has looked at has a table all the same.
        let unseen = !facts.complete && facts.index(index).is_none();
        if !(unseen || has_lighter_twin(act.effect, case.world)) || super::is_told_as_one(case, act.effect) {
            continue;
        }
        let table = case.worked_on(act.effect).unwrap_or_else(|| facts.resolve(index));
        let on = if unseen { "its table".to_owned() } else { case.shown(&table) };
        let blocks = strongest(&act.locks).map_or(Blocks::Maintenance, Blocks::of);
        let budgets = case.file.around.settings.budgets();
        let severity =
            cost::judge(blocks, Some(&cost::instant()), case.heat(&table, blocks), case.queue(), &budgets);
        let message = format!(
            "dropping {} takes ACCESS EXCLUSIVE on {on}: reads and writes wait while it waits, and until its \
             transaction ends",
            case.shown(index),
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
