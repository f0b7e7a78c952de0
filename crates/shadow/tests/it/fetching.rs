//! Fetching, with an npm client of our own making that serves a package of our own making.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};
use tempfile::TempDir;
use underpin_shadow::{Wanted, find_or_fetch};

use crate::ground::{Playing, Role, entries, open_folder, role, say, write_program};

/// Serves one archive, and writes down what it was asked. Slow, so that a race is one.
const NPM: &str = r#"#!/bin/sh
echo "$1 $2 $3" >>"$NPM_LOG"
case "$1 $3" in
  "view versions") echo '["98.9.0-beta.3", "99.1.0-beta.2", "99.1.0-beta.11", "100.0.0"]' ;;
  "view dist.integrity") echo "\"$NPM_INTEGRITY\"" ;;
  "pack --pack-destination") sleep 0.3; cp "$NPM_ARCHIVE" "$4/package.tgz" ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"#;

struct Registry {
    folder: TempDir,
    archive: PathBuf,
    integrity: String,
}

impl Registry {
    fn new() -> Self {
        let folder = open_folder();
        let package = folder.path().join("package");
        write_program(&package.join("native/bin/postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) 99.1'\n");
        write_program(&package.join("native/bin/initdb"), "#!/bin/sh\n");
        fs::create_dir_all(package.join("native/lib")).unwrap();
        fs::write(package.join("native/lib/libpq.so.5.99"), "library").unwrap();
        let links = r#"[{"source": "native/lib/libpq.so.5.99", "target": "native/lib/libpq.so.5"}]"#;
        fs::write(package.join("native/pg-symlinks.json"), links).unwrap();
        let archive = folder.path().join("archive.tgz");
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(&archive).arg("-C").arg(folder.path()).arg("package");
        assert!(tar.status().unwrap().success());
        let hash = Sha512::digest(fs::read(&archive).unwrap());
        let integrity = format!("sha512-{}", STANDARD.encode(hash));
        write_program(&folder.path().join("bin/npm"), NPM);
        Self { folder, archive, integrity }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn asked(&self, what: &str) -> usize {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.starts_with(what)).count()
    }

    fn client(&self, test: &str) -> Playing {
        let path = std::env::var("PATH").unwrap();
        Role::new(&format!("fetching::{test}"), "client")
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("UNDERPIN_CACHE_DIR", self.cache())
            .env("NPM_LOG", self.folder.path().join("log"))
            .env("NPM_ARCHIVE", &self.archive)
            .env("NPM_INTEGRITY", &self.integrity)
            .play()
    }
}

/// In the role of the client: fetches and tells how it went.
async fn fetch_as_client() -> bool {
    if role().is_none() {
        return false;
    }
    match find_or_fetch(&Wanted::of_major(99)).await {
        Ok(found) => say(format_args!("{} {} {}", found.version, found.source, found.bin.display())),
        Err(error) => say(format_args!("{error}; hint: {}", error.hint().unwrap_or_default())),
    }
    true
}

fn files_in(folder: &Path) -> Vec<String> {
    entries(folder).into_iter().filter(|name| !name.ends_with(".lock")).collect()
}

#[tokio::test]
async fn fetched_once_then_cached() {
    if fetch_as_client().await {
        return;
    }
    let registry = Registry::new();
    let bin = registry.cache().join("postgres/99/native/bin");
    let mut first = registry.client("fetched_once_then_cached");
    assert_eq!(first.hear(), format!("99.1 fetched now {}", bin.display()));
    assert!(first.end().success());
    assert_eq!(registry.asked("pack @embedded-postgres/"), 1);
    assert_eq!(files_in(&registry.cache().join("postgres")), ["99"], "no half-made folder is left");
    let link = registry.cache().join("postgres/99/native/lib/libpq.so.5");
    assert_eq!(fs::read_link(link).unwrap(), Path::new("libpq.so.5.99"));

    let mut second = registry.client("fetched_once_then_cached");
    assert_eq!(second.hear(), format!("99.1 fetched earlier {}", bin.display()));
    assert_eq!(registry.asked("pack"), 1);
}

#[tokio::test]
async fn two_at_once_fetch_once() {
    if fetch_as_client().await {
        return;
    }
    let registry = Registry::new();
    let mut both = [registry.client("two_at_once_fetch_once"), registry.client("two_at_once_fetch_once")];
    for client in &mut both {
        assert!(client.hear().starts_with("99.1 fetched"));
    }
    assert_eq!(registry.asked("pack"), 1);
}

/// One byte more at the end: gzip and tar would not mind.
#[tokio::test]
async fn a_changed_archive_is_refused() {
    if fetch_as_client().await {
        return;
    }
    let registry = Registry::new();
    let mut bytes = fs::read(&registry.archive).unwrap();
    bytes.push(0);
    fs::write(&registry.archive, bytes).unwrap();
    let mut client = registry.client("a_changed_archive_is_refused");
    let said = client.hear();
    assert!(said.contains("is not what the registry lists"), "{said}");
    assert!(said.contains(&registry.integrity), "{said}");
    assert!(said.contains("a mirror or a proxy may have changed the archive"), "{said}");
    assert_eq!(files_in(&registry.cache().join("postgres")), [""; 0], "nothing of it is kept");
}

#[tokio::test]
async fn a_major_that_the_registry_lacks_is_named() {
    if role().is_some() {
        say(find_or_fetch(&Wanted::of_major(97)).await.unwrap_err());
        return;
    }
    let registry = Registry::new();
    let mut client = registry.client("a_major_that_the_registry_lacks_is_named");
    assert!(client.hear().ends_with("has no version for PostgreSQL 97"));
    assert_eq!(registry.asked("pack"), 0);
}

/// No fetching without permission, and npm's own words when it fails.
#[tokio::test]
async fn npm_is_asked_only_when_allowed() {
    if let Some(role) = role() {
        let wanted = Wanted { may_fetch: role == "allowed", ..Wanted::of_major(99) };
        say(find_or_fetch(&wanted).await.unwrap_err());
        return;
    }
    let registry = Registry::new();
    write_program(&registry.folder.path().join("bin/npm"), "#!/bin/sh\necho 'npm error 404' >&2\nexit 1\n");
    let path = format!("{}:{}", registry.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
    for (role, expected) in [("forbidden", "found no PostgreSQL 99"), ("allowed", "npm error 404")] {
        let mut client = Role::new("fetching::npm_is_asked_only_when_allowed", role)
            .env("PATH", &path)
            .env("UNDERPIN_CACHE_DIR", registry.cache())
            .play();
        let said = client.hear();
        assert!(said.contains(expected), "{said}");
    }
}
