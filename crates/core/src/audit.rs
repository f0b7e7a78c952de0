//! A whole history on one page: what its migrations did to whom, had the tables been as large as is said.
//!
//! Decided here: what is counted, and which statements are the worst. Each migration is judged as if it were
//! deployed alone, with everything before it in use.

mod period;

use serde::Serialize;

use self::period::Period;
use crate::lint::finding::{Blocks, Confidence, Estimate, Finding, Fix, Severity};
use crate::lint::report::{FileReport, StatementReport};
use crate::lint::{Group, rules};

/// A history, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Audit {
    /// Migrations, those that nobody could read among them.
    pub migrations: usize,
    /// Their statements.
    pub statements: usize,
    /// Rows of a table of which nobody said how large it is.
    pub assumed_rows: f64,
    /// How the files are sent: `Prisma 7.3`.
    pub sender: String,
    /// Migrations in which reads or writes wait for longer than the budget.
    pub blocking: Counted,
    /// All their blocking work together, milliseconds.
    pub blocked: Option<Estimate>,
    /// Migrations that break a client of the release before.
    pub breaking: Counted,
    /// Migrations of which a part stays when a statement fails.
    pub not_atomic: Counted,
    /// Migrations that fail, or fail on some data.
    pub failing: Counted,
    /// Migrations that delete data.
    pub losing: Counted,
    /// Migrations without any of this.
    pub harmless: usize,
    /// Files that are not SQL.
    pub unreadable: usize,
    /// How often each rule found something, most first.
    pub rules: Vec<RuleCount>,
    /// The worst statements.
    pub worst: Vec<Worst>,
    /// By month or year, in order.
    pub timeline: Vec<Bar>,
}

/// How many migrations, and which is the latest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// How many.
    pub migrations: usize,
    /// The name of the latest.
    pub latest: Option<String>,
}

/// A rule, and how often it found something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// The rule.
    pub rule: String,
    /// Findings.
    pub findings: usize,
    /// Migrations with one.
    pub migrations: usize,
    /// The worst severity.
    pub severity: Severity,
}

/// A statement that stands out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worst {
    /// The migration.
    pub migration: String,
    /// The file.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// The beginning of the statement.
    pub title: String,
    /// The rule.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// What happens to whom.
    pub message: String,
    /// How long somebody waits.
    pub estimate: Option<Estimate>,
    /// What to do instead.
    pub fix: Option<Fix>,
}

/// A period of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// `2024-03` or `2024`.
    pub period: String,
    /// Migrations.
    pub migrations: usize,
    /// Those that block for longer than the budget.
    pub blocking: usize,
    /// Those that break clients and do not block.
    pub breaking: usize,
}

/// How many of the worst are shown.
const WORST: usize = 10;

/// Counts a history, migration by migration.
#[derive(Debug)]
pub struct Auditor {
    audit: Audit,
    blocked_ms: (f64, f64),
    worst: Vec<Worst>,
    months: Vec<(Option<Period>, bool, bool)>,
}

impl Auditor {
    /// Before the first migration.
    pub fn new(assumed_rows: f64, sender: impl Into<String>) -> Self {
        Self {
            audit: Audit { assumed_rows, sender: sender.into(), ..Audit::default() },
            blocked_ms: (0.0, 0.0),
            worst: Vec::new(),
            months: Vec::new(),
        }
    }

    /// A migration, judged.
    pub fn add(&mut self, migration: &str, report: &FileReport) {
        let audit = &mut self.audit;
        audit.migrations += 1;
        audit.statements += report.statements.len();
        audit.unreadable += usize::from(report.findings.iter().any(|finding| finding.rule == "syntax-error"));
        let of = |group| report.findings.iter().filter(move |finding| group_of(&finding.rule) == Some(group));
        let bad = |group| of(group).any(|finding| finding.severity >= Severity::Danger);
        let blocking = report.findings.iter().any(blocks);
        let breaking = bad(Group::Compatibility);
        let not_atomic = report.findings.iter().any(|finding| finding.rule == "not-atomic");
        let failing = of(Group::Failure)
            .any(|finding| finding.severity == Severity::Blocker && finding.confidence > Confidence::Low);
        let losing = bad(Group::Data);
        audit.blocking.count(blocking, migration);
        audit.breaking.count(breaking, migration);
        audit.not_atomic.count(not_atomic, migration);
        audit.failing.count(failing, migration);
        audit.losing.count(losing, migration);
        audit.harmless += usize::from(!(blocking || breaking || failing || losing));
        for estimate in
            report.statements.iter().filter(|one| keeps_waiting(one)).filter_map(|one| one.estimate.as_ref())
        {
            self.blocked_ms.0 += estimate.least_ms;
            self.blocked_ms.1 += estimate.most_ms;
        }
        let mut told: Vec<&str> = Vec::new();
        for finding in &report.findings {
            let first = !told.contains(&finding.rule.as_str());
            told.push(&finding.rule);
            count_rule(&mut audit.rules, finding, first);
            if finding.severity >= Severity::Danger {
                self.worst.push(Worst::of(migration, report, finding));
            }
        }
        // Keep the list short on the way.
        if self.worst.len() > 100 {
            self.worst = worst_of(std::mem::take(&mut self.worst));
        }
        self.months.push((Period::of_migration(migration), blocking, breaking && !blocking));
    }

