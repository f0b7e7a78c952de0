//! What the project's Git repository knows, asked with the `git` of the machine.
//!
//! It only reads: no fetch, no lock, no prompt, and each question has a limit. A machine without Git and a
//! folder outside all repositories are answers, not errors; a revision that does not exist is an error.

mod changed;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Problem;
use crate::child::{self, Answer};

/// How long one question may take. Git answers ours in milliseconds; a network file system takes longer.
const LIMIT: Duration = Duration::from_secs(30);

/// So many paths fit into one command line, however long they are.
const PATHS_MAX: usize = 200;

/// Where the default branch is looked for when the remote does not say, best first: what is merged is
/// deployed sooner than what only lies here.
const DEFAULT_BRANCHES: [&str; 4] = ["origin/main", "origin/master", "main", "master"];

pub use changed::Changes;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    top: PathBuf,
}

/// A commit, by the hexadecimal name of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit(String);

/// A file in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAt {
    /// Its path, from the top of the repository, with `/`.
    pub path: String,
    /// The name of what it holds.
    pub object: String,
}

impl Commit {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough of it for a person.
    pub fn short(&self) -> &str {
        self.0.get(..9).unwrap_or(&self.0)
    }
}

impl Repository {
    /// The repository that a folder lies in; `None` outside all of them, or without Git.
    ///
    /// # Errors
    /// When Git is there and cannot read the repository: its owner is somebody else, say.
    pub fn containing(folder: &Path) -> Result<Option<Self>, Problem> {
        let Some(answer) = ask(folder, &["rev-parse", "--show-toplevel"])? else { return Ok(None) };
        if answer.status.success() {
            return Ok(Some(Self { top: PathBuf::from(line(&answer.stdout)) }));
        }
        let complaint = answer.complaint();
        if complaint.contains("not a git repository") || complaint.contains("must be run in a work tree") {
            return Ok(None);
        }
        let problem = Problem::new(format!("git cannot read the repository: {}", first_line(&complaint)));
        Err(match complaint.contains("dubious ownership") {
            true => problem.hint(format!(
                "another user owns the folder: git config --global --add safe.directory {}",
                folder.display()
            )),
            false => problem.hint(format!("see `git -C {} status`", folder.display())),
        })
    }

    /// The folder that its paths begin at.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// A path as the repository has it, with `/`; `None` when it lies elsewhere.
    pub fn path_of(&self, path: &Path) -> Option<String> {
        let top = self.top.canonicalize().ok()?;
        // The end may be gone from the disk; what is above it tells which repository it belongs to.
        let there = path.ancestors().find(|ancestor| ancestor.exists())?;
        let gone = path.strip_prefix(there).ok()?;
        let absolute = there.canonicalize().ok()?.join(gone);
        let parts: Option<Vec<&str>> = absolute
            .strip_prefix(&top)
            .ok()?
            .iter()
            .map(OsStr::to_str)
            .filter(|part| *part != Some(""))
            .collect();
        Some(parts?.join("/"))
    }

    /// The commit that a revision names: a tag, a branch, a hash.
    ///
    /// # Errors
    /// When there is no such revision here.
    pub fn commit(&self, revision: &str) -> Result<Commit, Problem> {
        self.find(revision)?.ok_or_else(|| {
            Problem::new(format!("git knows no revision `{revision}`"))
                .hint("name a tag, a branch or a commit that `git log` shows")
                .hint("a shallow clone lacks it: fetch the history too (actions/checkout: fetch-depth: 0)")
        })
    }

    /// The default branch: what the remote says it is, else a branch called main or master.
    ///
    /// # Errors
    /// When Git cannot be asked.
    pub fn default_branch(&self) -> Result<Option<String>, Problem> {
        let said = self.ask(&["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"])?;
        let said = said.filter(|answer| answer.status.success()).map(|answer| line(&answer.stdout));
        for branch in said.iter().map(String::as_str).chain(DEFAULT_BRANCHES) {
            if self.find(branch)?.is_some() {
                return Ok(Some(branch.to_owned()));
            }
        }
        Ok(None)
    }

    /// The last commit that `HEAD` and a revision have in common; `None` when nothing is, as far as the
    /// clone reaches.
    ///
    /// # Errors
    /// When Git cannot be asked.
    pub fn merge_base(&self, revision: &str) -> Result<Option<Commit>, Problem> {
        let answer = self.ask(&["merge-base", "HEAD", revision])?;
        Ok(answer.filter(|answer| answer.status.success()).map(|answer| Commit(line(&answer.stdout))))
    }

