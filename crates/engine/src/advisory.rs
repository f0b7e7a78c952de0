//! Prisma's advisory lock, which makes us and Prisma exclude each other.
//!
//! It is a session lock (`72707369`), so it lives on a connection of its own that executes nothing
//! else. It is polled: a session that *waits* for it holds a snapshot, which deadlocks a concurrent
//! index build of the same database (observed on PostgreSQL 15: `40P01`, or a build that hangs until
//! the waiter gives up).

use std::time::{Duration, Instant};

use tokio_postgres::Client;
use underpin_core::event::Blocker;

/// The key of Prisma Migrate's lock, in all versions from 2 to 7.
pub(crate) const KEY: i64 = 72_707_369;

/// How often the lock is tried.
const POLL: Duration = Duration::from_millis(250);

/// What came of waiting for the lock.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is ours until the session ends.
    Yes,
    /// The budget is spent.
    No(Option<Blocker>),
}

/// Polls for the lock until it is ours or `budget` is spent. `told` hears who holds it, at once and
/// then about every five seconds.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn take(
    client: &Client,
    budget: Duration,
    mut told: impl FnMut(Option<Blocker>, Duration),
) -> Result<Taken, tokio_postgres::Error> {
    let begun = Instant::now();
    let mut last_told: Option<Instant> = None;
    loop {
        let row = client.query_one("SELECT pg_catalog.pg_try_advisory_lock($1)", &[&KEY]).await?;
        if row.get(0) {
            return Ok(Taken::Yes);
        }
        let waited = begun.elapsed();
        if waited >= budget {
            return Ok(Taken::No(holder(client).await?));
        }
        if last_told.is_none_or(|at| at.elapsed() >= Duration::from_secs(5)) {
            told(holder(client).await?, waited);
            last_told = Some(Instant::now());
        }
        tokio::time::sleep(POLL.min(budget - waited)).await;
    }
}

/// Who holds the lock in this database, if anybody does.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn holder(client: &Client) -> Result<Option<Blocker>, tokio_postgres::Error> {
    // A bigint key is split into classid (high half) and objid (low half), with objsubid 1.
    let row = client
        .query_opt(
            "SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''), coalesce(a.state, ''),
                    coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start)) * 1000, 0)::bigint,
                    coalesce(left(a.query, 200), '')
             FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
             WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = $1::bigint::oid AND l.objsubid = 1
               AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
             LIMIT 1",
            &[&KEY],
        )
        .await?;
    Ok(row.map(|row| Blocker {
        pid: row.get(0),
        application: row.get(1),
        user: row.get(2),
        state: row.get(3),
        transaction_ms: row.get(4),
        relation: String::new(),
        mode: None,
        query: row.get(5),
        autovacuum: false,
    }))
}