    /// What it comes to.
    pub fn finish(self) -> Audit {
        let mut audit = self.audit;
        audit.rules.sort_by(|a, b| b.findings.cmp(&a.findings).then_with(|| a.rule.cmp(&b.rule)));
        audit.worst = worst_of(self.worst);
        audit.timeline = period::timeline(&self.months);
        if self.blocked_ms.1 > 0.0 {
            audit.blocked = Some(Estimate {
                least_ms: self.blocked_ms.0,
                most_ms: self.blocked_ms.1,
                source: format!(
                    "measured rates at {} rows a table",
                    crate::quantity::count(audit.assumed_rows)
                ),
            });
        }
        audit
    }
}

impl Counted {
    fn count(&mut self, so: bool, migration: &str) {
        if so {
            self.migrations += 1;
            self.latest = Some(migration.to_owned());
        }
    }
}

impl Worst {
    fn of(migration: &str, report: &FileReport, finding: &Finding) -> Self {
        let statement = finding.statement.and_then(|at| report.statements.get(at - 1));
        Self {
            migration: migration.to_owned(),
            path: report.path.clone(),
            line: finding.span.as_ref().map_or(1, |span| span.line),
            title: statement.map(|one| one.title.clone()).unwrap_or_default(),
            rule: finding.rule.clone(),
            severity: finding.severity,
            message: finding.message.clone(),
            estimate: finding.estimate.clone(),
            fix: finding.fix.clone(),
        }
    }

    fn weight(&self) -> (Severity, f64) {
        (self.severity, self.estimate.as_ref().map_or(0.0, |estimate| estimate.most_ms))
    }
}

/// The worst first, one for each statement, and of each rule no more than a few, so that a page does not say
/// one thing ten times.
fn worst_of(mut all: Vec<Worst>) -> Vec<Worst> {
    const OF_ONE_RULE: usize = 3;
    all.sort_by(|a, b| {
        let (a_severity, a_ms) = a.weight();
        let (b_severity, b_ms) = b.weight();
        b_ms.total_cmp(&a_ms).then(b_severity.cmp(&a_severity)).then_with(|| b.migration.cmp(&a.migration))
    });
    let mut kept: Vec<Worst> = Vec::new();
    for one in all {
        let same_place = |other: &Worst| other.path == one.path && other.line == one.line;
        let same_rule = kept.iter().filter(|other| other.rule == one.rule).count();
        if kept.len() < WORST && same_rule < OF_ONE_RULE && !kept.iter().any(same_place) {
            kept.push(one);
        }
    }
    kept
}

fn blocks(finding: &Finding) -> bool {
    finding.severity >= Severity::Danger
        && finding.estimate.is_some()
        && finding.locks.iter().any(|lock| lock.blocks >= Blocks::Writes)
}

fn keeps_waiting(statement: &StatementReport) -> bool {
    statement.locks.iter().any(|lock| lock.blocks >= Blocks::Writes)
}

fn group_of(rule: &str) -> Option<Group> {
    rules().find(|known| known.name() == rule).map(|known| known.group)
}

fn count_rule(counts: &mut Vec<RuleCount>, finding: &Finding, first: bool) {
    match counts.iter_mut().find(|known| known.rule == finding.rule) {
        Some(known) => {
            known.findings += 1;
            known.migrations += usize::from(first);
            known.severity = known.severity.max(finding.severity);
        }
        None => counts.push(RuleCount {
            rule: finding.rule.clone(),
            findings: 1,
            migrations: 1,
            severity: finding.severity,
        }),
    }
}
