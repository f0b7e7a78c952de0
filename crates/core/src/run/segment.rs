//! Steps that share a fate: a segment is one transaction, or one step that cannot be in any.

use std::collections::BTreeSet;

use serde::Serialize;
use underpin_sql::{Action, Duration, LockClaim, Step, StepId, Transaction};

/// How a segment is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// One transaction that holds all its steps and their journal rows.
    Together,
    /// One statement that cannot run in a transaction block.
    Alone,
    /// Many short transactions with a cursor.
    Batches,
}

/// One or more steps that are executed together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// How.
    pub kind: SegmentKind,
    /// The steps, in order; one unless `kind` is `Together`.
    pub steps: Vec<Step>,
    /// Whether the gate has to be open before it begins.
    pub gated: bool,
    /// Whether an earlier run has completed it.
    pub done: bool,
    /// Whether an earlier run has begun it (a journal row "intent" is there).
    pub begun: bool,
}

impl Segment {
    /// The locks that make the application wait, strongest mode per relation.
    pub fn strong_locks(&self) -> Vec<LockClaim> {
        let mut claims: Vec<LockClaim> = Vec::new();
        for claim in self.steps.iter().flat_map(|step| &step.locks) {
            if !claim.mode.blocks_application() {
                continue;
            }
            match claims.iter_mut().find(|known| known.relation == claim.relation) {
                Some(known) => known.mode = known.mode.max(claim.mode),
                None => claims.push(claim.clone()),
            }
        }
        claims.sort();
        claims
    }

    /// Whether it ends when others wait behind it. Work that is known to take its time is here because
    /// its table is small or because somebody has allowed it, and would never end otherwise.
    pub fn gives_way(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.duration, Duration::Instant | Duration::Unknown))
    }

    /// Whether all its steps touch nothing but the catalog.
    pub fn is_instant(&self) -> bool {
        self.steps.iter().all(|step| step.duration == Duration::Instant)
    }
}

/// Groups steps into segments. `applied` and `begun` are the journal's rows of an earlier run.
pub fn segments(steps: &[Step], applied: &BTreeSet<StepId>, begun: &BTreeSet<StepId>) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    let mut open = false;
    for step in steps {
        let kind = match (&step.action, step.transaction) {
            (Action::Batches(_), _) => SegmentKind::Batches,
            (Action::BuildIndex { .. }, _) | (Action::Execute { .. }, Transaction::Alone) => {
                SegmentKind::Alone
            }
            (Action::Execute { .. }, _) => SegmentKind::Together,
        };
        let shares = matches!(step.transaction, Transaction::Shared | Transaction::EndsHere);
        let done = applied.contains(&step.id);
        match found.last_mut() {
            Some(last) if open && shares && kind == SegmentKind::Together && last.done == done => {
                last.steps.push(step.clone());
            }
            _ => found.push(Segment {
                kind,
                steps: vec![step.clone()],
                gated: false,
                done,
                begun: begun.contains(&step.id),
            }),
        }
        open = kind == SegmentKind::Together && step.transaction == Transaction::Shared;
    }
    for segment in &mut found {
        segment.gated = match segment.kind {
            SegmentKind::Together => !segment.strong_locks().is_empty(),
            // Concurrent builds and validations wait for old snapshots: look before they begin.
            SegmentKind::Alone => {
                segment.steps.iter().any(|step| step.duration == Duration::WaitsForSnapshots)
            }
            SegmentKind::Batches => false,
        };
    }
    found
}
