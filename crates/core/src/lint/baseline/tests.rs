//! The baseline's file, and what it lets pass.

use super::*;
use crate::lint::finding::{Finding, Severity};
use crate::lint::report::FileReport;

fn finding(path: &str, fingerprint: &str) -> Finding {
    Finding {
        object: Some("Order \"x\"".to_owned()),
        fingerprint: fingerprint.to_owned(),
        ..Finding::new("drop-table", Severity::Danger, path, "")
    }
}

fn report(files: &[(&str, &[&str])]) -> Report {
    Report {
        files: files
            .iter()
            .map(|(path, findings)| FileReport {
                path: (*path).to_owned(),
                statements: Vec::new(),
                findings: findings.iter().map(|fingerprint| finding(path, fingerprint)).collect(),
            })
            .collect(),
    }
}

fn same(path: &str) -> String {
    path.to_owned()
}

fn counted(report: &Report) -> Vec<&str> {
    report.counted().map(|finding| finding.fingerprint.as_str()).collect()
}

#[test]
fn the_file_is_sorted_has_a_line_for_each_entry_and_is_read_back() {
    let baseline = Baseline::default().renewed(
        &report(&[("b.sql", &["2"]), ("a.sql", &["9", "1"])]),
        Scope::Whole,
        &same,
    );
    assert_eq!(
        baseline.to_json(),
        r#"{
  "version": 1,
  "findings": [
    {"path":"a.sql","rule":"drop-table","object":"Order \"x\"","fingerprint":"1"},
    {"path":"a.sql","rule":"drop-table","object":"Order \"x\"","fingerprint":"9"},
    {"path":"b.sql","rule":"drop-table","object":"Order \"x\"","fingerprint":"2"}
  ]
}
"#
    );
    assert_eq!(Baseline::from_json(&baseline.to_json()).unwrap(), baseline);
    assert_eq!(Baseline::from_json(&Baseline::default().to_json()).unwrap(), Baseline::default());
}

#[test]
fn what_is_in_it_passes_and_what_is_new_counts() {
    let old = report(&[("a.sql", &["1", "2"]), ("b.sql", &["3"])]);
    let baseline = Baseline::default().renewed(&old, Scope::Whole, &same);
    // "2" is gone and "3" has moved to another file, where it is not the same any more.
    let mut now = report(&[("a.sql", &["1", "4"]), ("c.sql", &["3"])]);
    assert_eq!(baseline.apply(&mut now, Scope::Whole, &same), 2);
    assert_eq!(counted(&now), ["4", "3"]);
    let mut part = report(&[("a.sql", &["1"])]);
    assert_eq!(baseline.apply(&mut part, Scope::Part, &same), 1, "b.sql was not looked at");
    let mut elsewhere = report(&[("../a.sql", &["1", "2"])]);
    assert_eq!(baseline.apply(&mut elsewhere, Scope::Part, &|path| path.replace("../", "")), 0);
    assert_eq!(counted(&elsewhere), [""; 0]);
}

#[test]
fn renewing_after_a_partial_run_keeps_the_other_files() {
    let baseline =
        Baseline::default().renewed(&report(&[("a.sql", &["1"]), ("b.sql", &["2"])]), Scope::Whole, &same);
    let mut part = report(&[("a.sql", &["3", "4"])]);
    part.files[0].findings[1].suppressed = Some(Suppression::Settings { reason: "x".to_owned() });
    let renewed = |scope| {
        let renewed = baseline.renewed(&part, scope, &same);
        renewed.entries.iter().map(|entry| entry.fingerprint.clone()).collect::<Vec<_>>()
    };
    assert_eq!(renewed(Scope::Part), ["3", "2"]);
    assert_eq!(renewed(Scope::Whole), ["3"]);
}

#[test]
fn a_file_that_is_not_ours_is_an_error_with_its_place() {
    for (text, told) in [
        ("", "line 1, column 0: EOF"),
        ("{\"version\": 1}", "missing field `findings`"),
        ("{\"version\": 2, \"findings\": []}", "its version is 2"),
        ("{\"version\": 1, \"findings\": [{}]}", "missing field `path`"),
        ("{\"version\": 1, \"findings\": [], \"extra\": 1}", "unknown field `extra`"),
    ] {
        let error = Baseline::from_json(text).unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}
