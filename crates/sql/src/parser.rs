//! PostgreSQL's parser, asked about nothing that takes it for ever.
//!
//! Its scanner takes signs that stand together for one operator and then, often, gives back all but the first. A
//! thousand `+` in a row are looked at a million times, a megabyte of them for an hour; `/*/*/*` is no better. Who
//! writes such a thing wants to see the reader hang. Everything else that it does takes time in proportion, and its
//! own stack it looks after.

use std::ops::Range;

use pg_query::protobuf::ScanResult;
use pg_query::{Error, ParseResult};

/// So many signs are looked at again, in a second without optimisation: 4,000 in a row and nobody's SQL.
const AGAIN_MAX: usize = 10_000_000;

/// So many in a row may be an operator, and cost nothing.
const OPERATOR_BYTES_MAX: usize = 64;

/// What PostgreSQL says to an operator of more than that.
pub(crate) const REFUSED: &str = "operator too long";

/// The trees of a text.
pub(crate) fn parse(text: &str) -> Result<ParseResult, Error> {
    check(text).map_err(Error::Parse)?;
    pg_query::parse(text, 0)
}

/// The words of a text.
pub(crate) fn scan(text: &str) -> Result<ScanResult, Error> {
    check(text).map_err(Error::Scan)?;
    pg_query::scan(text)
}

/// The statements of a text, which the grammar tells.
pub(crate) fn split_with_parser(text: &str) -> Result<Vec<&str>, Error> {
    check(text).map_err(Error::Split)?;
    pg_query::split_with_parser(text)
}

/// The statements of a text, which the scanner tells.
pub(crate) fn split_with_scanner(text: &str) -> Result<Vec<&str>, Error> {
    check(text).map_err(Error::Split)?;
    pg_query::split_with_scanner(text)
}

/// The signs with which it becomes too much.
pub(crate) fn endless(text: &str) -> Option<Range<usize>> {
    let text = text.as_bytes();
    let long = |length: &usize| *length > OPERATOR_BYTES_MAX;
    let squares = text
        .split(|byte| !is_sign(*byte))
        .map(<[u8]>::len)
        .filter(long)
        .map(|length| length.saturating_mul(length));
    // Lines of stars and dashes are in many comments, so the quick look is not the last.
    if squares.fold(0, usize::saturating_add) <= AGAIN_MAX {
        return None;
    }
    let mut again = Again { text, at: 0, signs: 0..0, sum: 0 };
    while again.at < text.len() && again.sum <= AGAIN_MAX {
        again.step();
    }
    (again.sum > AGAIN_MAX).then_some(again.signs)
}

fn check(text: &str) -> Result<(), String> {
    endless(text).map_or(Ok(()), |_| Err(REFUSED.to_owned()))
}

/// What operators are made of.
fn is_sign(byte: u8) -> bool {
    const SIGNS: [bool; 256] = {
        let (mut signs, all, mut at) = ([false; 256], b"~!@#^&|`?+-*/%<>=", 0);
        while at < all.len() {
            signs[all[at] as usize] = true;
            at += 1;
        }
        signs
    };
    SIGNS[usize::from(byte)]
}

/// Signs that are looked at again in operators and nested comments, as the scanner goes along.
struct Again<'a> {
    text: &'a [u8],
    at: usize,
    /// The signs in a row that were looked at last.
    signs: Range<usize>,
    sum: usize,
}

impl Again<'_> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        match rest {
            [b'-', b'-', ..] => self.at += up_to(rest, |byte| matches!(byte, b'\n' | b'\r')),
            [b'/', b'*', ..] => self.comment(),
            [b'\'', ..] => {
                self.at += string(
                    rest,
                    b'\'',
                    self.text[..self.at].ends_with(b"E") || self.text[..self.at].ends_with(b"e"),
                )
            }
            [b'"', ..] => self.at += string(rest, b'"', false),
            [b'$', ..] => self.at += dollar_quoted(rest),
            [first, ..] if is_sign(*first) => {
                self.count();
                self.at += 1;
            }
            // A dollar inside a name quotes nothing.
            [first, ..] if is_in_name(*first) => {
                self.at += up_to(rest, |byte| !is_in_name(byte) && byte != b'$')
            }
            _ => self.at += 1,
        }
    }

    /// The signs from here on are looked at: for the first time, or again.
    fn count(&mut self) {
        if self.signs.end <= self.at {
            self.signs = self.at..self.at + up_to(&self.text[self.at..], |byte| !is_sign(byte));
            return;
        }
        let length = self.signs.end - self.at;
        if length > OPERATOR_BYTES_MAX {
            self.sum += length;
        }
    }

    fn comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(rest) =
            self.text.get(self.at..).filter(|rest| !rest.is_empty() && self.sum <= AGAIN_MAX)
        {
            self.at += match rest {
                [b'/', b'*', ..] => {
                    self.count();
                    depth += 1;
                    2
                }
                [b'*', b'/', ..] if depth == 1 => {
                    self.at += 2;
                    return;
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    2
                }
                _ => 1,
            };
        }
    }
}

/// How many bytes come before one of these.
fn up_to(text: &[u8], ends: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| ends(*byte)).unwrap_or(text.len())
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The length of a string or quoted name. A doubled quote is the end of one and the beginning of another.
fn string(text: &[u8], quote: u8, has_escapes: bool) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'\\' if has_escapes => at += 1,
            byte if *byte == quote => return at,
            _ => {}
        }
    }
    text.len()
}

/// The length of a dollar-quoted string, or of a dollar.
fn dollar_quoted(text: &[u8]) -> usize {
    let name = up_to(&text[1..], |byte| !is_in_name(byte));
    if text.get(1 + name) != Some(&b'$') || text[1].is_ascii_digit() {
        return 1;
    }
    let (mark, rest) = text.split_at(name + 2);
    let end = rest.windows(mark.len()).position(|some| some == mark);
    end.map_or(text.len(), |end| mark.len() + end + mark.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::read;

    const MANY: usize = 100_000;

    #[test]
    fn signs_without_end_are_refused_in_time() {
        for signs in ["+", "+-", "/*", "@", "|/", "<", "*/", "+/*"] {
            let text = format!("SELECT 1;\nSELECT {}1", signs.repeat(MANY));
            let error = read(&text).unwrap_err();
            assert!(error.message.starts_with(REFUSED), "{signs}: {error}");
            assert_eq!((error.line, error.column, crate::comments(&text).len()), (2, 8, 0), "{signs}");
        }
        let apart = format!("SELECT {}1", format!("{} ", "+".repeat(1_000)).repeat(MANY / 1_000));
        assert!(read(&apart).is_err());
    }

    #[test]
    fn signs_that_are_no_operators_are_read() {
        for text in [
            format!("-- {}\nSELECT 1", "+".repeat(MANY)),
            format!("{}\r\nSELECT 1", "-".repeat(MANY)),
            format!("/{}/ SELECT 1", "*".repeat(MANY)),
            format!("/* {} */ SELECT 1", "=".repeat(MANY)),
            format!("SELECT 'it''s {}'", "+".repeat(MANY)),
            format!("SELECT E'\\'{}'", "+".repeat(MANY)),
            format!("SELECT \"{}\"", "+".repeat(MANY)),
            format!("SELECT $a$ $b$ {} $a$, a$b, '$a$'", "+".repeat(MANY)),
            format!("SELECT $1, '{}'", "+".repeat(MANY)),
            format!("SELECT {}1", "+".repeat(500)),
        ] {
            assert_eq!(read(&text).unwrap().len(), 1, "{text:.40}");
        }
    }
}
