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

use std::collections::BTreeSet;
use std::path::Path;

use underpin_core::rollout::{Directives, Phase};
use underpin_prisma::migrate::Migration;

pub use self::answer::{Answer, Unknown};
pub(crate) use self::clients::Client;
pub use self::clients::Clients;
pub(crate) use self::of_plan::{fits, of_plan};
pub use self::probes::{Refusal, probe};
pub(crate) use self::stops::Stop;
use crate::files::{SCRIPT, normal};
use crate::introspect::introspect;
use crate::problem::Problem;
use crate::project::Project;
use crate::project::releases::{At, Basis, Deployed};
use crate::shadow_history::{Replayed, ShadowHistory, failed, wanted};
use crate::state::{Reading, Told, migrations};

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
    told.check_syntax()?;
    let (held, new) = split(&told, &deployed.held(&folder)?, &folder);
    let clients = Clients::of(&deployed, project, reading)?;

    let mut walk = Walk::new(reading);
    let walked = walk.states(&told, (&held, &new), clients.all(), reading, &schema, &wanted_end).await;
    walk.finish().await;
    // A contract phase waits until nobody runs the old release any more, and the new one runs before it.
    let contract = new.iter().position(|at| phase(&told, *at) == Some(Phase::Contract));
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
    ) -> Result<Vec<Stop>, Problem> {
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
                None => BEFORE.to_owned(),
            };
            is_filled |=
                count > held.len() && phase(told, new[count - held.len() - 1]) == Some(Phase::Backfill);
            let stop = Stop::at(&session, introspect(&session).await?, clients).await?.named(name);
            stops.push(if is_filled { stop.backfilled() } else { stop });
        }
        let last = &stops.last().expect("there is one before the first new migration").state;
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
            let catalog = introspect(&session).await?;
            stops.push(Stop::at(&session, catalog, clients).await?.named("schema.prisma"));
        }
        Ok(stops)
    }

    async fn finish(self) {
        self.history.finish().await;
    }
}
