//! Opening a session on the target: encryption as the URL says, the settings that every session of
//! ours has, and why it did not work.
//!
//! What every session sets, and why:
//!
//! - `client_connection_check_interval = 1s` (PostgreSQL 14 and later, and only where the server's
//!   system can tell): without it a killed migrator's statement runs on, and its queued lock blocks
//!   the application. TCP keepalives on both ends do the same for a machine that vanished.
//! - `search_path` to the URL's `schema`, as Prisma does, so that unqualified names and the ledger
//!   are found where Prisma put them.
//! - `idle_session_timeout = 0` (14) and `transaction_timeout = 0` (17), so that a role's or database's
//!   limits end no session that holds Prisma's lock and no long build.
//! - `TimeZone = UTC` and `standard_conforming_strings = on`, so that a role's or database's own
//!   settings cannot change what a script means.
//! - `lock_timeout = 5s`, for questions about tables that somebody has locked against everybody; what
//!   changes tables sets its own.
//! - `jit = off` (PostgreSQL 11 and later): on a catalog without statistics, estimates are so high that
//!   compiling a query of ours takes a second (PostgreSQL 15), and executing it a few milliseconds.
//!
//! It opens one session and keeps no pool; it neither retries nor decides whether the server is fit
//! for migrations. No wait here is without a limit.

mod cancel;
mod error;
mod tls;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode as WireMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, SimpleQueryMessage, Statement};
use underpin_catalog::{Name, ServerVersion};
use underpin_prisma::DatabaseUrl;

pub use cancel::Canceller;
pub use error::{ConnectError, ConnectFault};
use tls::Encryption;

/// What the caller adds to the URL.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Shown in `pg_stat_activity`, unless the URL names an application itself.
    pub application_name: String,
    /// Where relative certificate paths of the URL start: the Prisma schema's folder.
    pub certificate_folder: PathBuf,
    /// The limit when the URL has `connect_timeout=0`, which is "none" in Prisma.
    pub connect_timeout_max: Duration,
}

impl ConnectOptions {
    /// Options with a name for the session; certificate paths start at the current folder.
    pub fn new(application_name: impl Into<String>) -> Self {
        Self {
            application_name: application_name.into(),
            certificate_folder: PathBuf::from("."),
            connect_timeout_max: Duration::from_secs(60),
        }
    }
}

/// An open session.
#[derive(Debug)]
pub struct Connection {
    /// The session. Dropping it ends the session.
    pub client: Client,
    /// What moves the bytes; it ends with the session, with the reason when that was an error.
    pub driver: JoinHandle<Result<(), tokio_postgres::Error>>,
    /// Cancels the session's running statement, from any task, over a connection of its own.
    pub canceller: Canceller,
    /// The server's version.
    pub server_version: ServerVersion,
    /// The session's process on the server, as `pg_stat_activity` shows it.
    pub backend_pid: i32,
    /// Whether the session is encrypted.
    pub is_encrypted: bool,
    /// Whether the server notices within a second that this client is gone. False before
    /// PostgreSQL 14, and on systems where the server cannot watch a socket.
    pub notices_dead_client: bool,
    prepared: Prepared,
}

/// Statements that this session has prepared, by their text.
type Prepared = Mutex<HashMap<&'static str, Statement>>;

impl Connection {
    /// The answer to a question that is asked for every migration. The server parses and plans it once a
    /// session, which for a query over the catalog takes longer than executing it.
    pub(crate) async fn rows(
        &self,
        query: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(query).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                let statement = self.client.prepare(query).await?;
                let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
                prepared.insert(query, statement.clone());
                statement
            }
        };
        self.client.query(&statement, parameters).await
    }
}

/// Opens a session.
///
/// # Errors
/// [`ConnectError`], which says what is wrong, where, Prisma's code for it, and what to do.
pub async fn connect(url: &DatabaseUrl, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let limit = url.connect_timeout.unwrap_or(options.connect_timeout_max);
    let failed = |fault| ConnectError::new(url, fault);
    let encryption = Encryption::of(url, &options.certificate_folder).map_err(failed)?;
    match tokio::time::timeout(limit, open(url, options, encryption)).await {
        Ok(opened) => opened.map_err(failed),
        Err(_) => Err(failed(ConnectFault::TimedOut { after: limit })),
    }
}

async fn open(
    url: &DatabaseUrl,
    options: &ConnectOptions,
    encryption: Encryption,
) -> Result<Connection, ConnectFault> {
    let config = wire_config(url, options, encryption.wire_mode());
    // The two kinds of connection have different types, so both are driven here and forgotten.
    let (client, driver) = match encryption.connector() {
        Some(tls) => {
            let (client, connection) = config.connect(tls).await.map_err(ConnectFault::of)?;
            (client, tokio::spawn(connection))
        }
        None => {
            let (client, connection) = config.connect(NoTls).await.map_err(ConnectFault::of)?;
            (client, tokio::spawn(connection))
        }
    };
    let canceller = Canceller::new(client.cancel_token(), encryption);
    let identity = set_up(&client, url).await?;
    let notices_dead_client = set_for_version(&client, identity.server_version).await?;
    Ok(Connection {
        client,
        driver,
        canceller,
        server_version: identity.server_version,
        backend_pid: identity.backend_pid,
        is_encrypted: identity.is_encrypted,
        notices_dead_client,
        prepared: Prepared::default(),
    })
}

