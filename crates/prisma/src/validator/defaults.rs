//! `@default`: values and functions.

use super::attributes::{Arguments, described};
use super::entity::ColumnKind;
use super::error::Errors;
use crate::schema::{Argument, Arity, Attribute, Enum, Expression, Field, Scalar, Span};

/// The functions that Prisma knows. Others are told later, when all else is clean.
const FUNCTIONS: [&str; 8] =
    ["autoincrement", "cuid", "dbgenerated", "nanoid", "now", "ulid", "uuid", "auto"];

/// What is wrong, and what to do.
type Wrong = (String, String);

/// Reads the attribute; what is wrong is told at it. Answers attribute, value, and whether the default has a name
/// in the database.
pub(super) fn read<'a>(
    mut arguments: Arguments<'a>,
    field: &'a Field,
    kind: ColumnKind<'a>,
    errors: &mut Errors,
) -> Option<(&'a Attribute, &'a Expression, bool)> {
    let attribute = arguments.attribute;
    let Some(value) = arguments.main("value", errors) else {
        arguments.finish(errors);
        return None;
    };
    let is_named = arguments.text("map", errors).is_some();
    let is_list = field.field_type.arity == Arity::List;
    let wrong = match (value, kind) {
        (Expression::Function { name, arguments, .. }, _) if name.name == "dbgenerated" => {
            expression(arguments)
        }
        (_, ColumnKind::Scalar(scalar)) => of_scalar(scalar, value, is_list, is_named),
        (_, ColumnKind::Enum(found)) => of_enum(found, value, is_list),
        (_, ColumnKind::Unsupported(_)) => wrong(
            "an Unsupported field can have @default(dbgenerated(\"…\")) alone",
            "write the default as the database would",
        ),
        (_, ColumnKind::Composite(_)) => {
            wrong("a composite type can have no default", "remove the attribute")
        }
    };
    match wrong {
        Ok(()) => {}
        Err(Place::Attribute(message, hint)) => errors.tell(attribute.span, message, hint),
        Err(Place::Value(span, message, hint)) => errors.tell(span, message, hint),
    }
    arguments.finish(errors);
    Some((attribute, value, is_named))
}

/// What is wrong, told at the attribute or at the value.
enum Place {
    Attribute(String, String),
    Value(Span, String, String),
}

fn wrong(message: impl Into<String>, hint: impl Into<String>) -> Result<(), Place> {
    Err(Place::Attribute(message.into(), hint.into()))
}

/// `dbgenerated("…")`
fn expression(arguments: &[Argument]) -> Result<(), Place> {
    match arguments {
        [] => Ok(()),
        [only] if only.value.as_str().is_some_and(|text| !text.is_empty()) => Ok(()),
        _ => {
            wrong("dbgenerated takes one expression, as a string", "write dbgenerated(\"gen_random_uuid()\")")
        }
    }
}

fn of_scalar(scalar: Scalar, value: &Expression, is_list: bool, is_named: bool) -> Result<(), Place> {
    if let Expression::Function { name, arguments, .. } = value {
        return function(scalar, &name.name, arguments, is_named);
    }
    match value {
        Expression::Array { items, .. } if is_list => {
            // The first that does not fit is told.
            items.iter().try_for_each(|item| literal(scalar, item))
        }
        _ if is_list => wrong("the default of a list must be a list", "write it in brackets: [1, 2]"),
        Expression::Array { .. } => {
            wrong("the default of a single value cannot be a list", "remove the brackets")
        }
        value => literal(scalar, value),
    }
}

fn literal(scalar: Scalar, value: &Expression) -> Result<(), Place> {
    let is_text = value.as_str().is_some();
    let is_number = matches!(value, Expression::Number { .. });
    let fits = match scalar {
        Scalar::String | Scalar::Json | Scalar::Bytes | Scalar::DateTime => is_text,
        Scalar::Int | Scalar::BigInt | Scalar::Float => is_number,
        Scalar::Decimal => is_text || is_number,
        Scalar::Boolean => match value {
            Expression::Constant(word) if word.name == "true" || word.name == "false" => true,
            Expression::Constant(word) => {
                let message = format!("`{}` is neither true nor false", word.name);
                return Err(Place::Value(value.span(), message, "write true or false".to_owned()));
            }
            _ => false,
        },
    };
    if fits {
        return Ok(());
    }
    let hint = match scalar {
        Scalar::String | Scalar::Json | Scalar::Bytes | Scalar::DateTime => "write it in double quotes",
        Scalar::Boolean => "write true or false, without quotes",
        Scalar::Int | Scalar::BigInt | Scalar::Float | Scalar::Decimal => "write a number, without quotes",
    };
    wrong(format!("expected a value of type {}, found {}", scalar.as_str(), described(value)), hint)
}

