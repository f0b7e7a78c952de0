//! The command as people and pipelines use it.

#![allow(clippy::unwrap_used)]

mod docs;
