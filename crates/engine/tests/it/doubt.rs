//! A session or an answer is lost in the middle of each kind of step. What took effect is found out by
//! looking: the same run goes on, or the next one does, and nothing is done twice.

use tokio_postgres::Client;
use underpin_core::event::{Event, WaitReason};
use underpin_core::plan::Mode;
use underpin_engine::deploy::{Ending, Request, Target};
use underpin_testkit::{Database, Loss, Proxy, Server, major_by_turn, majors, outer_majors};

use crate::setting::{
    GUARD, Running, deployed, end_session, executing, in_transaction, slow_ddl, strict, stuck_in, target,
    target_through,
};
use crate::shop::{self, BASE};

const COLUMN: (&str, &str) = ("20260201000000_column", "ALTER TABLE \"User\" ADD COLUMN \"nick\" TEXT;\n");

/// Counts how often each order is updated.
const COUNTING: &str = r#"
CREATE TABLE "Counted" ("id" text PRIMARY KEY, "times" int NOT NULL);
CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "Counted" VALUES (NEW."id", 1) ON CONFLICT ("id") DO UPDATE SET "times" = "Counted"."times" + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER counting AFTER UPDATE ON "Order" FOR EACH ROW EXECUTE FUNCTION count_update();
"#;

/// How many orders were updated how often.
const COUNTS: &str = "SELECT \"times\", count(*) FROM \"Counted\" GROUP BY 1";

/// What takes its time here is not ended for that.
fn patient() -> Request {
    let mut request = strict(Mode::Online);
    request.settings.lock.instant_timeout_ms = 120_000;
    request
}

/// How a step is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Its session is ended; the program goes on.
    Session,
    /// The program is gone.
    Program,
}

const CUTS: [Cut; 2] = [Cut::Session, Cut::Program];

/// Cuts a deploy while it executes a text, does `then`, and sees to it that it comes to its end.
async fn cut_in(
    database: &Database<'_>,
    target: &Target,
    cut: Cut,
    text: &str,
    then: impl AsyncFnOnce(),
) -> Vec<WaitReason> {
    let of = format!("{cut:?} in {text}");
    let running = Running::deploy(target, &patient());
    stuck_in(database, text).await;
    match cut {
        Cut::Session => {
            end_session(database, &executing(text)).await;
            then().await;
            running.tells(|event| matches!(event, Event::RunFinished { .. }).then_some(())).await;
            let reasons = running.reasons();
            let outcome = running.outcome().await;
            assert!(matches!(outcome.ending, Ending::Applied), "{of}: {outcome:#?}");
            reasons
        }
        Cut::Program => {
            running.kill();
            then().await;
            let outcome = deployed(target, &patient()).await;
            assert!(matches!(outcome.ending, Ending::Applied), "{of}: {outcome:#?}");
            Vec::new()
        }
    }
}

/// Everything is recorded once and as applied, and no index is left invalid.
async fn assert_whole(database: &Database<'_>, of: &str) {
    let ledger = "SELECT migration_name FROM _prisma_migrations GROUP BY 1
                  HAVING count(*) <> 1 OR bool_or(finished_at IS NULL OR logs IS NOT NULL OR applied_steps_count <> 1)";
    assert_eq!(database.rows(ledger).await, [""; 0], "{of}: the ledger");
    let journal = "SELECT name, state FROM underpin.migration WHERE state <> 'applied'
                   UNION ALL SELECT intent, state FROM underpin.step WHERE state <> 'applied'";
    assert_eq!(database.rows(journal).await, [""; 0], "{of}: the journal");
    let invalid = "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid OR NOT indisready";
    assert_eq!(database.rows(invalid).await, [""; 0], "{of}: invalid indexes");
}

