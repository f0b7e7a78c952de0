//! Nights at 3 a.m., replayed.

use std::collections::BTreeSet;

use underpin_catalog::{LockMode, RelationName, Sql};
use underpin_sql::{Action, Duration, LockClaim, Probe, Step, StepId, Transaction};

use super::*;

fn step(n: usize, transaction: Transaction, mode: Option<LockMode>) -> Step {
    let sql = Sql::verbatim(format!("statement {n}"));
    let alone = transaction == Transaction::Alone;
    let index = RelationName::bare("i");
    Step {
        id: StepId::of(n, 0, &sql),
        intent: format!("do {n}"),
        action: if alone {
            Action::BuildIndex { sql, index: index.clone() }
        } else {
            Action::Execute { sql }
        },
        transaction,
        locks: mode.map(|mode| LockClaim { relation: RelationName::bare("t"), mode }).into_iter().collect(),
        duration: if alone { Duration::WaitsForSnapshots } else { Duration::Instant },
        done: if alone { Probe::IndexValid { index } } else { Probe::Journal },
        line: 1,
    }
}

fn cut(steps: &[Step]) -> Vec<Segment> {
    segments(steps, &BTreeSet::new(), &BTreeSet::new())
}

fn refusal(sqlstate: &str) -> Report {
    Report::Refused(Refusal {
        sqlstate: sqlstate.into(),
        message: "no".into(),
        step: None,
        line: None,
        gave_way: false,
        blockers: Vec::new(),
    })
}

fn shared(n: usize) -> Step {
    step(n, Transaction::Shared, Some(LockMode::AccessExclusive))
}

#[test]
fn one_transaction_carries_its_own_ledger_row() {
    let mut state = State::new(&cut(&[shared(0), shared(1)]), false, Limits::default());
    assert_eq!(decide(&mut state, Report::Begin, 0.5), Decision::Look(Question::Gate(0)));
    let act = Act::Segment { index: 0, whole: true, closes: true };
    assert_eq!(decide(&mut state, Report::GateOpen, 0.5), Decision::Act(act));
    assert_eq!(decide(&mut state, Report::Applied, 0.5), Decision::Stop(Stop::Applied));
    assert!(!state.half_done());
}

#[test]
fn an_empty_migration_is_still_recorded() {
    let mut state = State::new(&[], false, Limits::default());
    let act = Act::Segment { index: 0, whole: true, closes: true };
    assert_eq!(decide(&mut state, Report::Begin, 0.5), Decision::Act(act));
    assert_eq!(decide(&mut state, Report::Applied, 0.5), Decision::Stop(Stop::Applied));
}

#[test]
fn several_transactions_open_and_close_the_ledger_row() {
    let steps = [shared(0), step(1, Transaction::Alone, None)];
    let mut state = State::new(&cut(&steps), false, Limits::default());
    assert_eq!(decide(&mut state, Report::Begin, 0.5), Decision::Act(Act::Open));
    assert_eq!(decide(&mut state, Report::Applied, 0.5), Decision::Look(Question::Gate(0)));
    let first = Act::Segment { index: 0, whole: false, closes: false };
    assert_eq!(decide(&mut state, Report::GateOpen, 0.5), Decision::Act(first));
    assert_eq!(decide(&mut state, Report::Applied, 0.5), Decision::Look(Question::Gate(1)));
    let second = Act::Segment { index: 1, whole: false, closes: false };
    assert_eq!(decide(&mut state, Report::GateOpen, 0.5), Decision::Act(second));
    assert_eq!(decide(&mut state, Report::Applied, 0.5), Decision::Act(Act::Close));
    assert_eq!(decide(&mut state, Report::Applied, 0.5), Decision::Stop(Stop::Applied));
}

#[test]
fn a_lost_answer_is_settled_by_looking() {
    for (settlement, expected) in [
        (Settlement::Done, Decision::Stop(Stop::Applied)),
        (Settlement::NotDone, Decision::Look(Question::Gate(0))),
        (Settlement::Conflict("x".into()), Decision::Stop(Stop::Conflict("x".into()))),
    ] {
        let mut state = State::new(&cut(&[shared(0)]), false, Limits::default());
        decide(&mut state, Report::Begin, 0.5);
        decide(&mut state, Report::GateOpen, 0.5);
        assert!(matches!(decide(&mut state, Report::InDoubt, 0.5), Decision::Wait { .. }));
        let look = decide(&mut state, Report::Waited { ms: 1 }, 0.5);
        let act = Act::Segment { index: 0, whole: true, closes: true };
        assert_eq!(look, Decision::Look(Question::Settle(act)));
        assert_eq!(decide(&mut state, Report::Settled(settlement), 0.5), expected);
    }
}

