//! A migrations folder and the branch that it goes to, as Git knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use underpin_core::check::base::{Against, Base, Compared, LockFiles};
use underpin_prisma::{FolderOrder, LockFile};

use crate::Problem;
use crate::files::{self, SCRIPT};
use crate::git::{Changes, Commit, FileAt, Repository};

/// Which branch a change goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// What somebody named. It has to be there.
    pub named: Option<String>,
    /// The branch that a pipeline says the request goes to, as `GITHUB_BASE_REF` does: without the remote.
    pub requested: Option<String>,
}

/// The branch that a change goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// What it is called: `origin/main`.
    pub revision: String,
    /// What it has in common with this one.
    pub common: Commit,
    /// What is another here than there.
    pub changes: Changes,
    theirs: Commit,
    repository: Repository,
}

/// That branch, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there.
    Branch(Branch),
    /// Nothing is committed, so no branch has anything yet.
    NothingCommitted,
    /// Nobody can tell.
    Unknown {
        /// Why, as half a sentence.
        why: String,
        /// What to do next.
        hints: Vec<String>,
    },
}

/// Both sides.
struct Sides<'a> {
    repository: &'a Repository,
    /// From the top of the repository to the migrations.
    folder: String,
    /// The same on disk.
    on_disk: &'a Path,
}

/// What a commit has in the folder.
struct There {
    /// Where it has it, when that is another place than here.
    moved_from: Option<String>,
    scripts: BTreeMap<String, FileAt>,
    lock_file: Option<FileAt>,
    /// What is another here, or gone, by its path from the top.
    others: BTreeSet<String>,
}

/// Finds the branch that a change goes to, from a folder of the repository.
///
/// # Errors
/// When the revision that somebody named is not there or has nothing in common, or Git cannot be asked.
pub fn find(folder: &Path, destination: &Destination) -> Result<Found, Problem> {
    let Some(repository) = Repository::containing(folder)? else {
        return Ok(Found::Unknown {
            why: "this folder is in no repository that git can find".to_owned(),
            hints: vec![
                "run it in a clone, with git installed: an image without git, or a copy without .git, has none"
                    .to_owned(),
            ],
        });
    };
    let (revision, theirs) = match revision(&repository, destination)? {
        Ok(found) => found,
        Err(nothing) => return Ok(nothing),
    };
    match repository.merge_base(theirs.as_str())? {
        Some(common) => {
            let changes = repository.changes_from(&common)?;
            Ok(Found::Branch(Branch { revision, common, changes, theirs, repository }))
        }
        None => {
            let problem = repository.nothing_in_common(&revision);
            match destination.named {
                Some(_) => Err(problem),
                None => Ok(Found::Unknown { why: problem.message, hints: problem.hints }),
            }
        }
    }
}

impl Branch {
    /// Compares a migrations folder with what the branch has. `shown` names a file in findings.
    ///
    /// # Errors
    /// When Git or a file cannot be read, or the folder is in another repository.
    pub fn compare(
        &self,
        folder: &Path,
        order: FolderOrder,
        shown: &dyn Fn(&Path) -> String,
    ) -> Result<Base, Problem> {
        let Some(below) = self.repository.path_of(folder) else {
            return Err(Problem::new("the migrations are in another repository than this folder")
                .at(folder.display().to_string())
                .hint("run the command in the repository that the migrations are in"));
        };
        let sides = Sides { repository: &self.repository, folder: below, on_disk: folder };
        let at_common = sides.there(&self.common, self.changes.not_kept_in(&sides.folder))?;
        let at_theirs = match self.theirs == self.common {
            true => None,
            false => {
                let others = self.repository.others_than(&self.theirs, &sides.folder)?;
                Some(sides.there(&self.theirs, others)?)
            }
        };
        Ok(Base {
            migrations: sides.migrations(&at_common, at_theirs.as_ref(), order, shown)?,
            lock_file: sides.lock_file(&at_common, at_theirs.as_ref(), shown)?,
            common: self.common.short().to_owned(),
            revision: self.revision.clone(),
            moved_from: at_common.moved_from,
        })
    }
}

