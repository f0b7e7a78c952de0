//! kill -9 at points of a rollout, in the first two phases and in the last, with clients that write in between: it
//! comes to its end, no value is lost, and the contract is refused until the rows agree.
//!
//! With pgroll 0.16, a kill during the backfill and then `complete` lost the value of 232,005 of 300,003 rows.

use std::time::Duration;

use underpin_testkit::{Database, ProjectFolder, Said, Server};

use super::{LANES, cut};
use crate::support::{server, underpin};

const BEFORE: &str =
    "model User {\n  id       Int    @id @default(autoincrement())\n  fullName String @unique\n}\n";
const AFTER: &str =
    "model User {\n  id          Int    @id @default(autoincrement())\n  displayName String @unique\n}\n";
const INIT: &str = "CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"fullName\" TEXT NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n\
                    CREATE UNIQUE INDEX \"User_fullName_key\" ON \"User\"(\"fullName\");\n";
const ROWS: &str = "INSERT INTO \"User\" (\"fullName\") SELECT 'user ' || n FROM generate_series(1, 5000) n;
     CREATE SCHEMA control; CREATE TABLE control.users AS SELECT \"id\", \"fullName\" AS name FROM \"User\"";

/// The project with its plan, and the database before it.
struct Stage<'a> {
    project: ProjectFolder,
    seeded: Database<'a>,
    /// Events of the deploy of the first two phases, and of the last.
    events: [usize; 2],
}

impl<'a> Stage<'a> {
    async fn set(server: &'a Server) -> Self {
        let begun = || {
            let settings = "[deploy]\nsmall_table_kb = 0\nbatch_target_ms = 1\n";
            ProjectFolder::prisma7().migration("20260101000000_init", INIT).file("underpin.toml", settings)
        };
        let seeded = server.database("seeded_rollout").await;
        succeeds(&begun().models(BEFORE), &seeded, &["deploy"]).await;
        seeded.run(ROWS).await;
        let project = begun().models(AFTER);
        succeeds(&project, &seeded, &["plan", "--name", "change", "--rename", "User.fullName:displayName"])
            .await;
        // The first run proves the twins; how many events there are is counted in the second.
        let mut events = [0; 2];
        for _ in 0..2 {
            let whole = server.copy_of(&seeded, "whole_rollout").await;
            let first = cut(&project, &whole.url(), 0, Duration::ZERO).await.0;
            release(&project, &whole).await;
            events = [first, cut(&project, &whole.url(), 0, Duration::ZERO).await.0];
        }
        Self { project, seeded, events }
    }

    /// Kills both deploys after this share of their events. Answers how many of the kills met a running one.
    async fn killed_at(&self, server: &Server, share: f64) -> usize {
        let of = format!("killed after {share:.2} of the events");
        let database = server.copy_of(&self.seeded, "killed_rollout").await;
        let url = database.url();
        let point = |events: usize| 1 + (share * (events - 2) as f64) as usize;
        let (_, first) = cut(&self.project, &url, point(self.events[0]), Duration::ZERO).await;
        writes(&database, "fullName", 3).await;
        let filled = "SELECT count(*) FROM _prisma_migrations WHERE migration_name LIKE '%_2_backfill' AND finished_at IS NOT NULL";
        if database.rows(filled).await == ["0"] {
            let said = release(&self.project, &database).await;
            assert!([2, 12].contains(&said.code), "{of}: {}", said.all());
        }
        succeeds(&self.project, &database, &["deploy"]).await;
        writes(&database, "fullName", 5).await;
        writes(&database, "displayName", 7).await;
        let said = release(&self.project, &database).await;
        assert_eq!(said.code, 0, "{of}: {}", said.all());
        let (_, second) = cut(&self.project, &url, point(self.events[1]), Duration::ZERO).await;
        writes(&database, "displayName", 11).await;
        succeeds(&self.project, &database, &["deploy"]).await;
        writes(&database, "displayName", 13).await;
        let wrong = "SELECT id FROM \"User\" FULL JOIN control.users USING (id) WHERE \"displayName\" IS DISTINCT FROM name";
        assert_eq!(database.rows(wrong).await, [""; 0], "{of}");
        let ours = "SELECT proname::text FROM pg_proc WHERE proname LIKE '%underpin%' \
                    UNION ALL SELECT tgname::text FROM pg_trigger WHERE tgname LIKE '%underpin%' \
                    UNION ALL SELECT attname::text FROM pg_attribute WHERE attrelid = '\"User\"'::regclass AND attname = 'fullName'";
        assert_eq!(database.rows(ours).await, [""; 0], "{of}");
        usize::from(first) + usize::from(second)
    }
}

async fn succeeds(project: &ProjectFolder, database: &Database<'_>, arguments: &[&str]) {
    let said = underpin(project.path(), &database.url(), arguments).await;
    assert_eq!(said.code, 0, "{arguments:?}: {}", said.all());
}

async fn release(project: &ProjectFolder, database: &Database<'_>) -> Said {
    let asked = ["rollout", "release", "change", "--now", "--database", database.name()];
    let asked = [&asked[..], &["--attest", "the test: nobody is there"]].concat();
    underpin(project.path(), &database.url(), &asked).await
}

/// Every so-many-th row gets another value, by the column that a release knows; the control table gets it too.
async fn writes(database: &Database<'_>, column: &str, every: u32) {
    database
        .run(&format!(
            "BEGIN; UPDATE \"User\" SET \"{column}\" = 'by {column} {every} ' || id WHERE id % {every} = 0;
             UPDATE control.users SET name = 'by {column} {every} ' || id WHERE id % {every} = 0; COMMIT"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_is_killed_anywhere_loses_nothing() {
    let points: u32 = if std::env::var_os("UNDERPIN_TEST_MATRIX").is_some() { 10 } else { 2 };
    let server = server().await;
    let stage = Stage::set(server).await;
    let lane = async |lane: usize| {
        let mut alive = 0;
        for at in (0..points).skip(lane).step_by(LANES) {
            alive += stage.killed_at(server, f64::from(at + 1) / f64::from(points + 1)).await;
        }
        alive
    };
    let (one, other) = tokio::join!(lane(0), lane(1));
    // The last event comes when all is done.
    assert!(one + other >= points as usize, "only {} kills met a running deploy", one + other);
}
