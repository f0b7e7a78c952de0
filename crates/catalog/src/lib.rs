//! The words that every other crate speaks: names, SQL text, server versions, lock modes,
//! and what a database contains.
//!
//! Nothing here reads a file, a clock, the environment or a socket.

pub mod difference;
pub mod facts;
pub mod model;
pub mod object;

mod flat;
mod lock;
mod name;
mod sql;
mod version;

pub use flat::{Catalog, Difference, Object, ObjectKey, differences};
pub use lock::LockMode;
pub use name::{Name, RelationName};
pub use sql::{Literal, Sql, SqlPart};
pub use version::ServerVersion;
