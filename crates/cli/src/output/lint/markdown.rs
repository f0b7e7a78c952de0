//! `--format markdown`: a comment for a pull request. A sentence, for each file a table with the locks
//! of its statements, and the findings folded.
//!
//! GitHub refuses a comment of more than 65,536 characters. What does not fit is left out and told: first
//! the tables of files without findings, then findings.

use std::collections::BTreeSet;
use std::fmt::Write;

use underpin_core::lint::finding::{Blocks, Finding};
use underpin_core::lint::report::{FileReport, StatementReport};

use super::Told;
use super::checked::{mark, sentence};
use super::facts::{clean, duration, facts, one_line, safe_form};
use super::tally::several;

/// GitHub counts characters; bytes are never fewer.
const BYTES_MAX: usize = 65_536;

/// For the words about what was left out.
const BYTES_KEPT: usize = 300;

/// A statement in a folded finding is cut here.
const STATEMENT_BYTES_MAX: usize = 2_000;

pub(super) fn render(told: &Told<'_>) -> String {
    let mut text = head(told);
    let mut room = Room { left: BYTES_MAX - BYTES_KEPT - text.len(), tables_out: 0, findings_out: 0 };
    let files: Vec<&FileReport> =
        told.report.files.iter().filter(|file| has_findings(file) || blocks(file)).collect();
    // Three rounds over the files, and the text in their order: what was found goes before what is only known.
    let mut tables: Vec<String> = vec![String::new(); files.len()];
    let mut details = tables.clone();
    for (file, place) in files.iter().zip(&mut tables).filter(|(file, _)| has_findings(file)) {
        room.take(place, table(file), Part::Table);
    }
    for (file, place) in files.iter().zip(&mut details) {
        let source = (told.text_of)(&file.path).unwrap_or_default();
        for finding in file.findings.iter().filter(|finding| finding.suppressed.is_none()) {
            room.take(place, folded(finding, source), Part::Finding);
        }
    }
    for (file, place) in files.iter().zip(&mut tables).filter(|(file, _)| !has_findings(file)) {
        room.take(place, table(file), Part::Table);
    }
    for (table, details) in tables.iter().zip(&details) {
        text.push_str(table);
        text.push_str(details);
    }
    if room.tables_out + room.findings_out > 0 {
        let _ = write!(
            text,
            "\nLeft out, because a comment has an end: {}, {}. `underpin {}` prints them.\n",
            several(room.tables_out, "table"),
            several(room.findings_out, "finding"),
            told.command()
        );
    }
    text
}

/// The comment's first lines. By the very first a pipeline finds its earlier comment, to edit it rather than to
/// write another one.
fn head(told: &Told<'_>) -> String {
    let command = told.command();
    let Some(checked) = told.checked else {
        let verdict = if told.exit_code() == 0 { "passes" } else { "fails" };
        let sentence = escaped(&told.verdict());
        return format!("<!-- underpin {command} -->\n### underpin {command} {verdict}\n\n{sentence}\n");
    };
    let mut text = format!("<!-- underpin {command} -->\n### underpin {}\n\n", escaped(&told.verdict()));
    text.push_str("| | part | |\n|---|---|---|\n");
    for part in &checked.parts {
        let words: Vec<String> = std::iter::once(sentence(part)).chain(part.hints.iter().cloned()).collect();
        let words = escaped(&one_line(&words.join("; ")));
        let _ = writeln!(text, "| {} | {} | {words} |", mark(part.outcome), part.part);
    }
    text
}

/// What still fits.
struct Room {
    left: usize,
    tables_out: usize,
    findings_out: usize,
}

#[derive(Clone, Copy)]
enum Part {
    Table,
    Finding,
}

impl Room {
    fn take(&mut self, place: &mut String, text: String, part: Part) {
        match self.left.checked_sub(text.len()) {
            Some(left) => {
                self.left = left;
                place.push_str(&text);
            }
            None => match part {
                Part::Table => self.tables_out += 1,
                Part::Finding => self.findings_out += 1,
            },
        }
    }
}

fn has_findings(file: &FileReport) -> bool {
    file.findings.iter().any(|finding| finding.suppressed.is_none())
}

fn blocks(file: &FileReport) -> bool {
    file.statements.iter().any(blocks_the_application)
}

fn blocks_the_application(statement: &StatementReport) -> bool {
    statement.locks.iter().any(|lock| lock.blocks > Blocks::Maintenance)
}

