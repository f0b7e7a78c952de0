//! The engine against real servers.
#![allow(clippy::unwrap_used, missing_docs)]

mod corpus;
mod setting;
mod shop;
mod twins;
