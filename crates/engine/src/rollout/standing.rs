//! What folder, ledger and journal say about rollouts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Client;
use underpin_catalog::Name;
use underpin_core::rollout::gate::{Gate, Verdict, Word, gates};
use underpin_core::rollout::{
    Directives, HELD, HoldState, PhaseFile, Progress, Rollout, WrongRollout, refuse_two_on_a_table, rollouts,
};
use underpin_core::settings::Settings;
use underpin_prisma::{LedgerRow, Migration, RowState};
use underpin_sql::read;

use super::evidence::{Asking, gather};
use crate::deploy::Target;
use crate::journal::{self, Hold, Known};
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::session;

/// The rollouts of a folder, with what the database knows of them.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// The namespace of what their files name without one.
    scope: String,
    /// Those of the folder, in the order in which they begin.
    pub(crate) rollouts: Vec<Rollout>,
    /// When each migration was applied.
    pub(crate) applied: BTreeMap<String, Timestamp>,
    /// Migrations that have begun and are not finished.
    begun: BTreeSet<String>,
    /// Those that have begun here.
    pub(crate) known: Vec<Known>,
    /// Their phases that are or were held.
    pub(crate) holds: Vec<Hold>,
}

impl Standing {
    /// Reads the phases of the folder and what the database has of them.
    ///
    /// # Errors
    /// A directive that cannot be understood, phases that do not fit together; those of the connection.
    pub(crate) async fn look(client: &Client, target: &Target, rows: &[LedgerRow]) -> Result<Self, Problem> {
        let mut files = Vec::new();
        for migration in target.history.migrations() {
            files.extend(phase_file(target, migration)?);
        }
        let rollouts = rollouts(files).map_err(|wrong| as_problem(target, &wrong))?;
        let scope = &target.url.schema;
        let applied = rows.iter().filter(|row| row.state() == RowState::Applied);
        let begun = rows.iter().filter(|row| row.state() == RowState::Failed);
        Ok(Self {
            scope: scope.clone(),
            rollouts,
            begun: begun.map(|row| row.migration_name.clone()).collect(),
            applied: applied.filter_map(|row| Some((row.migration_name.clone(), row.finished_at?))).collect(),
            known: journal::known(client, scope).await?,
            holds: journal::holds(client, scope).await?,
        })
    }

    /// The namespace of what the files name without one.
    pub(crate) fn namespace(&self) -> Name {
        Name::new(&self.scope)
    }

    /// What the journal knows of a rollout.
    pub(crate) fn known(&self, rollout: &str) -> Option<&Known> {
        self.known.iter().find(|known| known.remembered.rollout == rollout)
    }

