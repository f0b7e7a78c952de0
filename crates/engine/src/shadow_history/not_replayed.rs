//! Why a history is not on the throwaway server, and what to do about it.

use underpin_shadow::ShadowError;
use underpin_sql::{Step, SyntaxError};

use crate::problem::Problem;

/// Why a history is not on the server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReplayed {
    /// There is no server.
    #[error("there is no throwaway PostgreSQL: {0}")]
    NoServer(#[from] ShadowError),
    /// One of its migrations fails.
    #[error("migration {name} {}", failed(.error))]
    Migration {
        /// Its folder.
        name: String,
        /// Which of its steps; `None` when the end of a transaction was refused.
        step: Option<Box<Step>>,
        /// What the server said.
        error: tokio_postgres::Error,
    },
    /// One of its migrations is no SQL.
    #[error("migration {name} is no SQL: {error}")]
    NoSql {
        /// Its folder.
        name: String,
        /// Where, and what PostgreSQL says to it.
        error: SyntaxError,
    },
    /// The server is in trouble.
    #[error("the throwaway server: {}", said(.0))]
    Server(#[from] tokio_postgres::Error),
}

impl From<NotReplayed> for Problem {
    fn from(error: NotReplayed) -> Self {
        match error {
            NotReplayed::NoServer(error) => {
                let problem = Problem::new(format!(
                    "there is no throwaway PostgreSQL to replay the history on: {error}"
                ));
                match error.hint() {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                }
            }
            NotReplayed::Migration { ref name, ref step, error: ref server } => {
                let code = server.code().map(|code| code.code().to_owned());
                let problem = Problem::new(format!(
                    "the history does not replay on an empty database: {error}"
                ))
                .at(match step {
                    Some(step) => format!("{name}/migration.sql:{}", step.line),
                    None => format!("{name}/migration.sql"),
                });
                let problem = match &code {
                    Some(code) => problem.coded(code.clone()),
                    None => problem,
                };
                match (extension_missing(server), code.as_deref()) {
                    (Some(extension), _) => problem.hint(install(extension)),
                    (None, Some("42501")) => problem.hint(REFUSAL_HINT),
                    // Insufficient resources: a full disk, no memory, too many locks.
                    (None, Some(code)) if code.starts_with("53") => problem.hint(
                        "the throwaway server lies in memory (/dev/shm) where there is room, else in the folder for \
                         temporary files: free some, or set TMPDIR to a larger one",
                    ),
                    (None, Some(_)) => problem.hint(
                        "a history that does not replay cannot be used for a new database either: repair it first",
                    ),
                    // The server has ended; it has not said no.
                    (None, None) => problem.hint(
                        "the throwaway server may have been killed, for want of memory say: try again",
                    ),
                }
            }
            NotReplayed::NoSql { name, error } => {
                Problem::new(format!("the history does not replay: {}", error.message))
                    .coded(error.sqlstate)
                    .at(format!("{name}/migration.sql:{}:{}", error.line, error.column))
            }
            NotReplayed::Server(error) => error.into(),
        }
    }
}

/// The extension that the server does not have.
fn extension_missing(error: &tokio_postgres::Error) -> Option<&str> {
    let said = error.as_db_error()?;
    // feature_not_supported since PostgreSQL 15, before undefined_file; that also for one whose library alone is
    // missing.
    let quoted = || said.message().split('"').nth(1);
    match said.code().code() {
        "0A000" => said.message().strip_prefix("extension \"")?.strip_suffix("\" is not available"),
        "58P01" if said.message().starts_with("could not open extension control file") => {
            quoted()?.rsplit('/').next()?.strip_suffix(".control")
        }
        "58P01" => quoted()?.strip_prefix("$libdir/"),
        _ => None,
    }
}

/// Extensions that are not PostgreSQL's own, and how their packages on Debian and Ubuntu end.
const PACKAGES: &[(&str, &str)] = &[
    ("age", "age"),
    ("hll", "hll"),
    ("hypopg", "hypopg"),
    ("pg_cron", "cron"),
    ("pg_hint_plan", "pg-hint-plan"),
    ("pg_partman", "partman"),
    ("pg_repack", "repack"),
    ("pgaudit", "pgaudit"),
    ("pgrouting", "pgrouting"),
    ("postgis", "postgis-3"),
    ("postgis_raster", "postgis-3"),
    ("postgis_topology", "postgis-3"),
    ("rum", "rum"),
    ("vector", "pgvector"),
];

fn install(extension: &str) -> String {
    let package = PACKAGES.iter().find(|(name, _)| *name == extension);
    let package = match package {
        Some((_, end)) => format!(" (Debian and Ubuntu: the package postgresql-MAJOR-{end})"),
        None => String::new(),
    };
    format!(
        "install the extension {extension} on this machine, for this major version{package}, or name a server that \
         has it with [shadow] postgres_bin in underpin.toml"
    )
}

/// What the server said, with its SQLSTATE.
pub(crate) fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => error.to_string(),
    }
}

/// How a migration failed: by itself, or because the throwaway server lets nobody do what it wants to do.
pub(crate) fn failed(error: &tokio_postgres::Error) -> String {
    match is_refusal(error) {
        true => format!("was refused what only a superuser may do: {}", said(error)),
        false => format!("failed: {}", said(error)),
    }
}

/// `42501`, insufficient privilege: of a migration that creates everything, it is the throwaway server's.
pub(crate) fn is_refusal(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| code.code() == "42501")
}

/// What to do about a refusal of the throwaway server.
pub(crate) const REFUSAL_HINT: &str = "the throwaway server executes migrations without the rights of a superuser, \
     because they may come from anybody; when yours come from people whom you trust with the machine that this runs \
     on, set [shadow] superuser = true in underpin.toml";
