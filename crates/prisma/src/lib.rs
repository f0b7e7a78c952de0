//! What Prisma keeps and expects, for Prisma 5, 6 and 7: the migrations folder, the ledger
//! `_prisma_migrations`, connection URLs, configuration, the words of its commands, the language of
//! `schema.prisma`, and what a client that is made of it needs of the database.
//!
//! Everything here is a function of its arguments. Files, clock, environment and connections are
//! the caller's, so every rule can be compared with Prisma's own answer in a plain test.

mod alignment;
mod checksum;
pub mod client;
pub mod config_literal;
pub mod dotenv;
mod history;
pub mod installed;
pub mod ledger;
mod lock_file;
pub mod message;
pub mod migrate;
mod migration_name;
mod place;
pub mod schema;
pub mod schema_head;
mod script;
mod setting;
pub mod url;
pub mod validator;
mod version;

pub use alignment::{Alignment, Edited, Gap, align};
pub use checksum::Checksum;
pub use client::ClientContract;
pub use config_literal::{ConfigLiteral, NotStatic};
pub use history::{FolderOrder, History, Migration};
pub use ledger::{LedgerRow, RowState};
pub use lock_file::{LockFile, Provider};
pub use message::{DatabaseError, PrismaError};
pub use migrate::PrismaCatalog;
pub use migration_name::{MigrationName, slug};
pub use place::Place;
pub use schema::{Schema, Source};
pub use schema_head::{SchemaHead, SchemaHeadError};
pub use script::{LineEndings, Script};
pub use setting::{MissingVariable, Resolved, Setting};
pub use url::{DatabaseUrl, Password, UrlError};
pub use validator::SchemaError;
pub use version::PrismaVersion;
