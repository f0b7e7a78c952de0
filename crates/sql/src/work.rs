//! How long an effect works while it holds its locks, and whether it may be in a transaction.

use underpin_catalog::{Name, RelationName};

use crate::effect::{
    AddColumn, AddConstraint, ChangeRows, ColumnDefault, ConstraintKind, CreateIndex, CreateView, Effect,
    Generation, Reach, ReindexTarget, Rows, Using, Volatility,
};
use crate::names::proof_name;
use crate::step::Duration;
use crate::surroundings::{ConstraintFactsKind, RelationKind, Surroundings};
use crate::type_change::is_catalog_only;

impl Effect {
    /// How long the effect works on the rows that are there. For data, `Scan` says that it has to
    /// look for its rows, `Rewrite` that it writes every one.
    pub fn duration(&self, surroundings: &Surroundings) -> Duration {
        match self {
            Self::AddColumn(added) => added_column(added, surroundings),
            Self::AddConstraint(added) => added_constraint(added, surroundings),
            Self::ChangeColumnType { table, column, to, using, collation } => {
                let least = changed_type(table, column, &to.text, *using, surroundings);
                // Indexes are in the order of the collation.
                if *collation { least.max(Duration::Build) } else { least }
            }
            Self::SetNotNull { table, column } => {
                if is_not_null(surroundings, table, column) {
                    Duration::Instant
                } else {
                    Duration::Scan
                }
            }
            Self::ValidateConstraint { table, constraint } => {
                let done = surroundings
                    .relation(table)
                    .and_then(|facts| facts.constraint(constraint))
                    .is_some_and(|constraint| constraint.validated);
                if done { Duration::Instant } else { Duration::Scan }
            }
            Self::AlterConstraint { enforced: true, .. }
            | Self::AttachPartition { .. }
            | Self::Analyze { .. }
            | Self::Vacuum { full: false, .. }
            | Self::ConstrainDomain { checks: true, .. }
            | Self::RefreshView { concurrently: true, .. } => Duration::Scan,
            Self::MoveStorage { .. }
            | Self::ChangeGeneration { how: Generation::Expression, .. }
            | Self::Vacuum { full: true, .. }
            | Self::Cluster { .. }
            | Self::RefreshView { concurrently: false, .. } => Duration::Rewrite,
            Self::CreateIndex(created) if created.if_not_exists && exists(created, surroundings) => {
                Duration::Instant
            }
            Self::CreateIndex(created) => {
                let partitioned = surroundings
                    .relation(&created.table)
                    .is_some_and(|facts| facts.kind == RelationKind::Partitioned);
                if created.concurrently {
                    Duration::WaitsForSnapshots
                } else if created.only && partitioned {
                    Duration::Instant
                } else {
                    Duration::Build
                }
            }
            Self::Reindex { concurrently: true, .. }
            | Self::DropIndex { concurrently: true, .. }
            | Self::DetachPartition { concurrently: true, .. } => Duration::WaitsForSnapshots,
            Self::Reindex { concurrently: false, .. } => Duration::Build,
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
            Self::Insert { reads, .. } => {
                if reads.is_empty() {
                    Duration::Instant
                } else {
                    Duration::Unknown
                }
            }
            Self::Select { reads, calls, .. } => {
                if reads.is_empty() && calls.is_empty() {
                    Duration::Instant
                } else {
                    Duration::Unknown
                }
            }
            Self::CreateView(CreateView { materialized: true, with_data: true, .. })
            | Self::CreateTableAs { .. }
            | Self::Merge { .. }
            | Self::Copy { .. }
            | Self::Do(_)
            | Self::Call { .. }
            | Self::Server { .. }
            | Self::Unknown { .. } => Duration::Unknown,
            Self::CreateTable(_)
            | Self::DropTable { .. }
            | Self::RenameTable { .. }
            | Self::MoveTable { .. }
            | Self::DropColumn { .. }
            | Self::RenameColumn { .. }
            | Self::DropNotNull { .. }
            | Self::SetDefault { .. }
            | Self::DropDefault { .. }
            | Self::ChangeGeneration { .. }
            | Self::AlterConstraint { enforced: false, .. }
            | Self::DropConstraint { .. }
            | Self::RenameConstraint { .. }
            | Self::DropIndex { concurrently: false, .. }
            | Self::RenameIndex { .. }
            | Self::AlterIndex { .. }
            | Self::AlterTable { .. }
            | Self::DetachPartition { concurrently: false, .. }
            | Self::Inherit { .. }
            | Self::CreateView(_)
            | Self::CreateType { .. }
            | Self::CreateRoutine { .. }
            | Self::Create { .. }
            | Self::AlterSequence { .. }
            | Self::Alter { .. }
            | Self::ConstrainDomain { checks: false, .. }
            | Self::Rename { .. }
            | Self::Move { .. }
            | Self::Drop { .. }
            | Self::AddEnumValue { .. }
            | Self::RenameEnumValue { .. }
            | Self::CreateTrigger(_)
            | Self::DropTrigger { .. }
            | Self::RenameTrigger { .. }
            | Self::SwitchTrigger { .. }
            | Self::Policy { .. }
            | Self::Rule { .. }
            | Self::Register { .. }
            | Self::Comment { .. }
            | Self::Grant { .. }
            | Self::Set(_)
            | Self::TransactionControl(_)
            | Self::Truncate { .. }
            | Self::LockTable { .. } => Duration::Instant,
        }
    }

