//! `rollout abort`: a rollout that is expanded or backfilled is led back to where it began, with the `down.sql` of its
//! phases, last first.
//!
//! It takes away what the release that comes names. So, as a contract asks for the old one, it asks whether that one is
//! gone: by its statements, by its sessions where they carry a mark, or by the word of a person.
//!
//! They are planned, proven and executed like migrations, so nobody waits, and one that is cut is continued. Up to the
//! last of them both shapes are kept equal, so no write is lost. A phase that is undone has no row in the ledger any
//! more, as if it had never been applied; its contract stays held.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Client;
use underpin_core::exit;
use underpin_core::rollout::gate::{self, Evidence, Gate, Verdict, led_back};
use underpin_core::rollout::{Directives, Gone, PhaseFile, Progress, Rollout, names_made};
use underpin_prisma::{RowState, Script};
use underpin_sql::{Effect, read};
use uuid::Uuid;

use super::applying::Applying;
use super::preflight::{Facts, Pending, ProvingHistory, refusals};
use super::{Ending, Request, Target, journal_problem, stand_guard};
use crate::events::Events;
use crate::journal::{self, Calls, Unfinished};
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::rollout::{Counting, Standing, count_calls, sessions};

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Aborted {
    /// The rollout.
    pub rollout: String,
    /// The phases that were undone in this run, in that order.
    pub undone: Vec<String>,
    /// What stopped it; running the command again goes on.
    pub stopped: Option<Ending>,
    /// Whether the release that comes is gone, as far as it was asked: not where nothing is to be undone, nor where an
    /// abort goes on.
    pub gate: Option<Gate>,
    /// What a client of that release names, and what it will not find any more.
    pub goes: Vec<String>,
}

/// What a person says when a rollout is led back.
#[derive(Clone, Debug, Default)]
pub struct LeadingBack {
    /// Who answers for the release that comes being gone, and why.
    pub attested: Option<String>,
    /// What the `application_name` of its sessions contains.
    pub new_release: Option<String>,
}

impl Aborted {
    /// The command's exit code.
    pub fn exit_code(&self) -> u8 {
        match (&self.gate, &self.stopped) {
            (Some(gate), _) if gate.verdict != Verdict::Passes => exit::NO_GO,
            (_, stopped) => stopped.as_ref().map_or(exit::CLEAN, Ending::exit_code),
        }
    }
}

