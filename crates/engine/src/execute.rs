//! Acts: what [`underpin_core::run::decide`] chose is done here, and what came of it is reported.
//!
//! Nothing here chooses. The lock protocol is the exception that proves the rule: its two stages and
//! its few tries happen within one transaction, with the numbers of the settings.

mod alone;
mod backfill;
mod settle;
mod transaction;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_postgres::error::SqlState;
use underpin_catalog::Sql;
use underpin_core::event::Event;
use underpin_core::run::{Act, Question, Refusal, Report, Segment, SegmentKind};
use underpin_core::settings::{LockSettings, Settings};
use underpin_prisma::LedgerRow;
use underpin_sql::effect::SettingScope;
use underpin_sql::{Action, Effect, Step, read};

use crate::events::Events;
use crate::gate;
use crate::journal::{Begun, Owner};
use crate::ledger::Ledger;
use crate::problem::said;
use crate::session::Sessions;
use crate::watch::{Seen, Watcher};

/// A migration that is being executed.
#[derive(Debug)]
pub(crate) struct Current {
    /// Who it is in ledger and journal.
    pub(crate) begun: Begun,
    /// What is to be done.
    pub(crate) segments: Vec<Segment>,
    /// The whole file, when it can be sent at once.
    pub(crate) whole: Option<Sql>,
    /// The file, for finding lines.
    pub(crate) text: String,
    /// Whether statements are cancelled when others wait behind them: not when somebody asked for the
    /// files as they are written.
    pub(crate) gives_way: bool,
    /// The backend that has the settings which the executed steps made.
    pub(crate) session: Option<i32>,
    /// The longest time that strong locks were held, milliseconds.
    pub(crate) longest_lock_ms: u64,
    /// The migration that this is the way back of: the ledger has no row of ours then, and loses that one's.
    pub(crate) undoes: Option<String>,
}

impl Current {
    /// Position of a segment's first step in the whole migration.
    fn ordinal(&self, segment: usize) -> usize {
        self.segments.iter().take(segment).map(|segment| segment.steps.len()).sum()
    }

    /// All steps, in order.
    fn steps(&self) -> Vec<&Step> {
        self.segments.iter().flat_map(|segment| &segment.steps).collect()
    }

    /// The first step of a segment.
    pub(crate) fn step(&self, segment: usize) -> Option<&Step> {
        self.segments.get(segment).and_then(|segment| segment.steps.first())
    }

    fn row(&self, finished_at: Option<Timestamp>) -> LedgerRow {
        let begun = &self.begun;
        let row = LedgerRow::started(
            begun.id.clone(),
            begun.name.clone(),
            begun.checksum.clone(),
            begun.started_at,
        );
        LedgerRow { finished_at, applied_steps_count: i32::from(finished_at.is_some()), ..row }
    }
}

/// Does what was decided.
#[derive(Debug)]
pub(crate) struct Executor<'a> {
    pub(crate) sessions: Sessions,
    /// The session that holds Prisma's advisory lock, unless it is switched off.
    pub(crate) guard: Option<&'a tokio_postgres::Client>,
    pub(crate) owner: Owner,
    pub(crate) ledger: &'a Ledger,
    pub(crate) settings: &'a Settings,
    pub(crate) events: &'a Events,
    pub(crate) interrupt: watch::Receiver<bool>,
}

/// Why an act has no effect, or none that we know of.
enum Trouble {
    /// The server said no.
    Refused(Refusal),
    /// The answer is lost.
    Lost,
    /// The lease is somebody else's.
    Fenced,
    /// A person asked us to stop.
    Interrupted,
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(server) if !ends_session(server.code()) => Self::Refused(Refusal {
                sqlstate: server.code().code().to_owned(),
                message: said(server),
                step: None,
                line: None,
                gave_way: false,
                blockers: Vec::new(),
            }),
            _ => Self::Lost,
        }
    }
}

/// Whether the server ends the session together with this answer: class 08 (connection exception),
/// shutdowns and crashes.
fn ends_session(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN, &SqlState::CANNOT_CONNECT_NOW].contains(&code)
        // idle_in_transaction_session_timeout, idle_session_timeout
        || matches!(code.code(), "25P03" | "57P05")
}

