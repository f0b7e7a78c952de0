//! The pages of the rules, as tests.
//!
//! A section of a page may have these fences, and inherits them from the sections above it:
//!
//! - ```` ```sql history ````: files that were applied before, divided by lines `-- next file`.
//! - ```` ```sql ````: the file that is judged. Divided likewise, the files are judged one after the other, as
//!   deployed together.
//! - ```` ```prisma deployed ````: the schema of a running release.
//! - ```` ```toml ````: `underpin.toml`.
//! - ```` ```given ````: lines `server 16`, `sender whole|split|underpin|autocommit`, `history unknown|known`,
//!   `lock_timeout 500ms|none` of the connection; these are what a case has when nobody says.
//! - ```` ```findings ````: a line `LINE: RULE SEVERITY [SQLSTATE]` for each finding; `none` for none.
//!
//! Every rule runs on every case, and a finding that is not announced fails. `UNDERPIN_BLESS=1` writes
//! what was found into the page.

use std::path::Path;

use underpin_catalog::{Name, ServerVersion};
use underpin_core::lint::stats::Stats;
use underpin_core::lint::{Circumstances, Linter, Source, pages};
use underpin_core::settings::Settings as TeamSettings;
use underpin_prisma::client::ClientContract;
use underpin_prisma::schema::{self, Schema};
use underpin_sql::in_force::{Session, Settings};
use underpin_sql::read;
use underpin_sql::sending::Sender;
use underpin_testkit::{CaseFile, Section, hold};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");

#[test]
fn every_rule_has_its_page_and_every_page_its_rule() {
    let mut named: Vec<_> = pages().map(|page| page.name.to_owned()).collect();
    named.sort();
    let files: Vec<_> =
        CaseFile::all_in(Path::new(FOLDER)).iter().map(|page| page.name().to_owned()).collect();
    assert_eq!(named, files);
    for page in pages() {
        assert_eq!(page.text.lines().next(), Some(format!("# {}", page.name).as_str()));
        let summary = page.summary();
        assert!(summary.ends_with('.') && summary.len() > 20, "{}: {summary}", page.name);
    }
}

#[test]
fn every_case_of_every_page_is_as_the_page_says() {
    hold(&CaseFile::all_in(Path::new(FOLDER)), "findings", judge);
}

fn judge(page: &CaseFile, section: &Section) -> String {
    let sql = page.nearest(section, "sql").unwrap_or_else(|| panic!("{}: no sql", page.place(section)));
    let settings = page.nearest(section, "toml").map_or_else(TeamSettings::default, |fence| {
        TeamSettings::from_toml(&fence.text)
            .unwrap_or_else(|error| panic!("{}: {error}", page.place(section)))
    });
    let namespace = Name::new("public");
    let deployed: Vec<_> = page
        .inherited(section, "prisma deployed")
        .iter()
        .map(|fence| {
            let source = schema::Source::new("schema.prisma", fence.text.clone());
            ClientContract::of(&Schema::parse(vec![source]), &namespace)
        })
        .collect();
    let mut given = Given::default();
    for line in page.inherited(section, "given").iter().flat_map(|fence| fence.text.lines()) {
        given.read(line).unwrap_or_else(|| panic!("{}: {line}", page.place(section)));
    }
    let stats = Stats::none().with_declared(&settings.lint.tables, &namespace);
    let mut linter = Linter::new(Circumstances {
        session: Session::new(given.connected_with),
        whole_history: given.whole_history,
        together: true,
        deployed: &deployed,
        ..Circumstances::of_history(
            ServerVersion::of_major(given.major),
            given.sender,
            &stats,
            &settings.lint,
        )
    });
    for fence in page.inherited(section, "sql history") {
        for text in files(&fence.text) {
            let statements = read(&text);
            assert!(statements.is_ok(), "{}: {statements:?}", page.place(section));
            linter.pass(&statements);
        }
    }
    let mut lines = Vec::new();
    for (at, text) in files(&sql.text).into_iter().enumerate() {
        let report = linter.judge(&Source { path: &format!("{at}.sql"), text: &text, read: read(&text) });
        for finding in report.findings {
            let line = finding.span.map_or(0, |span| span.line);
            let state = finding.sqlstate.map(|state| format!(" {state}")).unwrap_or_default();
            let file = if at == 0 { String::new() } else { format!("file {} ", at + 1) };
            lines.push((at, line, format!("{file}{line}: {} {}{state}\n", finding.rule, finding.severity)));
        }
    }
    lines.sort();
    if lines.is_empty() {
        return "none\n".to_owned();
    }
    lines.into_iter().map(|(_, _, line)| line).collect()
}

fn files(text: &str) -> Vec<String> {
    text.split("-- next file\n").map(str::to_owned).collect()
}

struct Given {
    major: u32,
    sender: Sender,
    whole_history: bool,
    connected_with: Settings,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            major: 16,
            sender: Sender::PrismaWhole,
            whole_history: true,
            connected_with: Settings::default().with("lock_timeout", "500ms"),
        }
    }
}

impl Given {
    fn read(&mut self, line: &str) -> Option<()> {
        match line.split_once(' ')? {
            ("server", major) => self.major = major.parse().ok()?,
            ("sender", "whole") => self.sender = Sender::PrismaWhole,
            ("sender", "split") => self.sender = Sender::PrismaSplit,
            ("sender", "underpin") => self.sender = Sender::Underpin,
            ("sender", "autocommit") => self.sender = Sender::Autocommit,
            ("history", "unknown") => self.whole_history = false,
            ("history", "known") => self.whole_history = true,
            ("lock_timeout", "none") => self.connected_with = Settings::default(),
            ("lock_timeout", limit) => self.connected_with = Settings::default().with("lock_timeout", limit),
            _ => return None,
        }
        Some(())
    }
}
