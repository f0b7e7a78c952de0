//! Quick fixes: edits that the editor proposes and a person takes.
//!
//! There are two. A comment that ignores a finding, with an ellipsis where the reason belongs: a comment without
//! a reason ignores nothing, so nobody silences a rule by pressing a key. And the online form: in place of the
//! statement, where it stands in one file, and otherwise in migrations of its own, which `lint --fix` would write.

use std::ops::Range;

use underpin_core::lint::finding::{Finding, Fix};
use underpin_core::lint::page::IGNORING;
use underpin_core::lint::report::{FileReport, StatementReport};

use super::diagnostics;
use super::position::Places;
use super::protocol::{self, TextEdit};

/// Where the reason belongs. No letter in it, so that it is not taken for one.
const REASON: &str = "…";

/// A proposed edit.
#[derive(Debug)]
pub(super) struct Action<'a> {
    pub(super) title: String,
    pub(super) change: Change,
    /// What it is for.
    pub(super) finding: &'a Finding,
    /// Whether the finding is ignored then, and the statement stays.
    silences: bool,
    /// Whether an editor may take it when it is told to fix what it can.
    pub(super) preferred: bool,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// An edit of the document.
    Edit(TextEdit),
    /// The migration gets its safe form for the findings of this statement, counted from 1.
    SafeForm { statement: usize },
}

/// What can be done about the findings of a range.
pub(super) fn actions<'a>(text: &str, file: &'a FileReport, range: protocol::Range) -> Vec<Action<'a>> {
    let places = Places::of(text);
    let mut actions: Vec<Action<'a>> = Vec::new();
    let counted = file.findings.iter().filter(|finding| finding.suppressed.is_none());
    for finding in counted.filter(|finding| diagnostics::range(&places, finding).touches(&range)) {
        let statement = finding.statement.and_then(|nth| file.statements.get(nth.checked_sub(1)?));
        let edits = [
            statement.and_then(|statement| online_form(text, &places, statement, finding)),
            ignore(text, &places, file, statement, finding),
        ];
        for action in edits.into_iter().flatten() {
            // Two findings of one statement often have the same way out.
            if !actions.iter().any(|known| known.change == action.change) {
                actions.push(action);
            }
        }
    }
    // What changes the statement comes before what silences a rule.
    actions.sort_by_key(|action| action.silences);
    actions
}

fn online_form<'a>(
    text: &str,
    places: &Places<'_>,
    statement: &StatementReport,
    finding: &'a Finding,
) -> Option<Action<'a>> {
    let fix = finding.fix.as_ref().filter(|fix| !fix.statements.is_empty())?;
    if !stands_in_one_file(fix) {
        return Some(Action {
            title: "replace by the online form, in migrations of its own".to_owned(),
            change: Change::SafeForm { statement: finding.statement? },
            finding,
            silences: false,
            preferred: false,
        });
    }
    let bytes = &statement.span.bytes;
    let between =
        format!(";{}{}", places.line_end(), indentation(text, places, bytes.start).unwrap_or_default());
    let form: Vec<&str> = fix.statements.iter().map(|one| one.sql.trim().trim_end_matches(';')).collect();
    Some(Action {
        title: "replace by the online form".to_owned(),
        change: Change::Edit(TextEdit { range: places.range(bytes), new_text: form.join(&between) }),
        finding,
        silences: false,
        preferred: true,
    })
}

/// Nothing of it has to be alone, in a later file or in parts.
fn stands_in_one_file(fix: &Fix) -> bool {
    let fits = |one: &underpin_core::lint::finding::FixStatement| !(one.alone || one.later || one.in_batches);
    fix.statements.iter().all(fits)
}

fn ignore<'a>(
    text: &str,
    places: &Places<'_>,
    file: &FileReport,
    statement: Option<&StatementReport>,
    finding: &'a Finding,
) -> Option<Action<'a>> {
    let rule = finding.rule.as_str();
    // No comment ignores what is about comments, and a file that cannot be read has no statement to ignore.
    if IGNORING.iter().any(|page| page.name == rule) || file.statements.is_empty() {
        return None;
    }
    let holds =
        |statement: &&StatementReport, bytes: &Range<usize>| statement.span.bytes.contains(&bytes.start);
    let statement = statement.or_else(|| {
        let span = finding.span.as_ref()?;
        file.statements.iter().find(|statement| holds(statement, &span.bytes))
    });
    let (verb, at) = match statement {
        Some(statement) => ("ignore", statement.span.bytes.start),
        None => ("ignore-file", 0),
    };
    let words = format!("underpin: {verb} {rule} because {REASON}");
    let (at, comment) = match indentation(text, places, at) {
        Some(indentation) => {
            (at - indentation.len(), format!("{indentation}-- {words}{}", places.line_end()))
        }
        // Another statement begins the line.
        None => (at, format!("/* {words} */ ")),
    };
    Some(Action {
        title: format!("ignore `{rule}` because {REASON}"),
        change: Change::Edit(TextEdit { range: places.range(&(at..at)), new_text: comment }),
        finding,
        silences: true,
        preferred: false,
    })
}

/// The space between the beginning of the line and a byte, when there is nothing else.
fn indentation<'a>(text: &'a str, places: &Places<'_>, byte: usize) -> Option<&'a str> {
    let before = &text[places.line_around(byte).start..byte];
    before.trim().is_empty().then_some(before)
}
