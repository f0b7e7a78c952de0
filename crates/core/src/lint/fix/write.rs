//! The files as text.
//!
//! A part that stays is written with all its bytes, the comments above it included. One that replaces a
//! statement gets the comments of that statement, also those inside it. Between files, blank lines are not
//! carried along.

use std::collections::BTreeSet;

use super::Unapplied;
use super::choose::LEAKS;
use super::chunk::Chunk;
use super::part::{Made, Manner, Part};
use super::settings::{Set, Settings};

/// The text of each file.
pub(super) fn write(
    file: &Unapplied<'_>,
    parts: &[Part],
    arranged: &[Vec<usize>],
    chunks: &[Chunk<'_>],
    settings: &Settings,
) -> Result<Vec<String>, String> {
    let line_end = if file.text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut said = BTreeSet::new();
    let wanted = wanted_behind(file);
    arranged
        .iter()
        .enumerate()
        .map(|(at, members)| {
            // What stands alone in a file says no settings.
            let is_last =
                arranged[at + 1..].iter().flatten().all(|behind| parts[*behind].manner == Manner::Alone);
            let mut page = Page {
                chunks,
                settings,
                line_end,
                said: &mut said,
                set: Set::new(),
                written: None,
                text: String::new(),
            };
            for at in members {
                page.part(&parts[*at])?;
            }
            page.end(if is_last { &wanted } else { &[] });
            Ok(page.text)
        })
        .collect()
}

/// Settings that the file is to leave behind: somebody ignores that it does.
fn wanted_behind<'a>(file: &Unapplied<'a>) -> Vec<&'a str> {
    let findings = file.report.findings.iter();
    findings
        .filter(|finding| finding.rule == LEAKS && finding.suppressed.is_some())
        .filter_map(|finding| finding.object.as_deref())
        .collect()
}

/// A file that is being written.
struct Page<'a> {
    chunks: &'a [Chunk<'a>],
    settings: &'a Settings,
    line_end: &'a str,
    /// Statements for others that have been written with their comments, in any file.
    said: &'a mut BTreeSet<usize>,
    /// What is set here.
    set: Set,
    /// The statement that was written last, as it was.
    written: Option<usize>,
    text: String,
}

impl Page<'_> {
    fn part(&mut self, part: &Part) -> Result<(), String> {
        let at = part.from.start;
        if part.manner != Manner::Alone {
            let wanted: Set = self
                .settings
                .before(at)
                .iter()
                .filter(|(_, by)| !part.from.contains(by))
                .map(|(name, by)| (name.clone(), *by))
                .collect();
            self.settle(&wanted, at)?;
        }
        let comments = self.comments_of_unsaid(at);
        self.above(&comments);
        match &part.made {
            None => {
                for at in part.from.clone() {
                    self.chunk(at, self.chunks[at].text);
                }
            }
            Some(made) => self.made(at, made),
        }
        let behind = self.settings.before(part.from.end);
        self.set.extend(
            behind.iter().filter(|(_, by)| part.from.contains(by)).map(|(name, by)| (name.clone(), *by)),
        );
        Ok(())
    }

    /// Takes every setting back, so that the next file finds none of them but those that it is to find.
    fn end(&mut self, wanted: &[&str]) {
        let names: Vec<String> = self.set.keys().cloned().collect();
        for name in names.into_iter().filter(|name| !wanted.contains(&name.as_str())) {
            self.reset(&name, 0);
        }
        let kept = self.text.trim_end_matches([' ', '\t', '\r', '\n']).len();
        self.text.truncate(kept);
        self.text.push_str(self.line_end);
    }

    /// Sets and takes back what differs.
    fn settle(&mut self, wanted: &Set, before: usize) -> Result<(), String> {
        let gone: Vec<String> = self.set.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        for name in gone {
            self.reset(&name, before);
        }
        let mut missing: Vec<(usize, &String)> = wanted
            .iter()
            .filter(|(name, by)| self.set.get(*name) != Some(by))
            .map(|(name, by)| (*by, name))
            .collect();
        missing.sort_unstable();
        for (by, name) in missing {
            let Some(sql) = self.settings.said(by) else {
                return Err(format!(
                    "{name} is set by a statement that does other things too, and would have to be set in several files"
                ));
            };
            let sql = sql.to_owned();
            self.said_once(by, &sql);
            self.set.insert(name.clone(), by);
        }
        Ok(())
    }

    fn reset(&mut self, name: &str, before: usize) {
        let since = self.set.remove(name).unwrap_or(0);
        match self.settings.reset_behind(since, name).filter(|at| before == 0 || *at < before) {
            Some(at) if !self.said.contains(&at) => {
                let sql = self.chunks[at].text.to_owned();
                self.said_once(at, &sql);
            }
            _ => {
                self.begin_line();
                self.push(&format!("RESET {name};"));
                self.push(self.line_end);
            }
        }
    }

    /// A statement for others: the first time with everything around it.
    fn said_once(&mut self, at: usize, sql: &str) {
        if self.said.insert(at) {
            self.chunk(at, sql);
        } else {
            self.begin_line();
            self.push(sql);
            self.push(";");
            self.push(self.line_end);
        }
    }

    /// A statement with everything around it.
    fn chunk(&mut self, at: usize, sql: &str) {
        let chunk = &self.chunks[at];
        if at == 0 || self.written != Some(at - 1) {
            // What was before it may have ended with a comment, and the file.
            self.begin_line();
        }
        self.above(chunk.above);
        for piece in [sql, chunk.between, ";", chunk.behind] {
            self.push(piece);
        }
        self.written = Some(at);
    }

    fn made(&mut self, at: usize, made: &Made) {
        let chunk = &self.chunks[at];
        if made.is_first {
            self.above(chunk.above);
            for comment in chunk.comments_inside() {
                self.begin_line();
                self.push(comment);
                self.push(self.line_end);
            }
        } else {
            if !self.text.is_empty() {
                self.begin_line();
                self.push(self.line_end);
            }
            self.push(&format!("-- {}", one_line(&made.intent)));
            self.push(self.line_end);
        }
        self.begin_line();
        match made.statements.as_slice() {
            [only] => self.push(&format!("{only};")),
            several => {
                self.push(&format!("BEGIN;{}", self.line_end));
                for statement in several {
                    self.push(&format!("{statement};{}", self.line_end));
                }
                self.push("COMMIT;");
            }
        }
        if made.is_first {
            let (between, behind) = (chunk.between.trim_end(), chunk.behind);
            if !between.is_empty() {
                self.push(between);
                self.push(self.line_end);
            }
            self.push(behind);
        }
        self.begin_line();
    }

    /// The comments above statements for others right before `at` that nobody needed, or that were written
    /// without them.
    fn comments_of_unsaid(&mut self, at: usize) -> String {
        let mut first = at;
        while first > 0 && self.settings.is_for_others(first - 1) && !self.said.contains(&(first - 1)) {
            first -= 1;
        }
        (first..at)
            .filter(|before| self.said.insert(*before))
            .map(|before| self.chunks[before].above)
            .filter(|above| !above.trim().is_empty())
            .collect()
    }

    /// Blank lines and comments above a statement. A file does not begin with blank lines that were between
    /// two statements.
    fn above(&mut self, above: &str) {
        let is_first_statement = self.chunks.first().is_some_and(|first| std::ptr::eq(first.above, above));
        match self.text.is_empty() && !is_first_statement {
            true => self.push(above.trim_start()),
            false => self.push(above),
        }
    }

    fn begin_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.push(self.line_end);
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// A name may have a line end in it, which would end the comment.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
