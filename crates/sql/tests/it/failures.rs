//! What is predicted to fail against what servers refused.
//!
//! The pages in `failures/` are executed: each line of a `refusals` fence is `STATES: SQL`, where the last
//! statement of the SQL is the one that is asked about, those before it share its transaction, and `alone`
//! before it says that there is none. `STATES` is the SQLSTATE or `fine`, with versions where they differ
//! (`14 42601, 15-18 0A000`). `UNDERPIN_BLESS=1` writes them anew. What a page has under `untold` is refused
//! too, for reasons that are not looked into.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use underpin_catalog::{Name, ServerVersion};
use underpin_sql::failure::{Certainty, Failure, TransactionSoFar, failures};
use underpin_sql::{Surroundings, SyntaxError, read};
use underpin_testkit::{CaseFile, Database, Server, majors, outer_majors, shared};

const FINE: &str = "fine";

/// SQLSTATE by major, or `fine`.
type States = BTreeMap<u32, String>;

struct Line {
    states: String,
    sql: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("failures")
}

fn lines(text: &str) -> impl Iterator<Item = Line> {
    text.lines().map(|line| {
        let (states, sql) = line.split_once(": ").unwrap_or_else(|| panic!("no states: {line}"));
        Line { states: states.to_owned(), sql: sql.to_owned() }
    })
}

fn states(text: &str) -> States {
    let all = || ServerVersion::SUPPORTED;
    text.split(", ")
        .flat_map(|part| match part.split_once(' ') {
            None => all().map(|major| (major, part.to_owned())).collect::<Vec<_>>(),
            Some((range, state)) => {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let range = first.parse::<u32>().unwrap()..=last.parse().unwrap();
                range.map(|major| (major, state.to_owned())).collect()
            }
        })
        .collect()
}

fn written(states: &States) -> String {
    let mut groups: Vec<(u32, u32, &str)> = Vec::new();
    for (major, state) in states {
        match groups.last_mut() {
            Some((_, last, same)) if *same == state => *last = *major,
            _ => groups.push((*major, *major, state)),
        }
    }
    if let [(_, _, state)] = groups.as_slice() {
        return (*state).to_owned();
    }
    let group = |(first, last, state): &(u32, u32, &str)| match first == last {
        true => format!("{first} {state}"),
        false => format!("{first}-{last} {state}"),
    };
    groups.iter().map(group).collect::<Vec<_>>().join(", ")
}

/// The database behind some SQL, as a history makes it.
fn behind(sql: &str, major: u32) -> Surroundings {
    let mut around = Surroundings::empty(ServerVersion::of_major(major), Name::new("public"));
    take_along(&mut around, sql);
    around.forget_sizes();
    around
}

fn by_major(sql: &str) -> BTreeMap<u32, Surroundings> {
    ServerVersion::SUPPORTED.map(|major| (major, behind(sql, major))).collect()
}

fn fixture() -> String {
    std::fs::read_to_string(folder().join("fixture.sql")).unwrap()
}

/// The same in a transaction, and alone where that is refused and was not observed.
fn predicted_somehow(sql: &str, around: &Surroundings, observed: &str) -> Result<Vec<Failure>, SyntaxError> {
    let refuses = |failure: &Failure| matches!(failure.sqlstate, "25001" | "2D000");
    match predicted(sql, around, true) {
        Ok(all) if all.iter().any(|failure| refuses(failure) && failure.sqlstate != observed) => {
            predicted(sql, around, false)
        }
        told => told,
    }
}

fn take_along(around: &mut Surroundings, sql: &str) {
    for statement in read(sql).unwrap_or_else(|error| panic!("{error}: {sql}")) {
        statement.effects.iter().for_each(|effect| around.apply(effect));
    }
}

