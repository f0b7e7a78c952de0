//! `create`: a new migration without a development database.
//!
//! The history is replayed on a throwaway server and described as Prisma would; what lacks to the schema is
//! the migration. It is executed there too, and the way back behind it, so that somebody who reads the two
//! files knows what they do. Which statements are written is Prisma's rule ([`Migration`]); how the files get
//! to disk is [`writing`]'s.

mod back;
pub mod earlier;
mod rehearsal;
pub mod writing;

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, join, join3, select};
use tokio::task::spawn_blocking;
use underpin_catalog::{Catalog, differences};
use underpin_core::down::Tried;
use underpin_core::recipe::Refill;
use underpin_prisma::migrate::{Migration, Protected, Scope};
use underpin_prisma::{PrismaCatalog, Schema};
use underpin_sql::sending::Sender;

use self::rehearsal::Rehearsal;
use crate::compat::{Clients, Stop, Witness, fits};
use crate::introspect::introspect;
use crate::problem::Problem;
use crate::project::releases::At;
use crate::project::{Project, SchemaFile};
use crate::prove::{Unproven, send};
use crate::reading::{beside, ended};
use crate::shadow_history::{failed, is_refusal};
use crate::state::{Ground, Reading, Told};

/// A history on a server, and the schema that it does not reach yet.
#[derive(Debug)]
pub struct Creation {
    /// The history.
    pub told: Told,
    /// The schema.
    pub schema: Schema,
    /// What the history ends in, as Prisma sees it.
    pub before: PrismaCatalog,
    /// What the schema wants.
    pub after: PrismaCatalog,
    /// All that the history ends in.
    pub catalog: Arc<Catalog>,
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

/// What became of the phases of a change on the server.
#[derive(Debug)]
pub(crate) struct Phases {
    /// The way there and back.
    pub(crate) rehearsed: Rehearsed,
    /// What was seen of the clients: before the first phase, and behind each.
    pub(crate) stops: Vec<Stop>,
    /// Whether they end where they should.
    pub(crate) ends: Result<(), Unproven>,
}

/// The copy on which a file is executed as Prisma writes it, and what it is called.
const WRITTEN: (&str, &str) = ("underpin_written", "the file as Prisma writes it");

/// The copies on which files are executed that are to end where it ends.
const ONLINE: [(&str, &str); 2] =
    [("underpin_online", "the online form"), ("underpin_online_too", "the online form")];

impl Creation {
    /// Reads the schema and replays the history. The server runs until [`Self::finish`].
    ///
    /// # Errors
    /// Mistakes in the schema, all of them; a history that does not replay, with the place; no server.
    pub async fn begin(reading: Reading, files: &[SchemaFile], told: Told) -> Result<Self, Problem> {
        let read = beside({
            let (reading, files) = (reading.clone(), files.to_vec());
            move || {
                let schema = reading.parsed(&files);
                reading.of_schema(&schema).map(|after| (schema, after))
            }
        });
        // The server starts meanwhile. Where the schema has mistakes, nobody wants to know what became of it.
        let (read, replayed) = match select(pin!(read), pin!(reading.replayed(&told))).await {
            Either::Left((read, replayed)) => (Ok(read?), replayed.await),
            Either::Right((replayed, read)) => (read.await, replayed),
        };
        let ((schema, after), mut ground) = match (read, replayed) {
            (Ok(read), Ok(replayed)) => (read, replayed),
            (Err(problem), Ok(replayed)) => {
                replayed.finish().await;
                return Err(problem);
            }
            (Err(problem), Err(_)) | (Ok(_), Err(problem)) => return Err(problem),
        };
        let scope = reading.scope([&schema].into_iter());
        let described = match ground.catalog().await {
            Ok(catalog) => reading.seen(&catalog, &scope).map(|before| (catalog, before)),
            Err(problem) => Err(problem),
        };
        match described {
            Ok((catalog, before)) => {
                let catalog = Arc::new(catalog);
                Ok(Self { told, schema, before, after, catalog, reading, scope, ground })
            }
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

    /// Gets ready for files to be tried: whoever calls this will do so, and has something else to do before.
    pub fn get_ready(&self) {
        self.ground.copy_ahead(rehearsal::COPY);
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
        let rehearsal = Rehearsal::begin(self).await?;
        Ok(self.walk(rehearsal, files, &[], None).await?.0)
    }

    /// The same for the phases of one change, and proves that they end where `text` ends. The way back from the last
    /// gives `refills` their values. What `clients` send is asked about in every state in which they run; `contract`
    /// is the place of the contract phase.
    ///
    /// # Errors
    /// As [`Self::rehearse`].
    pub(crate) async fn rehearse_phases(
        &self,
        text: &str,
        files: &[String],
        refills: &[Refill],
        (clients, contract): (&Clients, Option<usize>),
    ) -> Result<Phases, Problem> {
        let texts: Vec<&str> = files.iter().map(String::as_str).collect();
        let (sender, other) = match self.sender() {
            Sender::PrismaWhole => (Sender::PrismaWhole, Sender::PrismaSplit),
            sender => (sender, Sender::PrismaWhole),
        };
        let here = async {
            let rehearsal = Rehearsal::begin(self).await?;
            let written = match rehearsal.would_be(text).await? {
                Some(catalog) => Ok(catalog),
                None => self.end(WRITTEN, &[text], sender).await,
            };
            let start: &Catalog = &self.catalog;
            let ends = (start, written.as_ref().unwrap_or(start));
            let mut witness = Witness::new(clients, ends, (files.len(), contract));
            let (rehearsed, end) = self.walk(rehearsal, files, refills, Some(&mut witness)).await?;
            Ok::<_, Problem>((rehearsed, end, witness.stops(self.ground.look()).await?, written))
        };
        // What the one sender leads to is seen on the way; the other one goes it meanwhile.
        let (here, elsewhere) = join(here, self.end(ONLINE[0], &texts, other)).await;
        let (rehearsed, end, stops, written) = here?;
        let ends = || {
            let (written, elsewhere) = (written?, elsewhere?);
            let mut found = differences(&written, &end);
            found.extend(differences(&written, &elsewhere));
            if found.is_empty() { Ok(()) } else { Err(Unproven::Differs(found)) }
        };
        Ok(Phases { rehearsed, stops, ends: ends() })
    }

    /// Goes through the files of a rehearsal: what became of them, and what is there behind the last one that runs.
    async fn walk<'a>(
        &self,
        mut rehearsal: Rehearsal<'a>,
        files: &'a [String],
        refills: &[Refill],
        mut witness: Option<&mut Witness<'_>>,
    ) -> Result<(Rehearsed, Arc<Catalog>), Problem> {
        let mut rehearsed = Rehearsed { ways_back: Vec::new(), fails: None, again: None };
        let (mut catalog, mut seen) = (Arc::clone(&self.catalog), Vec::new());
        for (at, file) in files.iter().enumerate() {
            let there = match rehearsal.file(file).await? {
                Ok(there) => Arc::new(there),
                Err(why) => {
                    rehearsed.fails = Some(why);
                    rehearsed.ways_back = rehearsal.ways_back().await?;
                    return Ok((rehearsed, catalog));
                }
            };
            if let Some(witness) = &mut witness {
                witness.look(rehearsal.looks(), &there).await?;
            }
            let refills = if at + 1 == files.len() { refills } else { &[] };
            // Prisma has to be able to look at every state.
            let (reading, scope, state) = (self.reading.clone(), self.scope.clone(), Arc::clone(&there));
            seen.push(spawn_blocking(move || reading.seen(&state, &scope)));
            rehearsal.back((Arc::clone(&there), catalog), refills).await?;
            catalog = there;
        }
        rehearsed.ways_back = rehearsal.ways_back().await?;
        let mut end = None;
        for seen in seen {
            end = Some(ended(seen).await?);
        }
        let end = end.as_ref().unwrap_or(&self.before);
        let mut again = Migration::between(end, &self.after, self.reading.version);
        again.spare(&catalog, &self.scope);
        rehearsed.again = (!again.steps.is_empty()).then(|| again.script());
        Ok((rehearsed, catalog))
    }

    /// Proves that files end where another text ends, behind the history, sent by any version of Prisma.
    ///
    /// # Errors
    /// [`Unproven`], which says why.
    pub async fn prove(&self, text: &str, files: &[String]) -> Result<(), Unproven> {
        let texts: Vec<&str> = files.iter().map(String::as_str).collect();
        let written = [text];
        let written = self.end(WRITTEN, &written, self.sender());
        let whole = self.end(ONLINE[0], &texts, Sender::PrismaWhole);
        let split = self.end(ONLINE[1], &texts, Sender::PrismaSplit);
        let (written, whole, split) = join3(written, whole, split).await;
        let (written, whole, split) = (written?, whole?, split?);
        for online in [whole, split] {
            let found = differences(&written, &online);
            if !found.is_empty() {
                return Err(Unproven::Differs(found));
            }
        }
        Ok(())
    }

    /// The catalog behind files, in one session as Prisma has it.
    async fn end(
        &self,
        (copy, which): (&str, &'static str),
        files: &[&str],
        sender: Sender,
    ) -> Result<Catalog, Unproven> {
        let client = self.ground.copy(copy).await?;
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
