//! `underpin resolve`

use std::time::Duration;

use underpin_core::exit;
use underpin_engine::Problem;
use underpin_engine::resolve::{Claim, resolve};
use underpin_prisma::message::report;

use crate::arguments::Resolve;
use crate::output::Output;
use crate::place;

pub(crate) async fn run(options: &Resolve, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    let (claim, name, what) = match (&options.applied, &options.rolled_back) {
        (Some(name), _) => (Claim::Applied(name.clone()), name, "applied"),
        (None, Some(name)) => (Claim::RolledBack(name.clone()), name, "rolled back"),
        (None, None) => return Err(Problem::new("--applied or --rolled-back is needed")),
    };
    let budget = Duration::from_millis(place.settings.lock.advisory_budget_ms);
    resolve(&place.target, &claim, budget).await?;
    output.object(&serde_json::json!({ "version": 1, "migration": name, "marked": what }));
    output.say(report::marked(name, what));
    Ok(exit::CLEAN)
}
