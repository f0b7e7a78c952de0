//! Why a session could not be opened, for the person who can change it.

use std::error::Error as _;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rustls::CertificateError;
use tokio_postgres::error::SqlState;
use underpin_prisma::DatabaseUrl;

/// A session that could not be opened: what is wrong, and on which server.
#[derive(Debug)]
pub struct ConnectError {
    /// What is wrong.
    pub fault: ConnectFault,
    server: String,
    database: String,
    user: String,
    is_socket: bool,
}

/// What is wrong, apart from where.
#[derive(Debug)]
pub enum ConnectFault {
    /// Nobody listens there, or the name is not known.
    Unreachable(tokio_postgres::Error),
    /// No answer within the limit.
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The server does not accept the user or the password (28P01, 28000).
    Authentication(tokio_postgres::Error),
    /// The server wants a password and the URL has none.
    PasswordMissing,
    /// There is no such database (3D000).
    NoDatabase,
    /// The user may not use the database (42501).
    Denied(tokio_postgres::Error),
    /// All connections are taken (53300).
    TooManyConnections(tokio_postgres::Error),
    /// The server starts, stops or recovers (57P03, 57P01, 57P02).
    NotReady(tokio_postgres::Error),
    /// The server has no TLS, and the URL demands it.
    NoTls,
    /// The certificate comes from an authority that is not known here.
    UnknownAuthority,
    /// The certificate is somebody else's.
    WrongHost,
    /// Another problem of the certificate, such as its age.
    Certificate(CertificateError),
    /// TLS failed for another reason.
    Tls(String),
    /// A certificate file of the URL cannot be used.
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The URL has Prisma's `sslidentity`, a PKCS #12 file.
    IdentityUnsupported,
    /// A server that only speaks PostgreSQL's protocol.
    OtherProduct {
        /// Its name.
        name: String,
    },
    /// Anything else the server or the connection said.
    Other(tokio_postgres::Error),
}

impl ConnectFault {
    pub(super) fn of(error: tokio_postgres::Error) -> Self {
        if let Some(database) = error.as_db_error() {
            let code = database.code();
            return match code {
                c if *c == SqlState::INVALID_PASSWORD
                    || *c == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
                {
                    Self::Authentication(error)
                }
                c if *c == SqlState::UNDEFINED_DATABASE || *c == SqlState::INVALID_CATALOG_NAME => {
                    Self::NoDatabase
                }
                c if *c == SqlState::INSUFFICIENT_PRIVILEGE => Self::Denied(error),
                c if *c == SqlState::TOO_MANY_CONNECTIONS => Self::TooManyConnections(error),
                c if *c == SqlState::CANNOT_CONNECT_NOW
                    || *c == SqlState::ADMIN_SHUTDOWN
                    || *c == SqlState::CRASH_SHUTDOWN =>
                {
                    Self::NotReady(error)
                }
                _ => Self::Other(error),
            };
        }
        let causes: Vec<_> = std::iter::successors(error.source(), |cause| (*cause).source()).collect();
        for cause in &causes {
            // The wire's own faults have no types, only words.
            match cause.to_string().as_str() {
                "server does not support TLS" => return Self::NoTls,
                "password missing" => return Self::PasswordMissing,
                _ => {}
            }
            if let Some(io) = cause.downcast_ref::<std::io::Error>() {
                if let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                    return Self::of_tls(tls);
                }
                return Self::Unreachable(error);
            }
        }
        if causes.is_empty() && error.to_string().contains("timeout") {
            return Self::Unreachable(error);
        }
        Self::Other(error)
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownAuthority,
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::WrongHost,
            rustls::Error::InvalidCertificate(other) => Self::Certificate(other.clone()),
            other => Self::Tls(other.to_string()),
        }
    }

    /// Prisma's code for the same fault, where it has one.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Authentication(_) | Self::PasswordMissing => Some("P1000"),
            Self::Unreachable(_) | Self::NotReady(_) => Some("P1001"),
            Self::TimedOut { .. } => Some("P1002"),
            Self::NoDatabase => Some("P1003"),
            Self::Denied(_) => Some("P1010"),
            Self::NoTls
            | Self::UnknownAuthority
            | Self::WrongHost
            | Self::Certificate(_)
            | Self::Tls(_)
            | Self::CertificateFile { .. }
            | Self::IdentityUnsupported => Some("P1011"),
            Self::TooManyConnections(_) => Some("P2037"),
            Self::OtherProduct { .. } | Self::Other(_) => None,
        }
    }

    fn server_words(error: &tokio_postgres::Error) -> String {
        match error.as_db_error() {
            Some(database) => database.message().to_owned(),
            None => std::iter::successors(error.source(), |cause| (*cause).source())
                .last()
                .map_or_else(|| error.to_string(), ToString::to_string),
        }
    }
}