fn wire_config(url: &DatabaseUrl, options: &ConnectOptions, mode: WireMode) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config
        .host(&url.host)
        .port(url.port)
        .dbname(&url.database)
        .ssl_mode(mode)
        .application_name(url.application_name.as_ref().unwrap_or(&options.application_name))
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(KEEPALIVE_IDLE_S))
        .keepalives_interval(Duration::from_secs(KEEPALIVE_INTERVAL_S))
        .keepalives_retries(KEEPALIVE_COUNT)
        .tcp_user_timeout(UNANSWERED);
    if !url.user.is_empty() {
        config.user(&url.user);
    }
    if let Some(password) = &url.password {
        config.password(password.expose());
    }
    if let Some(startup) = &url.options {
        config.options(startup);
    }
    config
}

/// A peer that vanished without a word is noticed after about 25 s.
const KEEPALIVE_IDLE_S: u64 = 10;
const KEEPALIVE_INTERVAL_S: u64 = 5;
const KEEPALIVE_COUNT: u32 = 3;

/// The same for a peer that vanished while it was spoken to: Linux sends no keepalives while bytes wait for
/// their acknowledgement, and repeats those for a quarter of an hour.
const UNANSWERED: Duration = Duration::from_secs(25);

struct Identity {
    server_version: ServerVersion,
    backend_pid: i32,
    is_encrypted: bool,
}

/// One round trip, in the simple protocol, which poolers and every version understand.
async fn set_up(client: &Client, url: &DatabaseUrl) -> Result<Identity, ConnectFault> {
    let script = format!(
        "SET standard_conforming_strings = on; SET TimeZone = 'UTC'; SET search_path = {}; \
         SELECT version(), current_setting('server_version_num'), pg_catalog.pg_backend_pid(), \
         EXISTS (SELECT FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid() AND ssl)",
        Name::new(&url.schema)
    );
    let messages = client.simple_query(&script).await.map_err(ConnectFault::of)?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let column = |index| row.and_then(|row| row.get(index)).unwrap_or_default();
    let product = column(0);
    if let Some(other) = OTHER_PRODUCTS.iter().find(|name| product.contains(*name)) {
        return Err(ConnectFault::OtherProduct { name: (*other).trim_matches('-').to_owned() });
    }
    let number: u32 =
        column(1).parse().map_err(|_| ConnectFault::OtherProduct { name: product.to_owned() })?;
    Ok(Identity {
        server_version: ServerVersion::from_number(number),
        backend_pid: column(2).parse().unwrap_or_default(),
        is_encrypted: column(3) == "t",
    })
}

/// Words in `version()` of servers that speak the protocol and lock in other ways.
const OTHER_PRODUCTS: [&str; 3] = ["CockroachDB", "-YB-", "Redshift"];

/// Takes off the limits under which a role or a database lets its sessions live: the session that holds
/// Prisma's lock is idle while another one builds an index, and a build is a long transaction.
fn without_limits(version: ServerVersion) -> &'static str {
    match version.major() {
        0..14 => "",
        14..17 => "; SET idle_session_timeout = 0",
        _ => "; SET idle_session_timeout = 0; SET transaction_timeout = 0",
    }
}

/// What depends on the version. Answers whether the server notices within a second that we are gone.
async fn set_for_version(client: &Client, version: ServerVersion) -> Result<bool, ConnectFault> {
    let mut settings = format!(
        "SET tcp_keepalives_idle = {KEEPALIVE_IDLE_S}; SET tcp_keepalives_interval = {KEEPALIVE_INTERVAL_S}; \
         SET tcp_keepalives_count = {KEEPALIVE_COUNT}; SET lock_timeout = '5s'{}",
        without_limits(version)
    );
    if version.major() >= 11 {
        settings.push_str("; SET jit = off");
    }
    if version.major() < 14 {
        return client.batch_execute(&settings).await.map(|()| false).map_err(ConnectFault::of);
    }
    match client.batch_execute(&format!("{settings}; SET client_connection_check_interval = '1s'")).await {
        Ok(()) => Ok(true),
        // 22023: the server's system cannot watch a socket, so only 0 is allowed there.
        Err(error) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => {
            client.batch_execute(&settings).await.map(|()| false).map_err(ConnectFault::of)
        }
        Err(error) => Err(ConnectFault::of(error)),
    }
}
