//! What Prisma's engine makes of a default that PostgreSQL deparsed: a constant where it understands one,
//! else an expression of the database.

use super::list::of_list;
use super::token::{Kind, Tokens};
use crate::migrate::catalog::{Decimal, Default, Value};

/// What the constants of a type are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    Json,
    /// 16, 32 and 64 bits.
    Int,
    /// Also numbers that are exact.
    Float,
    Boolean,
    Time,
    Binary,
    Enum,
    /// Nothing is a constant.
    Other,
}

/// The default of a column; `None` for NULL, which is as good as none.
pub(super) fn of_column(text: &str, family: Family, is_list: bool) -> Option<Default> {
    if text.trim().starts_with("NULL") {
        return None;
    }
    let mut tokens = Tokens::of(text);
    let understood = match is_list {
        // Behind a list Prisma does not look.
        true => of_list(&mut tokens, family).map(|values| Default::Value(Value::List(values))),
        false => of_one(&mut tokens, family).filter(|_| tokens.is_finished()),
    };
    Some(understood.unwrap_or_else(|| Default::DbGenerated(Some(text.to_owned()))))
}

pub(super) fn of_one(tokens: &mut Tokens<'_>, family: Family) -> Option<Default> {
    let value = match family {
        Family::Text | Family::Json => Value::String(string(tokens)?),
        Family::Int => return whole_number(tokens),
        Family::Float => {
            let number = number(tokens)?;
            skip_cast(tokens)?;
            Value::Decimal(number)
        }
        Family::Boolean => Value::Boolean(boolean(tokens.expect(Kind::Word)?)?),
        Family::Time => return now(tokens),
        Family::Binary => Value::Bytes(bytes(&string(tokens)?)?),
        Family::Enum => match tokens.peek()? {
            Kind::Word => {
                let word = tokens.expect(Kind::Word)?.to_owned();
                skip_cast(tokens)?;
                Value::Enum(word)
            }
            _ => Value::Enum(string(tokens)?),
        },
        Family::Other => return None,
    };
    Some(Default::Value(value))
}

/// The text of a constant, and past its cast.
pub(super) fn string(tokens: &mut Tokens<'_>) -> Option<String> {
    let literal = tokens.expect(Kind::Literal)?;
    skip_cast(tokens)?;
    Some(literal[1..literal.len() - 1].replace("''", "'"))
}

pub(super) fn boolean(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "t" | "true" => Some(true),
        "f" | "false" => Some(false),
        _ => None,
    }
}

pub(super) fn whole_number(tokens: &mut Tokens<'_>) -> Option<Default> {
    let number: i64 = match tokens.peek()? {
        Kind::Digits => tokens.expect(Kind::Digits)?.parse().ok()?,
        Kind::Sign('-') => {
            tokens.take()?;
            let digits: i64 = tokens.expect(Kind::Digits)?.parse().ok()?;
            -digits
        }
        Kind::Literal => string(tokens)?.parse().ok()?,
        Kind::Word => return sequence(tokens).map(Default::Sequence),
        _ => return None,
    };
    Some(Default::Value(Value::Int(number)))
}

/// The name of the sequence, without its namespace.
fn sequence(tokens: &mut Tokens<'_>) -> Option<String> {
    if !tokens.expect(Kind::Word)?.eq_ignore_ascii_case("nextval") {
        return None;
    }
    tokens.expect(Kind::Sign('('))?;
    tokens.expect(Kind::Sign('('));
    let literal = string(tokens)?;
    let mut names = Tokens::of(&literal);
    let mut name = one_name(&mut names)?;
    if names.expect(Kind::Sign('.')).is_some() {
        name = one_name(&mut names)?;
    }
    while tokens.take()?.0 != Kind::Sign(')') {}
    skip_cast(tokens)?;
    tokens.expect(Kind::Sign(')'));
    skip_cast(tokens)?;
    Some(name)
}

fn one_name(names: &mut Tokens<'_>) -> Option<String> {
    match names.take()? {
        (Kind::QuotedName, text) => Some(unescaped(text)),
        (Kind::Word, text) => Some(text.to_owned()),
        _ => None,
    }
}

/// What stands between double quotes. A backslash makes the next sign itself, as in elements of arrays.
pub(super) fn unescaped(quoted: &str) -> String {
    let mut signs = quoted[1..quoted.len() - 1].chars();
    let mut text = String::new();
    while let Some(sign) = signs.next() {
        text.extend(if sign == '\\' { signs.next() } else { Some(sign) });
    }
    text
}

/// A number, in parentheses or as the text of a constant too; its cast is not skipped.
pub(super) fn number(tokens: &mut Tokens<'_>) -> Option<Decimal> {
    if tokens.is_at(Kind::Literal) {
        let text = string(tokens)?;
        return number(&mut Tokens::of(&text));
    }
    let is_in_parentheses = tokens.expect(Kind::Sign('(')).is_some();
    let sign = tokens.expect(Kind::Sign('-')).unwrap_or_default();
    let mut text = format!("{sign}{}", tokens.expect(Kind::Digits)?);
    if tokens.expect(Kind::Sign('.')).is_some() {
        text.push('.');
        text.push_str(tokens.expect(Kind::Digits)?);
    }
    if is_in_parentheses {
        tokens.expect(Kind::Sign(')'))?;
    }
    Some(Decimal::new(&text))
}

fn now(tokens: &mut Tokens<'_>) -> Option<Default> {
    let word = tokens.expect(Kind::Word)?;
    if tokens.expect(Kind::Sign('(')).is_some() {
        tokens.expect(Kind::Sign(')'))?;
    }
    skip_cast(tokens)?;
    let is_now = word.eq_ignore_ascii_case("now") || word.eq_ignore_ascii_case("current_timestamp");
    is_now.then_some(Default::Now)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").filter(|digits| digits.is_ascii() && digits.len() % 2 == 0)?;
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

/// `::character varying(10)[]`, if there is one; `None` when it has no end.
pub(super) fn skip_cast(tokens: &mut Tokens<'_>) -> Option<()> {
    if tokens.expect(Kind::Cast).is_none() {
        return Some(());
    }
    while matches!(tokens.peek(), Some(Kind::QuotedName | Kind::Word | Kind::Sign('.'))) {
        tokens.take();
    }
    if tokens.is_at(Kind::Sign('(')) {
        while tokens.take()?.0 != Kind::Sign(')') {}
    }
    if tokens.expect(Kind::Sign('[')).is_some() {
        tokens.expect(Kind::Sign(']'))?;
    }
    Some(())
}
