//! `underpin recover`

use std::time::Duration;

use underpin_core::exit;
use underpin_engine::Problem;
use underpin_engine::recover::{revert, review};

use super::introduce;
use crate::arguments::Recover;
use crate::output::Output;
use crate::place;

pub(crate) async fn run(options: &Recover, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    if options.finish {
        return super::deploy::execute(&place, &options.deciding, output).await;
    }
    if options.revert {
        let budget = Duration::from_millis(place.settings.lock.advisory_budget_ms);
        let reverted = revert(&place.target, &place.settings, budget).await?;
        output.object(&serde_json::json!({ "version": 1, "reverted": reverted }));
        for step in &reverted.undone {
            output.say(format!("undone: {}", step.intent));
        }
        output.say(format!("Migration {} marked as rolled back; it is pending again.", reverted.migration));
        return Ok(exit::CLEAN);
    }
    let found = review(&place.target).await?;
    output.object(&serde_json::json!({ "version": 1, "unfinished": found }));
    if found.is_empty() {
        output.say("Nothing is half done.");
        return Ok(exit::CLEAN);
    }
    for unfinished in &found {
        output.say(format!(
            "Migration {} began at {} and is not finished.",
            unfinished.migration, unfinished.started_at
        ));
        if let Some((sqlstate, message)) = &unfinished.error {
            output.say(format!("  stopped by {sqlstate}: {message}"));
        }
        for step in &unfinished.steps {
            output.say(format!("  {:<9} {}", step.state, step.intent));
            if let Some(reverse) = &step.reverse {
                output.say(format!("            to undo: {reverse}"));
            }
        }
        for hint in &unfinished.ways {
            output.say(format!("  - {hint}"));
        }
    }
    Ok(exit::NEEDS_RECOVER)
}
