//! `drift`: is the live database what its own history says?
//!
//! The ledger tells which migrations the database has; they are replayed on a throwaway server of the same
//! major version, and the two catalogs are compared. What is pending is not there yet and is no drift.
//! Ledger and catalog are read under Prisma's advisory lock, so that a deploy that runs is not taken for
//! drift; the replay, which takes longer, happens after the lock is given back.

pub(crate) mod reparse;

use std::time::Duration;

use serde::Serialize;
use tokio_postgres::Client;
use underpin_catalog::{Catalog, Name};
use underpin_core::drift::{Drift, comparable, drift as compare};
use underpin_core::exit;
use underpin_core::settings::Settings;
use underpin_prisma::{Alignment, align};
use underpin_sql::{Surroundings, read};

use crate::advisory::{self, Taken};
use crate::deploy::{Target, lock_problem};
use crate::introspect::introspect;
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::server::{self, Server};
use crate::session;
use crate::shadow_history::{OWNER, Replayed, ShadowHistory, wanted};

/// How a database compares with its history.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The server's version.
    pub server: String,
    /// The migrations that the database has, in order.
    pub applied: Vec<String>,
    /// Those that it does not have yet.
    pub pending: Vec<String>,
    /// Applied migrations whose file was edited afterwards: the history is not what was executed.
    pub edited: Vec<String>,
    /// What differs.
    #[serde(flatten)]
    pub drift: Drift,
}

/// What a live database said in one moment.
struct Live {
    server: Server,
    alignment: Alignment,
    catalog: Catalog,
    owner: Name,
    roles: Vec<Name>,
}

/// Compares a database with the history of its applied migrations.
///
/// # Errors
/// The connection's; a ledger that is missing, half done (exit 14) or knows other migrations than the
/// folder; Prisma's lock (exit 13); a history that does not replay.
pub async fn drift(target: &Target, settings: &Settings) -> Result<Compared, Problem> {
    let live = look(target, settings).await?;
    let server = live.server.version;
    let mut history = ShadowHistory::new(
        wanted(server, &settings.shadow, Some(target.root.clone())),
        Name::new(&target.url.schema),
    );
    history.prepare_roles(live.roles.clone());
    let drift = replayed(&mut history, target, settings, &live).await;
    history.finish().await;
    let a = live.alignment;
    Ok(Compared {
        server: server.to_string(),
        pending: a.pending,
        edited: a.edited.into_iter().map(|edited| edited.name).collect(),
        applied: a.applied,
        drift: drift?,
    })
}

/// Reads ledger and catalog while no deploy runs.
async fn look(target: &Target, settings: &Settings) -> Result<Live, Problem> {
    let application = "underpin-drift";
    let connection = session::open(&target.url, application).await?;
    let client = &connection.client;
    let server = server::suitable(client, &target.url, application).await?;
    let budget = Duration::from_millis(settings.lock.advisory_budget_ms);
    if let Taken::No(holder) = advisory::take(client, budget, |_, _| {}).await? {
        return Err(lock_problem(holder, budget));
    }
    let ledger = Ledger::of(&target.url.schema);
    let Some(rows) = ledger.rows(client).await? else {
        return Err(Problem::new("this database has no migration history, so there is nothing to compare it with")
            .hint("tell which migrations it already contains: underpin resolve --applied \"<first migration>\", and so on"));
    };
    let alignment = align(&target.history, &rows, target.prisma);
    refuse_unknown(&alignment)?;
    let catalog = introspect(client).await?;
    let owner = ledger_owner(client, &target.url.schema).await?;
    let roles = roles(client).await?;
    // The session ends here, and the lock with it.
    Ok(Live { server, alignment, catalog, owner, roles })
}

fn refuse_unknown(alignment: &Alignment) -> Result<(), Problem> {
    if let Some(row) = alignment.failed.first() {
        return Err(Problem::new(format!(
            "migration {} is half done: what the database should be is open until it is settled",
            row.migration_name
        ))
        .exiting(exit::NEEDS_RECOVER)
        .coded("P3009")
        .hint("look at it: underpin recover"));
    }
    if let Some(name) = alignment.unknown.first().or(alignment.scripts_missing.first()) {
        return Err(Problem::new(format!(
            "the database has migration {name}, and the folder does not: its history cannot be replayed"
        ))
        .hint("compare from the commit that was deployed last"));
    }
    Ok(())
}

/// The role that owns the application's objects: it made the ledger.
async fn ledger_owner(client: &Client, namespace: &str) -> Result<Name, Problem> {
    let query = "SELECT pg_get_userbyid(c.relowner)::text FROM pg_catalog.pg_class c
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relname = '_prisma_migrations'";
    Ok(Name::new(client.query_one(query, &[&namespace]).await?.get::<_, String>(0)))
}

/// The roles that grants, policies and owners of the history may name.
async fn roles(client: &Client) -> Result<Vec<Name>, Problem> {
    let query = "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1";
    Ok(client.query(query, &[]).await?.iter().map(|row| Name::new(row.get::<_, String>(0))).collect())
}

/// Replays the applied migrations and compares.
async fn replayed(
    history: &mut ShadowHistory,
    target: &Target,
    settings: &Settings,
    live: &Live,
) -> Result<Drift, Problem> {
    let nothing = Surroundings::empty(live.server.version, Name::new(&target.url.schema));
    let migrations: Vec<Replayed> = target
        .history
        .migrations()
        .iter()
        .filter(|migration| live.alignment.applied.contains(&migration.name))
        .filter_map(|migration| {
            let text = migration.script.as_ref()?.text();
            // What is applied was read by a server once; should it not parse here, its replay says so.
            let statements = read(text).unwrap_or_default();
            Some(Replayed::as_written(&migration.name, text, &statements, &nothing))
        })
        .collect();
    history.replay(&migrations).await?;
    // What is tried on it is rolled back.
    let client = history.look().await?;
    let expected = introspect(&client).await?;
    let expected = comparable(expected, &live.owner, &[Name::new(OWNER)]).into_facts();
    let found = comparable(live.catalog.clone(), &live.owner, &[]).into_facts();
    let found = reparse::settle(&client, &expected, found).await?;
    Ok(compare(&expected, &found, &settings.drift))
}
