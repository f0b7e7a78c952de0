//! A history on a throwaway server: replayed once, and copied as often as somebody tries something on it.
//!
//! Migrations are executed as they are written, in our transactions, without an application that could
//! notice. What is done with the copies is the business of those who ask for them: proofs of twins, and the
//! comparison with a live database.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::{Client, NoTls};
use underpin_catalog::{Name, ServerVersion, Sql, sql};
use underpin_core::plan::{Mode, Policy, plan};
use underpin_core::run::{SegmentKind, segments};
use underpin_core::settings::ShadowSettings;
use underpin_shadow::{Shadow, ShadowError, StartOptions, Wanted, find_or_fetch};
use underpin_sql::{Action, Statement, Step, Surroundings};

use crate::journal::text_of;

/// The database that holds the history as far as it is replayed.
const BASE: &str = "underpin_base";

/// The role that replays, and owns what a replay makes.
pub(crate) const SUPERUSER: &str = "postgres";

/// Why a history is not on the server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReplayed {
    /// There is no server.
    #[error("there is no throwaway PostgreSQL: {0}")]
    NoServer(#[from] ShadowError),
    /// One of its migrations fails.
    #[error("migration {name} failed: {}", said(.error))]
    Migration {
        /// Its folder.
        name: String,
        /// Which of its steps; `None` when the end of a transaction was refused.
        step: Option<Box<Step>>,
        /// What the server said.
        error: tokio_postgres::Error,
    },
    /// The server is in trouble.
    #[error("the throwaway server: {}", said(.0))]
    Server(#[from] tokio_postgres::Error),
}

/// A migration, ready to be replayed.
#[derive(Clone, Debug)]
pub(crate) struct Replayed {
    /// The folder's name.
    pub(crate) name: String,
    /// The script.
    pub(crate) script: String,
    /// Its statements as steps, as written.
    pub(crate) steps: Vec<Step>,
}

impl Replayed {
    /// A migration as it is written.
    pub(crate) fn as_written(
        name: &str,
        text: &str,
        statements: &[Statement],
        nothing: &Surroundings,
    ) -> Self {
        let policy = Policy { mode: Mode::AsWritten, ..Policy::default() };
        let steps = plan(statements, nothing, &policy).steps;
        Self { name: name.to_owned(), script: text.to_owned(), steps }
    }
}

/// One history on one server, which is started when it is needed first.
#[derive(Debug)]
pub(crate) struct ShadowHistory {
    wanted: Wanted,
    namespace: Name,
    roles: Vec<Name>,
    shadow: Option<Shadow>,
    replayed: usize,
}

impl ShadowHistory {
    /// A history whose ledger lives in `namespace`.
    pub(crate) fn new(wanted: Wanted, namespace: Name) -> Self {
        Self { wanted, namespace, roles: Vec::new(), shadow: None, replayed: 0 }
    }

    /// Roles that the history may name in grants, policies and owners. They belong to a server and not to a
    /// database, so no migration makes them.
    pub(crate) fn prepare_roles(&mut self, roles: Vec<Name>) {
        self.roles = roles;
    }

    /// The server's major version.
    pub(crate) fn major(&self) -> u32 {
        self.wanted.major
    }

    /// Where bare names of the history are made.
    pub(crate) fn namespace(&self) -> &Name {
        &self.namespace
    }

    /// Replays what of the history is not replayed yet. `history` is what was given before, with more behind.
    ///
    /// # Errors
    /// [`NotReplayed`], with the migration that fails.
    pub(crate) async fn replay(&mut self, history: &[Replayed]) -> Result<(), NotReplayed> {
        self.start().await?;
        let base = self.open(BASE).await?;
        for migration in history.iter().skip(self.replayed) {
            apply(&base, &migration.steps).await.map_err(|Refused { step, error }| {
                NotReplayed::Migration { name: migration.name.clone(), step, error }
            })?;
            self.replayed += 1;
        }
        Ok(())
    }

    /// A copy of the replayed history; an older one of the same name goes.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn copy(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let name = Name::new(database);
        let admin = connect(self.shadow(), "postgres").await?;
        admin.batch_execute(sql!("DROP DATABASE IF EXISTS {} WITH (FORCE)", name).as_str()).await?;
        create_database(&admin, &sql!("CREATE DATABASE {} TEMPLATE {}", name, Name::new(BASE))).await?;
        self.open(database).await
    }

    /// Stops the server.
    pub(crate) async fn finish(self) {
        if let Some(shadow) = self.shadow {
            // Its supervisor ends what this cannot.
            let _ = shadow.stop().await;
        }
    }

    /// Starts the server, unless it runs.
    async fn start(&mut self) -> Result<(), NotReplayed> {
        if self.shadow.is_none() {
            let installation = find_or_fetch(&self.wanted).await?;
            let shadow = Shadow::start(&installation, &StartOptions::default()).await?;
            let client = connect(&shadow, "postgres").await?;
            for role in self.roles.iter().filter(|role| role.as_str() != SUPERUSER) {
                client.batch_execute(sql!("CREATE ROLE {}", role).as_str()).await?;
            }
            create_database(&client, &sql!("CREATE DATABASE {}", Name::new(BASE))).await?;
            self.shadow = Some(shadow);
            self.replayed = 0;
        }
        Ok(())
    }

    fn shadow(&self) -> &Shadow {
        self.shadow.as_ref().expect("whoever wants a copy has replayed the history")
    }

    async fn open(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let client = connect(self.shadow(), database).await?;
        let there =
            sql!("CREATE SCHEMA IF NOT EXISTS {}; SET search_path = {}", self.namespace, self.namespace);
        client.batch_execute(there.as_str()).await?;
        Ok(client)
    }
}

