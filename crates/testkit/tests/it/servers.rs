//! Servers and databases.

use underpin_testkit::{PgBouncer, Server, majors};

#[tokio::test]
async fn every_major_that_is_wanted_runs() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("Every-Major").await;
        assert!(database.name().starts_with("everymajor_"), "{database:?}");
        let version: String =
            database.client().await.query_one("SHOW server_version_num", &[]).await.unwrap().get(0);
        assert_eq!(version.parse::<u32>().unwrap() / 10_000, major);
        assert_eq!(server.major(), major);
    }
}

#[tokio::test]
async fn a_copy_has_the_rows_and_a_discarded_database_goes() {
    let server = Server::shared(majors()[0]).await;
    let original = server.database("original").await;
    original.run("CREATE TABLE t AS SELECT 7 AS x").await;
    let copy = server.copy_of(&original, "copy").await;
    let x: i32 = copy.client().await.query_one("SELECT x FROM t", &[]).await.unwrap().get(0);
    assert_eq!(x, 7);
    let name = copy.name().to_owned();
    drop(copy);
    let next = server.database("next").await;
    let gone = "SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    let gone: bool = next.client().await.query_one(gone, &[&name]).await.unwrap().get(0);
    assert!(gone, "{name} is still there");
}

/// Why underpin refuses a transaction pooler: what one client takes, the other holds too.
#[tokio::test]
async fn a_session_lock_excludes_nobody_through_the_pooler() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("pooled").await;
    let pooler = PgBouncer::start(server);
    let mut held = Vec::new();
    for _ in 0..2 {
        let (client, connection) =
            tokio_postgres::connect(&pooler.url(database.name()), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let rows = client.simple_query("SELECT pg_try_advisory_lock(72707369)").await.unwrap();
        let row = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        held.push(row.unwrap());
    }
    assert_eq!(held, ["t", "t"]);
}
