//! Reads the files of a repository that may hold commands: pipelines, images, start scripts.
//!
//! Which files are wanted and what they mean is decided in `underpin_core::lint::repository`. Here is the
//! walk, and its bounds: nothing that Git ignores, no link, no file of more than
//! [`FILE_BYTES_MAX`], no more than [`ENTRIES_MAX`] entries. What was left out for its size is told.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use underpin_core::lint::repository::{FILE_BYTES_MAX, Ignored, RepositoryFile, is_wanted};

/// A repository as it lies on disk.
#[derive(Debug, Default)]
pub struct Repository {
    /// Its top folder.
    pub root: PathBuf,
    /// The wanted files, in the order of their paths.
    pub files: Vec<RepositoryFile>,
    /// What was left out and why, each as a sentence.
    pub left_out: Vec<String>,
}

/// Entries of folders that are looked at. A monorepo of 3,000 packages has fewer that Git knows.
const ENTRIES_MAX: usize = 200_000;

/// Folders within folders.
const DEPTH_MAX: usize = 12;

/// Folders in which nobody writes by hand, ignored by Git or not.
const NEVER: [&str; 10] =
    [".git", "node_modules", "dist", "build", "out", "target", "vendor", "coverage", ".next", ".turbo"];

/// Reads the repository that a project lies in: the nearest folder above it that Git knows, or the project
/// itself.
///
/// # Errors
/// When the top folder cannot be listed. A folder or file below that cannot be read is left out, with a
/// word about it.
pub fn read(project: &Path) -> std::io::Result<Repository> {
    read_where(project, is_wanted)
}

/// The same for files that somebody else wants, told by their paths.
pub(crate) fn read_where(project: &Path, is_wanted: impl Fn(&str) -> bool) -> std::io::Result<Repository> {
    walk(project, is_wanted, |_| true)
}

/// Of these files alone, which are named by their real paths.
///
/// # Errors
/// As of [`read`].
pub fn read_of(project: &Path, files: &BTreeSet<PathBuf>) -> std::io::Result<Repository> {
    walk(project, is_wanted, |path| {
        // In the order of paths, what lies in a folder comes behind the folder itself.
        files.range(path.to_owned()..).next().is_some_and(|next| next.starts_with(path))
    })
}

fn walk(
    project: &Path,
    is_wanted: impl Fn(&str) -> bool,
    is_asked: impl Fn(&Path) -> bool,
) -> std::io::Result<Repository> {
    let root = project.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(project);
    let mut found = Repository { root: root.to_owned(), ..Repository::default() };
    let mut ignored = Ignored::default();
    let mut entries = 0;
    // Breadth first: what stands near the top is read before the bounds are reached.
    let mut folders = VecDeque::from([(root.to_owned(), String::new(), 0)]);
    while let Some((folder, shown, depth)) = folders.pop_front() {
        let listed = match list(&folder) {
            Ok(listed) => listed,
            Err(error) if depth == 0 => return Err(error),
            Err(error) => {
                found.left_out.push(format!("{shown} cannot be listed: {error}"));
                continue;
            }
        };
        if let Ok(text) = fs::read_to_string(folder.join(".gitignore")) {
            ignored.add(&shown, &text);
        }
        for entry in listed {
            entries += 1;
            if entries > ENTRIES_MAX {
                found.left_out.push(format!("the walk ended after {ENTRIES_MAX} entries, in {shown}"));
                found.files.sort_by(|a, b| a.path.cmp(&b.path));
                return Ok(found);
            }
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if shown.is_empty() { name.clone() } else { format!("{shown}/{name}") };
            // Not followed: a link may lead out of the repository, or in a circle.
            let Ok(kind) = entry.file_type() else { continue };
            if !is_asked(&entry.path()) {
                continue;
            }
            if kind.is_dir() {
                if depth < DEPTH_MAX && !NEVER.contains(&name.as_str()) && !ignored.covers(&path, true) {
                    folders.push_back((entry.path(), path, depth + 1));
                }
            } else if kind.is_file() && is_wanted(&path) && !ignored.covers(&path, false) {
                match text_of(&entry) {
                    Ok(text) => found.files.push(RepositoryFile { path, text }),
                    Err(why) => found.left_out.push(format!("{path} {why}")),
                }
            }
        }
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// In the order of their names, so that two walks meet the same bounds.
fn list(folder: &Path) -> std::io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

fn text_of(entry: &DirEntry) -> Result<String, String> {
    let bytes = entry.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!("has {bytes} bytes, and more than {FILE_BYTES_MAX} are not read"));
    }
    let bytes = fs::read(entry.path()).map_err(|error| format!("cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "is no text".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn paths(found: &Repository) -> Vec<&str> {
        found.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn the_walk_begins_where_git_does_and_leaves_out_what_git_ignores() {
        let folder = tree(&[
            (".git/HEAD", b""),
            (".gitignore", b"/generated\n*.local.sh\n"),
            ("Dockerfile", b"FROM x"),
            ("README.md", b"npx prisma migrate reset"),
            ("apps/api/package.json", b"{}"),
            ("apps/api/node_modules/x/package.json", b"{}"),
            ("generated/Dockerfile", b""),
            ("start.local.sh", b""),
            (".github/workflows/ci.yml", b"on: push"),
        ]);
        let found = read(&folder.path().join("apps/api")).unwrap();
        assert_eq!(found.root, folder.path());
        assert_eq!(paths(&found), [".github/workflows/ci.yml", "Dockerfile", "apps/api/package.json"]);
        assert!(found.left_out.is_empty(), "{:?}", found.left_out);
    }

    #[test]
    fn of_named_files_only_those_are_read() {
        let folder = tree(&[
            (".git/HEAD", b""),
            ("Dockerfile", b"FROM x"),
            ("apps/Dockerfile", b"FROM y"),
            ("apps/api/start.sh", b"echo"),
            ("apps-old/start.sh", b"echo"),
        ]);
        let real = folder.path().canonicalize().unwrap();
        let of = |names: &[&str]| {
            let files = names.iter().map(|name| real.join(name)).collect();
            paths(&read_of(&real, &files).unwrap()).join(" ")
        };
        assert_eq!(of(&["apps/api/start.sh", "Dockerfile", "gone.sh"]), "Dockerfile apps/api/start.sh");
        assert_eq!(of(&["apps-old/start.sh"]), "apps-old/start.sh");
        assert_eq!(of(&[]), "");
    }

    #[test]
    fn what_is_too_large_or_no_text_is_left_out_with_a_word() {
        let large = vec![b' '; FILE_BYTES_MAX as usize + 1];
        let folder =
            tree(&[("Dockerfile", &large), ("start.sh", &[0xff, 0xfe, 0x00]), ("Procfile", b"web: x")]);
        let found = read(folder.path()).unwrap();
        assert_eq!(paths(&found), ["Procfile"]);
        assert_eq!(found.left_out.len(), 2, "{:?}", found.left_out);
        assert!(found.left_out[1].starts_with("start.sh is no text"), "{:?}", found.left_out);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tree(&[("a/Dockerfile", b"FROM x")]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/circle")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("a/Dockerfile"), folder.path().join("Dockerfile"))
            .unwrap();
        assert_eq!(paths(&read(folder.path()).unwrap()), ["a/Dockerfile"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(read(Path::new("/no/such/folder")).is_err());
    }
}
