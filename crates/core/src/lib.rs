//! The policy of underpin: what a migration becomes, what to do next, what to tell.
//!
//! Nothing here connects to a database, reads a file or a clock. Facts come in as values; decisions
//! go out as values.

pub mod audit;
pub mod backfill;
pub mod check;
pub mod compat;
pub mod consequences;
pub mod down;
pub mod drift;
pub mod event;
pub mod lint;
mod notice;
pub mod plan;
pub mod precondition;
pub mod quantity;
mod reason;
pub mod recipe;
pub mod rollout;
pub mod run;
pub mod settings;
pub mod sync;
pub mod sync_tables;
pub mod transactions;
mod world;

/// Exit codes of the command, fixed for ever.
pub mod exit {
    /// Everything asked for is true.
    pub const CLEAN: u8 = 0;
    /// A bug of ours.
    pub const BUG: u8 = 1;
    /// Could not run: a precondition, the connection or the configuration.
    pub const COULD_NOT_RUN: u8 = 2;
    /// A person declined.
    pub const DECLINED: u8 = 3;
    /// There are findings: a statement was refused, or status has something to say.
    pub const FINDINGS: u8 = 10;
    /// The database is not what the history says.
    pub const DRIFT: u8 = 11;
    /// A gate said no.
    pub const NO_GO: u8 = 12;
    /// Stopped safely with nothing half done; running again continues.
    pub const STOPPED: u8 = 13;
    /// Something is half done and a person has to decide: `underpin recover`.
    pub const NEEDS_RECOVER: u8 = 14;
}
