//! Which release may run on which state: a table and the reasons, or one object.

use serde::Serialize;
use underpin_core::compat::{Break, Cell, Certainty, Need, Operation, Verdict};
use underpin_engine::compat::Answer;

/// How many queries of a release are listed that nobody can judge.
const UNKNOWN_MAX: usize = 10;

/// Everything that is told.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    version: u32,
    exit_code: u8,
    #[serde(flatten)]
    matrix: Matrix,
}

/// The releases on the states.
#[derive(Debug, Serialize)]
pub(crate) struct Matrix {
    /// The states of the database, in order.
    states: Vec<String>,
    /// The releases: those that run, then the one that comes.
    releases: Vec<Release>,
}

/// A query that nobody can judge.
#[derive(Debug, Serialize)]
struct Unknown {
    path: String,
    line: usize,
    why: String,
}

/// A release on all states.
#[derive(Debug, Serialize)]
struct Release {
    name: String,
    /// One for each state.
    verdicts: Vec<&'static str>,
    breaks: Vec<Reason>,
    /// Queries in its sources that nobody can judge.
    unknown: Vec<Unknown>,
}

/// A break, on all states that have it.
#[derive(Debug, Serialize)]
struct Reason {
    /// The states, by their names.
    states: Vec<String>,
    #[serde(flatten)]
    what: Break,
}

impl Told {
    pub(crate) fn of(answer: Answer, exit_code: u8) -> Self {
        Self { version: 1, exit_code, matrix: Matrix::of(answer) }
    }
}

impl Matrix {
    pub(crate) fn of(answer: Answer) -> Self {
        let Answer { releases, states, cells, unknown } = answer;
        let of = |at: usize| cells.iter().filter(move |cell| cell.release == at);
        let release = |(at, name): (usize, String)| Release {
            name,
            verdicts: of(at).map(verdict).collect(),
            breaks: reasons(of(at), &states),
            unknown: unknown.iter().filter(|one| one.release == at).map(told).collect(),
        };
        let releases = releases.into_iter().map(|release| release.name).enumerate().map(release).collect();
        Self { states, releases }
    }
}

fn told(unknown: &underpin_engine::compat::Unknown) -> Unknown {
    let query = &unknown.query;
    Unknown { path: query.path.clone(), line: query.line, why: unknown.why.clone() }
}

fn verdict(cell: &Cell) -> &'static str {
    match (cell.need, cell.verdict()) {
        (Need::NotYet, _) => "not yet",
        (Need::NoLonger, _) => "no longer",
        (Need::Lives, Verdict::Runs) => "runs",
        (Need::Lives, Verdict::Depends) => "can fail",
        (Need::Lives, Verdict::Breaks) => "fails",
    }
}

/// What breaks where the release has to run; what certainly does, first.
fn reasons<'a>(cells: impl Iterator<Item = &'a Cell>, states: &[String]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for cell in cells.filter(|cell| cell.need == Need::Lives) {
        for found in &cell.breaks {
            let name = states[cell.state].clone();
            match reasons.iter_mut().find(|reason| reason.what.is_same(found)) {
                Some(reason) => reason.states.push(name),
                None => reasons.push(Reason { states: vec![name], what: found.clone() }),
            }
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.what.certainty));
    reasons
}

/// The page, in lines of at most `columns` characters where words allow it.
pub(crate) fn page(told: &Told, columns: usize) -> String {
    let matrix = &told.matrix;
    let mut page = verdicts(matrix, columns);
    for release in matrix.releases.iter().filter(|release| !release.unknown.is_empty()) {
        page.push_str(&format!("\n{} has queries of its own that nobody can judge:\n", release.name));
        for one in release.unknown.iter().take(UNKNOWN_MAX) {
            page.push_str(&filled(&format!("{}:{}: {}", one.path, one.line, one.why), 2, columns));
        }
        if let Some(more) = release.unknown.len().checked_sub(UNKNOWN_MAX).filter(|more| *more > 0) {
            page.push_str(&format!("  and {more} more: --json lists them\n"));
        }
    }
    page.trim_end().to_owned()
}

/// The table, and what fails or can.
pub(crate) fn verdicts(matrix: &Matrix, columns: usize) -> String {
    let mut page = table(matrix);
    for release in &matrix.releases {
        for (certainty, words) in [(Certainty::Certain, "fails"), (Certainty::Depends, "can fail")] {
            let reasons: Vec<_> =
                release.breaks.iter().filter(|reason| reason.what.certainty == certainty).collect();
            if reasons.is_empty() {
                continue;
            }
            page.push_str(&format!("\n{} {words}:\n", release.name));
            for reason in reasons {
                page.push_str(&paragraphs(reason, columns));
            }
        }
    }
    page
}

/// States down, releases across.
fn table(told: &Matrix) -> String {
    let first = told.states.iter().map(|state| state.chars().count()).max().unwrap_or_default();
    let mut lines = vec![" ".repeat(first)];
    lines.extend(told.states.iter().map(|state| format!("{state:first$}")));
    for release in &told.releases {
        let cells = std::iter::once(release.name.as_str()).chain(release.verdicts.iter().copied());
        let width = cells.clone().map(|cell| cell.chars().count()).max().unwrap_or_default();
        for (line, cell) in lines.iter_mut().zip(cells) {
            line.push_str(&format!("   {cell:width$}"));
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn paragraphs(reason: &Reason, columns: usize) -> String {
    let what = &reason.what;
    let operations: Vec<_> = what.operations.iter().copied().map(Operation::as_str).collect();
    let code = what.code.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
    let operations =
        if operations.is_empty() { String::new() } else { format!(": {}", operations.join(", ")) };
    let mut text = filled(&format!("{}{operations}{code}", what.about()), 2, columns);
    text.push_str(&filled(&format!("on {}: {}", reason.states.join(", "), what.message), 4, columns));
    text.push_str(&filled(&format!("instead: {}", what.instead), 4, columns));
    text
}

fn filled(text: &str, indent: usize, columns: usize) -> String {
    let mut lines = String::new();
    let mut line = " ".repeat(indent);
    for word in text.split_whitespace() {
        if line.trim().is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() > columns {
            lines.push_str(&format!("{line}\n"));
            line = format!("{}{word}", " ".repeat(indent));
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    format!("{lines}{line}\n")
}
