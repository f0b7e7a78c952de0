//! What keeps a contract shut, and what does not.

use tokio_postgres::Client;
use underpin_core::plan::{Mode, ReasonCode};
use underpin_core::rollout::gate::{Asked, Gate, Verdict};
use underpin_core::settings::{RolloutSettings, Settings};
use underpin_engine::deploy::{Ending, Request};
use underpin_engine::rollout::{Word, release, review};
use underpin_engine::status::status;
use underpin_testkit::{Server, majors, outer_majors};

use super::{BACKFILL, EXPAND, attested, contract, counting, in_use, migrations};
use crate::setting::{deployed, strict, target};

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
    assert!(words[0].starts_with("1 row is left by: SELECT count(*)"), "{words:?}");
    let off = "in one shape alone: trigger zz_User_sync on User is switched off; to put it right: ALTER TABLE \
               \"public\".\"User\" ENABLE TRIGGER \"zz_User_sync\"";
    assert!(words[1].ends_with(off), "{words:?}");
    database.run("ALTER TABLE \"User\" ENABLE TRIGGER \"zz_User_sync\"; UPDATE \"User\" SET \"displayName\" = 'user 1' WHERE \"id\" = 1").await;
    assert_eq!(gates().await, [""; 0]);

    // It is released. A hand switches the trigger off once more.
    for (hurt, told, healed) in [
        (
            "ALTER TABLE \"User\" DISABLE TRIGGER \"zz_User_sync\"; UPDATE \"User\" SET \"fullName\" = 'y' WHERE \"id\" = 2",
            off,
            "ALTER TABLE \"User\" ENABLE TRIGGER \"zz_User_sync\"",
        ),
        ("SELECT 1", "1 row is left by", "UPDATE \"User\" SET \"fullName\" = 'z' WHERE \"id\" = 2"),
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

/// What a hand has changed of what the phases made holds the contract, before it is released and behind that, and is
/// told with what puts it right.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_the_phases_made_it_keeps_a_contract_shut() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = in_use(server, "intact").await;
        let whole = contract();
        let target = target(&database, &migrations(&whole, &[]));
        let settings = Settings::default();
        deployed(&target, &strict(Mode::Online)).await;
        let told = async || {
            let found = status(&target, &settings).await.unwrap().rollouts.remove(0);
            let shut = |gate: &Gate| gate.asked == Asked::Intact && gate.verdict == Verdict::Shut;
            found.gates.into_iter().find(shut).map(|gate| gate.words)
        };
        let body = EXPAND.1.split_once("CREATE FUNCTION").unwrap().1.split_once("CREATE TRIGGER").unwrap().0;
        let again = format!("CREATE OR REPLACE FUNCTION{body}");
        let hurts = [
            (
                r#"ALTER TABLE "User" ALTER COLUMN "displayName" DROP NOT NULL"#,
                r#"User.displayName lets NULL in; to put it right: ALTER TABLE "public"."User" ALTER COLUMN "displayName" SET NOT NULL"#,
                r#"ALTER TABLE "User" ALTER COLUMN "displayName" SET NOT NULL"#,
            ),
            (
                r#"DROP INDEX "User_displayName_key""#,
                "index User_displayName_key is not there; to put it right, as 20260301000001_rename_full_name_2_backfill/migration.sql has it",
                r#"CREATE UNIQUE INDEX "User_displayName_key" ON "User"("displayName")"#,
            ),
            (
                r#"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"User_displayName_key"'::regclass"#,
                r#"index User_displayName_key is not valid; to put it right: REINDEX INDEX CONCURRENTLY "public"."User_displayName_key""#,
                r#"REINDEX INDEX CONCURRENTLY public."User_displayName_key""#,
            ),
            (
                r#"ALTER TABLE "User" ALTER COLUMN "displayName" SET DEFAULT 'nobody'"#,
                r#"User.displayName has a default; to put it right: ALTER TABLE "public"."User" ALTER COLUMN "displayName" DROP DEFAULT"#,
                r#"ALTER TABLE "User" ALTER COLUMN "displayName" DROP DEFAULT"#,
            ),
            (
                r#"CREATE OR REPLACE FUNCTION "User_sync"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"#,
                "function User_sync has another body; to put it right, as 20260301000000_rename_full_name_1_expand/migration.sql has it",
                again.as_str(),
            ),
        ];
        assert_eq!(told().await, None, "{major}");
        for (hurt, words, healed) in &hurts {
            database.run(hurt).await;
            assert_eq!(told().await.as_deref(), Some(*words), "{major}");
            let asked = release(&target, &settings, "rename_full_name", &attested(&target)).await.unwrap();
            assert!(!asked.released, "{major}: {words}");
            database.run(healed).await;
            assert_eq!(told().await, None, "{major}: {healed}");
        }
        let asked = release(&target, &settings, "rename_full_name", &attested(&target)).await.unwrap();
        assert!(asked.released, "{major}: {asked:#?}");
        let (hurt, words, healed) = hurts[0];
        database.run(hurt).await;
        assert_eq!(told().await.as_deref(), Some(words), "{major}");
        let outcome = deployed(&target, &strict(Mode::Online)).await;
        let Ending::Stopped { reason, half_done: false, .. } = &outcome.ending else {
            panic!("{outcome:#?}")
        };
        assert_eq!(reason, words, "{major}");
        database.run(healed).await;
        let outcome = deployed(&target, &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
    }
}

