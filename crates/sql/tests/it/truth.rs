//! What we predict against what servers did: 250 statements that were traced on PostgreSQL 14 to 18.
//!
//! Nothing is asked of a server here: the facts are those that the trace's own SQL leaves behind.

use std::fmt::Write as _;

use underpin_catalog::{Name, ServerVersion};
use underpin_sql::{Prediction, Surroundings, WorkKind, predict, read};
use underpin_testkit::observe::Observation;
use underpin_testkit::trace::{fixture, traced};

use crate::agreement::{agrees, replayed};

/// Where we predict more than was traced, on purpose, with the reason. Less is never right.
const MORE: &[(&str, &str)] = &[
    ("trace:alter-index set tablespace", "where an index lies is no fact that is looked up"),
    ("trace:alter-sequence as bigint", "the trace left the files of sequences out"),
    (
        "trace:FK referencing partitioned table",
        "up to 15 the join walks indexes, which the trace did not count",
    ),
    ("trace:DROP TYPE unused", "the trace lost composite types that were dropped"),
];

/// The trace saw a statement that runs alone while it waited: what it missed then is taken from the claim,
/// which the pages of forms hold against servers.
fn completed(seen: &Observation, claimed: &Prediction) -> Observation {
    let mut all = seen.clone();
    for claim in &claimed.locks {
        all.locks.entry(claim.relation.clone()).or_insert(claim.mode);
    }
    for work in &claimed.work {
        match work.kind {
            WorkKind::Scan | WorkKind::Build => all.scanned.insert(work.relation.clone()),
            _ => false,
        };
    }
    all
}

#[test]
fn predictions_are_what_servers_did() {
    let cases = traced();
    let mut wrong = String::new();
    let mut compared = 0;
    for major in ServerVersion::SUPPORTED {
        let mut traced_database = Surroundings::empty(ServerVersion::of_major(major), Name::new("public"));
        traced_database.time_zone = Some("UTC".to_owned());
        replayed(&fixture(), &mut traced_database);
        for case in &cases {
            let Some(seen) = case.seen.get(&major) else { continue };
            if seen.message.is_some() {
                continue;
            }
            let mut around = traced_database.clone();
            replayed(&case.setup, &mut around);
            replayed(&case.before, &mut around);
            let statements = read(&case.sql).unwrap();
            let effects: Vec<_> = statements.into_iter().flat_map(|statement| statement.effects).collect();
            let claimed = predict(&effects, &around);
            compared += 1;
            let more = MORE.iter().any(|(id, _)| *id == case.id);
            let seen = if seen.transactional { seen.clone() } else { completed(seen, &claimed) };
            match agrees(&claimed, &seen) {
                Err(what) if !more => writeln!(wrong, "{major} {}: {what}", case.id).unwrap(),
                _ => {}
            }
        }
    }
    assert!(compared > 1000, "{compared} compared");
    assert!(wrong.is_empty(), "{wrong}");
}
