//! The lock protocol on real servers: who is waited for and how, who is named, and that nothing has
//! happened when the budget is spent.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::Client;
use underpin_catalog::LockMode;
use underpin_core::event::{Event, WaitReason};
use underpin_core::exit;
use underpin_core::plan::{Mode, ReasonCode};
use underpin_engine::deploy::{Ending, Request};
use underpin_shadow::StartOptions;
use underpin_testkit::{Database, Server, majors, outer_majors};

use crate::setting::{
    Running, assert_same, catalog, deployed, in_transaction, ledger, named, slow_ddl, strict, target,
};
use crate::shop::{self, BASE};

/// A change of the catalog alone, on a table that is in use.
const COLUMN: (&str, &str) = ("20260201000000_column", "ALTER TABLE \"User\" ADD COLUMN \"nick\" TEXT;\n");

/// A deploy that gives up waiting after this long.
fn with_budget(budget_ms: u64) -> Request {
    let mut request = strict(Mode::Online);
    request.settings.lock.budget_ms = budget_ms;
    request
}

/// Sessions of ours that wait for a table lock, or hold one that an application waits for, on "User".
async fn in_the_way(database: &Database<'_>) -> Vec<String> {
    let query = "SELECT l.mode, l.granted FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                 WHERE a.application_name LIKE 'underpin/%' AND l.relation = '\"User\"'::regclass
                   AND (NOT l.granted OR l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock'))";
    database.rows(query).await
}

/// Older than what the gate tolerates.
async fn grow_old() {
    tokio::time::sleep(Duration::from_millis(700)).await;
}

async fn pid(client: &Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reader_is_waited_for_without_a_place_in_the_queue() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("reader").await;
        shop::open(&database).await;
        let reader = in_transaction(&database, "report", "SELECT count(*) FROM \"User\"").await;
        grow_old().await;

        let running = Running::deploy(&target(&database, &[BASE, COLUMN]), &strict(Mode::Online));
        let (reason, blockers) = running.waits().await;
        assert_eq!(reason, WaitReason::Holder, "{major}");
        let [blocker] = blockers.as_slice() else { panic!("{major}: {blockers:#?}") };
        assert_eq!(blocker.pid, pid(&reader).await);
        assert_eq!(blocker.application, "report");
        assert_eq!(blocker.state, "idle in transaction");
        assert_eq!(blocker.relation, "\"User\"");
        assert_eq!(blocker.mode, Some(LockMode::AccessShare));
        assert!(blocker.query.contains("count(*)") && blocker.transaction_ms >= 700, "{blocker:?}");
        for _ in 0..20 {
            assert_eq!(in_the_way(&database).await, [""; 0], "{major}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }

        reader.batch_execute("COMMIT").await.unwrap();
        let reasons = running.reasons();
        let outcome = running.outcome().await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");
        assert!(reasons.iter().all(|reason| *reason == WaitReason::Holder), "{major}: {reasons:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_budget_is_spent_the_blocker_is_named_and_nothing_has_happened() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("budget").await;
        shop::open(&database).await;
        let before = (catalog(&database).await, ledger(&database).await);
        let writer =
            in_transaction(&database, "import", "UPDATE \"User\" SET \"name\" = 'x' WHERE \"id\" = 1").await;
        grow_old().await;

        let outcome = deployed(&target(&database, &[BASE, COLUMN]), &with_budget(1_200)).await;
        assert_eq!(outcome.ending.exit_code(), exit::STOPPED);
        match &outcome.ending {
            Ending::Stopped { migration, reason, blockers, half_done: false } => {
                assert_eq!(migration, COLUMN.0);
                assert!(reason.contains("within the budget") && reason.contains("(import, role"), "{reason}");
                assert_eq!(blockers[0].pid, pid(&writer).await);
                assert_eq!(blockers[0].mode, Some(LockMode::RowExclusive));
            }
            other => panic!("{major}: {other:#?}"),
        }
        assert_same(&before.0, &catalog(&database).await, &format!("{major}"));
        assert_eq!(before.1, ledger(&database).await, "{major}: the ledger");
        let begun = format!("SELECT state FROM underpin.migration WHERE name = '{}'", COLUMN.0);
        assert_eq!(database.rows(&begun).await, [""; 0], "{major}: the journal");

        writer.batch_execute("COMMIT").await.unwrap();
        let outcome = deployed(&target(&database, &[BASE, COLUMN]), &with_budget(1_200)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_is_named_by_its_own_name() {
    for major in majors() {
        let settings = vec![("max_prepared_transactions".to_owned(), "4".to_owned())];
        let options = StartOptions { settings, ..StartOptions::default() };
        let server = Server::start(major, options).await.unwrap();
        let database = server.database("prepared").await;
        shop::open(&database).await;
        database
            .run(
                "BEGIN; UPDATE \"User\" SET \"name\" = 'x' WHERE \"id\" = 1; PREPARE TRANSACTION 'booking 7'",
            )
            .await;
        grow_old().await;

        let outcome = deployed(&target(&database, &[BASE, COLUMN]), &with_budget(1_200)).await;
        match &outcome.ending {
            Ending::Stopped { reason, blockers, half_done: false, .. } => {
                let [blocker] = blockers.as_slice() else { panic!("{major}: {blockers:#?}") };
                assert_eq!((blocker.pid, blocker.state.as_str()), (0, "prepared"), "{major}: {blocker:?}");
                assert_eq!(blocker.application, "prepared transaction booking 7", "{major}");
                assert!((700..60_000).contains(&blocker.transaction_ms), "{major}: {blocker:?}");
                assert!(reason.contains("prepared transaction booking 7 (role "), "{major}: {reason}");
            }
            other => panic!("{major}: {other:#?}"),
        }
        // A concurrent build waits for it as well, because its snapshot is as old.
        let index = ("20260202000000_index", "CREATE INDEX \"User_name_idx\" ON \"User\" (\"name\");\n");
        let mut request = strict(Mode::Online);
        (request.settings.lock.snapshot_age_ms, request.settings.lock.snapshot_budget_ms) = (500, 1_200);
        let outcome = deployed(&target(&database, &[BASE, index]), &request).await;
        match &outcome.ending {
            Ending::Stopped { reason, half_done: false, .. } => {
                assert!(reason.contains("old snapshot") && reason.contains("booking 7"), "{major}: {reason}");
            }
            other => panic!("{major}: {other:#?}"),
        }
        let begun = format!(
            "SELECT 1 FROM _prisma_migrations WHERE migration_name = '{0}' UNION ALL SELECT 1 FROM underpin.migration WHERE name = '{0}'",
            index.0
        );
        assert_eq!(database.rows(&begun).await, [""; 0], "{major}: what was begun is taken back");
        database.run("ROLLBACK PREPARED 'booking 7'").await;
        let outcome = deployed(&target(&database, &[BASE, index]), &request).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");
    }
}

/// A server whose autovacuum looks at tables all the time and works on them slowly.
async fn vacuuming(major: u32) -> Server {
    let settings = [("autovacuum", "on"), ("autovacuum_naptime", "1s"), ("log_autovacuum_min_duration", "0")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Server::start(major, StartOptions { settings, ..StartOptions::default() }).await.unwrap()
}

/// Waits until an autovacuum works on "User", and answers its pid.
async fn vacuumed(database: &Database<'_>) -> String {
    let worker = "SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                  WHERE a.backend_type = 'autovacuum worker' AND l.relation = '\"User\"'::regclass
                    AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted";
    for _ in 0..600 {
        if let Some(pid) = database.rows(worker).await.first() {
            return pid.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no autovacuum begins");
}

const SLOWLY: &str = "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1";

#[tokio::test(flavor = "multi_thread")]
async fn an_autovacuum_gives_way_and_costs_no_try() {
    for major in outer_majors() {
        let server = vacuuming(major).await;
        let database = server.database("vacuum").await;
        shop::open_with(&database, 10).await;
        database
            .run(&format!("ALTER TABLE \"User\" SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0, {SLOWLY})"))
            .await;
        database.run("UPDATE \"User\" SET \"visits\" = 1").await;
        let worker = vacuumed(&database).await;

        let running = Running::deploy(&target(&database, &[BASE, COLUMN]), &strict(Mode::Online));
        running.tells(|event| matches!(event, Event::MigrationApplied { .. }).then_some(())).await;
        assert_eq!(running.reasons(), [], "{major}: PostgreSQL cancels it within the first stage");
        assert!(matches!(running.outcome().await.ending, Ending::Applied));
        let log = server.shadow().log();
        assert!(log.contains("canceling autovacuum task"), "{major}, worker {worker}: {log}");
    }
}

/// Switching autovacuum off for the table leaves only the vacuum that cannot be switched off.
#[tokio::test(flavor = "multi_thread")]
async fn a_vacuum_against_wraparound_is_left_alone() {
    for major in outer_majors() {
        let server = vacuuming(major).await;
        let database = server.database("wraparound").await;
        shop::open_with(&database, 10).await;
        database.run("CREATE PROCEDURE burn(n int) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..n LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$").await;
        database
            .run(&format!("ALTER TABLE \"User\" SET (autovacuum_enabled = false, autovacuum_freeze_max_age = 100000, {SLOWLY})"))
            .await;
        database.run("CALL burn(100500)").await;
        let worker = vacuumed(&database).await;

        let outcome = deployed(&target(&database, &[BASE, COLUMN]), &with_budget(2_500)).await;
        match &outcome.ending {
            Ending::Stopped { reason, blockers, half_done: false, .. } => {
                assert!(reason.contains("a vacuum against wraparound is at work"), "{major}: {reason}");
                assert!(blockers[0].autovacuum && blockers[0].query.contains("public.User"), "{blockers:?}");
                assert_eq!(blockers[0].pid.to_string(), worker, "{major}");
            }
            other => panic!("{major}: {other:#?}"),
        }
        assert_eq!(vacuumed(&database).await, worker, "{major}: the same worker is still at work");
    }
}

/// Holds a relation for ever, by turns, no session for longer than the gate is patient with.
async fn by_turns(relation: &'static str, one: Client, other: Client) {
    let take = &format!("BEGIN; SELECT FROM \"{relation}\" LIMIT 1");
    one.batch_execute(take).await.unwrap();
    loop {
        for (holder, next) in [(&one, &other), (&other, &one)] {
            tokio::time::sleep(Duration::from_millis(250)).await;
            next.batch_execute(take).await.unwrap();
            holder.batch_execute("COMMIT").await.unwrap();
        }
    }
}

/// Somebody always holds the table, and nobody for long. The gate is open, and no single try may make the
/// readers wait for longer than its timeout.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_try_waits_the_application_waits_no_longer_than_the_try() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = server.database("tries").await;
    shop::open(&database).await;
    let busy = tokio::spawn(by_turns("User", named(&database, "busy").await, named(&database, "busy").await));
    let reader = named(&database, "reader").await;
    let reading = tokio::spawn(async move {
        loop {
            reader.batch_execute("SELECT FROM \"User\" LIMIT 1").await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let running = Running::deploy(&target(&database, &[BASE, COLUMN]), &with_budget(60_000));
    let observer = named(&database, "observer").await;
    let waits = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000), 0)::float8, count(*)
                 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.application_name = 'reader'";
    let (mut longest, mut waited) = (0.0_f64, 0);
    while running.reasons().iter().filter(|reason| **reason == WaitReason::LockTimeout).count() < 2 {
        assert!(!running.has_ended(), "it has ended after {:?}", running.reasons());
        let row = observer.query_one(waits, &[]).await.unwrap();
        longest = longest.max(row.get(0));
        waited += row.get::<_, i64>(1);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    busy.abort();
    reading.abort();
    assert!(waited > 0, "nobody waited, so nothing was seen");
    assert!(longest <= 200.0, "a read waited for {longest} ms");
    let tries = |event: &Event| match event {
        Event::StepApplied { attempts, .. } if *attempts > 1 => Some(*attempts),
        _ => None,
    };
    let tries = running.tells(tries).await;
    assert!(tries > 2, "two were refused, and it is said to have taken {tries}");
    let outcome = running.outcome().await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:?}");
}

/// A client locks a view first and then its table. In the other order each try would wait for clients that wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_locked_before_the_table_behind_it() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = server.database("view").await;
        shop::open(&database).await;
        let view = ("20260201000000_view", "CREATE VIEW \"A person\" AS SELECT * FROM \"User\";\n");
        let outcome = deployed(&target(&database, &[BASE, view]), &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");
        let gone = (
            "20260202000000_gone",
            "BEGIN;\nALTER TABLE \"User\" RENAME TO \"Account\";\nDROP VIEW \"A person\";\nCOMMIT;\n",
        );
        let clients = (named(&database, "busy").await, named(&database, "busy").await);
        let busy = tokio::spawn(by_turns("A person", clients.0, clients.1));
        let mut request = with_budget(60_000);
        request.allow.insert(ReasonCode::RenameTable);
        let running = Running::deploy(&target(&database, &[BASE, view, gone]), &request);
        let waits = "SELECT l.relation::regclass FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                     WHERE NOT l.granted AND a.application_name LIKE 'underpin/%' AND l.locktype = 'relation'
                       AND a.datname = current_database()";
        let mut awaited = BTreeSet::new();
        while running.reasons().iter().filter(|reason| **reason == WaitReason::LockTimeout).count() < 2 {
            if running.has_ended() {
                panic!("{major}: it has ended: {:#?}", running.outcome().await);
            }
            awaited.extend(database.rows(waits).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        busy.abort();
        assert_eq!(Vec::from_iter(awaited), ["\"A person\""], "{major}");
        let outcome = running.outcome().await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");
    }
}

/// Clients always begin with "User" and go on to "A badge". Who has that one and waits for "User" waits for clients that
/// wait for it, try after try; in the other order all of them are done when "User" is free.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_try_waited_for_in_vain_is_the_first_of_the_next() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = server.database("orders").await;
        shop::open(&database).await;
        let badge = ("20260201000000_badge", "CREATE TABLE \"A badge\" (\"userId\" INTEGER);\n");
        let outcome = deployed(&target(&database, &[BASE, badge]), &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");
        let mut busy = JoinSet::new();
        for pause in [11, 17, 23, 29] {
            let client = named(&database, "busy").await;
            busy.spawn(async move {
                loop {
                    client.batch_execute("BEGIN; SELECT FROM \"User\" LIMIT 1").await.unwrap();
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    client.batch_execute("SELECT FROM \"A badge\" LIMIT 1; COMMIT").await.unwrap();
                }
            });
        }
        let both = (
            "20260202000000_both",
            "BEGIN;\nALTER TABLE \"A badge\" ADD COLUMN \"since\" DATE;\nALTER TABLE \"User\" ADD COLUMN \"badges\" INTEGER;\nCOMMIT;\n",
        );
        let outcome = deployed(&target(&database, &[BASE, badge, both]), &with_budget(30_000)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:?}");
        assert!(busy.try_join_next().is_none(), "{major}: a client has ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watcher_gives_way_when_somebody_waits_behind_our_lock() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = server.database("watcher").await;
    shop::open(&database).await;
    database.run(&slow_ddl(2, 20)).await;
    let reader = named(&database, "reader").await;
    let reading = tokio::spawn(async move {
        loop {
            reader.batch_execute("SELECT FROM \"User\" LIMIT 1").await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut request = strict(Mode::Online);
    // Without the watcher the statement would go on for 20 s.
    request.settings.lock.instant_timeout_ms = 60_000;
    let running = Running::deploy(&target(&database, &[BASE, COLUMN]), &request);
    running.tells(|event| matches!(event, Event::MigrationApplied { .. }).then_some(())).await;
    reading.abort();
    assert_eq!(running.reasons(), [WaitReason::GaveWay, WaitReason::GaveWay]);
    assert!(matches!(running.outcome().await.ending, Ending::Applied));
    assert_eq!(database.rows("SELECT last_value FROM calls").await, ["3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_should_take_an_instant_is_ended_when_it_does_not() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = server.database("instant").await;
    shop::open(&database).await;
    database.run(&slow_ddl(1, 20)).await;
    let before = catalog(&database).await;
    let outcome = deployed(&target(&database, &[BASE, COLUMN]), &strict(Mode::Online)).await;
    match &outcome.ending {
        Ending::Failed { sqlstate, half_done: false, line: Some(1), .. } => assert_eq!(sqlstate, "57014"),
        other => panic!("{other:#?}"),
    }
    assert_same(&before, &catalog(&database).await, "after a statement timeout");
    assert_eq!(ledger(&database).await.len(), 1);
    let outcome = deployed(&target(&database, &[BASE, COLUMN]), &strict(Mode::Online)).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:?}");
}

/// A question about a table's size waits for whoever has locked it against everybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked_against_everybody_is_not_waited_for_without_a_limit() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("locked").await;
        shop::open(&database).await;
        let before = catalog(&database).await;
        let holder =
            in_transaction(&database, "holder", "LOCK TABLE \"User\" IN ACCESS EXCLUSIVE MODE").await;
        let running = Running::deploy(&target(&database, &[BASE, COLUMN]), &strict(Mode::Online));
        let problem = running.ended().await.unwrap_err();
        assert_eq!(
            (problem.exit, problem.code.as_deref()),
            (exit::STOPPED, Some("55P03")),
            "{major}: {problem:?}"
        );
        holder.batch_execute("ROLLBACK").await.unwrap();
        assert_same(&before, &catalog(&database).await, "nothing was changed");
    }
}
