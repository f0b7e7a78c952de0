//! The words that every other crate speaks: names, SQL text, server versions, lock modes,
//! and what a database contains.
//!
//! Nothing here reads a file, a clock, the environment or a socket.

pub mod ddl;
pub mod model;
pub mod object;

mod attributes;
mod difference;
mod facts;
mod lock;
mod name;
mod snapshot;
mod sql;
mod version;

pub use attributes::Attributes;
pub use difference::{Difference, differences, not_compared};
pub use facts::Facts;
pub use lock::LockMode;
pub use model::Catalog;
pub use name::{Name, RelationName};
pub use snapshot::SNAPSHOT_VERSION;
pub use sql::{Literal, Sql, SqlPart};
pub use version::ServerVersion;
