//! What a contract puts away before it drops it: nothing of it is lost, it comes back, and it goes for good only by
//! name.

use underpin_core::plan::Mode;
use underpin_core::rollout::guard;
use underpin_core::settings::Settings;
use underpin_engine::Events;
use underpin_engine::deploy::{Ending, Outcome, Request, Target, deploy};
use underpin_engine::parked::{Parked, parked, purge};
use underpin_engine::rollout::release;
use underpin_engine::status::status;
use underpin_prisma::Password;
use underpin_testkit::{Database, Server, majors, outer_majors};

use crate::rollout::attested;
use crate::rollout::cut::killed;
use crate::setting::{assert_same, catalog, deployed, strict, target};

const BASE: (&str, &str) = (
    "20260101000000_base",
    "CREATE TYPE \"Kind\" AS ENUM ('a', 'b');\n\
     CREATE TABLE \"User\" (\"id\" INTEGER NOT NULL, \"shop\" INTEGER NOT NULL, \"legacy\" JSON, \"nick\" TEXT, PRIMARY KEY (\"shop\", \"id\"));\n\
     CREATE UNIQUE INDEX \"User_nick_key\" ON \"User\"(\"nick\");\n\
     CREATE TABLE \"Log\" (\"id\" SERIAL PRIMARY KEY, \"kind\" \"Kind\" NOT NULL, \"user\" INTEGER NOT NULL, \"shop\" INTEGER NOT NULL,\n\
       CONSTRAINT \"Log_user_fkey\" FOREIGN KEY (\"shop\", \"user\") REFERENCES \"User\"(\"shop\", \"id\"));\n",
);

const ROWS: &str = r#"
INSERT INTO "User" SELECT n, n % 7, CASE WHEN n % 3 > 0 THEN json_build_object('n', n) END, 'nick ' || n FROM generate_series(1, 3000) n;
INSERT INTO "Log" ("kind", "user", "shop") SELECT 'a', n, n % 7 FROM generate_series(1, 3000) n;
"#;

const CONTRACT: &str = "20260301000000_gone_3_contract";

/// The contract, with what of it is parked and what it does.
fn contract(park: &[&str], statements: &str) -> String {
    let gone = ["column \"User\".\"legacy\"", "column \"User\".\"nick\"", "table \"Log\"", "type \"Kind\""];
    let said = |verb: &str, what: &[&str]| -> String {
        what.iter().map(|what| format!("-- underpin: {verb} {what}\n")).collect()
    };
    format!(
        "-- underpin: rollout gone\n-- underpin: phase contract\n{}{}{};\n{statements}",
        said("gone", &gone),
        said("park", park),
        guard(CONTRACT)
    )
}

const ALL: [&str; 4] =
    ["column \"User\".\"legacy\"", "column \"User\".\"nick\"", "table \"Log\"", "type \"Kind\""];

const STATEMENTS: &str = "ALTER TABLE \"Log\" DROP CONSTRAINT \"Log_user_fkey\";\n\
    DROP INDEX \"User_nick_key\";\n\
    ALTER TABLE \"User\" DROP COLUMN \"legacy\", DROP COLUMN \"nick\";\n\
    DROP TABLE \"Log\";\n\
    DROP TYPE \"Kind\";\n";

async fn in_use<'a>(server: &'a Server, stem: &str) -> Database<'a> {
    let database = server.database(stem).await;
    deployed(&target(&database, &[BASE]), &strict(Mode::Online)).await;
    database.run(ROWS).await;
    database
}

async fn let_go(target: &Target, mode: Mode) -> Outcome {
    deployed(target, &strict(mode)).await;
    let released = release(target, &Settings::default(), "gone", &attested(target)).await.unwrap();
    assert!(released.released, "{released:#?}");
    deployed(target, &strict(mode)).await
}

async fn listed(target: &Target) -> Vec<Parked> {
    parked(target, &Settings::default()).await.unwrap()
}

fn names(parked: &[Parked]) -> Vec<&str> {
    parked.iter().map(|one| one.name.as_str()).collect()
}

