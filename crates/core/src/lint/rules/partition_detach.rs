//! `partition-detach`: `DETACH PARTITION` keeps everybody off the whole partitioned table, for an instant when it
//! gets the lock at once.

use underpin_sql::Effect;
use underpin_sql::effect::Detach;

use super::super::case::{Case, strongest};
use super::super::cost;
use super::super::finding::{Blocks, Finding};

pub(super) const NAME: &str = "partition-detach";

/// `DETACH PARTITION … CONCURRENTLY` came with it.
const CONCURRENTLY_SINCE: u32 = 14;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::DetachPartition { table, partition, how: Detach::AtOnce } = act.effect else { continue };
        let facts = case.world.facts();
        let table = facts.resolve(table);
        // A default partition may hold rows of the one that goes, so PostgreSQL wants the lock.
        let must_lock = facts.relation(&table).is_some_and(|known| known.default_partition.is_some());
        if case.world.is_exempt(&table) || must_lock || facts.version.major() < CONCURRENTLY_SINCE {
            continue;
        }
        let blocks = strongest(&act.locks).map_or(Blocks::Maintenance, Blocks::of);
        let budgets = case.file.around.settings.budgets();
        let severity =
            cost::judge(blocks, Some(&cost::instant()), case.heat(&table, blocks), case.queue(), &budgets);
        let message = format!(
            "detaching {} takes ACCESS EXCLUSIVE on {}: whoever reads or writes it, whichever partition they are after, \
             waits while it waits, and until its transaction ends",
            case.shown(partition),
            case.shown(&table)
        );
        found.push(
            case.tell(NAME, severity, message)
                .about(case.shown(&table))
                .sure(case.confidence(&table))
                .locking(&act.locks)
                .instead("detach it CONCURRENTLY, alone in its file")
                .done(),
        );
    }
}
