//! A history on a throwaway server: whether it runs, what it ends in, and whether its last migrations can be
//! taken back.
//!
//! All but the last migrations are replayed as one history, which is kept for the next run; the last ones run
//! on a copy, where they can be taken back. What is kept is not read again: that it runs is known.

use std::convert::Infallible;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use futures_util::future::{Either, select};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use underpin_catalog::{Catalog, Name, ServerVersion, differences};
use underpin_core::check::down::Tried;
use underpin_core::check::replay::{Refusal, Script};
use underpin_core::settings::ShadowSettings;
use underpin_sql::{SyntaxError, read};

use crate::Problem;
use crate::introspect::introspect;
use crate::reading::PutBack;
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
pub struct Asked {
    /// The history, in order.
    pub migrations: Arc<[Migration]>,
    /// The server's version; its major counts.
    pub version: ServerVersion,
    /// Where names are made that say no namespace.
    pub namespace: Name,
    /// Where a server comes from.
    pub settings: ShadowSettings,
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

/// What stopped a run.
enum Stop {
    Refused(usize, Refusal),
    Trouble { why: String, hints: Vec<String> },
}

/// A run, on a thread of its own. Ends at once when nobody wants to know any more.
#[derive(Debug)]
pub struct Running {
    thread: Option<JoinHandle<Ran>>,
    /// Nothing is ever sent: when it goes, the run is over.
    wanted: Option<oneshot::Sender<Infallible>>,
    /// It reads, and so may whoever waits for it.
    _back: Option<PutBack>,
}

/// Begins to run a history on a throwaway server, and to take back and run again what has a way back. What this
/// process writes to its standard error meanwhile may be lost.
///
/// # Errors
/// When the system gives us no thread.
pub fn begin(asked: Asked) -> Result<Running, Problem> {
    let refused = |error: std::io::Error| {
        Problem::new(format!("the system does not let this program start its threads: {error}"))
    };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(refused)?;
    let (wanted, nobody) = oneshot::channel();
    let back = PutBack::now();
    let work = move || match runtime.block_on(select(pin!(run(&asked)), nobody)) {
        Either::Left((ran, _)) => ran,
        Either::Right(_) => Ran::NoServer { why: "nobody waited for it".to_owned(), hints: Vec::new() },
    };
    let thread = thread::Builder::new().name("history".to_owned()).spawn(work).map_err(refused)?;
    Ok(Running { thread: Some(thread), wanted: Some(wanted), _back: back })
}

impl Running {
    /// Waits for its end.
    pub fn end(mut self) -> Ran {
        let thread = self.thread.take().expect("a run is waited for once");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            // What went wrong in it is not asked any more.
            let _ = thread.join();
        }
    }
}

async fn run(asked: &Asked) -> Ran {
    let wanted = wanted(asked.version, &asked.settings, Some(asked.project.clone()));
    let mut server = ShadowHistory::new(wanted, asked.namespace.clone());
    let unread = |migration: &Migration| Replayed::unread(&migration.script.name, &migration.script.text);
    let history: Vec<Replayed> = asked.migrations.iter().map(unread).collect();
    let ran = on_server(&mut server, asked, &history).await;
    server.finish().await;
    match ran {
        Ok((end, tried)) => Ran::Through { end: Box::new(end), tried },
        Err(Stop::Refused(at, refusal)) => Ran::Refused(at, refusal),
        Err(Stop::Trouble { why, hints }) => {
            // What is no SQL is refused without a server too.
            let scripts = asked.migrations.iter().map(|migration| read(&migration.script.text));
            match scripts.enumerate().find_map(|(at, read)| Some((at, read.err()?))) {
                Some((at, error)) => Ran::Refused(at, no_sql(&error)),
                None => Ran::NoServer { why, hints },
            }
        }
    }
}