/// The statements that somebody waits for or that have a finding.
fn table(file: &FileReport) -> String {
    let mut text = format!("\n#### {}\n", code(&file.path));
    let counted = file.findings.iter().filter(|finding| finding.suppressed.is_none());
    let with_findings: BTreeSet<usize> = counted.filter_map(|finding| finding.statement).collect();
    let rows: Vec<(usize, &StatementReport)> = file
        .statements
        .iter()
        .enumerate()
        .filter(|(index, statement)| {
            blocks_the_application(statement) || with_findings.contains(&(index + 1))
        })
        .collect();
    if rows.is_empty() {
        return text;
    }
    text.push_str("\n| line | statement | lock | waits | for | transaction |\n|---|---|---|---|---|---|\n");
    for (_, statement) in &rows {
        let locks: Vec<String> =
            statement.locks.iter().map(|lock| format!("{} on {}", lock.mode, code(&lock.relation))).collect();
        let blocks = statement.locks.iter().map(|lock| lock.blocks).max();
        let waits = match blocks {
            None | Some(Blocks::Maintenance) => "nobody".to_owned(),
            Some(blocks) => blocks.to_string(),
        };
        let time = statement.estimate.as_ref().map_or_else(|| statement.work.clone(), duration);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {waits} | {} | {} |",
            statement.span.line,
            cell(&code(&statement.title)),
            cell(&locks.join("<br>")),
            cell(&escaped(&time)),
            statement.transaction
        );
    }
    let others = file.statements.len() - rows.len();
    if others > 0 {
        let _ = writeln!(text, "\n…and {} that nobody waits for.", several(others, "statement"));
    }
    text
}

fn folded(finding: &Finding, source: &str) -> String {
    let line = finding.span.as_ref().map(|span| format!(", line {}", span.line)).unwrap_or_default();
    let mut parts = vec![format!(
        "\n<details><summary><b>{}</b> {}{line}: {}</summary>",
        finding.severity,
        html(&finding.rule),
        html(&one_line(&finding.message))
    )];
    if let Some(statement) = finding.span.as_ref().and_then(|span| source.get(span.bytes.clone())) {
        let cut = statement.floor_char_boundary(STATEMENT_BYTES_MAX);
        let more = if cut < statement.len() { "\n-- and so on" } else { "" };
        parts.push(fence(&format!("{}{more}", clean(&statement[..cut]))));
    }
    let mut facts: Vec<String> = facts(finding)
        .into_iter()
        .map(|(name, fact)| match name {
            "check" => format!("- {name}: {}", code(&fact)),
            _ => format!("- {name}: {}", escaped(&one_line(&fact))),
        })
        .collect();
    facts.extend(finding.fix.iter().map(|fix| format!("- fix: {}", escaped(&one_line(&fix.advice)))));
    if !facts.is_empty() {
        parts.push(facts.join("\n"));
    }
    if let Some(form) = finding.fix.as_ref().map(safe_form).filter(|form| !form.is_empty()) {
        parts.push(fence(form.trim_end()));
    }
    parts.push("</details>\n".to_owned());
    parts.join("\n\n")
}

/// A table's cell: within code, too, a pipe would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Code within a line, whatever it contains.
pub(crate) fn code(text: &str) -> String {
    let text = one_line(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

pub(crate) fn fence(sql: &str) -> String {
    let ticks = "`".repeat((longest_run(sql) + 1).max(3));
    format!("{ticks}sql\n{sql}\n{ticks}")
}

fn longest_run(text: &str) -> usize {
    text.split(|sign| sign != '`').map(str::len).max().unwrap_or_default()
}

/// Words that stay words: no markup, no link, and nobody is called by a name with an @.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in clean(text).chars() {
        match sign {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '|' => {
                escaped.push('\\');
                escaped.push(sign);
            }
            other => push_html(&mut escaped, other),
        }
    }
    escaped
}

/// The same within HTML, where a backslash is a sign like any other.
fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in clean(text).chars() {
        match sign {
            '`' | '*' | '_' | '[' | ']' | '~' | '#' | '\\' => {
                let _ = write!(escaped, "&#{};", u32::from(sign));
            }
            other => push_html(&mut escaped, other),
        }
    }
    escaped
}

fn push_html(text: &mut String, sign: char) {
    match sign {
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        '&' => text.push_str("&amp;"),
        '@' => text.push_str("&#64;"),
        other => text.push(other),
    }
}
