//! What keeps a contract shut, and what does not.

use tokio_postgres::Client;
use underpin_core::plan::Mode;
use underpin_core::rollout::gate::Verdict;
use underpin_core::settings::{RolloutSettings, Settings};
use underpin_engine::deploy::Ending;
use underpin_engine::rollout::{Word, release, review};
use underpin_shadow::StartOptions;
use underpin_testkit::{Server, majors, outer_majors};

use super::{attested, contract, in_use, migrations};
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

/// The real extension counts statements of the old release, and those alone.
#[tokio::test(flavor = "multi_thread")]
async fn statements_that_name_what_goes_keep_a_contract_held() {
    for major in outer_majors() {
        let preload = ("shared_preload_libraries".to_owned(), "pg_stat_statements".to_owned());
        let options = StartOptions { settings: vec![preload], ..StartOptions::default() };
        let server = Server::start(major, options).await.unwrap();
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
