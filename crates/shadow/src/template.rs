//! The slim cluster that warm starts copy, made once per binary.
//!
//! `initdb` with 1 MB segments, then `template0` is dropped and the surplus write-ahead log is recycled away:
//! 19 MB instead of 39. `template1` and `postgres` stay, because clients expect to connect to the latter.
//! No server is left running when we are killed meanwhile: the clean-up runs in single-user mode, which ends
//! with its input.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::{getegid, geteuid};
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::files::{
    self, Scratch, Share, copy_tree, create_open, create_private, give_tree, random_name, remove_left_over,
};
use crate::supervisor::environment;
use crate::{Installation, ShadowError, places, run};

/// Part of the key: a change below makes new templates.
const RECIPE: u32 = 1;

/// Of the write-ahead log of our clusters. The smallest that PostgreSQL takes.
pub(crate) const WAL_SEGMENT_BYTES: u64 = 1 << 20;

const INITDB_LIMIT: Duration = Duration::from_secs(180);

/// Another process may just be building the template, on a busy machine.
const LOCK_LIMIT: Duration = Duration::from_secs(240);

/// Local connections are guarded by the socket's directory, TCP by a password that only we know.
const PG_HBA: &str = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// Each switch and checkpoint lets go of one segment that `initdb` had recycled for later use.
const SLIM: &str = "UPDATE pg_database SET datistemplate = false WHERE datname = 'template0';\n\
    DROP DATABASE template0;\n\
    SELECT pg_switch_wal();\nCHECKPOINT;\nSELECT pg_switch_wal();\nCHECKPOINT;\nSELECT pg_switch_wal();\n\
    CHECKPOINT;\nSELECT pg_switch_wal();\nCHECKPOINT;\nSELECT pg_switch_wal();\nCHECKPOINT;\n";

/// Copies the template of this installation to `data`, making it first when there is none.
pub(crate) fn copy_to(
    data: &Path,
    installation: &Installation,
    account: &Account,
) -> Result<(), ShadowError> {
    let templates = places::cache(account)?.join("templates");
    create_open(&templates)?;
    let key = Key::of(installation)?;
    let template = templates.join(key.name());
    let lock = templates.join(format!("{}.lock", key.binary));
    // Shared while we copy: whoever replaces the template of an older binary waits.
    let mut held = files::lock(&lock, Share::WithOthers, LOCK_LIMIT)?;
    if !template.is_dir() {
        drop(held);
        held = files::lock(&lock, Share::Alone, LOCK_LIMIT)?;
        if !template.is_dir() {
            forget_uninstalled(&templates)?;
            fs::write(&lock, key.program.as_os_str().as_encoded_bytes())
                .map_err(ShadowError::io("write", &lock))?;
            build(&templates, &template, &key, installation, account)?;
        }
    }
    let copied = copy_tree(&template, data, account);
    drop(held);
    copied
}

/// Which binary a template belongs to, and what was made from it.
pub(crate) struct Key {
    program: PathBuf,
    /// Of the binary's path: one template is kept for each.
    binary: String,
    /// Of everything else that tells one build from another.
    identity: String,
}

impl Key {
    pub(crate) fn of(installation: &Installation) -> Result<Self, ShadowError> {
        let program = installation.bin.join("postgres");
        let program = program.canonicalize().map_err(ShadowError::io("read", &program))?;
        let about = fs::metadata(&program).map_err(ShadowError::io("read", &program))?;
        let identity = format!(
            "{RECIPE} {} {} {} {}",
            installation.version,
            about.size(),
            about.mtime(),
            about.mtime_nsec()
        );
        let binary = format!("{}-{}", installation.version.major(), short_hash(&program.to_string_lossy()));
        Ok(Self { program, binary, identity: short_hash(&identity) })
    }

    /// Also a part of file names.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.binary, self.identity)
    }
}

fn short_hash(text: &str) -> String {
    Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the template. The caller holds the lock alone.
fn build(
    templates: &Path,
    template: &Path,
    key: &Key,
    installation: &Installation,
    account: &Account,
) -> Result<(), ShadowError> {
    // Templates of earlier builds of the same binary, and what killed builders left.
    remove_left_over(templates, |name| {
        name.strip_prefix(&key.binary).is_some_and(|rest| rest.starts_with(['-', '.']))
    })?;
    let scratch = Scratch(templates.join(format!("{}.new-{}", key.binary, random_name())));
    create_private(&scratch.0)?;
    account.give(&scratch.0)?;
    let data = scratch.0.join("data");
    initdb(&data, installation, account)?;
    slim(&data, installation, account)?;
    let hba = data.join("pg_hba.conf");
    fs::write(&hba, PG_HBA).map_err(ShadowError::io("write", &hba))?;
    // From now on it is ours: a server that runs untrusted SQL must not change what later servers start from.
    give_tree(&data, geteuid().as_raw(), getegid().as_raw())?;
    // Otherwise the first copies would force freshly written blocks to disk one file at a time, which takes
    // seconds.
    nix::unistd::sync();
    fs::rename(&data, template).map_err(ShadowError::io("rename", &data))
}

fn initdb(data: &Path, installation: &Installation, account: &Account) -> Result<(), ShadowError> {
    let mut command = program("initdb", installation, account);
    command.arg("-D").arg(data);
    command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]);
    command.arg(format!("--wal-segsize={}", WAL_SEGMENT_BYTES >> 20));
    // Alike on every Linux, and sorted by code point like production's "C" or "C.UTF-8"; macOS lacks it.
    command.arg(if cfg!(target_os = "linux") { "--locale=C.UTF-8" } else { "--locale=C" });
    run::succeed(&mut command, "", INITDB_LIMIT).map(drop)
}

fn slim(data: &Path, installation: &Installation, account: &Account) -> Result<(), ShadowError> {
    let mut command = program("postgres", installation, account);
    command.args(["--single", "-D"]).arg(data);
    // The smallest sizes that PostgreSQL takes. `-j`: a statement ends with its line's semicolon.
    command.args(["-F", "-c", "min_wal_size=2MB", "-c", "max_wal_size=2MB", "-c", "exit_on_error=on"]);
    command.arg("template1");
    run::succeed(&mut command, SLIM, INITDB_LIMIT).map(drop)
}

fn program(name: &str, installation: &Installation, account: &Account) -> Command {
    let mut command = Command::new(installation.bin.join(name));
    environment(&mut command);
    account.run(&mut command);
    command.current_dir("/");
    command
}

/// Removes the templates of binaries that are no longer there, 20 MB each. The lock file of each names its
/// binary; it stays itself, because removing a lock that another process may be opening is a race.
fn forget_uninstalled(templates: &Path) -> Result<(), ShadowError> {
    for entry in fs::read_dir(templates).map_err(ShadowError::io("read", templates))?.flatten() {
        let lock = entry.path();
        if lock.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        let program = fs::read_to_string(&lock).unwrap_or_default();
        if program.is_empty() || Path::new(&program).exists() {
            continue;
        }
        // Whoever holds it is still copying; the next build sees to it.
        if let Ok(_held) = files::lock(&lock, Share::Alone, Duration::ZERO) {
            let binary = lock.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            remove_left_over(templates, |name| {
                name.strip_prefix(&binary).is_some_and(|rest| rest.starts_with('-'))
            })?;
        }
    }
    Ok(())
}
