//! What the running application notices of an effect: that it breaks, or that it waits.

use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{AddColumn, ColumnDefault, ObjectKind, ReindexTarget, Using};
use underpin_sql::{ConstraintFactsKind, Duration, Effect};

use crate::reason::ReasonCode;
use crate::rollout::Gone;
use crate::world::World;

/// Work that others would wait for.
#[derive(Debug)]
pub(crate) struct Noticed {
    /// What it is.
    pub(crate) code: ReasonCode,
    /// On what.
    pub(crate) relation: RelationName,
}

/// A client of the release that runs would break.
#[derive(Debug)]
pub(crate) struct Broken {
    /// By what.
    pub(crate) code: ReasonCode,
    /// On what.
    pub(crate) relation: RelationName,
    /// What happens: to the relation, when that itself goes, gets another name or loses its rows; else what
    /// happens to what part of it.
    what: String,
    /// What clients do not find any more under this name, or in this form.
    pub(crate) gone: Option<Gone>,
}

impl Broken {
    /// What happens and to which relation, as the beginning of a sentence. `shown` is how the relation is told.
    pub(crate) fn said(&self, shown: &str) -> String {
        match self.code {
            ReasonCode::DropTable | ReasonCode::RenameTable | ReasonCode::Truncate => {
                format!("table {shown} {}", self.what)
            }
            _ => format!("{} on {shown}", self.what),
        }
    }
}

