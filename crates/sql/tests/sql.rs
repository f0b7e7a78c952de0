//! Tests of the crate from outside, in one binary.

#![allow(clippy::unwrap_used, missing_docs)]
// The crate is pure, its tests are not: they read the shared material.
#![allow(clippy::disallowed_methods)]

#[path = "sql/corpus.rs"]
mod corpus;
#[path = "sql/facts.rs"]
mod facts;
#[path = "sql/observed.rs"]
mod observed;
#[path = "sql/twins.rs"]
mod twins;