async fn on_server(
    server: &mut ShadowHistory,
    asked: &Asked,
    history: &[Replayed],
) -> Result<(Catalog, Vec<(usize, Tried)>), Stop> {
    let first = asked.migrations.iter().position(|migration| migration.down.is_some());
    let first = first.unwrap_or(history.len());
    server.replay(&history[..first]).await.map_err(|error| not_replayed(error, asked))?;
    let mut tried = Vec::new();
    if first == history.len() {
        let replayed = server.look().await?;
        return Ok((introspect(&replayed).await?, tried));
    }
    let mut copy = server.copy(COPY).await?;
    let mut catalog = introspect(&copy).await?;
    for (at, migration) in history.iter().enumerate().skip(first) {
        let Migration { script, down } = &asked.migrations[at];
        let forward = |error| refused_at(at, script, error);
        self::forward(server, &copy, migration).await.map_err(forward)?;
        let behind = introspect(&copy).await?;
        if let Some(down) = down {
            let outcome =
                there_and_back(server, &copy, (&catalog, &behind), (script, migration), down).await?;
            // What the way back has left behind is no ground for the next one.
            if outcome != Tried::default() {
                drop(copy);
                copy = server.copy(COPY).await?;
                for (at, migration) in history.iter().enumerate().take(at + 1).skip(first) {
                    let script = &asked.migrations[at].script;
                    self::forward(server, &copy, migration)
                        .await
                        .map_err(|error| refused_at(at, script, error))?;
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
    server: &ShadowHistory,
    session: &Session,
    (before, behind): (&Catalog, &Catalog),
    (up_script, up): (&Script, &Replayed),
    down_script: &Script,
) -> Result<Tried, Stop> {
    let mut tried = Tried::default();
    let down = Replayed::unread(&down_script.name, &down_script.text);
    if let Err(error) = forward(server, session, &down).await {
        tried.down_refused = Some(refusal(down_script, error)?);
        return Ok(tried);
    }
    tried.behind = differences(before, &introspect(session).await?);
    if let Err(error) = forward(server, session, up).await {
        tried.again_refused = Some(refusal(up_script, error)?);
        return Ok(tried);
    }
    tried.again = differences(behind, &introspect(session).await?);
    Ok(tried)
}

/// Runs a script as a deploy of its own would: nothing of the session's settings is left of the one before.
async fn forward(server: &ShadowHistory, session: &Session, migration: &Replayed) -> Result<(), NotReplayed> {
    let execution = server.execution(migration)?;
    let done = session.run(server.namespace(), execution).await;
    if done.is_err() {
        // A transaction that was refused is still open; what the server says to this changes nothing.
        let _ = session.batch_execute("ROLLBACK").await;
    }
    done.map_err(|Refused { step, error }| NotReplayed::Migration {
        name: migration.name.clone(),
        step,
        error,
    })
}

fn refused_at(at: usize, script: &Script, error: NotReplayed) -> Stop {
    match refusal(script, error) {
        Ok(refusal) => Stop::Refused(at, refusal),
        Err(trouble) => trouble,
    }
}

fn not_replayed(error: NotReplayed, asked: &Asked) -> Stop {
    let (NotReplayed::Migration { name, .. } | NotReplayed::NoSql { name, .. }) = &error else {
        return trouble(error);
    };
    let at = asked.migrations.iter().position(|migration| migration.script.name == *name);
    let at = at.expect("a migration that fails is one of those that were replayed");
    refused_at(at, &asked.migrations[at].script, error)
}

/// What says nothing about the migrations.
fn trouble(error: NotReplayed) -> Stop {
    match error {
        NotReplayed::NoServer(error) => Stop::Trouble {
            hints: error.hint().into_iter().chain([NO_SERVER.to_owned()]).collect(),
            why: format!("there is no throwaway PostgreSQL: {error}"),
        },
        NotReplayed::Server(error) | NotReplayed::Migration { error, .. } => error.into(),
        NotReplayed::NoSql { error, .. } => Stop::Trouble { why: error.to_string(), hints: Vec::new() },
    }
}

/// What the server refused of a script, or the grammar; a server's own trouble is no answer about the script.
fn refusal(script: &Script, error: NotReplayed) -> Result<Refusal, Stop> {
    let (step, error) = match error {
        NotReplayed::NoSql { error, .. } => return Ok(no_sql(&error)),
        NotReplayed::Migration { step, error, .. } => (step, error),
        error => return Err(trouble(error)),
    };
    let Some(said) = error.as_db_error() else { return Err(error.into()) };
    let code = said.code().code();
    // Connections, resources, an operator's shutdown, the system, a broken file.
    if ["08", "53", "57P", "58", "XX"].iter().any(|class| code.starts_with(class)) && code != "58P01" {
        return Err(error.into());
    }
    let statement = step.and_then(|step| {
        let statements = read(&script.text).unwrap_or_default();
        let of_line = statements.iter().filter(|statement| statement.line == step.line);
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
