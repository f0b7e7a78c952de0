//! A table-wide `UPDATE`, or an `INSERT` for each row of a table, in batches: [`Backfill`] decides which, and here they
//! are asked for and executed. Each batch commits with its cursor, so a batch is done once or not at all, wherever we
//! are cut.

use std::time::{Duration, Instant};

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::Json;
use underpin_catalog::Sql;
use underpin_core::backfill::{Backfill, Key};
use underpin_sql::{Action, Batches, Step};

use super::{Current, Executor, Trouble, progress, with_seen};

/// Row security makes a statement fail (42501) that would pass over rows which the role does not see.
const SEES_ALL: &str = "SET LOCAL row_security = off";

impl Executor<'_> {
    pub(super) async fn backfill(&mut self, current: &Current, index: usize) -> Result<(), Trouble> {
        let Some(step) = current.step(index).cloned() else { return Ok(()) };
        let Action::Batches(batches) = &step.action else { return Ok(()) };
        // The journal says where the batches stand and nothing else does: the answer to the last COMMIT
        // may have been lost after it took effect.
        let after = match self.begun_at(current, &step).await? {
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
        let target = Duration::from_millis(self.settings.deploy.batch_target_ms);
        let mut backfill = Backfill::new(batches, after, end, target);
        loop {
            if *self.interrupt.borrow() {
                return Err(Trouble::Interrupted);
            }
            let begun = Instant::now();
            let Some(last) = self.batch(current, &step, &backfill).await? else { break };
            backfill.committed(last, begun.elapsed());
            let done = backfill.done();
            self.events.send(progress(current, &step, "updating".to_owned(), done, total.max(done)));
        }
        self.record_done(current, &step.id).await
    }

    /// The last key of the last batch, once the step has begun; `None` within when there was no batch yet.
    async fn begun_at(&self, current: &Current, step: &Step) -> Result<Option<Option<Key>>, Trouble> {
        let row = self
            .sessions
            .work
            .query_opt(
                "SELECT cursor FROM underpin.step WHERE migration = $1 AND id = $2",
                &[&current.begun.id, &step.id.as_str()],
            )
            .await?;
        Ok(row.map(|row| row.get::<_, Option<Json<Key>>>(0).map(|Json(key)| key)))
    }

    /// The last key of the table; `None` when it is empty.
    async fn last_of_all(&self, batches: &Batches) -> Result<Option<Key>, Trouble> {
        self.begin(&self.settings_of_batch()).await?;
        let last = self.key(&Backfill::ask_end(batches)).await?;
        self.commit(&[]).await?;
        Ok(last)
    }

    /// One batch. Answers its last key, or `None` when there was no row left for it.
    async fn batch(
        &self,
        current: &Current,
        step: &Step,
        backfill: &Backfill<'_>,
    ) -> Result<Option<Key>, Trouble> {
        self.begin(&self.settings_of_batch()).await?;
        let Some(last) = self.key(&backfill.ask_last()).await? else {
            self.commit(&[]).await?;
            return Ok(None);
        };
        let batch = backfill.batch(&last);
        let (done, seen) = self.watcher(true).over(self.sessions.work.batch_execute(batch.as_str())).await;
        done.map_err(|error| with_seen(error.into(), seen, Some(step)))?;
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
    async fn key(&self, query: &Sql) -> Result<Option<Key>, Trouble> {
        let answers = self.sessions.work.simple_query(query.as_str()).await?;
        Ok(answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => {
                // A primary key has no NULL.
                let value = |column| row.get(column).unwrap_or_default().to_owned();
                Some(Key::new((0..row.len()).map(value).collect()))
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
