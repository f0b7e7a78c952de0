//! The pages of the rules about the repository, as tests.
//!
//! A section has a fence `LANGUAGE file PATH` for each file of a repository, and a fence `found` with a line
//! `PATH:LINE: RULE SEVERITY CONFIDENCE` for each finding, or `none`. Every rule runs on every case.
//! `UNDERPIN_BLESS=1` writes what was found into the page.

use std::path::Path;

use underpin_core::lint::repository::{RepositoryFile, is_wanted, look};
use underpin_core::lint::{Group, rules};
use underpin_testkit::{CaseFile, Section, hold};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");

#[test]
fn every_case_of_every_page_is_as_the_page_says() {
    let mut pages = CaseFile::all_in(Path::new(FOLDER));
    let is_ours =
        |page: &CaseFile| rules().any(|rule| rule.group == Group::Repository && rule.name() == page.name());
    pages.retain(is_ours);
    for page in &pages {
        assert!(page.cases("found").count() > 2, "{page} shows too little");
    }
    hold(&pages, "found", |_, section| judge(section));
}

fn judge(section: &Section) -> String {
    let files: Vec<RepositoryFile> = section
        .fences
        .iter()
        .filter_map(|fence| {
            let (_, path) = fence.info.split_once(" file ")?;
            assert!(is_wanted(path), "{path} would not be read");
            Some(RepositoryFile { path: path.to_owned(), text: fence.text.clone() })
        })
        .collect();
    assert!(!files.is_empty(), "{} has no file", section.title);
    let mut lines = String::new();
    for report in look(&files) {
        let text = &files.iter().find(|file| file.path == report.path).unwrap().text;
        for finding in report.findings {
            let span = finding.span.unwrap();
            let command = &text[span.bytes.clone()];
            assert!(!command.starts_with(' ') && !command.ends_with([' ', '\n', ']']), "{command:?}");
            let confidence = format!("{:?}", finding.confidence).to_lowercase();
            lines.push_str(&format!(
                "{}:{}: {} {} {confidence}\n",
                report.path, span.line, finding.rule, finding.severity
            ));
        }
    }
    if lines.is_empty() { "none\n".to_owned() } else { lines }
}

/// Half a file, and one whose beginning is gone: whatever is found, its place is in the file.
#[test]
fn a_file_that_was_cut_anywhere_is_read_as_far_as_it_goes() {
    let mut found = 0;
    for rule in rules().filter(|rule| rule.group == Group::Repository) {
        let page = CaseFile::read(&Path::new(FOLDER).join(format!("{}.md", rule.name())));
        let fences = page.sections().iter().flat_map(|section| &section.fences);
        for (path, text) in fences.filter_map(|fence| Some((fence.info.split_once(" file ")?.1, &fence.text)))
        {
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                for part in [&text[..at], &text[at..]] {
                    let file = RepositoryFile { path: path.to_owned(), text: part.to_owned() };
                    for finding in look(&[file]).iter().flat_map(|report| &report.findings) {
                        let span = finding.span.as_ref().unwrap();
                        assert!(
                            part.get(span.bytes.clone()).is_some_and(|command| !command.is_empty()),
                            "{path}: {part}"
                        );
                        found += 1;
                    }
                }
            }
        }
    }
    assert!(found > 1_000, "{found}");
}
