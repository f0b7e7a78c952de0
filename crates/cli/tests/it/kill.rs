//! kill -9 at thirty points of a deploy of a real history, each followed by a plain second run: thirty times the same
//! catalog, ledger and data, nothing done twice, and Prisma finds nothing to do.
//!
//! What is right is what Prisma's own deploy of the same files on the same rows comes to. The points are counted in
//! events that the deploy has told, so they are spread over its work and not over its time. An event trigger of the
//! database writes down every DDL command that was committed: whether something was done twice is asked of the server,
//! not of our journal alone.

mod revert;
mod rollout;

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use underpin_catalog::{Catalog, differences};
use underpin_engine::introspect;
use underpin_testkit::{Database, Oracle, ProjectFolder, Server, corpus};

use crate::support::{Row, command, ended, ledger, server, underpin};

const POINTS: usize = 30;

/// Points that are worked on at a time.
const LANES: usize = 2;

/// Umami: nineteen migrations on tables with rows, nine of them in several transactions (concurrent builds and drops, bulk
/// updates, a NOT NULL). Nothing is small, and what would be refused is allowed.
const SETTINGS: &str = r#"
[deploy]
small_table_kb = 0
allow = ["rename-column", "drop-table", "drop-column", "drop-unique", "bulk-update", "required-column-without-default"]
"#;

const ROWS: &str = r#"
INSERT INTO "user" (user_id, username, role, password)
SELECT md5('u' || n)::uuid, 'user' || n, 'user', 'x' FROM generate_series(1, 200) n;
INSERT INTO website (website_id, name, share_id, user_id, created_at)
SELECT md5('w' || n)::uuid, 'site ' || n, CASE WHEN n % 2 = 0 THEN 'share' || n END, md5('u' || 1 + n % 200)::uuid,
       timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 500) n;
INSERT INTO session (session_id, website_id, hostname, browser, subdivision1, created_at)
SELECT md5('s' || n)::uuid, md5('w' || 1 + n % 500)::uuid, 'host' || n % 9, 'lynx', 'BY',
       timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 2000) n;
INSERT INTO website_event (event_id, website_id, session_id, url_path, created_at)
SELECT md5('e' || n)::uuid, s.website_id, s.session_id, '/page/' || n % 50, timestamptz '2026-01-02' + n * interval '1 minute'
FROM generate_series(1, 4000) n JOIN session s ON s.session_id = md5('s' || 1 + n % 2000)::uuid;
INSERT INTO event_data (event_id, website_id, website_event_id, event_key, event_numeric_value, event_date_value, event_data_type, created_at)
SELECT md5('d' || n)::uuid, e.website_id, e.event_id, 'key' || n % 5, n, timestamptz '2026-01-01' + n * interval '1 hour', 1 + n % 4,
       timestamptz '2026-01-03' + n * interval '1 minute'
FROM generate_series(1, 2000) n JOIN website_event e ON e.event_id = md5('e' || 1 + n)::uuid;
INSERT INTO team (team_id, name, access_code) SELECT md5('t' || n)::uuid, 'team ' || n, 'code' || n FROM generate_series(1, 50) n;
INSERT INTO team_website (team_website_id, team_id, website_id)
SELECT md5('tw' || n)::uuid, md5('t' || 1 + n % 50)::uuid, md5('w' || n)::uuid FROM generate_series(1, 100) n;
"#;

/// Every committed DDL command in `public`, by the server itself.
const WITNESS: &str = r#"
CREATE SCHEMA witness;
CREATE TABLE witness.saw (what text NOT NULL);
CREATE FUNCTION witness.look() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witness.saw SELECT command_tag || ' ' || object_identity FROM pg_event_trigger_ddl_commands()
    WHERE schema_name = 'public' AND object_identity NOT LIKE '%_prisma_migrations%';
END $$;
CREATE EVENT TRIGGER witness ON ddl_command_end EXECUTE FUNCTION witness.look();
"#;

/// Values that are random by intention, and the instants of rows that a migration inserts.
const RANDOM: &str = "to_jsonb(one) - CASE '{table}' WHEN 'website_event' THEN '{visit_id}' \
                      WHEN 'share' THEN '{share_id,created_at}' ELSE '{}' END::text[]";

