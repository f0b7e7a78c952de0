//! Reads what a live database contains into a [`Catalog`].
//!
//! One `REPEATABLE READ READ ONLY` transaction of about two dozen queries, a file each, sent at once and
//! answered in one round trip. They read the system catalogs as sets; oids are resolved here.
//!
//! Two things are not covered by the snapshot, because PostgreSQL's deparse functions look at the present:
//! - They wait for whoever holds `ACCESS EXCLUSIVE` on the relation. Whoever waits for such a lock meanwhile
//!   waits for us, too, with the application behind it. So we wait for [`Patience::lock_timeout_ms`] at most,
//!   go away, and try again. The queries that keep their locks until the transaction ends come last.
//! - They answer about objects as they are now. So when another transaction changed one of the catalogs
//!   that they look at, everything is read again.
//!
//! Left out are the namespaces `underpin` and `underpin_parked` and Prisma's ledger table, which describe the history and not the
//! application, PostgreSQL's own objects, and everything that belongs to an extension.

mod assembly;
mod columns;
mod constraints;
mod database;
mod indexes;
mod names;
mod queries;
mod reactions;
mod relations;
mod rows;
mod types;

use std::time::Duration;

use futures_util::future::join;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use underpin_catalog::Catalog;
use underpin_catalog::model::UnreadableGrant;

use self::assembly::{Unassembled, assemble};
use self::queries::Answers;
use crate::reading::beside;

/// How long reading a catalog may hold others up, and be held up by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long one try waits for a lock. As long may an application wait behind us, when it stands
    /// behind somebody who wants what we hold.
    pub lock_timeout_ms: u32,
    /// How long one statement may run.
    pub statement_timeout_ms: u32,
    /// How often to try.
    pub tries: u32,
    /// How long to stay away between two tries.
    pub pause_ms: u32,
}

impl Default for Patience {
    /// 200 ms are what an application never waits longer for because of us. Twenty-five tries take 10 s or
    /// so: DDL that takes longer is not waited for.
    fn default() -> Self {
        Self { lock_timeout_ms: 200, statement_timeout_ms: 60_000, tries: 25, pause_ms: 200 }
    }
}

/// Why a catalog could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
    /// The server said no.
    #[error("the catalog cannot be read: {}", said(.0))]
    Server(#[from] tokio_postgres::Error),
    /// Somebody held a table at every try.
    #[error("the catalog cannot be read: a table was locked by another session at each of {tries} tries")]
    Locked {
        /// How many.
        tries: u32,
    },
    /// Somebody changed the database during every try.
    #[error(
        "the catalog cannot be read: the database was changed by another session during each of {tries} tries"
    )]
    Changing {
        /// How many.
        tries: u32,
    },
    /// An access list is of a form that we do not know.
    #[error(transparent)]
    Unreadable(#[from] UnreadableGrant),
}

impl IntrospectError {
    /// What to do next, when we know.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Server(_) | Self::Unreadable(_) => None,
            Self::Locked { .. } => Some(
                "find who holds ACCESS EXCLUSIVE (pg_locks joined with pg_stat_activity) and try again when it is done"
                    .to_owned(),
            ),
            Self::Changing { .. } => Some("try again when the other session's changes are done".to_owned()),
        }
    }
}

fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => error.to_string(),
    }
}

/// The catalog of the connected database.
///
/// # Errors
/// As [`introspect_with`].
pub async fn introspect(client: &Client) -> Result<Catalog, IntrospectError> {
    introspect_with(client, Patience::default()).await
}

/// The catalog of the connected database, with limits of one's own. The session must be in no transaction.
///
/// # Errors
/// [`IntrospectError`]; a lock that is not free (`55P03`) and a change underneath are tried again first.
pub async fn introspect_with(client: &Client, patience: Patience) -> Result<Catalog, IntrospectError> {
    let mut last = IntrospectError::Locked { tries: 0 };
    for tried in 1..=patience.tries {
        match attempt(client, patience).await? {
            Attempt::Read(catalog) => return Ok(*catalog),
            Attempt::Locked => last = IntrospectError::Locked { tries: tried },
            Attempt::Changed => last = IntrospectError::Changing { tries: tried },
        }
        tokio::time::sleep(Duration::from_millis(u64::from(patience.pause_ms))).await;
    }
    Err(last)
}

enum Attempt {
    Read(Box<Catalog>),
    Locked,
    Changed,
}

/// What the transaction that the client is in sees, its own changes included. A lock that is not free, or a
/// change underneath, is an error at once: the transaction is the caller's.
///
/// # Errors
/// [`IntrospectError`].
pub async fn introspect_within(client: &Client, patience: Patience) -> Result<Catalog, IntrospectError> {
    read_within(client, patience).await?.catalog()
}

