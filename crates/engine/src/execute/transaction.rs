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
    ///
    /// Of several relations the one that a try waited for in vain is the first of the next try. A client that holds
    /// it and wants another waits for us there, and we for it, so no try would ever come through under a steady load;
    /// who has it has all clients behind them that begin with it, and finds the others free.
    async fn lock_in_two_stages(&self, claims: &[LockClaim], is_instant: bool) -> Result<Instant, Trouble> {
        let lock = self.lock();
        let mut order = gate::strongest_first(claims);
        let mut first = first_stage(lock, claims);
        for attempt in 1.. {
            let stages = [&first[..], &second_stage(lock, &order, is_instant)].concat();
            let (mut answers, completed) = (Vec::new(), AtomicUsize::new(0));
            let text: String = stages.iter().map(|statement| statement.text.as_str()).collect();
            let sent = counted(&self.sessions.work, &text, &completed, |answer| answers.push(answer));
            let (done, seen) = self.watcher(false).over(sent).await;
            let error = match done {
                Ok(()) => return Ok(asked_at(&answers)),
                Err(error) => error,
            };
            let refused = error.code().is_some_and(|code| code.code() == "55P03");
            let stood_at = stages.get(completed.into_inner()).and_then(|statement| statement.relation);
            let Some(stood_at) = stood_at.filter(|_| refused && attempt < lock.tries) else {
                return Err(with_seen(error.into(), seen, None));
            };
            self.sessions.work.batch_execute("ROLLBACK TO SAVEPOINT underpin_lock").await?;
            order[..=stood_at].rotate_right(1);
            // Between two tries the application's queue drains.
            tokio::time::sleep(Duration::from_millis(u64::from(lock.try_timeout_ms) * 2)).await;
            first.clear();
        }
        unreachable!("the loop ends by a return")
    }

    async fn send_whole(&self, text: &Sql, gives_way: bool) -> Result<(), Trouble> {
        let completed = AtomicUsize::new(0);
        let sent = counted(&self.sessions.work, text.as_str(), &completed, drop);
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

/// Sends statements at once and counts those that the server completes: many errors come without a position, and then
/// the count tells which statement it was.
async fn counted(
    client: &Client,
    text: &str,
    completed: &AtomicUsize,
    mut answered: impl FnMut(SimpleQueryMessage),
) -> Result<(), tokio_postgres::Error> {
    let mut answers = pin!(client.simple_query_raw(text).await?);
    while let Some(answer) = answers.try_next().await? {
        if let SimpleQueryMessage::CommandComplete(_) = answer {
            completed.fetch_add(1, Ordering::Relaxed);
        }
        answered(answer);
    }
    Ok(())
}

/// The line of the statement behind the first `completed` ones.
fn line_of(text: &Sql, completed: usize) -> Option<u32> {
    read(text.as_str()).ok()?.get(completed).map(|statement| statement.line)
}

/// A statement of a try.
#[derive(Clone, Debug)]
struct Sent {
    text: String,
    /// The relation that it locks, by its place among those of the try.
    relation: Option<usize>,
}

impl Sent {
    fn of(text: impl Into<String>) -> Self {
        Self { text: text.into() + "; ", relation: None }
    }
}

fn first_stage(lock: &LockSettings, claims: &[LockClaim]) -> Vec<Sent> {
    let relations: Vec<_> = claims.iter().map(|claim| claim.relation.clone()).collect();
    vec![
        Sent::of(sql!("LOCK TABLE {} IN {} MODE", relations, LockMode::ShareUpdateExclusive).to_string()),
        Sent::of(sql!("SET LOCAL lock_timeout = {}", lock.try_timeout_ms).to_string()),
    ]
}

/// The strong locks, between two looks at the server's clock. The timeout of a try is that of all of them together: who
/// wants the first of them waits for us while we wait for the last. A statement that changes the catalog alone
/// gets a `statement_timeout`: should it scan or rewrite by surprise, it ends before anybody suffers.
fn second_stage(lock: &LockSettings, claims: &[LockClaim], is_instant: bool) -> Vec<Sent> {
    let clock = "extract(epoch FROM pg_catalog.clock_timestamp())";
    let asked = format!("SELECT pg_catalog.set_config('underpin.asked', {clock}::text, true)");
    // 0 would be no timeout.
    let rest = format!(
        "SELECT pg_catalog.set_config('lock_timeout', greatest(1, {} - (1000 * ({clock} \
         - pg_catalog.current_setting('underpin.asked')::numeric))::int4)::text, true)",
        lock.try_timeout_ms
    );
    let mut stage = vec![Sent::of("SAVEPOINT underpin_lock"), Sent::of(asked)];
    for (at, LockClaim { relation, mode, .. }) in claims.iter().enumerate() {
        if at > 0 {
            stage.push(Sent::of(rest.as_str()));
        }
        let text = sql!("LOCK TABLE {} IN {} MODE", vec![relation.clone()], *mode).to_string();
        stage.push(Sent { relation: Some(at), ..Sent::of(text) });
    }
    if claims.len() > 1 {
        stage.push(Sent::of(sql!("SET LOCAL lock_timeout = {}", lock.try_timeout_ms).to_string()));
    }
    if is_instant {
        stage.push(Sent::of(format!("SET LOCAL statement_timeout = {}", lock.instant_timeout_ms)));
    }
    stage.push(Sent::of(format!("SELECT {clock}")));
    stage
}

/// When the server began to take the locks of [`second_stage`], on our clock.
fn asked_at(answers: &[SimpleQueryMessage]) -> Instant {
    let mut times = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse::<f64>().ok(),
        _ => None,
    });
    let asked = times.next().unwrap_or_default();
    let had = times.last().unwrap_or(asked);
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
