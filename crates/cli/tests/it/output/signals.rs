//! Ctrl-C and SIGTERM: the exit code of the signal, a state that the next deploy continues, and no session left behind.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use underpin_testkit::{Database, ProjectFolder, Said};

use super::{SECOND, shop, strict};
use crate::support::{ended, ledger, start, underpin, until};

fn send(to: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(to.id().unwrap()).unwrap()), signal).unwrap();
}

/// Sends the signal and answers what was said; it has to end within some seconds.
async fn stopped_by(deploy: Child, signal: Signal) -> Said {
    let begin = Instant::now();
    send(&deploy, signal);
    let said = ended(deploy).await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{signal} took {:?}: {}", begin.elapsed(), said.all());
    assert_eq!(said.code, if signal == Signal::SIGINT { 130 } else { 143 }, "{}", said.all());
    said
}

/// Starts a deploy and waits until it tells an event of this kind.
async fn started_until(project: &ProjectFolder, database: &Database<'_>, kind: &str) -> Child {
    let events = project.path().join("events");
    let deploy = start(project.path(), &database.url(), &["deploy", "--events", events.to_str().unwrap()]);
    let begin = Instant::now();
    let kind = format!("\"event\":\"{kind}\"");
    while !std::fs::read_to_string(&events).unwrap_or_default().contains(&kind) {
        assert!(begin.elapsed() < Duration::from_secs(60), "no {kind}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    deploy
}

async fn nobody_works(database: &Database<'_>) {
    let none = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'underpin/%')";
    until(&database.client().await, "our sessions are gone", none).await;
}

/// The next deploy finishes it, and it is there once.
async fn continued(project: &ProjectFolder, database: &Database<'_>) {
    let again = underpin(project.path(), &database.url(), &["deploy"]).await;
    assert_eq!(again.code, 0, "{}", again.all());
    let rows = ledger(database).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[1].finished && rows[1].steps == 1 && rows[1].logs.is_none(), "{rows:?}");
    let status = underpin(project.path(), &database.url(), &["status"]).await;
    assert_eq!(status.code, 0, "{}", status.all());
}

/// While it waits for a lock: nothing of the migration is left.
#[tokio::test]
async fn a_deploy_that_waits_for_a_lock_stops() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let database = shop(100).await;
        let project = strict().migration(SECOND, "ALTER TABLE \"Shop\" ADD COLUMN \"city\" TEXT;\n");
        let reader = database.client().await;
        reader.batch_execute("BEGIN; SELECT count(*) FROM \"Shop\"").await.unwrap();
        let deploy = started_until(&project, &database, "waiting").await;
        let said = stopped_by(deploy, signal).await;
        for words in
            ["stopping at the next safe point", "interrupted", "Nothing of it is left", "underpin deploy"]
        {
            assert!(said.stderr.contains(words), "{words}: {}", said.all());
        }
        nobody_works(&database).await;
        assert_eq!(ledger(&database).await.len(), 1);
        reader.batch_execute("COMMIT").await.unwrap();
        continued(&project, &database).await;
    }
}

/// While a concurrent build runs: it is cancelled, and the next deploy clears up what it left.
#[tokio::test]
async fn a_deploy_that_builds_an_index_stops() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let database = shop(1000).await;
        let project = strict().migration(SECOND, "CREATE INDEX \"Shop_name_idx\" ON \"Shop\"(\"name\");\n");
        // A build waits for the transaction that writes.
        let writer = database.client().await;
        writer
            .batch_execute("BEGIN; UPDATE \"Shop\" SET \"name\" = 'writing' WHERE \"id\" = 1")
            .await
            .unwrap();
        let deploy = start(project.path(), &database.url(), &["deploy", "--json"]);
        let builds =
            "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database())";
        until(&database.client().await, "the index is being built", builds).await;
        let said = stopped_by(deploy, signal).await;
        let object: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(object["ending"]["kind"], "stopped", "{object}");
        assert_eq!(object["exit_code"], said.code, "{object}");
        nobody_works(&database).await;
        writer.batch_execute("COMMIT").await.unwrap();
        continued(&project, &database).await;
        let valid =
            "SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = '\"Shop\"'::regclass";
        assert_eq!(database.rows(valid).await, ["2|t"]);
    }
}

/// In the middle of batches: those that are done stay done, and the next deploy goes on behind them.
#[tokio::test]
async fn a_deploy_that_updates_in_batches_stops_between_two() {
    let database = shop(60_000).await;
    let sql = "ALTER TABLE \"Shop\" ADD COLUMN \"city\" TEXT;\nUPDATE \"Shop\" SET \"city\" = 'Leipzig';\n";
    let settings = "[deploy]\nsmall_table_kb = 0\nbatch_target_ms = 1\n";
    let project = strict().migration(SECOND, sql).file("underpin.toml", settings);
    let deploy = started_until(&project, &database, "progress").await;
    stopped_by(deploy, Signal::SIGINT).await;
    nobody_works(&database).await;
    let done = "SELECT count(*) FILTER (WHERE city IS NOT NULL) > 0, count(*) FILTER (WHERE city IS NULL) > 0 FROM \"Shop\"";
    assert_eq!(database.rows(done).await, ["t|t"], "some rows are done and some are not");
    // Rows that are done are not touched again.
    let touched = "CREATE TABLE public.touched AS SELECT id, ctid AS at FROM \"Shop\" WHERE city IS NOT NULL";
    database.run(touched).await;
    continued(&project, &database).await;
    let moved = "SELECT count(*) FROM \"Shop\" JOIN touched USING (id) WHERE \"Shop\".ctid <> touched.at";
    assert_eq!(database.rows(moved).await, ["0"]);
    assert_eq!(database.rows("SELECT count(*) FROM \"Shop\" WHERE city IS NULL").await, ["0"]);
}

/// While somebody else holds Prisma's lock: nothing has begun, so it ends at once.
#[tokio::test]
async fn a_deploy_that_waits_for_prismas_lock_stops() {
    let database = shop(1).await;
    let project = strict().migration(SECOND, "CREATE TABLE \"New\" ();\n");
    let holder = database.client().await;
    holder.batch_execute("SELECT pg_advisory_lock(72707369)").await.unwrap();
    let deploy = started_until(&project, &database, "lock_held_elsewhere").await;
    let said = stopped_by(deploy, Signal::SIGINT).await;
    assert!(said.stderr.contains("nothing was changed"), "{}", said.all());
    nobody_works(&database).await;
    holder.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    continued(&project, &database).await;
}

/// While the twin is proven on the throwaway server: nothing has begun on the target.
#[tokio::test]
async fn a_deploy_that_proves_a_twin_stops() {
    let database = shop(10).await;
    // An index of a name that no earlier run has proven.
    let index = format!("{}_{}", database.name(), std::process::id());
    let project = strict().migration(SECOND, &format!("CREATE INDEX \"{index}\" ON \"Shop\"(\"name\");\n"));
    let deploy = started_until(&project, &database, "proof_started").await;
    let said = stopped_by(deploy, Signal::SIGINT).await;
    assert!(said.stderr.contains("Nothing of it is left"), "{}", said.all());
    nobody_works(&database).await;
    assert_eq!(ledger(&database).await.len(), 1);
    continued(&project, &database).await;
}
