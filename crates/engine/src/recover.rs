//! `recover`: what a stopped deploy has left, read from journal and catalog, and the ways on.
//!
//! Finishing is a deploy. Reverting undoes the steps that took effect, last first, each with its own
//! journal row, so that a revert which is cut can be run again.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Client;
use underpin_catalog::{Literal, RelationName, sql};
use underpin_core::exit;
use underpin_core::settings::Settings;
use underpin_prisma::{LedgerRow, RowState};
use underpin_sql::{Effect, Reverse, read, reverse};

use crate::advisory::{self, Taken};
use crate::deploy::{Target, lock_problem};
use crate::journal::{self, JournalStep, Unfinished};
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::session::Session;
use crate::{probe, server, session};

/// A migration that has begun and not ended.
#[derive(Clone, Debug, Serialize)]
pub struct Review {
    /// The folder's name.
    pub migration: String,
    /// When it began.
    pub started_at: Timestamp,
    /// What stopped it: SQLSTATE and message, when that is known.
    pub error: Option<(String, String)>,
    /// The steps that were begun, in order.
    pub steps: Vec<ReviewedStep>,
    /// What can be done, the best first.
    pub ways: Vec<String>,
}

/// A step that was begun.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewedStep {
    /// What it is for.
    pub intent: String,
    /// `done`, `not done`, `half done` or `in doubt`.
    pub state: &'static str,
    /// What would undo it.
    pub reverse: Option<String>,
}

/// What a revert did.
#[derive(Clone, Debug, Serialize)]
pub struct Reverted {
    /// The folder's name.
    pub migration: String,
    /// The steps that were undone, in the order in which that happened.
    pub undone: Vec<ReviewedStep>,
}

/// Reads what is half done.
///
/// # Errors
/// The connection's.
pub async fn review(target: &Target) -> Result<Vec<Review>, Problem> {
    let session = Session::open(&target.url, "underpin-recover").await?;
    let mut found = Vec::new();
    for (row, ours) in open_rows(&session, target).await? {
        found.push(match ours {
            Some(ours) => review_ours(&session, &ours).await?,
            None => review_foreign(&row),
        });
    }
    Ok(found)
}

/// The ledger's unfinished rows, with what our journal knows of them.
async fn open_rows(
    client: &Client,
    target: &Target,
) -> Result<Vec<(LedgerRow, Option<Unfinished>)>, Problem> {
    let rows = Ledger::of(&target.url.schema).rows(client).await?.unwrap_or_default();
    let mut ours = match journal::exists(client).await? {
        true => journal::unfinished(client, &target.url.schema).await?,
        false => Vec::new(),
    };
    let open = rows.into_iter().filter(|row| row.state() == RowState::Failed);
    Ok(open
        .map(|row| {
            let at = ours.iter().position(|ours| ours.id == row.id);
            (row, at.map(|at| ours.remove(at)))
        })
        .collect())
}

async fn review_ours(client: &Client, ours: &Unfinished) -> Result<Review, Problem> {
    let ways = ways_back(ours)?;
    let mut steps = Vec::new();
    for (step, way) in ours.steps.iter().zip(&ways) {
        let state = match step.applied {
            true => "done",
            false => look(client, step).await?.0,
        };
        steps.push(ReviewedStep { intent: step.intent.clone(), state, reverse: shown(way) });
    }
    let can_revert = !ways.contains(&Reverse::Unknown);
    let mut ways = vec!["to finish it: underpin deploy (or underpin recover --finish)".to_owned()];
    if can_revert {
        ways.push("to undo what it has done: underpin recover --revert".to_owned());
    }
    ways.push(format!("when you have finished it by hand: underpin resolve --applied \"{}\"", ours.name));
    ways.push(format!("when you have undone it by hand: underpin resolve --rolled-back \"{}\"", ours.name));
    Ok(Review {
        migration: ours.name.clone(),
        started_at: ours.started_at,
        error: ours.error.clone(),
        steps,
        ways,
    })
}

fn review_foreign(row: &LedgerRow) -> Review {
    let name = &row.migration_name;
    Review {
        migration: name.clone(),
        started_at: row.started_at,
        error: row.logs.clone().filter(|logs| !logs.is_empty()).map(|logs| (String::new(), logs)),
        steps: Vec::new(),
        ways: vec![
            "underpin did not run it, so which statements took effect is not recorded: compare the file with the database".to_owned(),
            format!("when the database has all of it: underpin resolve --applied \"{name}\""),
            format!("when the database has none of it: underpin resolve --rolled-back \"{name}\""),
        ],
    }
}

fn ways_back(ours: &Unfinished) -> Result<Vec<Reverse>, Problem> {
    let texts: Vec<&str> = ours.steps.iter().map(|step| step.sql.as_str()).collect();
    reverse(&texts).map_err(|error| {
        Problem::new(format!("the journal of migration {} cannot be read: {}", ours.name, error.message))
            .exiting(exit::NEEDS_RECOVER)
    })
}

fn shown(way: &Reverse) -> Option<String> {
    match way {
        Reverse::Sql { sql, .. } => Some(sql.as_str().to_owned()),
        Reverse::Nothing | Reverse::Unknown => None,
    }
}

