//! The second pair of eyes: while a statement of ours runs, another session looks who waits behind
//! it and whom it waits for, and cancels it before the application notices.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::Error;
use underpin_core::event::Blocker;

use crate::connect::Connection;
use crate::gate;

/// How often the watcher looks. Twice within the shortest timeout of a try.
const EVERY: Duration = Duration::from_millis(40);

/// What the watcher saw while a statement ran.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whom the statement waited for, when it was last seen waiting.
    pub(crate) blockers: Vec<Blocker>,
    /// We cancelled it because somebody had waited behind it for too long.
    pub(crate) gave_way: bool,
    /// We cancelled it because a person asked us to stop.
    pub(crate) interrupted: bool,
}

/// A watcher for statements of one backend.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    /// The session that looks; it never executes anything of a migration.
    pub(crate) connection: &'a Connection,
    /// The backend that is watched.
    pub(crate) pid: i32,
    /// For how long somebody may wait behind it, milliseconds; `None` when its locks let everybody
    /// through.
    pub(crate) give_way_ms: Option<i64>,
    /// Becomes true when a person asks us to stop.
    pub(crate) interrupt: watch::Receiver<bool>,
}

impl Watcher<'_> {
    /// Runs `work` and looks after it until it ends.
    pub(crate) async fn over<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> (Result<T, Error>, Seen) {
        let mut seen = Seen::default();
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return (done, seen),
                () = tokio::time::sleep(EVERY) => {}
                Ok(()) = self.interrupt.changed(), if !seen.interrupted => {}
            }
            if *self.interrupt.borrow() && !seen.interrupted {
                seen.interrupted = true;
                self.cancel().await;
            }
            tokio::select! {
                biased;
                done = &mut work => return (done, seen),
                () = self.look(&mut seen) => {}
            }
        }
    }

    /// One look. Its own failures do not end the work: the statement has timeouts of its own.
    async fn look(&self, seen: &mut Seen) {
        if let Ok(blockers) = gate::blocking(self.connection, self.pid).await
            && !blockers.is_empty()
        {
            seen.blockers = blockers;
        }
        let Some(give_way_ms) = self.give_way_ms else { return };
        let longest = self
            .connection
            .rows(
                "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000), 0)::bigint
                 FROM pg_catalog.pg_locks l
                 WHERE NOT l.granted AND $1 = ANY (pg_catalog.pg_blocking_pids(l.pid))",
                &[&self.pid],
            )
            .await;
        if let Ok(rows) = longest
            && rows.iter().any(|row| row.get::<_, i64>(0) >= give_way_ms)
            && !seen.gave_way
        {
            seen.gave_way = true;
            self.cancel().await;
        }
    }

    async fn cancel(&self) {
        // A failure leaves the statement to its own timeouts.
        let _ = self.connection.client.query("SELECT pg_catalog.pg_cancel_backend($1)", &[&self.pid]).await;
    }
}
