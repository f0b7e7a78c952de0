//! What SQL statements do.
//!
//! Nothing here connects to anything.

mod step;

pub use step::{Action, Batches, Duration, LockClaim, Probe, Step, StepId, Transaction};
