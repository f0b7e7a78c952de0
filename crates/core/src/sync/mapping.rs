//! The pairs that are common: one column on each side, and a mapping that answers for every value.
//!
//! Where a value has no place in the other shape, the other shape is NULL: a client's statement does not fail
//! for a shape that the client does not know, unless that column refuses NULL.

use underpin_catalog::{Literal, Name, RelationName, Sql, sql};

use super::{Pair, Shape, Value};

/// A column under a new name, with the type that it has.
pub fn renamed(before: &Name, after: &Name, data_type: &Sql) -> Pair {
    let shape = |column: &Name, other: &Name| Shape {
        column: column.clone(),
        data_type: data_type.clone(),
        value: Value::Same(other.clone()),
    };
    Pair { before: vec![shape(before, after)], after: vec![shape(after, before)] }
}

/// An `integer` that becomes a `bigint`. What does not fit is NULL for the old clients.
pub fn int_to_bigint(before: &Name, after: &Name) -> Pair {
    let down = sql!("CASE WHEN {} BETWEEN -2147483648 AND 2147483647 THEN {} END", after, after);
    mapped((before, &Sql::verbatim("integer"), down), (after, &Sql::verbatim("bigint"), sql!("{}", before)))
}

/// A text that becomes one of an enum's `values`. Other texts are NULL for the new clients.
pub fn text_to_enum(before: (&Name, &Sql), after: (&Name, &RelationName), values: &[String]) -> Pair {
    let (column, data_type) = before;
    let (new, enum_type) = after;
    let known: Vec<_> = values.iter().map(|value| Literal(value)).collect();
    let up = sql!("CASE WHEN {} IN ({}) THEN CAST({} AS {}) END", column, known, column, enum_type);
    let enum_type = sql!("{}", enum_type);
    mapped((column, data_type, sql!("CAST({} AS text)", new)), (new, &enum_type, up))
}

/// An enum that becomes another. Each pair of `values` is a value of the old and the one that it becomes; a
/// value that no pair has is NULL in the other. When several become one, the first comes back.
pub fn enum_to_enum(
    before: (&Name, &RelationName),
    after: (&Name, &RelationName),
    values: &[(String, String)],
) -> Pair {
    let mapping = |column: &Name, to: &RelationName, cases: Vec<Sql>| {
        let cases: Vec<_> = cases.iter().map(Sql::as_str).collect();
        sql!("CAST(CASE CAST({} AS text) {} END AS {})", column, Sql::verbatim(cases.join(" ")), to)
    };
    let case = |from: &str, to: &str| sql!("WHEN {} THEN {}", Literal(from), Literal(to));
    let up = mapping(before.0, after.1, values.iter().map(|(old, new)| case(old, new)).collect());
    let down = mapping(after.0, before.1, values.iter().map(|(old, new)| case(new, old)).collect());
    mapped((before.0, &sql!("{}", before.1), down), (after.0, &sql!("{}", after.1), up))
}

/// A `timestamp` that becomes a `timestamptz`. It is taken to be in UTC, as Prisma writes it, whatever the
/// client's time zone is. `precision` is the number in parentheses.
pub fn timestamp_to_timestamptz(before: &Name, after: &Name, precision: Option<u8>) -> Pair {
    let digits = precision.map_or_else(String::new, |digits| format!("({digits})"));
    mapped(
        (before, &Sql::verbatim(format!("timestamp{digits}")), sql!("{} AT TIME ZONE 'UTC'", after)),
        (after, &Sql::verbatim(format!("timestamptz{digits}")), sql!("{} AT TIME ZONE 'UTC'", before)),
    )
}

/// A value that becomes a list of values. The old clients see its first.
pub fn scalar_to_list(before: &Name, after: &Name, element: &Sql) -> Pair {
    let up = sql!("CASE WHEN {} IS NOT NULL THEN ARRAY[{}] END", before, before);
    mapped((before, element, sql!("{}[1]", after)), (after, &sql!("{}[]", element), up))
}

/// Two columns, each with its type and the expression that makes it.
fn mapped(before: (&Name, &Sql, Sql), after: (&Name, &Sql, Sql)) -> Pair {
    let shape = |(column, data_type, value): (&Name, &Sql, Sql)| Shape {
        column: column.clone(),
        data_type: data_type.clone(),
        value: Value::Expression(value),
    };
    Pair { before: vec![shape(before)], after: vec![shape(after)] }
}
