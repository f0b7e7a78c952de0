//! Where underpin touches the world: sessions on the target, Prisma's project on disk, ledger and
//! journal, the executor and the throwaway server.
//!
//! Nothing here decides policy. What may run, in which order, and what to do when the server says no
//! is chosen by `underpin-core` from facts that this crate reads.

mod advisory;
pub mod applied;
pub mod check;
mod child;
pub mod compat;
pub mod connect;
pub mod create;
pub mod deploy;
pub mod doctor;
pub mod drift;
mod events;
mod execute;
pub mod files;
mod gate;
pub mod git;
mod introspect;
mod journal;
mod ledger;
pub mod parked;
pub mod phases;
pub mod precondition;
mod probe;
mod problem;
pub mod project;
mod prove;
mod reading;
pub mod recover;
pub mod repository;
pub mod resolve;
pub mod rollout;
mod server;
mod session;
mod shadow_history;
pub mod snapshot;
pub mod state;
pub mod stats;
pub mod status;
mod surroundings;
mod watch;

pub use events::Events;
pub use introspect::{IntrospectError, Patience, introspect, introspect_with, introspect_within};
pub use problem::{Fault, Problem};
pub use prove::{FilesProver, Unproven};
pub use reading::{on_each, read_each};
