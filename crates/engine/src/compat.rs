//! `compat`: which release may run on which state of the database on the way that a change goes.
//!
//! The states are those of the history: what the base has, then behind each migration that it has not, then
//! the schema where no migration leads to it yet. They are made on a throwaway server. The releases are those
//! that run and the one that comes, by their Prisma schemas. What breaks is judged by `underpin_core::compat`;
//! what it does not foresee, the server says when each client's statements are prepared there (`probes`).

mod probes;

use std::collections::BTreeSet;
use std::path::Path;

use underpin_catalog::Catalog;
use underpin_core::compat::{Cell, Known, Need, Release, State, verify};
use underpin_core::rollout::{Directives, Phase};
use underpin_prisma::ClientContract;
use underpin_prisma::migrate::Migration;

pub use self::probes::{Refusal, probe};
use crate::files::{SCRIPT, normal};
use crate::introspect::introspect;
use crate::problem::Problem;
use crate::project::Project;
use crate::project::releases::{At, Basis, Deployed, Release as Found};
use crate::shadow_history::{Replayed, Session, ShadowHistory, failed, wanted};
use crate::state::{Reading, Told, steps};

/// The copy on which the schema's own end is made.
const COPY: &str = "underpin_compat";

/// What is known of releases and states.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The releases: those that run, then the one that comes.
    pub releases: Vec<Release>,
    /// What the states are called, in order.
    pub states: Vec<String>,
    /// Every release on every state.
    pub cells: Vec<Cell>,
}

/// Asks which release may run where. `bases` are the releases that run; without any, what the default branch has.
///
/// # Errors
/// When nobody can tell which release runs; mistakes in the schema; a history that does not replay; no server.
pub async fn compat(project: &Project, bases: &[At], reading: &Reading) -> Result<Answer, Problem> {
    let deployed = Deployed::find(project, bases)?;
    if let Basis::Unknown { reason } = &deployed.basis {
        let problem = Problem::new(format!("nobody can tell which release runs now: {reason}"));
        return Err(problem.hint("name the revision that is deployed: underpin compat --base REVISION"));
    }
    let coming = Found::coming(project);
    // What is wrong in the schema is told before a server is started.
    let schema = reading.parsed(&project.schema_files);
    let wanted_end = reading.of_schema(&schema)?;
    let folder = normal(&project.migrations_folder);
    let told = match folder.is_dir() {
        true => Told::read(&folder, reading.order(), &reading.cwd)?,
        false => Told::nothing(),
    };
    told.check_syntax()?;
    let (held, new) = split(&told, &deployed.held(&folder)?, &folder);

    let contract =
        |found: &Found| (found.name.clone(), ClientContract::of(&found.schema(), &reading.namespace));
    let clients: Vec<_> = deployed.releases.iter().chain([&coming]).map(contract).collect();
    let contracts: Vec<&ClientContract> = clients.iter().map(|(_, contract)| contract).collect();

    let mut walk = Walk::new(reading);
    let walked = walk.states(&told, (&held, &new), &contracts, reading, &schema, &wanted_end).await;
    walk.finish().await;
    let stops = walked?;

    let (states, refusals): (Vec<State>, Vec<_>) = stops.into_iter().unzip();
    let last = states.len() - 1;
    // A contract phase waits until nobody runs the old release any more, and the new one runs before it.
    let contract = new.iter().position(|at| phase(&told, *at) == Some(Phase::Contract));
    let (old_until, new_from) = contract.map_or((last, last), |before| (before, before));
    let releases: Vec<Release> = clients
        .into_iter()
        .enumerate()
        .map(|(at, (name, contract))| match at < deployed.releases.len() {
            true => Release { name, contract, home: 0, lives: 0..=old_until },
            false => Release { name, contract, home: last, lives: new_from..=last },
        })
        .collect();
    let mut cells = verify(&states, &releases);
    for cell in &mut cells {
        let (here, home) = (&refusals[cell.state], &refusals[releases[cell.release].home]);
        if cell.need == Need::Lives {
            probes::add(cell, &releases[cell.release].contract, &here[cell.release], &home[cell.release]);
        }
    }
    Ok(Answer { releases, states: states.into_iter().map(|state| state.name).collect(), cells })
}

