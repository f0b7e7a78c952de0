//! One transaction of a migration: fence, locks in two stages, statements, journal, ledger, COMMIT.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use tokio_postgres::{Client, SimpleQueryMessage};
use underpin_catalog::{LockMode, Sql, sql};
use underpin_core::run::{Refusal, Segment};
use underpin_core::settings::LockSettings;
use underpin_sql::{Action, LockClaim, Step, read};

use super::{Current, Executor, Trouble, line_at, position, with_seen};
use crate::gate;

impl Executor<'_> {
    /// Executes a segment in one transaction. `whole`: the ledger's row is written complete in it;
    /// `closes`: the row that an earlier transaction began is finished in it.
    pub(super) async fn transaction(
        &mut self,
        current: &mut Current,
        index: usize,
        whole: bool,
        closes: bool,
    ) -> Result<(), Trouble> {
        let segment = current.segments.get(index).cloned();
        let strong = match &segment {
            Some(segment) => self.existing(segment).await?,
            None => Vec::new(),
        };
        let opening = opening_of(self.lock(), segment.as_ref(), !strong.is_empty(), current.gives_way);
        self.begin(&opening).await?;
        let held = if strong.is_empty() { None } else { Some(self.lock_in_two_stages(&strong).await?) };
        let gives_way =
            current.gives_way && !strong.is_empty() && segment.as_ref().is_some_and(Segment::gives_way);
        if let Some(segment) = &segment {
            match &current.whole {
                Some(text) if whole => self.send_whole(text, gives_way).await?,
                _ => self.send_steps(current, segment, gives_way).await?,
            }
        }
        let end = self.ending(current, index, segment.as_ref(), whole, closes);
        self.commit(&end).await?;
        if let Some(held) = held {
            current.longest_lock_ms = current.longest_lock_ms.max(held.elapsed().as_millis() as u64);
        }
        Ok(())
    }

    /// The strong locks of a segment on relations that exist before it.
    async fn existing(&self, segment: &Segment) -> Result<Vec<LockClaim>, Trouble> {
        let claims = segment.strong_locks();
        if claims.is_empty() {
            return Ok(claims);
        }
        Ok(gate::lockable(&self.sessions.watch.connection, &claims).await?)
    }

    /// Takes all strong locks before the first statement. First `SHARE UPDATE EXCLUSIVE`, which
    /// conflicts with no statement of an application, so that nobody queues behind us while
    /// PostgreSQL makes an autovacuum give way (after `deadlock_timeout`, 1 s); then the strong
    /// modes, each try under a savepoint so that the first stage stays.
    async fn lock_in_two_stages(&self, claims: &[LockClaim]) -> Result<Instant, Trouble> {
        let lock = self.lock();
        let relations: Vec<_> = claims.iter().map(|claim| claim.relation.clone()).collect();
        let first = sql!(
            "SET LOCAL lock_timeout = {}; LOCK TABLE {} IN {} MODE; SET LOCAL lock_timeout = {}",
            lock.evict_timeout_ms,
            relations,
            LockMode::ShareUpdateExclusive,
            lock.try_timeout_ms
        );
        let mut watcher = self.watcher(false);
        let (done, seen) = watcher.over(self.sessions.work.batch_execute(first.as_str())).await;
        done.map_err(|error| with_seen(error.into(), seen, None))?;

        let mut strong = String::from("SAVEPOINT underpin_lock; ");
        for (mode, relations) in gate::by_mode(claims) {
            strong.push_str(sql!("LOCK TABLE {} IN {} MODE; ", relations, mode).as_str());
        }
        for attempt in 1.. {
            let begun = Instant::now();
            let mut watcher = self.watcher(false);
            let (done, seen) = watcher.over(self.sessions.work.batch_execute(&strong)).await;
            let Err(error) = done else { return Ok(begun) };
            let refused = error.code().is_some_and(|code| code.code() == "55P03");
            if !refused || attempt >= lock.tries {
                return Err(with_seen(error.into(), seen, None));
            }
            self.sessions.work.batch_execute("ROLLBACK TO SAVEPOINT underpin_lock").await?;
            // Between two tries the application's queue drains.
            tokio::time::sleep(Duration::from_millis(u64::from(lock.try_timeout_ms) * 2)).await;
        }
        unreachable!("the loop ends by a return")
    }

    async fn send_whole(&self, text: &Sql, gives_way: bool) -> Result<(), Trouble> {
        let completed = AtomicUsize::new(0);
        let sent = counted(&self.sessions.work, text, &completed);
        let (done, seen) = self.watcher(gives_way).over(sent).await;
        done.map_err(|error| {
            let line = match position(&error) {
                Some(position) => Some(line_at(text.as_str(), position)),
                None => line_of(text, completed.into_inner()),
            };
            with_seen(at_line(error.into(), line), seen, None)
        })
    }

    async fn send_steps(&self, current: &Current, segment: &Segment, gives_way: bool) -> Result<(), Trouble> {
        for step in &segment.steps {
            let Action::Execute { sql } = &step.action else { continue };
            if leading(step).is_some() {
                continue;
            }
            let (done, seen) =
                self.watcher(gives_way).over(self.sessions.work.batch_execute(sql.as_str())).await;
            done.map_err(|error| {
                // Only text that stands in the file has its lines there.
                let line = position(&error)
                    .filter(|_| current.text.contains(sql.as_str()))
                    .map(|position| step.line + line_at(sql.as_str(), position) - 1);
                with_seen(at_line(error.into(), line), seen, Some(step))
            })?;
        }
        Ok(())
    }

    fn ending(
        &self,
        current: &Current,
        index: usize,
        segment: Option<&Segment>,
        whole: bool,
        closes: bool,
    ) -> Vec<Sql> {
        if whole {
            let now = Timestamp::now();
            return vec![
                self.ledger.insert(&current.row(Some(now))),
                self.owner.migration(&current.begun, &[], Some(now)),
            ];
        }
        let first = current.ordinal(index);
        let steps = segment.map(|segment| segment.steps.as_slice()).unwrap_or_default();
        let mut end: Vec<Sql> = steps
            .iter()
            .enumerate()
            .map(|(nth, step)| self.owner.step(&current.begun.id, first + nth, step, true))
            .collect();
        if closes {
            end.extend(self.closing(current));
        }
        end
    }
}