/// Prisma and the drift of the catalog see what the file says; every value is kept, and comes back.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_gone_for_prisma_and_comes_back() {
    for (major, mode) in majors().into_iter().zip([Mode::Online, Mode::AsWritten].into_iter().cycle()) {
        let server = Server::shared(major).await;
        let database = in_use(server, "parked").await;
        let (users, logs) = ("SELECT * FROM \"User\" ORDER BY 2, 1", "SELECT * FROM \"Log\" ORDER BY 1");
        let before = (database.rows(users).await, database.rows(logs).await, catalog(&database).await);
        let whole = contract(&ALL, STATEMENTS);
        let target = target(&database, &[BASE, (CONTRACT, &whole)]);
        let outcome = let_go(&target, mode).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");

        let plain = server.database("plain").await;
        plain.run(BASE.1).await;
        plain.run(STATEMENTS).await;
        assert_same(&catalog(&plain).await, &catalog(&database).await, &format!("PostgreSQL {major}"));

        let there = listed(&target).await;
        let stamp = "20260301000000";
        let wanted = ["User.legacy@", "User.nick@", "Log@", "Kind@"].map(|name| format!("{name}{stamp}"));
        assert_eq!(names(&there), wanted.each_ref().map(String::as_str), "{major}: {there:#?}");
        assert_eq!(status(&target, &Settings::default()).await.unwrap().parked.len(), 4);

        // A row that went meanwhile is not made again, and one that came has no value.
        database.run("DELETE FROM \"User\" WHERE id = 3000; INSERT INTO \"User\" VALUES (4000, 1)").await;
        for statement in [3, 2, 0, 1].into_iter().flat_map(|at: usize| &there[at].back) {
            database.run(statement.as_str()).await;
        }
        database.run("DELETE FROM \"User\" WHERE id = 4000; INSERT INTO \"User\" VALUES (3000, 3000 % 7, NULL, 'nick 3000')").await;
        database
            .run("CREATE UNIQUE INDEX \"User_nick_key\" ON \"User\"(\"nick\");
                  ALTER TABLE \"Log\" ADD CONSTRAINT \"Log_user_fkey\" FOREIGN KEY (\"shop\", \"user\") REFERENCES \"User\"(\"shop\", \"id\")")
            .await;
        assert_eq!((database.rows(users).await, database.rows(logs).await), (before.0, before.1), "{major}");
        assert_same(&before.2, &catalog(&database).await, &format!("PostgreSQL {major}, back again"));
        let left = listed(&target).await;
        assert_eq!(names(&left), [&wanted[0], &wanted[1]], "what was moved back is not parked");
    }
}

