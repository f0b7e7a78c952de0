//! What SARIF 2.1.0 demands of a log, section by section, and what GitHub demands beyond it.

use serde_json::Value;

use super::{Format, rendered};

fn log() -> Value {
    serde_json::from_str(&rendered(Format::Sarif, |_| {})).unwrap()
}

#[test]
fn the_log_and_its_run() {
    let log = log();
    // 3.13.2: the version is required; 3.13.3: the schema's URI is absolute.
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().starts_with("https://"));
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let driver = &runs[0]["tool"]["driver"];
    // 3.19.8: a tool component has a name; rule ids are distinct (3.19.23).
    assert_eq!(driver["name"], "underpin");
    let ids: Vec<&str> =
        driver["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct, ids);
    // 3.14.27: one of the two.
    assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&runs[0]["columnKind"].as_str().unwrap()));
    // 3.20.14: required of an invocation.
    assert!(runs[0]["invocations"][0]["executionSuccessful"].is_boolean());
}

#[test]
fn rules_carry_their_pages() {
    let log = log();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "unused-ignore").unwrap();
    assert_eq!(rule["shortDescription"]["text"], "A comment ignores a rule that finds nothing there.");
    // 3.12.4: where there is Markdown there is plain text too.
    assert!(rule["help"]["markdown"].as_str().unwrap().starts_with("# unused-ignore"));
    assert!(rule["help"]["text"].is_string());
    assert_eq!(rule["defaultConfiguration"]["level"], "note");
}

#[test]
fn every_result_is_whole() {
    let log = log();
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 10);
    for result in results {
        // 3.27.5 and 3.27.6: the index points at the rule of that id.
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
        assert!((0.0..=100.0).contains(&result["rank"].as_f64().unwrap()));
        // 3.27.11: a message that is not looked up has a text.
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        // 3.27.17: fingerprints are strings under hierarchical names.
        let fingerprint = result["partialFingerprints"]["underpinFingerprint/v1"].as_str().unwrap();
        assert_eq!(fingerprint.len(), 32);
        // 3.27.23: when one result says whether it is suppressed, all do.
        for suppression in result["suppressions"].as_array().unwrap() {
            assert!(["inSource", "external"].contains(&suppression["kind"].as_str().unwrap()));
            assert!(
                ["accepted", "underReview", "rejected"].contains(&suppression["status"].as_str().unwrap())
            );
        }
        let location = &result["locations"][0]["physicalLocation"];
        let uri = location["artifactLocation"]["uri"].as_str().unwrap();
        // RFC 3986: no space, no sign outside ASCII; 3.4.4: no dot segments below a base.
        assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()), "{uri}");
        assert!(!uri.split('/').any(|part| part == ".." || part == "."), "{uri}");
        // 3.30: everything counts from 1, and an end is not before its start.
        let region = &location["region"];
        let number = |key: &str| region[key].as_u64();
        assert!(number("startLine").unwrap() >= 1);
        if let (Some(start), Some(end_line), Some(end)) =
            (number("startColumn"), number("endLine"), number("endColumn"))
        {
            assert!(start >= 1 && end >= 1);
            assert!((number("startLine").unwrap(), start) < (end_line, end));
        }
    }
    let kinds: Vec<&str> =
        results.iter().filter_map(|result| result["suppressions"][0]["kind"].as_str()).collect();
    assert_eq!(kinds, ["inSource", "external", "external"]);
}

#[test]
fn columns_are_characters() {
    let log = log();
    let region = &log["runs"][0]["results"][1]["locations"][0]["physicalLocation"]["region"];
    // Behind `/* é🚀 */ `: ten characters, thirteen bytes more or less, eleven UTF-16 units.
    assert_eq!((region["startLine"].as_u64(), region["startColumn"].as_u64()), (Some(2), Some(10)));
}
