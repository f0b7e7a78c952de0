//! PostgreSQL connection URLs, as Prisma accepts them.
//!
//! Prisma's parameters (`schema`, `sslaccept`, `socket_timeout`, …) and libpq's `verify-ca`,
//! `verify-full`, `sslrootcert` and `sslkey` are read into fields; unknown ones are kept and never
//! fatal. The password cannot be printed: [`Password`] shows dots, and no error holds any part of
//! the URL but names of parameters and the host.

mod error;
mod parts;

use std::fmt;
use std::time::Duration;

pub use error::UrlError;
use parts::{Parts, percent_decoded, query_pairs};

/// A password that never reaches a log: both formats print dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the server and for nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// When the server offers it, without verification. The default.
    Prefer,
    /// Always, without verification unless `sslaccept=strict` or a root certificate is given.
    Require,
    /// Always, and the certificate's chain must lead to a known authority.
    VerifyCa,
    /// Like `verify-ca`, and the certificate must be the host's.
    VerifyFull,
}

/// Prisma's own switch for verification, which it applies to whatever `sslmode` encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslAccept {
    /// Verify chain and host name.
    Strict,
    /// Verify nothing. Prisma's default.
    AcceptInvalidCerts,
}

/// Where the authorities come from that a server's certificate must lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCertificates {
    /// `sslrootcert=system`: those of the operating system.
    System,
    /// A PEM file; relative paths start at the folder of the Prisma schema.
    File(String),
}

/// What a URL says about encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssl {
    /// `sslmode`.
    pub mode: SslMode,
    /// `sslaccept`, if given.
    pub accept: Option<SslAccept>,
    /// `sslrootcert`; or Prisma's `sslcert`, which means the authority's certificate there.
    pub root: Option<RootCertificates>,
    /// The client's certificate and key: libpq's `sslcert` together with `sslkey`.
    pub client: Option<ClientCertificate>,
    /// Prisma's `sslidentity`: the path of a PKCS #12 file, which we do not read.
    pub identity: Option<String>,
    /// `sslpassword`, of the identity.
    pub password: Option<Password>,
}

/// Paths of PEM files that prove who the client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// `sslcert`.
    pub certificate: String,
    /// `sslkey`.
    pub key: String,
}

/// A parsed URL. `{:?}` is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// A host name, an address without brackets, or the folder of a unix socket.
    pub host: String,
    /// The port; 5432 when not given.
    pub port: u16,
    /// The user; empty when the URL names none, then the server decides.
    pub user: String,
    /// The password, if the URL has one.
    pub password: Option<Password>,
    /// The database; `postgres` when the URL has no path, as under Prisma.
    pub database: String,
    /// `schema`: the namespace of the ledger and of unqualified names; `public` by default.
    pub schema: String,
    /// `pgbouncer=true`: Prisma is told that a transaction pooler is in between.
    pub pgbouncer: bool,
    /// `connection_limit`, which means nothing to a single session.
    pub connection_limit: Option<u32>,
    /// `connect_timeout`; 5 s by default, `None` for 0, which is "no limit" in the URL.
    pub connect_timeout: Option<Duration>,
    /// `pool_timeout`, in the URL in seconds.
    pub pool_timeout: Option<Duration>,
    /// `socket_timeout`, in the URL in seconds.
    pub socket_timeout: Option<Duration>,
    /// `statement_cache_size`.
    pub statement_cache_size: Option<u32>,
    /// `application_name`.
    pub application_name: Option<String>,
    /// `options`: start-up options for the server.
    pub options: Option<String>,
    /// Encryption.
    pub ssl: Ssl,
    /// Parameters that nobody here knows, in the URL's order. They have no effect.
    pub unknown_parameters: Vec<String>,
}

impl DatabaseUrl {
    /// The namespace when the URL has no `schema`.
    pub const DEFAULT_SCHEMA: &str = "public";

