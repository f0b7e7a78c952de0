use underpin_catalog::ServerVersion;
use underpin_prisma::FolderOrder;
use underpin_sql::sending::Sender;

use super::*;
use crate::lint::stats::Stats;
use crate::lint::suppress::{Known, suppress};
use crate::lint::{Circumstances, Linter, Source, rules};
use crate::settings::LintSettings;

const HISTORY: &str = "CREATE TABLE \"User\" (\"id\" INT NOT NULL, \"email\" TEXT, \"teamId\" INT, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));
CREATE TABLE \"Team\" (\"id\" INT NOT NULL, \"name\" TEXT, CONSTRAINT \"Team_pkey\" PRIMARY KEY (\"id\"));
CREATE INDEX \"User_email_idx\" ON \"User\"(\"email\");";

const FOLDER: &str = "20260302120000_next";

fn circumstances<'a>(sender: Sender, stats: &'a Stats, settings: &'a LintSettings) -> Circumstances<'a> {
    Circumstances::of_history(ServerVersion::of_major(16), sender, stats, settings)
}

fn form_as_sent_by(text: &str, sender: Sender) -> SafeForm {
    let (stats, settings) = (Stats::none(), LintSettings::default());
    let mut linter = Linter::new(circumstances(sender, &stats, &settings));
    linter.pass(&underpin_sql::read(HISTORY));
    let before = linter.before_next();
    let statements = underpin_sql::read(text).unwrap();
    let mut report = linter.judge(&Source { path: "next.sql", text, read: Ok(statements.clone()) });
    let names: Vec<&str> = rules().map(|rule| rule.name()).collect();
    let today = jiff::civil::date(2026, 3, 2);
    suppress(&mut report, text, Known { rules: &names, idle: &[] }, today);
    let form = safe_form(&Unapplied {
        folder: FOLDER,
        folders: &["20260101000000_init".to_owned(), FOLDER.to_owned()],
        order: FolderOrder::Collation,
        text,
        statements: &statements,
        before: &before,
        report: &report,
    });
    let mut again = Linter::new(circumstances(sender, &stats, &settings));
    again.pass(&underpin_sql::read(HISTORY));
    for file in &form.files {
        let read = underpin_sql::read(&file.text);
        let report = again.judge(&Source { path: &file.folder, text: &file.text, read });
        assert_eq!(form.comes_back(&report.findings), None, "{}", file.text);
    }
    form
}

fn form(text: &str) -> SafeForm {
    form_as_sent_by(text, Sender::PrismaWhole)
}

/// The texts of the files.
fn texts(form: &SafeForm) -> Vec<&str> {
    form.files.iter().map(|file| file.text.as_str()).collect()
}

fn rules_of(form: &SafeForm) -> (Vec<&str>, Vec<(&str, &str)>) {
    let fixed = form.fixed.iter().map(|finding| finding.rule.as_str()).collect();
    let left = form.left.iter().map(|left| (left.finding.rule.as_str(), left.why.as_str())).collect();
    (fixed, left)
}

#[test]
fn an_index_build_stands_alone_with_its_comments() {
    let form = form(
        "/* Why: searches. */\n-- AlterTable\nALTER TABLE \"User\"   ADD COLUMN \"age\" INT; -- years\n\n-- CreateIndex\n\
         -- by age\nCREATE INDEX \"User_age_idx\" /* inside */ ON \"User\"(\"age\"); -- behind\n",
    );
    let folders: Vec<&str> = form.files.iter().map(|file| file.folder.as_str()).collect();
    assert_eq!(folders, ["20260302120000_next", "20260302120001_next_2"]);
    assert_eq!(
        texts(&form),
        [
            "/* Why: searches. */\n-- AlterTable\nALTER TABLE \"User\"   ADD COLUMN \"age\" INT; -- years\n",
            "-- CreateIndex\n-- by age\n/* inside */\nCREATE INDEX CONCURRENTLY \"User_age_idx\" ON \"User\" USING btree \
             (age); -- behind\n",
        ]
    );
}

#[test]
fn an_index_build_that_is_all_stays_in_its_folder() {
    let form = form("CREATE INDEX \"i\" ON \"User\"(\"teamId\")");
    assert_eq!(form.files.len(), 1);
    assert_eq!(form.files[0].folder, FOLDER);
    assert_eq!(form.files[0].text, "CREATE INDEX CONCURRENTLY i ON \"User\" USING btree (\"teamId\");\n");
}

