//! What the tests of a deploy share: a target from SQL texts or a corpus history, a request, and what
//! they look at afterwards.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_postgres::SimpleQueryMessage;
use underpin_catalog::{Catalog, differences};
use underpin_core::event::Event;
use underpin_core::plan::Mode;
use underpin_core::settings::Settings;
use underpin_engine::deploy::{Outcome, Request, Target, deploy};
use underpin_engine::{Events, introspect};
use underpin_prisma::{DatabaseUrl, FolderOrder, History, Migration};
use underpin_testkit::{Database, corpus};

/// A deploy of these migrations to a database.
pub(crate) fn target(database: &Database<'_>, migrations: &[(&str, &str)]) -> Target {
    let migrations =
        migrations.iter().map(|(name, sql)| Migration::new(*name, Some(sql.as_bytes()))).collect();
    target_of(database, migrations)
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

/// What a query answers, a line of text a row, cells divided by `|`, NULL as `-`.
pub(crate) async fn rows(database: &Database<'_>, query: &str) -> Vec<String> {
    let client = database.client().await;
    let answers = client.simple_query(query).await.unwrap_or_else(|error| panic!("{error:?} in: {query}"));
    let line = |row: &tokio_postgres::SimpleQueryRow| {
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

/// The ledger without its ids and instants: names and checksums in order, and how each row ended.
pub(crate) async fn ledger(database: &Database<'_>) -> Vec<String> {
    let query = "SELECT migration_name, checksum, finished_at IS NOT NULL AS finished, rolled_back_at, logs, applied_steps_count
                 FROM _prisma_migrations ORDER BY started_at, migration_name";
    rows(database, query).await
}

/// Waits until no session is connected to a database: a client that is dropped takes a moment to go.
pub(crate) async fn left_alone(database: &Database<'_>) {
    let (client, connection) =
        database.config().dbname("postgres").connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let begun = Instant::now();
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
    while client.query_one(count, &[&database.name()]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "somebody stays connected to {}", database.name());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