/// Sends a file and counts the statements that the server completes: many errors come without a position,
/// and then the count tells which statement it was.
async fn counted(client: &Client, text: &Sql, completed: &AtomicUsize) -> Result<(), tokio_postgres::Error> {
    let mut answers = pin!(client.simple_query_raw(text.as_str()).await?);
    while let Some(answer) = answers.try_next().await? {
        if let SimpleQueryMessage::CommandComplete(_) = answer {
            completed.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// The line of the statement behind the first `completed` ones.
fn line_of(text: &Sql, completed: usize) -> Option<u32> {
    read(text.as_str()).ok()?.get(completed).map(|statement| statement.line)
}

/// The transaction's own settings. A statement that changes the catalog alone gets a
/// `statement_timeout`: should it scan or rewrite by surprise, it ends before anybody suffers.
fn opening_of(lock: &LockSettings, segment: Option<&Segment>, strong: bool, gives_way: bool) -> String {
    let lock_timeout = if strong { lock.try_timeout_ms } else { lock.evict_timeout_ms };
    let instant = gives_way && strong && segment.is_some_and(Segment::is_instant);
    let statement_timeout = if instant { lock.instant_timeout_ms } else { 0 };
    let mut text = String::new();
    // PostgreSQL takes an isolation level only before the first query, and the fence is one.
    for sql in segment.iter().flat_map(|segment| &segment.steps).filter_map(leading) {
        text.push_str(sql.as_str());
        text.push_str("; ");
    }
    text.push_str(&format!(
        "SET LOCAL lock_timeout = {lock_timeout}; SET LOCAL statement_timeout = {statement_timeout}; "
    ));
    text
}

/// A `SET TRANSACTION`, which has to stand before everything else in its transaction.
fn leading(step: &Step) -> Option<&Sql> {
    match &step.action {
        Action::Execute { sql } => {
            let mut words = sql.as_str().split_ascii_whitespace().map(str::to_ascii_uppercase);
            (words.next().as_deref() == Some("SET") && words.next().as_deref() == Some("TRANSACTION"))
                .then_some(sql)
        }
        Action::BuildIndex { .. } | Action::Batches(_) => None,
    }
}

fn at_line(trouble: Trouble, line: Option<u32>) -> Trouble {
    match trouble {
        Trouble::Refused(refusal) => Trouble::Refused(Refusal { line, ..refusal }),
        other => other,
    }
}
