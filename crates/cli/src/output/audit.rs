//! A history on one page: [`text`] for the terminal, [`html`] for everybody else.

pub(crate) mod html;
pub(crate) mod text;

use underpin_core::audit::{Audit, Counted, Worst};
use underpin_core::lint::finding::FixStatement;
use underpin_core::quantity::{count, duration};

/// One line of the page: how many migrations, and of what.
struct Line {
    migrations: usize,
    what: &'static str,
    more: Option<String>,
}

/// The lines of the page, worst first; those that are about none are left out.
fn lines(audit: &Audit) -> Vec<Line> {
    let line = |counted: &Counted, what| Line { migrations: counted.migrations, what, more: None };
    let blocked = audit.blocked.as_ref().map(|blocked| {
        format!("all their work under locks together: {}", duration(blocked.least_ms, blocked.most_ms))
    });
    let unreadable =
        Line { migrations: audit.unreadable, what: "are no SQL that PostgreSQL reads", more: None };
    let mut lines = vec![
        Line {
            more: blocked,
            ..line(&audit.blocking, "would have kept reads or writes waiting beyond the budget")
        },
        line(&audit.breaking, "would have broken clients of the release before"),
        line(&audit.losing, "would have deleted data"),
        line(&audit.failing, "would have failed, or do so when a table has rows"),
        line(&audit.not_atomic, "are not atomic on this version of Prisma: a failure leaves them half done"),
        unreadable,
    ];
    lines.retain(|line| line.migrations > 0);
    lines
}

/// The first sentence below the title.
fn introduction(audit: &Audit) -> String {
    let period = match (audit.timeline.first(), audit.timeline.last()) {
        (Some(first), Some(last)) if first.period != last.period => {
            format!(", {} to {}", first.period, last.period)
        }
        (Some(only), _) => format!(", {}", only.period),
        _ => String::new(),
    };
    format!(
        "{} with {}{period}",
        plural(audit.migrations, "migration"),
        plural(audit.statements, "statement")
    )
}

/// What the numbers rest on.
fn basis(audit: &Audit) -> String {
    format!(
        "judged as sent by {}, with {} rows in every table whose size nobody gave, and everything before each \
         migration in use",
        audit.sender,
        count(audit.assumed_rows)
    )
}

fn percent(part: usize, whole: usize) -> usize {
    (part * 100 + whole / 2) / whole.max(1)
}

fn plural(number: usize, word: &str) -> String {
    let shown = underpin_core::quantity::thousands(number as f64);
    if number == 1 { format!("1 {word}") } else { format!("{shown} {word}s") }
}

/// How long somebody waits for a statement, when that is what is bad about it.
fn how_long(worst: &Worst) -> String {
    worst.estimate.as_ref().map_or_else(String::new, |known| duration(known.least_ms, known.most_ms))
}

/// The message up to its first colon: what, without why.
fn head(message: &str) -> &str {
    message.split_once(": ").map_or(message, |(head, _)| head)
}

/// The online form of a statement, as one would write it into files.
fn twin(worst: &Worst) -> Vec<String> {
    let of = |statement: &FixStatement| match statement.in_batches {
        true => format!("{}; -- in batches along the primary key", statement.sql),
        false => format!("{};", statement.sql),
    };
    worst.fix.iter().flat_map(|fix| &fix.statements).map(of).collect()
}
