//! Changes that go in phases, on a database that is in use: what is executed, what is held, and what lets it go.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::task::AbortHandle;
use tokio_postgres::Client;
use underpin_core::plan::Mode;
use underpin_core::rollout::gate::Verdict;
use underpin_core::rollout::{Why, guard};
use underpin_core::settings::Settings;
use underpin_engine::Events;
use underpin_engine::Problem;
use underpin_engine::deploy::{Ending, Outcome, Request, Target, abort, deploy};
use underpin_engine::rollout::{Word, release};
use underpin_testkit::{Database, Server, majors, outer_majors};

use crate::setting::{assert_same, catalog, deployed, strict, target};

pub(crate) const BASE: (&str, &str) = (
    "20260101000000_base",
    "CREATE TABLE \"User\" (\"id\" SERIAL PRIMARY KEY, \"fullName\" TEXT NOT NULL);\n\
     CREATE UNIQUE INDEX \"User_fullName_key\" ON \"User\"(\"fullName\");\n\
     CREATE TABLE \"Order\" (\"id\" SERIAL PRIMARY KEY, \"total\" INTEGER NOT NULL);\n",
);

/// Rows enough that no table counts as small.
pub(crate) const ROWS: &str =
    "INSERT INTO \"User\" (\"fullName\") SELECT 'user ' || n FROM generate_series(1, 3000) n;
     INSERT INTO \"Order\" (\"total\") SELECT n FROM generate_series(1, 3000) n";

pub(crate) const EXPAND: (&str, &str) = (
    "20260301000000_rename_full_name_1_expand",
    r#"-- underpin: rollout rename_full_name
-- underpin: phase expand
BEGIN;
ALTER TABLE "User" ADD COLUMN "displayName" TEXT;
CREATE FUNCTION "User_sync"() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW."displayName" IS NULL THEN NEW."displayName" := NEW."fullName"; ELSE NEW."fullName" := NEW."displayName"; END IF;
  ELSIF NEW."displayName" IS DISTINCT FROM OLD."displayName" AND OLD."displayName" IS NOT NULL THEN
    NEW."fullName" := NEW."displayName";
  ELSE
    NEW."displayName" := NEW."fullName";
  END IF;
  RETURN NEW;
END $sync$;
CREATE TRIGGER "zz_User_sync" BEFORE INSERT OR UPDATE OF "fullName", "displayName" ON "User"
  FOR EACH ROW EXECUTE FUNCTION "User_sync"();
COMMIT;
"#,
);

pub(crate) const BACKFILL: (&str, &str) = (
    "20260301000001_rename_full_name_2_backfill",
    r#"-- underpin: rollout rename_full_name
-- underpin: phase backfill after expand
UPDATE "User" SET "displayName" = "fullName" WHERE "displayName" IS NULL;
-- CreateIndex
CREATE UNIQUE INDEX "User_displayName_key" ON "User"("displayName");
-- AlterTable
ALTER TABLE "User" ALTER COLUMN "displayName" SET NOT NULL;
"#,
);

pub(crate) const CONTRACT: &str = "20260301000002_rename_full_name_3_contract";

/// The file of the contract.
pub(crate) fn contract() -> String {
    let guard = guard(CONTRACT);
    format!(
        r#"-- underpin: rollout rename_full_name
-- underpin: phase contract after backfill
-- underpin: gone column "User"."fullName"
-- underpin: verify SELECT count(*) FROM "User" WHERE "displayName" IS DISTINCT FROM "fullName"
{guard};
BEGIN;
DROP TRIGGER "zz_User_sync" ON "User";
DROP FUNCTION "User_sync"();
-- DropIndex
DROP INDEX "User_fullName_key";
-- AlterTable
ALTER TABLE "User" DROP COLUMN "fullName";
COMMIT;
"#
    )
}

/// All of it, and what comes behind.
fn migrations<'a>(contract: &'a str, later: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [BASE, EXPAND, BACKFILL, (CONTRACT, contract)].into_iter().chain(later.iter().copied()).collect()
}

/// A database in use, in which nothing of the rollout has begun.
async fn in_use<'a>(server: &'a Server, stem: &str) -> Database<'a> {
    let database = server.database(stem).await;
    deployed(&target(&database, &[BASE]), &strict(Mode::Online)).await;
    database.run(ROWS).await;
    database
}

