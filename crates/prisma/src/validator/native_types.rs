//! Native types: what stands behind `@db.`, and what an `Unsupported("…")` could be instead.

use super::entity::{Column, ColumnKind};
use super::error::Errors;
use crate::schema::{Attribute, Expression, Scalar};

/// A native type by its name: the scalar it goes with, and how many arguments it takes at most.
const TYPES: [(&str, Scalar, usize); 26] = [
    ("SmallInt", Scalar::Int, 0),
    ("Integer", Scalar::Int, 0),
    ("Oid", Scalar::Int, 0),
    ("BigInt", Scalar::BigInt, 0),
    ("Decimal", Scalar::Decimal, 2),
    ("Money", Scalar::Decimal, 0),
    ("Real", Scalar::Float, 0),
    ("DoublePrecision", Scalar::Float, 0),
    ("Inet", Scalar::String, 0),
    ("Citext", Scalar::String, 0),
    ("VarChar", Scalar::String, 1),
    ("Char", Scalar::String, 1),
    ("Text", Scalar::String, 0),
    ("Bit", Scalar::String, 1),
    ("VarBit", Scalar::String, 1),
    ("Uuid", Scalar::String, 0),
    ("Xml", Scalar::String, 0),
    ("ByteA", Scalar::Bytes, 0),
    ("Timestamp", Scalar::DateTime, 1),
    ("Timestamptz", Scalar::DateTime, 1),
    ("Date", Scalar::DateTime, 0),
    ("Time", Scalar::DateTime, 1),
    ("Timetz", Scalar::DateTime, 1),
    ("Boolean", Scalar::Boolean, 0),
    ("Json", Scalar::Json, 0),
    ("JsonB", Scalar::Json, 0),
];

/// What PostgreSQL allows of a fraction of a second, and of the digits of a number.
const SECOND_DIGITS_MAX: u32 = 6;
const PRECISION_MAX: u32 = 1000;

type Type = (&'static str, Scalar, usize);

fn find(name: &str) -> Option<Type> {
    TYPES.into_iter().find(|(known, ..)| *known == name)
}

/// The native type's name without the datasource's.
pub(super) fn name_of(attribute: &Attribute) -> &str {
    attribute.name.name.split_once('.').map_or("", |(_, name)| name)
}

/// `@db.…` of a column.
pub(super) fn check(column: &Column<'_>, datasource: Option<&str>, errors: &mut Errors) {
    let (Some(attribute), ColumnKind::Scalar(scalar)) = (column.native, column.kind) else { return };
    let (prefix, name) = attribute.name.name.split_once('.').unwrap_or_default();
    if let Some(datasource) = datasource.filter(|datasource| *datasource != prefix) {
        let message =
            format!("native types begin with the datasource's name, `{datasource}`, not `{prefix}`");
        errors.tell(attribute.span, message, format!("write @{datasource}.{name}"));
    }
    if let Err((message, hint)) = fits(scalar, name, attribute) {
        errors.tell(attribute.span, message, hint);
    }
}

fn fits(scalar: Scalar, name: &str, attribute: &Attribute) -> Result<(), (String, String)> {
    let Some((_, wanted, arguments_max)) = find(name) else {
        let message = format!("PostgreSQL has no type that Prisma calls `{name}`");
        return Err((message, "see https://pris.ly/d/native-types, or use Unsupported(\"…\")".to_owned()));
    };
    let count = attribute.arguments.len();
    if count > arguments_max {
        let message = format!("`{name}` takes {arguments_max} arguments, not {count}");
        return Err((message, "remove some".to_owned()));
    }
    if wanted != scalar {
        let message = format!("`{name}` goes with {}, not with {}", wanted.as_str(), scalar.as_str());
        return Err((message, format!("change the field's type to {}", wanted.as_str())));
    }
    let numbers: Option<Vec<u32>> = attribute
        .arguments
        .iter()
        .map(|argument| match &argument.value {
            Expression::Number { text, .. } => text.parse().ok(),
            _ => None,
        })
        .collect();
    let Some(numbers) = numbers.filter(|numbers| is_count(name, numbers.len())) else {
        let message = format!("`{name}` does not take these arguments");
        let hint =
            if name == "Decimal" { "write precision and scale: (10, 2)" } else { "write a whole number" };
        return Err((message, hint.to_owned()));
    };
    let refused = |message: &str, hint: &str| Err((message.to_owned(), hint.to_owned()));
    match (name, &numbers[..]) {
        ("Decimal", [precision, scale]) if scale > precision => refused(
            "the scale is larger than the precision",
            "precision counts the digits behind the point too",
        ),
        ("Decimal", [precision, _]) if !(1..=PRECISION_MAX).contains(precision) => {
            refused("the precision is out of range", "it is at least 1 and at most 1000")
        }
        ("Bit" | "VarBit", [0]) => refused("the length is 0", "it is at least 1"),
        ("Timestamp" | "Timestamptz" | "Time" | "Timetz", [digits]) if *digits > SECOND_DIGITS_MAX => {
            refused("PostgreSQL keeps six digits of a second at most", "write a number from 0 to 6")
        }
        _ => Ok(()),
    }
}

fn is_count(name: &str, count: usize) -> bool {
    name != "Decimal" || count != 1
}

/// The native type that an `Unsupported("…")` is, if Prisma has a name for it: it goes by its own names, not by
/// PostgreSQL's. Answers how it is written.
pub(super) fn of_unsupported(text: &str, datasource: &str) -> Option<String> {
    let (name, rest) = text.split_once('(').map_or((text, None), |(name, rest)| (name, Some(rest)));
    let (name, scalar, arguments_max) = find(name.trim())?;
    let listed = rest.and_then(|rest| rest.split_once(')')).map(|(listed, _)| listed);
    if arguments_max == 0 {
        return Some(format!("{} @{datasource}.{name}", scalar.as_str()));
    }
    let numbers: Vec<u32> = listed.map_or(Some(Vec::new()), |listed| {
        listed.split(',').map(|number| number.trim().parse().ok()).collect()
    })?;
    let arguments = match &numbers[..] {
        [] => String::new(),
        numbers if !is_count(name, numbers.len()) => return None,
        numbers => format!("({})", numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    };
    Some(format!("{} @{datasource}.{name}{arguments}", scalar.as_str()))
}
