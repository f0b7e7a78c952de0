//! Steps from one database to another with what they mean, by table.
//!
//! Below a heading stand what comes (`+`), goes (`-`) and changes (`~`), and under it who waits and what lint
//! has found. Where nothing stands, nobody notices.

use underpin_core::consequences::{Consequence, Consequences};
use underpin_core::lint::finding::{Finding, Severity};

use super::lint::facts::{clean, who_waits, wrapped};

/// Narrower columns of words cannot be read.
const WORDS_MIN: usize = 30;

/// All of it, with an empty line behind each heading's part.
pub(crate) fn page(groups: &[Consequences], columns: usize) -> String {
    let mut page = String::new();
    for group in groups {
        let subject = group.subject.as_deref().unwrap_or("outside of tables");
        page.push_str(&format!("{}\n", clean(subject)));
        for step in &group.steps {
            told(&mut page, step, columns);
        }
        page.push('\n');
    }
    page
}

fn told(page: &mut String, step: &Consequence, columns: usize) {
    for change in &step.changes {
        page.push_str(&format!("  {}\n", hanging(&clean(&change.to_string()), 4, columns)));
    }
    let mut waits: Vec<String> = Vec::new();
    for statement in &step.statements {
        let report = &statement.report;
        if let Some(wait) = who_waits(&report.locks, report.estimate.as_ref())
            && !waits.contains(&wait)
        {
            waits.push(wait);
        }
    }
    for wait in waits {
        page.push_str(&format!("      {}\n", hanging(&wait, 8, columns)));
    }
    for finding in step.counted() {
        page.push_str(&format!("      {}\n", hanging(&sentence(finding), 8, columns)));
        if let Some(fix) = finding.fix.as_ref().filter(|_| finding.severity >= Severity::Danger) {
            page.push_str(&format!(
                "        {}\n",
                hanging(&format!("fix: {}", clean(&fix.advice)), 10, columns)
            ));
        }
    }
}

fn sentence(finding: &Finding) -> String {
    format!("{} [{}]: {}", finding.severity, clean(&finding.rule), clean(&finding.message))
}

/// Words whose further lines are indented.
pub(super) fn hanging(words: &str, indent: usize, columns: usize) -> String {
    let lines = wrapped(words, columns.saturating_sub(indent).max(WORDS_MIN));
    lines.replace('\n', &format!("\n{}", " ".repeat(indent)))
}

/// How many steps, and how bad they are.
pub(crate) fn summary(groups: &[Consequences]) -> String {
    let steps: Vec<&Consequence> = groups.iter().flat_map(|group| &group.steps).collect();
    let several = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        more => format!("{more} {word}s"),
    };
    let findings: Vec<&Finding> = steps.iter().flat_map(|step| step.counted()).collect();
    let mut words = vec![several(steps.len(), "step")];
    for severity in Severity::ALL.into_iter().rev() {
        match findings.iter().filter(|finding| finding.severity == severity).count() {
            0 => {}
            some if severity == Severity::Info => words.push(format!("{some} info")),
            some => words.push(several(some, severity.as_str())),
        }
    }
    words.join(", ")
}