#[test]
fn a_begun_build_is_looked_at_before_it_is_run_again() {
    let steps = [step(0, Transaction::Alone, None)];
    let begun = [steps[0].id.clone()].into();
    let cut = segments(&steps, &BTreeSet::new(), &begun);
    let mut state = State::new(&cut, true, Limits::default());
    let act = Act::Segment { index: 0, whole: false, closes: false };
    assert_eq!(decide(&mut state, Report::Begin, 0.5), Decision::Look(Question::Settle(act)));
    let leftover = RelationName::bare("i");
    let drop = Act::DropLeftover { index: 0, leftover: leftover.clone() };
    let next = decide(&mut state, Report::Settled(Settlement::Leftover(leftover)), 0.5);
    assert_eq!(next, Decision::Act(drop));
    assert_eq!(decide(&mut state, Report::Applied, 0.5), Decision::Look(Question::Gate(0)));
}

#[test]
fn steps_of_an_earlier_run_are_not_done_again() {
    let steps = [shared(0), step(1, Transaction::Alone, None), shared(2)];
    let applied = [steps[0].id.clone(), steps[1].id.clone()].into();
    let mut state = State::new(&segments(&steps, &applied, &BTreeSet::new()), true, Limits::default());
    assert_eq!(decide(&mut state, Report::Begin, 0.5), Decision::Look(Question::Gate(2)));
    let last = Act::Segment { index: 2, whole: false, closes: true };
    assert_eq!(decide(&mut state, Report::GateOpen, 0.5), Decision::Act(last));
}

#[test]
fn everything_done_but_the_ledger_row_closes_it() {
    let steps = [shared(0), step(1, Transaction::Alone, None)];
    let applied = steps.iter().map(|step| step.id.clone()).collect();
    let mut state = State::new(&segments(&steps, &applied, &BTreeSet::new()), true, Limits::default());
    assert_eq!(decide(&mut state, Report::Begin, 0.5), Decision::Act(Act::Close));
}

#[test]
fn waiting_ends_when_the_budget_is_spent_and_never_without_a_limit() {
    let limits = Limits { lock_budget_ms: 5_000, ..Limits::default() };
    let mut state = State::new(&cut(&[shared(0)]), false, limits);
    decide(&mut state, Report::Begin, 0.5);
    let mut decision = decide(&mut state, Report::GateOpen, 0.5);
    let mut waited = 0;
    for _ in 0..1_000 {
        decision = match decision {
            Decision::Act(_) => decide(&mut state, refusal("55P03"), 0.9),
            Decision::Wait { ms, .. } => {
                waited += ms;
                decide(&mut state, Report::Waited { ms }, 0.9)
            }
            Decision::Look(_) => decide(&mut state, Report::GateOpen, 0.9),
            Decision::Stop(stop) => {
                assert!(matches!(stop, Stop::BudgetSpent { reason: WaitReason::LockTimeout, .. }));
                assert_eq!(waited, 5_000);
                return;
            }
        };
    }
    panic!("it waits for ever");
}

#[test]
fn only_refusals_that_time_heals_are_tried_again() {
    let table = [
        ("55P03", true),
        ("40P01", true),
        ("40001", true),
        ("23505", false),
        ("42P07", false),
        ("57014", false),
    ];
    for (sqlstate, again) in table {
        let mut state = State::new(&cut(&[shared(0)]), false, Limits::default());
        decide(&mut state, Report::Begin, 0.5);
        decide(&mut state, Report::GateOpen, 0.5);
        let next = decide(&mut state, refusal(sqlstate), 0.5);
        assert_eq!(matches!(next, Decision::Wait { .. }), again, "{sqlstate}");
    }
}

#[test]
fn a_boundary_splits_transactions() {
    let steps = [
        shared(0),
        step(1, Transaction::EndsHere, None),
        shared(2),
        step(3, Transaction::Own, None),
        shared(4),
        shared(5),
    ];
    let sizes: Vec<usize> = cut(&steps).iter().map(|segment| segment.steps.len()).collect();
    assert_eq!(sizes, [2, 1, 1, 2]);
}

#[test]
fn a_failed_build_is_cleaned_up_before_the_run_stops() {
    let mut state = State::new(&cut(&[step(0, Transaction::Alone, None)]), true, Limits::default());
    decide(&mut state, Report::Begin, 0.5);
    decide(&mut state, Report::GateOpen, 0.5);
    assert!(matches!(decide(&mut state, refusal("23505"), 0.5), Decision::Look(Question::Settle(_))));
    let leftover = Settlement::Leftover(RelationName::bare("i"));
    let drop = decide(&mut state, Report::Settled(leftover), 0.5);
    assert!(matches!(drop, Decision::Act(Act::DropLeftover { .. })));
    let end = decide(&mut state, Report::Applied, 0.5);
    assert!(matches!(end, Decision::Stop(Stop::Failed(refusal)) if refusal.sqlstate == "23505"));
}

