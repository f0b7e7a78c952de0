//! Which comment is for which statement, with a rule that finds something in every `DROP`.

use jiff::civil::date;

use super::*;

/// `drops` finds every statement that begins with DROP, `tables` every DROP TABLE, `file` the file.
fn judged(text: &str) -> FileReport {
    let lines = Lines::of(text);
    let statements: Vec<_> = underpin_sql::read(text).unwrap_or_default();
    let finding = |rule: &str, span: Option<Span>, statement| Finding {
        span,
        statement,
        ..Finding::new(rule, Severity::Danger, "a.sql", "")
    };
    let mut findings = vec![finding("file", None, None)];
    for (index, statement) in statements.iter().enumerate() {
        let span = lines.span(statement.span.clone());
        if statement.text.starts_with("DROP") {
            findings.push(finding("drops", Some(span.clone()), Some(index + 1)));
        }
        if statement.text.starts_with("DROP TABLE") {
            findings.push(finding("tables", Some(span), None));
        }
    }
    let statements = statements
        .iter()
        .map(|statement| StatementReport {
            span: lines.span(statement.span.clone()),
            title: String::new(),
            locks: Vec::new(),
            work: "instant".to_owned(),
            estimate: None,
            transaction: 1,
        })
        .collect();
    FileReport { path: "a.sql".to_owned(), statements, findings }
}

/// What counts, as `rule@line` of the finding, and what is told about comments, as `rule@line message`.
fn counted(text: &str) -> Vec<String> {
    let mut file = judged(text);
    let mut rules = vec!["drops", "tables", "file", "idle"];
    rules.extend(IGNORING.iter().map(|page| page.name));
    suppress(&mut file, text, Known { rules: &rules, idle: &["idle"] }, date(2026, 11, 21));
    file.findings
        .iter()
        .filter(|finding| finding.suppressed.is_none())
        .map(|finding| {
            let line = finding.span.as_ref().map_or(0, |span| span.line);
            let told = if is_about_ignoring(&finding.rule) {
                format!(" {}", finding.message)
            } else {
                String::new()
            };
            format!("{}@{line}{told}", finding.rule)
        })
        .collect()
}

#[test]
fn a_comment_is_for_the_next_statement_or_the_one_of_its_line() {
    let next = "-- underpin: ignore drops because a\n\n-- DropView\nDROP VIEW a;\nDROP VIEW b;\n";
    assert_eq!(counted(next), ["file@0", "drops@5"]);
    assert_eq!(
        counted("DROP VIEW a; -- underpin: ignore drops because a\nDROP VIEW b;\n"),
        ["file@0", "drops@2"]
    );
    assert_eq!(
        counted("DROP VIEW\n-- underpin: ignore drops because a\n a;\nDROP VIEW b;\n"),
        ["file@0", "drops@4"]
    );
    let between = "DROP VIEW a; /* underpin: ignore drops because a */ DROP TABLE b;\nDROP VIEW c;";
    assert_eq!(counted(between), ["file@0", "drops@1", "tables@1", "drops@2"]);
    let crlf = "DROP VIEW a;\r\n-- underpin: ignore drops, tables because a\r\nDROP TABLE b;\r\n";
    assert_eq!(counted(crlf), ["file@0", "drops@1"]);
}

#[test]
fn a_comment_at_the_head_is_for_the_whole_file() {
    let head = "-- underpin: ignore-file drops, file because a\nDROP VIEW a;\nDROP TABLE b;\n";
    assert_eq!(counted(head), ["tables@3"]);
    let late = counted("DROP VIEW a;\n-- underpin: ignore-file drops because a\nDROP VIEW b;\n");
    assert_eq!(
        late,
        [
            "file@0",
            "drops@1",
            "drops@3",
            "malformed-ignore@2 `ignore-file` stands before the first statement of its file"
        ]
    );
}

#[test]
fn a_date_holds_for_its_day_and_no_longer() {
    assert_eq!(counted("-- underpin: ignore drops until 2026-11-21 because a\nDROP VIEW a;\n"), ["file@0"]);
    assert_eq!(
        counted("-- underpin: ignore drops until 2026-11-20 because it is small\nDROP VIEW a;\n"),
        [
            "file@0",
            "drops@2",
            "expired-ignore@1 `drops` was ignored until 2026-11-20, because it is small; it counts again"
        ]
    );
}

#[test]
fn a_comment_without_effect_is_told() {
    for (text, told) in [
        (
            "-- underpin: ignore tables because a\nSELECT 1;\n",
            "unused-ignore@1 `tables` finds nothing in this statement that is not ignored already",
        ),
        (
            "-- underpin: ignore tbles because a\nSELECT 1;\n",
            "malformed-ignore@1 there is no rule called `tbles`; did you mean `tables`?",
        ),
        (
            "SELECT 1;\n\n-- underpin: ignore tables because a\n",
            "malformed-ignore@3 no statement follows this comment, so there is nothing that it could be for",
        ),
        (
            "-- underpin: ignore unused-ignore because a\nSELECT 1;\n",
            "malformed-ignore@1 `unused-ignore` is about comments, and no comment ignores it; underpin.toml can",
        ),
    ] {
        assert_eq!(counted(text), ["file@0", told]);
    }
    // What a rule would find that did not run is not known, and neither is what a broken file would do.
    assert_eq!(counted("-- underpin: ignore idle because a\nSELECT 1;\n"), ["file@0"]);
    assert_eq!(counted("-- underpin: ignore tables because a\nDROP TABEL a;\n"), ["file@0"]);
    assert_eq!(counted("SELECT '-- underpin: ignore nothing';\n"), ["file@0"]);
}

#[test]
fn one_unknown_rule_does_not_undo_the_others() {
    let told = counted("-- underpin: ignore drops, nonsense because a\nDROP VIEW a;\n");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].starts_with("malformed-ignore@1 there is no rule called `nonsense`"), "{told:?}");
}
