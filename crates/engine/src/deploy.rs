//! `deploy`: applies what is pending, so that the application never notices and Prisma still agrees.
//!
//! In order: look (server, ledger, folder, every pending file, every refusal), then take what is
//! ours (lock, journal, lease), then migration after migration. Everything that can be known to be
//! wrong is said before anything is changed.

mod abort;
mod applying;
mod holding;
mod migration;
mod preflight;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio_postgres::Client;
use underpin_catalog::{Literal, sql};
use underpin_core::event::{Blocker, Event};
use underpin_core::exit;
use underpin_core::plan::{Mode, Policy, ReasonCode, Refusal as PlanRefusal};
use underpin_core::rollout::Why;
use underpin_core::settings::Settings;
use underpin_prisma::{DatabaseUrl, History, PrismaVersion};
use uuid::Uuid;

pub use self::abort::{Aborted, LeadingBack, abort};
use self::applying::Applying;
use crate::advisory::{self, Taken};
use crate::connect::Connection;
use crate::events::Events;
use crate::journal::JournalError;
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::server::{self, Server};
use crate::session;

/// The name of a session that has no right to run yet.
const WAITING: &str = "underpin-waiting";

/// Where to deploy, and what.
#[derive(Clone, Debug)]
pub struct Target {
    /// The database.
    pub url: DatabaseUrl,
    /// The migrations folder.
    pub history: History,
    /// The installed Prisma, when it is known.
    pub prisma: Option<PrismaVersion>,
    /// The project's folder.
    pub root: PathBuf,
    /// How the migrations folder is shown: `prisma/migrations`.
    pub migrations_shown: String,
}

/// How to deploy.
#[derive(Clone, Debug)]
pub struct Request {
    /// Limits.
    pub settings: Settings,
    /// Twins and refusals, or the files as they are.
    pub mode: Mode,
    /// Reasons that somebody has considered and overruled.
    pub allow: BTreeSet<ReasonCode>,
    /// Where proofs are kept.
    pub proofs: Option<PathBuf>,
    /// `PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK` is set: Prisma's lock is not taken.
    pub without_advisory_lock: bool,
    /// Becomes true when a person asks us to stop.
    pub interrupt: watch::Receiver<bool>,
}

impl Request {
    fn policy(&self) -> Policy {
        Policy {
            mode: self.mode,
            small_table_bytes: self.settings.small_table_bytes(),
            allow: self.allow.clone(),
        }
    }

    fn allows(&self, code: ReasonCode) -> bool {
        self.allow.contains(&code)
    }
}

/// How a deploy ended.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Applied in this run, in order.
    pub applied: Vec<String>,
    /// Pending, and not executed in this run: phases that are held, and what waits behind them.
    pub held: Vec<Held>,
    /// How it ended.
    pub ending: Ending,
}

/// A pending migration that is not executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The folder's name.
    pub migration: String,
    /// The rollout that it is a phase of.
    pub rollout: Option<String>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

/// The ways in which a deploy ends.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ending {
    /// Nothing was pending, or nothing but phases that are held.
    UpToDate,
    /// Everything pending is applied, but for phases that are held.
    Applied,
    /// Everything that could be applied is; a migration that is no held phase waits behind one.
    Behind {
        /// The first one.
        migration: String,
        /// The held phase, or what waits itself, that it comes after.
        behind: String,
        /// The relation that both name.
        relation: String,
    },
    /// Statements were refused; nothing of their migration was executed.
    Refused {
        /// The migrations with what was refused in them.
        migrations: Vec<RefusedMigration>,
    },
    /// The server refused a statement.
    Failed {
        /// The migration.
        migration: String,
        /// Line in its file, when it is known.
        line: Option<u32>,
        /// SQLSTATE.
        sqlstate: String,
        /// What the server said.
        message: String,
        /// Whether some of its steps have taken effect.
        half_done: bool,
    },
    /// Stopped with nothing half done that the next run does not continue.
    Stopped {
        /// The migration.
        migration: String,
        /// For people.
        reason: String,
        /// Who stood in the way.
        blockers: Vec<Blocker>,
        /// Whether some of its steps have taken effect.
        half_done: bool,
    },
    /// Something is in doubt that a person has to judge.
    InDoubt {
        /// The migration.
        migration: String,
        /// For people.
        reason: String,
    },
}

