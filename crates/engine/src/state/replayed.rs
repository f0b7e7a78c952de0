//! A migrations folder, read and replayed on a throwaway server.

use std::path::{Path, PathBuf};

use underpin_catalog::Catalog;
use underpin_prisma::{FolderOrder, LockFile, Provider, Script};

use super::Reading;
use crate::files::{self, seen_from};
use crate::introspect::introspect;
use crate::problem::Problem;
use crate::shadow_history::{NotReplayed, Replayed, Session, ShadowHistory, wanted};

/// A history as a folder tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its migrations in order: the folder's name, and the text.
    pub migrations: Vec<(String, String)>,
    /// The folder, as it is shown.
    pub(crate) folder: String,
}

impl Told {
    /// What is in a migrations folder.
    ///
    /// # Errors
    /// When it cannot be read, is for another database, or a migration has no script (P3015).
    pub fn read(folder: &Path, order: FolderOrder, cwd: &Path) -> Result<Self, Problem> {
        check_provider(folder)?;
        let sequence = files::history(folder, order)?;
        if let Some(without) = sequence.without_script.first() {
            return Err(Problem::new("the migration has no migration.sql")
                .coded("P3015")
                .at(seen_from(cwd, without))
                .hint("restore the file, or remove the folder"));
        }
        let named = |path: &PathBuf| {
            let name = path.parent().and_then(Path::file_name).unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        let migrations = sequence
            .files
            .into_iter()
            .map(|file| (named(&file.path), Script::of(file.bytes).text().to_owned()))
            .collect();
        Ok(Self { migrations, folder: seen_from(cwd, folder) })
    }

    /// What is in a migrations folder, which need not be there.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of(folder: &Path, reading: &Reading) -> Result<Self, Problem> {
        match folder.is_dir() {
            true => Self::read(folder, reading.order(), &reading.cwd),
            false => Ok(Self::nothing()),
        }
    }

    /// Whether the folder still tells the same.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn is_current(&self, folder: &Path, reading: &Reading) -> Result<bool, Problem> {
        Ok(Self::of(folder, reading)?.migrations == self.migrations)
    }

    /// A history that has not begun.
    pub fn nothing() -> Self {
        Self { migrations: Vec::new(), folder: String::new() }
    }

    /// The scripts, in order.
    pub fn texts(&self) -> Vec<String> {
        self.migrations.iter().map(|(_, text)| text.clone()).collect()
    }

    /// The folders, in order.
    pub fn names(&self) -> Vec<String> {
        self.migrations.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// Prisma refuses a folder that was written for another database (P3019).
fn check_provider(folder: &Path) -> Result<(), Problem> {
    let path = folder.join(LockFile::NAME);
    let Ok(bytes) = std::fs::read(&path) else { return Ok(()) };
    let lock = LockFile::parse(&String::from_utf8_lossy(&bytes));
    if lock.agrees_with(&Provider::PostgreSql) {
        return Ok(());
    }
    Err(Problem::new(format!("the history is for provider `{}`, not `postgresql`", lock.provider()))
        .coded("P3019")
        .at(path.display().to_string())
        .hint("underpin works on PostgreSQL alone"))
}

/// A replayed history, and the server that it is on.
#[derive(Debug)]
pub(crate) struct Ground {
    history: ShadowHistory,
    folder: String,
    migrations: Vec<Replayed>,
}

impl Reading {
    /// Replays a history.
    ///
    /// # Errors
    /// A migration that fails, with its place; no server.
    pub(crate) async fn replayed(&self, told: &Told) -> Result<Ground, Problem> {
        let mut ground = self.ground(told);
        match ground.reach(told.migrations.len()).await {
            Ok(()) => Ok(ground),
            Err(problem) => {
                ground.finish().await;
                Err(problem)
            }
        }
    }

    /// A server on which a history can be replayed piece by piece. It is started with the first one.
    pub(crate) fn ground(&self, told: &Told) -> Ground {
        let server = self.server();
        let wanted = wanted(server, &self.shadow, Some(self.cwd.clone()));
        let history = ShadowHistory::new(wanted, self.namespace.clone());
        Ground { history, folder: told.folder.clone(), migrations: migrations(told) }
    }
}

impl Ground {
    /// Replays the first so many migrations, as far as they are not replayed yet.
    ///
    /// # Errors
    /// A migration that fails or is no SQL, with its place; no server.
    pub(crate) async fn reach(&mut self, migrations: usize) -> Result<(), Problem> {
        let replayed = self.history.replay(&self.migrations[..migrations]).await;
        replayed.map_err(|error| not_replayed(error, &self.folder))
    }

    /// What the history has made.
    pub(crate) async fn catalog(&mut self) -> Result<Catalog, Problem> {
        let client = self.history.look().await?;
        Ok(introspect(&client).await?)
    }

    /// The history itself, for whoever leaves it as it is.
    pub(crate) async fn look(&self) -> Result<Session, tokio_postgres::Error> {
        self.history.look().await
    }

    /// A database of one's own in which the history is.
    pub(crate) async fn copy(&self, database: &str) -> Result<Session, tokio_postgres::Error> {
        self.history.copy(database).await
    }

    /// Begins to make a database that [`Self::copy`] will be asked for next.
    pub(crate) fn copy_ahead(&self, database: &str) {
        self.history.copy_ahead(database);
    }

    /// The server's major version.
    pub(crate) fn major(&self) -> u32 {
        self.history.major()
    }

    /// Stops the server.
    pub(crate) async fn finish(self) {
        self.history.finish().await;
    }
}

/// Why the history of a folder is on no server. A script that is no SQL is told with its place in the folder.
pub(crate) fn not_replayed(error: NotReplayed, folder: &str) -> Problem {
    let is_no_sql = matches!(error, NotReplayed::NoSql { .. });
    let mut problem = Problem::from(error);
    if is_no_sql {
        problem.place = problem.place.map(|place| format!("{folder}/{place}"));
    }
    problem
}

/// A history's migrations, ready to be replayed.
pub(crate) fn migrations(told: &Told) -> Vec<Replayed> {
    told.migrations.iter().map(|(name, text)| Replayed::unread(name, text)).collect()
}
