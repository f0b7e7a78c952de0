//! The forms of the report.

use super::*;

/// The published schema describes what is printed.
pub(super) fn assert_fits_the_schema(object: &Value) {
    let read = |name: &str| {
        let path = format!("{}/../../docs/schema/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str::<Value>(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let mut schema = read("check.schema.json");
    // Findings are those of lint: one page describes both.
    let lint = read("lint.schema.json");
    for (name, definition) in lint["$defs"].as_object().unwrap() {
        schema["$defs"][name] = definition.clone();
    }
    let text = serde_json::to_string(&schema).unwrap().replace("lint.schema.json#/$defs/", "#/$defs/");
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{}\n{object:#}", wrong.join("\n"));
}

#[test]
fn every_form_tells_what_fails_and_what_was_not_checked() {
    let clone = project_with_note();
    clone.write(INIT, &format!("{TABLE}-- edited\n"));
    let form = |name: &str| {
        let said = check(&clone, &["--postgres-bin", "/nonexistent", "--format", name]);
        assert_eq!(said.code, 10, "{}", said.stderr);
        said.stdout
    };
    let human = form("human");
    assert!(human.starts_with("FAIL  base    1 new migration since main ("), "{human}");
    assert!(human.contains("danger[migration-edited]: ") && human.contains("\n6 | -- edited\n"), "{human}");
    assert!(human.ends_with("check fails: base; not checked: replay, schema\n"), "{human}");

    let sarif: Value = serde_json::from_str(&form("sarif")).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["automationDetails"]["id"], "underpin/check/");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let notified = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(
        notified.iter().map(|one| one["descriptor"]["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["replay", "schema"]
    );
    assert_eq!(run["results"][0]["ruleId"], "migration-edited");

    let github = form("github");
    assert!(github.contains(&format!("::error file={INIT},line=6,")), "{github}");
    assert!(github.contains("::warning title=underpin check%3A replay::not checked: "), "{github}");

    let markdown = form("markdown");
    assert!(markdown.starts_with("<!-- underpin check -->\n### underpin check fails: base; "), "{markdown}");
    assert!(markdown.contains("\n| ? | schema | not checked: "), "{markdown}");

    let junit = form("junit");
    assert!(
        junit.contains("<testsuite name=\"check\" tests=\"5\" failures=\"0\" errors=\"2\" skipped=\"0\">"),
        "{junit}"
    );
    assert!(junit.contains("<failure type=\"danger\""), "{junit}");
}

#[test]
fn a_report_goes_into_a_file() {
    let clone = project_with_note();
    let arguments = [&WITHOUT_SERVER[..], &["--format", "sarif", "--output", "check.sarif"]].concat();
    let said = check(&clone, &arguments);
    assert_eq!(
        (said.code, said.stdout.as_str(), said.stderr.as_str()),
        (0, "", "check.sarif: check passes\n")
    );
    let text = std::fs::read_to_string(clone.path().join("check.sarif")).unwrap();
    let sarif: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], true);
}
