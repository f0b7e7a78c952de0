//! The proof that a twin ends where its original does: on a throwaway server of the target's major,
//! the catalog after the file as written equals the catalog after the twin.
//!
//! The state before the file comes from replaying the history up to it. A history that cannot be
//! replayed proves nothing, and says which file is in the way.

mod files;

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use underpin_catalog::{Catalog, Difference, Name, differences};
use underpin_shadow::ShadowError;
use underpin_sql::Step;

use crate::introspect::{IntrospectError, introspect};
use crate::journal::text_of;
use crate::shadow_history::{
    Asked, NotReplayed, REFUSAL_HINT, Refused, Replayed, ShadowHistory, apply, failed, is_refusal, said,
};

pub use self::files::FilesProver;
pub(crate) use self::files::send;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// There is no server to prove it on.
    #[error("no throwaway PostgreSQL to prove it on: {0}")]
    NoServer(#[from] ShadowError),
    /// A file of the history does not replay.
    #[error("the history does not replay on an empty database: migration {migration} {error}")]
    History {
        /// Which.
        migration: String,
        /// How it failed, with what the server said.
        error: String,
        /// The throwaway server did not let it do what it wants to do.
        refused: bool,
    },
    /// The file or its twin does not run.
    #[error("on the throwaway server {which} {error}")]
    Failed {
        /// "the file as written" or "its twin".
        which: &'static str,
        /// How it failed, with what the server said.
        error: String,
        /// The throwaway server did not let it do what it wants to do.
        refused: bool,
    },
    /// They end in different catalogs.
    #[error("the twin ends in another catalog: {}", shown(.0))]
    Differs(Vec<Difference>),
    /// The throwaway server is in trouble.
    #[error("the throwaway server: {}", said(.0))]
    Server(#[from] tokio_postgres::Error),
    /// What it ends in cannot be read.
    #[error("the throwaway server: {0}")]
    Unread(#[from] IntrospectError),
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
            Self::History { refused: true, .. } | Self::Failed { refused: true, .. } => {
                Some(REFUSAL_HINT.to_owned())
            }
            Self::History { .. }
            | Self::Failed { .. }
            | Self::Differs(_)
            | Self::Server(_)
            | Self::Unread(_) => None,
        }
    }
}

fn shown(differences: &[Difference]) -> String {
    let first: Vec<String> = differences
        .iter()
        .take(3)
        .map(|difference| {
            let Difference { key, attribute, before, after } = difference;
            let value = |value: &Option<serde_json::Value>| {
                value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            let attribute = attribute.as_deref().unwrap_or("as a whole");
            format!("{key} {attribute}: {} as written, {} online", value(before), value(after))
        })
        .collect();
    first.join("; ")
}

impl From<NotReplayed> for Unproven {
    fn from(error: NotReplayed) -> Self {
        match error {
            NotReplayed::NoServer(error) => Self::NoServer(error),
            NotReplayed::Migration { name, error, .. } => {
                Self::History { migration: name, refused: is_refusal(&error), error: failed(&error) }
            }
            NotReplayed::NoSql { name, error } => {
                Self::History { migration: name, refused: false, error: error.to_string() }
            }
            NotReplayed::Server(error) => Self::Server(error),
        }
    }
}

/// Proves twins against one history. Starts its server when the first proof is not in the cache.
#[derive(Debug)]
pub(crate) struct Prover {
    history: ShadowHistory,
    cache: Option<PathBuf>,
}

impl Prover {
    /// A prover for a target of this version, whose ledger lives in `namespace`. Proofs are kept in
    /// `cache`.
    pub(crate) fn new(asked: Asked, namespace: Name, cache: Option<PathBuf>) -> Self {
        Self { history: ShadowHistory::new(asked, namespace), cache }
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
        self.history.replay(history).await?;
        let as_written = &self.history.execution(original)?.steps;
        let before = self.end(("underpin_as_written", "the file as written"), as_written).await?;
        let after = self.end(("underpin_online", "its twin"), twin).await?;
        let found = differences(&before, &after);
        if !found.is_empty() {
            return Err(Unproven::Differs(found));
        }
        if let Some(path) = self.known_at(history, original, twin) {
            // Without the note the proof is made again next time; that is all.
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = std::fs::write(path, after.facts().hash());
        }
        Ok(())
    }

    /// Stops the server.
    pub(crate) async fn finish(self) {
        self.history.finish().await;
    }

    /// The catalog after `steps` on a copy of the replayed history: the copy's name, and what the steps are.
    async fn end(
        &self,
        (database, which): (&str, &'static str),
        steps: &[Step],
    ) -> Result<Catalog, Unproven> {
        let client = self.history.copy(database).await?;
        apply(&client, steps).await.map_err(|Refused { error, .. }| Unproven::Failed {
            which,
            refused: is_refusal(&error),
            error: failed(&error),
        })?;
        Ok(introspect(&client).await?)
    }

    fn known_at(&self, history: &[Replayed], original: &Replayed, twin: &[Step]) -> Option<PathBuf> {
        let mut hash = Sha256::new();
        let version = env!("CARGO_PKG_VERSION");
        hash.update(format!("{version}\0{}\0{}\0", self.history.major(), self.history.namespace()));
        for migration in history.iter().chain([original]) {
            hash.update(format!("{}\0{}\0", migration.name, migration.script.len()));
            hash.update(migration.script.as_bytes());
        }
        for step in twin {
            hash.update(format!("\0{:?}\0{}", step.transaction, text_of(step)));
        }
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(self.cache.as_ref()?.join(digest))
    }
}
