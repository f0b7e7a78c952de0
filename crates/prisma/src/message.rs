//! The errors that Prisma's command line and engine report, to the byte.
//!
//! Teams search logs and runbooks for these codes and sentences, and `logs` in the ledger holds
//! one of them; so they are Prisma's, English, quotes and links included. What we add stands
//! elsewhere.

use std::fmt;

use jiff::Timestamp;

use crate::{LockFile, Provider};

mod database_error;
pub mod report;

pub use database_error::DatabaseError;
pub use report::{already_up_to_date, deployed, found, marked, nothing_pending, status};

/// One of Prisma's errors. [`fmt::Display`] gives the message without the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrismaError {
    /// P1000.
    Authentication {
        /// The user.
        user: String,
        /// The host, without port.
        host: String,
    },
    /// P1001.
    Unreachable {
        /// `host:port`.
        server: String,
    },
    /// P1002.
    TimedOut {
        /// `host:port`.
        server: String,
        /// What was waited for.
        context: String,
    },
    /// P1003.
    NoDatabase {
        /// The database.
        database: String,
        /// `host:port`.
        server: String,
    },
    /// P1010.
    AccessDenied {
        /// The user.
        user: String,
        /// The database.
        database: String,
    },
    /// P3005: tables, and no ledger.
    SchemaNotEmpty,
    /// P3008.
    AlreadyApplied {
        /// The migration.
        name: String,
    },
    /// P3009: rows that are begun and not done.
    FailedMigrations {
        /// Each one's name and start, in the order of the ledger.
        failed: Vec<(String, Timestamp)>,
    },
    /// P3011.
    NeverApplied {
        /// The migration.
        name: String,
    },
    /// P3012.
    NotFailed {
        /// The migration.
        name: String,
    },
    /// P3015.
    ScriptMissing {
        /// The path; since 6.6 only `migration.sql`.
        path: String,
    },
    /// P3017.
    MigrationNotFound {
        /// The migration.
        name: String,
    },
    /// P3018.
    MigrationFailed {
        /// The migration.
        name: String,
        /// What the server said.
        error: Box<DatabaseError>,
        /// The script, for the lines before the error's position.
        script: String,
    },
    /// P3019.
    ProviderChanged {
        /// The schema's.
        schema: Provider,
        /// The lock file's word.
        locked: String,
    },
}

impl PrismaError {
    /// P3019 for a schema and a lock file, unless they agree.
    pub fn provider_changed(schema: &Provider, lock: &LockFile) -> Option<Self> {
        (!lock.agrees_with(schema))
            .then(|| Self::ProviderChanged { schema: schema.clone(), locked: lock.provider().to_owned() })
    }

    /// P1002 as the wait for the advisory lock ends; `10000ms` in Prisma.
    pub fn lock_timed_out(server: String, timeout_ms: u64) -> Self {
        Self::TimedOut {
            server,
            context: format!(
                "Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(72707369)). \
                 Timeout: {timeout_ms}ms. See https://pris.ly/d/migrate-advisory-locking for details."
            ),
        }
    }

    /// The code, such as `P3009`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Authentication { .. } => "P1000",
            Self::Unreachable { .. } => "P1001",
            Self::TimedOut { .. } => "P1002",
            Self::NoDatabase { .. } => "P1003",
            Self::AccessDenied { .. } => "P1010",
            Self::SchemaNotEmpty => "P3005",
            Self::AlreadyApplied { .. } => "P3008",
            Self::FailedMigrations { .. } => "P3009",
            Self::NeverApplied { .. } => "P3011",
            Self::NotFailed { .. } => "P3012",
            Self::ScriptMissing { .. } => "P3015",
            Self::MigrationNotFound { .. } => "P3017",
            Self::MigrationFailed { .. } => "P3018",
            Self::ProviderChanged { .. } => "P3019",
        }
    }

    /// What the command line prints on stderr for the engine's errors, newline included.
    pub fn printed(&self) -> String {
        format!("Error: {}\n\n{self}\n", self.code())
    }

    /// What it prints when the connection fails before the engine starts.
    pub fn printed_before_start(&self) -> String {
        format!("Error: {}: {self}\n", self.code())
    }
}