/// How an effect breaks clients of the release that runs, whatever its twin.
pub(crate) fn broken(effect: &Effect, world: &World) -> Option<Broken> {
    let refuse = |code, relation: &RelationName, what: String, gone: Option<Gone>| {
        (!world.is_exempt(relation)).then(|| Broken { code, relation: relation.clone(), what, gone })
    };
    let column_of = |table: &RelationName, column: &Name| {
        Some(Gone::Column { table: table.clone(), column: column.clone() })
    };
    // No client knows the table, and the statement fails on the rows that it has.
    let fails = |added: &AddColumn| {
        let code = ReasonCode::RequiredColumnWithoutDefault;
        let what = format!("column {} is added NOT NULL and without a default", added.column.as_str());
        Some(Broken { code, relation: added.table.clone(), what, gone: None })
    };
    let facts = world.facts();
    match effect {
        // A column that no client knows yet.
        Effect::DropColumn { table, column, .. }
        | Effect::RenameColumn { table, column, .. }
        | Effect::ChangeColumnType { table, column, .. }
            if world.is_new_column(table, column) =>
        {
            None
        }
        Effect::DropTable { table, .. } => {
            let gone = Some(Gone::Table(table.clone()));
            refuse(ReasonCode::DropTable, table, "is dropped".to_owned(), gone)
        }
        Effect::RenameTable { table, to } => {
            let gone = Some(Gone::Table(table.clone()));
            refuse(ReasonCode::RenameTable, table, format!("is renamed to {}", to.as_str()), gone)
        }
        Effect::MoveTable { table, namespace } => {
            let gone = Some(Gone::Table(table.clone()));
            let what = format!("moves to namespace {}", namespace.as_str());
            refuse(ReasonCode::RenameTable, table, what, gone)
        }
        Effect::DropColumn { table, column, .. } if is_known(world, table, column) => {
            let what = format!("column {} is dropped", column.as_str());
            refuse(ReasonCode::DropColumn, table, what, column_of(table, column))
        }
        Effect::RenameColumn { table, column, to } => refuse(
            ReasonCode::RenameColumn,
            table,
            format!("column {} is renamed to {}", column.as_str(), to.as_str()),
            column_of(table, column),
        ),
        Effect::ChangeColumnType { table, column, to, using, collation } => {
            let same = *using != Using::Expression
                && !collation
                && facts
                    .relation(table)
                    .and_then(|facts| facts.column(column))
                    .is_some_and(|column| column.type_sql == to.text);
            if same {
                return None;
            }
            refuse(
                ReasonCode::ChangeType,
                table,
                format!("column {} gets the type {}", column.as_str(), to.text),
                column_of(table, column),
            )
        }
        Effect::AddColumn(added)
            if added.not_null
                && added.default == ColumnDefault::None
                && world.is_new_with_rows(&added.table) =>
        {
            fails(added)
        }
        Effect::AddColumn(added)
            if added.not_null
                && added.default == ColumnDefault::None
                && facts.relation(&added.table).is_none_or(|facts| facts.column(&added.column).is_none()) =>
        {
            refuse(
                ReasonCode::RequiredColumnWithoutDefault,
                &added.table,
                format!("column {} is added NOT NULL and without a default", added.column.as_str()),
                None,
            )
        }
        // The same in two steps: no client can know the column before this file is applied.
        Effect::SetNotNull { table, column }
            if world.is_new_column(table, column)
                && facts
                    .relation(table)
                    .and_then(|facts| facts.column(column))
                    .is_some_and(|column| !column.has_default)
                && !facts.trigger_names_column(table, column) =>
        {
            refuse(
                ReasonCode::RequiredColumnWithoutDefault,
                table,
                format!(
                    "column {} is added and made NOT NULL in one file, without a default",
                    column.as_str()
                ),
                None,
            )
        }
        // And with a default that filled the rows which were there, and goes before a client knows the column.
        Effect::DropDefault { table, column }
            if world.is_new_column(table, column)
                && facts
                    .relation(table)
                    .and_then(|facts| facts.column(column))
                    .is_some_and(|column| column.not_null && column.has_default)
                && !facts.trigger_names_column(table, column) =>
        {
            refuse(
                ReasonCode::RequiredColumnWithoutDefault,
                table,
                format!("column {} is added NOT NULL and loses its default in one file", column.as_str()),
                None,
            )
        }
        Effect::DropIndex { index, .. } => {
            let index_facts = facts.index(index)?;
            let columns: Vec<Name> = index_facts.columns.iter().cloned().collect::<Option<_>>()?;
            if !index_facts.unique
                || index_facts.partial
                || is_unique_otherwise(world, &index_facts.table, &columns, Some(index))
            {
                return None;
            }
            refuse(
                ReasonCode::DropUnique,
                &index_facts.table,
                format!("unique index {} is dropped", index.shown()),
                Some(Gone::Index(index_facts.table.sibling(index.name.clone()))),
            )
        }
        Effect::DropConstraint { table, constraint, .. } => {
            let known = facts.relation(table)?.constraint(constraint)?;
            let unique = matches!(known.kind, ConstraintFactsKind::Unique | ConstraintFactsKind::PrimaryKey);
            let own_index = table.sibling(constraint.clone());
            if !unique || is_unique_otherwise(world, table, &known.columns, Some(&own_index)) {
                return None;
            }
            refuse(
                ReasonCode::DropUnique,
                table,
                format!("unique constraint {} is dropped", constraint.as_str()),
                Some(Gone::Index(table.sibling(constraint.clone()))),
            )
        }
        Effect::Drop { kind: ObjectKind::Type | ObjectKind::Domain, name, .. } => {
            let user = noticed_user(world, name)?;
            let gone = Some(Gone::Type(name.clone()));
            refuse(ReasonCode::DropType, &user, format!("type {} is dropped", name.shown()), gone)
        }
        Effect::Rename { kind: ObjectKind::Type | ObjectKind::Domain, name, to } => {
            let user = noticed_user(world, name)?;
            refuse(
                ReasonCode::RenameType,
                &user,
                format!("type {} is renamed to {}", name.shown(), to.as_str()),
                Some(Gone::Type(name.clone())),
            )
        }
        Effect::RenameEnumValue { name, value, to } => {
            let user = noticed_user(world, name)?;
            refuse(
                ReasonCode::RenameEnumValue,
                &user,
                format!("value {value} of type {} is renamed to {to}", name.shown()),
                Some(Gone::Type(name.clone())),
            )
        }
        Effect::Truncate { table, .. } => {
            refuse(ReasonCode::Truncate, table, "loses all its rows".to_owned(), None)
        }
        _ => None,
    }
}

/// Work on a relation that others use, for as long as it is large, while they wait.
pub(crate) fn noticed(effect: &Effect, world: &World) -> Option<Noticed> {
    noticed_while(effect, world, || {
        let (locks, duration) = effect.locks_and_duration(world.facts());
        (locks.iter().any(|claim| claim.mode.blocks_application()), duration)
    })
}

