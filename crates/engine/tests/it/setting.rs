//! What the tests of a deploy share: a target from SQL texts or a corpus history, a request, and what
//! they look at afterwards.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use underpin_catalog::{Catalog, differences};
use underpin_core::event::{Blocker, Event, WaitReason};
use underpin_core::plan::Mode;
use underpin_core::settings::Settings;
use underpin_engine::deploy::{Outcome, Request, Target, deploy};
use underpin_engine::{Events, Problem, introspect};
use underpin_prisma::{DatabaseUrl, FolderOrder, History, Migration};
use underpin_testkit::{Database, Proxy, Server, corpus};

/// A deploy of these migrations to a database.
pub(crate) fn target(database: &Database<'_>, migrations: &[(&str, &str)]) -> Target {
    let migrations =
        migrations.iter().map(|(name, sql)| Migration::new(*name, Some(sql.as_bytes()))).collect();
    target_of(database, migrations)
}

/// The same, with a proxy in between.
pub(crate) fn target_through(proxy: &Proxy, server: &Server, target: &Target) -> Target {
    let port = server.shadow().port();
    let url = DatabaseUrl { port: proxy.port(), ..target.url.clone() };
    assert_eq!(target.url.port, port, "the proxy leads elsewhere");
    Target { url, ..target.clone() }
}

/// A deploy of a corpus history, or of those of its migrations that `keeps` wants, to a database.
pub(crate) fn corpus_target(
    database: &Database<'_>,
    history: &corpus::History,
    keeps: impl Fn(&str) -> bool,
) -> Target {
    let migrations = history
        .names
        .iter()
        .filter(|name| keeps(name))
        .map(|name| Migration::new(name.as_str(), Some(history.sql(name).as_bytes())))
        .collect();
    target_of(database, migrations)
}

fn target_of(database: &Database<'_>, migrations: Vec<Migration>) -> Target {
    Target {
        url: DatabaseUrl::parse(&database.url()).unwrap(),
        history: History::new(migrations, FolderOrder::Collation),
        prisma: None,
        root: PathBuf::from("."),
        migrations_shown: "prisma/migrations".to_owned(),
    }
}

/// A request with default settings that nobody interrupts.
pub(crate) fn request(mode: Mode) -> Request {
    Request {
        settings: Settings::default(),
        mode,
        allow: BTreeSet::new(),
        proofs: None,
        without_advisory_lock: false,
        interrupt: watch::channel(false).1,
    }
}

/// A request for which every table with a row in it is large.
pub(crate) fn strict(mode: Mode) -> Request {
    let mut request = request(mode);
    request.settings.deploy.small_table_kb = 0;
    request
}

/// Events, and the list that they are collected in.
pub(crate) fn collected() -> (Events, Arc<Mutex<Vec<Event>>>) {
    let list = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&list);
    (Events::to(move |event| into.lock().unwrap().push(event)), list)
}

/// Deploys, and panics with what is to be done when it cannot even begin.
pub(crate) async fn deployed(target: &Target, request: &Request) -> Outcome {
    match deploy(target, request, &Events::nowhere()).await {
        Ok(outcome) => outcome,
        Err(problem) => panic!("{problem:?}"),
    }
}

/// The catalog of a database.
pub(crate) async fn catalog(database: &Database<'_>) -> Catalog {
    introspect(&database.client().await).await.unwrap()
}

/// Panics with the first differences between two catalogs.
#[track_caller]
pub(crate) fn assert_same(expected: &Catalog, found: &Catalog, of: &str) {
    let differences = differences(expected, found);
    assert!(!expected.is_empty(), "{of}: an empty catalog proves nothing");
    assert!(
        differences.is_empty(),
        "{of}: {} differences, such as {:#?}",
        differences.len(),
        &differences[..1]
    );
}

/// The ledger without its ids and instants: names and checksums in order, and how each row ended.
pub(crate) async fn ledger(database: &Database<'_>) -> Vec<String> {
    let query = "SELECT migration_name, checksum, finished_at IS NOT NULL AS finished, rolled_back_at, logs, applied_steps_count
                 FROM _prisma_migrations ORDER BY started_at, migration_name";
    database.rows(query).await
}

