//! What contracts have put away: the list, and dropping it for good.
//!
//! Things are put away by [`underpin_sql::Parking`], and kept for `[rollout] park_days`. Nothing of it is ever dropped
//! without a person who names it and the database. The list is a table beside it, and keeps who has dropped what.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::{Client, Row};
use underpin_catalog::{Literal, Name, RelationName, Sql, sql};
use underpin_core::exit;
use underpin_core::settings::Settings;
use underpin_sql::parking::{self, ParkedBefore};

use crate::deploy::Target;
use crate::problem::Problem;
use crate::{server, session};

const LIST: &str = include_str!("parked/list.sql");

/// Something that is put away.
#[derive(Clone, Debug, Serialize)]
pub struct Parked {
    /// Its name, by which it is dropped.
    pub name: String,
    /// `column`, `table` or `type`.
    pub kind: String,
    /// The table or type that it was, or the table of the column, as SQL has it.
    pub origin: String,
    /// The column.
    pub column: Option<String>,
    /// The migration that dropped it.
    pub migration: String,
    /// Since when it is there.
    pub parked_at: Timestamp,
    /// Who deployed that.
    pub parked_by: String,
    /// Until when it is kept.
    pub kept_until: Timestamp,
    /// How large it is.
    pub bytes: i64,
    /// The statements that bring it back, in their order.
    pub back: Vec<Sql>,
}

/// What came of a wish to drop something.
#[derive(Clone, Debug, Serialize)]
pub struct Purged {
    /// What it was about.
    pub parked: Parked,
    /// Whether it is gone. Otherwise its time is not over.
    pub purged: bool,
}

impl Purged {
    /// The command's exit code.
    pub fn exit_code(&self) -> u8 {
        if self.purged { exit::CLEAN } else { exit::NO_GO }
    }
}

/// What is put away in a database. Changes nothing.
///
/// # Errors
/// Those of the connection.
pub async fn parked(target: &Target, settings: &Settings) -> Result<Vec<Parked>, Problem> {
    let connection = session::open(&target.url, "underpin-purge").await?;
    whole_list(&connection.client, settings).await
}

/// The list, or that this role may not see it.
async fn whole_list(client: &Client, settings: &Settings) -> Result<Vec<Parked>, Problem> {
    let is_there = "SELECT to_regnamespace('underpin_parked') IS NOT NULL";
    if !is_readable(client).await? && client.query_one(is_there, &[]).await?.get::<_, bool>(0) {
        return Err(Problem::new("this role may not see what is parked in this database")
            .coded("42501")
            .hint("connect as the role that deploys: it has put the things away"));
    }
    Ok(list(client, settings).await?)
}

async fn is_readable(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let readable = "SELECT coalesce(has_schema_privilege(to_regnamespace('underpin_parked')::oid, 'USAGE')
                      AND has_table_privilege(to_regclass('underpin_parked.register')::oid, 'SELECT'), false)";
    Ok(client.query_one(readable, &[]).await?.get(0))
}

/// The same in a session. Whoever may not look there sees nothing.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn list(client: &Client, settings: &Settings) -> Result<Vec<Parked>, tokio_postgres::Error> {
    if !is_readable(client).await? {
        return Ok(Vec::new());
    }
    let rows = client.query(LIST, &[]).await?;
    Ok(rows.iter().map(|row| entry(row, settings)).collect())
}

fn entry(row: &Row, settings: &Settings) -> Parked {
    let (name, kind, origin): (String, String, String) = (row.get(0), row.get(1), row.get(2));
    let (column, parked_at): (Option<String>, Timestamp) = (row.get(3), row.get(5));
    let key: Vec<String> = row.get(8);
    let column_type: Option<String> = row.get(9);
    let stored = RelationName::qualified(parking::NAMESPACE, name.as_str());
    let was = Sql::verbatim(&origin);
    let back = match (kind.as_str(), &column, &column_type) {
        ("column", Some(column), Some(column_type)) => column_back(&stored, &was, column, column_type, &key),
        (kind, _, _) => {
            moved_back(&stored, kind, &row.get::<_, Vec<String>>(10), &row.get::<_, Vec<String>>(11))
        }
    };
    Parked {
        name,
        kind,
        origin,
        column,
        migration: row.get(4),
        parked_at,
        parked_by: row.get(6),
        kept_until: settings.rollout.kept_until(parked_at),
        bytes: row.get(7),
        back,
    }
}

/// The column comes again where it is not there, and gets the values of the rows that are still there.
fn column_back(
    stored: &RelationName,
    table: &Sql,
    column: &str,
    column_type: &str,
    key: &[String],
) -> Vec<Sql> {
    let column = Name::new(column);
    let same = key.iter().map(|name| format!("t.{0} = p.{0}", Name::new(name.as_str())));
    let same = Sql::verbatim(same.collect::<Vec<_>>().join(" AND "));
    vec![
        sql!("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}", table, column, Sql::verbatim(column_type)),
        sql!("UPDATE {0} AS t SET {1} = p.{1} FROM {2} AS p WHERE {3}", table, column, stored, same),
    ]
}

