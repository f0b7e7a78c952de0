//! `compat`: which release may run on which state of the database on the way that a change goes.
//!
//! The states are those of the history: what the base has, then behind each migration that it has not, then
//! the schema where no migration leads to it yet. They are made on a throwaway server. The releases are those
//! that run and the one that comes, by their Prisma schemas. What breaks is judged by `underpin_core::compat`;
//! what it does not foresee, the server says when each client's statements are prepared there (`probes`).

mod answer;
mod clients;
mod of_plan;
mod own;
mod probes;
mod stops;
mod witness;

use std::collections::BTreeSet;
use std::path::Path;

use underpin_catalog::Catalog;
use underpin_core::compat::Touched;
use underpin_core::rollout::{Directives, Phase};
use underpin_prisma::migrate::Migration;

pub use self::answer::{Answer, Unknown};
pub use self::clients::Clients;
use self::clients::Lives;
pub(crate) use self::of_plan::{contract, fits, of_plan};
pub use self::probes::{Refusal, probe};
pub(crate) use self::stops::Stop;
pub(crate) use self::witness::Witness;
use crate::files::{SCRIPT, normal};
use crate::introspect::introspect;
use crate::problem::Problem;
use crate::project::Project;
use crate::project::releases::{At, Basis, Deployed};
use crate::shadow_history::{Replayed, ShadowHistory, failed, wanted};
use crate::state::{Reading, Told, migrations, not_replayed};

/// What the state is called in which the way begins.
const BEFORE: &str = "as it is";

/// The copy on which the schema's own end is made.
const COPY: &str = "underpin_compat";

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
    // What is wrong in the schema is told before a server is started.
    let schema = reading.parsed(&project.schema_files);
    let wanted_end = reading.of_schema(&schema)?;
    let folder = normal(&project.migrations_folder);
    let told = match folder.is_dir() {
        true => Told::read(&folder, reading.order(), &reading.cwd)?,
        false => Told::nothing(),
    };
    let (held, new) = split(&told, &deployed.held(&folder)?, &folder);
    let clients = Clients::of(&deployed, project, reading)?;

    // A contract phase waits until nobody runs the old release any more, and the new one runs before it.
    let contract = new.iter().position(|at| phase(&told, *at) == Some(Phase::Contract));
    let mut walk = Walk::new(reading);
    let way = Way { told: &told, held: &held, new: &new, contract };
    let walked = walk.states(&way, &clients, reading, &schema, &wanted_end).await;
    walk.finish().await;
    Ok(Answer::of(&clients, walked?, contract))
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

/// The migrations on the way, by their places in the history.
struct Way<'a> {
    told: &'a Told,
    held: &'a [usize],
    new: &'a [usize],
    contract: Option<usize>,
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
        way: &Way<'_>,
        clients: &Clients,
        reading: &Reading,
        schema: &underpin_prisma::schema::Schema,
        end: &underpin_prisma::PrismaCatalog,
    ) -> Result<Vec<Stop>, Problem> {
        let Way { told, held, new, contract } = *way;
        let all = migrations(told);
        let scope = reading.scope([schema].into_iter());
        // A live database has what the base has, and gets the others behind it.
        let order = held.iter().chain(new);
        let replayed: Vec<Replayed> = order.map(|at| all[*at].clone()).collect();
        let mut stops: Vec<Stop> = Vec::new();
        let mut lacking = None;
        let mut is_filled = false;
        for count in held.len()..=replayed.len() {
            let reached = self.history.replay(&replayed[..count]).await;
            reached.map_err(|error| not_replayed(error, &told.folder))?;
            let session = self.history.look().await?;
            let name = match count.checked_sub(1).filter(|_| count > held.len()) {
                Some(last) => replayed[last].name.clone(),
                None => BEFORE.to_owned(),
            };
            is_filled |=
                count > held.len() && phase(told, new[count - held.len() - 1]) == Some(Phase::Backfill);
            let catalog = introspect(&session).await?;
            if count == replayed.len() {
                let seen = reading.seen(&catalog, &scope)?;
                let migration = Migration::between(&seen, end, reading.version);
                lacking = (!migration.steps.is_empty()).then(|| migration.script());
            }
            // Behind the last migration there may be one that nobody has written yet.
            let last = new.len() + usize::from(lacking.is_some());
            let about = about(clients, (&stops, &catalog), last, contract);
            let stop = Stop::at(&session, catalog, clients.all(), &about).await?.named(name);
            stops.push(if is_filled { stop.backfilled() } else { stop });
        }
        if let Some(script) = lacking {
            let session = self.history.copy(COPY).await?;
            if let Err(error) = session.send(&script).await {
                let what = failed(&error);
                return Err(Problem::new(format!(
                    "the migration that the history lacks to the schema {what}"
                ))
                .hint("write it with `underpin create`, and see there what stands in its way"));
            }
            let catalog = introspect(&session).await?;
            let about = about(clients, (&stops, &catalog), new.len() + 1, contract);
            stops.push(Stop::at(&session, catalog, clients.all(), &about).await?.named("schema.prisma"));
        }
        Ok(stops)
    }

    async fn finish(self) {
        self.history.finish().await;
    }
}

/// What each client is asked about in the next state. What a server says in a release's own state, it says again
/// wherever nothing is touched since.
fn about(
    clients: &Clients,
    (before, here): (&[Stop], &Catalog),
    last: usize,
    contract: Option<usize>,
) -> Vec<Option<Touched>> {
    let about = |lives: Lives| match before.get(lives.home) {
        _ if !lives.on.contains(&before.len()) => None,
        Some(home) => Some(Touched::between(&home.state.catalog, here)),
        None => Some(Touched::All),
    };
    clients.lives(last, contract).into_iter().map(about).collect()
}
