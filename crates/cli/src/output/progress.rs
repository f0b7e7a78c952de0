//! A deploy as a person follows it: which migration, which step, and while it waits what for, since
//! when, how often tried and what is left of the budget.

use std::io::Write;
use std::time::{Duration, Instant};

use underpin_core::event::{Blocker, Event, WaitReason};

/// Repeats of the same wait are told this often.
const REMIND: Duration = Duration::from_secs(5);

/// Writes progress to stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    styled: bool,
    waiting: Option<(String, Instant)>,
    quiet_steps: bool,
}

impl Progress {
    pub(crate) fn new(terminal: bool) -> Self {
        let styled = terminal && std::env::var_os("NO_COLOR").is_none();
        Self { styled, waiting: None, quiet_steps: true }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::LockHeldElsewhere { holder, waited_ms, budget_left_ms } => self.line(&format!(
                "  waiting for Prisma's advisory lock, held by {} (waited {}, {} left)",
                holder.as_ref().map_or_else(|| "a session that has just ended".to_owned(), who),
                time(*waited_ms),
                time(*budget_left_ms)
            )),
            Event::Held { migration, why, .. } => {
                let mark = self.paint("33", "held");
                self.line(&format!("  {mark}  {migration}: {}", super::rollout::why(why)));
            }
            Event::LedgerCleared { migration } => self.line(&format!(
                "  Prisma was stopped at `{migration}`, which is held, before any of it; its row is taken out of the ledger"
            )),
            Event::ProofStarted { migration } => {
                self.line(&format!("  proving the online form of {migration} on a throwaway server"));
            }
            Event::Proven { cached: false, took_ms, .. } => {
                self.line(&format!("  proven: it ends in the same schema ({})", time(*took_ms)));
            }
            Event::Proven { cached: true, .. } => self.line("  proven before: it ends in the same schema"),
            Event::MigrationStarted { migration, steps, steps_done, online } => {
                self.quiet_steps = !*online;
                let how = match (online, steps_done) {
                    (true, 0) if *steps == 1 => " online, in one step".to_owned(),
                    (true, 0) => format!(" online, in {steps} steps"),
                    (_, 0) => String::new(),
                    (_, done) => format!(", continuing: {done} of {steps} steps are done"),
                };
                self.line(&format!("Applying migration `{migration}`{how}"));
            }
            Event::StepApplied { intent, took_ms, .. } if !self.quiet_steps => {
                self.waiting = None;
                let mark = self.paint("32", "done");
                self.line(&format!("  {mark}  {intent} ({})", time(*took_ms)));
            }
            Event::Waiting { reason, blockers, attempts, waited_ms, budget_left_ms, intent, .. } => {
                self.waiting(*reason, blockers, *attempts, *waited_ms, *budget_left_ms, intent);
            }
            Event::Progress { phase, done, total, .. } => self.progress(phase, *done, *total),
            Event::MigrationApplied { took_ms, longest_lock_ms, .. } if !self.quiet_steps => {
                self.line(&format!(
                    "  applied in {}; no lock that blocks the application was held longer than {} ms",
                    time(*took_ms),
                    // Zero would say that none was.
                    longest_lock_ms.max(&1)
                ));
            }
            Event::MigrationStopped { migration, reason, .. } => {
                let mark = self.paint("31", "stopped");
                self.line(&format!("  {mark} `{migration}`: {}", reason.lines().next().unwrap_or_default()));
            }
            Event::RunStarted { .. }
            | Event::StepStarted { .. }
            | Event::StepApplied { .. }
            | Event::MigrationApplied { .. }
            | Event::RunFinished { .. } => {}
        }
    }

    fn waiting(
        &mut self,
        reason: WaitReason,
        blockers: &[Blocker],
        attempts: u32,
        waited_ms: u64,
        budget_left_ms: u64,
        intent: &str,
    ) {
        let why = match reason {
            WaitReason::Holder => "a transaction holds the table",
            WaitReason::Queue => "others already wait for the table",
            WaitReason::WraparoundVacuum => "a vacuum against wraparound works on the table",
            WaitReason::LockTimeout => "the lock was not granted in time",
            WaitReason::GaveWay => "sessions had begun to wait behind us, so we gave way",
            WaitReason::OldSnapshot => "a concurrent build would wait for an old snapshot",
            WaitReason::Victim => "a deadlock was resolved at our expense",
            WaitReason::Connection => "the connection was lost",
        };
        let blocker = blockers.iter().find(|blocker| !blocker.autovacuum).or(blockers.first());
        let key = format!("{reason:?} {:?}", blocker.map(|blocker| blocker.pid));
        if self.waiting.as_ref().is_some_and(|(last, at)| *last == key && at.elapsed() < REMIND) {
            return;
        }
        self.waiting = Some((key, Instant::now()));
        let tries = match attempts {
            0 => String::new(),
            1 => ", 1 try so far".to_owned(),
            n => format!(", {n} tries so far"),
        };
        let mark = self.paint("33", "waiting");
        self.line(&format!(
            "  {mark} to {intent}: {why} (waited {}{tries}, {} of the budget left)",
            time(waited_ms),
            time(budget_left_ms)
        ));
        if let Some(blocker) = blocker {
            let table = if blocker.relation.is_empty() {
                String::new()
            } else {
                format!("table {}: ", blocker.relation)
            };
            self.line(&format!("          {table}{}", who(blocker)));
            if !blocker.query.is_empty() {
                self.line(&format!("          its last statement: {}", one_line(&blocker.query)));
            }
        }
    }

    fn progress(&mut self, phase: &str, done: u64, total: u64) {
        // What follows the colon is for how long, and changes with every look.
        let key = format!("progress {}", phase.split(':').next().unwrap_or_default());
        if self.waiting.as_ref().is_some_and(|(last, at)| *last == key && at.elapsed() < REMIND) {
            return;
        }
        self.waiting = Some((key, Instant::now()));
        let share = match total {
            0 => String::new(),
            total => format!(", {} %", (done.min(total) * 100) / total),
        };
        self.line(&format!("          {phase}{share}"));
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.styled { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

fn who(blocker: &Blocker) -> String {
    if blocker.pid == 0 {
        return format!("{}, for {}", blocker.application, time(blocker.transaction_ms.max(0) as u64));
    }
    let application =
        if blocker.application.is_empty() { "no application name" } else { &blocker.application };
    format!(
        "session {} ({application}, role {}), {} for {}",
        blocker.pid,
        blocker.user,
        blocker.state,
        time(blocker.transaction_ms.max(0) as u64)
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect()
}

/// Milliseconds as a person says them.
fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{:.1} s", ms as f64 / 1_000.0),
        _ => format!("{} min", ms / 60_000),
    }
}
