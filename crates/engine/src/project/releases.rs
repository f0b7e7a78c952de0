//! Which schemas run now, and which one comes.
//!
//! The new release's schema is the one of the project. The deployed ones are those that somebody names
//! (`[lint] deployed`, `--base`): a Git revision or a path. When nobody does, what is deployed is taken to be
//! the last commit that this branch shares with the default branch; outside a repository, the schema as it
//! is, which finds what breaks the client that comes and misses what breaks the one that runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;
use underpin_catalog::Name;
use underpin_prisma::ClientContract;
use underpin_prisma::schema::{Schema, Source};

use super::{Project, schema};
use crate::Problem;
use crate::git::{Commit, FileAt, Repository};

/// A schema that is deployed, or comes to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// What it is called when it is spoken of: `v1.2.0`, `the merge base with origin/main (1f2e3d4c5)`.
    pub name: String,
    /// Its schema's files; none when it has no Prisma schema yet.
    pub sources: Vec<Source>,
    /// Where the rest of the release is, when it was found in Git.
    at: Option<(Repository, Commit)>,
}

/// The releases that run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Their schemas.
    pub releases: Vec<Release>,
    /// How they were found.
    pub basis: Basis,
}

/// How the deployed releases were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// Somebody named them.
    Named,
    /// Nobody did; the default branch is taken to be deployed.
    MergeBase {
        /// `origin/main`
        branch: String,
        /// The commit that is taken to be deployed.
        commit: Commit,
    },
    /// Nobody did, and nothing tells; what is said about running clients is a guess.
    Unknown {
        /// Why, in words that fit after "because".
        reason: String,
    },
}

/// Where a deployed schema is: `git:v1.2.0`, `git:v1.2.0:apps/api/schema.prisma`, `path:../deployed.prisma`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A revision, and the schema's path from the repository's top where it was another then.
    Git {
        /// A tag, a branch or a commit.
        revision: String,
        /// A file or a folder.
        path: Option<String>,
    },
    /// A file or a folder; relative to the project's root.
    Path(PathBuf),
}

/// Text that says no place of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` says no schema: write git:REVISION, git:REVISION:PATH or path:PATH")]
pub struct NotAPlace(String);

impl FromStr for At {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let wrong = || NotAPlace(text.to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        match (kind, rest) {
            (_, "") => Err(wrong()),
            ("path", path) => Ok(Self::Path(PathBuf::from(path))),
            ("git", rest) => Ok(match rest.split_once(':') {
                Some((revision, path)) => {
                    Self::Git { revision: revision.to_owned(), path: Some(path.trim_matches('/').to_owned()) }
                }
                None => Self::Git { revision: rest.to_owned(), path: None },
            }),
            _ => Err(wrong()),
        }
    }
}

impl Release {
    /// The schema of the release that comes: the project's own.
    pub fn coming(project: &Project) -> Self {
        let sources = project.schema_files.iter().map(|file| {
            let shown = file.path.strip_prefix(&project.root).unwrap_or(&file.path);
            Source::new(shown.display().to_string(), file.text.clone())
        });
        Self { name: "the schema as it is now".to_owned(), sources: sources.collect(), at: None }
    }

    fn held(&self, folder: &Path) -> Result<BTreeSet<PathBuf>, Problem> {
        let Some((repository, commit)) = &self.at else { return Ok(BTreeSet::new()) };
        let Some(below) = repository.path_of(folder) else { return Ok(BTreeSet::new()) };
        // Git lists files below folders and no links, so the real path of one is enough for all.
        let Ok(real) = folder.canonicalize() else { return Ok(BTreeSet::new()) };
        let files = repository.files(commit, &below)?;
        let within = |file: &FileAt| Some(real.join(Path::new(&file.path).strip_prefix(&below).ok()?));
        Ok(files.iter().filter_map(within).collect())
    }

