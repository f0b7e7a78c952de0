//! A backfill, decided: which rows the next batch covers, with which statement, and how many it shall be.
//!
//! Batches go along the primary key. Each is all rows between two keys, so what was done is told by one key, and the
//! one who acts commits that key with the batch. They go to the last key that there was when they began: what is
//! inserted behind that is not seen by one statement either, and rows that come faster than a batch would be followed
//! for ever. Nothing here waits or asks; what was found and how long it took comes in.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use underpin_catalog::{Literal, Sql, SqlPart, sql};
use underpin_sql::Batches;

/// Rows of the first batch; later ones follow the time that a batch takes.
const ROWS_FIRST: u64 = 500;
const ROWS_MIN: u64 = 50;
const ROWS_MAX: u64 = 20_000;

/// By this the statements of a backfill are told from those of applications, in `pg_stat_statements` and in logs.
const MARK: &str = "/* underpin */";

/// The key of a row: its columns in the order of the primary key, as PostgreSQL prints them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Vec<String>);

impl Key {
    /// A key of these values.
    pub fn new(values: Vec<String>) -> Self {
        Self(values)
    }

    /// As constants without a type: each takes the type of the column that it is compared with.
    fn literals(&self) -> Vec<Sql> {
        self.0.iter().map(|value| sql!("{}", Literal(value))).collect()
    }
}

/// Where a backfill stands.
#[derive(Clone, Debug)]
pub struct Backfill<'a> {
    batches: &'a Batches,
    target: Duration,
    after: Option<Key>,
    end: Key,
    rows: u64,
    done: u64,
}

impl<'a> Backfill<'a> {
    /// Asks for the last key of the table; it answers no row when the table is empty, and then nothing is to be done.
    pub fn ask_end(batches: &Batches) -> Sql {
        sql!(
            "SELECT {} FROM {} AS keyed ORDER BY {} LIMIT 1",
            as_text(batches),
            batches.table,
            descending(batches)
        )
    }

    /// From behind the last key that was committed, or from the first row, up to `end`, in batches that take about
    /// `target`.
    pub fn new(batches: &'a Batches, after: Option<Key>, end: Key, target: Duration) -> Self {
        let target = target.max(Duration::from_millis(1));
        Self { batches, target, after, end, rows: ROWS_FIRST, done: 0 }
    }

    /// Asks for the last key of the next batch; without a row the backfill is at its end. Partitions and heirs are
    /// part of the table, as for the statement itself.
    pub fn ask_last(&self) -> Sql {
        let Self { batches, end, rows, .. } = self;
        sql!(
            "SELECT {} FROM (SELECT {} FROM {} WHERE {}({}) <= ({}) ORDER BY {} LIMIT {}) AS keyed ORDER BY {} LIMIT 1",
            as_text(batches),
            batches.key,
            batches.table,
            self.behind(&batches.key),
            batches.key,
            end.literals(),
            batches.key,
            rows,
            descending(batches)
        )
    }

    /// The statement for the rows of the next batch, of which this is the last key.
    pub fn batch(&self, last: &Key) -> Sql {
        let batches = self.batches;
        let filter = match &batches.filter {
            Some(filter) => sql!(" AND ({})", filter),
            None => Sql::verbatim(""),
        };
        let key = key_of(batches);
        let condition = sql!("{}({}) <= ({}){}", self.behind(&key), key, last.literals(), filter);
        sql!("{} {}", batches.statement(Some(&condition)), Sql::verbatim(MARK))
    }

    /// A batch is committed, up to this key, and took so long. The next one is as large as the target allows, and at
    /// most twice or half as large as this one: one slow commit says little about the next.
    pub fn committed(&mut self, last: Key, took: Duration) {
        self.after = Some(last);
        self.done += self.rows;
        let wanted = u128::from(self.rows) * self.target.as_millis() / took.as_millis().max(1);
        let wanted = u64::try_from(wanted).unwrap_or(ROWS_MAX);
        self.rows = wanted.clamp(self.rows / 2, self.rows * 2).clamp(ROWS_MIN, ROWS_MAX);
    }

    /// Rows that the batches of this run had room for.
    pub fn done(&self) -> u64 {
        self.done
    }

    fn behind(&self, key: &[impl SqlPart]) -> Sql {
        match &self.after {
            Some(after) => sql!("({}) > ({}) AND ", *key, after.literals()),
            None => Sql::verbatim(""),
        }
    }
}

