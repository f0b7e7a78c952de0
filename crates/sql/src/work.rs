//! What an effect does to the rows that are there, how long that takes, and whether it may be in a
//! transaction.

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use crate::claims::Claims;
use crate::effect::{
    ChangeRows, CreateIndex, CreateView, Detach, Effect, Reach, ReindexTarget, Rows, Volatility,
};
use crate::names::proof_name;
use crate::step::{Duration, LockClaim};
use crate::surroundings::{ConstraintFactsKind, RelationKind, Surroundings};

/// What is done to one relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Work {
    /// A table, index, sequence or materialized view.
    pub relation: RelationName,
    /// What is done.
    pub kind: WorkKind,
}

/// What is done to a relation, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// It gets a new, empty file: an instant.
    Replace,
    /// Rows of another table are looked up in it, one by one or, as the planner likes, by reading it once.
    LookUp,
    /// It is read from end to end.
    Scan,
    /// It is read from end to end, and an index on it is built.
    Build,
    /// The answer of a query is written into a new file.
    Fill,
    /// It is written anew, row by row or entry by entry.
    Rewrite,
}

impl Effect {
    /// What it does to relations that are there, each work once, in name order. A table that is known to be
    /// empty is claimed like any other.
    pub fn work(&self, surroundings: &Surroundings) -> Vec<Work> {
        Claims::of([self], surroundings).work()
    }

    /// How long the effect works on the rows that are there. For data, `Scan` says that it has to
    /// look for its rows, `Rewrite` that it writes every one.
    pub fn duration(&self, surroundings: &Surroundings) -> Duration {
        self.duration_of(surroundings, || self.work(surroundings))
    }

    /// Its locks and its duration, for who wants both: what they follow from is found once.
    pub fn locks_and_duration(&self, surroundings: &Surroundings) -> (Vec<LockClaim>, Duration) {
        let (locks, work) = Claims::of([self], surroundings).locks_and_work();
        (locks, self.duration_of(surroundings, || work))
    }

    fn duration_of(&self, surroundings: &Surroundings, work: impl FnOnce() -> Vec<Work>) -> Duration {
        match self {
            Self::CreateIndex(created) if created.if_not_exists && exists(created, surroundings) => {
                Duration::Instant
            }
            Self::CreateIndex(CreateIndex { concurrently: true, .. })
            | Self::Reindex { concurrently: true, .. }
            | Self::DropIndex { concurrently: true, .. }
            | Self::DetachPartition { how: Detach::Concurrently, .. } => Duration::WaitsForSnapshots,
            Self::Update(changed) | Self::Delete(changed) => changed_rows(changed, surroundings),
            Self::Do(program) if program.opaque.is_empty() => program
                .statements
                .iter()
                .map(|statement| match statement.reach {
                    Reach::Once | Reach::IfNeeded | Reach::Perhaps => {
                        let each = statement.effects.iter().map(|effect| effect.duration(surroundings));
                        each.fold(Duration::Instant, Duration::max)
                    }
                    Reach::Repeatedly => Duration::Unknown,
                })
                .fold(Duration::Instant, Duration::max),
            Self::Insert { reads, .. } if reads.is_empty() => Duration::Instant,
            Self::Select { reads, calls, .. } if reads.is_empty() && calls.is_empty() => Duration::Instant,
            Self::Insert { .. }
            | Self::Select { .. }
            | Self::CreateView(CreateView { materialized: true, with_data: true, .. })
            | Self::CreateTableAs { .. }
            | Self::Merge { .. }
            | Self::Copy { .. }
            | Self::Do(_)
            | Self::Call { .. }
            | Self::Server { .. }
            | Self::Unknown { .. } => Duration::Unknown,
            // Of these the least is known without any facts.
            Self::Analyze { .. }
            | Self::Vacuum { full: false, .. }
            | Self::AlterConstraint { enforced: Some(true), .. }
            | Self::ConstrainDomain { checks: true, .. } => Duration::Scan,
            Self::Reindex { .. } => Duration::Build,
            Self::Vacuum { full: true, .. } | Self::Cluster { .. } => Duration::Rewrite,
            _ => work().iter().map(|work| work.kind.duration()).max().unwrap_or(Duration::Instant),
        }
    }

