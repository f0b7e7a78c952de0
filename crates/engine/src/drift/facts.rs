//! What drift compares: the facts of a live database, in one query and one snapshot.
//!
//! It leaves out the `underpin` namespace and Prisma's ledger table, which describe the history and
//! not the application, and everything that belongs to an extension.

use std::time::Duration;

use tokio_postgres::{Client, Row};
use underpin_catalog::flat::{Catalog, Object, ObjectKey};

use crate::introspect::{Patience, settings};

/// The namespaces that are never part of a catalog.
const OURS: &[&str] = &["underpin"];

/// The catalog of the connected database.
///
/// # Errors
/// Those of the query. The deparse functions wait behind `ACCESS EXCLUSIVE`, for a moment and several times;
/// when the lock is not free then, that is the error (`55P03`).
pub(super) async fn introspect(client: &Client) -> Result<Catalog, tokio_postgres::Error> {
    let patience = Patience::default();
    let mut tries = 1;
    let rows = loop {
        match read(client, patience).await {
            Err(error)
                if tries < patience.tries && error.code().is_some_and(|code| code.code() == "55P03") =>
            {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(u64::from(patience.pause_ms))).await;
            }
            done => break done?,
        }
    };
    let mut catalog = Catalog::default();
    for row in rows {
        let key = ObjectKey { kind: row.get(0), identity: row.get(1) };
        if belongs_to_ledger(&key) {
            continue;
        }
        let attributes: serde_json::Value = row.get(2);
        let facts = attributes.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        catalog.insert(key, Object(facts.map(|(name, value)| (name.clone(), shown(value))).collect()));
    }
    Ok(catalog)
}

/// Texts that do not depend on the session: names are qualified, times are said in UTC.
async fn read(client: &Client, patience: Patience) -> Result<Vec<Row>, tokio_postgres::Error> {
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", settings(patience));
    client.batch_execute(&begin).await?;
    let rows = client.query(include_str!("catalog.sql"), &[&OURS]).await;
    client.batch_execute("ROLLBACK").await?;
    rows
}

fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn belongs_to_ledger(key: &ObjectKey) -> bool {
    let after_namespace = key.identity.split_once('.').map_or("", |(_, rest)| rest);
    let object = after_namespace.split('.').next().unwrap_or_default();
    matches!(object, "_prisma_migrations" | "_prisma_migrations_pkey")
}
