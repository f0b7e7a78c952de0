//! The proof that a twin ends where its original does: on a throwaway server of the target's major,
//! the catalog after the file as written equals the catalog after the twin.
//!
//! The state before the file comes from replaying the history up to it. A history that cannot be
//! replayed proves nothing, and says which file is in the way.

mod files;

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tokio_postgres::{Client, NoTls};
use underpin_catalog::{Difference, Name, ServerVersion, differences, sql};
use underpin_core::run::{SegmentKind, segments};
use underpin_shadow::{Shadow, ShadowError, StartOptions, Wanted, find_or_fetch};
use underpin_sql::{Action, Step};

use crate::introspect::introspect;
use crate::journal::text_of;

pub use self::files::FilesProver;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// There is no server to prove it on.
    #[error("no throwaway PostgreSQL to prove it on: {0}")]
    NoServer(#[from] ShadowError),
    /// A file of the history does not replay.
    #[error("the history does not replay on an empty database: migration {migration} failed: {error}")]
    History {
        /// Which.
        migration: String,
        /// What the server said.
        error: String,
    },
    /// The file or its twin does not run.
    #[error("{which} failed on the throwaway server: {error}")]
    Failed {
        /// "the file as written" or "its twin".
        which: &'static str,
        /// What the server said.
        error: String,
    },
    /// They end in different catalogs.
    #[error("the twin ends in another catalog: {}", shown(.0))]
    Differs(Vec<Difference>),
    /// The throwaway server is in trouble.
    #[error("the throwaway server: {}", said(.0))]
    Server(#[from] tokio_postgres::Error),
}

impl Unproven {
    /// There was nothing to prove it on, which says nothing about what was to be proven.
    pub fn is_without_server(&self) -> bool {
        matches!(self, Self::NoServer(_))
    }

    /// What to do next, when we know.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoServer(error) => error.hint(),
            Self::History { .. } | Self::Failed { .. } | Self::Differs(_) | Self::Server(_) => None,
        }
    }
}

fn shown(differences: &[Difference]) -> String {
    let first: Vec<String> = differences
        .iter()
        .take(3)
        .map(|difference| {
            let Difference { key, attribute, before, after } = difference;
            format!("{} {} {attribute}: {before:?} as written, {after:?} online", key.kind, key.identity)
        })
        .collect();
    first.join("; ")
}

/// A migration of the history, as the prover replays it.
#[derive(Clone, Debug)]
pub(crate) struct Replayed {
    /// The folder's name.
    pub(crate) name: String,
    /// The script.
    pub(crate) script: String,
    /// Its statements as steps, as written.
    pub(crate) steps: Vec<Step>,
}

/// Proves twins against one history. Starts its server when the first proof is not in the cache.
#[derive(Debug)]
pub(crate) struct Prover {
    wanted: Wanted,
    namespace: Name,
    cache: Option<PathBuf>,
    shadow: Option<Shadow>,
    replayed: usize,
}

/// The database that holds the history as far as it is replayed.
const BASE: &str = "underpin_base";

impl Prover {
    /// A prover for a target of this version, whose ledger lives in `namespace`. Proofs are kept in
    /// `cache`.
    pub(crate) fn new(wanted: Wanted, namespace: Name, cache: Option<PathBuf>) -> Self {
        Self { wanted, namespace, cache, shadow: None, replayed: 0 }
    }

    /// Whether this very proof was made before.
    pub(crate) fn is_known(&self, history: &[Replayed], original: &Replayed, twin: &[Step]) -> bool {
        self.known_at(history, original, twin).is_some_and(|path| path.exists())
    }

    /// Proves that `twin` ends in the same catalog as `original`, after `history`.
    ///
    /// # Errors
    /// [`Unproven`], which says why.
    pub(crate) async fn prove(
        &mut self,
        history: &[Replayed],
        original: &Replayed,
        twin: &[Step],
    ) -> Result<(), Unproven> {
        self.start().await?;
        self.replay(history).await?;
        let before = self.end(("underpin_as_written", "the file as written"), &original.steps).await?;
        let after = self.end(("underpin_online", "its twin"), twin).await?;
        let found = differences(&before, &after);
        if !found.is_empty() {
            return Err(Unproven::Differs(found));
        }
        if let Some(path) = self.known_at(history, original, twin) {
            // Without the note the proof is made again next time; that is all.
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = std::fs::write(path, after.digest());
        }
        Ok(())
    }

    /// Stops the server.
    pub(crate) async fn finish(self) {
        if let Some(shadow) = self.shadow {
            // Its supervisor ends what this cannot.
            let _ = shadow.stop().await;
        }
    }

