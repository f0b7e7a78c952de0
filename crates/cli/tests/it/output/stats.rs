//! `underpin stats`: a file that lint reads and its schema describes, without a project, a row or a secret.

use std::path::Path;

use serde_json::Value;
use underpin_core::lint::stats::Stats;
use underpin_testkit::workspace_root;

use super::{shop, strict};
use crate::support::underpin;

#[tokio::test]
async fn the_statistics_are_what_the_schema_says_and_what_lint_reads() {
    let database = shop(700).await;
    let said = underpin(strict().path(), &database.url(), &["stats"]).await;
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let schema = std::fs::read_to_string(workspace_root().join("docs/schema/stats.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    conforms(&serde_json::from_str(&said.stdout).unwrap(), &schema, &schema, "");

    let read = Stats::from_json(&said.stdout).unwrap();
    let shop = read.tables.values().find(|table| table.name.name.as_str() == "Shop").unwrap();
    assert_eq!((shop.rows, shop.indexes.len()), (Some(700), 1));
    assert!(!said.stdout.contains("shop 7"), "a row of the table: {}", said.stdout);
    assert_eq!(read.to_json(), said.stdout, "reading and writing change nothing");
}

#[tokio::test]
async fn a_url_is_enough_and_the_file_is_the_same_as_stdout() {
    let database = shop(3).await;
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["stats", "--url", &database.url(), "--output", "stats.json"];
    let said = underpin(folder.path(), "", &arguments).await;
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.all());
    assert!(said.stderr.starts_with("stats.json: 2 tables, "), "{}", said.stderr);
    let file = std::fs::read_to_string(folder.path().join("stats.json")).unwrap();
    assert!(Stats::from_json(&file).unwrap().tables.len() == 2);
    let password = database.url().split(['@', ':']).nth(2).unwrap().to_owned();
    assert!(!file.contains(&password) && !said.all().contains(&password));

    let json = underpin(folder.path(), "", &[&arguments[..], &["--json"]].concat()).await;
    let object: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&object["tables"], &object["output"]), (&2.into(), &"stats.json".into()), "{}", json.all());
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_said_with_exit_2() {
    let database = shop(1).await;
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Path::new("no-folder").join("stats.json");
    let said = underpin(
        folder.path(),
        "",
        &["stats", "--url", &database.url(), "--output", nowhere.to_str().unwrap()],
    )
    .await;
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.stderr.contains("cannot be written to no-folder/stats.json"), "{}", said.stderr);
}

/// Holds a value against the part of JSON Schema that our schemas use. Every object of ours is closed, so
/// a key that only one side knows is found.
fn conforms(value: &Value, schema: &Value, root: &Value, at: &str) {
    let known = [
        "$schema",
        "$defs",
        "$ref",
        "title",
        "description",
        "type",
        "enum",
        "const",
        "anyOf",
        "items",
        "format",
        "minimum",
        "properties",
        "required",
        "additionalProperties",
    ];
    for word in schema.as_object().unwrap().keys() {
        assert!(known.contains(&word.as_str()), "{at}: this check does not know {word}");
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return conforms(value, root.pointer(reference.trim_start_matches('#')).unwrap(), root, at);
    }
    if let Some(ways) = schema["anyOf"].as_array() {
        let is_null = |way: &&Value| way["type"] == "null";
        if value.is_null() {
            assert!(ways.iter().any(|way| is_null(&way)), "{at} is null");
            return;
        }
        return conforms(value, ways.iter().find(|way| !is_null(way)).unwrap(), root, at);
    }
    if let Some(only) = schema.get("const") {
        assert_eq!(value, only, "{at}");
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{at}: {value}");
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match &schema["type"] {
        Value::String(one) => assert_eq!(kind, one, "{at}: {value}"),
        Value::Array(kinds) => assert!(kinds.iter().any(|one| one == kind), "{at}: {value}"),
        _ => {}
    }
    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
        conforms(element, &schema["items"], root, &format!("{at}/{index}"));
    }
    let Some(object) = value.as_object() else { return };
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(object.contains_key(required.as_str().unwrap()), "{at} has no {required}");
    }
    for (key, element) in object {
        let at = format!("{at}/{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(own), _) => conforms(element, own, root, &at),
            (None, others @ Value::Object(_)) => conforms(element, others, root, &at),
            (None, _) => panic!("{at} is not in the schema"),
        }
    }
}
