//! What [`decide`](super::decide) tells the engine to do.

use underpin_catalog::RelationName;

use super::report::Refusal;
use crate::event::{Blocker, WaitReason};

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Change the database.
    Act(Act),
    /// Ask.
    Look(Question),
    /// Pause, then report [`Report::Waited`].
    Wait {
        /// How long.
        ms: u64,
        /// Why; the engine tells people.
        reason: WaitReason,
        /// Who stands in the way.
        blockers: Vec<Blocker>,
    },
    /// The end.
    Stop(Stop),
}

/// Something that changes the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Record in ledger and journal that the migration has begun; for one that needs more than one
    /// transaction.
    Open,
    /// Execute a segment. With `opens` and `closes` the ledger's row begins and ends within it.
    Segment {
        /// Index into the segments.
        index: usize,
        /// The whole migration is this one transaction: its row is written complete.
        whole: bool,
        /// It is the last one and transactional: the ledger's row is finished in it.
        closes: bool,
    },
    /// Drop an invalid index that an interrupted build of ours left.
    DropLeftover {
        /// The segment whose build left it.
        index: usize,
        /// The index.
        leftover: RelationName,
    },
    /// Record in ledger and journal that the migration is complete.
    Close,
    /// Take back what [`Act::Open`] recorded: the migration stops before any of it has taken effect, so
    /// that it is pending for everybody, and nobody has to resolve anything.
    TakeBack,
}

/// A question to the server that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Does anybody stand in the way of this segment?
    Gate(usize),
    /// Did this act take effect?
    Settle(Act),
}

/// How a migration's run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Complete and recorded.
    Applied,
    /// The server refused a step for a reason that another try does not change.
    Failed(Refusal),
    /// The lock budget is spent; nothing of the waiting segment has taken effect.
    BudgetSpent {
        /// Why the last try failed.
        reason: WaitReason,
        /// Who stood in the way.
        blockers: Vec<Blocker>,
    },
    /// Something is in the way that a person has to judge.
    Conflict(String),
    /// The server stayed unreachable; what the last act did is not known yet.
    Unreachable,
    /// Another runner has taken over.
    Fenced,
    /// Prisma's advisory lock is not ours any more.
    LockLost,
    /// A person asked.
    Interrupted,
}