impl ConnectError {
    pub(super) fn new(url: &DatabaseUrl, fault: ConnectFault) -> Self {
        Self {
            fault,
            server: url.server(),
            database: url.database.clone(),
            user: url.user.clone(),
            is_socket: url.is_socket(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        let server = &self.server;
        match &self.fault {
            ConnectFault::Unreachable(_) if self.is_socket => {
                "check that the server runs and that its unix_socket_directories has this folder".to_owned()
            }
            ConnectFault::Unreachable(_) => format!(
                "check host and port, that the server runs, and that a firewall lets this machine reach {server}"
            ),
            ConnectFault::TimedOut { .. } => format!(
                "something between here and {server} drops or delays packets, or the server is overloaded; \
                 a longer limit is ?connect_timeout=30"
            ),
            ConnectFault::Authentication(error) => {
                let words = ConnectFault::server_words(error);
                match words.contains("no encryption") || words.contains("SSL off") {
                    true => "the server accepts this user only with TLS: add sslmode=require".to_owned(),
                    false if words.contains("pg_hba.conf") => {
                        "the server's pg_hba.conf has no line for this user, database and address".to_owned()
                    }
                    false => "check user and password; special characters must be percent-encoded (@ is %40, \
                              # is %23, / is %2F)"
                        .to_owned(),
                }
            }
            ConnectFault::PasswordMissing => "write it as postgresql://user:password@host/database".to_owned(),
            ConnectFault::NoDatabase => format!(
                "check the name behind the slash of the URL, or create it: CREATE DATABASE {}",
                underpin_catalog::Name::new(&self.database)
            ),
            ConnectFault::Denied(_) => format!(
                "let an administrator run: GRANT CONNECT ON DATABASE {} TO {}",
                underpin_catalog::Name::new(&self.database),
                underpin_catalog::Name::new(&self.user)
            ),
            ConnectFault::TooManyConnections(_) => {
                "close idle sessions (pg_stat_activity), lower the application's connection_limit, or raise \
                 max_connections"
                    .to_owned()
            }
            ConnectFault::NotReady(_) => "wait until the server accepts connections, then try again".to_owned(),
            ConnectFault::NoTls => {
                "switch TLS on in the server (ssl = on), or accept a plain connection with sslmode=disable".to_owned()
            }
            ConnectFault::UnknownAuthority => {
                "name the authority's certificate: sslrootcert=/path/to/ca.pem (sslrootcert=system for those of \
                 the operating system)"
                    .to_owned()
            }
            ConnectFault::WrongHost => {
                "connect by the name that the certificate was issued for, or check the chain alone with \
                 sslmode=verify-ca"
                    .to_owned()
            }
            ConnectFault::Certificate(_) | ConnectFault::Tls(_) => {
                "look at the certificate: openssl s_client -starttls postgres -connect host:port".to_owned()
            }
            ConnectFault::CertificateFile { .. } => {
                "give the path of a PEM file; relative paths start at the folder of the Prisma schema".to_owned()
            }
            ConnectFault::IdentityUnsupported => {
                "convert it (openssl pkcs12 -in client.p12 -out client.pem -nodes), then use \
                 sslcert=client.pem&sslkey=client.pem with sslrootcert"
                    .to_owned()
            }
            ConnectFault::OtherProduct { .. } => "underpin knows the locks of PostgreSQL alone".to_owned(),
            ConnectFault::Other(_) => "the server's log may say more".to_owned(),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, database, user, .. } = self;
        match &self.fault {
            ConnectFault::Unreachable(_) => write!(f, "can't reach database server at `{server}`: "),
            ConnectFault::TimedOut { .. } => write!(f, "database server at `{server}` gave no answer: "),
            ConnectFault::Authentication(_) | ConnectFault::PasswordMissing => {
                write!(f, "authentication failed for `{user}` at `{server}`: ")
            }
            ConnectFault::NoDatabase => {
                return write!(f, "database `{database}` does not exist on the server at `{server}`");
            }
            ConnectFault::Denied(_) => {
                write!(f, "user `{user}` was denied access on the database `{database}`: ")
            }
            _ => write!(f, "connection to `{server}` failed: "),
        }?;
        self.fault.fmt(f)
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error)
            | Self::Authentication(error)
            | Self::Denied(error)
            | Self::TooManyConnections(error)
            | Self::NotReady(error)
            | Self::Other(error) => f.write_str(&Self::server_words(error)),
            Self::TimedOut { after } => write!(f, "no answer within {} s", after.as_secs_f32()),
            Self::PasswordMissing => f.write_str("the server wants a password and the URL has none"),
            Self::NoDatabase => f.write_str("the database does not exist"),
            Self::NoTls => f.write_str("the server does not support TLS"),
            Self::UnknownAuthority => f.write_str("the server's certificate comes from an unknown authority"),
            Self::WrongHost => f.write_str("the server's certificate was issued for another host"),
            Self::Certificate(error) => write!(f, "the server's certificate is not valid: {error}"),
            Self::Tls(words) => write!(f, "TLS failed: {words}"),
            Self::CertificateFile { path, reason } => {
                write!(f, "certificate file {} cannot be used: {reason}", path.display())
            }
            Self::IdentityUnsupported => f.write_str("sslidentity (PKCS #12) is not supported"),
            Self::OtherProduct { name } => write!(f, "the server is not PostgreSQL but {name}"),
        }
    }
}

impl std::error::Error for ConnectError {}
impl std::error::Error for ConnectFault {}