    /// Parses a URL. Spaces around it are ignored.
    ///
    /// # Errors
    /// [`UrlError`] for another protocol, a part that cannot be read, or a parameter whose value
    /// makes no sense; each with a hint.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let url = url.trim_matches(|c: char| c <= ' ');
        let parts = Parts::split(url)?;
        let mut parsed = Self {
            host: percent_decoded(parts.host, "host")?,
            port: parts.port.unwrap_or(5432),
            user: percent_decoded(parts.user, "user")?,
            password: match parts.password {
                Some(password) => Some(Password(percent_decoded(password, "password")?)),
                None => None,
            },
            database: percent_decoded(parts.database, "database")?,
            schema: Self::DEFAULT_SCHEMA.to_owned(),
            pgbouncer: false,
            connection_limit: None,
            connect_timeout: Some(Duration::from_secs(5)),
            pool_timeout: Some(Duration::from_secs(10)),
            socket_timeout: None,
            statement_cache_size: None,
            application_name: None,
            options: None,
            ssl: Ssl {
                mode: SslMode::Prefer,
                accept: None,
                root: None,
                client: None,
                identity: None,
                password: None,
            },
            unknown_parameters: Vec::new(),
        };
        parsed.read_parameters(parts.query)?;
        if parsed.host.is_empty() {
            parsed.host = "localhost".to_owned();
        }
        if parsed.database.is_empty() {
            parsed.database = "postgres".to_owned();
        }
        Ok(parsed)
    }

    fn read_parameters(&mut self, query: &str) -> Result<(), UrlError> {
        let (mut certificate, mut key, mut root) = (None, None, None);
        for (name, value) in query_pairs(query)? {
            match name.as_str() {
                "schema" => self.schema = value,
                "host" => self.host = value,
                "port" => self.port = number(&name, &value)?,
                "user" => self.user = value,
                "password" => self.password = Some(Password(value)),
                "dbname" => self.database = value,
                "pgbouncer" => self.pgbouncer = boolean(&name, &value)?,
                "connection_limit" => self.connection_limit = Some(number(&name, &value)?),
                "connect_timeout" => self.connect_timeout = seconds(&name, &value)?,
                "pool_timeout" => self.pool_timeout = seconds(&name, &value)?,
                "socket_timeout" => self.socket_timeout = seconds(&name, &value)?,
                "statement_cache_size" => self.statement_cache_size = Some(number(&name, &value)?),
                "application_name" => self.application_name = Some(value),
                "options" => self.options = Some(value),
                "sslmode" => self.ssl.mode = ssl_mode(&value)?,
                "sslaccept" => self.ssl.accept = Some(ssl_accept(&value)?),
                "sslrootcert" => root = Some(value),
                "sslcert" => certificate = Some(value),
                "sslkey" => key = Some(value),
                "sslidentity" => self.ssl.identity = Some(value),
                "sslpassword" => self.ssl.password = Some(Password(value)),
                // Known to Prisma's client or to libpq, without meaning for one session of ours.
                "max_connection_lifetime"
                | "max_idle_connection_lifetime"
                | "single_use_connections"
                | "channel_binding"
                | "connection_timeout"
                | "keepalives"
                | "target_session_attrs" => {}
                _ => self.unknown_parameters.push(name),
            }
        }
        self.ssl.root = root.map(|root| match root.as_str() {
            "system" => RootCertificates::System,
            _ => RootCertificates::File(root),
        });
        match (certificate, key) {
            (Some(certificate), Some(key)) => self.ssl.client = Some(ClientCertificate { certificate, key }),
            (Some(certificate), None) if self.ssl.root.is_none() => {
                self.ssl.root = Some(RootCertificates::File(certificate));
            }
            (Some(_), None) => return Err(UrlError::CertificateWithoutKey),
            (None, Some(_)) => return Err(UrlError::KeyWithoutCertificate),
            (None, None) => {}
        }
        Ok(())
    }

    /// Whether the host is the folder of a unix socket.
    pub fn is_socket(&self) -> bool {
        self.host.starts_with('/') || self.host.starts_with('@')
    }

    /// `host:port`, as Prisma shows a server.
    pub fn server(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The URL for people: no password, and only the parameters that change what is connected to.
    pub fn redacted(&self) -> String {
        let user = match (self.user.as_str(), &self.password) {
            ("", None) => String::new(),
            (user, None) => format!("{user}@"),
            (user, Some(password)) => format!("{user}:{password}@"),
        };
        let (server, socket) = match self.is_socket() {
            true => (format!(":{}", self.port), format!("host={}", self.host)),
            false => (self.server(), String::new()),
        };
        let schema = match self.schema.as_str() {
            Self::DEFAULT_SCHEMA => String::new(),
            schema => format!("schema={schema}"),
        };
        let query =
            [socket, schema].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        format!("postgresql://{user}{server}/{}{mark}{query}", self.database)
    }
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, UrlError> {
    value.parse().map_err(|_| UrlError::Parameter { name: name.to_owned(), expected: "a number" })
}

/// A span of seconds; 0 means no limit, as in Prisma.
fn seconds(name: &str, value: &str) -> Result<Option<Duration>, UrlError> {
    let seconds: u32 = number(name, value)?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds.into())))
}

fn boolean(name: &str, value: &str) -> Result<bool, UrlError> {
    value.parse().map_err(|_| UrlError::Parameter { name: name.to_owned(), expected: "true or false" })
}

/// Prisma takes any word it does not know for `prefer`, `verify-full` included. A misspelt mode
/// would thereby switch verification off, so here it is an error.
fn ssl_mode(value: &str) -> Result<SslMode, UrlError> {
    match value {
        "disable" => Ok(SslMode::Disable),
        "allow" | "prefer" => Ok(SslMode::Prefer),
        "require" => Ok(SslMode::Require),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-full" => Ok(SslMode::VerifyFull),
        _ => Err(UrlError::Parameter {
            name: "sslmode".to_owned(),
            expected: "one of disable, prefer, require, verify-ca, verify-full",
        }),
    }
}

fn ssl_accept(value: &str) -> Result<SslAccept, UrlError> {
    match value {
        "strict" => Ok(SslAccept::Strict),
        "accept_invalid_certs" => Ok(SslAccept::AcceptInvalidCerts),
        _ => Err(UrlError::Parameter {
            name: "sslaccept".to_owned(),
            expected: "strict or accept_invalid_certs",
        }),
    }
}

#[cfg(test)]
mod tests;
