//! Removes what earlier servers left behind when their owner and their supervisor were both killed.
//!
//! A directory is stale when its lock is free: owner and supervisor hold it, and the system releases it with
//! the last of them. A server that still runs in it is recognised by its working directory, which PostgreSQL
//! sets to its data directory; a process id alone proves nothing.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::account::Account;
use crate::places::{LOCK, PREFIX};

/// A directory without a lock was left between its creation and its lock, which are microseconds apart.
const WITHOUT_LOCK_MAX: Duration = Duration::from_secs(600);

/// How long a server without supervisor may take to end.
pub(crate) const END_LIMIT: Duration = Duration::from_secs(10);

/// Removes the stale directories in a folder. What cannot be removed now is left to a later sweep.
pub(crate) fn sweep(place: &Path, account: &Account) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        // In a folder that everybody may write to, only what we or the server's account created is ours.
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        if !about.is_dir() || ![geteuid().as_raw(), account.uid].contains(&about.uid()) {
            continue;
        }
        if let Some(_lock) = claim(&path, &about)
            && end_server(&path)
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// The lock of a stale directory, so that no second sweep touches it meanwhile.
fn claim(path: &Path, about: &fs::Metadata) -> Option<Option<File>> {
    // The directory belongs to the server's account, so the name may lead anywhere by now.
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    match OpenOptions::new().read(true).custom_flags(flags).open(path.join(LOCK)) {
        Ok(file) => file.try_lock().is_ok().then_some(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let age = about.modified().ok()?.elapsed().ok()?;
            (age > WITHOUT_LOCK_MAX).then_some(None)
        }
        Err(_) => None,
    }
}

/// Ends the server that runs in the directory; true when none is left.
pub(crate) fn end_server(directory: &Path) -> bool {
    let data = directory.join("data");
    let started = Instant::now();
    while let Some(pid) = running_in(&data) {
        if started.elapsed() > END_LIMIT {
            return false;
        }
        // An error means that it has ended meanwhile, or is not ours; the next look tells.
        let _ = kill(pid, Signal::SIGQUIT);
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// The main process of the server with this data directory.
fn running_in(data: &Path) -> Option<Pid> {
    let pid: i32 =
        fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()?;
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (folder == data.canonicalize().ok()?).then(|| Pid::from_raw(pid))
}
