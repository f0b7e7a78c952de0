//! Rollouts in the journal: which phases are held in this database, and what is known of their old clients.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};
use underpin_catalog::{Literal, Sql, sql};
use underpin_core::rollout::Remembered;
use underpin_prisma::LedgerRow;

use super::{JournalError, Owner, VERSION, instant};

/// A rollout as it was when it began here.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its name, its phases, and whether it was led back.
    pub(crate) remembered: Remembered,
    /// The checksums of its phases' files.
    pub(crate) checksums: Vec<String>,
    /// What was counted of statements that name what goes.
    pub(crate) calls: Option<Calls>,
    /// What was counted of statements that name what it has made.
    pub(crate) new_calls: Option<Calls>,
}

/// How often statements were executed, and since when that has not changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    /// By `queryid`.
    pub(crate) counted: BTreeMap<String, i64>,
    /// Since when.
    pub(crate) quiet_since: Timestamp,
}

/// A phase that is or was held.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    /// The folder's name.
    pub(crate) migration: String,
    /// Since when.
    pub(crate) held_since: Timestamp,
    /// When its gates were passed.
    pub(crate) released_at: Option<Timestamp>,
}

/// Whether rollouts can be in the journal.
async fn is_there(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let row = client.query_one("SELECT to_regclass('underpin.hold') IS NOT NULL", &[]).await?;
    Ok(row.get(0))
}

/// The rollouts of a scope.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn known(client: &Client, scope: &str) -> Result<Vec<Known>, tokio_postgres::Error> {
    if !is_there(client).await? {
        return Ok(Vec::new());
    }
    let rows = client
        .query(
            // The last two are not there in version 2.
            "SELECT name, folders, checksums, aborted_at, calls, quiet_since, to_jsonb(r) -> 'new_calls',
                    (to_jsonb(r) ->> 'new_quiet_since')::timestamptz
             FROM underpin.rollout r WHERE scope = $1 ORDER BY known_since, name",
            &[&scope],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| {
            let calls = |at: usize| {
                let counted = row.get::<_, Option<Value>>(at).filter(|calls| !calls.is_null());
                let counted = counted.and_then(|calls| serde_json::from_value(calls).ok());
                let quiet_since: Option<Timestamp> = row.get(at + 1);
                counted.zip(quiet_since).map(|(counted, quiet_since)| Calls { counted, quiet_since })
            };
            Known {
                remembered: Remembered { rollout: row.get(0), folders: row.get(1), aborted_at: row.get(3) },
                checksums: row.get(2),
                calls: calls(4),
                new_calls: calls(6),
            }
        })
        .collect())
}

/// The holds of a scope, released ones included.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn holds(client: &Client, scope: &str) -> Result<Vec<Hold>, tokio_postgres::Error> {
    if !is_there(client).await? {
        return Ok(Vec::new());
    }
    let query =
        "SELECT migration, held_since, released_at FROM underpin.hold WHERE scope = $1 ORDER BY migration";
    let rows = client.query(query, &[&scope]).await?;
    let hold = |row: &tokio_postgres::Row| Hold {
        migration: row.get(0),
        held_since: row.get(1),
        released_at: row.get(2),
    };
    Ok(rows.iter().map(hold).collect())
}

/// Adds what this version keeps to a journal of an earlier one, which programs of that version refuse from then on.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn upgrade(client: &Client, owner: &Owner) -> Result<(), JournalError> {
    let found: i32 = client.query_one("SELECT max(version) FROM underpin.meta", &[]).await?.get(0);
    if found >= VERSION {
        return Ok(());
    }
    let text = format!(
        "{}; INSERT INTO underpin.meta (version) VALUES ({VERSION})",
        include_str!("rollouts.sql").trim_end().trim_end_matches(';')
    );
    // Should the lease be another run's by now, the first act finds that out.
    owner.commit(client, &[Sql::verbatim(text)]).await?;
    Ok(())
}

impl Owner {
    /// Executes statements in one transaction that only the owner of the lease can commit. Answers whether it was
    /// ours; otherwise nothing was executed.
    ///
    /// # Errors
    /// Those of the connection; nothing is left then, unless the answer was lost.
    pub(crate) async fn commit(
        &self,
        client: &Client,
        statements: &[Sql],
    ) -> Result<bool, tokio_postgres::Error> {
        let fence = format!("BEGIN; SET LOCAL lock_timeout = '5s'; {}", self.fence());
        let done = match client.simple_query(&fence).await {
            Ok(answers) if answers.iter().any(|answer| matches!(answer, SimpleQueryMessage::Row(_))) => {
                let mut text = String::new();
                for statement in statements {
                    text.push_str(statement.as_str());
                    text.push_str(";\n");
                }
                text.push_str("COMMIT");
                client.batch_execute(&text).await.map(|()| true)
            }
            Ok(_) => Ok(false),
            Err(error) => Err(error),
        };
        if !matches!(done, Ok(true)) {
            // Should this fail, the transaction ends with its session.
            let _ = client.batch_execute("ROLLBACK").await;
        }
        done
    }

