//! What is judged: from what was typed to files and the version of Prisma that sends them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use underpin_core::check::base::{Against, Base};
use underpin_core::lint::baseline::Scope;
use underpin_core::lint::order::Standing;
use underpin_core::lint::repository::RepositoryFile;
use underpin_engine::Problem;
use underpin_engine::files::{self, STAGED, seen_from};
use underpin_engine::git::{Changes, Repository};
use underpin_engine::project::{Project, ProjectErrorKind, installed_prisma};
use underpin_prisma::{FolderOrder, PrismaVersion, Script};

use crate::arguments::Migrations;
use crate::place;

/// What standard input is called in a report.
const STDIN: &str = "stdin";

/// Everything that a run of lint needs from outside.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    pub(crate) sequences: Vec<Sequence>,
    pub(crate) scope: Scope,
    /// The project, when its migrations were asked for.
    pub(crate) project: Option<Project>,
    /// The version that applies them, as far as it is known.
    pub(crate) prisma: Option<PrismaVersion>,
    /// Its migrations folder, or the one that was named as such.
    pub(crate) folder: Option<PathBuf>,
    /// What is odd and does not stop anything, each a sentence.
    pub(crate) warnings: Vec<String>,
    /// Folders of a history that have no script, likewise.
    pub(crate) without_script: Vec<String>,
    /// Migrations that are no more what they were at the revision since which was asked, each a sentence.
    pub(crate) not_kept: Vec<String>,
}

/// A file as the report names it.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// From the working folder, with `/`.
    pub(crate) path: String,
    /// Where it is.
    pub(crate) at: PathBuf,
    pub(crate) script: Script,
    /// Whether it is judged, or read for what it leaves behind.
    pub(crate) asked: bool,
    /// Whether a database can have it already, as Git tells.
    pub(crate) standing: Standing,
}

/// Files that follow each other on one database.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub(crate) files: Vec<File>,
    pub(crate) from_empty: bool,
    /// Folders of the history that have no script.
    pub(crate) without_script: Vec<PathBuf>,
}

/// Since when something is new.
#[derive(Clone, Debug)]
pub(crate) struct Since {
    /// As it was typed.
    revision: String,
    /// The files that are new, as real paths: somebody may stand behind a link.
    new: BTreeSet<PathBuf>,
    /// The same as the file system has them, by device and number.
    as_numbers: BTreeSet<(u64, u64)>,
    /// The files that were there before and are others now, or gone.
    not_kept: Vec<PathBuf>,
}

impl Since {
    /// Asks Git.
    fn of(revision: &str, cwd: &Path) -> Result<Self, Problem> {
        let repository = Repository::containing(cwd)?.ok_or_else(|| {
            Problem::new("--since asks Git, and this folder is in no repository that git can find")
                .hint("is git installed, and is this a clone? An image without git, or a copy without .git, has none")
                .hint("without --since everything is linted")
        })?;
        Ok(Self::from(revision, &repository.changes_since(revision)?))
    }

    /// What Git has said already.
    pub(crate) fn from(revision: &str, changes: &Changes) -> Self {
        let new: BTreeSet<PathBuf> =
            changes.new_files().filter_map(|path| path.canonicalize().ok()).collect();
        Self {
            revision: revision.to_owned(),
            as_numbers: new.iter().filter_map(|path| number(path)).collect(),
            new,
            not_kept: changes.not_kept_files().collect(),
        }
    }

    /// Whether a file is new.
    fn is_new(&self, file: &Path) -> bool {
        // The real path of a file takes ten questions to the system, its number one, and nearly all files are old.
        number(file).is_some_and(|number| self.as_numbers.contains(&number))
            && file.canonicalize().is_ok_and(|path| self.new.contains(&path))
    }
}

fn number(path: &Path) -> Option<(u64, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.dev(), about.ino()))
}

/// The files, and since when they are asked for.
pub(crate) fn gather_since(
    options: &Migrations,
    since: Option<&str>,
    cwd: &Path,
) -> Result<(Gathered, Option<Since>), Problem> {
    let mut gathered = gather(options, cwd)?;
    let since = since.map(|revision| Since::of(revision, cwd)).transpose()?;
    if let Some(since) = &since {
        gathered.only_since(since, cwd);
    }
    Ok((gathered, since))
}

/// The files, all of them asked for.
pub(crate) fn gather(options: &Migrations, cwd: &Path) -> Result<Gathered, Problem> {
    let mut warnings = Vec::new();
    let prisma = prisma(options, cwd)?;
    let order = FolderOrder::of(prisma);
    let (stdin, paths): (Vec<&PathBuf>, Vec<&PathBuf>) =
        options.paths.iter().partition(|path| *path == Path::new("-"));
    let mut project = None;
    let mut history = None;
    let found = match (paths.is_empty(), stdin.is_empty()) {
        (true, true) => {
            let (folder, found) = migrations_folder(options, cwd, &mut warnings)?;
            project = found;
            let sequence = files::history(&folder, order)?;
            history = Some(folder);
            vec![sequence]
        }
        (true, false) => Vec::new(),
        (false, _) => files::named(&paths.into_iter().cloned().collect::<Vec<_>>(), cwd, order)?,
    };
    let without_script =
        found.iter().flat_map(|sequence| without_script(&sequence.without_script, cwd)).collect();
    let mut sequences: Vec<Sequence> = found.into_iter().map(|sequence| shown(sequence, cwd)).collect();
    if !stdin.is_empty() {
        let files = vec![read_stdin()?];
        sequences.push(Sequence { files, from_empty: false, without_script: Vec::new() });
    }
    Ok(Gathered {
        sequences,
        scope: if options.paths.is_empty() { Scope::Whole } else { Scope::Part },
        project,
        prisma,
        folder: history,
        warnings,
        without_script,
        not_kept: Vec::new(),
    })
}

