//! `underpin deploy`

use std::collections::BTreeSet;

use serde::Serialize;
use underpin_core::exit;
use underpin_core::plan::Mode;
use underpin_core::rollout::Why;
use underpin_engine::Problem;
use underpin_engine::deploy::{Ending, Outcome, Request, deploy};
use underpin_prisma::message::report;

use super::introduce;
use crate::arguments::{Deciding, Deploy};
use crate::output::Output;
use crate::place::{self, Place};
use crate::signals;

pub(crate) async fn run(options: &Deploy, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    execute(&place, &options.deciding, output).await
}

/// Deploys and tells how it ended; `recover --finish` does the same.
pub(crate) async fn execute(place: &Place, deciding: &Deciding, output: &Output) -> Result<u8, Problem> {
    let events = output.events(deciding.events.as_deref())?;
    let ended = deploy(&place.target, &request(place, deciding)?, &events).await;
    let outcome = ended.map_err(|problem| match signals::exit_code() {
        Some(code) => problem.exiting(code),
        None => problem,
    })?;
    let code = signals::exit_code().unwrap_or_else(|| outcome.ending.exit_code());
    output.object(&Report { version: 1, exit_code: code, outcome: &outcome });
    tell(&outcome, output);
    Ok(code)
}

pub(crate) fn request(place: &Place, deciding: &Deciding) -> Result<Request, Problem> {
    let mut settings = place.settings.clone();
    if let Some(bin) = &deciding.postgres_bin {
        settings.shadow.postgres_bin = Some(bin.clone());
    }
    let mut allow: BTreeSet<_> = deciding.allow.iter().copied().collect();
    for code in &settings.deploy.allow {
        allow.insert(code.parse().map_err(|error| {
            Problem::new(format!("the settings are not valid: {error}"))
                .at("underpin.toml")
                .hint("see [deploy] allow")
        })?);
    }
    let without = std::env::var("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK").unwrap_or_default();
    Ok(Request {
        settings,
        mode: if deciding.as_written { Mode::AsWritten } else { Mode::Online },
        allow,
        proofs: place::proofs(),
        without_advisory_lock: !without.is_empty() && without != "0",
        interrupt: signals::interrupt(),
    })
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    exit_code: u8,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

fn tell(outcome: &Outcome, output: &Output) {
    if !outcome.applied.is_empty() && !matches!(outcome.ending, Ending::Applied) {
        output.say(format!("Applied before that: {}\n", outcome.applied.join(", ")));
    }
    tell_ending(&outcome.ending, &outcome.applied, output);
    for name in rollouts(outcome, &Why::Gates) {
        output.say(format!(
            "\nHeld: the contract of rollout {name}. What is missing: underpin rollout status {name}"
        ));
    }
    for name in rollouts(outcome, &Why::Aborted) {
        output.say(format!("\nLed back: rollout {name}. What is left to do: underpin status"));
    }
}

/// The rollouts of which something waits for this reason.
fn rollouts<'a>(outcome: &'a Outcome, why: &Why) -> BTreeSet<&'a String> {
    outcome.held.iter().filter(|held| held.why == *why).filter_map(|held| held.rollout.as_ref()).collect()
}

/// How a run of migrations ended.
pub(crate) fn tell_ending(ending: &Ending, applied: &[String], output: &Output) {
    match ending {
        Ending::UpToDate => output.say(report::nothing_pending()),
        Ending::Applied => output.say(report::deployed(applied)),
        Ending::Behind { migration, behind, relation } => {
            output.remark(format!("Stopped safely before migration {migration}: it names {relation}, and so does {behind}, which is not executed\n"));
            output.remark("Everything that does not depend on it is applied.\n  - when it is released and applied, the next deploy goes on: underpin status");
        }
        Ending::Refused { migrations } => refused(migrations, output),
        Ending::Failed { migration, line, sqlstate, message, half_done } => {
            let place = line.map_or_else(String::new, |line| format!(", line {line}"));
            output.remark(format!(
                "Error: migration failed\n\nMigration name: {migration}{place}\n\nDatabase error code: {sqlstate}\n\nDatabase error:\n{message}\n"
            ));
            output.remark(match half_done {
                false => "Nothing of it is left in the database, and the ledger has no row for it.\n  - correct the data or the file, then run: underpin deploy",
                true => "It has begun and is not finished.\n  - when the cause is gone (data, disk, privileges), run: underpin deploy; it continues with the step that failed\n  - to see which steps have taken effect, and to undo them: underpin recover",
            });
        }
        Ending::Stopped { migration, reason, half_done, .. } => {
            output.remark(format!("Stopped safely at migration {migration}: {reason}\n"));
            output.remark(match half_done {
                false => "Nothing of it is left in the database.\n  - run the command again: underpin deploy",
                true => "The steps that are done stay done.\n  - run the command again, and it continues: underpin deploy",
            });
        }
        Ending::InDoubt { migration, reason } => {
            output.remark(format!("Stopped at migration {migration}: {reason}\n"));
            output.remark("  - see what has taken effect: underpin recover");
        }
    }
    debug_assert!(ending.exit_code() != exit::BUG, "no ending is a bug");
}

fn refused(migrations: &[underpin_engine::deploy::RefusedMigration], output: &Output) {
    for refused in migrations {
        output.remark(format!("Migration {} is refused; nothing of it was executed:\n", refused.migration));
        for refusal in &refused.refusals {
            output.remark(format!("  line {}: {} [{}]", refusal.line, refusal.why, refusal.code));
            output.remark(format!("    - {}\n", refusal.way_out));
        }
    }
}
