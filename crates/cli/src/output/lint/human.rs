//! `--format human`: each place in a file with what was found there, who waits for how long, and the safe form.
//!
//! Severities are words; colours only repeat them. A statement of many lines is shown by its first one.

use std::borrow::Cow;
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

/// Fewer marks than these are not seen.
const MARKS_MIN: usize = 8;

/// Narrower columns of words cannot be read.
const WORDS_MIN: usize = 30;

pub(super) fn render(told: &Told<'_>) -> String {
    let renderer = if told.styled { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(told.width);
    let mut text = told.checked.map(|checked| checked.lines(told.width) + "\n").unwrap_or_default();
    for file in &told.report.files {
        let source = (told.text_of)(&file.path).unwrap_or_default();
        for place in places(file) {
            let groups = groups(&place, source, told.width);
            text.push_str(renderer.render(&groups).trim_end());
            text.push_str("\n\n");
        }
    }
    if let Some(sql) = told.checked.and_then(|checked| checked.missing_sql.as_deref()) {
        text.push_str(&format!("The migration that is missing:\n\n{}\n", indented(&clean(sql))));
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

/// Lines of SQL as they stand, apart from the words around them.
fn indented(sql: &str) -> String {
    sql.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
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
            Some(span) if at == 0 => {
                let lines = Lines { source, width };
                lines.frame(title, findings, span, clean(&finding.path))
            }
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

/// The lines that frames are made of.
struct Lines<'a> {
    source: &'a str,
    width: usize,
}

impl<'a> Lines<'a> {
    /// The lines of a place with its label. Only they are given to the renderer, which would otherwise read the
    /// whole file again for each place; of lines that nobody reads to their end, the beginning of the statement.
    fn frame(&self, group: Title<'a>, findings: &[&Finding], span: &Span, path: String) -> Group<'a> {
        let source = self.source;
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
        let begin = start - lines.start;
        let marked = if long { shown.len() } else { (end - lines.start).min(shown.len()) }.max(begin);
        let mut label = label(findings);
        if long {
            let rest = format!("and {} more", several((span.end_line - span.line) as usize, "line"));
            label = Some(label.map_or(rest.clone(), |label| format!("{rest}; {label}")));
        }
        let margin =
            span.end_line.to_string().len() + if shown.contains('\n') { "  | / " } else { " | " }.len();
        let room = self.width.saturating_sub(margin).max(WORDS_MIN);
        let (shown, marked) = fitted(shown, begin..marked, label.as_deref().unwrap_or_default(), room);
        let annotation = AnnotationKind::Primary.span(marked).label(label);
        group.element(Snippet::source(shown).line_start(span.line as usize).path(path).annotation(annotation))
    }
}

/// Lines of at most `room` columns with the bytes of them that are marked, so that no terminal breaks them or the
/// marks below them. What is longer ends with an ellipsis, and the marks end where there is room for the label
/// behind them. A place far along its line is left to the renderer, which leaves out what is before it.
fn fitted<'a>(
    shown: &'a str,
    marked: Range<usize>,
    label: &str,
    room: usize,
) -> (Cow<'a, str>, Range<usize>) {
    let columns = |text: &str| text.chars().count();
    if columns(&shown[..marked.start]) + WORDS_MIN > room {
        return (Cow::Borrowed(shown), marked);
    }
    let mut text = String::with_capacity(shown.len());
    let (mut at, mut end) = (0, 0);
    for line in shown.split_inclusive('\n') {
        let words = line.trim_end_matches('\n');
        let is_cut = words.char_indices().nth(room).is_some();
        // The ellipsis takes the last column.
        let kept = if is_cut { byte_of(words, room - 1) } else { words.len() };
        if (at..=at + words.len()).contains(&marked.end) {
            end = text.len() + (marked.end - at).min(kept);
        }
        text.push_str(&words[..kept]);
        if is_cut {
            text.push('…');
        }
        text.push_str(&line[words.len()..]);
        at += line.len();
    }
    let line = text[..end].rfind('\n').map_or(0, |feed| feed + 1);
    let begin = columns(&text[line..marked.start.max(line)]);
    let marks_end = room.saturating_sub(columns(label) + 1).max(begin + MARKS_MIN);
    let end = end.min(line + byte_of(&text[line..], marks_end));
    (Cow::Owned(text), marked.start..end.max(marked.start))
}

/// The byte at which a column begins; the end of a text that has fewer.
fn byte_of(text: &str, column: usize) -> usize {
    text.char_indices().nth(column).map_or(text.len(), |(byte, _)| byte)
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

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn long_lines_and_their_marks_fit_the_terminal() {
        let sql = format!("CREATE INDEX {} ON a (b)", "i".repeat(80));
        let (line, marks) = fitted(&sql, 0..sql.len(), "writes wait", 60);
        assert_eq!(line.chars().count(), 60);
        assert!(line.ends_with('…'), "{line}");
        assert_eq!(marks, 0..60 - " writes wait".len());
        let (line, marks) = fitted("DROP TABLE a;", 0..12, "reads and writes of a wait", 60);
        assert_eq!((line.as_ref(), marks), ("DROP TABLE a;", 0..12));
        let two = format!("ALTER TABLE a -- é{}\nDROP b, {}", "x".repeat(80), "c".repeat(80));
        let (lines, marks) = fitted(&two, 0..two.len(), "it waits", 60);
        assert!(lines.lines().all(|line| line.chars().count() == 60), "{lines}");
        assert_eq!(lines[..marks.end].lines().last().map(str::len), Some(60 - " it waits".len()), "{lines}");
        let far = format!("{}DROP TABLE a", " ".repeat(50));
        assert_eq!(fitted(&far, 50..62, "", 60).0, far);
    }
}
