//! New migrations on disk, whatever stops us in between.
//!
//! Whatever is a folder in the migrations folder is a migration for Prisma, and one without `migration.sql`
//! ends a deploy. So a new one is made beside it, under a name of ours, written to the disk, and moved to its
//! place as a whole. What a killed run has left lies outside of the history; the next run removes it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use underpin_core::exit;
use underpin_prisma::LockFile;

use crate::problem::Problem;

/// A migration that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMigration {
    /// Its folder's name.
    pub folder: String,
    /// Its files: the name and the text.
    pub files: Vec<(&'static str, String)>,
}

/// Writes migrations into a folder, which is made when it is not there, and `migration_lock.toml` when it
/// lacks. Nobody else writes meanwhile; `is_current` is asked once that is so, and only then anything is
/// written. With several, each is there as a whole, and none before those in front of it.
///
/// # Errors
/// When the folder is not what it was, cannot be written to, or a folder of the name is there.
pub fn write(
    migrations: &Path,
    new: &[NewMigration],
    is_current: impl FnOnce() -> Result<bool, Problem>,
) -> Result<(), Problem> {
    let failed = |error: io::Error| unwritten(migrations, &error);
    fs::create_dir_all(migrations).map_err(failed)?;
    // Behind links, so that what is made beside it is on the same disk.
    let migrations = migrations.canonicalize().map_err(failed)?;
    let claim = File::open(&migrations).map_err(failed)?;
    // Held until the file is closed. Where the file system has no locks there is none that another run has.
    let _ = claim.lock();
    if !is_current()? {
        return Err(Problem::new("nothing is written, because a migration came or changed meanwhile")
            .exiting(exit::STOPPED)
            .at(migrations.display().to_string())
            .hint("run the command again: it then begins behind the new one"));
    }
    let staging = staging_of(&migrations);
    remove(&staging).map_err(failed)?;
    let done = stage(&staging, new, &migrations).and_then(|()| move_in(&staging, new, &migrations));
    let removed = remove(&staging);
    done.map_err(|(path, error)| unwritten(&path, &error))?;
    removed.map_err(failed)?;
    // What is not on the disk yet is there after a power cut as well.
    claim.sync_all().map_err(failed)
}

/// Where the migrations of a folder are made. It is no migration, and hidden.
fn staging_of(migrations: &Path) -> PathBuf {
    let name = migrations.file_name().unwrap_or_default().to_string_lossy();
    migrations.with_file_name(format!(".{name}.underpin"))
}

fn stage(staging: &Path, new: &[NewMigration], migrations: &Path) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    fs::create_dir(staging).map_err(at(staging))?;
    if !migrations.join(LockFile::NAME).exists() {
        put(&staging.join(LockFile::NAME), LockFile::POSTGRESQL).map_err(at(staging))?;
    }
    for migration in new {
        let folder = staging.join(&migration.folder);
        fs::create_dir(&folder).map_err(at(&folder))?;
        for (name, text) in &migration.files {
            put(&folder.join(name), text).map_err(at(&folder))?;
        }
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(at(&folder))?;
    }
    Ok(())
}

fn move_in(staging: &Path, new: &[NewMigration], migrations: &Path) -> Result<(), (PathBuf, io::Error)> {
    let lock_file = staging.join(LockFile::NAME);
    if lock_file.exists() {
        let to = migrations.join(LockFile::NAME);
        fs::rename(&lock_file, &to).map_err(|error| (to, error))?;
    }
    for migration in new {
        let to = migrations.join(&migration.folder);
        // An empty folder would be replaced.
        if to.symlink_metadata().is_ok() {
            return Err((to, ErrorKind::AlreadyExists.into()));
        }
        fs::rename(staging.join(&migration.folder), &to).map_err(|error| (to, error))?;
    }
    Ok(())
}

/// A whole file, also after a power cut.
fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn remove(staging: &Path) -> io::Result<()> {
    match fs::remove_dir_all(staging) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Problem {
    let problem =
        Problem::new(format!("the migration cannot be written: {error}")).at(path.display().to_string());
    match error.kind() {
        ErrorKind::AlreadyExists => problem.hint("there is something of this name already; give another --name"),
        ErrorKind::CrossesDevices => problem.hint(
            "the migrations folder is on another disk than the folder around it: mount both, or create the migration outside of the container",
        ),
        _ => problem.hint("check the permissions of the migrations folder and of the one around it, and the space on the disk"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn new(folder: &str) -> NewMigration {
        NewMigration {
            folder: folder.to_owned(),
            files: vec![("migration.sql", format!("-- {folder}\n")), ("down.sql", "-- back\n".to_owned())],
        }
    }

    /// Every path below a folder.
    fn all(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            match entry.path().is_dir() {
                true => found.extend(all(&entry.path()).into_iter().map(|inner| format!("{name}/{inner}"))),
                false => found.push(name),
            }
        }
        found.sort();
        found
    }

    #[test]
    fn the_first_migration_makes_the_folder_and_its_lock_file() {
        let root = tempfile::tempdir().unwrap();
        let migrations = root.path().join("prisma/migrations");
        write(&migrations, &[new("1_a"), new("2_b")], || Ok(true)).unwrap();
        assert_eq!(
            all(root.path()),
            [
                "prisma/migrations/1_a/down.sql",
                "prisma/migrations/1_a/migration.sql",
                "prisma/migrations/2_b/down.sql",
                "prisma/migrations/2_b/migration.sql",
                "prisma/migrations/migration_lock.toml"
            ]
        );
        let lock_file = migrations.join(LockFile::NAME);
        fs::write(&lock_file, "provider = \"postgresql\" # ours\n").unwrap();
        write(&migrations, &[new("3_c")], || Ok(true)).unwrap();
        assert!(fs::read_to_string(lock_file).unwrap().ends_with("# ours\n"));
    }

    #[test]
    fn what_is_there_stays_and_nothing_is_left_of_what_cannot_be_written() {
        let root = tempfile::tempdir().unwrap();
        let migrations = root.path().join("migrations");
        fs::create_dir_all(migrations.join("1_a")).unwrap();
        let taken = write(&migrations, &[new("1_a")], || Ok(true)).unwrap_err();
        assert!(taken.place.unwrap().ends_with("1_a"), "{}", taken.message);
        let stale = write(&migrations, &[new("2_b")], || Ok(false)).unwrap_err();
        assert_eq!(stale.exit, exit::STOPPED);
        assert_eq!(all(root.path()), ["migrations/migration_lock.toml"]);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_run_has_left_is_no_migration_and_goes() {
        let root = tempfile::tempdir().unwrap();
        let migrations = root.path().join("migrations");
        fs::create_dir_all(&migrations).unwrap();
        let staging = staging_of(&migrations.canonicalize().unwrap());
        stage(&staging, &[new("1_a")], &migrations).unwrap();
        assert_eq!(fs::read_dir(&migrations).unwrap().count(), 0);
        write(&migrations, &[new("2_b")], || Ok(true)).unwrap();
        assert!(!staging.exists());
        assert_eq!(all(&migrations), ["2_b/down.sql", "2_b/migration.sql", "migration_lock.toml"]);
    }
}
