//! What a finding rests on, as words that every form shares.

use std::cmp::Reverse;

use underpin_core::lint::finding::{
    Blocks, Confidence, Estimate, Finding, Fix, LockFact, Severity, Suppression,
};
use underpin_core::quantity;

/// The facts of a finding in the order in which people ask: what is locked, for how long, what fails,
/// what was taken for granted, how to find out. Each has a short name.
pub(crate) fn facts(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut facts: Vec<(&'static str, String)> = Vec::new();
    facts.extend(finding.locks.iter().map(|lock| ("lock", clean(&locked(lock)))));
    if let Some(estimate) = &finding.estimate {
        facts.push(("time", clean(&format!("{}; {}", duration(estimate), estimate.source))));
    }
    if let Some(code) = &finding.sqlstate {
        facts.push(("error", clean(&format!("SQLSTATE {code}"))));
    }
    facts.extend(finding.assumptions.iter().map(|assumption| ("assumed", clean(assumption))));
    match finding.confidence {
        Confidence::High => {}
        Confidence::Medium => {
            facts.push(("confidence", "medium: the history says so, and nobody looked".to_owned()))
        }
        Confidence::Low => facts.push(("confidence", "low: not enough is known about the object".to_owned())),
    }
    if let Some(check) = &finding.check {
        facts.push(("check", clean(check)));
    }
    facts
}

/// `ACCESS EXCLUSIVE on Order, blocks reads and writes`.
pub(crate) fn locked(lock: &LockFact) -> String {
    format!("{} on {}, blocks {}", lock.mode, lock.relation, lock.blocks)
}

/// Who waits for how long, for the line below a statement. `None` when no application does.
pub(crate) fn who_waits(locks: &[LockFact], estimate: Option<&Estimate>) -> Option<String> {
    // The first of the worst: a table comes before its indexes.
    let felt = locks.iter().filter(|lock| lock.blocks > Blocks::Maintenance);
    let worst = felt.min_by_key(|lock| Reverse(lock.blocks))?;
    let time = estimate.map(|estimate| format!(" for {}", duration(estimate))).unwrap_or_default();
    Some(clean(&format!("{} of {} wait{time}", worst.blocks, worst.relation)))
}

/// `40 to 160 s`.
pub(crate) fn duration(estimate: &Estimate) -> String {
    quantity::duration(estimate.least_ms, estimate.most_ms)
}

/// The safe form as SQL, with comments where a file ends. Empty when there is none.
pub(crate) fn safe_form(fix: &Fix) -> String {
    let mut text = String::new();
    let mut before = None;
    for statement in &fix.statements {
        let split = before.is_some_and(|alone: bool| alone) || statement.later || statement.alone;
        let comment = match (before, split) {
            (None, _) if statement.alone && fix.statements.len() > 1 => "-- alone in its file\n",
            (None, _) | (Some(_), false) => "",
            (Some(_), true) if statement.alone => "-- the next file, alone in it\n",
            (Some(_), true) => "-- the next file\n",
        };
        text.push_str(comment);
        text.push_str(&clean(statement.sql.trim_end()));
        text.push_str(";\n");
        before = Some(statement.alone);
    }
    text
}

/// Everything about a finding as lines, for forms that have no better place for the parts.
pub(super) fn lines(finding: &Finding) -> String {
    let mut text = clean(&finding.message);
    for (name, fact) in facts(finding) {
        text.push_str(&format!("\n{name}: {fact}"));
    }
    if let Some(fix) = &finding.fix {
        text.push_str(&format!("\nfix: {}", clean(&fix.advice)));
        let form = safe_form(fix);
        if !form.is_empty() {
            text.push_str(&format!("\n{}", form.trim_end()));
        }
    }
    text
}

/// Why a finding does not count.
pub(crate) fn why_ignored(suppression: &Suppression) -> String {
    clean(&match suppression {
        Suppression::Comment { reason, until: None } => reason.clone(),
        Suppression::Comment { reason, until: Some(until) } => format!("{reason} (until {until})"),
        Suppression::Baseline => "in the baseline".to_owned(),
        Suppression::Settings { reason } => reason.clone(),
    })
}

/// The three levels of other tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    Note,
}

impl Level {
    pub(super) fn of(severity: Severity) -> Self {
        match severity {
            Severity::Blocker | Severity::Danger => Self::Error,
            Severity::Caution => Self::Warning,
            Severity::Info => Self::Note,
        }
    }
}

/// Words on one line, for titles and cells.
pub(super) fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words in lines of at most `columns` characters, where words allow it.
pub(crate) fn wrapped(text: &str, columns: usize) -> String {
    let mut lines = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > columns {
            lines.push('\n');
            used = 0;
        } else if used > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
    }
    lines
}

/// Without signs that a terminal would obey: names are quoted from files that anybody may have written.
pub(crate) fn clean(text: &str) -> String {
    let replaced = |sign: char| match sign {
        '\n' | '\t' => sign,
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(sign)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        // Signs that turn the direction of what follows.
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other => other,
    };
    text.replace("\r\n", "\n").chars().map(replaced).collect()
}
