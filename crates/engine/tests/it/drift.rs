//! A live database against its own history.

use underpin_core::drift::{Change, DriftSettings, Ignore};
use underpin_core::exit;
use underpin_core::plan::Mode;
use underpin_core::settings::Settings;
use underpin_engine::deploy::Ending;
use underpin_engine::drift::{Compared, drift};
use underpin_testkit::{Database, Server, majors};

use crate::setting::{deployed, in_transaction, request, target};

const INIT: &str = r#"
    CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
    CREATE TABLE "User" (id SERIAL PRIMARY KEY, email VARCHAR(80) NOT NULL, role "Role" NOT NULL DEFAULT 'USER', note TEXT DEFAULT 'x');
    CREATE UNIQUE INDEX "User_email_key" ON "User" (email);
    CREATE INDEX "User_note_idx" ON "User" (note);
    CREATE TABLE "Post" (id SERIAL PRIMARY KEY, author INTEGER NOT NULL, state VARCHAR(9) NOT NULL,
      CONSTRAINT state_known CHECK (state IN ('draft', 'public')),
      CONSTRAINT "Post_author_fkey" FOREIGN KEY (author) REFERENCES "User"(id));
    CREATE INDEX "Post_draft_idx" ON "Post" (author) WHERE state IN ('draft', 'none');
    CREATE VIEW drafts AS SELECT id FROM "Post" WHERE state IN ('draft', 'none');
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE UPDATE ON "Post" FOR EACH ROW EXECUTE FUNCTION touch();
"#;
const LATER: &str = "ALTER TABLE \"User\" ADD COLUMN born DATE";

const MIGRATIONS: &[(&str, &str)] = &[("20260101000000_init", INIT), ("20260102000000_born", LATER)];

async fn compared(database: &Database<'_>, migrations: &[(&str, &str)], settings: &Settings) -> Compared {
    match drift(&target(database, migrations), settings).await {
        Ok(compared) => compared,
        Err(problem) => panic!("{problem:?}"),
    }
}

async fn live(server: &'static Server) -> Database<'static> {
    let database = server.database("live").await;
    deployed(&target(&database, &MIGRATIONS[..1]), &request(Mode::AsWritten)).await;
    database
}

fn told(compared: &Compared) -> Vec<String> {
    let sign = |change: &Change| match change {
        Change::OnlyInDatabase => '+',
        Change::OnlyInHistory => '-',
        Change::Differs { .. } => '~',
    };
    let of = &compared.drift.deviations;
    of.iter().map(|one| format!("{} {} {}", sign(&one.change), one.kind, one.identity)).collect()
}

#[tokio::test]
async fn nothing_differs_after_a_deploy_and_what_is_pending_is_no_drift() {
    for major in majors() {
        let database = live(Server::shared(major).await).await;
        let compared = compared(&database, MIGRATIONS, &Settings::default()).await;
        assert!(compared.drift.is_clean(), "{major}: {compared:#?}");
        assert_eq!(compared.applied, ["20260101000000_init"]);
        assert_eq!(compared.pending, ["20260102000000_born"]);
    }
}

#[tokio::test]
async fn what_was_done_by_hand_is_told_object_by_object() {
    for major in majors() {
        let database = live(Server::shared(major).await).await;
        database
            .run(
                r#"ALTER TABLE "User" ADD COLUMN by_hand TEXT, ALTER COLUMN note SET NOT NULL, ALTER note SET DEFAULT 'y';
                   DROP INDEX "User_note_idx";
                   ALTER TYPE "Role" ADD VALUE 'GUEST';
                   ALTER TABLE "Post" DROP CONSTRAINT state_known, DISABLE TRIGGER touch, ENABLE ROW LEVEL SECURITY;
                   CREATE POLICY mine ON "Post" USING (author = 1);
                   CREATE TABLE "Copy" AS SELECT * FROM "User";
                   COMMENT ON TABLE "Post" IS 'by hand'"#,
            )
            .await;
        let compared = compared(&database, MIGRATIONS, &Settings::default()).await;
        let expected = [
            "+ table public.\"Copy\"",
            "~ table public.\"Post\"",
            "- constraint public.\"Post\".state_known",
            "~ trigger public.\"Post\".touch",
            "+ policy public.\"Post\".mine",
            "+ column public.\"User\".by_hand",
            "~ column public.\"User\".note",
            "- index public.\"User_note_idx\"",
            "~ enum public.\"Role\"",
        ];
        assert_eq!(told(&compared), expected, "{major}");
        let seen = compared.drift.deviations.iter().filter(|one| one.prisma_sees).count();
        assert_eq!(seen, 5, "{major}: {compared:#?}");
    }
}

/// A default that is a point in time is printed as the session's time zone has it.
#[tokio::test]
async fn the_time_zone_of_a_database_is_no_drift() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("elsewhere").await;
    let init = "CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMPTZ DEFAULT '2026-01-01 00:00:00+00')";
    let migrations = [("20260101000000_init", init)];
    deployed(&target(&database, &migrations), &request(Mode::AsWritten)).await;
    database.run(&format!("ALTER DATABASE \"{}\" SET TimeZone = 'Asia/Tokyo'", database.name())).await;
    let compared = compared(&database, &migrations, &Settings::default()).await;
    assert!(compared.drift.is_clean(), "{compared:#?}");
}

