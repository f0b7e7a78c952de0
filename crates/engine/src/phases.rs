//! The proof of a plan: its phases on a throwaway server, before they are written.
//!
//! Behind the history the files of all phases end in the catalog in which Prisma's own migration would end, sent
//! whole and statement by statement; so nothing of ours is left. Each way back leads to the catalog before its
//! phase. Both releases run on every state on which the plan says that they do ([`crate::compat`]). What a plan is,
//! is [`underpin_core::recipe`]'s.

use underpin_catalog::object::ObjectKind;
use underpin_catalog::{Difference, Name, RelationName, Sql};
use underpin_core::recipe::Phased;
use underpin_core::rollout::Phase;
use underpin_prisma::PrismaCatalog;

use crate::compat::{Answer, Clients, contract, of_plan};
use crate::create::{Creation, Rehearsed};
use crate::problem::Problem;
use crate::prove::Unproven;

/// What was seen of a plan that is proven.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The way back from each phase.
    pub rehearsed: Rehearsed,
    /// Which release may run on which of its states.
    pub compat: Answer,
}

/// Tries the files of all phases, in their order, each under the name of its folder.
///
/// # Errors
/// When a file does not run, when they end elsewhere than Prisma's own migration or Prisma would find more to do,
/// when a release fails where the plan says that it runs, and those of the server.
pub async fn prove(
    creation: &Creation,
    phased: &Phased,
    (folders, files): (&[String], &[String]),
    clients: &Clients,
) -> Result<Proof, Problem> {
    let script = match phased.counting.as_slice() {
        [] => creation.migration().0.script(),
        counting => {
            let (before, after) =
                (uncounted(&creation.before, counting), uncounted(&creation.after, counting));
            creation.migration_between(&before, &after).script()
        }
    };
    let script = whole(&phased.around, &script);
    let phases = phased.phases.iter().map(|phase| phase.phase()).zip(folders.iter().cloned());
    let phases: Vec<(Phase, String)> = phases.collect();
    let witnesses = (clients, contract(&phases));
    let tried = creation.rehearse_phases(&script, files, &phased.refills, witnesses).await?;
    end_as_prisma_does(&tried.rehearsed, tried.ends)?;
    Ok(Proof { rehearsed: tried.rehearsed, compat: of_plan(clients, tried.stops, &phases)? })
}

fn end_as_prisma_does(rehearsed: &Rehearsed, ends: Result<(), Unproven>) -> Result<(), Problem> {
    if let Some(why) = &rehearsed.fails {
        return Err(unproven(format!("a phase does not run behind the history: {why}")));
    }
    if let Some(again) = &rehearsed.again {
        return Err(unproven(format!(
            "behind the last phase Prisma would find this to do:\n{}",
            again.trim_end()
        )));
    }
    match ends {
        Ok(()) => Ok(()),
        Err(Unproven::Server(error)) => Err(error.into()),
        Err(Unproven::Differs(mut found)) => {
            // PostgreSQL 18 names what makes a column NOT NULL after the table, once; nobody ever says the name.
            // And a column that took the place of another stands behind all others; nobody asks for a place.
            let has_own_name = |difference: &Difference| {
                difference.key.kind == ObjectKind::Constraint
                    && difference.key.identity.trim_end_matches('"').ends_with("_not_null")
            };
            found.retain(|difference| !difference.is_note() && !has_own_name(difference));
            if found.is_empty() {
                return Ok(());
            }
            let mut objects: Vec<String> =
                found.iter().map(|difference| difference.key.to_string()).collect();
            objects.sort();
            objects.dedup();
            Err(unproven(format!(
                "the phases do not leave {} as Prisma's own migration does",
                objects.join(", ")
            )))
        }
        Err(other) => Err(unproven(other.to_string())),
    }
}

/// A database in which these columns do not count.
fn uncounted(catalog: &PrismaCatalog, counting: &[(RelationName, Name)]) -> PrismaCatalog {
    let mut catalog = catalog.clone();
    for table in &mut catalog.tables {
        let is_it = |column: &Name| counting.iter().any(|(of, own)| *of == table.name && own == column);
        let columns = table.columns.iter_mut().filter(|column| is_it(&column.name));
        columns.for_each(|column| column.is_autoincrement = false);
    }
    catalog
}

/// Prisma's own migration with what has to stand before and behind it.
fn whole((before, behind): &(Vec<Sql>, Vec<Sql>), script: &str) -> String {
    let lines = |statements: &[Sql]| -> String {
        statements.iter().map(|statement| format!("{statement};\n")).collect()
    };
    format!("{}{script}{}", lines(before), lines(behind))
}

fn unproven(why: String) -> Problem {
    Problem::new(format!("the plan is not proven, and nothing is written: {why}"))
        .hint("write the phases by hand, and check them with underpin check")
}