    /// The ordinary files below a folder (or the file) of a path, in order of their paths.
    ///
    /// # Errors
    /// When Git cannot list the commit.
    pub fn files(&self, commit: &Commit, path: &str) -> Result<Vec<FileAt>, Problem> {
        let path = if path.is_empty() { "." } else { path };
        // Literal: a folder called `[slug]` is no pattern.
        let listing =
            ["--literal-pathspecs", "ls-tree", "-r", "-z", "--full-name", commit.as_str(), "--", path];
        let answer = self.answered(&listing)?;
        let entries = answer.stdout.split(|&byte| byte == 0).filter_map(|entry| {
            let entry = std::str::from_utf8(entry).ok()?;
            let (about, path) = entry.split_once('\t')?;
            let mut about = about.split(' ');
            // 100644 and 100755; links and submodules have no text of their own.
            let is_file = about.next()?.starts_with("100");
            let object = about.nth(1)?.to_owned();
            is_file.then(|| FileAt { path: path.to_owned(), object })
        });
        let mut files: Vec<FileAt> = entries.collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The files of a commit that say one of some words.
    ///
    /// # Errors
    /// When Git cannot search the commit.
    pub(crate) fn saying(&self, commit: &Commit, words: &[&str]) -> Result<Vec<FileAt>, Problem> {
        let patterns = words.iter().flat_map(|word| ["-e", word]);
        let mut search = vec!["grep", "-l", "-z", "-F", "-I", "--full-name"];
        search.extend(patterns);
        search.extend([commit.as_str(), "--", ":/"]);
        // It ends with 1 when there is none.
        let Some(answer) = self.ask(&search)? else { return Ok(Vec::new()) };
        let found = answer.stdout.split(|&byte| byte == 0).filter_map(|entry| {
            let object = std::str::from_utf8(entry).ok()?;
            let (_, path) = object.split_once(':')?;
            Some(FileAt { path: path.to_owned(), object: object.to_owned() })
        });
        Ok(found.collect())
    }

    /// What a file holds.
    ///
    /// # Errors
    /// When Git does not have the object: a partial clone lacks what nobody has looked at.
    pub fn read(&self, file: &FileAt) -> Result<Vec<u8>, Problem> {
        Ok(self.answered(&["cat-file", "blob", &file.object])?.stdout)
    }

    /// Whether the clone was cut off: commits are missing that others build on.
    ///
    /// # Errors
    /// When Git cannot be asked.
    pub fn is_shallow(&self) -> Result<bool, Problem> {
        let answer = self.ask(&["rev-parse", "--is-shallow-repository"])?;
        Ok(answer.is_some_and(|answer| answer.stdout.starts_with(b"true")))
    }

    pub(crate) fn find(&self, revision: &str) -> Result<Option<Commit>, Problem> {
        let peeled = format!("{revision}^{{commit}}");
        let answer = self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled])?;
        let name = answer.filter(|answer| answer.status.success()).map(|answer| line(&answer.stdout));
        // Before Git 2.30, rev-parse repeats `--end-of-options` in front of the name.
        Ok(name.and_then(|name| name.lines().last().map(|name| Commit(name.to_owned()))))
    }

    /// The names that Git gives to what files hold on disk, in the order of their paths from the top; as in
    /// [`FileAt`], with Git's own conversions of line ends.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn objects(&self, paths: &[String]) -> Result<Vec<String>, Problem> {
        let mut objects = Vec::with_capacity(paths.len());
        for some in paths.chunks(PATHS_MAX) {
            let arguments = ["hash-object", "--"].into_iter().chain(some.iter().map(String::as_str));
            let answer = self.answered(&arguments.collect::<Vec<_>>())?;
            objects.extend(String::from_utf8_lossy(&answer.stdout).lines().map(str::to_owned));
        }
        Ok(objects)
    }

    fn ask(&self, arguments: &[&str]) -> Result<Option<Answer>, Problem> {
        ask(&self.top, arguments)
    }

    /// An answer that there must be.
    fn answered(&self, arguments: &[&str]) -> Result<Answer, Problem> {
        match self.ask(arguments)? {
            Some(answer) if answer.status.success() => Ok(answer),
            Some(answer) => Err(Problem::new(format!("git failed: {}", first_line(&answer.complaint())))
                .hint(format!("try `git -C {} {}`", self.top.display(), arguments.join(" ")))
                .hint("a partial or shallow clone may lack it: fetch the whole history")),
            None => Err(Problem::new("git is not there any more").hint("is it in PATH?")),
        }
    }
}

/// Asks Git; `None` when there is none on this machine.
fn ask(folder: &Path, arguments: &[&str]) -> Result<Option<Answer>, Problem> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // A hook that runs us has these set for its own folder.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_PREFIX")
        // What Git says is compared; a prompt would wait for nobody; reading takes no lock and no network.
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1");
    match child::run(&mut command, LIMIT) {
        Ok(Some(answer)) => Ok(Some(answer)),
        Ok(None) => Err(Problem::new(format!("git did not answer within {} s", LIMIT.as_secs()))
            .hint(format!("try `git -C {} {}`", folder.display(), arguments.join(" ")))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::new(format!("git cannot be started: {error}")).hint("is it in PATH?")),
    }
}

fn line(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim_end_matches(['\n', '\r']).to_owned()
}

fn first_line(complaint: &str) -> &str {
    complaint.lines().next().unwrap_or("it did not say why").trim_start_matches("fatal: ")
}
