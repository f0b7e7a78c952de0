//! Defaults of arrays: `ARRAY['a'::text]` and `'{a}'::text[]`.

use super::default::{Family, boolean, number, of_one, skip_cast, string, unescaped, whole_number};
use super::token::{Kind, Tokens};
use crate::migrate::catalog::{Default, Value};

pub(super) fn of_list(tokens: &mut Tokens<'_>, family: Family) -> Option<Vec<Value>> {
    match tokens.peek()? {
        Kind::Literal => of_literal(&string(tokens)?, family),
        Kind::Word | Kind::Sign('(') => of_constructor(tokens, family),
        _ => None,
    }
}

/// What follows the closing bracket is not looked at, an operator neither: `ARRAY['a'] || ARRAY['b']` is one
/// element to Prisma.
fn of_constructor(tokens: &mut Tokens<'_>, family: Family) -> Option<Vec<Value>> {
    tokens.expect(Kind::Sign('('));
    if !tokens.expect(Kind::Word)?.eq_ignore_ascii_case("array") {
        return None;
    }
    tokens.expect(Kind::Sign('['))?;
    let mut values = Vec::new();
    while tokens.expect(Kind::Sign(']')).is_none() {
        match of_one(tokens, family)? {
            Default::Value(value) => values.push(value),
            Default::Now | Default::Sequence(_) | Default::DbGenerated(_) => return None,
        }
        match tokens.take()?.0 {
            Kind::Sign(']') => break,
            Kind::Sign(',') => {}
            _ => return None,
        }
    }
    Some(values)
}

fn of_literal(text: &str, family: Family) -> Option<Vec<Value>> {
    let mut tokens = Tokens::of(text);
    tokens.expect(Kind::Sign('{'))?;
    let mut values = Vec::new();
    while tokens.expect(Kind::Sign('}')).is_none() {
        values.push(element(&mut tokens, family)?);
        match tokens.take()?.0 {
            Kind::Sign('}') => break,
            Kind::Sign(',') => {}
            _ => return None,
        }
    }
    Some(values)
}

fn element(tokens: &mut Tokens<'_>, family: Family) -> Option<Value> {
    match (tokens.peek()?, family) {
        (Kind::Word, _) => read(tokens.expect(Kind::Word)?, family),
        (Kind::QuotedName, _) => read(&unescaped(tokens.expect(Kind::QuotedName)?), family),
        (Kind::Literal, _) => read(&string(tokens)?, family),
        (Kind::Sign('-') | Kind::Digits, Family::Int) => match whole_number(tokens)? {
            Default::Value(value) => Some(value),
            Default::Now | Default::Sequence(_) | Default::DbGenerated(_) => None,
        },
        (Kind::Sign('-') | Kind::Digits, Family::Float) => {
            let number = number(tokens)?;
            skip_cast(tokens)?;
            Some(Value::Decimal(number))
        }
        _ => None,
    }
}

fn read(text: &str, family: Family) -> Option<Value> {
    match family {
        Family::Text => Some(Value::String(text.to_owned())),
        Family::Boolean => boolean(text).map(Value::Boolean),
        Family::Json => Some(Value::Json(text.to_owned())),
        Family::Enum => Some(Value::Enum(string(&mut Tokens::of(text)).unwrap_or_else(|| text.to_owned()))),
        // PostgreSQL writes numbers without quotes, so that they are no words.
        Family::Int | Family::Float | Family::Time | Family::Binary | Family::Other => None,
    }
}
