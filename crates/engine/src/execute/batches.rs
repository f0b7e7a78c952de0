//! A table-wide `UPDATE`, or an `INSERT` for each row of a table, in batches along the primary key. Each batch
//! commits with its cursor, so a batch is done once or not at all, wherever we are cut.
//!
//! It goes to the last key that there is when it begins: what is inserted behind that is not seen by one
//! statement either, and rows that come faster than a batch would be followed for ever.

use std::time::Instant;

use serde_json::Value;
use tokio_postgres::SimpleQueryMessage;
use underpin_catalog::{Literal, Sql, sql};
use underpin_sql::{Action, Batches, Step};

use super::{Current, Executor, Trouble, progress, with_seen};

/// Rows of the first batch; later ones follow the time that a batch takes.
const ROWS_FIRST: u64 = 500;
const ROWS_MIN: u64 = 50;
const ROWS_MAX: u64 = 20_000;

/// Row security makes a statement fail (42501) that would pass over rows which the role does not see.
const SEES_ALL: &str = "SET LOCAL row_security = off";

impl Executor<'_> {
    pub(super) async fn batches(&mut self, current: &Current, index: usize) -> Result<(), Trouble> {
        let Some(step) = current.step(index).cloned() else { return Ok(()) };
        let Action::Batches(batches) = &step.action else { return Ok(()) };
        // The journal says where the batches stand and nothing else does: the answer to the last COMMIT
        // may have been lost after it took effect.
        let mut after = match self.begun_at(current, &step).await? {
            Some(cursor) => cursor,
            None => {
                self.record_intent(current, index, &step).await?;
                None
            }
        };
        let Some(end) = self.last_of_all(batches).await? else {
            return self.record_done(current, &step.id).await;
        };
        let total = self.rows_estimate(batches).await?;
        let target = self.settings.deploy.batch_target_ms.max(1) as u128;
        let (mut rows, mut done) = (ROWS_FIRST, 0_u64);
        loop {
            if *self.interrupt.borrow() {
                return Err(Trouble::Interrupted);
            }
            let begun = Instant::now();
            let Some(reached) = self.batch(current, &step, batches, after.as_ref(), &end, rows).await? else {
                break;
            };
            after = Some(reached);
            done += rows;
            self.events.send(progress(current, &step, "updating".to_owned(), done, total.max(done)));
            let took = begun.elapsed().as_millis().max(1);
            // Toward the target, at most by a factor of two at a time.
            let wanted = (u128::from(rows) * target / took) as u64;
            rows = wanted.clamp(rows / 2, rows * 2).clamp(ROWS_MIN, ROWS_MAX);
        }
        self.record_done(current, &step.id).await
    }

    /// The last key of the last batch, once the step has begun; `None` within when there was no batch yet.
    async fn begun_at(&self, current: &Current, step: &Step) -> Result<Option<Option<Value>>, Trouble> {
        let row = self
            .sessions
            .work
            .query_opt(
                "SELECT cursor FROM underpin.step WHERE migration = $1 AND id = $2",
                &[&current.begun.id, &step.id.as_str()],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// The last key of the table; `None` when it is empty.
    async fn last_of_all(&self, batches: &Batches) -> Result<Option<Value>, Trouble> {
        self.begin(&self.settings_of_batch()).await?;
        let last = self.key(&last_of_all(batches)).await?;
        self.commit(&[]).await?;
        Ok(last)
    }

    /// One batch: the keys after `after` up to `end`, at most `rows` of them. Answers the last key, or `None`
    /// when there is no further one.
    async fn batch(
        &self,
        current: &Current,
        step: &Step,
        batches: &Batches,
        after: Option<&Value>,
        end: &Value,
        rows: u64,
    ) -> Result<Option<Value>, Trouble> {
        self.begin(&self.settings_of_batch()).await?;
        let Some(last) = self.key(&last_of_batch(batches, after, end, rows)).await? else {
            self.commit(&[]).await?;
            return Ok(None);
        };
        let update = between(batches, after, &last);
        let (updated, seen) =
            self.watcher(true).over(self.sessions.work.batch_execute(update.as_str())).await;
        updated.map_err(|error| with_seen(error.into(), seen, Some(step)))?;
        self.commit(&[self.owner.cursor(&current.begun.id, &step.id, &last)]).await?;
        Ok(Some(last))
    }

    /// Shorter than deadlock_timeout, so that we and never the application give way; commits need not be flushed,
    /// because the cursor is lost together with its rows.
    fn settings_of_batch(&self) -> String {
        let lock_timeout = self.lock().try_timeout_ms;
        format!("{SEES_ALL}; SET LOCAL lock_timeout = {lock_timeout}; SET LOCAL synchronous_commit = off; ")
    }

    /// The key that a query answers.
    async fn key(&self, query: &Sql) -> Result<Option<Value>, Trouble> {
        let answers = self.sessions.work.simple_query(query.as_str()).await?;
        Ok(answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| Value::from(row.get(column))).collect())
            }
            _ => None,
        }))
    }

    async fn rows_estimate(&self, batches: &Batches) -> Result<u64, Trouble> {
        let row = self
            .sessions
            .work
            .query_one(
                "SELECT coalesce((SELECT greatest(reltuples, 0)::bigint FROM pg_catalog.pg_class WHERE oid = to_regclass($1)), 0)",
                &[&batches.table.to_string()],
            )
            .await?;
        Ok(row.get::<_, i64>(0).max(0) as u64)
    }
}

