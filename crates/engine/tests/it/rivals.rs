//! More than one runner: two deploys at once, one that takes over from another, one that has lost its
//! lock, and Prisma beside all of them.

use std::time::Duration;

use underpin_core::event::{Event, WaitReason};
use underpin_core::exit;
use underpin_core::plan::Mode;
use underpin_engine::deploy::{Ending, Request};
use underpin_testkit::{Database, Proxy, Server, majors, outer_majors};

use crate::setting::{
    GUARD, Running, assert_same, catalog, deployed, end_session, in_transaction, named, strict, target,
    target_through,
};
use crate::shop::{self, BASE};

const COLUMN: (&str, &str) = ("20260201000000_column", "ALTER TABLE \"User\" ADD COLUMN \"nick\" TEXT;\n");
const INDEX: (&str, &str) =
    ("20260202000000_index", "CREATE INDEX \"Order_total_idx\" ON \"Order\" (\"total\");\n");

/// A deploy that no advisory lock keeps from others, as `PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK` makes it.
fn without_lock() -> Request {
    Request { without_advisory_lock: true, ..strict(Mode::Online) }
}

async fn newest() -> &'static Server {
    Server::shared(*majors().last().unwrap()).await
}

/// Whether each migration was recorded once, and each step executed once.
async fn assert_once(database: &Database<'_>) {
    let rows_of = "SELECT migration_name, count(*) FROM _prisma_migrations GROUP BY 1 HAVING count(*) <> 1 OR bool_or(finished_at IS NULL)";
    assert_eq!(database.rows(rows_of).await, [""; 0]);
    let steps = "SELECT intent, attempts FROM underpin.step WHERE state <> 'applied' OR attempts > 1";
    assert_eq!(database.rows(steps).await, [""; 0]);
}

/// Whoever has the lock ends what earlier runs have left working. One that is still connecting is none of those, however
/// long that takes it.
#[tokio::test(flavor = "multi_thread")]
async fn who_connects_slowly_is_not_taken_for_a_run_that_was_left() {
    let server = newest().await;
    let database = server.database("slow").await;
    shop::open(&database).await;
    let proxy = Proxy::to(server.shadow().port());
    proxy.latency(Duration::from_millis(400));
    let target = target(&database, &[BASE, COLUMN]);
    let mut slow = target_through(&proxy, server, &target);
    slow.url.connect_timeout = None;
    let second = Running::deploy(&slow, &strict(Mode::Online));
    let connected = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'underpin%'";
    while database.rows(connected).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let first = deployed(&target, &strict(Mode::Online)).await;
    assert!(matches!(first.ending, Ending::Applied), "{first:?}");
    proxy.latency(Duration::ZERO);
    let second = second.outcome().await;
    assert!(matches!(second.ending, Ending::UpToDate), "{second:?}");
    assert_once(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_deploys_at_once_one_waits_and_finds_nothing_to_do() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = server.database("two").await;
        shop::open(&database).await;
        let blocker = in_transaction(&database, "report", "SELECT FROM \"User\"").await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        let target = target(&database, &[BASE, COLUMN, INDEX]);
        let first = Running::deploy(&target, &strict(Mode::Online));
        assert_eq!(first.waits().await.0, WaitReason::Holder);
        let second = Running::deploy(&target, &strict(Mode::Online));
        let holder = second
            .tells(|event| match event {
                Event::LockHeldElsewhere { holder, .. } => Some(holder.clone()),
                _ => None,
            })
            .await;
        assert!(holder.unwrap().application.starts_with("underpin/"), "{major}");
        blocker.batch_execute("COMMIT").await.unwrap();
        let (first, second) = (first.outcome().await, second.outcome().await);
        assert!(matches!(first.ending, Ending::Applied), "{major}: {first:?}");
        assert!(matches!(second.ending, Ending::UpToDate), "{major}: {second:?}");
        assert_once(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_prismas_lock_is_named_when_the_budget_is_spent() {
    let database = newest().await.database("held").await;
    shop::open(&database).await;
    let prisma = named(&database, "prisma").await;
    prisma.batch_execute("SELECT pg_advisory_lock(72707369)").await.unwrap();
    let mut request = strict(Mode::Online);
    request.settings.lock.advisory_budget_ms = 600;
    let before = catalog(&database).await;
    let problem = Running::deploy(&target(&database, &[BASE, COLUMN]), &request).ended().await.unwrap_err();
    assert_eq!((problem.exit, problem.code.as_deref()), (exit::STOPPED, Some("P1002")), "{problem:?}");
    let pid: i32 = prisma.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let said = format!("session {pid} (prisma, ");
    assert!(problem.to_string().contains(&said), "{problem}");
    assert_same(&before, &catalog(&database).await, "without the lock");
}

/// The lock's session dies while the run waits. Prisma may begin now, so nothing more is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_loses_prismas_lock_begins_nothing_more() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = server.database("guard").await;
        shop::open(&database).await;
        let before = catalog(&database).await;
        let blocker = in_transaction(&database, "report", "SELECT FROM \"User\"").await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        let target = target(&database, &[BASE, COLUMN, INDEX]);
        let running = Running::deploy(&target, &strict(Mode::Online));
        running.waits().await;
        end_session(&database, GUARD).await;
        blocker.batch_execute("COMMIT").await.unwrap();
        let outcome = running.outcome().await;
        match &outcome.ending {
            Ending::Stopped { migration, reason, half_done: false, .. } => {
                assert_eq!(migration, COLUMN.0);
                assert!(reason.contains("Prisma's advisory lock was lost"), "{reason}");
            }
            other => panic!("{major}: {other:#?}"),
        }
        assert_eq!(outcome.ending.exit_code(), exit::STOPPED);
        assert_same(&before, &catalog(&database).await, &format!("{major}"));
        assert!(matches!(deployed(&target, &strict(Mode::Online)).await.ending, Ending::Applied), "{major}");
        assert_once(&database).await;
    }
}

/// The first run waits with all its sessions alive. The second ends them and goes on; the first comes
/// back with new ones and may not do anything any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_taken_over_can_do_nothing_any_more() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = server.database("fence").await;
        shop::open(&database).await;
        let blocker = in_transaction(&database, "report", "SELECT FROM \"User\"").await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        let target = target(&database, &[BASE, COLUMN, INDEX]);
        let first = Running::deploy(&target, &without_lock());
        assert_eq!(first.waits().await.0, WaitReason::Holder);
        let second = Running::deploy(&target, &strict(Mode::Online));
        assert_eq!(second.waits().await.0, WaitReason::Holder);
        blocker.batch_execute("COMMIT").await.unwrap();
        let (first, second) = (first.outcome().await, second.outcome().await);
        assert!(matches!(second.ending, Ending::Applied), "{major}: {second:?}");
        match &first.ending {
            Ending::Stopped { reason, half_done: false, .. } => {
                assert!(reason.contains("another run has taken over"), "{major}: {reason}");
            }
            other => panic!("{major}: {other:#?}"),
        }
        assert_once(&database).await;
        assert_eq!(database.rows("SELECT epoch FROM underpin.lease").await, ["3"], "{major}");
    }
}

