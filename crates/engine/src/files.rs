//! SQL files to look at: which, in what order, and what was there before them.
//!
//! A Prisma history is read whole, because a migration can only be understood behind its predecessors;
//! those that nobody asked for are marked. Other files stand for themselves: a folder of them may hold
//! anything, in any order, on a database that nobody described.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use underpin_prisma::FolderOrder;

use crate::Problem;

const SCRIPT: &str = "migration.sql";

/// Files that follow each other on one database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// In the order in which they are applied.
    pub files: Vec<SqlFile>,
    /// The first one meets an empty database: a Prisma history does, or its shadow database would fail.
    pub from_empty: bool,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlFile {
    /// Absolute, without `.` and `..`.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether somebody asked for it.
    pub asked: bool,
}

/// The history of a migrations folder, all of it asked for.
///
/// # Errors
/// When the folder or a script cannot be read.
pub fn history(folder: &Path, order: FolderOrder) -> Result<Sequence, Problem> {
    let mut names = migrations(folder)?;
    order.sort(&mut names, String::as_str);
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        files.push(read(folder.join(name).join(SCRIPT))?);
    }
    Ok(Sequence { files, from_empty: true })
}

/// What the paths name: files, folders of files, migrations and migrations folders. Paths are from `cwd`.
/// A file that is named twice is there once.
///
/// # Errors
/// When a path does not exist, cannot be read, or is a folder without any SQL file.
pub fn named(paths: &[PathBuf], cwd: &Path, order: FolderOrder) -> Result<Vec<Sequence>, Problem> {
    let mut histories: Vec<(PathBuf, BTreeSet<PathBuf>)> = Vec::new();
    let mut loose = Sequence::default();
    for path in paths {
        let path = normal(&cwd.join(path));
        let about = std::fs::metadata(&path).map_err(|error| cannot_read(&path, &error))?;
        let found = if about.is_dir() { below(&path)? } else { vec![path.clone()] };
        if found.is_empty() {
            return Err(Problem::new("the folder has no SQL file")
                .at(path.display().to_string())
                .hint("name a migrations folder, a folder with files that end in .sql, or such files"));
        }
        for file in found {
            match history_of(&file) {
                Some(folder) => match histories.iter_mut().find(|(known, _)| *known == folder) {
                    Some((_, asked)) => _ = asked.insert(file),
                    None => histories.push((folder, BTreeSet::from([file]))),
                },
                None if loose.files.iter().any(|known| known.path == file) => {}
                None => loose.files.push(read(file)?),
            }
        }
    }
    let mut sequences = Vec::new();
    for (folder, asked) in histories {
        let mut sequence = history(&folder, order)?;
        for file in &mut sequence.files {
            file.asked = asked.contains(&file.path);
        }
        sequences.push(sequence);
    }
    if !loose.files.is_empty() {
        sequences.push(loose);
    }
    Ok(sequences)
}

/// A path without `.` and `..`, as it reads; links are not followed.
pub fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = parts.pop(),
            other => parts.push(other),
        }
    }
    parts
}

/// `path` as seen from a folder, with `/`: `../prisma/a.sql`. Both absolute and normal.
pub fn seen_from(folder: &Path, path: &Path) -> String {
    let shared = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = path.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    // Two roots have nothing in common but the first slash, and a way through it helps nobody.
    if shared <= 1 && parts.first().is_some_and(|part| part == "..") {
        return path.to_string_lossy().into_owned();
    }
    parts.join("/")
}

/// The migrations folder that a script belongs to.
fn history_of(file: &Path) -> Option<PathBuf> {
    (file.file_name() == Some(OsStr::new(SCRIPT)))
        .then(|| file.parent()?.parent().map(Path::to_path_buf))
        .flatten()
}

