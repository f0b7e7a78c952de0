//! Who runs the server: ourselves, or an unprivileged account when we are root.
//!
//! `postgres` and `initdb` refuse user id 0, and `initdb` also refuses an id without a passwd entry. `nobody`
//! is always there; `postgres` only where a PostgreSQL package is installed.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Uid, User, getegid, geteuid};

use crate::ShadowError;

/// The account that runs the server.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) name: String,
    /// Whether it is another account than ours, so that commands and files must be handed to it.
    other: bool,
}

impl Account {
    /// Ourselves, or as root `nobody`, else `postgres`.
    pub(crate) fn of_server() -> Result<Self, ShadowError> {
        if !geteuid().is_root() {
            let name = match User::from_uid(geteuid()) {
                Ok(Some(user)) => user.name,
                Ok(None) | Err(_) => geteuid().to_string(),
            };
            return Ok(Self { uid: geteuid().as_raw(), gid: getegid().as_raw(), name, other: false });
        }
        ["nobody", "postgres"]
            .into_iter()
            .filter_map(|name| User::from_name(name).ok().flatten())
            .find(|user| user.uid != Uid::from_raw(0))
            .map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name, other: true })
            .ok_or(ShadowError::NoAccount)
    }

    /// Makes a command run as this account. The standard library also clears root's supplementary groups.
    pub(crate) fn run(&self, command: &mut Command) {
        if self.other {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Hands a file or folder of ours to this account.
    pub(crate) fn give(&self, path: &Path) -> Result<(), ShadowError> {
        if self.other {
            chown(path, Some(self.uid), Some(self.gid))
                .map_err(ShadowError::io("change the owner of", path))?;
        }
        Ok(())
    }

    /// The same for an open file, which saves a lookup by path.
    pub(crate) fn give_open(&self, file: &std::fs::File) -> std::io::Result<()> {
        if self.other {
            std::os::unix::fs::fchown(file, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }

    /// The outermost folder on the way to `path` (itself included) that this account may not enter.
    ///
    /// Reads permission bits only, so an access list that grants more is not seen. Folders that do not exist
    /// are no obstacle: we would create them.
    pub(crate) fn obstacle(&self, path: &Path) -> Option<PathBuf> {
        if !self.other {
            return None;
        }
        let mut folders: Vec<&Path> = path.ancestors().collect();
        folders.reverse();
        folders
            .into_iter()
            .filter(|folder| !folder.as_os_str().is_empty())
            .find(|folder| std::fs::metadata(folder).is_ok_and(|about| !self.may(&about, 0o1)))
            .map(Path::to_owned)
    }

    /// Whether this account may create and remove entries in a folder, by its permission bits.
    pub(crate) fn may_fill(&self, folder: &Path) -> bool {
        !self.other || std::fs::metadata(folder).is_ok_and(|about| self.may(&about, 0o3))
    }

    fn may(&self, about: &std::fs::Metadata, bits: u32) -> bool {
        let shift = if about.uid() == self.uid {
            6
        } else if about.gid() == self.gid {
            3
        } else {
            0
        };
        about.mode() >> shift & bits == bits
    }
}
