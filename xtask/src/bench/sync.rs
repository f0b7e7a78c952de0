//! What sync triggers cost an application's statements: the server's processor time of each, with the triggers
//! to without them.
//!
//! The table without is the one before the change: one column, no triggers. The other has both columns and the
//! triggers, so that the second value in the row counts too. One session executes statements on both in turn,
//! each in a transaction of its own, on a server that does not wait for its disk; what its process used, the
//! kernel tells. A ratio is the middle of those of the rounds, so that a neighbour's work on the machine
//! meets both sides of it.
//!
//! The factor of pgroll is the one that its project publishes for an update of 300,000 rows in one statement
//! (78,379 to 311,980 rows a second on PostgreSQL 17); we do the same.

use serde_json::json;
use tokio_postgres::Client;
use underpin_catalog::{Name, RelationName, Sql};
use underpin_core::sync::{Others, Pair, Synced, enum_to_enum, renamed, switch_on};
use underpin_shadow::StartOptions;
use underpin_testkit::{Database, Server};

use super::{Finding, MAJOR, median};
use crate::Failure;

/// Statements that set no column of a pair.
const BESIDE_MARK: f64 = 1.25;
/// Statements that set one.
const PAIR_MARK: f64 = 1.6;
/// One statement that sets 300,000 rows, with pgroll's triggers.
const PGROLL: f64 = 311_980.0 / 78_379.0;

const ROUNDS: usize = 11;
/// Statements in a round on each side.
const STATEMENTS: i32 = 3_000;
const ROWS: i32 = 20_000;
/// Of the table on which many rows are set at once.
const MANY_ROWS: i32 = 300_000;

/// What a statement is about.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    /// No column of a pair.
    Beside,
    /// A column of a pair.
    Pair,
    /// A column of a pair, in many rows.
    ManyRows,
}

