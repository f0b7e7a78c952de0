//! The sessions of a run: one that works, one that watches, and how they are taken up again.

use std::ops::Deref;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Client;
use underpin_catalog::{Literal, sql};
use underpin_prisma::DatabaseUrl;

use crate::connect;
use crate::problem::Problem;

/// How long a lost session may go on working before it is ended, and how long it may take to end.
const GRACE: Duration = Duration::from_secs(3);
const END: Duration = Duration::from_secs(20);

/// A connection to the target that knows its own backend.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: connect::Connection,
    backend_start: jiff::Timestamp,
    /// The settings that connecting made, for giving them back.
    settings: Vec<(String, String)>,
}

impl Deref for Session {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.connection.client
    }
}

impl Session {
    /// Connects and reads which backend serves us.
    ///
    /// # Errors
    /// Those of [`connect::connect`].
    pub(crate) async fn open(url: &DatabaseUrl, application: &str) -> Result<Self, Problem> {
        let connection = open(url, application).await?;
        let client = &connection.client;
        // An open transaction of ours must not outlive us: a machine that vanished would hold its
        // locks until TCP gives up.
        client.batch_execute("SET idle_in_transaction_session_timeout = '10s'").await?;
        let start = "SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()";
        let backend_start = client.query_one(start, &[]).await?.get(0);
        let made = "SELECT name, setting || coalesce(CASE WHEN unit IN ('ms', 's') THEN unit END, '')
                    FROM pg_catalog.pg_settings WHERE source = 'session'";
        let settings = client.query(made, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok(Self { connection, backend_start, settings })
    }

    /// Gives every setting back its value: a migration may have left `SET`s.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) async fn reset(&self) -> Result<(), tokio_postgres::Error> {
        let mut text = String::from("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL");
        for (name, value) in &self.settings {
            text.push_str(
                sql!("; SELECT pg_catalog.set_config({}, {}, false)", Literal(name), Literal(value)).as_str(),
            );
        }
        self.batch_execute(&text).await
    }

    /// The backend.
    pub(crate) fn pid(&self) -> i32 {
        self.connection.backend_pid
    }
}

/// Connects under our own name, whatever the URL says: it is how a run recognises its sessions, and
/// how the next one finds what a killed run left working.
pub(crate) async fn open(url: &DatabaseUrl, application: &str) -> Result<connect::Connection, Problem> {
    let url = DatabaseUrl { application_name: None, ..url.clone() };
    Ok(connect::connect(&url, &connect::ConnectOptions::new(application)).await?)
}

/// The two sessions that execute a run.
#[derive(Debug)]
pub(crate) struct Sessions {
    url: DatabaseUrl,
    application: String,
    /// Executes migrations.
    pub(crate) work: Session,
    /// Looks, cancels, and never executes anything of a migration.
    pub(crate) watch: Session,
}

impl Sessions {
    pub(crate) async fn open(url: &DatabaseUrl, application: &str) -> Result<Self, Problem> {
        Ok(Self {
            work: Session::open(url, application).await?,
            watch: Self::watching(url, application).await?,
            url: url.clone(),
            application: application.to_owned(),
        })
    }

    async fn watching(url: &DatabaseUrl, application: &str) -> Result<Session, Problem> {
        let session = Session::open(url, application).await?;
        // It asks the same few questions about a few named objects again and again. Planning one anew
        // takes longer than its answer, and hashing a catalog longer than its indexes.
        session
            .batch_execute(
                "SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off",
            )
            .await?;
        Ok(session)
    }

    /// The name that marks every session of this run.
    pub(crate) fn application(&self) -> &str {
        &self.application
    }

    /// Connects again what was lost. When it returns, no earlier backend of ours works any more, so
    /// that what the catalog says now stays true.
    pub(crate) async fn heal(&mut self) -> Result<(), Problem> {
        if self.watch.is_closed() {
            self.watch = Self::watching(&self.url, &self.application).await?;
        }
        if !self.work.is_closed() {
            // The session is there: whatever it was in the middle of is over.
            return Ok(self.work.batch_execute("ROLLBACK").await?);
        }
        let lost = (self.work.pid(), self.work.backend_start);
        self.work = Session::open(&self.url, &self.application).await?;
        retire(&self.watch, &[lost]).await
    }
}

/// Ends the sessions of earlier runs that still work in this database. Only called under Prisma's
/// advisory lock: whoever holds it is the only run there may be.
pub(crate) async fn retire_predecessors(client: &Client, own_application: &str) -> Result<(), Problem> {
    let rows = client
        .query(
            "SELECT pid, backend_start FROM pg_catalog.pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE 'underpin/%'
               AND left(application_name, length($1)) <> $1 AND usename = current_user",
            &[&own_application],
        )
        .await?;
    let lost: Vec<_> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    retire(client, &lost).await
}

/// Waits until the backends are gone: `client_connection_check_interval` ends them within a second
/// or two; those that it does not end are terminated.
async fn retire(client: &Client, backends: &[(i32, jiff::Timestamp)]) -> Result<(), Problem> {
    let begun = Instant::now();
    for (pid, start) in backends {
        loop {
            let alive = client
                .query_opt(
                    "SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1 AND backend_start = $2",
                    &[pid, start],
                )
                .await?
                .is_some();
            if !alive {
                break;
            }
            if begun.elapsed() > END {
                return Err(Problem::new(format!(
                    "session {pid} of an earlier run still works and does not end"
                ))
                .hint(format!("look at it: SELECT * FROM pg_stat_activity WHERE pid = {pid}")));
            }
            if begun.elapsed() > GRACE {
                client.query("SELECT pg_catalog.pg_terminate_backend($1)", &[pid]).await?;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}
