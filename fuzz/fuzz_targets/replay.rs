//! Replay: whatever statements a history holds, the facts behind those that can succeed fit together.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use underpin_catalog::RelationName;
use underpin_fuzz::read;
use underpin_sql::Surroundings;
use underpin_sql::failure::{Certainty, TransactionSoFar, failures};

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_last() else { return };
    let Ok(statements) = read(&String::from_utf8_lossy(text)) else { return };
    let mut facts = underpin_fuzz::surroundings(*choice);
    let mut links = links(&facts);
    for statement in &statements {
        let found = failures(statement, &facts, false, &TransactionSoFar::default());
        if found.iter().any(|failure| failure.certainty != Certainty::IfRows) {
            continue;
        }
        for effect in &statement.effects {
            facts.apply(effect);
        }
        // What nobody looked at may refer to what nobody knows.
        if facts.complete {
            fits(&facts, &statement.text);
            links = links_after(&facts, links, &statement.text);
        }
    }
});

/// What something that is there names: who, as what, and whom.
type Link = (RelationName, &'static str, RelationName);

fn links(facts: &Surroundings) -> BTreeSet<Link> {
    let mut all = BTreeSet::new();
    for (name, index) in facts.indexes.iter() {
        all.insert((name.clone(), "is an index of", index.table.clone()));
        all.extend(index.part_of.iter().map(|parent| (name.clone(), "is part of", parent.clone())));
    }
    for (name, relation) in &facts.relations {
        let below = relation.descendants.iter().map(|below| (name.clone(), "is above", below.clone()));
        all.extend(below);
        let parent = relation.partition_of.iter();
        all.extend(parent.map(|parent| (name.clone(), "is a partition of", parent.clone())));
        let referenced = relation.constraints.iter().filter_map(|one| one.referenced.as_ref());
        all.extend(referenced.map(|referenced| (name.clone(), "references", referenced.clone())));
    }
    for (name, kind) in &facts.types {
        all.extend(kind.used_by.iter().map(|table| (name.clone(), "is used by", table.clone())));
    }
    for (name, routine) in &facts.routines {
        all.extend(routine.trigger_of.iter().map(|table| (name.clone(), "is a trigger of", table.clone())));
    }
    all
}

/// A history may name what it never made, as one that was written for another database does. But what was there
/// and is named does not go away alone.
fn links_after(facts: &Surroundings, before: BTreeSet<Link>, sql: &str) -> BTreeSet<Link> {
    let mut after = links(facts);
    let is_there =
        |name: &RelationName| facts.relations.contains_key(name) || facts.indexes.contains_key(name);
    after.retain(|link @ (from, how, to)| {
        assert!(is_there(to) || !before.contains(link), "{sql}: {from:?} {how} {to:?}, which is gone");
        is_there(to)
    });
    after
}

/// Those who are there know of each other.
fn fits(facts: &Surroundings, sql: &str) {
    for (name, index) in facts.indexes.iter() {
        assert!(!facts.relations.contains_key(name), "{sql}: {name:?} is an index and a relation");
        if let (Some(constraint), Some(table)) = (&index.constraint, facts.relations.get(&index.table)) {
            let is_named = table.constraints.iter().any(|one| one.name == *constraint);
            assert!(is_named, "{sql}: index {name:?} belongs to constraint {constraint:?}, which is gone");
        }
    }
    for (name, relation) in &facts.relations {
        for referencing in &relation.referenced_by {
            let table = facts.relations.get(referencing);
            let refers = table.is_some_and(|table| {
                table.constraints.iter().any(|one| one.referenced.as_ref() == Some(name))
            });
            assert!(refers, "{sql}: {name:?} is referenced by {referencing:?}, which does not");
        }
        // A table that references itself is nobody else's business.
        let others = relation.constraints.iter().filter_map(|one| one.referenced.as_ref());
        for other in others.filter(|other| *other != name) {
            let knows = |other: &RelationName| facts.relations[other].referenced_by.contains(name);
            assert!(
                !facts.relations.contains_key(other) || knows(other),
                "{sql}: {other:?} does not know that {name:?} references it"
            );
        }
        if let Some(parent) = relation.partition_of.as_ref().and_then(|parent| facts.relations.get(parent)) {
            assert!(parent.descendants.contains(name), "{sql}: {name:?} is a partition that its parent lost");
        }
        let columns: Vec<_> = relation.columns.iter().map(|column| &column.name).collect();
        for (at, column) in columns.iter().enumerate() {
            assert!(!columns[..at].contains(column), "{sql}: {name:?} has {column:?} twice");
        }
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    underpin_fuzz::splice(&underpin_fuzz::SQL, data, size, max_size, seed)
});
