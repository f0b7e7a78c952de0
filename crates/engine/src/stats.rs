//! `stats`: how large the tables of a database are and how busy, and with what its sessions begin.
//!
//! Reads the catalog and the server's counters, in read-only transactions; never a row of a table.
//! `CONNECT` is enough of a privilege. It works through a pooler and on a replica, whose counters are
//! its own and are left out. A table that somebody has locked is not waited for: its size is then that of
//! its last `VACUUM` or `ANALYZE`, and the statistics say so.

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row};
use underpin_catalog::{RelationName, ServerVersion};
use underpin_core::lint::stats::{
    CountedFrom, IndexStats, SessionDefaults, Source, Stats, StoredDefault, TableStats, VERSION,
};
use underpin_prisma::DatabaseUrl;
use underpin_sql::RelationKind;

use crate::problem::Problem;
use crate::session;

/// Reads the statistics of a database.
///
/// # Errors
/// When there is no connection, or the catalog itself is locked (SQLSTATE 55P03).
pub async fn read(url: &DatabaseUrl) -> Result<Stats, Problem> {
    let connection = session::open(url, "underpin-stats").await?;
    let client = &connection.client;
    let mut tried = 1;
    loop {
        client.batch_execute(BEGIN).await?;
        let found = all(client, tried == TRIES).await;
        client.batch_execute("ROLLBACK").await?;
        match found {
            // Somebody locked a table between our look at the locks and our question for its size.
            Err(error) if tried < TRIES && error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => tried += 1,
            found => return Ok(found?),
        }
    }
}

/// The last try asks for no lock on any table.
const TRIES: u32 = 3;

/// Settings are for the transaction alone, so that none is left behind in a pooler. A catalog of
/// 100,000 relations is read within seconds.
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '120s'";

async fn all(client: &Client, without_locks: bool) -> Result<Stats, Error> {
    let server = client.query_one(SERVER, &[]).await?;
    let session = client.query_one(SESSION, &[]).await?;
    let defaults = client.query(DEFAULTS, &[&SETTINGS.map(str::to_lowercase).as_slice()]).await?;
    let extensions =
        client.query("SELECT extname::text, extversion FROM pg_catalog.pg_extension", &[]).await?;
    let locked: Vec<u32> = client.query(LOCKED, &[]).await?.iter().map(|row| row.get(0)).collect();
    let tables = client.query(TABLES, &[&locked, &without_locks]).await?;

    let now: Timestamp = server.get(0);
    let reset: Option<Timestamp> = server.get(3);
    let (since, counted_from) = match reset {
        Some(reset) => (reset, CountedFrom::Reset),
        None => (server.get(4), CountedFrom::ServerStart),
    };
    let on_replica: bool = server.get(5);
    let seconds = (!on_replica).then(|| now.duration_since(since).as_secs_f64().max(1.0));
    Ok(Stats {
        version: VERSION,
        taken_at: Some(now),
        server_version: Some(ServerVersion::from_number(server.get::<_, i32>(1).unsigned_abs())),
        database: Some(server.get(2)),
        counted_since: Some(since),
        counted_from: Some(counted_from),
        session: Some(session_defaults(&session)),
        defaults: defaults.iter().map(stored_default).collect(),
        extensions: extensions.iter().map(|row| (row.get(0), row.get(1))).collect(),
        tables: tables
            .iter()
            .map(|row| table(row, seconds))
            .map(|table| (table.name.clone(), table))
            .collect(),
    })
}

const SERVER: &str = "SELECT now(), current_setting('server_version_num')::int, current_database()::text,
            (SELECT stats_reset FROM pg_catalog.pg_stat_database WHERE datname = current_database()),
            pg_catalog.pg_postmaster_start_time(), pg_catalog.pg_is_in_recovery()";

/// Granted or waited for: behind either, we would wait.
const LOCKED: &str = "SELECT DISTINCT l.relation FROM pg_catalog.pg_locks l
     JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
     WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL";

