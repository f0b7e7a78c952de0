//! `compat`: which release may run on which state of the database on the way that a change goes.
//!
//! The states are those of the history: what the base has, then behind each migration that it has not, then
//! the schema where no migration leads to it yet. They are made on a throwaway server. The releases are those
//! that run and the one that comes, by their Prisma schemas. What breaks is judged by `underpin_core::compat`;
//! what it does not foresee, the server says when each client's statements are prepared there (`probes`).

mod own;
mod probes;

use std::collections::BTreeSet;
use std::path::Path;

use underpin_catalog::Catalog;
use underpin_core::compat::{Break, Cell, Known, Need, Query, Release, State, verify};
use underpin_core::rollout::{Directives, Phase};
use underpin_prisma::ClientContract;
use underpin_prisma::migrate::Migration;

use self::own::{Refused, queries_of};
pub use self::probes::{Refusal, probe};
use crate::files::{SCRIPT, normal};
use crate::introspect::introspect;
use crate::problem::Problem;
use crate::project::Project;
use crate::project::releases::{At, Basis, Deployed, Release as Found};
use crate::shadow_history::{Replayed, Session, ShadowHistory, failed, wanted};
use crate::state::{Reading, Told, migrations};

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
    /// Queries in the sources that nobody can judge.
    pub unknown: Vec<Unknown>,
}

/// A query that the application writes itself and that nobody can judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The release, by its place.
    pub release: usize,
    /// The query.
    pub query: Query,
    /// Why, as half a sentence.
    pub why: String,
}

/// A release on its way through the states.
struct Client {
    name: String,
    contract: ClientContract,
    queries: Vec<Query>,
}

/// What the server said of a client's statements on a state.
struct Answered {
    refused: Vec<Refusal>,
    own: Vec<Refused>,
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

    let client = |(found, is_coming): (&Found, bool)| {
        Ok(Client {
            name: found.name.clone(),
            contract: ClientContract::of(&found.schema(), &reading.namespace),
            queries: queries_of(found, project, is_coming)?,
        })
    };
    let running = deployed.releases.iter().map(|found| (found, false));
    let clients = running.chain([(&coming, true)]).map(client).collect::<Result<Vec<_>, Problem>>()?;

    let mut walk = Walk::new(reading);
    let walked = walk.states(&told, (&held, &new), &clients, reading, &schema, &wanted_end).await;
    walk.finish().await;
    let stops = walked?;

    let (states, answered): (Vec<State>, Vec<Vec<Answered>>) = stops.into_iter().unzip();
    let last = states.len() - 1;
    // A contract phase waits until nobody runs the old release any more, and the new one runs before it.
    let contract = new.iter().position(|at| phase(&told, *at) == Some(Phase::Contract));
    let (old_until, new_from) = contract.map_or((last, last), |before| (before, before));
    let release = |(at, client): (usize, &Client)| {
        let (name, contract) = (client.name.clone(), client.contract.clone());
        match at < deployed.releases.len() {
            true => Release { name, contract, home: 0, lives: 0..=old_until },
            false => Release { name, contract, home: last, lives: new_from..=last },
        }
    };
    let releases: Vec<Release> = clients.iter().enumerate().map(release).collect();
    let mut cells = verify(&states, &releases);
    for cell in cells.iter_mut().filter(|cell| cell.need == Need::Lives) {
        let of = |state: usize| &answered[state][cell.release];
        let (here, home) = (of(cell.state), of(releases[cell.release].home));
        probes::add(cell, &releases[cell.release].contract, &here.refused, &home.refused);
        let queries = clients[cell.release].queries.iter().zip(&here.own).zip(&home.own);
        for ((query, here), at_home) in queries {
            if let (Some((code, message)), None) = (here, at_home) {
                cell.breaks.push(Break::of_query(query, code, message));
            }
        }
    }
    let mut unknown = Vec::new();
    for (release, client) in clients.iter().enumerate() {
        let at_home = &answered[releases[release].home][release].own;
        for (query, refused) in client.queries.iter().zip(at_home) {
            let why = match (&query.sql, refused) {
                (None, _) => "it is put together at run time".to_owned(),
                (Some(_), Some((_, message))) => {
                    format!("as it stands there, the server refuses it: {message}")
                }
                (Some(_), None) => continue,
            };
            unknown.push(Unknown { release, query: query.clone(), why });
        }
    }
    Ok(Answer { releases, states: states.into_iter().map(|state| state.name).collect(), cells, unknown })
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
        clients: &[Client],
        reading: &Reading,
        schema: &underpin_prisma::schema::Schema,
        end: &underpin_prisma::PrismaCatalog,
    ) -> Result<Vec<(State, Vec<Answered>)>, Problem> {
        let all = migrations(told);
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
            let (mut state, answered) = stop(name, &session, clients).await?;
            if is_filled {
                state.known = state.known.backfilled();
            }
            stops.push((state, answered));
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
    clients: &[Client],
) -> Result<(State, Vec<Answered>), Problem> {
    let catalog: Catalog = introspect(session).await?;
    let mut answered = Vec::new();
    for client in clients {
        let refused = probe(session, &client.contract).await?;
        let own = own::ask(session, &client.queries).await?;
        answered.push(Answered { refused, own });
    }
    let known = Known::of(&catalog);
    Ok((State { name, catalog, known }, answered))
}