#[test]
fn what_is_new_stays_in_the_file_that_makes_it() {
    let form = form(
        "CREATE TABLE \"Note\" (\"id\" INT NOT NULL, \"userId\" INT, CONSTRAINT \"Note_pkey\" PRIMARY KEY (\"id\"));\n\n\
         CREATE INDEX \"User_teamId_idx\" ON \"User\"(\"teamId\");\n\nCREATE INDEX \"Note_userId_idx\" ON \
         \"Note\"(\"userId\");\n\nALTER TABLE \"Note\" ADD CONSTRAINT \"Note_userId_fkey\" FOREIGN KEY (\"userId\") \
         REFERENCES \"User\"(\"id\");\n",
    );
    let texts = texts(&form);
    assert_eq!(texts.len(), 2, "{texts:#?}");
    assert!(texts[0].contains("Note_userId_idx") && texts[0].contains("Note_userId_fkey"), "{}", texts[0]);
    assert!(texts[1].starts_with("CREATE INDEX CONCURRENTLY"), "{}", texts[1]);
}

#[test]
fn what_depends_on_a_split_off_statement_goes_behind_it() {
    let form = form(
        "CREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");\nALTER TABLE \"Team\" ADD COLUMN \"owner\" TEXT;\n\
         ALTER TABLE \"User\" ALTER COLUMN \"email\" SET DEFAULT '';\nINSERT INTO \"User\" (\"id\") VALUES (0) ON CONFLICT \
         (\"email\") DO NOTHING;\n",
    );
    let texts = texts(&form);
    assert_eq!(texts.len(), 3, "{texts:#?}");
    assert_eq!(texts[0], "ALTER TABLE \"Team\" ADD COLUMN \"owner\" TEXT;\n");
    assert!(texts[1].starts_with("CREATE UNIQUE INDEX CONCURRENTLY"));
    assert!(texts[2].starts_with("ALTER TABLE") && texts[2].contains("\nINSERT"), "{}", texts[2]);
}

#[test]
fn a_foreign_key_is_validated_in_a_later_file() {
    let form = form(
        "-- AddForeignKey\nALTER TABLE \"User\" ADD CONSTRAINT \"fk\" FOREIGN KEY (\"teamId\") REFERENCES \"Team\"(\"id\");\n",
    );
    assert_eq!(
        texts(&form),
        [
            "-- AddForeignKey\nALTER TABLE \"User\" ADD CONSTRAINT fk FOREIGN KEY (\"teamId\") REFERENCES \"Team\" (id) NOT VALID;\n",
            "-- validate fk of User while the table is in use\nALTER TABLE \"User\" VALIDATE CONSTRAINT fk;\n",
        ]
    );
}

#[test]
fn no_file_has_two_locks_or_a_lock_before_work() {
    let form = form(
        "ALTER TABLE \"User\" ADD CONSTRAINT \"a\" FOREIGN KEY (\"teamId\") REFERENCES \"Team\"(\"id\");\n\
         ALTER TABLE \"User\" ADD CONSTRAINT \"b\" CHECK (\"id\" > 0);\nALTER TABLE \"Team\" ALTER \"name\" SET NOT NULL;\n",
    );
    let words = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with("--"));
        lines.map(|line| line.rsplit_once("\" ").map_or(line, |(_, end)| end).to_owned()).collect()
    };
    let shape: Vec<Vec<String>> = texts(&form).into_iter().map(words).collect();
    assert_eq!(
        shape,
        [
            vec!["(id) NOT VALID;"],
            vec!["VALIDATE CONSTRAINT a;", "ADD CONSTRAINT b CHECK (id > 0) NOT VALID;"],
            vec!["VALIDATE CONSTRAINT b;", shape[2][1].as_str()],
            vec![shape[3][0].as_str()],
            vec!["BEGIN;", "ALTER COLUMN name SET NOT NULL;", shape[4][2].as_str(), "COMMIT;"],
        ]
    );
    assert!(shape[2][1].ends_with("IS NOT NULL) NOT VALID;"), "{}", shape[2][1]);
    assert!(shape[3][0].starts_with("VALIDATE CONSTRAINT"));
    assert!(shape[4][2].starts_with("DROP CONSTRAINT"));
}

