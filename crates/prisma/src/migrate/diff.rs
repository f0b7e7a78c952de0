//! From one database to another: the steps of Prisma Migrate, in its order.
//!
//! The order is part of what Prisma promises: namespaces and extensions first; enums before the
//! tables that use them; foreign keys go before and come after all else; what is dropped goes before
//! what may take its name. Within a kind it is that of the catalogs' lists, except for columns that
//! come or go: they are sorted by name.

mod casts;
mod columns;
mod defaults;
mod enums;
mod indexes;
mod pairs;
mod predicates;

use std::collections::HashSet;

use underpin_catalog::Name;

pub(super) use self::defaults::hexadecimal;
use self::pairs::{PairedTable, Pairs};
use super::catalog::{Extension, PrismaCatalog};
use super::step::{AlterTable, Cast, IndexCause, Step, TableChange};

/// The steps that make one database into another.
pub(super) fn steps<'a>(before: &'a PrismaCatalog, after: &'a PrismaCatalog) -> Vec<Step<'a>> {
    let pairs = Pairs::of(before, after);
    let mut steps = Vec::new();
    create_namespaces(before, after, &mut steps);
    extensions(before, after, &mut steps);
    enums::create(before, after, &mut steps);
    enums::alter(before, after, &pairs, &mut steps);
    drop_foreign_keys(&pairs, &mut steps);
    for pair in &pairs.both {
        let gone = pair.dropped_indexes();
        steps.extend(gone.map(|index| Step::DropIndex { table: pair.before, index }));
    }
    steps.extend(pairs.both.iter().filter_map(|pair| alter_table(pair)).map(Step::AlterTable));
    steps.extend(pairs.dropped.iter().map(|table| Step::DropTable(table)));
    enums::drop(before, after, &mut steps);
    steps.extend(pairs.created.iter().map(|table| Step::CreateTable(table)));
    create_indexes(&pairs, &mut steps);
    foreign_keys_and_names(&pairs, after, &mut steps);
    keep_a_key(&mut steps);
    steps
}

/// A namespace is created when it is new and there is something in it.
fn create_namespaces<'a>(before: &'a PrismaCatalog, after: &'a PrismaCatalog, steps: &mut Vec<Step<'a>>) {
    let is_in = |namespace: &Name| {
        let tables = before.tables.iter().chain(&after.tables).map(|table| &table.name);
        let enums = after.enums.iter().filter(|found| enums::partner(found, before).is_none());
        let mut names = tables.chain(enums.map(|found| &found.name));
        names.any(|name| name.namespace.as_ref() == Some(namespace))
    };
    let new = after.namespaces.iter().filter(|namespace| !before.namespaces.contains(namespace));
    steps.extend(new.filter(|namespace| is_in(namespace)).map(Step::CreateNamespace));
}

fn extensions<'a>(before: &'a PrismaCatalog, after: &'a PrismaCatalog, steps: &mut Vec<Step<'a>>) {
    let partner = |extension: &Extension, others: &'a [Extension]| {
        others.iter().find(|other| other.name == extension.name)
    };
    let differs = |one: &Extension, other: &Extension| {
        let versions = one.version.as_ref().zip(other.version.as_ref());
        let namespaces = one.namespace.as_ref().zip(other.namespace.as_ref());
        versions.is_some_and(|(one, other)| one != other)
            || namespaces.is_some_and(|(one, other)| one != other)
    };
    let changed = before.extensions.iter().filter_map(|one| {
        let other = partner(one, &after.extensions)?;
        differs(one, other).then_some((one, other))
    });
    let (movable, fixed): (Vec<_>, Vec<_>) =
        changed.partition(|(one, other)| one.is_relocatable || other.is_relocatable);
    steps.extend(fixed.iter().map(|(one, _)| Step::DropExtension(one)));
    let is_created = |extension: &&Extension| {
        partner(extension, &before.extensions).is_none()
            || fixed.iter().any(|(_, other)| other.name == extension.name)
    };
    steps.extend(after.extensions.iter().filter(is_created).map(Step::CreateExtension));
    steps.extend(movable.into_iter().map(|(before, after)| Step::AlterExtension { before, after }));
}

fn drop_foreign_keys<'a>(pairs: &Pairs<'a>, steps: &mut Vec<Step<'a>>) {
    for (table, pair) in pairs.in_order_of_before() {
        let is_gone = |key: &&_| pair.is_none_or(|pair| !pair.keeps_foreign_key(key));
        let gone = table.foreign_keys.iter().filter(is_gone);
        steps.extend(gone.map(|key| Step::DropForeignKey { table, key }));
    }
}

