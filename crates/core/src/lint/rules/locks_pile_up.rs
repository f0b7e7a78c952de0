//! `locks-pile-up`: a transaction waits for one table without a limit while it keeps everybody off another.
//!
//! Decided for each transaction, at its first such statement. Two locks of one statement cannot be divided, and
//! a wait that a `lock_timeout` ends is one that the application survives.

use underpin_catalog::LockMode;

use super::super::case::{FileCase, Seen};
use super::super::cost::Queue;
use super::super::finding::{Finding, Severity};

pub(super) const NAME: &str = "locks-pile-up";

pub(super) fn judge(file: &FileCase<'_>, seen: &[Seen], found: &mut Vec<Finding>) {
    for transaction in &file.sending.transactions {
        let mut held = None;
        for at in transaction.statements.clone() {
            let Some(one) = seen.get(at) else { continue };
            let mut exclusive = one.locks.iter().filter(|claim| claim.mode == LockMode::AccessExclusive);
            match held {
                None => held = exclusive.next().map(|claim| (at, claim)),
                Some((since, first)) => {
                    let Some(next) = exclusive.find(|claim| claim.relation != first.relation) else {
                        continue;
                    };
                    if file.queue(at) == Queue::Bounded {
                        continue;
                    }
                    let (kept, wanted) = (file.shown(&first.relation), file.shown(&next.relation));
                    let message = format!(
                        "nobody can read {kept} since line {}, and here the same transaction waits for {wanted} until \
                         the last user of that has left: who uses both in the other order deadlocks with it (40P01)",
                        file.statements[since].line
                    );
                    found.push(
                        file.tell_at(at, NAME, Severity::Caution, message)
                            .about(wanted)
                            .locking([first, next])
                            .instead(
                                "a migration for each table, or a lock_timeout for the session that deploys; \
                                 `underpin deploy` has both",
                            )
                            .done(),
                    );
                    break;
                }
            }
        }
    }
}
