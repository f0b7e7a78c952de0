//! One `ALTER TABLE` against a table that is busy: what the application waits, by who sends it.
//!
//! Two cases. In the first a reader keeps its transaction open for seconds; an `ALTER TABLE` in the lock
//! queue makes everybody behind it wait as long as it waits itself. In the second an autovacuum works on the
//! table; PostgreSQL cancels it for a waiter only after the waiter's `deadlock_timeout` (1 s), so a
//! `lock_timeout` below that never gets through.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};
use underpin_shadow::StartOptions;
use underpin_testkit::load::{Load, Summary, Traffic};
use underpin_testkit::{Database, ProjectFolder, Server};

use super::{Finding, MAJOR};
use crate::Failure;
use crate::underpin::Underpin;

const ROWS: i64 = 200_000;
const LOAD_RATE: u32 = 400;
const LOAD_CONNECTIONS: u32 = 24;

/// How long the reader keeps its transaction open.
const READER: Duration = Duration::from_secs(6);

/// How long an alternative goes on trying.
const BUDGET: Duration = Duration::from_secs(15);

/// Between two tries of an alternative.
const PAUSE: Duration = Duration::from_millis(500);

const INIT: &str = "CREATE TABLE \"Account\" (\"id\" BIGINT PRIMARY KEY, \"balance\" INTEGER NOT NULL);\n";
const CHANGE: &str = "ALTER TABLE \"Account\" ADD COLUMN \"note\" TEXT;\n";

/// What keeps the table busy.
#[derive(Clone, Copy)]
enum Blocker {
    Reader,
    Autovacuum,
}

/// Who sends the statement, and how.
#[derive(Clone, Copy)]
enum Sender {
    NoTimeout,
    /// With this `lock_timeout`, again and again.
    Retry(Duration),
    Underpin,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sender::NoTimeout => f.write_str("no timeout"),
            Sender::Retry(timeout) => write!(f, "lock_timeout {} ms, retried", timeout.as_millis()),
            Sender::Underpin => f.write_str("underpin deploy"),
        }
    }
}

const SENDERS: [Sender; 4] = [
    Sender::NoTimeout,
    Sender::Retry(Duration::from_secs(2)),
    Sender::Retry(Duration::from_millis(500)),
    Sender::Underpin,
];

pub(super) async fn measure() -> Result<Finding, Failure> {
    let underpin = Underpin::beside_us()?;
    let settings = [("autovacuum_naptime", "1s"), ("max_connections", "100"), ("shared_buffers", "128MB")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = StartOptions { durable: true, settings, ..StartOptions::default() };
    let server = Server::start(MAJOR, options).await?;

    let (mut ours_ms, mut worst_ms, mut raw) = (0.0, 0.0, Vec::new());
    let mut arrived = true;
    for blocker in [Blocker::Reader, Blocker::Autovacuum] {
        println!("{}", blocker.heading());
        println!(
            "{:30}{:>12}{:>12}{:>12}{:>16}{:>10}",
            "", "done after", "worst wait", "p99", "waits > 100 ms", "failed"
        );
        for sender in SENDERS {
            let trial = attempt(&server, &underpin, blocker, sender).await?;
            println!("{}", trial.row(sender));
            let waits_ms = trial.summary.waits_above_100_ms;
            match sender {
                Sender::Underpin => {
                    ours_ms += waits_ms;
                    arrived &= trial.done_after.is_some();
                }
                Sender::NoTimeout => worst_ms += waits_ms,
                Sender::Retry(_) => {}
            }
            raw.push(trial.raw(blocker, sender));
        }
    }
    Ok(Finding {
        value: ours_ms,
        unit: "ms",
        ratio: if worst_ms > 0.0 { ours_ms / worst_ms } else { 1.0 },
        peer: "no timeout (sum of waits above 100 ms)".to_owned(),
        met: ours_ms == 0.0 && arrived,
        marks:
            "no request waits above 100 ms, and the change is made, beside a reader and beside an autovacuum"
                .to_owned(),
        raw: Value::Array(raw),
    })
}

/// One sender against one blocker.
struct Trial {
    /// `None` when the budget ended first.
    done_after: Option<Duration>,
    summary: Summary,
}

impl Trial {
    fn row(&self, sender: Sender) -> String {
        let done =
            self.done_after.map_or("never".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()));
        let Summary { worst_wait_ms, p99_ms, waits_above_100_ms, failed, .. } = &self.summary;
        let name = sender.to_string();
        format!(
            "{name:30}{done:>12}{worst_wait_ms:>9.0} ms{p99_ms:>9.0} ms{waits_above_100_ms:>13.0} ms{failed:>10}"
        )
    }

    fn raw(&self, blocker: Blocker, sender: Sender) -> Value {
        json!({
            "blocker": blocker.heading(),
            "sender": sender.to_string(),
            "done_after_s": self.done_after.map(|after| after.as_secs_f64()),
            "summary": self.summary,
        })
    }
}

