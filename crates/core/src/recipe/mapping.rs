//! Which column can become which, and how a value of one is a value of the other.

use underpin_catalog::{RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Column, ColumnType, NativeType};
use underpin_prisma::schema::Arity;

use crate::sync::{
    Pair, Shape, Value, int_to_bigint, renamed, scalar_to_list, text_to_enum, timestamp_to_timestamptz,
};

/// A mapping, and whether every value of the old column has a place in the new one.
pub(super) struct Mapping {
    pub(super) pair: Pair,
    pub(super) is_total: bool,
}

/// The mapping of one column to another; `None` where none is known.
pub(super) fn mapping(old: &Column, new: &Column, catalog: &PrismaCatalog) -> Option<Mapping> {
    use NativeType::{BigInt, Char, Integer, Text, Timestamp, Timestamptz, Uuid, VarChar};
    let (before, after) = (&old.name, &new.name);
    let sql_of = |column: &Column| Sql::verbatim(catalog.column_type_sql(column));
    let (old_type, new_type) = (sql_of(old), sql_of(new));
    let total = |pair| Some(Mapping { pair, is_total: true });
    let partial = |pair| Some(Mapping { pair, is_total: false });
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
    let values = |name: &RelationName| {
        catalog.enums.iter().find(|found| found.name == *name).map(|found| found.values.clone())
    };
    match (&old.column_type, &new.column_type) {
        (ColumnType::Native(Integer), ColumnType::Native(BigInt)) => total(int_to_bigint(before, after)),
        (ColumnType::Native(Timestamp(one)), ColumnType::Native(Timestamptz(other))) if one == other => {
            total(timestamp_to_timestamptz(before, after, one.and_then(|digits| u8::try_from(digits).ok())))
        }
        // A cast to a length cuts what is longer.
        (ColumnType::Native(VarChar(Some(one))), ColumnType::Native(VarChar(Some(other)))) if one < other => {
            total(written(Value::Same(before.clone()), sql!("{}", after)))
        }
        (ColumnType::Native(VarChar(_)), ColumnType::Native(Text)) => {
            total(written(Value::Same(before.clone()), sql!("{}", after)))
        }
        (ColumnType::Native(Text | VarChar(_)), ColumnType::Native(Uuid)) => {
            const FORM: &str = "'^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$'";
            let up = sql!("CASE WHEN {} ~ {} THEN CAST({} AS uuid) END", before, Sql::verbatim(FORM), before);
            partial(written(Value::Expression(up), sql!("CAST({} AS text)", after)))
        }
        (ColumnType::Native(Text | VarChar(_) | Char(_)), ColumnType::Enum(name)) => {
            partial(text_to_enum((before, &old_type), (after, name), &values(name)?))
        }
        (ColumnType::Enum(name), ColumnType::Native(Text)) => {
            let Pair { before, after } = text_to_enum((after, &new_type), (before, name), &values(name)?);
            total(Pair { before: after, after: before })
        }
        _ => None,
    }
}