/// Leads a rollout back.
///
/// # Errors
/// Another database's name; a contract that is applied or half applied; a phase without `down.sql`, or with one that
/// would break more than the rollout has made. Nothing was changed then.
pub async fn abort(
    target: &Target,
    request: &Request,
    name: &str,
    database: &str,
    word: &LeadingBack,
    events: &Events,
) -> Result<Aborted, Problem> {
    if database != target.url.database {
        return Err(Problem::new(format!(
            "this is database {}, and the one that was named is {database}: nothing was changed",
            target.url.database
        ))
        .hint("name the database in which the rollout is to be led back with --database"));
    }
    let run = Uuid::new_v4();
    let application = format!("underpin/{}", &run.to_string()[..8]);
    let (guard, server) = stand_guard(target, &application, request, events).await?;
    let ledger = Ledger::of(&target.url.schema);
    let rows = ledger.rows(&guard.client).await?.unwrap_or_default();
    let standing = Standing::look(&guard.client, target, &rows).await?;
    let rollout = standing.named(name)?;
    let is_of_it = |migration: &str| rollout.phases.iter().any(|file| file.folder == migration);
    let half_done = rows.iter().find(|row| {
        row.state() == RowState::Failed
            && is_of_it(&row.migration_name)
            && !standing.was_stopped_by_guard(row)
    });
    if let Some(row) = half_done {
        return Err(Problem::new(format!("{} is half applied", row.migration_name))
            .exiting(exit::NEEDS_RECOVER)
            .hint("finish it (underpin deploy) or undo its steps (underpin recover --revert), then run the command again"));
    }
    let has_contracted =
        |file: &PhaseFile| file.directives.phase.is_held() && standing.applied.contains_key(&file.folder);
    if rollout.phases.iter().any(has_contracted) {
        return Err(Problem::new(format!(
            "the contract of rollout {name} is applied: what it took away is gone"
        ))
        .hint("a new migration can add it again; what was in it comes from what is parked (underpin purge) or from a backup"));
    }
    if rollout.progress(&standing.applied) == Ok(Progress::Finished) {
        return Err(Problem::new(format!(
            "all phases of rollout {name} are applied, and none of them took anything away: it is at its end"
        ))
        .hint("what it has made is taken away by a new migration, in phases again: underpin plan"));
    }
    let unfinished = match journal::exists(&guard.client).await? {
        true => journal::unfinished(&guard.client, &target.url.schema).await?,
        false => Vec::new(),
    };
    let mut back = Vec::new();
    for file in rollout.phases.iter().rev().filter(|file| standing.applied.contains_key(&file.folder)) {
        back.push(way_back(target, file, &unfinished)?);
    }
    let goes = goes(rollout, &back);
    let aborted = |undone, stopped, gate| Aborted {
        rollout: name.to_owned(),
        undone,
        stopped,
        gate,
        goes: goes.iter().map(Gone::shown).collect(),
    };
    let refused = refusals(&guard, &back, request, &server).await?;
    if !refused.is_empty() {
        return Ok(aborted(Vec::new(), Some(Ending::Refused { migrations: refused }), None));
    }
    let phases: Vec<_> = rollout
        .phases
        .iter()
        .filter_map(|file| {
            let script = target.history.get(&file.folder)?.script.as_ref()?;
            Some((file.folder.clone(), script.checksum().to_string()))
        })
        .collect();
    // Once something of it is undone, going on is the only way on.
    let is_whole = rollout
        .phases
        .iter()
        .all(|file| file.directives.phase.is_held() || standing.applied.contains_key(&file.folder));
    let goes_on =
        standing.aborted_at(rollout).is_some() && (!is_whole || back.iter().any(|way| way.begun.is_some()));
    let gate = match back.is_empty() || goes_on {
        true => None,
        false => {
            let asked = ask(&guard.client, &standing, rollout, goes.clone(), request, word).await?;
            let (gate, calls) = asked;
            if gate.verdict != Verdict::Passes {
                count(&guard.client, target, run, name, &phases, calls).await?;
                return Ok(aborted(Vec::new(), None, Some(gate)));
            }
            Some(gate)
        }
    };

    let applying =
        Applying { target, request, events, guard: &guard, application: &application, ledger: &ledger };
    let owner = applying.take_over(run, true).await?;
    let mut texts = vec![owner.rollout(name, &phases)];
    texts.extend(
        rollout
            .phases
            .iter()
            .filter(|file| file.directives.phase.is_held())
            .map(|file| owner.hold(&file.folder, name)),
    );
    if !goes_on {
        let by: String = guard.client.query_one("SELECT session_user::text", &[]).await?.get(0);
        let reason = match &word.attested {
            Some(who) => format!("led back; attested by {who}"),
            None => "led back".to_owned(),
        };
        texts.push(owner.abort(name, &by, &reason, &json!({ "gates": gate })));
    }
    // From here on no deploy executes anything of it.
    if !owner.commit(&guard.client, &texts).await? {
        return Err(Problem::new("another run has taken over; nothing was changed").exiting(exit::STOPPED));
    }
    let applied: Vec<String> = standing.applied.keys().cloned().collect();
    let prover = ProvingHistory::of(&applied, target, request, &server);
    let came = applying.apply(owner, &back, &Facts::Live(server.version), prover).await?;
    let undone = back.iter().take(came.applied).filter_map(|pending| pending.undoes.clone()).collect();
    Ok(aborted(undone, came.stopped, gate))
}