fn alter_table<'a>(pair: &PairedTable<'a>) -> Option<AlterTable<'a>> {
    let (before, after) = (pair.before, pair.after);
    let mut changes = Vec::new();
    let keys = (before.primary_key.as_ref(), after.primary_key.as_ref());
    let is_rebuilt = pair.has_other_primary_key();
    if is_rebuilt || matches!(keys, (Some(_), None)) {
        changes.push(TableChange::DropPrimaryKey);
    }
    if matches!(keys, (Some(one), Some(other)) if one.name != other.name) {
        changes.push(TableChange::RenamePrimaryKey);
    }
    changes.extend(pair.dropped.iter().map(|column| TableChange::DropColumn(column)));
    changes.extend(pair.added.iter().map(|column| TableChange::AddColumn(column)));
    for column in &before.columns {
        let Some(change) = pair.change_of(&column.name).filter(|change| change.is_any()) else { continue };
        changes.push(match change.cast {
            Some(Cast::Impossible) => TableChange::RecreateColumn(*change),
            Some(Cast::Safe | Cast::Risky) | None => TableChange::AlterColumn(*change),
        });
    }
    if is_rebuilt || matches!(keys, (None, Some(_))) {
        changes.push(TableChange::AddPrimaryKey);
    }
    (!changes.is_empty()).then_some(AlterTable { before, after, changes })
}

/// Those of new tables first, in their order; then those of tables that were there, in the order of these.
fn create_indexes<'a>(pairs: &Pairs<'a>, steps: &mut Vec<Step<'a>>) {
    for table in &pairs.created {
        let new = table.indexes.iter();
        steps.extend(new.map(|index| Step::CreateIndex { table, index, cause: IndexCause::NewTable }));
    }
    for pair in &pairs.both {
        let recreated: HashSet<&Name> = pair
            .changes
            .iter()
            .filter(|change| change.cast == Some(Cast::Impossible))
            .map(|change| &change.after.name)
            .collect();
        let rebuilt: Vec<_> = pair
            .paired_indexes()
            .filter(|(_, index)| index.column_names().any(|name| recreated.contains(name)))
            .map(|(_, index)| index)
            .collect();
        for index in &pair.after.indexes {
            let cause = match pair.is_new_index(index) {
                true => IndexCause::NewIndex,
                false if rebuilt.iter().any(|rebuilt| std::ptr::eq(*rebuilt, index)) => {
                    IndexCause::RecreatedColumn
                }
                false => continue,
            };
            steps.push(Step::CreateIndex { table: pair.after, index, cause });
        }
    }
}

fn foreign_keys_and_names<'a>(pairs: &Pairs<'a>, after: &'a PrismaCatalog, steps: &mut Vec<Step<'a>>) {
    for pair in &pairs.both {
        // Prisma named the foreign keys of many-to-many tables in another way once, and leaves them so.
        let are_left = pair.before.is_many_to_many() && pair.after.is_many_to_many();
        let renamed = pair.paired_foreign_keys().into_iter().filter(|(one, other)| one.name != other.name);
        let table = pair.before;
        steps.extend(renamed.filter(|_| !are_left).map(|(before, after)| Step::RenameForeignKey {
            table,
            before,
            after,
        }));
    }
    for table in &after.tables {
        let Some(pair) = pairs.of_after(table) else {
            if pairs.is_created(table) {
                steps.extend(table.foreign_keys.iter().map(|key| Step::AddForeignKey { table, key }));
            }
            continue;
        };
        let new = table.foreign_keys.iter().filter(|key| pair.is_new_foreign_key(key));
        steps.extend(new.map(|key| Step::AddForeignKey { table, key }));
    }
    for pair in &pairs.both {
        let renamed = pair.paired_indexes().filter(|(one, other)| one.name != other.name);
        let table = pair.before;
        steps.extend(renamed.map(|(before, after)| Step::RenameIndex { table, before, after }));
    }
}

/// A table without a primary key whose unique index becomes one loses the index only behind the
/// `ALTER TABLE` that adds the key, so that it is never without.
fn keep_a_key(steps: &mut Vec<Step<'_>>) {
    let mut position = 0;
    while position < steps.len() {
        match becomes_key(steps, position) {
            Some(altered) => {
                let dropped = steps.remove(position);
                steps.insert(altered, dropped);
            }
            None => position += 1,
        }
    }
}

/// Where the `ALTER TABLE` stands that makes a primary key of the columns of the index that is dropped here.
fn becomes_key(steps: &[Step<'_>], position: usize) -> Option<usize> {
    let Step::DropIndex { table, index } = &steps[position] else { return None };
    if !index.is_unique || table.primary_key.is_some() {
        return None;
    }
    let has = |name: &Name| index.column_names().any(|own| own == name);
    let is_it = |step: &Step<'_>| {
        let Step::AlterTable(alter) = step else { return false };
        let key = alter.after.primary_key.as_ref();
        std::ptr::eq(alter.before, *table)
            && alter.changes.contains(&TableChange::AddPrimaryKey)
            && key.is_some_and(|key| key.columns.iter().eq(index.column_names()))
            && alter.changes.iter().all(|change| match change {
                TableChange::DropColumn(column) => !has(&column.name),
                TableChange::RecreateColumn(change) => !has(&change.before.name),
                _ => true,
            })
    };
    steps.iter().skip(position).position(is_it).map(|found| position + found)
}