/// What `pg_dump` prints reads into other trees than what it was made from.
#[tokio::test]
async fn expressions_that_were_printed_and_read_again_are_the_same() {
    for major in majors() {
        let database = live(Server::shared(major).await).await;
        let texts = [
            "SELECT 'ALTER TABLE \"Post\" DROP CONSTRAINT state_known; ALTER TABLE \"Post\" ADD CONSTRAINT state_known '
               || pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'state_known'",
            "SELECT 'DROP INDEX \"Post_draft_idx\"; ' || pg_get_indexdef('\"Post_draft_idx\"'::regclass)",
            "SELECT 'CREATE OR REPLACE VIEW drafts AS ' || pg_get_viewdef('drafts'::regclass)",
        ];
        for text in texts {
            for statement in database.rows(text).await {
                database.run(&statement).await;
            }
        }
        let printed = database
            .rows("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'state_known'")
            .await;
        assert!(
            printed[0].contains("('draft'::character varying)::text"),
            "{major}: it reads as it was: {printed:?}"
        );
        let first = compared(&database, MIGRATIONS, &Settings::default()).await;
        assert!(first.drift.is_clean(), "{major}: {:#?}", first.drift);
        database
            .run("ALTER TABLE \"Post\" DROP CONSTRAINT state_known, ADD CONSTRAINT state_known CHECK (state IN ('draft', 'other'))")
            .await;
        let other = compared(&database, MIGRATIONS, &Settings::default()).await;
        assert_eq!(told(&other), ["~ constraint public.\"Post\".state_known"], "{major}");
    }
}

/// Expressions of a `varchar` in every place that one can stand, and what prints each as SQL that makes it anew.
const PRINTED: &str = r#"
    CREATE DOMAIN known AS VARCHAR(9) CONSTRAINT known CHECK (VALUE IN ('draft', 'public'));
    CREATE TABLE "order" (id INTEGER PRIMARY KEY, state VARCHAR(9),
      word VARCHAR DEFAULT (CASE WHEN current_user::VARCHAR IN ('draft', 'public') THEN 'x' END),
      flag BOOLEAN GENERATED ALWAYS AS (state IN ('draft', 'public')) STORED);
    CREATE INDEX order_key ON "order" (id DESC, (state IN ('draft', 'public')));
    CREATE POLICY p ON "order" USING (state IN ('draft', 'public')) WITH CHECK (state IN ('draft', 'none'));
    CREATE MATERIALIZED VIEW kept AS SELECT id FROM "order" WHERE state IN ('draft', 'public');
    CREATE INDEX kept_key ON kept (id) WHERE id::text::VARCHAR IN ('draft', 'public');
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER touched BEFORE UPDATE ON "order" FOR EACH ROW
      WHEN (NEW.state IN ('draft', 'public')) EXECUTE FUNCTION touch();
    CREATE RULE stays AS ON DELETE TO "order" WHERE OLD.state IN ('draft', 'public') DO INSTEAD NOTHING;
    CREATE FUNCTION f(s VARCHAR) RETURNS BOOLEAN LANGUAGE sql BEGIN ATOMIC SELECT s IN ('draft', 'public'); END;
