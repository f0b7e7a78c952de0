//! A look at the rows of a live database: does what pending migrations presuppose hold?
//!
//! It reads and changes nothing, and it may run beside a busy application or on a replica. Each question goes to
//! the server in pieces, every piece in a short read-only transaction of its own: none holds back VACUUM, none
//! runs longer than [`PIECE_LIMIT`], and none waits for a lock for longer than a moment. When the time for a
//! question is over, what was counted so far is told as that. Which questions there are, and what an answer means,
//! is decided in `underpin_core::precondition`.
//!
//! Row security is switched off for the look: where that is not allowed, the server refuses, and rows that this
//! role may not see are never taken to be absent.

mod pieces;

use std::time::{Duration, Instant};

use tokio_postgres::Client;
use underpin_catalog::{Name, RelationName};
use underpin_core::precondition::{Answer, Counted, Pending, Precondition, preconditions};
use underpin_prisma::align;
use underpin_sql::failure::Culprits;
use underpin_sql::{Statement, mentioned, read};

use self::pieces::{Pieces, Stopped};
use crate::deploy::Target;
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::{session, surroundings};

/// No piece of a question runs longer.
const PIECE_LIMIT: Duration = Duration::from_secs(5);

/// Rows of a table that all stand against something are counted as far as this.
const ALL_MAX: u64 = 1_000;

/// How long to look, and what of the rows may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// For all questions together.
    pub budget: Duration,
    /// Whether values are shown, and not the keys of rows alone.
    pub values: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The pending migrations.
    pub pending: Vec<String>,
    /// Each precondition, with what the rows say.
    pub answers: Vec<(Precondition, Answer)>,
    /// Migrations of which the ledger says that they are half done: what is behind them is not known.
    pub failed: Vec<String>,
    /// How long it took.
    pub spent: Duration,
}

/// Asks the rows of a database about its pending migrations.
///
/// # Errors
/// The connection's; a ledger that is not there or cannot be read; a pending script that is no SQL.
pub async fn ask(target: &Target, asking: Asking) -> Result<Asked, Problem> {
    let started = Instant::now();
    let connection = session::open(&target.url, "underpin-precheck").await?;
    let client = &connection.client;
    let rows = Ledger::of(&target.url.schema).rows(client).await?;
    if rows.is_none() && surroundings::is_anything(client).await? {
        return Err(Problem::new("the database has tables and no migration history, so nobody knows what is pending")
            .coded("P3005")
            .hint("tell which migrations it already contains: underpin resolve --applied \"<first migration>\", and so on"));
    }
    let alignment = align(&target.history, rows.as_deref().unwrap_or_default(), target.prisma);
    let mut pending: Vec<(String, &str, Vec<Statement>)> = Vec::new();
    for migration in target.history.migrations() {
        let (true, Some(script)) = (alignment.pending.contains(&migration.name), &migration.script) else {
            continue;
        };
        let statements = read(script.text()).map_err(|error| {
            Problem::new(format!("the migration is no SQL: {}", error.message)).coded(error.sqlstate).at(
                format!(
                    "{}/{}/migration.sql:{}:{}",
                    target.migrations_shown, migration.name, error.line, error.column
                ),
            )
        })?;
        pending.push((migration.name.clone(), script.text(), statements));
    }
    let all: Vec<Statement> = pending.iter().flat_map(|(_, _, statements)| statements.clone()).collect();
    // Whatever the size: constraints and indexes tell what need not be asked.
    let around =
        surroundings::look(&connection, connection.server_version, &mentioned(&all), Some(0)).await?;
    let migrations: Vec<Pending<'_>> =
        pending.iter().map(|(name, text, statements)| Pending { name, text, statements }).collect();
    let asked = preconditions(&migrations, &around);
    let until = started + asking.budget;
    // What one question leaves is for the others.
    let share = |open: usize| {
        let left = until.saturating_duration_since(Instant::now());
        left / u32::try_from(open).unwrap_or(u32::MAX)
    };
    let mut answers = Vec::with_capacity(asked.len());
    let mut first_share = Duration::ZERO;
    let count = asked.len();
    for (at, precondition) in asked.into_iter().enumerate() {
        let share = share(count - at);
        first_share = first_share.max(share);
        let answer = answer(client, &precondition, Instant::now() + share, asking.values).await?;
        answers.push((precondition, answer));
    }
    // And what all of them leave, for those that had not enough.
    let is_short = |answer: &Answer| matches!(answer, Answer::Counted(Counted { rows: 0, all: false, .. }));
    let mut open = answers.iter().filter(|(_, answer)| is_short(answer)).count();
    for (precondition, known) in answers.iter_mut().filter(|(_, answer)| is_short(answer)) {
        let share = share(open);
        open -= 1;
        // Less time than the first time would tell less.
        if share > first_share
            && let better @ Answer::Counted(_) =
                answer(client, precondition, Instant::now() + share, asking.values).await?
        {
            *known = better;
        }
    }
    Ok(Asked {
        pending: pending.into_iter().map(|(name, ..)| name).collect(),
        answers,
        failed: alignment.failed.iter().map(|row| row.migration_name.clone()).collect(),
        spent: started.elapsed(),
    })
}

async fn answer(
    client: &Client,
    asked: &Precondition,
    deadline: Instant,
    values: bool,
) -> Result<Answer, Problem> {
    let culprits = match &asked.culprits {
        Ok(culprits) => culprits,
        Err(why) => return Ok(Answer::Unknown((*why).to_owned())),
    };
    let own = match culprits {
        Culprits::OwnWhere(_) => Name::new(Culprits::OWN),
        _ => asked.table.name.clone(),
    };
    let columns = if values { asked.columns.clone() } else { Vec::new() };
    let mut pieces = Pieces { client, own, key: &asked.key, values: columns, deadline };
    let counted = match culprits {
        Culprits::All => pieces.first(&asked.table, ALL_MAX).await,
        Culprits::AllOfSeveral => pieces
            .first(&asked.table, ALL_MAX)
            .await
            .map(|counted| Counted { rows: if counted.rows > 1 { counted.rows } else { 0 }, ..counted }),
        Culprits::Where(condition) | Culprits::OwnWhere(condition) => {
            whole(&mut pieces, &asked.table, Some(condition), &[]).await
        }
        Culprits::Equal { keys, among } => whole(&mut pieces, &asked.table, among.as_ref(), keys).await,
    };
    match counted {
        Ok(counted) => Ok(Answer::Counted(counted)),
        Err(Stopped::Refused(why)) => Ok(Answer::Unknown(why)),
        Err(Stopped::Lost(error)) => Err(error.into()),
    }
}

/// All tables below one: what is unique is so in each of them by itself.
async fn whole(
    pieces: &mut Pieces<'_>,
    table: &RelationName,
    condition: Option<&String>,
    keys: &[String],
) -> Result<Counted, Stopped> {
    let mut sum = Counted { all: true, ..Counted::default() };
    for leaf in pieces.leaves(table).await? {
        let counted = match keys {
            [] => pieces.matching(&leaf, condition.map_or("true", String::as_str)).await?,
            keys => pieces.equal(&leaf, keys, condition.map(String::as_str)).await?,
        };
        sum.rows += counted.rows;
        sum.looked_at += counted.looked_at;
        sum.all &= counted.all;
        sum.samples.extend(counted.samples);
        sum.samples.truncate(pieces::SAMPLES_MAX);
    }
    Ok(sum)
}