/// A migration that is not executed.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedMigration {
    /// The folder's name.
    pub migration: String,
    /// Why.
    pub refusals: Vec<PlanRefusal>,
}

impl Ending {
    /// The command's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::UpToDate | Self::Applied => exit::CLEAN,
            Self::Refused { .. } => exit::FINDINGS,
            Self::Failed { half_done: false, .. } => exit::COULD_NOT_RUN,
            Self::Failed { half_done: true, .. } | Self::InDoubt { .. } => exit::NEEDS_RECOVER,
            Self::Stopped { .. } | Self::Behind { .. } => exit::STOPPED,
        }
    }

    /// The end of a run that met no trouble.
    fn of(applied: &[String], held: &[Held]) -> Self {
        let behind = held.iter().find_map(|held| match &held.why {
            Why::Behind { migration, relation } => Some((held, migration, relation)),
            Why::Gates | Why::Aborted => None,
        });
        match behind {
            Some((held, behind, relation)) => Self::Behind {
                migration: held.migration.clone(),
                behind: behind.clone(),
                relation: relation.clone(),
            },
            None if applied.is_empty() => Self::UpToDate,
            None => Self::Applied,
        }
    }
}

/// Deploys.
///
/// # Errors
/// Preconditions that do not hold; nothing was changed then.
pub async fn deploy(target: &Target, request: &Request, events: &Events) -> Result<Outcome, Problem> {
    let run = Uuid::new_v4();
    let application = format!("underpin/{}", &run.to_string()[..8]);
    let (guard, server) = stand_guard(target, &application, request, events).await?;
    let ledger = Ledger::of(&target.url.schema);
    // Both are large, and only one is ever alive.
    let mut preflight = Box::pin(preflight::look(&guard, target, request, &ledger, &server)).await?;
    events.send(Event::RunStarted {
        run: run.to_string(),
        target: format!("{}/{}", target.url.server(), target.url.database),
        server: server.version.to_string(),
        migrations: target.history.migrations().len(),
        pending: preflight.pending.iter().map(|pending| pending.name.clone()).collect(),
    });
    let held = preflight.holding.held.clone();
    for held in held.iter().cloned() {
        events.send(Event::Held { migration: held.migration, rollout: held.rollout, why: held.why });
    }
    if preflight.pending.is_empty() && !preflight.holding.has_to_remember() {
        let ending = Ending::of(&[], &held);
        return Ok(finish(events, Vec::new(), held, ending));
    }
    if !preflight.refused.is_empty() {
        let migrations = std::mem::take(&mut preflight.refused);
        return Ok(finish(events, Vec::new(), held, Ending::Refused { migrations }));
    }

    let applying =
        Applying { target, request, events, guard: &guard, application: &application, ledger: &ledger };
    let owner = applying.take_over(run, preflight.has_ledger).await?;
    // Before anything of a rollout is executed, so that from its first phase on Prisma stops at what is held.
    preflight.holding.remember(&guard.client, &owner, &ledger, events).await?;
    let facts = preflight.facts(target, &server);
    let prover = preflight.prover(target, request, &server);
    let came = applying.apply(owner, &preflight.pending, &facts, prover).await?;
    let applied: Vec<String> =
        preflight.pending.iter().take(came.applied).map(|pending| pending.name.clone()).collect();
    preflight.holding.count(&guard.client, &came.owner, &applied).await;
    let ending = came.stopped.unwrap_or_else(|| Ending::of(&applied, &held));
    Ok(finish(events, applied, held, ending))
}

