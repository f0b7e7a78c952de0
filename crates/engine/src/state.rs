//! What a database is, as one of several sources tells it: nothing, a `schema.prisma`, a migrations folder
//! that is replayed on a throwaway server, or a live database.
//!
//! Schemas are read before anything else, so that a slip in one is told before a server is started; they also
//! say which namespaces of the others count. What is done with two states (a difference, a migration, a
//! check) is the business of those who ask for them.

mod replayed;

use std::path::{Path, PathBuf};

use underpin_catalog::{Catalog, Name, ServerVersion};
use underpin_core::settings::ShadowSettings;
use underpin_prisma::migrate::{LeadsOut, Migration, Protected, Scope};
use underpin_prisma::schema::{Schema, Source as Text};
use underpin_prisma::{DatabaseUrl, FolderOrder, PrismaCatalog, PrismaVersion, SchemaHead};
use underpin_shadow::{Wanted, find};

pub use self::replayed::Told;
pub(crate) use self::replayed::{Ground, migrations, not_replayed};
use crate::files::{normal, seen_from};
use crate::introspect::introspect;
use crate::problem::{Fault, Problem};
use crate::project::{ProjectError, SchemaFile, schema_at};
use crate::session;

/// Where it is told what a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: there is nothing in it.
    Empty,
    /// In a Prisma schema: a file or a folder.
    Schema(PathBuf),
    /// In a migrations folder.
    Migrations(PathBuf),
    /// In itself.
    Database {
        /// Where it is.
        url: Box<DatabaseUrl>,
        /// The schema that says which namespaces of it count, when there is one.
        schema: Option<PathBuf>,
    },
}

/// What a database is.
#[derive(Clone, Debug)]
pub struct State {
    /// As Prisma Migrate sees it.
    pub prisma: PrismaCatalog,
    /// All that is in it, where a server was asked.
    pub catalog: Option<Catalog>,
    /// Scripts that make it, in order: those of its history, else what Prisma would write for it.
    pub scripts: Vec<String>,
}

/// What two sources tell, read for each other.
#[derive(Clone, Debug)]
pub struct Sides {
    /// The database as it is.
    pub before: State,
    /// The database as it shall be.
    pub after: State,
    scope: Scope,
}

/// What no Prisma schema can say of two databases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsayable {
    /// What the one before has, with what a migration does to it.
    pub before: Vec<Protected>,
    /// What the one after has alone. No migration that Prisma writes makes it.
    pub only_after: Vec<Protected>,
}

/// What sources are read with.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The folder that paths are from, absolute.
    pub cwd: PathBuf,
    /// The version of Prisma whose understanding counts.
    pub version: PrismaVersion,
    /// The namespace of names that say none.
    pub namespace: Name,
    /// Where a throwaway server comes from.
    pub shadow: ShadowSettings,
    /// Its major version; `None` for the newest on this machine.
    pub major: Option<u32>,
}

impl Reading {
    /// What both sources tell.
    ///
    /// # Errors
    /// A source that is not there or cannot be read; with a schema, all that is wrong in it; a history that does not
    /// replay; no server to replay it on; those of the connection.
    pub async fn both(&self, before: &Source, after: &Source) -> Result<Sides, Problem> {
        let schemas = (self.schema_of(before)?, self.schema_of(after)?);
        let scope = self.scope([&schemas.0, &schemas.1].into_iter().flatten());
        let before = self.state(before, schemas.0.as_ref(), &scope).await?;
        let after = self.state(after, schemas.1.as_ref(), &scope).await?;
        Ok(Sides { before, after, scope })
    }

    /// The database that Prisma makes of a schema.
    ///
    /// # Errors
    /// P1012, with everything that is wrong in the schema.
    pub fn of_schema(&self, schema: &Schema) -> Result<PrismaCatalog, Problem> {
        PrismaCatalog::of_schema(schema, &self.namespace, self.version).map_err(|errors| {
            let faults = errors.iter().map(|error| Fault {
                place: format!("{}:{}", schema.path(error.span), schema.place(error.span)),
                message: error.message.clone(),
                hint: error.hint.clone(),
            });
            misunderstood(faults.collect())
        })
    }

    /// The texts of a schema, read; what is wrong in them is told by [`Self::of_schema`].
    pub fn parsed(&self, files: &[SchemaFile]) -> Schema {
        let text = |file: &SchemaFile| Text::new(seen_from(&self.cwd, &file.path), &*file.text);
        Schema::parse(files.iter().map(text).collect())
    }

