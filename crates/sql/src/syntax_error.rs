//! Where a text stops being SQL.
//!
//! The parser tells the word that it refused but not where it stands, so the place is found by
//! asking it again: the first word at which the text before it could still become a statement, and
//! with it cannot.

use thiserror::Error;

use crate::statement::tokens;

/// PostgreSQL's grammar refuses the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message} (line {line}, column {column})")]
pub struct SyntaxError {
    /// PostgreSQL's words: `syntax error at or near "TABEL"`.
    pub message: String,
    /// What a server answers: 42601, or 0A000 for a clause that fits the grammar and never the statement
    /// (`UNIQUE … NOT VALID`).
    pub sqlstate: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The byte of the file.
    pub offset: usize,
}

const SYNTAX: &str = "42601";

/// A file that begins with a byte order mark: Prisma sends it to the server, which refuses it.
pub(crate) fn byte_order_mark() -> SyntaxError {
    SyntaxError {
        message:
            "the file begins with a byte order mark, which PostgreSQL refuses; save it as UTF-8 without one"
                .to_owned(),
        sqlstate: SYNTAX,
        line: 1,
        column: 1,
        offset: 0,
    }
}

/// The place of the error that the parser reports for `text`.
pub(crate) fn locate(text: &str, error: &pg_query::Error) -> SyntaxError {
    let (message, offset) = match error {
        pg_query::Error::Parse(message) => (message.clone(), offset_of(text, message)),
        pg_query::Error::Conversion(_) => (
            "the file contains a zero byte, which PostgreSQL does not accept in SQL".to_owned(),
            text.find('\0').unwrap_or(0),
        ),
        other => (other.to_string(), 0),
    };
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let sqlstate = if message.contains(" constraints cannot be marked ") { "0A000" } else { SYNTAX };
    SyntaxError {
        message,
        sqlstate,
        line: position(before.matches('\n').count()),
        column: position(before[line_start..].chars().count()),
        offset,
    }
}

fn position(before: usize) -> u32 {
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

fn offset_of(text: &str, message: &str) -> usize {
    if message.ends_with("at end of input") {
        return text.trim_end().len();
    }
    let Some(word) = message.split_once("at or near \"").and_then(|(_, rest)| rest.strip_suffix('"')) else {
        return 0;
    };
    let tokens = tokens(text);
    if tokens.is_empty() {
        // Not even words: an unterminated string or comment. The message quotes the text from where
        // it begins.
        return text.find(word).unwrap_or(0);
    }
    let candidates: Vec<_> =
        tokens.iter().filter(|token| text[token.start..token.end].eq_ignore_ascii_case(word)).collect();
    // Each try parses the text up to the candidate. The first that fails with these words is the place.
    candidates
        .iter()
        .find(|token| {
            matches!(
                pg_query::parse(&text[..token.end], 0),
                Err(pg_query::Error::Parse(said)) if said == message
            )
        })
        .or(candidates.first())
        .map_or(0, |token| token.start)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::read;

    #[test]
    fn the_place_is_the_word_that_cannot_continue_the_text() {
        let error = read("CREATE TABLE a (x int);\nALTER TABLE x DROP x x;\n").unwrap_err();
        assert_eq!(error.to_string(), "syntax error at or near \"x\" (line 2, column 22)");
        let error = read("SELECT 1;\nCREATE TABEL a ();").unwrap_err();
        assert_eq!((error.line, error.column, error.offset), (2, 8, 17));
        let error = read("CREATE TABLE a (").unwrap_err();
        assert_eq!(error.message, "syntax error at end of input");
        assert_eq!((error.line, error.offset), (1, 16));
    }

    #[test]
    fn a_byte_order_mark_and_an_open_string_are_told() {
        assert!(read("\u{feff}SELECT 1").unwrap_err().message.contains("byte order mark"));
        let error = read("SELECT 1;\nSELECT 'open").unwrap_err();
        assert_eq!((error.line, error.column), (2, 8), "{error}");
        assert_eq!(read("SELECT 1;\0").unwrap_err().offset, 9);
    }
}
