//! A history on a throwaway server: whether it runs, what it ends in, and whether its last migrations can be
//! taken back.
//!
//! All but the last migrations are replayed as one history, which is kept for the next run; the last ones run
//! on a copy, where they can be taken back.

use std::ops::Range;
use std::path::PathBuf;

use underpin_catalog::{Catalog, Name, ServerVersion, differences};
use underpin_core::check::down::Tried;
use underpin_core::check::replay::{Refusal, Script};
use underpin_core::settings::ShadowSettings;
use underpin_sql::{Statement, Surroundings, SyntaxError, read};

use crate::introspect::introspect;
use crate::shadow_history::{NotReplayed, Refused, Replayed, Session, ShadowHistory, wanted};

/// The copy on which the last migrations run.
const COPY: &str = "underpin_check";

/// A migration with its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The migration.
    pub script: Script,
    /// Its `down.sql`, if it has one and is to be tried.
    pub down: Option<Script>,
}

/// What is run, and on what.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The history, in order.
    pub migrations: &'a [Migration],
    /// The server's version; its major counts.
    pub version: ServerVersion,
    /// Where names are made that say no namespace.
    pub namespace: Name,
    /// Where a server comes from.
    pub settings: &'a ShadowSettings,
    /// The project's folder.
    pub project: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Ran {
    /// It runs.
    Through {
        /// What it ends in.
        end: Box<Catalog>,
        /// Each migration whose way back was tried, by its place in the history.
        tried: Vec<(usize, Tried)>,
    },
    /// A migration, by its place, is refused.
    Refused(usize, Refusal),
    /// Nobody can tell: there is no server, or it went away.
    NoServer {
        /// Why, as half a sentence.
        why: String,
        /// What to do next.
        hints: Vec<String>,
    },
}

/// A script that is read.
struct Ready<'a> {
    script: &'a Script,
    statements: Vec<Statement>,
    replayed: Replayed,
}

impl<'a> Ready<'a> {
    fn of(script: &'a Script, nothing: &Surroundings) -> Result<Self, Refusal> {
        let statements = read(&script.text).map_err(|error| no_sql(&error))?;
        let replayed = Replayed::as_written(&script.name, &script.text, &statements, nothing);
        Ok(Self { script, statements, replayed })
    }
}

/// What stopped a run.
enum Stop {
    Refused(usize, Refusal),
    Trouble { why: String, hints: Vec<String> },
}

/// Runs a history on a throwaway server, and takes back and runs again what has a way back.
pub async fn run(asked: &Asked<'_>) -> Ran {
    let nothing = Surroundings::empty(asked.version, asked.namespace.clone());
    let mut history = Vec::with_capacity(asked.migrations.len());
    let mut no_sql = None;
    for (at, migration) in asked.migrations.iter().enumerate() {
        match Ready::of(&migration.script, &nothing) {
            Ok(ready) => history.push(ready),
            Err(refusal) => {
                // One before it may fail, which is told first; what is behind it is not reached.
                no_sql = Some((at, refusal));
                break;
            }
        }
    }
    let wanted = wanted(asked.version, asked.settings, Some(asked.project.clone()));
    let mut server = ShadowHistory::new(wanted, asked.namespace.clone());
    let ran = on_server(&mut server, asked, &history, &nothing).await;
    server.finish().await;
    match (ran, no_sql) {
        (Err(Stop::Refused(at, refusal)), _) => Ran::Refused(at, refusal),
        (_, Some((at, refusal))) => Ran::Refused(at, refusal),
        (Ok((end, tried)), None) => Ran::Through { end: Box::new(end), tried },
        (Err(Stop::Trouble { why, hints }), None) => Ran::NoServer { why, hints },
    }
}

