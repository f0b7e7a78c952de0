#![allow(clippy::unwrap_used)]

use underpin_sql::read;

use super::*;
use crate::rollout::Directives;

fn phase(folder: &str, phase: &str, sql: &str) -> PhaseFile {
    let text = format!("-- underpin: rollout r\n-- underpin: phase {phase}\n{sql}");
    PhaseFile::new(folder, Directives::read(&text).unwrap().unwrap(), &read(&text).unwrap())
}

fn told(phases: &[PhaseFile]) -> Vec<String> {
    let one = |made: Made| {
        let state = match &made.what {
            Thing::NotNull { refuses, .. } => format!(" refuses NULL: {refuses}"),
            Thing::Default { has, .. } => format!(" has a default: {has}"),
            Thing::Constraint { validated, .. } => format!(" validated: {validated}"),
            Thing::Column { data_type: Some(data_type), .. } => format!(" {data_type}"),
            Thing::Routine { text, .. } => format!(" told: {}", text.is_some()),
            _ => String::new(),
        };
        format!("{} {}{state}", made.by.unwrap(), made.what)
    };
    made(phases, &Name::new("public")).into_iter().map(one).collect()
}

#[test]
fn what_a_later_phase_says_of_the_same_counts() {
    let expand = phase(
        "1",
        "expand",
        "ALTER TABLE \"User\" ADD COLUMN shown text, ADD COLUMN helper int DEFAULT 1, ALTER COLUMN name DROP NOT NULL;
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
         CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE TRIGGER t BEFORE INSERT ON \"User\" FOR EACH ROW EXECUTE FUNCTION f();
         ALTER TABLE \"User\" ADD CONSTRAINT c CHECK (shown <> '') NOT VALID;
         CREATE INDEX i ON \"User\" (helper);",
    );
    let backfill = phase(
        "2",
        "backfill after expand",
        "UPDATE \"User\" SET shown = name;
         ALTER TABLE \"public\".\"User\" ALTER COLUMN \"shown\" SET NOT NULL;
         ALTER TABLE \"User\" VALIDATE CONSTRAINT c;
         CREATE UNIQUE INDEX k ON \"User\" (shown);
         DROP INDEX i; ALTER TABLE \"User\" DROP COLUMN helper; DROP FUNCTION g();",
    );
    assert_eq!(
        told(&[expand, backfill]),
        [
            "1 User.shown text",
            "1 User.shown has a default: false",
            "1 User.name refuses NULL: false",
            "1 function f told: true",
            "1 trigger t on User",
            "2 User.shown refuses NULL: true",
            "2 constraint c on User validated: true",
            "2 index k",
        ]
    );
}

#[test]
fn what_is_renamed_has_its_new_name() {
    let expand = phase(
        "1",
        "expand",
        "CREATE TABLE a (id int PRIMARY KEY, b int);
         CREATE TABLE gone (id int);
         CREATE TYPE mood AS ENUM ('x');
         ALTER TABLE a RENAME TO c; ALTER TABLE c RENAME COLUMN b TO d; DROP TABLE gone; DROP TYPE mood;
         CREATE VIEW a AS SELECT id FROM c;",
    );
    let told = told(&[expand]);
    assert!(told.iter().all(|line| !line.contains("gone") && !line.contains("mood")), "{told:?}");
    for line in ["1 c.id integer", "1 c.id refuses NULL: true", "1 c", "1 c.d", "1 a"] {
        assert!(told.iter().any(|own| own == line), "{line}: {told:?}");
    }
    assert!(!told.iter().any(|line| line.contains("c.b") || line.starts_with("1 a.")), "{told:?}");
}

#[test]
fn a_difference_tells_the_object_and_what_puts_it_right() {
    let files = [phase(
        "20260301_1_expand",
        "expand",
        "ALTER TABLE \"User\" ADD COLUMN shown text NOT NULL; CREATE TRIGGER t BEFORE INSERT ON \"User\" FOR EACH ROW EXECUTE FUNCTION f();",
    )];
    let sentences: Vec<_> = made(&files, &Name::new("public"))
        .iter()
        .map(|made| {
            made.sentence(match made.what {
                Thing::Column { .. } => Difference::Gone,
                Thing::Trigger { .. } => Difference::Idle,
                _ => Difference::Turned,
            })
        })
        .collect();
    assert_eq!(
        sentences,
        [
            "User.shown is not there; to put it right, as 20260301_1_expand/migration.sql has it",
            "User.shown lets NULL in; to put it right: ALTER TABLE \"public\".\"User\" ALTER COLUMN \"shown\" SET NOT NULL",
            "User.shown has a default; to put it right: ALTER TABLE \"public\".\"User\" ALTER COLUMN \"shown\" DROP DEFAULT",
            "trigger t on User is switched off; to put it right: ALTER TABLE \"public\".\"User\" ENABLE TRIGGER \"t\"",
        ]
    );
}