    /// The files of the release that are wanted and speak of SQL, with their texts; none where Git does not have it.
    pub(crate) fn files(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>, Problem> {
        let Some((repository, commit)) = &self.at else { return Ok(Vec::new()) };
        let files = repository.saying(commit, &["Raw", "SELECT", "select"])?;
        let wanted = files.into_iter().filter(|file| is_wanted(&file.path));
        let text = |file: FileAt| {
            let text = String::from_utf8_lossy(&repository.read(&file)?).into_owned();
            Ok((file.path, text))
        };
        wanted.map(text).collect()
    }

    /// The schema, read. It tells itself what in it could not be read.
    pub fn schema(&self) -> Schema {
        Schema::parse(self.sources.clone())
    }
}

impl Deployed {
    /// The releases that somebody named or, when nobody did, the likely one.
    ///
    /// # Errors
    /// When one that was named is not there or has no schema. What is only likely is never an error.
    pub fn find(project: &Project, named: &[At]) -> Result<Self, Problem> {
        if named.is_empty() {
            return Ok(Self::likely(project).unwrap_or_else(|reason| Self {
                releases: vec![Release::coming(project)],
                basis: Basis::Unknown { reason },
            }));
        }
        let releases = named.iter().map(|at| at.release(project)).collect::<Result<_, _>>()?;
        Ok(Self { releases, basis: Basis::Named })
    }

    /// The contracts of the clients that run, for those who judge by them. None where nobody knows which
    /// clients run; a client without any table where it is known that none does.
    pub fn clients(&self, namespace: &Name) -> Vec<ClientContract> {
        match self.basis {
            Basis::Unknown { .. } => Vec::new(),
            Basis::Named | Basis::MergeBase { .. } => {
                self.releases.iter().map(|release| ClientContract::of(&release.schema(), namespace)).collect()
            }
        }
    }

    /// The files below a folder that all of the releases hold already, by their real paths. A migration among
    /// them was deployed before or with these clients: it cannot break them, and what their predecessors
    /// needed, their schemas do not tell.
    ///
    /// # Errors
    /// When Git cannot list them.
    pub fn held(&self, folder: &Path) -> Result<BTreeSet<PathBuf>, Problem> {
        let mut held: Option<BTreeSet<PathBuf>> = None;
        for release in &self.releases {
            let there = release.held(folder)?;
            held = Some(match held {
                None => there,
                Some(before) => before.intersection(&there).cloned().collect(),
            });
        }
        Ok(held.unwrap_or_default())
    }