impl Executor<'_> {
    /// Changes the database as decided.
    pub(crate) async fn act(&mut self, current: &mut Current, act: &Act) -> Report {
        // Prisma knows no fence of ours: without its lock nothing is begun.
        if self.guard.is_some_and(tokio_postgres::Client::is_closed) {
            return Report::LockLost;
        }
        if self.sessions.work.is_closed() {
            return Report::InDoubt;
        }
        let done = match act {
            Act::Open => self.open(current).await,
            Act::Close => self.close(current).await,
            Act::TakeBack => self.take_back(current).await,
            Act::DropLeftover { index, leftover } => self.drop_leftover(current, *index, leftover).await,
            Act::Segment { index, whole, closes } => self.segment(current, *index, *whole, *closes).await,
        };
        match done {
            Ok(()) => Report::Applied,
            Err(trouble) => self.after(trouble).await,
        }
    }

    async fn segment(
        &mut self,
        current: &mut Current,
        index: usize,
        whole: bool,
        closes: bool,
    ) -> Result<(), Trouble> {
        self.settle_in(current, index).await?;
        match current.segments.get(index).map(|segment| segment.kind) {
            None | Some(SegmentKind::Together) => self.transaction(current, index, whole, closes).await,
            Some(SegmentKind::Alone) => self.alone(current, index).await,
            Some(SegmentKind::Batches) => self.backfill(current, index).await,
        }
    }

    /// A session that has not executed the segments before this one, because an earlier run or a lost
    /// session has, gets the settings that they made: a `SET search_path` is for the rest of its file.
    async fn settle_in(&self, current: &mut Current, index: usize) -> Result<(), Trouble> {
        let work = &self.sessions.work;
        if current.session == Some(work.pid()) {
            return Ok(());
        }
        for step in current.segments.iter().take(index).flat_map(|segment| &segment.steps) {
            if let Action::Execute { sql } = &step.action
                && sets_session(sql)
            {
                work.batch_execute(sql.as_str()).await?;
            }
        }
        current.session = Some(work.pid());
        Ok(())
    }

    /// Answers a question of the decision.
    pub(crate) async fn look(&mut self, current: &Current, question: &Question) -> Report {
        match question {
            Question::Gate(index) => self.look_at_gate(current, *index).await,
            Question::Settle(act) => self.settle(current, act).await,
        }
    }

    async fn look_at_gate(&self, current: &Current, index: usize) -> Report {
        let Some(segment) = current.segments.get(index) else { return Report::GateOpen };
        let lock = &self.settings.lock;
        let own = self.sessions.application();
        let watch = &self.sessions.watch.connection;
        let seen = match segment.kind {
            SegmentKind::Alone => gate::look_for_snapshots(watch, own, lock.snapshot_age_ms).await,
            _ => gate::look(watch, own, &segment.strong_locks(), lock.patience_ms).await,
        };
        // A gate that cannot be read is not open; whether the connection heals is asked by the act.
        seen.unwrap_or(Report::InDoubt)
    }

    async fn after(&mut self, trouble: Trouble) -> Report {
        if !matches!(trouble, Trouble::Lost) {
            // Should this fail, the effect is absent all the same: an open transaction dies with its
            // session, and the next act finds the session closed.
            let _ = self.sessions.work.batch_execute("ROLLBACK").await;
        }
        match trouble {
            Trouble::Refused(refusal) => Report::Refused(refusal),
            Trouble::Lost => Report::InDoubt,
            Trouble::Fenced => Report::Fenced,
            Trouble::Interrupted => Report::Interrupted,
        }
    }

    /// Records that a migration of several transactions has begun.
    async fn open(&mut self, current: &Current) -> Result<(), Trouble> {
        self.begin("").await?;
        let journal = self.owner.migration(&current.begun, &current.steps(), None);
        match current.undoes {
            Some(_) => self.commit(&[journal]).await,
            None => self.commit(&[self.ledger.insert(&current.row(None)), journal]).await,
        }
    }

    /// Records that a migration is complete.
    async fn close(&mut self, current: &Current) -> Result<(), Trouble> {
        self.begin("").await?;
        let end = self.closing(current);
        self.commit(&end).await
    }

    /// Takes back that a migration has begun.
    async fn take_back(&mut self, current: &Current) -> Result<(), Trouble> {
        self.begin("").await?;
        let id = &current.begun.id;
        self.commit(&[self.ledger.remove(id), self.owner.never_begun(id)]).await
    }

    /// Records what stopped a migration: in the journal always, in the ledger's `logs` when part of it
    /// has taken effect. A migration of which nothing is left gets no row in the ledger, so that it
    /// is simply pending for everybody.
    pub(crate) async fn record_failure(&self, current: &Current, half_done: bool, refusal: &Refusal) {
        let mut text = format!("BEGIN; {}", self.owner.failure(&current.begun, half_done, refusal));
        if half_done {
            let logs = format!("{}\n\nDatabase error code: {}", refusal.message, refusal.sqlstate);
            text.push_str("; ");
            text.push_str(self.ledger.record_logs(&current.begun.id, &logs).as_str());
        }
        text.push_str("; COMMIT");
        // The failure itself is what people have to hear; that it could not be written down as well
        // changes nothing about what the next run finds.
        if self.sessions.work.batch_execute(&text).await.is_err() {
            let _ = self.sessions.work.batch_execute("ROLLBACK").await;
        }
    }

    fn closing(&self, current: &Current) -> Vec<Sql> {
        let now = Timestamp::now();
        let id = &current.begun.id;
        let applied = self.owner.migration_applied(id, now);
        match &current.undoes {
            Some(undone) => vec![self.ledger.take_out(undone), self.owner.reverted(undone), applied],
            None => vec![self.ledger.finish(id, now), applied],
        }
    }

    /// Whether a begun migration is recorded, and whether as complete.
    async fn recorded_end(&self, current: &Current) -> Result<Option<bool>, tokio_postgres::Error> {
        let (work, id) = (&self.sessions.work, &current.begun.id);
        match current.undoes {
            Some(_) => self.owner.finished(work, id).await,
            None => self.ledger.finished(work, id).await,
        }
    }

    /// Begins a transaction that only the owner of the lease can commit.
    /// Unless `settings` say otherwise, its statements wait for no lock longer than the first stage.
    async fn begin(&self, settings: &str) -> Result<(), Trouble> {
        let limit = self.lock().evict_timeout_ms;
        let text = format!(
            "BEGIN; SET LOCAL lock_timeout = {limit}; SET LOCAL statement_timeout = 0; {settings}{}",
            self.owner.fence()
        );
        let answers = self.sessions.work.simple_query(&text).await?;
        let ours = answers.iter().any(|answer| matches!(answer, tokio_postgres::SimpleQueryMessage::Row(_)));
        if ours { Ok(()) } else { Err(Trouble::Fenced) }
    }

    /// Asks whether the lease is still ours, for what cannot be in a transaction with the fence.
    async fn check_fence(&self) -> Result<(), Trouble> {
        self.begin("").await?;
        self.commit(&[]).await
    }

    /// Sends the last statements of a transaction together with its COMMIT.
    async fn commit(&self, last: &[Sql]) -> Result<(), Trouble> {
        let mut text = String::new();
        for statement in last {
            text.push_str(statement.as_str());
            text.push_str(";\n");
        }
        text.push_str("COMMIT");
        Ok(self.sessions.work.batch_execute(&text).await?)
    }

    fn lock(&self) -> &LockSettings {
        &self.settings.lock
    }

    /// A watcher over the working session.
    fn watcher(&self, give_way: bool) -> Watcher<'_> {
        Watcher {
            connection: &self.sessions.watch.connection,
            pid: self.sessions.work.pid(),
            give_way_ms: give_way.then_some(self.lock().give_way_ms),
            interrupt: self.interrupt.clone(),
        }
    }
}

