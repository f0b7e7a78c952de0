//! One transaction of a migration: fence, locks in two stages, statements, journal, ledger, COMMIT.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use tokio_postgres::error::SqlState;
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
        let opening = leading_of(segment.as_ref());
        // Two sessions, so that nobody waits for either.
        let (begun, strong) = tokio::join!(self.begin(&opening), self.existing(segment.as_ref()));
        begun?;
        let strong = strong?;
        let held = if strong.is_empty() {
            None
        } else {
            let is_instant = current.gives_way && segment.as_ref().is_some_and(Segment::is_instant);
            Some(self.lock_in_two_stages(&strong, is_instant).await?)
        };
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
    async fn existing(&self, segment: Option<&Segment>) -> Result<Vec<LockClaim>, Trouble> {
        let claims = segment.map(Segment::strong_locks).unwrap_or_default();
        if claims.is_empty() {
            return Ok(claims);
        }
        Ok(gate::lockable(&self.sessions.watch.connection, &claims).await?)
    }

    /// Takes all strong locks before the first statement. First `SHARE UPDATE EXCLUSIVE`, which
    /// conflicts with no statement of an application, so that nobody queues behind us while
    /// PostgreSQL makes an autovacuum give way (after `deadlock_timeout`, 1 s); then the strong
    /// modes, each try under a savepoint so that the first stage stays. Answers since when the strong
    /// modes have been asked for.
    async fn lock_in_two_stages(&self, claims: &[LockClaim], is_instant: bool) -> Result<Instant, Trouble> {
        let lock = self.lock();
        let strong = second_stage(lock, claims, is_instant);
        let mut text = first_stage(lock, claims);
        text.push_str(&strong);
        for attempt in 1.. {
            let mut watcher = self.watcher(false);
            let (done, seen) = watcher.over(self.sessions.work.simple_query(&text)).await;
            let error = match done {
                Ok(answers) => return Ok(asked_at(&answers)),
                Err(error) => error,
            };
            let refused = error.code().is_some_and(|code| code.code() == "55P03");
            if !refused || attempt >= lock.tries {
                return Err(with_seen(error.into(), seen, None));
            }
            match self.sessions.work.batch_execute("ROLLBACK TO SAVEPOINT underpin_lock").await {
                Ok(()) => {}
                // There is no savepoint, so it is the first stage that was refused.
                Err(none) if none.code() == Some(&SqlState::S_E_INVALID_SPECIFICATION) => {
                    return Err(with_seen(error.into(), seen, None));
                }
                Err(other) => return Err(other.into()),
            }
            // Between two tries the application's queue drains.
            tokio::time::sleep(Duration::from_millis(u64::from(lock.try_timeout_ms) * 2)).await;
            text.clone_from(&strong);
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
            let journal = self.owner.migration(&current.begun, &[], Some(now));
            return match &current.undoes {
                Some(undone) => vec![self.ledger.take_out(undone), self.owner.reverted(undone), journal],
                None => vec![self.ledger.insert(&current.row(Some(now))), journal],
            };
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

fn first_stage(lock: &LockSettings, claims: &[LockClaim]) -> String {
    let relations: Vec<_> = claims.iter().map(|claim| claim.relation.clone()).collect();
    sql!("LOCK TABLE {} IN {} MODE; ", relations, LockMode::ShareUpdateExclusive).to_string()
        + &sql!("SET LOCAL lock_timeout = {}; ", lock.try_timeout_ms).to_string()
}

/// The strong locks, between two looks at the server's clock. A statement that changes the catalog alone
/// gets a `statement_timeout`: should it scan or rewrite by surprise, it ends before anybody suffers.
fn second_stage(lock: &LockSettings, claims: &[LockClaim], is_instant: bool) -> String {
    let clock = "SELECT extract(epoch FROM pg_catalog.clock_timestamp()); ";
    let mut text = format!("SAVEPOINT underpin_lock; {clock}");
    for (mode, relations) in gate::by_mode(claims) {
        text.push_str(sql!("LOCK TABLE {} IN {} MODE; ", relations, mode).as_str());
    }
    if is_instant {
        text.push_str(&format!("SET LOCAL statement_timeout = {}; ", lock.instant_timeout_ms));
    }
    text.push_str(clock);
    text
}

/// When the server began to take the locks of [`second_stage`], on our clock.
fn asked_at(answers: &[SimpleQueryMessage]) -> Instant {
    let mut times = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse::<f64>().ok(),
        _ => None,
    });
    let (asked, had) = (times.next().unwrap_or_default(), times.next().unwrap_or_default());
    let now = Instant::now();
    now.checked_sub(Duration::try_from_secs_f64(had - asked).unwrap_or_default()).unwrap_or(now)
}

/// What a transaction has to begin with: PostgreSQL takes an isolation level only before the first query,
/// and the fence is one.
fn leading_of(segment: Option<&Segment>) -> String {
    segment
        .iter()
        .flat_map(|segment| &segment.steps)
        .filter_map(leading)
        .map(|sql| format!("{sql}; "))
        .collect()
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
