//! What we claim against what servers did: 250 statements, traced on PostgreSQL 14 to 18.
//!
//! The trace says which locks each statement held, what it rewrote and what it read in full. One live
//! server gives the facts about the traced database; the statements themselves are not run here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use underpin_catalog::{LockMode, RelationName, ServerVersion};
use underpin_sql::{Duration, Surroundings, read};
use underpin_testkit::{Server, shared};

use crate::facts::surroundings;

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

/// What the trace saw on tables that were there before the statement.
struct Truth {
    locks: BTreeMap<String, LockMode>,
    rewritten: BTreeSet<String>,
    scanned: BTreeSet<String>,
    transactional: bool,
}

fn truth(value: &serde_json::Value, around: &Surroundings) -> Option<Truth> {
    if value.get("error").is_some() {
        return None;
    }
    let is_relation = |own: &str| {
        around.relations.contains_key(&RelationName::qualified("public", own.trim_start_matches("public.")))
    };
    let set = |key: &str| -> BTreeSet<String> {
        match &value[key] {
            serde_json::Value::Array(items) => {
                items.iter().filter_map(|item| item.as_str()).map(str::to_owned).collect()
            }
            serde_json::Value::Object(fields) => fields.keys().cloned().collect(),
            _ => BTreeSet::new(),
        }
    };
    Some(Truth {
        locks: value["locks"]
            .as_object()?
            .iter()
            .filter(|(own, _)| is_relation(own))
            .map(|(own, short)| (own.clone(), mode(short.as_str().unwrap())))
            .collect(),
        rewritten: set("rewritten").into_iter().filter(|own| is_relation(own)).collect(),
        scanned: set("full_scans").into_iter().filter(|own| is_relation(own)).collect(),
        transactional: value["transactional"].as_bool()?,
    })
}

/// Where we claim more than the server took, on purpose. Less is never right.
const MORE: &[(&str, &str)] = &[
    ("trace:analyze", "the traced table is smaller than the sample"),
    ("trace:attach-partition with matching CHECK", "whether a check spares the scan is not looked into"),
    ("trace:attach-partition, DEFAULT has", "whether a check spares the scan is not looked into"),
    ("trace:FK referencing partitioned table", "up to 15 the trace did not see the scan"),
    ("trace:type timestamp", "free in UTC only, and the session's zone is not ours to know"),
    ("trace:select for update", "a query may read anything"),
    ("trace:new table in same tx", "the trace leaves out tables that its transaction made"),
    ("rename", "the trace knows the table by its new name only"),
    ("RENAME", "the trace knows the table by its new name only"),
    ("trace:set-schema", "the trace knows the table by its new name only"),
    ("stable plpgsql fn", "what a function of the database is, is not looked up"),
    ("domain", "what a domain is made of is not looked up"),
    ("alter-index set tablespace", "moving an index blocks reads that use it, as building it anew does"),
    ("set-access-method same", "which method a table has is not looked up"),
    ("trace:prisma enum recreate full sequence", "the trace is of the last statement alone"),
];

/// Where we claim less, because the relation is not among the facts.
const LESS: &[(&str, &str)] = &[
    ("CASCADE", "views that depend on the table are not looked up"),
    ("trace:set-identity", "which sequence is the column's is not looked up"),
];

#[tokio::test]
async fn claims_are_what_servers_did() {
    let folder = shared();
    let fixture = std::fs::read_to_string(folder.join("lint-fixture.sql")).unwrap();
    let cases = std::fs::read_to_string(folder.join("lint-cases.jsonl")).unwrap();
    let server = Server::shared(18).await;
    let database = server.database("observed").await;
    let mut client = database.client().await;
    let (vacuum, setup): (Vec<_>, Vec<_>) = fixture.lines().partition(|line| line.starts_with("VACUUM"));
    client.batch_execute(&setup.join("\n")).await.unwrap();
    client.batch_execute(&vacuum.join("\n")).await.unwrap();

    let mut wrong = String::new();
    let mut compared = 0;
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        if case["setup_ref"].as_str() != Some("lint-fixture.sql") {
            continue;
        }
        let transaction = client.transaction().await.unwrap();
        transaction.batch_execute(case["setup"].as_str().unwrap_or_default()).await.unwrap();
        let live = surroundings(&transaction, ServerVersion::of_major(18)).await;
        transaction.rollback().await.unwrap();
        for major in 14..=18 {
            let Some(truth) = truth(&case["truth"][major.to_string()], &live) else { continue };
            let around = Surroundings { version: ServerVersion::of_major(major), ..live.clone() };
            compared += 1;
            if let Err(what) = compare(id, case["sql"].as_str().unwrap(), &truth, &around) {
                writeln!(wrong, "{major} {id}: {what}").unwrap();
            }
        }
    }
    assert!(compared > 1000, "{compared} compared");
    assert!(wrong.is_empty(), "{wrong}");
}

fn compare(id: &str, sql: &str, truth: &Truth, around: &Surroundings) -> Result<(), String> {
    let statements = read(sql).map_err(|error| error.to_string())?;
    let effects: Vec<_> = statements.into_iter().flat_map(|statement| statement.effects).collect();
    let more = MORE.iter().any(|(part, _)| id.contains(part));
    let alone = effects.iter().any(|effect| effect.refuses_transaction(around));
    if alone == truth.transactional {
        return Err(format!("alone: claimed {alone}"));
    }
    let mut claimed = BTreeMap::<String, LockMode>::new();
    for claim in effects.iter().flat_map(|effect| effect.locks(around)) {
        let own = claim.relation.name.as_str().to_owned();
        let held = claimed.entry(own).or_insert(claim.mode);
        *held = claim.mode.max(*held);
    }
    // What is read behind a view is not claimed, and nothing but ACCESS EXCLUSIVE waits for it.
    claimed.retain(|own, mode| *mode > LockMode::AccessShare || truth.locks.contains_key(own));
    let enough = truth.locks.iter().all(|(own, mode)| {
        *mode == LockMode::AccessShare || claimed.get(own).is_some_and(|claim| claim >= mode)
    }) || LESS.iter().any(|(part, _)| id.contains(part));
    let exact = claimed.iter().all(|(own, mode)| truth.locks.get(own) == Some(mode));
    // Statements that run alone were traced while they waited, which is not all they take.
    if truth.transactional && !(enough && (exact || more)) {
        return Err(format!("locks: claimed {claimed:?}, were {:?}", truth.locks));
    }
    let duration = effects.iter().map(|effect| effect.duration(around)).max().unwrap_or(Duration::Instant);
    let least = if !truth.rewritten.is_empty() {
        Duration::Rewrite
    } else if !truth.scanned.is_empty() {
        Duration::Scan
    } else {
        Duration::Instant
    };
    // TRUNCATE and ALTER SEQUENCE make a new, empty file: an instant.
    let empties = ["TRUNCATE", "ALTER SEQUENCE"].iter().any(|word| sql.starts_with(word));
    if duration < least && !empties {
        return Err(format!("works {least:?}, claimed {duration:?}"));
    }
    let instant = matches!(duration, Duration::Instant | Duration::WaitsForSnapshots);
    if least == Duration::Instant && !instant && truth.transactional && !more {
        return Err(format!("is instant, claimed {duration:?}"));
    }
    Ok(())
}
