//! What is wrong with a migration before anybody runs it.
//!
//! `finding` is what is told, `report` all of it. Rules are in the folder beside this file, one file
//! for each; a rule asks the catalog as it will be when the statement's turn comes, never the text
//! alone.

pub mod cost;
pub mod finding;
pub mod report;
pub mod stats;
