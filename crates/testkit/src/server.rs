//! Scratch PostgreSQL servers and databases.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};
use underpin_shadow::{Installation, Shadow, ShadowError, StartOptions, Wanted, find_or_fetch};

/// How long a client that was dropped may take to go on a busy machine.
const LEAVING: Duration = Duration::from_secs(60);

/// The majors that the tests run on: `UNDERPIN_TEST_MAJORS`, else 14 to 18.
///
/// # Panics
/// When the variable is no list of numbers, or an empty one: nothing would be tested.
pub fn majors() -> Vec<u32> {
    let list = std::env::var("UNDERPIN_TEST_MAJORS").unwrap_or_else(|_| "14,15,16,17,18".to_owned());
    parse_majors(&list).unwrap_or_else(|| panic!("UNDERPIN_TEST_MAJORS is no list of majors: {list:?}"))
}

/// The oldest and the newest of [`majors`], for what takes minutes and depends little on the major; all of
/// them when `UNDERPIN_TEST_MATRIX` is set, as `./run matrix` does.
///
/// # Panics
/// As [`majors`].
pub fn outer_majors() -> Vec<u32> {
    let mut outer = majors();
    if std::env::var_os("UNDERPIN_TEST_MATRIX").is_none() && outer.len() > 2 {
        outer.drain(1..outer.len() - 1);
    }
    outer
}

/// One of [`outer_majors`], the one whose turn it is, for what takes long and is repeated for other input; all of
/// [`majors`] when `UNDERPIN_TEST_MATRIX` is set.
///
/// # Panics
/// As [`majors`].
pub fn major_by_turn(turn: usize) -> Vec<u32> {
    let outer = outer_majors();
    if std::env::var_os("UNDERPIN_TEST_MATRIX").is_some() { outer } else { vec![outer[turn % outer.len()]] }
}

fn parse_majors(list: &str) -> Option<Vec<u32>> {
    let majors: Option<Vec<u32>> = list.split(',').map(|major| major.trim().parse().ok()).collect();
    majors.filter(|majors| !majors.is_empty())
}

/// A server that this process has for itself, on the loopback and a private socket; gone with the process.
#[derive(Debug)]
pub struct Server {
    shadow: Shadow,
    made: AtomicU32,
    /// Databases whose owners are gone: dropped before the next one is made, because a value's end cannot
    /// wait for a server.
    discarded: Mutex<Vec<String>>,
}

impl Server {
    /// The server of this major that all tests of this binary share: not durable, connections for many.
    /// Take a [`Database`] each. It starts at the first call, in a fraction of a second.
    ///
    /// # Panics
    /// When the major can be neither found nor fetched, or does not start.
    pub async fn shared(major: u32) -> &'static Server {
        static SERVERS: Mutex<BTreeMap<u32, &'static OnceCell<Server>>> = Mutex::new(BTreeMap::new());
        let cell = {
            let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
            *servers.entry(major).or_insert_with(|| Box::leak(Box::default()))
        };
        cell.get_or_init(|| async {
            let settings = vec![("max_connections".to_owned(), "300".to_owned())];
            let options = StartOptions { tcp: true, settings, ..StartOptions::default() };
            Self::start(major, options).await.unwrap_or_else(|error| panic!("no PostgreSQL {major}: {error}"))
        })
        .await
    }

    /// A server of one's own: to crash it, to measure on it, to give it other settings. It listens on TCP
    /// whatever the options say, so that Prisma and poolers reach it.
    ///
    /// # Errors
    /// When the major can be neither found nor fetched, or does not start.
    pub async fn start(major: u32, options: StartOptions) -> Result<Server, ShadowError> {
        let shadow =
            Shadow::start(&installation(major).await?, &StartOptions { tcp: true, ..options }).await?;
        Ok(Self { shadow, made: AtomicU32::new(0), discarded: Mutex::default() })
    }

    /// A new, empty database, whose name begins with `stem`.
    ///
    /// # Panics
    /// When the server does not make it.
    pub async fn database(&self, stem: &str) -> Database<'_> {
        self.create(stem, "").await
    }

    /// A copy of another database, when nobody is connected to it any more. File by file: through the WAL,
    /// the default since 15, a large one takes several times as long.
    ///
    /// # Panics
    /// When the server does not make it, or somebody stays connected.
    pub async fn copy_of(&self, original: &Database<'_>, stem: &str) -> Database<'_> {
        original.left_alone().await;
        let strategy = if self.major() >= 15 { " STRATEGY file_copy" } else { "" };
        self.create(stem, &format!(" TEMPLATE \"{}\"{strategy}", original.name)).await
    }

    async fn create(&self, stem: &str, from: &str) -> Database<'_> {
        let admin = self.client("postgres").await;
        let discarded = std::mem::take(&mut *self.discarded.lock().unwrap_or_else(PoisonError::into_inner));
        for name in discarded {
            // Best effort: whoever still holds it open may keep it, it goes with the server.
            let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await;
        }
        let stem: String = stem.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
        let name = format!("{}_{}", stem.to_lowercase(), self.made.fetch_add(1, Ordering::Relaxed));
        let made = admin.batch_execute(&format!("CREATE DATABASE \"{name}\"{from}")).await;
        made.unwrap_or_else(|error| panic!("cannot create the database {name}: {error:?}"));
        Database { server: self, name }
    }

    /// A session on a database of this server, as superuser.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn client(&self, database: &str) -> Client {
        connect(&self.shadow.config(database)).await
    }

    /// The server itself: its log, its process, crash and restart.
    pub fn shadow(&self) -> &Shadow {
        &self.shadow
    }

    /// The same, to crash and restart it.
    pub fn shadow_mut(&mut self) -> &mut Shadow {
        &mut self.shadow
    }

    /// The major of its version.
    pub fn major(&self) -> u32 {
        self.shadow.version().major()
    }
}

