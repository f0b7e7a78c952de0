//! `status`: where folder, ledger, journal and checksums stand. Reads, takes no lock, changes
//! nothing, and works on a replica and through a pooler.

use serde::Serialize;
use underpin_core::exit;
use underpin_core::rollout::{HoldState, Why};
use underpin_core::settings::Settings;
use underpin_prisma::{Alignment, align};

use crate::deploy::{Held, Target};
use crate::journal;
use crate::ledger::Ledger;
use crate::parked::{self, Parked};
use crate::problem::Problem;
use crate::rollout::{self, Review, Standing};
use crate::{session, surroundings};

/// Where a database stands.
#[derive(Debug)]
pub struct Status {
    /// Folder against ledger.
    pub alignment: Alignment,
    /// Whether there is a ledger.
    pub has_ledger: bool,
    /// Migrations that underpin has begun and not finished.
    pub half_applied: Vec<HalfApplied>,
    /// Pending ones that no deploy executes now: they are held, or their rollout was led back.
    pub waiting: Vec<Held>,
    /// Rollouts that are not finished.
    pub rollouts: Vec<Review>,
    /// What contracts have put away.
    pub parked: Vec<Parked>,
    /// Held migrations at which Prisma was stopped; the next deploy takes its rows out of the ledger.
    pub stopped_by_guard: Vec<String>,
}

/// A migration that underpin has begun and not finished.
#[derive(Clone, Debug, Serialize)]
pub struct HalfApplied {
    /// The folder's name.
    pub migration: String,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// Steps that are complete, in order.
    pub applied: Vec<StepShown>,
    /// Steps that were begun without a transaction and whose end is not recorded.
    pub in_doubt: Vec<StepShown>,
    /// What stopped it: SQLSTATE and message, when that is known.
    pub error: Option<(String, String)>,
}

/// A step for people.
#[derive(Clone, Debug, Serialize)]
pub struct StepShown {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub intent: String,
    /// What is executed.
    pub sql: String,
}

impl Status {
    /// 0 when there is nothing to do and nothing to say, 14 when something is half done, else 10.
    pub fn exit_code(&self) -> u8 {
        let a = &self.alignment;
        if !a.failed.is_empty() {
            exit::NEEDS_RECOVER
        } else if a.pending.is_empty()
            && a.edited.is_empty()
            && a.unknown.is_empty()
            && a.scripts_missing.is_empty()
        {
            exit::CLEAN
        } else {
            exit::FINDINGS
        }
    }
}

/// Reads where a database stands.
///
/// # Errors
/// The connection's, an unreadable ledger, and directives that cannot be understood.
pub async fn status(target: &Target, settings: &Settings) -> Result<Status, Problem> {
    let connection = session::open(&target.url, "underpin-status").await?;
    let client = &connection.client;
    let rows = Ledger::of(&target.url.schema).rows(client).await?;
    let has_ledger = rows.is_some();
    let rows = rows.unwrap_or_default();
    let standing = Standing::look(client, target, &rows).await?;
    let (stopped, rows): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| standing.was_stopped_by_guard(row));
    let alignment = align(&target.history, &rows, target.prisma);
    let half_applied = match alignment.failed.is_empty() {
        true => Vec::new(),
        false => half_applied(client, target, &alignment).await?,
    };
    let rollouts = rollout::reviews(client, &standing, settings).await?;
    let waiting = match alignment.applied.is_empty() && !surroundings::is_anything(client).await? {
        // Nobody is there who could need anything, so nothing is held.
        true => Vec::new(),
        false => alignment.pending.iter().filter_map(|name| waits(&standing, name)).collect(),
    };
    let stopped_by_guard = stopped.into_iter().map(|row| row.migration_name).collect();
    let parked = parked::list(client, settings).await?;
    Ok(Status { alignment, has_ledger, half_applied, waiting, rollouts, parked, stopped_by_guard })
}

/// A pending migration that no deploy executes now.
fn waits(standing: &Standing, migration: &str) -> Option<Held> {
    let why = match standing.hold_state(migration) {
        HoldState::Held => Why::Gates,
        HoldState::Aborted => Why::Aborted,
        HoldState::Free | HoldState::Begun => return None,
    };
    let rollout = standing.phase_of(migration).map(|(rollout, _)| rollout.name.clone());
    Some(Held { migration: migration.to_owned(), rollout, why })
}

/// What the journal knows about the ledger's unfinished rows.
pub(crate) async fn half_applied(
    client: &tokio_postgres::Client,
    target: &Target,
    alignment: &Alignment,
) -> Result<Vec<HalfApplied>, Problem> {
    if !journal::exists(client).await? {
        return Ok(Vec::new());
    }
    let unfinished = journal::unfinished(client, &target.url.schema).await?;
    Ok(unfinished
        .into_iter()
        .filter(|ours| alignment.failed.iter().any(|row| row.id == ours.id))
        .map(|ours| {
            let shown = |applied: bool| {
                ours.steps
                    .iter()
                    .filter(|step| step.applied == applied)
                    .map(|step| StepShown {
                        id: step.id.to_string(),
                        intent: step.intent.clone(),
                        sql: step.sql.clone(),
                    })
                    .collect()
            };
            HalfApplied {
                applied: shown(true),
                in_doubt: shown(false),
                migration: ours.name,
                started_at: ours.started_at,
                error: ours.error,
            }
        })
        .collect())
}
