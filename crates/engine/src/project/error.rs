//! What is wrong with a project: one error, with its place and what to do.

use std::fmt;
use std::path::PathBuf;

use underpin_prisma::Place;

/// A project that cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectError {
    /// What kind of thing is wrong.
    pub kind: ProjectErrorKind,
    /// What is wrong, in one sentence without the place.
    pub message: String,
    /// The file or folder.
    pub file: Option<PathBuf>,
    /// Where in the file.
    pub place: Option<Place>,
    /// What to do.
    pub hint: String,
}

/// Kinds of [`ProjectError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectErrorKind {
    /// No Prisma schema where one was named or expected.
    SchemaNotFound,
    /// A schema whose datasource cannot be read.
    SchemaInvalid,
    /// The configuration that was named is not there.
    ConfigNotFound,
    /// The configuration failed when it was run.
    ConfigFailed,
    /// The configuration must be run, and there is no Node.
    NodeNeeded,
    /// Two `.env` files disagree.
    EnvironmentConflict,
    /// No URL is given.
    UrlMissing,
    /// The URL's variable is not set.
    VariableMissing,
    /// The URL cannot be used.
    UrlInvalid,
    /// The datasource is not PostgreSQL.
    OtherProvider,
    /// `migration_lock.toml` names another provider than the schema (P3019).
    ProviderChanged,
    /// There is no migrations folder.
    MigrationsNotFound,
    /// The migrations folder has no migration.
    NoMigrations,
    /// A file or folder is there and cannot be read.
    Unreadable,
}

impl ProjectError {
    pub(super) fn new(kind: ProjectErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), file: None, place: None, hint: hint.into() }
    }

    pub(super) fn unreadable(file: impl Into<PathBuf>, error: &std::io::Error) -> Self {
        Self::new(ProjectErrorKind::Unreadable, format!("cannot be read: {error}"), "check its permissions")
            .in_file(file)
    }

    pub(super) fn in_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}

impl fmt::Display for ProjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.place) {
            (Some(file), Some(place)) => write!(f, "{}:{place}: ", file.display()),
            (Some(file), None) => write!(f, "{}: ", file.display()),
            (None, _) => Ok(()),
        }?;
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProjectError {}
