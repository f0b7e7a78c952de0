//! Servers that a deploy must not run on, or cannot.

use underpin_shadow::StartOptions;
use underpin_testkit::{PgBouncer, Server, majors};

use super::{INIT, SHOP, State, project, refused, refused_by};
use crate::support::{server, underpin};

/// What each command is called with.
const COMMANDS: &[&[&str]] = &[
    &["deploy"],
    &["status"],
    &["doctor"],
    &["recover"],
    &["recover", "--revert"],
    &["resolve", "--applied", INIT],
];

#[tokio::test]
async fn nobody_listens() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    for arguments in COMMANDS {
        let url = format!("postgresql://postgres:secret@{address}/shop");
        refused_by(arguments, &project(), &url, &["P1001", &address]).await;
    }
}

#[tokio::test]
async fn the_database_is_not_there() {
    let database = server().await.database("there").await;
    let url = database.url().replace(database.name(), "not_there");
    for arguments in COMMANDS {
        refused_by(arguments, &project(), &url, &["P1003", "not_there"]).await;
    }
    let made = "SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = 'not_there')";
    assert!(database.client().await.query_one(made, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn the_password_is_wrong() {
    let database = server().await.database("password").await;
    let before = State::of(&database).await;
    let (_, rest) = database.url().rsplit_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let url = format!("postgresql://postgres:wr0ng%21@{rest}");
    for arguments in COMMANDS {
        let said = refused_by(arguments, &project(), &url, &["P1000", "postgres"]).await;
        assert!(!said.all().contains("wr0ng"), "{}", said.all());
    }
    assert_eq!(State::of(&database).await, before);
}

#[tokio::test]
async fn the_server_has_no_tls_and_the_url_demands_it() {
    let database = server().await.database("tls").await;
    let before = State::of(&database).await;
    for mode in ["sslmode=require", "sslmode=verify-full"] {
        refused(&project(), &format!("{}?{mode}", database.url()), &["TLS", "sslmode"]).await;
    }
    assert_eq!(State::of(&database).await, before);
}

/// A replica is read, and not deployed to.
#[tokio::test]
async fn the_server_is_a_replica() {
    let major = majors().into_iter().max().unwrap();
    let mut server =
        Server::start(major, StartOptions { durable: true, ..StartOptions::default() }).await.unwrap();
    let url = {
        let database = server.database("replica").await;
        let deployed = underpin(project().path(), &database.url(), &["deploy"]).await;
        assert_eq!(deployed.code, 0, "{}", deployed.all());
        database.url()
    };
    // With this file a server comes up as a standby: it replays a log that never goes on, and answers queries.
    std::fs::write(server.shadow().data_dir().join("standby.signal"), "").unwrap();
    server.shadow_mut().restart().await.unwrap();
    let more = project().migration("20260102000000_more", "CREATE TABLE \"More\" ();\n");
    for arguments in
        [&["deploy"][..], &["resolve", "--applied", "20260102000000_more"], &["recover", "--revert"]]
    {
        refused_by(arguments, &more, &url, &["replica", "primary"]).await;
    }
    let status = underpin(more.path(), &url, &["status"]).await;
    assert!(status.code == 10 && status.stdout.contains("20260102000000_more"), "{}", status.all());
    let doctor = underpin(more.path(), &url, &["doctor"]).await;
    assert!(doctor.code == 10 && doctor.stdout.contains("replica"), "{}", doctor.all());
}

#[tokio::test]
async fn the_role_is_read_only() {
    let server = server().await;
    let database = server.database("reader").await;
    let name = database.name();
    database
        .run(&format!("CREATE ROLE \"{name}\" LOGIN SUPERUSER PASSWORD 'x'; ALTER ROLE \"{name}\" SET default_transaction_read_only = on"))
        .await;
    let before = State::of(&database).await;
    let url = as_role(&database.url(), name);
    for arguments in [&["deploy"][..], &["resolve", "--applied", INIT]] {
        refused_by(arguments, &project(), &url, &["25006", "read-only"]).await;
    }
    assert_eq!(State::of(&database).await, before);
}

/// A role that may connect and read, and nothing else: the first thing that it may not do is said before anything is done.
#[tokio::test]
async fn the_role_may_not_create_anything() {
    let server = server().await;
    let database = server.database("guest").await;
    let name = database.name();
    database
        .run(&format!(
            "CREATE ROLE \"{name}\" LOGIN PASSWORD 'x'; REVOKE CREATE ON SCHEMA public FROM PUBLIC; {SHOP}"
        ))
        .await;
    let before = State::of(&database).await;
    let url = as_role(&database.url(), name);
    refused(&project(), &url, &["P3005"]).await;
    refused_by(&["resolve", "--applied", INIT], &project(), &url, &["42501", "privilege"]).await;
    assert_eq!(State::of(&database).await, before);
    database.run("DROP TABLE \"Shop\"").await;
    let before = State::of(&database).await;
    refused(&project(), &url, &["42501", "doctor"]).await;
    assert_eq!(State::of(&database).await, before);
    let doctor = underpin(project().path(), &url, &["doctor"]).await;
    assert!(doctor.code == 10 && doctor.stdout.contains("BAD"), "{}", doctor.all());
}

/// The real PgBouncer in transaction mode: refused with the way out, and the way out works.
#[tokio::test]
async fn there_is_a_transaction_pooler_in_between() {
    let server = server().await;
    let database = server.database("pooled").await;
    let pooler = PgBouncer::start(server);
    let before = State::of(&database).await;
    for url in [pooler.url(database.name()), format!("{}?pgbouncer=true", pooler.url(database.name()))] {
        for arguments in [&["deploy"][..], &["resolve", "--applied", INIT]] {
            let words = ["transaction pooler", "directUrl", "--url", &pooler.port().to_string()];
            refused_by(arguments, &project(), &url, &words).await;
        }
        let doctor = underpin(project().path(), &url, &["doctor"]).await;
        assert!(doctor.code == 10 && doctor.stdout.contains("pooler"), "{}", doctor.all());
    }
    assert_eq!(State::of(&database).await, before);
    let project = project();
    let direct =
        underpin(project.path(), &pooler.url(database.name()), &["deploy", "--url", &database.url()]).await;
    assert_eq!(direct.code, 0, "{}", direct.all());
    let status = underpin(project.path(), &pooler.url(database.name()), &["status"]).await;
    assert_eq!(status.code, 0, "reading goes through a pooler: {}", status.all());
}

fn as_role(url: &str, role: &str) -> String {
    let (_, rest) = url.rsplit_once('@').unwrap();
    format!("postgresql://{role}:x@{rest}")
}