"#;
const AGAIN: [&str; 9] = [
    "SELECT 'ALTER DOMAIN known DROP CONSTRAINT known; ALTER DOMAIN known ADD CONSTRAINT known '
       || pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'known'",
    "SELECT 'ALTER TABLE \"order\" ALTER word SET DEFAULT ' || pg_get_expr(adbin, adrelid)
     FROM pg_attrdef WHERE adrelid = '\"order\"'::regclass AND adnum = 3",
    "SELECT 'ALTER TABLE \"order\" DROP flag; ALTER TABLE \"order\" ADD flag BOOLEAN GENERATED ALWAYS AS ('
       || pg_get_expr(adbin, adrelid) || ') STORED' FROM pg_attrdef WHERE adrelid = '\"order\"'::regclass AND adnum > 3",
    "SELECT 'DROP INDEX order_key; ' || pg_get_indexdef('order_key'::regclass)",
    "SELECT 'ALTER POLICY p ON \"order\" USING (' || pg_get_expr(polqual, polrelid) || ') WITH CHECK ('
       || pg_get_expr(polwithcheck, polrelid) || ')' FROM pg_policy",
    "SELECT 'DROP MATERIALIZED VIEW kept; CREATE MATERIALIZED VIEW kept AS ' || rtrim(pg_get_viewdef('kept'::regclass), ';')
       || '; ' || pg_get_indexdef('kept_key'::regclass)",
    "SELECT 'DROP TRIGGER touched ON \"order\"; ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'touched'",
    "SELECT 'DROP RULE stays ON \"order\"; ' || pg_get_ruledef(oid) FROM pg_rewrite WHERE rulename = 'stays'",
    "SELECT pg_get_functiondef('f'::regproc)",
];

#[tokio::test]
async fn every_text_that_is_printed_differently_is_read_again() {
    for major in majors() {
        let database = Server::shared(major).await.database("printed").await;
        let migrations = [("20260101000000_init", PRINTED)];
        let outcome = deployed(&target(&database, &migrations), &request(Mode::AsWritten)).await;
        assert!(matches!(outcome.ending, Ending::Applied), "{major}: {:#?}", outcome.ending);
        for text in AGAIN {
            let statement = database.rows(text).await.concat();
            assert!(!statement.contains("('draft'::character varying)::text"), "{major}: {statement}");
            database.run(&statement).await;
        }
        for text in AGAIN {
            let statement = database.rows(text).await.concat();
            assert!(statement.contains("('draft'::character varying)::text"), "{major}: {statement}");
        }
        let same = compared(&database, &migrations, &Settings::default()).await;
        assert!(same.drift.is_clean(), "{major}: {:#?}", same.drift);
        database.run("ALTER POLICY p ON \"order\" USING (state IN ('other'))").await;
        let other = compared(&database, &migrations, &Settings::default()).await;
        assert_eq!(told(&other), ["~ policy public.order.p"], "{major}");
    }
}

/// Kinds that the model does not describe, and an order that does not count.
#[tokio::test]
async fn what_is_compared_by_name_alone_is_named() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("named").await;
    let init =
        "CREATE COLLATION german (provider = icu, locale = 'de-DE'); CREATE TABLE t (a INTEGER, b INTEGER)";
    let migrations = [("20260101000000_init", init)];
    deployed(&target(&database, &migrations), &request(Mode::AsWritten)).await;
    database
        .run("DROP TABLE t; CREATE TABLE t (b INTEGER, a INTEGER); CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)")
        .await;
    let compared = compared(&database, &migrations, &Settings::default()).await;
    assert_eq!(told(&compared), ["+ operator public.===(integer,integer)"]);
    assert_eq!(compared.drift.reordered, ["public.t"]);
    let named: Vec<String> = compared.drift.not_compared.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["collation public.german"]);
}

