//! Catalog facts that tell whether a step is complete.

use tokio_postgres::Client;
use underpin_catalog::RelationName;

/// What is there under an index's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    /// Nothing.
    Absent,
    /// An index that answers queries and enforces what it should.
    Valid,
    /// An index that a build has not finished, or anything that is not an index.
    Invalid,
}

/// Looks an index up by name.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn index(client: &Client, name: &RelationName) -> Result<Index, tokio_postgres::Error> {
    let row = client
        .query_opt(
            "SELECT coalesce(i.indisvalid AND i.indisready, false)
             FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
             WHERE c.oid = to_regclass($1)",
            &[&name.to_string()],
        )
        .await?;
    Ok(match row.map(|row| row.get::<_, bool>(0)) {
        None => Index::Absent,
        Some(true) => Index::Valid,
        Some(false) => Index::Invalid,
    })
}
