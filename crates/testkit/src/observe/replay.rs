//! A whole history observed: statement after statement on one database, each committed.
//!
//! Nothing is rolled back, so a statement meets what the ones before it left behind, as on a real server.
//! The tables are empty unless the history itself fills them: what would be read and rewritten is told by
//! the server's own messages (DEBUG1), which do not depend on rows.

use std::collections::BTreeMap;

use underpin_catalog::RelationName;

use super::session::Session;
use super::{Observation, REFUSES_TRANSACTION};
use crate::server::Database;

/// What the session's transaction holds, with the names that the relations have now; none when they are gone.
const HELD: &str = "
    SELECT l.relation, l.mode, n.nspname::text, c.relname::text, c.relfilenode
    FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// The table of a foreign key that is being checked; several tables may have one of the same name.
const TABLES_OF_KEYS: &str = "
    SELECT c.oid FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE k.contype = 'f' AND k.conname = ANY ($1::text[])";

/// A database with a history running through it.
#[derive(Debug)]
pub struct Replay {
    session: Session,
    /// The relations of users, by number, with their files.
    known: BTreeMap<u32, (RelationName, Option<u32>)>,
}

impl Replay {
    /// Begins on a database as it is.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn on(database: &Database<'_>) -> Self {
        let mut replay = Self { session: Session::on(database).await, known: BTreeMap::new() };
        replay.look_around().await;
        replay
    }

    /// The session that everything runs in.
    pub fn client(&self) -> &tokio_postgres::Client {
        self.session.client()
    }

    /// Whether a relation of this name is there.
    pub fn is_there(&self, relation: &RelationName) -> bool {
        self.known.values().any(|(known, _)| known == relation)
    }

    /// The next file begins: a session of its own, as far as settings go.
    ///
    /// # Panics
    /// When the session is gone.
    pub async fn begin_file(&self) {
        // Also drops temporary tables.
        self.session.run("DISCARD ALL").await;
        self.session.limit().await;
    }

    /// Executes a statement, commits it, and tells what it did. One that refuses a transaction block is
    /// executed alone, and its locks are not seen.
    ///
    /// # Panics
    /// When the session is gone.
    pub async fn observe(&mut self, sql: &str) -> Observation {
        self.session.forget_messages();
        if let Err(error) = self.session.execute(&format!("BEGIN;\n{sql}")).await {
            self.session.run("ROLLBACK").await;
            let failed = Observation::failed(&error);
            if failed.sqlstate.as_deref().is_some_and(|code| REFUSES_TRANSACTION.contains(&code)) {
                return self.alone(sql).await;
            }
            return failed;
        }
        let seen = self.see().await;
        match self.session.execute("COMMIT").await {
            Ok(()) => seen,
            Err(error) => {
                self.look_around().await;
                Observation::failed(&error)
            }
        }
    }

    async fn alone(&mut self, sql: &str) -> Observation {
        let done = self.session.execute(sql).await;
        self.look_around().await;
        match done {
            Ok(()) => Observation { transactional: false, ..Observation::nothing() },
            Err(error) => Observation { transactional: false, ..Observation::failed(&error) },
        }
    }

    /// What the open transaction holds and did; takes along what it made, renamed and dropped.
    async fn see(&mut self) -> Observation {
        let mut seen = Observation::nothing();
        let told = self.session.told();
        let was = self.known.clone();
        let rows = self.query(HELD, &[]).await;
        for row in &rows {
            let oid: u32 = row.get(0);
            let namespace: Option<String> = row.get(2);
            if let Some((name, _)) = was.get(&oid)
                && let Some(mode) = underpin_catalog::LockMode::from_catalog_name(row.get(1))
            {
                seen.add_lock(name, mode);
            }
            match namespace {
                None => {
                    self.known.remove(&oid);
                }
                Some(namespace) if is_of_users(&namespace) => {
                    let file: Option<u32> = row.get(4);
                    if let Some((name, before)) = was.get(&oid)
                        && *before != file
                    {
                        seen.rewritten.insert(name.clone());
                    }
                    let name = RelationName::qualified(namespace, row.get::<_, String>(3));
                    self.known.insert(oid, (name, file));
                }
                Some(_) => {}
            }
        }
        let held = |oid: &u32| rows.iter().any(|row| row.get::<_, u32>(0) == *oid);
        for (oid, (name, _)) in was.iter().filter(|(oid, _)| held(oid)) {
            // The server says the name that the table has by then.
            let now = self.known.get(oid).map_or(&name.name, |(name, _)| &name.name);
            if told.scanned.iter().any(|table| table == now.as_str()) {
                seen.scanned.insert(name.clone());
            }
        }
        if !told.keys.is_empty() {
            for row in self.query(TABLES_OF_KEYS, &[&told.keys]).await {
                let oid: u32 = row.get(0);
                if held(&oid) {
                    seen.scanned.extend(was.get(&oid).map(|(name, _)| name.clone()));
                }
            }
        }
        seen
    }

    async fn look_around(&mut self) {
        let all = self.session.look().await;
        let of_users = all.into_iter().filter(|(_, sight)| !sight.dropped);
        self.known = of_users.map(|(oid, sight)| (oid, (sight.name, sight.file))).collect();
    }

    async fn query(
        &self,
        sql: &str,
        values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Vec<tokio_postgres::Row> {
        let rows = self.session.client().query(sql, values).await;
        rows.unwrap_or_else(|error| panic!("cannot look at what a statement did: {error:?}"))
    }
}

fn is_of_users(namespace: &str) -> bool {
    !namespace.starts_with("pg_") && namespace != "information_schema"
}