/// The branch and its commit, or why there is none.
fn revision(
    repository: &Repository,
    destination: &Destination,
) -> Result<Result<(String, Commit), Found>, Problem> {
    if let Some(named) = &destination.named {
        return Ok(Ok((named.clone(), repository.commit(named)?)));
    }
    let unknown = |why: String, hint: String| -> Result<Result<(String, Commit), Found>, Problem> {
        let deepen = "fetch the history: `fetch-depth: 0` for actions/checkout, GIT_DEPTH: 0 in GitLab, else `git fetch --unshallow`";
        let deepen = repository.is_shallow()?.then(|| deepen.to_owned());
        Ok(Err(Found::Unknown { why, hints: deepen.into_iter().chain([hint]).collect() }))
    };
    // A pipeline knows better than the remote's default which branch its request goes to.
    if let Some(branch) = &destination.requested {
        for name in [format!("origin/{branch}"), branch.clone()] {
            if let Some(commit) = repository.find(&name)? {
                return Ok(Ok((name, commit)));
            }
        }
        return unknown(
            format!("the request goes to {branch}, and this clone has no such branch"),
            format!("git fetch origin {branch}"),
        );
    }
    match repository.default_branch()? {
        Some(branch) => {
            let commit = repository.commit(&branch)?;
            Ok(Ok((branch, commit)))
        }
        None if repository.find("HEAD")?.is_none() => Ok(Err(Found::NothingCommitted)),
        None => unknown(
            "git finds no default branch: none that the remote names, no main and no master".to_owned(),
            "name it: --base REVISION, or `base` of [check] in underpin.toml".to_owned(),
        ),
    }
}

