//! Our reading of Prisma's files against Prisma's own, in one binary.

#![allow(clippy::unwrap_used, missing_docs)]

mod client;
mod contract;
pub(crate) mod migrate;
mod parser;
mod refused;
mod schemas;
