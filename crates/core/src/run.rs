//! What to do next with one migration: [`decide`].
//!
//! The engine acts and reports what came of it; this module turns each report into the next
//! decision. It has no connection, no clock and no dice: elapsed time and randomness come in with
//! the report, so a list of reports replays a night at 3 a.m. in microseconds.
//!
//! What it decides: the order of gates, transactions and waits; which refusals are worth another
//! try; when a lock budget is spent; how doubt after a lost connection is settled (by looking, never
//! by assuming). What it leaves alone: SQL, locks and policy about what may run at all.

mod decision;
mod report;
mod segment;

use serde::Serialize;
use underpin_sql::Action;

pub use decision::{Act, Decision, Question, Stop};
pub use report::{Refusal, Report, Settlement};
pub use segment::{Segment, SegmentKind, segments};

use crate::event::{Blocker, WaitReason};

/// The pause between two looks at a shut gate, milliseconds.
const GATE_PAUSE_MS: u64 = 500;

/// Limits of one migration's run, from the settings. All times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// How long all waiting for locks of one transaction may take.
    pub lock_budget_ms: u64,
    /// How long a concurrent build may wait for old snapshots before it begins.
    pub snapshot_budget_ms: u64,
    /// The first pause between two tries.
    pub pause_min_ms: u64,
    /// The longest pause between two tries.
    pub pause_max_ms: u64,
    /// How often a deadlock or serialization failure is tried again.
    pub victims_max: u32,
    /// How often an index build is begun again after an invalid end.
    pub builds_max: u32,
    /// How often a lost connection is taken up again in a row.
    pub reconnects_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lock_budget_ms: 600_000,
            snapshot_budget_ms: 1_800_000,
            pause_min_ms: 250,
            pause_max_ms: 30_000,
            victims_max: 10,
            builds_max: 3,
            reconnects_max: 20,
        }
    }
}

