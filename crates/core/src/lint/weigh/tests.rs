//! The order in which comments, settings and baseline speak.

use jiff::civil::date;

use super::*;
use crate::lint::finding::{Finding, Severity};
use crate::lint::lines::Lines;
use crate::lint::report::{FileReport, StatementReport};
use crate::settings::Settings;

const PATH: &str = "migrations/1/migration.sql";

/// A rule `drops` that finds every statement.
fn found(text: &str) -> Report {
    let lines = Lines::of(text);
    let statements = underpin_sql::read(text).unwrap();
    let findings = statements.iter().enumerate().map(|(index, statement)| Finding {
        span: Some(lines.span(statement.span.clone())),
        statement: Some(index + 1),
        ..Finding::new("drops", Severity::Danger, PATH, "")
    });
    let reports = statements.iter().map(|statement| StatementReport {
        span: lines.span(statement.span.clone()),
        title: String::new(),
        locks: Vec::new(),
        work: "instant".to_owned(),
        estimate: None,
        transaction: 1,
    });
    Report {
        files: vec![FileReport {
            path: PATH.to_owned(),
            statements: reports.collect(),
            findings: findings.collect(),
        }],
    }
}

fn weighed(text: &str, settings: &str, baseline: &Baseline) -> (Report, Weighed) {
    let settings = Settings::from_toml(settings).unwrap().lint;
    let mut report = found(text);
    let weights = Weights {
        settings: &settings,
        known: Known { rules: &["drops", "unused-ignore", "malformed-ignore", "expired-ignore"], idle: &[] },
        baseline,
        scope: Scope::Whole,
        today: date(2026, 11, 21),
        rooted: &|path| format!("db/{path}"),
    };
    let weighed = weigh(&mut report, &weights, &|path| (path == PATH).then_some(text));
    (report, weighed)
}

/// Rule and severity of what counts.
fn counted(report: &Report) -> Vec<String> {
    report.counted().map(|finding| format!("{} {}", finding.rule, finding.severity)).collect()
}

#[test]
fn a_comment_speaks_before_the_settings_and_what_is_wrong_with_it_is_weighed_too() {
    let text = "-- underpin: ignore drops because a\nDROP VIEW a;\nDROP VIEW b; -- underpin: ignore drops\n";
    let none = Baseline::default();
    assert_eq!(counted(&weighed(text, "", &none).0), ["drops danger", "malformed-ignore caution"]);
    let severities = "[lint.severity]\ndrops = \"info\"\nmalformed-ignore = \"blocker\"\n";
    assert_eq!(counted(&weighed(text, severities, &none).0), ["drops info", "malformed-ignore blocker"]);
    let ignore = "[[lint.ignore]]\npaths = [\"db/migrations\"]\nbecause = \"old\"\n";
    let (report, _) = weighed(text, ignore, &none);
    assert_eq!(counted(&report), [""; 0]);
    let reasons: Vec<_> =
        report.files[0].findings.iter().map(|finding| finding.suppressed.clone().unwrap()).collect();
    assert!(matches!(&reasons[0], Suppression::Comment { reason, .. } if reason == "a"), "{reasons:?}");
    assert!(matches!(&reasons[1], Suppression::Settings { reason } if reason == "old"), "{reasons:?}");
}

#[test]
fn an_entry_whose_day_is_over_counts_no_longer_and_is_told() {
    let entry = |until| format!("[[lint.ignore]]\nrules = [\"drops\"]\nbecause = \"old\"\nuntil = {until}\n");
    let (report, told) = weighed("DROP VIEW a;", &entry("2026-11-21"), &Baseline::default());
    assert_eq!((counted(&report).len(), told.expired.len()), (0, 0));
    let (report, told) = weighed("DROP VIEW a;", &entry("2026-11-20"), &Baseline::default());
    assert_eq!(counted(&report), ["drops danger"]);
    assert_eq!(told.expired, ["lint.ignore held for drops until 2026-11-20, because old; it counts again"]);
}

#[test]
fn the_baseline_knows_findings_when_lines_move_and_counts_equal_ones() {
    let rooted = |path: &str| format!("db/{path}");
    let none = Baseline::default();
    let (before, _) = weighed("DROP VIEW a;\nDROP VIEW a;\n", "", &none);
    let baseline = none.renewed(&before, Scope::Whole, &rooted);
    assert_eq!(baseline.len(), 2);
    let (after, told) =
        weighed("\n-- new\nDROP  VIEW a;\nDROP VIEW b;\nDROP VIEW a;\nDROP VIEW a;\n", "", &baseline);
    let counted: Vec<_> = after.counted().map(|finding| finding.span.as_ref().unwrap().line).collect();
    assert_eq!((counted, told.baseline_stale), (vec![4, 6], 0));
    let (_, told) = weighed("DROP VIEW a;\n", "", &baseline);
    assert_eq!(told.baseline_stale, 1);
}
