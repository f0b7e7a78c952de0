//! Where a text stops being SQL, and what stands there.
//!
//! The parser tells the word that it refused but not where it stands, so the place is found by
//! asking it again: text before the word could still become a statement, and text up to the word or beyond it
//! is refused in the same words. The first such word is found by halving.

mod strange;

use std::ops::Range;

use thiserror::Error;

use crate::parser;
use crate::statement::{Token, tokens};

/// PostgreSQL's grammar refuses the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}{} (line {line}, column {column})", shown(meaning))]
pub struct SyntaxError {
    /// PostgreSQL's words: `syntax error at or near "TABEL"`.
    pub message: String,
    /// What it is instead of SQL, where that is known: a command of psql, a file that was cut off.
    pub meaning: Option<String>,
    /// What a server answers: 42601, or 0A000 for a clause that fits the grammar and never the statement
    /// (`UNIQUE … NOT VALID`).
    pub sqlstate: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The byte of the file.
    pub offset: usize,
    /// The byte behind the word that cannot stand there. At the end of the file there is no word, and this is
    /// `offset`.
    pub end: usize,
}

const SYNTAX: &str = "42601";

/// A file that begins with a byte order mark: Prisma sends it to the server, which refuses it.
pub(crate) fn byte_order_mark() -> SyntaxError {
    SyntaxError {
        message:
            "the file begins with a byte order mark, which PostgreSQL refuses; save it as UTF-8 without one"
                .to_owned(),
        meaning: None,
        sqlstate: SYNTAX,
        line: 1,
        column: 1,
        offset: 0,
        end: '\u{feff}'.len_utf8(),
    }
}