    /// Starts the server, unless it runs.
    async fn start(&mut self) -> Result<(), Unproven> {
        if self.shadow.is_none() {
            let installation = find_or_fetch(&self.wanted).await?;
            let shadow = Shadow::start(&installation, &StartOptions::default()).await?;
            let client = connect(&shadow, "postgres").await?;
            create_database(&client, &sql!("CREATE DATABASE {}", Name::new(BASE))).await?;
            self.shadow = Some(shadow);
            self.replayed = 0;
        }
        Ok(())
    }

    fn shadow(&self) -> &Shadow {
        self.shadow.as_ref().expect("a proof begins with the start of the server")
    }

    /// Replays what of the history is not replayed yet.
    async fn replay(&mut self, history: &[Replayed]) -> Result<(), Unproven> {
        let base = self.open(BASE).await?;
        for migration in history.iter().skip(self.replayed) {
            apply(&base, &migration.steps).await.map_err(|error| Unproven::History {
                migration: migration.name.clone(),
                error: said(&error),
            })?;
            self.replayed += 1;
        }
        Ok(())
    }

    async fn open(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let client = connect(self.shadow(), database).await?;
        let there =
            sql!("CREATE SCHEMA IF NOT EXISTS {}; SET search_path = {}", self.namespace, self.namespace);
        client.batch_execute(there.as_str()).await?;
        Ok(client)
    }

    /// A copy of the replayed history.
    async fn copy(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let name = Name::new(database);
        let admin = connect(self.shadow(), "postgres").await?;
        admin.batch_execute(sql!("DROP DATABASE IF EXISTS {} WITH (FORCE)", name).as_str()).await?;
        create_database(&admin, &sql!("CREATE DATABASE {} TEMPLATE {}", name, Name::new(BASE))).await?;
        self.open(database).await
    }

    /// The catalog after `steps` on a copy of the replayed history: the copy's name, and what the steps are.
    async fn end(
        &self,
        (database, which): (&str, &'static str),
        steps: &[Step],
    ) -> Result<underpin_catalog::Catalog, Unproven> {
        let client = self.copy(database).await?;
        apply(&client, steps).await.map_err(|error| Unproven::Failed { which, error: said(&error) })?;
        Ok(introspect(&client).await?)
    }

    fn known_at(&self, history: &[Replayed], original: &Replayed, twin: &[Step]) -> Option<PathBuf> {
        let mut hash = Sha256::new();
        let version = env!("CARGO_PKG_VERSION");
        hash.update(format!("{version}\0{}\0{}\0", self.wanted.major, self.namespace));
        for migration in history.iter().chain([original]) {
            hash.update(format!("{}\0{}\0", migration.name, migration.script.len()));
            hash.update(&migration.script);
        }
        for step in twin {
            hash.update(format!("\0{:?}\0{}", step.transaction, text_of(step)));
        }
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(self.cache.as_ref()?.join(digest))
    }
}

/// `CREATE DATABASE` refuses while somebody is connected to its template (`55006`, object in use); a
/// session that we have just closed may take a moment to go.
async fn create_database(
    admin: &Client,
    create: &underpin_catalog::Sql,
) -> Result<(), tokio_postgres::Error> {
    let mut tries = 0;
    loop {
        match admin.batch_execute(create.as_str()).await {
            Err(error) if error.code().is_some_and(|code| code.code() == "55006") && tries < 100 => {
                tries += 1;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
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

/// Runs steps on a database without an application: the same transactions, no lock protocol.
async fn apply(client: &Client, steps: &[Step]) -> Result<(), tokio_postgres::Error> {
    let none = std::collections::BTreeSet::new();
    for segment in segments(steps, &none, &none) {
        let together = segment.kind == SegmentKind::Together;
        if together {
            client.batch_execute("BEGIN").await?;
        }
        for step in &segment.steps {
            if let Action::Batches(batches) = &step.action {
                // Without rows there is no batch; what the batches go along must be there all the same.
                let key = sql!("SELECT {} FROM ONLY {} LIMIT 0", batches.key, batches.table);
                client.batch_execute(key.as_str()).await?;
            }
            client.batch_execute(text_of(step).as_str()).await?;
        }
        if together {
            client.batch_execute("COMMIT").await?;
        }
    }
    Ok(())
}

fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => error.to_string(),
    }
}

/// The throwaway server that a target of this version wants.
pub(crate) fn wanted(
    version: ServerVersion,
    settings: &underpin_core::settings::ShadowSettings,
    project: Option<PathBuf>,
) -> Wanted {
    Wanted {
        major: version.major(),
        explicit_bin: settings.postgres_bin.clone(),
        project,
        may_fetch: settings.fetch,
    }
}
