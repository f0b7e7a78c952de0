//! The session that executes what is observed, and what it can see of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::{AsyncMessage, Client, Error, NoTls};
use underpin_catalog::{LockMode, RelationName};

use crate::server::Database;

/// Relations of users with what they are now, and those that are gone but locked. The tuples are those of
/// sequential scans for a table and of index scans for an index, flushed to the shared statistics or not.
/// $1: the process whose locks are asked for; none for
/// this one, which alone can measure a table that it has locked.
const LOOK: &str = "
    WITH held AS MATERIALIZED (
      SELECT l.relation, array_agg(DISTINCT l.mode) AS modes FROM pg_locks l
      WHERE l.pid = coalesce($1::int, pg_backend_pid()) AND l.locktype = 'relation' AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      GROUP BY l.relation)
    SELECT coalesce(c.oid, h.relation), n.nspname::text, c.relname::text, i.indrelid, c.relfilenode,
      CASE WHEN $1 IS NULL AND c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) > 0 END, c.reltuples::float8, coalesce(h.modes, '{}'),
      pg_stat_get_tuples_returned(c.oid) + pg_stat_get_xact_tuples_returned(c.oid), NOT i.indislive
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
    FULL JOIN held h ON h.relation = c.oid
    WHERE c.oid IS NOT NULL OR h.relation IS NOT NULL";

/// What a relation is at one moment.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) name: RelationName,
    /// It is locked and no relation of users: one of the system's, or one whose row is gone.
    pub(super) dropped: bool,
    /// The number of its file.
    pub(super) file: Option<u32>,
    /// An index that no session uses any more and that waits for its end: nobody waits for it. `REINDEX
    /// CONCURRENTLY` drops the old one under ACCESS EXCLUSIVE.
    pub(super) dead: bool,
    /// The modes in which the session holds it.
    pub(super) locks: BTreeSet<LockMode>,
    /// The table, for an index.
    table: Option<u32>,
    has_rows: bool,
    rows_estimate: f64,
    tuples_read: i64,
}

/// An index scan that returns this share of the table's rows is a read of the whole table: a merge join
/// stops where the other side ends.
const NEARLY_ALL: f64 = 0.5;

/// Below this many rows a lookup and a scan look alike.
const ROWS_MIN: f64 = 10.0;

impl Sight {
    /// The table that was read in full between the two sights: the relation itself, or that of an index.
    pub(super) fn read_in_full_since(&self, was: &Self, all: &BTreeMap<u32, Self>) -> Option<RelationName> {
        let read = self.tuples_read - was.tuples_read;
        match was.table {
            None => (read > 0).then(|| was.name.clone()),
            Some(table) => {
                let table = all.get(&table)?;
                let all_rows = table.rows_estimate.max(ROWS_MIN);
                (read as f64 >= all_rows * NEARLY_ALL).then(|| table.name.clone())
            }
        }
    }
}

/// What the server said that it reads in full.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Tables, without their namespace.
    pub(super) scanned: Vec<String>,
    /// Foreign keys whose table is searched for rows without a partner.
    pub(super) keys: Vec<String>,
}

/// A session with everything that the server told it.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    major: u32,
    messages: Arc<Mutex<Vec<String>>>,
}

