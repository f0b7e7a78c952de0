//! Depth: whatever is nested in whatever, however deeply, there is an answer on the stack of any thread.
//!
//! PostgreSQL's parser looks after its own stack, the decoder of its trees goes down a hundred messages and no
//! further, and what we read ourselves has bounds of its own. Here it is seen, in the build that the tests are: one
//! without optimisation takes ten times the stack.

use std::thread;

use underpin_catalog::{Name, ServerVersion};
use underpin_sql::failure::{TransactionSoFar, failures};
use underpin_sql::sending::{Sender, sending, unreadable};
use underpin_sql::{
    Surroundings, as_written, comments, mentioned, predict, read, read_to_judge, reverse, twin,
};

/// What a thread gets when nobody asks for more.
const STACK_BYTES: usize = 2 << 20;

/// What stands around something many times, and what that is in the middle.
const NESTS: &[(&str, &str, &str, &str)] = &[
    ("SELECT ", "(", "1", ")"),
    ("SELECT ", "f(", "a", ")"),
    ("SELECT ", "CAST(", "a", " AS int)"),
    ("SELECT ", "CASE WHEN a THEN ", "1", " END"),
    ("SELECT ", "NOT ", "a", ""),
    ("SELECT 1", "", "", " + 1"),
    ("SELECT a", "", "", "::int"),
    ("SELECT a", "", "", " OR a = 1"),
    ("SELECT 1", "", "", " UNION SELECT 1"),
    ("SELECT ", "ARRAY[", "1", "]"),
    ("SELECT ", "ROW(", "1", ")"),
    ("SELECT ", "a.", "b", ""),
    ("SELECT a", "[", "1", "]"),
    ("SELECT ", "+", "1", ""),
    ("SELECT ", "INTERVAL ", "'1'", ""),
    ("SELECT ", "a IN (", "1", ")"),
    ("SELECT ", "a BETWEEN ", "1", " AND 2"),
    ("SELECT a", "", "", " IS NULL"),
    ("SELECT a", "", "", " COLLATE c"),
    ("SELECT a", "", "", " AT TIME ZONE 'x'"),
    ("SELECT * FROM a", "", "", " JOIN b ON true"),
    ("CREATE TABLE a (b ", "int", "", "[]"),
    ("", "(SELECT ", "1", ")"),
    ("", "SELECT (", "SELECT 1", ")"),
    ("SELECT * FROM ", "(SELECT * FROM ", "a", ") AS x"),
    ("SELECT * FROM ", "(a JOIN ", "b", " ON true)"),
    ("", "WITH x AS (", "SELECT 1", ") SELECT 1"),
    ("DELETE FROM a WHERE ", "EXISTS (SELECT 1 FROM a WHERE ", "true", ")"),
    ("UPDATE a SET b = ", "(", "1", ")"),
    ("ALTER TABLE a ADD COLUMN b int DEFAULT ", "f(", "1", ")"),
    ("ALTER TABLE a ADD CHECK ", "(", "b > 0", ")"),
    ("CREATE INDEX i ON a ((", "f(", "b", ")))"),
    ("CREATE VIEW v AS SELECT ", "f(", "1", ")"),
    ("", "EXPLAIN ", "SELECT 1", ""),
    ("", "COPY (", "SELECT 1", ") TO STDOUT"),
    ("", "PREPARE a AS ", "SELECT 1", ""),
    ("", "BEGIN; ", "SELECT 1;", " END;"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC ", "SELECT (", "1", "); END"),
    ("", "CREATE SCHEMA s ", "CREATE TABLE a (b int)", ""),
    ("", "/*", " x ", "*/"),
    ("", "DO $$ BEGIN ", "DROP TABLE a;", " END $$;"),
    ("DO $$ BEGIN ", "BEGIN ", "DROP TABLE a;", " END;"),
    ("DO $$ BEGIN ", "IF true THEN ", "DROP TABLE a;", " END IF;"),
    ("DO $$ BEGIN ", "LOOP ", "EXIT;", " END LOOP;"),
    ("DO $$ BEGIN ", "CASE 1 WHEN 1 THEN ", "NULL;", " END CASE;"),
    ("DO $$ BEGIN ", "FOR r IN SELECT 1 LOOP ", "DROP TABLE a;", " END LOOP;"),
    ("DO $$ BEGIN a := ", "(", "1", ");"),
    ("DO $$ BEGIN ", "EXECUTE 'DROP TABLE ' || ", "'a'", ";"),
];

/// The middle, `depth` times nested, and what ends a block of PL/pgSQL, if it is in one.
fn nested((before, open, middle, close): (&str, &str, &str, &str), depth: usize) -> String {
    let end = if before.starts_with("DO ") { " END $$" } else { "" };
    format!("{before}{}{middle}{}{end}", open.repeat(depth), close.repeat(depth))
}

/// Everything that is asked about a file.
fn judge(text: &str) {
    let _ = (comments(text), read_to_judge(text).is_ok(), reverse(&[text]).is_ok());
    let Ok(statements) = read(text) else { return };
    let mut facts = Surroundings::empty(ServerVersion::of_major(18), Name::new("public"));
    let mut so_far = TransactionSoFar::default();
    let _ = mentioned(&statements);
    for (ordinal, statement) in statements.iter().enumerate() {
        let _ = (twin(statement, ordinal, &facts).is_ok(), as_written(statement, ordinal, &facts));
        let _ = (predict(&statement.effects, &facts), failures(statement, &facts, true, &so_far));
        so_far.note(statement, &facts);
        statement.effects.iter().for_each(|effect| facts.apply(effect));
    }
    for sender in [Sender::PrismaWhole, Sender::PrismaSplit, Sender::Underpin, Sender::Autocommit] {
        assert_eq!(sending(text, &statements, sender).statements.len(), statements.len());
    }
    let _ = unreadable(text, &statements);
}

#[test]
fn any_depth_has_an_answer_on_a_usual_stack() {
    let depths = (3..60).step_by(8).chain([100, 400, 2_000]);
    let texts: Vec<String> =
        depths.flat_map(|depth| NESTS.iter().map(move |&nest| nested(nest, depth))).collect();
    let thread = thread::Builder::new().stack_size(STACK_BYTES);
    let judged = thread.spawn(move || texts.iter().for_each(|text| judge(text))).unwrap();
    judged.join().unwrap();
}
