//! `underpin status`

use serde::Serialize;
use underpin_engine::Problem;
use underpin_engine::parked::Parked;
use underpin_engine::rollout::Review;
use underpin_engine::status::{HalfApplied, status};
use underpin_prisma::message::report;

use super::introduce;
use crate::arguments::Status;
use crate::output::{Output, parked, rollout};
use crate::place;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    exit_code: u8,
    has_ledger: bool,
    applied: &'a [String],
    pending: &'a [String],
    failed: Vec<&'a str>,
    half_applied: &'a [HalfApplied],
    edited: Vec<&'a str>,
    unknown: &'a [String],
    out_of_order: &'a [String],
    rolled_back: &'a [String],
    scripts_missing: &'a [String],
    rollouts: &'a [Review],
    parked: &'a [Parked],
    stopped_by_guard: &'a [String],
}

pub(crate) async fn run(options: &Status, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    let found = status(&place.target, &place.settings).await?;
    let code = found.exit_code();
    let a = &found.alignment;
    output.object(&Report {
        version: 1,
        exit_code: code,
        has_ledger: found.has_ledger,
        applied: &a.applied,
        pending: &a.pending,
        failed: a.failed.iter().map(|row| row.migration_name.as_str()).collect(),
        half_applied: &found.half_applied,
        edited: a.edited.iter().map(|edited| edited.name.as_str()).collect(),
        unknown: &a.unknown,
        out_of_order: &a.out_of_order,
        rolled_back: &a.rolled_back,
        scripts_missing: &a.scripts_missing,
        rollouts: &found.rollouts,
        parked: &found.parked,
        stopped_by_guard: &found.stopped_by_guard,
    });
    let (text, _) = report::status(a, found.has_ledger);
    output.say(text.replace("prisma migrate", "underpin").replace("underpin dev", "prisma migrate dev"));
    for half in &found.half_applied {
        output.say(format!(
            "\nMigration {} is half applied by underpin: {} steps are done. To continue it: underpin deploy",
            half.migration,
            half.applied.len()
        ));
    }
    for review in &found.rollouts {
        output.say(rollout::brief(review, jiff::Timestamp::now()));
    }
    if !found.parked.is_empty() {
        output.say(format!("\n{}", parked::list(&found.parked, jiff::Timestamp::now())));
    }
    for name in &found.stopped_by_guard {
        output.say(format!(
            "\nPrisma was stopped at {name}, which is held, before any of it. The next deploy takes its row out of the ledger: underpin deploy"
        ));
    }
    for edited in &a.edited {
        output.say(format!("\nMigration {} was edited after it was applied:", edited.name));
        output.say(format!("  the ledger has {}\n  the file has   {}", edited.stored, edited.found));
    }
    if !a.unknown.is_empty() {
        output.say(format!("\nIn the database and not in the folder: {}", a.unknown.join(", ")));
    }
    for name in &a.scripts_missing {
        output.say(format!("\nMigration {name} is applied, and its migration.sql is gone"));
    }
    for name in &a.out_of_order {
        output.say(format!("\nnote: {name} is pending, and later ones are already applied"));
    }
    Ok(code)
}
