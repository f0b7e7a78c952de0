//! What the tests of a deploy share: a target from SQL texts or a corpus history, and a request.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use underpin_core::event::Event;
use underpin_core::plan::Mode;
use underpin_core::settings::Settings;
use underpin_engine::Events;
use underpin_engine::deploy::{Request, Target};
use underpin_prisma::{DatabaseUrl, FolderOrder, History, Migration};
use underpin_testkit::{Database, corpus};

/// A deploy of these migrations to a database.
pub(crate) fn target(database: &Database<'_>, migrations: &[(&str, &str)]) -> Target {
    let migrations =
        migrations.iter().map(|(name, sql)| Migration::new(*name, Some(sql.as_bytes()))).collect();
    target_of(database, migrations)
}

/// A deploy of a corpus history to a database.
pub(crate) fn corpus_target(database: &Database<'_>, history: &corpus::History) -> Target {
    let migrations = history
        .names
        .iter()
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

/// Events, and the list that they are collected in.
pub(crate) fn collected() -> (Events, Arc<Mutex<Vec<Event>>>) {
    let list = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&list);
    (Events::to(move |event| into.lock().unwrap().push(event)), list)
}
