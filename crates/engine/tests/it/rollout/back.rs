//! A rollout is led back to where it began.

use underpin_core::plan::Mode;
use underpin_core::rollout::Why;
use underpin_core::rollout::gate::Verdict;
use underpin_core::settings::Settings;
use underpin_engine::Events;
use underpin_engine::deploy::{Ending, LeadingBack, Request, Target, abort};
use underpin_engine::rollout::release;
use underpin_testkit::{Server, majors, outer_majors};

use super::{BACKFILL, BASE, CONTRACT, EXPAND, attested, contract, counting, in_use, migrations};
use crate::setting::{assert_same, catalog, deployed, strict, target};

pub(super) const EXPAND_DOWN: &str = "BEGIN;\nDROP TRIGGER \"zz_User_sync\" ON \"User\";\nDROP FUNCTION \"User_sync\"();\n\
     ALTER TABLE \"User\" DROP COLUMN \"displayName\";\nCOMMIT;\n";
pub(super) const BACKFILL_DOWN: &str = "ALTER TABLE \"User\" ALTER COLUMN \"displayName\" DROP NOT NULL;\nDROP INDEX \"User_displayName_key\";\n";

/// Somebody answers for the release that comes.
pub(super) fn answered() -> LeadingBack {
    LeadingBack { attested: Some("Ada: release 2 is taken back".to_owned()), new_release: None }
}

/// The same target with a folder on disk, in which the ways back are.
pub(super) fn with_downs(target: Target, downs: &[(&str, &str)]) -> (Target, tempfile::TempDir) {
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

        let wrong = abort(&target, &request, "rename_full_name", "another", &answered(), &Events::nowhere())
            .await
            .unwrap_err();
        assert!(wrong.message.contains("the one that was named is another"), "{wrong:?}");
        let name = target.url.database.clone();
        let aborted = abort(&target, &request, "rename_full_name", &name, &answered(), &Events::nowhere())
            .await
            .unwrap();
        assert!(aborted.stopped.is_none(), "{major}: {aborted:#?}");
        assert_eq!(aborted.undone, [BACKFILL.0, EXPAND.0], "{major}");
        assert_same(&before, &catalog(&database).await, &format!("PostgreSQL {major}"));
        let written =
            "SELECT count(*), count(*) FILTER (WHERE \"fullName\" IN ('new', 'changed')) FROM \"User\"";
        assert_eq!(database.rows(written).await, ["3001|2"], "{major}: no write is lost");
        assert_eq!(database.rows("SELECT migration_name FROM _prisma_migrations").await, [BASE.0], "{major}");
        let held = "SELECT migration, reason FROM underpin.hold WHERE released_at IS NULL AND released_by IS NOT NULL";
        let kept = format!("{CONTRACT}|led back; attested by Ada: release 2 is taken back");
        assert_eq!(database.rows(held).await, [kept], "{major}: Prisma still stops there");

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
    let problem = abort(&target, &request, "rename_full_name", &name, &answered(), &Events::nowhere())
        .await
        .unwrap_err();
    assert!(problem.message.contains("its down.sql cannot be read"), "{problem:?}");
    let wrong = EXPAND_DOWN.replace("\"displayName\"", "\"fullName\"");
    let (target, _root) = with_downs(target, &[(EXPAND.0, &wrong), (BACKFILL.0, BACKFILL_DOWN)]);
    let aborted =
        abort(&target, &request, "rename_full_name", &name, &answered(), &Events::nowhere()).await.unwrap();
    let Some(Ending::Refused { migrations }) = &aborted.stopped else { panic!("{aborted:#?}") };
    assert_eq!(migrations[0].refusals[0].code.as_str(), "drop-column");
    assert_same(&expanded, &catalog(&database).await, "nothing has changed");
    assert_eq!(database.rows("SELECT aborted_at IS NULL FROM underpin.rollout").await, ["t"]);
}

/// What would take the release that comes its columns away asks whether that one is gone, as a contract asks for the
/// old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_not_led_back_under_a_release_that_needs_it() {
    for major in outer_majors() {
        let server = counting(major, "top").await;
        let database = in_use(&server, "needed").await;
        let whole = contract();
        let (target, _root) = with_downs(
            target(&database, &migrations(&whole, &[])),
            &[(EXPAND.0, EXPAND_DOWN), (BACKFILL.0, BACKFILL_DOWN)],
        );
        let mut request = strict(Mode::Online);
        deployed(&target, &request).await;
        let expanded = catalog(&database).await;
        let name = target.url.database.clone();
        let asked = async |request: &Request, word: LeadingBack| {
            abort(&target, request, "rename_full_name", &name, &word, &Events::nowhere()).await.unwrap()
        };
        let gate = async |request: &Request, mark: Option<&str>| {
            let word = LeadingBack { attested: None, new_release: mark.map(str::to_owned) };
            let aborted = asked(request, word).await;
            assert_eq!((aborted.exit_code(), aborted.undone.len()), (12, 0), "{major}: {aborted:#?}");
            assert_eq!(aborted.goes, ["User.displayName"], "{major}");
            let gate = aborted.gate.unwrap();
            (gate.verdict, gate.words)
        };
        let (verdict, words) = gate(&request, None).await;
        assert!(verdict == Verdict::Unknown && words.contains("pg_stat_statements is not there"), "{words}");
        let app = crate::setting::named(&database, "shop-2").await;
        let (verdict, words) = gate(&request, Some("shop-2")).await;
        assert!(verdict == Verdict::Shut && words.contains("(shop-2, role "), "{major}: {words}");

        // The release that comes reads its column, then it is quiet.
        database.run("CREATE EXTENSION pg_stat_statements").await;
        let new = r#"SELECT "public"."User"."id", "public"."User"."displayName" FROM "public"."User" WHERE "public"."User"."id" = $1 OFFSET $2"#;
        app.query(new, &[&1, &0_i64]).await.unwrap();
        assert_eq!(gate(&request, None).await.0, Verdict::Shut, "{major}");
        app.query(new, &[&2, &0_i64]).await.unwrap();
        let (_, words) = gate(&request, None).await;
        let last = r#"the last one: SELECT "public"."User"."id", "public"."User"."displayName" FROM"#;
        assert!(words.contains(last), "{major}: {words}");
        let old = r#"SELECT "public"."User"."id", "public"."User"."fullName" FROM "public"."User" WHERE "public"."User"."id" = $1 OFFSET $2"#;
        app.query(old, &[&2, &0_i64]).await.unwrap();
        let (_, words) = gate(&request, None).await;
        assert!(!words.contains("the last one"), "{major}: the old release may go on: {words}");
        database.run("DROP EXTENSION pg_stat_statements").await;
        assert_same(&expanded, &catalog(&database).await, "nothing has changed");
        database.run("CREATE EXTENSION pg_stat_statements").await;
        assert_eq!(database.rows("SELECT aborted_at IS NULL FROM underpin.rollout").await, ["t"], "{major}");

        request.settings.rollout.quiet_minutes = 0;
        let aborted = asked(&request, LeadingBack::default()).await;
        assert!(aborted.stopped.is_none() && aborted.undone.len() == 2, "{major}: {aborted:#?}");
        let gate = aborted.gate.unwrap();
        assert!(gate.words.starts_with("no statement has named what goes for"), "{major}: {gate:?}");
        // It is done, and there is nothing to ask any more.
        let again = asked(&strict(Mode::Online), LeadingBack::default()).await;
        assert_eq!((again.exit_code(), again.gate), (0, None), "{major}");
    }
}
