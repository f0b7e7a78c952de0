//! Tests of the crate from outside, in one binary.

#![allow(clippy::unwrap_used, missing_docs)]
// The crate is pure, its tests are not: they read the shared material.
#![allow(clippy::disallowed_methods)]

mod agreement;
mod corpus;
mod facts;
mod failures;
mod forms;
mod histories;
mod nesting;
mod programs;
mod routines;
mod sending;
mod truth;
mod twins;
