//! Statements drawn at random, of either client, on the table and on a control table that has one column:
//! behind each of them the two are equal, whatever came before.

use std::fmt::Write;

use underpin_catalog::{Name, RelationName, Sql};
use underpin_core::sync::{Pair, enum_to_enum, renamed, timestamp_to_timestamptz};
use underpin_testkit::{Server, outer_majors};

use super::{contract, expand, fill_all, synced};

/// Rows that there are at most.
const ROWS: u64 = 12;
const STATEMENTS: u32 = 250;

/// How many rows one of the tables has and the other has not.
const DIFFERENT: &str = "
    WITH ours AS (SELECT id, \"fullName\"::text, score FROM \"User\"),
      control AS (SELECT id, \"fullName\"::text, score FROM \"Control\")
    SELECT count(*) FROM (
      (TABLE ours EXCEPT ALL TABLE control) UNION ALL (TABLE control EXCEPT ALL TABLE ours)) AS different";

/// One fact in two shapes, where each value of one has one of the other.
struct Fact {
    types: &'static str,
    data_types: (&'static str, &'static str),
    pair: Pair,
    /// The same values in both shapes.
    values: [(&'static str, &'static str); 4],
}

fn facts() -> Vec<Fact> {
    let (before, after) = (Name::new("fullName"), Name::new("displayName"));
    let enums = ["Plan", "Plan_new"].map(|name| RelationName::qualified("public", name));
    let labels = [("A", "X"), ("B", "Y"), ("C", "Z")].map(|(old, new)| (old.to_owned(), new.to_owned()));
    vec![
        Fact {
            types: "",
            data_types: ("text", "text"),
            pair: renamed(&before, &after, &Sql::verbatim("text")),
            values: [("NULL", "NULL"), ("'a'", "'a'"), ("'b'", "'b'"), ("''", "''")],
        },
        Fact {
            types: "",
            data_types: ("json", "json"),
            pair: renamed(&before, &after, &Sql::verbatim("json")),
            values: [("NULL", "NULL"), ("'{}'", "'{}'"), ("'{ }'", "'{ }'"), ("'null'", "'null'")],
        },
        Fact {
            types: "CREATE TYPE \"Plan\" AS ENUM ('A', 'B', 'C'); CREATE TYPE \"Plan_new\" AS ENUM ('Z', 'Y', 'X');",
            data_types: ("\"Plan\"", "\"Plan_new\""),
            pair: enum_to_enum((&before, &enums[0]), (&after, &enums[1]), &labels),
            values: [("NULL", "NULL"), ("'A'", "'X'"), ("'B'", "'Y'"), ("'C'", "'Z'")],
        },
        Fact {
            types: "SET TIME ZONE 'UTC';",
            data_types: ("timestamp(3)", "timestamptz(3)"),
            pair: timestamp_to_timestamptz(&before, &after, Some(3)),
            values: [
                ("NULL", "NULL"),
                ("'2026-01-01 10:00'", "'2026-01-01 12:00+02'"),
                ("'infinity'", "'infinity'"),
                ("'2026-01-01 10:00:00.0005'", "'2026-01-01 10:00:00.0005Z'"),
            ],
        },
    ]
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A statement of one client, and the same on the control table.
fn statement(dice: &mut Dice, fact: &Fact, is_new: bool) -> (String, String) {
    let (column, value) = {
        let (old, new) = fact.values[dice.below(4) as usize];
        if is_new { ("displayName", new) } else { ("fullName", old) }
    };
    let (id, other) = (dice.below(ROWS), dice.below(ROWS));
    let both = |make: &dyn Fn(&str, &str) -> String| (make("User", column), make("Control", column));
    match dice.below(8) {
        0 | 1 => both(&|table, column| {
            format!(
                "INSERT INTO \"{table}\" (id, \"{column}\") VALUES ({id}, {value}), ({other} + 100, {value}) ON CONFLICT DO NOTHING"
            )
        }),
        2 => both(&|table, column| {
            format!(
                "INSERT INTO \"{table}\" (id, \"{column}\") VALUES ({id}, {value}) \
                 ON CONFLICT (id) DO UPDATE SET \"{column}\" = EXCLUDED.\"{column}\", score = \"{table}\".score + 1"
            )
        }),
        3 => both(&|table, column| format!("UPDATE \"{table}\" SET \"{column}\" = {value} WHERE id > {id}")),
        4 => both(&|table, _| format!("UPDATE \"{table}\" SET score = {other} WHERE id = {id}")),
        5 => both(&|table, _| format!("DELETE FROM \"{table}\" WHERE id IN ({id}, {other} + 100)")),
        6 => both(&|table, column| {
            format!(
                "INSERT INTO \"{table}\" (id, \"{column}\") SELECT id + 200, {value} FROM \"{table}\" \
                 WHERE id = {id} ON CONFLICT (id) DO UPDATE SET \"{column}\" = {value}"
            )
        }),
        _ => both(&|table, column| {
            format!("UPDATE \"{table}\" SET \"{column}\" = {value}, score = 1 WHERE id = {id}")
        }),
    }
}

#[tokio::test]
async fn a_control_table_that_gets_the_same_statements_stays_equal() {
    for major in outer_majors() {
        let server = Server::shared(major).await;
        for (number, fact) in facts().iter().enumerate() {
            let database = server.database("sync_random").await;
            let (old, new) = fact.data_types;
            // The control table keeps each client's own column; which is in force is what `is_new` tells.
            database
                .run(&format!(
                    "{} CREATE TABLE \"User\" (id int PRIMARY KEY, \"fullName\" {old}, score int DEFAULT 0);
                     CREATE TABLE \"Control\" (LIKE \"User\" INCLUDING ALL)",
                    fact.types
                ))
                .await;
            let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1));
            let mut script = String::new();
            for _ in 0..10 {
                let (ours, control) = statement(&mut dice, fact, false);
                write!(script, "{ours}; {control};").unwrap();
            }
            database.run(&script).await;
            let synced = synced(vec![fact.pair.clone()]);
            database
                .run(&expand(&format!("ALTER TABLE \"User\" ADD COLUMN \"displayName\" {new}"), &synced))
                .await;
            let client = database.client().await;
            for turn in 0..STATEMENTS {
                let is_new = dice.below(2) == 0;
                let (ours, control) = statement(&mut dice, fact, is_new);
                // The control table has the old column alone: the new client's values in their old form.
                let control = in_old_form(&control, fact);
                let ran = client.batch_execute(&format!("{ours}; {control}")).await;
                ran.unwrap_or_else(|error| panic!("{major}: {ours}: {error:?}"));
                let different: i64 = client.query_one(DIFFERENT, &[]).await.unwrap().get(0);
                assert_eq!(different, 0, "{major}: turn {turn} of {old}: {ours}");
                if turn == STATEMENTS / 2 {
                    fill_all(&database, &synced).await;
                }
            }
            fill_all(&database, &synced).await;
            database.run(&contract(&synced, "ALTER TABLE \"User\" DROP COLUMN \"fullName\"")).await;
        }
    }
}

/// A statement of the new client, for a table that has the old column alone.
fn in_old_form(statement: &str, fact: &Fact) -> String {
    if !statement.contains("displayName") {
        return statement.to_owned();
    }
    let mut text = statement.replace("displayName", "fullName");
    for (old, new) in fact.values {
        text = text.replace(new, old);
    }
    text
}
