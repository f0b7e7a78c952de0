//! The files of a migration's safe form on disk, whatever stops us in between.
//!
//! Every file is first written under another name where it belongs, that of the migration itself before all
//! others. A folder without a `migration.sql` stops Prisma and us (P3015), so nobody deploys half of a safe form.
//! Then the migration takes its new text, in one rename: before it, all that was written can be removed, and
//! after it, what is left to do is to give the others their names. `settle` does the one or the other for a run
//! that was killed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use underpin_core::exit;
use underpin_core::lint::fix::NewFile;
use underpin_engine::Problem;
use underpin_engine::files::{SCRIPT, STAGED, normal};

/// The folder of a script, which is the migration's name.
pub(super) fn folder_name(script: &Path) -> String {
    let folder = script.parent().and_then(Path::file_name).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}

/// Where the script of a folder is that stands beside another's.
pub(super) fn script_in(cwd: &Path, beside: &str, folder: &str) -> PathBuf {
    let script = normal(&cwd.join(beside));
    let migrations = script.parent().and_then(Path::parent).unwrap_or(cwd);
    migrations.join(folder).join(SCRIPT)
}

/// A migrations folder that no other run writes into until this is dropped, or the process ends. Where the file
/// system has no locks there is none.
#[derive(Debug)]
pub(super) struct Claim(#[expect(dead_code, reason = "it is open as long as it is locked")] File);

impl Claim {
    /// Waits for another run, which writes for some milliseconds.
    pub(super) fn on(migrations: &Path) -> Result<Self, Problem> {
        let folder = File::open(migrations).map_err(|error| unwritten(migrations, &error))?;
        // A lock that cannot be had is none that another run has.
        let _ = folder.lock();
        Ok(Self(folder))
    }
}

/// What became of the files of a run that was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// The migration had its new text already: its other files have their names now.
    Finished,
    /// The migration is as it was, and what was written for it is gone.
    TakenBack,
}

/// Brings to an end what a killed run has left in a migrations folder; `None` when that is nothing.
pub(super) fn settle(migrations: &Path) -> Result<Option<Settled>, Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(format!("what an interrupted `lint --fix` has left cannot be put right: {error}"))
            .at(migrations.display().to_string())
            .exiting(exit::NEEDS_RECOVER)
            .hint("check the permissions of the migrations folder, and run the command again")
    };
    let mut staged = Vec::new();
    let mut others = Vec::new();
    for entry in std::fs::read_dir(migrations).map_err(failed)? {
        let folder = entry.map_err(failed)?.path();
        if folder.join(STAGED).is_file() { staged.push(folder) } else { others.push(folder) }
    }
    if staged.is_empty() {
        return Ok(None);
    }
    // Only the migration itself has both: it was written first, and takes its new text before the others.
    let is_only_begun = staged.iter().any(|folder| folder.join(SCRIPT).exists());
    for folder in &staged {
        match (is_only_begun, folder.join(SCRIPT).exists()) {
            (false, _) => std::fs::rename(folder.join(STAGED), folder.join(SCRIPT)),
            (true, true) => std::fs::remove_file(folder.join(STAGED)),
            (true, false) => remove(folder),
        }
        .map_err(failed)?;
    }
    if is_only_begun {
        // One may have been made and not filled. Only empty folders go, and those are no good to anybody.
        for folder in others {
            let _ = std::fs::remove_dir(folder);
        }
    }
    Ok(Some(if is_only_begun { Settled::TakenBack } else { Settled::Finished }))
}

/// Writes the files; the first one takes the place of `script`.
pub(super) fn write(script: &Path, files: &[NewFile]) -> Result<(), Problem> {
    let [first, behind @ ..] = files else { return Ok(()) };
    let about = std::fs::symlink_metadata(script).map_err(|error| unwritten(script, &error))?;
    if about.is_symlink() {
        return Err(Problem::new("the migration is a link, and --fix writes the file itself")
            .at(script.display().to_string())
            .hint("put the file in the place of the link, or run the command where the file is"));
    }
    let mut staged = Vec::with_capacity(behind.len());
    let written = stage(script, first, behind, &mut staged).and_then(|()| {
        let own = script.with_file_name(STAGED);
        let permissions = std::fs::set_permissions(&own, about.permissions());
        permissions.and_then(|()| std::fs::rename(&own, script)).map_err(|error| (script.to_owned(), error))
    });
    if let Err((path, error)) = written {
        // They are ours, and half of a migration must not stay.
        let _ = std::fs::remove_file(script.with_file_name(STAGED));
        for folder in &staged {
            let _ = remove(folder);
        }
        return Err(unwritten(&path, &error));
    }
    for folder in &staged {
        std::fs::rename(folder.join(STAGED), folder.join(SCRIPT)).map_err(|error| {
            Problem::new(format!("the migration is written in part, because a file cannot get its name: {error}"))
                .at(folder.join(SCRIPT).display().to_string())
                .exiting(exit::NEEDS_RECOVER)
                .hint("nothing is deployed like that (P3015); `underpin lint --fix` finishes it when the folder can be written to")
        })?;
    }
    Ok(())
}

/// Writes everything under other names. The folders that were made are in `made`, also when it fails.
fn stage(
    script: &Path,
    first: &NewFile,
    behind: &[NewFile],
    made: &mut Vec<PathBuf>,
) -> Result<(), (PathBuf, std::io::Error)> {
    let own = script.with_file_name(STAGED);
    put(&own, &first.text).map_err(|error| (own, error))?;
    for file in behind {
        let path = script_in(Path::new("/"), &script.to_string_lossy(), &file.folder);
        let folder = path.parent().unwrap_or(&path).to_owned();
        std::fs::create_dir(&folder).map_err(|error| (folder.clone(), error))?;
        made.push(folder);
        put(&path.with_file_name(STAGED), &file.text).map_err(|error| (path, error))?;
    }
    Ok(())
}