/// A visit is a session in an hour, so there are as many of the ones as of the others.
const VISITS: &str = "SELECT count(DISTINCT visit_id) = count(DISTINCT (session_id, date_trunc('hour', created_at))), \
                      count(DISTINCT (visit_id, session_id, date_trunc('hour', created_at))) = count(DISTINCT visit_id) \
                      FROM website_event";

/// Not applied, or applied twice. A concurrent build is tried again after a kill, and batches go on.
const TWICE: &str = "SELECT intent, state, attempts FROM underpin.step
                     WHERE state <> 'applied' OR (attempts > 1 AND cursor IS NULL AND sql NOT LIKE '%CONCURRENTLY%')
                     UNION ALL SELECT name, state, 0 FROM underpin.migration WHERE state <> 'applied'";

/// How often each command was committed. A concurrent build that was cut short was not, so this is the same for all.
const SEEN: &str = "SELECT what, count(*) FROM witness.saw GROUP BY what ORDER BY what";

/// What all deploys come to.
#[derive(Debug)]
struct End {
    catalog: Catalog,
    ledger: Vec<Row>,
    data: Vec<String>,
}

impl End {
    async fn of(database: &Database<'_>) -> Self {
        let client = database.client().await;
        let tables =
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                      AND relname <> '_prisma_migrations' ORDER BY 1";
        let mut data = vec![database.rows(VISITS).await.join("")];
        for table in database.rows(tables).await {
            let row = RANDOM.replace("{table}", &table);
            let query = format!(
                "SELECT '{table}', count(*), md5(string_agg(line, ';' ORDER BY line)) FROM (SELECT ({row})::text AS line FROM \"{table}\" AS one) AS lines"
            );
            data.extend(database.rows(&query).await);
        }
        Self { catalog: introspect(&client).await.unwrap(), ledger: ledger(database).await, data }
    }

    #[track_caller]
    fn assert_is(&self, expected: &Self, of: &str) {
        let found = differences(&expected.catalog, &self.catalog);
        assert!(found.is_empty(), "{of}: {} differences, such as {:#?}", found.len(), &found[..1]);
        assert_eq!(self.ledger, expected.ledger, "{of}");
        assert_eq!(self.data, expected.data, "{of}");
    }
}

/// Runs a deploy and kills it `delay` after its `point`th event. Answers how many events it told, and whether the kill
/// met it alive.
async fn cut(project: &ProjectFolder, url: &str, point: usize, delay: Duration) -> (usize, bool) {
    let mut deploy = command(project.path(), url, &["deploy", "--json", "--events", "-"]).spawn().unwrap();
    let mut events = BufReader::new(deploy.stderr.take().unwrap()).lines();
    let mut told = 0;
    while let Some(line) = events.next_line().await.unwrap() {
        assert!(line.starts_with('{'), "{line}");
        told += 1;
        if told == point {
            tokio::time::sleep(delay).await;
            deploy.start_kill().unwrap();
        }
    }
    let said = ended(deploy).await;
    assert!(said.code == 0 || said.code == 137, "{}", said.all());
    (told, said.code == 137)
}