async fn attempt(
    server: &Server,
    underpin: &Underpin,
    blocker: Blocker,
    sender: Sender,
) -> Result<Trial, Failure> {
    let database = server.database("stall").await;
    let project = ProjectFolder::prisma7().migration("20260101000000_init", INIT);
    underpin.deploy(project.path(), &database.url()).await??;
    let project = project.migration("20260102000000_note", CHANGE);
    let admin = database.client().await;
    // One by one: VACUUM refuses the implicit transaction of several statements.
    for statement in [
        "ALTER TABLE \"Account\" SET (fillfactor = 50)",
        &format!("INSERT INTO \"Account\" SELECT id, 100 FROM generate_series(1, {ROWS}) id"),
        "VACUUM (ANALYZE, FREEZE) \"Account\"",
        "CHECKPOINT",
    ] {
        admin.batch_execute(statement).await?;
    }

    let load = Load {
        rate: LOAD_RATE,
        connections: LOAD_CONNECTIONS,
        timeout: Duration::from_secs(20),
        application_name: "app".to_owned(),
    };
    let running = load.start(&database.config(), Accounts).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let reader = match blocker {
        Blocker::Reader => Some(tokio::spawn(read_for_long(database.client().await))),
        Blocker::Autovacuum => {
            provoke_autovacuum(&admin).await?;
            None
        }
    };
    tokio::time::sleep(Duration::from_millis(300)).await;

    let begin = Instant::now();
    let begin_ms = begin.duration_since(running.begin()).as_secs_f64() * 1000.0;
    let done = match sender {
        Sender::NoTimeout => try_until(&database, None).await?,
        Sender::Retry(timeout) => try_until(&database, Some(timeout)).await?,
        Sender::Underpin => underpin.deploy(project.path(), &database.url()).await?.map(|()| true)?,
    };
    let after = begin.elapsed();
    if let Some(reader) = reader {
        reader.await??;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let end_ms = running.begin().elapsed().as_secs_f64() * 1000.0;
    let recording = running.stop().await;
    Ok(Trial { done_after: done.then_some(after), summary: recording.summary(begin_ms..end_ms) })
}

/// A report that keeps its snapshot and its lock for seconds.
async fn read_for_long(client: Client) -> Result<(), Error> {
    client.batch_execute("BEGIN; SELECT count(*) FROM \"Account\" WHERE \"id\" < 10").await?;
    tokio::time::sleep(READER).await;
    client.batch_execute("COMMIT").await
}

/// Gives the autovacuum of the table work for many seconds and waits until it is at it.
async fn provoke_autovacuum(client: &Client) -> Result<(), Failure> {
    client
        .batch_execute(
            "UPDATE \"Account\" SET \"balance\" = \"balance\" + 1 WHERE \"id\" % 3 = 0;
             ALTER TABLE \"Account\" SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,
                 autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_cost_delay = 20)",
        )
        .await?;
    let begin = Instant::now();
    loop {
        let at_it = "SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum
                     WHERE relid = '\"Account\"'::regclass AND heap_blks_scanned > 0)";
        if client.query_one(at_it, &[]).await?.get(0) {
            return Ok(());
        }
        if begin.elapsed() > Duration::from_secs(60) {
            return Err("the autovacuum has not come to the table within a minute".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The statement as people send it: at once, or again and again with a timeout.
async fn try_until(database: &Database<'_>, lock_timeout: Option<Duration>) -> Result<bool, Failure> {
    let client = database.client().await;
    if let Some(timeout) = lock_timeout {
        client.batch_execute(&format!("SET lock_timeout = {}", timeout.as_millis())).await?;
    }
    let begin = Instant::now();
    loop {
        match client.batch_execute(CHANGE).await {
            Ok(()) => return Ok(true),
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {}
            Err(error) => return Err(error.into()),
        }
        if begin.elapsed() > BUDGET {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Seven reads by key to three updates by key.
struct Accounts;

impl Traffic for Accounts {
    async fn request(&self, client: &mut Client, number: u64) -> Result<(), Error> {
        let id = 1 + (number.wrapping_mul(48_271) >> 3) as i64 % ROWS;
        let sql = if number % 10 < 7 {
            "SELECT \"id\", \"balance\" FROM \"Account\" WHERE \"id\" = $1"
        } else {
            "UPDATE \"Account\" SET \"balance\" = \"balance\" + 1 WHERE \"id\" = $1"
        };
        client.query_typed(sql, &[(&id, Type::INT8)]).await.map(drop)
    }
}

impl Blocker {
    fn heading(self) -> &'static str {
        match self {
            Blocker::Reader => "one reader with an open transaction",
            Blocker::Autovacuum => "an autovacuum on the table",
        }
    }
}