impl Sides<'_> {
    fn there(&self, commit: &Commit, others: BTreeSet<String>) -> Result<There, Problem> {
        let there = There::of(self.repository.files(commit, &self.folder)?, &self.folder, others);
        if !there.scripts.is_empty() {
            return Ok(there);
        }
        let all = self.repository.files(commit, "")?;
        let Some(moved_from) = self.moved_from(&all)? else { return Ok(there) };
        let mut there = There::of(all, &moved_from, BTreeSet::new());
        let on_disk = |file: &FileAt| self.below(file.path.strip_prefix(&*moved_from).unwrap_or_default());
        let kept: Vec<&FileAt> = there.scripts.values().chain(&there.lock_file).collect();
        let mut others: BTreeSet<String> = kept.iter().map(|file| file.path.clone()).collect();
        for file in self.same(kept.into_iter().map(|file| (file, on_disk(file))))? {
            others.remove(&file);
        }
        (there.others, there.moved_from) = (others, Some(moved_from));
        Ok(there)
    }

    /// A path on disk as Git has it, from one below the folder.
    fn below(&self, path: &str) -> String {
        format!("{}/{}", self.folder, path.trim_start_matches('/')).trim_start_matches('/').to_owned()
    }

    /// The files of a commit that hold the same as those on disk, which need not be there.
    fn same<'f>(&self, files: impl Iterator<Item = (&'f FileAt, String)>) -> Result<Vec<String>, Problem> {
        let is_there = |path: &str| self.repository.top().join(path).is_file();
        let (files, paths): (Vec<&FileAt>, Vec<String>) = files.filter(|(_, path)| is_there(path)).unzip();
        let objects = self.repository.objects(&paths)?;
        let same = files.into_iter().zip(objects).filter(|(file, object)| file.object == *object);
        Ok(same.map(|(file, _)| file.path.clone()).collect())
    }

    /// Where a commit has this folder, when it has it elsewhere: a folder that is no more, of whose migrations
    /// most are here, and one at least as it was.
    fn moved_from(&self, all: &[FileAt]) -> Result<Option<String>, Problem> {
        let here: BTreeSet<String> = files::names(self.on_disk)?.into_iter().collect();
        let mut folders: BTreeMap<&str, Vec<(&str, &FileAt)>> = BTreeMap::new();
        for file in all {
            let Some(migration) = file.path.strip_suffix(SCRIPT).and_then(|path| path.strip_suffix('/'))
            else {
                continue;
            };
            let (folder, name) = migration.rsplit_once('/').unwrap_or(("", migration));
            folders.entry(folder).or_default().push((name, file));
        }
        let mut best: Option<(usize, &str)> = None;
        for (folder, migrations) in folders.into_iter().filter(|(folder, _)| *folder != self.folder) {
            let kept: Vec<_> = migrations.iter().filter(|(name, _)| here.contains(*name)).collect();
            let is_gone = || !kept.iter().any(|(_, file)| self.repository.top().join(&file.path).exists());
            if 2 * kept.len() >= migrations.len()
                && best.is_none_or(|(count, _)| kept.len() > count)
                && is_gone()
                && !self
                    .same(kept.iter().map(|(name, file)| (*file, self.below(&format!("{name}/{SCRIPT}")))))?
                    .is_empty()
            {
                best = Some((kept.len(), folder));
            }
        }
        Ok(best.map(|(_, folder)| folder.to_owned()))
    }

    /// All migrations of both sides, in order.
    fn migrations(
        &self,
        at_common: &There,
        at_theirs: Option<&There>,
        order: FolderOrder,
        shown: &dyn Fn(&Path) -> String,
    ) -> Result<Vec<Compared>, Problem> {
        let here: BTreeSet<String> = files::names(self.on_disk)?.into_iter().collect();
        let theirs = at_theirs.unwrap_or(at_common);
        let names: BTreeSet<&String> =
            here.iter().chain(at_common.scripts.keys()).chain(theirs.scripts.keys()).collect();
        let mut migrations = Vec::with_capacity(names.len());
        for name in names {
            let script = self.on_disk.join(name).join(SCRIPT);
            let is_here = here.contains(name);
            let mut one = Compared {
                common: at_common.against(name, is_here),
                theirs: theirs.against(name, is_here),
                path: shown(&script),
                name: name.clone(),
                text: None,
                was: None,
                renamed_to: None,
                is_here,
            };
            if one.common == Against::Other || one.theirs == Against::Other && is_here {
                let file = at_common.scripts.get(name).or_else(|| theirs.scripts.get(name));
                one.was = file.map(|file| self.text_at(file)).transpose()?;
                one.text = if is_here { Some(read(&script)?) } else { None };
            }
            migrations.push(one);
        }
        self.renamed(&mut migrations)?;
        order.sort(&mut migrations, |one| one.name.as_str());
        Ok(migrations)
    }

    /// What is gone, and is there under another name.
    fn renamed(&self, migrations: &mut [Compared]) -> Result<(), Problem> {
        let is_gone = |one: &Compared| !one.is_here && one.common == Against::Other;
        if !migrations.iter().any(is_gone) {
            return Ok(());
        }
        let mut new = BTreeMap::new();
        for one in migrations.iter().filter(|one| one.is_here && one.common == Against::Absent) {
            new.insert(read(&self.on_disk.join(&one.name).join(SCRIPT))?, one.name.clone());
        }
        for one in migrations.iter_mut().filter(|one| is_gone(one)) {
            one.renamed_to = one.was.as_ref().and_then(|was| new.get(was)).cloned();
        }
        Ok(())
    }

    fn lock_file(
        &self,
        at_common: &There,
        at_theirs: Option<&There>,
        shown: &dyn Fn(&Path) -> String,
    ) -> Result<Option<LockFiles>, Problem> {
        let Some(file) = &at_common.lock_file else { return Ok(None) };
        let is_other = |there: &There| there.others.contains(&file.path);
        if !is_other(at_common) || at_theirs.is_some_and(|theirs| !is_other(theirs)) {
            return Ok(None);
        }
        let path = self.on_disk.join(LockFile::NAME);
        let text = if path.exists() { Some(read(&path)?) } else { None };
        Ok(Some(LockFiles { path: shown(&path), was: self.text_at(file)?, text }))
    }

    fn text_at(&self, file: &FileAt) -> Result<String, Problem> {
        Ok(String::from_utf8_lossy(&self.repository.read(file)?).into_owned())
    }
}

impl There {
    fn of(files: Vec<FileAt>, folder: &str, others: BTreeSet<String>) -> Self {
        let mut there = Self { moved_from: None, scripts: BTreeMap::new(), lock_file: None, others };
        for file in files {
            let below = match folder {
                "" => Some(file.path.as_str()),
                folder => file.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')),
            };
            let Some(below) = below else { continue };
            match below.split_once('/') {
                Some((name, SCRIPT)) => _ = there.scripts.insert(name.to_owned(), file),
                None if below == LockFile::NAME => there.lock_file = Some(file),
                Some(_) | None => {}
            }
        }
        there
    }

    fn against(&self, name: &str, is_here: bool) -> Against {
        match self.scripts.get(name) {
            None => Against::Absent,
            Some(file) if is_here && !self.others.contains(&file.path) => Against::Same,
            Some(_) => Against::Other,
        }
    }
}

fn read(path: &Path) -> Result<String, Problem> {
    let bytes = std::fs::read(path).map_err(|error| {
        Problem::new(format!("cannot be read: {error}"))
            .at(path.display().to_string())
            .hint("check its permissions")
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
