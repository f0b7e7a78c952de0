//! One migration: plan it, prove its twin, and turn decisions into acts until it stops.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use jiff::Timestamp;
use underpin_catalog::Sql;
use underpin_core::event::{Event, WaitReason};
use underpin_core::exit;
use underpin_core::plan::{FilePlan, Mode, ReasonCode, plan_released};
use underpin_core::run::{Act, Decision, Report, State, Stop, decide, segments};
use uuid::Uuid;

use super::preflight::{Facts, Pending, ProvingHistory};
use super::{Ending, RefusedMigration, Request, holding, interrupted};
use crate::execute::{Current, Executor};
use crate::gate::sentence;
use crate::journal::{self, Begun};
use crate::parked;
use crate::problem::Problem;

const LOCK_LOST: &str = "the session that holds Prisma's advisory lock was lost";

/// Applies one migration. `None` when it is applied and recorded.
pub(super) async fn apply(
    executor: &mut Executor<'_>,
    prover: &mut ProvingHistory,
    pending: &Pending,
    request: &Request,
    facts: &Facts,
) -> Result<Option<Ending>, Problem> {
    let begun = Instant::now();
    let (guarded, planned) =
        tokio::join!(is_guarded(executor), planned(executor, prover, pending, request, facts));
    if !guarded {
        return Ok(Some(Ending::Stopped {
            migration: pending.name.clone(),
            reason: LOCK_LOST.to_owned(),
            blockers: Vec::new(),
            half_done: pending.begun.is_some(),
        }));
    }
    let plan = match planned? {
        Ok(plan) => plan,
        Err(ending) => return Ok(Some(ending)),
    };
    let mut current = current(pending, &plan, request);
    let mut state = State::new(&current.segments, pending.begun.is_some(), request.settings.limits());
    let steps_done = pending.begun.as_ref().map_or(0, |begun| begun.applied().len());
    executor.events.send(Event::MigrationStarted {
        migration: pending.name.clone(),
        steps: plan.steps.len(),
        steps_done,
        online: plan.twinned,
    });
    let stop = drive(executor, &mut current, &mut state).await;
    // What a resumed file has set is not known, nor what functions set that it calls.
    let may_have_set = !plan.settings.is_empty() || !plan.opaque.is_empty() || pending.begun.is_some();
    if may_have_set && executor.sessions.work.reset().await.is_err() {
        // A new session has nothing to give back. Should there be none, the next act says so.
        let _ = executor.sessions.heal().await;
    }
    if stop == Stop::Applied {
        executor.events.send(Event::MigrationApplied {
            migration: pending.name.clone(),
            took_ms: begun.elapsed().as_millis() as u64,
            longest_lock_ms: current.longest_lock_ms,
        });
        return Ok(None);
    }
    Ok(Some(stopped(executor, &current, &state, stop).await))
}

/// Whether the session that holds Prisma's lock is still there. It is asked before every migration; while
/// one runs, the fence protects it.
async fn is_guarded(executor: &Executor<'_>) -> bool {
    match executor.guard {
        Some(guard) => guard.simple_query("SELECT 1").await.is_ok(),
        None => true,
    }
}

/// The plan on the database as it is now, or the one that an earlier run has begun to execute.
async fn planned(
    executor: &Executor<'_>,
    prover: &mut ProvingHistory,
    pending: &Pending,
    request: &Request,
    facts: &Facts,
) -> Result<Result<FilePlan, Ending>, Problem> {
    if let Some(begun) = &pending.begun {
        let Some(steps) = begun.plan.clone() else {
            return Err(Problem::new(format!(
                "the plan of migration {} was written by another version of underpin",
                pending.name
            ))
            .exiting(exit::NEEDS_RECOVER)
            .hint("continue it with the version that began it")
            .hint("or see what took effect and decide: underpin recover"));
        };
        return Ok(Ok(FilePlan::resumed(steps, begun.mode == journal::Mode::Online)));
    }
    if let Some(reason) = holding::in_the_way(&executor.sessions.work, pending, request).await? {
        return Ok(Err(Ending::Stopped {
            migration: pending.name.clone(),
            reason,
            blockers: Vec::new(),
            half_done: false,
        }));
    }
    let policy = request.policy();
    let watch = &executor.sessions.watch.connection;
    let around = facts.of(watch, &pending.statements, pending.small_bytes(request)).await?;
    let mut given_up = pending.given_up();
    if !given_up.parking.is_empty() {
        given_up.parking.there = parked::there(&executor.sessions.work, &given_up.parking.tables).await?;
    }
    let plan = plan_released(&pending.statements, &given_up, &around, &policy);
    if !plan.refusals.is_empty() {
        let migrations = vec![RefusedMigration { migration: pending.name.clone(), refusals: plan.refusals }];
        return Ok(Err(Ending::Refused { migrations }));
    }
    if plan.twinned
        && let Some(ending) = prove(executor, prover, pending, request, &plan).await
    {
        return Ok(Err(ending));
    }
    Ok(Ok(plan))
}