/// Whether a statement does nothing but set the session for what follows.
fn sets_session(sql: &Sql) -> bool {
    let Ok(statements) = read(sql.as_str()) else { return false };
    !statements.is_empty()
        && statements.iter().flat_map(|statement| &statement.effects).all(|effect| match effect {
            Effect::Set(setting) => setting.scope != SettingScope::Transaction,
            Effect::Select { reads, calls, .. } => {
                reads.is_empty() && !calls.is_empty() && calls.iter().all(|call| call.ends_with("set_config"))
            }
            _ => false,
        })
}

/// Adds what the watcher saw to what the server said.
fn with_seen(trouble: Trouble, seen: Seen, step: Option<&Step>) -> Trouble {
    match trouble {
        Trouble::Refused(refusal) if seen.interrupted && refusal.sqlstate == "57014" => Trouble::Interrupted,
        Trouble::Refused(refusal) => Trouble::Refused(Refusal {
            gave_way: seen.gave_way && refusal.sqlstate == "57014",
            blockers: if refusal.blockers.is_empty() { seen.blockers } else { refusal.blockers },
            step: refusal.step.or_else(|| step.map(|step| step.id.clone())),
            line: refusal.line.or_else(|| step.map(|step| step.line)),
            ..refusal
        }),
        other => other,
    }
}

/// The line of a character position (from 1, as the server counts) in a text.
pub(crate) fn line_at(text: &str, position: u32) -> u32 {
    let before = text.chars().take(position.saturating_sub(1) as usize);
    1 + before.filter(|character| *character == '\n').count() as u32
}

/// Where in its statement the server found the error, as a character position from 1.
fn position(error: &tokio_postgres::Error) -> Option<u32> {
    match error.as_db_error()?.position()? {
        tokio_postgres::error::ErrorPosition::Original(position) => Some(*position),
        tokio_postgres::error::ErrorPosition::Internal { .. } => None,
    }
}

/// Tells people what is waited for; used by acts that wait by themselves.
fn progress(current: &Current, step: &Step, phase: String, done: u64, total: u64) -> Event {
    Event::Progress { migration: current.begun.name.clone(), step: step.id.to_string(), phase, done, total }
}
