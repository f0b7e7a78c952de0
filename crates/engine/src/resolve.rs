//! `resolve`: a person tells the ledger what is true. Writes the rows that Prisma's own `resolve`
//! writes, under Prisma's lock, and closes what the journal has open for the migration.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Client;
use underpin_catalog::{Literal, sql};
use underpin_prisma::{LedgerRow, PrismaError, RowState};
use uuid::Uuid;

use crate::advisory::{self, Taken};
use crate::deploy::{Target, lock_problem};
use crate::journal;
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::{server, session};

/// What the person says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The database has all of it.
    Applied(String),
    /// The database has none of it.
    RolledBack(String),
}

/// Records the claim.
///
/// # Errors
/// Prisma's P3008, P3011, P3012 and P3017 in its own words; the lock, when somebody holds it; a pooler
/// or a replica.
pub async fn resolve(target: &Target, claim: &Claim, lock_budget: Duration) -> Result<(), Problem> {
    let connection = session::open(&target.url, "underpin-resolve").await?;
    let client = &connection.client;
    server::suitable(client, &target.url, "underpin-resolve").await?;
    if let Taken::No(holder) = advisory::take(client, lock_budget, |_, _| {}).await? {
        return Err(lock_problem(holder, lock_budget));
    }
    let ledger = Ledger::of(&target.url.schema);
    match claim {
        Claim::Applied(name) => applied(client, target, &ledger, name).await,
        Claim::RolledBack(name) => rolled_back(client, target, &ledger, name).await,
    }
}

async fn applied(client: &Client, target: &Target, ledger: &Ledger, name: &str) -> Result<(), Problem> {
    let migration = target.history.get(name);
    let Some(script) = migration.and_then(|migration| migration.script.as_ref()) else {
        return Err(said(&PrismaError::MigrationNotFound { name: name.to_owned() }));
    };
    if !ledger.exists(client).await? {
        ledger.create(client).await?;
    }
    let rows = ledger.rows(client).await?.unwrap_or_default();
    if rows.iter().any(|row| row.migration_name == name && row.finished_at.is_some()) {
        return Err(said(&PrismaError::AlreadyApplied { name: name.to_owned() }));
    }
    let now = Timestamp::now();
    let row = LedgerRow::marked_applied(
        Uuid::new_v4().to_string(),
        name.to_owned(),
        script.checksum().to_string(),
        now,
    );
    let text = format!("BEGIN; {}; {}", ledger.roll_back(name, now), ledger.insert(&row));
    commit(client, target, name, text).await
}

async fn rolled_back(client: &Client, target: &Target, ledger: &Ledger, name: &str) -> Result<(), Problem> {
    let Some(rows) = ledger.rows(client).await? else {
        return Err(Problem::new("this database has no migration history, so there is nothing to roll back"));
    };
    let own: Vec<_> = rows.iter().filter(|row| row.migration_name == name).collect();
    if own.is_empty() {
        return Err(said(&PrismaError::NeverApplied { name: name.to_owned() }));
    }
    if own.iter().all(|row| row.finished_at.is_some()) {
        return Err(said(&PrismaError::NotFailed { name: name.to_owned() }));
    }
    if own.iter().all(|row| row.state() != RowState::Failed) {
        return Ok(());
    }
    let text = format!("BEGIN; {}", ledger.roll_back(name, Timestamp::now()));
    commit(client, target, name, text).await
}

/// Closes what the journal has open for the migration in the same transaction.
async fn commit(client: &Client, target: &Target, name: &str, mut text: String) -> Result<(), Problem> {
    if journal::exists(client).await? {
        let closed = sql!(
            "; UPDATE underpin.migration SET state = 'marked', finished_at = clock_timestamp()
             WHERE scope = {} AND name = {} AND state = 'running'",
            Literal(&target.url.schema),
            Literal(name)
        );
        text.push_str(closed.as_str());
    }
    text.push_str("; COMMIT");
    let done = client.batch_execute(&text).await;
    if done.is_err() {
        let _ = client.batch_execute("ROLLBACK").await;
    }
    Ok(done?)
}

fn said(error: &PrismaError) -> Problem {
    Problem::new(error.to_string()).coded(error.code())
}
