//! `unbounded-lock-wait`: a lock that the application waits for is asked for without a limit.
//!
//! Told once for a file, at its first such statement. What is in force there counts, not what the file says
//! somewhere: `SET LOCAL` outside a transaction is nothing, and an earlier file of the session may have set it.

use super::super::case::Case;
use super::super::cost::Queue;
use super::super::finding::{Blocks, Finding, Severity};
use super::super::stats::Heat;

pub(super) const NAME: &str = "unbounded-lock-wait";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    let claims =
        || case.acts.iter().flat_map(|act| &act.locks).filter(|claim| claim.mode.blocks_application());
    let Some(first) = claims().max_by_key(|claim| claim.mode) else { return };
    if case.queue() == Queue::Bounded {
        return;
    }
    let blocks = Blocks::of(first.mode);
    let is_cold =
        claims().all(|claim| case.heat(&claim.relation, Blocks::of(claim.mode)) == Some(Heat::Cold));
    let message = format!(
        "{} waits for {} on {} for as long as somebody uses the table, and all {blocks} of it queue behind",
        "the statement",
        first.mode,
        case.shown(&first.relation),
    );
    found.push(
        case.tell(NAME, if is_cold { Severity::Info } else { Severity::Caution }, message)
            .about(case.shown(&first.relation))
            .sure(case.confidence(&first.relation))
            .locking([first])
            .instead(
                "set a lock_timeout for the session that deploys (`?options=-c%20lock_timeout%3D2s` in its URL) and \
                 deploy again when it ends the wait; `underpin deploy` asks in short tries by itself",
            )
            .done(),
    );
}
