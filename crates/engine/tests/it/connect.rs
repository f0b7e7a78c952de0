//! Sessions on a real server: their settings, every TLS mode, every way to be refused.

use std::path::Path;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use underpin_engine::connect::{ConnectError, ConnectFault, ConnectOptions, Connection, connect};
use underpin_prisma::DatabaseUrl;
use underpin_shadow::StartOptions;
use underpin_testkit::{Server, majors};

async fn opened(url: &str) -> Result<Connection, ConnectError> {
    connect(&DatabaseUrl::parse(url).unwrap(), &ConnectOptions::new("underpin test")).await
}

async fn refused(url: &str) -> ConnectError {
    match opened(url).await {
        Ok(_) => panic!("connected: {url}"),
        Err(error) => {
            assert!(!error.hint().is_empty());
            error
        }
    }
}

async fn show(connection: &Connection, setting: &str) -> String {
    let row = connection.client.query_one("SELECT current_setting($1)", &[&setting]).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn every_session_has_our_settings() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("connect_settings").await;
        let session = opened(&format!("{}?schema=Odd%22Name", database.url())).await.unwrap();
        assert_eq!(session.server_version.major(), major);
        assert!(!session.is_encrypted && session.backend_pid > 0);
        assert!(session.notices_dead_client);
        for (setting, expected) in [
            ("client_connection_check_interval", "1s"),
            ("search_path", "\"Odd\"\"Name\""),
            ("TimeZone", "UTC"),
            ("standard_conforming_strings", "on"),
            ("application_name", "underpin test"),
            ("tcp_keepalives_idle", "10"),
        ] {
            assert_eq!(show(&session, setting).await, expected, "{setting} on {major}");
        }
        let named = opened(&format!("{}?application_name=mine", database.url())).await.unwrap();
        assert_eq!(show(&named, "application_name").await, "mine");
        assert_eq!(show(&named, "search_path").await, "public");
    }
}

#[tokio::test]
async fn a_unix_socket_needs_no_encryption() {
    let server = Server::shared(majors()[0]).await;
    let (folder, port) = (server.shadow().socket_dir().display(), server.shadow().port());
    let url = format!("postgresql://postgres@localhost:{port}/postgres?host={folder}&sslmode=verify-full");
    let session = opened(&url).await.unwrap();
    assert!(!session.is_encrypted);
    let gone = refused(&format!("postgresql://postgres@localhost:{port}/postgres?host={folder}/none")).await;
    assert!(matches!(gone.fault, ConnectFault::Unreachable(_)), "{gone}");
    assert!(gone.hint().contains("unix_socket_directories"));
}

#[tokio::test]
async fn refusals_are_told_with_prismas_codes() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("connect_refusals").await;
    let name = database.name();
    database
        .run(&format!(
            "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; DROP ROLE IF EXISTS connect_guest, connect_full; \
             CREATE ROLE connect_guest LOGIN PASSWORD 'p'; \
             CREATE ROLE connect_full LOGIN PASSWORD 'p' CONNECTION LIMIT 0"
        ))
        .await;
    let port = server.shadow().port();
    for (url, code, words) in [
        (format!("postgresql://postgres:wrong@127.0.0.1:{port}/{name}"), "P1000", "password"),
        (format!("postgresql://postgres@127.0.0.1:{port}/{name}"), "P1000", "wants a password"),
        (format!("postgresql://nobody_here:p@127.0.0.1:{port}/{name}"), "P1000", "nobody_here"),
        ("postgresql://postgres@127.0.0.1:1/x".to_owned(), "P1001", "`127.0.0.1:1`"),
        ("postgresql://postgres@no-such-host.invalid/x".to_owned(), "P1001", "no-such-host.invalid:5432"),
        (database.url().replace(name, "nothing_here"), "P1003", "`nothing_here` does not exist"),
        (format!("postgresql://connect_guest:p@127.0.0.1:{port}/{name}"), "P1010", "`connect_guest`"),
        (format!("postgresql://connect_full:p@127.0.0.1:{port}/postgres"), "P2037", "too many connections"),
    ] {
        let error = refused(&url).await;
        assert_eq!(error.fault.code(), Some(code), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let start = Instant::now();
    let error = refused(&format!("postgresql://u:p@127.0.0.1:{port}/d?connect_timeout=1")).await;
    assert!(matches!(error.fault, ConnectFault::TimedOut { .. }), "{error}");
    assert_eq!(error.fault.code(), Some("P1002"));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

/// A server with a certificate for `localhost`, and files of authorities and clients.
struct Encrypted {
    server: Server,
    files: TempDir,
}

impl Encrypted {
    fn url(&self, host: &str, query: &str) -> String {
        let (password, port) = (self.server.shadow().password().unwrap(), self.server.shadow().port());
        format!("postgresql://postgres:{password}@{host}:{port}/postgres?{query}")
    }

    fn path(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }
}

/// The file belongs to the server's account and to nobody else, as the server demands of a key.
fn hand_over(path: &Path, text: &str) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    std::fs::write(path, text).unwrap();
    let folder = path.parent().unwrap().metadata().unwrap();
    chown(path, Some(folder.uid()), Some(folder.gid())).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params, KeyPair::generate().unwrap())
}

