//! One report with everything that makes an output stumble, in every form.

mod sarif;
mod schema;

use std::collections::BTreeMap;

use underpin_core::lint::finding::{
    Blocks, Confidence, Estimate, Fix, FixStatement, LockFact, Span, Suppression,
};
use underpin_core::lint::lines::Lines;
use underpin_core::lint::page::IGNORING;
use underpin_core::lint::report::{FileReport, StatementReport};

use super::*;

/// Signs of two and four bytes before the column, carriage returns, and a name with everything that
/// Markdown, XML and workflow commands take for their own.
const AWKWARD: &str = "-- 🚀 naïve\r\n/* é🚀 */ ALTER TABLE \"a|`b`,:%<&>\" ALTER COLUMN \"é\" TYPE bigint;\r\nDROP TABLE\r\n\t\"x\",\r\n\t\"y\";\r\n";
const AWKWARD_PATH: &str = "prisma/migrations/20260101000000_naïve & more/migration.sql";

/// A statement of 12 lines and one of 300 columns whose interesting part is at its end.
const LONG_PATH: &str = "../long.sql";

fn long() -> String {
    let columns: String = (1..=10).map(|n| format!("  \"column{n}\" TEXT,\n")).collect();
    let table = format!("CREATE TABLE \"Long\" (\n{columns}  \"last\" TEXT);\n");
    let names: Vec<String> = (1..=24).map(|n| format!("\"column_{n:02}\"")).collect();
    format!("{table}CREATE INDEX \"Long_idx\" ON \"Long\" ({}); DROP TABLE \"Wide\";\n", names.join(", "))
}

/// Where a part of a text stands.
fn span(text: &str, part: &str) -> Span {
    let start = text.find(part).unwrap_or_else(|| panic!("{part} is not there"));
    Lines::of(text).span(start..start + part.len())
}

fn lock(relation: &str, mode: underpin_catalog::LockMode) -> LockFact {
    LockFact { relation: relation.to_owned(), mode, blocks: Blocks::of(mode) }
}

fn finding(rule: &str, severity: Severity, path: &str, span: Option<Span>, message: &str) -> Finding {
    Finding {
        span,
        fingerprint: format!("{:032x}", rule.len() * 16 + message.len()),
        ..Finding::new(rule, severity, path, message)
    }
}

fn statement(text: &str, part: &str, title: &str, locks: Vec<LockFact>, work: &str) -> StatementReport {
    StatementReport {
        span: span(text, part),
        title: title.to_owned(),
        locks,
        work: work.to_owned(),
        estimate: None,
        transaction: 1,
    }
}

fn awkward_file() -> FileReport {
    use underpin_catalog::LockMode::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};
    let alter = "ALTER TABLE \"a|`b`,:%<&>\" ALTER COLUMN \"é\" TYPE bigint";
    let drop = "DROP TABLE\r\n\t\"x\",\r\n\t\"y\"";
    let estimate = Estimate {
        least_ms: 40_000.0,
        most_ms: 160_000.0,
        source: "measured rates at 30,000,000 rows".to_owned(),
    };
    let locks = vec![
        lock("a|`b`,:%<&>", AccessExclusive),
        lock("parent", ShareRowExclusive),
        lock("other", ShareUpdateExclusive),
    ];
    let rewrite = Finding {
        statement: Some(1),
        object: Some("a|`b`,:%<&>.é".to_owned()),
        confidence: Confidence::Low,
        locks: locks.clone(),
        estimate: Some(estimate.clone()),
        assumptions: vec!["the table has 30,000,000 rows, because nobody said how many".to_owned()],
        fix: Some(Fix {
            advice: "add a column, fill it, then swap".to_owned(),
            statements: vec![
                FixStatement {
                    sql: "ALTER TABLE \"a|`b`,:%<&>\" ADD COLUMN \"é2\" bigint".to_owned(),
                    alone: false,
                    later: false,
                    in_batches: false,
                },
                FixStatement {
                    sql: "CREATE INDEX CONCURRENTLY ON \"a|`b`,:%<&>\" (\"é2\")".to_owned(),
                    alone: true,
                    later: false,
                    in_batches: false,
                },
                FixStatement {
                    sql: "ALTER TABLE \"a|`b`,:%<&>\" DROP COLUMN \"é\"".to_owned(),
                    alone: false,
                    later: true,
                    in_batches: false,
                },
                FixStatement {
                    sql: "ALTER TABLE \"a|`b`,:%<&>\" RENAME COLUMN \"é2\" TO \"é\"".to_owned(),
                    alone: false,
                    later: false,
                    in_batches: false,
                },
            ],
        }),
        ..finding(
            "type-change-rewrites",
            Severity::Danger,
            AWKWARD_PATH,
            Some(span(AWKWARD, alter)),
            "every row of a|`b`,:%<&> is written anew, and @everybody waits_for_it",
        )
    };
    let fails = Finding {
        statement: Some(1),
        sqlstate: Some("22003".to_owned()),
        confidence: Confidence::Medium,
        check: Some("SELECT FROM \"a|`b`,:%<&>\" WHERE \"é\" > 5 LIMIT 1".to_owned()),
        ..finding(
            "cast-can-fail",
            Severity::Blocker,
            AWKWARD_PATH,
            Some(span(AWKWARD, "\"é\" TYPE bigint")),
            "a value does not fit\r\n::error::this is no command]]><script>\u{1b}[31m",
        )
    };
    let waits = Finding {
        statement: Some(1),
        locks: locks.clone(),
        fix: Some(Fix { advice: "set a lock_timeout".to_owned(), statements: Vec::new() }),
        ..finding(
            "unbounded-lock-wait",
            Severity::Caution,
            AWKWARD_PATH,
            Some(span(AWKWARD, alter)),
            "the lock is waited for without a limit",
        )
    };
    let ignored = |by: Suppression| Finding {
        statement: Some(2),
        suppressed: Some(by),
        ..finding("drop-table", Severity::Danger, AWKWARD_PATH, Some(span(AWKWARD, drop)), "x and y are gone")
    };
    let comment = Suppression::Comment {
        reason: "nobody <reads> \"them\"".to_owned(),
        until: Some("2027-01-31".to_owned()),
    };
    let mut first = statement(AWKWARD, alter, "ALTER TABLE \"a|`b`,:%<&>\" ALTER COLUMN", locks, "rewrite");
    first.estimate = Some(estimate);
    FileReport {
        path: AWKWARD_PATH.to_owned(),
        statements: vec![
            first,
            statement(AWKWARD, drop, "DROP TABLE \"x\"", vec![lock("x", AccessExclusive)], "instant"),
        ],
        findings: vec![
            finding("file-is-mixed", Severity::Info, AWKWARD_PATH, None, "the file has no place for this"),
            waits,
            rewrite,
            fails,
            ignored(comment),
            ignored(Suppression::Baseline),
            ignored(Suppression::Settings { reason: "old".to_owned() }),
        ],
    }
}