async fn opened<'a>(server: &'a Server, stem: &str) -> Database<'a> {
    let database = server.database(stem).await;
    shop::open(&database).await;
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_cut_is_executed_once() {
    for major in major_by_turn(0) {
        let server = Server::shared(major).await;
        for cut in CUTS {
            let of = format!("{major}, {cut:?}");
            let database = opened(server, "together").await;
            database.run(&slow_ddl(1, 30)).await;
            let target = target(&database, &[BASE, COLUMN]);
            let reasons = cut_in(&database, &target, cut, "ADD COLUMN", async || {}).await;
            assert!(reasons.iter().all(|reason| *reason == WaitReason::Connection), "{of}: {reasons:?}");
            assert_eq!(database.rows("SELECT last_value FROM calls").await, ["2"], "{of}");
            assert_whole(&database, &of).await;
        }
    }
}

/// Statements that run alone: a word of what is executed, the file, and a question with its answer when
/// it is done.
const ALONE: [(&str, &str, &str, &str); 4] = [
    (
        "CREATE INDEX CONCURRENTLY",
        "CREATE INDEX \"Order_total_idx\" ON \"Order\" (\"total\");\n",
        "SELECT indisvalid FROM pg_index WHERE indexrelid = '\"Order_total_idx\"'::regclass",
        "t",
    ),
    (
        "CREATE UNIQUE INDEX CONCURRENTLY",
        "ALTER TABLE \"Order\" ADD CONSTRAINT \"Order_total_key\" UNIQUE (\"total\");\n",
        "SELECT convalidated FROM pg_constraint WHERE conname = 'Order_total_key'",
        "t",
    ),
    (
        "DROP INDEX CONCURRENTLY",
        "DROP INDEX \"Order_note_idx\";\n",
        "SELECT to_regclass('\"Order_note_idx\"')",
        "-",
    ),
    (
        "REINDEX",
        "REINDEX TABLE \"Order\";\n",
        "SELECT indisvalid FROM pg_index WHERE indexrelid = '\"Order_note_idx\"'::regclass",
        "t",
    ),
];

/// A concurrent statement waits for a transaction that uses the table, and is cut there. It leaves an
/// invalid index, whatever it was. One of the two cuts on each major, in turn.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_concurrent_statement_leaves_is_cleared_away() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        for (nth, (text, sql, wanted, found)) in ALONE.into_iter().enumerate() {
            let cut = CUTS[(nth + major as usize) % CUTS.len()];
            let of = format!("{major}, {cut:?} in {text}");
            let database = opened(server, "alone").await;
            // Its snapshot is not old, so the gate lets the build begin.
            let update = "UPDATE \"Order\" SET \"note\" = 'x' WHERE \"total\" = 1";
            let user: Client = in_transaction(&database, "user", update).await;
            let target = target(&database, &[BASE, ("20260202000000_alone", sql)]);
            let commit = async || user.batch_execute("COMMIT").await.unwrap();
            cut_in(&database, &target, cut, text, commit).await;
            assert_eq!(database.rows(wanted).await, [found], "{of}");
            assert_whole(&database, &of).await;
            let beside = "SELECT relname FROM pg_class WHERE relkind = 'i' AND relname ~ '_cc(new|old)'";
            assert_eq!(database.rows(beside).await, [""; 0], "{of}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_cut_updates_each_row_once() {
    let update = "UPDATE \"Order\" SET \"note\" = upper(\"id\");\n";
    for major in major_by_turn(1) {
        let server = Server::shared(major).await;
        for cut in CUTS {
            let of = format!("{major}, {cut:?}");
            let database = opened(server, "batches").await;
            database.run(COUNTING).await;
            // The third batch takes its time once.
            database
                .run(
                    "CREATE SEQUENCE calls;
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN IF nextval('calls') = 3 THEN PERFORM pg_sleep(30); END IF; RETURN NULL; END $$;
                CREATE TRIGGER slow AFTER UPDATE ON \"Order\" FOR EACH STATEMENT EXECUTE FUNCTION slow()",
                )
                .await;
            let target = target(&database, &[BASE, ("20260203000000_update", update)]);
            cut_in(&database, &target, cut, "UPDATE \"public\".\"Order\"", async || {}).await;
            assert_whole(&database, &of).await;
            assert_eq!(database.rows(COUNTS).await, ["1|6000"], "{of}");
            let left = "SELECT count(*) FROM \"Order\" WHERE \"note\" <> upper(\"id\")";
            assert_eq!(database.rows(left).await, ["0"], "{of}");
        }
    }
}

