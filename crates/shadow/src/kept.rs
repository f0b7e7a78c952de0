//! Clusters that are kept between runs: what a server's data were when it was shut down, under a key.
//!
//! What the keys mean is the business of those who keep. A key of one binary is never found with another one.
//! Several processes may keep, find and forget at once: an entry appears by one rename, is read through one
//! open file, and tells by its hash whether it is whole. So nothing here waits for anybody, and a process that
//! is killed leaves at most a half-written file under another name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::account::Account;
use crate::files::{create_private, random_name};
use crate::pack::{self, Pack};
use crate::server::in_background;
use crate::template::Key;
use crate::{Installation, ShadowError, places};

/// What was not used for so long goes, whatever room there is.
const AGE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Writing an entry takes less than a second; what is still half written after this is left over.
const WRITING_MAX: Duration = Duration::from_secs(3600);

/// A cluster of more than this holds data above all: reading them back takes as long as making them anew.
const CLUSTER_BYTES_MAX: u64 = 512 << 20;

const HALF_WRITTEN: &str = ".new-";

/// The kept clusters of one installation.
#[derive(Clone, Debug)]
pub struct Kept {
    folder: PathBuf,
    binary: String,
    bytes_max: u64,
}

impl Kept {
    /// Those in the user's cache. All of them together, of every installation, take at most `bytes_max`; the
    /// ones go first that were not used for the longest time.
    ///
    /// # Errors
    /// When there is no folder for a cache.
    pub async fn of(installation: &Installation, bytes_max: u64) -> Result<Self, ShadowError> {
        let installation = installation.clone();
        in_background(move || {
            let folder = places::cache(&Account::of_server()?)?.join("kept");
            if !folder.is_dir() {
                // Rows of somebody's migrations are in it. Another process may be quicker.
                match create_private(&folder) {
                    Err(_) if folder.is_dir() => {}
                    outcome => outcome?,
                }
            }
            Ok(Self { folder, binary: Key::of(&installation)?.name(), bytes_max })
        })
        .await
    }

    /// Whether there is something under this key. It may be gone, or turn out broken, when it is asked for.
    pub fn has(&self, key: &str) -> bool {
        self.path(key).is_file()
    }

    /// Reads what is under a key, and notes that it is in use.
    pub(crate) fn find(&self, key: &str) -> Option<Pack> {
        let path = self.path(key);
        let Some(pack) = Pack::read(&path) else {
            self.forget(key);
            return None;
        };
        // Without the note it goes a little earlier.
        let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(pack)
    }

    /// Removes what is under a key: it is of no use.
    pub(crate) fn forget(&self, key: &str) {
        // Another process may have been quicker; what cannot be removed is found broken again.
        let _ = fs::remove_file(self.path(key));
    }

    /// Keeps the data of a server that was shut down. What was kept under the key is replaced.
    pub(crate) fn keep(&self, key: &str, data: &Path) -> Result<(), ShadowError> {
        let path = self.path(key);
        let half_written = self.folder.join(format!("{}{HALF_WRITTEN}{}", self.name(key), random_name()));
        let written = pack::write(data, &half_written, CLUSTER_BYTES_MAX).and_then(|()| {
            fs::rename(&half_written, &path).map_err(ShadowError::io("rename", &half_written))
        });
        if written.is_err() {
            let _ = fs::remove_file(&half_written);
        }
        self.make_room();
        written
    }

    fn name(&self, key: &str) -> String {
        format!("{}-{key}", self.binary)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(self.name(key))
    }

    /// Forgets what is too old, and the least recently used above the limit. What another process removes
    /// meanwhile is as good as removed by us.
    fn make_room(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let now = SystemTime::now();
        let mut kept = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            let age =
                about.modified().ok().and_then(|then| now.duration_since(then).ok()).unwrap_or_default();
            let is_half_written = path.to_string_lossy().contains(HALF_WRITTEN);
            if age > if is_half_written { WRITING_MAX } else { AGE_MAX } {
                let _ = fs::remove_file(&path);
            } else if !is_half_written {
                kept.push((age, about.len(), path));
            }
        }
        kept.sort();
        let mut bytes = 0_u64;
        for (_, length, path) in kept {
            bytes = bytes.saturating_add(length);
            if bytes > self.bytes_max {
                let _ = fs::remove_file(&path);
            }
        }
    }
}
