//! A statement that cannot run in a transaction: intent, run, verify by the catalog, done.

use std::time::Duration;

use underpin_catalog::{RelationName, sql};
use underpin_core::run::Refusal;
use underpin_sql::effect::ReindexTarget;
use underpin_sql::{Action, Effect, Step, StepId};

use super::{Current, Executor, Trouble, progress, with_seen};
use crate::problem::said;
use crate::{gate, probe};

impl Executor<'_> {
    pub(super) async fn alone(&mut self, current: &Current, index: usize) -> Result<(), Trouble> {
        let Some(step) = current.step(index) else { return Ok(()) };
        let text = crate::journal::text_of(step);
        if let Action::BuildIndex { index, sql } = &step.action {
            self.refuse_foreign_index(current, step, index, sql.as_str()).await?;
        }
        self.refuse_foreign_rebuild(current, step).await?;
        self.record_intent(current, index, step).await?;

        // No lock_timeout: it would also end the waits for old snapshots, after the whole build, and
        // leave an invalid index. Nothing of the application waits behind these statements.
        self.sessions.work.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").await?;
        let mut watcher = self.watcher(false);
        let work = self.sessions.work.batch_execute(text.as_str());
        let reported = self.report_progress(current, step);
        let (done, seen) = tokio::select! {
            done = watcher.over(work) => done,
            () = reported => unreachable!("progress is reported for ever"),
        };
        done.map_err(|error| with_seen(error.into(), seen, Some(step)))?;

        if let Action::BuildIndex { index, .. } = &step.action {
            self.insist_on_valid(step, index).await?;
        }
        self.record_done(current, &step.id).await
    }

    /// An index of that name which is not ours stops us before the intent is written, because the
    /// intent is what makes an invalid leftover ours. `IF NOT EXISTS` is not believed: it passes over
    /// an invalid index.
    async fn refuse_foreign_index(
        &self,
        current: &Current,
        step: &Step,
        index: &RelationName,
        text: &str,
    ) -> Result<(), Trouble> {
        if self.has_intent(&current.begun.id, &step.id).await? {
            return Ok(());
        }
        let what = match probe::index(&self.sessions.work, index).await? {
            probe::Index::Absent => return Ok(()),
            probe::Index::Valid if text.to_ascii_uppercase().contains("IF NOT EXISTS") => return Ok(()),
            probe::Index::Valid => format!("relation \"{}\" already exists", index.shown()),
            probe::Index::Invalid => format!(
                "an invalid index \"{0}\" is there that underpin did not leave; look at it and, if nobody is building it, run: DROP INDEX CONCURRENTLY {0}",
                index
            ),
        };
        Err(Trouble::Refused(Refusal {
            sqlstate: "42P07".to_owned(),
            message: what,
            step: Some(step.id.clone()),
            line: Some(step.line),
            gave_way: false,
            blockers: Vec::new(),
        }))
    }

    /// The same for what an interrupted `REINDEX CONCURRENTLY` of somebody else has left: behind our
    /// intent it could not be told from ours.
    async fn refuse_foreign_rebuild(&self, current: &Current, step: &Step) -> Result<(), Trouble> {
        let Some(target) = reindexed(step) else { return Ok(()) };
        if self.has_intent(&current.begun.id, &step.id).await? {
            return Ok(());
        }
        let left = probe::left_of_reindex(&self.sessions.work, &target).await?;
        let Some(left) = left.first() else { return Ok(()) };
        Err(Trouble::Refused(Refusal {
            sqlstate: "55000".to_owned(),
            message: format!(
                "an invalid index \"{}\" is there, left by a REINDEX CONCURRENTLY that underpin did not run; look at it and, if nobody is rebuilding it, run: DROP INDEX CONCURRENTLY {left}",
                left.shown()
            ),
            step: Some(step.id.clone()),
            line: Some(step.line),
            gave_way: false,
            blockers: Vec::new(),
        }))
    }

    pub(super) async fn record_intent(
        &self,
        current: &Current,
        index: usize,
        step: &Step,
    ) -> Result<(), Trouble> {
        self.begin("").await?;
        let intent = self.owner.step(&current.begun.id, current.ordinal(index), step, false);
        self.commit(&[intent]).await
    }

    pub(super) async fn record_done(&self, current: &Current, step: &StepId) -> Result<(), Trouble> {
        self.begin("").await?;
        let done = self.owner.step_applied(&current.begun.id, step);
        self.commit(&[done]).await
    }

    pub(super) async fn has_intent(&self, migration: &str, step: &StepId) -> Result<bool, Trouble> {
        let row = self
            .sessions
            .work
            .query_one(
                "SELECT EXISTS (SELECT FROM underpin.step WHERE migration = $1 AND id = $2)",
                &[&migration, &step.as_str()],
            )
            .await?;
        Ok(row.get(0))
    }

    async fn insist_on_valid(&self, step: &Step, index: &RelationName) -> Result<(), Trouble> {
        if probe::index(&self.sessions.work, index).await? == probe::Index::Valid {
            return Ok(());
        }
        Err(Trouble::Refused(Refusal {
            sqlstate: "55000".to_owned(),
            message: format!("the build of index \"{}\" ended without a valid index", index.shown()),
            step: Some(step.id.clone()),
            line: Some(step.line),
            gave_way: false,
            blockers: Vec::new(),
        }))
    }

    /// Drops what an interrupted build of ours left. Like a build, it waits for transactions that use
    /// the table, and nobody waits for it.
    pub(super) async fn drop_leftover(
        &self,
        current: &Current,
        segment: usize,
        index: &RelationName,
    ) -> Result<(), Trouble> {
        self.check_fence().await?;
        if let Some(step) = current.step(segment) {
            let phase = format!("dropping what an interrupted build left of {}", index.shown());
            self.events.send(progress(current, step, phase, 0, 0));
        }
        self.sessions.work.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").await?;
        let mut left = vec![index.clone()];
        if let Some(target) = current.step(segment).and_then(reindexed) {
            left = probe::left_of_reindex(&self.sessions.work, &target).await?;
        }
        for index in left {
            let drop = sql!("DROP INDEX CONCURRENTLY IF EXISTS {}", index);
            let mut watcher = self.watcher(false);
            let (done, seen) = watcher.over(self.sessions.work.batch_execute(drop.as_str())).await;
            done.map_err(|error| with_seen(error.into(), seen, None))?;
        }
        Ok(())
    }

    /// Tells once a second how far the build is; never ends by itself.
    async fn report_progress(&self, current: &Current, step: &Step) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let row = self
                .sessions
                .watch
                .query_opt(
                    "SELECT phase, greatest(blocks_done, tuples_done), greatest(blocks_total, tuples_total)
                     FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1",
                    &[&self.sessions.work.pid()],
                )
                .await;
            match row {
                Ok(Some(row)) => {
                    let (mut done, mut total): (i64, i64) = (row.get(1), row.get(2));
                    let mut phase: String = row.get(0);
                    if phase.starts_with("waiting") {
                        phase = self.waiting(&phase).await;
                        // They are those of the phase before.
                        (done, total) = (0, 0);
                    }
                    self.events.send(progress(current, step, phase, done.max(0) as u64, total.max(0) as u64));
                }
                // A drop has no phases, and waits for the same transactions.
                Ok(None) => {
                    if let Some(who) = self.waited_for().await {
                        self.events.send(progress(current, step, format!("waiting for {who}"), 0, 0));
                    }
                }
                // The watching session says nothing about the build; its answer will come.
                Err(error) => {
                    let phase = error.as_db_error().map_or_else(|| "connection lost".to_owned(), said);
                    self.events.send(progress(
                        current,
                        step,
                        format!("progress is not known: {phase}"),
                        0,
                        0,
                    ));
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// A phase in which a build waits, with the name of the one whom it waits for.
    async fn waiting(&self, phase: &str) -> String {
        match self.waited_for().await {
            None => phase.to_owned(),
            Some(who) => format!("{phase}: {who}"),
        }
    }

    /// Whom the statement waits for at this moment.
    async fn waited_for(&self) -> Option<String> {
        let blockers = gate::blocking(&self.sessions.watch.connection, self.sessions.work.pid()).await;
        let blockers = blockers.unwrap_or_default();
        (!blockers.is_empty()).then(|| gate::sentence(&blockers))
    }
}

/// The table or index that a step rebuilds while it is in use.
pub(super) fn reindexed(step: &Step) -> Option<RelationName> {
    let Action::Execute { sql } = &step.action else { return None };
    let statements = underpin_sql::read(sql.as_str()).ok()?;
    statements.iter().flat_map(|statement| &statement.effects).find_map(|effect| match effect {
        Effect::Reindex {
            target: ReindexTarget::Table(target) | ReindexTarget::Index(target),
            concurrently: true,
        } => Some(target.clone()),
        _ => None,
    })
}