/// A database for one test. Its server drops it some time after this value is gone.
pub struct Database<'a> {
    server: &'a Server,
    name: String,
}

impl Database<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The major of its server.
    pub fn major(&self) -> u32 {
        self.server.major()
    }

    /// Its address over TCP, with the password: for Prisma, for the command line, for poolers.
    pub fn url(&self) -> String {
        self.server.shadow.url(&self.name)
    }

    /// How to connect to it as superuser.
    pub fn config(&self) -> Config {
        self.server.shadow.config(&self.name)
    }

    /// A session as superuser.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn client(&self) -> Client {
        connect(&self.config()).await
    }

    /// Runs a script in one session.
    ///
    /// # Panics
    /// When a statement fails.
    pub async fn run(&self, sql: &str) {
        let done = self.client().await.batch_execute(sql).await;
        done.unwrap_or_else(|error| panic!("{error:?} in: {sql}"));
    }

    /// What a query answers, a line of text a row, cells divided by `|`, NULL as `-`.
    ///
    /// # Panics
    /// When it fails.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        let answers = self.client().await.simple_query(query).await;
        let answers = answers.unwrap_or_else(|error| panic!("{error:?} in: {query}"));
        let line = |row: &SimpleQueryRow| {
            let cells: Vec<&str> = (0..row.len()).map(|at| row.get(at).unwrap_or("-")).collect();
            cells.join("|")
        };
        answers
            .iter()
            .filter_map(|answer| match answer {
                SimpleQueryMessage::Row(row) => Some(line(row)),
                _ => None,
            })
            .collect()
    }

    /// Waits until no session is connected to it: a client that is dropped takes a moment to go.
    ///
    /// # Panics
    /// When somebody stays.
    pub async fn left_alone(&self) {
        let admin = self.server.client("postgres").await;
        let begun = Instant::now();
        let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
        loop {
            let count = admin.query_one(query, &[&self.name]).await;
            let count: i64 = count.unwrap_or_else(|error| panic!("{error:?} in: {query}")).get(0);
            if count == 0 {
                return;
            }
            assert!(begun.elapsed() < LEAVING, "{count} sessions stay connected to {}", self.name);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl fmt::Debug for Database<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        self.server.discarded.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }
}

/// The binaries of a major: found on this machine or fetched once.
///
/// # Errors
/// When there are none and they cannot be fetched.
pub async fn installation(major: u32) -> Result<Installation, ShadowError> {
    find_or_fetch(&Wanted::of_major(major)).await
}

/// Connects, and leaves the connection to the current runtime.
pub(crate) async fn connect(config: &Config) -> Client {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .unwrap_or_else(|error| panic!("cannot connect to the scratch server: {error:?}"));
    tokio::spawn(connection);
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_majors_is_read_or_refused() {
        assert_eq!(parse_majors("14, 18"), Some(vec![14, 18]));
        assert_eq!(parse_majors(""), None);
        assert_eq!(parse_majors("17,next"), None);
    }
}
