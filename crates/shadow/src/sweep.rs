//! Removes what earlier servers left behind when their owner and their supervisor were both killed.
//!
//! A directory is stale when its locks are free: owner and supervisor hold the one on the file in it, whoever is
//! just making it the one on the directory itself, and the system releases them with the last of their holders.
//! A server that still runs in it is recognised by its working directory, which PostgreSQL sets to its data
//! directory; a process id alone proves nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::account::Account;
use crate::places::{LOCK, PREFIX};

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
        let Ok(Some(held)) = hold(&path) else { continue };
        // In a folder that everybody may write to, only what we or the server's account created is ours.
        let is_ours =
            held.metadata().is_ok_and(|about| [geteuid().as_raw(), account.uid].contains(&about.uid()));
        if is_ours && !is_in_use(&path) && end_server(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// The directory under this path, which nobody else holds then; `None` when somebody does, or it is gone.
pub(crate) fn hold(path: &Path) -> io::Result<Option<File>> {
    // It belongs to the server's account, so the name may lead anywhere by now.
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY).bits();
    let open = || {
        let directory = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        directory.try_lock()?;
        // Whoever held it before may have removed it.
        let (there, held) = (fs::symlink_metadata(path)?, directory.metadata()?);
        Ok((there.ino() == held.ino() && there.dev() == held.dev()).then_some(directory))
    };
    open().or_else(|error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::NotFound => Ok(None),
        _ => Err(error),
    })
}

/// Whether an owner or a supervisor has locked the file in a directory that we hold. Without the file its maker
/// was killed.
fn is_in_use(path: &Path) -> bool {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    match OpenOptions::new().read(true).custom_flags(flags).open(path.join(LOCK)) {
        Ok(file) => file.try_lock().is_err(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Whoever makes a directory can be killed between any two of its steps.
    #[test]
    fn what_nobody_holds_goes_in_whatever_state_it_was_left() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = place.path().join(format!("{PREFIX}{name}"));
            fs::create_dir(&path).unwrap();
            path
        };
        let lock_in = |path: &Path| {
            let file = File::create(path.join(LOCK)).unwrap();
            file.try_lock().unwrap();
            file
        };
        make("without-a-file");
        drop(lock_in(&make("without-an-owner")));
        let begun = make("begun");
        let begun = hold(&begun).unwrap().unwrap();
        let in_use = lock_in(&make("in-use"));
        fs::create_dir(place.path().join("somebody-elses")).unwrap();

        let left = || {
            let entries = fs::read_dir(place.path()).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let account = Account::of_server().unwrap();
        sweep(place.path(), &account);
        assert_eq!(left(), ["somebody-elses", "underpin-shadow-begun", "underpin-shadow-in-use"]);
        drop((begun, in_use));
        sweep(place.path(), &account);
        assert_eq!(left(), ["somebody-elses"]);
    }

    #[test]
    fn a_directory_is_held_once_and_only_while_it_is_there() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("one");
        fs::create_dir(&path).unwrap();
        let held = hold(&path).unwrap().unwrap();
        assert!(hold(&path).unwrap().is_none());
        drop(held);
        assert!(hold(&path).unwrap().is_some());
        fs::remove_dir(&path).unwrap();
        assert!(hold(&path).unwrap().is_none());
        std::os::unix::fs::symlink("/", &path).unwrap();
        assert!(hold(&path).is_err());
    }
}
