//! String literals: JSON's strings, on one line.

use super::{Span, SyntaxError, SyntaxErrorKind};

/// A string as it stands in a text.
pub(super) struct Literal {
    /// What it means.
    pub(super) value: String,
    /// Bytes in the text, with the quotes.
    pub(super) length: usize,
    /// Whether the second quote is there.
    pub(super) is_closed: bool,
}

/// The string that begins at `start`. It ends with its line at the latest.
pub(super) fn read(file: usize, text: &str, start: usize, errors: &mut Vec<SyntaxError>) -> Literal {
    let mut value = String::new();
    let mut at = start + 1;
    let mut error = |kind, start: usize, end: usize| {
        errors.push(SyntaxError { kind, span: Span { file, start, end } });
    };
    while let Some(character) = text[at..].chars().next() {
        let length = character.len_utf8();
        match character {
            '"' => return Literal { value, length: at + 1 - start, is_closed: true },
            '\n' | '\r' => break,
            '\\' => match escape(&text[at + 1..]) {
                Ok((meaning, length)) => {
                    value.push(meaning);
                    at += 1 + length;
                    continue;
                }
                Err(Wrong { kind: Some(kind), length }) => {
                    error(kind, at, at + 1 + length);
                    at += 1 + length;
                    continue;
                }
                Err(Wrong { kind: None, .. }) => {}
            },
            control if control < '\u{20}' => error(SyntaxErrorKind::ControlCharacter, at, at + length),
            other => value.push(other),
        }
        at += length;
    }
    error(SyntaxErrorKind::OpenString, start, at);
    Literal { value, length: at - start, is_closed: false }
}

/// An escape that means nothing: what to tell, and how many bytes behind the backslash to pass over.
/// A backslash at the end of the line tells nothing of its own: the string is not closed.
struct Wrong {
    kind: Option<SyntaxErrorKind>,
    length: usize,
}

/// What stands behind a backslash: its meaning and its length.
fn escape(text: &str) -> Result<(char, usize), Wrong> {
    let Some(first) = text.chars().next().filter(|first| !matches!(first, '\n' | '\r')) else {
        return Err(Wrong { kind: None, length: 0 });
    };
    let meaning = match first {
        '"' | '\\' | '/' => first,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(text),
        other => return Err(Wrong { kind: Some(SyntaxErrorKind::Escape(other)), length: other.len_utf8() }),
    };
    Ok((meaning, 1))
}

/// `uXXXX`, or two of them with a backslash between for a character beyond the first plane.
fn unicode(text: &str) -> Result<(char, usize), Wrong> {
    let unit = |text: &str| {
        let digits = text.get(1..5).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(text).ok_or(Wrong { kind: Some(SyntaxErrorKind::UnicodeEscape), length: 1 })?;
    let second = text.get(5..).filter(|rest| rest.starts_with("\\u")).and_then(|rest| unit(&rest[1..]));
    let alone = char::decode_utf16([first]).next().and_then(Result::ok);
    let paired = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match (alone, paired) {
        (Some(character), _) => Ok((character, 5)),
        (None, Some(character)) => Ok((character, 11)),
        (None, None) => Err(Wrong { kind: Some(SyntaxErrorKind::UnicodeEscape), length: 5 }),
    }
}
