#![allow(clippy::unwrap_used)]

mod rights;

use underpin_core::settings::ShadowSettings;
use underpin_testkit::majors;

use super::*;

/// A migration that takes long enough to be kept, and writes down when it was executed.
fn migration(name: &str) -> (String, String) {
    let script =
        format!("CREATE TABLE \"{name}\" AS SELECT clock_timestamp()::text AS at; SELECT pg_sleep(0.3);");
    (name.to_owned(), script)
}

/// Histories of one test, which find no others: their namespace has no other test, and no other run.
struct Ground {
    version: ServerVersion,
    namespace: Name,
}

impl Ground {
    fn new(test: &str) -> Self {
        let version = ServerVersion::from_number(majors()[0] * 10_000);
        Self { version, namespace: Name::new(format!("{test}_{}", fastrand::u64(..))) }
    }

    fn history(&self, migrations: &[(String, String)]) -> Vec<Replayed> {
        migrations.iter().map(|(name, script)| Replayed::unread(name, script)).collect()
    }

    fn empty(&self, settings: &ShadowSettings) -> ShadowHistory {
        ShadowHistory::new(wanted(self.version, settings, None), self.namespace.clone())
    }

    /// Replays a history, and returns its tables with the time at which each was made.
    async fn replayed(
        &self,
        settings: &ShadowSettings,
        migrations: &[(String, String)],
    ) -> Vec<(String, String)> {
        let mut history = self.empty(settings);
        history.replay(&self.history(migrations)).await.unwrap();
        let found = tables(&history.copy("looked_at").await.unwrap(), &self.namespace).await;
        history.finish().await;
        found
    }
}

async fn tables(client: &Client, namespace: &Name) -> Vec<(String, String)> {
    let query = "SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = $1 ORDER BY 1";
    let mut found = Vec::new();
    for row in client.query(query, &[&namespace.as_str()]).await.unwrap() {
        let name: String = row.get(0);
        let at = client.query_one(sql!("SELECT at FROM {}", Name::new(&name)).as_str(), &[]).await.unwrap();
        found.push((name, at.get(0)));
    }
    found
}

