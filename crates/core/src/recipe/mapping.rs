//! Which column can become which, and how a value of one is a value of the other.

use underpin_catalog::{Literal, Name, RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Column, ColumnType, NativeType};
use underpin_prisma::schema::Arity;

use super::draft::Draft;
use super::enums;
use crate::sync::{
    Pair, Shape, Value, enum_to_enum, int_to_bigint, renamed, scalar_to_list, text_to_enum,
    timestamp_to_timestamptz,
};

/// A uuid as a text.
const FORM: &str = "'^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$'";

/// A mapping of one column to another.
pub(super) struct Mapping {
    pub(super) pair: Pair,
    /// Whether every value of the old column has a place in the new one.
    pub(super) is_total: bool,
    /// The values that have none, as a condition that needs nothing of what the change makes.
    pub(super) misfits: Option<Sql>,
}

/// The mapping of one column to another; `None` where none is known.
pub(super) fn mapping(old: &Column, new: &Column, draft: &Draft<'_>) -> Option<Mapping> {
    use NativeType::{BigInt, Char, Integer, SmallInt, Text, Timestamp, Timestamptz, Uuid, VarChar};
    let catalog = draft.case.after;
    let (before, after) = (&old.name, &new.name);
    // Prisma's word for a column that counts is no type.
    let sql_of = |column: &Column| {
        Sql::verbatim(catalog.column_type_sql(&Column { is_autoincrement: false, ..column.clone() }))
    };
    let (old_type, new_type) = (sql_of(old), sql_of(new));
    let total = |pair| Some(Mapping { pair, is_total: true, misfits: None });
    let partial = |pair| Some(Mapping { pair, is_total: false, misfits: None });
    let is_list = |column: &Column| column.arity == Arity::List;
    if is_list(old) || is_list(new) {
        let same = old.column_type == new.column_type;
        return match (is_list(old), is_list(new)) {
            (true, true) if same => total(renamed(before, after, &new_type)),
            (false, true) if same => total(scalar_to_list(before, after, &old_type)),
            _ => None,
        };
    }
    if old.column_type == new.column_type {
        return total(renamed(before, after, &new_type));
    }
    let written = |up: Value, down: Sql| Pair {
        before: vec![Shape {
            column: before.clone(),
            data_type: old_type.clone(),
            value: Value::Expression(down),
        }],
        after: vec![Shape { column: after.clone(), data_type: new_type.clone(), value: up }],
    };
    let values = |name: &RelationName, catalog: &PrismaCatalog| {
        catalog.enums.iter().find(|found| found.name == *name).map(|found| found.values.clone())
    };
    let same = |column: &Name| Value::Same(column.clone());
    // What is out of the smaller type's range has no place in it.
    let narrowed = |column: &Name, min: i64, max: i64| {
        sql!("CASE WHEN {} BETWEEN {} AND {} THEN {} END", column, min, max, column)
    };
    match (&old.column_type, &new.column_type) {
        (ColumnType::Native(Integer), ColumnType::Native(BigInt)) => total(int_to_bigint(before, after)),
        (ColumnType::Native(Timestamp(one)), ColumnType::Native(Timestamptz(other))) if one == other => {
            total(timestamp_to_timestamptz(before, after, one.and_then(|digits| u8::try_from(digits).ok())))
        }
        (ColumnType::Native(SmallInt), ColumnType::Native(Integer | BigInt)) => {
            total(written(same(before), narrowed(after, i16::MIN.into(), i16::MAX.into())))
        }
        (ColumnType::Native(Integer | BigInt), ColumnType::Native(SmallInt)) => {
            let up = narrowed(before, i16::MIN.into(), i16::MAX.into());
            partial(written(Value::Expression(up), sql!("{}", after)))
        }
        (ColumnType::Native(BigInt), ColumnType::Native(Integer)) => {
            let up = narrowed(before, i32::MIN.into(), i32::MAX.into());
            partial(written(Value::Expression(up), sql!("{}", after)))
        }
        (ColumnType::Native(Timestamptz(one)), ColumnType::Native(Timestamp(other))) if one == other => {
            let up = sql!("{} AT TIME ZONE 'UTC'", before);
            total(written(Value::Expression(up), sql!("{} AT TIME ZONE 'UTC'", after)))
        }
        // A cast to a length cuts what is longer.
        (ColumnType::Native(VarChar(Some(one))), ColumnType::Native(VarChar(Some(other)))) if one < other => {
            total(written(Value::Same(before.clone()), sql!("{}", after)))
        }
        (ColumnType::Native(VarChar(_)), ColumnType::Native(Text)) => {
            total(written(Value::Same(before.clone()), sql!("{}", after)))
        }
        (ColumnType::Native(Text | VarChar(_)), ColumnType::Native(VarChar(Some(length)))) => {
            let up = sql!("CASE WHEN char_length({}) <= {} THEN {} END", before, i64::from(*length), before);
            partial(written(Value::Expression(up), sql!("{}", after)))
        }
        (ColumnType::Native(Uuid), ColumnType::Native(Text)) => {
            let uuid = sql!("CASE WHEN {} ~ {} THEN CAST({} AS uuid) END", after, Sql::verbatim(FORM), after);
            total(written(Value::Expression(sql!("CAST({} AS text)", before)), uuid))
        }
        (ColumnType::Native(Text | VarChar(_)), ColumnType::Native(Uuid)) => {
            let up = sql!("CASE WHEN {} ~ {} THEN CAST({} AS uuid) END", before, Sql::verbatim(FORM), before);
            partial(written(Value::Expression(up), sql!("CAST({} AS text)", after)))
        }
        (ColumnType::Native(Text | VarChar(_) | Char(_)), ColumnType::Enum(name)) => {
            let values = values(name, catalog)?;
            let known: Vec<_> = values.iter().map(|value| Literal(value)).collect();
            Some(Mapping {
                misfits: Some(sql!("{} NOT IN ({})", before, known)),
                ..partial(text_to_enum((before, &old_type), (after, name), &values))?
            })
        }
        (ColumnType::Enum(one), ColumnType::Enum(other)) => {
            let values = enums::mapped(draft, one, other).into_iter();
            let values: Vec<_> = values.filter_map(|(from, to)| Some((from, to?))).collect();
            total(enum_to_enum((before, one), (after, other), &values))
        }
        (ColumnType::Enum(name), ColumnType::Native(Text)) => {
            let Pair { before, after } =
                text_to_enum((after, &new_type), (before, name), &values(name, &draft.base.catalog)?);
            total(Pair { before: after, after: before })
        }
        _ => None,
    }
}
