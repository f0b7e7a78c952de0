//! Constants of the scalar types.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::migrate::catalog::{Decimal, Value};
use crate::schema::{Expression, Scalar};

/// The value of an expression, read as a scalar.
pub(super) fn of_scalar(expression: &Expression, scalar: Scalar) -> Option<Value> {
    let text = || expression.as_str();
    let number = || match expression {
        Expression::Number { text, .. } => Some(text.as_str()),
        _ => None,
    };
    match scalar {
        Scalar::String => Some(Value::String(text()?.to_owned())),
        Scalar::Boolean => match expression.word()? {
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            _ => None,
        },
        Scalar::Int => Some(Value::Int(number()?.parse().ok()?)),
        Scalar::BigInt => Some(Value::BigInt(number()?.parse().ok()?)),
        Scalar::Float | Scalar::Decimal => Some(Value::Decimal(Decimal::new(number().or_else(text)?))),
        Scalar::DateTime => Some(Value::DateTime(date_time(text()?)?)),
        Scalar::Json => Some(Value::Json(text()?.to_owned())),
        Scalar::Bytes => Some(Value::Bytes(STANDARD.decode(text()?).ok()?)),
    }
}

/// A point in time of RFC 3339 as Prisma writes it into SQL: with a space, the offset behind another, and the
/// fraction in three, six or nine digits or none.
pub(crate) fn date_time(text: &str) -> Option<String> {
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    let (time, rest) = (rest.get(..8)?, &rest[8..]);
    let (fraction, offset) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => rest.split_at(rest.find(|sign: char| !sign.is_ascii_digit()).filter(|&end| end > 0)?),
    };
    let offset = match offset {
        "Z" | "z" | "-00:00" => "+00:00",
        offset => offset,
    };
    let shape = |text: &str, shape: &str| {
        let fits =
            |(sign, wanted): (u8, u8)| if wanted == b'0' { sign.is_ascii_digit() } else { sign == wanted };
        text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
    };
    let is_offset = shape(offset, "+00:00") || shape(offset, "-00:00");
    if !shape(date, "0000-00-00") || !shape(time, "00:00:00") || !is_offset {
        return None;
    }
    let number = |text: &str, at: usize| text[at..at + 2].parse::<i8>().ok();
    let (year, month, day) = (date[..4].parse().ok()?, number(date, 5)?, number(date, 8)?);
    let is_date = jiff::civil::Date::new(year, month, day).is_ok();
    // Second 60 is a leap second.
    let is_time = number(time, 0)? < 24 && number(time, 3)? < 60 && number(time, 6)? <= 60;
    let is_separated = matches!(text.as_bytes()[10], b'T' | b't' | b' ');
    if !is_date || !is_time || !is_separated || number(offset, 1)? >= 24 || number(offset, 4)? >= 60 {
        return None;
    }
    let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let groups = nanoseconds.trim_end_matches('0').len().div_ceil(3);
    let point = if groups == 0 { "" } else { "." };
    Some(format!("{date} {time}{point}{} {offset}", &nanoseconds[..3 * groups]))
}

#[cfg(test)]
mod tests {
    use super::date_time;

    #[test]
    fn a_point_in_time_is_written_as_prisma_does() {
        for (text, written) in [
            ("2020-01-02T03:04:05Z", "2020-01-02 03:04:05 +00:00"),
            ("2020-01-02T03:04:05.1-05:30", "2020-01-02 03:04:05.100 -05:30"),
            ("2020-01-02T03:04:05.123456+02:00", "2020-01-02 03:04:05.123456 +02:00"),
            ("1900-12-31T23:59:59.999999999Z", "1900-12-31 23:59:59.999999999 +00:00"),
            ("2020-01-02T03:04:05.120000Z", "2020-01-02 03:04:05.120 +00:00"),
        ] {
            assert_eq!(date_time(text).as_deref(), Some(written));
        }
        for text in [
            "",
            "2020-01-02",
            "2020-01-02T03:04:05",
            "2020-01-02T03:04:05.5",
            "2020-01-0éT03:04:05Z",
            "2020-01-02T03:04:05.Z",
            "2021-02-29T03:04:05Z",
            "2020-01-02_03:04:05Z",
            "2020-01-02T24:00:00Z",
            "2020-01-02T03:04:05+24:00",
        ] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }
}