#[test]
fn a_filled_column_is_filled_again_before_null_is_refused() {
    let form = form(
        "UPDATE \"User\" SET \"email\" = '' WHERE \"email\" IS NULL;\nALTER TABLE \"User\" ALTER COLUMN \"email\" SET NOT NULL;\n",
    );
    let texts = texts(&form);
    assert_eq!(texts.len(), 4, "{texts:#?}");
    assert!(texts[0].starts_with("UPDATE \"User\" SET \"email\" = ''") && texts[0].contains("NOT VALID"));
    assert!(texts[1].starts_with("-- fill public.User.email where it is still NULL\n"), "{}", texts[1]);
    assert!(texts[1].contains("UPDATE") && texts[1].contains("\"email\" IS NULL;"), "{}", texts[1]);
    assert!(texts[2].contains("VALIDATE"));
    assert!(texts[3].contains("BEGIN;") && texts[3].ends_with("COMMIT;\n"));
    let (fixed, left) = rules_of(&form);
    assert_eq!(fixed, ["table-scan"]);
    assert!(
        left.iter().any(|(rule, why)| *rule == "bulk-update" && why.contains("one statement")),
        "{left:?}"
    );
}

#[test]
fn settings_are_said_in_each_file_and_taken_back() {
    let form = form(
        "-- be short\nSET LOCAL lock_timeout = '5s';\n\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\nCREATE INDEX \"i\" ON \
         \"User\"(\"teamId\");\nALTER TABLE \"User\" ALTER \"teamId\" SET DEFAULT 1;\n",
    );
    assert_eq!(
        texts(&form),
        [
            "-- be short\nSET lock_timeout = '5s';\n\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\nRESET lock_timeout;\n",
            "CREATE INDEX CONCURRENTLY i ON \"User\" USING btree (\"teamId\");\n",
            "SET lock_timeout = '5s';\nALTER TABLE \"User\" ALTER \"teamId\" SET DEFAULT 1;\nRESET lock_timeout;\n",
        ]
    );
}

#[test]
fn a_setting_that_leaks_or_has_no_effect_is_made_right_in_place() {
    let leaks = form("SET lock_timeout = '1s';\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT\n");
    assert_eq!(
        texts(&leaks),
        ["SET lock_timeout = '1s';\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\nRESET lock_timeout;\n"]
    );
    let text = "SET LOCAL lock_timeout = '1s';\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\n-- bye\n";
    let lost = form_as_sent_by(text, Sender::PrismaSplit);
    assert_eq!(rules_of(&lost).0, ["setting-without-effect"]);
    assert_eq!(
        texts(&lost),
        [
            "SET lock_timeout = '1s';\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\n-- bye\nRESET lock_timeout;\n"
        ]
    );
    // The file's own way back is kept.
    let own = form(
        "SET lock_timeout = '1s';\nCREATE INDEX \"i\" ON \"User\"(\"teamId\");\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\n\
         -- back\nRESET lock_timeout;\n",
    );
    assert_eq!(
        texts(&own)[0],
        "SET lock_timeout = '1s';\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\n-- back\nRESET lock_timeout;\n"
    );
}

#[test]
fn what_is_ignored_is_left_alone() {
    let form = form(
        "-- underpin: ignore setting-leaks because the next file counts on it\nSET lock_timeout = '1s';\n\
         ALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\n-- underpin: ignore index-build because the table is small\n\
         CREATE INDEX \"i\" ON \"User\"(\"teamId\");\nCREATE INDEX \"j\" ON \"Team\"(\"name\");\n",
    );
    let texts = texts(&form);
    assert_eq!(texts.len(), 3, "{texts:#?}");
    assert!(texts[0].ends_with("RESET lock_timeout;\n"), "{}", texts[0]);
    assert!(texts[1].ends_with("\nCREATE INDEX \"i\" ON \"User\"(\"teamId\");\n"), "{}", texts[1]);
    assert!(texts[2].starts_with("CREATE INDEX CONCURRENTLY j"), "{}", texts[2]);
    let alone = self::form(
        "-- underpin: ignore setting-leaks because the next file counts on it\nSET lock_timeout = '1s';\n\
         ALTER TABLE \"User\" ADD CONSTRAINT \"c\" CHECK (\"id\" > 0);\n",
    );
    let last = alone.files.last().unwrap();
    assert!(last.text.contains("SET lock_timeout") && !last.text.contains("RESET"), "{}", last.text);
}