    /// The hold of a migration.
    pub(crate) fn hold(&self, migration: &str) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.migration == migration)
    }

    /// When the rollout of these phases was led back.
    pub(crate) fn aborted_at(&self, rollout: &Rollout) -> Option<Timestamp> {
        let known = self.known(&rollout.name)?;
        let is_same = rollout.phases.iter().any(|file| known.remembered.folders.contains(&file.folder));
        known.remembered.aborted_at.filter(|_| is_same)
    }

    /// The rollout and the phase that a migration is.
    pub(crate) fn phase_of(&self, migration: &str) -> Option<(&Rollout, &PhaseFile)> {
        self.rollouts
            .iter()
            .find_map(|rollout| Some((rollout, rollout.phases.iter().find(|file| file.folder == migration)?)))
    }

    /// Whether a migration that has not begun waits for its rollout.
    pub(crate) fn hold_state(&self, migration: &str) -> HoldState {
        let Some((rollout, file)) = self.phase_of(migration) else { return HoldState::Free };
        let released = self.hold(migration).is_some_and(|hold| hold.released_at.is_some());
        match self.aborted_at(rollout) {
            Some(_) => HoldState::Aborted,
            None if file.directives.phase.is_held() && !released => HoldState::Held,
            None => HoldState::Free,
        }
    }

    /// Since when both shapes of a rollout are kept: its first phase is applied, or for one that has nothing to
    /// begin with, it is held.
    pub(crate) fn window_began(&self, rollout: &Rollout) -> Option<Timestamp> {
        match rollout.phases.as_slice() {
            [only] if only.directives.phase.is_held() => Some(self.hold(&only.folder)?.held_since),
            [first, ..] => self.applied.get(&first.folder).copied(),
            [] => None,
        }
    }

    /// Whether a row is of a run that a file's guard has stopped, so that nothing of the file was executed: its logs say
    /// so, or they were never written, and the file was held all the time.
    pub(crate) fn was_stopped_by_guard(&self, row: &LedgerRow) -> bool {
        let is_guarded = self.phase_of(&row.migration_name).is_some_and(|(_, file)| file.is_guarded);
        if row.state() != RowState::Failed || !is_guarded {
            return false;
        }
        match &row.logs {
            Some(logs) if !logs.is_empty() => logs.contains(HELD),
            _ => self
                .hold(&row.migration_name)
                .is_some_and(|hold| hold.released_at.is_none() && hold.held_since < row.started_at),
        }
    }

    /// Refuses what must not be executed whatever the gates say.
    ///
    /// # Errors
    /// A contract before its backfill, a phase that is gone or edited since its rollout began, two rollouts on one
    /// table at once.
    pub(crate) fn refuse(&self, target: &Target, allows_edits: bool) -> Result<(), Problem> {
        let mut open = Vec::new();
        for rollout in &self.rollouts {
            let progress = rollout.progress(&self.applied).map_err(|wrong| as_problem(target, &wrong))?;
            if self.aborted_at(rollout).is_none() {
                open.push((rollout, progress));
            }
        }
        for known in &self.known {
            self.refuse_gone(target, known)?;
            if !allows_edits {
                self.refuse_edited(target, known)?;
            }
        }
        refuse_two_on_a_table(&open, &Name::new(&target.url.schema))
            .map_err(|wrong| as_problem(target, &wrong))
    }

    fn refuse_gone(&self, target: &Target, known: &Known) -> Result<(), Problem> {
        let folders = &known.remembered.folders;
        let gone = folders.iter().find(|folder| target.history.get(folder).is_none());
        let has_begun = folders.iter().any(|folder| self.applied.contains_key(folder));
        let Some(gone) = gone.filter(|_| has_begun && known.remembered.aborted_at.is_none()) else {
            return Ok(());
        };
        let name = &known.remembered.rollout;
        Err(Problem::new(format!("rollout {name} has begun in this database, and its folder {gone} is gone"))
            .at(format!("{}/{gone}", target.migrations_shown))
            .hint("restore the folder from version control")
            .hint(format!(
                "or lead the rollout back before you delete it: underpin rollout abort {name} --database {}",
                target.url.database
            )))
    }

    /// As long as nothing of it is executed, and it has a phase before its contract, a rollout may be planned anew: rows
    /// that stood against its first phase may have been the reason.
    fn refuse_edited(&self, target: &Target, known: &Known) -> Result<(), Problem> {
        let own = self.rollouts.iter().find(|rollout| rollout.name == known.remembered.rollout);
        let begins_held =
            own.and_then(|own| own.phases.first()).is_none_or(|first| first.directives.phase.is_held());
        if !begins_held && !known.remembered.folders.iter().any(|folder| self.applied.contains_key(folder)) {
            return Ok(());
        }
        let phases = known.remembered.folders.iter().zip(&known.checksums);
        let edited =
            phases.filter(|(folder, _)| !self.applied.contains_key(*folder)).find(|(folder, checksum)| {
                let script = target.history.get(folder).and_then(|migration| migration.script.as_ref());
                script.is_some_and(|script| !script.matches_checksum(checksum))
            });
        let Some((folder, checksum)) = edited else { return Ok(()) };
        let name = &known.remembered.rollout;
        Err(Problem::new(format!("{folder} was edited since rollout {name} began in this database"))
            .at(format!("{}/{folder}/migration.sql", target.migrations_shown))
            .hint(format!("when it began, the file had checksum {checksum}; restore it from version control"))
            .hint("or, knowing that the phases still fit together: --allow edited-migration"))
    }
}

fn phase_file(target: &Target, migration: &Migration) -> Result<Option<PhaseFile>, Problem> {
    let Some(script) = &migration.script else { return Ok(None) };
    let directives = Directives::read(script.text()).map_err(|wrong| {
        let file = format!("{}/{}/migration.sql", target.migrations_shown, migration.name);
        Problem::new(wrong.message)
            .at(format!("{file}:{}", wrong.line))
            .hint("correct the comment, or delete it when the file is no phase of a rollout")
    })?;
    // A file that is no SQL is told where its turn comes.
    Ok(directives.map(|said| PhaseFile::new(&migration.name, said, &read(script.text()).unwrap_or_default())))
}

fn as_problem(target: &Target, wrong: &WrongRollout) -> Problem {
    Problem::new(wrong.message.clone())
        .at(format!("{}/{}", target.migrations_shown, wrong.folder))
        .hint(wrong.hint.clone())
}