/// Asks for the last key of a batch. Partitions and heirs are part of the table, as for the statement itself.
fn last_of_batch(batches: &Batches, after: Option<&Value>, end: &Value, rows: u64) -> Sql {
    let from = match after {
        Some(key) => sql!("({}) > ({}) AND ", batches.key, literals(key)),
        None => Sql::verbatim(""),
    };
    sql!(
        "SELECT {} FROM (SELECT {} FROM {} WHERE {}({}) <= ({}) ORDER BY {} LIMIT {}) AS keyed ORDER BY {} LIMIT 1",
        as_text(batches),
        batches.key,
        batches.table,
        from,
        batches.key,
        literals(end),
        batches.key,
        rows,
        descending(batches)
    )
}

fn last_of_all(batches: &Batches) -> Sql {
    sql!(
        "SELECT {} FROM {} AS keyed ORDER BY {} LIMIT 1",
        as_text(batches),
        batches.table,
        descending(batches)
    )
}

/// Qualified: a bare name would be that of the output, which is a text and sorts as one.
fn descending(batches: &Batches) -> Vec<Sql> {
    batches.key.iter().map(|column| sql!("keyed.{} DESC", column)).collect()
}

fn as_text(batches: &Batches) -> Vec<Sql> {
    batches.key.iter().map(|column| sql!("keyed.{}::text", column)).collect()
}

/// The statement for the rows between two keys.
fn between(batches: &Batches, after: Option<&Value>, last: &Value) -> Sql {
    let from = match after {
        Some(key) => sql!("({}) > ({}) AND ", key_of(batches), literals(key)),
        None => Sql::verbatim(""),
    };
    let filter = match &batches.filter {
        Some(filter) => sql!(" AND ({})", filter),
        None => Sql::verbatim(""),
    };
    let condition = sql!("{}({}) <= ({}){}", from, key_of(batches), literals(last), filter);
    batches.statement(Some(&condition))
}

/// The key as the statement calls it.
fn key_of(batches: &Batches) -> Vec<Sql> {
    let row = batches.alias.as_ref().map_or_else(String::new, |alias| format!("{alias}."));
    batches.key.iter().map(|column| Sql::verbatim(format!("{row}{column}"))).collect()
}

/// A key as constants without a type: each takes the type of the column that it is compared with.
fn literals(key: &Value) -> Vec<Sql> {
    let values = key.as_array().map(Vec::as_slice).unwrap_or_default();
    values.iter().map(|value| sql!("{}", Literal(value.as_str().unwrap_or_default()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_catalog::{Name, RelationName};
    use underpin_sql::BatchWork;

    #[test]
    fn a_batch_lies_between_two_keys_and_keeps_the_filter() {
        let batches = Batches {
            table: RelationName::bare("T"),
            key: vec![Name::new("a"), Name::new("b")],
            work: BatchWork::Set(Sql::verbatim("x = 1")),
            filter: Some(Sql::verbatim("x IS NULL OR y")),
            alias: None,
        };
        let first = between(&batches, None, &serde_json::json!(["1", "it's"]));
        assert_eq!(
            first.as_str(),
            "UPDATE \"T\" SET x = 1 WHERE (\"a\", \"b\") <= ('1', 'it''s') AND (x IS NULL OR y)"
        );
        let insert = Batches {
            work: BatchWork::Insert {
                head: Sql::verbatim("INSERT INTO u (b) SELECT t.b"),
                tail: Sql::verbatim("FOR UPDATE ON CONFLICT DO NOTHING"),
            },
            alias: Some(Name::new("t")),
            ..batches.clone()
        };
        assert_eq!(
            between(&insert, None, &serde_json::json!(["1", "2"])).as_str(),
            "INSERT INTO u (b) SELECT t.b FROM \"T\" AS \"t\" WHERE (\"t\".\"a\", \"t\".\"b\") <= ('1', '2') \
             AND (x IS NULL OR y) FOR UPDATE ON CONFLICT DO NOTHING"
        );
        let next = between(&batches, Some(&serde_json::json!(["0", ""])), &serde_json::json!(["1", "2"]));
        assert!(next.as_str().contains("WHERE (\"a\", \"b\") > ('0', '') AND (\"a\", \"b\") <= ('1', '2')"));
        let key =
            last_of_batch(&batches, Some(&serde_json::json!(["0", ""])), &serde_json::json!(["9", "z"]), 50);
        assert_eq!(
            key.as_str(),
            "SELECT keyed.\"a\"::text, keyed.\"b\"::text FROM (SELECT \"a\", \"b\" FROM \"T\" \
             WHERE (\"a\", \"b\") > ('0', '') AND (\"a\", \"b\") <= ('9', 'z') ORDER BY \"a\", \"b\" LIMIT 50) AS keyed \
             ORDER BY keyed.\"a\" DESC, keyed.\"b\" DESC LIMIT 1"
        );
    }
}
