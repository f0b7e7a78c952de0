//! The lock table, statement form by statement form: the pages in `forms/` against real servers.
//!
//! Each form is executed on every major that is tested and what it did is compared with what its page says;
//! `UNDERPIN_BLESS=1` writes the pages anew, from all supported majors at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use underpin_catalog::{Name, ServerVersion};
use underpin_sql::{Surroundings, predict, read};
use underpin_testkit::observe::{Observation, Observatory, Subject, observing_server};
use underpin_testkit::{CaseFile, Section, majors, outer_majors};

use crate::agreement::{agrees, replayed};

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
    /// What only PostgreSQL 18 knows.
    setup_since_18: String,
    before: String,
    sql: String,
}

impl Form {
    fn setup_on(&self, major: u32) -> String {
        let since_18 = if major >= 18 { self.setup_since_18.as_str() } else { "" };
        [self.setup.as_str(), since_18].concat()
    }
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
                setup_since_18: joined(page, section, "sql setup since 18"),
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
        let setup = form.setup_on(major);
        let subject = Subject { setup: &setup, before: &form.before, sql: &form.sql };
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

/// Forms whose claim is more than what was seen, on purpose, or less, with the reason: page, heading, reason.
const EXCUSED: &[(&str, &str, &str)] = &[
    ("create-index", "tablespace", "where an index lies is no fact that is looked up"),
    ("storage", "same tablespace", "where a table lies is no fact that is looked up"),
    ("data", "insert into a partitioned table", "which partition a row goes to is not worked out"),
    ("partitions", "attach, a check says the same", "whether a check implies the bounds is not worked out"),
    ("partitions", "attach beside a default partition that excludes it", "the same"),
    ("grants-and-comments", "drop statistics", "which table extended statistics are of is not looked up"),
];

/// The claim against what was seen, for the forms of all pages.
fn claims(
    pages: &[CaseFile],
    forms: &[Form],
    fixture: &str,
    seen: &BTreeMap<u32, Vec<Observation>>,
) -> String {
    let mut wrong = String::new();
    for (major, observed) in seen {
        let mut shop = Surroundings::empty(ServerVersion::of_major(*major), Name::new("public"));
        shop.time_zone = Some("UTC".to_owned());
        replayed(fixture, &mut shop);
        for (form, seen) in forms.iter().zip(observed) {
            let mut around = shop.clone();
            replayed(&form.setup_on(*major), &mut around);
            replayed(&form.before, &mut around);
            let Ok(statements) = read(&form.sql) else { continue };
            let effects: Vec<_> = statements.into_iter().flat_map(|statement| statement.effects).collect();
            let claimed = predict(&effects, &around);
            let page = &pages[form.page];
            let place = page.place(&page.sections()[form.section]);
            let title = &page.sections()[form.section].title;
            let excused = EXCUSED.iter().any(|(name, excused, _)| *name == page.name() && excused == title);
            match agrees(&claimed, seen) {
                Err(what) if !excused => writeln!(wrong, "{major} {place}: {what}").unwrap(),
                _ => {}
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_what_servers_do() {
    let pages = CaseFile::all_in(&folder());
    let forms: &'static [Form] = Box::leak(forms(&pages).into_boxed_slice());
    let fixture = std::fs::read_to_string(folder().join("fixture.sql")).unwrap();
    let fixture: &'static str = Box::leak(fixture.into_boxed_str());
    let bless = std::env::var_os("UNDERPIN_BLESS").is_some();
    let asked = if bless { majors() } else { outer_majors() };
    let running: Vec<_> = asked
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
    if bless {
        let all = ServerVersion::SUPPORTED.into_iter().all(|major| seen.contains_key(&major));
        assert!(all, "pages are written from all supported majors: leave UNDERPIN_TEST_MAJORS alone");
        for (page, blessed) in pages.iter().zip(&blessed) {
            page.rewrite(blessed);
        }
    } else {
        assert!(wrong.is_empty(), "{wrong}");
    }
    let wrong = claims(&pages, forms, fixture, &seen);
    assert!(wrong.is_empty(), "{wrong}");
}
