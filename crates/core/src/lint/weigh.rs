//! Which findings count: severities and what is ignored, decided once, behind the rules.
//!
//! The order matters. Comments speak first, because what is wrong with them is a finding too; then the
//! settings give severities; then findings get their names, which the baseline knows them by.

use jiff::civil::Date;

use super::baseline::{Baseline, Scope};
use super::finding::Suppression;
use super::fingerprint;
use super::report::{FileReport, Report};
use super::suppress::{Known, suppress};
use crate::settings::{Ignore, LintSettings};

/// What a report is weighed with.
pub struct Weights<'a> {
    /// `[lint]` of the settings.
    pub settings: &'a LintSettings,
    /// The rules that there are.
    pub known: Known<'a>,
    /// What was there when somebody began to look.
    pub baseline: &'a Baseline,
    /// Whether the report is about all files that there are.
    pub scope: Scope,
    /// The day, for what is ignored until one.
    pub today: Date,
    /// From a report's path to the one from the folder of the settings: what patterns and the baseline
    /// speak of must not depend on the folder in which the command runs.
    pub rooted: &'a (dyn Fn(&str) -> String + Sync),
}

/// What weighing tells besides the findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    /// Entries of the baseline that match nothing any more.
    pub baseline_stale: usize,
    /// Entries of `lint.ignore` whose last day is over, each as a sentence.
    pub expired: Vec<String>,
}

/// Weighs a report in place: `text_of` answers the text of a file of it.
pub fn weigh<'t>(
    report: &mut Report,
    weights: &Weights<'_>,
    text_of: &dyn Fn(&str) -> Option<&'t str>,
) -> Weighed {
    for file in &mut report.files {
        let text = text_of(&file.path).unwrap_or_default();
        weigh_file(file, weights, text);
    }
    weigh_together(report, weights)
}

/// The part of [`weigh`] that is about one file with its text. Files may be weighed in any order.
pub fn weigh_file(file: &mut FileReport, weights: &Weights<'_>, text: &str) {
    let settings = weights.settings;
    let path = (weights.rooted)(&file.path);
    suppress(file, text, weights.known, weights.today);
    let in_force = |entry: &&Ignore| !entry.expired(weights.today);
    for finding in &mut file.findings {
        if let Some(severity) = settings.severity.get(&finding.rule) {
            finding.severity = *severity;
        }
        let covers = |entry: &&Ignore| entry.covers(&finding.rule, &path);
        if finding.suppressed.is_none()
            && let Some(entry) = settings.ignore.iter().filter(in_force).find(covers)
        {
            finding.suppressed = Some(Suppression::Settings { reason: entry.because.clone() });
        }
    }
    // What is about the whole file stands first.
    file.findings.sort_by_key(|finding| finding.span.as_ref().map(|span| (span.bytes.start, span.bytes.end)));
    fingerprint::name(file, &path, text);
}

/// The rest of [`weigh`], when each file has been weighed.
pub fn weigh_together(report: &mut Report, weights: &Weights<'_>) -> Weighed {
    let settings = weights.settings;
    Weighed {
        baseline_stale: weights.baseline.apply(report, weights.scope, weights.rooted),
        expired: settings.ignore.iter().filter(|entry| entry.expired(weights.today)).map(expired).collect(),
    }
}

fn expired(entry: &Ignore) -> String {
    let subject = match (entry.rules.as_slice(), entry.paths.as_slice()) {
        ([], paths) => paths.join(", "),
        (rules, []) => rules.join(", "),
        (rules, paths) => format!("{} in {}", rules.join(", "), paths.join(", ")),
    };
    let until = entry.until.map(|until| until.to_string()).unwrap_or_default();
    format!("lint.ignore held for {subject} until {until}, because {}; it counts again", entry.because)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
