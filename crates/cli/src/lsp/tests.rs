//! What an editor is shown of a report, without an editor: findings are the linter's own, and where a case needs
//! one that is rare, it is changed by hand.

use underpin_core::lint::finding::{Fix, FixStatement, Severity, Suppression};
use underpin_core::lint::report::FileReport;

use super::actions::{Action, Change, actions};
use super::desk::{Desk, Found};
use super::diagnostics::diagnostics;
use super::hover::hover;
use super::position::{Places, edit};
use super::protocol::{Client, Opened, Position, Range};
use crate::arguments::Migrations;

const URI: &str = "untitled:a";

fn opened(uri: &str, text: &str) -> Opened {
    Opened { uri: uri.to_owned(), language_id: "sql".to_owned(), version: 1, text: text.to_owned() }
}

fn report(text: &str) -> FileReport {
    let mut desk = Desk::new(Migrations::default());
    desk.open(opened(URI, text));
    assert_eq!(desk.judge(), [URI]);
    found(&desk, URI)
}

fn found(desk: &Desk, uri: &str) -> FileReport {
    match desk.document(uri).unwrap().found().unwrap() {
        Found::Report { file, .. } => file.clone(),
        other => panic!("{other:?}"),
    }
}

/// The report with one finding alone, which a case changes.
fn with_one(text: &str, rule: &str) -> FileReport {
    let mut file = report(text);
    file.findings.retain(|finding| finding.rule == rule);
    assert!(!file.findings.is_empty(), "nothing is found by {rule}");
    file.findings.truncate(1);
    file
}

fn whole(text: &str) -> Range {
    Places::of(text).range(&(0..text.len()))
}

fn at(line: u32, character: u32) -> Position {
    Position { line, character }
}

fn taken(text: &str, action: &Action<'_>) -> String {
    let mut text = text.to_owned();
    let Change::Edit(change) = &action.change else { panic!("{action:?}") };
    edit(&mut text, Some(change.range), &change.new_text);
    text
}

fn statement(sql: &str) -> FixStatement {
    FixStatement { sql: sql.to_owned(), alone: false, later: false, in_batches: false }
}

#[test]
fn severities_are_the_editors_three() {
    let text = "DROP TABLE \"a\";\n";
    let mut file = with_one(text, "drop-table");
    let client = Client { related_information: true, ..Client::default() };
    for (severity, shown) in
        [(Severity::Blocker, 1), (Severity::Danger, 1), (Severity::Caution, 2), (Severity::Info, 3)]
    {
        file.findings[0].severity = severity;
        assert_eq!(diagnostics(URI, text, &file, client)[0].severity, shown);
    }
    // About the file as a whole: shown at its first line.
    file.findings[0].span = None;
    assert_eq!(diagnostics(URI, text, &file, client)[0].range, Range { start: at(0, 0), end: at(0, 15) });
    file.findings[0].rule = "unused-ignore".to_owned();
    assert_eq!(diagnostics(URI, text, &file, client)[0].tags, [1]);
    file.findings[0].suppressed = Some(Suppression::Baseline);
    assert_eq!(diagnostics(URI, text, &file, client), []);
}

#[test]
fn locks_are_told_to_those_who_can_show_them() {
    let text = "SELECT 1;\nCREATE INDEX ON \"a\"(\"b\");\n";
    let file = with_one(text, "index-build");
    let client = Client { related_information: true, ..Client::default() };
    let related = diagnostics(URI, text, &file, client)[0].related_information.clone();
    assert_eq!(related[0].message, "SHARE on a, blocks writes");
    assert_eq!(related[0].location.range.start, at(1, 0));
    assert_eq!(diagnostics(URI, text, &file, Client::default())[0].related_information, []);
}

#[test]
fn a_statement_is_told_about_where_it_stands_and_not_beside_it() {
    let text = "DROP TABLE \"a\";\n\n  SELECT 1;\n";
    let file = report(text);
    let told = |place| hover(text, &file, None, place).map(|hover| hover.markdown);
    let first = told(at(0, 14)).unwrap();
    assert!(first.starts_with(
        "`DROP TABLE \"a\"`\n\n- `ACCESS EXCLUSIVE` on `a`: keeps reads and writes waiting\n\n"
    ));
    assert!(first.contains("as Prisma before 7.4 sends the file, because no installed version was found"));
    assert!(first.contains("`drop-table`: ") && first.contains("\n\nInstead: "));
    assert_eq!(told(at(1, 0)), None);
    let second = told(at(2, 3)).unwrap();
    assert!(second.contains("It locks nothing that was there before."), "{second}");
    assert!(second.contains("Transaction 1 of 1, with 1 other statement"), "{second}");
}

#[test]
fn words_of_a_file_are_not_taken_for_markup() {
    let text = "DROP TABLE \"<b>*a*`\";\n";
    let file = report(text);
    let told = hover(text, &file, None, at(0, 0)).unwrap().markdown;
    // Code is code between ticks; sentences are escaped.
    let (about, found) = told.split_once("\n\n---\n\n").unwrap();
    assert!(about.contains("on `` <b>*a*` ``: keeps"), "{about}");
    assert!(!found.contains("<b>") && found.contains("&lt;b&gt;\\*a\\*\\`"), "{found}");
}