/// The same names once more: in another migration, in the same one, and in two namespaces at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_the_name_of_something_parked_is_parked_beside_it() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        let database = in_use(server, "twice").await;
        let whole = contract(&ALL, STATEMENTS);
        let first = target(&database, &[BASE, (CONTRACT, &whole)]);
        let_go(&first, Mode::Online).await;

        // Another migration makes them again, and they go again.
        let again = "CREATE TYPE \"Kind\" AS ENUM ('a', 'b');\n\
             CREATE TABLE \"Log\" (\"id\" SERIAL PRIMARY KEY, \"kind\" \"Kind\" NOT NULL);\n\
             CREATE SCHEMA other;\nCREATE TABLE other.\"Log\" (\"id\" SERIAL PRIMARY KEY);\n";
        let made = ("20260315000000_again", again);
        let folder = "20260401000000_later_3_contract";
        let later = whole
            .replace("rollout gone", "rollout later")
            .replace(CONTRACT, folder)
            .replace(
                "-- underpin: gone table \"Log\"",
                "-- underpin: gone table \"Log\"\n-- underpin: gone table \"other\".\"Log\"",
            )
            .replace(
                "-- underpin: park table \"Log\"",
                "-- underpin: park table \"Log\"\n-- underpin: park table \"other\".\"Log\"",
            );
        let (head, _) = later.split_once(STATEMENTS).unwrap();
        let head: String =
            head.split_inclusive('\n').filter(|line| !line.contains("column \"User\"")).collect();
        let later = format!("{head}DROP TABLE \"Log\";\nDROP TABLE other.\"Log\";\nDROP TYPE \"Kind\";\n");
        let second = target(&database, &[BASE, (CONTRACT, &whole), made, (folder, &later)]);
        deployed(&second, &strict(Mode::Online)).await;
        database.run("INSERT INTO \"Log\" (\"kind\") VALUES ('b')").await;
        let released = release(&second, &Settings::default(), "later", &attested(&second)).await.unwrap();
        assert!(released.released, "{major}: {released:#?}");
        let outcome = deployed(&second, &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
        let there = listed(&second).await;
        let stamp = "20260401000000";
        let all = names(&there);
        for name in ["public.Log@", "other.Log@", "Kind@"] {
            assert!(all.contains(&format!("{name}{stamp}").as_str()), "{major}: {all:?}");
        }
        assert!(all.contains(&"Log@20260301000000"), "{major}: {all:?}");

        // It comes back with the names that it had.
        for name in [format!("Kind@{stamp}"), format!("public.Log@{stamp}")] {
            for statement in &there.iter().find(|one| one.name == name).unwrap().back {
                database.run(statement.as_str()).await;
            }
        }
        let kept = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'Log%' ORDER BY 1";
        assert_eq!(database.rows(kept).await, ["Log", "Log_id_seq", "Log_pkey"], "{major}");
        assert_eq!(database.rows("SELECT count(*) FROM \"Log\"").await, ["1"], "{major}");

        // The same migration once more, as after a way back by hand; what it has parked is purged by then.
        let gone = format!("Kind@{stamp}");
        assert!(!names(&listed(&second).await).contains(&gone.as_str()), "{major}");
        database
            .run(&format!(
                "CREATE TABLE other.\"Log\" (\"id\" SERIAL PRIMARY KEY);
                           DELETE FROM _prisma_migrations WHERE migration_name = '{folder}'"
            ))
            .await;
        let outcome = deployed(&second, &strict(Mode::Online)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {outcome:#?}");
        let there = listed(&second).await;
        for name in ["public.Log@", "other.Log@", "Kind@"] {
            let name = format!("{name}{stamp}_2");
            assert!(names(&there).contains(&name.as_str()), "{major}: {name}: {:?}", names(&there));
        }
    }
}

/// Nothing goes before its time, in another database, by another name, or while something else uses it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_goes_by_name_and_when_its_time_is_over() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "purged").await;
    let whole = contract(&ALL, STATEMENTS);
    let target = target(&database, &[BASE, (CONTRACT, &whole)]);
    let_go(&target, Mode::Online).await;
    let (settings, own) = (Settings::default(), target.url.database.as_str());
    let name = "Log@20260301000000";
    let wrong = purge(&target, &settings, name, "another", true).await.unwrap_err();
    assert!(wrong.message.contains("the one that was named is another"), "{wrong:?}");
    let wrong = purge(&target, &settings, "Log", own, true).await.unwrap_err();
    assert!(wrong.hints[0].contains(name), "{wrong:?}");
    let kept = purge(&target, &settings, name, own, false).await.unwrap();
    assert_eq!((kept.purged, kept.exit_code()), (false, 12));
    let in_use = purge(&target, &settings, "Kind@20260301000000", own, true).await.unwrap_err();
    assert_eq!(in_use.code.as_deref(), Some("2BP01"), "{in_use:?}");
    assert_eq!(listed(&target).await.len(), 4);

    assert!(purge(&target, &settings, name, own, true).await.unwrap().purged);
    database.run("UPDATE underpin_parked.register SET parked_at = parked_at - interval '31 days'").await;
    for name in ["Kind@20260301000000", "User.nick@20260301000000", "User.legacy@20260301000000"] {
        assert!(purge(&target, &settings, name, own, false).await.unwrap().purged, "{name}");
    }
    assert_eq!(names(&listed(&target).await), [""; 0]);
    let journal = "SELECT count(*) FROM underpin_parked.register WHERE purged_at IS NOT NULL AND purged_by = session_user";
    assert_eq!(database.rows(journal).await, ["4"]);
}

/// Whoever may not see what is parked is told that, and not that there is nothing.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_it_is_told_so() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "unseen").await;
    let role = format!("guest_{}", database.name());
    database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'p'")).await;
    let whole = contract(&["column \"User\".\"nick\""], "ALTER TABLE \"User\" DROP COLUMN \"nick\";\n");
    let target = target(&database, &[BASE, (CONTRACT, &whole)]);
    let mut guest = target.clone();
    guest.url.user = role.clone();
    guest.url.password = Some(Password::new("p"));
    let settings = Settings::default();
    assert!(parked(&guest, &settings).await.unwrap().is_empty(), "nothing is there yet");
    assert!(matches!(let_go(&target, Mode::Online).await.ending, Ending::Applied));
    let own = target.url.database.clone();
    let list = parked(&guest, &settings).await.unwrap_err();
    let drop = purge(&guest, &settings, &listed(&target).await[0].name, &own, true).await.unwrap_err();
    for refused in [list, drop] {
        assert_eq!(refused.code.as_deref(), Some("42501"), "{refused:?}");
        assert!(refused.message.contains("may not see what is parked"), "{refused:?}");
    }
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

