//! Catalog facts that tell whether a step is complete.

use tokio_postgres::Client;
use underpin_catalog::RelationName;
use underpin_sql::effect::CreateIndex;

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

/// Whether an index of this name, valid or not, is the one that the statement builds, as far as table,
/// columns, uniqueness and condition tell; and who is building it at this moment.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn is_built_by(
    client: &Client,
    name: &RelationName,
    built: &CreateIndex,
) -> Result<(bool, Option<i32>), tokio_postgres::Error> {
    let row = client
        .query_opt(
            "SELECT i.indrelid = to_regclass($2), i.indisunique, i.indpred IS NOT NULL,
                    ARRAY(SELECT coalesce(a.attname::text, '') FROM generate_series(0, i.indnatts - 1) AS at
                          LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[at]
                          ORDER BY at),
                    (SELECT p.pid FROM pg_catalog.pg_stat_progress_create_index p
                     WHERE p.index_relid = i.indexrelid AND p.pid <> pg_backend_pid() LIMIT 1)
             FROM pg_catalog.pg_index i WHERE i.indexrelid = to_regclass($1)",
            &[&name.to_string(), &built.table.to_string()],
        )
        .await?;
    let Some(row) = row else { return Ok((false, None)) };
    // An expression has no name here and no attribute there.
    let keys = built.columns.iter().map(|column| column.as_ref().map_or("", |column| column.as_str()));
    let wanted: Vec<&str> = keys.chain(built.including.iter().map(|column| column.as_str())).collect();
    let same = row.get::<_, Option<bool>>(0) == Some(true)
        && row.get::<_, bool>(1) == built.unique
        && row.get::<_, bool>(2) == built.partial
        && row.get::<_, Vec<String>>(3) == wanted;
    Ok((same, row.get(4)))
}
