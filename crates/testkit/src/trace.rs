//! Statements that were traced on PostgreSQL 11 to 18 by other means than [`crate::observe`].

use std::collections::BTreeMap;

use serde_json::Value;
use underpin_catalog::{LockMode, RelationName};

use crate::observe::Observation;
use crate::places::shared;

/// A statement that was traced.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Its name in the list.
    pub id: String,
    /// What the database had beyond [`fixture`].
    pub setup: String,
    /// What went before in the same transaction.
    pub before: String,
    /// The statement.
    pub sql: String,
    /// What it did, by major. A failure has a message and no SQLSTATE. Of statements that run alone the trace
    /// saw what was held while they waited, which may be less than all.
    pub seen: BTreeMap<u32, Observation>,
}

/// The database of the trace, without the `VACUUM` at its end.
///
/// # Panics
/// When it cannot be read.
pub fn fixture() -> String {
    let path = shared().join("lint-fixture.sql");
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    text.lines().filter(|line| !line.starts_with("VACUUM")).fold(String::new(), |all, line| all + line + "\n")
}

/// Every statement that was traced.
///
/// # Panics
/// When the list cannot be read.
pub fn traced() -> Vec<Traced> {
    let path = shared().join("lint-cases.jsonl");
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let cases = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    cases.filter(|case: &Value| case["truth"].is_object()).map(|case| one(&case)).collect()
}

fn one(case: &Value) -> Traced {
    let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
    let all = text("sql");
    let (before, sql) = all.rsplit_once(";\n").unwrap_or(("", &all));
    let versions = case["truth"].as_object().into_iter().flatten();
    let seen = versions.filter_map(|(major, truth)| Some((major.parse().ok()?, observation(truth, sql))));
    Traced {
        id: text("id"),
        setup: text("setup"),
        before: before.to_owned(),
        sql: sql.to_owned(),
        seen: seen.collect(),
    }
}

fn observation(truth: &Value, sql: &str) -> Observation {
    let locks = truth["locks"].as_object().into_iter().flatten();
    let rewritten = truth["rewritten"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let scanned = truth["full_scans"].as_object().into_iter().flatten().map(|(own, _)| own.as_str());
    Observation {
        locks: locks.map(|(own, short)| (name(own, sql), mode(short.as_str().unwrap_or_default()))).collect(),
        rewritten: rewritten.map(|own| name(own, sql)).collect(),
        scanned: scanned.map(|own| name(own, sql)).collect(),
        transactional: truth["transactional"].as_bool().unwrap_or(true),
        sqlstate: None,
        message: truth["error"].as_str().map(str::to_owned),
    }
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

/// The name that the relation had before the statement.
fn name(shown: &str, sql: &str) -> RelationName {
    let renamed = RENAMED.iter().find(|(part, after, _)| sql.contains(part) && *after == shown);
    let shown = renamed.map_or(shown, |(_, _, before)| before);
    match shown.split_once('.') {
        Some((namespace, own)) => RelationName::qualified(namespace, own),
        None => RelationName::qualified("public", shown),
    }
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
