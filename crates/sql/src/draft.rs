//! A step before it has its number.
//!
//! A draft of generated SQL is read like a user's statement, so its locks and its duration come from
//! the same tables as everybody's, and text that does not parse never leaves this crate.

use underpin_catalog::{RelationName, Sql};

use crate::effect::{ChangeRows, Effect, Rows};
use crate::locks::merged;
use crate::step::{Action, Batches, Duration, LockClaim, Probe, Step, StepId, Transaction};
use crate::surroundings::Surroundings;
use crate::twin::NoTwin;

/// A step to be.
#[derive(Debug)]
pub(crate) struct Draft {
    /// For people.
    pub(crate) intent: String,
    /// How it is executed.
    pub(crate) action: Action,
    /// How it shares transactions.
    pub(crate) transaction: Transaction,
    /// The locks it takes.
    pub(crate) locks: Vec<LockClaim>,
    /// How long it works.
    pub(crate) duration: Duration,
    /// What tells that it is complete.
    pub(crate) done: Probe,
}

impl Draft {
    /// A statement in a transaction, journalled with its effect.
    pub(crate) fn execute(
        intent: String,
        sql: Sql,
        transaction: Transaction,
        surroundings: &Surroundings,
    ) -> Result<Self, NoTwin> {
        let effects = effects_of(&sql)?;
        let (locks, duration) = claims_of(&effects, surroundings);
        Ok(Self {
            intent,
            action: Action::Execute { sql },
            transaction,
            locks,
            duration,
            done: Probe::Journal,
        })
    }

    /// A concurrent index build.
    pub(crate) fn build_index(
        intent: String,
        sql: Sql,
        index: RelationName,
        surroundings: &Surroundings,
    ) -> Result<Self, NoTwin> {
        let effects = effects_of(&sql)?;
        let index = surroundings.resolve(&index);
        Ok(Self {
            intent,
            locks: locks_of(&effects, surroundings),
            action: Action::BuildIndex { sql, index: index.clone() },
            transaction: Transaction::Alone,
            duration: Duration::WaitsForSnapshots,
            done: Probe::IndexValid { index },
        })
    }

    /// An update in batches.
    pub(crate) fn batches(intent: String, batches: Batches, surroundings: &Surroundings) -> Self {
        let update = Effect::Update(ChangeRows {
            table: batches.table.clone(),
            columns: Vec::new(),
            rows: Rows::All,
            reads: Vec::new(),
        });
        Self {
            intent,
            transaction: Transaction::Own,
            locks: locks_of(std::slice::from_ref(&update), surroundings),
            duration: Duration::Rewrite,
            done: Probe::Journal,
            action: Action::Batches(batches),
        }
    }

    /// The same, known to work this long: an earlier step of the twin proves it.
    pub(crate) fn lasting(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// The same with a lock that only the twin knows of.
    pub(crate) fn claiming(mut self, claim: LockClaim) -> Self {
        self.locks = merged(self.locks.into_iter().chain([claim]));
        self
    }

    fn numbered(self, statement: usize, part: usize, line: u32) -> Step {
        let sql = match &self.action {
            Action::Execute { sql } | Action::BuildIndex { sql, .. } => sql.clone(),
            Action::Batches(batches) => batches.in_one(),
        };
        Step {
            id: StepId::of(statement, part, &sql),
            intent: self.intent,
            action: self.action,
            transaction: self.transaction,
            locks: self.locks,
            duration: self.duration,
            done: self.done,
            line,
        }
    }
}

/// The drafts as steps of the `statement`th statement of a file.
pub(crate) fn numbered(drafts: Vec<Draft>, statement: usize, line: u32) -> Vec<Step> {
    drafts.into_iter().enumerate().map(|(part, draft)| draft.numbered(statement, part, line)).collect()
}

/// The strongest lock on each relation that any of the effects takes.
/// The locks of a step. Those on indexes follow the ones of their table, and are left out.
pub(crate) fn locks_of(effects: &[Effect], surroundings: &Surroundings) -> Vec<LockClaim> {
    let claims = effects.iter().flat_map(|effect| effect.locks(surroundings));
    merged(claims.filter(|claim| !surroundings.indexes.contains_key(&claim.relation)))
}

/// The longest work of any of the effects.
pub(crate) fn duration_of(effects: &[Effect], surroundings: &Surroundings) -> Duration {
    effects.iter().map(|effect| effect.duration(surroundings)).max().unwrap_or(Duration::Instant)
}

/// Both.
fn claims_of(effects: &[Effect], surroundings: &Surroundings) -> (Vec<LockClaim>, Duration) {
    let (mut locks, mut longest) = (Vec::new(), Duration::Instant);
    for effect in effects {
        let (own, duration) = effect.locks_and_duration(surroundings);
        locks.extend(own.into_iter().filter(|claim| !surroundings.indexes.contains_key(&claim.relation)));
        longest = longest.max(duration);
    }
    (merged(locks), longest)
}

fn effects_of(sql: &Sql) -> Result<Vec<Effect>, NoTwin> {
    let statements = crate::read(sql.as_str()).map_err(|error| {
        NoTwin::because(format!("the statement cannot be written in another form ({error})"))
    })?;
    Ok(statements.into_iter().flat_map(|statement| statement.effects).collect())
}