fn finish(events: &Events, applied: Vec<String>, held: Vec<Held>, ending: Ending) -> Outcome {
    events.send(Event::RunFinished { applied: applied.clone(), exit_code: ending.exit_code() });
    Outcome { applied, held, ending }
}

/// Connects to a server on which a run may be, and takes Prisma's lock. Until then the session has another name than
/// those of a run, from its first moment on: whoever has the lock ends what earlier runs have left working, and this
/// one has not begun.
async fn stand_guard(
    target: &Target,
    application: &str,
    request: &Request,
    events: &Events,
) -> Result<(Connection, Server), Problem> {
    let guard = session::open(&target.url, WAITING).await?;
    let server = server::suitable(&guard.client, &target.url, WAITING).await?;
    if !request.without_advisory_lock {
        take_lock(&guard.client, request, events).await?;
    }
    let named = sql!("SET application_name = {}", Literal(application));
    guard.client.batch_execute(named.as_str()).await?;
    Ok((guard, server))
}

async fn take_lock(client: &Client, request: &Request, events: &Events) -> Result<(), Problem> {
    let budget = Duration::from_millis(request.settings.lock.advisory_budget_ms);
    let told = |holder: Option<Blocker>, waited: Duration| {
        events.send(Event::LockHeldElsewhere {
            holder,
            waited_ms: waited.as_millis() as u64,
            budget_left_ms: budget.saturating_sub(waited).as_millis() as u64,
        });
    };
    // Should the lock have been granted in the moment of the interrupt, it ends with its session.
    let taken = tokio::select! {
        taken = advisory::take(client, budget, told) => taken?,
        () = interrupted(&request.interrupt) => {
            return Err(Problem::new("interrupted while waiting for Prisma's advisory lock; nothing was changed")
                .exiting(exit::STOPPED)
                .hint("run the command again: underpin deploy"));
        }
    };
    match taken {
        Taken::Yes => Ok(()),
        Taken::No(holder) => Err(lock_problem(holder, budget)),
    }
}

/// Ends when a person asks us to stop, and never when nobody can ask any more.
async fn interrupted(interrupt: &watch::Receiver<bool>) {
    if interrupt.clone().wait_for(|asked| *asked).await.is_err() {
        std::future::pending::<()>().await;
    }
}

pub(crate) fn lock_problem(holder: Option<Blocker>, budget: Duration) -> Problem {
    let who = match &holder {
        Some(holder) => format!(
            "session {} ({}, role {}, {} for {} s)",
            holder.pid,
            if holder.application.is_empty() { "no application name" } else { &holder.application },
            holder.user,
            holder.state,
            holder.transaction_ms / 1_000
        ),
        None => "a session that ended meanwhile".to_owned(),
    };
    let problem = Problem::new(format!(
        "another migration is running: Prisma's advisory lock (72707369) is held by {who}; waited {} s",
        budget.as_secs()
    ))
    .exiting(exit::STOPPED)
    .coded("P1002")
    .hint("wait until it is done, then run the command again");
    match holder {
        Some(holder) => problem.hint(format!(
            "if you are sure that nobody is behind it any more: SELECT pg_terminate_backend({})",
            holder.pid
        )),
        None => problem,
    }
}

pub(crate) fn journal_problem(error: JournalError) -> Problem {
    match error {
        JournalError::Newer(_) => Problem::new(error.to_string()).hint("use the newer underpin for this database"),
        JournalError::Server(server) if server.code().is_some_and(|code| code.code() == "42501") => {
            Problem::new("this role may not create the schema `underpin`, where the journal lives")
                .coded("42501")
                .hint("let an administrator run: GRANT CREATE ON DATABASE … TO … (once), or CREATE SCHEMA underpin AUTHORIZATION …")
        }
        JournalError::Server(server) => server.into(),
    }
}
