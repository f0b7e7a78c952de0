//! The facts that the gates of a held phase ask for. Everything here reads, within a limited time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_postgres::{Client, SimpleQueryMessage};
use underpin_catalog::{Name, RelationName, sql};
use underpin_core::rollout::gate::{Evidence, OldSession, Statements, Verified};
use underpin_core::rollout::{Gone, PhaseFile, Query, Rollout};
use underpin_core::settings::Settings;

use super::Standing;
use crate::journal::Calls;
use crate::problem::{Problem, said};

/// How much is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asking<'a> {
    /// Whether rows are counted.
    pub(crate) rows: bool,
    /// What the `application_name` of sessions of the old release contains.
    pub(crate) old_release: Option<&'a str>,
}

/// What is known of a phase that is held, and what was counted for the next time.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn gather(
    client: &Client,
    standing: &Standing,
    rollout: &Rollout,
    file: &PhaseFile,
    settings: &Settings,
    asking: &Asking<'_>,
) -> Result<(Evidence, Option<Calls>), Problem> {
    let began = standing.window_began(rollout);
    let missing = rollout
        .phases
        .iter()
        .take_while(|other| other.folder != file.folder)
        .filter(|other| !standing.applied.contains_key(&other.folder))
        .map(|other| other.folder.clone());
    let missing_phases: Vec<String> = missing.collect();
    let verified = match asking.rows && missing_phases.is_empty() {
        true => Some(verify(client, &file.directives.verify, settings).await?),
        false => None,
    };
    let missing_triggers = match missing_phases.is_empty() {
        true => missing_triggers(client, &file.drops_triggers).await?,
        false => Vec::new(),
    };
    let (old_sessions, hidden_sessions) = sessions(client, began, asking.old_release).await?;
    let before = standing.known(&rollout.name).and_then(|known| known.calls.as_ref());
    let (statements, calls) = count_calls(client, &file.directives.gone, before).await?;
    let evidence = Evidence {
        missing_phases,
        verified,
        missing_triggers,
        window_began: began,
        old_sessions,
        hidden_sessions,
        statements,
    };
    Ok((evidence, calls))
}

/// Asks each query within what is left of the budget. A query that the server refuses has no answer; the gate says so.
///
/// # Errors
/// A connection that is lost.
pub(crate) async fn verify(
    client: &Client,
    queries: &[Query],
    settings: &Settings,
) -> Result<Vec<Verified>, Problem> {
    let (begun, budget) = (Instant::now(), Duration::from_secs(u64::from(settings.rollout.verify_budget_s)));
    let mut answers = Vec::new();
    for query in queries {
        let left = budget.saturating_sub(begun.elapsed()).as_millis().max(1);
        // Marked, so that it is not taken for a statement of the application.
        let asked = sql!("SELECT * FROM ({}) AS asked /* underpin */", query.sql());
        // A role that does not see all rows has no answer, and no wrong one.
        let text = format!(
            "BEGIN READ ONLY; SET LOCAL row_security = off; SET LOCAL statement_timeout = {left}; {asked}"
        );
        let answer = match client.simple_query(&text).await {
            Ok(rows) => number(&rows),
            Err(error) => match error.as_db_error() {
                Some(server) if server.code().code() == "57014" => {
                    Err(format!("not answered within {} s", settings.rollout.verify_budget_s))
                }
                Some(server) => Err(said(server)),
                None => return Err(error.into()),
            },
        };
        client.batch_execute("ROLLBACK").await?;
        answers.push(Verified { query: query.to_string(), answer });
    }
    Ok(answers)
}

fn number(answers: &[SimpleQueryMessage]) -> Result<i64, String> {
    let mut rows = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => Some(row.get(0).and_then(|text| text.parse().ok())),
        _ => None,
    });
    match (rows.next(), rows.next()) {
        (Some(Some(number)), None) => Ok(number),
        _ => Err("it does not answer one number".to_owned()),
    }
}

/// Triggers that are not there or do not fire.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn missing_triggers(
    client: &Client,
    triggers: &[(RelationName, Name)],
) -> Result<Vec<String>, tokio_postgres::Error> {
    let mut missing = Vec::new();
    for (table, trigger) in triggers {
        // D is disabled, R fires on replicas alone.
        let query = "SELECT FROM pg_catalog.pg_trigger
                     WHERE tgrelid = to_regclass($1) AND tgname = $2 AND tgenabled IN ('O', 'A')";
        if client.query_opt(query, &[&table.to_string(), &trigger.as_str()]).await?.is_none() {
            missing.push(format!("trigger {} on {}", trigger.as_str(), table.shown()));
        }
    }
    Ok(missing)
}