impl Gathered {
    /// Asks only for what is new. The rest stays for its state alone.
    pub(crate) fn only_since(&mut self, since: &Since, cwd: &Path) {
        let not_kept = self.not_kept(since);
        self.not_kept = not_kept.iter().map(|path| is_not_kept(path, &since.revision, cwd)).collect();
        let in_place: Vec<PathBuf> = not_kept.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let files = self.sequences.iter_mut().flat_map(|sequence| &mut sequence.files);
        // Git knows nothing of what comes in by standard input.
        for file in files.filter(|file| file.at != Path::new(STDIN)) {
            file.asked &= since.is_new(&file.at);
            let was_there = || file.at.canonicalize().is_ok_and(|path| in_place.contains(&path));
            file.standing = if file.asked && !was_there() { Standing::New } else { Standing::Old };
        }
        self.scope = Scope::Part;
    }

    /// Migrations that were there before and are others now, or gone. Where they are applied, somebody will wonder.
    fn not_kept(&self, since: &Since) -> Vec<PathBuf> {
        if since.not_kept.is_empty() {
            return Vec::new();
        }
        let files = self.sequences.iter().flat_map(|sequence| &sequence.files);
        let folders: BTreeSet<PathBuf> = files.filter_map(|file| files::history_of(&file.at)).collect();
        let folders: BTreeSet<PathBuf> =
            folders.into_iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        let is_ours = |path: &&PathBuf| {
            let folder = files::history_of(path).and_then(|folder| folder.canonicalize().ok());
            folder.is_some_and(|folder| folders.contains(&folder))
        };
        since.not_kept.iter().filter(is_ours).cloned().collect()
    }

    /// The project's history, which is gathered when no paths are named.
    pub(crate) fn history(&self) -> &Sequence {
        self.sequences.first().expect("without paths a history is gathered")
    }

    /// Whether any file is judged.
    pub(crate) fn is_anything_asked(&self) -> bool {
        self.sequences.iter().flat_map(|sequence| &sequence.files).any(|file| file.asked)
    }

    /// Takes back that all is new: the folder was moved, and Git tells files by their paths.
    pub(crate) fn moved(&mut self, base: &Base) {
        for file in self.sequences.iter_mut().flat_map(|sequence| &mut sequence.files) {
            let name = file.at.parent().and_then(Path::file_name).unwrap_or_default();
            if let Some(known) = base.migrations.iter().find(|known| name == known.name.as_str()) {
                file.asked &= known.common != Against::Same;
                file.standing = known.standing();
            }
        }
    }

    /// The text of each file by its path in the report.
    pub(crate) fn texts(&self) -> BTreeMap<&str, &str> {
        let files = self.sequences.iter().flat_map(|sequence| &sequence.files);
        files.map(|file| (file.path.as_str(), file.script.text())).collect()
    }
}

/// From the top of the repository to a folder, with a `/` at its end; empty at the top, and outside of all
/// repositories.
pub(crate) fn below_top(cwd: &Path) -> String {
    // Git is not asked: a report must not depend on whether it is installed.
    let top = cwd.ancestors().find(|folder| folder.join(".git").exists());
    match top.map(|top| seen_from(top, cwd)) {
        None => String::new(),
        Some(below) if below.is_empty() => String::new(),
        Some(below) => format!("{below}/"),
    }
}

fn prisma(options: &Migrations, cwd: &Path) -> Result<Option<PrismaVersion>, Problem> {
    match &options.destination.prisma {
        None => Ok(installed_prisma(cwd).map(|found| found.version)),
        Some(typed) => place::typed_version(typed).map(Some),
    }
}

/// The project's migrations. A configuration that cannot be evaluated, as in a pipeline without the project's
/// packages, is no reason to look at nothing where Prisma's usual folder is there.
fn migrations_folder(
    options: &Migrations,
    cwd: &Path,
    warnings: &mut Vec<String>,
) -> Result<(PathBuf, Option<Project>), Problem> {
    if let Some(typed) = &options.files.migrations {
        return Ok((files::normal(&cwd.join(typed)), None));
    }
    match Project::discover(&place::at(cwd, &options.files)) {
        Ok(project) => {
            warnings.extend(project.warnings.iter().cloned());
            Ok((files::normal(&project.migrations_folder), Some(project)))
        }
        Err(error) => {
            let usual = cwd.join("prisma").join("migrations");
            let is_configuration =
                matches!(error.kind, ProjectErrorKind::ConfigFailed | ProjectErrorKind::NodeNeeded);
            if is_configuration && usual.is_dir() {
                warnings.push(format!("{}; linting prisma/migrations", error.message));
                return Ok((usual, None));
            }
            let no_project =
                error.kind == ProjectErrorKind::SchemaNotFound && options.files.prisma.schema.is_none();
            let problem = place::problem(&error);
            Err(if no_project {
                let elsewhere = projects_near(cwd);
                let found = elsewhere.iter().fold(problem, |problem, there| {
                    problem.hint(format!("there is one in {there}: cd {there}, and run the command there"))
                });
                found.hint("or name what to lint: underpin lint FILE.sql, or a folder of such files")
            } else {
                problem
            })
        }
    }
}

