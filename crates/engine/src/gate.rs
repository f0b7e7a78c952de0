//! Who stands in the way: the gate before a lock, the names after a refusal.
//!
//! It reads `pg_locks` and `pg_stat_activity` and decides only what those numbers mean: whether
//! joining the lock queue now would make the application wait.

use std::cmp::Reverse;
use std::time::Duration;

use tokio_postgres::Row;
use underpin_catalog::LockMode;
use underpin_core::event::{Blocker, WaitReason};
use underpin_core::run::Report;
use underpin_sql::LockClaim;

use crate::connect::Connection;

/// Looks whether the locks can be had soon. `patience_ms` is how old a transaction that holds a
/// conflicting lock may be; younger ones are waited for within the try's own timeout.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn look(
    connection: &Connection,
    own_application: &str,
    claims: &[LockClaim],
    patience_ms: i64,
) -> Result<Report, tokio_postgres::Error> {
    let mut found = standing(connection, own_application, claims).await?;
    if found.iter().any(|standing| standing.hidden) {
        // A role without pg_read_all_stats does not see how old others' transactions are. Whoever
        // stands there in the same transaction after our patience is older than it.
        let patience = Duration::from_millis(patience_ms.max(0).unsigned_abs());
        tokio::time::sleep(patience).await;
        let first = std::mem::take(&mut found);
        found = standing(connection, own_application, claims).await?;
        for standing in found.iter_mut().filter(|standing| standing.hidden) {
            if first.iter().any(|before| before.transaction == standing.transaction) {
                standing.blocker.transaction_ms = patience_ms + 1;
            }
        }
    }
    let mut shut: Option<WaitReason> = None;
    let mut blockers = Vec::new();
    for standing in found {
        let reason = if standing.wraparound {
            WaitReason::WraparoundVacuum
        } else if standing.blocker.autovacuum {
            // An ordinary autovacuum gives way to the first stage of the lock protocol.
            continue;
        } else if !standing.granted {
            WaitReason::Queue
        } else if standing.blocker.pid == 0 || standing.blocker.transaction_ms > patience_ms {
            // Nobody knows when a prepared transaction ends, so none is young enough.
            WaitReason::Holder
        } else {
            continue;
        };
        shut.get_or_insert(reason);
        blockers.push(standing.blocker);
    }
    Ok(match shut {
        None => Report::GateOpen,
        Some(reason) => Report::GateShut { reason, blockers },
    })
}