/// Everybody answers that the contract may go.
pub(crate) fn attested(database: &Target) -> Word {
    Word {
        now: Some(database.url.database.clone()),
        attested: Some("Ada: release 1 is gone".to_owned()),
        old_release: None,
    }
}

async fn refused(target: &Target, request: &Request) -> Problem {
    match deploy(target, request, &Events::nowhere()).await {
        Err(problem) => problem,
        Ok(outcome) => panic!("{outcome:#?}"),
    }
}

fn names(outcome: &Outcome) -> Vec<&str> {
    outcome.held.iter().map(|held| held.migration.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_held_until_its_gates_pass() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = in_use(server, "held").await;
        let whole = contract();
        let target = target(&database, &migrations(&whole, &[]));
        let request = strict(Mode::Online);
        let outcome = deployed(&target, &request).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
        assert_eq!(outcome.applied, [EXPAND.0, BACKFILL.0], "{major}");
        assert_eq!((names(&outcome), &outcome.held[0].why), (vec![CONTRACT], &Why::Gates), "{major}");
        let batches =
            "SELECT count(*) > 0 FROM underpin.step WHERE sql LIKE 'UPDATE%' AND cursor IS NOT NULL";
        assert_eq!(database.rows(batches).await, ["t"], "{major}: the backfill went in batches");
        let again = deployed(&target, &request).await;
        assert!(matches!(again.ending, Ending::UpToDate), "{major}: {again:#?}");
        assert_eq!(names(&again), [CONTRACT], "{major}");

        // Both releases write meanwhile.
        database.run("INSERT INTO \"User\" (\"fullName\") VALUES ('old'); INSERT INTO \"User\" (\"displayName\") VALUES ('new')").await;
        let settings = Settings::default();
        let not_yet = release(&target, &settings, "rename_full_name", &Word::default()).await.unwrap();
        let shut: Vec<_> = not_yet
            .gates
            .iter()
            .filter(|gate| gate.verdict != Verdict::Passes)
            .map(|gate| gate.asked.as_str())
            .collect();
        assert_eq!((not_yet.exit_code(), shut), (12, vec!["window", "drained"]), "{major}: {not_yet:#?}");
        let wrong = Word { now: Some("another".to_owned()), ..Word::default() };
        let problem = release(&target, &settings, "rename_full_name", &wrong).await.unwrap_err();
        assert!(problem.message.contains("the one that was named is another"), "{problem:?}");
        assert_eq!(names(&deployed(&target, &request).await), [CONTRACT], "{major}");

        let released = release(&target, &settings, "rename_full_name", &attested(&target)).await.unwrap();
        assert!(released.released, "{major}: {released:#?}");
        let kept =
            "SELECT released_by IS NOT NULL, reason, evidence -> 'gates' -> 3 ->> 'asked' FROM underpin.hold";
        let reason = "t|the window was ended early; attested by Ada: release 1 is gone|window";
        assert_eq!(database.rows(kept).await, [reason], "{major}");
        let outcome = deployed(&target, &request).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
        assert_eq!(
            (outcome.applied.as_slice(), names(&outcome)),
            ([CONTRACT.to_owned()].as_slice(), vec![]),
            "{major}"
        );

        let plain = server.database("plain").await;
        for (_, sql) in migrations(&whole, &[]) {
            plain.run(sql).await;
        }
        plain.run("DROP SCHEMA IF EXISTS underpin CASCADE").await;
        let counts =
            "SELECT count(*), count(*) FILTER (WHERE \"displayName\" IN ('old', 'new')) FROM \"User\"";
        assert_eq!(database.rows(counts).await, ["3002|2"], "{major}");
        database.run("DROP TABLE _prisma_migrations; DROP SCHEMA underpin CASCADE").await;
        assert_same(&catalog(&plain).await, &catalog(&database).await, &format!("PostgreSQL {major}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_held_where_nobody_is() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = server.database("nobody").await;
    let whole = contract();
    let outcome = deployed(&target(&database, &migrations(&whole, &[])), &strict(Mode::Online)).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    assert_eq!((outcome.applied.len(), outcome.held.len()), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_nothing_of_a_held_file_goes_on() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "behind").await;
    let whole = contract();
    let free = ("20260401000000_free", "ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT;\n");
    let behind = ("20260402000000_behind", "ALTER TABLE \"User\" ADD COLUMN \"note\" TEXT;\n");
    let first = deployed(&target(&database, &migrations(&whole, &[free])), &strict(Mode::Online)).await;
    assert!(matches!(first.ending, Ending::Applied), "{first:#?}");
    assert_eq!(first.applied, [EXPAND.0, BACKFILL.0, free.0]);
    let target = target(&database, &migrations(&whole, &[free, behind]));
    let waits = deployed(&target, &strict(Mode::Online)).await;
    assert_eq!(waits.ending.exit_code(), 13, "{waits:#?}");
    assert_eq!(names(&waits), [CONTRACT, behind.0]);
    let Ending::Behind { migration, behind: before, relation } = waits.ending else {
        panic!("{:#?}", waits.ending)
    };
    assert_eq!([migration.as_str(), &before, &relation], [behind.0, CONTRACT, "public.User"]);

    release(&target, &Settings::default(), "rename_full_name", &attested(&target)).await.unwrap();
    let outcome = deployed(&target, &strict(Mode::Online)).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    assert_eq!(outcome.applied, [CONTRACT, behind.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_contract_takes_away_unsaid_is_refused() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "unsaid").await;
    let whole = contract().replace("-- underpin: gone column \"User\".\"fullName\"\n", "");
    let target = target(&database, &migrations(&whole, &[]));
    deployed(&target, &strict(Mode::Online)).await;
    release(&target, &Settings::default(), "rename_full_name", &attested(&target)).await.unwrap();
    let outcome = deployed(&target, &strict(Mode::Online)).await;
    let Ending::Refused { migrations } = &outcome.ending else { panic!("{outcome:#?}") };
    let codes: Vec<_> = migrations[0].refusals.iter().map(|refusal| refusal.code.as_str()).collect();
    assert_eq!(codes, ["drop-unique", "drop-column"], "{outcome:#?}");
}

/// Whatever is wrong with a rollout is told before anything is executed.
#[tokio::test(flavor = "multi_thread")]
async fn phases_that_do_not_fit_together_change_nothing() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "unfit").await;
    let whole = contract();
    let request = strict(Mode::Online);
    let before = catalog(&database).await;
    let last = ("20260301000009_rename_full_name_2_backfill", BACKFILL.1);
    for (migrations, told) in [
        (vec![BASE, EXPAND, (CONTRACT, &whole), last], "would be applied before its phase backfill"),
        (vec![BASE, EXPAND, (CONTRACT, &whole)], "no folder for its phase backfill"),
        (vec![BASE, EXPAND, ("20260302000000_b", EXPAND.1)], "phase expand twice"),
        (vec![BASE, ("20260302000000_b", "-- underpin: phase shrink\n")], "no phase"),
    ] {
        let problem = refused(&target(&database, &migrations), &request).await;
        assert!(problem.message.contains(told), "{problem:?}");
        assert_same(&before, &catalog(&database).await, told);
    }

    deployed(&target(&database, &migrations(&whole, &[])), &request).await;
    let expanded = catalog(&database).await;
    let edited = whole.replace("DROP FUNCTION", "DROP FUNCTION IF EXISTS");
    let second = EXPAND.1.replace("rename_full_name", "another").replace("displayName", "shownName");
    for (migrations, told) in [
        (vec![BASE, EXPAND, BACKFILL], "its folder 20260301000002_rename_full_name_3_contract is gone"),
        (migrations(&edited, &[]), "was edited since rollout rename_full_name began"),
        (
            migrations(&whole, &[("20260501000000_another_1_expand", &second)]),
            "rollout another would begin on public.User while rollout rename_full_name is on its way there",
        ),
    ] {
        let problem = refused(&target(&database, &migrations), &request).await;
        assert!(problem.message.contains(told), "{problem:?}");
        assert_same(&expanded, &catalog(&database).await, told);
    }
    database.run("DELETE FROM _prisma_migrations WHERE migration_name LIKE '%backfill'").await;
    database.run(&format!("INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('x', '', now(), '{CONTRACT}')")).await;
    let mut loose = strict(Mode::Online);
    loose.allow.insert(underpin_core::plan::ReasonCode::EditedMigration);
    let problem = refused(&target(&database, &migrations(&whole, &[])), &loose).await;
    assert!(
        problem
            .message
            .contains("is applied, and 20260301000001_rename_full_name_2_backfill before it is not"),
        "{problem:?}"
    );
}

/// What shows that rows would be lost keeps a contract from being executed, released or not.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_agree_and_triggers_that_are_gone_keep_a_contract_shut() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "shut").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    let settings = Settings::default();
    deployed(&target, &strict(Mode::Online)).await;
    let gates = async || {
        let asked = release(&target, &settings, "rename_full_name", &attested(&target)).await.unwrap();
        asked
            .gates
            .into_iter()
            .filter(|gate| gate.verdict != Verdict::Passes)
            .map(|gate| gate.words)
            .collect::<Vec<_>>()
    };
    database.run("ALTER TABLE \"User\" DISABLE TRIGGER \"zz_User_sync\"; UPDATE \"User\" SET \"displayName\" = 'x' WHERE \"id\" = 1").await;
    let words = gates().await;
    assert!(words[0].starts_with("1 rows are left by: SELECT count(*)"), "{words:?}");
    assert!(words[1].ends_with("in one shape alone: trigger zz_User_sync on User"), "{words:?}");
    database.run("ALTER TABLE \"User\" ENABLE TRIGGER \"zz_User_sync\"; UPDATE \"User\" SET \"displayName\" = 'user 1' WHERE \"id\" = 1").await;
    assert_eq!(gates().await, [""; 0]);

    // It is released. A hand switches the trigger off once more.
    for (hurt, told, healed) in [
        (
            "ALTER TABLE \"User\" DISABLE TRIGGER \"zz_User_sync\"; UPDATE \"User\" SET \"fullName\" = 'y' WHERE \"id\" = 2",
            "trigger zz_User_sync on User, which keeps the two shapes equal, is not there",
            "ALTER TABLE \"User\" ENABLE TRIGGER \"zz_User_sync\"",
        ),
        ("SELECT 1", "1 rows are left by", "UPDATE \"User\" SET \"fullName\" = 'z' WHERE \"id\" = 2"),
    ] {
        database.run(hurt).await;
        let outcome = deployed(&target, &strict(Mode::Online)).await;
        let Ending::Stopped { reason, half_done: false, .. } = &outcome.ending else {
            panic!("{outcome:#?}")
        };
        assert!(reason.contains(told), "{reason}");
        database.run(healed).await;
    }
    let outcome = deployed(&target, &strict(Mode::Online)).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
}

/// Sessions that were there before the rollout began, and those that carry the old release's mark, are evidence.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_keeps_a_contract_held() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "drained").await;
    let old: Client = crate::setting::named(&database, "shop-1").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    deployed(&target, &strict(Mode::Online)).await;
    let new: Client = crate::setting::named(&database, "shop-2").await;
    let drained = async |mark: Option<&str>| {
        let word = Word { old_release: mark.map(str::to_owned), ..Word::default() };
        let asked = release(&target, &Settings::default(), "rename_full_name", &word).await.unwrap();
        asked.gates.into_iter().next_back().unwrap()
    };
    let gate = drained(None).await;
    assert!(gate.verdict == Verdict::Shut && gate.words.contains("(shop-1, role "), "{gate:?}");
    drop(old);
    while database.rows("SELECT FROM pg_stat_activity WHERE application_name = 'shop-1'").await.len() == 1 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let gate = drained(Some("shop-2")).await;
    assert!(gate.verdict == Verdict::Shut && gate.words.contains("(shop-2, role "), "{gate:?}");
    let gate = drained(None).await;
    assert!(gate.verdict == Verdict::Unknown && gate.words.contains("pg_stat_statements"), "{gate:?}");
    drop(new);
}