/// A deploy that runs in the background, and what it has told so far. It has a runtime of its own, as a
/// program has, so that its sockets end with it: a connection whose client alone is dropped waits for the
/// answer that is due.
pub(crate) struct Running {
    told: Arc<Mutex<Vec<Event>>>,
    runtime: Option<Runtime>,
    task: JoinHandle<Result<Outcome, Problem>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Running {
    /// Begins a deploy.
    pub(crate) fn deploy(target: &Target, request: &Request) -> Self {
        let (events, told) = collected();
        let (target, request) = (target.clone(), request.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let task = runtime.spawn(async move { deploy(&target, &request, &events).await });
        Self { told, runtime: Some(runtime), task }
    }

    /// The first event of this kind, as soon as it is told.
    pub(crate) async fn tells<T>(&self, what: impl Fn(&Event) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = self.told.lock().unwrap().iter().find_map(&what) {
                return found;
            }
            let patient = begun.elapsed() < Duration::from_secs(60) && !self.task.is_finished();
            assert!(patient, "it never told that: {:#?}", self.told.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The first time that it waits.
    pub(crate) async fn waits(&self) -> (WaitReason, Vec<Blocker>) {
        self.tells(|event| match event {
            Event::Waiting { reason, blockers, .. } => Some((*reason, blockers.clone())),
            _ => None,
        })
        .await
    }

    /// Why it has waited so far, in order.
    pub(crate) fn reasons(&self) -> Vec<WaitReason> {
        let told = self.told.lock().unwrap();
        let reason = |event: &Event| match event {
            Event::Waiting { reason, .. } => Some(*reason),
            _ => None,
        };
        told.iter().filter_map(reason).collect()
    }

    /// Whether there is nothing more to wait for.
    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends the program: nothing of it runs any more, its sockets are closed, and its sessions find that
    /// out by themselves.
    pub(crate) fn kill(self) {
        assert!(!self.task.is_finished(), "it had ended before");
    }

    /// How it ended; panics when it could not begin.
    pub(crate) async fn outcome(self) -> Outcome {
        match self.ended().await {
            Ok(outcome) => outcome,
            Err(problem) => panic!("{problem:?}"),
        }
    }

    /// How it ended, or why it could not begin or go on.
    pub(crate) async fn ended(mut self) -> Result<Outcome, Problem> {
        let ended = tokio::time::timeout(Duration::from_secs(120), &mut self.task).await;
        ended.unwrap_or_else(|_| panic!("it does not end: {:#?}", self.told.lock().unwrap())).unwrap()
    }
}

/// A session with an application's name and a transaction that stays open.
pub(crate) async fn in_transaction(database: &Database<'_>, application: &str, sql: &str) -> Client {
    let client = named(database, application).await;
    client.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
    client
}

/// A session with an application's name.
pub(crate) async fn named(database: &Database<'_>, application: &str) -> Client {
    let mut config = database.config();
    let (client, connection) =
        config.application_name(application).connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The condition of [`end_session`] for the session that holds Prisma's advisory lock.
pub(crate) const GUARD: &str =
    "a.pid IN (SELECT l.pid FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted)";

/// The condition of [`end_session`] for the session that executes, while it executes something that
/// contains this.
pub(crate) fn executing(text: &str) -> String {
    format!("a.state = 'active' AND strpos(a.query, '{text}') > 0")
}

/// Ends the sessions of deploys that a condition on `pg_stat_activity a` picks, as soon as there is one.
pub(crate) async fn end_session(database: &Database<'_>, whose: &str) {
    let query = format!(
        "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
         WHERE a.datname = current_database() AND a.application_name LIKE 'underpin/%' AND {whose}"
    );
    let begun = Instant::now();
    while database.rows(&query).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no such session: {whose}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An event trigger that makes `ALTER TABLE` take its time, the first times that it is called.
pub(crate) fn slow_ddl(times: u32, seconds: u32) -> String {
    format!(
        "CREATE SEQUENCE calls;
         CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$
         BEGIN IF nextval('calls') <= {times} THEN PERFORM pg_sleep({seconds}); END IF; END $$;
         CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION slow()"
    )
}

/// Waits until a deploy waits in a statement that contains a text.
pub(crate) async fn stuck_in(database: &Database<'_>, text: &str) {
    let client = database.client().await;
    let query = format!(
        "SELECT FROM pg_stat_activity a WHERE datname = current_database() AND a.wait_event IS NOT NULL
         AND application_name LIKE 'underpin/%' AND {}",
        executing(text)
    );
    let stuck = async {
        while client.query(&query, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), stuck).await.unwrap_or_else(|_| panic!("never in {text}"));
}
