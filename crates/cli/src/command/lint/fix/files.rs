//! The files of a migration's safe form on disk.
//!
//! New folders first, the migration itself last: whatever stops it in between, the migration is as it was and
//! the new folders are gone again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use underpin_core::lint::fix::NewFile;
use underpin_engine::Problem;
use underpin_engine::files::normal;

/// The folder of a script, which is the migration's name.
pub(super) fn folder_name(script: &Path) -> String {
    let folder = script.parent().and_then(Path::file_name).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}

/// Where the script of a folder is that stands beside another's.
pub(super) fn script_in(cwd: &Path, beside: &str, folder: &str) -> PathBuf {
    let script = normal(&cwd.join(beside));
    let migrations = script.parent().and_then(Path::parent).unwrap_or(cwd);
    migrations.join(folder).join("migration.sql")
}

/// Writes the files; the first one takes the place of `script`.
pub(super) fn write(script: &Path, files: &[NewFile]) -> Result<(), Problem> {
    let [first, behind @ ..] = files else { return Ok(()) };
    let mut made: Vec<PathBuf> = Vec::new();
    let written = behind
        .iter()
        .try_for_each(|file| {
            let path = script_in(Path::new("/"), &script.to_string_lossy(), &file.folder);
            let folder = path.parent().unwrap_or(&path).to_owned();
            std::fs::create_dir(&folder).map_err(|error| (folder.clone(), error))?;
            made.push(folder);
            std::fs::write(&path, &file.text).map_err(|error| (path, error))
        })
        .and_then(|()| replace(script, &first.text).map_err(|error| (script.to_owned(), error)));
    written.map_err(|(path, error)| {
        for folder in &made {
            // They are ours, and half of a migration must not stay.
            let _ = std::fs::remove_dir_all(folder);
        }
        let problem = Problem::new(format!("cannot be written, and nothing was changed: {error}"))
            .at(path.display().to_string());
        match error.kind() {
            ErrorKind::AlreadyExists => {
                problem.hint("somebody made the folder meanwhile; run the command again")
            }
            _ => problem.hint("check the permissions of the migrations folder and the space on its disk"),
        }
    })
}

/// All of it or nothing: a reader never meets half a file.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("sql.underpin");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&beside);
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn new(folder: &str, text: &str) -> NewFile {
        NewFile { folder: folder.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_folder_that_is_there_stops_it_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let script = root.path().join("m/1_a/migration.sql");
        std::fs::create_dir_all(script.parent().unwrap()).unwrap();
        std::fs::write(&script, "old").unwrap();
        std::fs::create_dir(root.path().join("m/3_a")).unwrap();
        let files = [new("1_a", "one"), new("2_a", "two"), new("3_a", "three")];
        let refused = write(&script, &files).unwrap_err();
        assert!(refused.message.contains("nothing was changed"), "{refused}");
        assert_eq!(std::fs::read_to_string(&script).unwrap(), "old");
        assert!(!root.path().join("m/2_a").exists());

        write(&script, &files[..2]).unwrap();
        assert_eq!(std::fs::read_to_string(&script).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(root.path().join("m/2_a/migration.sql")).unwrap(), "two");
        assert_eq!(std::fs::read_dir(root.path().join("m/1_a")).unwrap().count(), 1);
    }
}
