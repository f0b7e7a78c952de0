//! Where transactions end.
//!
//! A lock is held to the end of its transaction, so a transaction that has one which the
//! application waits for does nothing else that takes time: it neither works nor waits for a lock on
//! another table. What the file itself puts between `BEGIN` and `COMMIT` stays together.

use std::collections::BTreeSet;

use underpin_catalog::RelationName;
use underpin_sql::Transaction;

use super::{Planned, is_long};

pub(super) fn set_boundaries(planned: &mut [Planned]) {
    let mut held = BTreeSet::<RelationName>::new();
    for at in 0..planned.len() {
        let (before, rest) = planned.split_at_mut(at);
        let current = &mut rest[0];
        let wanted: BTreeSet<_> = current
            .step
            .locks
            .iter()
            .filter(|claim| claim.mode.blocks_application() && current.noticed.contains(&claim.relation))
            .map(|claim| claim.relation.clone())
            .collect();
        let long = is_long(current);
        let same_block = |other: &Planned| other.block.is_some() && other.block == current.block;
        if let Some(previous) = before.last_mut()
            && previous.step.transaction == Transaction::Shared
            && !same_block(previous)
            && !held.is_empty()
            && (long || !wanted.is_subset(&held))
        {
            previous.step.transaction = Transaction::EndsHere;
            held.clear();
        }
        held.extend(wanted);
        if long && current.block.is_none() && current.step.transaction == Transaction::Shared {
            current.step.transaction = Transaction::EndsHere;
        }
        if current.step.transaction != Transaction::Shared {
            held.clear();
        }
    }
}
