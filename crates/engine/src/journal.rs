//! The journal: what we did and who may do it, in schema `underpin` of the target.
//!
//! A transactional step commits its row with its effect. A statement that cannot run in a
//! transaction is an intent first, and settled by looking at the catalog. The texts that belong into
//! somebody's transaction are returned as [`Sql`]; the others are executed here.

mod rollouts;

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio_postgres::Client;
use underpin_catalog::{Literal, Sql, sql};
use underpin_core::backfill::Key;
use underpin_core::run::Refusal;
use underpin_sql::{Step, StepId};
use uuid::Uuid;

pub(crate) use self::rollouts::{Calls, Hold, Known, holds, known, upgrade};

/// The version of the tables that this program writes.
const VERSION: i32 = 3;

/// The version of those that every journal begins with; [`upgrade`] adds the rest.
const FIRST_VERSION: i32 = 1;

/// Who we are in the journal.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// The namespace of the ledger that we serve.
    pub(crate) scope: String,
    /// This run.
    pub(crate) run: Uuid,
    /// The fence: ours as long as the lease has this number.
    pub(crate) epoch: i64,
}

/// How a migration is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Statement by statement, as the file says.
    AsWritten,
    /// As its online twin.
    Online,
}

impl Mode {
    /// As the journal stores it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AsWritten => "as_written",
            Self::Online => "online",
        }
    }
}

/// A migration in the journal that has begun and not ended.
#[derive(Clone, Debug)]
pub(crate) struct Unfinished {
    /// Id of its row in the ledger.
    pub(crate) id: String,
    /// The folder's name.
    pub(crate) name: String,
    /// The script's checksum when it began.
    pub(crate) checksum: String,
    /// How it was executed.
    pub(crate) mode: Mode,
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// What stopped it, when that is known.
    pub(crate) error: Option<(String, String)>,
    /// All its steps, as they were decided when it began; `None` when this program cannot read them.
    pub(crate) plan: Option<Vec<Step>>,
    /// Its steps as far as they were begun, in order.
    pub(crate) steps: Vec<JournalStep>,
}

/// A step in the journal.
#[derive(Clone, Debug)]
pub(crate) struct JournalStep {
    /// The step.
    pub(crate) id: StepId,
    /// What it is for.
    pub(crate) intent: String,
    /// What was executed.
    pub(crate) sql: String,
    /// Whether it is complete.
    pub(crate) applied: bool,
    /// Where its batches stand.
    pub(crate) cursor: Option<serde_json::Value>,
}

impl Unfinished {
    /// The steps that are complete.
    pub(crate) fn applied(&self) -> BTreeSet<StepId> {
        self.steps.iter().filter(|step| step.applied).map(|step| step.id.clone()).collect()
    }

    /// The steps that were begun without a transaction and whose end is not known.
    pub(crate) fn begun(&self) -> BTreeSet<StepId> {
        self.steps.iter().filter(|step| !step.applied).map(|step| step.id.clone()).collect()
    }
}

/// Whether the journal is there.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn exists(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let row = client.query_one("SELECT to_regclass('underpin.step') IS NOT NULL", &[]).await?;
    Ok(row.get(0))
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// A newer program has written it.
    #[error("the journal in schema underpin has version {0}, this program knows version {VERSION}")]
    Newer(i32),
    /// The server said no, or is gone.
    #[error(transparent)]
    Server(#[from] tokio_postgres::Error),
}

/// Creates the journal where it is missing, in its first version. Under the advisory lock.
///
/// # Errors
/// [`JournalError::Newer`]; `42501` when the role may not create a schema in the database.
pub(crate) async fn bootstrap(client: &Client) -> Result<(), JournalError> {
    if !exists(client).await? {
        let text = include_str!("journal/schema.sql");
        client.batch_execute("BEGIN").await?;
        let made = client.batch_execute(text).await;
        if let Err(error) = made {
            client.batch_execute("ROLLBACK").await?;
            return Err(error.into());
        }
        let version = sql!(
            "INSERT INTO underpin.meta (version) SELECT {} WHERE NOT EXISTS (SELECT FROM underpin.meta); COMMIT",
            FIRST_VERSION
        );
        client.batch_execute(version.as_str()).await?;
    }
    let found: i32 = client.query_one("SELECT max(version) FROM underpin.meta", &[]).await?.get(0);
    if found > VERSION { Err(JournalError::Newer(found)) } else { Ok(()) }
}

