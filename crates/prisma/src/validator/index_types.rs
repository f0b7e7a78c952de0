//! Which columns and operator classes an index type takes, by Prisma's reckoning, not PostgreSQL's.

use super::entity::{Column, ColumnKind, Key, KeyColumn, OperatorClass};
use super::native_types::name_of;
use crate::schema::{Arity, Scalar};

/// Operator classes of BRIN: what their names begin with, and their endings.
const BRIN: [(&str, &[&str]); 19] = [
    ("Bit", MIN_MAX),
    ("VarBit", MIN_MAX),
    ("Bpchar", TWO),
    ("Bytea", TWO),
    ("Text", TWO),
    ("Date", THREE),
    ("Float4", THREE),
    ("Float8", THREE),
    ("Inet", FOUR),
    ("Int2", THREE),
    ("Int4", THREE),
    ("Int8", THREE),
    ("Numeric", THREE),
    ("Oid", THREE),
    ("Timestamp", THREE),
    ("TimestampTz", THREE),
    ("Time", THREE),
    ("TimeTz", THREE),
    ("Uuid", THREE),
];
const MIN_MAX: &[&str] = &["MinMaxOps"];
const TWO: &[&str] = &["BloomOps", "MinMaxOps"];
const THREE: &[&str] = &["BloomOps", "MinMaxOps", "MinMaxMultiOps"];
const FOUR: &[&str] = &["InclusionOps", "BloomOps", "MinMaxOps", "MinMaxMultiOps"];

/// Those of the other methods.
const OTHERS: [&str; 5] = ["InetOps", "JsonbOps", "JsonbPathOps", "ArrayOps", "TextOps"];

/// Whether Prisma knows an operator class by this name.
pub(super) fn is_operator_class(name: &str) -> bool {
    let is_of_brin = |(prefix, endings): (&str, &[&str])| {
        name.strip_prefix(prefix).is_some_and(|ending| endings.contains(&ending))
    };
    OTHERS.contains(&name) || BRIN.into_iter().any(is_of_brin)
}

/// Whether an index takes a column with the operator class that is said for it, or with none.
pub(super) fn takes(key: &Key<'_>, indexed: &KeyColumn<'_>, column: &Column<'_>) -> bool {
    let class = match indexed.operator_class {
        // Whoever writes SQL knows best.
        Some(OperatorClass::Raw) => return true,
        Some(OperatorClass::Known(class)) => Some(class),
        None => None,
    };
    let is_list = column.field.field_type.arity == Arity::List;
    let native = column.native.map(name_of);
    let scalar = match column.kind {
        ColumnKind::Scalar(scalar) => Some(scalar),
        // An unsupported type may have any operator class as its default.
        ColumnKind::Unsupported(_) => {
            return class.is_none() || (key.method == "Gin" && is_list && class == Some("ArrayOps"));
        }
        ColumnKind::Enum(_) | ColumnKind::Composite(_) => None,
    };
    match key.method {
        "Gist" => match native {
            Some("Inet") => class == Some("InetOps"),
            Some(_) => false,
            None => class.is_none() && scalar == Some(Scalar::String),
        },
        "Gin" => {
            let is_json = scalar == Some(Scalar::Json) && matches!(native, None | Some("JsonB"));
            match class {
                None => is_list || is_json,
                Some("ArrayOps") => is_list,
                Some("JsonbOps" | "JsonbPathOps") => is_json,
                Some(_) => false,
            }
        }
        "SpGist" => match (native, scalar) {
            (Some("Inet"), _) => matches!(class, None | Some("InetOps")),
            (Some("VarChar" | "Char" | "Text"), _) | (None, Some(Scalar::String)) => {
                matches!(class, None | Some("TextOps"))
            }
            _ => false,
        },
        "Brin" => {
            let endings = family(native, scalar)
                .and_then(|family| BRIN.into_iter().find(|(prefix, _)| *prefix == family));
            match (class, endings) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(class), Some((prefix, endings))) => {
                    class.strip_prefix(prefix).is_some_and(|ending| endings.contains(&ending))
                }
            }
        }
        _ => class.is_none(),
    }
}

/// What the names of a type's BRIN operator classes begin with.
fn family(native: Option<&str>, scalar: Option<Scalar>) -> Option<&'static str> {
    Some(match (native, scalar?) {
        (Some("SmallInt"), _) => "Int2",
        (Some("Oid"), _) => "Oid",
        (Some("Real"), _) => "Float4",
        (Some("Inet"), _) => "Inet",
        (Some("Char"), _) => "Bpchar",
        (Some("Bit"), _) => "Bit",
        (Some("VarBit"), _) => "VarBit",
        (Some("Uuid"), _) => "Uuid",
        (Some("Date"), _) => "Date",
        (Some("Time"), _) => "Time",
        (Some("Timetz"), _) => "TimeTz",
        (Some("Timestamptz"), _) => "TimestampTz",
        (Some("Money" | "Citext" | "Xml"), _) => return None,
        (_, Scalar::Int) => "Int4",
        (_, Scalar::BigInt) => "Int8",
        (_, Scalar::Float) => "Float8",
        (_, Scalar::Decimal) => "Numeric",
        (_, Scalar::String) => "Text",
        (_, Scalar::DateTime) => "Timestamp",
        (_, Scalar::Bytes) => "Bytea",
        (_, Scalar::Boolean | Scalar::Json) => return None,
    })
}
