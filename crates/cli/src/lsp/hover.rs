//! What an editor shows beside a statement: its locks, whom they keep waiting and for how long, its transaction,
//! and what is found there.

use std::collections::BTreeSet;

use underpin_core::lint::finding::{Finding, LockFact};
use underpin_core::lint::pages;
use underpin_core::lint::report::{FileReport, StatementReport};
use underpin_prisma::PrismaVersion;

use super::diagnostics;
use super::position::Places;
use super::protocol::{Position, Range};
use crate::output::lint::facts::{duration, safe_form, why_ignored};
use crate::output::lint::markdown::{code, escaped, fence};

/// Text in Markdown, and the range that it is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hover {
    pub(super) markdown: String,
    pub(super) range: Range,
}

/// What there is to say about a place; none between statements, unless something is found there.
pub(super) fn hover(
    text: &str,
    file: &FileReport,
    prisma: Option<PrismaVersion>,
    place: Position,
) -> Option<Hover> {
    let places = Places::of(text);
    let byte = places.byte(place);
    let here = |statement: &StatementReport| {
        statement.span.bytes.contains(&byte) || statement.span.bytes.end == byte
    };
    let statement = file.statements.iter().position(here);
    let at_place = Range { start: place, end: place };
    let found: Vec<&Finding> = file
        .findings
        .iter()
        .filter(|finding| diagnostics::range(&places, finding).touches(&at_place))
        .collect();
    let mut parts: Vec<String> = statement.map(|index| about(file, index, prisma)).into_iter().collect();
    parts.extend(found.iter().map(|finding| told(finding)));
    let range = match (statement, found.first()) {
        (Some(index), _) => places.range(&file.statements[index].span.bytes),
        (None, Some(finding)) => diagnostics::range(&places, finding),
        (None, None) => return None,
    };
    Some(Hover { markdown: parts.join("\n\n---\n\n"), range })
}

/// A statement.
fn about(file: &FileReport, index: usize, prisma: Option<PrismaVersion>) -> String {
    let statement = &file.statements[index];
    let mut lines = vec![code(&statement.title)];
    match (statement.locks.is_empty(), statement.work.as_str()) {
        (false, _) => {
            lines.push(statement.locks.iter().map(locked).collect::<Vec<_>>().join("\n"));
        }
        (true, "unknown") => lines.push("What it locks is not known.".to_owned()),
        (true, _) => lines.push("It locks nothing that was there before.".to_owned()),
    }
    lines.push(match &statement.estimate {
        Some(estimate) => {
            format!("Time: {}, {}; {}.", duration(estimate), work(statement), escaped(&estimate.source))
        }
        None => format!("Time: {}.", work(statement)),
    });
    let of_it = file.findings.iter().filter(|finding| finding.statement == Some(index + 1));
    let assumed: BTreeSet<&str> =
        of_it.flat_map(|finding| &finding.assumptions).map(String::as_str).collect();
    if !assumed.is_empty() {
        let assumed = assumed.into_iter().map(escaped).collect::<Vec<_>>().join("; ");
        lines.push(format!("Assumed: {assumed}."));
    }
    lines.push(transaction(file, index, prisma));
    lines.join("\n\n")
}

fn locked(lock: &LockFact) -> String {
    format!("- `{}` on {}: keeps {} waiting", lock.mode, code(&lock.relation), lock.blocks)
}

fn work(statement: &StatementReport) -> &'static str {
    match statement.work.as_str() {
        "instant" => "an instant once it has its locks",
        "scan" => "while it reads the whole table",
        "build" => "while it builds an index",
        "rewrite" => "while it writes the table anew",
        "waits" => "until older transactions have ended",
        _ => "nobody knows how long",
    }
}

fn transaction(file: &FileReport, index: usize, prisma: Option<PrismaVersion>) -> String {
    let mine = file.statements[index].transaction;
    let of_all = file.statements.iter().map(|statement| statement.transaction).max().unwrap_or(mine);
    let companions = file.statements.iter().filter(|statement| statement.transaction == mine).count() - 1;
    let with = match companions {
        0 => "alone".to_owned(),
        1 => "with 1 other statement, whose locks are held to its end".to_owned(),
        more => format!("with {more} other statements, whose locks are held to its end"),
    };
    let sender = match prisma {
        Some(version) => format!("as Prisma {version} sends the file"),
        None => "as Prisma before 7.4 sends the file, because no installed version was found".to_owned(),
    };
    format!("Transaction {mine} of {of_all}, {with}, {sender}.")
}

/// A finding, with its rule in one sentence.
fn told(finding: &Finding) -> String {
    let mut text = format!("**{}** {}: {}", finding.severity, code(&finding.rule), escaped(&finding.message));
    if let Some(suppression) = &finding.suppressed {
        text.push_str(&format!("\n\nIt does not count: {}.", escaped(&why_ignored(suppression))));
    }
    if let Some(check) = &finding.check {
        text.push_str(&format!("\n\nIt finds rows that would be refused:\n\n{}", fence(check)));
    }
    if let Some(fix) = &finding.fix {
        text.push_str(&format!("\n\nInstead: {}.", escaped(&fix.advice)));
        let form = safe_form(fix);
        if !form.is_empty() {
            text.push_str(&format!("\n\n{}", fence(form.trim_end())));
        }
    }
    if let Some(page) = pages().find(|page| page.name == finding.rule) {
        text.push_str(&format!("\n\n{} (`underpin explain {}`)", page.summary(), page.name));
    }
    text
}
