//! Rollouts: one change that goes in phases, each of them an ordinary migration.
//!
//! Decided here: what a phase's file says about itself, and how a file that is held stops whoever executes it.

mod directive;
mod guard;
mod parse;
mod query;

pub(crate) use self::directive::is_directive;
pub use self::directive::{Directives, Gone, Phase, WrongDirective};
pub use self::guard::{HELD, guard, is_guard};
pub use self::query::{Query, WrongQuery};
