//! The engine against real servers.
#![allow(clippy::unwrap_used, missing_docs)]

mod compat;
mod connect;
mod contract;
mod corpus;
mod ddl;
mod described;
mod doubt;
mod drift;
mod faults;
mod fix_corpus;
mod hands;
mod introspect;
mod offline;
mod precondition;
mod project;
mod protected;
mod protocol;
mod releases;
mod rivals;
mod rollout;
mod setting;
mod shop;
mod stats;
mod sync;
mod twins;