fn long_file(text: &str) -> FileReport {
    use underpin_catalog::LockMode::{AccessExclusive, Share};
    let table = text.split(';').next().unwrap_or_default();
    let index = text.split(';').nth(1).unwrap_or_default().trim();
    let build = Finding {
        statement: Some(2),
        locks: vec![lock("Long", Share)],
        fix: Some(Fix { advice: "build it CONCURRENTLY".to_owned(), statements: Vec::new() }),
        ..finding(
            "index-build-blocks-writes",
            Severity::Caution,
            LONG_PATH,
            Some(span(text, index)),
            "writes wait",
        )
    };
    FileReport {
        path: LONG_PATH.to_owned(),
        statements: vec![
            statement(text, table, "CREATE TABLE \"Long\"", Vec::new(), "instant"),
            statement(text, index, "CREATE INDEX", vec![lock("Long", Share)], "build"),
            statement(
                text,
                "DROP TABLE \"Wide\"",
                "DROP TABLE \"Wide\"",
                vec![lock("Wide", AccessExclusive)],
                "instant",
            ),
        ],
        findings: vec![
            finding("unused-ignore", Severity::Info, LONG_PATH, Some(span(text, table)), "a long one"),
            build,
            Finding {
                statement: Some(3),
                ..finding(
                    "drop-table",
                    Severity::Caution,
                    LONG_PATH,
                    Some(span(text, "DROP TABLE \"Wide\"")),
                    "the table and its rows are gone",
                )
            },
        ],
    }
}