/// Folders with a project of Prisma, above this one or else a few levels below it, as in a repository of several
/// packages. At most three.
fn projects_near(cwd: &Path) -> Vec<String> {
    let is_one = |folder: &Path| {
        folder.join("prisma/schema.prisma").is_file()
            || folder.join("schema.prisma").is_file() && !folder.ends_with("prisma")
    };
    if let Some(above) = cwd.ancestors().skip(1).find(|folder| is_one(folder)) {
        return vec![seen_from(cwd, above)];
    }
    let mut found = Vec::new();
    let mut level = vec![cwd.to_owned()];
    for _ in 0..3 {
        let entries = level.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        let is_looked_into =
            |name: &str| !name.starts_with('.') && name != "node_modules" && name != "prisma";
        level = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter(|entry| entry.file_name().to_str().is_some_and(is_looked_into))
            .map(|entry| entry.path())
            // A folder of data can be very wide.
            .take(200)
            .collect();
        level.sort_unstable();
        found.extend(level.iter().filter(|folder| is_one(folder)).map(|folder| seen_from(cwd, folder)));
    }
    found.truncate(3);
    found
}

/// Folders that end a deploy when their turn comes, and what to do about them.
fn without_script(folders: &[PathBuf], cwd: &Path) -> Vec<String> {
    let beside = folders.first().and_then(|folder| folder.parent());
    let is_staged = |folder: &Path| folder.join(STAGED).exists();
    // Looked for only where something is odd.
    let interrupted = beside
        .and_then(|migrations| std::fs::read_dir(migrations).ok())
        .is_some_and(|entries| entries.filter_map(Result::ok).any(|entry| is_staged(&entry.path())));
    let warning = |folder: &PathBuf| {
        let shown = seen_from(cwd, folder);
        match interrupted {
            true => format!(
                "{shown} has no migration.sql, because `underpin lint --fix` was interrupted: run it again, and it \
                 finishes or takes back what it had begun"
            ),
            false => format!(
                "{shown} has no migration.sql: a deploy ends when its turn comes (P3015); restore the file, or remove \
                 the folder"
            ),
        }
    };
    folders.iter().map(warning).collect()
}

fn is_not_kept(path: &Path, revision: &str, cwd: &Path) -> String {
    let shown = seen_from(cwd, path);
    match path.exists() {
        true => format!(
            "{shown} was there before and is changed since {revision}: a database that has it applied keeps what the \
             old one did, and `prisma migrate dev` asks to reset it; put it back, and write a new migration"
        ),
        false => format!(
            "{shown} was there before and is gone since {revision}: `prisma migrate dev` asks to reset a database \
             that has it applied; put it back, also when its folder was only renamed"
        ),
    }
}

/// The pipelines, images and scripts around the migrations, when a project is asked about and not some files.
/// Their paths are from the working folder.
pub(crate) fn repository(options: &Migrations, since: Option<&Since>, cwd: &Path) -> Vec<RepositoryFile> {
    if !options.paths.is_empty() {
        return Vec::new();
    }
    let found = match since {
        None => underpin_engine::repository::read(cwd),
        Some(since) => underpin_engine::repository::read_of(cwd, &since.new),
    };
    // A folder that cannot be listed is no reason to judge no migration.
    let Ok(found) = found else { return Vec::new() };
    let root = found.root;
    let files = found.files.into_iter();
    files
        .map(|file| RepositoryFile { path: seen_from(cwd, &root.join(&file.path)), text: file.text })
        .collect()
}

/// A sequence as the report names it.
fn shown(sequence: files::Sequence, cwd: &Path) -> Sequence {
    let file = |file: files::SqlFile| File {
        standing: Standing::Unknown,
        path: seen_from(cwd, &file.path),
        at: file.path,
        script: Script::of(file.bytes),
        asked: file.asked,
    };
    Sequence {
        files: sequence.files.into_iter().map(file).collect(),
        from_empty: sequence.from_empty,
        without_script: sequence.without_script,
    }
}

fn read_stdin() -> Result<File, Problem> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| {
        Problem::new(format!("standard input cannot be read: {error}"))
            .hint("pipe a file into `underpin lint -`")
    })?;
    Ok(File {
        path: STDIN.to_owned(),
        at: PathBuf::from(STDIN),
        script: Script::of(bytes),
        asked: true,
        standing: Standing::Unknown,
    })
}