/// What was read of a database and is no catalog yet.
#[derive(Debug)]
pub(crate) struct Unmade {
    answers: Answers,
    major: u32,
}

impl Unmade {
    /// The catalog. That takes a while, for which the server is not needed any more.
    ///
    /// # Errors
    /// As [`introspect_within`].
    pub(crate) fn catalog(self) -> Result<Catalog, IntrospectError> {
        match made_of(self.answers, self.major)? {
            Attempt::Read(catalog) => Ok(*catalog),
            Attempt::Locked => Err(IntrospectError::Locked { tries: 1 }),
            Attempt::Changed => Err(IntrospectError::Changing { tries: 1 }),
        }
    }
}

/// As [`introspect_within`], for whoever makes the catalog later.
///
/// # Errors
/// As [`introspect_within`].
pub(crate) async fn read_within(client: &Client, patience: Patience) -> Result<Unmade, IntrospectError> {
    let opened = format!("SAVEPOINT underpin_reading; {}", settings(patience));
    let closed = "ROLLBACK TO SAVEPOINT underpin_reading; RELEASE SAVEPOINT underpin_reading";
    let major = major_of(client).await?;
    match read(client, major, &opened, closed).await {
        Ok(answers) => Ok(Unmade { answers, major }),
        Err(error) => match turned_away(error)? {
            Attempt::Locked => Err(IntrospectError::Locked { tries: 1 }),
            Attempt::Changed | Attempt::Read(_) => Err(IntrospectError::Changing { tries: 1 }),
        },
    }
}

async fn attempt(client: &Client, patience: Patience) -> Result<Attempt, IntrospectError> {
    let major = major_of(client).await?;
    let opened = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", settings(patience));
    let answers = match read(client, major, &opened, "ROLLBACK").await {
        Ok(answers) => answers,
        Err(error) => return turned_away(error),
    };
    let snapshot = answers.snapshot.first().map(|row| row.snapshot.clone()).unwrap_or_default();
    let asked = [(&snapshot as &(dyn ToSql + Sync), Type::TEXT)];
    let changed = client.query_typed(include_str!("introspect/changed.sql"), &asked).await?;
    if changed.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false) {
        return Ok(Attempt::Changed);
    }
    // Whoever reads another database at the same time is not held up.
    beside(move || made_of(answers, major)).await
}

/// The answers to all queries between two commands, which open and close what they are asked in.
async fn read(
    client: &Client,
    major: u32,
    opened: &str,
    closed: &str,
) -> Result<Answers, tokio_postgres::Error> {
    // They are polled in this order, so all is sent without waiting for the first answer.
    let opening = client.batch_execute(opened);
    let (opening, answers) = join(opening, queries::ask(client, major)).await;
    client.batch_execute(closed).await?;
    opening?;
    answers
}

fn made_of(answers: Answers, major: u32) -> Result<Attempt, IntrospectError> {
    match assemble(answers, major) {
        Ok(catalog) => Ok(Attempt::Read(Box::new(catalog))),
        Err(Unassembled::Changed) => Ok(Attempt::Changed),
        Err(Unassembled::Unreadable(error)) => Err(error.into()),
    }
}

async fn major_of(client: &Client) -> Result<u32, tokio_postgres::Error> {
    let asked = client.query_typed("SELECT current_setting('server_version_num')::int4", &[]).await?;
    let number: Option<i32> = asked.first().map(|row| row.try_get(0)).transpose()?;
    Ok(number.unwrap_or_default().unsigned_abs() / 10_000)
}

/// What makes the server deparse the same text on every machine: names are qualified because the search path
/// is empty, times do not depend on where one is.
pub(crate) fn settings(patience: Patience) -> String {
    let Patience { lock_timeout_ms, statement_timeout_ms, .. } = patience;
    format!(
        "SET LOCAL search_path = ''; SET LOCAL jit = off; \
         SET LOCAL lock_timeout = {lock_timeout_ms}; SET LOCAL statement_timeout = {statement_timeout_ms}; \
         SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; \
         SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex'; \
         SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on;"
    )
}

/// What an error means: a lock that somebody holds, something that is gone meanwhile, or an error.
fn turned_away(error: tokio_postgres::Error) -> Result<Attempt, IntrospectError> {
    match error.code().map(tokio_postgres::error::SqlState::code) {
        Some("55P03" | "40P01") => Ok(Attempt::Locked),
        // "cache lookup failed", "could not open relation with OID", "relation with OID does not exist"
        Some("XX000" | "42P01") => Ok(Attempt::Changed),
        _ => Err(error.into()),
    }
}
