//! Rollouts in a database: what folder, ledger and journal say about them together, the facts that their gates ask
//! for, and what is done when somebody releases one or leads it back.
//!
//! Which phase is held and which gate passes is decided in `underpin_core::rollout`.

mod evidence;
mod intact;
mod release;
mod standing;
mod statements;

pub(crate) use self::evidence::{sessions, verify};
pub(crate) use self::intact::{Intact, look as look_intact};
pub use self::release::{Released, Word, release};
pub use self::standing::{Review, review};
pub(crate) use self::standing::{Standing, reviews};
pub(crate) use self::statements::{Counting, count_calls};
