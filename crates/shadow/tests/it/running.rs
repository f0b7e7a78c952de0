//! Options, crashes and refusals of a running server.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use tokio_postgres::{Config, NoTls};
use underpin_shadow::{Shadow, ShadowError, StartOptions};

use crate::ground::{Role, ask, connect, entries, installation, open_folder, role, runs, say};

#[tokio::test]
async fn drop_removes_everything() {
    let shadow = Shadow::start(&installation(15).await, &StartOptions::default()).await.unwrap();
    let (pid, directory) = (shadow.pid(), shadow.socket_dir().to_owned());
    assert!(runs(pid) && directory.exists());
    drop(shadow);
    assert!(!runs(pid) && !directory.exists());
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let (installation, place) = (installation(15).await, open_folder());
    let options = StartOptions { place: Some(place.path().into()), ..StartOptions::default() };
    for give_up_after_ms in [0, 5, 20, 40, 60, 80] {
        let limit = Duration::from_millis(give_up_after_ms);
        let _ = tokio::time::timeout(limit, Shadow::start(&installation, &options)).await;
    }
    let started = Instant::now();
    while !entries(place.path()).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(20), "left: {:?}", entries(place.path()));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn url_leads_to_the_same_server() {
    let installation = installation(15).await;
    let by_socket = Shadow::start(&installation, &StartOptions::default()).await.unwrap();
    let by_tcp =
        Shadow::start(&installation, &StartOptions { tcp: true, ..StartOptions::default() }).await.unwrap();
    assert!(by_socket.url("postgres").starts_with("postgresql://postgres@localhost/postgres?host=/"));
    for shadow in [&by_socket, &by_tcp] {
        let admin = connect(&shadow.config("postgres")).await;
        admin.batch_execute("CREATE DATABASE \"odd name\"").await.unwrap();
        let direct = connect(&shadow.config("odd name")).await;
        // A client that prefers `localhost` to the `host` parameter would not get here.
        let config: Config = shadow.url("odd name").replace("@localhost/", "@/").parse().unwrap();
        let by_url = connect(&config).await;
        let query = "SELECT pg_postmaster_start_time()::text || current_database()";
        assert_eq!(ask(&direct, query).await, ask(&by_url, query).await);
    }
}

#[tokio::test]
async fn tcp_wants_the_password() {
    let installation = installation(15).await;
    let shadow =
        Shadow::start(&installation, &StartOptions { tcp: true, ..StartOptions::default() }).await.unwrap();
    let client = connect(&shadow.config("postgres")).await;
    assert_eq!(ask(&client, "SELECT current_setting('listen_addresses')").await, "127.0.0.1");
    let mut config = Config::new();
    config.host("127.0.0.1").port(shadow.port()).user("postgres").dbname("postgres");
    assert!(config.connect(NoTls).await.is_err(), "no password");
    let refused = config.password("guessed").connect(NoTls).await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "28P01");
    assert!(config.password(shadow.password().unwrap()).connect(NoTls).await.is_ok());
}

#[tokio::test]
async fn durable_data_survive_a_crash_and_a_restart() {
    let options = StartOptions { durable: true, tcp: true, ..StartOptions::default() };
    let mut shadow = Shadow::start(&installation(16).await, &options).await.unwrap();
    let (directory, url) = (shadow.socket_dir().to_owned(), shadow.url("postgres"));
    {
        let client = connect(&shadow.config("postgres")).await;
        for (setting, value) in
            [("fsync", "on"), ("full_page_writes", "on"), ("autovacuum", "on"), ("wal_level", "replica")]
        {
            assert_eq!(
                ask(&client, &format!("SELECT current_setting('{setting}')")).await,
                value,
                "{setting}"
            );
        }
        client.batch_execute("CREATE TABLE told (id int); INSERT INTO told VALUES (1), (2)").await.unwrap();
    }
    for crash in [true, false] {
        let pid = shadow.pid();
        if crash {
            shadow.crash().await.unwrap();
            assert!(!runs(pid), "it is gone, and its data are not");
            assert!(shadow.data_dir().exists());
        }
        shadow.restart().await.unwrap();
        assert_ne!(shadow.pid(), pid);
        let client = connect(&url.parse().unwrap()).await;
        assert_eq!(ask(&client, "SELECT count(*)::text FROM told").await, "2");
        let recovered = shadow.log().matches("automatic recovery in progress").count();
        assert_eq!(recovered, 1, "only the crash needed recovery");
    }
    let pid = shadow.pid();
    drop(shadow);
    assert!(!runs(pid) && !directory.exists());
}

#[tokio::test]
async fn a_setting_that_the_server_refuses_is_told_in_its_words() {
    let place = open_folder();
    let options = StartOptions {
        place: Some(place.path().into()),
        settings: vec![("no_such_setting".into(), "on".into())],
        ..StartOptions::default()
    };
    let error = Shadow::start(&installation(15).await, &options).await.unwrap_err();
    assert!(matches!(&error, ShadowError::DidNotStart { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
    assert_eq!(entries(place.path()), [""; 0]);
}

#[tokio::test]
async fn a_place_that_cannot_hold_a_socket_is_named() {
    let folder = open_folder();
    let place = folder.path().join("x".repeat(100));
    std::fs::create_dir(&place).unwrap();
    let options = StartOptions { place: Some(place), ..StartOptions::default() };
    let error = Shadow::start(&installation(15).await, &options).await.unwrap_err();
    assert!(matches!(&error, ShadowError::NoPlace { .. }), "{error}");
    assert!(error.to_string().contains("too long for a unix socket"), "{error}");
}

/// Root may look anywhere, but its server may not.
#[tokio::test]
async fn a_place_that_the_account_cannot_enter_is_named() {
    let folder = open_folder();
    let place = folder.path().join("shut");
    std::fs::create_dir(&place).unwrap();
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o500)).unwrap();
    let options = StartOptions { place: Some(place), ..StartOptions::default() };
    let error = Shadow::start(&installation(15).await, &options).await.unwrap_err();
    assert!(matches!(&error, ShadowError::NoPlace { .. }), "{error}");
    let why = if nix::unistd::geteuid().is_root() { "is closed to nobody" } else { "Permission denied" };
    assert!(error.to_string().contains(why), "{error}");
}

/// A user without privileges and with an empty home gets the same server as root.
#[tokio::test]
async fn an_unprivileged_user_gets_a_server_too() {
    if role().is_some() {
        let shadow = Shadow::start(&installation(16).await, &StartOptions::default()).await.unwrap();
        let client = connect(&shadow.config("postgres")).await;
        say(nix::unistd::geteuid());
        say(ask(&client, "SELECT current_setting('server_version_num')").await);
        say(shadow.socket_dir().display());
        shadow.stop().await.unwrap();
        return;
    }
    let installation = installation(16).await;
    let folder = open_folder();
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o777)).unwrap();
    // The test program itself may lie in root's home.
    let program = folder.path().join("it");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut user = Role::by(&program, "running::an_unprivileged_user_gets_a_server_too", "user")
        .env("HOME", &home)
        .env("UNDERPIN_POSTGRES_BIN", &installation.bin);
    user.command.env_remove("XDG_CACHE_HOME").env_remove("UNDERPIN_CACHE_DIR").current_dir(&home);
    if nix::unistd::geteuid().is_root() {
        use std::os::unix::process::CommandExt;
        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        user.command.uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw());
    }
    let mut user = user.play();
    assert_ne!(user.hear(), "0", "not root");
    assert!(user.hear().starts_with("16"));
    let directory = std::path::PathBuf::from(user.hear());
    assert!(user.end().success());
    assert!(!directory.exists());
}