/// A rollout for people.
#[derive(Clone, Debug, Serialize)]
pub struct Review {
    /// Its name.
    pub rollout: String,
    /// `waiting`, `expanded`, `backfilled`, `aborting` or `aborted`.
    pub state: &'static str,
    /// Since when it is there.
    pub since: Option<Timestamp>,
    /// Its phases.
    pub phases: Vec<ReviewedPhase>,
    /// The phase that is held, and not released.
    pub held: Option<String>,
    /// When its gates were passed; the next deploy executes it.
    pub released_at: Option<Timestamp>,
    /// The gates of the phase that is held.
    pub gates: Vec<Gate>,
}

/// A phase for people.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewedPhase {
    /// The folder's name.
    pub migration: String,
    /// Which phase.
    pub phase: underpin_core::rollout::Phase,
    /// When it was applied.
    pub applied_at: Option<Timestamp>,
}

impl Review {
    /// Whether every gate passes.
    pub fn may_pass(&self) -> bool {
        self.gates.iter().all(|gate| gate.verdict == Verdict::Passes)
    }
}

/// One rollout with all its gates, the rows counted. Changes nothing.
///
/// # Errors
/// When there is none of this name; those of [`Standing::look`].
pub async fn review(target: &Target, settings: &Settings, name: &str) -> Result<Review, Problem> {
    let connection = session::open(&target.url, "underpin-rollout").await?;
    let client = &connection.client;
    let rows = Ledger::of(&target.url.schema).rows(client).await?.unwrap_or_default();
    let standing = Standing::look(client, target, &rows).await?;
    let rollout = standing.named(name)?;
    reviewed(client, &standing, rollout, settings, &Asking { rows: true, ..Asking::default() }).await
}

/// The rollouts that are not finished, without counting rows.
pub(crate) async fn reviews(
    client: &Client,
    standing: &Standing,
    settings: &Settings,
) -> Result<Vec<Review>, Problem> {
    let mut found = Vec::new();
    for rollout in &standing.rollouts {
        if rollout.progress(&standing.applied) != Ok(Progress::Finished) {
            found.push(reviewed(client, standing, rollout, settings, &Asking::default()).await?);
        }
    }
    Ok(found)
}

async fn reviewed(
    client: &Client,
    standing: &Standing,
    rollout: &Rollout,
    settings: &Settings,
    asking: &Asking<'_>,
) -> Result<Review, Problem> {
    let aborted = standing.aborted_at(rollout);
    let pending = rollout
        .phases
        .iter()
        .find(|file| file.directives.phase.is_held() && !standing.applied.contains_key(&file.folder));
    let released_at = pending.and_then(|file| standing.hold(&file.folder)?.released_at);
    let gates = match pending {
        Some(file) if aborted.is_none() && !standing.begun.contains(&file.folder) => {
            let (evidence, _) = gather(client, standing, rollout, file, settings, asking).await?;
            let mut gates = gates(&evidence, &settings.rollout, &Word::default(), Timestamp::now());
            if released_at.is_some() {
                // What the deploy asks once more, where it will be stopped.
                gates.retain(|gate| gate.asked.is_asked_again() && gate.verdict == Verdict::Shut);
            }
            gates
        }
        _ => Vec::new(),
    };
    let last = rollout.phases.iter().rev().find(|file| standing.applied.contains_key(&file.folder));
    Ok(Review {
        rollout: rollout.name.clone(),
        state: match (aborted, last.map(|file| file.directives.phase)) {
            (Some(_), Some(_)) => "aborting",
            (Some(_), None) => "aborted",
            (None, None) => "waiting",
            (None, Some(phase)) => phase.done(),
        },
        since: aborted.or_else(|| standing.applied.get(&last?.folder).copied()),
        phases: rollout
            .phases
            .iter()
            .map(|file| ReviewedPhase {
                migration: file.folder.clone(),
                phase: file.directives.phase,
                applied_at: standing.applied.get(&file.folder).copied(),
            })
            .collect(),
        held: pending.filter(|_| released_at.is_none()).map(|file| file.folder.clone()),
        released_at,
        gates,
    })
}

impl Standing {
    /// The rollout of this name.
    pub(crate) fn named(&self, name: &str) -> Result<&Rollout, Problem> {
        self.rollouts.iter().find(|rollout| rollout.name == name).ok_or_else(|| {
            let names: Vec<_> = self.rollouts.iter().map(|rollout| rollout.name.as_str()).collect();
            let problem = Problem::new(format!("the migrations folder has no rollout called {name}"));
            match names.as_slice() {
                [] => problem.hint("no migration in it is a phase of a rollout"),
                names => problem.hint(format!("there are: {}", names.join(", "))),
            }
        })
    }
}