/// What the ways back take away of what the rollout has made, and a client of the release that comes names.
fn goes(rollout: &Rollout, back: &[Pending]) -> Vec<Gone> {
    let undone = |file: &&PhaseFile| back.iter().any(|way| way.undoes.as_deref() == Some(&file.folder));
    let last = rollout.phases.iter().find(|file| !undone(file));
    last.map(|file| rollout.made_before(file)).unwrap_or_default()
}

/// Whether the release that comes is gone, and what was counted for the next time.
async fn ask(
    client: &Client,
    standing: &Standing,
    rollout: &Rollout,
    goes: Vec<Gone>,
    request: &Request,
    word: &LeadingBack,
) -> Result<(Gate, Option<Calls>), Problem> {
    let (sessions, hidden_sessions) = sessions(client, None, word.new_release.as_deref()).await?;
    let before = standing.known(&rollout.name).and_then(|known| known.new_calls.as_ref());
    let counting = Counting::new(rollout, goes, standing.window_began(rollout));
    let (statements, calls) = count_calls(client, &counting, before).await?;
    let evidence = Evidence { sessions, hidden_sessions, statements, ..Evidence::default() };
    let said = gate::Word { now: false, attested: word.attested.clone() };
    Ok((led_back(&evidence, &request.settings.rollout, &said, Timestamp::now()), calls))
}

/// Keeps what was counted, so that the next time knows since when nobody has been there.
async fn count(
    client: &Client,
    target: &Target,
    run: Uuid,
    name: &str,
    phases: &[(String, String)],
    calls: Option<Calls>,
) -> Result<(), Problem> {
    let Some(calls) = calls else { return Ok(()) };
    journal::bootstrap(client).await.map_err(journal_problem)?;
    let owner = journal::take_lease(client, &target.url.schema, run).await?;
    journal::upgrade(client, &owner).await.map_err(journal_problem)?;
    let texts = [owner.rollout(name, phases), owner.new_calls(name, &calls)];
    // Another run that has taken over counts itself.
    owner.commit(client, &texts).await?;
    Ok(())
}

/// The `down.sql` of a phase, as something to be executed.
fn way_back(target: &Target, file: &PhaseFile, unfinished: &[Unfinished]) -> Result<Pending, Problem> {
    let shown = format!("{}/{}/down.sql", target.migrations_shown, file.folder);
    let path = target.root.join(Path::new(&shown));
    let bytes = std::fs::read(&path).map_err(|error| {
        Problem::new(format!("{} cannot be led back: its down.sql cannot be read ({error})", file.folder))
            .at(shown.clone())
            .hint("write the statements that undo its migration.sql into it")
    })?;
    let script = Script::of(bytes);
    let statements = read(script.text()).map_err(|error| {
        Problem::new(format!("{shown} is not valid SQL: {}", error.message))
            .coded("42601")
            .at(format!("{shown}:{}:{}", error.line, error.column))
    })?;
    let name = format!("{}/down.sql", file.folder);
    let begun = unfinished.iter().find(|begun| begun.name == name).cloned();
    if let Some(begun) = &begun
        && !script.matches_checksum(&begun.checksum)
    {
        return Err(Problem::new(format!("{shown} was edited while it is half executed"))
            .exiting(exit::NEEDS_RECOVER)
            .at(shown)
            .hint(
                "restore the file as it was when its first steps were executed, then run the command again",
            ));
    }
    let phase = target.history.get(&file.folder).and_then(|migration| migration.script.as_ref());
    let made = phase.map(|script| read(script.text()).unwrap_or_default()).unwrap_or_default();
    let made = made.iter().flat_map(|statement| &statement.effects).flat_map(Effect::flattened);
    let directives = Directives {
        gone: names_made(made),
        park: Vec::new(),
        verify: Vec::new(),
        ..file.directives.clone()
    };
    Ok(Pending {
        name,
        text: script.text().to_owned(),
        checksum: script.checksum().to_string(),
        released: Some(PhaseFile::new(&file.folder, directives, &[])),
        asks: Vec::new(),
        counts_on: None,
        undoes: Some(file.folder.clone()),
        statements,
        begun,
    })
}
