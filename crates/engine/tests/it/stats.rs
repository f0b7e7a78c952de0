//! What `stats` reads, of which role, and that nobody's lock stops it.

use std::time::{Duration, Instant};

use underpin_catalog::RelationName;
use underpin_core::lint::stats::{Source, Stats};
use underpin_engine::stats::read;
use underpin_prisma::DatabaseUrl;
use underpin_sql::RelationKind;
use underpin_testkit::{Database, Server, majors};

fn name(text: &str) -> RelationName {
    RelationName::qualified("public", text)
}

async fn stats(database: &Database<'_>) -> Stats {
    read(&DatabaseUrl::parse(&database.url()).unwrap()).await.unwrap()
}

const SHOP: &str = "
    CREATE TABLE \"User\" (id int PRIMARY KEY, bio text);
    INSERT INTO \"User\" SELECT g, md5(g::text) FROM generate_series(1, 20000) g;
    CREATE INDEX \"User_bio_idx\" ON \"User\" (bio);
    CREATE TABLE \"Event\" (id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE \"Event_2026\" PARTITION OF \"Event\" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO \"Event\" SELECT g, '2026-05-05' FROM generate_series(1, 5000) g;
    CREATE TABLE \"Fresh\" (id int);
    CREATE MATERIALIZED VIEW \"Names\" AS SELECT bio FROM \"User\";
    CREATE VIEW \"Seen\" AS SELECT id FROM \"User\";
    ANALYZE \"User\"; ANALYZE \"Event_2026\"; ANALYZE \"Names\";";

#[tokio::test]
async fn sizes_and_rates_are_those_of_the_server_on_every_major() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("stats").await;
        database.run(SHOP).await;
        let found = stats(&database).await;

        let shown: Vec<String> = found.tables.keys().map(RelationName::shown).collect();
        assert_eq!(
            shown,
            ["public.Event", "public.Event_2026", "public.Fresh", "public.Names", "public.User"],
            "{major}"
        );
        assert_eq!(found.server_version.unwrap().major(), major);
        let user = &found.tables[&name("User")];
        let client = database.client().await;
        let size = "SELECT pg_relation_size('\"User\"'), pg_indexes_size('\"User\"'), pg_total_relation_size('\"User\"')";
        let size = client.query_one(size, &[]).await.unwrap();
        let (heap, index, total): (i64, i64, i64) = (size.get(0), size.get(1), size.get(2));
        assert_eq!((user.heap_bytes as i64, user.index_bytes() as i64), (heap, index), "{major}");
        // The free space map and the visibility map are not rows.
        assert!(user.heap_bytes + user.toast_bytes + user.index_bytes() <= total as u64, "{major}");
        assert_eq!((user.rows, user.is_outdated, user.source), (Some(20_000), false, Source::Live));
        assert!(user.analyzed_at.is_some() && user.writes_per_s.is_some() && user.reads_per_s.is_some());
        assert!(user.indexes.iter().all(|index| index.is_valid) && user.indexes.len() == 2);
        assert_eq!(found.tables[&name("Fresh")].rows, None, "{major}: nobody analyzed it");
        assert_eq!(found.tables[&name("Names")].kind, RelationKind::MaterializedView);
        let event = found.table(&name("Event")).unwrap();
        assert_eq!((event.kind, event.rows), (RelationKind::Partitioned, Some(5_000)), "{major}");
        assert_eq!(event.heap_bytes, found.tables[&name("Event_2026")].heap_bytes);
        assert!(found.extensions.contains_key("plpgsql"));
    }
}

#[tokio::test]
async fn rows_grow_with_the_table_since_it_was_analyzed() {
    let database = newest().await.database("stats_grown").await;
    database.run(SHOP).await;
    database.run("INSERT INTO \"User\" SELECT g, md5(g::text) FROM generate_series(20001, 40000) g").await;
    let rows = stats(&database).await.tables[&name("User")].rows.unwrap();
    assert!((39_000..41_000).contains(&rows), "{rows}");
}

#[tokio::test]
async fn a_role_that_may_only_connect_sees_all_of_it_and_its_own_defaults() {
    let server = newest().await;
    let database = server.database("stats_role").await;
    database.run(SHOP).await;
    let role = format!("{}_reader", database.name());
    database
        .run(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'secret'; REVOKE ALL ON SCHEMA public FROM public;
             ALTER ROLE {role} SET lock_timeout = '5s';
             ALTER ROLE {role} IN DATABASE {database} SET \"TimeZone\" = 'Europe/Oslo';
             ALTER ROLE {role} SET work_mem = '64MB';
             ALTER DATABASE {database} SET statement_timeout = '30s'",
            database = database.name()
        ))
        .await;
    let mut url = DatabaseUrl::parse(&database.url()).unwrap();
    let as_reader = database.url().replacen(&format!("{}:", url.user), &format!("{role}:"), 1);
    let password = url.password.as_ref().unwrap().expose().to_owned();
    url = DatabaseUrl::parse(&as_reader.replacen(&password, "secret", 1)).unwrap();
    let found = read(&url).await.unwrap();

    assert_eq!(found.tables[&name("User")].rows, Some(20_000));
    assert!(found.tables[&name("User")].index_bytes() > 0);
    let session = found.session.unwrap();
    assert_eq!((session.role.as_str(), session.time_zone.as_str()), (role.as_str(), "Europe/Oslo"));
    assert_eq!((session.lock_timeout_ms, session.statement_timeout_ms), (5_000, 30_000));
    let ours = found.defaults.iter().filter(|one| one.role.as_ref() == Some(&role) || one.this_database);
    let ours: Vec<_> = ours.map(|one| (one.role.is_some(), one.name.as_str(), one.value.as_str())).collect();
    assert_eq!(
        ours,
        [
            (false, "statement_timeout", "30s"),
            (true, "lock_timeout", "5s"),
            (true, "TimeZone", "Europe/Oslo"),
        ]
    );
    database
        .run(&format!("DROP OWNED BY {role}; ALTER DATABASE {} RESET ALL; DROP ROLE {role}", database.name()))
        .await;
}

#[tokio::test]
async fn a_table_that_somebody_has_locked_is_not_waited_for() {
    let database = newest().await.database("stats_locked").await;
    database.run(SHOP).await;
    let client = database.client().await;
    client.batch_execute("BEGIN; LOCK TABLE \"User\" IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let begin = Instant::now();
    let found = stats(&database).await;
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());

    let user = &found.tables[&name("User")];
    assert!(user.is_outdated && user.rows == Some(20_000) && user.heap_bytes > 0, "{user:?}");
    assert!(!found.tables[&name("Event_2026")].is_outdated, "only what is locked is outdated");
}

#[tokio::test]
async fn a_lock_that_is_only_waited_for_stops_it_neither() {
    let database = newest().await.database("stats_queue").await;
    database.run(SHOP).await;
    let (reader, writer) = (database.client().await, database.client().await);
    reader.batch_execute("BEGIN; SELECT FROM \"User\"").await.unwrap();
    let waiting =
        tokio::spawn(async move { writer.batch_execute("ALTER TABLE \"User\" ADD COLUMN x int").await });
    let client = database.client().await;
    let queued = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = '\"User\"'::regclass)";
    while !client.query_one(queued, &[]).await.unwrap().get::<_, bool>(0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let begin = Instant::now();
    let found = stats(&database).await;
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert!(found.tables[&name("User")].is_outdated);
    reader.batch_execute("COMMIT").await.unwrap();
    waiting.await.unwrap().unwrap();
}

async fn newest() -> &'static Server {
    Server::shared(majors().into_iter().max().unwrap()).await
}
