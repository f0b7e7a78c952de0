//! Everything that can be known before anything is changed.

use tokio_postgres::Client;
use underpin_catalog::{Name, ServerVersion};
use underpin_core::exit;
use underpin_core::plan::{self, FilePlan, GivenUp, Mode, ReasonCode};
use underpin_core::quantity::counted;
use underpin_core::rollout::{PhaseFile, Query, Rollout, is_guard};
use underpin_prisma::{Alignment, LedgerRow, Migration, align};
use underpin_sql::{Statement, Surroundings, mentioned, read};

use super::holding::Holding;
use super::{RefusedMigration, Request, Target};
use crate::connect::Connection;
use crate::journal::{self, Unfinished};
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::prove;
use crate::server::Server;
use crate::shadow_history::{Replayed, wanted};
use crate::surroundings;

/// A migration that is to be applied.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) checksum: String,
    pub(super) statements: Vec<Statement>,
    /// What an earlier run has begun of it.
    pub(super) begun: Option<Unfinished>,
    /// What its phase says, when it is one that was held and is released.
    pub(super) released: Option<PhaseFile>,
    /// What has to answer 0 before it is executed.
    pub(super) asks: Vec<Query>,
    /// The phase that it is, behind others whose works it counts on.
    pub(super) counts_on: Option<CountsOn>,
    /// The migration that it is the way back of.
    pub(super) undoes: Option<String>,
}

/// A phase, with the rollout in which others come before it.
#[derive(Debug)]
pub(super) struct CountsOn {
    pub(super) rollout: Rollout,
    pub(super) file: PhaseFile,
    /// Of what the files name without one.
    pub(super) namespace: Name,
}

impl Pending {
    /// What it may take away.
    pub(super) fn given_up(&self) -> GivenUp {
        self.released.as_ref().map(|phase| phase.directives.given_up(&self.name)).unwrap_or_default()
    }

    /// Up to which size tables need not be looked at closely: what is parked is copied by its key, however small.
    pub(super) fn small_bytes(&self, request: &Request) -> Option<u64> {
        let parks = self.released.as_ref().is_some_and(|phase| !phase.directives.park.is_empty());
        (!parks).then(|| request.settings.small_table_bytes())
    }
}

/// What there is to do, and what stands against it.
#[derive(Debug)]
pub(super) struct Preflight {
    pub(super) has_ledger: bool,
    pub(super) pending: Vec<Pending>,
    pub(super) refused: Vec<RefusedMigration>,
    pub(super) holding: Holding,
    applied: Vec<String>,
    /// There is no relation that anybody could use.
    nothing_there: bool,
}

/// Where the facts come from that a migration is planned with.
#[derive(Debug)]
pub(super) enum Facts {
    /// From a look at the database right before.
    Live(ServerVersion),
    /// What there is has been made by this run, in a database where nothing was: no application works with
    /// it yet, so there is nothing to look for.
    Nothing(Box<Surroundings>),
}

impl Facts {
    pub(super) async fn of(
        &self,
        connection: &Connection,
        statements: &[Statement],
        small_bytes: Option<u64>,
    ) -> Result<Surroundings, tokio_postgres::Error> {
        match self {
            Self::Live(version) => {
                surroundings::look(connection, *version, &mentioned(statements), small_bytes).await
            }
            Self::Nothing(surroundings) => Ok((**surroundings).clone()),
        }
    }
}

pub(super) async fn look(
    guard: &Connection,
    target: &Target,
    request: &Request,
    ledger: &Ledger,
    server: &Server,
) -> Result<Preflight, Problem> {
    let client = &guard.client;
    let rows = ledger.rows(client).await?;
    if rows.is_none() {
        refuse_unmanaged(client, ledger).await?;
    }
    let has_ledger = rows.is_some();
    let mut holding = Holding::look(client, target, rows.unwrap_or_default()).await?;
    let alignment = align(&target.history, holding.rows(), target.prisma);
    refuse_disagreement(&alignment, request)?;
    let unfinished = match journal::exists(client).await? {
        true => journal::unfinished(client, &target.url.schema).await?,
        false => Vec::new(),
    };
    let resumed = resumable(&alignment, unfinished)?;
    let pending = read_pending(target, &alignment, resumed)?;
    let nothing_there = alignment.applied.is_empty() && !surroundings::is_anything(client).await?;
    let pending = match nothing_there {
        // Nobody is there who could need what a contract takes away.
        true => pending,
        false => {
            let allows_edits = request.allows(ReasonCode::EditedMigration);
            let around = match holding.holds_any(&pending) {
                true => named_by(guard, &pending, None, server).await?,
                false => Surroundings::empty(server.version, Name::new(&target.url.schema)),
            };
            holding.divide(target, pending, &around, allows_edits)?
        }
    };
    let refused = refusals(guard, &pending, request, server).await?;
    Ok(Preflight { has_ledger, pending, refused, holding, applied: alignment.applied, nothing_there })
}

