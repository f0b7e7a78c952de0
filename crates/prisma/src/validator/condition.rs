//! `where` of an index: a partial index, a preview feature since Prisma 7.4.

use super::attributes::{Arguments, described};
use super::entity::Entity;
use super::error::Errors;
use crate::schema::{Expression, Model, Names, Scalar, Span, TypeOf};

/// Where the condition stands, if there is one; what is wrong with it is told at the attribute.
pub(super) fn read<'a>(
    arguments: &mut Arguments<'a>,
    entity: &Entity<'a>,
    names: &Names<'a>,
    errors: &mut Errors,
) -> Option<Span> {
    if !entity.has_conditions {
        return None;
    }
    let argument = arguments.argument("where")?;
    let span = arguments.span();
    match &argument.value {
        Expression::Function { name, arguments, .. } if name.name == "raw" => {
            match arguments.first().map(|argument| argument.value.as_str()) {
                Some(Some("")) => {
                    errors.tell(span, "the condition is empty", "write it, or leave `where` away")
                }
                Some(Some(_)) => {}
                _ => errors.tell(
                    span,
                    "raw takes the condition as a string",
                    "write raw(\"status = 'active'\")",
                ),
            }
        }
        Expression::Object { entries, .. } if entries.is_empty() => {
            errors.tell(span, "the condition is empty", "write it, or leave `where` away");
        }
        Expression::Object { entries, .. } => {
            for entry in entries {
                let name = entry.name.as_ref().map_or("", |name| name.name.as_str());
                if let Err((message, hint)) = holds(entity.model, names, name, &entry.value) {
                    errors.tell(span, message, hint);
                }
            }
        }
        other => {
            let message = format!("expected a condition, found {}", described(other));
            errors.tell(span, message, "write raw(\"…\"), or { field: value }");
        }
    }
    Some(argument.span)
}

type Wrong = (String, &'static str);

/// Whether a field can be compared with a value.
fn holds<'a>(model: &'a Model, names: &Names<'a>, name: &str, value: &Expression) -> Result<(), Wrong> {
    let Some(field) = model.field(name) else {
        return Err((
            format!("`{}` has no field `{name}`", model.name.name),
            "name a field that holds values",
        ));
    };
    let value = match value {
        Expression::Object { entries, .. } => match &entries[..] {
            [only] if only.name.as_ref().is_some_and(|name| name.name == "not") => &only.value,
            _ => {
                return Err((
                    format!("no condition on `{name}` can say that"),
                    "write { not: … }, or raw(\"…\")",
                ));
            }
        },
        value => value,
    };
    let scalars: &[Scalar] = match (value, names.type_of(field)) {
        (_, TypeOf::Model(_) | TypeOf::Unknown(_)) => {
            return Err((format!("`{name}` holds no value of its own"), "name the field that holds the key"));
        }
        (Expression::Constant(word), _) if word.name == "null" => return Ok(()),
        (Expression::Constant(word), _) if word.name == "true" || word.name == "false" => &[Scalar::Boolean],
        (Expression::String(_), _) => &[Scalar::String, Scalar::DateTime, Scalar::Bytes],
        (Expression::Number { .. }, _) => &[Scalar::Int, Scalar::BigInt, Scalar::Float, Scalar::Decimal],
        (other, _) => {
            return Err((
                format!("`{name}` cannot be compared with {}", described(other)),
                "compare it with a string, a number, true, false or null",
            ));
        }
    };
    match names.type_of(field) {
        TypeOf::Scalar(scalar) if !scalars.contains(&scalar) => Err((
            format!("`{name}` is of type {}, not {}", scalar.as_str(), described(value)),
            "compare it with a value of its type",
        )),
        _ => Ok(()),
    }
}
