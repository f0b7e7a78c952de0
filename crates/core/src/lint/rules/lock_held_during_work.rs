//! `lock-held-during-work`: a lock that was quick to get is kept while something slow runs.
//!
//! Decided for each transaction: which locks it has when a statement begins that scans, builds or rewrites,
//! and whether these make anybody wait who would not wait for the work itself. How long a query takes, nobody
//! knows without its plan: it is told with low confidence, where nothing is known to be slow. What a program or a
//! procedure does is left to `unknown-effect`.

use std::collections::HashMap;

use underpin_catalog::RelationName;
use underpin_sql::{Duration, LockClaim};

use super::super::case::{FileCase, Seen};
use super::super::cost::{self, Queue};
use super::super::finding::{Blocks, Confidence, Estimate, Finding, Severity};
use super::super::stats::Heat;
use crate::quantity::duration;

pub(super) const NAME: &str = "lock-held-during-work";

/// One for each transaction, at the statement that works longest.
pub(super) fn judge(file: &FileCase<'_>, seen: &[Seen], found: &mut Vec<Finding>) {
    for transaction in &file.sending.transactions {
        let mut held = Locks::default();
        let mut longest: Option<(usize, f64)> = None;
        let mut total: Option<Estimate> = None;
        let mut query: Option<(usize, Vec<Held>)> = None;
        for at in transaction.statements.clone() {
            let Some(one) = seen.get(at) else { continue };
            if let Some(estimate) = &one.estimate
                && one.duration > Duration::Instant
                && held.hurt_during(one)
            {
                total = Some(added(total, estimate));
                if longest.is_none_or(|(_, most_ms)| estimate.most_ms > most_ms) {
                    longest = Some((at, estimate.most_ms));
                }
            }
            if !one.queried.is_empty() && query.is_none() {
                let worse = held.worse_than(one);
                query = (!worse.is_empty()).then_some((at, worse));
            }
            held.take(at, one);
        }
        match (longest, total, query) {
            (Some((at, _)), Some(total), _) => {
                let held = held.that_hurt_before(at);
                if !held.is_empty() {
                    found.push(tell(file, at, &seen[at], total, &held));
                }
            }
            (_, _, Some((at, held))) => found.push(tell_query(file, at, &seen[at], &held)),
            _ => {}
        }
    }
}

/// The locks that a transaction has, as it goes on.
#[derive(Default)]
struct Locks {
    /// In the order in which it took them.
    held: Vec<Held>,
    by_relation: HashMap<RelationName, usize>,
    /// Statements that worked so far.
    works: usize,
}

/// A lock that the transaction has.
#[derive(Clone)]
struct Held {
    since: usize,
    claim: LockClaim,
    /// Statements that worked before it was taken, and later ones during which nobody waits for it who would not
    /// wait for the work itself.
    harmless: usize,
}

impl Locks {
    /// A statement works. Tells whether somebody waits for one of the locks meanwhile who would not wait for the
    /// work itself.
    ///
    /// Only the locks that the statement takes too are looked at: it keeps all others from somebody.
    fn hurt_during(&mut self, working: &Seen) -> bool {
        self.works += 1;
        let mut harmless = 0;
        for own in &working.locks {
            if let Some(at) = self.by_relation.get(&own.relation)
                && Blocks::of(own.mode) >= Blocks::of(self.held[*at].claim.mode)
            {
                self.held[*at].harmless += 1;
                harmless += 1;
            }
        }
        harmless < self.held.len()
    }

    /// The locks that keep somebody waiting whom the working statement's own would not.
    fn worse_than(&self, working: &Seen) -> Vec<Held> {
        let is_worse = |lock: &&Held| {
            let own = working.locks.iter().find(|own| own.relation == lock.claim.relation);
            own.is_none_or(|own| Blocks::of(own.mode) < Blocks::of(lock.claim.mode))
        };
        self.held.iter().filter(is_worse).cloned().collect()
    }

