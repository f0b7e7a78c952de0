//! Somebody works on the database by hand while a migration is half done. The next deploy goes on where
//! that is certain to be right, and explains itself where it is not.

use std::time::Duration;

use underpin_core::exit;
use underpin_core::plan::Mode;
use underpin_engine::deploy::{Ending, Target, deploy};
use underpin_engine::{Events, Problem};
use underpin_testkit::{Database, Server, majors};

use crate::setting::{Running, deployed, in_transaction, strict, stuck_in, target};
use crate::shop::{self, BASE};

/// An index, then a foreign key.
const CHANGE: (&str, &str) = (
    "20260201000000_change",
    r#"CREATE INDEX "Order_total_idx" ON "Order" ("total");
ALTER TABLE "Order" ADD CONSTRAINT "Order_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id");
"#,
);

const INDEX: &str = "SELECT indisvalid, pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid = to_regclass('\"Order_total_idx\"')";

async fn server() -> &'static Server {
    Server::shared(*majors().last().unwrap()).await
}

/// A database in which a deploy was killed while it built the index: the intent is in the journal, an
/// invalid index in the catalog.
async fn killed_while_building<'a>(server: &'a Server, stem: &str) -> (Database<'a>, Target) {
    let database = server.database(stem).await;
    shop::open(&database).await;
    let target = target(&database, &[BASE, CHANGE]);
    let user =
        in_transaction(&database, "user", "UPDATE \"Order\" SET \"note\" = 'x' WHERE \"total\" = 1").await;
    let running = Running::deploy(&target, &strict(Mode::Online));
    stuck_in(&database, "CREATE INDEX CONCURRENTLY").await;
    running.kill();
    // The server notices within a second. Were the build let go before, it would come to its end.
    let ours = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'underpin/%'";
    while !database.rows(ours).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(user);
    database.left_alone().await;
    let left = database.rows(INDEX).await;
    assert!(left.len() == 1 && left[0].starts_with("f|"), "{left:?}");
    (database, target)
}

/// Deploys again. The migration is then complete.
async fn goes_on(database: &Database<'_>, target: &Target) {
    let outcome = deployed(target, &strict(Mode::Online)).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    let valid = "SELECT (SELECT indisvalid FROM pg_index WHERE indexrelid = '\"Order_total_idx\"'::regclass),
                        (SELECT convalidated FROM pg_constraint WHERE conname = 'Order_userId_fkey')";
    assert_eq!(database.rows(valid).await, ["t|t"]);
    let open = "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL OR logs IS NOT NULL";
    assert_eq!(database.rows(open).await, [""; 0]);
}

/// Deploys again. It ends with this SQLSTATE and says these words; the migration stays half done.
async fn is_refused(target: &Target, wanted: &str, words: &[&str]) {
    fails(target, exit::NEEDS_RECOVER, wanted, words).await;
}

/// Deploys. It ends with this SQLSTATE and says these words, and nothing of the migration is there.
async fn is_refused_from_the_start(target: &Target, wanted: &str, words: &[&str]) {
    fails(target, exit::COULD_NOT_RUN, wanted, words).await;
}

