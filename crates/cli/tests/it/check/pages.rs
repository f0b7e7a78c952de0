//! The pages of the rules that take a server, as tests.
//!
//! A section has, or inherits, these fences: `sql history`, the migration before, with its way back in `sql down
//! history`; `sql`, the migration itself, with its way back in `sql down`; `prisma`, the models of the schema.
//! `told` has a line `SUBJECT: RULE SEVERITY [SQLSTATE]` for each finding, or `none`; the subject is the table or
//! enum, else the line, else `whole file`.

use underpin_testkit::{CaseFile, Section};

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/rules");

#[test]
fn every_case_of_every_page_is_as_the_page_says() {
    let rules = [
        "history-fails",
        "schema-differs",
        "schema-unreadable",
        "down-differs",
        "down-fails",
        "down-missing",
    ];
    for rule in rules {
        let page = CaseFile::read(&std::path::Path::new(FOLDER).join(format!("{rule}.md")));
        let cases: Vec<_> = page.cases("told").collect();
        assert!(cases.len() > 1, "{rule} shows too little");
        for section in cases {
            let expected = &section.own("told").unwrap().text;
            assert_eq!(shown(&page, section, rule), *expected, "{}", page.place(section));
        }
    }
}

fn shown(page: &CaseFile, section: &Section, rule: &str) -> String {
    let fence = |info: &str| page.inherited(section, info).last().map(|fence| fence.text.clone());
    let clone = GitFolder::without_git();
    clone.write("package.json", "{}");
    let write = |info: &str, path: &str| {
        if let Some(text) = fence(info) {
            clone.write(path, &text);
        }
    };
    write("sql history", INIT);
    write("sql down history", &INIT.replace("migration.sql", "down.sql"));
    write("sql", NOTE);
    write("sql down", &NOTE.replace("migration.sql", "down.sql"));
    let models = fence("prisma");
    clone.write("prisma/schema.prisma", &schema(models.as_deref().unwrap_or_default()));
    let mut skipped = vec!["--skip", "base", "--skip", "lint"];
    if !rule.starts_with("schema") {
        skipped.extend(["--skip", "schema"]);
    }
    let said = told(&clone, &skipped);
    let before = schema("").lines().count() as u64;
    let mut lines: Vec<String> = said.counted().map(|finding| line(finding, before)).collect();
    if lines.is_empty() {
        lines.push("none\n".to_owned());
    }
    lines.concat()
}

fn line(finding: &Value, before: u64) -> String {
    let text = |key: &str| finding[key].as_str().unwrap_or_default();
    let line = finding["span"]["line"].as_u64();
    let subject = match (text("rule"), line) {
        ("schema-differs", _) => text("object").to_owned(),
        (rule, Some(line)) if rule.starts_with("schema") => (line - before).to_string(),
        (_, Some(line)) => line.to_string(),
        (_, None) => "whole file".to_owned(),
    };
    let state = if text("sqlstate").is_empty() { String::new() } else { format!(" {}", text("sqlstate")) };
    format!("{subject}: {} {}{state}\n", text("rule"), text("severity"))
}
