//! Which release may run on which state of a plan, and whether that is what the plan says.

use underpin_catalog::Catalog;
use underpin_core::compat::{Break, Cell, Certainty, Known, Operation, State, judge};
use underpin_core::rollout::Phase;
use underpin_prisma::ClientContract;

use super::BEFORE;
use super::answer::Answer;
use super::clients::Clients;
use super::stops::Stop;
use crate::problem::{Fault, Problem};

/// Judges clients on the states of a plan: the one before it, and behind each phase, by the folder's name.
///
/// # Errors
/// When one of the two releases fails where the plan says that it runs. What fails in the state that its release
/// was made for is not the plan's doing.
pub(crate) fn of_plan(
    clients: &Clients,
    stops: Vec<Stop>,
    phases: &[(Phase, String)],
) -> Result<Answer, Problem> {
    let filled = phases.iter().position(|(phase, _)| *phase == Phase::Backfill).map(|at| at + 1);
    let names = std::iter::once(BEFORE).chain(phases.iter().map(|(_, folder)| folder.as_str()));
    let stop = |(at, (stop, name)): (usize, (Stop, &str))| match filled.is_some_and(|filled| at >= filled) {
        true => stop.named(name).backfilled(),
        false => stop.named(name),
    };
    let stops = stops.into_iter().zip(names).enumerate().map(stop).collect();
    let answer = Answer::of(clients, stops, contract(phases));
    let failures = answer.failures().filter(|(cell, found)| {
        let home = answer.releases[cell.release].home;
        let at_home = answer.cells.iter().find(|one| (one.release, one.state) == (cell.release, home));
        !at_home.is_some_and(|home| home.breaks.iter().any(|other| other.is_same(found)))
    });
    let fault = |(cell, found): (&Cell, &Break)| {
        let operations: Vec<_> = found.operations.iter().copied().map(Operation::as_str).collect();
        let code = found.code.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
        Fault {
            place: format!("{} on {}", answer.releases[cell.release].name, answer.states[cell.state]),
            message: format!("{}: {}{code}: {}", found.about(), operations.join(", "), found.message),
            hint: found.instead.to_owned(),
        }
    };
    let faults: Vec<Fault> = failures.map(fault).collect();
    match faults.is_empty() {
        true => Ok(answer),
        false => Err(Problem {
            faults: faults.into(),
            ..Problem::new("the plan says that a release runs where it fails, and nothing is written")
        }),
    }
}

/// The state before the contract phase. It has the phase's place: before the first one there is one more.
pub(crate) fn contract(phases: &[(Phase, String)]) -> Option<usize> {
    phases.iter().position(|(phase, _)| *phase == Phase::Contract)
}

/// Whether a release can have been made for a database: nothing of what its client sends certainly fails there.
pub(crate) fn fits(contract: &ClientContract, catalog: &Catalog) -> bool {
    let here = State { name: String::new(), catalog: catalog.clone(), known: Known::of(catalog) };
    judge(contract, &here, &here).iter().all(|found| found.certainty != Certainty::Certain)
}
