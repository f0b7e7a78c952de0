//! Copying, handing over and locking files.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::ShadowError;
use crate::account::Account;

/// Copies a folder into one that does not exist yet, for the server's account alone.
///
/// A slim cluster is hundreds of files of a few kilobytes, so the time goes into system calls; four threads
/// take a third off it on two cores.
pub(crate) fn copy_tree(from: &Path, to: &Path, account: &Account) -> Result<(), ShadowError> {
    let mut files = Vec::new();
    copy_folders(from, to, account, &mut files)?;
    in_parallel(&files, |(from, to)| {
        copy_file(from, to, account).map_err(ShadowError::io("copy the template to", to))
    })
    .map(drop)
}

/// Does something with every item, in no order, on four threads. What was done comes back in the order of the
/// items; after an error nothing more is begun.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, ShadowError> + Sync,
) -> Result<Vec<R>, ShadowError> {
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return Ok(done) };
            match work(item) {
                Ok(result) => done.push((at, result)),
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let shares = thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(share)).collect();
        let mine = share();
        let others =
            workers.into_iter().map(|worker| worker.join().expect("working on files does not panic"));
        others.chain([mine]).collect::<Result<Vec<_>, _>>()
    })?;
    let mut done: Vec<(usize, R)> = shares.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn copy_folders(
    from: &Path,
    to: &Path,
    account: &Account,
    files: &mut Vec<(PathBuf, PathBuf)>,
) -> Result<(), ShadowError> {
    create_private(to)?;
    account.give(to)?;
    for entry in fs::read_dir(from).map_err(ShadowError::io("read", from))? {
        let entry = entry.map_err(ShadowError::io("read", from))?;
        let to = to.join(entry.file_name());
        if entry.file_type().map_err(ShadowError::io("read", from))?.is_dir() {
            copy_folders(&entry.path(), &to, account, files)?;
        } else {
            files.push((entry.path(), to));
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, account: &Account) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)?;
    account.give_open(&target)
}

/// A new folder that only its owner may enter.
pub(crate) fn create_private(path: &Path) -> Result<(), ShadowError> {
    DirBuilder::new().mode(0o700).create(path).map_err(ShadowError::io("create", path))
}

/// A folder, with its parents, that everybody may enter and read whatever the umask says. Folders that exist
/// stay as they are.
pub(crate) fn create_open(path: &Path) -> Result<(), ShadowError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_open(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o755))
            .map_err(ShadowError::io("set the permissions of", path)),
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(ShadowError::io("create", path)(error)),
    }
}

/// Hands a whole tree to one owner. Links are left alone, not followed.
pub(crate) fn give_tree(path: &Path, uid: u32, gid: u32) -> Result<(), ShadowError> {
    let about = fs::symlink_metadata(path).map_err(ShadowError::io("read", path))?;
    if about.is_symlink() {
        return Ok(());
    }
    chown(path, Some(uid), Some(gid)).map_err(ShadowError::io("change the owner of", path))?;
    if about.is_dir() {
        for entry in fs::read_dir(path).map_err(ShadowError::io("read", path))? {
            give_tree(&entry.map_err(ShadowError::io("read", path))?.path(), uid, gid)?;
        }
    }
    Ok(())
}

/// Lets everybody read a tree, and enter and execute what its owner may: an archive that root unpacks under a
/// strict umask is otherwise closed to the server's account.
pub(crate) fn open_tree(path: &Path) -> Result<(), ShadowError> {
    let about = fs::symlink_metadata(path).map_err(ShadowError::io("read", path))?;
    if about.is_symlink() {
        return Ok(());
    }
    let mode = if about.is_dir() || about.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 };
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(ShadowError::io("set the permissions of", path))?;
    if about.is_dir() {
        for entry in fs::read_dir(path).map_err(ShadowError::io("read", path))? {
            open_tree(&entry.map_err(ShadowError::io("read", path))?.path())?;
        }
    }
    Ok(())
}

/// Who may hold a [`lock`] at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Nobody else.
    Alone,
    /// Whoever also locks it shared.
    WithOthers,
}

/// Takes a file lock, creating the file; it is held until the returned file is closed, so also when we are
/// killed. Waits up to `limit` for whoever holds it.
pub(crate) fn lock(path: &Path, share: Share, limit: Duration) -> Result<File, ShadowError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(ShadowError::io("open", path))?;
    let started = Instant::now();
    loop {
        let outcome = match share {
            Share::Alone => file.try_lock(),
            Share::WithOthers => file.try_lock_shared(),
        };
        match outcome {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() > limit => {
                let command = format!("another process that holds {}", path.display());
                return Err(ShadowError::TooSlow { command, limit });
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(error)) => return Err(ShadowError::io("lock", path)(error)),
        }
    }
}

/// A short random name part; names are unique, not secret.
pub(crate) fn random_name() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).map(|c| c.to_ascii_lowercase()).take(10).collect()
}

/// A folder that is removed with everything in it when this value is dropped.
#[derive(Debug)]
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    /// Leaves the folder where it is.
    pub(crate) fn keep(mut self) {
        self.0 = PathBuf::new();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Usually it was renamed meanwhile; what else fails is left to whoever finds it under its name.
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Removes the folders with such names, which killed processes have left. The caller holds the lock under
/// which they are made.
pub(crate) fn remove_left_over(
    folder: &Path,
    is_left_over: impl Fn(&str) -> bool,
) -> Result<(), ShadowError> {
    for entry in fs::read_dir(folder).map_err(ShadowError::io("read", folder))? {
        let path = entry.map_err(ShadowError::io("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_left_over(&name) && path.is_dir() {
            fs::remove_dir_all(&path).map_err(ShadowError::io("remove", &path))?;
        }
    }
    Ok(())
}
