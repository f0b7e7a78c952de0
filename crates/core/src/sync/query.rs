//! Statements over the rows of a table: giving them their new shape, counting those that do not agree, and
//! finding those that would lose something.

use underpin_catalog::{Name, RelationName, Sql, SqlPart, sql};
use underpin_sql::failure::Culprits;

use super::{Pair, Shape, Value};

/// The `UPDATE` that gives the rows that have none their new shape. It never changes a row twice and never
/// one with a new shape, so that it may run in batches beside clients of both.
pub fn fill(table: &RelationName, pair: &Pair) -> Sql {
    let set: Vec<_> =
        pair.after.iter().map(|shape| sql!("{} = {}", shape.column, shape.assigned())).collect();
    let empty = joined(" AND ", pair.after.iter().map(|shape| sql!("{} IS NULL", shape.column)));
    let mut values: Vec<_> = pair.after.iter().map(|shape| sql!("{} IS NOT NULL", read(shape))).collect();
    values.dedup();
    let some = match values.as_slice() {
        [one] => one.clone(),
        several => sql!("({})", joined(" OR ", several.iter().cloned())),
    };
    sql!("UPDATE {} SET {} WHERE {} AND {}", table, set, empty, some)
}

/// The query that counts the rows whose shapes do not agree: neither is what the other becomes. It answers 0
/// behind [`fill`].
pub fn disagree(table: &RelationName, pair: &Pair) -> Sql {
    sql!("SELECT count(*) FROM {} WHERE {}", table, disagreement(pair))
}

/// The condition of [`disagree`].
fn disagreement(pair: &Pair) -> Sql {
    let side = |shapes: &[Shape], others: &[Shape]| {
        let parts = shapes.iter().map(|shape| differs(shape, Sql::verbatim(shape.column.part()), others));
        joined(" OR ", parts)
    };
    let up = side(&pair.after, &pair.before);
    let is_same = |shape: &Shape| matches!(shape.value, Value::Same(_));
    if pair.before.iter().chain(&pair.after).all(is_same) {
        return up;
    }
    sql!("({}) AND ({})", up, side(&pair.before, &pair.after))
}

/// The query that counts the rows whose old shape does not survive the way to the new one and back. It reads
/// the old columns alone, so that it can be asked before the change begins.
pub fn lost(table: &RelationName, pair: &Pair) -> Sql {
    let differ = joined(
        " OR ",
        pair.before.iter().map(|shape| {
            let (was, back) =
                (sql!("{}.{}", own(), shape.column), sql!("{}.{}", Sql::verbatim(BACK), shape.column));
            distinct(is_compared_as_it_is(&shape.data_type), was, back)
        }),
    );
    sql!(
        "SELECT count(*) FROM {} AS {} WHERE (SELECT {} FROM {} CROSS JOIN LATERAL {})",
        table,
        own(),
        differ,
        made(&pair.after, &pair.before, &own(), "becomes"),
        made(&pair.before, &pair.after, &Name::new("becomes"), BACK)
    )
}

/// Whether a condition is that of [`lost`].
pub(crate) fn is_loss(condition: &str) -> bool {
    condition.ends_with(&format!(" AS {BACK})"))
}

/// What a row becomes when it is led back.
const BACK: &str = "back";

/// The query that counts the rows which would have NULL in one of these columns of the new shape. It reads the
/// old columns alone, too.
pub fn without_value(table: &RelationName, pair: &Pair, required: &[Name]) -> Sql {
    let nulls = joined(" OR ", required.iter().map(|column| sql!("becomes.{} IS NULL", column)));
    sql!(
        "SELECT count(*) FROM {} AS {} WHERE (SELECT {} FROM {})",
        table,
        own(),
        nulls,
        made(&pair.after, &pair.before, &own(), "becomes")
    )
}

/// What the table is called in these queries: so whoever takes one apart can look at the rows that it counts.
fn own() -> Name {
    Name::new(Culprits::OWN)
}

/// Columns made of those of a row. Each expression sees what it reads in a row of its own, by bare names.
fn made(shapes: &[Shape], from: &[Shape], row: &Name, called: &str) -> Sql {
    let values: Vec<_> = shapes.iter().map(|shape| sql!("{} AS {}", shape.made(), shape.column)).collect();
    let read: Vec<_> = from.iter().map(|shape| sql!("{}.{}", row, shape.column)).collect();
    Sql::verbatim(format!("(SELECT {} FROM (SELECT {}) AS taken) AS {called}", values.part(), read.part()))
}

/// The value of a column, to be asked whether it is NULL.
fn read(shape: &Shape) -> Sql {
    match &shape.value {
        Value::Same(column) => Sql::verbatim(column.part()),
        Value::Expression(expression) => sql!("({})", expression),
    }
}

/// A column is not what it is made to be of the others.
fn differs(shape: &Shape, column: Sql, others: &[Shape]) -> Sql {
    match &shape.value {
        Value::Same(other) => {
            let of_one_type = others.iter().any(|shape_of_other| {
                shape_of_other.column == *other && shape_of_other.data_type == shape.data_type
            });
            let as_it_is = of_one_type && is_compared_as_it_is(&shape.data_type);
            match as_it_is {
                true => distinct(true, column, Sql::verbatim(other.part())),
                false => distinct(false, column, shape.made()),
            }
        }
        Value::Expression(_) => distinct(is_compared_as_it_is(&shape.data_type), column, shape.made()),
    }
}

fn distinct(as_it_is: bool, one: Sql, other: Sql) -> Sql {
    match as_it_is {
        true => sql!("{} IS DISTINCT FROM {}", one, other),
        false => sql!("CAST({} AS text) IS DISTINCT FROM CAST({} AS text)", one, other),
    }
}

/// Whether equal values of this type are the same values. Others are compared as texts: 1.0 equals 1.00, one
/// month equals thirty days, and `json` cannot be compared at all.
fn is_compared_as_it_is(data_type: &Sql) -> bool {
    const TYPES: [&str; 18] = [
        "bigint",
        "boolean",
        "bytea",
        "character varying",
        "date",
        "int",
        "int2",
        "int4",
        "int8",
        "integer",
        "smallint",
        "text",
        "timestamp",
        "timestamp with time zone",
        "timestamp without time zone",
        "timestamptz",
        "uuid",
        "varchar",
    ];
    let lower = data_type.as_str().to_ascii_lowercase();
    let (head, tail) = lower.split_once('(').unwrap_or((&lower, ""));
    let behind = tail.split_once(')').map_or("", |(_, behind)| behind);
    TYPES.contains(&format!("{}{behind}", head.trim_end()).as_str())
}

fn joined(separator: &str, parts: impl Iterator<Item = Sql>) -> Sql {
    Sql::verbatim(parts.map(|part| part.to_string()).collect::<Vec<_>>().join(separator))
}
