//! `create`: a new migration without a development database.
//!
//! The history is replayed on a throwaway server and described as Prisma would; what lacks to the schema is
//! the migration. It is executed there too, and the way back behind it, so that somebody who reads the two
//! files knows what they do. Which statements are written is Prisma's rule ([`Migration`]); how the files get
//! to disk is [`writing`]'s.

mod back;
pub mod earlier;
pub mod writing;

use std::path::Path;

use underpin_catalog::{Catalog, differences};
use underpin_core::down::Tried;
use underpin_core::recipe::Refill;
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Migration, Protected, Scope};
use underpin_sql::sending::Sender;

use self::back::way_back;
use crate::compat::{Client, Clients, Stop, fits};
use crate::introspect::introspect;
use crate::problem::Problem;
use crate::project::releases::At;
use crate::project::{Project, SchemaFile};
use crate::prove::{Unproven, send};
use crate::shadow_history::{failed, is_refusal, said};
use crate::state::{Ground, Reading, Told};

/// A history on a server, and the schema that it does not reach yet.
#[derive(Debug)]
pub struct Creation {
    /// The history.
    pub told: Told,
    /// What the history ends in, as Prisma sees it.
    pub before: PrismaCatalog,
    /// What the schema wants.
    pub after: PrismaCatalog,
    /// All that the history ends in.
    pub catalog: Catalog,
    reading: Reading,
    scope: Scope,
    ground: Ground,
}

/// The way back from one file.
#[derive(Clone, Debug, PartialEq)]
pub struct WayBack {
    /// The text of its `down.sql`.
    pub text: String,
    /// What became of it on the server.
    pub tried: Tried,
}

/// What became of new files on the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsed {
    /// The way back from each file that runs, in their order.
    pub ways_back: Vec<WayBack>,
    /// Why a file does not run.
    pub fails: Option<String>,
    /// What Prisma would find to do once more behind them, as SQL: it writes some things that it then does
    /// not recognise.
    pub again: Option<String>,
}

impl Creation {
    /// Reads the schema and replays the history. The server runs until [`Self::finish`].
    ///
    /// # Errors
    /// Mistakes in the schema, all of them; a history that does not replay, with the place; no server.
    pub async fn begin(reading: Reading, files: &[SchemaFile], told: Told) -> Result<Self, Problem> {
        let schema = reading.parsed(files);
        let after = reading.of_schema(&schema)?;
        let scope = reading.scope([&schema].into_iter());
        let mut ground = reading.replayed(&told).await?;
        let described = match ground.catalog().await {
            Ok(catalog) => reading.seen(&catalog, &scope).map(|before| (catalog, before)),
            Err(problem) => Err(problem),
        };
        match described {
            Ok((catalog, before)) => Ok(Self { told, before, after, catalog, reading, scope, ground }),
            Err(problem) => {
                ground.finish().await;
                Err(problem)
            }
        }
    }

    /// What lacks, without what would drop an object that no schema can say; and all such objects.
    pub fn migration(&self) -> (Migration<'_>, Vec<Protected>) {
        let mut migration = Migration::between(&self.before, &self.after, self.reading.version);
        let protected = migration.spare(&self.catalog, &self.scope);
        (migration, protected)
    }

