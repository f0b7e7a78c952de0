//! Eight old and eight new clients go on writing while the triggers come, work and go.
//!
//! With other tools, statements fail around these moments: 2,037 in half a second when pgroll starts and the
//! column has an index, 169 when it completes, 23 when reshape does, because columns, functions and triggers
//! come and go one after the other. Here each change is one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::{Client, Error};
use underpin_core::sync::{disagree, fill};
use underpin_testkit::{Database, Server, outer_majors};

use super::{contract, expand, rename, synced};

/// Clients of each shape.
const CLIENTS: u64 = 8;
/// Rows that are there before; clients change these and make others.
const ROWS: i32 = 2_000;
/// What a batch of the fill takes.
const BATCH: i32 = 100;
/// How long the clients work alone before and behind each change.
const BETWEEN: Duration = Duration::from_millis(300);

/// Clients of one shape: each works in transactions of one statement on the table and the same on the control
/// table, prepared once, until told to stop.
struct Clients {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    working: JoinSet<Result<(), Error>>,
}

impl Clients {
    async fn start(database: &Database<'_>, column: &'static str) -> Self {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut working = JoinSet::new();
        for number in 0..CLIENTS {
            let client = database.client().await;
            let seed = number * 16 + column.len() as u64;
            working.spawn(work(client, column, seed, stop.clone(), written.clone()));
        }
        Self { stop, written, working }
    }

    /// How many transactions they wrote; each of their statements succeeded.
    async fn stop(mut self, when: &str) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(done) = self.working.join_next().await {
            done.unwrap().unwrap_or_else(|error| panic!("{when}: {error:?}"));
        }
        self.written.load(Ordering::SeqCst)
    }
}

async fn work(
    mut client: Client,
    column: &str,
    seed: u64,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
) -> Result<(), Error> {
    let mut prepared = Vec::new();
    for (insert, update, upsert, delete) in [("User", column), ("Control", "fullName")].map(texts) {
        prepared.push([
            client.prepare(&insert).await?,
            client.prepare(&update).await?,
            client.prepare(&upsert).await?,
            client.prepare(&delete).await?,
        ]);
    }
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut own = 1_000_000 * seed as i32;
    while !stop.load(Ordering::SeqCst) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let kind = [0, 1, 1, 1, 2, 2, 3][(random % 7) as usize];
        // Rows of all are never deleted: whoever waits for one that is, and is inserted again, finds none in the
        // first table and the new one in the second, by the snapshots of its two statements.
        let id = match kind {
            0 => {
                own += 1;
                own
            }
            3 => own,
            _ => ((random >> 8) % ROWS as u64) as i32,
        };
        // Required: a client of either shape always has a value.
        let name = format!("{column} {}", random >> 40);
        let transaction = client.transaction().await?;
        for statements in &prepared {
            let statement = &statements[kind];
            match kind {
                3 => transaction.execute(statement, &[&id]).await?,
                _ => transaction.execute(statement, &[&id, &name]).await?,
            };
        }
        transaction.commit().await?;
        written.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

/// What a client sends to this table, where it knows the name as this column.
fn texts((table, column): (&str, &str)) -> (String, String, String, String) {
    (
        format!("INSERT INTO \"{table}\" (id, \"{column}\") VALUES ($1, $2)"),
        format!("UPDATE \"{table}\" SET \"{column}\" = $2, score = score + 1 WHERE id = $1"),
        format!(
            "INSERT INTO \"{table}\" (id, \"{column}\") VALUES ($1, $2) \
             ON CONFLICT (id) DO UPDATE SET \"{column}\" = EXCLUDED.\"{column}\""
        ),
        format!("DELETE FROM \"{table}\" WHERE id = $1"),
    )
}

/// A transaction of ours that waits briefly for its lock, and asks again.
async fn change(database: &Database<'_>, transaction: &str) {
    let client = database.client().await;
    client.batch_execute("SET lock_timeout = '200ms'").await.unwrap();
    loop {
        match client.batch_execute(transaction).await {
            Ok(()) => return,
            Err(error) if error.code().is_some_and(|code| code.code() == "55P03") => {
                client.batch_execute("ROLLBACK").await.unwrap();
            }
            Err(error) => panic!("{error:?} in {transaction}"),
        }
    }
}

async fn database<'a>(server: &'a Server, stem: &str) -> Database<'a> {
    let database = server.database(stem).await;
    database
        .run(&format!(
            "CREATE TABLE \"User\" (id int PRIMARY KEY, \"fullName\" text NOT NULL, score int NOT NULL DEFAULT 0);
             CREATE INDEX ON \"User\" (\"fullName\");
             INSERT INTO \"User\" SELECT g, 'name ' || g FROM generate_series(0, {ROWS} - 1) g;
             CREATE TABLE \"Control\" (LIKE \"User\" INCLUDING ALL);
             INSERT INTO \"Control\" TABLE \"User\"; ANALYZE"
        ))
        .await;
    database
}

