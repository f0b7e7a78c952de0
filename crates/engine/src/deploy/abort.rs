//! `rollout abort`: a rollout that is expanded or backfilled is led back to where it began, with the `down.sql` of its
//! phases, last first.
//!
//! They are planned, proven and executed like migrations, so nobody waits, and one that is cut is continued. Up to the
//! last of them both shapes are kept equal, so no write is lost. A phase that is undone has no row in the ledger any
//! more, as if it had never been applied; its contract stays held.

use std::path::Path;

use serde::Serialize;
use underpin_core::exit;
use underpin_core::rollout::{Directives, Gone, PhaseFile, Progress};
use underpin_prisma::{RowState, Script};
use underpin_sql::{Effect, Statement, read};
use uuid::Uuid;

use super::applying::Applying;
use super::preflight::{Facts, Pending, ProvingHistory, refusals};
use super::{Ending, Request, Target, stand_guard};
use crate::events::Events;
use crate::journal::{self, Unfinished};
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::rollout::Standing;

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Aborted {
    /// The rollout.
    pub rollout: String,
    /// The phases that were undone in this run, in that order.
    pub undone: Vec<String>,
    /// What stopped it; running the command again goes on.
    pub stopped: Option<Ending>,
}

impl Aborted {
    /// The command's exit code.
    pub fn exit_code(&self) -> u8 {
        self.stopped.as_ref().map_or(exit::CLEAN, Ending::exit_code)
    }
}

/// Leads a rollout back.
///
/// # Errors
/// Another database's name; a contract that is applied or half applied; a phase without `down.sql`, or with one that
/// would break more than the rollout has made. Nothing was changed then.
pub async fn abort(
    target: &Target,
    request: &Request,
    name: &str,
    database: &str,
    events: &Events,
) -> Result<Aborted, Problem> {
    if database != target.url.database {
        return Err(Problem::new(format!(
            "this is database {}, and the one that was named is {database}: nothing was changed",
            target.url.database
        ))
        .hint("name the database in which the rollout is to be led back with --database"));
    }
    let run = Uuid::new_v4();
    let application = format!("underpin/{}", &run.to_string()[..8]);
    let (guard, server) = stand_guard(target, &application, request, events).await?;
    let ledger = Ledger::of(&target.url.schema);
    let rows = ledger.rows(&guard.client).await?.unwrap_or_default();
    let standing = Standing::look(&guard.client, target, &rows).await?;
    let rollout = standing.named(name)?;
    let is_of_it = |migration: &str| rollout.phases.iter().any(|file| file.folder == migration);
    let half_done = rows.iter().find(|row| {
        row.state() == RowState::Failed
            && is_of_it(&row.migration_name)
            && !standing.was_stopped_by_guard(row)
    });
    if let Some(row) = half_done {
        return Err(Problem::new(format!("{} is half applied", row.migration_name))
            .exiting(exit::NEEDS_RECOVER)
            .hint("finish it (underpin deploy) or undo its steps (underpin recover --revert), then run the command again"));
    }
    let has_contracted =
        |file: &PhaseFile| file.directives.phase.is_held() && standing.applied.contains_key(&file.folder);
    if rollout.phases.iter().any(has_contracted) {
        return Err(Problem::new(format!(
            "the contract of rollout {name} is applied: what it took away is gone"
        ))
        .hint("a new migration can add it again; what was in it comes from what is parked (underpin purge) or from a backup"));
    }
    if rollout.progress(&standing.applied) == Ok(Progress::Finished) {
        return Err(Problem::new(format!(
            "all phases of rollout {name} are applied, and none of them took anything away: it is at its end"
        ))
        .hint("what it has made is taken away by a new migration, in phases again: underpin plan"));
    }
    let unfinished = match journal::exists(&guard.client).await? {
        true => journal::unfinished(&guard.client, &target.url.schema).await?,
        false => Vec::new(),
    };
    let mut back = Vec::new();
    for file in rollout.phases.iter().rev().filter(|file| standing.applied.contains_key(&file.folder)) {
        back.push(way_back(target, file, &unfinished)?);
    }
    let refused = refusals(&guard, &back, request, &server).await?;
    if !refused.is_empty() {
        let stopped = Some(Ending::Refused { migrations: refused });
        return Ok(Aborted { rollout: name.to_owned(), undone: Vec::new(), stopped });
    }

    let applying =
        Applying { target, request, events, guard: &guard, application: &application, ledger: &ledger };
    let owner = applying.take_over(run, true).await?;
    let phases: Vec<_> = rollout
        .phases
        .iter()
        .filter_map(|file| {
            let script = target.history.get(&file.folder)?.script.as_ref()?;
            Some((file.folder.clone(), script.checksum().to_string()))
        })
        .collect();
    let mut texts = vec![owner.rollout(name, &phases)];
    texts.extend(
        rollout
            .phases
            .iter()
            .filter(|file| file.directives.phase.is_held())
            .map(|file| owner.hold(&file.folder, name)),
    );
    texts.push(owner.abort(name));
    // From here on no deploy executes anything of it.
    if !owner.commit(&guard.client, &texts).await? {
        return Err(Problem::new("another run has taken over; nothing was changed").exiting(exit::STOPPED));
    }
    let applied: Vec<String> = standing.applied.keys().cloned().collect();
    let prover = ProvingHistory::of(&applied, target, request, &server);
    let came = applying.apply(owner, &back, &Facts::Live(server.version), prover).await?;
    let undone = back.iter().take(came.applied).filter_map(|pending| pending.undoes.clone()).collect();
    Ok(Aborted { rollout: name.to_owned(), undone, stopped: came.stopped })
}

