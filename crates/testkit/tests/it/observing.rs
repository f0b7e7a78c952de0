//! The observer against a trace that was made by other means: 250 statements on PostgreSQL 14 to 18.

use std::fmt::Write as _;

use underpin_testkit::majors;
use underpin_testkit::observe::{Observation, Observatory, Subject, observing_server};
use underpin_testkit::trace::{Traced, fixture, traced};

/// Where we see more than the trace, with the reason. Less is never right.
const MORE: &[(&str, &str)] = &[
    ("trace:create-index-concurrently", "the trace counted no reads of statements that run alone"),
    ("trace:reindex-concurrently", "the trace looked in its first wait alone"),
    ("trace:vacuum", "the trace was too late to see every lock, and counted no reads"),
    ("trace:VACUUM in multi", "the same"),
    ("trace:detach-partition-concurrently", "the trace looked when it was over"),
    ("trace:alter-sequence as bigint", "the trace left the files of sequences out"),
    (
        "trace:FK referencing partitioned table",
        "up to 15 the join walks the indexes, which the trace did not count",
    ),
    ("trace:DROP TYPE unused", "the trace lost composite types that were dropped"),
];

fn covers(seen: &Observation, traced: &Observation) -> bool {
    let held = |relation, mode| seen.locks.get(relation).is_some_and(|held| held >= mode);
    traced.locks.iter().all(|(relation, mode)| held(relation, mode))
        && seen.rewritten.is_superset(&traced.rewritten)
        && seen.scanned.is_superset(&traced.scanned)
        && (&seen.message, seen.transactional) == (&traced.message, traced.transactional)
}

async fn compare(major: u32, fixture: &str, cases: &[Traced]) -> (usize, String) {
    let server = observing_server(major).await;
    let observatory = Observatory::seeded(&server, fixture).await;
    let mut wrong = String::new();
    let mut compared = 0;
    for case in cases {
        let Some(traced) = case.seen.get(&major) else { continue };
        let subject = Subject { setup: &case.setup, before: &case.before, sql: &case.sql };
        let seen = Observation { sqlstate: None, ..observatory.observe(subject).await };
        compared += 1;
        let more = MORE.iter().any(|(id, _)| *id == case.id) && covers(&seen, traced);
        if seen != *traced && !more {
            writeln!(wrong, "{major} {}\n  traced   {traced:?}\n  observed {seen:?}", case.id).unwrap();
        }
    }
    (compared, wrong)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_observe_is_what_was_traced() {
    let mut running = Vec::new();
    for major in majors() {
        running.push(tokio::spawn(async move { compare(major, &fixture(), &traced()).await }));
    }
    let mut all = String::new();
    for majors in running {
        let (compared, wrong) = majors.await.unwrap();
        assert!(compared > 230, "{compared} compared");
        all += &wrong;
    }
    assert!(all.is_empty(), "{all}");
}