    /// Whether PostgreSQL refuses it in a transaction block, even one that several statements in one
    /// message make (SQLSTATE 25001).
    pub fn refuses_transaction(&self, surroundings: &Surroundings) -> bool {
        match self {
            Self::CreateIndex(created) => created.concurrently,
            Self::DropIndex { concurrently, .. } | Self::DetachPartition { concurrently, .. } => {
                *concurrently
            }
            Self::Reindex { target, concurrently } => {
                let partitioned = match target {
                    ReindexTarget::Everything => return true,
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

fn added_column(added: &AddColumn, surroundings: &Surroundings) -> Duration {
    let exists =
        surroundings.relation(&added.table).is_some_and(|facts| facts.column(&added.column).is_some());
    if added.if_not_exists && exists {
        return Duration::Instant;
    }
    // A domain with a constraint is rewritten for even without a default, up to 18.
    let constrained = added
        .to
        .user_defined
        .as_ref()
        .and_then(|name| surroundings.type_facts(name))
        .is_some_and(|facts| facts.constrained_domain);
    let default = match &added.default {
        _ if constrained => Duration::Rewrite,
        ColumnDefault::None | ColumnDefault::Constant => Duration::Instant,
        // STABLE is enough: the value is computed once, for all rows that are there.
        ColumnDefault::Calls(functions) if !any_volatile(functions, surroundings) => Duration::Instant,
        ColumnDefault::Calls(_)
        | ColumnDefault::Volatile
        | ColumnDefault::Serial
        | ColumnDefault::Identity
        | ColumnDefault::Stored => Duration::Rewrite,
        ColumnDefault::Virtual if added.not_null => Duration::Scan,
        ColumnDefault::Virtual => Duration::Instant,
    };
    let constraints = added.constraints.iter().map(|constraint| match constraint.kind {
        _ if constraint.not_enforced => Duration::Instant,
        ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude => Duration::Build,
        // A column of NULLs references nothing, so PostgreSQL does not look.
        ConstraintKind::ForeignKey { .. } if added.default == ColumnDefault::None => Duration::Instant,
        ConstraintKind::ForeignKey { .. } | ConstraintKind::Check | ConstraintKind::NotNull => Duration::Scan,
    });
    constraints.fold(default, Duration::max)
}

fn added_constraint(added: &AddConstraint, surroundings: &Surroundings) -> Duration {
    if added.not_valid || added.not_enforced {
        return Duration::Instant;
    }
    match (&added.kind, &added.using_index) {
        (ConstraintKind::Unique, Some(_)) => Duration::Instant,
        (ConstraintKind::PrimaryKey, Some(index)) => {
            let index = surroundings.index(&added.table.sibling(index.clone()));
            let proven = index.is_some_and(|index| {
                index.columns.iter().flatten().all(|column| is_not_null(surroundings, &added.table, column))
            });
            if proven { Duration::Instant } else { Duration::Scan }
        }
        (ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclude, _) => Duration::Build,
        (ConstraintKind::Check | ConstraintKind::ForeignKey { .. } | ConstraintKind::NotNull, _) => {
            Duration::Scan
        }
    }
}

fn changed_type(
    table: &RelationName,
    column: &Name,
    to: &str,
    using: Using,
    surroundings: &Surroundings,
) -> Duration {
    let Some(facts) = surroundings.relation(table) else { return Duration::Rewrite };
    let Some(before) = facts.column(column) else { return Duration::Rewrite };
    if using == Using::Expression || !is_catalog_only(&before.type_sql, to) {
        return Duration::Rewrite;
    }
    // Indexes on expressions and partial ones may read the column and are then built anew.
    let rebuilds = surroundings
        .indexes_of(table)
        .any(|(_, index)| index.partial || index.columns.iter().any(Option::is_none));
    if rebuilds {
        return Duration::Build;
    }
    let checked = facts.constraints.iter().any(|constraint| {
        matches!(constraint.kind, ConstraintFactsKind::Check) && constraint.columns.contains(column)
    });
    if checked { Duration::Scan } else { Duration::Instant }
}

fn changed_rows(changed: &ChangeRows, surroundings: &Surroundings) -> Duration {
    match &changed.rows {
        Rows::All => Duration::Rewrite,
        Rows::Filtered => Duration::Scan,
        Rows::Constants(columns) => {
            let by_key = surroundings.relation(&changed.table).is_some_and(|facts| {
                let held =
                    |key: &[Name]| !key.is_empty() && key.iter().all(|column| columns.contains(column));
                held(&facts.primary_key)
                    || facts.constraints.iter().any(|constraint| {
                        constraint.kind == ConstraintFactsKind::Unique && held(&constraint.columns)
                    })
            });
            if by_key { Duration::Instant } else { Duration::Scan }
        }
    }
}
