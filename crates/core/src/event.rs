//! What happens during a run, told once and rendered many times: terminal, NDJSON, journal.
//!
//! An event is a fact in the past tense. No event carries a credential or a row of anybody's data.

use serde::Serialize;
use underpin_catalog::LockMode;

use crate::rollout::Why;

/// Somebody who makes us wait.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blocker {
    /// Backend pid; 0 for a prepared transaction.
    pub pid: i32,
    /// The session's `application_name`.
    pub application: String,
    /// The session's role.
    pub user: String,
    /// `active`, `idle in transaction` …; as `pg_stat_activity.state`.
    pub state: String,
    /// Age of its transaction, milliseconds.
    pub transaction_ms: i64,
    /// The relation that both want, as a person writes it; empty when it is not about one.
    pub relation: String,
    /// The strongest mode that it holds there.
    pub mode: Option<LockMode>,
    /// The beginning of its current or last statement.
    pub query: String,
    /// Whether it is an autovacuum worker.
    pub autovacuum: bool,
}

/// Why we wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// A transaction holds a lock that conflicts, for longer than the gate tolerates.
    Holder,
    /// Others already wait for the relation: joining the queue would make it longer.
    Queue,
    /// An anti-wraparound vacuum works on the relation; it must not be disturbed.
    WraparoundVacuum,
    /// The lock was not granted within the timeout of one try.
    LockTimeout,
    /// Sessions had begun to wait behind us, so we gave way.
    GaveWay,
    /// A transaction's snapshot is so old that a concurrent build would wait for it.
    OldSnapshot,
    /// A deadlock or serialization failure made our transaction the victim.
    Victim,
    /// The connection was lost; looking again in a moment.
    Connection,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A deploy began.
    RunStarted {
        /// Of this run.
        run: String,
        /// `host:port/database`.
        target: String,
        /// `server_version`, such as 16.4.
        server: String,
        /// How many folders the history has.
        migrations: usize,
        /// Those that will be applied, in order.
        pending: Vec<String>,
    },
    /// A pending migration is not executed now.
    Held {
        /// The folder's name.
        migration: String,
        /// The rollout that it is a phase of.
        rollout: Option<String>,
        /// Why.
        why: Why,
    },
    /// A run of Prisma that a held file's guard had stopped is taken out of the ledger: nothing of the file was
    /// executed.
    LedgerCleared {
        /// The migration.
        migration: String,
    },
    /// Somebody else holds Prisma's advisory lock.
    LockHeldElsewhere {
        /// The holder, when it can be seen.
        holder: Option<Blocker>,
        /// How long we have waited, milliseconds.
        waited_ms: u64,
        /// What is left of the budget, milliseconds.
        budget_left_ms: u64,
    },
    /// A twin is compared with its original on a throwaway server.
    ProofStarted {
        /// The migration.
        migration: String,
    },
    /// The twin ends in the same catalog.
    Proven {
        /// The migration.
        migration: String,
        /// Whether an earlier proof of the same content was found.
        cached: bool,
        /// Milliseconds.
        took_ms: u64,
    },
    /// A migration began.
    MigrationStarted {
        /// The folder's name.
        migration: String,
        /// How many steps it has.
        steps: usize,
        /// How many of them an earlier run has already done.
        steps_done: usize,
        /// Whether it is executed as its online twin.
        online: bool,
    },
    /// A step began.
    StepStarted {
        /// The migration.
        migration: String,
        /// The step.
        step: String,
        /// What it is for.
        intent: String,
    },
    /// We wait, and for whom.
    Waiting {
        /// The migration.
        migration: String,
        /// The first step that waits.
        step: String,
        /// What it is for.
        intent: String,
        /// Why.
        reason: WaitReason,
        /// Who stands in the way.
        blockers: Vec<Blocker>,
        /// How many tries there have been.
        attempts: u32,
        /// Waited for this transaction so far, milliseconds.
        waited_ms: u64,
        /// What is left of the lock budget, milliseconds.
        budget_left_ms: u64,
    },
    /// A long step goes on.
    Progress {
        /// The migration.
        migration: String,
        /// The step.
        step: String,
        /// What it is doing, in PostgreSQL's words where it has any.
        phase: String,
        /// Units done (blocks, rows).
        done: u64,
        /// Units in all; 0 when that is not known.
        total: u64,
    },
    /// A step is complete.
    StepApplied {
        /// The migration.
        migration: String,
        /// The step.
        step: String,
        /// What it was for.
        intent: String,
        /// Milliseconds, waiting included.
        took_ms: u64,
        /// How many tries it took.
        attempts: u32,
    },
    /// A migration is complete and recorded.
    MigrationApplied {
        /// The migration.
        migration: String,
        /// Milliseconds.
        took_ms: u64,
        /// The longest that its strong locks were held, milliseconds.
        longest_lock_ms: u64,
    },
    /// A migration ended without success.
    MigrationStopped {
        /// The migration.
        migration: String,
        /// For people.
        reason: String,
        /// What the server said.
        sqlstate: Option<String>,
        /// Whether some of its steps have taken effect.
        half_done: bool,
    },
    /// The deploy ended.
    RunFinished {
        /// Applied in this run, in order.
        applied: Vec<String>,
        /// The command's exit code.
        exit_code: u8,
    },
}
