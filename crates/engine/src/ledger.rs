//! Prisma's ledger in a live database, read and written as Prisma does it.
//!
//! The table is always named with its namespace: a migration may have changed the search path of the
//! session that also records it.

use jiff::Timestamp;
use tokio_postgres::Client;
use underpin_catalog::{Literal, Name, RelationName, Sql, sql};
use underpin_prisma::ledger::{CREATE_TABLE, LedgerRow, TABLE};

use crate::journal::instant;

/// The ledger of one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    namespace: Name,
    table: RelationName,
}

impl Ledger {
    /// The ledger that Prisma uses for a URL with `schema=namespace`.
    pub(crate) fn of(namespace: &str) -> Self {
        Self { namespace: Name::new(namespace), table: RelationName::qualified(namespace, TABLE) }
    }

    /// The rows, oldest first; `None` when there is no ledger.
    ///
    /// # Errors
    /// Those of the connection, and `42501` when the table may not be read: an unreadable ledger is
    /// not an absent one.
    pub(crate) async fn rows(
        &self,
        client: &Client,
    ) -> Result<Option<Vec<LedgerRow>>, tokio_postgres::Error> {
        if !self.exists(client).await? {
            return Ok(None);
        }
        let list = sql!(
            "SELECT id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count
             FROM {} ORDER BY started_at ASC",
            self.table
        );
        let rows = client.query(list.as_str(), &[]).await?;
        Ok(Some(
            rows.iter()
                .map(|row| LedgerRow {
                    id: row.get(0),
                    checksum: row.get(1),
                    finished_at: row.get(2),
                    migration_name: row.get(3),
                    logs: row.get(4),
                    rolled_back_at: row.get(5),
                    started_at: row.get(6),
                    applied_steps_count: row.get(7),
                })
                .collect(),
        ))
    }

    /// Whether the table is there.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) async fn exists(&self, client: &Client) -> Result<bool, tokio_postgres::Error> {
        let row = client
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                                WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p'))",
                &[&self.namespace.as_str(), &TABLE],
            )
            .await?;
        Ok(row.get(0))
    }

    /// The ordinary tables that make Prisma call the namespace "not empty" (P3005). Views, enums,
    /// sequences, functions and partitioned parents do not count, nor do tables of extensions.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) async fn tables_beside(&self, client: &Client) -> Result<Vec<String>, tokio_postgres::Error> {
        let rows = client
            .query(
                "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> $2
                   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                                   AND d.objid = c.oid AND d.deptype = 'e')
                 ORDER BY c.relname",
                &[&self.namespace.as_str(), &TABLE],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Creates the namespace where it is missing, and the table, with Prisma's own statement.
    ///
    /// # Errors
    /// Those of the connection; `42501` when the role may not create them.
    pub(crate) async fn create(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let there = client
            .query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&self.namespace.to_string()])
            .await?
            .get::<_, bool>(0);
        if !there {
            client.batch_execute(sql!("CREATE SCHEMA {}", self.namespace).as_str()).await?;
        }
        let path =
            sql!("BEGIN; SET LOCAL search_path = {}; {} COMMIT", self.namespace, Sql::verbatim(CREATE_TABLE));
        client.batch_execute(path.as_str()).await
    }

    /// Inserts a row with every column as it is given.
    pub(crate) fn insert(&self, row: &LedgerRow) -> Sql {
        let logs = match &row.logs {
            Some(logs) => sql!("{}", Literal(logs)),
            None => Sql::verbatim("NULL"),
        };
        sql!(
            "INSERT INTO {} (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count)
             VALUES ({}, {}, {}, {}, {}, {}, {}, {})",
            self.table,
            Literal(&row.id),
            Literal(&row.checksum),
            instant(row.finished_at),
            Literal(&row.migration_name),
            logs,
            instant(row.rolled_back_at),
            instant(Some(row.started_at)),
            row.applied_steps_count,
        )
    }

    /// Finishes a row: one step, whatever the number of statements, as Prisma counts.
    pub(crate) fn finish(&self, id: &str, finished_at: Timestamp) -> Sql {
        sql!(
            "UPDATE {} SET applied_steps_count = applied_steps_count + 1, finished_at = {}, logs = NULL WHERE id = {}",
            self.table,
            instant(Some(finished_at)),
            Literal(id)
        )
    }

    /// Takes the row of a migration away of which nothing has taken effect.
    pub(crate) fn remove(&self, id: &str) -> Sql {
        sql!("DELETE FROM {} WHERE id = {} AND finished_at IS NULL", self.table, Literal(id))
    }

    /// Takes every row of a migration away that was led back: it is pending again for everybody. Prisma up to 7.8
    /// would take a row that says "rolled back" for an applied one.
    pub(crate) fn take_out(&self, migration: &str) -> Sql {
        sql!("DELETE FROM {} WHERE migration_name = {}", self.table, Literal(migration))
    }

    /// Records why a migration failed half-way.
    pub(crate) fn record_logs(&self, id: &str, logs: &str) -> Sql {
        sql!("UPDATE {} SET logs = {} WHERE id = {}", self.table, Literal(logs), Literal(id))
    }

    /// Declares every unfinished row of a name rolled back, as `resolve` does.
    pub(crate) fn roll_back(&self, migration: &str, at: Timestamp) -> Sql {
        sql!(
            "UPDATE {} SET rolled_back_at = {} WHERE migration_name = {} AND finished_at IS NULL AND rolled_back_at IS NULL",
            self.table,
            instant(Some(at)),
            Literal(migration)
        )
    }

    /// Whether a row of this id is there, and whether it is finished.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) async fn finished(
        &self,
        client: &Client,
        id: &str,
    ) -> Result<Option<bool>, tokio_postgres::Error> {
        let query = sql!("SELECT finished_at IS NOT NULL FROM {} WHERE id = $1", self.table);
        Ok(client.query_opt(query.as_str(), &[&id]).await?.map(|row| row.get(0)))
    }
}