/// The first run builds an index when it is taken over. What it finds under the index's name when it
/// comes back is the other run's, finished or not, and none of its business.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_taken_over_does_not_drop_the_others_build() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = server.database("builds").await;
        shop::open(&database).await;
        // A concurrent build waits for this writer, who is too young for the gate.
        let writer = in_transaction(&database, "writer", "INSERT INTO \"Order\" VALUES ('w', 1, 1)").await;
        let target = target(&database, &[BASE, INDEX]);
        let building = |others: usize| {
            let (count, database) = (
                format!("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'underpin/%'
                         AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' AND datname = '{}'", database.name()),
                &database,
            );
            async move {
                while database.rows(&count).await.len() != others {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        let first = Running::deploy(&target, &without_lock());
        building(1).await;
        let second = Running::deploy(&target, &strict(Mode::Online));
        // The second ends the first one's sessions, and waits for the writer to drop what its build left.
        second
            .tells(|event| {
                matches!(event, Event::Progress { phase, .. } if phase.starts_with("dropping")).then_some(())
            })
            .await;
        let ended = first.outcome().await;
        match &ended.ending {
            Ending::Stopped { reason, .. } => {
                assert!(reason.contains("another run has taken over"), "{major}: {reason}");
            }
            other => panic!("{major}: {other:#?}"),
        }
        writer.batch_execute("COMMIT").await.unwrap();
        let outcome = second.outcome().await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");
        let index = "SELECT indisvalid FROM pg_index WHERE indexrelid = '\"Order_total_idx\"'::regclass";
        assert_eq!(database.rows(index).await, ["t"], "{major}");
    }
}

/// A concurrent drop has no phases that the server would show, and waits for writers all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_drop_that_waits_says_for_whom() {
    let server = Server::shared(outer_majors()[0]).await;
    let database = server.database("drops").await;
    shop::open(&database).await;
    deployed(&target(&database, &[BASE, INDEX]), &strict(Mode::Online)).await;
    let writer = in_transaction(&database, "writer", "INSERT INTO \"Order\" VALUES ('w', 1, 1)").await;
    let gone = ("20260501000000_gone", "DROP INDEX CONCURRENTLY \"Order_total_idx\";\n");
    let running = Running::deploy(&target(&database, &[BASE, INDEX, gone]), &strict(Mode::Online));
    let told = running
        .tells(|event| match event {
            Event::Progress { phase, .. } => phase.strip_prefix("waiting for ").map(str::to_owned),
            _ => None,
        })
        .await;
    assert!(told.starts_with("session ") && told.contains("(writer, role "), "{told}");
    writer.batch_execute("COMMIT").await.unwrap();
    let outcome = running.outcome().await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:?}");
}
