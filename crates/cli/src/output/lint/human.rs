//! `--format human`: each place in a file with what was found there, who waits for how long, and the safe form.
//!
//! Severities are words; colours only repeat them. A statement of many lines is shown by its first one.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, Title};
use underpin_core::lint::finding::{Finding, Severity, Span};
use underpin_core::lint::report::FileReport;

use super::Told;
use super::facts::{clean, facts, one_line, safe_form, who_waits, wrapped};
use super::tally::several;

/// Longer statements are shown by their first line.
const LINES_SHOWN: u32 = 5;

/// A line is shown as a whole when it is no longer than this on either side of the statement.
const LINE_BYTES_SHOWN: usize = 4_000;

/// So much is shown of a statement in a longer line.
const STATEMENT_BYTES_SHOWN: usize = 400;

/// Narrower columns of words cannot be read.
const WORDS_MIN: usize = 30;

pub(super) fn render(told: &Told<'_>) -> String {
    let renderer = if told.styled { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(told.width);
    let mut text = String::new();
    for file in &told.report.files {
        let source = (told.text_of)(&file.path).unwrap_or_default();
        for place in places(file) {
            let groups = groups(&place, source, told.width);
            text.push_str(renderer.render(&groups).trim_end());
            text.push_str("\n\n");
        }
    }
    for remark in &told.weighed.expired {
        text.push_str(&format!("note: {}\n", clean(remark)));
    }
    if told.weighed.baseline_stale > 0 {
        text.push_str(&format!(
            "note: {} of the baseline match nothing any more; --write-baseline removes them\n",
            several_entries(told.weighed.baseline_stale)
        ));
    }
    text.push_str(&told.verdict());
    text.push('\n');
    text
}

fn several_entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// The findings that count, those of one place together, the worst first.
fn places(file: &FileReport) -> Vec<Vec<&Finding>> {
    let mut places: Vec<Vec<&Finding>> = Vec::new();
    for finding in file.findings.iter().filter(|finding| finding.suppressed.is_none()) {
        match places.last_mut() {
            Some(place) if finding.span.is_some() && place[0].span == finding.span => place.push(finding),
            _ => places.push(vec![finding]),
        }
    }
    for place in &mut places {
        place.sort_by_key(|finding| Reverse(finding.severity));
    }
    places
}

/// The findings of a place: a frame for the first, and what was told for one is not told again.
fn groups<'a>(findings: &[&'a Finding], source: &'a str, width: usize) -> Vec<Group<'a>> {
    let mut told: BTreeSet<(&'static str, String)> = BTreeSet::new();
    let mut groups = Vec::with_capacity(findings.len());
    for (at, finding) in findings.iter().enumerate() {
        let level = match finding.severity {
            Severity::Blocker => Level::ERROR.with_name("blocker"),
            Severity::Danger => Level::ERROR.with_name("danger"),
            Severity::Caution => Level::WARNING.with_name("caution"),
            Severity::Info => Level::INFO.with_name("info"),
        };
        // The renderer aligns what follows a line feed with the words before it.
        let head = finding.severity.as_str().len() + finding.rule.len() + "[]: ".len();
        let message = wrapped(&one_line(&finding.message), width.saturating_sub(head).max(WORDS_MIN));
        let title = level.primary_title(message).id(clean(&finding.rule));
        let mut group = match &finding.span {
            Some(span) if at == 0 => frame(title, findings, span, source, clean(&finding.path)),
            Some(_) => Group::with_title(title),
            None => title.element(Origin::path(clean(&finding.path))),
        };
        let margin = finding.span.as_ref().map_or(1, |span| span.end_line.to_string().len());
        let beside = |name: &str| width.saturating_sub(margin + name.len() + "  = : ".len()).max(WORDS_MIN);
        for (name, fact) in facts(finding) {
            if told.insert((name, fact.clone())) {
                // A query is there to be copied.
                let fact = if name == "check" { fact } else { wrapped(&fact, beside(name)) };
                group = group.element(Level::NOTE.with_name(name).message(fact));
            }
        }
        if let Some(fix) = &finding.fix {
            let form = safe_form(fix);
            let advice = wrapped(&clean(&fix.advice), beside("fix"));
            let words = if form.is_empty() { advice } else { format!("{advice}\n{}", form.trim_end()) };
            group = group.element(Level::HELP.with_name("fix").message(words));
        }
        groups.push(group);
    }
    groups
}

/// Who waits the longest, as any of the findings says it.
fn label(findings: &[&Finding]) -> Option<String> {
    let longest = |finding: &&&Finding| finding.estimate.as_ref().map_or(0.0, |estimate| estimate.most_ms);
    let waits = findings.iter().filter(|finding| who_waits(&finding.locks, None).is_some());
    let finding = waits.max_by(|a, b| longest(a).total_cmp(&longest(b)))?;
    who_waits(&finding.locks, finding.estimate.as_ref())
}

/// The lines of a place with its label. Only they are given to the renderer, which would otherwise read the
/// whole file again for each place; of lines that nobody reads to their end, the beginning of the statement.
fn frame<'a>(
    group: Title<'a>,
    findings: &[&Finding],
    span: &Span,
    source: &'a str,
    path: String,
) -> Group<'a> {
    let start = source.floor_char_boundary(span.bytes.start);
    let end = source.floor_char_boundary(span.bytes.end).max(start);
    let long = span.end_line.saturating_sub(span.line) >= LINES_SHOWN;
    let Some(lines) = lines_around(source, start, if long { start } else { end }) else {
        let cut = source.floor_char_boundary(end.min(start + STATEMENT_BYTES_SHOWN));
        let shown = source[start..cut].lines().next().unwrap_or_default();
        let origin = Origin::path(path).line(span.line as usize).char_column(span.column as usize);
        return group.element(origin).element(Level::NOTE.with_name("statement").message(clean(shown)));
    };
    let shown = source[lines.clone()].trim_end_matches('\r');
    let marked = if long { shown.len() } else { (end - lines.start).min(shown.len()) };
    let begin = start - lines.start;
    let mut label = label(findings);
    if long {
        let rest = format!("and {} more", several((span.end_line - span.line) as usize, "line"));
        label = Some(label.map_or(rest.clone(), |label| format!("{rest}; {label}")));
    }
    let annotation = AnnotationKind::Primary.span(begin..marked.max(begin)).label(label);
    group.element(Snippet::source(shown).line_start(span.line as usize).path(path).annotation(annotation))
}

/// From the beginning of the line of `start` to the end of the line of `end`, unless that is too much.
fn lines_around(source: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let from = source.floor_char_boundary(start.saturating_sub(LINE_BYTES_SHOWN));
    let to = source.floor_char_boundary(end.saturating_add(LINE_BYTES_SHOWN));
    let first = match source[from..start].rfind('\n') {
        Some(at) => from + at + 1,
        None if from == 0 => 0,
        None => return None,
    };
    let last = match source[end..to].find('\n') {
        Some(at) => end + at,
        None if to == source.len() => to,
        None => return None,
    };
    (last - first <= 2 * LINE_BYTES_SHOWN).then_some(first..last)
}
