//! SQL files to look at: which, in what order, and what was there before them.
//!
//! A Prisma history is read whole, because a migration can only be understood behind its predecessors;
//! those that nobody asked for are marked. Other files stand for themselves: a folder of them may hold
//! anything, in any order, on a database that nobody described.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::thread;

use underpin_prisma::FolderOrder;

use crate::Problem;

/// The file of a migration in its folder.
pub const SCRIPT: &str = "migration.sql";

/// What `lint --fix` calls a script in its folder until all of them are written.
pub const STAGED: &str = "migration.sql.underpin";

/// No more bytes of one file are read. Migrations are a thousand times smaller; what is larger is a dump, or a
/// device that never ends.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Below this many files a thread takes longer to start than it saves: opening and reading one takes 10 µs.
const FILES_A_THREAD: usize = 50;

/// Files that follow each other on one database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// In the order in which they are applied.
    pub files: Vec<SqlFile>,
    /// The first one meets an empty database: a Prisma history does, or its shadow database would fail.
    pub from_empty: bool,
    /// Folders of the history that have no `migration.sql`: they end a deploy when their turn comes (P3015).
    pub without_script: Vec<PathBuf>,
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
/// When the folder or a script cannot be read, or a script is larger than 256 MB.
pub fn history(folder: &Path, order: FolderOrder) -> Result<Sequence, Problem> {
    sequence_of(folder, order, None)
}

/// The history of a folder. Of scripts that somebody asked for it is known that they are there; without a set,
/// all are asked for.
fn sequence_of(
    folder: &Path,
    order: FolderOrder,
    asked: Option<&HashSet<PathBuf>>,
) -> Result<Sequence, Problem> {
    let is_asked = |script: &PathBuf| asked.is_some_and(|asked| asked.contains(script));
    let (mut found, without_script) = migrations(folder, is_asked)?;
    order.sort(&mut found, |(name, _)| name.as_str());
    let (scripts, known): (Vec<PathBuf>, Vec<bool>) = found.into_iter().map(|(_, script)| script).unzip();
    let mut files = read_all(scripts)?;
    if asked.is_some() {
        for (file, known) in files.iter_mut().zip(known) {
            file.asked = known;
        }
    }
    Ok(Sequence { files, from_empty: true, without_script })
}

/// What the paths name: files, folders of files, migrations and migrations folders. Paths are from `cwd`.
/// A file that is named twice is there once.
///
/// # Errors
/// When a path does not exist, cannot be read, is a folder without any SQL file, or is larger than 256 MB.
pub fn named(paths: &[PathBuf], cwd: &Path, order: FolderOrder) -> Result<Vec<Sequence>, Problem> {
    let mut histories: Vec<(PathBuf, HashSet<PathBuf>)> = Vec::new();
    let mut loose = Vec::new();
    let mut known_loose = HashSet::new();
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
                    None => histories.push((folder, HashSet::from([file]))),
                },
                None => {
                    if known_loose.insert(file.clone()) {
                        loose.push(file);
                    }
                }
            }
        }
    }
    let mut sequences = Vec::new();
    for (folder, asked) in histories {
        sequences.push(sequence_of(&folder, order, Some(&asked))?);
    }
    if !loose.is_empty() {
        sequences.push(Sequence { files: read_all(loose)?, ..Sequence::default() });
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

/// The migrations folder that a script belongs to. Nothing need be there.
pub fn history_of(file: &Path) -> Option<PathBuf> {
    (file.file_name() == Some(OsStr::new(SCRIPT)))
        .then(|| file.parent()?.parent().map(Path::to_path_buf))
        .flatten()
}

/// The names of a folder's migrations, not in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>, Problem> {
    Ok(migrations(folder, |_| false)?.0.into_iter().map(|(name, _)| name).collect())
}

/// A migration's name, its script, and whether the script was known to be there.
type Listed = (String, (PathBuf, bool));

/// The migrations of a folder, not in order, and its folders without a script.
fn migrations(
    folder: &Path,
    is_known: impl Fn(&PathBuf) -> bool,
) -> Result<(Vec<Listed>, Vec<PathBuf>), Problem> {
    let mut found = Vec::new();
    let mut without_script = Vec::new();
    for (entry, kind) in entries(folder)? {
        let script = entry.join(SCRIPT);
        let known = is_known(&script);
        // Prisma does not take a link for a migration, and neither do we.
        if kind != Kind::Folder {
            continue;
        }
        if !known && !is_script(&script)? {
            without_script.push(entry);
        } else if let Some(name) = entry.file_name().and_then(OsStr::to_str) {
            found.push((name.to_owned(), (script, known)));
        }
    }
    Ok((found, without_script))
}