impl Preflight {
    /// What the pending migrations are planned with.
    pub(super) fn facts(&self, target: &Target, server: &Server) -> Facts {
        match self.nothing_there {
            true => {
                Facts::Nothing(Box::new(Surroundings::empty(server.version, Name::new(&target.url.schema))))
            }
            false => Facts::Live(server.version),
        }
    }

    /// A prover with the history that is applied already.
    pub(super) fn prover(&self, target: &Target, request: &Request, server: &Server) -> ProvingHistory {
        ProvingHistory::of(&self.applied, target, request, server)
    }
}

impl ProvingHistory {
    /// A prover with these migrations of the folder as its history.
    pub(super) fn of(applied: &[String], target: &Target, request: &Request, server: &Server) -> Self {
        let wanted = wanted(server.version, &request.settings.shadow, Some(target.root.clone()));
        let namespace = Name::new(&target.url.schema);
        let history = target
            .history
            .migrations()
            .iter()
            .filter(|migration| applied.contains(&migration.name))
            .filter_map(|migration| {
                Some((migration.name.clone(), migration.script.as_ref()?.text().to_owned()))
            })
            .collect();
        Self {
            prover: prove::Prover::new(wanted, namespace.clone(), request.proofs.clone()),
            nothing: Surroundings::empty(server.version, namespace),
            unread: history,
            replayed: Vec::new(),
        }
    }
}

/// A prover together with the history that it replays, read only when a proof is needed.
#[derive(Debug)]
pub(super) struct ProvingHistory {
    prover: prove::Prover,
    nothing: Surroundings,
    unread: Vec<(String, String)>,
    replayed: Vec<Replayed>,
}

impl ProvingHistory {
    /// A migration has been applied: it belongs to the history now.
    pub(super) fn advance(&mut self, pending: &Pending) {
        self.unread.push((pending.name.clone(), pending.text.clone()));
    }

    /// Whether the twin was proven before.
    pub(super) fn is_known(&mut self, pending: &Pending, twin: &FilePlan) -> bool {
        self.read_history();
        self.prover.is_known(
            &self.replayed,
            &self.original(&pending.name, &pending.text, &pending.statements),
            &twin.steps,
        )
    }

    /// Proves the twin.
    pub(super) async fn prove(&mut self, pending: &Pending, twin: &FilePlan) -> Result<(), prove::Unproven> {
        self.read_history();
        let original = self.original(&pending.name, &pending.text, &pending.statements);
        self.prover.prove(&self.replayed, &original, &twin.steps).await
    }

    pub(super) async fn finish(self) {
        self.prover.finish().await;
    }

    fn read_history(&mut self) {
        for (name, text) in std::mem::take(&mut self.unread) {
            // What is applied was read by a server once; should it not parse here, its replay says so.
            let statements = read(&text).unwrap_or_default();
            self.replayed.push(self.original(&name, &text, &statements));
        }
    }

    fn original(&self, name: &str, text: &str, statements: &[Statement]) -> Replayed {
        Replayed::as_written(name, text, statements, &self.nothing)
    }
}

/// Prisma's P3005: tables without a ledger.
async fn refuse_unmanaged(client: &Client, ledger: &Ledger) -> Result<(), Problem> {
    let tables = ledger.tables_beside(client).await?;
    let Some(first) = tables.first() else { return Ok(()) };
    Err(Problem::new(format!(
        "the database schema is not empty ({}, {first} among them) and has no migration history",
        counted(tables.len() as u64, "table")
    ))
    .coded("P3005")
    .hint("tell which migrations it already contains: underpin resolve --applied \"<first migration>\", and so on"))
}

fn refuse_disagreement(alignment: &Alignment, request: &Request) -> Result<(), Problem> {
    if let Some(edited) = alignment.edited.first()
        && !request.allows(ReasonCode::EditedMigration)
    {
        return Err(Problem::new(format!("migration {} was edited after it was applied", edited.name))
            .at(format!("{}/migration.sql", edited.name))
            .hint(format!("the ledger has checksum {}, the file has {}", edited.stored, edited.found))
            .hint("restore the file from version control and put the change into a new migration")
            .hint("or, knowing that the database is right as it is: --allow edited-migration"));
    }
    if let Some(unknown) = alignment.unknown.first()
        && !request.allows(ReasonCode::UnknownMigration)
    {
        return Err(Problem::new(format!(
            "the database knows {} that the folder does not have: {}",
            if alignment.unknown.len() == 1 { "a migration" } else { "migrations" },
            alignment.unknown.join(", ")
        ))
        .hint(format!(
            "this checkout is older than the database, or {unknown} was deleted: deploy from the right commit"
        ))
        .hint("or, knowing why: --allow unknown-migration"));
    }
    Ok(())
}

/// Unfinished rows of the ledger that our journal can continue; another one stops the deploy.
fn resumable(alignment: &Alignment, unfinished: Vec<Unfinished>) -> Result<Vec<Unfinished>, Problem> {
    let foreign = alignment.failed.iter().find(|row| !unfinished.iter().any(|ours| ours.id == row.id));
    if let Some(row) = foreign {
        return Err(failed_elsewhere(row));
    }
    let is_open = |ours: &Unfinished| alignment.failed.iter().any(|row| row.id == ours.id);
    Ok(unfinished.into_iter().filter(is_open).collect())
}