#[test]
fn a_search_path_cannot_be_left_out() {
    let form = form("SET search_path = public;\nCREATE INDEX \"i\" ON \"User\"(\"teamId\");\n");
    assert!(form.files.is_empty());
    let (fixed, left) = rules_of(&form);
    assert_eq!(fixed, Vec::<&str>::new());
    assert!(
        left.iter().any(|(rule, why)| *rule == "index-build" && why.contains("search_path is set")),
        "{left:?}"
    );
}

#[test]
fn a_transaction_of_the_file_is_not_taken_apart() {
    let form = form(
        "BEGIN;\nCREATE INDEX \"i\" ON \"User\"(\"teamId\");\nCOMMIT;\nDROP INDEX \"User_email_idx\";\n",
    );
    assert_eq!(
        texts(&form),
        [
            "BEGIN;\nCREATE INDEX \"i\" ON \"User\"(\"teamId\");\nCOMMIT;\n",
            "DROP INDEX CONCURRENTLY \"User_email_idx\";\n",
        ]
    );
    let (fixed, left) = rules_of(&form);
    assert!(fixed.contains(&"index-drop"));
    assert!(
        left.iter().any(|(rule, why)| *rule == "index-build" && why.contains("BEGIN and COMMIT")),
        "{left:?}"
    );
}

#[test]
fn an_index_is_not_taken_for_its_ruin() {
    let form = form("CREATE INDEX CONCURRENTLY IF NOT EXISTS \"i\" ON \"User\"(\"teamId\");\n");
    assert_eq!(rules_of(&form).0, ["index-leftover"]);
    assert_eq!(texts(&form), ["CREATE INDEX CONCURRENTLY i ON \"User\" USING btree (\"teamId\");\n"]);
}

#[test]
fn work_goes_into_another_file_than_the_locks_before_it() {
    let form = form(
        "ALTER TABLE \"User\" ADD COLUMN \"a\" INT;\nUPDATE \"User\" SET \"a\" = 1;\nALTER TABLE \"Team\" ADD COLUMN \"b\" INT;\n",
    );
    assert_eq!(rules_of(&form).0, ["lock-held-during-work"]);
    assert_eq!(
        texts(&form),
        [
            "ALTER TABLE \"User\" ADD COLUMN \"a\" INT;\nALTER TABLE \"Team\" ADD COLUMN \"b\" INT;\n",
            "UPDATE \"User\" SET \"a\" = 1;\n",
        ]
    );
}

#[test]
fn line_ends_stay_as_they_are() {
    let form = form(
        "-- A\r\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\r\n\r\n-- B\r\nCREATE INDEX \"i\" ON \"User\"(\"teamId\");\r\n",
    );
    assert_eq!(
        texts(&form),
        [
            "-- A\r\nALTER TABLE \"Team\" ADD COLUMN \"a\" INT;\r\n",
            "-- B\r\nCREATE INDEX CONCURRENTLY i ON \"User\" USING btree (\"teamId\");\r\n",
        ]
    );
}

#[test]
fn a_file_without_anything_to_fix_is_not_written() {
    let form = form("DROP TABLE \"Team\";\n");
    assert!(form.files.is_empty() && form.fixed.is_empty());
    assert_eq!(rules_of(&form).1[0].0, "drop-table");
}

#[test]
fn chunks_in_a_row_are_the_file() {
    for text in [
        "",
        "-- only this",
        "SELECT 1",
        "/* a */ SELECT 1 -- b\n; -- c\n\n/* d\n */ SELECT ';' ; SELECT 2;; /* e\n f */ SELECT 3 -- g",
        "SELECT 1;\r\n\r\n-- x;y\r\nSELECT 2;\r\n-- end\r\n",
    ] {
        let statements = underpin_sql::read(text).unwrap();
        let chunks = chunk::chunks(text, &statements);
        let whole: String = chunks
            .iter()
            .flat_map(|chunk| {
                [chunk.above, chunk.text, chunk.between, if chunk.ended { ";" } else { "" }, chunk.behind]
            })
            .collect();
        assert_eq!(whole, if statements.is_empty() { "" } else { text });
    }
}

#[test]
fn the_rules_that_are_known_by_name_exist() {
    let names: Vec<&str> = rules().map(|rule| rule.name()).collect();
    for name in [choose::LOCK_HELD, choose::LEAKS, choose::WITHOUT_EFFECT, choose::LEFTOVER] {
        assert!(names.contains(&name), "{name}");
    }
}
