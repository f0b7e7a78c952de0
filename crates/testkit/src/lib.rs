//! What the tests, the demo and the benchmarks stand on: scratch PostgreSQL of every major, the real
//! Prisma CLI, real histories, a pooler, network faults, a load that notices every wait, an
//! observer of locks, and tests that are read as pages.
//!
//! This crate is for tests: it panics with a sentence where a test could only give up. Nothing here
//! decides what underpin does, and nothing that ships may depend on it (`xtask tidy` checks).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod case_file;
mod client;
pub mod corpus;
pub mod git;
pub mod load;
mod lock_watch;
mod node;
pub mod observe;
mod oracle;
mod pgbouncer;
mod places;
mod project;
mod proxy;
mod routines;
pub mod schemas;
mod server;
pub mod trace;

pub use case_file::{CaseFile, Fence, Section, hold};
pub use client::{Client, ClientError, Noticed, Prepared, Ran, RunningClient};
pub use lock_watch::{LockHold, LockReport, LockWatch};
pub use node::{Done, Node};
pub use oracle::{Oracle, Said};
pub use pgbouncer::PgBouncer;
pub use places::{shared, workspace_root};
pub use project::ProjectFolder;
pub use proxy::{Loss, Proxy};
pub use routines::routines;
pub use server::{Database, Server, installation, major_by_turn, majors, outer_majors};