/// What the next phase counts on is looked at before that one too.
#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_does_not_begin_behind_a_trigger_that_is_off() {
    let server = Server::shared(majors()[0]).await;
    let database = in_use(server, "between").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    // Somebody stops the deploy between the two, by rows.
    let stopping = BACKFILL.1.replacen('\n', "\n-- underpin: verify SELECT 1\n", 1);
    let files = [super::BASE, EXPAND, (BACKFILL.0, stopping.as_str()), (super::CONTRACT, whole.as_str())];
    let outcome = deployed(&crate::setting::target(&database, &files), &strict(Mode::Online)).await;
    assert_eq!(outcome.applied, [EXPAND.0], "{outcome:#?}");
    database.run("ALTER TABLE \"User\" DISABLE TRIGGER \"zz_User_sync\"").await;
    let request = Request { allow: [ReasonCode::EditedMigration].into(), ..strict(Mode::Online) };
    let outcome = deployed(&target, &request).await;
    let Ending::Stopped { migration, reason, .. } = &outcome.ending else { panic!("{outcome:#?}") };
    assert_eq!(migration, BACKFILL.0);
    assert!(reason.starts_with("trigger zz_User_sync on User is switched off"), "{reason}");
    database.run("ALTER TABLE \"User\" ENABLE TRIGGER \"zz_User_sync\"").await;
    let outcome = deployed(&target, &request).await;
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

/// The real extension counts statements of the old release, and those alone.
#[tokio::test(flavor = "multi_thread")]
async fn statements_that_name_what_goes_keep_a_contract_held() {
    for major in outer_majors() {
        let server = counting(major, "top").await;
        let database = in_use(&server, "counted").await;
        database.run("CREATE EXTENSION pg_stat_statements").await;
        let whole = contract();
        let target = target(&database, &migrations(&whole, &[]));
        let rollout = RolloutSettings { dual_write_hours: 0, ..RolloutSettings::default() };
        let settings = Settings { rollout, ..Settings::default() };
        deployed(&target, &strict(Mode::Online)).await;
        let drained = async || {
            let found = review(&target, &settings, "rename_full_name").await.unwrap();
            let gate = found.gates.into_iter().next_back().unwrap();
            (gate.verdict, gate.words)
        };
        let ask = async || release(&target, &settings, "rename_full_name", &Word::default()).await.unwrap();

        // Neither what fills the new column nor a migration is of a release.
        database
            .run("-- AlterTable\nALTER TABLE \"User\" ALTER COLUMN \"fullName\" SET STATISTICS 200")
            .await;
        let (_, words) = drained().await;
        assert!(!words.contains("the last one"), "{major}: {words}");

        // What the releases send, as Prisma writes it.
        let app: Client = crate::setting::named(&database, "shop").await;
        let old = r#"SELECT "public"."User"."id", "public"."User"."fullName" FROM "public"."User" WHERE "public"."User"."id" = $1 OFFSET $2"#;
        let new = r#"SELECT "public"."User"."id", "public"."User"."displayName" FROM "public"."User" WHERE "public"."User"."id" = $1 OFFSET $2"#;
        app.query(old, &[&1, &0_i64]).await.unwrap();
        let asked = ask().await;
        assert!(!asked.released, "{major}: {asked:#?}");
        let (verdict, words) = drained().await;
        assert!(verdict == Verdict::Shut && words.ends_with("60 min are left"), "{major}: {words}");
        app.query(new, &[&1, &0_i64]).await.unwrap();
        let (_, words) = drained().await;
        assert!(!words.contains("the last one"), "{major}: the new release names nothing that goes: {words}");
        app.query(old, &[&2, &0_i64]).await.unwrap();
        let (verdict, words) = drained().await;
        assert_eq!(verdict, Verdict::Shut, "{major}: {words}");
        let last = r#"the last one: SELECT "public"."User"."id", "public"."User"."fullName" FROM"#;
        assert!(words.contains(last), "{major}: {words}");
        assert!(!ask().await.released, "{major}");

        // Who has only just begun to count has not made anybody quiet.
        let earlier = "UPDATE underpin.rollout SET quiet_since = quiet_since - interval '61 minutes'";
        database.run(earlier).await;
        assert_eq!(drained().await.0, Verdict::Shut, "{major}");
        let impatient = Settings {
            rollout: RolloutSettings { quiet_minutes: 0, ..settings.rollout.clone() },
            ..settings.clone()
        };
        let asked = release(&target, &impatient, "rename_full_name", &Word::default()).await.unwrap();
        assert!(asked.released, "{major}: nobody had to attest anything: {asked:#?}");
    }
}

