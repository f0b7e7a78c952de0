//! Which casts PostgreSQL has between its own types, and when it makes them by itself.
//!
//! From `pg_cast` of 14 to 18, whose differences (18 casts between `bytea` and integers) are left unknown.

use underpin_catalog::RelationName;

use crate::effect::TypeKind;
use crate::surroundings::Surroundings;

/// How one type becomes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cast {
    /// `ALTER COLUMN … TYPE` makes it by itself, and a default follows.
    Assignment,
    /// Only where it is written: `USING column::type`.
    Explicit,
    /// Not at all: the value has to become something else first.
    None,
    /// We do not know the types.
    Unknown,
}

/// Kinds of types that are cast alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Number,
    Text,
    Boolean,
    Uuid,
    Json,
    Jsonb,
    Date,
    Timestamp,
    Timestamptz,
    Time,
    Timetz,
    Interval,
    Bytea,
    Inet,
    Money,
    Xml,
    Bits,
    TsVector,
    Enum,
    Unknown,
}

impl Family {
    /// Of a built-in type, as `format_type` prints it, without brackets.
    pub(super) fn of(type_sql: &str) -> Self {
        let base = match type_sql.find('(') {
            Some(open) => {
                let rest = type_sql[open..].find(')').map_or("", |close| &type_sql[open + close + 1..]);
                format!("{}{rest}", &type_sql[..open])
            }
            None => type_sql.to_owned(),
        };
        match base.as_str() {
            "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => Self::Number,
            "text" | "character varying" | "character" | "name" => Self::Text,
            "boolean" => Self::Boolean,
            "uuid" => Self::Uuid,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "date" => Self::Date,
            "timestamp without time zone" => Self::Timestamp,
            "timestamp with time zone" => Self::Timestamptz,
            "time without time zone" => Self::Time,
            "time with time zone" => Self::Timetz,
            "interval" => Self::Interval,
            "bytea" => Self::Bytea,
            "inet" | "cidr" => Self::Inet,
            "money" => Self::Money,
            "xml" => Self::Xml,
            "bit" | "bit varying" => Self::Bits,
            "tsvector" => Self::TsVector,
            _ => Self::Unknown,
        }
    }
}

/// A type, as far as casts depend on it.
#[derive(Clone, Debug)]
pub(super) struct CastType {
    family: Family,
    is_array: bool,
    /// Of a type that is not built in.
    name: Option<RelationName>,
}

impl CastType {
    pub(super) fn of(around: &Surroundings, type_sql: &str, type_name: Option<&RelationName>) -> Self {
        let (element, is_array) = match type_sql.strip_suffix("[]") {
            Some(element) => (element, true),
            None => (type_sql, false),
        };
        let name = type_name.map(|name| around.resolve_type(name));
        let family = match &name {
            None => Family::of(element),
            Some(name) => match around.types.get(name).and_then(|facts| facts.kind.as_ref()) {
                Some(TypeKind::Enum { .. }) => Family::Enum,
                _ => Family::Unknown,
            },
        };
        Self { family, is_array, name }
    }
}

/// How a value of one type becomes one of the other.
pub(super) fn cast(from: &CastType, to: &CastType) -> Cast {
    let between = match (from.family, to.family) {
        (Family::Unknown, _) | (_, Family::Unknown) => return Cast::Unknown,
        (Family::Enum, Family::Enum) if from.name == to.name => Cast::Assignment,
        (from, to) => scalar(from, to),
    };
    match (from.is_array, to.is_array) {
        (false, false) => between,
        // Element by element.
        (true, true) => between,
        // Any type can be written as text.
        (true, false) if to.family == Family::Text => Cast::Assignment,
        (false, true) if from.family == Family::Text => Cast::Explicit,
        _ => Cast::None,
    }
}

fn scalar(from: Family, to: Family) -> Cast {
    use Family as F;
    if from == to {
        return if from == F::Enum { Cast::None } else { Cast::Assignment };
    }
    match (from, to) {
        (_, F::Text) => Cast::Assignment,
        (F::Text, _) => Cast::Explicit,
        (F::Number, F::Money)
        | (F::Money, F::Number)
        | (F::Json, F::Jsonb)
        | (F::Jsonb, F::Json)
        | (F::Date, F::Timestamp | F::Timestamptz)
        | (F::Timestamp, F::Date | F::Timestamptz | F::Time)
        | (F::Timestamptz, F::Date | F::Timestamp | F::Time | F::Timetz)
        | (F::Time, F::Timetz | F::Interval)
        | (F::Timetz | F::Interval, F::Time) => Cast::Assignment,
        (F::Number, F::Boolean | F::Bits)
        | (F::Boolean | F::Bits, F::Number)
        | (F::Jsonb, F::Number | F::Boolean) => Cast::Explicit,
        (F::Number, F::Bytea) | (F::Bytea, F::Number) => Cast::Unknown,
        _ => Cast::None,
    }
}

/// Whether a foreign key can compare the two: PostgreSQL needs an operator between them in an index's family.
/// Kinds of numbers and kinds of texts are taken to be comparable.
pub(super) fn is_comparable(from: &CastType, to: &CastType) -> Option<bool> {
    use Family as F;
    Some(match (from.family, to.family) {
        (F::Unknown, _) | (_, F::Unknown) => return None,
        (F::Enum, F::Enum) => from.name == to.name && from.is_array == to.is_array,
        (F::Date | F::Timestamp | F::Timestamptz, F::Date | F::Timestamp | F::Timestamptz) => {
            from.is_array == to.is_array
        }
        (one, other) => one == other && from.is_array == to.is_array,
    })
}