fn names(tables: &[(String, String)]) -> Vec<&str> {
    tables.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn after_one_new_migration_only_that_one_is_replayed() {
    let ground = Ground::new("one_new");
    let settings = ShadowSettings::default();
    let [a, b, c] = ["a", "b", "c"].map(migration);
    let first = ground.replayed(&settings, &[a.clone(), b.clone()]).await;
    let second = ground.replayed(&settings, &[a.clone(), b.clone(), c]).await;
    assert_eq!(names(&second), ["a", "b", "c"]);
    assert_eq!(second[..2], first);
    // An older state of the same history is there all the same.
    assert_eq!(ground.replayed(&settings, &[a, b]).await, first);
}

/// Whatever is edited, renamed, moved or taken away: what stands before it may be kept, what stands behind it
/// is not what it was.
#[tokio::test]
async fn a_changed_history_is_never_taken_for_another() {
    let ground = Ground::new("changed");
    let settings = ShadowSettings::default();
    let [a, b, c] = ["a", "b", "c"].map(migration);
    let whole = ground.replayed(&settings, &[a.clone(), b.clone(), c.clone()]).await;

    let edited = (b.0.clone(), b.1.replace("\"b\"", "\"b2\""));
    let found = ground.replayed(&settings, &[a.clone(), edited, c.clone()]).await;
    assert_eq!(names(&found), ["a", "b2", "c"]);
    assert_ne!(found[2], whole[2]);

    let renamed = ("b3".to_owned(), b.1.clone());
    let found = ground.replayed(&settings, &[a.clone(), renamed, c.clone()]).await;
    assert_eq!(names(&found), ["a", "b", "c"]);
    assert!(found[1..].iter().zip(&whole[1..]).all(|(found, whole)| found != whole));

    let found = ground.replayed(&settings, &[a.clone(), c.clone(), b.clone()]).await;
    assert_eq!(names(&found), ["a", "b", "c"]);
    assert!(found[1..].iter().zip(&whole[1..]).all(|(found, whole)| found != whole));
    assert!(found[1].1 > found[2].1, "b was made after c");

    let found = ground.replayed(&settings, &[a, c]).await;
    assert_eq!(names(&found), ["a", "c"]);
}

#[tokio::test]
async fn nothing_is_kept_when_nothing_may_be() {
    let ground = Ground::new("nothing");
    let settings = ShadowSettings { keep_mb: 0, ..ShadowSettings::default() };
    let a = [migration("a")];
    let first = ground.replayed(&settings, &a).await;
    assert_ne!(ground.replayed(&ShadowSettings::default(), &a).await, first);
}

/// What somebody tries on a copy, and a copy itself, is no part of what is kept; nor is a history of which a
/// migration has failed half-way.
#[tokio::test]
async fn only_the_history_is_kept() {
    let ground = Ground::new("only");
    let settings = ShadowSettings::default();
    let [a, b] = ["a", "b"].map(migration);
    let mut history = ground.empty(&settings);
    history.replay(&ground.history(std::slice::from_ref(&a))).await.unwrap();
    let copy = history.copy("tried").await.unwrap();
    copy.batch_execute("DROP TABLE a").await.unwrap();
    history.finish().await;

    let broken = ("x".to_owned(), "BEGIN; CREATE TABLE x (at text); COMMIT; SELECT 1/0;".to_owned());
    let mut history = ground.empty(&settings);
    let refused = history.replay(&ground.history(&[a.clone(), broken])).await.unwrap_err();
    assert!(matches!(&refused, NotReplayed::Migration { name, .. } if name == "x"), "{refused}");
    history.finish().await;

    let mut history = ground.empty(&settings);
    history.replay(&ground.history(std::slice::from_ref(&a))).await.unwrap();
    let databases = "SELECT datname FROM pg_catalog.pg_database WHERE datname = 'tried'";
    let copy = history.copy("looked_at").await.unwrap();
    assert!(copy.query_opt(databases, &[]).await.unwrap().is_none());
    assert_eq!(names(&tables(&copy, &ground.namespace).await), ["a"]);
    history.finish().await;
    assert_eq!(names(&ground.replayed(&settings, &[a, b]).await), ["a", "b"]);
}

/// What a migration sets in its session is over with it, as when each had been deployed alone; otherwise the
/// end would depend on where the replay begins.
#[tokio::test]
async fn a_migration_leaves_nothing_in_the_session() {
    let ground = Ground::new("session");
    let settings = ShadowSettings::default();
    let (name, script) = migration("a");
    let a = (name, format!("{script} SELECT pg_catalog.set_config('search_path', '', false);"));
    let b = migration("b");
    let cold = ground.replayed(&settings, &[a.clone(), b.clone()]).await;
    assert_eq!(names(&cold), ["a", "b"]);
    let warm = ground.replayed(&settings, &[a, b, migration("c")]).await;
    assert_eq!(names(&warm), ["a", "b", "c"]);
}

/// Two runs that replay the same history at once both end well, and so does the next one.
#[tokio::test(flavor = "multi_thread")]
async fn two_at_once() {
    let ground = Ground::new("two");
    let settings = ShadowSettings::default();
    let history = ["a", "b"].map(migration);
    let (one, other) =
        tokio::join!(ground.replayed(&settings, &history), ground.replayed(&settings, &history));
    assert_eq!((names(&one), names(&other)), (vec!["a", "b"], vec!["a", "b"]));
    let third = ground.replayed(&settings, &history).await;
    assert!(third == one || third == other);
}

/// Statements that refuse every transaction, transactions of the file's own, and a new value of an enum that is
/// used at once.
#[tokio::test]
async fn every_form_of_a_file_is_replayed() {
    let settings = ShadowSettings { keep_mb: 0, ..ShadowSettings::default() };
    let scripts = [
        "CREATE TYPE state AS ENUM ('open'); CREATE TABLE a (id int, state state); INSERT INTO a VALUES (1, 'open');",
        "CREATE INDEX CONCURRENTLY one ON a (id);",
        "ALTER TABLE a ADD COLUMN note text; CREATE INDEX CONCURRENTLY two ON a (note); DROP INDEX CONCURRENTLY one;",
        "BEGIN; ALTER TABLE a ADD COLUMN b int; COMMIT; BEGIN; ALTER TABLE a ADD COLUMN c int; ROLLBACK;",
        "BEGIN; SAVEPOINT s; ALTER TABLE a ADD COLUMN d int; ROLLBACK TO s; ALTER TABLE a ADD COLUMN e int; COMMIT;",
        "ALTER TYPE state ADD VALUE 'paid';",
        "ALTER TABLE a ALTER COLUMN state SET DEFAULT 'paid'; VACUUM a;",
    ];
    for major in underpin_testkit::outer_majors() {
        let version = ServerVersion::of_major(major);
        let ground = Ground { version, ..Ground::new("forms") };
        let migration = |(at, script): (usize, &&str)| (format!("{at}"), (*script).to_owned());
        let migrations: Vec<_> = scripts.iter().enumerate().map(migration).collect();
        let mut history = ground.empty(&settings);
        history.replay(&ground.history(&migrations)).await.unwrap();
        let copy = history.copy("looked_at").await.unwrap();
        let made = "SELECT (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
                            WHERE attrelid = 'a'::regclass AND attnum > 0)
                        || ': ' || (SELECT string_agg(indexrelid::regclass::text, ' ') FROM pg_index
                                    WHERE indrelid = 'a'::regclass AND indisvalid)";
        let made: String = copy.query_one(made, &[]).await.unwrap().get(0);
        assert_eq!(made, "id state note b e: two", "{major}");
        drop(copy);
        history.finish().await;
    }
}