    /// Whether PostgreSQL refuses it in a transaction block, even one that several statements in one
    /// message make (SQLSTATE 25001).
    pub fn refuses_transaction(&self, surroundings: &Surroundings) -> bool {
        match self {
            Self::CreateIndex(created) => created.concurrently,
            Self::DropIndex { concurrently, .. } => *concurrently,
            Self::DetachPartition { how, .. } => *how == Detach::Concurrently,
            Self::Reindex { target, concurrently } => {
                let partitioned = match target {
                    ReindexTarget::Schema(_) | ReindexTarget::Everything | ReindexTarget::Catalogs => {
                        return true;
                    }
                    ReindexTarget::Table(table) => surroundings
                        .relation(table)
                        .is_some_and(|facts| facts.kind == RelationKind::Partitioned),
                    ReindexTarget::Index(index) => {
                        surroundings.index(index).is_some_and(|facts| facts.partitioned)
                    }
                };
                *concurrently || partitioned
            }
            Self::Vacuum { .. } | Self::Server { .. } => true,
            Self::Do(program) => program.commits,
            Self::Cluster { table } => table.is_none(),
            _ => false,
        }
    }
}

impl WorkKind {
    /// How long it takes, as a class.
    pub fn duration(self) -> Duration {
        match self {
            Self::Replace => Duration::Instant,
            Self::LookUp | Self::Scan => Duration::Scan,
            Self::Build => Duration::Build,
            Self::Fill | Self::Rewrite => Duration::Rewrite,
        }
    }
}

/// NULL is refused already, or a validated check says so (which spares `SET NOT NULL` the scan
/// since PostgreSQL 12). The check of our own twin does not count: it is there when an interrupted
/// run is planned again, and the twin still has to take it away.
pub(crate) fn is_not_null(surroundings: &Surroundings, table: &RelationName, column: &Name) -> bool {
    let Some(facts) = surroundings.relation(table) else { return false };
    facts.column(column).is_some_and(|column| column.not_null)
        || facts.constraints.iter().any(|constraint| {
            constraint.kind == ConstraintFactsKind::Check
                && constraint.validated
                && constraint.name != proof_name(table, column)
                && constraint.proves_not_null.contains(column)
        })
}

fn exists(created: &CreateIndex, surroundings: &Surroundings) -> bool {
    let index = |name| surroundings.index(&surroundings.resolve(&created.table).sibling(name));
    created.name.clone().and_then(index).is_some_and(|index| index.valid)
}

/// Whether one of the functions may answer differently for each row. One that nobody knows may.
pub(crate) fn any_volatile(functions: &[RelationName], surroundings: &Surroundings) -> bool {
    functions
        .iter()
        .any(|function| surroundings.volatility(function).is_none_or(|known| known == Volatility::Volatile))
}

fn changed_rows(changed: &ChangeRows, surroundings: &Surroundings) -> Duration {
    match &changed.rows {
        Rows::All => Duration::Rewrite,
        Rows::Filtered => Duration::Scan,
        Rows::Constants(columns) => {
            let held = |key: &[Name]| !key.is_empty() && key.iter().all(|column| columns.contains(column));
            let known = surroundings.relation(&changed.table);
            let by_known_key = known.is_some_and(|facts| {
                held(&facts.primary_key)
                    || facts.constraints.iter().any(|constraint| {
                        constraint.kind == ConstraintFactsKind::Unique && held(&constraint.columns)
                    })
            });
            // Of a table that nobody has looked at, `id` is the key: so it is called wherever nobody thinks of another.
            let unseen = known.is_none_or(|facts| !facts.whole && facts.primary_key.is_empty());
            let by_key = by_known_key || (unseen && columns.iter().any(|column| column.as_str() == "id"));
            if by_key { Duration::Instant } else { Duration::Scan }
        }
    }
}