/// A database that the version before has used: what is there stays, and what is new is added.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_the_first_version_is_upgraded() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = server.database("upgraded").await;
        deployed(&target(&database, &[BASE]), &strict(Mode::Online)).await;
        database.run(ROWS).await;
        // Back to what the first version has left.
        database
            .run("DROP TABLE underpin.rollout, underpin.hold; DELETE FROM underpin.meta WHERE version > 1")
            .await;
        let whole = contract();
        let outcome = deployed(&target(&database, &migrations(&whole, &[])), &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
        assert_eq!(
            database.rows("SELECT version FROM underpin.meta ORDER BY 1").await,
            ["1", "2"],
            "{major}"
        );
        assert_eq!(database.rows("SELECT migration FROM underpin.hold").await, [CONTRACT], "{major}");
    }
}

const EXPAND_DOWN: &str = "BEGIN;\nDROP TRIGGER \"zz_User_sync\" ON \"User\";\nDROP FUNCTION \"User_sync\"();\n\
     ALTER TABLE \"User\" DROP COLUMN \"displayName\";\nCOMMIT;\n";
const BACKFILL_DOWN: &str = "ALTER TABLE \"User\" ALTER COLUMN \"displayName\" DROP NOT NULL;\nDROP INDEX \"User_displayName_key\";\n";

