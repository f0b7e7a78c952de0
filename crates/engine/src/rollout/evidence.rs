//! The facts that the gates of a held phase ask for. Everything here reads, within a limited time.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_postgres::{Client, SimpleQueryMessage};
use underpin_catalog::sql;
use underpin_core::rollout::gate::{Evidence, ReleaseSession, Verified};
use underpin_core::rollout::{PhaseFile, Query, Rollout};
use underpin_core::settings::Settings;

use super::Standing;
use super::intact::{self, Intact};
use super::statements::{Counting, count_calls};
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
    let is_applied = |folder: &str| standing.applied.contains_key(folder);
    let Intact { sync, changed } =
        intact::look(client, rollout, file, &standing.namespace(), is_applied).await?;
    let (sessions, hidden_sessions) = sessions(client, began, asking.old_release).await?;
    let before = standing.known(&rollout.name).and_then(|known| known.calls.as_ref());
    let (statements, calls) = count_calls(client, &Counting::old(rollout, file), before).await?;
    let evidence = Evidence {
        missing_phases,
        verified,
        sync,
        changed,
        window_began: began,
        sessions,
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

/// Sessions of applications that have been connected since before the rollout, or that carry the mark; and how many
/// there are whose age this role may not see.
pub(crate) async fn sessions(
    client: &Client,
    began: Option<Timestamp>,
    mark: Option<&str>,
) -> Result<(Vec<ReleaseSession>, usize), tokio_postgres::Error> {
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
    let (mut of_it, mut hidden) = (Vec::new(), 0);
    for row in &rows {
        let application: String = row.get(1);
        let is_marked = mark.is_some_and(|mark| application.contains(mark));
        match row.get::<_, Option<Timestamp>>(3) {
            None if is_marked || began.is_some() => hidden += 1,
            Some(since) if is_marked || began.is_some_and(|began| since < began) => {
                of_it.push(ReleaseSession { pid: row.get(0), application, user: row.get(2), since });
            }
            None | Some(_) => {}
        }
    }
    Ok((of_it, hidden))
}