struct Work {
    name: &'static str,
    reach: Reach,
    /// For the tables without and with triggers; `$1` is a number of the row.
    statements: [&'static str; 2],
}

const WORKS: [Work; 10] = [
    Work {
        name: "INSERT by an old client",
        reach: Reach::Pair,
        statements: [
            "INSERT INTO plain (email, name, note) VALUES ('a@example.com', 'somebody', 'about ' || $1::int) RETURNING id, email, name, note",
            "INSERT INTO synced (email, name, note) VALUES ('a@example.com', 'somebody', 'about ' || $1::int) RETURNING id, email, name, note",
        ],
    },
    Work {
        name: "INSERT by a new client",
        reach: Reach::Pair,
        statements: [
            "INSERT INTO plain (email, name, note) VALUES ('a@example.com', 'somebody', 'about ' || $1::int) RETURNING id, email, name, note",
            "INSERT INTO synced (email, label, note) VALUES ('a@example.com', 'somebody', 'about ' || $1::int) RETURNING id, email, label, note",
        ],
    },
    Work {
        name: "INSERT, both columns mapped",
        reach: Reach::Pair,
        statements: [
            "INSERT INTO plain_mapped (plan, note) VALUES ('PRO', 'about ' || $1::int) RETURNING id, plan",
            "INSERT INTO mapped (plan, note) VALUES ('PRO', 'about ' || $1::int) RETURNING id, plan",
        ],
    },
    Work {
        name: "UPDATE by an old client",
        reach: Reach::Pair,
        statements: [
            "UPDATE plain SET name = 'now ' || $1::int WHERE id = $1 RETURNING id",
            "UPDATE synced SET name = 'now ' || $1::int WHERE id = $1 RETURNING id",
        ],
    },
    Work {
        name: "UPDATE by a new client",
        reach: Reach::Pair,
        statements: [
            "UPDATE plain SET name = 'now ' || $1::int WHERE id = $1 RETURNING id",
            "UPDATE synced SET label = 'now ' || $1::int WHERE id = $1 RETURNING id",
        ],
    },
    Work {
        name: "UPDATE, both columns mapped",
        reach: Reach::Pair,
        statements: [
            "UPDATE plain_mapped SET plan = CASE WHEN $1 % 2 = 0 THEN 'FREE' ELSE 'PRO' END::plan WHERE id = $1 RETURNING id",
            "UPDATE mapped SET plan = CASE WHEN $1 % 2 = 0 THEN 'FREE' ELSE 'PRO' END::plan WHERE id = $1 RETURNING id",
        ],
    },
    Work {
        name: "UPDATE of another column",
        reach: Reach::Beside,
        statements: [
            "UPDATE plain SET score = $1 WHERE id = $1 RETURNING id",
            "UPDATE synced SET score = $1 WHERE id = $1 RETURNING id",
        ],
    },
    Work {
        name: "UPDATE of another column, mapped",
        reach: Reach::Beside,
        statements: [
            "UPDATE plain_mapped SET note = 'then ' || $1::int WHERE id = $1 RETURNING id",
            "UPDATE mapped SET note = 'then ' || $1::int WHERE id = $1 RETURNING id",
        ],
    },
    Work {
        name: "UPDATE of another column, own triggers",
        reach: Reach::Beside,
        statements: [
            "UPDATE plain_own SET score = $1 WHERE id = $1 RETURNING id",
            "UPDATE own SET score = $1 WHERE id = $1 RETURNING id",
        ],
    },
    Work {
        name: "UPDATE of 300,000 rows",
        reach: Reach::ManyRows,
        statements: [
            "UPDATE plain_many SET name = name || '!' WHERE $1 = $1",
            "UPDATE many SET name = name || '!' WHERE $1 = $1",
        ],
    },
];

impl Work {
    fn mark(&self) -> f64 {
        match self.reach {
            Reach::Beside => BESIDE_MARK,
            Reach::Pair => PAIR_MARK,
            Reach::ManyRows => PGROLL,
        }
    }
}

pub(super) async fn measure() -> Result<Finding, Failure> {
    let settings = [("shared_buffers", "256MB"), ("max_wal_size", "4GB")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = Server::start(MAJOR, StartOptions { settings, ..StartOptions::default() }).await?;
    let database = server.database("sync").await;
    fill(&database).await;
    let client = database.client().await;
    let process: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);

    let (mut raw, mut worst, mut met) = (Vec::new(), [0.0_f64; 2], true);
    let mut touching_us = 0.0;
    for work in &WORKS {
        let mut rounds = Vec::new();
        for round in 0..if work.reach == Reach::ManyRows { 3 } else { ROUNDS } {
            let mut used = [0.0; 2];
            // In turn which comes first.
            for side in [round % 2, 1 - round % 2] {
                used[side] = side_of(&client, process, work, side, round).await?;
            }
            rounds.push(used);
        }
        let ratios: Vec<f64> = rounds.iter().map(|[without, with]| with / without).collect();
        let of_side = |side: usize| median(&rounds.iter().map(|used| used[side]).collect::<Vec<_>>());
        let (ratio, with_us) = (median(&ratios), of_side(1));
        println!(
            "{:38} without {:9.1} us   with {with_us:9.1} us   ratio {ratio:5.2} (mark {:4.2})",
            work.name,
            of_side(0),
            work.mark()
        );
        met &= ratio <= work.mark();
        match work.reach {
            Reach::Beside => worst[0] = worst[0].max(ratio),
            Reach::Pair => {
                worst[1] = worst[1].max(ratio);
                touching_us = f64::max(touching_us, with_us);
            }
            Reach::ManyRows => {}
        }
        raw.push(
            json!({ "work": work.name, "us_without_and_with": rounds, "ratio": ratio, "mark": work.mark() }),
        );
    }
    Ok(Finding {
        value: touching_us,
        unit: "us of the server's processor for a statement that sets a column of a pair",
        ratio: worst[1],
        peer: "the same statement without triggers".to_owned(),
        met,
        marks: format!(
            "at most {BESIDE_MARK} beside a pair, {PAIR_MARK} on a pair, {PGROLL:.2} (pgroll's) for many rows at once; \
             found {:.2} and {:.2}",
            worst[0], worst[1]
        ),
        raw: json!(raw),
    })
}

/// Processor time of one statement, in microseconds.
async fn side_of(
    client: &Client,
    process: i32,
    work: &Work,
    side: usize,
    round: usize,
) -> Result<f64, Failure> {
    let statement = client.prepare_typed(work.statements[side], &[tokio_postgres::types::Type::INT4]).await?;
    let table = ["plain_many", "many"][side];
    let count = match work.reach {
        Reach::ManyRows => {
            client.batch_execute(&format!("VACUUM {table}")).await?;
            1
        }
        _ => STATEMENTS,
    };
    // The plan, and what is loaded once in a session, are no part of it.
    if count > 1 {
        for id in 1..=10 {
            client.execute(&statement, &[&id]).await?;
        }
    }
    let begin = processor_ns(process)?;
    for number in 0..count {
        // Another row each time, the same rows on both sides.
        let id = 1 + (number * 7_919 + round as i32 * 104_729) % ROWS;
        client.execute(&statement, &[&id]).await?;
    }
    Ok((processor_ns(process)? - begin) / f64::from(count) / 1000.0)
}

/// What this process has used until now.
fn processor_ns(process: i32) -> Result<f64, Failure> {
    let path = format!("/proc/{process}/schedstat");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{path} tells what a process uses, on Linux: {error}"))?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// Each table twice: as before the change, and with both columns and triggers.
async fn fill(database: &Database<'_>) {
    let renaming = renamed(&Name::new("name"), &Name::new("label"), &Sql::verbatim("text"));
    let enums = ["plan", "plan_new"].map(|name| RelationName::qualified("public", name));
    let values = [("FREE", "BASIC"), ("PRO", "PAID")].map(|(old, new)| (old.to_owned(), new.to_owned()));
    let mapping = enum_to_enum((&Name::new("plan"), &enums[0]), (&Name::new("plan_new"), &enums[1]), &values);
    let on = |table: &str, pair: &Pair, others: Others| {
        let table = RelationName::qualified("public", table);
        let made = switch_on(&Synced { table, pairs: vec![pair.clone()], others });
        made.iter().map(|sql| format!("{sql};")).collect::<String>()
    };
    let users = "id serial PRIMARY KEY, email text, name text NOT NULL, note text, score int, created timestamptz DEFAULT now()";
    let text = format!(
        "CREATE TYPE plan AS ENUM ('FREE', 'PRO'); CREATE TYPE plan_new AS ENUM ('BASIC', 'PAID');
         CREATE TABLE plain ({users}); CREATE INDEX ON plain (email);
         INSERT INTO plain (email, name, note) SELECT g || '@example.com', 'name ' || g, repeat('x', 60) FROM generate_series(1, {ROWS}) g;
         CREATE TABLE synced ({users}, label text); CREATE INDEX ON synced (email);
         INSERT INTO synced (email, name, note, label) SELECT email, name, note, name FROM plain ORDER BY id;
         CREATE TABLE plain_own ({users}); INSERT INTO plain_own SELECT * FROM plain;
         CREATE TABLE own ({users}, label text); INSERT INTO own SELECT *, name FROM plain;
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.created := now(); RETURN NEW; END$$;
         CREATE TRIGGER touch BEFORE UPDATE ON plain_own FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TRIGGER touch BEFORE UPDATE ON own FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TABLE plain_mapped (id serial PRIMARY KEY, plan plan, note text);
         INSERT INTO plain_mapped (plan, note) SELECT 'FREE', repeat('x', 60) FROM generate_series(1, {ROWS}) g;
         CREATE TABLE mapped (id serial PRIMARY KEY, plan plan, note text, plan_new plan_new);
         INSERT INTO mapped (plan, note, plan_new) SELECT plan, note, 'BASIC' FROM plain_mapped;
         CREATE TABLE plain_many (id serial PRIMARY KEY, name text);
         INSERT INTO plain_many (name) SELECT 'user_' || g FROM generate_series(1, {MANY_ROWS}) g;
         CREATE TABLE many (id serial PRIMARY KEY, name text, label text);
         INSERT INTO many (name, label) SELECT name, name FROM plain_many;"
    );
    database.run(&text).await;
    database.run(&on("synced", &renaming, Others::None)).await;
    database.run(&on("own", &renaming, Others::Triggers)).await;
    database.run(&on("mapped", &mapping, Others::None)).await;
    database.run(&on("many", &renaming, Others::None)).await;
    database.run("VACUUM ANALYZE").await;
}