/// Where a migration's run stands.
#[derive(Clone, Debug)]
pub struct State {
    limits: Limits,
    segments: Vec<Phase>,
    opened: bool,
    /// Opened by this run and not by an earlier one.
    opened_here: bool,
    at: usize,
    last: Option<Act>,
    waited_ms: u64,
    pause_ms: u64,
    attempts: u32,
    victims: u32,
    builds: u32,
    reconnects: u32,
    after_wait: AfterWait,
    /// The build has failed for good; what it left is cleaned up before we stop.
    failing: Option<Refusal>,
    /// This run has opened the migration, and nothing of it can have taken effect.
    untouched: bool,
    /// The end that comes when the opening is taken back.
    stopping: Option<Stop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phase {
    kind: SegmentKind,
    /// It builds an index, of which nothing is left when it fails.
    builds: bool,
    gated: bool,
    done: bool,
    /// An earlier run had begun it without a transaction: look before acting.
    doubtful: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterWait {
    Gate,
    Settle,
}

impl State {
    /// A fresh run, or with `opened` and the segments' own marks one that is taken up again.
    pub fn new(segments: &[Segment], opened: bool, limits: Limits) -> Self {
        let phases = segments
            .iter()
            .map(|segment| Phase {
                kind: segment.kind,
                builds: segment.steps.iter().all(|step| matches!(step.action, Action::BuildIndex { .. })),
                gated: segment.gated,
                done: segment.done,
                doubtful: segment.begun && !segment.done,
            })
            .collect();
        Self {
            pause_ms: limits.pause_min_ms,
            limits,
            segments: phases,
            opened,
            opened_here: false,
            at: 0,
            last: None,
            waited_ms: 0,
            attempts: 0,
            victims: 0,
            builds: 0,
            reconnects: 0,
            after_wait: AfterWait::Gate,
            failing: None,
            untouched: false,
            stopping: None,
        }
    }

    /// The segment that is being worked on.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Tries of the current segment so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Waited for the current segment so far, milliseconds.
    pub fn waited_ms(&self) -> u64 {
        self.waited_ms
    }

    /// What is left of the current segment's budget, milliseconds.
    pub fn budget_left_ms(&self) -> u64 {
        self.budget_ms().saturating_sub(self.waited_ms)
    }

    /// Whether some segment has taken effect while others have not.
    pub fn half_done(&self) -> bool {
        self.opened
    }

    fn budget_ms(&self) -> u64 {
        match self.segments.get(self.at).map(|phase| phase.kind) {
            Some(SegmentKind::Alone) => self.limits.snapshot_budget_ms,
            _ => self.limits.lock_budget_ms,
        }
    }

    fn is_one_transaction(&self) -> bool {
        !self.opened
            && self.segments.len() <= 1
            && self.segments.iter().all(|p| p.kind == SegmentKind::Together)
    }

    fn act(&mut self, act: Act) -> Decision {
        self.last = Some(act.clone());
        Decision::Act(act)
    }

    fn advance(&mut self) {
        self.at += 1;
        self.waited_ms = 0;
        self.pause_ms = self.limits.pause_min_ms;
        self.attempts = 0;
        self.victims = 0;
        self.builds = 0;
    }

    /// The first thing to do for the current segment.
    fn start_segment(&mut self) -> Decision {
        while self.segments.get(self.at).is_some_and(|phase| phase.done) {
            self.advance();
        }
        let is_fresh_and_empty = self.segments.is_empty() && !self.opened;
        if self.at >= self.segments.len() && !is_fresh_and_empty {
            return self.act(Act::Close);
        }
        if !self.opened && !self.is_one_transaction() {
            return self.act(Act::Open);
        }
        match self.segments.get(self.at) {
            Some(phase) if phase.doubtful => self.settle(),
            Some(phase) if phase.gated => Decision::Look(Question::Gate(self.at)),
            _ => self.execute_segment(),
        }
    }

    /// Ask what became of the last act, or of the one that an earlier run had begun.
    fn settle(&self) -> Decision {
        let begun = Act::Segment { index: self.at, whole: false, closes: false };
        Decision::Look(Question::Settle(self.last.clone().unwrap_or(begun)))
    }

    fn is_alone(&self) -> bool {
        self.segments.get(self.at).is_some_and(|phase| phase.kind == SegmentKind::Alone)
    }

    fn execute_segment(&mut self) -> Decision {
        let whole = self.is_one_transaction();
        let last = self.at + 1 >= self.segments.len();
        let together = self.segments.get(self.at).is_none_or(|phase| phase.kind == SegmentKind::Together);
        self.attempts += 1;
        self.untouched &= together;
        self.act(Act::Segment { index: self.at, whole, closes: last && together })
    }

    /// Ends, after the opening is taken back where nothing else has happened.
    fn stop(&mut self, stop: Stop) -> Decision {
        if !self.untouched {
            return Decision::Stop(stop);
        }
        self.untouched = false;
        self.stopping = Some(stop);
        self.act(Act::TakeBack)
    }

    /// Ends after a build that has failed and of which nothing is left.
    fn stop_failed_build(&mut self, refusal: Refusal) -> Decision {
        let builds = self.segments.get(self.at).is_some_and(|phase| phase.builds);
        self.untouched = self.opened_here && builds && self.segments.iter().all(|phase| !phase.done);
        self.stop(Stop::Failed(refusal))
    }

    fn pause(&mut self, reason: WaitReason, blockers: Vec<Blocker>, roll: f64) -> Decision {
        if self.waited_ms >= self.budget_ms() {
            return self.stop(Stop::BudgetSpent { reason, blockers });
        }
        if matches!(
            reason,
            WaitReason::Holder | WaitReason::Queue | WaitReason::WraparoundVacuum | WaitReason::OldSnapshot
        ) {
            // Looking at a shut gate costs the application nothing, so it is looked at often: the lock
            // is to be had within a second after the blocker has gone.
            let ms = GATE_PAUSE_MS.min(self.budget_left_ms()).max(1);
            return Decision::Wait { ms, reason, blockers };
        }
        // Decorrelated jitter: each pause is drawn between the first one and 1.6 times the last.
        let ceiling = (self.pause_ms as f64 * 1.6).min(self.limits.pause_max_ms as f64);
        let floor = self.limits.pause_min_ms as f64;
        let drawn = floor + roll.clamp(0.0, 1.0) * (ceiling - floor).max(0.0);
        self.pause_ms = ceiling as u64;
        let ms = (drawn as u64).min(self.budget_left_ms()).max(1);
        Decision::Wait { ms, reason, blockers }
    }
}

/// The next thing to do. `roll` is a random number from 0 to 1 for jitter.
pub fn decide(state: &mut State, report: Report, roll: f64) -> Decision {
    if let Some(stop) = state.stopping.take() {
        // Should the opening not have been taken back, the migration is half done in the ledger's words.
        state.opened = report != Report::Applied;
        return Decision::Stop(stop);
    }
    match report {
        Report::Begin => state.start_segment(),
        Report::GateOpen => state.execute_segment(),
        Report::GateShut { reason, blockers } => {
            state.after_wait = AfterWait::Gate;
            state.pause(reason, blockers, roll)
        }
        Report::Applied => applied(state),
        Report::Refused(refusal) => refused(state, refusal, roll),
        Report::InDoubt => {
            state.untouched = false;
            state.after_wait = AfterWait::Settle;
            Decision::Wait {
                ms: state.limits.pause_min_ms,
                reason: WaitReason::Connection,
                blockers: Vec::new(),
            }
        }
        Report::Settled(settlement) => settled(state, settlement),
        Report::Waited { ms } => {
            state.waited_ms += ms;
            match state.after_wait {
                AfterWait::Gate if state.segments.get(state.at).is_some_and(|phase| phase.gated) => {
                    Decision::Look(Question::Gate(state.at))
                }
                AfterWait::Gate => state.execute_segment(),
                AfterWait::Settle => state.settle(),
            }
        }
        Report::Fenced => Decision::Stop(Stop::Fenced),
        Report::LockLost => Decision::Stop(Stop::LockLost),
        Report::Interrupted => state.stop(Stop::Interrupted),
    }
}

fn applied(state: &mut State) -> Decision {
    state.reconnects = 0;
    match state.last.take() {
        Some(Act::Open) => {
            (state.opened, state.opened_here, state.untouched) = (true, true, true);
            state.start_segment()
        }
        Some(Act::Segment { closes: true, .. } | Act::Close) => Decision::Stop(Stop::Applied),
        Some(Act::Segment { index, .. }) => {
            if let Some(phase) = state.segments.get_mut(index) {
                phase.done = true;
            }
            state.untouched = false;
            state.advance();
            state.start_segment()
        }
        Some(Act::DropLeftover { .. }) => {
            if let Some(refusal) = state.failing.take() {
                return state.stop_failed_build(refusal);
            }
            if let Some(phase) = state.segments.get_mut(state.at) {
                phase.doubtful = false;
            }
            state.start_segment()
        }
        // Taking back is followed by a stop, whatever comes of it.
        Some(Act::TakeBack) | None => state.start_segment(),
    }
}

fn refused(state: &mut State, refusal: Refusal, roll: f64) -> Decision {
    // A statement without a transaction may have left something even though the server said no.
    state.after_wait = if state.is_alone() { AfterWait::Settle } else { AfterWait::Gate };
    if refusal.gave_way {
        return state.pause(WaitReason::GaveWay, refusal.blockers, roll);
    }
    match refusal.sqlstate.as_str() {
        // lock_not_available
        "55P03" => state.pause(WaitReason::LockTimeout, refusal.blockers, roll),
        // deadlock_detected, serialization_failure
        "40P01" | "40001" if state.victims < state.limits.victims_max => {
            state.victims += 1;
            state.pause(WaitReason::Victim, refusal.blockers, roll)
        }
        _ if state.is_alone() => {
            state.failing = Some(refusal);
            state.settle()
        }
        _ => state.stop(Stop::Failed(refusal)),
    }
}

fn settled(state: &mut State, settlement: Settlement) -> Decision {
    match settlement {
        Settlement::Done => applied_without_answer(state),
        Settlement::NotDone => {
            if let Some(refusal) = state.failing.take() {
                return state.stop_failed_build(refusal);
            }
            state.reconnects += 1;
            if state.reconnects > state.limits.reconnects_max {
                return Decision::Stop(Stop::Unreachable);
            }
            if let Some(phase) = state.segments.get_mut(state.at) {
                phase.doubtful = false;
            }
            match state.last.clone() {
                Some(act @ (Act::Open | Act::Close | Act::TakeBack | Act::DropLeftover { .. })) => {
                    state.act(act)
                }
                _ => state.start_segment(),
            }
        }
        Settlement::Leftover(leftover) => {
            state.builds += 1;
            if state.builds > state.limits.builds_max && state.failing.is_none() {
                let name = leftover.shown();
                return Decision::Stop(Stop::Conflict(format!(
                    "index {name} ended invalid {} times",
                    state.limits.builds_max
                )));
            }
            let index = state.at;
            state.act(Act::DropLeftover { index, leftover })
        }
        Settlement::Conflict(what) => Decision::Stop(Stop::Conflict(what)),
        Settlement::Unreachable => {
            state.reconnects += 1;
            if state.reconnects > state.limits.reconnects_max {
                return Decision::Stop(Stop::Unreachable);
            }
            state.after_wait = AfterWait::Settle;
            let ms = (state.limits.pause_min_ms << state.reconnects.min(5)).min(5_000);
            Decision::Wait { ms, reason: WaitReason::Connection, blockers: Vec::new() }
        }
    }
}

/// The answer was lost but the effect is there.
fn applied_without_answer(state: &mut State) -> Decision {
    if state.last.is_none() {
        // An earlier run's act: mark the segment and go on.
        state.last = Some(Act::Segment { index: state.at, whole: false, closes: false });
    }
    applied(state)
}

#[cfg(test)]
mod tests;
