//! The pages of the rules about a history and the branch that it goes to, as tests.
//!
//! A section has the fences `common` and `here`, and `theirs` where the other branch went on: a line `NAME: TEXT`
//! for each migration, or for `migration_lock.toml`. The fence `told` has a line `NAME: RULE SEVERITY` for each
//! finding, or `none`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use underpin_core::check::base::{Against, Base, Compared, LockFiles};
use underpin_core::lint::finding::{Finding, Severity};
use underpin_testkit::{CaseFile, Section};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
const LOCK: &str = "migration_lock.toml";

type Side = BTreeMap<String, String>;

#[test]
fn every_case_of_every_page_is_as_the_page_says() {
    for name in ["migration-edited", "migration-removed", "provider-changed"] {
        let page = CaseFile::read(&Path::new(FOLDER).join(format!("{name}.md")));
        let cases: Vec<_> = page.cases("told").collect();
        assert!(cases.len() > 2, "{name} shows too little");
        for section in cases {
            let expected = &section.own("told").unwrap().text;
            assert_eq!(told(&base(section).judge()), *expected, "{}", page.place(section));
        }
    }
}

fn told(found: &[Finding]) -> String {
    if found.is_empty() {
        return "none\n".to_owned();
    }
    let name = |finding: &Finding| finding.object.clone().unwrap_or_else(|| finding.path.clone());
    found
        .iter()
        .map(|finding| format!("{}: {} {}\n", name(finding), finding.rule, finding.severity))
        .collect()
}

fn base(section: &Section) -> Base {
    let side = |name: &str| {
        let fence = section.own(name)?;
        let lines = fence.text.lines().map(|line| line.split_once(": ").unwrap());
        Some(lines.map(|(name, text)| (name.to_owned(), text.to_owned())).collect::<Side>())
    };
    let common = side("common").unwrap();
    compared(&common, &side("theirs").unwrap_or_else(|| common.clone()), &side("here").unwrap())
}

fn compared(common: &Side, theirs: &Side, here: &Side) -> Base {
    let against = |side: &Side, name: &str| match side.get(name) {
        None => Against::Absent,
        Some(text) if here.get(name) == Some(text) => Against::Same,
        Some(_) => Against::Other,
    };
    let names: BTreeSet<&String> = common.keys().chain(theirs.keys()).chain(here.keys()).collect();
    let migrations = names.into_iter().filter(|name| *name != LOCK).map(|name| {
        let was = common.get(name).or(theirs.get(name)).cloned();
        let renamed =
            here.iter().find(|(other, text)| !common.contains_key(*other) && Some(*text) == was.as_ref());
        Compared {
            name: name.clone(),
            path: format!("{name}/migration.sql"),
            common: against(common, name),
            theirs: against(theirs, name),
            text: here.get(name).cloned(),
            renamed_to: renamed.map(|(name, _)| name.clone()),
            was,
            is_here: here.contains_key(name),
        }
    });
    Base {
        revision: "origin/main".to_owned(),
        common: "3f2a91c0d".to_owned(),
        migrations: migrations.collect(),
        lock_file: common.get(LOCK).map(|was| LockFiles {
            path: LOCK.to_owned(),
            was: was.clone(),
            text: here.get(LOCK).cloned(),
        }),
        moved_from: None,
    }
}

fn side(lines: &[(&str, &str)]) -> Side {
    lines.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_new_folder_that_the_other_branch_has_overtaken_fails() {
    let common = side(&[("20260101000000_init", "a")]);
    let theirs = side(&[("20260101000000_init", "a"), ("20260301000000_theirs", "b")]);
    let here = side(&[("20260101000000_init", "a"), ("20260201000000_ours", "c")]);
    let base = compared(&common, &theirs, &here);
    let found = base.judge();
    assert_eq!(told(&found), "20260201000000_ours: out-of-order danger\n");
    assert!(found[0].message.contains("20260301000000_theirs"), "{}", found[0].message);
    assert_eq!(base.about(), "1 new migration since origin/main (3f2a91c0d), 1 as they were");
    assert_eq!(told(&compared(&common, &common, &here).judge()), "none\n");
    let twin = side(&[("20260101000000_init", "a"), ("20260301000000_ours", "c")]);
    let found = compared(&common, &theirs, &twin).judge();
    assert_eq!(
        told(&found),
        "20260301000000_ours: out-of-order danger\n20260301000000_ours: same-timestamp info\n"
    );
}

#[test]
fn an_edit_is_told_at_the_line_that_is_another() {
    let common = side(&[("1_a", "SELECT 1;\nSELECT 2;\nSELECT 3;\n")]);
    let line = |text: &str| {
        let found = compared(&common, &common, &side(&[("1_a", text)])).judge();
        assert_eq!(found[0].severity, Severity::Danger);
        let span = found[0].span.clone().unwrap();
        (span.line, text[span.bytes].to_owned())
    };
    assert_eq!(line("SELECT 1;\nSELECT 2 ;\nSELECT 3;\n"), (2, "SELECT 2 ;".to_owned()));
    assert_eq!(line("SELECT 1;\r\nSELECT 2;\r\nSELECT 3;\r\n"), (1, "SELECT 1;".to_owned()));
    assert_eq!(line("SELECT 1;\n"), (1, "SELECT 1;".to_owned()));
    assert_eq!(line(""), (1, String::new()));
    assert_eq!(line("SELECT 1;\nSELECT 2;\nSELECT 3;\nSELECT 4;"), (4, "SELECT 4;".to_owned()));
}