/// The same target with a folder on disk, in which the ways back are.
fn with_downs(target: Target, downs: &[(&str, &str)]) -> (Target, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    for (folder, sql) in downs {
        let folder = root.path().join("prisma/migrations").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("down.sql"), sql).unwrap();
    }
    (Target { root: root.path().to_owned(), ..target }, root)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_led_back_to_where_it_began() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = in_use(server, "aborted").await;
        let before = catalog(&database).await;
        let whole = contract();
        let files = migrations(&whole, &[]);
        let (target, _root) =
            with_downs(target(&database, &files), &[(EXPAND.0, EXPAND_DOWN), (BACKFILL.0, BACKFILL_DOWN)]);
        let request = strict(Mode::Online);
        deployed(&target, &request).await;
        database.run("INSERT INTO \"User\" (\"displayName\") VALUES ('new'); UPDATE \"User\" SET \"displayName\" = 'changed' WHERE \"id\" = 1").await;
        release(&target, &Settings::default(), "rename_full_name", &attested(&target)).await.unwrap();

        let wrong =
            abort(&target, &request, "rename_full_name", "another", &Events::nowhere()).await.unwrap_err();
        assert!(wrong.message.contains("the one that was named is another"), "{wrong:?}");
        let name = target.url.database.clone();
        let aborted = abort(&target, &request, "rename_full_name", &name, &Events::nowhere()).await.unwrap();
        assert!(aborted.stopped.is_none(), "{major}: {aborted:#?}");
        assert_eq!(aborted.undone, [BACKFILL.0, EXPAND.0], "{major}");
        assert_same(&before, &catalog(&database).await, &format!("PostgreSQL {major}"));
        let written =
            "SELECT count(*), count(*) FILTER (WHERE \"fullName\" IN ('new', 'changed')) FROM \"User\"";
        assert_eq!(database.rows(written).await, ["3001|2"], "{major}: no write is lost");
        assert_eq!(database.rows("SELECT migration_name FROM _prisma_migrations").await, [BASE.0], "{major}");
        let held = "SELECT migration FROM underpin.hold WHERE released_at IS NULL";
        assert_eq!(database.rows(held).await, [CONTRACT], "{major}: Prisma still stops there");

        let again = deployed(&target, &request).await;
        assert!(matches!(again.ending, Ending::UpToDate), "{major}: {again:#?}");
        let why: Vec<_> = again.held.iter().map(|held| &held.why).collect();
        assert_eq!(why, [&Why::Aborted; 3], "{major}");
        // The same change under other folders is another beginning.
        let moved = |name: &str| name.replace("20260301", "20260601");
        let renamed: Vec<(String, String)> =
            files.iter().skip(1).map(|(name, sql)| (moved(name), moved(sql))).collect();
        let all = [BASE].into_iter().chain(renamed.iter().map(|(name, sql)| (name.as_str(), sql.as_str())));
        let anew = crate::setting::target(&database, &all.collect::<Vec<_>>());
        let outcome = deployed(&anew, &request).await;
        assert_eq!(outcome.applied.len(), 2, "{major}: {outcome:#?}");
        assert_eq!(outcome.held[0].why, Why::Gates, "{major}");
    }
}

