//! What SQL statements do, and how to do the same while the application works.
//!
//! A migration file is [`read`] into statements; each tells its [`effects`](Effect); an effect tells
//! the locks it takes and how long it works, given the facts about the database around it
//! ([`Surroundings`]). Nothing here connects to anything.
//!
//! What a file becomes depends on who sends it ([`sending`]) and on the settings of its session
//! ([`in_force`]).
//!
//! This is the only crate that knows the SQL parsers: PostgreSQL's own, and the one inside Prisma's engine.

mod added_constraint;
mod bounds;
mod claims;
mod comments;
mod counting;
mod describe;
mod draft;
pub mod effect;
mod expression;
pub mod failure;
mod fill;
mod in_file;
pub mod in_force;
mod ingredients;
mod intent;
mod lent;
mod locks;
mod mentioned;
mod names;
pub mod parking;
mod parser;
mod predicate;
mod predict;
mod renames;
mod render;
mod replay;
mod reverse;
pub mod sending;
mod statement;
mod step;
mod surroundings;
mod syntax_error;
mod twin;
mod type_change;
mod work;
mod written;

pub use bounds::{Comparison, Constant, Demand, PartitionBounds};
pub use comments::{Comment, comments, words};
pub use counting::{Counting, counting};
pub use effect::Effect;
pub use fill::Fills;
pub use in_file::in_file;
pub use ingredients::{Ingredients, ingredients};
pub use lent::{Lent, lent, new_owner};
pub use mentioned::{Mentioned, mentioned, search_path};
pub use parking::Parking;
pub use predict::{Prediction, predict};
pub use renames::renames_undone;
pub use reverse::{Reverse, reverse};
pub use statement::{Statement, read, read_each, read_to_judge};
pub use step::{Action, BatchWork, Batches, Duration, LockClaim, Probe, Step, StepId, Transaction};
pub use surroundings::{
    ColumnFacts, ColumnValues, ConstraintFacts, ConstraintFactsKind, IndexFacts, Indexes, ReadFacts,
    RelationFacts, RelationKind, Relations, RoutineFacts, Surroundings, TypeFacts,
};
pub use syntax_error::SyntaxError;
pub use twin::{NoTwin, twin};
pub use work::{Work, WorkKind};
pub use written::{as_written, for_the_rest_of_the_file};