async fn encrypted() -> &'static Encrypted {
    static SERVER: OnceCell<Encrypted> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async {
            let server = Server::start(majors()[0], StartOptions::default()).await.unwrap();
            let files = tempfile::tempdir().unwrap();
            let write = |name: &str, text: &str| std::fs::write(files.path().join(name), text).unwrap();

            let (params, key) = authority("underpin test authority");
            write("ca.pem", &params.self_signed(&key).unwrap().pem());
            let ours = Issuer::new(params, key);
            let (params, key) = authority("another authority");
            write("other.pem", &params.self_signed(&key).unwrap().pem());
            write("empty.pem", "not a certificate\n");

            let leaf_key = KeyPair::generate().unwrap();
            let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            let leaf = leaf.signed_by(&leaf_key, &ours).unwrap();
            write("server.pem", &leaf.pem());
            let mut client = CertificateParams::new(Vec::<String>::new()).unwrap();
            client.distinguished_name.push(rcgen::DnType::CommonName, "connect_by_certificate");
            let client_key = KeyPair::generate().unwrap();
            write("client.pem", &client.signed_by(&client_key, &ours).unwrap().pem());
            write("client.key", &client_key.serialize_pem());

            let data = server.shadow().data_dir();
            hand_over(&data.join("server.crt"), &leaf.pem());
            hand_over(&data.join("server.key"), &leaf_key.serialize_pem());
            hand_over(&data.join("root.crt"), &std::fs::read_to_string(files.path().join("ca.pem")).unwrap());
            hand_over(
                &data.join("pg_hba.conf"),
                "local all all trust\n\
                 hostssl all connect_by_certificate 127.0.0.1/32 cert\n\
                 hostssl all connect_only_encrypted 127.0.0.1/32 scram-sha-256\n\
                 hostnossl all connect_only_encrypted 127.0.0.1/32 reject\n\
                 host all all 127.0.0.1/32 scram-sha-256\n",
            );
            let admin = server.client("postgres").await;
            for statement in [
                "ALTER SYSTEM SET ssl = on",
                "ALTER SYSTEM SET ssl_ca_file = 'root.crt'",
                "CREATE ROLE connect_by_certificate LOGIN",
                "CREATE ROLE connect_only_encrypted LOGIN PASSWORD 'p'",
                "SELECT pg_reload_conf()",
            ] {
                admin.batch_execute(statement).await.unwrap();
            }
            let encrypted = Encrypted { server, files };
            for _ in 0..100 {
                let session = opened(&encrypted.url("localhost", "sslmode=prefer")).await;
                if session.is_ok_and(|session| session.is_encrypted) {
                    return encrypted;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("no encryption: {}", encrypted.server.shadow().log());
        })
        .await
}