#[test]
fn the_online_form_takes_the_place_of_its_statement() {
    let text = "SELECT 1;\r\n  ALTER TABLE \"🚀\" ALTER COLUMN \"b\" SET NOT NULL;\r\nSELECT 2;\r\n";
    let mut file = report(text);
    file.findings.retain(|finding| finding.statement == Some(2));
    let one = file.findings[0].clone();
    let forms = vec![statement("SELECT 'one';"), statement("SELECT 'two'")];
    file.findings[0].fix = Some(Fix { advice: "do it so".to_owned(), statements: forms });
    // Another finding with the same way out proposes nothing new.
    file.findings.push(file.findings[0].clone());
    let proposed = actions(text, &file, whole(text));
    let titles: Vec<&str> = proposed.iter().map(|action| action.title.as_str()).collect();
    let preferred: Vec<&Action<'_>> = proposed.iter().filter(|action| action.preferred).collect();
    assert_eq!(preferred.len(), 1, "{titles:?}");
    assert_eq!(preferred[0].title, "replace by the online form");
    assert_eq!(taken(text, preferred[0]), "SELECT 1;\r\n  SELECT 'one';\r\n  SELECT 'two';\r\nSELECT 2;\r\n");
    // Elsewhere in the file nothing is proposed.
    let last = Range { start: at(2, 0), end: at(2, 3) };
    assert!(actions(text, &file, last).is_empty());

    for change in [
        (|one| one.alone = true) as fn(&mut FixStatement),
        |one| one.later = true,
        |one| one.in_batches = true,
    ] {
        let mut split = statement("SELECT 'two'");
        change(&mut split);
        file.findings = vec![one.clone()];
        let statements = vec![statement("SELECT 'one'"), split];
        file.findings[0].fix = Some(Fix { advice: "do it so".to_owned(), statements });
        assert!(actions(text, &file, whole(text)).iter().all(|action| !action.preferred));
    }
}

#[test]
fn a_comment_goes_where_it_is_for_its_statement() {
    // On a line of its own, within a line, and at the head of the file.
    for (text, edited) in [
        ("\tDROP TABLE \"a\";", "\t-- underpin: ignore drop-table because …\n\tDROP TABLE \"a\";"),
        (
            "SELECT 1; DROP TABLE \"a\";",
            "SELECT 1; /* underpin: ignore drop-table because … */ DROP TABLE \"a\";",
        ),
    ] {
        let file = with_one(text, "drop-table");
        assert_eq!(taken(text, &actions(text, &file, whole(text))[0]), edited);
        // With a reason, it is what it says: nothing is left to be ignored, and nothing is ignored in vain.
        let reasoned = edited.replace('…', "nobody reads it");
        let rules: Vec<String> = report(&reasoned)
            .findings
            .into_iter()
            .filter(|finding| finding.suppressed.is_none())
            .map(|finding| finding.rule)
            .collect();
        assert!(!rules.iter().any(|rule| rule == "drop-table" || rule.ends_with("-ignore")), "{rules:?}");
    }
    let text = "-- first\nDROP TABLE \"a\";";
    let mut file = with_one(text, "drop-table");
    (file.findings[0].span, file.findings[0].statement) = (None, None);
    let edited = taken(text, &actions(text, &file, whole(text))[0]);
    assert_eq!(edited, format!("-- underpin: ignore-file drop-table because …\n{text}"));
}

#[test]
fn what_no_comment_can_ignore_is_not_offered() {
    for text in ["DROP TABEL \"a\";", "-- underpin: ignore drop-column because old\nSELECT 1;"] {
        let file = report(text);
        assert_eq!(file.findings.len(), 1);
        assert!(actions(text, &file, whole(text)).is_empty(), "{text}");
    }
}

#[test]
fn what_was_gone_through_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str| folder.path().join("migrations").join(name).join("migration.sql");
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(script(name).parent().unwrap()).unwrap();
        std::fs::write(script(name), text).unwrap();
    };
    write("1", "CREATE TABLE \"a\" (\"b\" INT);");
    write("2", "SELECT 1;");
    let uri = |name: &str| format!("file://{}", script(name).display());
    let mut desk = Desk::new(Migrations::default());
    // Neither is saved.
    desk.open(opened(&uri("3"), "SELECT 1;"));
    desk.open(opened(&uri("4"), "SELECT 1;"));
    assert_eq!(desk.judge().len(), 2);
    assert!(desk.judge().is_empty(), "nothing has changed");

    // Were the first one read now, the table would not be known.
    std::fs::remove_file(script("1")).unwrap();
    let replace = |desk: &mut Desk, name: &str, text: &str| {
        let change = super::protocol::Change { range: None, text: text.to_owned() };
        assert!(desk.change(&uri(name), 2, &[change]));
        desk.judge()
    };
    let locks = |desk: &Desk| found(desk, &uri("4")).statements[0].locks.len();
    // The last one is edited: it alone is judged.
    assert_eq!(replace(&mut desk, "4", "CREATE INDEX ON \"a\"(\"b\");"), [uri("4")]);
    assert_eq!(locks(&desk), 1);
    // The one before is edited: both are, and the table has gone for the last.
    assert_eq!(replace(&mut desk, "3", "DROP TABLE \"a\";").len(), 2);
    assert_eq!(locks(&desk), 0);
    assert_eq!(replace(&mut desk, "3", "SELECT 2;").len(), 2);
    assert_eq!(locks(&desk), 1);

    // Somebody says that the disk has changed.
    desk.look_again();
    assert_eq!(desk.judge().len(), 2);
    assert_eq!(locks(&desk), 0);
}
