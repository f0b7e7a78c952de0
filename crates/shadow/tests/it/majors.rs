//! Every supported major starts as promised, and stops without a trace.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use underpin_shadow::{Shadow, StartOptions};

use crate::ground::{ask, connect, installation, runs};

async fn starts_and_stops(major: u32) {
    let installation = installation(major).await;
    assert_eq!(installation.version.major(), major);
    let shadow = Shadow::start(&installation, &StartOptions::default()).await.unwrap();
    let (pid, directory) = (shadow.pid(), shadow.socket_dir().to_owned());

    let client = connect(&shadow.config("postgres")).await;
    let number = ask(&client, "SELECT current_setting('server_version_num')").await;
    assert_eq!(number, format!("{}{:04}", major, installation.version.minor()));
    assert_eq!(ask(&client, "SELECT current_setting('listen_addresses')").await, "");
    assert_eq!(ask(&client, "SELECT current_setting('server_encoding')").await, "UTF8");
    assert_eq!(ask(&client, "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database").await, {
        "postgres template1"
    });

    client.batch_execute("CREATE DATABASE shop").await.unwrap();
    let shop = connect(&shadow.config("shop")).await;
    shop.batch_execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)").await.unwrap();
    shop.batch_execute("CREATE EXTENSION citext; CREATE EXTENSION pgcrypto").await.unwrap();

    let guarded = std::fs::metadata(&directory).unwrap();
    assert_eq!(guarded.permissions().mode() & 0o777, 0o700, "nobody else may reach the socket");
    let process = std::fs::metadata(format!("/proc/{pid}")).unwrap();
    assert_ne!(process.uid(), 0, "the server does not run as root");
    assert_eq!(process.uid(), guarded.uid());

    shadow.stop().await.unwrap();
    assert!(!runs(pid), "the server has ended");
    assert!(!directory.exists(), "its directory is gone");
}

macro_rules! majors {
    ($($name:ident $major:literal)*) => {$(
        #[tokio::test]
        async fn $name() {
            starts_and_stops($major).await;
        }
    )*};
}

majors!(postgresql_14 14 postgresql_15 15 postgresql_16 16 postgresql_17 17 postgresql_18 18);