/// What the catalog says about a step whose end is not recorded, and the index it left.
async fn look(client: &Client, step: &JournalStep) -> Result<(&'static str, Option<RelationName>), Problem> {
    let Some(index) = index_of(step) else {
        return Ok((if step.cursor.is_some() { "half done" } else { "in doubt" }, None));
    };
    Ok(match probe::index(client, &index).await? {
        probe::Index::Absent => ("not done", None),
        probe::Index::Valid => ("done", Some(index)),
        probe::Index::Invalid => ("half done", Some(index)),
    })
}

/// The index that a step builds.
fn index_of(step: &JournalStep) -> Option<RelationName> {
    let statements = read(&step.sql).ok()?;
    match statements.first()?.effects.as_slice() {
        [Effect::CreateIndex(create)] => Some(create.table.sibling(create.name.clone()?)),
        _ => None,
    }
}

/// Undoes the half-applied migration and marks it rolled back.
///
/// # Errors
/// When there is none, when a step has no way back (nothing is changed then), when a lock cannot be
/// had within its budget (what is undone stays undone; run it again).
pub async fn revert(
    target: &Target,
    settings: &Settings,
    lock_budget: Duration,
) -> Result<Reverted, Problem> {
    let guard = session::open(&target.url, "underpin-recover").await?;
    server::suitable(&guard.client, &target.url, "underpin-recover").await?;
    if let Taken::No(holder) = advisory::take(&guard.client, lock_budget, |_, _| {}).await? {
        return Err(lock_problem(holder, lock_budget));
    }
    session::retire_predecessors(&guard.client, "underpin-recover").await?;
    let work = Session::open(&target.url, "underpin-recover").await?;
    let ours = open_rows(&work, target).await?.into_iter().find_map(|(_, ours)| ours);
    let Some(ours) = ours else {
        return Err(Problem::new("underpin has left nothing half done").hint("see: underpin recover"));
    };
    let ways = ways_back(&ours)?;
    if let Some(at) = ways.iter().position(|way| *way == Reverse::Unknown) {
        let step = &ours.steps[at];
        return Err(Problem::new(format!(
            "\"{}\" has no way back that could be read from it; nothing was undone",
            step.intent
        ))
        .exiting(exit::NEEDS_RECOVER)
        .hint("finish the migration instead: underpin deploy")
        .hint(format!("or undo it by hand, then: underpin resolve --rolled-back \"{}\"", ours.name)));
    }
    let mut undone = Vec::new();
    for (step, way) in ours.steps.iter().zip(&ways).rev() {
        undo(&work, &ours, step, way, settings).await?;
        undone.push(ReviewedStep { intent: step.intent.clone(), state: "undone", reverse: shown(way) });
    }
    let ledger = Ledger::of(&target.url.schema);
    let closed = sql!(
        "UPDATE underpin.migration SET state = 'reverted', finished_at = clock_timestamp() WHERE id = {}",
        Literal(&ours.id)
    );
    let text = format!("BEGIN; {}; {closed}; COMMIT", ledger.roll_back(&ours.name, Timestamp::now()));
    work.batch_execute(&text).await?;
    Ok(Reverted { migration: ours.name, undone })
}

/// Undoes one step and takes its row out of the journal, in one transaction where that can be.
async fn undo(
    work: &Session,
    ours: &Unfinished,
    step: &JournalStep,
    way: &Reverse,
    settings: &Settings,
) -> Result<(), Problem> {
    let forget = sql!(
        "DELETE FROM underpin.step WHERE migration = {} AND id = {}",
        Literal(&ours.id),
        Literal(step.id.as_str())
    );
    let text = match way {
        Reverse::Nothing => forget.as_str().to_owned(),
        Reverse::Sql { sql, alone: true } => {
            // No lock_timeout: it would end the wait for old snapshots and leave the index invalid;
            // nobody of the application waits behind this.
            work.batch_execute("SET lock_timeout = 0").await?;
            work.batch_execute(sql.as_str()).await?;
            forget.as_str().to_owned()
        }
        Reverse::Sql { sql, alone: false } => format!(
            "BEGIN; SET LOCAL lock_timeout = {}; {sql}; {forget}; COMMIT",
            settings.lock.try_timeout_ms
        ),
        Reverse::Unknown => return Ok(()),
    };
    let begun = Instant::now();
    loop {
        let Err(error) = work.batch_execute(&text).await else { return Ok(()) };
        let _ = work.batch_execute("ROLLBACK").await;
        let refused = error.code().is_some_and(|code| code.code() == "55P03");
        if !refused {
            return Err(error.into());
        }
        if begun.elapsed() > Duration::from_millis(settings.lock.budget_ms) {
            return Err(Problem::new(format!(
                "the lock to undo \"{}\" could not be had within the budget",
                step.intent
            ))
            .exiting(exit::STOPPED)
            .hint("what is undone stays undone; run the command again: underpin recover --revert"));
        }
        let pause = settings.lock.try_timeout_ms * 3;
        tokio::time::sleep(Duration::from_millis(u64::from(pause))).await;
    }
}