#[tokio::test]
async fn roles_and_grants_of_the_history_are_replayed() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("granted").await;
    let role = format!("reader of {}", database.name());
    let grant = format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); GRANT SELECT ON t TO \"{role}\"; CREATE POLICY p ON t TO \"{role}\" USING (true)"
    );
    database.run(&format!("CREATE ROLE \"{role}\"")).await;
    let migrations = [("20260101000000_granted", grant.as_str())];
    deployed(&target(&database, &migrations), &request(Mode::AsWritten)).await;
    let compared_to = compared(&database, &migrations, &Settings::default()).await;
    assert!(compared_to.drift.is_clean(), "{compared_to:#?}");
    database.run(&format!("REVOKE SELECT ON t FROM \"{role}\"; GRANT DELETE ON t TO \"{role}\"")).await;
    let compared_to = compared(&database, &migrations, &Settings::default()).await;
    assert_eq!(told(&compared_to), ["~ table public.t"]);
    database.run(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"")).await;
}

#[tokio::test]
async fn what_may_differ_is_not_counted() {
    let database = live(Server::shared(majors()[0]).await).await;
    database.run("CREATE TABLE scratch (id INTEGER); CREATE TABLE other (id INTEGER)").await;
    let ignore = Ignore { object: "table public.scratch".to_owned(), because: "somebody's".to_owned() };
    let settings = Settings { drift: DriftSettings { ignore: vec![ignore] }, ..Settings::default() };
    let compared = compared(&database, MIGRATIONS, &settings).await;
    assert_eq!(told(&compared), ["+ table public.other"]);
    assert_eq!(compared.drift.ignored[0].because, "somebody's");
}

#[tokio::test]
async fn an_edited_file_is_told_and_an_unknown_or_half_done_migration_stops() {
    let database = live(Server::shared(majors()[0]).await).await;
    let edited = format!("{INIT}; ALTER TABLE \"Post\" ADD COLUMN late TEXT");
    let compared = compared(&database, &[("20260101000000_init", &edited)], &Settings::default()).await;
    assert_eq!(compared.edited, ["20260101000000_init"]);
    assert_eq!(told(&compared), ["- column public.\"Post\".late"]);

    let refused = |migrations: &'static [(&'static str, &'static str)]| {
        let target = target(&database, migrations);
        async move { drift(&target, &Settings::default()).await.unwrap_err() }
    };
    let problem = refused(&[("20250101000000_other", "SELECT 1")]).await;
    assert!(
        problem.message.contains("has migration 20260101000000_init, and the folder does not"),
        "{problem:?}"
    );
    assert_eq!(problem.exit, exit::COULD_NOT_RUN);

    database.run("UPDATE _prisma_migrations SET finished_at = NULL").await;
    assert_eq!(refused(MIGRATIONS).await.exit, exit::NEEDS_RECOVER);
    database.run("DROP TABLE _prisma_migrations").await;
    assert!(refused(MIGRATIONS).await.message.contains("no migration history"));
}

#[tokio::test]
async fn a_deploy_that_runs_is_waited_for_and_its_lock_is_given_back() {
    let database = live(Server::shared(majors()[0]).await).await;
    let deploying = in_transaction(&database, "prisma", "SELECT pg_advisory_lock(72707369)").await;
    let mut settings = Settings::default();
    settings.lock.advisory_budget_ms = 300;
    let problem = drift(&target(&database, MIGRATIONS), &settings).await.unwrap_err();
    assert_eq!((problem.exit, problem.code.as_deref()), (exit::STOPPED, Some("P1002")));
    drop(deploying);
    settings.lock.advisory_budget_ms = 20_000;
    compared(&database, MIGRATIONS, &settings).await;
    let held = database.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").await;
    assert_eq!(held, ["0"]);
}

#[tokio::test]
async fn a_history_that_does_not_replay_says_where() {
    let database = live(Server::shared(majors()[0]).await).await;
    let broken = format!("{INIT}; SELECT * FROM by_hand");
    let problem = drift(&target(&database, &[("20260101000000_init", &broken)]), &Settings::default())
        .await
        .unwrap_err();
    assert_eq!(problem.place.as_deref(), Some("20260101000000_init/migration.sql:13"));
    assert_eq!(problem.code.as_deref(), Some("42P01"));
}
