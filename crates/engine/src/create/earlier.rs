//! The way back from migrations that are there already, written by hand or before anybody thought of one.
//!
//! Each is looked at behind the migrations before it, and tried there, as the one of a new migration is.

use underpin_catalog::Catalog;

use super::WayBack;
use super::back::way_back;
use crate::introspect::introspect;
use crate::problem::Problem;
use crate::state::{Ground, Reading, Told};

/// The ways back from migrations, in the order of the history; and the major version of the server on which
/// they were tried.
#[derive(Clone, Debug, PartialEq)]
pub struct WaysBack {
    /// Each migration's folder, with its way back.
    pub found: Vec<(String, WayBack)>,
    /// The server's major version.
    pub major: u32,
}

/// Finds and tries the ways back from those of the history's migrations that are `wanted`.
///
/// # Errors
/// A migration that fails, with its place; no server; those of the server.
pub async fn ways_back(
    reading: &Reading,
    told: &Told,
    wanted: impl Fn(&str) -> bool,
) -> Result<WaysBack, Problem> {
    let mut ground = reading.ground(told);
    let mut found = Vec::new();
    let mut done = Ok(());
    for (at, (name, script)) in told.migrations.iter().enumerate().filter(|(_, (name, _))| wanted(name)) {
        match back_over(&mut ground, at, script, reading).await {
            Ok(way) => found.push((name.clone(), way)),
            Err(problem) => {
                done = Err(problem);
                break;
            }
        }
    }
    let major = ground.major();
    ground.finish().await;
    done.map(|()| WaysBack { found, major })
}

async fn back_over(
    ground: &mut Ground,
    at: usize,
    script: &str,
    reading: &Reading,
) -> Result<WayBack, Problem> {
    ground.reach(at).await?;
    let before: Catalog = ground.catalog().await?;
    ground.reach(at + 1).await?;
    let copy = ground.copy("underpin_down").await?;
    let there = introspect(&copy).await?;
    way_back(&copy, script, (&there, &before), &reading.namespace).await
}
