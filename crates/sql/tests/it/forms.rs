//! The lock table, statement form by statement form: the pages in `forms/` against real servers.
//!
//! Each form is executed on every major that is tested and what it did is compared with what its page says;
//! `UNDERPIN_BLESS=1` writes the pages anew, from all supported majors at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use underpin_catalog::ServerVersion;
use underpin_testkit::observe::{Observation, Observatory, Subject, observing_server};
use underpin_testkit::{CaseFile, Section, majors};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("forms")
}

fn joined(page: &CaseFile, section: &Section, info: &str) -> String {
    let texts: Vec<_> = page.inherited(section, info).iter().map(|fence| fence.text.trim_end()).collect();
    texts.join(";\n")
}

/// One form, as its page has it.
struct Form {
    page: usize,
    section: usize,
    setup: String,
    before: String,
    sql: String,
}

fn forms(pages: &[CaseFile]) -> Vec<Form> {
    let mut forms = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        for (index, section) in page.sections().iter().enumerate() {
            let Some(sql) = section.own("sql") else { continue };
            assert!(section.own("observed").is_some(), "{} says nothing", page.place(section));
            forms.push(Form {
                page: number,
                section: index,
                setup: joined(page, section, "sql setup"),
                before: joined(page, section, "sql before"),
                sql: sql.text.trim_end().to_owned(),
            });
        }
    }
    forms
}

async fn observed(major: u32, fixture: &str, forms: &[Form]) -> Vec<Observation> {
    let server = observing_server(major).await;
    let observatory = Observatory::seeded(&server, fixture).await;
    let mut seen = Vec::new();
    for form in forms {
        let subject = Subject { setup: &form.setup, before: &form.before, sql: &form.sql };
        seen.push(observatory.observe(subject).await);
    }
    seen
}

/// `14-17: nothing` and `18: ACCESS SHARE review`: neighbours that agree share a line.
fn lines(by_major: &BTreeMap<u32, String>) -> String {
    let mut groups: Vec<(u32, u32, &str)> = Vec::new();
    for (major, line) in by_major {
        match groups.last_mut() {
            Some((_, last, same)) if *same == line && *last + 1 == *major => *last = *major,
            _ => groups.push((*major, *major, line)),
        }
    }
    groups.into_iter().fold(String::new(), |mut all, (first, last, line)| {
        let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
        writeln!(all, "{range}: {line}").expect("a string takes what is written");
        all
    })
}

/// What a page says of each major.
fn by_major(text: &str) -> BTreeMap<u32, String> {
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let lines = lines.flat_map(|(range, line)| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        (first.parse().unwrap()..=last.parse().unwrap()).map(|major: u32| (major, line.to_owned()))
    });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_what_servers_do() {
    let pages = CaseFile::all_in(&folder());
    let forms: &'static [Form] = Box::leak(forms(&pages).into_boxed_slice());
    let fixture = std::fs::read_to_string(folder().join("fixture.sql")).unwrap();
    let fixture: &'static str = Box::leak(fixture.into_boxed_str());
    let running: Vec<_> = majors()
        .into_iter()
        .map(|major| (major, tokio::spawn(async move { observed(major, fixture, forms).await })))
        .collect();
    let mut seen = BTreeMap::new();
    for (major, observed) in running {
        seen.insert(major, observed.await.unwrap());
    }

    let mut wrong = String::new();
    let mut blessed: Vec<Vec<_>> = pages.iter().map(|_| Vec::new()).collect();
    for (index, form) in forms.iter().enumerate() {
        let page = &pages[form.page];
        let section = &page.sections()[form.section];
        let fence = section.own("observed").unwrap();
        let is: BTreeMap<u32, String> =
            seen.iter().map(|(major, observed)| (*major, observed[index].to_string())).collect();
        let mut says = by_major(&fence.text);
        says.retain(|major, _| seen.contains_key(major));
        if says != is {
            writeln!(wrong, "{}\n  says {}  is   {}", page.place(section), lines(&says), lines(&is)).unwrap();
        }
        blessed[form.page].push((fence, lines(&is)));
    }
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        let all = ServerVersion::SUPPORTED.into_iter().all(|major| seen.contains_key(&major));
        assert!(all, "pages are written from all supported majors: leave UNDERPIN_TEST_MAJORS alone");
        for (page, blessed) in pages.iter().zip(&blessed) {
            page.rewrite(blessed);
        }
    } else {
        assert!(wrong.is_empty(), "{wrong}");
    }
}
