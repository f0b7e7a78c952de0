//! Which release may run on which state of the database.
//!
//! A release is known by the contract of its Prisma Client, a state by its catalog. [`judge`] tells what of
//! the client's statements fails there, or can fail with the right rows; [`verify`] asks that of several
//! releases on several states in a row, for those states that each of them has to live through.
//!
//! It knows what the catalog says and what the schema says. What the application writes, which rows there
//! are, and what its raw queries name are not in either: where an answer depends on them, it is
//! [`Certainty::Depends`]. What was so already in the state that a release was made for is nobody's news and
//! is not told, unless it is certain.
//!
//! The types of values that a client can read and write are those of the real Prisma Client 7.10 and 6.19
//! with the adapter for `pg`, seen in what they did (`crates/engine/tests/it/compat.rs`).

mod breakage;
mod constraints;
mod fit;
mod held;
mod keys;
mod mirrors;
mod plans;
mod queries;
mod statements;
mod touched;
mod values;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use underpin_catalog::model::{Catalog, Table, Trigger, TriggerTiming};
use underpin_catalog::{Name, RelationName};
use underpin_prisma::ClientContract;

use crate::recipe::turned;
use crate::sync::is_sync_trigger;

pub use self::breakage::{Break, Certainty, Operation, Reason};
pub(crate) use self::fit::{Slip, field_in};
pub use self::plans::judge_step;
pub use self::queries::{Query, may_hold_queries, queries};
pub use self::statements::{Shape, shapes};
pub use self::touched::Touched;

/// A release, by what its client needs.
#[derive(Clone, Debug)]
pub struct Release {
    /// What it is called: `v1.2.0`, `the schema as it is now`.
    pub name: String,
    /// What its client needs.
    pub contract: ClientContract,
    /// The state that it was made for, by its place among the states.
    pub home: usize,
    /// The states that it has to live through, by their places.
    pub lives: RangeInclusive<usize>,
}

/// What a database is between two migrations.
#[derive(Clone, Debug)]
pub struct State {
    /// What it is called: `before`, or the last migration's folder.
    pub name: String,
    /// All that is in it.
    pub catalog: Catalog,
    /// What is known of it besides.
    pub known: Known,
}

/// What is known of a state beyond its catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Columns that a trigger fills: a row that leaves one out, or writes NULL, has a value when NOT NULL is
    /// checked.
    pub filled: BTreeSet<ColumnName>,
    /// Columns that have no NULL in any row although the catalog allows it.
    pub without_null: BTreeSet<ColumnName>,
    /// Values of enums that a trigger turns into others in every row that is written, by column.
    pub turned: BTreeSet<(ColumnName, String)>,
    /// Values that no row has although the type has them.
    pub without_value: BTreeSet<(ColumnName, String)>,
}

impl Known {
    /// What a catalog tells of itself: sync triggers fill the columns of their pairs.
    pub fn of(catalog: &Catalog) -> Self {
        let columns = |(table, found): (&RelationName, &Table)| {
            // Those that fire behind a statement fill another table.
            let fills = |trigger: &Trigger| trigger.timing == TriggerTiming::Before;
            let triggers =
                found.triggers.iter().filter(|(name, trigger)| is_sync_trigger(name) && fills(trigger));
            let columns: Vec<_> = triggers.flat_map(|(_, trigger)| trigger.columns.clone()).collect();
            columns.into_iter().map(|column| ColumnName { table: table.clone(), column }).collect::<Vec<_>>()
        };
        let values = |(table, found): (&RelationName, &Table)| {
            let turned = found.triggers.iter().filter_map(|(name, trigger)| {
                let column = trigger.columns.first()?.clone();
                Some((ColumnName { table: table.clone(), column }, turned(name, &trigger.definition)?))
            });
            turned.collect::<Vec<_>>()
        };
        Self {
            filled: catalog.tables.iter().flat_map(columns).collect(),
            turned: catalog.tables.iter().flat_map(values).collect(),
            ..Self::default()
        }
    }