impl fmt::Display for PrismaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const EXAMPLE: &str = "(example: \"20201207184859_initial_migration\")";
        const RESOLVE: &str = "Read more about how to resolve migration issues in a production database: \
                               https://pris.ly/d/migrate-resolve";
        match self {
            Self::Authentication { user, host } => write!(
                f,
                "Authentication failed against database server, the provided database credentials for \
                 `{user}` are not valid.\n\nPlease make sure to provide valid database credentials for the \
                 database server at `{host}`."
            ),
            Self::Unreachable { server } => write!(
                f,
                "Can't reach database server at `{server}`\n\nPlease make sure your database server is running \
                 at `{server}`."
            ),
            Self::TimedOut { server, context } => write!(
                f,
                "The database server was reached but timed out.\n\nPlease try again.\n\nPlease make sure your \
                 database server is running at `{server}`.\n\nContext: {context}"
            ),
            Self::NoDatabase { database, server } => {
                write!(f, "Database `{database}` does not exist on the database server at `{server}`.")
            }
            Self::AccessDenied { user, database } => {
                write!(f, "User `{user}` was denied access on the database `{database}`")
            }
            Self::SchemaNotEmpty => f.write_str(
                "The database schema is not empty. Read more about how to baseline an existing production \
                 database: https://pris.ly/d/migrate-baseline",
            ),
            Self::AlreadyApplied { name } => {
                write!(f, "The migration `{name}` is already recorded as applied in the database.")
            }
            Self::FailedMigrations { failed } => {
                writeln!(
                    f,
                    "migrate found failed migrations in the target database, new migrations will not be \
                     applied. {RESOLVE}"
                )?;
                failed.iter().try_for_each(|(name, started_at)| {
                    writeln!(f, "The `{name}` migration started at {} failed", instant(*started_at))
                })
            }
            Self::NeverApplied { name } => write!(
                f,
                "Migration `{name}` cannot be rolled back because it was never applied to the database. Hint: \
                 did you pass in the whole migration name? {EXAMPLE}"
            ),
            Self::NotFailed { name } => {
                write!(f, "Migration `{name}` cannot be rolled back because it is not in a failed state.")
            }
            Self::ScriptMissing { path } => write!(
                f,
                "Could not find the migration file at {path}. Please delete the directory or restore the \
                 migration file."
            ),
            Self::MigrationNotFound { name } => write!(
                f,
                "The migration {name} could not be found. Please make sure that the migration exists, and that \
                 you included the whole name of the directory. {EXAMPLE}"
            ),
            Self::MigrationFailed { name, error, script } => writeln!(
                f,
                "A migration failed to apply. New migrations cannot be applied before the error is recovered \
                 from. {RESOLVE}\n\nMigration name: {name}\n\nDatabase error code: {}\n\nDatabase error:\n{}",
                error.code,
                error.rendered(script)
            ),
            Self::ProviderChanged { schema: Provider::CockroachDb, locked } if locked == "postgresql" => {
                write!(
                    f,
                    "The datasource provider `cockroachdb` specified in your schema does not match the one \
                 specified in the migration_lock.toml, `postgresql`. Check out the following documentation for \
                 how to resolve this: https://pris.ly/d/cockroachdb-postgresql-provider"
                )
            }
            Self::ProviderChanged { schema, locked } => write!(
                f,
                "The datasource provider `{schema}` specified in your schema does not match the one specified \
                 in the migration_lock.toml, `{locked}`. Please remove your current migration directory and \
                 start a new migration history with prisma migrate dev. Read more: \
                 https://pris.ly/d/migrate-provider-switch"
            ),
        }
    }
}

impl std::error::Error for PrismaError {}

/// An instant as Prisma's engine shows it: `2026-11-21 09:44:49.855 UTC`, the fraction of a second
/// with none, 3, 6 or 9 digits, as many as it needs.
fn instant(instant: Timestamp) -> String {
    let seconds = instant.strftime("%Y-%m-%d %H:%M:%S");
    let nanoseconds = instant.subsec_nanosecond();
    match nanoseconds {
        0 => format!("{seconds} UTC"),
        n if n % 1_000_000 == 0 => format!("{seconds}.{:03} UTC", n / 1_000_000),
        n if n % 1_000 == 0 => format!("{seconds}.{:06} UTC", n / 1_000),
        n => format!("{seconds}.{n:09} UTC"),
    }
}

#[cfg(test)]
mod tests;