fn function(scalar: Scalar, name: &str, arguments: &[Argument], is_named: bool) -> Result<(), Place> {
    if name == "autoincrement" && is_named {
        return wrong("autoincrement() cannot have a name in the database", "remove `map`");
    }
    let fits = match name {
        "autoincrement" => matches!(scalar, Scalar::Int | Scalar::BigInt),
        "cuid" | "uuid" | "ulid" | "nanoid" => scalar == Scalar::String,
        "now" => scalar == Scalar::DateTime,
        "auto" => true,
        // Told when all else is clean.
        _ => return Ok(()),
    };
    if !fits {
        let message = format!("{name}() cannot be the default of a field of type {}", scalar.as_str());
        let hint = match name {
            "autoincrement" => "it goes with Int and BigInt",
            "now" => "it goes with DateTime",
            _ => "it goes with String",
        };
        return wrong(message, hint);
    }
    let number = || match arguments {
        [] => Some(None),
        [only] => match &only.value {
            Expression::Number { text, .. } => Some(Some(text.parse::<u8>().ok())),
            _ => None,
        },
        _ => None,
    };
    let (is_right, hint) = match name {
        "cuid" => (matches!(number(), Some(None | Some(Some(1 | 2)))), "write cuid() or cuid(2)"),
        "uuid" => (matches!(number(), Some(None | Some(Some(4 | 7)))), "write uuid(), uuid(4) or uuid(7)"),
        "nanoid" => {
            (matches!(number(), Some(None | Some(Some(2..)))), "write nanoid(), or a length from 2 to 255")
        }
        _ => (arguments.is_empty(), "remove what stands in the parentheses"),
    };
    if is_right {
        return Ok(());
    }
    wrong(format!("{name}() does not take these arguments"), hint)
}

fn of_enum(found: &Enum, value: &Expression, is_list: bool) -> Result<(), Place> {
    let one = |value: &Expression| {
        let title = &found.name.name;
        match value {
            Expression::Constant(word) if found.values.iter().any(|own| own.name.name == word.name) => Ok(()),
            other => {
                let message = format!("{} is no value of enum `{title}`", described(other));
                wrong(message, "write one of its values, without quotes")
            }
        }
    };
    match value {
        Expression::Array { items, .. } if is_list => items.iter().try_for_each(one),
        value if is_list => {
            wrong(format!("expected a list, found {}", described(value)), "write it in brackets")
        }
        value => one(value),
    }
}

/// Whether Prisma has a function of this name.
pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}

/// What is wrong with the text of a value, which Prisma looks into when all else is clean.
pub(super) fn check_value(scalar: Scalar, value: &Expression, errors: &mut Errors) {
    if let Expression::Array { items, .. } = value {
        items.iter().for_each(|item| check_value(scalar, item, errors));
        return;
    }
    let wrong: Option<Wrong> = match (scalar, value) {
        (Scalar::Json, Expression::String(literal)) => json(&literal.value),
        (Scalar::Bytes, Expression::String(literal)) => bytes(&literal.value),
        (Scalar::DateTime, Expression::String(literal)) => date_time(&literal.value),
        (Scalar::Decimal, Expression::String(literal)) => decimal(&literal.value),
        (Scalar::Int | Scalar::BigInt, Expression::Number { text, .. }) => integer(text),
        _ => None,
    };
    if let Some((message, hint)) = wrong {
        errors.tell(value.span(), message, hint);
    }
}

fn refused(text: &str, what: &str, hint: &str) -> Option<Wrong> {
    Some((format!("`{text}` is no {what}"), hint.to_owned()))
}

fn json(text: &str) -> Option<Wrong> {
    let error = serde_json::from_str::<serde_json::Value>(text).err()?;
    Some((format!("`{text}` is no JSON: {error}"), "write a JSON document, its quotes escaped".to_owned()))
}

fn bytes(text: &str) -> Option<Wrong> {
    use base64::Engine;
    let is_read = base64::engine::general_purpose::STANDARD.decode(text).is_ok();
    if is_read { None } else { refused(text, "base64", "write the bytes in base64, with its padding") }
}

fn integer(text: &str) -> Option<Wrong> {
    let is_read = text.parse::<i64>().is_ok();
    if is_read { None } else { refused(text, "whole number of 64 bits", "write digits alone") }
}

fn date_time(text: &str) -> Option<Wrong> {
    let is_read = crate::migrate::is_date_time(text);
    if is_read { None } else { refused(text, "point in time", "write it as RFC 3339: 2026-01-31T12:00:00Z") }
}

/// Digits with a sign, a point and an exponent, where wanted; `_` may stand between digits.
fn decimal(text: &str) -> Option<Wrong> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let mantissa_digits = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (whole, fraction) = mantissa_digits.split_once('.').unwrap_or((mantissa_digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let first = whole.bytes().chain(fraction.bytes()).next();
    let is_mantissa =
        is_digits(whole) && is_digits(fraction) && first.is_some_and(|byte| byte.is_ascii_digit());
    let is_exponent = exponent.is_none_or(|exponent| exponent.parse::<i64>().is_ok());
    if is_mantissa && is_exponent { None } else { refused(text, "decimal number", "write digits: 12.5") }
}
