//! What is composed, as text where the text is the product. What it does is shown on servers by the engine's
//! tests.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use underpin_catalog::ServerVersion;
use underpin_sql::{Action, Surroundings, read, twin};

use super::*;

fn address(owner: &str, other: &str) -> Across {
    let column = |name: &str| Moved {
        owner: Name::new(name),
        other: Name::new(name),
        data_type: Sql::verbatim("text"),
        absent: None,
        instead: None,
    };
    Across::OneToOne(OneToOne {
        owner: RelationName::qualified("public", owner),
        key: vec![Name::new("id")],
        other: RelationName::qualified("public", other),
        link: vec![Name::new("userId")],
        columns: vec![column("street"), column("city")],
        made: Vec::new(),
        row: Row::Fact { goes: true },
        keeps_owner: true,
        owner_others: Others::None,
        other_others: Others::None,
    })
}

#[test]
fn everything_that_is_created_is_dropped_and_named_in_full() {
    let across = address("User", "Address");
    let (on, off) = (across.switch_on(), across.switch_off());
    assert_eq!(on.len(), off.len());
    for created in &on {
        let text = created.as_str();
        assert!(!text.contains(" FROM \"User\"") && !text.contains("UPDATE \"Address\""), "{text}");
    }
    let bare = across.named(|name| RelationName::bare(name.name.as_str()));
    assert_eq!(
        bare.fill().as_str(),
        "INSERT INTO \"Address\" AS kept (\"userId\", \"street\", \"city\") \
         SELECT o.\"id\", o.\"street\", o.\"city\" FROM \"User\" AS o \
         WHERE NOT (o.\"street\" IS NULL AND o.\"city\" IS NULL) FOR NO KEY UPDATE ON CONFLICT (\"userId\") DO NOTHING"
    );
}

#[test]
fn names_are_cut_and_never_the_same_for_two() {
    let long = "ä".repeat(31);
    let mut seen = BTreeSet::new();
    for (owner, other) in [("a", "b"), ("a_b", "c"), ("a", "b_c"), (&format!("{long}a"), &format!("{long}b"))]
    {
        let made = address(owner, other).made();
        for (function, _) in &made.functions {
            assert!(function.name.as_str().len() <= Name::BYTES_MAX, "{function}");
            assert!(seen.insert(function.clone()), "{function} twice");
        }
        assert!(made.triggers.iter().all(|trigger| crate::sync::is_sync_trigger(&trigger.name)));
    }
}

/// A fill that is one statement would keep the writers of every row waiting until its end.
#[test]
fn every_fill_goes_in_batches() {
    let Across::OneToOne(fact) = address("User", "Address") else { panic!() };
    let absent = |column: &Moved| Moved { absent: Some(Sql::verbatim("'none'")), ..column.clone() };
    let required = OneToOne { columns: fact.columns.iter().map(absent).collect(), ..fact.clone() };
    let row = Row::Own { mark: Name::new("made"), untouched: Sql::verbatim("true") };
    let own =
        OneToOne { row, made: vec![(Name::new("id"), Sql::verbatim("gen_random_uuid()"))], ..fact.clone() };
    let pairs = ManyToMany {
        table: RelationName::qualified("public", "User"),
        key: Name::new("id"),
        column: Name::new("street"),
        data_type: Sql::verbatim("text"),
        absent: None,
        target: RelationName::qualified("public", "Street"),
        target_key: Name::new("id"),
        pairs: RelationName::qualified("public", "Address"),
        near: Name::new("userId"),
        far: Name::new("street"),
        made: Vec::new(),
        others: Others::None,
    };
    let mut around = Surroundings::empty(ServerVersion::of_major(16), Name::new("public"));
    let tables = "CREATE TABLE \"User\" (id int PRIMARY KEY, street text, city text);
        CREATE TABLE \"Address\" (id int PRIMARY KEY, street text, city text, \"userId\" int, made boolean)";
    for effect in read(tables).unwrap().iter().flat_map(|statement| &statement.effects) {
        around.apply(effect);
    }
    let facts = [fact.clone(), required, own].map(Across::OneToOne);
    let facts = facts.into_iter().chain([Across::ManyToMany(pairs)]);
    let bare = |name: &RelationName| RelationName::bare(name.name.as_str());
    let fills = facts.map(|fact| fact.named(bare).fill()).chain([fact.named(bare).fill_owner()]);
    for fill in fills {
        let statements = read(fill.as_str()).unwrap();
        let steps = twin(&statements[0], 0, &around).unwrap_or_else(|none| panic!("{none}: {fill}"));
        assert!(matches!(steps[0].action, Action::Batches(_)) && steps.len() == 1, "{fill}: {steps:?}");
    }
}