/// What is predicted for the SQL, when all of it is one transaction or none.
fn predicted(sql: &str, around: &Surroundings, in_block: bool) -> Result<Vec<Failure>, SyntaxError> {
    let mut around = around.clone();
    let mut so_far = TransactionSoFar::default();
    let statements = read(sql)?;
    let mut all = Vec::new();
    for statement in &statements {
        all.extend(failures(statement, &around, in_block, &so_far));
        so_far.note(statement, &around);
        statement.effects.iter().for_each(|effect| around.apply(effect));
    }
    Ok(all)
}

/// `None` when what was predicted is what was observed.
fn disagreement(predicted: &Result<Vec<Failure>, SyntaxError>, observed: &str, told: bool) -> Option<String> {
    let all = match predicted {
        // The grammar refuses it, as every server does.
        Err(error) => {
            return (told && error.sqlstate != observed).then(|| format!("{error} {}", error.sqlstate));
        }
        Ok(all) => all,
    };
    let shown: Vec<_> = all
        .iter()
        .map(|failure| format!("{} {:?}: {}", failure.sqlstate, failure.certainty, failure.why))
        .collect();
    let wrong = match observed {
        FINE => all.iter().any(|failure| failure.certainty == Certainty::Certain),
        _ => told && !all.iter().any(|failure| failure.sqlstate == observed),
    };
    wrong.then(|| format!("observed {observed}, predicted {shown:?}"))
}

async fn observed(database: &Database<'_>, sql: &str) -> String {
    let (alone, sql) = match sql.strip_prefix("alone ") {
        Some(sql) => (true, sql),
        None => (false, sql),
    };
    let client = database.client().await;
    let done = if alone {
        let statements = read(sql).unwrap();
        let mut done = Ok(());
        for statement in &statements {
            done = client.batch_execute(&statement.text).await;
        }
        done
    } else {
        client.batch_execute("BEGIN").await.unwrap();
        client.batch_execute(sql).await
    };
    match done {
        Ok(()) => FINE.to_owned(),
        Err(error) => error.code().unwrap_or_else(|| panic!("{sql}: {error}")).code().to_owned(),
    }
}

