//! New files in a migrations folder, whatever stops us in between.
//!
//! Whatever is a folder in the migrations folder is a migration for Prisma, and one without `migration.sql`
//! ends a deploy. So a new one is made where Prisma does not look, written to the disk, and moved to its place
//! as a whole: beside the migrations folder, or, where that is another disk or may not be written to, within a
//! migration that is there. What a killed run has left lies outside of the history; the next run removes it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use underpin_core::exit;
use underpin_prisma::LockFile;

use crate::files::SCRIPT;
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
    let claimed = Claimed::of(migrations, is_current)?;
    claimed.write(&[beside(&claimed.folder), within(&claimed.folder)], new)
}

/// Puts a file into each of these migrations, which are there: the folder's name, the file's and its text. The
/// rest is as with [`write`].
///
/// # Errors
/// As [`write`]; and when a file of the name is there.
pub fn add(
    migrations: &Path,
    files: &[(String, &'static str, String)],
    is_current: impl FnOnce() -> Result<bool, Problem>,
) -> Result<(), Problem> {
    let claimed = Claimed::of(migrations, is_current)?;
    for (folder, name, text) in files {
        let folder = claimed.folder.join(folder);
        let (to, staged) = (folder.join(name), folder.join(format!(".{name}.underpin")));
        let done = match to.symlink_metadata() {
            // It would be replaced.
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => put(&staged, text).and_then(|()| fs::rename(&staged, &to)),
        };
        done.and_then(|()| File::open(&folder)?.sync_all()).map_err(|error| unwritten(&to, &error))?;
    }
    Ok(())
}

/// A migrations folder in which nobody else writes.
struct Claimed {
    /// Behind links, so that what is made beside it is on the same disk as a rule.
    folder: PathBuf,
    lock: File,
}

impl Claimed {
    fn of(migrations: &Path, is_current: impl FnOnce() -> Result<bool, Problem>) -> Result<Self, Problem> {
        let failed = |error: io::Error| unwritten(migrations, &error);
        fs::create_dir_all(migrations).map_err(failed)?;
        let folder = migrations.canonicalize().map_err(failed)?;
        let lock = File::open(&folder).map_err(failed)?;
        // Held until the file is closed. Where the file system has no locks there is none that another run has.
        let _ = lock.lock();
        if !is_current()? {
            return Err(Problem::new("nothing is written, because a migration came or changed meanwhile")
                .exiting(exit::STOPPED)
                .at(folder.display().to_string())
                .hint("run the command again: it then begins behind the new one"));
        }
        Ok(Self { folder, lock })
    }

    /// `stagings` are where the migrations may be made, best first.
    fn write(&self, stagings: &[PathBuf], new: &[NewMigration]) -> Result<(), Problem> {
        for staging in stagings {
            remove(staging).map_err(|error| unwritten(staging, &error))?;
        }
        let mut stagings = stagings.iter().peekable();
        while let Some(staging) = stagings.next() {
            let staged = stage(staging, new, &self.folder);
            let is_unfit = matches!(&staged, Err((_, error)) if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
            ));
            let done = staged.and_then(|()| move_in(staging, new, &self.folder));
            let is_elsewhere = matches!(&done, Err((_, error)) if error.kind() == ErrorKind::CrossesDevices);
            let removed = remove(staging);
            match done {
                Err(_) if (is_unfit || is_elsewhere) && stagings.peek().is_some() => {}
                Err((path, error)) => return Err(unwritten(&path, &error)),
                Ok(()) => {
                    removed.map_err(|error| unwritten(staging, &error))?;
                    // What is not on the disk yet is there after a power cut as well.
                    return self.lock.sync_all().map_err(|error| unwritten(&self.folder, &error));
                }
            }
        }
        Ok(())
    }
}

/// Where the migrations of a folder are made: hidden, and no migration.
fn beside(migrations: &Path) -> PathBuf {
    let name = migrations.file_name().unwrap_or_default().to_string_lossy();
    migrations.with_file_name(format!(".{name}.underpin"))
}

/// The same on the disk of the folder itself, for one that is mounted: Prisma reads `migration.sql` of a migration
/// and nothing else of it. Before the first one there is no such place, so that a run which is killed just then
/// leaves a folder that has to be removed by hand.
fn within(migrations: &Path) -> PathBuf {
    let entries = fs::read_dir(migrations).into_iter().flatten().filter_map(Result::ok);
    let there = entries.map(|entry| entry.path()).filter(|path| path.join(SCRIPT).is_file()).min();
    there.unwrap_or_else(|| migrations.to_owned()).join(".underpin")
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
        ErrorKind::AlreadyExists => problem.hint("there is something of this name already, which is left as it is"),
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

    /// `/dev/shm` is a disk of its own, as a mounted folder is; nobody makes a folder in `/sys`.
    #[test]
    fn what_cannot_be_made_beside_the_folder_is_made_within_a_migration() {
        use std::os::unix::fs::MetadataExt;
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
        let disk = |path: &Path| fs::metadata(path).unwrap().dev();
        assert_ne!(disk(root.path()), disk(other.path()), "one disk only: nothing is tested");
        let migrations = root.path().canonicalize().unwrap().join("migrations");
        let first = || File::open(&migrations).unwrap();
        fs::create_dir(&migrations).unwrap();
        for (at, unfit) in [other.path().join("staging"), PathBuf::from("/sys/underpin")].iter().enumerate() {
            let claimed = Claimed { folder: migrations.clone(), lock: first() };
            claimed.write(&[unfit.clone(), within(&migrations)], &[new(&format!("{at}_a"))]).unwrap();
            assert!(!unfit.exists());
        }
        assert_eq!(
            all(root.path()),
            [
                "migrations/0_a/down.sql",
                "migrations/0_a/migration.sql",
                "migrations/1_a/down.sql",
                "migrations/1_a/migration.sql",
                "migrations/migration_lock.toml"
            ]
        );
        assert_eq!(within(&migrations), migrations.join("0_a/.underpin"));
        let claimed = Claimed { folder: migrations.clone(), lock: first() };
        let only = claimed.write(&[other.path().join("staging")], &[new("2_a")]).unwrap_err();
        assert!(only.message.contains("cannot be written"), "{}", only.message);
        assert_eq!(all(other.path()), Vec::<String>::new());
    }

    #[test]
    fn a_file_is_added_to_migrations_that_are_there_and_replaces_none() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &[new("1_a")], || Ok(true)).unwrap();
        let file = |name: &'static str| vec![("1_a".to_owned(), name, "-- new\n".to_owned())];
        add(root.path(), &file("back.sql"), || Ok(true)).unwrap();
        let there = add(root.path(), &file("down.sql"), || Ok(true)).unwrap_err();
        assert!(there.place.unwrap().ends_with("1_a/down.sql"), "{}", there.message);
        assert_eq!(add(root.path(), &file("other.sql"), || Ok(false)).unwrap_err().exit, exit::STOPPED);
        assert_eq!(fs::read_to_string(root.path().join("1_a/down.sql")).unwrap(), "-- back\n");
        assert_eq!(
            all(root.path()),
            ["1_a/back.sql", "1_a/down.sql", "1_a/migration.sql", "migration_lock.toml"]
        );
    }

    #[test]
    fn what_a_killed_run_has_left_is_no_migration_and_goes() {
        let root = tempfile::tempdir().unwrap();
        let migrations = root.path().join("migrations");
        fs::create_dir_all(&migrations).unwrap();
        let staging = beside(&migrations.canonicalize().unwrap());
        stage(&staging, &[new("1_a")], &migrations).unwrap();
        assert_eq!(fs::read_dir(&migrations).unwrap().count(), 0);
        write(&migrations, &[new("2_b")], || Ok(true)).unwrap();
        assert!(!staging.exists());
        assert_eq!(all(&migrations), ["2_b/down.sql", "2_b/migration.sql", "migration_lock.toml"]);
    }
}