async fn prove(
    executor: &Executor<'_>,
    prover: &mut ProvingHistory,
    pending: &Pending,
    request: &Request,
    plan: &FilePlan,
) -> Option<Ending> {
    let begun = Instant::now();
    let migration = pending.name.clone();
    let proven = |cached| Event::Proven {
        migration: pending.name.clone(),
        cached,
        took_ms: begun.elapsed().as_millis() as u64,
    };
    if prover.is_known(pending, plan) {
        executor.events.send(proven(true));
        return None;
    }
    executor.events.send(Event::ProofStarted { migration: migration.clone() });
    // A long history takes its time to replay, and a server to be fetched.
    let proof = tokio::select! {
        proof = prover.prove(pending, plan) => proof,
        () = interrupted(&request.interrupt) => return Some(interrupted_before(migration)),
    };
    match proof {
        Ok(()) => {
            executor.events.send(proven(false));
            None
        }
        Err(_) if request.allow.contains(&ReasonCode::UnprovenTwin) => None,
        Err(unproven) => {
            let refusals = vec![underpin_core::plan::Refusal::unproven(&unproven.to_string())];
            Some(Ending::Refused { migrations: vec![RefusedMigration { migration, refusals }] })
        }
    }
}

/// Nothing of the migration has begun.
fn interrupted_before(migration: String) -> Ending {
    Ending::Stopped { migration, reason: "interrupted".to_owned(), blockers: Vec::new(), half_done: false }
}

fn current(pending: &Pending, plan: &FilePlan, request: &Request) -> Current {
    let none = BTreeSet::new();
    let (applied, intents) = match &pending.begun {
        Some(begun) => (begun.applied(), begun.begun()),
        None => (none.clone(), none),
    };
    let begun = match &pending.begun {
        Some(earlier) => Begun {
            id: earlier.id.clone(),
            name: earlier.name.clone(),
            checksum: earlier.checksum.clone(),
            mode: earlier.mode,
            started_at: earlier.started_at,
        },
        None => Begun {
            id: Uuid::new_v4().to_string(),
            name: pending.name.clone(),
            checksum: pending.checksum.clone(),
            mode: if plan.twinned { journal::Mode::Online } else { journal::Mode::AsWritten },
            started_at: Timestamp::now(),
        },
    };
    Current {
        begun,
        segments: segments(&plan.steps, &applied, &intents),
        whole: plan.is_plain().then(|| Sql::verbatim(pending.text.clone())),
        text: pending.text.clone(),
        gives_way: request.mode == Mode::Online,
        session: None,
        longest_lock_ms: 0,
        undoes: pending.undoes.clone(),
    }
}

/// The loop: decide, act, report.
async fn drive(executor: &mut Executor<'_>, current: &mut Current, state: &mut State) -> Stop {
    let mut report = Report::Begin;
    let mut segment_begun = Instant::now();
    let mut told_of = None;
    loop {
        let (at, tries) = (state.at(), state.attempts() + 1);
        let mut decision = decide(state, report, fastrand::f64());
        // What is done is done: a person who asks us to stop keeps the next act from being begun.
        if *executor.interrupt.borrow()
            && !matches!(decision, Decision::Stop(_) | Decision::Act(Act::TakeBack))
        {
            decision = decide(state, Report::Interrupted, 0.0);
        }
        if state.at() != at {
            tell_applied(executor, current, at..state.at(), tries, segment_begun);
            segment_begun = Instant::now();
        }
        report = match decision {
            Decision::Act(act) => {
                if let Act::Segment { index, .. } = &act
                    && told_of != Some(*index)
                {
                    tell_started(executor, current, *index);
                    told_of = Some(*index);
                }
                let report = executor.act(current, &act).await;
                if let (Act::Segment { index, closes: true, .. }, Report::Applied) = (&act, &report) {
                    let tries = state.attempts() + 1;
                    tell_applied(executor, current, *index..*index + 1, tries, segment_begun);
                }
                report
            }
            Decision::Look(question) => executor.look(current, &question).await,
            Decision::Wait { ms, reason, blockers } => {
                tell_waiting(executor, current, state, reason, blockers);
                wait(executor, ms).await
            }
            Decision::Stop(stop) => return stop,
        };
    }
}