/// What the triggers execute names what goes whoever writes, and is counted where the extension counts everything. It
/// keeps nobody waiting; what functions of the application execute does.
#[tokio::test(flavor = "multi_thread")]
async fn statements_of_sync_triggers_are_nobodys() {
    for major in outer_majors() {
        let server = counting(major, "all").await;
        let database = in_use(&server, "nested").await;
        database.run("CREATE EXTENSION pg_stat_statements").await;
        let looks = "  PERFORM 1 FROM \"User\" WHERE \"fullName\" = 'nobody';\n  RETURN NEW;\n";
        let expand = EXPAND.1.replace("  RETURN NEW;\n", looks);
        let whole = contract();
        let files = [super::BASE, (EXPAND.0, &expand), BACKFILL, (super::CONTRACT, whole.as_str())];
        let target = target(&database, &files);
        deployed(&target, &strict(Mode::Online)).await;
        let latest = async || {
            let asked =
                release(&target, &Settings::default(), "rename_full_name", &Word::default()).await.unwrap();
            let gate = asked.gates.into_iter().next_back().unwrap();
            gate.words.split_once("the last one: ").map(|(_, latest)| latest.to_owned())
        };
        latest().await;
        let app: Client = crate::setting::named(&database, "shop").await;
        app.execute("INSERT INTO \"User\" (\"displayName\") VALUES ($1)", &[&"new"]).await.unwrap();
        let nested = "SELECT count(*) > 0 FROM pg_stat_statements WHERE query LIKE 'SELECT $1 FROM \"User\" WHERE \"fullName\"%'";
        assert_eq!(database.rows(nested).await, ["t"], "{major}: the extension has counted it");
        assert_eq!(latest().await, None, "{major}");
        database
            .run("CREATE FUNCTION named(int) RETURNS text LANGUAGE plpgsql AS $$ DECLARE found text; BEGIN SELECT \"fullName\" INTO found FROM \"User\" WHERE \"id\" = $1; RETURN found; END $$")
            .await;
        app.query("SELECT named($1)", &[&1]).await.unwrap();
        let told = latest().await.unwrap_or_default();
        assert!(told.starts_with("SELECT \"fullName\" FROM \"User\""), "{major}: {told}");
    }
}

/// The extension is made, and its library is not loaded: nobody counts.
#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_is_not_loaded_tells_nothing() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "unloaded").await;
    database.run("CREATE EXTENSION pg_stat_statements").await;
    let whole = contract();
    let target = target(&database, &migrations(&whole, &[]));
    deployed(&target, &strict(Mode::Online)).await;
    let found = review(&target, &Settings::default(), "rename_full_name").await.unwrap();
    let gate = found.gates.last().unwrap();
    assert!(gate.verdict == Verdict::Unknown && gate.words.contains("shared_preload_libraries"), "{gate:?}");
}
