//! The observer against a trace that was made by other means: 250 statements on PostgreSQL 14 to 18.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use underpin_catalog::{LockMode, RelationName};
use underpin_testkit::observe::{Observation, Observatory, Subject, observing_server};
use underpin_testkit::{majors, shared};

/// What the trace and we say of one statement, in the same words.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    locks: BTreeMap<String, LockMode>,
    rewritten: BTreeSet<String>,
    scanned: BTreeSet<String>,
    error: Option<String>,
    transactional: Option<bool>,
}

/// The trace names what a statement renames by its new name.
const RENAMED: &[(&str, &str, &str)] = &[
    ("RENAME TO t2", "t2", "t"),
    ("RENAME TO t_a_idx2", "t_a_idx2", "t_a_idx"),
    ("RENAME CONSTRAINT t_pkey", "t_pkey2", "t_pkey"),
    ("RENAME TO vw2", "vw2", "vw"),
    ("RENAME TO pt1_old", "pt1_old", "pt1"),
    ("RENAME TO seq2", "seq2", "seq1"),
    ("SET SCHEMA s2", "s2.t", "t"),
    ("SET SCHEMA s2", "s2.t_id2_seq", "t_id2_seq"),
    ("USING INDEX t_big_uq", "q", "t_big_uq"),
    ("USING INDEX pn_uq", "pn_pk", "pn_uq"),
];

fn name(shown: &str, sql: &str) -> String {
    let renamed = RENAMED.iter().find(|(part, after, _)| sql.contains(part) && *after == shown);
    renamed.map_or(shown, |(_, _, before)| before).to_owned()
}

fn mode(short: &str) -> LockMode {
    match short {
        "AS" => LockMode::AccessShare,
        "RS" => LockMode::RowShare,
        "RE" => LockMode::RowExclusive,
        "SUE" => LockMode::ShareUpdateExclusive,
        "S" => LockMode::Share,
        "SRE" => LockMode::ShareRowExclusive,
        "E" => LockMode::Exclusive,
        "AE" => LockMode::AccessExclusive,
        other => panic!("{other} is no lock mode"),
    }
}

fn traced(truth: &Value, sql: &str) -> Told {
    let rewritten = truth["rewritten"].as_array().unwrap().iter().map(|item| item.as_str().unwrap());
    let locks = truth["locks"].as_object().unwrap().iter();
    Told {
        locks: locks.map(|(own, short)| (name(own, sql), mode(short.as_str().unwrap()))).collect(),
        rewritten: rewritten.map(|own| name(own, sql)).collect(),
        scanned: truth["full_scans"].as_object().unwrap().keys().map(|own| name(own, sql)).collect(),
        error: truth["error"].as_str().map(str::to_owned),
        transactional: truth["transactional"].as_bool(),
    }
}

fn observed(seen: &Observation) -> Told {
    let shown = |relation: &RelationName| {
        let shown = relation.shown();
        shown.strip_prefix("public.").map_or(shown.clone(), str::to_owned)
    };
    Told {
        locks: seen.locks.iter().map(|(relation, mode)| (shown(relation), *mode)).collect(),
        rewritten: seen.rewritten.iter().map(shown).collect(),
        scanned: seen.scanned.iter().map(shown).collect(),
        error: seen.message.clone(),
        transactional: Some(seen.transactional),
    }
}

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

impl Told {
    fn covers(&self, other: &Self) -> bool {
        other.locks.iter().all(|(relation, mode)| self.locks.get(relation).is_some_and(|held| held >= mode))
            && self.rewritten.is_superset(&other.rewritten)
            && self.scanned.is_superset(&other.scanned)
            && (&self.error, self.transactional) == (&other.error, other.transactional)
    }
}

async fn compare(major: u32, fixture: &str, cases: &[Value]) -> (usize, String) {
    let server = observing_server(major).await;
    let observatory = Observatory::seeded(&server, fixture).await;
    let mut wrong = String::new();
    let mut compared = 0;
    for case in cases {
        let truth = &case["truth"][major.to_string()];
        if !truth.is_object() {
            continue;
        }
        let (id, text) = (case["id"].as_str().unwrap(), case["sql"].as_str().unwrap());
        let (before, sql) = text.rsplit_once(";\n").unwrap_or(("", text));
        let setup = case["setup"].as_str().unwrap_or_default();
        let seen = observatory.observe(Subject { setup, before, sql }).await;
        compared += 1;
        let (mut traced, observed) = (traced(truth, sql), observed(&seen));
        traced.transactional = traced.transactional.or(Some(true));
        let more = MORE.iter().any(|(case, _)| *case == id) && observed.covers(&traced);
        if traced != observed && !more {
            writeln!(wrong, "{major} {id}\n  traced   {traced:?}\n  observed {observed:?}").unwrap();
        }
    }
    (compared, wrong)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_observe_is_what_was_traced() {
    let fixture = std::fs::read_to_string(shared().join("lint-fixture.sql")).unwrap();
    let fixture: String = fixture
        .lines()
        .filter(|line| !line.starts_with("VACUUM"))
        .fold(String::new(), |all, line| all + line + "\n");
    let cases = std::fs::read_to_string(shared().join("lint-cases.jsonl")).unwrap();
    let cases: Vec<Value> = cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cases: Vec<Value> = cases.into_iter().filter(|case| case["truth"].is_object()).collect();
    let mut running = Vec::new();
    for major in majors() {
        let (fixture, cases) = (fixture.clone(), cases.clone());
        running.push(tokio::spawn(async move { compare(major, &fixture, &cases).await }));
    }
    let mut all = String::new();
    for majors in running {
        let (compared, wrong) = majors.await.unwrap();
        assert!(compared > 230, "{compared} compared");
        all += &wrong;
    }
    assert!(all.is_empty(), "{all}");
}
