//! From findings to what an editor underlines.

use underpin_core::lint::finding::{Finding, Severity};
use underpin_core::lint::report::FileReport;

use super::position::Places;
use super::protocol::{Client, Diagnostic, Location, Range, Related};
use super::settings::Wrong;
use crate::output::lint::facts::{clean, duration, locked};

/// What underlines are called.
const SOURCE: &str = "underpin";

/// The rule whose findings are things that can go.
const UNUSED: &str = "unused-ignore";

/// 1 of the protocol's tags.
const UNNECESSARY: u8 = 1;

/// The findings that count.
pub(super) fn diagnostics(uri: &str, text: &str, file: &FileReport, client: Client) -> Vec<Diagnostic> {
    let places = Places::of(text);
    let counted = file.findings.iter().filter(|finding| finding.suppressed.is_none());
    counted.map(|finding| diagnostic(uri, &places, file, finding, client)).collect()
}

/// A finding.
pub(super) fn diagnostic(
    uri: &str,
    places: &Places<'_>,
    file: &FileReport,
    finding: &Finding,
    client: Client,
) -> Diagnostic {
    let mut message = clean(&finding.message);
    if let Some(estimate) = &finding.estimate {
        message.push_str(&format!("\ntime: {}", duration(estimate)));
    }
    if let Some(fix) = &finding.fix {
        message.push_str(&format!("\nfix: {}", clean(&fix.advice)));
    }
    let related = |message| Related {
        location: Location { uri: uri.to_owned(), range: statement_range(places, file, finding) },
        message,
    };
    let locks = finding.locks.iter().filter(|_| client.related_information);
    Diagnostic {
        range: range(places, finding),
        severity: match finding.severity {
            Severity::Blocker | Severity::Danger => 1,
            Severity::Caution => 2,
            Severity::Info => 3,
        },
        code: Some(finding.rule.clone()),
        source: SOURCE,
        message,
        tags: if finding.rule == UNUSED { vec![UNNECESSARY] } else { Vec::new() },
        related_information: locks.map(|lock| related(clean(&locked(lock)))).collect(),
    }
}

/// What is wrong with the settings.
pub(super) fn of_settings(text: &str, wrong: &[Wrong]) -> Vec<Diagnostic> {
    let places = Places::of(text);
    wrong.iter().map(|wrong| of_setting(&places, wrong)).collect()
}

/// Something that is wrong with the settings.
pub(super) fn of_setting(places: &Places<'_>, wrong: &Wrong) -> Diagnostic {
    Diagnostic {
        range: places.range(&wrong.bytes),
        severity: 1,
        code: None,
        source: SOURCE,
        message: wrong.message.clone(),
        tags: Vec::new(),
        related_information: Vec::new(),
    }
}

/// What a document is told that is not judged.
pub(super) fn too_large(text: &str, bytes_max: usize) -> Diagnostic {
    let size = |bytes: usize| underpin_core::quantity::bytes(bytes as u64);
    Diagnostic {
        // A place in the first line needs no more of the text.
        range: Places::of(&text[..text.floor_char_boundary(1_024)]).first_line(),
        severity: 3,
        code: None,
        source: SOURCE,
        message: format!(
            "{} are too much to be judged while somebody types ({} at the most); `underpin lint` does it",
            size(text.len()),
            size(bytes_max)
        ),
        tags: Vec::new(),
        related_information: Vec::new(),
    }
}

/// Where a finding is shown. One about the whole file is shown at its first line.
pub(super) fn range(places: &Places<'_>, finding: &Finding) -> Range {
    finding.span.as_ref().map_or_else(|| places.first_line(), |span| places.range(&span.bytes))
}

/// The statement that takes the locks.
fn statement_range(places: &Places<'_>, file: &FileReport, finding: &Finding) -> Range {
    let statement = finding.statement.and_then(|nth| file.statements.get(nth.checked_sub(1)?));
    statement.map_or_else(|| range(places, finding), |statement| places.range(&statement.span.bytes))
}
