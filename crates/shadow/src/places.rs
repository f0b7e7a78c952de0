//! Where things lie: the cache of binaries and templates, and the directory of a running server.
//!
//! Both must be reachable by the account that runs the server. As root that rules out root's own home, which
//! is closed to everybody else on most systems.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::unistd::geteuid;

use crate::account::Account;
use crate::error::Tried;
use crate::files::{Scratch, create_open, create_private, random_name};
use crate::{ShadowError, StartOptions, sweep};

/// How the directory of a running server starts; the sweep looks for it.
pub(crate) const PREFIX: &str = "underpin-shadow-";

/// The file in it whose lock tells that somebody owns it.
pub(crate) const LOCK: &str = "owner";

/// The cache that all users may read, filled by root. Others only look for binaries in it.
pub(crate) const SHARED_CACHE: &str = "/var/cache/underpin";

/// Free room that a place must have. A slim cluster takes 20 MB, a replayed history some tens.
const ROOM_MB_MIN: u64 = 256;

/// A unix socket's path may take 107 bytes (104 on macOS), of which the file name takes 19 with a port of
/// five digits.
const SOCKET_FOLDER_BYTES_MAX: usize = 104 - "/.s.PGSQL.65535".len() - 1;

/// The folder for what is kept between runs, created when it is not there.
///
/// `$UNDERPIN_CACHE_DIR` as it is; else `$XDG_CACHE_HOME/underpin`, `~/.cache/underpin`, and for root
/// `/var/cache/underpin`: the first that exists or can be created and that the server's account can enter.
pub(crate) fn cache(account: &Account) -> Result<PathBuf, ShadowError> {
    if let Some(path) = env_path("UNDERPIN_CACHE_DIR") {
        create_open(&path)?;
        return match account.obstacle(&path) {
            None => Ok(path),
            Some(obstacle) => Err(ShadowError::Unreachable { path, obstacle, account: account.name.clone() }),
        };
    }
    let mut tried = Vec::new();
    for path in cache_candidates() {
        let outcome = match account.obstacle(&path) {
            Some(obstacle) => format!("{} is closed to {}", obstacle.display(), account.name),
            None => match create_open(&path) {
                Ok(()) if is_ours(&path) => return Ok(path),
                Ok(()) => "belongs to another user".into(),
                Err(error) => error.to_string(),
            },
        };
        tried.push(Tried { place: path.display().to_string(), outcome });
    }
    Err(ShadowError::NoPlace { tried })
}

fn cache_candidates() -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    candidates.extend(env_path("XDG_CACHE_HOME").map(|path| path.join("underpin")));
    candidates.extend(env_path("HOME").map(|path| path.join(".cache/underpin")));
    if geteuid().is_root() {
        candidates.push(SHARED_CACHE.into());
    } else {
        // For an account without a home, such as those of containers and services.
        candidates.push(env::temp_dir().join(format!("underpin-cache-{}", geteuid())));
    }
    candidates
}

/// The directory of one server: data, log and socket. Locked by us and by the supervisor while either lives.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    pub(crate) lock: File,
    path: PathBuf,
    /// Its removal is the business of somebody else.
    is_left: bool,
}

impl RunDirectory {
    /// Creates it in the first place that is fit.
    pub(crate) fn create(options: &StartOptions, account: &Account) -> Result<Self, ShadowError> {
        let mut tried = Vec::new();
        for place in run_candidates(options) {
            // The server changes its working directory, and the sweep compares it.
            let place = place.canonicalize().unwrap_or(place);
            let outcome = match unfit(&place, account) {
                None => match Self::create_in(&place, account) {
                    Ok(directory) => return Ok(directory),
                    // What permission bits and free room do not tell: read-only mounts, quotas.
                    Err(error) => error.to_string(),
                },
                Some(reason) => reason,
            };
            tried.push(Tried { place: place.display().to_string(), outcome });
        }
        Err(ShadowError::NoPlace { tried })
    }

