use super::*;

fn parse(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[test]
fn reads_every_part() {
    let url = parse(
        " postgresql://u%40x:p%2Fw%23@db.example.com:6543/my%20app?schema=inventory&pgbouncer=true\
         &connection_limit=5&connect_timeout=30&pool_timeout=0&socket_timeout=7\
         &statement_cache_size=0&application_name=my+app&options=-c%20a%3Db\n",
    );
    assert_eq!((url.user.as_str(), url.host.as_str(), url.port), ("u@x", "db.example.com", 6543));
    assert_eq!(url.password.as_ref().map(Password::expose), Some("p/w#"));
    assert_eq!((url.database.as_str(), url.schema.as_str()), ("my app", "inventory"));
    assert_eq!((url.pgbouncer, url.connection_limit), (true, Some(5)));
    assert_eq!(url.connect_timeout, Some(Duration::from_secs(30)));
    assert_eq!((url.pool_timeout, url.socket_timeout), (None, Some(Duration::from_secs(7))));
    assert_eq!(url.statement_cache_size, Some(0));
    assert_eq!(url.application_name.as_deref(), Some("my app"));
    assert_eq!(url.options.as_deref(), Some("-c a=b"));
}

#[test]
fn fills_in_what_is_left_out() {
    for (url, expected) in [
        ("postgres://localhost", "localhost:5432/postgres/public"),
        ("postgresql://", "localhost:5432/postgres/public"),
        ("POSTGRESQL://u@h/d", "h:5432/d/public"),
        ("postgresql:///d", "localhost:5432/d/public"),
        ("postgresql://u@h:/d/more", "h:5432/d/public"),
        ("postgresql://u@[::1]:5433/d?schema=a%22b", "[::1]:5433/d/a\"b"),
        ("postgresql://u@localhost/d?host=/var/run/postgresql", "/var/run/postgresql:5432/d/public"),
        ("postgresql:///d?host=%2Ftmp%2Fs&port=5499&user=u", "/tmp/s:5499/d/public"),
        ("postgresql://%2Ftmp%2Fs:5499/d#x", "/tmp/s:5499/d/public"),
        ("postgresql://u:p@x@h/d", "h:5432/d/public"),
    ] {
        let parsed = parse(url);
        assert_eq!(format!("{}/{}/{}", parsed.server(), parsed.database, parsed.schema), expected, "{url}");
    }
    assert_eq!(parse("postgresql://h/d").connect_timeout, Some(Duration::from_secs(5)));
    assert_eq!(parse("postgresql://h/d?connect_timeout=0").connect_timeout, None);
    assert_eq!(parse("postgresql://u:@h/d").password, None);
    assert_eq!(parse("postgresql://u:50%@h/d").password, Some(Password::new("50%")));
}

#[test]
fn keeps_unknown_parameters_without_failing() {
    let url = parse("postgresql://h/d?supa=1&sslmode=require&x");
    assert_eq!(url.unknown_parameters, ["supa", "x"]);
    assert_eq!(url.ssl.mode, SslMode::Require);
}

#[test]
fn reads_encryption() {
    let ssl = |query: &str| parse(&format!("postgresql://h/d?{query}")).ssl;
    assert_eq!(ssl("").mode, SslMode::Prefer);
    assert_eq!(ssl("sslmode=disable").mode, SslMode::Disable);
    assert_eq!(ssl("sslmode=verify-ca").mode, SslMode::VerifyCa);
    assert_eq!(ssl("sslmode=verify-full&sslrootcert=system").root, Some(RootCertificates::System));
    assert_eq!(ssl("sslaccept=strict").accept, Some(SslAccept::Strict));
    let prisma = ssl("sslcert=../ca.pem&sslidentity=c.p12&sslpassword=secret");
    assert_eq!(prisma.root, Some(RootCertificates::File("../ca.pem".into())));
    assert_eq!(prisma.identity.as_deref(), Some("c.p12"));
    let libpq = ssl("sslrootcert=/ca.pem&sslcert=/c.crt&sslkey=/c.key");
    assert_eq!(libpq.root, Some(RootCertificates::File("/ca.pem".into())));
    let client = ClientCertificate { certificate: "/c.crt".into(), key: "/c.key".into() };
    assert_eq!(libpq.client, Some(client));
}

#[test]
fn refuses_with_a_hint() {
    for (url, expected) in [
        ("", UrlError::Empty),
        ("   ", UrlError::Empty),
        ("\"postgresql://h/d\"", UrlError::NoProtocol),
        ("host=h dbname=d", UrlError::NoProtocol),
        ("prisma://accelerate?api_key=k", UrlError::PrismaProxy { protocol: "prisma".into() }),
        (
            "prisma+postgres://localhost:51213/?api_key=k",
            UrlError::PrismaProxy { protocol: "prisma+postgres".into() },
        ),
        ("mysql://h/d", UrlError::OtherProtocol { protocol: "mysql".into() }),
        ("file:./dev.db", UrlError::NoProtocol),
        ("postgresql://u:p/w@h/d", UrlError::Port),
        ("postgresql://u:p#w@h/d", UrlError::Port),
        ("postgresql://h:99999/d", UrlError::Port),
        ("postgresql://a:1,b:2/d", UrlError::SeveralHosts),
        ("postgresql://u@ho st/d", UrlError::Host),
        ("postgresql://[::1/d", UrlError::Host),
        ("postgresql://u:%ff@h/d", UrlError::Encoding { part: "password" }),
        (
            "postgresql://h/d?connect_timeout=soon",
            UrlError::Parameter { name: "connect_timeout".into(), expected: "a number" },
        ),
        ("postgresql://h/d?sslrootcert=a&sslcert=b", UrlError::CertificateWithoutKey),
        ("postgresql://h/d?sslkey=b", UrlError::KeyWithoutCertificate),
    ] {
        let error = DatabaseUrl::parse(url).expect_err(url);
        assert_eq!(error, expected, "{url}");
        assert!(!error.hint().is_empty());
    }
    let misspelt = DatabaseUrl::parse("postgresql://h/d?sslmode=verify_full");
    assert!(matches!(misspelt, Err(UrlError::Parameter { .. })));
}

#[test]
fn never_prints_a_secret() {
    let url = parse("postgresql://u:hunter2@h/d?sslpassword=hunter2&schema=s");
    assert!(!format!("{url:?}").contains("hunter2"));
    assert_eq!(url.redacted(), "postgresql://u:•••@h:5432/d?schema=s");
    assert_eq!(parse("postgresql://u@/d?host=/tmp").redacted(), "postgresql://u@:5432/d?host=/tmp");
    for url in ["hunter2://x", "postgresql://u:hunter2/@h/d", "a hunter2://x", "postgresql://u:hun ter2#@h/d"]
    {
        let Err(error) = DatabaseUrl::parse(url) else { panic!("{url}") };
        let is_protocol = matches!(error, UrlError::OtherProtocol { .. });
        assert!(is_protocol || !format!("{error} {error:?} {}", error.hint()).contains("hunter2"), "{url}");
    }
}
