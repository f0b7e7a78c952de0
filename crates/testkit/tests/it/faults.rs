//! The proxy does to a connection what its methods say.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};
use underpin_testkit::{Database, Proxy, Server, majors};

async fn through(proxy: &Proxy, server: &Server, database: &Database<'_>) -> Client {
    let url = proxy.url(&database.url(), server.shadow().port());
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn latency_partition_reset_and_refusal() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("proxied").await;
    let proxy = Proxy::to(server.shadow().port());
    let client = through(&proxy, server, &database).await;

    proxy.latency(Duration::from_millis(60));
    let begin = Instant::now();
    client.simple_query("SELECT 1").await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(120), "{:?}", begin.elapsed());
    proxy.heal();

    proxy.blackhole();
    let unheard = client.simple_query("SELECT 1");
    tokio::pin!(unheard);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut unheard).await.is_err());
    proxy.heal();
    unheard.await.unwrap();

    proxy.reset();
    let cut = tokio::time::timeout(Duration::from_secs(10), client.simple_query("SELECT 1")).await.unwrap();
    assert!(cut.is_err());
    through(&proxy, server, &database).await.simple_query("SELECT 1").await.unwrap();

    proxy.refuse();
    let url = proxy.url(&database.url(), server.shadow().port());
    assert!(tokio_postgres::connect(&url, NoTls).await.is_err());
}

/// The server did it, the client does not know: the case that a runner must settle by looking.
#[tokio::test]
async fn a_cut_loses_the_answer() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("cut").await;
    let proxy = Proxy::to(server.shadow().port());
    let client = through(&proxy, server, &database).await;
    let statement = "CREATE TABLE made ()";
    // A simple query is its text, a terminator, a type and a length.
    proxy.cut_after(statement.len() as u32 + 6);
    assert!(client.simple_query(statement).await.is_err());
    let observer = database.client().await;
    let begin = Instant::now();
    loop {
        let there: bool =
            observer.query_one("SELECT to_regclass('made') IS NOT NULL", &[]).await.unwrap().get(0);
        if there {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "the statement never took effect");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
