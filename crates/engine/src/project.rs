//! Finding a Prisma project as it really is: its schema, configuration, migrations and the URL of
//! its database, for Prisma 5, 6 and 7.
//!
//! It reads files and, for a configuration that is not a literal, runs Node in the project. It
//! writes nothing, connects to nothing, and reads no environment but the one it is given. Bad
//! input gives one [`ProjectError`] with the place and what to do. Whether a database URL is
//! needed is the command's business: a missing one is an error only when [`Project::database`] is
//! asked.

mod config;
mod database;
mod env_files;
mod error;
mod installed;
mod migrations;
mod node;
pub mod releases;
mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use underpin_prisma::{FolderOrder, History, LockFile, PrismaVersion, Provider, SchemaHead};

pub use database::{FoundUrl, UrlSource};
pub use error::{ProjectError, ProjectErrorKind};
pub use installed::{InstalledPrisma, installed_prisma};
pub use schema::SchemaFile;

/// Where to look: the folder a command runs in, what was said on the command line, and the
/// environment.
#[derive(Debug, Clone, Default)]
pub struct Where {
    /// The working folder; it should be absolute.
    pub cwd: PathBuf,
    /// `--schema`: a file or a folder.
    pub schema: Option<PathBuf>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--migrations`.
    pub migrations: Option<PathBuf>,
    /// `--url`.
    pub url: Option<String>,
    /// The environment. `PATH` in it is where Node is looked for.
    pub environment: BTreeMap<String, String>,
}

/// A project, read.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of the nearest `package.json`, or the working folder.
    pub root: PathBuf,
    /// The schema: a file or a folder.
    pub schema: PathBuf,
    /// The files of the schema, in order of their paths.
    pub schema_files: Vec<SchemaFile>,
    /// What the schema says about its datasource and generators.
    pub head: SchemaHead,
    /// `prisma.config.*`, if the project has one.
    pub config_file: Option<PathBuf>,
    /// The migrations folder.
    pub migrations_folder: PathBuf,
    /// The migrations, in the order in which the installed Prisma applies them.
    pub history: History,
    /// `migration_lock.toml`, if it is there. It agrees with the schema.
    pub lock_file: Option<LockFile>,
    /// The installed Prisma, as far as it can be told without running it.
    pub prisma_version: Option<PrismaVersion>,
    /// What is odd and does not stop anything, each a sentence.
    pub warnings: Vec<String>,
    database: Result<FoundUrl, ProjectError>,
}

impl Project {
    /// Finds and reads a project.
    ///
    /// # Errors
    /// [`ProjectError`] for the first thing that is missing or wrong; all of them end a command
    /// with exit code 2.
    pub fn discover(place: &Where) -> Result<Self, ProjectError> {
        let project = Self::even_without_migrations(place)?;
        migrations::is_begun(&project.migrations_folder, &project.history)?;
        Ok(project)
    }

    /// The same for a project that may have no migration yet, and no folder for them.
    ///
    /// # Errors
    /// As [`Self::discover`].
    pub fn even_without_migrations(place: &Where) -> Result<Self, ProjectError> {
        let root = root(&place.cwd);
        let prisma_version = installed_prisma(&place.cwd).map(|found| found.version);
        let mut warnings = Vec::new();

        let config = config::load(place)?;
        let environment =
            env_files::environment(place, config.as_ref().map(|config| &config.file), prisma_version)?;
        let (schema_path, schema_files) = schema::locate(place, config.as_ref(), prisma_version)?;
        let head = schema::head(&schema_files)?;
        let provider = schema::provider(&head, &schema_files)?;

        let migrations_folder = migrations::folder(place, config.as_ref(), &head, &schema_files);
        let (found, lock_file) = migrations::read(&migrations_folder, &mut warnings)?;
        check_lock_file(&provider, lock_file.as_ref(), &migrations_folder)?;
        let history = History::new(found, FolderOrder::of(prisma_version));
        if let Some((a, b)) = history.order_in_doubt() {
            warnings.push(format!(
                "migrations `{a}` and `{b}` are applied in another order by Prisma before 6.6, which sorts by \
                 bytes, than by later versions, which sort by collation"
            ));
        }

        let database = database::find(place, config.as_ref(), &head, &schema_files, &environment);
        if let Ok(found) = &database {
            warnings.extend(database::warnings(found, &environment));
        }
        Ok(Self {
            root,
            schema: schema_path,
            schema_files,
            head,
            config_file: config.map(|config| config.file),
            migrations_folder,
            history,
            lock_file,
            prisma_version,
            warnings,
            database,
        })
    }

    /// The database that migrations go to, and where its URL comes from.
    ///
    /// # Errors
    /// [`ProjectError`] when no URL is given, its variable is not set, or it cannot be read.
    pub fn database(&self) -> Result<&FoundUrl, ProjectError> {
        self.database.as_ref().map_err(Clone::clone)
    }

    /// The folder where relative certificate paths of the URL start.
    pub fn schema_folder(&self) -> &Path {
        match self.schema.is_dir() {
            true => &self.schema,
            false => self.schema.parent().unwrap_or(&self.root),
        }
    }
}

/// The files of a Prisma schema that somebody named, a file or a folder, with what they say about the datasource. `by` is how it was named.
///
/// # Errors
/// [`ProjectError`] when it is not there, cannot be read, or is for another database than PostgreSQL.
pub fn schema_at(path: &Path, by: &str) -> Result<(Vec<SchemaFile>, SchemaHead), ProjectError> {
    schema::named(path, by)
}

fn root(cwd: &Path) -> PathBuf {
    let with_package = cwd.ancestors().find(|folder| folder.join("package.json").is_file());
    with_package.unwrap_or(cwd).to_owned()
}

fn check_lock_file(provider: &Provider, lock: Option<&LockFile>, folder: &Path) -> Result<(), ProjectError> {
    let Some(lock) = lock else { return Ok(()) };
    if lock.agrees_with(provider) {
        return Ok(());
    }
    let error = ProjectError::new(
        ProjectErrorKind::ProviderChanged,
        format!("{} says provider `{}`, the schema says `{provider}`", LockFile::NAME, lock.provider()),
        "the folder was written for another database: point --schema and --migrations at the same project, or \
         start a new history (https://pris.ly/d/migrate-provider-switch)",
    )
    .in_file(folder.join(LockFile::NAME));
    Err(match lock.line() {
        Some(line) => error.at(underpin_prisma::Place { line, column: 1 }),
        None => error,
    })
}
