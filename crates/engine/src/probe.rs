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

/// The invalid indexes that an interrupted `REINDEX CONCURRENTLY` of a table, or of one of its indexes,
/// has left: `…_ccnew` before it exchanged the two, `…_ccold` after. Those of the TOAST table are among
/// them: they are the only indexes of a system table that PostgreSQL lets people drop.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn left_of_reindex(
    client: &Client,
    target: &RelationName,
) -> Result<Vec<RelationName>, tokio_postgres::Error> {
    let rows = client
        .query(
            "WITH wanted AS (
                 SELECT coalesce(i.indrelid, c.oid) AS relid
                 FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
                 WHERE c.oid = to_regclass($1)
             ), rebuilt AS (
                 SELECT relid FROM wanted
                 UNION SELECT p.relid FROM wanted w, pg_catalog.pg_partition_tree(w.relid) p
             )
             SELECT n.nspname::text, c.relname::text
             FROM rebuilt r
             JOIN pg_catalog.pg_class t ON t.oid = r.relid
             JOIN pg_catalog.pg_index i ON i.indrelid IN (t.oid, t.reltoastrelid)
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'
             ORDER BY 1, 2",
            &[&target.to_string()],
        )
        .await?;
    let name = |row: &tokio_postgres::Row| {
        RelationName::qualified(row.get::<_, String>(0).as_str(), row.get::<_, String>(1).as_str())
    };
    Ok(rows.iter().map(name).collect())
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
