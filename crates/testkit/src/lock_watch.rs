//! Who held which lock for how long, as the server saw it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls};
use underpin_catalog::LockMode;

/// Locks and waits are looked at this often: what is shorter than this may go unseen, and a time may be
/// wrong by as much.
const PERIOD: Duration = Duration::from_millis(15);

/// Our own session, which is never part of the report.
const OBSERVER: &str = "underpin-lock-watch";

/// Granted table locks, in this database, of client sessions that are not the application's. Temporary
/// tables and the system's own concern nobody else. $1: the application's name.
const HOLDS: &str = "
    SELECT l.pid, coalesce(a.application_name, ''), c.relname::text, l.mode
    FROM pg_locks l
    JOIN pg_stat_activity a USING (pid)
    JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.locktype = 'relation' AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.mode = ANY ($2)
      AND a.backend_type = 'client backend' AND a.application_name <> $1 AND a.pid <> pg_backend_pid()
      AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'";

/// Sessions of the application that wait for a lock which a session that is not the application's holds,
/// or is in the queue for, each with the moment since when. $1: the application's name.
const WAITS: &str = "
    SELECT w.pid, (SELECT max(l.waitstart)::text FROM pg_locks l WHERE l.pid = w.pid AND NOT l.granted)
    FROM pg_stat_activity w
    WHERE w.application_name = $1 AND w.wait_event_type = 'Lock' AND w.datname = current_database()
      AND EXISTS (SELECT FROM pg_stat_activity b
                  WHERE b.pid = ANY (pg_blocking_pids(w.pid)) AND b.application_name <> $1
                    AND b.backend_type = 'client backend')";

/// Observes the locks of everybody but the application, until it is told to stop.
#[derive(Debug)]
pub struct LockWatch {
    stop: watch::Sender<bool>,
    watching: JoinHandle<Result<LockReport, Error>>,
}

/// One lock, held once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LockHold {
    /// The session's `application_name`.
    pub application_name: String,
    /// The table.
    pub table: String,
    /// The strongest mode that was seen.
    pub mode: LockMode,
    /// From the first sight to the last, in milliseconds.
    pub held_ms: f64,
}

/// What was seen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LockReport {
    /// Every lock that makes a read or a write of the application wait, longest first.
    pub holds: Vec<LockHold>,
    /// The most sessions of the application that were seen waiting for us at once.
    pub waiting_max: i64,
    /// The time in which at least one session of the application was seen waiting for us, in milliseconds.
    pub waiting_ms: f64,
    /// The longest time for which one statement of the application was seen waiting for us, in milliseconds: as
    /// often as it was seen, times the period. On a machine that is busy it is looked less often, so what everybody
    /// waits for a processor does not count.
    pub longest_wait_ms: f64,
    /// How often it was looked.
    pub samples: u32,
}

impl LockReport {
    /// The longest time that one lock was held, in milliseconds; 0 when none was seen.
    pub fn longest_ms(&self) -> f64 {
        self.holds.first().map_or(0.0, |hold| hold.held_ms)
    }
}

impl LockWatch {
    /// Begins to watch a database. Sessions named `application_name` are the application; every other client
    /// session counts as a migrator.
    ///
    /// # Errors
    /// When it cannot connect.
    pub async fn start(config: &Config, application_name: &str) -> Result<Self, Error> {
        let mut config = config.clone();
        config.application_name(OBSERVER);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        let (stop, stopped) = watch::channel(false);
        let watching = tokio::spawn(watch_locks(client, application_name.to_owned(), stopped));
        Ok(Self { stop, watching })
    }

    /// Stops and says what was seen.
    ///
    /// # Errors
    /// When the observing session failed: what it saw is then incomplete.
    ///
    /// # Panics
    /// When the observing task panicked.
    pub async fn stop(self) -> Result<LockReport, Error> {
        self.stop.send_replace(true);
        self.watching.await.expect("the observing task does not panic")
    }
}

