//! Columns that count: their sequence comes beside the column, and goes over to the column that takes its place.
//!
//! A sequence that comes with its column (`SERIAL`) numbers all rows at once, while everybody waits. So it is made
//! apart: from the first phase on it numbers what is new, whoever writes it, and the fill numbers the rest.
//!
//! Where one column takes the place of another, there is one sequence all the time, so that no number is given
//! twice: it belongs to the old column until that goes, and the triggers carry its numbers over.

use underpin_catalog::model::SequenceOptions;
use underpin_catalog::{Literal, Name, RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Column, ColumnType, NativeType, Table};
use underpin_prisma::schema::Arity;

use super::draft::Draft;
use crate::rollout::Phase;

/// A column that counts behind the rollout, and did not before.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    /// Its table.
    pub(super) table: RelationName,
    /// As it shall be.
    column: Column,
    /// The statements that give it its sequence.
    pub(super) statements: Vec<Sql>,
    /// The phase that they belong to.
    pub(super) phase: Phase,
}

impl Counted {
    /// Makes it count in a database.
    pub(super) fn take_place(&self, catalog: &mut PrismaCatalog) {
        for table in catalog.tables.iter_mut().filter(|table| table.name == self.table) {
            for column in table.columns.iter_mut().filter(|column| column.name == self.column.name) {
                column.default.clone_from(&self.column.default);
                column.is_autoincrement = true;
            }
        }
    }
}

/// A counting column that comes.
pub(super) fn added(draft: &mut Draft<'_>, table: &Table, column: &Column) {
    let about = draft.case.shown(&table.name, &column.name);
    let sequence = usual(&table.name, &column.name);
    if !is_free(draft, &sequence) {
        return draft.refuse(
            about,
            format!(
                "its sequence would be {}, a name that is taken or longer than PostgreSQL's",
                sequence.shown()
            ),
            "give the column another name, with @map",
        );
    }
    draft.uses("add-column", format!("{about} comes and counts"));
    let beside = Column { arity: Arity::Optional, default: None, is_autoincrement: false, ..column.clone() };
    draft.alter(Phase::Expand, &table.name, |own| own.columns.push(beside.clone()));
    let (own, sequence) = (draft.bare(&table.name), draft.bare(&sequence));
    let next = next(&sequence);
    draft.fills.push(sql!("UPDATE {} SET {} = {} WHERE {} IS NULL", own, column.name, next, column.name));
    let arity = column.arity;
    draft.alter_column(Phase::Backfill, &table.name, &column.name, |own| own.arity = arity);
    draft.counted.push(Counted {
        table: table.name.clone(),
        column: column.clone(),
        statements: vec![
            sql!("CREATE SEQUENCE {} AS {} OWNED BY {}.{}", sequence, counts(column), own, column.name),
            sql!("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}", own, column.name, next),
        ],
        phase: Phase::Expand,
    });
}

/// A counting column that takes the place of another one.
///
/// # Errors
/// Why its sequence cannot go over.
pub(super) fn moved(
    draft: &mut Draft<'_>,
    table: &RelationName,
    old: &Column,
    new: &Column,
) -> Result<(), String> {
    let found = sequence_of(draft, table, old)?;
    let named = usual(table, &new.name);
    if !is_free(draft, &named) {
        return Err(format!(
            "its sequence would be {}, a name that is taken or longer than PostgreSQL's",
            named.shown()
        ));
    }
    let shown = draft.case.shown(table, &new.name);
    goes_over(draft, table, (old, new), (&found, &named), &shown);
    Ok(())
}

/// A hidden column that gets the name of a counting one. The sequence keeps its name too, whatever that is.
///
/// # Errors
/// Why its sequence cannot go over.
pub(super) fn swapped(
    draft: &mut Draft<'_>,
    table: &RelationName,
    old: &Column,
    hidden: &Column,
) -> Result<(), String> {
    let found = sequence_of(draft, table, old)?;
    let shown = draft.case.shown(table, &old.name);
    goes_over(draft, table, (old, hidden), (&found, &found), &shown);
    // Prisma's own migration leaves the sequence as it is: the first number of 33 bits would be refused (2200H).
    if counts(old) != counts(hidden) {
        draft.around.1.push(sql!("ALTER SEQUENCE {} AS {}", found, counts(hidden)));
    }
    draft.counting.push((table.clone(), old.name.clone()));
    Ok(())
}

