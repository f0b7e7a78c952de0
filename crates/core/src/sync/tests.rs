//! What is composed, as text where the text is the product. What it does is shown on servers by the engine's
//! tests.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use underpin_catalog::ServerVersion;
use underpin_sql::{Action, Surroundings, read, twin};

use super::*;

fn synced(namespace: &str, table: &str, pairs: Vec<Pair>) -> Synced {
    Synced { table: RelationName::qualified(namespace, table), pairs, others: Others::None }
}

fn rename(before: &str, after: &str) -> Pair {
    renamed(&Name::new(before), &Name::new(after), &Sql::verbatim("text"))
}

fn all(statements: &[Sql]) -> String {
    statements.iter().map(|sql| format!("{sql};\n")).collect()
}

#[test]
fn a_renamed_column_is_assigned_and_nothing_else() {
    let users = synced("public", "User", vec![rename("fullName", "displayName")]);
    let made = all(&switch_on(&users));
    assert!(made.contains("NEW.\"fullName\" := NEW.\"displayName\";"), "{made}");
    assert!(made.contains("BEFORE UPDATE OF \"displayName\" ON \"public\".\"User\""), "{made}");
    assert_eq!(switch_on(&users).len(), 6, "three functions and three triggers: {made}");
    assert_eq!(switch_off(&users).len(), 6);
    let pair = &users.pairs[0];
    assert_eq!(
        fill(&users.table, pair).as_str(),
        "UPDATE \"public\".\"User\" SET \"displayName\" = \"fullName\" \
         WHERE \"displayName\" IS NULL AND \"fullName\" IS NOT NULL"
    );
    assert_eq!(
        disagree(&users.table, pair).as_str(),
        "SELECT count(*) FROM \"public\".\"User\" WHERE \"displayName\" IS DISTINCT FROM \"fullName\""
    );
}

#[test]
fn names_are_cut_and_never_the_same_for_two() {
    let long = "ä".repeat(31);
    let tables = [
        synced("public", &format!("{long}a"), vec![rename("x", "y")]),
        synced("public", &format!("{long}b"), vec![rename("x", "y")]),
        synced("other", &format!("{long}b"), vec![rename("x", "y")]),
        synced("public", "a", vec![rename("b_c", "d")]),
        synced("public", "a_b", vec![rename("c", "d")]),
        synced("public", "a", vec![rename("b", "c_d")]),
    ];
    let mut seen = BTreeSet::new();
    for table in &tables {
        let names = Names::of(table);
        let of = &names.pairs[0];
        for function in [&names.insert, &names.update, &of.take_after, &of.take_before, &of.value("up", 0)] {
            assert!(function.name.as_str().len() <= Name::BYTES_MAX, "{function}");
            assert!(seen.insert(function.clone()), "{function} twice");
        }
        assert!(names.on_insert.as_str().len() <= Name::BYTES_MAX);
    }
}

#[test]
fn a_body_is_quoted_by_a_tag_that_is_not_in_it() {
    let table = synced("public", "t", vec![rename("$underpin$", "y")]);
    let made = all(&switch_on(&table));
    assert!(made.contains("AS $_underpin$\nBEGIN"), "{made}");
}

#[test]
fn equal_values_that_are_not_the_same_are_compared_as_texts() {
    let condition = |data_type: &str| {
        let pair = renamed(&Name::new("a"), &Name::new("b"), &Sql::verbatim(data_type));
        disagree(&RelationName::bare("t"), &pair).to_string()
    };
    for as_it_is in ["TEXT", "VARCHAR(20)", "timestamp(3) without time zone", "TIMESTAMP(3)", "uuid"] {
        assert!(!condition(as_it_is).contains("CAST"), "{as_it_is}");
    }
    for as_text in ["jsonb", "numeric(10,2)", "text[]", "\"public\".\"Role\"", "interval", "citext"] {
        assert!(condition(as_text).contains("CAST"), "{as_text}");
    }
}

#[test]
fn a_default_of_the_old_column_is_told_where_the_new_one_may_be_null() {
    let pair = rename("nick", "alias");
    let told = pair.misread(|column| column.as_str() == "nick", |_| false);
    assert!(told.unwrap().starts_with("a new row with NULL in alias gets the default of nick"));
    assert_eq!(pair.misread(|_| false, |_| false), None);
    assert_eq!(pair.misread(|_| true, |column| column.as_str() == "alias"), None);
}

/// A fill that is one statement would keep the writers of every row waiting until its end.
#[test]
fn every_fill_goes_in_batches() {
    let (old, new) = (Name::new("old"), Name::new("new"));
    let (text, plan) = (Sql::verbatim("text"), RelationName::qualified("public", "Plan"));
    let values = ["A".to_owned(), "B".to_owned()];
    let values_of_both = values.clone().map(|value| (value.clone(), value));
    let written = |column: &Name, value: &str| Shape {
        column: column.clone(),
        data_type: text.clone(),
        value: Value::Expression(Sql::verbatim(value)),
    };
    let pairs = [
        renamed(&old, &new, &text),
        int_to_bigint(&old, &new),
        text_to_enum((&old, &text), (&new, &plan), &values),
        enum_to_enum((&old, &RelationName::bare("Plan_old")), (&new, &plan), &values_of_both),
        timestamp_to_timestamptz(&old, &new, Some(3)),
        scalar_to_list(&old, &new, &text),
        Pair {
            before: vec![written(&old, "concat_ws(' ', new, last)")],
            after: vec![
                written(&new, "split_part(old, ' ', 1)"),
                written(&Name::new("last"), "nullif(substr(old, 5), '')"),
            ],
        },
    ];
    let mut around = Surroundings::empty(ServerVersion::of_major(16), Name::new("public"));
    let table = "CREATE TABLE \"User\" (id int PRIMARY KEY, old text, new text, last text)";
    for effect in read(table).unwrap().iter().flat_map(|statement| &statement.effects) {
        around.apply(effect);
    }
    for pair in pairs {
        let update = fill(&RelationName::qualified("public", "User"), &pair);
        let statements = read(update.as_str()).unwrap();
        let steps = twin(&statements[0], 0, &around).unwrap_or_else(|none| panic!("{none}: {update}"));
        assert!(matches!(steps[0].action, Action::Batches(_)) && steps.len() == 1, "{update}: {steps:?}");
    }
}