/// A way back that would take away what the rollout has not made, or that is not there, changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_takes_away_what_the_rollout_has_made_and_nothing_else() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "way_back").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    let request = strict(Mode::Online);
    deployed(&target, &request).await;
    let expanded = catalog(&database).await;
    let name = target.url.database.clone();
    let problem = abort(&target, &request, "rename_full_name", &name, &Events::nowhere()).await.unwrap_err();
    assert!(problem.message.contains("its down.sql cannot be read"), "{problem:?}");
    let wrong = EXPAND_DOWN.replace("\"displayName\"", "\"fullName\"");
    let (target, _root) = with_downs(target, &[(EXPAND.0, &wrong), (BACKFILL.0, BACKFILL_DOWN)]);
    let aborted = abort(&target, &request, "rename_full_name", &name, &Events::nowhere()).await.unwrap();
    let Some(Ending::Refused { migrations }) = &aborted.stopped else { panic!("{aborted:#?}") };
    assert_eq!(migrations[0].refusals[0].code.as_str(), "drop-column");
    assert_same(&expanded, &catalog(&database).await, "nothing has changed");
    assert_eq!(database.rows("SELECT aborted_at IS NULL FROM underpin.rollout").await, ["t"]);
}

/// Runs something that is gone after its `at`th event, as a program that is killed. Answers whether it came to its end
/// before.
async fn killed<F>(at: usize, run: impl FnOnce(Events) -> F) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let told = Arc::new(AtomicUsize::new(0));
    let own = Arc::new(OnceLock::<AbortHandle>::new());
    let events = {
        let own = own.clone();
        Events::to(move |_| {
            if told.fetch_add(1, Ordering::SeqCst) + 1 == at {
                own.get().unwrap().abort();
            }
        })
    };
    let program = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    let run = run(events);
    let running = program.spawn(async move {
        begun.await.unwrap();
        run.await;
    });
    own.set(running.abort_handle()).unwrap();
    begin.send(()).unwrap();
    let ended = running.await.is_ok();
    program.shutdown_background();
    ended
}

