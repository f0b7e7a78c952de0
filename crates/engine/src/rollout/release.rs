//! `rollout release`: the gates of a held phase are asked, and when they pass, the next deploy may execute it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use underpin_core::exit;
use underpin_core::rollout::gate::{self, Gate, Verdict, gates};
use underpin_core::settings::Settings;
use uuid::Uuid;

use super::Standing;
use super::evidence::{Asking, gather};
use crate::advisory::{self, Taken};
use crate::deploy::{Target, journal_problem, lock_problem};
use crate::journal;
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::{server, session};

/// What a person says when they release.
#[derive(Clone, Debug, Default)]
pub struct Word {
    /// Do not wait for the end of the window; the database's name, typed.
    pub now: Option<String>,
    /// Who answers for the old release being gone, and why.
    pub attested: Option<String>,
    /// What the `application_name` of its sessions contains.
    pub old_release: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Released {
    /// The phase.
    pub migration: String,
    /// Whether it may be executed now.
    pub released: bool,
    /// When it had been released before.
    pub before: Option<Timestamp>,
    /// The gates, as they were answered now.
    pub gates: Vec<Gate>,
}

impl Released {
    /// The command's exit code.
    pub fn exit_code(&self) -> u8 {
        if self.released { exit::CLEAN } else { exit::NO_GO }
    }
}

/// Asks the gates, and releases the phase when all pass.
///
/// # Errors
/// When there is nothing to release; another database's name; the lock, when somebody holds it.
pub async fn release(
    target: &Target,
    settings: &Settings,
    name: &str,
    word: &Word,
) -> Result<Released, Problem> {
    if let Some(typed) = &word.now
        && *typed != target.url.database
    {
        return Err(Problem::new(format!(
            "this is database {}, and the one that was named is {typed}: nothing was changed",
            target.url.database
        ))
        .hint("name the database whose window is to end with --database"));
    }
    let connection = session::open(&target.url, "underpin-rollout").await?;
    let client = &connection.client;
    server::suitable(client, &target.url, "underpin-rollout").await?;
    let budget = std::time::Duration::from_millis(settings.lock.advisory_budget_ms);
    if let Taken::No(holder) = advisory::take(client, budget, |_, _| {}).await? {
        return Err(lock_problem(holder, budget));
    }
    let rows = Ledger::of(&target.url.schema).rows(client).await?.unwrap_or_default();
    let standing = Standing::look(client, target, &rows).await?;
    let rollout = standing.named(name)?;
    standing.refuse(target, false)?;
    if let Some(at) = standing.aborted_at(rollout) {
        return Err(Problem::new(format!(
            "rollout {name} was led back at {at}: there is nothing to release"
        ))
        .hint("delete its folders, and plan it anew when it is wanted again"));
    }
    let held = |file: &&underpin_core::rollout::PhaseFile| {
        file.directives.phase.is_held() && !standing.applied.contains_key(&file.folder)
    };
    let Some(file) = rollout.phases.iter().find(held) else {
        return Err(Problem::new(format!("nothing of rollout {name} is held")).hint("see: underpin status"));
    };
    let Some(hold) = standing.hold(&file.folder) else {
        return Err(Problem::new(format!("rollout {name} has not begun in this database"))
            .hint("run the command that begins it: underpin deploy"));
    };
    if hold.released_at.is_some() {
        return Ok(Released {
            migration: file.folder.clone(),
            released: true,
            before: hold.released_at,
            gates: Vec::new(),
        });
    }
    let asking = Asking { rows: true, old_release: word.old_release.as_deref() };
    let (evidence, calls) = Box::pin(gather(client, &standing, rollout, file, settings, &asking)).await?;
    let said = gate::Word { now: word.now.is_some(), attested: word.attested.clone() };
    let gates = gates(&evidence, &settings.rollout, &said, Timestamp::now());
    let released = gates.iter().all(|gate| gate.verdict == Verdict::Passes);

    journal::bootstrap(client).await.map_err(journal_problem)?;
    let owner = journal::take_lease(client, &target.url.schema, Uuid::new_v4()).await?;
    journal::upgrade(client, &owner).await.map_err(journal_problem)?;
    let mut texts = Vec::new();
    texts.extend(calls.map(|calls| owner.calls(name, &calls)));
    if released {
        let by: String = client.query_one("SELECT session_user::text", &[]).await?.get(0);
        let reason = match (&word.now, &word.attested) {
            (None, None) => "all gates pass".to_owned(),
            (Some(_), None) => "the window was ended early".to_owned(),
            (None, Some(who)) => format!("attested by {who}"),
            (Some(_), Some(who)) => format!("the window was ended early; attested by {who}"),
        };
        texts.push(owner.release(&file.folder, &by, &reason, &json!({ "gates": gates })));
    }
    if !owner.commit(client, &texts).await? {
        return Err(Problem::new("another run has taken over; nothing was released").exiting(exit::STOPPED));
    }
    Ok(Released { migration: file.folder.clone(), released, before: None, gates })
}
