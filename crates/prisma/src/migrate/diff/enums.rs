//! Enums that come, change and go.

use super::pairs::Pairs;
use crate::migrate::catalog::{Column, Enum, PrismaCatalog, Table};
use crate::migrate::step::{AlterEnum, DefaultOfEnum, Step};

/// The enum of the same name on the other side.
pub(super) fn partner<'a>(found: &Enum, other: &'a PrismaCatalog) -> Option<&'a Enum> {
    other.enums.iter().find(|other| other.name == found.name)
}

pub(super) fn create<'a>(before: &PrismaCatalog, after: &'a PrismaCatalog, steps: &mut Vec<Step<'a>>) {
    let new = after.enums.iter().filter(|found| partner(found, before).is_none());
    steps.extend(new.map(Step::CreateEnum));
}

pub(super) fn drop<'a>(before: &'a PrismaCatalog, after: &PrismaCatalog, steps: &mut Vec<Step<'a>>) {
    let gone = before.enums.iter().filter(|found| partner(found, after).is_none());
    steps.extend(gone.map(Step::DropEnum));
}

/// Values in another order are no difference.
pub(super) fn alter<'a>(
    before: &'a PrismaCatalog,
    after: &'a PrismaCatalog,
    pairs: &Pairs<'a>,
    steps: &mut Vec<Step<'a>>,
) {
    for one in &before.enums {
        let Some(other) = partner(one, after) else { continue };
        let added = missing(&other.values, &one.values);
        let removed = missing(&one.values, &other.values);
        if !added.is_empty() || !removed.is_empty() {
            let defaults = defaults(one, other, pairs);
            steps.push(Step::AlterEnum(AlterEnum { before: one, after: other, added, removed, defaults }));
        }
    }
}

fn missing<'a>(values: &'a [String], others: &[String]) -> Vec<&'a str> {
    values.iter().filter(|value| !others.contains(value)).map(String::as_str).collect()
}

/// Those of tables that go, then for each other table of columns that go and of columns that stay.
fn defaults<'a>(before: &Enum, after: &Enum, pairs: &Pairs<'a>) -> Vec<DefaultOfEnum<'a>> {
    // Prisma looks for the name alone here: an enum of the same name in another namespace is touched too.
    let is_one = |column: &Column, found: &Enum| {
        let is_of = matches!(&column.column_type, crate::migrate::ColumnType::Enum(own) if own.name == found.name.name);
        is_of && column.default.is_some()
    };
    let gone = |table: &'a Table, column: &'a Column| DefaultOfEnum { table, column, after: None };
    let mut defaults = Vec::new();
    for table in &pairs.dropped {
        let columns = table.columns.iter().filter(|column| is_one(column, before));
        defaults.extend(columns.map(|column| gone(table, column)));
    }
    for pair in &pairs.both {
        let columns = pair.dropped.iter().filter(|column| is_one(column, before));
        defaults.extend(columns.map(|column| gone(pair.before, column)));
        let changes = pair.changes.iter().filter(|change| is_one(change.before, before));
        defaults.extend(changes.map(|change| DefaultOfEnum {
            table: pair.before,
            column: change.before,
            after: Some(change.after).filter(|column| is_one(column, after)),
        }));
    }
    defaults
}