/// Takes the lease over: from here on, transactions of every earlier run find themselves fenced.
/// Waits for those that are just committing.
///
/// # Errors
/// Those of the connection; `55P03` when an earlier runner's transaction does not end.
pub(crate) async fn take_lease(
    client: &Client,
    scope: &str,
    run: Uuid,
) -> Result<Owner, tokio_postgres::Error> {
    let row = client
        .query_one(
            "INSERT INTO underpin.lease AS l (scope, epoch, run) VALUES ($1, 1, $2)
             ON CONFLICT (scope) DO UPDATE SET epoch = l.epoch + 1, run = $2, taken_at = clock_timestamp()
             RETURNING epoch",
            &[&scope, &run],
        )
        .await?;
    Ok(Owner { scope: scope.to_owned(), run, epoch: row.get(0) })
}

impl Owner {
    /// Returns a row exactly while we own the lease, and keeps it ours to the end of the transaction.
    pub(crate) fn fence(&self) -> Sql {
        sql!(
            "SELECT 1 FROM underpin.lease WHERE scope = {} AND epoch = {} FOR SHARE",
            Literal(&self.scope),
            self.epoch
        )
    }

    /// Records that a migration has begun, or with `finished` that it is complete in one transaction.
    pub(crate) fn migration(&self, begun: &Begun, plan: &[&Step], finished: Option<Timestamp>) -> Sql {
        let state = if finished.is_some() { "applied" } else { "running" };
        let plan = match (finished, serde_json::to_string(plan)) {
            (None, Ok(text)) => sql!("{}::jsonb", Literal(&text)),
            _ => Sql::verbatim("NULL"),
        };
        sql!(
            "INSERT INTO underpin.migration ({}, finished_at, plan) VALUES ({}, {}, {})",
            Sql::verbatim(BEGUN),
            self.begun(begun, state),
            instant(finished),
            plan,
        )
    }

    /// The values of [`BEGUN`].
    fn begun(&self, begun: &Begun, state: &str) -> Sql {
        sql!(
            "{}, {}, {}, {}, {}, {}, {}, {}, {}, {}",
            Literal(&begun.id),
            Literal(&self.scope),
            Literal(&begun.name),
            Literal(&begun.checksum),
            Literal(&self.run.to_string()),
            self.epoch,
            Literal(env!("CARGO_PKG_VERSION")),
            Literal(begun.mode.as_str()),
            Literal(state),
            instant(Some(begun.started_at)),
        )
    }

    /// Records that a begun migration is complete.
    pub(crate) fn migration_applied(&self, id: &str, finished: Timestamp) -> Sql {
        sql!(
            "UPDATE underpin.migration SET state = 'applied', finished_at = {}, sqlstate = NULL, error = NULL WHERE id = {}",
            instant(Some(finished)),
            Literal(id)
        )
    }

    /// Forgets a migration of which nothing has taken effect, with its intents.
    pub(crate) fn never_begun(&self, id: &str) -> Sql {
        sql!("DELETE FROM underpin.migration WHERE id = {} AND state = 'running'", Literal(id))
    }

    /// Records a step: `applied` within its own transaction, else as an intent before it runs.
    pub(crate) fn step(&self, migration: &str, ordinal: usize, step: &Step, applied: bool) -> Sql {
        sql!(
            "INSERT INTO underpin.step AS s (migration, id, ordinal, intent, sql, state, epoch, finished_at)
             VALUES ({}, {}, {}, {}, {}, {}, {}, {})
             ON CONFLICT (migration, id) DO UPDATE
             SET state = excluded.state, attempts = s.attempts + 1, epoch = excluded.epoch, finished_at = excluded.finished_at",
            Literal(migration),
            Literal(step.id.as_str()),
            ordinal,
            Literal(&step.intent),
            Literal(text_of(step).as_str()),
            Literal(if applied { "applied" } else { "intent" }),
            self.epoch,
            Sql::verbatim(if applied { "clock_timestamp()" } else { "NULL" }),
        )
    }

