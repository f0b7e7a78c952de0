//! Real histories: from empty to the end our way, and the catalog is that of Prisma's way of applying. What
//! `check` answers for each is in `checked`, and what of their files Prisma wrote in `written`.

mod checked;
mod form;
mod written;

use tokio_postgres::Client;
use underpin_core::exit;
use underpin_core::plan::Mode;
use underpin_core::settings::Settings;
use underpin_engine::Events;
use underpin_engine::deploy::{Ending, deploy};
use underpin_engine::drift::drift;
use underpin_testkit::{Server, corpus, major_by_turn, majors};

use crate::offline;
use crate::setting::{assert_same, catalog, corpus_target, deployed, ledger, request};

/// Files that no PostgreSQL executes after the files before them, with the SQLSTATE of the refusal. The
/// history of civitai was never made to be replayed: its files say that they are executed by hand, and
/// what else was done by hand is in none of them.
const BROKEN: &[(&str, &str)] = &[
    // A trigger for updates of "PostMetric"."reactionCount", a column that no file makes.
    ("20251117182613_post_metrics_denormalization", "42703"),
    // A comma is missing between two assignments of an UPDATE.
    ("20251123142214_model_metric_overhaul", "42601"),
    // Drops the view "UserStat", which the view "UserRank_Live" reads.
    ("20251123233705_userstats_shrink", "2BP01"),
    // Drops a trigger that no file makes.
    ("20251124081808_model_metric_trigger_drop", "42704"),
    // Reads "Challenge"."reviewFlatCost", a column that no file makes.
    ("20260212123851_add_challenge_review_cost", "42703"),
    // Takes a table out of a publication that no file makes.
    ("20260701000000_drop_image_metric", "42704"),
    // Adds a foreign key that is there since 20230126222352_image_first_class.
    ("20260702130000_imagereport_imageid_fk", "42710"),
    // Inserts a row of user -1, whom no file makes.
    ("20260804162000_new_upcoming_creators_home_block", "23503"),
    // The same.
    ("20260804211000_new_upcoming_creators_feed_blocks", "23503"),
];

/// Tables that the history of civitai makes of queries over views: their columns are what replay in memory
/// leaves open.
const OPEN: [&str; 6] = ["ArticleRank", "ImageRank", "ModelVersionRank", "PostRank", "TagRank", "UserRank"];

/// What replay in memory knows behind each history, each a fact that the server has too.
const CLAIMS: [(&str, usize); 6] = [
    ("affine", 382),
    ("civitai", 5480),
    ("hoppscotch", 369),
    ("langfuse", 1463),
    ("trigger.dev", 2056),
    ("umami", 351),
];

fn is_whole(name: &str) -> bool {
    BROKEN.iter().all(|(broken, _)| *broken != name)
}

/// Applies a file as one message, as Prisma does; statement by statement, as Prisma does since 7.4 with
/// every file that it can read, when it refuses to be one transaction: `25001` for statements that refuse
/// every transaction, `55P04` for a new enum value that is used at once.
async fn as_prisma_does(client: &Client, text: &str) -> Result<(), tokio_postgres::Error> {
    let splits = |error: &tokio_postgres::Error| {
        error.code().is_some_and(|code| matches!(code.code(), "25001" | "55P04"))
    };
    match client.batch_execute(text).await {
        Err(error) if splits(&error) => {
            for statement in underpin_sql::read(text).unwrap() {
                client.batch_execute(&statement.text).await?;
            }
            Ok(())
        }
        done => done,
    }
}

