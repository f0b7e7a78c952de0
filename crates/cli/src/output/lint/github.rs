//! `--format github`: workflow commands that GitHub Actions turns into annotations.
//!
//! GitHub shows ten of each level for a step, so the worst come first. It takes columns only when a
//! finding ends on its line.

use std::cmp::Reverse;

use underpin_core::lint::finding::Finding;

use super::Told;
use super::checked::{Checked, sentence};
use super::facts::{Level, clean, lines};
use super::repository::from_top;

pub(super) fn render(told: &Told<'_>) -> String {
    let mut findings: Vec<&Finding> = told.report.counted().collect();
    // A stable sort: files and places keep their order within a severity.
    findings.sort_by_key(|finding| Reverse(finding.severity));
    let mut text = String::new();
    for finding in findings {
        text.push_str(&annotation(told, finding));
        text.push('\n');
    }
    for part in told.checked.into_iter().flat_map(Checked::not_checked) {
        let words: Vec<String> = std::iter::once(sentence(part)).chain(part.hints.iter().cloned()).collect();
        let title = property(&format!("underpin check: {}", part.part));
        text.push_str(&format!("::warning title={title}::{}\n", data(&clean(&words.join("\n")))));
    }
    text.push_str(&told.verdict());
    text.push('\n');
    text
}

fn annotation(told: &Told<'_>, finding: &Finding) -> String {
    let command = match Level::of(finding.severity) {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let mut properties = vec![("file", from_top(told.below, &finding.path))];
    if let Some(span) = &finding.span {
        properties.push(("line", span.line.to_string()));
        properties.push(("endLine", span.end_line.to_string()));
        if span.line == span.end_line {
            properties.push(("col", span.column.to_string()));
            // The last column, where ours is the one behind it.
            properties.push(("endColumn", span.end_column.saturating_sub(1).max(span.column).to_string()));
        }
    }
    properties.push(("title", format!("{}: {}", finding.severity, finding.rule)));
    let properties: Vec<String> =
        properties.into_iter().map(|(name, value)| format!("{name}={}", property(&value))).collect();
    format!("::{command} {}::{}", properties.join(","), data(&lines(finding)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