/// Qualified: a bare name would be that of the output, which is a text and sorts as one.
fn descending(batches: &Batches) -> Vec<Sql> {
    batches.key.iter().map(|column| sql!("keyed.{} DESC", column)).collect()
}

fn as_text(batches: &Batches) -> Vec<Sql> {
    batches.key.iter().map(|column| sql!("keyed.{}::text", column)).collect()
}

/// The key as the statement calls it.
fn key_of(batches: &Batches) -> Vec<Sql> {
    let qualified = |column| match &batches.alias {
        Some(alias) => sql!("{}.{}", alias, column),
        None => sql!("{}", column),
    };
    batches.key.iter().map(qualified).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use underpin_catalog::{Name, RelationName};
    use underpin_sql::BatchWork;

    fn update() -> Batches {
        Batches {
            table: RelationName::bare("T"),
            key: vec![Name::new("a"), Name::new("b")],
            work: BatchWork::Set(Sql::verbatim("x = 1")),
            filter: Some(Sql::verbatim("x IS NULL OR y")),
            alias: None,
        }
    }

    fn key(values: [&str; 2]) -> Key {
        Key::new(values.map(str::to_owned).to_vec())
    }

    fn fill<'a>(batches: &'a Batches, after: Option<Key>) -> Backfill<'a> {
        Backfill::new(batches, after, key(["9", "z"]), Duration::from_millis(100))
    }

    #[test]
    fn a_batch_lies_between_two_keys_and_keeps_the_filter() {
        let update = update();
        assert_eq!(
            fill(&update, None).batch(&key(["1", "it's"])).as_str(),
            "UPDATE \"T\" SET x = 1 WHERE (\"a\", \"b\") <= ('1', 'it''s') AND (x IS NULL OR y) /* underpin */"
        );
        let insert = Batches {
            work: BatchWork::Insert {
                head: Sql::verbatim("INSERT INTO u (b) SELECT t.b"),
                tail: Sql::verbatim("FOR UPDATE ON CONFLICT DO NOTHING"),
            },
            alias: Some(Name::new("t")),
            ..update.clone()
        };
        assert_eq!(
            fill(&insert, None).batch(&key(["1", "2"])).as_str(),
            "INSERT INTO u (b) SELECT t.b FROM \"T\" AS \"t\" WHERE (\"t\".\"a\", \"t\".\"b\") <= ('1', '2') \
             AND (x IS NULL OR y) FOR UPDATE ON CONFLICT DO NOTHING /* underpin */"
        );
        let further = fill(&update, Some(key(["0", ""])));
        let statement = further.batch(&key(["1", "2"]));
        assert!(
            statement.as_str().contains("WHERE (\"a\", \"b\") > ('0', '') AND (\"a\", \"b\") <= ('1', '2')")
        );
        assert_eq!(
            further.ask_last().as_str(),
            "SELECT keyed.\"a\"::text, keyed.\"b\"::text FROM (SELECT \"a\", \"b\" FROM \"T\" \
             WHERE (\"a\", \"b\") > ('0', '') AND (\"a\", \"b\") <= ('9', 'z') ORDER BY \"a\", \"b\" LIMIT 500) AS keyed \
             ORDER BY keyed.\"a\" DESC, keyed.\"b\" DESC LIMIT 1"
        );
    }

    #[test]
    fn rows_follow_the_time_by_at_most_a_factor_of_two() {
        let update = update();
        let mut fill = fill(&update, None);
        let mut after = |took_ms| {
            fill.committed(key(["1", "2"]), Duration::from_millis(took_ms));
            fill.rows
        };
        assert_eq!([after(80), after(1), after(400), after(0)], [625, 1_250, 625, 1_250]);
        assert_eq!((0..20).map(|_| after(1_000_000)).last(), Some(ROWS_MIN));
        assert_eq!((0..20).map(|_| after(1)).last(), Some(ROWS_MAX));
    }

    #[test]
    fn a_key_is_kept_as_a_list_of_texts() {
        let kept = serde_json::to_value(key(["1", "it's"])).unwrap();
        assert_eq!(kept, serde_json::json!(["1", "it's"]));
        assert_eq!(serde_json::from_value::<Key>(kept).unwrap(), key(["1", "it's"]));
    }
}
