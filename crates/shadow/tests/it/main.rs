//! Real servers, real kills, and a registry that lies.
//!
//! Some tests need a second process: to be killed, to run as another account, or to race. They start this
//! same test program again for the same test, with a role in its environment; see `ground::Role`.

#![allow(clippy::unwrap_used)]

mod endings;
mod fetching;
mod finding;
mod ground;
mod keeping;
mod majors;
mod running;
mod template;
