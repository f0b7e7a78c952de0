//! Replay: whatever statements a history holds, the facts behind it fit together.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use underpin_catalog::RelationName;
use underpin_sql::{Surroundings, read};

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_last() else { return };
    let Ok(statements) = read(&String::from_utf8_lossy(text)) else { return };
    let mut facts = underpin_fuzz::surroundings(*choice);
    for statement in &statements {
        for effect in &statement.effects {
            facts.apply(effect);
            // What nobody looked at may refer to what nobody knows.
            if facts.complete {
                fits(&facts, &statement.text);
            }
        }
    }
});

/// Whatever is named by something that is there is there. A history that was written for another database
/// (`REFERENCES` to a table that it never made) names what was never there: then it must not have been there
/// under that name before, which is why only links between known ends are held against each other.
fn fits(facts: &Surroundings, sql: &str) {
    let is_there = |name: &RelationName| facts.relations.contains_key(name);
    for (name, index) in &facts.indexes {
        assert!(is_there(&index.table), "{sql}: index {name:?} is on {:?}, which is gone", index.table);
        assert!(!is_there(name), "{sql}: {name:?} is an index and a relation");
        if let Some(parent) = &index.part_of {
            assert!(facts.indexes.contains_key(parent), "{sql}: {name:?} is part of {parent:?}, which is gone");
        }
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
        for constraint in &relation.constraints {
            if let Some(referenced) = constraint.referenced.as_ref().and_then(|to| facts.relations.get(to)) {
                let knows = referenced.referenced_by.contains(name);
                assert!(knows, "{sql}: {name:?} references what does not know of it: {:?}", constraint.name);
            }
        }
        for below in &relation.descendants {
            assert!(is_there(below), "{sql}: {below:?} is below {name:?} and gone");
        }
        if let Some(parent) = relation.partition_of.as_ref().and_then(|parent| facts.relations.get(parent)) {
            assert!(parent.descendants.contains(name), "{sql}: {name:?} is a partition that its parent lost");
        }
        let columns: Vec<_> = relation.columns.iter().map(|column| &column.name).collect();
        for (at, column) in columns.iter().enumerate() {
            assert!(!columns[..at].contains(column), "{sql}: {name:?} has {column:?} twice");
        }
    }
    for (name, kind) in &facts.types {
        for table in &kind.used_by {
            assert!(is_there(table), "{sql}: type {name:?} is used by {table:?}, which is gone");
        }
    }
    for (name, routine) in &facts.routines {
        for table in &routine.trigger_of {
            assert!(is_there(table), "{sql}: {name:?} is a trigger of {table:?}, which is gone");
        }
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    underpin_fuzz::splice(data, size, max_size, seed)
});
