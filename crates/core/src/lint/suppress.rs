//! Comments that ignore a rule: `-- underpin: ignore RULE because …`.
//!
//! Decides which findings of a file do not count because a comment says so, and what is wrong with the
//! comments themselves. It runs once, behind the rules, which know nothing of it. The forms stand on the
//! page of `malformed-ignore`.

mod directive;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::ops::Range;

use jiff::civil::Date;

use self::directive::{Directive, Reach};
use super::finding::{Finding, Fix, Severity, Span, Suppression};
use super::lines::Lines;
use super::page::{IGNORING, nearest};
use super::report::{FileReport, StatementReport};

/// The rules that there are.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// All names, those about ignoring included.
    pub rules: &'a [&'a str],
    /// Those that did not run, because nobody asked for their group: what they would find is not known.
    pub idle: &'a [&'a str],
}

/// Marks the findings of a file that a comment ignores, and adds what is wrong with its comments.
pub fn suppress(file: &mut FileReport, text: &str, known: Known<'_>, today: Date) {
    // Scanning costs a good part of what parsing does, and most files have no such comment.
    if !mentions_us(text) {
        return;
    }
    let FileReport { path, statements, findings } = file;
    let lines = Lines::of(text);
    let mut told = Vec::new();
    for comment in underpin_sql::comments(text) {
        let Some(read) = directive::read(&comment.text) else { continue };
        let mut telling = Telling { path, span: lines.span(comment.span.clone()), told: &mut told };
        match read {
            Err(wrong) => telling.malformed(wrong),
            Ok(directive) => {
                let place = Place { text, statements, comment: comment.span };
                follow(&directive, &place, findings, known, today, &mut telling);
            }
        }
    }
    findings.extend(told);
}

/// Whether a rule is one about ignoring, which no comment can ignore.
pub(crate) fn is_about_ignoring(rule: &str) -> bool {
    IGNORING.iter().any(|page| page.name == rule)
}

fn mentions_us(text: &str) -> bool {
    const MARK: &[u8] = b"underpin";
    text.as_bytes().windows(MARK.len()).any(|window| window.eq_ignore_ascii_case(MARK))
}

/// A comment among the statements of its file.
struct Place<'a> {
    text: &'a str,
    statements: &'a [StatementReport],
    comment: Range<usize>,
}

/// What a comment is for.
enum Target {
    File,
    /// The index of a statement.
    Statement(usize),
    /// The file's statements are not known, because it is not SQL.
    Unread,
}

fn follow(
    directive: &Directive,
    place: &Place<'_>,
    findings: &mut [Finding],
    known: Known<'_>,
    today: Date,
    telling: &mut Telling<'_>,
) {
    let target = match place.target(directive.reach) {
        Ok(target) => target,
        Err(wrong) => return telling.malformed(wrong),
    };
    for rule in &directive.rules {
        if !known.rules.contains(&rule.as_str()) {
            telling.malformed(match nearest(rule, known.rules.iter().copied()) {
                Some(near) => format!("there is no rule called `{rule}`; did you mean `{near}`?"),
                None => format!("there is no rule called `{rule}`; `underpin explain` lists them"),
            });
        } else if is_about_ignoring(rule) {
            telling.malformed(format!(
                "`{rule}` is about comments, and no comment ignores it; underpin.toml can"
            ));
        } else if directive.until.is_some_and(|until| until < today) {
            telling.expired(rule, directive);
        } else if !mark(findings, rule, &target, place.statements, directive)
            && !known.idle.contains(&rule.as_str())
            && !matches!(target, Target::Unread)
        {
            telling.unused(rule, &target);
        }
    }
}

/// Marks what a comment is for, and answers whether there was anything.
fn mark(
    findings: &mut [Finding],
    rule: &str,
    target: &Target,
    statements: &[StatementReport],
    directive: &Directive,
) -> bool {
    let meant = |finding: &Finding| match target {
        Target::File => true,
        Target::Unread => false,
        Target::Statement(index) => match (finding.statement, &finding.span) {
            (Some(nth), _) => nth == index + 1,
            (None, Some(span)) => statements[*index].span.bytes.contains(&span.bytes.start),
            (None, None) => false,
        },
    };
    let mut any = false;
    for finding in findings {
        if finding.rule == rule && finding.suppressed.is_none() && meant(finding) {
            finding.suppressed = Some(Suppression::Comment {
                reason: directive.reason.clone(),
                until: directive.until.map(|until| until.to_string()),
            });
            any = true;
        }
    }
    any
}

impl Place<'_> {
    fn target(&self, reach: Reach) -> Result<Target, String> {
        let first = self.statements.first().map(|statement| statement.span.bytes.start);
        match (reach, first) {
            (Reach::File, Some(first)) if first < self.comment.start => {
                Err("`ignore-file` stands before the first statement of its file".to_owned())
            }
            (Reach::File, _) => Ok(Target::File),
            (Reach::Statement, None) => Ok(Target::Unread),
            (Reach::Statement, Some(_)) => self.statement().map(Target::Statement).ok_or_else(|| {
                "no statement follows this comment, so there is nothing that it could be for".to_owned()
            }),
        }
    }

    /// The statement that the comment stands in or behind on the same line, else the next one. Between
    /// two statements of one line it is for the second, as a reader takes it.
    fn statement(&self) -> Option<usize> {
        let bytes = |index: usize| self.statements.get(index).map(|statement| &statement.span.bytes);
        let next =
            self.statements.partition_point(|statement| statement.span.bytes.start < self.comment.start);
        let before = next.checked_sub(1);
        let same_line =
            |from: usize, to: usize| self.text.get(from..to).is_some_and(|gap| !gap.contains('\n'));
        if let Some(before) = before
            && let Some(span) = bytes(before)
        {
            let follows = bytes(next).is_some_and(|next| same_line(self.comment.end, next.start));
            if self.comment.start < span.end || (same_line(span.end, self.comment.start) && !follows) {
                return Some(before);
            }
        }
        bytes(next).map(|_| next)
    }
}

/// Where a comment stands, and what is told about it.
struct Telling<'a> {
    path: &'a str,
    span: Span,
    told: &'a mut Vec<Finding>,
}

impl Telling<'_> {
    fn malformed(&mut self, wrong: String) {
        self.tell(
            "malformed-ignore",
            wrong,
            "write `-- underpin: ignore RULE because REASON`, with `until 2027-01-31` before `because` for a limited time",
        );
    }

    fn expired(&mut self, rule: &str, directive: &Directive) {
        let until = directive.until.map(|until| until.to_string()).unwrap_or_default();
        self.tell(
            "expired-ignore",
            format!("`{rule}` was ignored until {until}, because {}; it counts again", directive.reason),
            "remove the comment, or set a new date with a reason that is true today",
        );
    }

    fn unused(&mut self, rule: &str, target: &Target) {
        let wrong = match target {
            Target::File => format!("`{rule}` finds nothing in this file that is not ignored already"),
            Target::Statement(_) | Target::Unread => {
                format!("`{rule}` finds nothing in this statement that is not ignored already")
            }
        };
        self.tell("unused-ignore", wrong, "remove the comment, or move it to the statement that it is for");
    }

    fn tell(&mut self, rule: &str, message: String, advice: &str) {
        let severity =
            IGNORING.iter().find(|page| page.name == rule).map_or(Severity::Info, |page| page.severity);
        self.told.push(Finding {
            span: Some(self.span.clone()),
            fix: Some(Fix::advice(advice)),
            ..Finding::new(rule, severity, self.path, message)
        });
    }
}