/// The `down.sql` of a phase, as something to be executed.
fn way_back(target: &Target, file: &PhaseFile, unfinished: &[Unfinished]) -> Result<Pending, Problem> {
    let shown = format!("{}/{}/down.sql", target.migrations_shown, file.folder);
    let path = target.root.join(Path::new(&shown));
    let bytes = std::fs::read(&path).map_err(|error| {
        Problem::new(format!("{} cannot be led back: its down.sql cannot be read ({error})", file.folder))
            .at(shown.clone())
            .hint("write the statements that undo its migration.sql into it")
    })?;
    let script = Script::of(bytes);
    let statements = read(script.text()).map_err(|error| {
        Problem::new(format!("{shown} is not valid SQL: {}", error.message))
            .coded("42601")
            .at(format!("{shown}:{}:{}", error.line, error.column))
    })?;
    let name = format!("{}/down.sql", file.folder);
    let begun = unfinished.iter().find(|begun| begun.name == name).cloned();
    if let Some(begun) = &begun
        && !script.matches_checksum(&begun.checksum)
    {
        return Err(Problem::new(format!("{shown} was edited while it is half executed"))
            .exiting(exit::NEEDS_RECOVER)
            .at(shown)
            .hint(
                "restore the file as it was when its first steps were executed, then run the command again",
            ));
    }
    let phase = target.history.get(&file.folder).and_then(|migration| migration.script.as_ref());
    let made = phase.map(|script| made_by(&read(script.text()).unwrap_or_default())).unwrap_or_default();
    let directives =
        Directives { gone: made, park: Vec::new(), verify: Vec::new(), ..file.directives.clone() };
    Ok(Pending {
        name,
        text: script.text().to_owned(),
        checksum: script.checksum().to_string(),
        released: Some(PhaseFile::new(&file.folder, directives, &[])),
        asks: Vec::new(),
        undoes: Some(file.folder.clone()),
        statements,
        begun,
    })
}

/// What a phase has put beside the old shape, and what its way back therefore may take away: the release that was there
/// before does not know it.
fn made_by(statements: &[Statement]) -> Vec<Gone> {
    let effects = statements.iter().flat_map(|statement| &statement.effects).flat_map(Effect::flattened);
    effects
        .filter_map(|effect| match effect {
            Effect::AddColumn(added) => {
                Some(Gone::Column { table: added.table.clone(), column: added.column.clone() })
            }
            Effect::CreateTable(created) => Some(Gone::Table(created.table.clone())),
            // Under its new name nobody knew it.
            Effect::RenameTable { table, to } => Some(Gone::Table(table.sibling(to.clone()))),
            Effect::CreateView(created) => Some(Gone::Table(created.view.clone())),
            Effect::CreateIndex(created) => Some(Gone::Index(created.table.sibling(created.name.clone()?))),
            Effect::AddConstraint(added) => Some(Gone::Index(added.table.sibling(added.name.clone()?))),
            Effect::CreateType { name, .. } => Some(Gone::Type(name.clone())),
            _ => None,
        })
        .collect()
}
