//! What Prisma does not see and what would break: views, policies, indexes by expression, triggers, generated
//! columns and checks that name a column which goes. PostgreSQL refuses some of it, drops some with the column,
//! and lets the body of a function break later; each stops the plan, before anything is written.

use underpin_catalog::model::{RoutineBody, TableKind};
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Name, RelationName};
use underpin_prisma::migrate::{Fate, Migration, mentions};

use super::draft::Draft;
use super::{Refusal, Stop, swap, swap_keys};
use crate::rollout::Gone;
use crate::sync::is_sync_trigger;

/// Looks for it.
///
/// # Errors
/// Refusals.
pub(super) fn check(draft: &Draft<'_>) -> Result<(), Stop> {
    let mut refusals = Vec::new();
    let (left, swapped) = (swap::without_old(draft), swap::swapped(draft));
    let swap = Migration::between(&draft.filled, &left, draft.case.version);
    let migration = Migration::between(&swapped, draft.case.after, draft.case.version);
    let of = |migration: &Migration<'_>| migration.protected(draft.case.catalog, draft.case.scope);
    for protected in of(&swap).into_iter().chain(of(&migration)) {
        let (on, why) = match protected.fate {
            Fate::InTheWay(on) => (on, "uses it, and PostgreSQL does not let it go"),
            Fate::GoesWith(on) if on.kind == ObjectKind::Column => {
                (on, "goes with it, and no Prisma schema can bring it back")
            }
            Fate::GoesWith(_) | Fate::Untouched | Fate::Dropped => continue,
        };
        refusals.push(Refusal {
            about: on.to_string(),
            why: format!("{} {why}", protected.object),
            instead: format!(
                "drop {} in a migration of its own before, and make it again behind the rollout",
                protected.object
            ),
        });
    }
    for (table, column) in columns(draft) {
        let Some(found) = draft.case.catalog.tables.get(table) else { continue };
        for trigger in found.triggers.values() {
            let Some(routine) = draft.case.catalog.routines.get(&trigger.function) else { continue };
            let RoutineBody::Definition(text) = &routine.body else { continue };
            if mentions(text, column) {
                let key = ObjectKey::new(ObjectKind::Routine, trigger.function.to_string());
                refusals.push(Refusal {
                    about: format!("column {}.{column}", table.shown()),
                    why: format!("{key}, which a trigger of the table calls, names it: every write would fail when it is gone"),
                    instead: "change the function so that it does not name the column, in a migration of its own".to_owned(),
                });
            }
        }
    }
    for table in touched(draft) {
        let Some(found) = draft.case.catalog.tables.get(&table) else { continue };
        let ours = |name: &&Name| is_sync_trigger(name);
        if let Some(trigger) = found.triggers.keys().find(ours) {
            refusals.push(Refusal {
                about: format!("table {}", table.shown()),
                why: format!("a rollout of it has not ended in the history: its trigger {trigger} is there"),
                instead: "finish that rollout first: its contract belongs in the history before the next one"
                    .to_owned(),
            });
        }
        if let TableKind::Partitioned { partition_key } = &found.kind {
            let of_table = draft.pairs.iter().filter(|(own, _)| *own == table);
            for shape in of_table.flat_map(|(_, pair)| &pair.before) {
                if mentions(partition_key, &shape.column) {
                    refusals.push(Refusal {
                        about: format!("column {}.{}", table.shown(), shape.column),
                        why: "its table is divided by it, and no trigger may move a row to another partition"
                            .to_owned(),
                        instead: "keep the column's name in the database with @map".to_owned(),
                    });
                }
            }
        }
        if !draft.pairs.is_empty() && found.partition_of.is_some() {
            refusals.push(Refusal {
                about: format!("table {}", table.shown()),
                why: "it is a partition".to_owned(),
                instead: "change the partitioned table; its partitions follow".to_owned(),
            });
        }
    }
    refusals.extend(draft.exchanges.iter().flat_map(|exchange| exchange.in_the_way(draft)));
    refusals.extend(swap_keys::in_the_way(draft));
    for table in draft.crossings.iter().flat_map(|crossing| crossing.across.tables()) {
        let Some(found) = draft.case.catalog.tables.get(table) else { continue };
        let why = if found.force_row_security {
            "its row security binds its owner too, and with it the triggers that follow from one table to another"
        } else if matches!(found.kind, TableKind::Partitioned { .. }) || found.partition_of.is_some() {
            "it is divided into partitions, and a row that moves to another one is deleted and inserted for the triggers that follow from one table to another"
        } else {
            continue;
        };
        refusals.push(Refusal {
            about: format!("table {}", table.shown()),
            why: why.to_owned(),
            instead:
                "write both places in a release of its own, and drop the old one in a rollout of its own"
                    .to_owned(),
        });
    }
    for (from, to) in &draft.base.renamed {
        let is_changed = touched(draft).contains(to) || columns(draft).any(|(table, _)| table == to);
        if is_changed {
            refusals.push(Refusal {
                about: format!("table {}", from.shown()),
                why: "it gets another name, and columns of it go or have to be filled at once".to_owned(),
                instead: "rename the table first, and change its columns in a rollout of its own".to_owned(),
            });
        }
    }
    refusals.sort();
    refusals.dedup();
    match refusals.is_empty() {
        true => Ok(()),
        false => Err(Stop::Refuses(refusals)),
    }
}

/// The columns that go.
pub(super) fn columns<'a>(draft: &'a Draft<'_>) -> impl Iterator<Item = (&'a RelationName, &'a Name)> {
    draft.gone.iter().filter_map(|gone| match gone {
        Gone::Column { table, column } => {
            let stays = draft.case.after.table(table).is_some_and(|after| after.column(column).is_some());
            (!stays).then_some((table, column))
        }
        Gone::Table(_)
        | Gone::Index(_)
        | Gone::Type(_)
        | Gone::SwappedColumn { .. }
        | Gone::SwappedType { .. } => None,
    })
}

/// The tables that get triggers.
fn touched(draft: &Draft<'_>) -> Vec<RelationName> {
    let kept = draft.keeps.iter().map(|keep| &keep.table);
    let kept = kept.chain(draft.turns.iter().map(|turn| &turn.table));
    let mut tables: Vec<RelationName> = draft
        .pairs
        .iter()
        .map(|(table, _)| table)
        .chain(kept)
        .chain(draft.crossings.iter().flat_map(|crossing| crossing.across.tables()))
        .map(|table| RelationName {
            namespace: table.namespace.clone().or_else(|| draft.case.after.default_namespace.clone()),
            name: table.name.clone(),
        })
        .collect();
    tables.sort();
    tables.dedup();
    tables
}