async fn observed_on(major: u32, setup: &str, all: &[String]) -> Vec<String> {
    let server = Server::shared(major).await;
    let database = server.database("refusals").await;
    database.run(setup).await;
    let mut seen = Vec::new();
    for sql in all {
        if sql.starts_with("alone ") {
            // It stays, so it has a database of its own.
            let copy = server.database("refused").await;
            copy.run(setup).await;
            seen.push(observed(&copy, sql).await);
        } else {
            seen.push(observed(&database, sql).await);
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_refuse_what_the_pages_say() {
    let bless = std::env::var_os("UNDERPIN_BLESS").is_some();
    let asked = if bless { majors() } else { outer_majors() };
    let mut wrong = String::new();
    for page in CaseFile::all_in(&folder()) {
        let mut fences = Vec::new();
        let mut all: Vec<Line> = Vec::new();
        for section in page.sections() {
            for info in ["refusals", "untold"] {
                let Some(fence) = section.own(info) else { continue };
                let from = all.len();
                all.extend(lines(&fence.text));
                fences.push((fence, from..all.len()));
            }
        }
        let setup: &'static str = Box::leak(fixture().into_boxed_str());
        let sql: &'static [String] = Box::leak(all.iter().map(|line| line.sql.clone()).collect());
        let running: Vec<_> =
            asked.iter().map(|&major| (major, tokio::spawn(observed_on(major, setup, sql)))).collect();
        let mut seen: Vec<States> = vec![States::new(); all.len()];
        for (major, observed) in running {
            for (states, state) in seen.iter_mut().zip(observed.await.unwrap()) {
                states.insert(major, state);
            }
        }
        for (line, is) in all.iter().zip(&seen) {
            let mut says = states(&line.states);
            says.retain(|major, _| is.contains_key(major));
            if says != *is {
                writeln!(wrong, "{}: {}\n  says {}, is {}", page.name(), line.sql, line.states, written(is))
                    .unwrap();
            }
        }
        if bless {
            let new: Vec<_> = fences
                .iter()
                .map(|(fence, range)| {
                    let line = |at: usize| format!("{}: {}\n", written(&seen[at]), all[at].sql);
                    (*fence, range.clone().map(line).collect::<String>())
                })
                .collect();
            page.rewrite(&new);
        }
    }
    assert!(bless || wrong.is_empty(), "{wrong}");
}

#[test]
fn what_the_pages_say_is_predicted() {
    let by_major = by_major(&fixture());
    let mut wrong = String::new();
    let mut compared = 0;
    for page in CaseFile::all_in(&folder()) {
        for section in page.sections() {
            for (info, told) in [("refusals", true), ("untold", false)] {
                let Some(fence) = section.own(info) else { continue };
                for line in lines(&fence.text) {
                    let (sql, in_block) = match line.sql.strip_prefix("alone ") {
                        Some(sql) => (sql, false),
                        None => (line.sql.as_str(), true),
                    };
                    for (major, state) in states(&line.states) {
                        compared += 1;
                        let predicted = predicted(sql, &by_major[&major], in_block);
                        if let Some(what) = disagreement(&predicted, &state, told) {
                            writeln!(wrong, "{} {major}: {sql}\n  {what}", page.name()).unwrap();
                        }
                    }
                }
            }
        }
    }
    assert!(compared > 500, "{compared}");
    assert!(wrong.is_empty(), "{wrong}");
}

/// Forms that are refused for reasons that are not followed.
const FORMS_NOT_TOLD: &[(&str, &str)] = &[
    ("insert a key that is there", "which rows there are is not followed"),
    ("insert without a counterpart", "which rows there are is not followed"),
    ("delete what is referenced", "which rows there are is not followed"),
    ("attach, overlapping bounds", "the bounds of partitions are not followed"),
    ("replace a function, another result", "the arguments and results of functions are not followed"),
    ("a language", "which languages there are is not followed"),
    ("logged or not", "a rare form of a rare statement"),
    ("add a column after an update with deferred checks", "ALTER CONSTRAINT is not followed so far"),
];

/// Refusals of the traced cases that depend on what is not among the facts.
const NOT_TOLD: &[(&str, &str)] = &[
    ("trace:copy from", "what the program prints is no number"),
    ("trace:OF type", "which tables are of a composite type is not followed"),
];

#[test]
fn traced_failures_are_predicted() {
    let folder = shared();
    let fixture = std::fs::read_to_string(folder.join("lint-fixture.sql")).unwrap();
    let cases = std::fs::read_to_string(folder.join("lint-cases.jsonl")).unwrap();
    let by_major = by_major(&fixture);
    let mut wrong = String::new();
    let (mut failing, mut working) = (0, 0);
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        let sql = case["sql"].as_str().unwrap();
        if case["setup_ref"].as_str() != Some("lint-fixture.sql")
            || NOT_TOLD.iter().any(|(part, _)| id.starts_with(part))
        {
            continue;
        }
        for (major, around) in &by_major {
            let truth = &case["truth"][major.to_string()];
            if truth.is_null() {
                continue;
            }
            let mut around = around.clone();
            take_along(&mut around, case["setup"].as_str().unwrap_or_default());
            let fails = truth["error"].as_str();
            let refused = fails.is_some_and(|message| {
                message.contains("transaction block") || message.contains("from a function")
            });
            let told = predicted_somehow(sql, &around, if refused { "25001" } else { FINE });
            let certain = match &told {
                Ok(told) => told.iter().any(|failure| failure.certainty == Certainty::Certain),
                Err(_) => true,
            };
            let any = told.as_ref().map_or(true, |told| !told.is_empty());
            match fails {
                Some(_) => failing += 1,
                None => working += 1,
            }
            match fails {
                Some(message) if !any => writeln!(wrong, "{major} {id}: untold: {message}").unwrap(),
                None if certain => writeln!(wrong, "{major} {id}: works, predicted {told:?}").unwrap(),
                _ => {}
            }
        }
    }
    assert!(failing > 100 && working > 1000, "{failing} fail, {working} work");
    assert!(wrong.is_empty(), "{wrong}");
}

/// What the pages of statement forms observed: refusals are told, and what works is not refused.
#[test]
fn the_forms_fail_as_predicted() {
    let pages = CaseFile::all_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("forms"));
    let fixture = std::fs::read_to_string(folder().join("../forms/fixture.sql")).unwrap();
    let by_major = by_major(&fixture);
    let mut wrong = String::new();
    let mut compared = 0;
    for page in &pages {
        for section in page.sections() {
            let (Some(sql), Some(observed)) = (section.own("sql"), section.own("observed")) else { continue };
            if FORMS_NOT_TOLD.iter().any(|(form, _)| *form == section.title) {
                continue;
            }
            let joined = |info: &str| -> String {
                page.inherited(section, info)
                    .iter()
                    .map(|fence| format!("{};\n", fence.text.trim_end()))
                    .collect()
            };
            let (setup, before) = (joined("sql setup"), joined("sql before"));
            for line in observed.text.lines() {
                let (range, seen) = line.split_once(": ").unwrap();
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                for major in first.parse::<u32>().unwrap()..=last.parse().unwrap() {
                    let mut around = by_major[&major].clone();
                    take_along(&mut around, &setup);
                    for since in ServerVersion::SUPPORTED.filter(|since| *since <= major) {
                        take_along(&mut around, &joined(&format!("sql setup since {since}")));
                    }
                    // Forms are executed in a transaction, or alone where that is refused.
                    let text = format!("{before}{}", sql.text);
                    let state = seen
                        .strip_prefix("fails ")
                        .map_or(FINE, |rest| rest.split(' ').next().unwrap_or_default());
                    let told = predicted_somehow(&text, &around, state);
                    compared += 1;
                    if let Some(what) = disagreement(&told, state, true) {
                        writeln!(wrong, "{} {major}: {what}", page.place(section)).unwrap();
                    }
                }
            }
        }
    }
    assert!(compared > 1000, "{compared}");
    assert!(wrong.is_empty(), "{wrong}");
}

/// The queries are read by every server, and find rows exactly where rows are what it refuses.
#[tokio::test(flavor = "multi_thread")]
async fn the_queries_find_the_rows() {
    let mut wrong = String::new();
    let mut asked = 0;
    for major in outer_majors() {
        let around = behind(&fixture(), major);
        let database = Server::shared(major).await.database("queries").await;
        database.run(&fixture()).await;
        for page in CaseFile::all_in(&folder()) {
            for line in page.sections().iter().filter_map(|s| s.own("refusals")).flat_map(|f| lines(&f.text))
            {
                let sql = line.sql.strip_prefix("alone ").unwrap_or(&line.sql);
                let Ok(statements) = read(sql) else { continue };
                let (last, before) = statements.split_last().unwrap();
                let mut here = around.clone();
                before.iter().flat_map(|own| &own.effects).for_each(|effect| here.apply(effect));
                let told = failures(last, &here, true, &TransactionSoFar::default());
                let client = database.client().await;
                client.batch_execute("BEGIN").await.unwrap();
                let mut ready = true;
                for statement in before {
                    ready &= client.batch_execute(&statement.text).await.is_ok();
                }
                let state = &states(&line.states)[&major];
                // A new enum value is refused in a query as well.
                ready &= state != "55P04";
                for failure in told.iter().filter(|_| ready) {
                    let Some(check) = &failure.check else { continue };
                    asked += 1;
                    match client.query(check.as_str(), &[]).await {
                        Err(error) => writeln!(wrong, "{major}: {sql}\n  {check}\n  {error:?}").unwrap(),
                        Ok(rows) if rows.is_empty() == (failure.sqlstate == state) => {
                            writeln!(wrong, "{major}: {sql} is {state}, {} rows of\n  {check}", rows.len())
                                .unwrap();
                        }
                        Ok(_) => {}
                    }
                }
            }
        }
    }
    assert!(asked > 20, "{asked}");
    assert!(wrong.is_empty(), "{wrong}");
}
