//! The peers' cases, as each of them means its own.

use serde::Deserialize;
use underpin_sql::in_force::Settings;
use underpin_sql::sending::Sender;
use underpin_testkit::{CaseFile, shared};

/// A file that a peer expects something of.
pub(super) struct Case {
    pub(super) id: String,
    pub(super) source: String,
    /// The peer's.
    pub(super) rule: String,
    pub(super) concept: String,
    /// A finding, or none.
    pub(super) expects: bool,
    /// Files that were applied before; all that there is, unless there is none.
    pub(super) history: Vec<String>,
    pub(super) sql: String,
    /// PostgreSQL's grammar has it.
    pub(super) is_sql: bool,
    /// `None` for a version that we do not know.
    pub(super) major: Option<u32>,
    pub(super) sender: Sender,
    pub(super) connected_with: Settings,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    source: String,
    rule: String,
    our_concept: String,
    expect: String,
    sql: String,
    #[serde(default)]
    setup: String,
    #[serde(default)]
    settings: Told,
    pg_version_condition: String,
    parses_pg18: bool,
}

/// What a peer was told besides the file.
#[derive(Default, Deserialize)]
struct Told {
    assume_in_transaction: Option<bool>,
    transaction: Option<bool>,
}

/// The versions that we know; what a peer says of 12 holds of 13 as well, and of 19 of 18.
const MAJORS: (u32, u32) = (13, 18);

/// Cases of an older one are about what no version does any more that we know.
const OLDEST: u32 = 12;

/// Unless a case asks for another.
const MAJOR: u32 = 16;

/// Every case that was not measured by ourselves. What the ones without a setup assume stands in `page`.
pub(super) fn all(page: &CaseFile) -> Vec<Case> {
    let path = shared().join("lint-cases.jsonl");
    #[expect(clippy::disallowed_methods, reason = "the cases are this test's own")]
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    let mut all: Vec<Case> =
        lines.filter(|line| line.source != "pg-trace").map(|line| case(line, page)).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

fn case(line: Line, page: &CaseFile) -> Case {
    let mut files = files(&line.sql);
    let sql = files.pop().unwrap();
    let mut history = assumed(&line.id, page);
    history.extend(Some(line.setup).filter(|setup| !setup.is_empty()));
    history.extend(files);
    let sender = match line.source.as_str() {
        // Statement by statement, unless told otherwise.
        "squawk" if line.sql.contains("squawk-disable-assume-in-transaction") => Sender::Autocommit,
        "squawk" if line.settings.assume_in_transaction != Some(true) => Sender::Autocommit,
        "strong_migrations" if line.settings.transaction == Some(false) => Sender::Autocommit,
        // Says BEGIN where Django does.
        "django-migration-linter" => Sender::Autocommit,
        _ => Sender::PrismaWhole,
    };
    // The other peers take for granted that nobody has set a limit; these cases are about locks alone.
    let connected_with = match line.source.as_str() {
        "prisma-typical" => Settings::default().with("lock_timeout", "500ms"),
        _ => Settings::default(),
    };
    Case {
        // Some say it in their name alone.
        major: if line.id.ends_with("on PG11") { None } else { major(&line.pg_version_condition) },
        expects: line.expect == "flag",
        id: line.id,
        source: line.source,
        rule: line.rule,
        concept: line.our_concept,
        is_sql: line.parses_pg18,
        history,
        sql,
        sender,
        connected_with,
    }
}

/// Some cases are several files, divided by lines `-- 1.sql`.
fn files(sql: &str) -> Vec<String> {
    let is_name = |line: &str| {
        line.strip_prefix("-- ")
            .and_then(|rest| rest.strip_suffix(".sql"))
            .is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let mut files = vec![String::new()];
    for line in sql.lines() {
        if is_name(line) {
            files.push(String::new());
        } else {
            let file = files.last_mut().unwrap();
            file.push_str(line);
            file.push('\n');
        }
    }
    files.retain(|file| !file.trim().is_empty());
    files
}

fn assumed(id: &str, page: &CaseFile) -> Vec<String> {
    let (source, own) = (id.split(':').next().unwrap_or_default(), id);
    let wanted = [source, own].map(|whose| format!("sql assumed by {whose}"));
    let fences = page.sections().iter().flat_map(|section| &section.fences);
    fences.filter(|fence| wanted.contains(&fence.info)).map(|fence| fence.text.clone()).collect()
}

fn major(condition: &str) -> Option<u32> {
    let number = condition.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let Ok(number) = number.parse::<u32>() else { return Some(MAJOR) };
    let wanted = match condition.trim_end_matches(|letter: char| letter.is_ascii_digit()) {
        ">=" => number.max(MAJOR),
        "<" => number - 1,
        _ => number,
    };
    (wanted >= OLDEST).then(|| wanted.clamp(MAJORS.0, MAJORS.1))
}