    /// What the default branch has; or why that cannot be told.
    fn likely(project: &Project) -> Result<Self, String> {
        let reason = |problem: Problem| problem.message;
        let repository = Repository::containing(project.schema_folder()).map_err(reason)?;
        let repository = repository.ok_or("the project is in no Git repository")?;
        let branch = repository.default_branch().map_err(reason)?;
        let branch = branch.ok_or("the repository has no branch called main or master")?;
        let commit = repository.merge_base(&branch).map_err(reason)?.ok_or_else(|| {
            format!("this branch has no commit in common with {branch}, as far as the clone reaches")
        })?;
        let name = format!("the merge base with {branch} ({})", commit.short());
        let sources = sources_at(&repository, &commit, None, project).map_err(reason)?.unwrap_or_default();
        let release = Release { name, sources, at: Some((repository, commit.clone())) };
        Ok(Self { releases: vec![release], basis: Basis::MergeBase { branch, commit } })
    }
}

impl At {
    fn release(&self, project: &Project) -> Result<Release, Problem> {
        match self {
            Self::Path(path) => {
                let path = project.root.join(path);
                let files = schema::read(&path).map_err(|error| {
                    Problem::new(format!("the deployed schema {error}")).hint(error.hint.clone())
                })?;
                if files.is_empty() {
                    return Err(Problem::new(format!("there is no deployed schema at {}", path.display()))
                        .hint("`deployed` names a schema.prisma, or a folder of .prisma files, from the project's root"));
                }
                let sources =
                    files.into_iter().map(|file| Source::new(file.path.display().to_string(), file.text));
                Ok(Release { name: path.display().to_string(), sources: sources.collect(), at: None })
            }
            Self::Git { revision, path } => {
                let repository = Repository::containing(project.schema_folder())?.ok_or_else(|| {
                    Problem::new(format!(
                        "`git:{revision}` is named as deployed, and the project is in no Git repository"
                    ))
                    .hint("run this in a clone with git installed, or name the schema with path:PATH")
                })?;
                let commit = repository.commit(revision)?;
                let sources = sources_at(&repository, &commit, path.as_deref(), project)?;
                let sources =
                    sources.ok_or_else(|| without_schema(&repository, &commit, revision, path.as_deref()))?;
                Ok(Release { name: revision.clone(), sources, at: Some((repository, commit)) })
            }
        }
    }
}

/// The schema of a commit; `None` when it has none where one would be looked for.
fn sources_at(
    repository: &Repository,
    commit: &Commit,
    path: Option<&str>,
    project: &Project,
) -> Result<Option<Vec<Source>>, Problem> {
    let mut places = match path {
        Some(path) => vec![path.to_owned()],
        None => likely_paths(repository, project),
    };
    if path.is_none()
        && !places.iter().any(|place| repository.files(commit, place).is_ok_and(|all| !all.is_empty()))
    {
        places.extend(moved_from(repository, commit, project)?);
    }
    for place in places {
        let files = repository.files(commit, &place)?;
        let is_prisma =
            |path: &str| Path::new(path).extension().is_some_and(|extension| extension == "prisma");
        let sources = files.iter().filter(|file| file.path == place || is_prisma(&file.path)).map(|file| {
            let text = String::from_utf8_lossy(&repository.read(file)?).into_owned();
            Ok(Source::new(format!("{}:{}", commit.short(), file.path), text))
        });
        let sources = sources.collect::<Result<Vec<_>, Problem>>()?;
        if !sources.is_empty() {
            return Ok(Some(sources));
        }
    }
    Ok(None)
}

/// Where the schema is now; then where it was likely before it became a folder, or came out of one.
fn likely_paths(repository: &Repository, project: &Project) -> Vec<String> {
    let now = &project.schema;
    let beside = |name: &str| now.parent().map(|folder| folder.join(name));
    let within = |name: &str| Some(now.join(name));
    let likely = match now.is_dir() {
        true => [within("schema.prisma"), beside("schema.prisma")],
        false => [beside("schema"), None],
    };
    let paths = std::iter::once(now.clone()).chain(likely.into_iter().flatten());
    paths.filter_map(|path| repository.path_of(&path)).collect()
}

/// Where a commit has the schema's file, when the whole project was moved since: the only one of its name that is
/// not there any more.
fn moved_from(
    repository: &Repository,
    commit: &Commit,
    project: &Project,
) -> Result<Option<String>, Problem> {
    let name = project.schema.file_name();
    let all = repository.files(commit, "")?;
    let mut gone = all
        .into_iter()
        .map(|file| file.path)
        .filter(|path| Path::new(path).file_name() == name && !repository.top().join(path).exists());
    Ok(gone.next().filter(|_| gone.next().is_none()))
}

fn without_schema(repository: &Repository, commit: &Commit, revision: &str, path: Option<&str>) -> Problem {
    let problem = match path {
        Some(path) => Problem::new(format!("`{revision}` has no Prisma schema at {path}")),
        None => Problem::new(format!("`{revision}` has no Prisma schema where this project has it")),
    };
    // When Git cannot list the files, nothing is said about which there are.
    let Ok(all) = repository.files(commit, "") else { return problem };
    let mut there = all.iter().map(|file| file.path.as_str()).filter(|path| path.ends_with(".prisma"));
    match there.next() {
        Some(found) => {
            problem.hint(format!("it has {found}: write git:{revision}:{found}, or the folder of several"))
        }
        None => problem.hint("it has no .prisma file at all: name a later revision"),
    }
}