/// Whether there is a file under a script's name. What cannot be looked at is no answer.
fn is_script(script: &Path) -> Result<bool, Problem> {
    match std::fs::metadata(script) {
        Ok(about) => Ok(about.is_file()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(cannot_read(script, &error)),
    }
}

/// The SQL files of a folder and of the folders in it, in the order of their paths. Hidden folders and
/// `node_modules` are left out, links to folders are not followed, and beside a `migration.sql` nothing counts.
/// Nor do pipes and devices, which may never end.
fn below(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let script = folder.join(SCRIPT);
    if script.is_file() {
        return Ok(vec![script]);
    }
    let mut found = Vec::new();
    for (entry, kind) in entries(folder)? {
        let name = entry.file_name().unwrap_or_default();
        match kind {
            Kind::Folder => {
                if !name.as_encoded_bytes().starts_with(b".") && name != "node_modules" {
                    found.extend(below(&entry)?);
                }
            }
            Kind::Link | Kind::File => {
                if is_sql(name) && (kind == Kind::File || leads_to_file(&entry)?) {
                    found.push(entry);
                }
            }
            Kind::Other => {}
        }
    }
    Ok(found)
}

fn is_sql(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.len() >= 4 && name[name.len() - 4..].eq_ignore_ascii_case(b".sql")
}

fn leads_to_file(link: &Path) -> Result<bool, Problem> {
    std::fs::metadata(link).map(|about| about.is_file()).map_err(|error| cannot_read(link, &error))
}

/// What a folder holds under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Link,
    /// A pipe, a device, a socket.
    Other,
}

/// What a folder holds, in the order of names. Listing tells the kinds, so nothing is asked of each.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, Kind)>, Problem> {
    let listed = std::fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))?;
    let mut entries = Vec::new();
    for entry in listed {
        let entry = entry.map_err(|error| cannot_read(folder, &error))?;
        let kind = entry.file_type().map_err(|error| cannot_read(&entry.path(), &error))?;
        let kind = match (kind.is_dir(), kind.is_file(), kind.is_symlink()) {
            (true, _, _) => Kind::Folder,
            (_, true, _) => Kind::File,
            (_, _, true) => Kind::Link,
            (false, false, false) => Kind::Other,
        };
        entries.push((entry.file_name(), kind));
    }
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries.into_iter().map(|(name, kind)| (folder.join(name), kind)).collect())
}

/// Reads files, in their order, on as many threads as pay.
fn read_all(paths: Vec<PathBuf>) -> Result<Vec<SqlFile>, Problem> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(paths.len() / FILES_A_THREAD).max(1);
    let share = paths.len().div_ceil(threads).max(1);
    let mut all: Vec<Result<Vec<u8>, Problem>> = Vec::with_capacity(paths.len());
    thread::scope(|scope| {
        let read_these = |some: &[PathBuf]| some.iter().map(|path| read(path)).collect::<Vec<_>>();
        let mut shares = paths.chunks(share);
        let own = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|some| scope.spawn(move || read_these(some))).collect();
        all.extend(read_these(own));
        for other in others {
            all.extend(other.join().expect("reading a file does not panic"));
        }
    });
    paths.into_iter().zip(all).map(|(path, read)| Ok(SqlFile { path, bytes: read?, asked: true })).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
    // More than most files have, so that one look reads all and the next finds the end.
    let mut bytes = Vec::with_capacity(16 << 10);
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| cannot_read(path, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let megabytes = FILE_BYTES_MAX >> 20;
        return Err(Problem::new(format!("is larger than {megabytes} MB, which no migration is"))
            .at(path.display().to_string())
            .hint("name files with SQL; load data with COPY, and not in a migration"));
    }
    bytes.shrink_to_fit();
    Ok(bytes)
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
    fn links_that_lead_in_circles_and_pipes_are_passed() {
        let folder = tree(&["a.sql", "sub/b.sql"]);
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink(folder.path(), at("sub/up")).unwrap();
        std::os::unix::fs::symlink(at("sub"), at("folder.sql")).unwrap();
        std::os::unix::fs::symlink(at("a.sql"), at("sub/c.sql")).unwrap();
        nix::unistd::mkfifo(&at("pipe.sql"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(shown(folder.path(), &["."]), ["a.sql* sub/b.sql* sub/c.sql*"]);
        std::os::unix::fs::symlink(at("gone"), at("d.sql")).unwrap();
        let told = named(&[".".into()], folder.path(), FolderOrder::Bytes).unwrap_err();
        assert!(told.message.contains("No such file") && told.place.unwrap().ends_with("d.sql"));
    }

    #[test]
    fn many_files_come_in_their_order() {
        let names: Vec<String> = (0..10 * FILES_A_THREAD).map(|i| format!("{i:05}.sql")).collect();
        let folder = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for name in &names {
            std::fs::write(folder.path().join(name), format!("SELECT '{name}';")).unwrap();
        }
        let found = named(&[".".into(), "00003.sql".into()], folder.path(), FolderOrder::Bytes).unwrap();
        assert_eq!(found[0].files.len(), names.len());
        for (file, name) in found[0].files.iter().zip(&names) {
            assert!(file.path.ends_with(name));
            assert_eq!(file.bytes, format!("SELECT '{name}';").into_bytes());
        }
    }

    #[test]
    fn a_file_that_never_ends_is_refused() {
        let told = named(&["/dev/zero".into()], Path::new("/"), FolderOrder::Bytes).unwrap_err();
        assert_eq!(told.message, "is larger than 256 MB, which no migration is");
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
