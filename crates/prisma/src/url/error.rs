//! Why a connection URL cannot be used. No variant holds the URL or a secret part of it.

use thiserror::Error;

/// A URL that no session can be opened with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// The variable or literal is empty.
    #[error("the connection URL is empty")]
    Empty,
    /// No `scheme://` at all.
    #[error("the connection URL does not start with `postgresql://` or `postgres://`")]
    NoProtocol,
    /// A URL of Prisma Postgres or Accelerate.
    #[error("`{protocol}://` leads to Prisma's proxy, which runs no migrations")]
    PrismaProxy {
        /// `prisma` or `prisma+postgres`.
        protocol: String,
    },
    /// A URL of another database.
    #[error("`{protocol}://` is not a PostgreSQL connection")]
    OtherProtocol {
        /// The word before `://`.
        protocol: String,
    },
    /// The port is not a number between 0 and 65535.
    #[error("the port of the connection URL is not a number")]
    Port,
    /// Several hosts, as libpq allows.
    #[error("the connection URL names several hosts")]
    SeveralHosts,
    /// A character that a host cannot have; nearly always one of an unescaped password.
    #[error("the host of the connection URL has a character that no host has")]
    Host,
    /// A `%` that is not followed by two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the {part} of the connection URL is not percent-encoded text")]
    Encoding {
        /// Which part.
        part: &'static str,
    },
    /// A parameter whose value makes no sense.
    #[error("the connection URL's `{name}` must be {expected}")]
    Parameter {
        /// The parameter.
        name: String,
        /// What it may be.
        expected: &'static str,
    },
    /// `sslcert` beside `sslrootcert`, and no `sslkey`.
    #[error("the connection URL has a client certificate (`sslcert`) without its key")]
    CertificateWithoutKey,
    /// `sslkey` alone.
    #[error("the connection URL has a client key (`sslkey`) without its certificate")]
    KeyWithoutCertificate,
}

impl UrlError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "set the variable to postgresql://user:password@host:5432/database",
            Self::NoProtocol => {
                "write postgresql://user:password@host:5432/database; quotes around it in a shell or \
                 container variable become part of the value"
            }
            Self::PrismaProxy { .. } => {
                "migrations need the database itself: put its postgresql:// URL in `directUrl` (Prisma 5 \
                 and 6) or in prisma.config's `datasource.url` (Prisma 7), or pass --url"
            }
            Self::OtherProtocol { .. } => "only PostgreSQL is supported: postgresql:// or postgres://",
            Self::Port | Self::Host => {
                "percent-encode special characters of user and password: @ is %40, : is %3A, / is %2F, \
                 # is %23, ? is %3F"
            }
            Self::SeveralHosts => "name the primary alone: migrations run on one server",
            Self::Encoding { .. } => "write a literal % as %25",
            Self::Parameter { .. } => "correct the parameter or leave it out",
            Self::CertificateWithoutKey => "add sslkey=/path/to/client.key",
            Self::KeyWithoutCertificate => "add sslcert=/path/to/client.crt",
        }
    }
}