    /// The same between other descriptions of the two.
    pub(crate) fn migration_between<'a>(
        &self,
        before: &'a PrismaCatalog,
        after: &'a PrismaCatalog,
    ) -> Migration<'a> {
        let mut migration = Migration::between(before, after, self.reading.version);
        migration.spare(&self.catalog, &self.scope);
        migration
    }

    /// What of the database Prisma looks at.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The clients whose releases run while a plan is on its way. One that cannot have been made for what the
    /// history ends in is not the one that is out: its schema came before its migration did. Then it is a
    /// release that fits, and the names of those that do not are answered too.
    ///
    /// # Errors
    /// When the release that is out is named and not found, and when the sources cannot be read.
    pub fn clients(&self, project: &Project, bases: &[At]) -> Result<(Clients, Vec<String>), Problem> {
        let mut clients = Clients::of_plan(project, bases, &self.reading, &self.before)?;
        let mut unfit = Vec::new();
        for at in 0..clients.coming() {
            let client = &clients.all()[at];
            if !fits(&client.contract, &self.catalog) {
                unfit.push(client.name.clone());
                clients.take_fitting(at, &self.before, &self.reading);
            }
        }
        Ok((clients, unfit))
    }

    /// The major version of the server.
    pub fn major(&self) -> u32 {
        self.ground.major()
    }

    /// Executes new files behind the history, and the way back from each.
    ///
    /// # Errors
    /// Those of the server, when they are about neither.
    pub async fn rehearse(&self, files: &[String]) -> Result<Rehearsed, Problem> {
        Ok(self.rehearse_phases(files, &[], &[]).await?.0)
    }

    /// The same for the phases of one change. The way back from the last gives these columns their values. What
    /// these clients send is asked about before the first phase and behind each.
    ///
    /// # Errors
    /// As [`Self::rehearse`].
    pub(crate) async fn rehearse_phases(
        &self,
        files: &[String],
        refills: &[Refill],
        clients: &[Client],
    ) -> Result<(Rehearsed, Vec<Stop>), Problem> {
        let mut rehearsed = Rehearsed { ways_back: Vec::new(), fails: None, again: None };
        let (mut catalog, mut seen) = (self.catalog.clone(), self.before.clone());
        let mut stops = Vec::new();
        if !clients.is_empty() {
            let session = self.ground.look().await?;
            stops.push(Stop::at(&session, catalog.clone(), clients).await?);
        }
        for last in 0..files.len() {
            let client = self.ground.copy("underpin_create").await?;
            for file in &files[..=last] {
                if let Err(error) = send(&client, file, self.sender()).await {
                    rehearsed.fails = Some(said(&error));
                    return Ok((rehearsed, stops));
                }
            }
            let there = introspect(&client).await?;
            let after = self.reading.seen(&there, &self.scope)?;
            if !clients.is_empty() {
                stops.push(Stop::at(&client, there.clone(), clients).await?);
            }
            let refills = if last + 1 == files.len() { refills } else { &[] };
            let namespace = &self.reading.namespace;
            let way = way_back(&client, &files[last], (&there, &catalog), namespace, refills).await?;
            rehearsed.ways_back.push(way);
            (catalog, seen) = (there, after);
        }
        let mut again = Migration::between(&seen, &self.after, self.reading.version);
        again.spare(&catalog, &self.scope);
        rehearsed.again = (!again.steps.is_empty()).then(|| again.script());
        Ok((rehearsed, stops))
    }

    /// Proves that files end where another text ends, behind the history, sent by any version of Prisma.
    ///
    /// # Errors
    /// [`Unproven`], which says why.
    pub async fn prove(&self, text: &str, files: &[String]) -> Result<(), Unproven> {
        let texts: Vec<&str> = files.iter().map(String::as_str).collect();
        let written = self.end(&[text], self.sender(), "the file as Prisma writes it").await?;
        for sender in [Sender::PrismaWhole, Sender::PrismaSplit] {
            let found = differences(&written, &self.end(&texts, sender, "the online form").await?);
            if !found.is_empty() {
                return Err(Unproven::Differs(found));
            }
        }
        Ok(())
    }

    /// The catalog behind files, in one session as Prisma has it.
    async fn end(&self, files: &[&str], sender: Sender, which: &'static str) -> Result<Catalog, Unproven> {
        let client = self.ground.copy("underpin_online").await?;
        for file in files {
            let sent = send(&client, file, sender).await;
            sent.map_err(|error| Unproven::Failed {
                which,
                refused: is_refusal(&error),
                error: failed(&error),
            })?;
        }
        Ok(introspect(&client).await?)
    }

    /// Stops the server.
    pub async fn finish(self) {
        self.ground.finish().await;
    }

    /// What is in the folder now, which is not what it was when somebody has worked there meanwhile.
    ///
    /// # Errors
    /// As [`Told::of`].
    pub fn is_current(&self, folder: &Path) -> Result<bool, Problem> {
        self.told.is_current(folder, &self.reading)
    }

    fn sender(&self) -> Sender {
        match self.reading.version.splits_scripts() {
            true => Sender::PrismaSplit,
            false => Sender::PrismaWhole,
        }
    }
}