/// Each time that the run has come back and looks, its sessions are ended again.
#[tokio::test(flavor = "multi_thread")]
async fn looking_may_be_cut_as_well() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = opened(server, "looking").await;
    database.run(&slow_ddl(1, 30)).await;
    let running = Running::deploy(&target(&database, &[BASE, COLUMN]), &patient());
    end_session(&database, &executing("ADD COLUMN")).await;
    for _ in 0..5 {
        end_session(
            &database,
            &format!("NOT ({GUARD}) AND a.backend_start > clock_timestamp() - interval '2 s'"),
        )
        .await;
    }
    let outcome = running.outcome().await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    assert_whole(&database, "looking").await;
}

/// Files that need every kind of act: one transaction, and several with a build and batches.
fn several() -> [(&'static str, &'static str); 3] {
    let many = r#"CREATE INDEX "Order_total_idx" ON "Order" ("total");
UPDATE "Order" SET "note" = upper("id");
DROP INDEX "Order_note_idx";
ALTER TABLE "Order" ALTER COLUMN "note" SET NOT NULL;
"#;
    [BASE, COLUMN, ("20260204000000_several", many)]
}

/// Every COMMIT of a deploy is lost once on its way to the server, and once on its way back.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_is_settled_by_looking() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let proofs = tempfile::tempdir().unwrap();
    let request = Request { proofs: Some(proofs.path().to_path_buf()), ..patient() };
    let seeded = opened(server, "seeded").await;
    seeded.run(COUNTING).await;
    // A message that never arrives is the lesser doubt, so of those some are enough.
    for (text, loss, every, at_least) in [
        ("COMMIT", Loss::Answer, 1, 12),
        ("COMMIT", Loss::Message, 3, 4),
        ("CREATE INDEX CONCURRENTLY", Loss::Answer, 1, 1),
        ("CREATE INDEX CONCURRENTLY", Loss::Message, 1, 1),
        ("DROP INDEX CONCURRENTLY", Loss::Answer, 1, 1),
        ("LOCK TABLE", Loss::Answer, 2, 1),
        ("FOR SHARE", Loss::Answer, 5, 2),
    ] {
        let mut lost = 0;
        for nth in (0..).step_by(every) {
            let of = format!("{loss:?} {nth} of {text}");
            let database = server.copy_of(&seeded, "commit").await;
            let proxy = Proxy::to(server.shadow().port());
            proxy.lose(loss, text, nth);
            let target = target_through(&proxy, server, &target(&database, &several()));
            let outcome = deployed(&target, &request).await;
            assert!(matches!(outcome.ending, Ending::Applied), "{of}: {outcome:#?}");
            if !proxy.has_lost() {
                break;
            }
            assert_whole(&database, &of).await;
            assert_eq!(database.rows(COUNTS).await, ["1|6000"], "{of}");
            lost += 1;
        }
        assert!(lost >= at_least, "{loss:?} of {text}: {lost} times");
    }
}

/// The network is gone for a while: all connections, that of the lock as well. The run stops, and the next
/// one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_the_run_stops_and_the_next_one_goes_on() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = opened(server, "network").await;
    database.run(COUNTING).await;
    let user =
        in_transaction(&database, "user", "UPDATE \"Order\" SET \"note\" = 'x' WHERE \"total\" = 1").await;
    let proxy = Proxy::to(server.shadow().port());
    let near = target(&database, &several());
    let running = Running::deploy(&target_through(&proxy, server, &near), &patient());
    stuck_in(&database, "CREATE INDEX CONCURRENTLY").await;
    proxy.reset();
    match running.outcome().await.ending {
        Ending::Stopped { reason, half_done: true, .. } => {
            assert!(reason.contains("Prisma's advisory lock was lost"), "{reason}");
        }
        other => panic!("{other:#?}"),
    }
    user.batch_execute("ROLLBACK").await.unwrap();
    let outcome = deployed(&near, &patient()).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    assert_whole(&database, "network").await;
    assert_eq!(database.rows(COUNTS).await, ["1|6000"]);
}