/// Looks whether a concurrent build would wait long for old snapshots in this database.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn look_for_snapshots(
    connection: &Connection,
    own_application: &str,
    age_max_ms: i64,
) -> Result<Report, tokio_postgres::Error> {
    let rows = connection
        .rows(
            "SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''), coalesce(a.state, ''),
                    (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint,
                    '', NULL::text, coalesce(left(nullif(a.query, '<insufficient privilege>'), 200), ''), a.backend_type = 'autovacuum worker', true
             FROM pg_catalog.pg_stat_activity a
             WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
               AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
               AND a.backend_type <> 'autovacuum worker' AND left(a.application_name, length($1)) <> $1
               AND a.xact_start < clock_timestamp() - make_interval(secs => $2::float8 / 1000)
             UNION ALL
             SELECT 0, 'prepared transaction ' || p.gid, p.owner::text, 'prepared',
                    (extract(epoch FROM clock_timestamp() - p.prepared) * 1000)::bigint, '', NULL, '', false, true
             FROM pg_catalog.pg_prepared_xacts p
             WHERE p.database = current_database()
               AND p.prepared < clock_timestamp() - make_interval(secs => $2::float8 / 1000)
             ORDER BY 5 DESC LIMIT 10",
            &[&own_application, &(age_max_ms as f64)],
        )
        .await?;
    if rows.is_empty() {
        return Ok(Report::GateOpen);
    }
    let blockers = rows.iter().map(blocker).collect();
    Ok(Report::GateShut { reason: WaitReason::OldSnapshot, blockers })
}

/// The sessions that make backend `pid` wait at this moment.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn blocking(
    connection: &Connection,
    pid: i32,
) -> Result<Vec<Blocker>, tokio_postgres::Error> {
    let rows = connection
        .rows(
            "SELECT b.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''), coalesce(a.state, ''),
                    coalesce((extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint, 0),
                    coalesce((SELECT l.relation::regclass::text FROM pg_catalog.pg_locks l
                              WHERE l.pid = $1 AND NOT l.granted AND l.locktype = 'relation' LIMIT 1), ''),
                    NULL::text, coalesce(left(nullif(a.query, '<insufficient privilege>'), 200), ''), coalesce(a.backend_type = 'autovacuum worker', false)
             FROM unnest(pg_catalog.pg_blocking_pids($1)) AS b(pid)
             LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
             ORDER BY 5 DESC LIMIT 10",
            &[&pid],
        )
        .await?;
    Ok(rows.iter().map(blocker).collect())
}

struct Standing {
    blocker: Blocker,
    granted: bool,
    wraparound: bool,
    /// The server does not show us the session's transaction.
    hidden: bool,
    /// Virtual transaction id, which everybody may see.
    transaction: String,
}

async fn standing(
    connection: &Connection,
    own_application: &str,
    claims: &[LockClaim],
) -> Result<Vec<Standing>, tokio_postgres::Error> {
    let (mut relations, mut modes) = (Vec::new(), Vec::new());
    for claim in claims {
        for mode in LockMode::ALL.into_iter().filter(|mode| claim.mode.conflicts_with(*mode)) {
            relations.push(claim.relation.to_string());
            modes.push(mode.catalog_name());
        }
    }
    let rows = connection
        .rows(
            "WITH wanted AS (
                 SELECT to_regclass(w.relation)::oid AS relation, w.mode FROM unnest($1::text[], $2::text[]) AS w(relation, mode)
             )
             SELECT coalesce(l.pid, 0),
                    CASE WHEN l.pid IS NULL THEN concat_ws(' ', 'prepared transaction', p.gid)
                         ELSE coalesce(a.application_name, '') END,
                    coalesce(a.usename::text, p.owner::text, ''),
                    CASE WHEN l.pid IS NULL THEN 'prepared' ELSE coalesce(a.state, 'in a transaction') END,
                    coalesce((extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared)) * 1000)::bigint, 0),
                    l.relation::regclass::text, l.mode, coalesce(left(nullif(a.query, '<insufficient privilege>'), 200), ''),
                    -- A worker has no role; its type is hidden from roles without pg_read_all_stats.
                    l.pid IS NOT NULL AND (coalesce(a.backend_type = 'autovacuum worker', false) OR a.usesysid IS NULL),
                    l.granted, l.pid IS NOT NULL AND a.usesysid IS NOT NULL AND a.backend_type IS NULL,
                    l.virtualtransaction
             FROM wanted w
             JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = w.relation AND l.mode = w.mode
             LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
             -- A prepared transaction has no session. Its other locks tell its id, and that its name.
             LEFT JOIN (pg_catalog.pg_prepared_xacts p
                        JOIN pg_catalog.pg_locks t ON t.locktype = 'transactionid' AND t.transactionid = p.transaction)
                    ON l.pid IS NULL AND t.pid IS NULL AND t.granted AND t.virtualtransaction = l.virtualtransaction
             WHERE l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
               AND l.pid IS DISTINCT FROM pg_backend_pid()
               -- A session that is gone, or has ended its transaction, since pg_locks was read holds nothing.
               AND (l.pid IS NULL OR a.xact_start IS NOT NULL OR a.pid IS NOT NULL AND a.backend_type IS NULL)
               AND (a.pid IS NULL OR left(a.application_name, length($3)) <> $3)
             ORDER BY 5 DESC LIMIT 20",
            &[&relations, &modes, &own_application],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| {
            let blocker = blocker(row);
            // PostgreSQL marks such a worker in its query text, and never cancels it for a waiter.
            let wraparound = blocker.autovacuum && blocker.query.ends_with("(to prevent wraparound)");
            let hidden = row.get::<_, bool>(10) && !blocker.autovacuum;
            Standing { blocker, granted: row.get(9), wraparound, hidden, transaction: row.get(11) }
        })
        .collect())
}

