//! What is wrong with a migration before anybody runs it.
//!
//! `finding` is what is told, `report` all of it. Rules are in the folder beside this file, one file
//! for each; a rule asks the catalog as it will be when the statement's turn comes, never the text
//! alone. What counts in the end is decided once, behind them, in `weigh`: `suppress` reads comments,
//! `baseline` knows what was there before, `fingerprint` names findings. `repository` judges files around
//! the migrations, `order` the names of their folders.

pub mod baseline;
mod case;
pub mod cost;
mod effects;
mod enum_swap;
pub mod finding;
pub mod fingerprint;
pub mod fix;
pub mod lines;
mod linter;
pub mod order;
pub mod page;
pub(crate) mod path_pattern;
mod phases;
pub mod report;
pub mod repository;
mod rule;
mod rules;
pub mod stats;
pub mod suppress;
mod unknown_names;
mod unreadable;
pub mod weigh;

pub use self::linter::{Carried, Circumstances, Linter, Source};
pub use self::rule::{Group, Rule, idle_rules, pages, rules};
pub(crate) use self::rules::cast_loss;
pub use self::unknown_names::{UnknownName, unknown_names};
