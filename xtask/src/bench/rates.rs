//! The rates behind lint's durations, measured again: how many rows a second each kind of work gets done on
//! a table of 2,000,000 rows in 234 MB.
//!
//! The peer is the first machine of the table in `crates/core/src/lint/cost.rs`. A machine on which some work
//! is four times slower or quicker than there is one for which lint's intervals should be looked at.

use serde_json::json;
use tokio_postgres::Client;
use underpin_shadow::StartOptions;
use underpin_testkit::Server;

use super::{Finding, MAJOR, median, timed};
use crate::Failure;

/// A work's time to that on the first machine, and its inverse, at most.
const MARK: f64 = 4.0;

const ROUNDS: usize = 3;

const ROWS: f64 = 2e6;

struct Work {
    name: &'static str,
    sql: &'static str,
    /// Makes the table what it was.
    undo: &'static str,
    /// Million rows a second on the first machine.
    rate: f64,
}

/// `DELETE` was not measured there; its rate is the middle of the second machine's.
const WORKS: [Work; 9] = [
    Work {
        name: "scan for SET NOT NULL",
        sql: "ALTER TABLE t ALTER a SET NOT NULL",
        undo: "ALTER TABLE t ALTER a DROP NOT NULL",
        rate: 18.0,
    },
    Work {
        name: "scan for a CHECK",
        sql: "ALTER TABLE t ADD CONSTRAINT c CHECK (a >= 0)",
        undo: "ALTER TABLE t DROP CONSTRAINT c",
        rate: 14.0,
    },
    Work {
        name: "scan for a foreign key",
        sql: "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES p",
        undo: "ALTER TABLE t DROP CONSTRAINT k",
        rate: 4.2,
    },
    Work { name: "btree on an int", sql: "CREATE INDEX i ON t (a)", undo: "DROP INDEX i", rate: 3.1 },
    Work {
        name: "btree on 70 bytes of text",
        sql: "CREATE INDEX i ON t (b)",
        undo: "DROP INDEX i",
        rate: 0.78,
    },
    Work {
        name: "rewrite, int to bigint",
        sql: "ALTER TABLE t ALTER a TYPE bigint",
        undo: "ALTER TABLE t ALTER a TYPE int",
        rate: 0.72,
    },
    Work {
        name: "rewrite, default gen_random_uuid()",
        sql: "ALTER TABLE t ADD u uuid DEFAULT gen_random_uuid()",
        undo: "ALTER TABLE t DROP u; VACUUM FULL t",
        rate: 0.42,
    },
    Work { name: "UPDATE of every row", sql: "UPDATE t SET a = a", undo: "VACUUM FULL t", rate: 0.26 },
    Work {
        name: "DELETE of every row",
        sql: "BEGIN; DELETE FROM t",
        undo: "ROLLBACK; VACUUM FULL t",
        rate: 1.7,
    },
];

pub(super) async fn measure() -> Result<Finding, Failure> {
    // PostgreSQL's own defaults, where a throwaway server has smaller ones.
    let settings = [("shared_buffers", "128MB"), ("maintenance_work_mem", "64MB"), ("max_wal_size", "1GB")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = StartOptions { durable: true, settings, ..StartOptions::default() };
    let server = Server::start(MAJOR, options).await?;
    let database = server.database("rates").await;
    database
        .run(
            "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 10000);
             CREATE TABLE t (id int, a int, b text, f int);
             INSERT INTO t SELECT g, g::bigint * 7919 % 2000000, repeat(md5(g::text), 2) || 'abcdef', 1 + g % 10000
             FROM generate_series(1, 2000000) g",
        )
        .await;
    database.run("VACUUM ANALYZE t, p").await;
    let client = database.client().await;
    let mut found = Vec::new();
    for work in &WORKS {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            client.batch_execute("CHECKPOINT").await?;
            let ((), ms) = timed(async { Ok(client.batch_execute(work.sql).await?) }).await?;
            times.push(ms);
            undo(&client, work.undo).await?;
        }
        let rate = ROWS / median(&times) / 1e3;
        println!("{:36} {rate:7.2} million rows a second, {:7.2} on the first machine", work.name, work.rate);
        // Our time to theirs.
        found.push((work, times, work.rate / rate));
    }
    let ratios: Vec<f64> = found.iter().map(|(.., ratio)| *ratio).collect();
    let middle = median(&ratios);
    Ok(Finding {
        value: ROWS / median(&found[0].1) / 1e3,
        unit: "million rows a second searched for NULL",
        ratio: middle,
        peer: "the first machine of crates/core/src/lint/cost.rs".to_owned(),
        met: ratios.iter().all(|ratio| (1.0 / MARK..=MARK).contains(ratio)),
        marks: format!("each work at most {MARK} times slower or quicker than there"),
        raw: found.iter().map(|(work, times, _)| json!({ "work": work.name, "ms": times })).collect(),
    })
}

/// `VACUUM` wants to be alone in its message.
async fn undo(client: &Client, statements: &str) -> Result<(), Failure> {
    for statement in statements.split("; ") {
        client.batch_execute(statement).await?;
    }
    Ok(())
}
