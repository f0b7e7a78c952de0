//! Reading the migrations folder, with the eyes of Prisma's own listing.

use std::path::{Path, PathBuf};

use underpin_prisma::{History, LockFile, Migration, SchemaHead};

use super::Where;
use super::config::Config;
use super::error::{ProjectError, ProjectErrorKind};
use super::schema::SchemaFile;

/// `--migrations`, then the configuration's, else `migrations` beside the file with the datasource.
pub(super) fn folder(
    place: &Where,
    config: Option<&Config>,
    head: &SchemaHead,
    files: &[SchemaFile],
) -> PathBuf {
    if let Some(named) = &place.migrations {
        return place.cwd.join(named);
    }
    if let Some(configured) = config.and_then(|config| config.migrations.clone()) {
        return configured;
    }
    let file = head.datasource.as_ref().map_or(0, |datasource| datasource.file);
    let beside = files.get(file).and_then(|file| file.path.parent()).unwrap_or(&place.cwd);
    beside.join("migrations")
}

pub(super) fn read(
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Migration>, Option<LockFile>), ProjectError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(ProjectError::unreadable(folder, &error)),
    };
    let mut migrations = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| ProjectError::unreadable(folder, &error))?;
        let kind = entry.file_type().map_err(|error| ProjectError::unreadable(entry.path(), &error))?;
        if kind.is_symlink() && entry.path().is_dir() {
            warnings.push(format!(
                "{} is a symbolic link, which Prisma does not take for a migration: it is ignored",
                entry.path().display()
            ));
        }
        if !kind.is_dir() {
            continue;
        }
        let name = entry.file_name().into_string().map_err(|_| {
            ProjectError::new(
                ProjectErrorKind::Unreadable,
                "the folder's name is not UTF-8",
                "rename it: the ledger keeps names as text",
            )
            .in_file(entry.path())
        })?;
        let bytes = script(&entry.path().join("migration.sql"))?;
        migrations.push(Migration::new(name, bytes.as_deref()));
    }
    Ok((migrations, lock_file(folder)?))
}

/// Whether there is a history that can be deployed.
pub(super) fn is_begun(folder: &Path, history: &History) -> Result<(), ProjectError> {
    if !history.migrations().is_empty() {
        return Ok(());
    }
    let error = match folder.is_dir() {
        true => ProjectError::new(
            ProjectErrorKind::NoMigrations,
            "the migrations folder has no migration",
            "every migration is a folder with a migration.sql; is this the right folder? (--migrations)",
        ),
        false => ProjectError::new(
            ProjectErrorKind::MigrationsNotFound,
            "there is no migrations folder",
            "create the first migration with underpin create, or name the folder with --migrations",
        ),
    };
    Err(error.in_file(folder))
}

/// The script's bytes; `None` when it is missing, which matters only when its turn comes.
fn script(path: &Path) -> Result<Option<Vec<u8>>, ProjectError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(ProjectError::unreadable(path, &error)),
    }
}

fn lock_file(folder: &Path) -> Result<Option<LockFile>, ProjectError> {
    let path = folder.join(LockFile::NAME);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(LockFile::parse(&String::from_utf8_lossy(&bytes)))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ProjectError::unreadable(path, &error)),
    }
}