/// The table, by this column, is the control table, row by row.
async fn assert_equal(database: &Database<'_>, column: &str) {
    let (ours, control) = (
        format!("SELECT id, \"{column}\", score FROM \"User\""),
        "SELECT id, \"fullName\", score FROM \"Control\"",
    );
    let query = format!(
        "SELECT (SELECT count(*) FROM ({ours} EXCEPT {control}) a), (SELECT count(*) FROM ({control} EXCEPT {ours}) b)"
    );
    assert_eq!(database.rows(&query).await, ["0|0"], "{}: {column}", database.major());
}

const ADD: &str = "ALTER TABLE \"User\" ADD COLUMN \"displayName\" text";

#[tokio::test]
async fn no_statement_fails_and_no_write_is_lost_while_a_column_is_renamed() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = database(server, "sync_load").await;
        let synced = synced(vec![rename("text")]);
        let old = Clients::start(&database, "fullName").await;
        tokio::time::sleep(BETWEEN).await;
        change(&database, &expand(ADD, &synced)).await;
        let new = Clients::start(&database, "displayName").await;
        tokio::time::sleep(BETWEEN).await;
        let update = fill(&synced.table, &synced.pairs[0]);
        for from in (0..ROWS).step_by(BATCH as usize) {
            database.run(&format!("{update} AND id >= {from} AND id < {}", from + BATCH)).await;
        }
        database.run(&format!("{update} AND id >= {ROWS}")).await;
        let left = database.rows(disagree(&synced.table, &synced.pairs[0]).as_str()).await;
        assert_eq!(left, ["0"], "{major}: beside clients of both");
        let olds = old.stop("old clients").await;
        change(&database, &contract(&synced, "ALTER TABLE \"User\" DROP COLUMN \"fullName\"")).await;
        tokio::time::sleep(BETWEEN).await;
        let news = new.stop("new clients").await;
        assert!(olds > 100 && news > 100, "{major}: {olds} and {news} transactions");
        assert_equal(&database, "displayName").await;
    }
}

#[tokio::test]
async fn no_statement_fails_and_no_write_is_lost_while_it_is_taken_back_half_way() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = database(server, "sync_abort").await;
        let synced = synced(vec![rename("text")]);
        let old = Clients::start(&database, "fullName").await;
        change(&database, &expand(ADD, &synced)).await;
        let new = Clients::start(&database, "displayName").await;
        let update = fill(&synced.table, &synced.pairs[0]);
        database.run(&format!("{update} AND id < {}", ROWS / 2)).await;
        tokio::time::sleep(BETWEEN).await;
        new.stop("new clients").await;
        change(&database, &contract(&synced, "ALTER TABLE \"User\" DROP COLUMN \"displayName\"")).await;
        tokio::time::sleep(BETWEEN).await;
        old.stop("old clients").await;
        assert_equal(&database, "fullName").await;
    }
}