/// Killed, run again, and held against what is right. Answers whether the kill met the deploy alive, and whether it left
/// a migration of which some steps were done and some were not.
async fn point(server: &Server, stage: &Stage<'_>, point: usize, delay: Duration) -> (bool, bool) {
    let of = format!("killed {delay:?} after event {point}");
    let copy = server.copy_of(&stage.seeded, "killed").await;
    let url = copy.url();
    let (_, alive) = cut(&stage.seven, &url, point, delay).await;
    let half_done =
        "SELECT EXISTS (SELECT FROM underpin.step s JOIN underpin.migration m ON m.id = s.migration
                     WHERE m.state = 'running' AND s.state = 'applied')";
    let there = "SELECT to_regclass('underpin.step') IS NOT NULL";
    let half_done = copy.rows(there).await == ["t"] && copy.rows(half_done).await == ["t"];

    let again = underpin(stage.seven.path(), &url, &["deploy"]).await;
    assert_eq!(again.code, 0, "{of}: {}", again.all());
    End::of(&copy).await.assert_is(&stage.right, &of);
    assert_eq!(copy.rows(TWICE).await, [""; 0], "{of}");
    assert_eq!(copy.rows(SEEN).await, stage.seen, "{of}: the server saw other commands");
    let (prisma, project) = match point % 2 {
        0 => (Oracle::prisma7().await, &stage.seven),
        _ => (Oracle::prisma6().await, &stage.six),
    };
    let status = prisma.status(project.path(), &url).await;
    assert!(status.stdout.contains("Database schema is up to date!"), "{of}: {}", status.all());
    let deploy = prisma.deploy(project.path(), &url).await;
    assert!(deploy.stdout.contains("No pending migrations to apply."), "{of}: {}", deploy.all());
    assert_eq!(ledger(&copy).await, stage.right.ledger, "{of}");
    (alive, half_done)
}

/// The projects, the database before the deploy, and what is right.
struct Stage<'a> {
    seven: ProjectFolder,
    six: ProjectFolder,
    seeded: Database<'a>,
    right: End,
    seen: Vec<String>,
    events: usize,
}

impl<'a> Stage<'a> {
    async fn set(server: &'a Server) -> Self {
        let history = corpus::history("umami");
        let project =
            |empty: ProjectFolder| empty.migrations_of(&history.migrations).file("underpin.toml", SETTINGS);
        let (seven, six) = (project(ProjectFolder::prisma7()), project(ProjectFolder::prisma6()));
        let seeded = server.database("seeded").await;
        let first = history.names.first().unwrap();
        let begin = ProjectFolder::prisma7().migration(first, &history.sql(first));
        let deployed = underpin(begin.path(), &seeded.url(), &["deploy"]).await;
        assert_eq!(deployed.code, 0, "{}", deployed.all());
        seeded.run(ROWS).await;
        seeded.run(WITNESS).await;

        let theirs = server.copy_of(&seeded, "prisma").await;
        let deployed = Oracle::prisma7().await.deploy(seven.path(), &theirs.url()).await;
        assert_eq!(deployed.code, 0, "{}", deployed.all());
        let right = End::of(&theirs).await;
        let whole = server.copy_of(&seeded, "whole").await;
        // The first run proves the twins, which the others find proven: they are alike.
        let proving =
            underpin(seven.path(), &server.copy_of(&seeded, "proving").await.url(), &["deploy"]).await;
        assert_eq!(proving.code, 0, "{}", proving.all());
        let (events, killed) = cut(&seven, &whole.url(), 0, Duration::ZERO).await;
        assert!(!killed && events > 10 * POINTS, "{events} events");
        End::of(&whole).await.assert_is(&right, "a deploy that is not cut");
        let seen = whole.rows(SEEN).await;
        assert!(seen.len() > 60, "{seen:?}");
        Self { seven, six, seeded, right, seen, events }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_and_thirty_times_the_same_end() {
    let server = server().await;
    let stage = Stage::set(server).await;
    let points: Vec<(usize, Duration)> = (0..POINTS)
        .map(|at| {
            (
                1 + at * (stage.events - 2) / (POINTS - 1),
                Duration::from_millis([0, 3, 1, 9, 5, 2, 14][at % 7]),
            )
        })
        .collect();
    let lane = async |lane: usize| {
        let mut met = Vec::new();
        for (at, delay) in points.iter().skip(lane).step_by(LANES) {
            met.push(point(server, &stage, *at, *delay).await);
        }
        met
    };
    let (mut met, others) = tokio::join!(lane(0), lane(1));
    met.extend(others);
    let alive = met.iter().filter(|(alive, _)| *alive).count();
    let half_done = met.iter().filter(|(_, half_done)| *half_done).count();
    assert_eq!(met.len(), POINTS);
    assert!(alive >= POINTS - 3, "only {alive} kills met a running deploy");
    assert!(half_done >= POINTS / 4, "only {half_done} kills left a migration half done");
}
