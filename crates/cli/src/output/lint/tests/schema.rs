//! The published schema describes what is printed, and nothing else.

use serde_json::Value;

use super::{Format, rendered};

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/lint.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn object() -> Value {
    serde_json::from_str(&rendered(Format::Json, |_| {})).unwrap()
}

#[test]
fn the_schema_is_one_and_describes_the_output() {
    assert!(jsonschema::meta::is_valid(&schema()));
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(&object()).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every object's keys are required and no other is allowed: dropping or adding one is refused, wherever.
#[test]
fn the_schema_refuses_what_we_do_not_print() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut tried = 0;
    for pointer in objects(&object(), String::new()) {
        let keys: Vec<String> =
            object().pointer(&pointer).unwrap().as_object().unwrap().keys().cloned().collect();
        for key in keys {
            let mut less = object();
            less.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(&key);
            assert!(!validator.is_valid(&less), "{pointer} may lack {key}");
            tried += 1;
        }
        let mut more = object();
        more.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().insert("other".to_owned(), Value::Null);
        assert!(!validator.is_valid(&more), "{pointer} may have anything");
    }
    assert!(tried > 100, "{tried}");
}

fn objects(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let inner = fields.iter().flat_map(|(key, value)| objects(value, format!("{at}/{key}")));
            std::iter::once(at.clone()).chain(inner.collect::<Vec<_>>()).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| objects(value, format!("{at}/{index}")))
            .collect(),
        _ => Vec::new(),
    }
}
