//! `lock-held-during-work`: a lock that was quick to get is kept while something slow runs.
//!
//! Decided for each transaction: which locks it has when a statement begins that scans, builds or rewrites,
//! and whether these make anybody wait who would not wait for the work itself.

use underpin_catalog::LockMode;
use underpin_sql::{Duration, LockClaim};

use super::super::case::{FileCase, Seen};
use super::super::cost::{self, Queue};
use super::super::finding::{Blocks, Estimate, Finding, Severity};

pub(super) const NAME: &str = "lock-held-during-work";

pub(super) fn judge(file: &FileCase<'_>, seen: &[Seen], found: &mut Vec<Finding>) {
    for transaction in &file.sending.transactions {
        let mut held: Vec<(usize, LockClaim)> = Vec::new();
        for at in transaction.statements.clone() {
            let Some(one) = seen.get(at) else { continue };
            if let Some(estimate) = &one.estimate
                && one.duration > Duration::Instant
            {
                let worse: Vec<_> = held.iter().filter(|(_, claim)| is_worse(claim, one)).collect();
                if !worse.is_empty() {
                    found.push(tell(file, at, one, estimate, &worse));
                }
            }
            for claim in one.locks.iter().filter(|claim| claim.mode.blocks_application()) {
                match held.iter_mut().find(|(_, known)| known.relation == claim.relation) {
                    Some((since, known)) if known.mode < claim.mode => {
                        known.mode = claim.mode;
                        *since = at;
                    }
                    Some(_) => {}
                    None => held.push((at, claim.clone())),
                }
            }
        }
    }
}

/// Whether the lock keeps somebody waiting whom the working statement's own lock would not.
fn is_worse(claim: &LockClaim, working: &Seen) -> bool {
    let own = working.locks.iter().find(|own| own.relation == claim.relation).map(|own| own.mode);
    own.is_none_or(|own: LockMode| Blocks::of(own) < Blocks::of(claim.mode))
}

fn tell(
    file: &FileCase<'_>,
    at: usize,
    one: &Seen,
    estimate: &Estimate,
    worse: &[&(usize, LockClaim)],
) -> Finding {
    let strongest = worse.iter().map(|(_, claim)| claim.mode).max();
    let blocks = strongest.map_or(Blocks::Maintenance, Blocks::of);
    let heat = worse
        .iter()
        .map(|(_, claim)| file.around.stats.table(&claim.relation).and_then(|known| known.heat(blocks)))
        .max()
        .flatten();
    let severity = cost::judge(blocks, Some(estimate), heat, Queue::Bounded, &file.around.settings.budgets());
    let lines: Vec<_> = worse
        .iter()
        .map(|(since, claim)| {
            format!(
                "{} on {} since line {}",
                claim.mode,
                claim.relation.shown(),
                file.statements[*since].line
            )
        })
        .collect();
    let table = one.worked_on.as_ref().map(|table| format!(" on {}", table.shown())).unwrap_or_default();
    let message = format!(
        "while this statement works{table}, its transaction keeps {}: {blocks} wait until it commits",
        lines.join(" and "),
    );
    let mut telling = file
        .tell_at(at, NAME, severity.max(Severity::Info), message)
        .locking(worse.iter().map(|(_, claim)| claim))
        .instead(
            "put the slow statement into a migration of its own, before the ones that take the stronger lock; \
             underpin ends its transactions between them by itself",
        );
    if let Some(table) = &one.worked_on {
        telling = telling.about(table.shown());
    }
    telling.estimated(estimate.clone()).done()
}