    /// What Prisma's engine looks at when these schemas are spoken of: the namespaces that any of them lists.
    pub fn scope<'a>(&self, schemas: impl Iterator<Item = &'a Schema>) -> Scope {
        let mut scope = Scope::of_connection(self.namespace.clone(), self.version);
        for schema in schemas {
            let other = Scope::of_schema(schema, self.namespace.clone(), self.version);
            scope.listed.extend(other.listed);
            scope.previews.extend(other.previews);
        }
        scope.listed.sort();
        scope.listed.dedup();
        scope
    }

    /// What Prisma's engine sees of a database.
    ///
    /// # Errors
    /// P4002: it refuses to look at it.
    pub fn seen(&self, catalog: &Catalog, scope: &Scope) -> Result<PrismaCatalog, Problem> {
        PrismaCatalog::of_database(catalog, scope).map_err(|out: LeadsOut| {
            let problem = Problem::new(out.to_string()).coded("P4002");
            out.hint().into_iter().fold(problem, Problem::hint)
        })
    }

    /// The order of a folder's migrations.
    pub fn order(&self) -> FolderOrder {
        FolderOrder::of(Some(self.version))
    }

    /// The throwaway server that is wanted: of the major that somebody named, else the newest that is here. What Prisma
    /// sees of a history does not depend on it.
    pub fn server(&self) -> ServerVersion {
        let is_here = |major: &u32| {
            let wanted = Wanted { major: *major, ..self.wanted(*major) };
            find(&Wanted { may_fetch: false, ..wanted }).is_ok()
        };
        let newest = *ServerVersion::SUPPORTED.end();
        let here = || ServerVersion::SUPPORTED.rev().find(is_here);
        ServerVersion::of_major(self.major.or_else(here).unwrap_or(newest))
    }

    fn wanted(&self, major: u32) -> Wanted {
        crate::shadow_history::wanted(ServerVersion::of_major(major), &self.shadow, Some(self.cwd.clone()))
            .server
    }

    fn schema_of(&self, source: &Source) -> Result<Option<Schema>, Problem> {
        let path = match source {
            Source::Empty | Source::Migrations(_) | Source::Database { schema: None, .. } => return Ok(None),
            Source::Schema(path) | Source::Database { schema: Some(path), .. } => path,
        };
        let (files, _) = named(path, &self.cwd)?;
        Ok(Some(self.parsed(&files)))
    }

    async fn state(&self, source: &Source, schema: Option<&Schema>, scope: &Scope) -> Result<State, Problem> {
        match source {
            Source::Empty => Ok(self.made_by_prisma(PrismaCatalog::default(), None)),
            Source::Schema(_) => {
                let schema = schema.expect("it was read before");
                Ok(self.made_by_prisma(self.of_schema(schema)?, None))
            }
            Source::Migrations(folder) => {
                let told = Told::read(&normal(&self.cwd.join(folder)), self.order(), &self.cwd)?;
                let mut ground = self.replayed(&told).await?;
                let catalog = ground.catalog().await;
                ground.finish().await;
                let catalog = catalog?;
                let prisma = self.seen(&catalog, scope)?;
                Ok(State { prisma, catalog: Some(catalog), scripts: told.texts() })
            }
            Source::Database { url, .. } => {
                let connection = session::open(url, "underpin-diff").await?;
                let catalog = introspect(&connection.client).await?;
                let prisma = self.seen(&catalog, scope)?;
                Ok(self.made_by_prisma(prisma, Some(catalog)))
            }
        }
    }

    /// A database whose history nobody tells.
    fn made_by_prisma(&self, prisma: PrismaCatalog, catalog: Option<Catalog>) -> State {
        let nothing = PrismaCatalog::default();
        let migration = Migration::between(&nothing, &prisma, self.version);
        let scripts = if migration.steps.is_empty() { Vec::new() } else { vec![migration.script()] };
        State { prisma, catalog, scripts }
    }
}

impl Sides {
    /// What no schema can say of either side, as far as a server was asked about it. `migration` is the way from
    /// the one to the other.
    pub fn unsayable(&self, migration: &Migration<'_>) -> Unsayable {
        let of = |state: &State, migration: &Migration<'_>| {
            state
                .catalog
                .as_ref()
                .map(|catalog| migration.protected(catalog, &self.scope))
                .unwrap_or_default()
        };
        let before = of(&self.before, migration);
        let rest = Migration::between(&self.after.prisma, &self.after.prisma, migration.version);
        let mut only_after = of(&self.after, &rest);
        only_after.retain(|there| !before.iter().any(|here| here.object == there.object));
        Unsayable { before, only_after }
    }
}

/// The version of Prisma that two sources are read with where nobody says it: what the first schema of them takes.
///
/// # Errors
/// When a schema is not there, cannot be read, or is for another database.
pub fn assumed_version(sources: [&Source; 2], cwd: &Path) -> Result<PrismaVersion, Problem> {
    for source in sources {
        if let Source::Schema(path) | Source::Database { schema: Some(path), .. } = source {
            return Ok(PrismaVersion::assumed_for(&named(path, cwd)?.1));
        }
    }
    Ok(PrismaVersion::assumed_for(&SchemaHead::default()))
}

fn named(path: &Path, cwd: &Path) -> Result<(Vec<SchemaFile>, SchemaHead), Problem> {
    schema_at(&normal(&cwd.join(path)), "the command line").map_err(unread)
}

/// A schema with mistakes: one is told with its place, several are listed.
fn misunderstood(mut faults: Vec<Fault>) -> Problem {
    if faults.len() == 1 {
        let only = faults.remove(0);
        return Problem::new(only.message).coded("P1012").at(only.place).hint(only.hint);
    }
    let message = format!("the Prisma schema has {} mistakes", faults.len());
    Problem { faults: faults.into(), ..Problem::new(message).coded("P1012") }
}

/// A project's error where only a part of one was asked for.
fn unread(error: ProjectError) -> Problem {
    let problem = Problem::new(error.message).hint(error.hint);
    let file = error.file.as_deref().map(Path::display);
    match (file, error.place) {
        (Some(file), Some(place)) => problem.at(format!("{file}:{place}")),
        (Some(file), None) => problem.at(file.to_string()),
        (None, _) => problem,
    }
}