/// The place of the error that the parser reports for some bytes of `text`.
pub(crate) fn locate(text: &str, part: Range<usize>, error: &pg_query::Error) -> SyntaxError {
    let within = &text[part.clone()];
    let (message, place) = match (refusal(error), error) {
        (Some(message), _) => {
            let place = match error {
                _ if message == parser::REFUSED => parser::endless(within).unwrap_or(0..0),
                // The text may be 50 MB of an open string: it is not scanned once more.
                pg_query::Error::Scan(_) | pg_query::Error::Split(_) => unscannable(within, message),
                _ => place_of(within, message),
            };
            (strange::shortened(message), part.start + place.start..part.start + place.end)
        }
        (None, pg_query::Error::Conversion(_)) => {
            let at = part.start + within.find('\0').unwrap_or(0);
            let message = "the file contains a zero byte, which PostgreSQL does not accept in SQL";
            (message.to_owned(), at..(at + 1).min(text.len()))
        }
        (None, other) => (other.to_string(), part.start..part.start),
    };
    let before = &text[..place.start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let sqlstate = if message.contains(" constraints cannot be marked ") { "0A000" } else { SYNTAX };
    SyntaxError {
        meaning: strange::meaning(text, &place, &message),
        message,
        sqlstate,
        line: position(before.bytes().filter(|byte| *byte == b'\n').count()),
        column: position(before[line_start..].chars().count()),
        offset: place.start,
        end: place.end,
    }
}

fn shown(meaning: &Option<String>) -> String {
    meaning.as_ref().map(|meaning| format!(", {meaning}")).unwrap_or_default()
}

fn position(before: usize) -> u32 {
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

/// Where a text is refused with this message.
fn place_of(text: &str, message: &str) -> Range<usize> {
    if message.ends_with("at end of input") {
        let end = text.trim_end().len();
        return end..end;
    }
    let word = word_of(message);
    let scanned = parser::scan(text);
    let tokens = match scanned.as_ref().err().and_then(refusal) {
        Some(said) => {
            // From some place on these are not even words, which the parser learns when it comes there.
            let place = unscannable(text, said);
            if said == message {
                return place;
            }
            tokens(&text[..place.start])
        }
        None => tokens(text),
    };
    let reads_as =
        |token: &&Token| word.is_some_and(|word| text[token.start..token.end].eq_ignore_ascii_case(word));
    let named: Vec<Token> = tokens.iter().filter(reads_as).copied().collect();
    // Some refusals name no word.
    let candidates = if named.is_empty() { tokens } else { named };
    let refused = |token: &Token| says(parser::split_with_parser(&text[..token.end]), message);
    let first = candidates.partition_point(|token| !refused(token));
    candidates.get(first).or(candidates.first()).map_or(0..0, |token| token.start..token.end)
}

/// What the scanner, and no grammar, refuses: from where it begins to the end of its line.
fn unscannable(text: &str, message: &str) -> Range<usize> {
    let Some(word) = word_of(message) else { return 0..0 };
    let start = if text.ends_with(word) {
        // What is never closed is quoted to the end of the text.
        text.len() - word.len()
    } else {
        let candidates: Vec<usize> = text.match_indices(word).map(|(at, _)| at).collect();
        let refused = |at: &usize| says(parser::scan(&text[..*at + word.len()]), message);
        let first = candidates.partition_point(|at| !refused(at));
        candidates.get(first).or(candidates.first()).copied().unwrap_or(0)
    };
    let line = word.lines().next().unwrap_or_default();
    start..start + line.len()
}

/// The word that a message names.
fn word_of(message: &str) -> Option<&str> {
    message.split_once("at or near \"").and_then(|(_, rest)| rest.strip_suffix('"'))
}

fn says<T>(answer: Result<T, pg_query::Error>, message: &str) -> bool {
    answer.err().as_ref().and_then(refusal) == Some(message)
}

/// PostgreSQL's words, whoever asked it: the scanner or the grammar.
fn refusal(error: &pg_query::Error) -> Option<&str> {
    match error {
        pg_query::Error::Parse(said) | pg_query::Error::Scan(said) | pg_query::Error::Split(said) => {
            Some(said)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::read;

    /// Line and column, and what stands there.
    fn place(text: &str) -> (u32, u32, &str) {
        let error = read(text).unwrap_err();
        (error.line, error.column, &text[error.offset..error.end])
    }

    #[test]
    fn the_place_is_the_word_that_cannot_continue_the_text() {
        let error = read("CREATE TABLE a (x int);\nALTER TABLE x DROP x x;\n").unwrap_err();
        assert_eq!(error.to_string(), "syntax error at or near \"x\" (line 2, column 22)");
        assert_eq!(place("SELECT 1;\nCREATE TABEL a ();"), (2, 8, "TABEL"));
        let error = read("CREATE TABLE a (").unwrap_err();
        assert_eq!(error.message, "syntax error at end of input");
        assert_eq!((error.line, error.offset, error.end), (1, 16, 16));
    }

    #[test]
    fn a_refusal_that_names_no_word_has_a_place() {
        let text = "SELECT 1;\nALTER TABLE a ADD CHECK (b > 0) DEFERRABLE;\nSELECT 2;";
        let error = read(text).unwrap_err();
        assert!(error.message.contains("cannot be marked DEFERRABLE"), "{error}");
        assert_eq!(error.line, 2, "{error}");
    }

    #[test]
    fn a_byte_order_mark_and_an_open_string_are_told() {
        assert!(read("\u{feff}SELECT 1").unwrap_err().message.contains("byte order mark"));
        assert_eq!(place("SELECT 1;\nSELECT 'open\nDROP TABLE a;"), (2, 8, "'open"));
        assert_eq!(place("SELECT 'a';\n/* open /* closed */\n"), (2, 1, "/* open /* closed */"));
        assert_eq!(place("SELECT 1;\nDO $a$ BEGIN END $b$;"), (2, 4, "$a$ BEGIN END $b$;"));
        assert_eq!(place("SELECT 12;\nSELECT 12x, '12x';"), (2, 8, "12x"));
        // What comes first is told first, though the string is never closed.
        assert_eq!(place("DROP TABEL a;\nSELECT 'open"), (1, 6, "TABEL"));
        assert_eq!(place("SELECT 1;\0"), (1, 10, "\0"));
    }

    #[test]
    fn a_word_that_is_there_ten_thousand_times_takes_no_time() {
        let text = format!("SELECT {}1, , 2", "1, ".repeat(10_000));
        let (_, column, word) = place(&text);
        assert_eq!((column as usize, word), (text.len() - 2, ","));
    }
}
