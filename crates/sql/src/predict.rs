//! What one statement will do to a database whose facts are known.
//!
//! A statement is more than its effects one by one: the strongest lock and every work of any of them are the
//! statement's, a relation that it makes itself is nobody's business, and reading a table that is known to be
//! empty is no work.

use serde::Serialize;

use crate::claims::Claims;
use crate::effect::Effect;
use crate::step::LockClaim;
use crate::surroundings::Surroundings;
use crate::work::{Work, WorkKind};

/// What a statement will do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The locks on relations that are there, the strongest mode for each, in name order.
    pub locks: Vec<LockClaim>,
    /// The work on relations that are there, in name order.
    pub work: Vec<Work>,
    /// It cannot stand in a transaction block (SQLSTATE 25001).
    pub alone: bool,
    /// What of it nobody can know. Not empty means that locks and work may be more.
    pub unknown: Vec<String>,
}

/// What the effects of one statement will do, when it succeeds.
pub fn predict(effects: &[Effect], around: &Surroundings) -> Prediction {
    let there = |relation: &underpin_catalog::RelationName| {
        !around.complete
            || around.relations.contains_key(relation)
            || around.indexes.contains_key(relation)
            || around.types.contains_key(relation)
    };
    let mut locks = Claims::of(effects, around).locks();
    locks.retain(|claim| there(&claim.relation));
    let mut work = Claims::of(effects, around).work();
    work.retain(|work| there(&work.relation) && !is_idle(work, around));
    Prediction {
        locks,
        work,
        alone: effects.iter().any(|effect| effect.refuses_transaction(around)),
        unknown: effects.iter().flat_map(unknown).collect(),
    }
}

/// Reading a table without rows.
fn is_idle(work: &Work, around: &Surroundings) -> bool {
    let reads = matches!(work.kind, WorkKind::LookUp | WorkKind::Scan | WorkKind::Build);
    let empty = |facts: &crate::RelationFacts| facts.bytes == Some(0) && facts.rows_estimate == Some(0.0);
    reads && around.relation(&work.relation).is_some_and(empty)
}

fn unknown(effect: &Effect) -> Vec<String> {
    match effect {
        Effect::Do(program) if !program.opaque.is_empty() => program.opaque.clone(),
        Effect::Do(program) if !program.is_straight() => {
            vec!["which of its statements a DO block reaches".to_owned()]
        }
        Effect::Do(program) => program.effects().flat_map(unknown).collect(),
        Effect::Select { calls, .. } => calls.clone(),
        Effect::Call { procedure } => vec![procedure.shown()],
        Effect::Unknown { what } => vec![what.clone()],
        _ => Vec::new(),
    }
}