    /// A statement takes what it needs.
    fn take(&mut self, at: usize, one: &Seen) {
        for claim in one.locks.iter().filter(|claim| claim.mode.blocks_application()) {
            match self.by_relation.get(&claim.relation) {
                Some(known) => {
                    let known = &mut self.held[*known];
                    if known.claim.mode < claim.mode {
                        known.claim.mode = claim.mode;
                        known.since = at;
                    }
                }
                None => {
                    self.by_relation.insert(claim.relation.clone(), self.held.len());
                    self.held.push(Held { since: at, claim: claim.clone(), harmless: self.works });
                }
            }
        }
    }

    /// Those from before a statement that somebody waited for who would not have waited for work.
    fn that_hurt_before(self, at: usize) -> Vec<Held> {
        let works = self.works;
        self.held.into_iter().filter(|lock| lock.harmless < works && lock.since < at).collect()
    }
}

fn added(total: Option<Estimate>, more: &Estimate) -> Estimate {
    match total {
        None => more.clone(),
        Some(so_far) => Estimate {
            least_ms: so_far.least_ms + more.least_ms,
            most_ms: so_far.most_ms + more.most_ms,
            source: so_far.source,
        },
    }
}

fn tell(file: &FileCase<'_>, at: usize, one: &Seen, total: Estimate, held: &[Held]) -> Finding {
    let blocks = blocks(held);
    let heat_of = |lock: &Held| {
        file.around.stats.table(&lock.claim.relation).map_or(Some(Heat::Hot), |known| known.heat(blocks))
    };
    let heat = held.iter().filter_map(heat_of).max();
    let severity = cost::judge(blocks, Some(&total), heat, Queue::Bounded, &file.around.settings.budgets());
    let table = one.worked_on.as_ref().map(|table| format!(" on {}", file.shown(table))).unwrap_or_default();
    let message = format!(
        "while the transaction works{table}, {} in all, it keeps {}: {blocks} wait until it commits",
        duration(total.least_ms, total.most_ms),
        shown(file, held),
    );
    let mut telling = file
        .tell_at(at, NAME, severity, message)
        .locking(held.iter().map(|lock| &lock.claim))
        .instead(INSTEAD);
    if let Some(table) = &one.worked_on {
        telling = telling.about(file.shown(table));
    }
    telling.estimated(total).done()
}

fn tell_query(file: &FileCase<'_>, at: usize, one: &Seen, held: &[Held]) -> Finding {
    let read: Vec<_> = one.queried.iter().take(SHOWN).map(|name| file.shown(name)).collect();
    let message = format!(
        "while the transaction reads {}, for as long as the query takes, it keeps {}: {} wait until it commits",
        read.join(", "),
        shown(file, held),
        blocks(held),
    );
    file.tell_at(at, NAME, Severity::Caution, message)
        .locking(held.iter().map(|lock| &lock.claim))
        .about(read.first().map_or("", String::as_str))
        .sure(Confidence::Low)
        .assuming("the query takes long: how it runs, its text does not say")
        .instead(INSTEAD)
        .done()
}

/// Whom the locks keep waiting.
fn blocks(held: &[Held]) -> Blocks {
    held.iter().map(|lock| Blocks::of(lock.claim.mode)).max().unwrap_or(Blocks::Maintenance)
}

fn shown(file: &FileCase<'_>, held: &[Held]) -> String {
    let one = |lock: &Held| {
        let line = file.statements[lock.since].line;
        format!("{} on {} since line {line}", lock.claim.mode, file.shown(&lock.claim.relation))
    };
    let mut locks: Vec<_> = held.iter().take(SHOWN).map(one).collect();
    if held.len() > SHOWN {
        locks.push(format!("{} more", held.len() - SHOWN));
    }
    locks.join(", ")
}

const INSTEAD: &str = "put what is slow into a migration of its own, before the statements that take the stronger \
                       locks; `underpin deploy` ends its transactions between them by itself";

/// More locks than these are counted.
const SHOWN: usize = 3;