async fn fails(target: &Target, code: u8, wanted: &str, words: &[&str]) {
    let outcome = deployed(target, &strict(Mode::Online)).await;
    assert_eq!(outcome.ending.exit_code(), code, "{outcome:#?}");
    match &outcome.ending {
        Ending::Failed { sqlstate, message, .. } => {
            assert_eq!(sqlstate, wanted, "{message}");
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
        other => panic!("{other:#?}"),
    }
}

/// Deploys again. What is there is in doubt, and it says these words.
async fn is_in_doubt(target: &Target, words: &[&str]) {
    let outcome = deployed(target, &strict(Mode::Online)).await;
    assert_eq!(outcome.ending.exit_code(), exit::NEEDS_RECOVER);
    match &outcome.ending {
        Ending::InDoubt { reason, .. } => {
            assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
        }
        other => panic!("{other:#?}"),
    }
}

async fn problem(target: &Target) -> Problem {
    deploy(target, &strict(Mode::Online), &Events::nowhere()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_left_was_dropped() {
    let (database, target) = killed_while_building(server().await, "dropped").await;
    database.run("DROP INDEX \"Order_total_idx\"").await;
    goes_on(&database, &target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_very_index_was_built() {
    let (database, target) = killed_while_building(server().await, "built").await;
    database.run("DROP INDEX \"Order_total_idx\"").await;
    database.run("CREATE INDEX \"Order_total_idx\" ON \"Order\" (\"total\"); COMMENT ON INDEX \"Order_total_idx\" IS 'by hand'").await;
    goes_on(&database, &target).await;
    let comment = "SELECT obj_description('\"Order_total_idx\"'::regclass)";
    assert_eq!(database.rows(comment).await, ["by hand"], "it was not built again");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_index_has_our_name() {
    let others = [
        "CREATE INDEX \"Order_total_idx\" ON \"Order\" (\"note\")",
        "CREATE INDEX \"Order_total_idx\" ON \"Order\" (\"total\", \"note\")",
        "CREATE INDEX \"Order_total_idx\" ON \"Order\" (\"total\") INCLUDE (\"note\")",
        "CREATE UNIQUE INDEX \"Order_total_idx\" ON \"Order\" (\"total\")",
        "CREATE INDEX \"Order_total_idx\" ON \"Order\" (\"total\") WHERE \"total\" > 5",
        "CREATE INDEX \"Order_total_idx\" ON \"Order\" ((\"total\" + 1))",
        "CREATE INDEX \"Order_total_idx\" ON \"User\" (\"visits\")",
        "CREATE TABLE \"Order_total_idx\" ()",
    ];
    let (database, target) = killed_while_building(server().await, "other").await;
    database.run("DROP INDEX \"Order_total_idx\"").await;
    for other in others {
        database.run(other).await;
        let there = database.rows(INDEX).await;
        is_in_doubt(&target, &["Order_total_idx is there", "somebody else", "underpin deploy"]).await;
        assert_eq!(database.rows(INDEX).await, there, "it was touched");
        let drop = if other.contains("TABLE") { "DROP TABLE" } else { "DROP INDEX" };
        database.run(&format!("{drop} \"Order_total_idx\"")).await;
    }
    goes_on(&database, &target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_building_the_index_at_this_moment() {
    let (database, target) = killed_while_building(server().await, "building").await;
    database.run("DROP INDEX \"Order_total_idx\"").await;
    let user =
        in_transaction(&database, "user", "UPDATE \"Order\" SET \"note\" = 'x' WHERE \"total\" = 1").await;
    let person = database.client().await;
    let pid: i32 = person.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let building = tokio::spawn(async move {
        person.batch_execute("CREATE INDEX CONCURRENTLY \"Order_total_idx\" ON \"Order\" (\"total\")").await
    });
    while database.rows(INDEX).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is_in_doubt(
        &target,
        &[&format!("session {pid} is building index"), "Order_total_idx", "underpin deploy"],
    )
    .await;
    user.batch_execute("COMMIT").await.unwrap();
    building.await.unwrap().unwrap();
    goes_on(&database, &target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_was_renamed() {
    let (database, target) = killed_while_building(server().await, "renamed").await;
    database
        .run("DROP INDEX \"Order_total_idx\"; ALTER TABLE \"Order\" RENAME \"total\" TO \"amount\"")
        .await;
    is_refused(&target, "42703", &["column \"total\" does not exist"]).await;
    database.run("ALTER TABLE \"Order\" RENAME \"amount\" TO \"total\"").await;
    goes_on(&database, &target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_gone() {
    let (database, target) = killed_while_building(server().await, "gone").await;
    database.run("DROP TABLE \"Order\"").await;
    is_refused(&target, "42P01", &["\"Order\" does not exist"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_constraint_was_added() {
    let (database, target) = killed_while_building(server().await, "added").await;
    database.run("ALTER TABLE \"Order\" ADD CONSTRAINT \"Order_userId_fkey\" FOREIGN KEY (\"userId\") REFERENCES \"User\" (\"id\") ON DELETE CASCADE").await;
    is_refused(&target, "42710", &["constraint \"Order_userId_fkey\"", "already exists"]).await;
    let kept = "SELECT confdeltype FROM pg_constraint WHERE conname = 'Order_userId_fkey'";
    assert_eq!(database.rows(kept).await, ["c"], "it was replaced");
    database.run("ALTER TABLE \"Order\" DROP CONSTRAINT \"Order_userId_fkey\"").await;
    goes_on(&database, &target).await;
}

/// Rows stop the validation. Somebody sees to the rows, or to the constraint.
#[tokio::test(flavor = "multi_thread")]
async fn a_validation_that_failed_goes_on_when_the_rows_are_right() {
    let database = server().await.database("orphans").await;
    shop::open(&database).await;
    database.run("INSERT INTO \"Order\" (\"id\", \"userId\") VALUES ('orphan', 999999)").await;
    let target = target(&database, &[BASE, CHANGE]);
    is_refused(&target, "23503", &["userId", "999999"]).await;
    let state = "SELECT convalidated FROM pg_constraint WHERE conname = 'Order_userId_fkey'";
    assert_eq!(database.rows(state).await, ["f"]);
    is_refused(&target, "23503", &["999999"]).await;

    database.run("ALTER TABLE \"Order\" DROP CONSTRAINT \"Order_userId_fkey\"").await;
    is_refused(&target, "42704", &["constraint \"Order_userId_fkey\"", "does not exist"]).await;
    database.run("ALTER TABLE \"Order\" ADD CONSTRAINT \"Order_userId_fkey\" FOREIGN KEY (\"userId\") REFERENCES \"User\" (\"id\") NOT VALID").await;
    database.run("DELETE FROM \"Order\" WHERE \"id\" = 'orphan'; ALTER TABLE \"Order\" VALIDATE CONSTRAINT \"Order_userId_fkey\"").await;
    goes_on(&database, &target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_memory_was_dropped() {
    let (database, target) = killed_while_building(server().await, "forgotten").await;
    database.run("DROP SCHEMA underpin CASCADE").await;
    let problem = problem(&target).await;
    assert_eq!((problem.exit, problem.code.as_deref()), (exit::NEEDS_RECOVER, Some("P3009")), "{problem:?}");
    assert!(problem.to_string().contains(CHANGE.0), "{problem}");
    assert!(database.rows(INDEX).await[0].starts_with("f|"), "it was touched");
}

/// The row in Prisma's ledger was deleted, so for everybody the migration has not begun. The index that is
/// there cannot be told from anybody's.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledgers_row_was_deleted() {
    let (database, target) = killed_while_building(server().await, "deleted").await;
    database.run("DELETE FROM _prisma_migrations WHERE finished_at IS NULL").await;
    is_refused_from_the_start(
        &target,
        "42P07",
        &["an invalid index", "Order_total_idx", "DROP INDEX CONCURRENTLY"],
    )
    .await;
    assert!(database.rows(INDEX).await[0].starts_with("f|"), "it was touched");
    database.run("DROP INDEX \"Order_total_idx\"").await;
    goes_on(&database, &target).await;
}

/// Before the first deploy there is no intent of ours: whatever has the name is somebody's.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_was_there_before_us() {
    let database = server().await.database("before").await;
    shop::open(&database).await;
    database.run("CREATE INDEX \"Order_total_idx\" ON \"Order\" (\"note\")").await;
    let target = target(&database, &[BASE, CHANGE]);
    is_refused_from_the_start(&target, "42P07", &["Order_total_idx\" already exists"]).await;
    let there = database.rows(INDEX).await;
    assert!(there[0].contains("note"), "{there:?}");
    database.run("DROP INDEX \"Order_total_idx\"").await;
    goes_on(&database, &target).await;
}
