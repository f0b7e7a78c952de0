//! Doubt, settled by looking: what became of an act whose answer is lost.

use underpin_catalog::RelationName;
use underpin_core::run::{Act, Report, SegmentKind, Settlement};
use underpin_sql::effect::CreateIndex;
use underpin_sql::{Action, Effect, Probe, Step};

use super::alone::reindexed;
use super::{Current, Executor, Trouble};
use crate::probe;

impl Executor<'_> {
    /// Reads journal, ledger and catalog; nothing is assumed. Before it looks, the session that may
    /// still be working is waited for, so that the answer stays true; and whoever has lost the lease
    /// does not look at all, because what is there is another run's, finished or not.
    pub(super) async fn settle(&mut self, current: &Current, act: &Act) -> Report {
        if self.sessions.heal().await.is_err() {
            return Report::Settled(Settlement::Unreachable);
        }
        let looked = match self.check_fence().await {
            Ok(()) => self.look_for(current, act).await,
            Err(trouble) => Err(trouble),
        };
        match looked {
            Ok(settlement) => Report::Settled(settlement),
            Err(Trouble::Refused(refusal)) => Report::Settled(Settlement::Conflict(format!(
                "what an interrupted step did cannot be read: {} ({})",
                refusal.message, refusal.sqlstate
            ))),
            Err(Trouble::Lost) => Report::Settled(Settlement::Unreachable),
            Err(Trouble::Fenced) => Report::Fenced,
            Err(Trouble::Interrupted) => Report::Interrupted,
        }
    }

    async fn look_for(&self, current: &Current, act: &Act) -> Result<Settlement, Trouble> {
        let work = &self.sessions.work;
        let done = match act {
            Act::Open => self.recorded_end(current).await?.is_some(),
            Act::TakeBack => self.recorded_end(current).await?.is_none(),
            Act::Close | Act::Segment { whole: true, .. } => self.recorded_end(current).await? == Some(true),
            Act::DropLeftover { leftover, .. } => probe::index(work, leftover).await? == probe::Index::Absent,
            Act::Segment { index, .. } => return self.look_for_segment(current, *index).await,
        };
        Ok(if done { Settlement::Done } else { Settlement::NotDone })
    }

    async fn look_for_segment(&self, current: &Current, index: usize) -> Result<Settlement, Trouble> {
        let Some(segment) = current.segments.get(index) else { return Ok(Settlement::NotDone) };
        let Some(step) = segment.steps.first() else { return Ok(Settlement::NotDone) };
        let recorded = self.recorded(&current.begun.id, step).await?;
        match (recorded, segment.kind) {
            (Some(true), _) => Ok(Settlement::Done),
            // A transaction that did not commit its rows did not commit; a batch that did not commit
            // its cursor did not commit either and is done again from there.
            (_, SegmentKind::Together | SegmentKind::Batches) | (None, SegmentKind::Alone) => {
                Ok(Settlement::NotDone)
            }
            (Some(false), SegmentKind::Alone) => self.look_at_catalog(current, step).await,
        }
    }

    /// `None` without a row, else whether it says "applied".
    async fn recorded(&self, migration: &str, step: &Step) -> Result<Option<bool>, Trouble> {
        let row = self
            .sessions
            .work
            .query_opt(
                "SELECT state = 'applied' FROM underpin.step WHERE migration = $1 AND id = $2",
                &[&migration, &step.id.as_str()],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Our intent is in the journal, so what is there under the name is ours, unless it is visibly
    /// something else.
    async fn look_at_catalog(&self, current: &Current, step: &Step) -> Result<Settlement, Trouble> {
        let settlement = match &step.done {
            Probe::IndexValid { index } => self.look_at_index(step, index).await?,
            Probe::IndexAbsent { index } => match probe::index(&self.sessions.work, index).await? {
                probe::Index::Absent => Settlement::Done,
                probe::Index::Valid | probe::Index::Invalid => Settlement::NotDone,
            },
            Probe::Journal => Settlement::NotDone,
            Probe::Repeat => self.look_for_rebuild(step).await?,
            Probe::Nobody => Settlement::Conflict(format!(
                "whether \"{}\" took effect cannot be read from the catalog; look, then run: underpin recover",
                step.intent
            )),
        };
        if settlement == Settlement::Done && !matches!(step.action, Action::Batches(_)) {
            self.record_done(current, &step.id).await?;
        }
        Ok(settlement)
    }

    /// Whether a rebuild was complete cannot be told, and need not be; what it left must not stay.
    async fn look_for_rebuild(&self, step: &Step) -> Result<Settlement, Trouble> {
        let Some(target) = reindexed(step) else { return Ok(Settlement::NotDone) };
        let left = probe::left_of_reindex(&self.sessions.work, &target).await?;
        Ok(left.into_iter().next().map_or(Settlement::NotDone, Settlement::Leftover))
    }

    async fn look_at_index(&self, step: &Step, index: &RelationName) -> Result<Settlement, Trouble> {
        let work = &self.sessions.work;
        let found = probe::index(work, index).await?;
        if found == probe::Index::Absent {
            return Ok(Settlement::NotDone);
        }
        let Some(built) = built_by(step) else { return Ok(Settlement::NotDone) };
        let (is_ours, builder) = probe::is_built_by(work, index, &built).await?;
        let shown = index.shown();
        if let Some(pid) = builder {
            return Ok(Settlement::Conflict(format!(
                "session {pid} is building index {shown}, which an interrupted step of this migration was building; wait until it is done, then run: underpin deploy"
            )));
        }
        if !is_ours {
            return Ok(Settlement::Conflict(format!(
                "{shown} is there, and it is not the index that an interrupted step of this migration was building, so somebody else has made it; rename or drop it, then run: underpin deploy"
            )));
        }
        Ok(match found {
            probe::Index::Absent => Settlement::NotDone,
            probe::Index::Valid => Settlement::Done,
            probe::Index::Invalid => Settlement::Leftover(index.clone()),
        })
    }
}

/// What a step builds.
fn built_by(step: &Step) -> Option<CreateIndex> {
    let Action::BuildIndex { sql, .. } = &step.action else { return None };
    let statements = underpin_sql::read(sql.as_str()).ok()?;
    statements.into_iter().flat_map(|statement| statement.effects).find_map(|effect| match effect {
        Effect::CreateIndex(created) => Some(created),
        _ => None,
    })
}
