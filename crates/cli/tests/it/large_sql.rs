//! Files that are SQL and larger than anybody writes them: all of it is read, or what was not is told with its
//! place. Nothing is measured here, only counted; time and memory of far larger files are held in `bad_sql`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What lint said of one file.
struct Linted {
    code: i32,
    /// How many statements the file has.
    statements: usize,
    /// Rule, line, column and message.
    findings: Vec<(String, u64, u64, String)>,
}

impl Linted {
    /// The places of the findings of a rule.
    fn places(&self, rule: &str) -> Vec<(u64, u64)> {
        let of_rule = self.findings.iter().filter(|(found, ..)| found == rule);
        of_rule.map(|(_, line, column, _)| (*line, *column)).collect()
    }
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    let output = command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Lint of a file with this text. Audit and explain-tx must end too, one way or the other.
fn linted(text: &str) -> Linted {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.sql"), text).unwrap();
    for arguments in [&["audit", "a.sql"][..], &["explain-tx", "--prisma", "7.4", "a.sql"]] {
        let (code, _) = run(folder.path(), arguments);
        assert!([0, 2, 10].contains(&code), "{arguments:?} ended with {code}");
    }
    let (code, stdout) = run(folder.path(), &["lint", "--format", "json", "a.sql"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let file = &report["files"][0];
    let told = |one: &Value| {
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        let place = |key: &str| one["span"][key].as_u64().unwrap();
        (text("rule"), place("line"), place("column"), text("message"))
    };
    let findings = file["findings"].as_array().unwrap().iter().map(told).collect();
    Linted { code, statements: file["statements"].as_array().unwrap().len(), findings }
}

#[test]
fn half_a_million_rows_in_one_insert() {
    let rows: Vec<String> = (0..500_000).map(|i| format!("({i})")).collect();
    let said = linted(&format!("SELECT 1;\nINSERT INTO a VALUES\n{};\nDROP TABLE b;\n", rows.join(",\n")));
    assert_eq!((said.code, said.statements), (10, 3));
    assert_eq!(said.places("drop-table"), [(500_003, 1)]);
    // Too long to be taken apart, and said to be.
    assert_eq!(said.places("unknown-effect"), [(2, 1)]);
    let unknown = said.findings.iter().find(|(rule, ..)| rule == "unknown-effect").unwrap();
    assert!(unknown.3.starts_with("underpin does not read a statement of 5 MB"), "{}", unknown.3);
}

#[test]
fn an_insert_for_each_of_many_rows() {
    let rows: String = (0..30_000).map(|i| format!("INSERT INTO a (i) VALUES ({i});\n")).collect();
    let said = linted(&format!("{rows}DROP TABLE b;\n"));
    assert_eq!((said.code, said.statements), (10, 30_001));
    assert_eq!(said.places("drop-table"), [(30_001, 1)]);
    assert_eq!(said.places("unknown-effect"), []);
}

#[test]
fn a_string_of_megabytes() {
    let string = "it''s ; -- é\n".repeat(400_000);
    let said = linted(&format!("INSERT INTO a VALUES ('{string}');\nDROP TABLE b;\n"));
    assert_eq!((said.code, said.statements), (10, 2));
    assert_eq!(said.places("unknown-effect"), [(1, 1)]);
    assert_eq!(said.places("drop-table"), [(400_002, 1)]);
    // One that is opened and never closed is the error, and not what stands in it.
    let said = linted(&format!("SELECT 1;\nINSERT INTO a VALUES ('{string}\n);\nDROP TABLE b;\n"));
    assert_eq!((said.code, said.statements, said.findings.len()), (10, 0, 1));
    assert_eq!(said.places("syntax-error"), [(2, 23)]);
}

#[test]
fn ten_thousand_statements_on_one_line() {
    let columns: String = (10_000..20_000).map(|i| format!("ALTER TABLE a ADD c{i} int; ")).collect();
    let said = linted(&format!("{columns}DROP TABLE b;"));
    assert_eq!((said.code, said.statements), (10, 10_001));
    let column = columns.len() as u64 + 1;
    assert_eq!(said.places("drop-table"), [(1, column)]);
    assert_eq!(said.places("unknown-effect"), []);
    let said = linted(&format!("{columns}DROP TABEL b;"));
    assert_eq!((said.code, said.statements, said.findings.len()), (10, 0, 1));
    assert_eq!(said.places("syntax-error"), [(1, column + 5)]);
}

#[test]
fn a_line_of_megabytes() {
    // A character is a column, however many bytes it has.
    let comment = format!("/* {} */ ", "é".repeat(2_500_000));
    let column = comment.chars().count() as u64 + 1;
    let said = linted(&format!("{comment}DROP TABLE a;"));
    assert_eq!((said.code, said.statements), (10, 1));
    assert_eq!(said.places("drop-table"), [(1, column)]);
    let said = linted(&format!("{comment}DROP TABEL a;"));
    assert_eq!((said.code, said.statements, said.findings.len()), (10, 0, 1));
    assert_eq!(said.places("syntax-error"), [(1, column + 5)]);
    let list = vec!["1"; 2_500_000].join(",");
    let said = linted(&format!("SELECT {list}; DROP TABLE a;"));
    assert_eq!((said.code, said.statements), (10, 2));
    assert_eq!(said.places("unknown-effect"), [(1, 1)]);
    assert_eq!(said.places("drop-table"), [(1, list.len() as u64 + 10)]);
}