impl Session {
    pub(super) async fn on(database: &Database<'_>) -> Self {
        let connected = database.config().connect(NoTls).await;
        let (client, mut connection) =
            connected.unwrap_or_else(|error| panic!("cannot connect to {}: {error:?}", database.name()));
        let messages = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&messages);
        tokio::spawn(async move {
            // An error ends the connection, and the session's next statement says so.
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notice(notice) = message {
                    told.lock().unwrap_or_else(PoisonError::into_inner).push(notice.message().to_owned());
                }
            }
        });
        let session = Self { client, major: database.major(), messages };
        session.limit().await;
        session
    }

    /// Asks for the messages that tell what is read, and waits for nothing without an end.
    pub(super) async fn limit(&self) {
        self.run("SET client_min_messages = debug1; SET statement_timeout = '30s'; SET lock_timeout = '10s'")
            .await;
    }

    pub(super) fn major(&self) -> u32 {
        self.major
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends one message.
    pub(super) async fn execute(&self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).await
    }

    /// The same, for what cannot fail.
    pub(super) async fn run(&self, sql: &str) {
        self.execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in: {sql}"));
    }

    /// All relations as this session sees them, with its own locks, by number.
    pub(super) async fn look(&self) -> BTreeMap<u32, Sight> {
        self.look_at(None).await
    }

    /// The same with the locks of another session.
    pub(super) async fn look_at(&self, process: Option<i32>) -> BTreeMap<u32, Sight> {
        let rows = self.client.query(LOOK, &[&process]).await;
        let rows = rows.unwrap_or_else(|error| panic!("cannot look at the relations: {error:?}"));
        let sights = rows.iter().map(|row| {
            let modes: Vec<&str> = row.get(7);
            let namespace: Option<&str> = row.get(1);
            let sight = Sight {
                name: RelationName::qualified(
                    namespace.unwrap_or_default(),
                    row.get::<_, Option<&str>>(2).unwrap_or_default(),
                ),
                dropped: namespace.is_none(),
                dead: row.get::<_, Option<bool>>(9).unwrap_or(false),
                file: row.get(4),
                locks: modes.into_iter().filter_map(LockMode::from_catalog_name).collect(),
                table: row.get(3),
                has_rows: row.get::<_, Option<bool>>(5).unwrap_or(false),
                rows_estimate: row.get::<_, Option<f64>>(6).unwrap_or(0.0),
                tuples_read: row.get::<_, Option<i64>>(8).unwrap_or(0),
            };
            (row.get(0), sight)
        });
        sights.collect()
    }

    pub(super) fn forget_messages(&self) {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What the server said since the messages were forgotten.
    pub(super) fn told(&self) -> Told {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = messages.iter().filter_map(|message| scanned_table(message));
        let keys = messages.iter().filter_map(|message| {
            message.strip_prefix("validating foreign key constraint \"")?.strip_suffix('"')
        });
        Told { scanned: tables.map(str::to_owned).collect(), keys: keys.map(str::to_owned).collect() }
    }

    /// Tables that the server said it reads in full: the statistics do not count every such read, and
    /// count nothing on a table whose index is built concurrently. A table that was empty, or is now, was
    /// no work.
    pub(super) fn told_scans(
        &self,
        before: &BTreeMap<u32, Sight>,
        after: &BTreeMap<u32, Sight>,
    ) -> BTreeSet<RelationName> {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = messages.iter().filter_map(|message| scanned_table(message));
        let tables: BTreeSet<&str> = tables.collect();
        let with_rows = before.iter().filter(|(oid, was)| {
            was.has_rows && after.get(oid).is_some_and(|is| is.has_rows) && was.table.is_none()
        });
        with_rows
            .filter(|(_, was)| tables.contains(was.name.name.as_str()))
            .map(|(_, was)| was.name.clone())
            .collect()
    }
}

/// `rewriting table "t"`, `verifying table "t"`, `building index "i" on table "t" serially`: DEBUG1 of
/// PostgreSQL 13 to 18. Names come without their namespace.
fn scanned_table(message: &str) -> Option<&str> {
    let starts = ["rewriting table", "verifying table", "building index"];
    if !starts.iter().any(|start| message.starts_with(start)) {
        return None;
    }
    let (_, rest) = message.split_once("table \"")?;
    rest.split_once('"').map(|(table, _)| table)
}

#[cfg(test)]
mod tests {
    use super::scanned_table;

    #[test]
    fn messages_about_full_reads_name_their_table() {
        assert_eq!(scanned_table("verifying table \"Order\""), Some("Order"));
        assert_eq!(scanned_table("building index \"i\" on table \"t\" serially"), Some("t"));
        assert_eq!(
            scanned_table("building index \"i\" on table \"t\" with request for 1 parallel workers"),
            Some("t")
        );
        assert_eq!(scanned_table("drop auto-cascades to type t"), None);
    }
}