#[test]
fn a_shut_gate_is_looked_at_twice_a_second_however_long_it_takes() {
    let mut state = State::new(&cut(&[shared(0)]), false, Limits::default());
    decide(&mut state, Report::Begin, 0.5);
    for _ in 0..100 {
        let shut = Report::GateShut { reason: WaitReason::Holder, blockers: Vec::new() };
        let Decision::Wait { ms, .. } = decide(&mut state, shut, 0.9) else { panic!("it does not wait") };
        assert_eq!(ms, 500);
        assert_eq!(decide(&mut state, Report::Waited { ms }, 0.9), Decision::Look(Question::Gate(0)));
    }
    assert_eq!((state.waited_ms(), state.attempts()), (50_000, 0));
}

/// A run of two segments that has opened its migration and looks at the gate of the first.
fn opened(steps: &[Step]) -> State {
    let mut state = State::new(&cut(steps), false, Limits { lock_budget_ms: 100, ..Limits::default() });
    assert_eq!(decide(&mut state, Report::Begin, 0.5), Decision::Act(Act::Open));
    assert_eq!(decide(&mut state, Report::Applied, 0.5), Decision::Look(Question::Gate(0)));
    assert!(state.half_done());
    state
}

#[test]
fn what_was_only_opened_is_taken_back() {
    let shut = || Report::GateShut { reason: WaitReason::Holder, blockers: Vec::new() };
    let steps = [shared(0), step(1, Transaction::Alone, None)];
    let ends: [fn(&mut State) -> Decision; 3] = [
        |state| {
            decide(state, Report::GateOpen, 0.5);
            decide(state, refusal("42703"), 0.5)
        },
        |state| decide(state, Report::Interrupted, 0.5),
        |state| {
            decide(state, Report::GateOpen, 0.5);
            decide(state, refusal("55P03"), 0.5);
            decide(state, Report::Waited { ms: 100 }, 0.5);
            decide(state, Report::GateShut { reason: WaitReason::Holder, blockers: Vec::new() }, 0.5)
        },
    ];
    for end in ends {
        let mut state = opened(&steps);
        assert_eq!(end(&mut state), Decision::Act(Act::TakeBack));
        assert!(matches!(decide(&mut state, Report::Applied, 0.5), Decision::Stop(_)));
        assert!(!state.half_done());

        let mut state = opened(&steps);
        end(&mut state);
        assert!(matches!(decide(&mut state, Report::InDoubt, 0.5), Decision::Stop(_)));
        assert!(state.half_done(), "it may still be there");
    }
    let mut state = opened(&steps);
    decide(&mut state, shut(), 0.5);
    decide(&mut state, Report::Waited { ms: 100 }, 0.5);
    assert_eq!(decide(&mut state, shut(), 0.5), Decision::Act(Act::TakeBack));
}

#[test]
fn what_may_have_taken_effect_is_not_taken_back() {
    let steps = [shared(0), step(1, Transaction::Alone, None)];
    let mut state = opened(&steps);
    decide(&mut state, Report::GateOpen, 0.5);
    decide(&mut state, Report::InDoubt, 0.5);
    assert_eq!(decide(&mut state, Report::Interrupted, 0.5), Decision::Stop(Stop::Interrupted));

    let mut state = opened(&steps);
    decide(&mut state, Report::GateOpen, 0.5);
    decide(&mut state, Report::Applied, 0.5);
    assert_eq!(decide(&mut state, Report::Interrupted, 0.5), Decision::Stop(Stop::Interrupted));

    let mut state = opened(&[step(0, Transaction::Alone, None)]);
    decide(&mut state, Report::GateOpen, 0.5);
    assert_eq!(decide(&mut state, Report::Interrupted, 0.5), Decision::Stop(Stop::Interrupted));
    assert!(state.half_done());
}

#[test]
fn a_first_build_that_fails_leaves_nothing() {
    for settlement in [Settlement::NotDone, Settlement::Leftover(RelationName::bare("i"))] {
        let mut state = opened(&[step(0, Transaction::Alone, None)]);
        decide(&mut state, Report::GateOpen, 0.5);
        decide(&mut state, refusal("23505"), 0.5);
        let mut next = decide(&mut state, Report::Settled(settlement), 0.5);
        if matches!(next, Decision::Act(Act::DropLeftover { .. })) {
            next = decide(&mut state, Report::Applied, 0.5);
        }
        assert_eq!(next, Decision::Act(Act::TakeBack));
        let end = decide(&mut state, Report::Applied, 0.5);
        assert!(matches!(end, Decision::Stop(Stop::Failed(refusal)) if refusal.sqlstate == "23505"));
        assert!(!state.half_done());
    }
}
