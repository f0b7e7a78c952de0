//! Phases that are held: which pending migrations wait, and what the journal has to remember before anything of a
//! rollout is executed.

use std::collections::BTreeSet;

use tokio_postgres::Client;
use underpin_catalog::{Name, RelationName, Sql};
use underpin_core::event::Event;
use underpin_core::rollout::gate::{left_by, one_shape_alone};
use underpin_core::rollout::{HELD, HoldState, Progress, Rollout, Waiting, commute, held};
use underpin_prisma::LedgerRow;
use underpin_sql::{Effect, Statement, Surroundings, mentioned};

use super::preflight::{CountsOn, Pending};
use super::{Held, Request, Target};
use crate::events::Events;
use crate::journal::Owner;
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::rollout::{Counting, Intact, Standing, count_calls, look_intact, verify};

/// What of the pending migrations waits, and what is to be remembered of it.
#[derive(Debug, Default)]
pub(super) struct Holding {
    standing: Standing,
    rows: Vec<LedgerRow>,
    /// Rows that Prisma left when a guard stopped it.
    stopped: Vec<LedgerRow>,
    /// Pending, and not executed now.
    pub(super) held: Vec<Held>,
    remember: Vec<Remember>,
}

/// A rollout that the journal does not know yet as it is.
#[derive(Debug)]
struct Remember {
    rollout: String,
    /// Folders and checksums of its phases.
    phases: Vec<(String, String)>,
    /// Those that are to be held.
    holds: Vec<String>,
}

impl Holding {
    /// What there is of rollouts.
    ///
    /// # Errors
    /// Phases that cannot be understood or do not fit together; those of the connection.
    pub(super) async fn look(
        client: &Client,
        target: &Target,
        rows: Vec<LedgerRow>,
    ) -> Result<Self, Problem> {
        let standing = Standing::look(client, target, &rows).await?;
        let (stopped, rows) = rows.into_iter().partition(|row| standing.was_stopped_by_guard(row));
        Ok(Self { standing, rows, stopped, ..Self::default() })
    }

    /// The ledger without what guards have left in it.
    pub(super) fn rows(&self) -> &[LedgerRow] {
        &self.rows
    }

    /// Whether any of them is held, so that later ones may have to wait.
    pub(super) fn holds_any(&self, pending: &[Pending]) -> bool {
        pending.iter().any(|migration| self.state(migration) == HoldState::Held)
    }

    /// The migrations that are executed now, in a database that is in use. `around` are the facts about what they
    /// name, as far as any is held.
    ///
    /// # Errors
    /// What must not be executed, whatever the gates say.
    pub(super) fn divide(
        &mut self,
        target: &Target,
        pending: Vec<Pending>,
        around: &Surroundings,
        allows_edits: bool,
    ) -> Result<Vec<Pending>, Problem> {
        self.standing.refuse(target, allows_edits)?;
        let everything = everything(&pending);
        let waiting: Vec<_> = pending
            .iter()
            .map(|migration| Waiting {
                folder: &migration.name,
                hold: self.state(migration),
                names: match may_name_anything(&migration.statements) {
                    true => everything.clone(),
                    false => names(&migration.statements),
                },
            })
            .collect();
        let before = |later: usize, waiting: &[usize]| {
            let mut facts = around.clone();
            let going = pending.iter().enumerate().take(later).filter(|(at, _)| !waiting.contains(at));
            let statements = going.flat_map(|(_, migration)| &migration.statements);
            statements.flat_map(|statement| &statement.effects).for_each(|effect| facts.apply(effect));
            facts
        };
        let may_come_first = |held: usize, later: usize, waiting: &[usize]| {
            let (held, later_ones) = (&pending[held], &pending[later].statements);
            commute(&before(later, waiting), (&held.name, &held.statements), later_ones)
        };
        let why = held(&waiting, &Name::new(&target.url.schema), may_come_first);
        let mut going = Vec::new();
        for (mut migration, why) in pending.into_iter().zip(why) {
            let phase = self.standing.phase_of(&migration.name);
            match why {
                Some(why) => self.held.push(Held {
                    rollout: phase.map(|(rollout, _)| rollout.name.clone()),
                    migration: migration.name,
                    why,
                }),
                None => {
                    migration.asks =
                        phase.map(|(_, file)| file.directives.verify.clone()).unwrap_or_default();
                    migration.counts_on = phase.map(|(rollout, file)| CountsOn {
                        rollout: rollout.clone(),
                        file: file.clone(),
                        namespace: self.standing.namespace(),
                    });
                    migration.released =
                        phase.map(|(_, file)| file.clone()).filter(|file| file.directives.phase.is_held());
                    going.push(migration);
                }
            }
        }
        let rollouts = self.standing.rollouts.iter();
        self.remember = rollouts.filter_map(|rollout| self.to_remember(target, rollout, &going)).collect();
        Ok(going)
    }

    fn state(&self, migration: &Pending) -> HoldState {
        match migration.begun {
            Some(_) => HoldState::Begun,
            None => self.standing.hold_state(&migration.name),
        }
    }

