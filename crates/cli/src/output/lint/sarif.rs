//! `--format sarif`: SARIF 2.1.0, as code scanning reads it.
//!
//! Columns count characters from 1, and the log says so, because SARIF's own default is UTF-16. Paths
//! are from the top of the repository. Every result says whether it is suppressed: where one of a run
//! does, silence of the others would mean "unknown" (section 3.27.23).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use underpin_core::lint::finding::{Confidence, Finding, Severity, Suppression};

use super::checked::{Checked, sentence};
use super::facts::{Level, clean, lines, why_ignored};
use super::repository::{from_top, uri};
use super::{Told, facts};

/// The form of our fingerprints; it changes when what they are made of changes.
const FINGERPRINT: &str = "underpinFingerprint/v1";

pub(super) fn render(told: &Told<'_>) -> String {
    let findings = || told.report.files.iter().flat_map(|file| &file.findings);
    let names: BTreeSet<&str> = findings().map(|finding| finding.rule.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let rules: Vec<Value> = names.iter().map(|name| rule(told, name)).collect();
    let results: Vec<Value> = findings()
        .map(|finding| {
            let index = names.binary_search(&finding.rule.as_str()).unwrap_or_default();
            result(told, finding, index)
        })
        .collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "underpin",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "automationDetails": { "id": format!("underpin/{}/", told.command()) },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "%SRCROOT%": { "description": { "text": "the top of the repository" } } },
            "invocations": [invocation(told)],
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("a log is made of text and numbers");
    text.push('\n');
    text
}

/// The run. What could not be looked at is a notification and no result: code scanning would take its absence
/// for a repair.
fn invocation(told: &Told<'_>) -> Value {
    let notifications: Vec<Value> = told
        .checked
        .into_iter()
        .flat_map(Checked::not_checked)
        .map(|part| {
            let text = std::iter::once(sentence(part)).chain(part.hints.iter().cloned());
            let text = clean(&text.collect::<Vec<_>>().join("\n"));
            json!({ "descriptor": { "id": part.part }, "level": "error", "message": { "text": text } })
        })
        .collect();
    let mut run = json!({ "executionSuccessful": notifications.is_empty(), "exitCode": told.exit_code() });
    if let Some(run) = run.as_object_mut().filter(|_| !notifications.is_empty()) {
        run.insert("toolExecutionNotifications".to_owned(), notifications.into());
    }
    run
}

fn rule(told: &Told<'_>, name: &str) -> Value {
    let Some(page) = told.page(name) else {
        return json!({ "id": name });
    };
    let help = page.for_readers();
    json!({
        "id": name,
        "shortDescription": { "text": page.summary() },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(page.severity) },
    })
}

fn result(told: &Told<'_>, finding: &Finding, rule_index: usize) -> Value {
    let mut properties = json!({
        "severity": finding.severity,
        "confidence": finding.confidence,
        "locks": finding.locks,
    });
    if let (Some(properties), Some(estimate)) = (properties.as_object_mut(), &finding.estimate) {
        properties.insert("duration".to_owned(), facts::duration(estimate).into());
    }
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        // 0 to 100, worst first.
        "rank": rank(finding),
        "message": { "text": lines(finding) },
        "locations": [{ "physicalLocation": location(told, finding) }],
        "partialFingerprints": { FINGERPRINT: finding.fingerprint },
        "suppressions": finding.suppressed.iter().map(suppression).collect::<Vec<_>>(),
        "properties": properties,
    })
}

fn location(told: &Told<'_>, finding: &Finding) -> Value {
    let path = from_top(told.below, &finding.path);
    let artifact = if path.starts_with('/') || path.starts_with("../") {
        json!({ "uri": uri(&path) })
    } else {
        json!({ "uri": uri(&path), "uriBaseId": "%SRCROOT%" })
    };
    let region = match &finding.span {
        Some(span) => json!({
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        }),
        // Code scanning shows nothing that has no line.
        None => json!({ "startLine": 1 }),
    };
    json!({ "artifactLocation": artifact, "region": region })
}

fn suppression(suppression: &Suppression) -> Value {
    let kind = match suppression {
        Suppression::Comment { .. } => "inSource",
        Suppression::Baseline | Suppression::Settings { .. } => "external",
    };
    json!({ "kind": kind, "status": "accepted", "justification": why_ignored(suppression) })
}

fn level(severity: Severity) -> &'static str {
    match Level::of(severity) {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

fn rank(finding: &Finding) -> f64 {
    let severity = match finding.severity {
        Severity::Blocker => 90.0,
        Severity::Danger => 70.0,
        Severity::Caution => 40.0,
        Severity::Info => 10.0,
    };
    severity
        + match finding.confidence {
            Confidence::High => 5.0,
            Confidence::Medium => 0.0,
            Confidence::Low => -5.0,
        }
}