/// The migrations of a folder, not in order.
fn migrations(folder: &Path) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    for entry in entries(folder)? {
        // Prisma does not take a link for a migration, and neither do we.
        let is_folder = std::fs::symlink_metadata(&entry).is_ok_and(|about| about.is_dir());
        if is_folder
            && entry.join(SCRIPT).is_file()
            && let Some(name) = entry.file_name().and_then(OsStr::to_str)
        {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The SQL files of a folder and of the folders in it, in the order of their paths. Hidden folders and
/// `node_modules` are left out, links to folders are not followed, and beside a `migration.sql` nothing counts.
fn below(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let script = folder.join(SCRIPT);
    if script.is_file() {
        return Ok(vec![script]);
    }
    let mut found = Vec::new();
    for entry in entries(folder)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let about = std::fs::symlink_metadata(&entry).map_err(|error| cannot_read(&entry, &error))?;
        if about.is_dir() {
            if !name.starts_with('.') && name != "node_modules" {
                found.extend(below(&entry)?);
            }
        } else if name.to_ascii_lowercase().ends_with(".sql") {
            found.push(entry);
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let listed = std::fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))?;
    let mut entries = Vec::new();
    for entry in listed {
        entries.push(entry.map_err(|error| cannot_read(folder, &error))?.path());
    }
    entries.sort();
    Ok(entries)
}

fn read(path: PathBuf) -> Result<SqlFile, Problem> {
    let bytes = std::fs::read(&path).map_err(|error| cannot_read(&path, &error))?;
    Ok(SqlFile { path, bytes, asked: true })
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Problem {
    let problem = Problem::new(format!("cannot be read: {error}")).at(path.display().to_string());
    match error.kind() {
        std::io::ErrorKind::NotFound => problem.hint("paths are from the folder that the command runs in"),
        _ => problem.hint("check its permissions"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "SELECT 1;").unwrap();
        }
        folder
    }

    /// The paths of each sequence, with a star where somebody asked.
    fn shown(folder: &Path, paths: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let found = named(&paths, folder, FolderOrder::Bytes).unwrap();
        let file = |file: &SqlFile| {
            format!("{}{}", seen_from(folder, &file.path), if file.asked { "*" } else { "" })
        };
        found.iter().map(|sequence| sequence.files.iter().map(file).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_migration_comes_with_its_predecessors() {
        let folder = tree(&[
            "m/2/migration.sql",
            "m/1/migration.sql",
            "m/1/down.sql",
            "m/3/migration.sql",
            "m/notes/a.txt",
        ]);
        let all = ["m/1/migration.sql* m/2/migration.sql* m/3/migration.sql*"];
        assert_eq!(shown(folder.path(), &["m"]), all);
        assert_eq!(shown(folder.path(), &["."]), all);
        let one = ["m/1/migration.sql m/2/migration.sql* m/3/migration.sql"];
        assert_eq!(shown(folder.path(), &["m/2"]), one);
        assert_eq!(shown(folder.path(), &["./m/../m/2/migration.sql", "m/2"]), one);
    }

    #[test]
    fn other_files_stand_for_themselves() {
        let folder = tree(&[
            "b.sql",
            "sub/a.SQL",
            "sub/node_modules/x.sql",
            ".git/x.sql",
            "m/1/migration.sql",
            "c.txt",
        ]);
        assert_eq!(shown(folder.path(), &["."]), ["m/1/migration.sql*", "b.sql* sub/a.SQL*"]);
        assert_eq!(shown(folder.path(), &["sub", "b.sql", "b.sql", "c.txt"]), ["sub/a.SQL* b.sql* c.txt*"]);
    }

    #[test]
    fn a_path_without_sql_is_told() {
        let folder = tree(&["empty/readme.md"]);
        let told = |path: &str| named(&[path.into()], folder.path(), FolderOrder::Bytes).unwrap_err();
        assert_eq!(told("empty").message, "the folder has no SQL file");
        let missing = told("gone.sql");
        assert!(missing.message.contains("No such file"), "{missing}");
        assert!(missing.place.unwrap().ends_with("gone.sql"));
    }

    #[test]
    fn paths_are_seen_from_a_folder() {
        let seen = |folder: &str, path: &str| seen_from(Path::new(folder), Path::new(path));
        assert_eq!(seen("/a/b", "/a/b/c/d.sql"), "c/d.sql");
        assert_eq!(seen("/a/b/x", "/a/b/c/d.sql"), "../c/d.sql");
        assert_eq!(seen("/a/b", "/tmp/d.sql"), "/tmp/d.sql");
        assert_eq!(seen("/a/b", "/a/b"), "");
    }
}
