//! What one statement really does: which locks it takes on relations that were there before, what it
//! rewrites, what it reads in full, whether it may stand in a transaction block, and how it fails.
//!
//! A statement is executed in a transaction that is rolled back; `pg_locks`, the relations' files and the
//! session's statistics are compared before and after. One that refuses a transaction block is executed
//! alone on a copy of the database, and stopped at each commit inside it ([`alone`]). TOAST tables and the
//! system's own relations are left out: nobody waits for them who does not wait for their table.

mod alone;
mod condition;
mod replay;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};
use tokio::sync::Mutex;
use underpin_catalog::{LockMode, RelationName};
use underpin_shadow::StartOptions;

pub use self::replay::Replay;
use self::session::{Session, Sight};
use crate::server::{Database, Server};

/// What one statement did on one server. Relations have the names that they had before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// The strongest mode that it took on each relation: tables, indexes, sequences, views, composite types.
    /// Empty when it failed.
    #[serde(serialize_with = "by_shown_name")]
    pub locks: BTreeMap<RelationName, LockMode>,
    /// Relations that got a new file, even an empty one.
    #[serde(serialize_with = "shown_names")]
    pub rewritten: BTreeSet<RelationName>,
    /// Tables with rows that were read from end to end.
    #[serde(serialize_with = "shown_names")]
    pub scanned: BTreeSet<RelationName>,
    /// It may stand in a transaction block.
    pub transactional: bool,
    /// How it failed.
    pub sqlstate: Option<String>,
    /// The words of the failure.
    pub message: Option<String>,
}

/// What is observed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// What the database has beyond its seed; committed.
    pub setup: &'a str,
    /// What goes before in the same transaction; its own locks are not reported.
    pub before: &'a str,
    /// The statement, sent as one message.
    pub sql: &'a str,
}

/// A seeded database that statements are observed on, one at a time.
pub struct Observatory<'s> {
    server: &'s Server,
    /// Never connected to, so that it can be copied.
    seeded: Database<'s>,
    /// A copy for everything that is rolled back.
    common: Mutex<Session>,
    _common: Database<'s>,
}

/// Starts a server that is fit for observing.
///
/// # Panics
/// When the major can be neither found nor fetched, or does not start.
pub async fn observing_server(major: u32) -> Server {
    let settings =
        alone::SERVER_SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = StartOptions { settings: settings.collect(), ..StartOptions::default() };
    Server::start(major, options).await.unwrap_or_else(|error| panic!("no PostgreSQL {major}: {error}"))
}

impl<'s> Observatory<'s> {
    /// Executes the seed in a new database and analyzes it.
    ///
    /// # Panics
    /// When a statement of the seed fails.
    pub async fn seeded(server: &'s Server, seed: &str) -> Self {
        let seeded = server.database("seeded").await;
        seeded.run(seed).await;
        seeded.run("VACUUM ANALYZE").await;
        let copy = server.copy_of(&seeded, "observed").await;
        let common = Mutex::new(Session::on(&copy).await);
        Self { server, seeded, common, _common: copy }
    }

    /// Observes one statement.
    ///
    /// # Panics
    /// When its setup or what goes before it fails: there is nothing to observe then.
    pub async fn observe(&self, subject: Subject<'_>) -> Observation {
        let in_transaction = if subject.setup.is_empty() && !may_commit(subject.sql) {
            in_transaction(&*self.common.lock().await, subject).await
        } else {
            let copy = self.copy(subject).await;
            let session = Session::on(&copy).await;
            in_transaction(&session, subject).await
        };
        if in_transaction.transactional {
            return in_transaction;
        }
        let copy = self.copy(subject).await;
        alone::observe(&copy, subject).await
    }

    async fn copy(&self, subject: Subject<'_>) -> Database<'s> {
        let copy = self.server.copy_of(&self.seeded, "subject").await;
        if !subject.setup.is_empty() {
            copy.run(subject.setup).await;
        }
        copy
    }
}

impl fmt::Debug for Observatory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observatory").field("seeded", &self.seeded).finish_non_exhaustive()
    }
}

/// Whether the text could end the transaction that it is observed in.
fn may_commit(sql: &str) -> bool {
    let sql = sql.to_uppercase();
    ["COMMIT", "ROLLBACK", "END", "ABORT"].iter().any(|word| sql.contains(word))
}

