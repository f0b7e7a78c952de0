//! Tests of the crate from outside, in one binary.

#![allow(clippy::unwrap_used, missing_docs)]

mod agreement;
mod check;
mod corpus;
mod failures;
mod histories;
mod order;
mod places;
mod precision;
mod recipes;
mod recipes_overview;
mod repository;
mod rules;
