//! We and Prisma exclude each other by Prisma's advisory lock.

use std::time::{Duration, Instant};

use underpin_testkit::{Oracle, ProjectFolder};

use super::{INIT, SECOND, SHOP};
use crate::support::{command, ended, ledger, server, start, underpin, until};

#[tokio::test]
async fn prisma_keeps_off_while_we_deploy() {
    let server = server().await;
    let database = server.database("lock").await;
    let url = database.url();
    let project = ProjectFolder::prisma7().migration(INIT, SHOP);
    let first = underpin(project.path(), &url, &["deploy"]).await;
    assert_eq!(first.code, 0, "{}", first.all());
    let project = project.migration(SECOND, "ALTER TABLE \"Shop\" ADD COLUMN \"city\" TEXT;\n");

    // A reader that does not end keeps our deploy waiting, with the lock in its hands.
    let reader = database.client().await;
    reader.batch_execute("BEGIN; SELECT * FROM \"Shop\"").await.unwrap();
    let ours = start(project.path(), &url, &["deploy"]);
    let looker = database.client().await;
    let held =
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 72707369 AND granted)";
    until(&looker, "we hold the lock", held).await;

    let theirs = Oracle::prisma7().await.deploy(project.path(), &url).await;
    assert!(theirs.code == 1 && theirs.stderr.contains("P1002"), "{}", theirs.all());
    assert!(theirs.stderr.contains("pg_advisory_lock(72707369)"), "{}", theirs.all());
    let claim = underpin(project.path(), &url, &["status"]).await;
    assert_eq!(claim.code, 10, "status asks for no lock: {}", claim.all());

    reader.batch_execute("COMMIT").await.unwrap();
    let ours = ended(ours).await;
    assert_eq!(ours.code, 0, "{}", ours.all());
    assert_eq!(ledger(&database).await.len(), 2);
    let theirs = Oracle::prisma7().await.deploy(project.path(), &url).await;
    assert!(theirs.stdout.contains("No pending migrations"), "{}", theirs.all());
}

#[tokio::test]
async fn we_wait_for_prisma_and_name_it() {
    let server = server().await;
    let database = server.database("lock").await;
    let url = database.url();
    let project = ProjectFolder::prisma7().migration(INIT, SHOP);
    let mut config = database.config();
    let (prisma, connection) =
        config.application_name("somebody-else").connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    // As Prisma takes it: blocking, on a session that then does other things.
    let pid: i32 = prisma
        .query_one("SELECT pg_backend_pid() FROM pg_advisory_lock(72707369)", &[])
        .await
        .unwrap()
        .get(0);

    let events = project.path().join("events.ndjson");
    let ours = start(project.path(), &url, &["deploy", "--events", events.to_str().unwrap()]);
    let begin = Instant::now();
    loop {
        let told = std::fs::read_to_string(&events).unwrap_or_default();
        if told.contains("\"lock_held_elsewhere\"") && told.contains(&format!("\"pid\":{pid}")) {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "the holder is not named: {told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(prisma);
    let ours = ended(ours).await;
    assert_eq!(ours.code, 0, "{}", ours.all());
    for words in
        ["waiting for Prisma's advisory lock", &format!("session {pid} (somebody-else, role postgres)")]
    {
        assert!(ours.stderr.contains(words), "{words}: {}", ours.all());
    }
}

#[tokio::test]
async fn we_give_up_within_the_budget_and_change_nothing() {
    let server = server().await;
    let database = server.database("lock").await;
    let url = database.url();
    let project = ProjectFolder::prisma7()
        .migration(INIT, SHOP)
        .file("underpin.toml", "[lock]\nadvisory_budget_ms = 1000\n");
    let holder = database.client().await;
    holder.batch_execute("SELECT pg_advisory_lock(72707369)").await.unwrap();
    for arguments in [&["deploy"][..], &["resolve", "--applied", INIT], &["recover", "--revert"]] {
        let begin = Instant::now();
        let ours = underpin(project.path(), &url, arguments).await;
        assert!(ours.code == 13 && ours.stderr.contains("P1002"), "{}", ours.all());
        assert!(ours.stderr.contains("pg_terminate_backend"), "{}", ours.all());
        assert!(begin.elapsed() >= Duration::from_secs(1), "it did not wait");
    }
    let made = "SELECT to_regclass('_prisma_migrations') IS NULL AND to_regnamespace('underpin') IS NULL";
    assert!(holder.query_one(made, &[]).await.unwrap().get::<_, bool>(0));
}

/// Prisma's own way out of the lock is ours too.
#[tokio::test]
async fn the_variable_that_disables_the_lock_is_heard() {
    let database = server().await.database("lock").await;
    let url = database.url();
    let project = ProjectFolder::prisma7()
        .migration(INIT, SHOP)
        .file("underpin.toml", "[lock]\nadvisory_budget_ms = 200\n");
    let holder = database.client().await;
    holder.batch_execute("SELECT pg_advisory_lock(72707369)").await.unwrap();
    for (value, code) in [("", 13), ("0", 13), ("1", 0)] {
        let mut ours = command(project.path(), &url, &["deploy"]);
        let ours = ended(ours.env("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK", value).spawn().unwrap()).await;
        assert_eq!(ours.code, code, "{value:?}: {}", ours.all());
    }
    assert_eq!(ledger(&database).await.len(), 1);
}