async fn in_transaction(session: &Session, subject: Subject<'_>) -> Observation {
    session.run("BEGIN").await;
    if !subject.before.is_empty() {
        session.run(subject.before).await;
    }
    let before = session.look().await;
    session.forget_messages();
    let done = session.execute(subject.sql).await;
    let seen = match done {
        Ok(()) => {
            let after = session.look().await;
            let mut seen = Observation::between(&before, &after);
            seen.scanned.extend(session.told_scans(&before, &after));
            seen
        }
        Err(error) => Observation::failed(&error),
    };
    session.run("ROLLBACK").await;
    seen
}

/// `active_sql_transaction`, and `invalid_transaction_termination` of a `COMMIT` in a block of code.
const REFUSES_TRANSACTION: [&str; 2] = ["25001", "2D000"];

impl Observation {
    fn nothing() -> Self {
        Self {
            locks: BTreeMap::new(),
            rewritten: BTreeSet::new(),
            scanned: BTreeSet::new(),
            transactional: true,
            sqlstate: None,
            message: None,
        }
    }

    fn failed(error: &tokio_postgres::Error) -> Self {
        let error = error.as_db_error().unwrap_or_else(|| panic!("the observed session is gone: {error:?}"));
        let sqlstate = error.code().code().to_owned();
        Self {
            transactional: !REFUSES_TRANSACTION.contains(&sqlstate.as_str()),
            sqlstate: Some(sqlstate),
            message: Some(error.message().to_owned()),
            ..Self::nothing()
        }
    }

    fn between(before: &BTreeMap<u32, Sight>, after: &BTreeMap<u32, Sight>) -> Self {
        let mut seen = Self::nothing();
        for (oid, was) in before.iter().filter(|(_, was)| !was.dropped) {
            let Some(is) = after.get(oid) else { continue };
            let taken = is.locks.iter().filter(|mode| !was.locks.contains(mode)).max();
            if let Some(mode) = taken {
                seen.locks.insert(was.name.clone(), *mode);
            }
            if !is.dropped && is.file != was.file {
                seen.rewritten.insert(was.name.clone());
            }
            if let Some(table) = is.read_in_full_since(was, before) {
                seen.scanned.insert(table);
            }
        }
        seen
    }

    /// The strongest mode of each relation, for what was seen at several moments.
    fn add_lock(&mut self, relation: &RelationName, mode: LockMode) {
        let held = self.locks.entry(relation.clone()).or_insert(mode);
        *held = mode.max(*held);
    }
}

/// One line that is stable between runs: `ACCESS EXCLUSIVE orders; rewrite orders; scan orders`. The
/// namespace `public` is left out, and a failure is its SQLSTATE and the name of the condition: its words
/// change with minor versions.
impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(sqlstate) = &self.sqlstate {
            parts.push(format!("fails {sqlstate} {}", condition::name(sqlstate)).trim_end().to_owned());
        }
        for mode in LockMode::ALL.into_iter().rev() {
            let relations =
                self.locks.iter().filter(|(_, held)| **held == mode).map(|(relation, _)| relation);
            let relations = list(relations);
            if !relations.is_empty() {
                parts.push(format!("{mode} {relations}"));
            }
        }
        for (word, relations) in [("rewrite", &self.rewritten), ("scan", &self.scanned)] {
            if !relations.is_empty() {
                parts.push(format!("{word} {}", list(relations)));
            }
        }
        if !self.transactional {
            parts.push("alone".to_owned());
        }
        if parts.is_empty() {
            parts.push("nothing".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}

fn list<'a>(relations: impl IntoIterator<Item = &'a RelationName>) -> String {
    let shown = relations.into_iter().map(|relation| {
        let shown = relation.shown();
        shown.strip_prefix("public.").map(str::to_owned).unwrap_or(shown)
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn by_shown_name<S: Serializer>(
    locks: &BTreeMap<RelationName, LockMode>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(locks.iter().map(|(relation, mode)| (relation.shown(), mode)))
}

fn shown_names<S: Serializer>(names: &BTreeSet<RelationName>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter().map(RelationName::shown))
}
