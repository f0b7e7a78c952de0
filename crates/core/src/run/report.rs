//! What the engine tells [`decide`](super::decide) of the last decision.

use serde::Serialize;
use underpin_catalog::RelationName;
use underpin_sql::StepId;

use crate::event::{Blocker, WaitReason};

/// What came of the last decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Nothing yet: the run begins, or an earlier one is taken up.
    Begin,
    /// Answer to [`Question::Gate`]: nobody stands in the way.
    GateOpen,
    /// Answer to [`Question::Gate`]: somebody does.
    GateShut {
        /// Why.
        reason: WaitReason,
        /// Who.
        blockers: Vec<Blocker>,
    },
    /// The act is complete and committed.
    Applied,
    /// The server said no and nothing of the act is left.
    Refused(Refusal),
    /// The answer is lost: the act may or may not have taken effect.
    InDoubt,
    /// Answer to [`Question::Settle`].
    Settled(Settlement),
    /// The pause is over.
    Waited {
        /// How long it was.
        ms: u64,
    },
    /// Somebody else has taken over the run (the epoch in the journal is not ours any more).
    Fenced,
    /// The session that holds Prisma's advisory lock is gone, so Prisma may run now.
    LockLost,
    /// A person asked us to stop.
    Interrupted,
}

/// The server's "no".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refusal {
    /// SQLSTATE.
    pub sqlstate: String,
    /// The server's message, with detail and hint.
    pub message: String,
    /// The step that was refused, when it is known.
    pub step: Option<StepId>,
    /// Line in the migration file, from 1, when it is known.
    pub line: Option<u32>,
    /// Whether we cancelled it ourselves because others had begun to wait behind us.
    pub gave_way: bool,
    /// Who stood in the way when it was refused.
    pub blockers: Vec<Blocker>,
}

/// What journal and catalog say about an act in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It took effect.
    Done,
    /// It did not.
    NotDone,
    /// It left an invalid index that our journal owns.
    Leftover(RelationName),
    /// Something is there that our journal does not own.
    Conflict(String),
    /// The server cannot be reached at the moment.
    Unreachable,
}