const TABLES: &str = include_str!("stats/tables.sql");

/// What changes the meaning of a migration, or how long it may wait. Nothing else of a role's settings
/// is read: an extension may keep a secret in one.
const SETTINGS: [&str; 8] = [
    "TimeZone",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "search_path",
    "statement_timeout",
    "transaction_timeout",
];

const DEFAULTS: &str = "SELECT CASE WHEN s.setrole <> 0 THEN pg_catalog.pg_get_userbyid(s.setrole)::text END, s.setdatabase <> 0,
            split_part(c.setting, '=', 1), substr(c.setting, strpos(c.setting, '=') + 1)
     FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS c(setting)
     WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
       AND lower(split_part(c.setting, '=', 1)) = ANY ($1::text[])
     ORDER BY 1 NULLS FIRST, 2, 3";

fn stored_default(row: &Row) -> StoredDefault {
    StoredDefault { role: row.get(0), this_database: row.get(1), name: row.get(2), value: row.get(3) }
}

/// `reset_val` is what a session begins with, whatever connecting has set in ours since. The limits are
/// kept in milliseconds, whatever unit they were written with.
const SESSION: &str = "SELECT current_user::text, max(reset_val) FILTER (WHERE name = 'TimeZone'),
            max(reset_val::bigint) FILTER (WHERE name = 'lock_timeout'),
            max(reset_val::bigint) FILTER (WHERE name = 'statement_timeout'),
            max(reset_val::bigint) FILTER (WHERE name = 'idle_in_transaction_session_timeout')
     FROM pg_catalog.pg_settings
     WHERE name IN ('TimeZone', 'lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout')";

fn session_defaults(row: &Row) -> SessionDefaults {
    let ms = |column: usize| row.get::<_, i64>(column).unsigned_abs();
    SessionDefaults {
        role: row.get(0),
        time_zone: row.get(1),
        lock_timeout_ms: ms(2),
        statement_timeout_ms: ms(3),
        idle_in_transaction_timeout_ms: ms(4),
    }
}

/// `seconds` is how long reads and writes were counted, `None` when not those of the application.
fn table(row: &Row, seconds: Option<f64>) -> TableStats {
    let kind = match row.get::<_, String>(2).as_str() {
        "p" => RelationKind::Partitioned,
        "m" => RelationKind::MaterializedView,
        _ => RelationKind::Table,
    };
    let partition_of = match (row.get::<_, Option<String>>(3), row.get::<_, Option<String>>(4)) {
        (Some(namespace), Some(parent)) => Some(RelationName::qualified(namespace, parent)),
        _ => None,
    };
    // A partitioned table is written and read through its parts.
    let seconds = seconds.filter(|_| kind != RelationKind::Partitioned);
    let per_s = |count: i64| seconds.map(|seconds| (count.max(0) as f64 / seconds * 1e3).round() / 1e3);
    TableStats {
        name: RelationName::qualified(row.get::<_, String>(0), row.get::<_, String>(1)),
        kind,
        partition_of,
        rows: row.get::<_, Option<f64>>(5).filter(|rows| *rows >= 0.0).map(|rows| rows as u64),
        heap_bytes: row.get::<_, i64>(6).unsigned_abs(),
        toast_bytes: row.get::<_, i64>(7).unsigned_abs(),
        is_outdated: row.get(8),
        indexes: indexes(row.get(9)),
        writes_per_s: per_s(row.get(10)),
        reads_per_s: per_s(row.get(11)),
        analyzed_at: row.get(12),
        declared_heat: None,
        source: Source::Live,
    }
}

fn indexes(listed: Value) -> Vec<IndexStats> {
    let mut found: Vec<IndexStats> =
        serde_json::from_value(listed).expect("the query builds a list of names, sizes and validity");
    // Byte by byte, as names are sorted everywhere else; the server sorts by its collation.
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}