fn blocker(row: &Row) -> Blocker {
    let mode: Option<String> = row.get(6);
    Blocker {
        pid: row.get(0),
        application: row.get(1),
        user: row.get(2),
        state: row.get(3),
        transaction_ms: row.get(4),
        relation: row.get(5),
        mode: mode.and_then(|mode| LockMode::from_catalog_name(&mode)),
        query: row.get(7),
        autovacuum: row.get(8),
    }
}

/// The relations of `claims` that exist at this moment and can be locked by `LOCK TABLE`, in the order in which
/// they are to be.
///
/// Views come first. A client that says a view locks the view and then what it reads; who has locked the table and
/// then wants the view waits for those who wait for the table. `LOCK TABLE` on a view takes the same mode on
/// everything behind it, so only a view is locked whose tables are among the claims with its own mode; the statement
/// itself takes the lock of another one.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn lockable(
    connection: &Connection,
    claims: &[LockClaim],
) -> Result<Vec<LockClaim>, tokio_postgres::Error> {
    let relations: Vec<String> = claims.iter().map(|claim| claim.relation.to_string()).collect();
    let modes: Vec<&str> = claims.iter().map(|claim| claim.mode.catalog_name()).collect();
    let rows = connection
        .rows(
            "SELECT w.relation FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(relation, mode, place)
             JOIN pg_catalog.pg_class c ON c.oid = to_regclass(w.relation)
             -- A foreign key needs REFERENCES on the other table, LOCK TABLE more: without it the
             -- statement itself takes the lock, within the timeout of a try.
             WHERE (pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'UPDATE'))
               AND (c.relkind IN ('r', 'p') OR c.relkind = 'v' AND NOT EXISTS (
                     SELECT FROM pg_catalog.pg_rewrite r
                     JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
                      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> c.oid
                     JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
                     WHERE r.ev_class = c.oid AND NOT (
                         -- What is behind the view is locked with the rights of the view's owner.
                         t.relkind IN ('r', 'p') AND pg_has_role(c.relowner, t.relowner, 'USAGE')
                         AND EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS o(relation, mode)
                                     WHERE to_regclass(o.relation) = t.oid AND o.mode = w.mode))))
             ORDER BY c.relkind = 'v' DESC, w.place",
            &[&relations, &modes],
        )
        .await?;
    let named =
        |relation: String| claims.iter().find(|claim| claim.relation.to_string() == relation).cloned();
    Ok(rows.iter().filter_map(|row| named(row.get(0))).collect())
}

/// Claims in the order in which their locks are tried first: the strongest modes before the others.
pub(crate) fn strongest_first(claims: &[LockClaim]) -> Vec<LockClaim> {
    let mut claims = claims.to_vec();
    claims.sort_by_key(|claim| Reverse(claim.mode));
    claims
}

/// Who stands in the way, in a sentence.
pub(crate) fn sentence(blockers: &[Blocker]) -> String {
    let Some(first) = foremost(blockers) else { return String::new() };
    let more = match blockers.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let seconds = first.transaction_ms as f64 / 1_000.0;
    if first.pid == 0 {
        // Prepared: it has no session, and its application is what it is called.
        return format!("{} (role {}, for {seconds:.1} s){more}", first.application, first.user);
    }
    format!(
        "session {} ({}, role {}, {} for {seconds:.1} s){more}",
        first.pid,
        if first.application.is_empty() { "no application name" } else { &first.application },
        first.user,
        first.state,
    )
}

/// The first of several blockers that a person can act on.
fn foremost(blockers: &[Blocker]) -> Option<&Blocker> {
    blockers.iter().find(|blocker| !blocker.autovacuum).or(blockers.first())
}