async fn wait(executor: &mut Executor<'_>, ms: u64) -> Report {
    let begun = Instant::now();
    tokio::select! {
        () = tokio::time::sleep(std::time::Duration::from_millis(ms)) => {}
        Ok(()) = executor.interrupt.changed() => {}
    }
    Report::Waited { ms: begun.elapsed().as_millis().max(1) as u64 }
}

fn tell_started(executor: &Executor<'_>, current: &Current, index: usize) {
    for step in current.segments.get(index).iter().flat_map(|segment| &segment.steps) {
        executor.events.send(Event::StepStarted {
            migration: current.begun.name.clone(),
            step: step.id.to_string(),
            intent: step.intent.clone(),
        });
    }
}

fn tell_applied(
    executor: &Executor<'_>,
    current: &Current,
    done: Range<usize>,
    attempts: u32,
    begun: Instant,
) {
    for segment in current.segments.iter().take(done.end).skip(done.start).filter(|segment| !segment.done) {
        for step in &segment.steps {
            executor.events.send(Event::StepApplied {
                migration: current.begun.name.clone(),
                step: step.id.to_string(),
                intent: step.intent.clone(),
                took_ms: begun.elapsed().as_millis() as u64,
                attempts,
            });
        }
    }
}

fn tell_waiting(
    executor: &Executor<'_>,
    current: &Current,
    state: &State,
    reason: WaitReason,
    blockers: Vec<underpin_core::event::Blocker>,
) {
    let step = current.step(state.at());
    executor.events.send(Event::Waiting {
        migration: current.begun.name.clone(),
        step: step.map(|step| step.id.to_string()).unwrap_or_default(),
        intent: step.map(|step| step.intent.clone()).unwrap_or_default(),
        reason,
        blockers,
        attempts: state.attempts(),
        waited_ms: state.waited_ms(),
        budget_left_ms: state.budget_left_ms(),
    });
}

async fn stopped(executor: &Executor<'_>, current: &Current, state: &State, stop: Stop) -> Ending {
    let migration = current.begun.name.clone();
    let half_done = state.half_done();
    let ending = match stop {
        Stop::Applied => Ending::Applied,
        Stop::Failed(refusal) => {
            executor.record_failure(current, half_done, &refusal).await;
            Ending::Failed {
                migration,
                line: refusal.line,
                sqlstate: refusal.sqlstate,
                message: refusal.message,
                half_done,
            }
        }
        Stop::BudgetSpent { reason, blockers } => {
            let why = match reason {
                WaitReason::OldSnapshot => "an old snapshot would have held up the build",
                WaitReason::WraparoundVacuum => "a vacuum against wraparound is at work on the table",
                _ => "the lock could not be had within the budget",
            };
            let reason = match sentence(&blockers) {
                who if who.is_empty() => why.to_owned(),
                who => format!("{why}: {who} stood in the way"),
            };
            Ending::Stopped { migration, reason, blockers, half_done }
        }
        Stop::Interrupted => Ending::Stopped {
            migration,
            reason: "interrupted".to_owned(),
            blockers: Vec::new(),
            half_done,
        },
        Stop::LockLost => Ending::Stopped {
            migration,
            reason: LOCK_LOST.to_owned(),
            blockers: Vec::new(),
            half_done,
        },
        Stop::Fenced => Ending::Stopped {
            migration,
            reason: "another run has taken over".to_owned(),
            blockers: Vec::new(),
            half_done,
        },
        Stop::Unreachable => Ending::Stopped {
            migration,
            reason: "the database stayed unreachable; what the last statement did will be read from the catalog by the next run"
                .to_owned(),
            blockers: Vec::new(),
            half_done,
        },
        Stop::Conflict(reason) => Ending::InDoubt { migration, reason },
    };
    let (reason, sqlstate) = match &ending {
        Ending::Failed { message, sqlstate, .. } => (message.clone(), Some(sqlstate.clone())),
        Ending::Stopped { reason, .. } | Ending::InDoubt { reason, .. } => (reason.clone(), None),
        _ => (String::new(), None),
    };
    let name = current.begun.name.clone();
    executor.events.send(Event::MigrationStopped { migration: name, reason, sqlstate, half_done });
    ending
}