/// The same, where it is known whether one of its locks keeps the application waiting, and how long it works.
pub(crate) fn noticed_while(
    effect: &Effect,
    world: &World,
    blocks_for: impl FnOnce() -> (bool, Duration),
) -> Option<Noticed> {
    let facts = world.facts();
    if let Effect::ConstrainDomain { name, checks: true } = effect {
        let unseen = !facts.complete && facts.type_facts(name).is_none();
        let relation = noticed_user(world, name).or_else(|| unseen.then(|| name.clone()))?;
        return Some(Noticed { code: ReasonCode::TableScan, relation });
    }
    let relation = match effect {
        // The partition is searched, not its parent.
        Effect::AttachPartition { partition, .. } => Some(partition.clone()),
        _ => effect.table().cloned(),
    };
    let relation = relation.or_else(|| match effect {
        Effect::Reindex { target: ReindexTarget::Index(index), .. } => match facts.index(index) {
            Some(index) => Some(index.table.clone()),
            None => (!facts.complete).then(|| index.clone()),
        },
        _ => None,
    })?;
    if world.is_exempt(&relation) {
        return None;
    }
    let (waits, duration) = blocks_for();
    let code = match (effect, duration) {
        (_, Duration::Instant | Duration::WaitsForSnapshots)
            if !matches!(effect, Effect::LockTable { .. }) =>
        {
            return None;
        }
        (Effect::LockTable { mode, .. }, _) if !mode.blocks_application() => return None,
        (Effect::LockTable { .. }, _) => ReasonCode::LockTable,
        (Effect::Update(_) | Effect::Merge { .. }, _) => ReasonCode::BulkUpdate,
        (Effect::Delete(_), _) => ReasonCode::BulkDelete,
        (Effect::ChangeColumnType { .. }, _) => ReasonCode::ChangeType,
        _ if !waits => return None,
        (_, Duration::Build) => ReasonCode::IndexBuild,
        (_, Duration::Scan) => ReasonCode::TableScan,
        (_, Duration::Rewrite) => ReasonCode::Rewrite,
        (_, Duration::Unknown | Duration::Instant | Duration::WaitsForSnapshots) => return None,
    };
    Some(Noticed { code, relation })
}

/// What can be had without anybody waiting: `DROP INDEX`; and an `INSERT` that may lock the rows that it reads, one
/// after the other until it ends.
pub(crate) fn has_lighter_twin(effect: &Effect, world: &World) -> bool {
    match effect {
        Effect::DropIndex { index, concurrently: false, .. } => {
            world.facts().index(index).is_some_and(|facts| !world.is_exempt(&facts.table))
        }
        Effect::Insert { reads, .. } => reads.iter().any(|table| {
            let table = world.facts().resolve(table);
            world.is_known(&table) && !world.is_new(&table) && !world.is_exempt(&table)
        }),
        _ => false,
    }
}

/// The column was there before this file, as far as we know.
fn is_known(world: &World, table: &RelationName, column: &Name) -> bool {
    world.facts().relation(table).is_none_or(|facts| !facts.whole || facts.column(column).is_some())
}

/// Whether something else still keeps these columns unique, as `ON CONFLICT` needs it.
fn is_unique_otherwise(
    world: &World,
    table: &RelationName,
    columns: &[Name],
    except: Option<&RelationName>,
) -> bool {
    let facts = world.facts();
    let same =
        |others: &[Name]| others.len() == columns.len() && others.iter().all(|other| columns.contains(other));
    let except = except.map(|name| facts.resolve(name));
    let by_index = facts.indexes_of(table).any(|(name, index)| {
        Some(name) != except.as_ref()
            && index.unique
            && index.valid
            && !index.partial
            && index.columns.iter().cloned().collect::<Option<Vec<_>>>().is_some_and(|others| same(&others))
    });
    let by_constraint = facts.relation(table).is_some_and(|table_facts| {
        table_facts.constraints.iter().any(|constraint| {
            let own = facts.resolve(table).sibling(constraint.name.clone());
            Some(&own) != except.as_ref()
                && matches!(constraint.kind, ConstraintFactsKind::Unique | ConstraintFactsKind::PrimaryKey)
                && same(&constraint.columns)
        })
    });
    by_index || by_constraint
}

/// A table that uses the type and whose users would notice.
fn noticed_user(world: &World, name: &RelationName) -> Option<RelationName> {
    if world.is_new_type(name) {
        return None;
    }
    world.facts().type_facts(name)?.used_by.iter().find(|user| !world.is_exempt(user)).cloned()
}