fn moved_back(stored: &RelationName, kind: &str, was: &[String], renamed: &[String]) -> Vec<Sql> {
    let [namespace, name] = was else { return Vec::new() };
    let (kind, name) = (Sql::verbatim(kind.to_uppercase()), Name::new(name.as_str()));
    let there = RelationName { namespace: stored.namespace.clone(), name: name.clone() };
    let mut back = vec![
        sql!("ALTER {} {} RENAME TO {}", kind, stored, name),
        sql!("ALTER {} {} SET SCHEMA {}", kind, there, Name::new(namespace.as_str())),
    ];
    for renamed in renamed {
        let (relkind, now) = renamed.split_at(1);
        let Some((before, _)) = now.rsplit_once('@') else { continue };
        let word = Sql::verbatim(if relkind == "S" { "SEQUENCE" } else { "INDEX" });
        let now = RelationName::qualified(namespace.as_str(), now);
        back.push(sql!("ALTER {} {} RENAME TO {}", word, now, Name::new(before)));
    }
    back
}

/// What has to be known before these tables, and whatever else, are put away.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn there(
    client: &Client,
    tables: &BTreeSet<RelationName>,
) -> Result<ParkedBefore, tokio_postgres::Error> {
    let mut taken = BTreeSet::new();
    let names = "SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.relnamespace = to_regnamespace('underpin_parked')
                 UNION SELECT t.typname::text FROM pg_catalog.pg_type t WHERE t.typnamespace = to_regnamespace('underpin_parked')";
    let registered = "SELECT name FROM underpin_parked.register";
    let queries = if is_readable(client).await? { vec![names, registered] } else { vec![names] };
    for query in queries {
        taken.extend(client.query(query, &[]).await?.iter().map(|row| Name::new(row.get::<_, String>(0))));
    }
    let tables: Vec<&RelationName> = tables.iter().collect();
    let shown: Vec<String> = tables.iter().map(|table| table.to_string()).collect();
    let owned = "SELECT w.at::int, n.nspname::text, s.relname::text
                 FROM unnest($1::text[]) WITH ORDINALITY AS w(name, at)
                 JOIN pg_catalog.pg_depend d ON d.refobjid = to_regclass(w.name) AND d.deptype IN ('a', 'i')
                  AND d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
                 JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
                 JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace ORDER BY 1, 2, 3";
    let sequences = client.query(owned, &[&shown]).await?;
    let sequence = |row: &Row| {
        let at = usize::try_from(row.get::<_, i32>(0)).ok()?.checked_sub(1)?;
        let sequence = RelationName::qualified(row.get::<_, String>(1), row.get::<_, String>(2));
        Some(((*tables.get(at)?).clone(), sequence))
    };
    Ok(ParkedBefore { taken, sequences: sequences.iter().filter_map(sequence).collect() })
}

/// Drops one thing for good, when its time is over or somebody does not want to wait for that.
///
/// # Errors
/// Another database's name; nothing of that name; what PostgreSQL refuses, with its words.
pub async fn purge(
    target: &Target,
    settings: &Settings,
    name: &str,
    database: &str,
    now: bool,
) -> Result<Purged, Problem> {
    if database != target.url.database {
        return Err(Problem::new(format!(
            "this is database {}, and the one that was named is {database}: nothing was changed",
            target.url.database
        ))
        .hint("name the database in which something is to go with --database"));
    }
    let connection = session::open(&target.url, "underpin-purge").await?;
    let client = &connection.client;
    server::suitable(client, &target.url, "underpin-purge").await?;
    let all = whole_list(client, settings).await?;
    let Some(parked) = all.iter().find(|one| one.name == name).cloned() else {
        let problem = Problem::new(format!("nothing called {name} is parked in database {database}"));
        return Err(match all.is_empty() {
            true => problem.hint("nothing is parked there"),
            false => problem.hint(format!(
                "there are: {}",
                all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ")
            )),
        });
    };
    if !now && Timestamp::now() < parked.kept_until {
        return Ok(Purged { parked, purged: false });
    }
    // A table that leads to others is dropped under a lock of those too: whoever writes there would wait as long.
    let word = Sql::verbatim(if parked.kind == "type" { "TYPE" } else { "TABLE" });
    let stored = RelationName::qualified(parking::NAMESPACE, name);
    let text = sql!(
        "BEGIN; SET LOCAL lock_timeout = '{}ms'; DROP {} {}; \
         UPDATE underpin_parked.register SET purged_at = clock_timestamp(), purged_by = session_user WHERE name = {}; COMMIT",
        Sql::verbatim(settings.lock.try_timeout_ms.to_string()),
        word,
        stored,
        Literal(name)
    );
    if let Err(error) = client.batch_execute(text.as_str()).await {
        let Some(refused) = error.as_db_error() else { return Err(error.into()) };
        let problem = Problem::new(format!("{name} stays: {}", refused.message()))
            .coded(refused.code().code().to_owned());
        return Err(match refused.code().code() {
            "55P03" => problem.hint("somebody reads it; try again when they are done"),
            "2BP01" => problem.hint("purge what uses it first"),
            _ => problem,
        });
    }
    Ok(Purged { parked, purged: true })
}