/// Whatever is cut, wherever: from the first phase on the contract is held, and everything comes to the same end.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_in_slices_is_never_without_its_hold_and_comes_to_the_same_end() {
    let major = majors()[majors().len() / 2];
    let server = Server::shared(major).await;
    let database = in_use(server, "sliced").await;
    let before = catalog(&database).await;
    let proofs = tempfile::tempdir().unwrap();
    let whole = contract();
    let (target, _root) = with_downs(
        target(&database, &migrations(&whole, &[])),
        &[(EXPAND.0, EXPAND_DOWN), (BACKFILL.0, BACKFILL_DOWN)],
    );
    let request = || Request { proofs: Some(proofs.path().to_path_buf()), ..strict(Mode::Online) };
    let unguarded = format!(
        "SELECT FROM _prisma_migrations WHERE migration_name = '{}' AND NOT EXISTS
           (SELECT FROM underpin.hold WHERE migration = '{CONTRACT}' AND released_at IS NULL)",
        EXPAND.0
    );
    let name = target.url.database.clone();
    // There and back, then there to the end; each run is cut a little later than the one before it.
    for goal in ["held", "back"] {
        for slice in 0.. {
            let (target, request, name) = (target.clone(), request(), name.clone());
            let ended = killed(2 + slice % 9, async move |events| match goal {
                "back" => drop(abort(&target, &request, "rename_full_name", &name, &events).await.unwrap()),
                _ => drop(deploy(&target, &request, &events).await.unwrap()),
            })
            .await;
            assert_eq!(database.rows(&unguarded).await, [""; 0], "slice {slice} of {goal}");
            let aborted = database.rows("SELECT FROM underpin.rollout WHERE aborted_at IS NOT NULL").await;
            if goal == "back" && !aborted.is_empty() {
                // A deploy that comes in between leaves it alone.
                let outcome =
                    deployed(&self::target(&database, &migrations(&whole, &[])), &strict(Mode::Online)).await;
                assert!(outcome.applied.is_empty(), "{outcome:#?}");
            }
            if ended {
                break;
            }
            assert!(slice < 60, "{goal} does not come to an end");
        }
        if goal == "back" {
            assert_same(&before, &catalog(&database).await, "led back in slices");
            assert_eq!(database.rows("SELECT migration_name FROM _prisma_migrations").await, [BASE.0]);
            let open =
                "SELECT name, state FROM underpin.migration WHERE state NOT IN ('applied', 'reverted')";
            assert_eq!(database.rows(open).await, [""; 0]);
        }
    }
}