/// The awkward report in a form.
fn rendered(format: Format, change: impl FnOnce(&mut Told<'_>)) -> String {
    let long = long();
    let clean = FileReport { path: "clean.sql".to_owned(), statements: Vec::new(), findings: Vec::new() };
    let report = Report { files: vec![awkward_file(), long_file(&long), clean] };
    let texts = BTreeMap::from([(AWKWARD_PATH, AWKWARD), (LONG_PATH, long.as_str())]);
    let weighed = Weighed {
        baseline_stale: 2,
        expired: vec![
            "lint.ignore held for drop-table until 2026-01-01, because old; it counts again".to_owned(),
        ],
    };
    let mut told = Told {
        report: &report,
        weighed: &weighed,
        pages: &IGNORING,
        text_of: &|path| texts.get(path).copied(),
        fail_on: Severity::Danger,
        below: "packages/db/",
        width: 100,
        styled: false,
        checked: None,
    };
    change(&mut told);
    written(format, &told)
}

fn written(format: Format, told: &Told<'_>) -> String {
    let mut bytes = Vec::new();
    write_to(format, told, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn human() {
    insta::assert_snapshot!(rendered(Format::Human, |_| {}));
}

#[test]
fn a_narrow_terminal_cuts_lines_and_not_words() {
    insta::assert_snapshot!(rendered(Format::Human, |told| told.width = 60));
}

/// A file without line feeds, as some tools write them: each place is shown, and none costs the whole file.
#[test]
fn a_file_of_one_line_is_shown_in_parts() {
    let text = "SELECT 'é'; ".repeat(100_000);
    let mut file = FileReport { path: "line.sql".to_owned(), statements: Vec::new(), findings: Vec::new() };
    let lines = Lines::of(&text);
    for start in (0..text.len() - 20).step_by(13).take(2_000) {
        let place = lines.span(start + 130_000..start + 130_011);
        file.findings.push(finding("truncate", Severity::Info, "line.sql", Some(place), "gone"));
    }
    let told = Told {
        report: &Report { files: vec![file] },
        weighed: &Weighed::default(),
        pages: &[],
        text_of: &|_| Some(&text),
        fail_on: Severity::Danger,
        below: "",
        width: 100,
        styled: false,
        checked: None,
    };
    let shown = written(Format::Human, &told);
    let first = "info[truncate]: gone\n--> line.sql:1:120001\n = statement: SELECT 'é'\n\n";
    assert!(shown.starts_with(first), "{}", &shown[..300]);
    assert_eq!(shown.matches("info[truncate]").count(), 2_000);
}

#[test]
fn colour_is_never_the_only_signal() {
    let plain = rendered(Format::Human, |_| {});
    let styled = rendered(Format::Human, |told| told.styled = true);
    assert!(!plain.contains('\u{1b}'));
    assert!(styled.contains("\u{1b}["));
    let mut bare = String::new();
    let mut rest = styled.as_str();
    while let Some(at) = rest.find("\u{1b}[") {
        bare.push_str(&rest[..at]);
        let behind = &rest[at..];
        rest = &behind[behind.find('m').unwrap() + 1..];
    }
    bare.push_str(rest);
    assert_eq!(bare, plain);
}

#[test]
fn json() {
    let text = rendered(Format::Json, |_| {});
    assert_eq!(text.find('\n'), Some(text.len() - 1), "one object, one line");
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&object).unwrap());
}

#[test]
fn sarif_log() {
    insta::assert_snapshot!(rendered(Format::Sarif, |_| {}));
}

#[test]
fn github() {
    let text = rendered(Format::Github, |_| {});
    insta::assert_snapshot!(text);
    // Whatever a file contains, it gives no command of its own.
    let commands = text.lines().filter(|line| line.starts_with("::")).count();
    assert_eq!(commands, 7);
    assert!(!text.contains('\r'));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(rendered(Format::Markdown, |_| {}));
}

#[test]
fn a_comment_has_an_end() {
    let long = long();
    let mut report = Report { files: Vec::new() };
    for n in 0..400 {
        let mut file = awkward_file();
        file.path = format!("{n}/migration.sql");
        report.files.push(file);
    }
    let text = rendered_from(&report, &long);
    assert!(text.len() <= 65_536, "{}", text.len());
    assert!(text.len() > 60_000, "{}", text.len());
    assert!(text.contains("\nLeft out, because a comment has an end: "), "{}", &text[text.len() - 300..]);
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    // What was found goes before the locks of files without findings.
    report.files.truncate(2);
    for n in 0..400 {
        let mut file = awkward_file();
        file.path = format!("quiet/{n}/migration.sql");
        file.findings.clear();
        report.files.push(file);
    }
    let text = rendered_from(&report, &long);
    assert!(text.len() <= 65_536 && text.contains(" tables, 0 findings. "), "{}", &text[text.len() - 300..]);
    assert_eq!(text.matches("<details>").count(), 8);
}

fn rendered_from(report: &Report, text: &str) -> String {
    written(
        Format::Markdown,
        &Told {
            report,
            weighed: &Weighed::default(),
            pages: &[],
            text_of: &|_| Some(text),
            fail_on: Severity::Info,
            below: "",
            width: 100,
            styled: false,
            checked: None,
        },
    )
}

#[test]
fn junit() {
    insta::assert_snapshot!(rendered(Format::Junit, |_| {}));
}

#[test]
fn what_fails_is_said_by_the_limit() {
    let code = |limit| {
        let mut code = 0;
        rendered(Format::Json, |told| {
            told.fail_on = limit;
            code = told.exit_code();
        });
        code
    };
    assert_eq!((code(Severity::Blocker), code(Severity::Info)), (10, 10));
    let mut step = None;
    rendered(Format::Json, |told| step = told.next_step());
    let step = step.unwrap();
    assert!(step.starts_with("`underpin explain ") && step.contains("lint --fix --dry-run"), "{step}");
    let mut report = Report { files: vec![awkward_file()] };
    // What is ignored never fails.
    report.files[0].findings.retain(|finding| finding.suppressed.is_some());
    let text = rendered_from(&report, AWKWARD);
    assert!(text.contains("underpin lint passes"), "{text}");
}