/// A whole file, also after a power cut.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Removes a folder of ours. What somebody else has put into it stays, and so does the folder.
fn remove(folder: &Path) -> std::io::Result<()> {
    std::fs::remove_file(folder.join(STAGED))?;
    match std::fs::read_dir(folder)?.next() {
        None => std::fs::remove_dir(folder),
        Some(_) => Ok(()),
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Problem {
    let problem = Problem::new(format!("cannot be written, and nothing was changed: {error}"))
        .at(path.display().to_string());
    match error.kind() {
        ErrorKind::AlreadyExists => {
            let name = path.file_name().unwrap_or(OsStr::new("it")).to_string_lossy();
            problem.hint(format!("somebody made {name} meanwhile; run the command again"))
        }
        _ => problem.hint("check the permissions of the migrations folder and the space on its disk"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn new(folder: &str, text: &str) -> NewFile {
        NewFile { folder: folder.to_owned(), text: text.to_owned() }
    }

    /// A migrations folder with one migration, and its safe form in three files.
    fn migration() -> (tempfile::TempDir, PathBuf, [NewFile; 3]) {
        let root = tempfile::tempdir().unwrap();
        let script = root.path().join("1_a/migration.sql");
        std::fs::create_dir_all(script.parent().unwrap()).unwrap();
        std::fs::write(&script, "old").unwrap();
        (root, script, [new("1_a", "one"), new("2_a", "two"), new("3_a", "three")])
    }

    /// Every file below the folder, and every empty folder.
    fn all(root: &Path) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for folder in std::fs::read_dir(root).unwrap() {
            let folder = folder.unwrap().path();
            let name = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
            found.insert(name(&folder), String::new());
            for file in std::fs::read_dir(&folder).unwrap() {
                let file = file.unwrap().path();
                found.insert(name(&file), std::fs::read_to_string(&file).unwrap());
            }
            if std::fs::read_dir(&folder).unwrap().next().is_some() {
                found.remove(&name(&folder));
            }
        }
        found
    }

    fn these(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    const WRITTEN: [(&str, &str); 3] =
        [("1_a/migration.sql", "one"), ("2_a/migration.sql", "two"), ("3_a/migration.sql", "three")];

    #[test]
    fn a_folder_that_is_there_stops_it_and_leaves_nothing() {
        let (root, script, files) = migration();
        std::fs::create_dir(root.path().join("3_a")).unwrap();
        let refused = write(&script, &files).unwrap_err();
        assert!(refused.message.contains("nothing was changed"), "{refused}");
        assert_eq!(all(root.path()), these(&[("1_a/migration.sql", "old"), ("3_a", "")]));

        write(&script, &files[..2]).unwrap();
        assert_eq!(all(root.path()), these(&[WRITTEN[0], WRITTEN[1], ("3_a", "")]));
    }

    /// Killed after each of its acts: the migration is the old one or the new one, and while other folders are there
    /// that are not complete, one of them has no script.
    #[test]
    fn a_killed_run_is_finished_or_taken_back() {
        type Act = fn(&Path);
        let acts: [Act; 8] = [
            |root| put(&root.join("1_a").join(STAGED), "one").unwrap(),
            |root| std::fs::create_dir(root.join("2_a")).unwrap(),
            |root| put(&root.join("2_a").join(STAGED), "two").unwrap(),
            |root| std::fs::create_dir(root.join("3_a")).unwrap(),
            |root| put(&root.join("3_a").join(STAGED), "three").unwrap(),
            |root| std::fs::rename(root.join("1_a").join(STAGED), root.join("1_a/migration.sql")).unwrap(),
            |root| std::fs::rename(root.join("2_a").join(STAGED), root.join("2_a/migration.sql")).unwrap(),
            |root| std::fs::rename(root.join("3_a").join(STAGED), root.join("3_a/migration.sql")).unwrap(),
        ];
        for done in 0..=acts.len() {
            let (root, ..) = migration();
            acts[..done].iter().for_each(|act| act(root.path()));
            let folders = ["1_a", "2_a", "3_a"].map(|name| root.path().join(name));
            let stops = folders.iter().any(|folder| folder.exists() && !folder.join(SCRIPT).exists());
            assert_eq!(stops, (2..acts.len()).contains(&done), "after {done} acts");
            let settled = settle(root.path()).unwrap();
            let left = all(root.path());
            match done {
                0 | 8 => assert_eq!(settled, None),
                1..=5 => assert_eq!(settled, Some(Settled::TakenBack), "after {done} acts"),
                _ => assert_eq!(settled, Some(Settled::Finished), "after {done} acts"),
            }
            let wanted = if done < 6 { these(&[("1_a/migration.sql", "old")]) } else { these(&WRITTEN) };
            assert_eq!(left, wanted, "after {done} acts");
            assert_eq!(settle(root.path()).unwrap(), None, "after {done} acts");
        }
    }

    #[test]
    fn permissions_stay_and_links_are_refused() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let (root, script, files) = migration();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o600)).unwrap();
        write(&script, &files[..1]).unwrap();
        assert_eq!(std::fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::rename(&script, root.path().join("real.sql")).unwrap();
        symlink("../real.sql", &script).unwrap();
        assert!(write(&script, &files).unwrap_err().message.contains("is a link"));
    }
}