    fn create_in(place: &Path, account: &Account) -> Result<Self, ShadowError> {
        loop {
            if let Some(directory) = Self::create_at(place.join(new_name()), account)? {
                return Ok(directory);
            }
        }
    }

    /// `None` when a sweep has taken the new directory for one that was left, which it may do until the
    /// directory is locked. So whenever we are killed, what we leave can be told from what is in use.
    fn create_at(path: PathBuf, account: &Account) -> Result<Option<Self>, ShadowError> {
        create_private(&path)?;
        let scratch = Scratch(path.clone());
        let Some(_held) = sweep::hold(&path).map_err(ShadowError::io("lock", &path))? else {
            return Ok(None);
        };
        let lock = path.join(LOCK);
        let lock = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&lock)
            .and_then(|file| file.try_lock().map(|()| file).map_err(io::Error::from))
            .map_err(ShadowError::io("create and lock", &lock))?;
        account.give(&path)?;
        scratch.keep();
        Ok(Some(Self { lock, path, is_left: false }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves its removal to the supervisor.
    pub(crate) fn leave(&mut self) {
        self.is_left = true;
    }

    /// Removes what the supervisor has left, which is nothing unless it was killed.
    pub(crate) fn remove(&self) -> Result<(), ShadowError> {
        if !self.path.exists() {
            return Ok(());
        }
        if !sweep::end_server(&self.path) {
            let command = format!("postgres in {} (stopping)", self.path.display());
            return Err(ShadowError::TooSlow { command, limit: sweep::END_LIMIT });
        }
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ShadowError::io("remove", &self.path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if !self.is_left {
            // Nobody can be told; a later sweep tries again.
            let _ = self.remove();
        }
    }
}

/// Where servers' directories may lie, best first. The sweep looks at the same places.
pub(crate) fn run_candidates(options: &StartOptions) -> Vec<PathBuf> {
    if let Some(place) = &options.place {
        return vec![place.clone()];
    }
    let memory = PathBuf::from("/dev/shm");
    let disk = env::temp_dir();
    let mut candidates = if options.durable { vec![disk, memory] } else { vec![memory, disk] };
    // The temporary folder's path can be too long for a socket.
    for short in ["/tmp", "/var/tmp"] {
        if !candidates.contains(&short.into()) {
            candidates.push(short.into());
        }
    }
    candidates
}

/// A name for a directory.
fn new_name() -> String {
    format!("{PREFIX}{}", random_name())
}

/// Why a server's directory cannot lie here, as far as that can be told without trying.
fn unfit(place: &Path, account: &Account) -> Option<String> {
    if !place.is_dir() {
        return Some("not there".into());
    }
    let bytes = place.join(new_name()).as_os_str().len();
    if bytes > SOCKET_FOLDER_BYTES_MAX {
        return Some(format!("too long for a unix socket by {} bytes", bytes - SOCKET_FOLDER_BYTES_MAX));
    }
    if let Some(obstacle) = account.obstacle(place) {
        return Some(format!("{} is closed to {}, which runs the server", obstacle.display(), account.name));
    }
    if !account.may_fill(place) {
        return Some(format!("{}, which runs the server, may not write to it", account.name));
    }
    match room_mb(place) {
        Err(error) => Some(format!("its free room cannot be read: {error}")),
        Ok(room_mb) if room_mb < ROOM_MB_MIN => {
            Some(format!("{room_mb} MB free, {ROOM_MB_MIN} MB are needed"))
        }
        Ok(_) => None,
    }
}

// The counts are 32 bits wide on macOS.
#[allow(clippy::useless_conversion)]
fn room_mb(place: &Path) -> nix::Result<u64> {
    let about = statvfs(place)?;
    Ok(u64::from(about.blocks_available()) * u64::from(about.fragment_size()) / (1 << 20))
}

fn is_ours(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_dir() && about.uid() == geteuid().as_raw())
}

/// A path from the environment; relative ones would change their meaning with the working directory.
fn env_path(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}