fn goes_over(
    draft: &mut Draft<'_>,
    table: &RelationName,
    (old, new): (&Column, &Column),
    (was, named): (&RelationName, &RelationName),
    shown: &str,
) {
    let own = draft.bare(table);
    let (was, named) = (draft.bare(was), draft.bare(named));
    let mut statements = vec![sql!("ALTER SEQUENCE {} OWNED BY {}.{}", was, own, new.name)];
    if counts(old) != counts(new) {
        statements.push(sql!("ALTER SEQUENCE {} AS {}", was, counts(new)));
    }
    if width(old) < width(new) {
        draft.note(format!(
            "until the last phase {shown} is numbered as {}, because the release that is out could not read more",
            counts(old)
        ));
    }
    if was != named {
        statements.push(sql!("ALTER SEQUENCE {} RENAME TO {}", was, named.name));
    }
    statements.push(sql!("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}", own, new.name, next(&named)));
    draft.counted.push(Counted {
        table: table.clone(),
        column: new.clone(),
        statements,
        phase: Phase::Contract,
    });
}

/// The sequence of a column.
fn sequence_of(draft: &Draft<'_>, table: &RelationName, column: &Column) -> Result<RelationName, String> {
    let catalog = draft.case.catalog;
    if !catalog.tables.contains_key(table) {
        return Ok(usual(table, &column.name));
    }
    let owner = (table.clone(), column.name.clone());
    let owned = catalog.sequences.iter().filter(|(_, sequence)| sequence.owned_by.as_ref() == Some(&owner));
    let mut owned = owned.map(|(name, sequence)| (name, &sequence.options));
    match (owned.next(), owned.next()) {
        (Some((name, SequenceOptions { increment: 1, cycle: false, .. })), None) => Ok(name.clone()),
        (Some((name, _)), None) => Err(format!(
            "its sequence {} does not count one by one, as no Prisma schema can say",
            name.shown()
        )),
        _ => Err("its numbers come from no sequence that belongs to it alone".to_owned()),
    }
}

/// The name that PostgreSQL gives to the sequence of a `SERIAL`: of two long names the longer is cut.
fn usual(table: &RelationName, column: &Name) -> RelationName {
    let (own, column) = (table.name.as_str(), column.as_str());
    let (mut of_table, mut of_column) = (own.len(), column.len());
    while of_table + of_column + "__seq".len() > Name::BYTES_MAX {
        match of_table > of_column {
            true => of_table -= 1,
            false => of_column -= 1,
        }
    }
    let own = &own[..own.floor_char_boundary(of_table)];
    let column = &column[..column.floor_char_boundary(of_column)];
    table.sibling(Name::new(format!("{own}_{column}_seq")))
}

fn is_free(draft: &Draft<'_>, name: &RelationName) -> bool {
    let catalog = draft.case.catalog;
    name.name.as_str().len() <= Name::BYTES_MAX
        && !catalog.sequences.contains_key(name)
        && !catalog.tables.contains_key(name)
        && !catalog.views.contains_key(name)
}

/// The type of the numbers, as `SERIAL` chooses it.
fn counts(column: &Column) -> Sql {
    Sql::verbatim(match column.column_type {
        ColumnType::Native(NativeType::BigInt) => "bigint",
        ColumnType::Native(NativeType::SmallInt) => "smallint",
        _ => "integer",
    })
}

/// How much such a column holds, to be compared.
fn width(column: &Column) -> u8 {
    match column.column_type {
        ColumnType::Native(NativeType::BigInt) => 3,
        ColumnType::Native(NativeType::SmallInt) => 1,
        _ => 2,
    }
}

fn next(sequence: &RelationName) -> Sql {
    sql!("nextval({})", Literal(&sequence.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_called_as_postgresql_calls_it() {
        let called = |table: &str, column: &str| {
            usual(&RelationName::bare(table), &Name::new(column)).name.as_str().to_owned()
        };
        assert_eq!(called("Order", "number"), "Order_number_seq");
        let (long, short) = ("a".repeat(63), "b".repeat(10));
        assert_eq!(called(&long, &short), format!("{}_{short}_seq", "a".repeat(48)));
        assert_eq!(called(&long, &"c".repeat(60)), format!("{}_{}_seq", "a".repeat(29), "c".repeat(29)));
        assert_eq!(called(&"ä".repeat(31), "b"), format!("{}_b_seq", "ä".repeat(28)));
    }
}
