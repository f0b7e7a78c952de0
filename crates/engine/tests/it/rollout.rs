//! Changes that go in phases, on a database that is in use: what is executed, what is held, and what lets it go.

use tokio_postgres::Client;
use underpin_core::plan::Mode;
use underpin_core::rollout::gate::Verdict;
use underpin_core::rollout::{Why, guard};
use underpin_core::settings::Settings;
use underpin_engine::Events;
use underpin_engine::Problem;
use underpin_engine::deploy::{Ending, Outcome, Request, Target, deploy};
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
-- underpin: gone index "User_fullName_key"
-- underpin: verify SELECT count(*) FROM "User" WHERE "displayName" IS DISTINCT FROM "fullName"
{guard};
-- AlterTable
ALTER TABLE "User" ALTER COLUMN "displayName" SET NOT NULL;
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
        let batches = "SELECT count(*) FROM underpin.step WHERE sql LIKE 'UPDATE%' AND cursor IS NOT NULL";
        assert_eq!(database.rows(batches).await, ["1"], "{major}: the backfill went in batches");
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
    let whole = contract().replace("-- underpin: gone index \"User_fullName_key\"\n", "");
    let target = target(&database, &migrations(&whole, &[]));
    deployed(&target, &strict(Mode::Online)).await;
    release(&target, &Settings::default(), "rename_full_name", &attested(&target)).await.unwrap();
    let outcome = deployed(&target, &strict(Mode::Online)).await;
    let Ending::Refused { migrations } = &outcome.ending else { panic!("{outcome:#?}") };
    let codes: Vec<_> = migrations[0].refusals.iter().map(|refusal| refusal.code.as_str()).collect();
    assert_eq!(codes, ["drop-unique"], "{outcome:#?}");
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
    let edited = whole.replace("SET NOT NULL", "SET DEFAULT ''");
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
