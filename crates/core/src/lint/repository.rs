//! What the repository around the migrations does with Prisma's CLI: destructive commands where nobody
//! watches, a CLI of whatever version is newest, migrations where several processes apply them.
//!
//! Files come in as texts, findings go out with the bytes of the command. The engine walks the
//! repository; [`is_wanted`] tells it what to read. Three questions are asked in this order: which
//! commands does a file hold ([`files`]), where does each run ([`place`]), and is that wrong there
//! ([`rules`], a file for each). What is typed by hand, or runs against a database that was made for a
//! test, is left alone; where only a name says so, the confidence is lower.

mod files;
mod ignored;
mod json;
mod leaf;
mod place;
mod prisma;
mod rules;
mod shell;
mod yaml;

use std::ops::Range;

use self::files::{Around, Kind, Text, texts};
use self::place::{Place, Stage, excludes_production};
use self::prisma::{Call, call};
use super::finding::{Confidence, Finding, Fix, Severity};
use super::lines::Lines;
use super::report::FileReport;

pub use self::ignored::Ignored;

/// A file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryFile {
    /// From the root of the repository, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Whether a file of this path can hold a command that somebody is told about.
pub fn is_wanted(path: &str) -> bool {
    Kind::of(path).is_some()
}

/// Larger files are no configuration that people write. Bytes.
pub const FILE_BYTES_MAX: u64 = 512 * 1024;

/// The files with findings, in the order in which they came.
pub fn look(files: &[RepositoryFile]) -> Vec<FileReport> {
    let around = Around::of(files);
    let reports = files.iter().map(|file| FileReport {
        path: file.path.clone(),
        statements: Vec::new(),
        findings: findings(file, &around),
    });
    reports.filter(|report| !report.findings.is_empty()).collect()
}

fn findings(file: &RepositoryFile, around: &Around) -> Vec<Finding> {
    let lines = Lines::of(&file.text);
    let mut found: Vec<Finding> = Vec::new();
    for text in texts(file, around) {
        for (call, via, bytes) in calls(&text, &file.path, around) {
            let site = Site { call: &call, via: via.as_deref(), text: &text, around };
            let bytes = with_quotes(&file.text, bytes);
            for (rule, said) in rules::judge(&site) {
                found.push(finding(rule, said, &site, file, lines.span(bytes.clone())));
            }
        }
    }
    found.sort_by_key(|finding| finding.span.as_ref().map(|span| span.bytes.start));
    // A command that two scripts lead to is one command.
    found.dedup_by(|a, b| a.rule == b.rule && a.span == b.span);
    found
}

/// A call of Prisma's CLI with everything that is known around it.
struct Site<'a> {
    call: &'a Call,
    /// The script of `package.json` that makes the call, when the command only names that.
    via: Option<&'a str>,
    text: &'a Text,
    around: &'a Around,
}

/// What a rule says about a call.
struct Said {
    severity: Severity,
    confidence: Confidence,
    message: String,
    assumptions: Vec<String>,
    advice: &'static str,
}

impl Site<'_> {
    fn place(&self) -> &Place {
        &self.text.place
    }

    fn conditions(&self) -> impl Iterator<Item = &String> {
        self.text.conditions.iter().chain(&self.call.conditions)
    }

    /// Whether a condition keeps it away from production.
    fn is_kept_from_production(&self) -> bool {
        self.conditions().any(|condition| excludes_production(condition))
    }

    /// The place's confidence; lower under a condition of which nobody knows when it holds.
    fn confidence(&self) -> Confidence {
        match self.conditions().next() {
            Some(_) => self.place().confidence.min(Confidence::Medium),
            None => self.place().confidence,
        }
    }

    /// Such as `prisma db push, by the script db:push`.
    fn shown(&self) -> String {
        match self.via {
            Some(script) => format!("{} (script {script})", self.call.shown()),
            None => self.call.shown(),
        }
    }
}

/// The calls of a text with their bytes in the file, those of the scripts that it runs included.
fn calls(text: &Text, path: &str, around: &Around) -> Vec<(Call, Option<String>, Range<usize>)> {
    let mut found = Vec::new();
    if text.place.stage == Stage::ByHand {
        return found;
    }
    for command in shell::commands(&text.text) {
        if let Some(call) = call(&command) {
            let bytes = text.at + call.bytes.start..text.at + call.bytes.end;
            found.push((call, None, bytes));
            continue;
        }
        let (Some(first), Some(last)) = (command.program(), command.words.last()) else { continue };
        let bytes = text.at + command.words[first].bytes.start..text.at + last.bytes.end;
        let mut wanted: Vec<(String, String)> = around.packages.run_by(&command, path, text.place.stage);
        let mut seen: Vec<String> = Vec::new();
        while let Some((name, script)) = wanted.pop() {
            if seen.contains(&name) || seen.len() >= SCRIPTS_MAX {
                continue;
            }
            for mut inner in shell::commands(&script) {
                inner.conditions.extend(command.conditions.iter().cloned());
                match call(&inner) {
                    Some(call) => found.push((call, Some(name.clone()), bytes.clone())),
                    None => wanted.extend(around.packages.run_by(&inner, path, text.place.stage)),
                }
            }
            seen.push(name);
        }
    }
    found
}

/// The words of `["npx", "prisma"]` are told with their outer quotes.
fn with_quotes(text: &str, bytes: Range<usize>) -> Range<usize> {
    let quote = text[..bytes.start].chars().next_back().filter(|sign| matches!(sign, '"' | '\''));
    match quote {
        Some(quote) if text[bytes.end..].starts_with(quote) && text[bytes.clone()].contains(quote) => {
            bytes.start - 1..bytes.end + 1
        }
        _ => bytes,
    }
}

/// Scripts that one command leads to. They may name each other in a circle.
const SCRIPTS_MAX: usize = 16;

fn finding(
    rule: &'static str,
    said: Said,
    site: &Site<'_>,
    file: &RepositoryFile,
    span: super::finding::Span,
) -> Finding {
    Finding {
        confidence: said.confidence,
        span: Some(span),
        object: Some(site.call.shown()),
        assumptions: said.assumptions,
        fix: Some(Fix::advice(said.advice)),
        ..Finding::new(rule, said.severity, &file.path, said.message)
    }
}

#[cfg(test)]
mod tests;
