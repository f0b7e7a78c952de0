//! The pages of the rules about the order of a folder, as tests.
//!
//! A section has a fence `folder` with a line `old NAME`, `new NAME` or `NAME` for each migration, in the order of
//! Prisma, and a fence `told` with a line `NAME: RULE SEVERITY` for each finding, or `none`.

use std::path::Path;

use underpin_core::lint::order::{Place, Standing, look};
use underpin_testkit::{CaseFile, Section};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");

#[test]
fn every_case_of_every_page_is_as_the_page_says() {
    for name in ["out-of-order", "same-timestamp"] {
        let page = CaseFile::read(&Path::new(FOLDER).join(format!("{name}.md")));
        let cases: Vec<_> = page.cases("told").collect();
        assert!(cases.len() > 2, "{name} shows too little");
        for section in cases {
            assert_eq!(told(section), section.own("told").unwrap().text, "{}", page.place(section));
        }
    }
}

fn told(section: &Section) -> String {
    let lines = section.own("folder").unwrap().text.lines();
    let folder: Vec<(String, Standing)> = lines
        .map(|line| match line.split_once(' ') {
            Some(("old", name)) => (name, Standing::Old),
            Some(("new", name)) => (name, Standing::New),
            Some((other, _)) => panic!("{other} is no standing"),
            None => (line, Standing::Unknown),
        })
        .map(|(name, standing)| (format!("prisma/migrations/{name}/migration.sql"), standing))
        .collect();
    let places: Vec<_> = folder.iter().map(|(path, standing)| Place { path, standing: *standing }).collect();
    let found = look(&places);
    if found.is_empty() {
        return "none\n".to_owned();
    }
    let shown = found.iter().map(|finding| {
        format!("{}: {} {}\n", finding.object.as_deref().unwrap(), finding.rule, finding.severity)
    });
    shown.collect()
}