fn failed_elsewhere(row: &LedgerRow) -> Problem {
    let problem = Problem::new(format!(
        "migration {} began at {} and did not finish; it was not underpin that ran it, so which of its statements took effect is not recorded",
        row.migration_name, row.started_at
    ))
    .exiting(exit::NEEDS_RECOVER)
    .coded("P3009")
    .hint("look at it: underpin recover")
    .hint(format!("when the database has all of it: underpin resolve --applied \"{}\"", row.migration_name))
    .hint(format!("when the database has none of it: underpin resolve --rolled-back \"{}\"", row.migration_name));
    match row.logs.as_deref().filter(|logs| !logs.is_empty()) {
        Some(logs) => problem.hint(format!("its logs: {}", logs.lines().next().unwrap_or_default())),
        None => problem,
    }
}

fn read_pending(
    target: &Target,
    alignment: &Alignment,
    mut resumed: Vec<Unfinished>,
) -> Result<Vec<Pending>, Problem> {
    let mut pending = Vec::new();
    for migration in target.history.migrations() {
        let ours = resumed.iter().position(|ours| ours.name == migration.name).map(|at| resumed.remove(at));
        if ours.is_none() && !alignment.pending.contains(&migration.name) {
            continue;
        }
        pending.push(read_one(target, migration, ours)?);
    }
    if let Some(lost) = resumed.first() {
        return Err(Problem::new(format!("migration {} is half applied and its folder is gone", lost.name))
            .exiting(exit::NEEDS_RECOVER)
            .hint("restore the folder from version control, then run the command again")
            .hint("or see what took effect: underpin recover"));
    }
    Ok(pending)
}

fn read_one(target: &Target, migration: &Migration, begun: Option<Unfinished>) -> Result<Pending, Problem> {
    let file = format!("{}/{}/migration.sql", target.migrations_shown, migration.name);
    let Some(script) = &migration.script else {
        return Err(Problem::new(format!("could not find the migration file at {file}"))
            .coded("P3015")
            .at(file)
            .hint("delete the folder or restore the file"));
    };
    let mut statements = read(script.text()).map_err(|error| {
        let problem = Problem::new(format!("{file} is not valid SQL: {}", error.message))
            .coded("42601")
            .at(format!("{file}:{}:{}", error.line, error.column));
        match script.has_byte_order_mark() {
            true => problem.hint("the file begins with a byte order mark, which PostgreSQL refuses: save it as UTF-8 without one"),
            false => problem.hint("correct the file: no statement of it or of another pending migration was executed"),
        }
    })?;
    // It asks what we have asked already, by the same table.
    if statements.first().is_some_and(|first| is_guard(first, &migration.name)) {
        statements.remove(0);
    }
    if let Some(begun) = &begun
        && !script.matches_checksum(&begun.checksum)
    {
        return Err(Problem::new(format!(
            "migration {} was edited while it is half applied",
            migration.name
        ))
        .exiting(exit::NEEDS_RECOVER)
        .at(file)
        .hint("restore the file as it was when its first steps were executed, then run the command again")
        .hint("or see what took effect and decide: underpin recover"));
    }
    Ok(Pending {
        name: migration.name.clone(),
        text: script.text().to_owned(),
        checksum: script.checksum().to_string(),
        statements,
        begun,
        released: None,
        asks: Vec::new(),
        counts_on: None,
        undoes: None,
    })
}

/// Plans all pending files together as they will run one after the other, so that what a later one
/// would be refused for is said now. A table that an earlier one creates is new for a later one.
pub(super) async fn refusals(
    guard: &Connection,
    pending: &[Pending],
    request: &Request,
    server: &Server,
) -> Result<Vec<RefusedMigration>, Problem> {
    if request.mode == Mode::AsWritten || pending.is_empty() {
        return Ok(Vec::new());
    }
    let small_bytes = pending.iter().map(|file| file.small_bytes(request)).min().flatten();
    let around = named_by(guard, pending, small_bytes, server).await?;
    let given_up: Vec<GivenUp> = pending.iter().map(Pending::given_up).collect();
    let files = pending.iter().zip(&given_up).map(|(file, given_up)| (file.statements.as_slice(), given_up));
    let refused = plan::refusals(files, &around, &request.policy());
    Ok(pending
        .iter()
        .zip(refused)
        // What is half applied was decided when it began.
        .filter(|(file, refusals)| !refusals.is_empty() && file.begun.is_none())
        .map(|(file, refusals)| RefusedMigration { migration: file.name.clone(), refusals })
        .collect())
}

/// The facts about everything that the migrations name.
async fn named_by(
    guard: &Connection,
    pending: &[Pending],
    small_bytes: Option<u64>,
    server: &Server,
) -> Result<Surroundings, Problem> {
    let all: Vec<Statement> = pending.iter().flat_map(|file| file.statements.clone()).collect();
    Ok(surroundings::look(guard, server.version, &mentioned(&all), small_bytes).await?)
}
