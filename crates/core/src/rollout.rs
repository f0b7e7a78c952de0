//! Rollouts: one change that goes in phases, each of them an ordinary migration.
//!
//! Decided here: what a phase's file says about itself, whether the phases of a rollout are all there and in their
//! order, which of them is held, and when it may go on. The facts for that are gathered by the engine.

mod directive;
pub mod gate;
mod guard;
mod history;
mod hold;
mod made;
mod order;
mod parse;
mod query;

pub(crate) use self::directive::is_directive;
pub use self::directive::{Directives, Gone, Phase, WrongDirective};
pub use self::guard::{HELD, guard, is_guard};
pub use self::history::{
    PhaseFile, Progress, Remembered, Rollout, WrongRollout, refuse_two_on_a_table, rollouts,
};
pub use self::hold::{HoldState, Waiting, Why, held};
pub use self::made::{Act, Difference, Made, Thing, counted_on, made, names_made};
pub use self::order::commute;
pub use self::query::{Query, WrongQuery};
