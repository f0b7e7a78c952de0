//! `underpin rollout`

use jiff::Timestamp;
use underpin_core::exit;
use underpin_core::rollout::gate::Verdict;
use underpin_engine::Problem;
use underpin_engine::deploy::{LeadingBack, abort};
use underpin_engine::rollout::{Word, release, review};

use super::{deploy, introduce};
use crate::arguments::{Rollout, RolloutAbort, RolloutAct, RolloutRelease, RolloutStatus};
use crate::output::{Output, rollout};
use crate::place;

pub(crate) async fn run(options: &Rollout, output: &Output) -> Result<u8, Problem> {
    match &options.act {
        RolloutAct::Status(options) => show(options, output).await,
        RolloutAct::Release(options) => let_go(options, output).await,
        RolloutAct::Abort(options) => lead_back(options, output).await,
    }
}

async fn show(options: &RolloutStatus, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    let found = review(&place.target, &place.settings, &options.name).await?;
    let code = if found.may_pass() { exit::CLEAN } else { exit::NO_GO };
    output.object(&serde_json::json!({ "version": 1, "exit_code": code, "rollout": found }));
    output.say(rollout::whole(&found, Timestamp::now()));
    if found.held.is_some() && !found.gates.is_empty() {
        output.say(match found.may_pass() {
            true => format!("\nNothing is missing: underpin rollout release {}", found.rollout),
            false => {
                let command = format!("underpin rollout release {} ", found.rollout);
                format!("\nNot yet.{}", rollout::ways(&found.gates, &place.target.url.database, &command))
            }
        });
    }
    Ok(code)
}

async fn let_go(options: &RolloutRelease, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    let word = Word {
        now: options.database.clone(),
        attested: options.attest.clone(),
        old_release: options.old_release.clone(),
    };
    let released = release(&place.target, &place.settings, &options.name, &word).await?;
    let code = released.exit_code();
    output.object(&serde_json::json!({ "version": 1, "exit_code": code, "release": released }));
    if !released.gates.is_empty() {
        output.say(format!("Gates of {}:{}\n", released.migration, rollout::gates(&released.gates)));
    }
    match (released.released, released.before) {
        (true, Some(at)) => output
            .say(format!("{} is released since {at}. To execute it: underpin deploy", released.migration)),
        (true, None) => {
            output.say(format!("{} is released. To execute it: underpin deploy", released.migration))
        }
        (false, _) => {
            let ways = rollout::ways(&released.gates, &place.target.url.database, "");
            output.remark(format!("NO-GO: {} stays held.{ways}", released.migration));
        }
    }
    Ok(code)
}

async fn lead_back(options: &RolloutAbort, output: &Output) -> Result<u8, Problem> {
    let place = place::find(&options.project)?;
    introduce(&place, output);
    let events = output.events(options.deciding.events.as_deref())?;
    let request = deploy::request(&place, &options.deciding)?;
    let word = LeadingBack { attested: options.attest.clone(), new_release: options.new_release.clone() };
    let aborted = abort(&place.target, &request, &options.name, &options.database, &word, &events).await?;
    let code = aborted.exit_code();
    output.object(&serde_json::json!({ "version": 1, "exit_code": code, "abort": aborted }));
    if let Some(gate) = &aborted.gate {
        output.say(format!("Gate of the way back:{}\n", rollout::gates(std::slice::from_ref(gate))));
        if gate.verdict != Verdict::Passes {
            output.remark(format!(
                "NO-GO: rollout {0} stays as it is. {1}\n  - take the new release back first, everywhere; the old one runs on\n  \
                 - when you know that the new release is gone: underpin rollout abort {0} --database {2} --attest \"who: why\"",
                options.name,
                rollout::who_fails(&aborted.goes),
                options.database
            ));
            return Ok(code);
        }
    }
    for phase in &aborted.undone {
        output.say(format!("undone: {phase}"));
    }
    match &aborted.stopped {
        Some(ending) => {
            deploy::tell_ending(ending, &[], output);
            output.remark(format!(
                "\nRollout {0} is on its way back; no deploy executes anything of it.\n  - to go on: underpin rollout abort {0} --database {1}",
                options.name, options.database
            ));
        }
        None => output.say(format!(
            "Rollout {} is where it began. Take its folders and its change of the schema back, before Prisma or another database executes them again.",
            options.name
        )),
    }
    Ok(code)
}
