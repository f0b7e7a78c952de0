//! What is wrong with a migration before anybody runs it.
//!
//! `finding` is what is told, `report` all of it. Rules are in the folder beside this file, one file
//! for each; a rule asks the catalog as it will be when the statement's turn comes, never the text
//! alone. What counts in the end is decided once, behind them, in `weigh`: `suppress` reads comments,
//! `baseline` knows what was there before, `fingerprint` names findings.

pub mod baseline;
pub mod cost;
pub mod finding;
pub mod fingerprint;
pub mod lines;
pub mod page;
pub(crate) mod path_pattern;
pub mod report;
pub mod stats;
pub mod suppress;
pub mod weigh;
