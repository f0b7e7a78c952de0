//! Changes that go in phases, on a database that is in use: what is executed, what is held, and what lets it go.

mod back;
mod both;
pub(crate) mod cut;
mod gates;
mod refused;

use underpin_core::plan::Mode;
use underpin_core::rollout::gate::Verdict;
use underpin_core::rollout::{Why, guard};
use underpin_core::settings::Settings;
use underpin_engine::deploy::{Ending, Outcome, Target};
use underpin_engine::rollout::{Word, release, review};
use underpin_shadow::StartOptions;
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

/// A server that counts statements: `track` says of which level, `top` unless an application asks for more.
async fn counting(major: u32, track: &str) -> Server {
    let settings = [("shared_preload_libraries", "pg_stat_statements"), ("pg_stat_statements.track", track)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Server::start(major, StartOptions { settings, ..StartOptions::default() }).await.unwrap()
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
            "SELECT released_by IS NOT NULL, reason, evidence -> 'gates' -> 4 ->> 'asked' FROM underpin.hold";
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

/// What a phase says of the rows is asked before it, whichever phase it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_phase_does_not_begin_while_its_query_counts_rows() {
    let server = Server::shared(majors()[0]).await;
    let database = in_use(server, "not_yet").await;
    let count = |text: &str, condition: &str| {
        let query = format!("-- underpin: verify SELECT count(*) FROM \"User\" AS own WHERE {condition}\n");
        // Behind the two lines that say which phase it is.
        let (at, _) = text.match_indices('\n').nth(1).unwrap();
        format!("{}{query}{}", &text[..=at], &text[at + 1..])
    };
    let expand = count(EXPAND.1, "own.\"fullName\" LIKE 'user 1_'");
    let backfill = count(BACKFILL.1, "own.\"displayName\" IS NULL AND own.\"id\" = 7");
    let whole = contract();
    let request = strict(Mode::Online);
    let stopped = async |target: &Target| {
        let outcome = deployed(target, &request).await;
        let Ending::Stopped { migration, reason, half_done: false, .. } = outcome.ending else {
            panic!("{outcome:#?}")
        };
        (migration, reason, outcome.applied)
    };
    let folder =
        |expand| [BASE, (EXPAND.0, expand), (BACKFILL.0, backfill.as_str()), (CONTRACT, whole.as_str())];
    let (migration, reason, applied) = stopped(&target(&database, &folder(expand.as_str()))).await;
    assert_eq!((migration.as_str(), applied.len()), (EXPAND.0, 0));
    assert!(reason.starts_with("10 rows are left by: SELECT count(*) FROM"), "{reason}");
    // Nothing has begun, so the phase may be another one now.
    let target = target(&database, &folder(EXPAND.1));
    let (migration, reason, applied) = stopped(&target).await;
    assert_eq!((migration.as_str(), applied), (BACKFILL.0, vec![EXPAND.0.to_owned()]));
    assert!(reason.starts_with("1 row is left by: SELECT count(*) FROM"), "{reason}");
    database.run("UPDATE \"User\" SET \"fullName\" = 'seven' WHERE \"id\" = 7").await;
    let outcome = deployed(&target, &request).await;
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
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
    // It names the table of the rollout, and the order does not matter.
    let beside = ("20260401500000_beside", "ALTER TABLE \"User\" ADD COLUMN \"note\" TEXT;\n");
    let behind = (
        "20260402000000_behind",
        "ALTER TABLE \"User\" ALTER COLUMN \"displayName\" SET DEFAULT 'nobody';\n",
    );
    let first = deployed(&target(&database, &migrations(&whole, &[free])), &strict(Mode::Online)).await;
    assert!(matches!(first.ending, Ending::Applied), "{first:#?}");
    assert_eq!(first.applied, [EXPAND.0, BACKFILL.0, free.0]);
    let target = target(&database, &migrations(&whole, &[free, beside, behind]));
    let waits = deployed(&target, &strict(Mode::Online)).await;
    assert_eq!(waits.ending.exit_code(), 13, "{waits:#?}");
    assert_eq!(
        (waits.applied.as_slice(), names(&waits)),
        (&[beside.0.to_owned()][..], vec![CONTRACT, behind.0])
    );
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

/// A database that an earlier version has used: what is there stays, and what is new is added.
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
            ["1", "3"],
            "{major}"
        );
        assert_eq!(database.rows("SELECT migration FROM underpin.hold").await, [CONTRACT], "{major}");

        // Back to what the second version has left: it is read as it is, and written in the new form.
        database
            .run(
                "ALTER TABLE underpin.rollout DROP COLUMN new_calls, DROP COLUMN new_quiet_since;
                  UPDATE underpin.meta SET version = 2 WHERE version = 3",
            )
            .await;
        let target = target(&database, &migrations(&whole, &[]));
        let found = review(&target, &Settings::default(), "rename_full_name").await.unwrap();
        assert_eq!(found.state, "backfilled", "{major}");
        release(&target, &Settings::default(), "rename_full_name", &attested(&target)).await.unwrap();
        let outcome = deployed(&target, &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
        let added = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'underpin.rollout'::regclass AND attname LIKE 'new%'";
        assert_eq!(database.rows(added).await, ["2"], "{major}");
    }
}