#[tokio::test]
async fn a_missing_extension_is_named() {
    for major in underpin_testkit::outer_majors() {
        let ground = Ground { version: ServerVersion::of_major(major), ..Ground::new("extension") };
        let missing = ("a".to_owned(), "CREATE TABLE a (id int);\nCREATE EXTENSION pg_partman;".to_owned());
        let mut history = ground.empty(&ShadowSettings::default());
        let refused = history.replay(&ground.history(&[missing])).await.unwrap_err();
        history.finish().await;
        let problem = crate::problem::Problem::from(refused);
        assert_eq!(problem.place.as_deref(), Some("a/migration.sql:2"), "{major}: {problem:?}");
        let hint = &problem.hints[0];
        assert!(hint.starts_with("install the extension pg_partman on this machine"), "{major}: {problem:?}");
        assert!(hint.contains("postgresql-MAJOR-partman"), "{hint}");
    }
}

/// No disk is filled for it: the server's answer is the same.
#[tokio::test]
async fn a_full_disk_is_told_as_such() {
    let ground = Ground::new("full");
    let full = ("a".to_owned(), "DO $$ BEGIN RAISE disk_full; END $$;".to_owned());
    let mut history = ground.empty(&ShadowSettings::default());
    let refused = history.replay(&ground.history(&[full])).await.unwrap_err();
    history.finish().await;
    let problem = crate::problem::Problem::from(refused);
    assert_eq!(problem.code.as_deref(), Some("53100"));
    assert_eq!(problem.place.as_deref(), Some("a/migration.sql:1"));
    assert!(problem.hints[0].contains("set TMPDIR"), "{problem:?}");
}

/// The server's main process is killed while a migration runs: an error, soon, and nothing stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_an_error() {
    let ground = Ground::new("killed");
    let settings = ShadowSettings::default();
    let a = migration("a");
    let mut history = ground.empty(&settings);
    history.replay(&ground.history(std::slice::from_ref(&a))).await.unwrap();
    let shadow = history.shadow.as_ref().unwrap();
    let (pid, directory) = (shadow.pid(), shadow.socket_dir().to_owned());

    let long = ("b".to_owned(), "SELECT pg_sleep(600);".to_owned());
    let both = ground.history(&[a.clone(), long]);
    let kill = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        assert!(status.success());
    };
    let started = Instant::now();
    let (replayed, ()) = tokio::join!(history.replay(&both), kill);
    let problem = crate::problem::Problem::from(replayed.unwrap_err());
    assert!(problem.message.contains("migration b failed"), "{problem:?}");
    assert!(problem.hints.iter().any(|hint| hint.contains("may have been killed")), "{problem:?}");
    history.finish().await;
    while directory.exists() {
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    // Killed between two calls, it is an error too, and not a broken state that is kept.
    let mut history = ground.empty(&settings);
    history.replay(&ground.history(std::slice::from_ref(&a))).await.unwrap();
    let pid = history.shadow.as_ref().unwrap().pid();
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(status.success());
    while history.copy("late").await.is_ok() {}
    history.finish().await;
    assert_eq!(names(&ground.replayed(&settings, &[a]).await), ["a"]);
}