async fn on_server(
    server: &mut ShadowHistory,
    asked: &Asked<'_>,
    history: &[Ready<'_>],
    nothing: &Surroundings,
) -> Result<(Catalog, Vec<(usize, Tried)>), Stop> {
    let first = asked.migrations.iter().position(|migration| migration.down.is_some());
    let first = first.map_or(history.len(), |first| first.min(history.len()));
    let before: Vec<Replayed> = history[..first].iter().map(|ready| ready.replayed.clone()).collect();
    server.replay(&before).await.map_err(|error| not_replayed(error, history))?;
    let mut tried = Vec::new();
    if first == history.len() {
        let replayed = server.look().await?;
        return Ok((introspect(&replayed).await?, tried));
    }
    let mut copy = server.copy(COPY).await?;
    let mut catalog = introspect(&copy).await?;
    for (at, ready) in history.iter().enumerate().skip(first) {
        forward(&copy, ready, asked).await.map_err(|refused| refused_at(at, ready, refused))?;
        let behind = introspect(&copy).await?;
        if let Some(down) = &asked.migrations[at].down {
            let outcome = there_and_back(&copy, (&catalog, &behind), ready, down, (asked, nothing)).await?;
            // What the way back has left behind is no ground for the next one.
            if outcome != Tried::default() {
                drop(copy);
                copy = server.copy(COPY).await?;
                for (at, ready) in history.iter().enumerate().take(at + 1).skip(first) {
                    forward(&copy, ready, asked).await.map_err(|refused| refused_at(at, ready, refused))?;
                }
            }
            tried.push((at, outcome));
        }
        catalog = behind;
    }
    Ok((catalog, tried))
}

/// Takes a migration back and runs it again, and compares both ends.
async fn there_and_back(
    session: &Session,
    (before, behind): (&Catalog, &Catalog),
    up: &Ready<'_>,
    down: &Script,
    (asked, nothing): (&Asked<'_>, &Surroundings),
) -> Result<Tried, Stop> {
    let mut tried = Tried::default();
    let down = match Ready::of(down, nothing) {
        Ok(down) => down,
        Err(refusal) => return Ok(Tried { down_refused: Some(refusal), ..tried }),
    };
    if let Err(refused) = forward(session, &down, asked).await {
        tried.down_refused = Some(refusal(&down, refused)?);
        return Ok(tried);
    }
    tried.behind = differences(before, &introspect(session).await?);
    if let Err(refused) = forward(session, up, asked).await {
        tried.again_refused = Some(refusal(up, refused)?);
        return Ok(tried);
    }
    tried.again = differences(behind, &introspect(session).await?);
    Ok(tried)
}

/// Runs a script as a deploy of its own would: nothing of the session's settings is left of the one before.
async fn forward(session: &Session, ready: &Ready<'_>, asked: &Asked<'_>) -> Result<(), Refused> {
    session.freshen(&asked.namespace).await?;
    let done = session.replay(&ready.replayed).await;
    if done.is_err() {
        // A transaction that was refused is still open; what the server says to this changes nothing.
        let _ = session.batch_execute("ROLLBACK").await;
    }
    done
}

fn refused_at(at: usize, ready: &Ready<'_>, refused: Refused) -> Stop {
    match refusal(ready, refused) {
        Ok(refusal) => Stop::Refused(at, refusal),
        Err(trouble) => trouble,
    }
}

fn not_replayed(error: NotReplayed, history: &[Ready<'_>]) -> Stop {
    match error {
        NotReplayed::NoServer(error) => Stop::Trouble {
            hints: error.hint().into_iter().chain([NO_SERVER.to_owned()]).collect(),
            why: format!("there is no throwaway PostgreSQL: {error}"),
        },
        NotReplayed::Server(error) => error.into(),
        NotReplayed::Migration { name, step, error } => {
            let at = history.iter().position(|ready| ready.script.name == name);
            let at = at.expect("a migration that fails is one of those that were replayed");
            refused_at(at, &history[at], Refused { step, error })
        }
    }
}

/// What the server refused of a script; its own trouble is no answer about the script.
fn refusal(ready: &Ready<'_>, Refused { step, error }: Refused) -> Result<Refusal, Stop> {
    let Some(said) = error.as_db_error() else { return Err(error.into()) };
    let code = said.code().code();
    // Connections, resources, an operator's shutdown, the system, a broken file.
    if ["08", "53", "57P", "58", "XX"].iter().any(|class| code.starts_with(class)) && code != "58P01" {
        return Err(error.into());
    }
    let statement = step.and_then(|step| {
        let of_line = ready.statements.iter().filter(|statement| statement.line == step.line);
        let text = crate::journal::text_of(&step);
        let same = of_line.clone().find(|statement| statement.text == text.as_str());
        let found = same.or_else(|| of_line.clone().next())?;
        Some((found.span.clone(), found.text == text.as_str()))
    });
    let pointed = match said.position() {
        Some(tokio_postgres::error::ErrorPosition::Original(character)) => usize::try_from(*character).ok(),
        Some(tokio_postgres::error::ErrorPosition::Internal { .. }) | None => None,
    };
    let is_verbatim = statement.as_ref().is_some_and(|(_, verbatim)| *verbatim);
    Ok(Refusal {
        character: pointed.filter(|_| is_verbatim),
        statement: statement.map(|(span, _): (Range<usize>, bool)| span),
        sqlstate: Some(code.to_owned()),
        message: crate::problem::said(said),
    })
}

fn no_sql(error: &SyntaxError) -> Refusal {
    Refusal {
        statement: Some(error.offset..error.end),
        character: None,
        sqlstate: Some(error.sqlstate.to_owned()),
        message: match &error.meaning {
            Some(meaning) => format!("{}: {meaning}", error.message),
            None => error.message.clone(),
        },
    }
}

const NO_SERVER: &str = "--skip replay --skip schema --skip down checks the rest alone, knowingly";

impl From<tokio_postgres::Error> for Stop {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Trouble {
            why: format!("the throwaway server is in trouble: {}", crate::shadow_history::said(&error)),
            hints: vec!["run it again; when it comes back, look at the machine's memory and disk".to_owned()],
        }
    }
}

impl From<crate::IntrospectError> for Stop {
    fn from(error: crate::IntrospectError) -> Self {
        Self::Trouble {
            why: format!("what the history ends in cannot be read: {error}"),
            hints: error.hint().into_iter().collect(),
        }
    }
}
