//! What lint or check found, in the form that somebody asked for: a file for each form.
//!
//! Nothing is decided here. Which findings count was decided in `underpin_core::lint::weigh`; a form
//! shows those, and says of the others how many there are and why.

pub(crate) mod checked;
pub(crate) mod facts;
pub(crate) mod fix;
mod github;
mod human;
mod json;
mod junit;
pub(crate) mod markdown;
mod repository;
mod sarif;
mod tally;

pub(super) use self::tally::several;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::io::{self, Write};

use clap::ValueEnum;
use underpin_core::exit;
use underpin_core::lint::finding::{Finding, Severity};
use underpin_core::lint::page::RulePage;
use underpin_core::lint::report::Report;
use underpin_core::lint::weigh::Weighed;

use self::checked::Checked;
use self::tally::Tally;

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a terminal: each finding with its place in the file
    Human,
    /// One object; its schema is docs/schema/lint.schema.json
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// A comment for a pull request, with the locks of each statement
    Markdown,
    /// JUnit's XML: a suite for each file
    Junit,
}

/// A report with what its reader needs besides.
pub(crate) struct Told<'a> {
    pub(crate) report: &'a Report,
    pub(crate) weighed: &'a Weighed,
    /// The rules' pages; a rule without one is told by its name.
    pub(crate) pages: &'a [RulePage],
    /// The text of a file of the report.
    pub(crate) text_of: &'a dyn Fn(&str) -> Option<&'a str>,
    pub(crate) fail_on: Severity,
    /// From the top of the repository to the folder that the report's paths are from, with a `/` at its
    /// end, or empty: GitHub looks for files from the top.
    pub(crate) below: &'a str,
    /// How wide a terminal is, in columns.
    pub(crate) width: usize,
    /// Whether colours may be used.
    pub(crate) styled: bool,
    /// What `check` tells besides; `None` when it is lint that reports.
    pub(crate) checked: Option<&'a Checked>,
}

/// Writes the report, with a line feed at its end unless it is empty.
pub(crate) fn write_to(format: Format, told: &Told<'_>, to: &mut dyn Write) -> io::Result<()> {
    let text = match format {
        // As large as all that was read and more: it never stands in memory.
        Format::Json => return json::write(told, to),
        Format::Human => human::render(told),
        Format::Sarif => sarif::render(told),
        Format::Github => github::render(told),
        Format::Markdown => markdown::render(told),
        Format::Junit => junit::render(told),
    };
    to.write_all(text.as_bytes())
}

impl Told<'_> {
    /// 10 when something fails, 0 otherwise; of a check, 2 when nothing fails and it is not complete.
    pub(crate) fn exit_code(&self) -> u8 {
        if let Some(checked) = self.checked {
            return checked.exit_code();
        }
        if self.report.counted().any(|finding| self.fails(finding)) { exit::FINDINGS } else { exit::CLEAN }
    }

    fn fails(&self, finding: &Finding) -> bool {
        finding.suppressed.is_none() && finding.severity >= self.fail_on
    }

    /// The last line: what was found, and how much of it fails.
    pub(crate) fn verdict(&self) -> String {
        if let Some(checked) = self.checked {
            return checked.verdict();
        }
        let sentence = Tally::of(self.report).sentence();
        match self.report.counted().filter(|finding| self.fails(finding)).count() {
            0 => sentence,
            1 => format!("{sentence}; 1 finding fails (fail on {})", self.fail_on),
            fail => format!("{sentence}; {fail} findings fail (fail on {})", self.fail_on),
        }
    }

    /// What somebody who sees this for the first time can do about it; `None` when nothing fails.
    pub(crate) fn next_step(&self) -> Option<String> {
        let failing = || self.report.counted().filter(|finding| self.fails(finding));
        let rule = &failing().max_by_key(|finding| finding.severity)?.rule;
        let page = format!("`underpin explain {rule}` tells why");
        if self.checked.is_some() {
            return Some(page);
        }
        let has_form = |finding: &Finding| finding.fix.as_ref().is_some_and(|fix| !fix.statements.is_empty());
        Some(match failing().any(has_form) {
            true => format!(
                "{page}; `underpin lint --fix --dry-run` shows the safe form of what is applied nowhere yet"
            ),
            false => page,
        })
    }

    /// The command that reports.
    fn command(&self) -> &'static str {
        if self.checked.is_some() { "check" } else { "lint" }
    }

    fn page(&self, rule: &str) -> Option<&RulePage> {
        self.pages.iter().find(|page| page.name == rule)
    }
}
