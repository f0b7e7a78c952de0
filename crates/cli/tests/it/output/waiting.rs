//! What a person reads while a deploy waits: the table, who blocks, since when, how often it was tried, what is left.

use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use super::{SECOND, shop, strict};
use crate::support::{ended, start};

/// Waits until the events hold all these words in one line.
async fn told(events: &std::path::Path, words: &[&str]) {
    let begin = Instant::now();
    loop {
        let text = std::fs::read_to_string(events).unwrap_or_default();
        if text.lines().any(|line| words.iter().all(|word| line.contains(word))) {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{words:?} is not told: {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_long_transaction_is_named_with_its_table_age_and_statement() {
    let database = shop(100).await;
    let project = strict().migration(SECOND, "ALTER TABLE \"Shop\" ADD COLUMN \"city\" TEXT;\n");
    let mut config = database.config();
    let (reader, connection) = config.application_name("nightly-report").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    reader.batch_execute("BEGIN; SELECT count(*) FROM \"Shop\"").await.unwrap();
    let pid: i32 = reader.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    reader.batch_execute("SELECT \"name\"\n  FROM \"Shop\" LIMIT 1").await.unwrap();
    // Older than the gate tolerates.
    tokio::time::sleep(Duration::from_millis(1_200)).await;

    let events = project.path().join("events");
    let deploy = start(project.path(), &database.url(), &["deploy", "--events", events.to_str().unwrap()]);
    told(&events, &["\"waiting\"", "\"holder\"", &format!("\"pid\":{pid}")]).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    reader.batch_execute("COMMIT").await.unwrap();
    let said = ended(deploy).await;
    assert_eq!(said.code, 0, "{}", said.all());
    for words in [
        "waiting to add column city to Shop: a transaction holds the table",
        "min of the budget left",
        &format!("table \"Shop\": session {pid} (nightly-report, role postgres), idle in transaction for "),
        "its last statement: SELECT \"name\" FROM \"Shop\" LIMIT 1",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    let since = said.stderr.split("idle in transaction for ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(since.parse::<f64>().unwrap() >= 1.0, "a second or more: {}", said.stderr);
    let text = std::fs::read_to_string(&events).unwrap();
    let waits: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &serde_json::Value| event["event"] == "waiting")
        .collect();
    assert!(waits.len() >= 2, "{text}");
    let numbers = |name: &str| waits.iter().map(|wait| wait[name].as_u64().unwrap()).collect::<Vec<_>>();
    assert!(numbers("waited_ms").is_sorted() && numbers("budget_left_ms").iter().rev().is_sorted(), "{text}");
    assert_eq!(waits[0]["blockers"][0]["relation"], "\"Shop\"", "{text}");
}

/// Short transactions one after the other: the gate lets us try, and the tries are counted.
#[tokio::test]
async fn tries_are_counted_until_the_budget_is_spent() {
    let database = shop(100).await;
    let project = strict().migration(SECOND, "ALTER TABLE \"Shop\" ADD COLUMN \"city\" TEXT;\n").file(
        "underpin.toml",
        "[deploy]\nsmall_table_kb = 0\n[lock]\nbudget_ms = 4000\npatience_ms = 600000\n",
    );
    let reader = database.client().await;
    reader.batch_execute("BEGIN; SELECT count(*) FROM \"Shop\"").await.unwrap();
    let pid: i32 = reader.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let said = ended(start(project.path(), &database.url(), &["deploy"])).await;
    assert_eq!(said.code, 13, "{}", said.all());
    for words in [
        "the lock was not granted in time",
        "1 try so far",
        "of the budget left",
        &format!("session {pid} "),
        &format!("Stopped safely at migration {SECOND}: the lock could not be had within the budget"),
        "stood in the way",
        "Nothing of it is left in the database.",
        "run the command again: underpin deploy",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
}