    /// What the journal has to know of a rollout that has begun or begins now.
    fn to_remember(&self, target: &Target, rollout: &Rollout, going: &[Pending]) -> Option<Remember> {
        let progress = rollout.progress(&self.standing.applied).ok()?;
        let is_going = |folder: &str| going.iter().any(|migration| migration.name == folder);
        let has_begun = progress != Progress::Ahead
            || rollout.phases.iter().any(|file| is_going(&file.folder))
            || rollout.phases.first().is_some_and(|file| file.directives.phase.is_held());
        if progress == Progress::Finished || !has_begun || self.standing.aborted_at(rollout).is_some() {
            return None;
        }
        let checksum =
            |folder: &str| Some(target.history.get(folder)?.script.as_ref()?.checksum().to_string());
        let phases: Vec<_> = rollout
            .phases
            .iter()
            .filter_map(|file| Some((file.folder.clone(), checksum(&file.folder)?)))
            .collect();
        let holds: Vec<_> = rollout
            .phases
            .iter()
            .filter(|file| {
                file.directives.phase.is_held() && !self.standing.applied.contains_key(&file.folder)
            })
            .filter(|file| self.standing.hold(&file.folder).is_none())
            .map(|file| file.folder.clone())
            .collect();
        let is_known = self.standing.known(&rollout.name).is_some_and(|known| {
            let same = known.remembered.folders.iter().zip(&known.checksums);
            known.remembered.folders.len() == phases.len()
                && same
                    .zip(&phases)
                    .all(|((folder, checksum), phase)| (folder, checksum) == (&phase.0, &phase.1))
        });
        (!is_known || !holds.is_empty()).then(|| Remember { rollout: rollout.name.clone(), phases, holds })
    }

    /// Whether there is anything to write although nothing is executed.
    pub(super) fn has_to_remember(&self) -> bool {
        !self.remember.is_empty() || !self.stopped.is_empty()
    }

    /// Writes it, and takes what guards have left out of the ledger. Under the lease.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) async fn remember(
        &self,
        client: &Client,
        owner: &Owner,
        ledger: &Ledger,
        events: &Events,
    ) -> Result<(), Problem> {
        if !self.has_to_remember() {
            return Ok(());
        }
        let mut texts: Vec<Sql> = Vec::new();
        for rollout in &self.remember {
            texts.push(owner.rollout(&rollout.rollout, &rollout.phases));
            texts.extend(rollout.holds.iter().map(|folder| owner.hold(folder, &rollout.rollout)));
        }
        for row in &self.stopped {
            texts.push(owner.stopped_by_guard(row, HELD));
            texts.push(ledger.remove(&row.id));
        }
        if !owner.commit(client, &texts).await? {
            return Err(Problem::new("another run has taken over; nothing was changed")
                .exiting(underpin_core::exit::STOPPED));
        }
        for row in &self.stopped {
            events.send(Event::LedgerCleared { migration: row.migration_name.clone() });
        }
        Ok(())
    }

    /// Counts, for the gates, how often statements have named what rollouts on their way will take away. Only the
    /// count of the next time is the worse for one that fails.
    pub(super) async fn count(&self, client: &Client, owner: &Owner, applied: &[String]) {
        for rollout in &self.standing.rollouts {
            let is_applied =
                |folder: &String| self.standing.applied.contains_key(folder) || applied.contains(folder);
            let contract = rollout.phases.iter().find(|file| file.directives.phase.is_held());
            let Some(contract) = contract.filter(|file| !is_applied(&file.folder)) else { continue };
            if !rollout.phases.first().is_some_and(|file| is_applied(&file.folder)) {
                continue;
            }
            let known = self.standing.known(&rollout.name);
            let old = Counting::old(rollout, contract);
            if let Ok((_, Some(calls))) =
                count_calls(client, &old, known.and_then(|known| known.calls.as_ref())).await
            {
                let _ = owner.commit(client, &[owner.calls(&rollout.name, &calls)]).await;
            }
            let new =
                Counting::new(rollout, rollout.made_before(contract), self.standing.window_began(rollout));
            if let Ok((_, Some(calls))) =
                count_calls(client, &new, known.and_then(|known| known.new_calls.as_ref())).await
            {
                let _ = owner.commit(client, &[owner.new_calls(&rollout.name, &calls)]).await;
            }
        }
    }
}

/// Why a phase must not be executed now: rows are in its way, or what was seen when it was released is not so any more.
///
/// # Errors
/// Those of the connection.
pub(super) async fn in_the_way(
    client: &Client,
    pending: &Pending,
    request: &Request,
) -> Result<Option<String>, Problem> {
    if let Some(CountsOn { rollout, file, namespace }) = &pending.counts_on {
        // Whatever comes before it is applied by now.
        let Intact { sync, changed } = look_intact(client, rollout, file, namespace, |_| true).await?;
        match (sync.as_slice(), changed.as_slice()) {
            ([], []) => {}
            ([], changed) => return Ok(Some(changed.join("; "))),
            (sync, _) => return Ok(Some(one_shape_alone(sync))),
        }
    }
    let answers = verify(client, &pending.asks, &request.settings).await?;
    Ok(answers.into_iter().find_map(|verified| match verified.answer {
        Ok(0) => None,
        Ok(count) => Some(left_by(count, &verified.query)),
        Err(why) => Some(format!("{why}: {}", verified.query)),
    }))
}

/// The relations and types that statements name, also in functions that they make.
fn names(statements: &[Statement]) -> BTreeSet<RelationName> {
    let mentioned = mentioned(statements);
    let mut names = mentioned.relations;
    names.extend(mentioned.types);
    for effect in statements.iter().flat_map(|statement| &statement.effects) {
        if let Effect::CreateRoutine { body, .. } = effect {
            names.extend(body.reads.iter().flat_map(|read| read.relations.iter().cloned()));
        }
    }
    names
}

fn everything(pending: &[Pending]) -> BTreeSet<RelationName> {
    pending.iter().flat_map(|migration| names(&migration.statements)).collect()
}

/// Whether a statement composes what it executes, so that nobody knows what it names.
fn may_name_anything(statements: &[Statement]) -> bool {
    statements.iter().flat_map(|statement| &statement.effects).any(|effect| match effect {
        Effect::Do(program) => !program.opaque.is_empty(),
        Effect::Call { .. } | Effect::Unknown { .. } => true,
        _ => false,
    })
}
