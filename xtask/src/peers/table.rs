//! The table, for the terminal and for `docs/linters.md`.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::cases::{Case, Truth};
use crate::Failure;

/// Between these lines of the page is what is generated.
const MARKS: [&str; 2] = ["<!-- peers: written by ./run peers --write -->", "<!-- peers: end -->"];

/// How a linter did.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    name: &'static str,
    version: String,
    /// Statements that work under a lock, and failing ones.
    found: [usize; 2],
    false_alarms: usize,
}

impl Row {
    /// `flagged` says for each case whether anything that counts was said.
    pub(super) fn of(name: &'static str, version: &str, cases: &[Case], flagged: &[bool]) -> Self {
        let among = |truth| count(cases, |at| flagged[at] && cases[at].truth == truth);
        Self {
            name,
            version: version.to_owned(),
            found: [among(Truth::Works), among(Truth::Fails)],
            false_alarms: among(Truth::Passes),
        }
    }

    fn line(&self, wanted: [usize; 2]) -> String {
        let (found, all) = (self.found[0] + self.found[1], wanted[0] + wanted[1]);
        let share = |part: usize, whole: usize| match whole {
            0 => "–".to_owned(),
            _ => format!("{:.2}", part as f64 / whole as f64),
        };
        let name = [self.name, &self.version].join(" ");
        format!(
            "| {} | {} of {} | {} of {} | {} | {} | {} | {} |\n",
            name.trim_end(),
            self.found[0],
            wanted[0],
            self.found[1],
            wanted[1],
            all - found,
            self.false_alarms,
            share(found, all),
            share(found, found + self.false_alarms),
        )
    }
}

/// The table in Markdown.
pub(super) fn table(cases: &[Case], rows: &[Row]) -> String {
    let wanted = [Truth::Works, Truth::Fails].map(|truth| count(cases, |at| cases[at].truth == truth));
    let mut table = String::from(
        "| linter | work under a lock: found | failures: found | missed | false alarms | recall | precision |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        table.push_str(&row.line(wanted));
    }
    table
}

/// Puts the table between the marks of a page.
pub(super) fn write(page: &Path, table: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let date = Command::new("date").args(["--utc", "+%Y-%m-%d"]).output()?;
    let date = String::from_utf8(date.stdout)?;
    let new = between_marks(&text, &format!("{table}\nMeasured on {}.\n", date.trim()));
    let new = new.ok_or_else(|| format!("{} has no \"{}\"", page.display(), MARKS[0]))?;
    fs::write(page, new)?;
    Ok(())
}

fn between_marks(text: &str, new: &str) -> Option<String> {
    let (before, rest) = text.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    let mut page = String::new();
    let _ = write!(page, "{before}{}\n\n{new}\n{}{after}", MARKS[0], MARKS[1]);
    Some(page)
}

fn count(cases: &[Case], is_one: impl Fn(usize) -> bool) -> usize {
    (0..cases.len()).filter(|at| is_one(*at)).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn shares_are_of_what_was_to_find_and_of_what_was_said() {
        let row = Row { name: "x", version: "1.0".into(), found: [3, 0], false_alarms: 1 };
        assert_eq!(row.line([4, 2]), "| x 1.0 | 3 of 4 | 0 of 2 | 3 | 1 | 0.50 | 0.75 |\n");
        let silent = Row { name: "y", version: String::new(), found: [0, 0], false_alarms: 0 };
        assert_eq!(silent.line([4, 2]), "| y | 0 of 4 | 0 of 2 | 6 | 0 | 0.00 | – |\n");
    }

    #[test]
    fn a_page_keeps_what_is_around_the_marks() {
        let page = format!("a\n{}\nold\n{}\nb\n", MARKS[0], MARKS[1]);
        let new = between_marks(&page, "new\n").unwrap();
        assert_eq!(new, format!("a\n{}\n\nnew\n\n{}\nb\n", MARKS[0], MARKS[1]));
        assert_eq!(between_marks(&new, "new\n"), Some(new.clone()));
        assert_eq!(between_marks("none", "new"), None);
    }
}