/// The migrations that the base has, and those that come, by their places.
fn split(told: &Told, held: &BTreeSet<std::path::PathBuf>, folder: &Path) -> (Vec<usize>, Vec<usize>) {
    let is_held = |at: &usize| {
        let script = folder.join(&told.migrations[*at].0).join(SCRIPT);
        script.canonicalize().is_ok_and(|script| held.contains(&script))
    };
    (0..told.migrations.len()).partition(is_held)
}

/// Which phase of a rollout a migration is.
fn phase(told: &Told, at: usize) -> Option<Phase> {
    // Words that are none of ours are told by `deploy` and `lint`.
    Directives::read(&told.migrations[at].1).ok().flatten().map(|directives| directives.phase)
}

/// What each client was refused on a state.
type Refusals = Vec<Vec<Refusal>>;

/// A history on its way.
struct Walk {
    history: ShadowHistory,
}

impl Walk {
    fn new(reading: &Reading) -> Self {
        let asked = wanted(reading.server(), &reading.shadow, Some(reading.cwd.clone()));
        Self { history: ShadowHistory::new(asked, reading.namespace.clone()) }
    }

    async fn states(
        &mut self,
        told: &Told,
        (held, new): (&[usize], &[usize]),
        clients: &[&ClientContract],
        reading: &Reading,
        schema: &underpin_prisma::schema::Schema,
        end: &underpin_prisma::PrismaCatalog,
    ) -> Result<Vec<(State, Refusals)>, Problem> {
        let all = steps(told, reading.server(), reading.namespace.clone());
        // A live database has what the base has, and gets the others behind it.
        let order = held.iter().chain(new);
        let replayed: Vec<Replayed> = order.map(|at| all[*at].clone()).collect();
        let mut stops = Vec::new();
        let mut is_filled = false;
        for count in held.len()..=replayed.len() {
            self.history.replay(&replayed[..count]).await?;
            let session = self.history.look().await?;
            let name = match count.checked_sub(1).filter(|_| count > held.len()) {
                Some(last) => replayed[last].name.clone(),
                None => "as it is".to_owned(),
            };
            is_filled |=
                count > held.len() && phase(told, new[count - held.len() - 1]) == Some(Phase::Backfill);
            let (mut state, refusals) = stop(name, &session, clients).await?;
            if is_filled {
                state.known = state.known.backfilled();
            }
            stops.push((state, refusals));
        }
        let (last, _) = stops.last().expect("there is one before the first new migration");
        let scope = reading.scope([schema].into_iter());
        let seen = reading.seen(&last.catalog, &scope)?;
        let migration = Migration::between(&seen, end, reading.version);
        if !migration.steps.is_empty() {
            let session = self.history.copy(COPY).await?;
            if let Err(error) = session.send(&migration.script()).await {
                let what = failed(&error);
                return Err(Problem::new(format!(
                    "the migration that the history lacks to the schema {what}"
                ))
                .hint("write it with `underpin create`, and see there what stands in its way"));
            }
            stops.push(stop("schema.prisma".to_owned(), &session, clients).await?);
        }
        Ok(stops)
    }

    async fn finish(self) {
        self.history.finish().await;
    }
}

async fn stop(
    name: String,
    session: &Session,
    clients: &[&ClientContract],
) -> Result<(State, Refusals), Problem> {
    let catalog: Catalog = introspect(session).await?;
    let mut refusals = Vec::new();
    for client in clients {
        refusals.push(probe(session, client).await?);
    }
    let known = Known::of(&catalog);
    Ok((State { name, catalog, known }, refusals))
}
