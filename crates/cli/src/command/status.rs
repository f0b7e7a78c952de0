//! `underpin status`

use serde::Serialize;
use underpin_core::quantity::there_are;
use underpin_engine::Problem;
use underpin_engine::deploy::Held;
use underpin_engine::parked::Parked;
use underpin_engine::rollout::Review;
use underpin_engine::status::{HalfApplied, Status as Found, status};
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
    waiting: &'a [Held],
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
        waiting: &found.waiting,
        edited: a.edited.iter().map(|edited| edited.name.as_str()).collect(),
        unknown: &a.unknown,
        out_of_order: &a.out_of_order,
        rolled_back: &a.rolled_back,
        scripts_missing: &a.scripts_missing,
        rollouts: &found.rollouts,
        parked: &found.parked,
        stopped_by_guard: &found.stopped_by_guard,
    });
    output.say(told(&found));
    for half in &found.half_applied {
        output.say(format!(
            "\nMigration {} is half applied by underpin: {} done. To continue it: underpin deploy",
            half.migration,
            there_are(half.applied.len() as u64, "step")
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

/// Prisma's words, but for its advice to deploy where a deploy would execute nothing.
fn told(found: &Found) -> String {
    let (text, _) = report::status(&found.alignment, found.has_ledger);
    let pending = &found.alignment.pending;
    let waits = |name: &String| found.waiting.iter().any(|waiting| waiting.migration == *name);
    let text = match pending.as_slice() {
        [only] if waits(only) => {
            text.replace(report::ADVICE, "underpin deploy does not execute it now, for the reason below.")
        }
        all if all.iter().all(waits) => {
            text.replace(report::ADVICE, "underpin deploy executes none of them now, for the reasons below.")
        }
        _ => text,
    };
    text.replace("prisma migrate", "underpin").replace("underpin dev", "prisma migrate dev")
}
