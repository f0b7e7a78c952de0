//! `--format junit`: a suite for each file, a case for each finding.
//!
//! A finding that fails the run is a failure, a lesser one passes with its words beside it, an ignored
//! one is skipped with the reason. A file without findings is one case that passes, because a suite
//! without any looks as if nothing had run. The parts of a check are a suite in front; one that could not look is
//! an error.

use std::fmt::Write;

use underpin_core::check::{Outcome as Checked, PartReport};
use underpin_core::lint::finding::Finding;
use underpin_core::lint::report::FileReport;

use super::Told;
use super::checked::sentence;
use super::facts::{lines, one_line, why_ignored};

pub(super) fn render(told: &Told<'_>) -> String {
    let mut suites = String::new();
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    let mut errors = 0;
    if let Some(checked) = told.checked {
        let cases: String = checked.parts.iter().map(part).collect();
        tests += checked.parts.len();
        errors = checked.not_checked().count();
        let _ = write!(
            suites,
            "  <testsuite name=\"check\" tests=\"{tests}\" failures=\"0\" errors=\"{errors}\" skipped=\"0\">\n{cases}  </testsuite>\n"
        );
    }
    for file in &told.report.files {
        let cases = cases(told, file);
        let of = |outcome: Outcome| cases.iter().filter(|case| case.0 == outcome).count();
        let (failed, ignored) = (of(Outcome::Failed), of(Outcome::Ignored));
        tests += cases.len();
        failures += failed;
        skipped += ignored;
        let text: String = cases.iter().map(|case| case.1.as_str()).collect();
        let _ = write!(
            suites,
            "  <testsuite name={} tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{ignored}\">\n{text}  </testsuite>\n",
            attribute(&file.path),
            cases.len()
        );
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"underpin {}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">\n{suites}</testsuites>\n",
        told.command()
    )
}

/// A part. What it found fails in the suites of its files.
fn part(part: &PartReport) -> String {
    let words = escaped(&sentence(part));
    let inside = match part.outcome {
        Checked::NotChecked => {
            format!("<error message={}>{}</error>", attribute(&part.about), escaped(&part.hints.join("\n")))
        }
        Checked::Passed | Checked::Failed | Checked::NothingToCheck | Checked::LeftOut => {
            format!("<system-out>{words}</system-out>")
        }
    };
    format!("    <testcase classname=\"check\" name=\"{}\">\n      {inside}\n    </testcase>\n", part.part)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Ignored,
}

fn cases(told: &Told<'_>, file: &FileReport) -> Vec<(Outcome, String)> {
    if file.findings.is_empty() {
        let case = format!("    <testcase classname={} name=\"no findings\"/>\n", attribute(&file.path));
        return vec![(Outcome::Passed, case)];
    }
    file.findings.iter().map(|finding| case(told, finding)).collect()
}

fn case(told: &Told<'_>, finding: &Finding) -> (Outcome, String) {
    let line = finding.span.as_ref().map(|span| span.line);
    let place = line.map_or_else(|| "whole file".to_owned(), |line| format!("line {line}"));
    let (outcome, inside) = if let Some(suppression) = &finding.suppressed {
        (Outcome::Ignored, format!("<skipped message={}/>", attribute(&why_ignored(suppression))))
    } else if told.fails(finding) {
        let failure = format!(
            "<failure type={} message={}>{}</failure>",
            attribute(finding.severity.as_str()),
            attribute(&one_line(&finding.message)),
            escaped(&lines(finding))
        );
        (Outcome::Failed, failure)
    } else {
        let words = format!("{}: {}", finding.severity, lines(finding));
        (Outcome::Passed, format!("<system-out>{}</system-out>", escaped(&words)))
    };
    let at = line.map(|line| format!(" line=\"{line}\"")).unwrap_or_default();
    let text = format!(
        "    <testcase classname={path} name={} file={path}{at}>\n      {inside}\n    </testcase>\n",
        attribute(&format!("{} ({place})", finding.rule)),
        path = attribute(&finding.path)
    );
    (outcome, text)
}

/// With its quotes.
fn attribute(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;"))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\t' => escaped.push(sign),
            // XML 1.0 has no way to write these.
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