/// What cannot be parked stays, whatever else is allowed.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_parked_is_not_dropped() {
    let server = Server::shared(*majors().last().unwrap()).await;
    for (park, statements) in [
        ("column \"User\".\"nick\"", "BEGIN; ALTER TABLE \"User\" DROP COLUMN \"nick\"; COMMIT;\n"),
        ("table \"Log\"", "DROP TABLE \"Log\";\n"),
        (
            "table \"Log\"",
            "ALTER TABLE \"Log\" DROP CONSTRAINT \"Log_user_fkey\"; DROP TABLE \"Log\" CASCADE;\n",
        ),
    ] {
        let database = in_use(server, "unparked").await;
        let whole = contract(&[park], statements);
        let target = target(&database, &[BASE, (CONTRACT, &whole)]);
        for mode in [Mode::Online, Mode::AsWritten] {
            let outcome = let_go(&target, mode).await;
            let Ending::Refused { migrations } = &outcome.ending else {
                panic!("{statements}: {outcome:#?}")
            };
            let codes: Vec<_> = migrations[0].refusals.iter().map(|refusal| refusal.code.as_str()).collect();
            assert_eq!(codes, ["not-parked"], "{statements}: {outcome:#?}");
        }
        assert_eq!(database.rows("SELECT count(nick) FROM \"User\"").await, ["3000"]);
    }
}

/// Somebody writes the column while it is copied, against what the gates say: it is caught.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_meanwhile_is_kept_too() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "meanwhile").await;
    let role = format!("app_{}", database.name());
    database.run(&format!("CREATE ROLE {role} LOGIN; GRANT ALL ON \"User\" TO {role}")).await;
    let whole = contract(&["column \"User\".\"nick\""], "ALTER TABLE \"User\" DROP COLUMN \"nick\";\n");
    let target = target(&database, &[BASE, (CONTRACT, &whole)]);
    deployed(&target, &strict(Mode::Online)).await;
    release(&target, &Settings::default(), "gone", &attested(&target)).await.unwrap();

    // The application has no rights where the values are kept. It writes until there is no column.
    let client = database.client().await;
    client.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
    let writing = tokio::spawn(async move {
        let mut written = 0;
        loop {
            written += 1;
            let update = format!("UPDATE \"User\" SET nick = 'new {written}' WHERE id = {written}");
            let insert = format!(
                "INSERT INTO \"User\" (id, shop, nick) VALUES ({}, 1, 'came {written}')",
                10_000 + written
            );
            for statement in [update, insert] {
                if let Err(error) = client.batch_execute(&statement).await {
                    return (written, error.code().map(|code| code.code().to_owned()));
                }
            }
        }
    });
    let outcome = deploy(&target, &strict(Mode::Online), &Events::nowhere()).await.unwrap();
    assert!(matches!(outcome.ending, Ending::Applied), "{outcome:#?}");
    let (written, code) = writing.await.unwrap();
    assert!(written > 1, "it wrote {written} times");
    assert_eq!(code.as_deref(), Some("42703"), "nothing else failed");
    let kept = listed(&target).await.remove(0);
    for statement in &kept.back {
        database.run(statement.as_str()).await;
    }
    let wrong = format!(
        "SELECT id, nick FROM \"User\" WHERE id NOT IN ({written}, 10000 + {written}) AND nick IS DISTINCT FROM
           CASE WHEN id > 10000 THEN 'came ' || (id - 10000) WHEN id < {written} THEN 'new ' || id ELSE 'nick ' || id END"
    );
    assert_eq!(database.rows(&wrong).await, [""; 0]);
    database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

/// Cut wherever it is cut, it comes to the same end.
#[tokio::test(flavor = "multi_thread")]
async fn parking_in_slices_loses_nothing() {
    let server = Server::shared(*majors().last().unwrap()).await;
    let database = in_use(server, "slices").await;
    let whole = contract(&ALL, STATEMENTS);
    let target = target(&database, &[BASE, (CONTRACT, &whole)]);
    let proofs = tempfile::tempdir().unwrap();
    deployed(&target, &strict(Mode::Online)).await;
    release(&target, &Settings::default(), "gone", &attested(&target)).await.unwrap();
    for slice in 0.. {
        let target = target.clone();
        let request = Request { proofs: Some(proofs.path().to_path_buf()), ..strict(Mode::Online) };
        let run = async move |events| drop(deploy(&target, &request, &events).await.unwrap());
        if killed(3 + 3 * slice, run).await {
            break;
        }
        assert!(slice < 60, "it does not come to an end");
    }
    let there = listed(&target).await;
    assert_eq!(there.len(), 4, "{there:#?}");
    for statement in there.iter().take(2).flat_map(|one| &one.back) {
        database.run(statement.as_str()).await;
    }
    let wrong = "SELECT id FROM \"User\" WHERE nick IS DISTINCT FROM 'nick ' || id
        OR legacy::text IS DISTINCT FROM CASE WHEN id % 3 > 0 THEN json_build_object('n', id)::text END";
    assert_eq!(database.rows(wrong).await, [""; 0]);
    let ours = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal UNION ALL
        SELECT proname FROM pg_proc WHERE pronamespace = 'underpin_parked'::regnamespace";
    assert_eq!(database.rows(ours).await, [""; 0]);
}