#[tokio::test]
async fn each_mode_verifies_what_it_promises() {
    let server = encrypted().await;
    let (ours, other, leaf) = (server.path("ca.pem"), server.path("other.pem"), server.path("server.pem"));
    let by_ours = format!("&sslrootcert={ours}");
    let by_other = format!("&sslrootcert={other}");
    for (host, query, is_encrypted) in [
        ("localhost", "sslmode=disable".to_owned(), false),
        ("localhost", String::new(), true),
        ("127.0.0.1", "sslmode=prefer".to_owned(), true),
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        ("127.0.0.1", format!("sslmode=require{by_ours}"), true),
        ("127.0.0.1", format!("sslmode=require{by_other}&sslaccept=accept_invalid_certs"), true),
        ("127.0.0.1", format!("sslmode=verify-ca{by_ours}"), true),
        ("localhost", format!("sslmode=verify-full{by_ours}"), true),
        ("localhost", format!("sslmode=require&sslaccept=strict&sslcert={ours}"), true),
        ("localhost", format!("sslmode=verify-full&sslrootcert={leaf}"), true),
    ] {
        let session = opened(&server.url(host, &query)).await;
        let session = session.unwrap_or_else(|error| panic!("{host} {query}: {error}"));
        assert_eq!(session.is_encrypted, is_encrypted, "{host} {query}");
    }
    for (host, query, expected) in [
        ("localhost", "sslmode=verify-ca".to_owned(), "unknown authority"),
        ("localhost", "sslmode=verify-full&sslrootcert=system".to_owned(), "unknown authority"),
        ("localhost", format!("sslmode=verify-full{by_other}"), "unknown authority"),
        ("localhost", format!("sslmode=require{by_other}"), "unknown authority"),
        ("localhost", "sslaccept=strict".to_owned(), "unknown authority"),
        ("127.0.0.1", format!("sslmode=verify-full{by_ours}"), "another host"),
        ("127.0.0.1", format!("sslmode=require&sslaccept=strict{by_ours}"), "another host"),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={leaf}"), "another host"),
        ("localhost", "sslmode=verify-ca&sslrootcert=/nowhere.pem".to_owned(), "/nowhere.pem"),
        (
            "localhost",
            format!("sslmode=verify-ca&sslrootcert={}", server.path("empty.pem")),
            "no certificate",
        ),
        ("localhost", "sslmode=require&sslidentity=client.p12".to_owned(), "PKCS #12"),
    ] {
        let error = refused(&server.url(host, &query)).await;
        assert!(error.to_string().contains(expected), "{host} {query}: {error}");
        assert_eq!(error.fault.code(), Some("P1011"), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_demanded() {
    let server = Server::shared(majors()[0]).await;
    let url = server.shadow().url("postgres");
    let error = refused(&format!("{url}?sslmode=require")).await;
    assert!(matches!(error.fault, ConnectFault::NoTls), "{error}");
    assert!(!opened(&format!("{url}?sslmode=prefer")).await.unwrap().is_encrypted);
}

#[tokio::test]
async fn a_server_that_wants_tls_says_so() {
    let server = encrypted().await;
    let port = server.server.shadow().port();
    let url = format!("postgresql://connect_only_encrypted:p@127.0.0.1:{port}/postgres");
    let error = refused(&format!("{url}?sslmode=disable")).await;
    assert_eq!(error.fault.code(), Some("P1000"), "{error}");
    assert!(error.hint().contains("sslmode=require") || error.hint().contains("pg_hba"), "{}", error.hint());
    assert!(opened(&url).await.unwrap().is_encrypted);
}

#[tokio::test]
async fn a_certificate_can_stand_for_the_password() {
    let server = encrypted().await;
    let port = server.server.shadow().port();
    let url = format!(
        "postgresql://connect_by_certificate@localhost:{port}/postgres?sslmode=verify-full&sslrootcert={}\
         &sslcert={}&sslkey={}",
        server.path("ca.pem"),
        server.path("client.pem"),
        server.path("client.key")
    );
    assert!(opened(&url).await.unwrap().is_encrypted);

    // Relative paths start at the folder that the caller names.
    let relative = DatabaseUrl::parse(&url.replace(&server.path(""), "")).unwrap();
    let mut options = ConnectOptions::new("underpin test");
    options.certificate_folder = server.files.path().to_owned();
    assert!(connect(&relative, &options).await.unwrap().is_encrypted);
}

#[tokio::test]
async fn a_statement_is_cancelled_with_and_without_tls() {
    let server = encrypted().await;
    let verified = format!("sslmode=verify-full&sslrootcert={}", server.path("ca.pem"));
    for query in ["sslmode=disable", &verified] {
        let session = opened(&server.url("localhost", query)).await.unwrap();
        let canceller = session.canceller.clone();
        let start = Instant::now();
        let (slept, cancelled) = tokio::join!(session.client.batch_execute("SELECT pg_sleep(30)"), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            canceller.cancel().await
        });
        cancelled.unwrap();
        assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014", "{query}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
