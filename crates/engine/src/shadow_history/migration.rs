//! Migrations that are replayed, and read when their turn comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use underpin_core::plan::{Mode, Policy, ReasonCode, plan};
use underpin_sql::{Statement, Step, Surroundings, SyntaxError, read};

use crate::reading::PutBack;

/// A migration to be replayed. Copies of it are read once together.
#[derive(Clone, Debug)]
pub(crate) struct Replayed {
    /// The folder's name.
    pub(crate) name: String,
    /// The script.
    pub(crate) script: Arc<str>,
    /// How it is executed, once somebody has read it.
    read: Arc<OnceLock<Result<Execution, SyntaxError>>>,
}

/// How a migration is executed, as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    /// Its statements as steps.
    pub(crate) steps: Vec<Step>,
    /// The script, when it takes its transactions back, marks places in them or begins them with conditions, which
    /// no step says; or when it could not be read. Then it is sent whole, as Prisma sends it.
    pub(crate) whole: Option<Arc<str>>,
}

impl Replayed {
    /// A migration that nobody has read yet.
    pub(crate) fn unread(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), script: text.into(), read: Arc::default() }
    }

    /// A migration of these statements; of none, when it could not be read.
    pub(crate) fn as_written(
        name: &str,
        text: &str,
        statements: &[Statement],
        nothing: &Surroundings,
    ) -> Self {
        let unread = Self::unread(name, text);
        let read = OnceLock::from(Ok(unread.executed(statements, nothing)));
        Self { read: Arc::new(read), ..unread }
    }

    /// How it is executed.
    ///
    /// # Errors
    /// When the script is no SQL.
    pub(crate) fn execution(&self, nothing: &Surroundings) -> Result<&Execution, &SyntaxError> {
        let read = || read(&self.script).map(|statements| self.executed(&statements, nothing));
        self.read.get_or_init(read).as_ref()
    }

    fn executed(&self, statements: &[Statement], nothing: &Surroundings) -> Execution {
        let policy = Policy { mode: Mode::AsWritten, ..Policy::default() };
        let plan = plan(statements, nothing, &policy);
        let controls = |code| code == ReasonCode::TransactionControl;
        let is_whole = statements.is_empty() || plan.refusals.iter().any(|one| controls(one.code));
        Execution { steps: plan.steps, whole: is_whole.then(|| Arc::clone(&self.script)) }
    }
}

/// Reads migrations on a thread of its own, so that they are read when the server has come to them. Ends when it
/// goes.
pub(super) struct ReadAhead {
    is_over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
    /// The parser's threads leave anything in the place of standard error.
    _back: Option<PutBack>,
}

impl ReadAhead {
    pub(super) fn begin(history: &[Replayed], nothing: &Arc<Surroundings>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        // The first is wanted at once.
        let ahead: Vec<Replayed> = history.iter().skip(1).cloned().collect();
        let back = if ahead.is_empty() { None } else { PutBack::now() };
        // Without a thread they are read when their turn comes.
        let thread = back.as_ref().and_then(|_| {
            let (is_over, nothing) = (Arc::clone(&is_over), Arc::clone(nothing));
            let read = move || {
                for migration in ahead {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    // Whoever replays it tells what is wrong with it.
                    let _ = migration.execution(&nothing);
                }
            };
            thread::Builder::new().spawn(read).ok()
        });
        Self { is_over, thread, _back: back }
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the parser comes again when the migration's turn comes.
            let _ = thread.join();
        }
    }
}