    /// Records that a step which was an intent is complete.
    pub(crate) fn step_applied(&self, migration: &str, step: &StepId) -> Sql {
        sql!(
            "UPDATE underpin.step SET state = 'applied', finished_at = clock_timestamp() WHERE migration = {} AND id = {}",
            Literal(migration),
            Literal(step.as_str())
        )
    }

    /// Records where a step's batches stand.
    pub(crate) fn cursor(&self, migration: &str, step: &StepId, cursor: &Key) -> Sql {
        sql!(
            "UPDATE underpin.step SET cursor = {}::jsonb WHERE migration = {} AND id = {}",
            Literal(&serde_json::json!(cursor).to_string()),
            Literal(migration),
            Literal(step.as_str())
        )
    }

    /// Records what stopped a migration. Without a begun row (nothing of it took effect) one is
    /// written in state `failed`.
    pub(crate) fn failure(&self, begun: &Begun, half_done: bool, refusal: &Refusal) -> Sql {
        let state = if half_done { "running" } else { "failed" };
        sql!(
            "INSERT INTO underpin.migration ({}, finished_at, sqlstate, error) VALUES ({}, clock_timestamp(), {}, {})
             ON CONFLICT (id) DO UPDATE SET sqlstate = excluded.sqlstate, error = excluded.error, epoch = excluded.epoch",
            Sql::verbatim(BEGUN),
            self.begun(begun, state),
            Literal(&refusal.sqlstate),
            Literal(&refusal.message),
        )
    }
}

/// What a row of `underpin.migration` says from its beginning.
const BEGUN: &str = "id, scope, name, checksum, run, epoch, tool, mode, state, started_at";

/// A migration that begins.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    /// Id of its row in the ledger, a version 4 UUID.
    pub(crate) id: String,
    /// The folder's name.
    pub(crate) name: String,
    /// The script's checksum.
    pub(crate) checksum: String,
    /// How it is executed.
    pub(crate) mode: Mode,
    /// When it began, by our clock, as Prisma does it.
    pub(crate) started_at: Timestamp,
}

/// An instant as a literal with the microseconds that PostgreSQL keeps.
pub(crate) fn instant(at: Option<Timestamp>) -> Sql {
    match at {
        Some(at) => sql!("{}::timestamptz", Literal(&format!("{at:.6}"))),
        None => Sql::verbatim("NULL"),
    }
}

/// What a step executes, for the journal and for people.
pub(crate) fn text_of(step: &Step) -> Sql {
    match &step.action {
        underpin_sql::Action::Execute { sql } | underpin_sql::Action::BuildIndex { sql, .. } => sql.clone(),
        underpin_sql::Action::Batches(batches) => batches.in_one(),
    }
}

/// The migrations of a scope that have begun and not ended.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn unfinished(
    client: &Client,
    scope: &str,
) -> Result<Vec<Unfinished>, tokio_postgres::Error> {
    let rows = client
        .query(
            "SELECT id, name, checksum, mode, started_at, sqlstate, error, plan FROM underpin.migration
             WHERE scope = $1 AND state = 'running' ORDER BY started_at",
            &[&scope],
        )
        .await?;
    let mut found = Vec::new();
    for row in rows {
        let id: String = row.get(0);
        let mode: String = row.get(3);
        let sqlstate: Option<String> = row.get(5);
        let error: Option<String> = row.get(6);
        found.push(Unfinished {
            steps: steps(client, &id).await?,
            id,
            name: row.get(1),
            checksum: row.get(2),
            mode: if mode == "online" { Mode::Online } else { Mode::AsWritten },
            started_at: row.get(4),
            error: sqlstate.zip(error),
            plan: row
                .get::<_, Option<serde_json::Value>>(7)
                .and_then(|plan| serde_json::from_value(plan).ok()),
        });
    }
    Ok(found)
}

/// The steps of a migration that were begun, in order.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn steps(
    client: &Client,
    migration: &str,
) -> Result<Vec<JournalStep>, tokio_postgres::Error> {
    let rows = client
        .query(
            "SELECT id, intent, sql, state = 'applied', cursor FROM underpin.step WHERE migration = $1 ORDER BY ordinal",
            &[&migration],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| JournalStep {
            id: StepId::from_journal(row.get(0)),
            intent: row.get(1),
            sql: row.get(2),
            applied: row.get(3),
            cursor: row.get(4),
        })
        .collect())
}