    /// The same when the rows that were there before the triggers are filled too.
    #[must_use]
    pub fn backfilled(self) -> Self {
        Self { without_null: self.filled.clone(), without_value: self.turned.clone(), ..self }
    }
}

/// A column of a table, the namespace told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnName {
    /// The table.
    pub table: RelationName,
    /// The column.
    pub column: Name,
}

/// How a release fares on a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The release, by its place among those that were given.
    pub release: usize,
    /// The state, likewise.
    pub state: usize,
    /// Whether it has to run there.
    pub need: Need,
    /// What fails, or can.
    pub breaks: Vec<Break>,
}

/// Whether a release has to run on a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It comes later.
    NotYet,
    /// It runs there, or may.
    Lives,
    /// Nobody runs it any more.
    NoLonger,
}

/// The sum of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing fails.
    Runs,
    /// Something fails with the right rows or values.
    Depends,
    /// Something fails whatever the rows are.
    Breaks,
}

impl Cell {
    /// The worst of its breaks.
    pub fn verdict(&self) -> Verdict {
        let of = |found: &Break| match found.certainty {
            Certainty::Certain => Verdict::Breaks,
            Certainty::Depends => Verdict::Depends,
        };
        self.breaks.iter().map(of).max().unwrap_or(Verdict::Runs)
    }

    /// Whether the release has to run there and does not.
    pub fn is_no(&self) -> bool {
        self.need == Need::Lives && self.verdict() == Verdict::Breaks
    }
}

/// Every release on every state, in the order of the releases, then of the states. What a step between two
/// states does to prepared statements is told with the later one.
pub fn verify(states: &[State], releases: &[Release]) -> Vec<Cell> {
    let in_states =
        |release: &Release| states.iter().map(|state| absolute(&release.contract, state)).collect();
    let fails: Vec<Vec<Vec<Break>>> = releases.iter().map(in_states).collect();
    let cell = |release: usize, state: usize| {
        let (known, here) = (&releases[release], &states[state]);
        let need = match state {
            _ if state < *known.lives.start() => Need::NotYet,
            _ if state > *known.lives.end() => Need::NoLonger,
            _ => Need::Lives,
        };
        let there = &fails[release];
        let (home, at_home) =
            states.get(known.home).map_or((here, &there[state]), |home| (home, &there[known.home]));
        let mut breaks = judged(&known.contract, (home, at_home), (here, there[state].clone()));
        // Only who ran before the step has statements from before it.
        if let Some(before) = state.checked_sub(1).filter(|before| known.lives.contains(before)) {
            breaks.extend(judge_step(&known.contract, &states[before].catalog, &here.catalog));
        }
        Cell { release, state, need, breaks }
    };
    let all = (0..releases.len()).flat_map(|release| (0..states.len()).map(move |state| (release, state)));
    all.map(|(release, state)| cell(release, state)).collect()
}

/// What of a client's statements fails on a state, or can. `home` is the state that its release was made for.
pub fn judge(client: &ClientContract, home: &State, here: &State) -> Vec<Break> {
    judged(client, (home, &absolute(client, home)), (here, absolute(client, here)))
}

/// The same where it is known what fails in both, whatever the release was made for.
fn judged(
    client: &ClientContract,
    (home, at_home): (&State, &[Break]),
    (here, mut found): (&State, Vec<Break>),
) -> Vec<Break> {
    found.extend(constraints::judge(client, &home.catalog, here));
    found
        .retain(|one| one.certainty == Certainty::Certain || !at_home.iter().any(|other| one.is_same(other)));
    found
}

/// What fails, whatever the release was made for.
fn absolute(client: &ClientContract, state: &State) -> Vec<Break> {
    let mut found = Vec::new();
    for table in client.tables.values().filter(|table| !table.is_ignored) {
        values::judge(table, state, &mut found);
        keys::judge(table, &state.catalog, &mut found);
    }
    values::enums(client, state, &mut found);
    found
}
