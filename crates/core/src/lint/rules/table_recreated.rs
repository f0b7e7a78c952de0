//! `table-recreated`: a file drops a table and makes one like it, under the same name or another.

use underpin_catalog::RelationName;
use underpin_sql::Effect;
use underpin_sql::effect::CreateTable;

use super::super::case::Case;
use super::super::finding::{Confidence, Finding, Severity};
use super::column_recreated::are_alike;

pub(super) const NAME: &str = "table-recreated";

/// Tables of names that are alike: so many columns of the smaller one must be in the other, by name and type.
const SHARE_MIN: f64 = 0.5;

/// Of names that are not alike: so many of the larger one. Most tables have `id`, `createdAt`, `updatedAt` and
/// `userId` in common.
const SHARE_OF_STRANGERS_MIN: f64 = 0.85;

/// Fewer columns than these in common say nothing about strangers.
const COMMON_OF_STRANGERS_MIN: usize = 6;

/// A file that makes more tables is no rename.
const CANDIDATES_MAX: usize = 50;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::DropTable { table, .. } = act.effect else { continue };
        let table = case.world.facts().resolve(table);
        if !case.is_used(&table) || is_copied(case, &table) {
            continue;
        }
        let Some(made) = successor(case, &table) else { continue };
        let like = match case.world.facts().new_name(&made.table) == table {
            true => "made again".to_owned(),
            false => format!("{} is made with the same columns", case.shown(&made.table)),
        };
        let message = format!(
            "{} is dropped and {like}: if the rows should live on, they are lost{}",
            case.shown(&table),
            case.rows(&table)
        );
        found.push(
            case.tell(NAME, Severity::Caution, message)
                .about(case.shown(&table))
                .sure(case.confidence(&table).min(Confidence::Medium))
                .instead(
                    "keep the table and map the model to it with @@map; or copy the rows before the drop",
                )
                .done(),
        );
    }
}

/// The new table that is like the dropped one, or is called so.
fn successor<'a>(case: &Case<'a>, table: &RelationName) -> Option<&'a CreateTable> {
    let facts = case.world.facts();
    let effects = case.file.statements.iter().flat_map(|statement| &statement.effects);
    let known = facts.relation(table);
    let mut strangers = 0;
    effects.into_iter().find_map(|effect| {
        let Effect::CreateTable(made) = effect else { return None };
        if made.table.name == table.name && facts.new_name(&made.table) == *table {
            return Some(made);
        }
        strangers += 1;
        if strangers > CANDIDATES_MAX {
            return None;
        }
        let known = known?;
        let is_same = |column: &&underpin_sql::ColumnFacts| {
            made.columns.iter().any(|new| {
                new.column == column.name
                    && (new.to.text == column.type_sql || new.to.text.contains("serial"))
            })
        };
        let common = known.columns.iter().filter(is_same).count();
        let (few, many) =
            (known.columns.len().min(made.columns.len()), known.columns.len().max(made.columns.len()));
        let share = |of: usize| common as f64 / of.max(1) as f64;
        let is_like = match are_alike(table.name.as_str(), made.table.name.as_str()) {
            true => share(few) >= SHARE_MIN,
            false => common >= COMMON_OF_STRANGERS_MIN && share(many) >= SHARE_OF_STRANGERS_MIN,
        };
        is_like.then_some(made)
    })
}

/// The file reads the table before it drops it, so its rows are where they should be.
fn is_copied(case: &Case<'_>, table: &RelationName) -> bool {
    let facts = case.world.facts();
    let reads = |effect: &Effect| match effect {
        Effect::Insert { reads, .. } | Effect::CreateTableAs { reads, .. } | Effect::Merge { reads, .. } => {
            reads.iter().any(|read| facts.resolve(read) == *table)
        }
        Effect::Update(changed) => changed.reads.iter().any(|read| facts.resolve(read) == *table),
        Effect::Do(_) => true,
        _ => false,
    };
    case.file.statements[..case.at].iter().flat_map(|statement| &statement.effects).any(reads)
}
