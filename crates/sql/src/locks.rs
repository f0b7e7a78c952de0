//! Which locks an effect takes. [`crate::claims`] says it; this is the question.

use crate::claims::Claims;
use crate::effect::Effect;
use crate::step::LockClaim;
use crate::surroundings::Surroundings;

impl Effect {
    /// The locks that the effect takes and holds to the end of its transaction, the strongest mode for each
    /// relation, in name order: tables, indexes, sequences, views, composite types.
    pub fn locks(&self, surroundings: &Surroundings) -> Vec<LockClaim> {
        Claims::of([self], surroundings).locks()
    }
}

/// The strongest claim for each relation.
pub(crate) fn merged(claims: impl IntoIterator<Item = LockClaim>) -> Vec<LockClaim> {
    let mut list: Vec<_> = claims.into_iter().collect();
    list.sort_by(|a, b| a.relation.cmp(&b.relation).then(b.mode.cmp(&a.mode)));
    list.dedup_by(|later, first| later.relation == first.relation);
    list
}
