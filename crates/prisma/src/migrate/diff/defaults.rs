//! Whether two defaults are the same to Prisma.

use crate::migrate::catalog::{Column, Default, Value};

/// Points in time are never compared, documents by what they mean, expressions without regard to
/// case; and what the schema leaves to the database is whatever is there.
pub(super) fn are_the_same(before: &Column, after: &Column) -> bool {
    use Default::{DbGenerated, Now, Sequence, Value as Constant};
    match (before.default.as_ref(), after.default.as_ref()) {
        (Some(DbGenerated(_)), Some(Constant(Value::List(_))))
        | (Some(Constant(Value::List(_))), Some(DbGenerated(_))) => {
            is_temporal(before) || is_temporal(after) || matches!(after.default, Some(DbGenerated(None)))
        }
        (Some(Constant(Value::DateTime(_))), Some(_)) | (Some(_), Some(Constant(Value::DateTime(_)))) => true,
        (Some(Constant(one)), Some(Constant(other))) => constants_are_the_same(one, other),
        (Some(DbGenerated(Some(one))), Some(DbGenerated(Some(other)))) => one.eq_ignore_ascii_case(other),
        // A sequence comes and goes with the column's being autoincrementing.
        (_, Some(DbGenerated(None) | Sequence(_))) | (Some(Sequence(_)), None) => true,
        (Some(Now), Some(Now)) | (None, None) => true,
        (Some(Constant(_)), Some(Now) | None)
        | (Some(Now), Some(Constant(_)) | None)
        | (Some(DbGenerated(_)), Some(Constant(_) | Now) | None)
        | (Some(Sequence(_)), Some(Constant(_) | Now))
        | (None, Some(Constant(_) | Now))
        | (_, Some(DbGenerated(Some(_)))) => false,
    }
}

fn is_temporal(column: &Column) -> bool {
    column.native_type().is_some_and(crate::migrate::NativeType::is_temporal)
}

fn constants_are_the_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| elements_are_the_same(one, other))
        }
        (Value::Json(one), Value::Json(other) | Value::String(other))
        | (Value::String(one), Value::Json(other)) => documents_are_the_same(one, other),
        (Value::Int(one), Value::BigInt(other)) | (Value::BigInt(one), Value::Int(other)) => one == other,
        (Value::Enum(one), Value::String(other)) | (Value::String(one), Value::Enum(other)) => one == other,
        _ => one == other,
    }
}

/// In a list Prisma is stricter: an enum's value is no string there, and an `Int` no `BigInt`.
fn elements_are_the_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::Json(other)) | (Value::Json(one), Value::String(other)) => {
            documents_are_the_same(one, other)
        }
        (Value::DateTime(_), _) | (_, Value::DateTime(_)) => true,
        (Value::Enum(text), Value::Bytes(bytes)) | (Value::Bytes(bytes), Value::Enum(text)) => {
            text.strip_prefix("\\x").is_some_and(|digits| digits.eq_ignore_ascii_case(&hexadecimal(bytes)))
        }
        _ => one == other,
    }
}

/// What is no JSON is the same as anything.
fn documents_are_the_same(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    read(one).zip(read(other)).is_none_or(|(one, other)| one == other)
}

/// The digits of bytes.
pub(in crate::migrate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
