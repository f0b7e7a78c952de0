//! What drift compares: the facts of a live database, in one query and one snapshot.
//!
//! It leaves out the `underpin` namespace and Prisma's ledger table, which describe the history and
//! not the application, and everything that belongs to an extension.

use tokio_postgres::Client;
use underpin_catalog::flat::{Catalog, Object, ObjectKey};

/// The namespaces that are never part of a catalog.
const OURS: &[&str] = &["underpin"];

/// The catalog of the connected database.
///
/// # Errors
/// Those of the query. The deparse functions wait behind `ACCESS EXCLUSIVE`: the caller sets a
/// `lock_timeout` when the database is live (`55P03` then).
pub(super) async fn introspect(client: &Client) -> Result<Catalog, tokio_postgres::Error> {
    // Names are deparsed relative to the search path: an empty one qualifies them all.
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''")
        .await?;
    let rows = client.query(include_str!("catalog.sql"), &[&OURS]).await;
    client.batch_execute("COMMIT").await?;
    let mut catalog = Catalog::default();
    for row in rows? {
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
