//! Statements that refuse a transaction block: observed in mid-flight.
//!
//! They consist of several transactions, and each lets go of its locks at its end. So the server waits at
//! every commit of the observed session for a replica that does not exist, with all locks still held; we
//! look, and cancel the wait, which lets the commit through. Plain `VACUUM` commits nothing that a replica
//! would wait for: it is made slow instead, and looked at while it pauses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio_postgres::Client;
use underpin_catalog::RelationName;

use super::session::{Session, Sight};
use super::{Observation, Subject};
use crate::server::Database;

/// A replica that never comes, for those who ask for it: `synchronous_commit` is off everywhere else.
pub(super) const SERVER_SETTINGS: &[(&str, &str)] =
    &[("wal_level", "replica"), ("max_wal_senders", "1"), ("synchronous_standby_names", "nobody")];

/// `VACUUM` pauses for 100 ms, the most that a server takes and long enough for us to come by on a busy
/// machine. What it may spend between two pauses grows with the database, so that a large table does not
/// outlast the statement's time: a page costs 1 or 2.
const SESSION_SETTINGS: &str = "
    SET synchronous_commit = on;
    SET vacuum_cost_delay = 100;
    SET statement_timeout = '55s';
    SELECT set_config('vacuum_cost_limit', greatest(2, sum(pg_relation_size(c.oid)) / 8192 / 150)::int::text, false)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_'
    WHERE c.relkind IN ('r', 'i', 'm')";

/// Where the session stands, and whether it vacuums a heap. $1: its process.
const STATE: &str = "
    SELECT a.wait_event, a.backend_xid::text, p.relid
    FROM pg_stat_activity a LEFT JOIN pg_stat_progress_vacuum p USING (pid)
    WHERE a.pid = $1";

/// Nothing that we observe takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// PostgreSQL 14 keeps statistics in a process that is told about them at most twice a second.
const STATISTICS_LATE: Duration = Duration::from_millis(1200);

pub(super) async fn observe(database: &Database<'_>, subject: Subject<'_>) -> Observation {
    let session = Session::on(database).await;
    let watch = Session::on(database).await;
    if !subject.before.is_empty() {
        session.run(subject.before).await;
    }
    session.run(SESSION_SETTINGS).await;
    let process = process_of(session.client()).await;
    let before = session.look().await;
    session.forget_messages();

    let mut seen = Observation { transactional: false, ..Observation::nothing() };
    let done = {
        let mut statement = std::pin::pin!(session.execute(subject.sql));
        let begin = Instant::now();
        let mut let_through = BTreeSet::new();
        loop {
            tokio::select! {
                biased;
                done = &mut statement => break done,
                () = tokio::time::sleep(Duration::from_millis(2)) => {}
            }
            assert!(begin.elapsed() < PATIENCE, "{} takes too long to be observed", subject.sql);
            let state = watch.client().query_one(STATE, &[&process]).await;
            let state = state.unwrap_or_else(|error| panic!("cannot watch the observed session: {error:?}"));
            let vacuums: Option<u32> = state.get(2);
            let transaction: Option<String> = state.get(1);
            let waits = state.get::<_, Option<&str>>(0) == Some("SyncRep");
            // Where it stands still. What is held in between is seen by accident, or not.
            if waits || vacuums.is_some() {
                note_locks(&mut seen, &before, &watch.look_at(Some(process)).await);
            }
            note_vacuum(&mut seen, &before, vacuums);
            // A second cancel for the same commit would hit what comes after it.
            if let Some(transaction) = transaction.filter(|_| waits)
                && let_through.insert(transaction)
            {
                let cancelled = watch.client().query("SELECT pg_cancel_backend($1)", &[&process]).await;
                cancelled.unwrap_or_else(|error| panic!("cannot let a commit through: {error:?}"));
            }
        }
    };
    if let Err(error) = done {
        return Observation { transactional: false, ..Observation::failed(&error) };
    }
    let after = after(&session, &before).await;
    let between = Observation::between(&before, &after);
    seen.rewritten = between.rewritten;
    seen.scanned.extend(between.scanned);
    seen.scanned.extend(session.told_scans(&before, &after));
    seen
}

async fn process_of(client: &Client) -> i32 {
    let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
    row.unwrap_or_else(|error| panic!("a session cannot say its process: {error:?}")).get(0)
}

fn note_locks(seen: &mut Observation, before: &BTreeMap<u32, Sight>, now: &BTreeMap<u32, Sight>) {
    for (oid, sight) in now.iter().filter(|(_, sight)| !sight.dead) {
        if let (Some(was), Some(mode)) = (before.get(oid), sight.locks.iter().max())
            && !was.dropped
        {
            seen.add_lock(&was.name, *mode);
        }
    }
}

/// `VACUUM` reads the whole table by ways that no statistics count.
fn note_vacuum(seen: &mut Observation, before: &BTreeMap<u32, Sight>, vacuums: Option<u32>) {
    let table: Option<RelationName> = vacuums.and_then(|oid| before.get(&oid)).map(|was| was.name.clone());
    seen.scanned.extend(table);
}

/// The relations afterwards, when the statistics have arrived.
async fn after(session: &Session, before: &BTreeMap<u32, Sight>) -> BTreeMap<u32, Sight> {
    let begin = Instant::now();
    loop {
        let after = session.look().await;
        let arrived = !Observation::between(before, &after).scanned.is_empty();
        if arrived || session.major() >= 15 || begin.elapsed() > STATISTICS_LATE {
            return after;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