/// Two that release, deploy or lead back at once: one after the other, and nothing half done.
#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_take_turns() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "turns").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    let request = strict(Mode::Online);
    let (one, other) =
        tokio::join!(Box::pin(deployed(&target, &request)), Box::pin(deployed(&target, &request)));
    assert_eq!(one.applied.len() + other.applied.len(), 2, "{one:#?}\n{other:#?}");
    let (settings, word) = (Settings::default(), attested(&target));
    let (one, other) = tokio::join!(
        Box::pin(release(&target, &settings, "rename_full_name", &word)),
        Box::pin(release(&target, &settings, "rename_full_name", &word))
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one.released && other.released, "{one:#?}\n{other:#?}");
    assert!(one.before.is_some() != other.before.is_some(), "one of them came first");
    let (one, other) =
        tokio::join!(Box::pin(deployed(&target, &request)), Box::pin(deployed(&target, &request)));
    assert_eq!(one.applied.len() + other.applied.len(), 1, "{one:#?}\n{other:#?}");
}

/// Writes names as one of the releases does, each to a user of its own, until it is told to end. Answers what it wrote
/// last to whom.
async fn writing(
    client: Client,
    column: &'static str,
    users: Range<i32>,
    end: Arc<AtomicBool>,
) -> Vec<(i32, String)> {
    let mut last = BTreeMap::new();
    for turn in 0.. {
        let id = users.start + turn % (users.end - users.start);
        let name = format!("{column} {id} {turn}");
        let update =
            format!("UPDATE \"User\" SET \"{column}\" = '{name}' WHERE \"id\" = {id} RETURNING \"{column}\"");
        client.simple_query(&update).await.unwrap();
        last.insert(id, name);
        let insert =
            format!("INSERT INTO \"User\" (\"{column}\") VALUES ('another {column} {turn} {}')", users.start);
        client.simple_query(&insert).await.unwrap();
        if end.load(Ordering::SeqCst) && turn > 20 {
            break;
        }
    }
    last.into_iter().collect()
}

/// Clients of both releases write all the time. None of their statements fails, and what they wrote last is there.
#[tokio::test(flavor = "multi_thread")]
async fn both_releases_write_through_all_phases() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "load").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    let request = strict(Mode::Online);
    let (old_end, new_end) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut old = Vec::new();
    for part in 0..3 {
        let client = database.client().await;
        old.push(tokio::spawn(writing(
            client,
            "fullName",
            part * 100 + 1..part * 100 + 101,
            old_end.clone(),
        )));
    }
    let expand = crate::setting::target(&database, &[BASE, EXPAND]);
    let outcome = deployed(&expand, &request).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    let mut new = Vec::new();
    for part in 3..6 {
        let client = database.client().await;
        new.push(tokio::spawn(writing(
            client,
            "displayName",
            part * 100 + 1..part * 100 + 101,
            new_end.clone(),
        )));
    }
    let outcome = deployed(&target, &request).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    old_end.store(true, Ordering::SeqCst);
    let mut wrote = Vec::new();
    for client in old {
        wrote.extend(client.await.unwrap());
    }
    release(&target, &Settings::default(), "rename_full_name", &attested(&target)).await.unwrap();
    let outcome = deployed(&target, &request).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    new_end.store(true, Ordering::SeqCst);
    for client in new {
        wrote.extend(client.await.unwrap());
    }
    assert!(wrote.len() > 400, "{} rows are hardly a load", wrote.len());
    let there: BTreeSet<String> = database
        .rows("SELECT \"id\", \"displayName\" FROM \"User\" WHERE \"id\" <= 600")
        .await
        .into_iter()
        .collect();
    let lost: Vec<_> =
        wrote.iter().map(|(id, name)| format!("{id}|{name}")).filter(|row| !there.contains(row)).collect();
    assert_eq!(lost, [""; 0]);
}