/// Sessions of applications that have been connected since before the rollout, or that carry the mark; and how many
/// there are whose age this role may not see.
async fn sessions(
    client: &Client,
    began: Option<Timestamp>,
    old_release: Option<&str>,
) -> Result<(Vec<OldSession>, usize), tokio_postgres::Error> {
    let rows = client
        .query(
            "SELECT pid, coalesce(application_name, ''), coalesce(usename::text, ''), backend_start
             FROM pg_catalog.pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
               AND coalesce(backend_type, 'client backend') = 'client backend'
               AND coalesce(application_name, '') NOT LIKE 'underpin%'
             ORDER BY backend_start NULLS FIRST, pid",
            &[],
        )
        .await?;
    let (mut old, mut hidden) = (Vec::new(), 0);
    for row in &rows {
        let application: String = row.get(1);
        let is_marked = old_release.is_some_and(|mark| application.contains(mark));
        match row.get::<_, Option<Timestamp>>(3) {
            None if is_marked || began.is_some() => hidden += 1,
            Some(since) if is_marked || began.is_some_and(|began| since < began) => {
                old.push(OldSession { pid: row.get(0), application, user: row.get(2), since });
            }
            None | Some(_) => {}
        }
    }
    Ok((old, hidden))
}

/// Counts how often statements that name what goes have been executed, against what was counted before.
///
/// # Errors
/// Those of the connection.
pub(crate) async fn count_calls(
    client: &Client,
    gone: &[Gone],
    before: Option<&Calls>,
) -> Result<(Statements, Option<Calls>), Problem> {
    let names = named(gone);
    if names.is_empty() {
        return Ok((Statements::Nameless, None));
    }
    let unseen = |why: &str| Ok((Statements::Unseen(why.to_owned()), None));
    let installed = "SELECT n.nspname::text FROM pg_catalog.pg_extension e
                     JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";
    let Some(namespace) = client.query_opt(installed, &[]).await? else {
        return unseen("the extension pg_stat_statements is not there, so nobody knows who names what goes");
    };
    let view = RelationName::qualified(namespace.get::<_, String>(0), "pg_stat_statements");
    let info = view.sibling(Name::new("pg_stat_statements_info"));
    let list = sql!(
        "SELECT s.queryid::text, sum(s.calls)::bigint, min(s.query) FROM {} s
         JOIN pg_catalog.pg_database d ON d.oid = s.dbid AND d.datname = current_database()
         WHERE s.query = '<insufficient privilege>'
            OR (strpos(s.query, '/* underpin') = 0
                AND s.query !~* '^\\s*(alter|create|drop|do|comment|truncate|grant|revoke|begin|commit|set|show)\\M'
                AND EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS g(relation, part)
                            WHERE strpos(s.query, g.relation) > 0 AND strpos(s.query, g.part) > 0))
         GROUP BY 1 ORDER BY 1",
        view
    );
    let (relations, parts): (Vec<&str>, Vec<&str>) = names.iter().copied().unzip();
    let rows = match client.query(list.as_str(), &[&relations, &parts]).await {
        Ok(rows) => rows,
        // The library is not loaded (55000), or the view may not be read (42501).
        Err(error) => match error.as_db_error() {
            Some(server) => return unseen(&format!("pg_stat_statements: {}", said(server))),
            None => return Err(error.into()),
        },
    };
    let mut counted = BTreeMap::new();
    let mut texts = BTreeMap::new();
    for row in &rows {
        let text: String = row.get(2);
        let Some(id) = row.get::<_, Option<String>>(0) else {
            return unseen("other roles' statements are not shown to this role (GRANT pg_read_all_stats)");
        };
        if text == "<insufficient privilege>" {
            return unseen("other roles' statements are not shown to this role (GRANT pg_read_all_stats)");
        }
        if names.iter().any(|(relation, part)| says(&text, relation) && says(&text, part)) {
            counted.insert(id.clone(), row.get(1));
            texts.insert(id, shortened(&text));
        }
    }
    // Since 1.9, which comes with PostgreSQL 14.
    let reset: Option<Timestamp> =
        match client.query_opt(sql!("SELECT stats_reset FROM {}", info).as_str(), &[]).await {
            Ok(row) => row.and_then(|row| row.get(0)),
            Err(error) if error.as_db_error().is_some() => None,
            Err(error) => return Err(error.into()),
        };
    let now: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.get(0);
    let latest: Vec<String> = counted
        .iter()
        .filter(|(id, calls)| before.is_none_or(|before| before.counted.get(*id) < Some(calls)))
        .filter_map(|(id, _)| texts.get(id).cloned())
        .collect();
    let quiet_since = match before {
        Some(before) if latest.is_empty() => {
            reset.map_or(before.quiet_since, |reset| before.quiet_since.max(reset))
        }
        _ => now,
    };
    let calls = Calls { counted, quiet_since };
    Ok((Statements::Counted { quiet_since, latest }, Some(calls)))
}

/// What a statement says that needs it: a relation, and for a column also that.
fn named(gone: &[Gone]) -> Vec<(&str, &str)> {
    gone.iter()
        .filter_map(|gone| match gone {
            Gone::Column { table, column } => Some((table.name.as_str(), column.as_str())),
            Gone::Table(name) | Gone::Type(name) => Some((name.name.as_str(), name.name.as_str())),
            // Statements of the release that comes say the same names.
            Gone::Index(_) | Gone::SwappedColumn { .. } | Gone::SwappedType { .. } => None,
        })
        .collect()
}

/// Whether a text says a name as a word of its own.
fn says(text: &str, name: &str) -> bool {
    let is_word = |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
    text.match_indices(name).any(|(at, _)| {
        !is_word(text[..at].chars().next_back()) && !is_word(text[at + name.len()..].chars().next())
    })
}

/// The beginning, on one line.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