async fn watch_locks(
    client: Client,
    application_name: String,
    stopped: watch::Receiver<bool>,
) -> Result<LockReport, Error> {
    let blocking: Vec<&str> = LockMode::ALL
        .into_iter()
        .filter(|mode| mode.blocks_application())
        .map(LockMode::catalog_name)
        .collect();
    let holds = client.prepare(HOLDS).await?;
    let waits = client.prepare(WAITS).await?;
    let mut tally = Tally::default();
    let begin = Instant::now();
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !*stopped.borrow() {
        ticks.tick().await;
        let seen = client.query(&holds, &[&application_name, &blocking]).await?;
        let waiting = client.query(&waits, &[&application_name]).await?;
        let waiting = waiting.iter().map(|row| (row.get(0), row.get(1))).collect();
        let now_ms = begin.elapsed().as_secs_f64() * 1000.0;
        let seen = seen.iter().filter_map(|row| {
            let mode = LockMode::from_catalog_name(row.get(3))?;
            let key = Key { pid: row.get(0), application_name: row.get(1), table: row.get(2) };
            Some((key, mode))
        });
        tally.add(now_ms, seen.collect(), waiting);
    }
    Ok(tally.report())
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    pid: i32,
    application_name: String,
    table: String,
}

/// A statement that waits: its session, and since when. The moment lacks for an instant when the wait begins.
type Wait = (i32, Option<String>);

#[derive(Clone, Copy, Debug)]
struct Span {
    mode: LockMode,
    first_ms: f64,
    last_ms: f64,
}

/// Samples on their way to a report: a lock that is seen in samples that follow each other is one hold.
#[derive(Debug, Default)]
struct Tally {
    open: BTreeMap<Key, Span>,
    closed: Vec<LockHold>,
    waiting_max: i64,
    waiting_ms: f64,
    /// How often each was seen.
    waits: BTreeMap<Wait, u32>,
    last_sample_ms: Option<f64>,
    samples: u32,
}

impl Tally {
    fn add(&mut self, now_ms: f64, seen: Vec<(Key, LockMode)>, waiting: Vec<Wait>) {
        let mut still_open = BTreeMap::new();
        for (key, mode) in seen {
            let before = self.open.remove(&key).or_else(|| still_open.get(&key).copied());
            let span = match before {
                Some(span) => Span { mode: span.mode.max(mode), last_ms: now_ms, ..span },
                None => Span { mode, first_ms: now_ms, last_ms: now_ms },
            };
            still_open.insert(key, span);
        }
        let ended = std::mem::replace(&mut self.open, still_open);
        self.close(ended);
        if !waiting.is_empty() {
            self.waiting_ms += now_ms - self.last_sample_ms.unwrap_or(now_ms);
        }
        self.waiting_max = self.waiting_max.max(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        for wait in waiting {
            *self.waits.entry(wait).or_default() += 1;
        }
        self.last_sample_ms = Some(now_ms);
        self.samples += 1;
    }

    fn close(&mut self, spans: BTreeMap<Key, Span>) {
        self.closed.extend(spans.into_iter().map(|(key, span)| LockHold {
            application_name: key.application_name,
            table: key.table,
            mode: span.mode,
            held_ms: span.last_ms - span.first_ms,
        }));
    }

    fn report(mut self) -> LockReport {
        let open = std::mem::take(&mut self.open);
        self.close(open);
        self.closed.sort_by(|a, b| b.held_ms.total_cmp(&a.held_ms).then_with(|| a.table.cmp(&b.table)));
        LockReport {
            holds: self.closed,
            waiting_max: self.waiting_max,
            waiting_ms: self.waiting_ms,
            longest_wait_ms: f64::from(self.waits.values().copied().max().unwrap_or(0))
                * PERIOD.as_secs_f64()
                * 1000.0,
            samples: self.samples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pid: i32) -> Key {
        Key { pid, application_name: "migrator".to_owned(), table: "Order".to_owned() }
    }

    #[test]
    fn samples_in_a_row_are_one_hold_and_a_gap_makes_two() {
        let mut tally = Tally::default();
        let wait = |pid: i32, since: &str| (pid, Some(since.to_owned()));
        tally.add(0.0, vec![(key(1), LockMode::Share)], vec![]);
        tally.add(
            15.0,
            vec![(key(1), LockMode::Share), (key(1), LockMode::AccessExclusive)],
            vec![wait(2, "noon"), wait(3, "noon")],
        );
        tally.add(30.0, vec![], vec![wait(2, "noon")]);
        tally.add(45.0, vec![(key(1), LockMode::Share)], vec![wait(2, "after")]);
        let report = tally.report();
        let held: Vec<(f64, LockMode)> = report.holds.iter().map(|hold| (hold.held_ms, hold.mode)).collect();
        assert_eq!(held, [(15.0, LockMode::AccessExclusive), (0.0, LockMode::Share)]);
        assert_eq!((report.waiting_max, report.waiting_ms, report.samples), (2, 45.0, 4));
        assert_eq!((report.longest_ms(), report.longest_wait_ms), (15.0, 30.0));
    }
}