async fn agrees(project: &str, turn: usize) {
    let history = corpus::history(project);
    for (at, major) in major_by_turn(turn).into_iter().enumerate() {
        let of = format!("{project} on PostgreSQL {major}");
        let server = Server::shared(major).await;
        let theirs = server.database("theirs").await;
        let client = theirs.client().await;
        for name in &history.names {
            let done = as_prisma_does(&client, &history.sql(name)).await;
            let refused = done.as_ref().err().map(|error| error.code().map_or("?", |code| code.code()));
            let known = BROKEN.iter().find(|(broken, _)| broken == name).map(|(_, code)| *code);
            assert_eq!(refused, known, "{of}: {name}: {done:?}");
        }
        if at == 0 {
            let lacking = crate::contract::lacking(&theirs, &history).await;
            // Views and columns of civitai that were made by hand, as its migrations say.
            let by_hand = if project == "civitai" { 179 } else { 0 };
            assert_eq!(lacking.len(), by_hand, "{of}: {lacking:#?}");
        }
        let ours = server.database("ours").await;
        // The first half into a database in which nothing is, the second into one that could be in use.
        let middle = &history.names[history.names.len() / 2];
        let first = corpus_target(&ours, &history, |name| name < middle.as_str() && is_whole(name));
        let target = corpus_target(&ours, &history, is_whole);
        for target in [&first, &target] {
            let outcome = deployed(target, &request(Mode::Online)).await;
            assert!(matches!(outcome.ending, Ending::Applied), "{of}: {:#?}", outcome.ending);
        }
        let there = catalog(&theirs).await;
        assert_same(&there, &catalog(&ours).await, &of);
        checked::checks(&history, (&theirs, &there), is_whole, &of).await;
        let in_memory = offline::replay(&history, major, is_whole);
        let mut offline = offline::agreement(&in_memory, &there);
        assert_eq!(offline.wrong, [""; 0], "{of}");
        offline.open.retain(|line| !OPEN.iter().any(|table| line.contains(&format!(" public.{table}"))));
        assert_eq!(offline.open, [""; 0], "{of}");
        let claims: usize = offline.right.values().sum();
        let pinned = CLAIMS.iter().find(|(name, _)| *name == project).map(|(_, claims)| *claims);
        assert_eq!(Some(claims), pinned, "{of}: {:?}", offline.right);
        let rows = ledger(&ours).await;
        assert_eq!(rows.len(), target.history.migrations().len(), "{of}");
        assert!(rows.iter().all(|row| row.ends_with("|t|-|-|1")), "{of}: {rows:#?}");
        let again = deployed(&target, &request(Mode::Online)).await;
        assert!(matches!(again.ending, Ending::UpToDate), "{of}: {again:?}");
        if at == 0 {
            let compared =
                drift(&target, &Settings::default()).await.unwrap_or_else(|error| panic!("{of}: {error:?}"));
            assert!(compared.drift.is_clean(), "{of}: {:#?}", compared.drift.deviations);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn affine_agrees_with_prisma() {
    agrees("affine", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn civitai_agrees_with_prisma() {
    agrees("civitai", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hoppscotch_agrees_with_prisma() {
    agrees("hoppscotch", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn langfuse_agrees_with_prisma() {
    agrees("langfuse", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_dev_agrees_with_prisma() {
    agrees("trigger.dev", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn umami_agrees_with_prisma() {
    agrees("umami", 1).await;
}

#[test]
fn no_project_of_the_corpus_is_left_out() {
    let names: Vec<String> = corpus::histories().into_iter().map(|history| history.name).collect();
    assert_eq!(names, ["affine", "civitai", "hoppscotch", "langfuse", "trigger.dev", "umami"]);
}

/// A file that does not parse is said before anything is done; one that the server refuses stops the
/// deploy there, with everything before it applied and nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_history_stops_where_it_is_broken() {
    let server = Server::shared(majors()[0]).await;
    let history = corpus::history("civitai");
    let database = server.database("broken").await;
    let empty = catalog(&database).await;

    let all = corpus_target(&database, &history, |_| true);
    let problem = deploy(&all, &request(Mode::Online), &Events::nowhere()).await.unwrap_err();
    assert_eq!((problem.exit, problem.code.as_deref()), (exit::COULD_NOT_RUN, Some("42601")), "{problem:?}");
    let place = problem.place.unwrap();
    assert!(place.contains("20251123142214_model_metric_overhaul/migration.sql:"), "{place}");
    assert_eq!(catalog(&database).await, empty);
    assert!(database.rows("SELECT to_regclass('_prisma_migrations')").await == ["-"]);

    let parses = corpus_target(&database, &history, |name| name != "20251123142214_model_metric_overhaul");
    let outcome = deployed(&parses, &request(Mode::Online)).await;
    // The file builds indexes outside a transaction, so its row is begun before its first statement, and
    // taken back when that fails.
    match &outcome.ending {
        Ending::Failed { migration, sqlstate, line: Some(25), half_done: false, .. } => {
            assert_eq!((migration.as_str(), sqlstate.as_str()), BROKEN[0]);
        }
        other => panic!("{other:#?}"),
    }
    let before = history.names.iter().take_while(|name| *name != BROKEN[0].0).count();
    let rows = ledger(&database).await;
    assert_eq!((outcome.applied.len(), rows.len()), (before, before));
    assert!(rows.iter().all(|row| row.ends_with("|t|-|-|1")), "{rows:#?}");
    let made = "SELECT proname FROM pg_proc WHERE proname = 'sync_post_alltime_metrics'";
    assert_eq!(database.rows(made).await, [""; 0]);
}