    /// Remembers a rollout with its phases and their checksums. One that was led back begins anew when it has
    /// other folders.
    pub(crate) fn rollout(&self, name: &str, phases: &[(String, String)]) -> Sql {
        let list = |texts: Vec<&String>| {
            let quoted: Vec<String> = texts.iter().map(|text| Literal(text).to_string()).collect();
            Sql::verbatim(format!("ARRAY[{}]::text[]", quoted.join(", ")))
        };
        sql!(
            "INSERT INTO underpin.rollout AS r (scope, name, folders, checksums) VALUES ({}, {}, {}, {})
             ON CONFLICT (scope, name) DO UPDATE SET checksums = excluded.checksums, folders = excluded.folders,
               calls = CASE WHEN r.folders = excluded.folders THEN r.calls END,
               quiet_since = CASE WHEN r.folders = excluded.folders THEN r.quiet_since END,
               new_calls = CASE WHEN r.folders = excluded.folders THEN r.new_calls END,
               new_quiet_since = CASE WHEN r.folders = excluded.folders THEN r.new_quiet_since END,
               known_since = CASE WHEN r.folders = excluded.folders THEN r.known_since ELSE clock_timestamp() END,
               aborted_at = CASE WHEN r.folders = excluded.folders THEN r.aborted_at END",
            Literal(&self.scope),
            Literal(name),
            list(phases.iter().map(|(folder, _)| folder).collect()),
            list(phases.iter().map(|(_, checksum)| checksum).collect()),
        )
    }

    /// Holds a phase from now on; what is held or released already stays so.
    pub(crate) fn hold(&self, migration: &str, rollout: &str) -> Sql {
        sql!(
            "INSERT INTO underpin.hold (scope, migration, rollout) VALUES ({}, {}, {}) ON CONFLICT DO NOTHING",
            Literal(&self.scope),
            Literal(migration),
            Literal(rollout),
        )
    }

    /// Records that a phase's gates were passed, by whom, why and on which evidence.
    pub(crate) fn release(&self, migration: &str, by: &str, reason: &str, evidence: &Value) -> Sql {
        sql!(
            "UPDATE underpin.hold SET released_at = clock_timestamp(), released_by = {}, reason = {}, evidence = {}::jsonb
             WHERE scope = {} AND migration = {} AND released_at IS NULL",
            Literal(by),
            Literal(reason),
            Literal(&evidence.to_string()),
            Literal(&self.scope),
            Literal(migration),
        )
    }

    /// Records that a rollout is led back from now on, by whom, why and on which evidence, and holds what was released
    /// of it again.
    pub(crate) fn abort(&self, rollout: &str, by: &str, reason: &str, evidence: &Value) -> Sql {
        sql!(
            "UPDATE underpin.rollout SET aborted_at = coalesce(aborted_at, clock_timestamp()), new_calls = NULL, new_quiet_since = NULL
               WHERE scope = {0} AND name = {1};
             UPDATE underpin.hold SET released_at = NULL, released_by = {2}, reason = {3}, evidence = {4}::jsonb
               WHERE scope = {0} AND rollout = {1}",
            Literal(&self.scope),
            Literal(rollout),
            Literal(by),
            Literal(reason),
            Literal(&evidence.to_string()),
        )
    }

    /// Records that an applied migration was led back.
    pub(crate) fn reverted(&self, migration: &str) -> Sql {
        sql!(
            "UPDATE underpin.migration SET state = 'reverted' WHERE scope = {} AND name = {} AND state = 'applied'",
            Literal(&self.scope),
            Literal(migration),
        )
    }

    /// Whether a way back is recorded, and whether as complete.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) async fn finished(
        &self,
        client: &Client,
        id: &str,
    ) -> Result<Option<bool>, tokio_postgres::Error> {
        let query = "SELECT state = 'applied' FROM underpin.migration WHERE id = $1";
        Ok(client.query_opt(query, &[&id]).await?.map(|row| row.get(0)))
    }

    /// Records how often statements that name what goes have been executed.
    pub(crate) fn calls(&self, rollout: &str, calls: &Calls) -> Sql {
        self.counted(rollout, calls, ["calls", "quiet_since"])
    }

    /// The same of statements that name what the rollout has made.
    pub(crate) fn new_calls(&self, rollout: &str, calls: &Calls) -> Sql {
        self.counted(rollout, calls, ["new_calls", "new_quiet_since"])
    }

    fn counted(&self, rollout: &str, calls: &Calls, columns: [&str; 2]) -> Sql {
        let counted = serde_json::to_string(&calls.counted).unwrap_or_default();
        let [count, since] = columns.map(Sql::verbatim);
        sql!(
            "UPDATE underpin.rollout SET {} = {}::jsonb, {} = {} WHERE scope = {} AND name = {}",
            count,
            Literal(&counted),
            since,
            instant(Some(calls.quiet_since)),
            Literal(&self.scope),
            Literal(rollout),
        )
    }

    /// Records a run of somebody else that the guard has stopped.
    pub(crate) fn stopped_by_guard(&self, row: &LedgerRow, sqlstate: &str) -> Sql {
        sql!(
            "INSERT INTO underpin.migration (id, scope, name, checksum, run, epoch, tool, mode, state, started_at, finished_at, sqlstate, error)
             VALUES ({}, {}, {}, {}, {}, {}, 'prisma', 'as_written', 'failed', {}, clock_timestamp(), {}, {}) ON CONFLICT DO NOTHING",
            Literal(&row.id),
            Literal(&self.scope),
            Literal(&row.migration_name),
            Literal(&row.checksum),
            Literal(&self.run.to_string()),
            self.epoch,
            instant(Some(row.started_at)),
            Literal(sqlstate),
            Literal("stopped by the file's guard; its row is taken out of the ledger"),
        )
    }
}
