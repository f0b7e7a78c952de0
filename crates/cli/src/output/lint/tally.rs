//! A report in numbers, and the sentence that they make.

use serde::Serialize;
use underpin_core::lint::finding::{Severity, Suppression};
use underpin_core::lint::report::Report;

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) files: usize,
    pub(super) statements: usize,
    /// Files with findings that count.
    pub(super) files_with_findings: usize,
    pub(super) findings: Counted,
    pub(super) ignored: Ignored,
}

/// Findings that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counted {
    pub(super) blocker: usize,
    pub(super) danger: usize,
    pub(super) caution: usize,
    pub(super) info: usize,
}

/// Findings that do not, by who decided so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Ignored {
    pub(super) comment: usize,
    pub(super) settings: usize,
    pub(super) baseline: usize,
}

impl Tally {
    pub(super) fn of(report: &Report) -> Self {
        let mut tally = Self { files: report.files.len(), ..Self::default() };
        for file in &report.files {
            tally.statements += file.statements.len();
            let mut any = false;
            for finding in &file.findings {
                let place = match (&finding.suppressed, finding.severity) {
                    (Some(Suppression::Comment { .. }), _) => &mut tally.ignored.comment,
                    (Some(Suppression::Settings { .. }), _) => &mut tally.ignored.settings,
                    (Some(Suppression::Baseline), _) => &mut tally.ignored.baseline,
                    (None, Severity::Blocker) => &mut tally.findings.blocker,
                    (None, Severity::Danger) => &mut tally.findings.danger,
                    (None, Severity::Caution) => &mut tally.findings.caution,
                    (None, Severity::Info) => &mut tally.findings.info,
                };
                *place += 1;
                any |= finding.suppressed.is_none();
            }
            tally.files_with_findings += usize::from(any);
        }
        tally
    }

    /// Worst first: `1 blocker, 2 dangers in 2 of 5 files; 3 ignored (1 by a comment, 2 in the baseline)`.
    pub(super) fn sentence(&self) -> String {
        let of = counts(&[
            (self.findings.blocker, "blocker", "blockers"),
            (self.findings.danger, "danger", "dangers"),
            (self.findings.caution, "caution", "cautions"),
            (self.findings.info, "info", "info"),
        ]);
        let found = if of.is_empty() {
            format!(
                "no findings in {} ({})",
                several(self.files, "file"),
                several(self.statements, "statement")
            )
        } else {
            format!("{of} in {} of {}", self.files_with_findings, several(self.files, "file"))
        };
        let why = counts(&[
            (self.ignored.comment, "by a comment", "by comments"),
            (self.ignored.settings, "by the settings", "by the settings"),
            (self.ignored.baseline, "in the baseline", "in the baseline"),
        ]);
        let ignored = self.ignored.comment + self.ignored.settings + self.ignored.baseline;
        if ignored == 0 { found } else { format!("{found}; {ignored} ignored ({why})") }
    }
}

/// `1 file`, `2 files`.
pub(crate) fn several(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// Those that there are, with commas: singular and plural.
fn counts(of: &[(usize, &str, &str)]) -> String {
    let some = of.iter().filter(|(count, ..)| *count > 0);
    let words = some.map(|(count, one, more)| format!("{count} {}", if *count == 1 { one } else { more }));
    words.collect::<Vec<_>>().join(", ")
}