/// `CREATE DATABASE` refuses while somebody is connected to its template (`55006`, object in use); a
/// session that we have just closed may take a moment to go.
async fn create_database(admin: &Client, create: &Sql) -> Result<(), tokio_postgres::Error> {
    let mut tries = 0;
    loop {
        match admin.batch_execute(create.as_str()).await {
            Err(error) if error.code().is_some_and(|code| code.code() == "55006") && tries < 100 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            done => return done,
        }
    }
}

async fn connect(shadow: &Shadow, database: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = shadow.config(database).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// What the server said no to.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The step; `None` when it is the beginning or the end of a transaction.
    pub(crate) step: Option<Box<Step>>,
    /// What it said.
    pub(crate) error: tokio_postgres::Error,
}

impl From<tokio_postgres::Error> for Refused {
    fn from(error: tokio_postgres::Error) -> Self {
        Self { step: None, error }
    }
}

/// Runs steps on a database without an application: the same transactions, no lock protocol.
///
/// # Errors
/// Those of the server, with the step that it refused.
pub(crate) async fn apply(client: &Client, steps: &[Step]) -> Result<(), Refused> {
    let none = BTreeSet::new();
    for segment in segments(steps, &none, &none) {
        let together = segment.kind == SegmentKind::Together;
        if together {
            client.batch_execute("BEGIN").await?;
        }
        for step in &segment.steps {
            let refused = |error| Refused { step: Some(Box::new(step.clone())), error };
            if let Action::Batches(batches) = &step.action {
                // Without rows there is no batch; what the batches go along must be there all the same.
                let key = sql!("SELECT {} FROM ONLY {} LIMIT 0", batches.key, batches.table);
                client.batch_execute(key.as_str()).await.map_err(refused)?;
            }
            client.batch_execute(text_of(step).as_str()).await.map_err(refused)?;
        }
        if together {
            client.batch_execute("COMMIT").await?;
        }
    }
    Ok(())
}

/// What the server said, with its SQLSTATE.
pub(crate) fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => error.to_string(),
    }
}

/// The throwaway server that a target of this version wants.
pub(crate) fn wanted(version: ServerVersion, settings: &ShadowSettings, project: Option<PathBuf>) -> Wanted {
    Wanted {
        major: version.major(),
        explicit_bin: settings.postgres_bin.clone(),
        project,
        may_fetch: settings.fetch,
    }
}
