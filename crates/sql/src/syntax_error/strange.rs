//! What stands where SQL ends, when PostgreSQL's words do not tell it to a person: a command of psql, rows behind
//! `COPY`, a character that nobody sees, a file in another encoding.

use std::ops::Range;

/// So much of a text is quoted.
const CHARACTERS_MAX: usize = 60;

/// So much is said about it. PostgreSQL's longest own words are half of that.
const MESSAGE_CHARACTERS_MAX: usize = 300;

/// How far back the statement before is looked for.
const BYTES_BEFORE: usize = 4_096;

/// What stands at the place, when that is known. `message` is what PostgreSQL says.
pub(super) fn meaning(text: &str, place: &Range<usize>, message: &str) -> Option<String> {
    let own = |what: &str| Some(what.to_owned());
    let (before, rest) = text.split_at(place.start);
    if rest.starts_with('\0') {
        return own("the file is binary, or UTF-16: save it as UTF-8");
    }
    if is_behind_copy(before) {
        return own(
            "rows behind COPY … FROM stdin: only psql sends such rows, and Prisma sends them as SQL; use INSERT",
        );
    }
    if rest.starts_with('\\') {
        let word: String = rest.chars().take_while(|c| !c.is_whitespace()).take(CHARACTERS_MAX).collect();
        return Some(format!("{word} is a command of psql, which only psql understands"));
    }
    if rest.starts_with(':') {
        return own("a variable of psql, which only psql fills in");
    }
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let marks = ["<<<<<<<", "=======", ">>>>>>>", "|||||||"];
    if line.is_empty() && marks.iter().any(|mark| rest.starts_with(mark)) {
        return own("a merge conflict was left in the file");
    }
    if message.ends_with("at end of input") {
        return own("the file ends in the middle of a statement");
    }
    if message.starts_with("unterminated") {
        return own("what begins here has no end: the file may be cut off");
    }
    let unseen = text[place.clone()].chars().find(|character| is_unseen(*character))?;
    Some(format!("the word contains the invisible character U+{:04X}", u32::from(unseen)))
}

/// Whether the last statement of a text is a `COPY` that reads rows from the client.
fn is_behind_copy(before: &str) -> bool {
    let near = &before[before.ceil_char_boundary(before.len().saturating_sub(BYTES_BEFORE))..];
    let Some(statement) = near.trim_end().strip_suffix(';') else { return false };
    let last = statement.rsplit(';').next().unwrap_or_default().to_lowercase();
    let mut words = last.split_whitespace();
    let reads = words.clone().zip(words.clone().skip(1)).any(|pair| pair == ("from", "stdin"));
    // A comment may stand before it.
    reads && words.any(|word| word == "copy")
}

/// The message with no more than a line of what it quotes.
pub(super) fn shortened(message: &str) -> String {
    let Some((before, quoted)) = message.split_once("at or near \"") else {
        // Some refusals say a name, however long it is, and do not quote it.
        return match message.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
            Some((end, _)) => format!("{}…", &message[..end]),
            None => message.to_owned(),
        };
    };
    let quoted = quoted.strip_suffix('"').unwrap_or(quoted);
    let line = quoted.lines().next().unwrap_or_default();
    let short: String = line.chars().take(CHARACTERS_MAX).collect();
    let more = if short.len() < quoted.len() { "…" } else { "" };
    format!("{before}at or near \"{short}{more}\"")
}

/// Takes no room, or looks like a space and is none to PostgreSQL.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::read;

    /// Where, what stands there and what it is.
    fn told(text: &str) -> (u32, &str, String) {
        let error = read(text).unwrap_err();
        (error.line, &text[error.offset..error.end], error.meaning.unwrap_or_default())
    }

    #[test]
    fn a_command_of_psql_is_told_by_its_name() {
        for (text, line, command) in [
            ("SELECT 1;\n\\connect other\nDROP TABLE a;", 2, "\\connect"),
            ("\\i other.sql", 1, "\\i"),
            // As pg_dump writes since the minor releases of August 2025.
            ("\n\\restrict h2FbZ\n\nSET statement_timeout = 0;\n\\unrestrict h2FbZ\n", 2, "\\restrict"),
            ("CREATE TABLE a (i int);\n  \\copy a from 'x.csv'\n", 2, "\\copy"),
            ("SELECT 'DROP TABLE a' \\gexec", 1, "\\gexec"),
            ("\\set ON_ERROR_STOP on\nSELECT 1;", 1, "\\set"),
        ] {
            let (at, _, meaning) = told(text);
            assert_eq!(at, line, "{text}");
            assert!(meaning.starts_with(&format!("{command} is a command of psql")), "{meaning}");
        }
        assert!(told("DROP TABLE :name;").2.starts_with("a variable of psql"));
    }

    #[test]
    fn rows_behind_copy_are_told() {
        let (line, word, meaning) =
            told("-- a\nCOPY a (i, t)\n  FROM stdin;\n1\tit's\n\\.\n\nDROP TABLE a;\n");
        assert_eq!((line, word), (4, "1"));
        assert!(meaning.starts_with("rows behind COPY"), "{meaning}");
        assert!(told("COPY a FROM STDIN;\n\\.\n").2.starts_with("rows behind COPY"));
        assert!(read("COPY a FROM stdin;\nDROP TABLE a;").is_ok());
    }

    #[test]
    fn a_character_that_nobody_sees_is_named() {
        let (_, word, meaning) = told("DROP\u{200b} TABLE a;");
        assert_eq!(word, "DROP\u{200b}");
        assert!(meaning.ends_with("the invisible character U+200B"), "{meaning}");
        assert!(told("DROP\u{a0}TABLE a;").2.ends_with("U+00A0"));
        assert!(told("SELECT 1;\n\u{feff}SELECT 2;").2.ends_with("U+FEFF"));
    }

    #[test]
    fn what_was_cut_off_or_left_in_the_file_is_told() {
        assert_eq!(told("CREATE TABLE a (").2, "the file ends in the middle of a statement");
        assert!(told("SELECT 'open").2.ends_with("the file may be cut off"));
        assert_eq!(told("<<<<<<< HEAD\nSELECT 1;\n").2, "a merge conflict was left in the file");
        assert_eq!(told("DROP TABEL a").2, "");
    }

    #[test]
    fn a_string_that_is_never_closed_is_not_quoted_whole() {
        let error = read(&format!("SELECT 1;\nSELECT 'open\n{}", "x\n".repeat(1_000))).unwrap_err();
        assert_eq!(
            (error.line, error.message.as_str()),
            (2, "unterminated quoted string at or near \"'open…\"")
        );
    }

    #[test]
    fn a_name_that_is_not_quoted_is_not_told_whole() {
        let error = read(&format!("ALTER TABLE é{} DROP b;", ".a".repeat(2_000))).unwrap_err();
        assert!(
            error.message.starts_with("improper qualified name (too many dotted names): é.a.a"),
            "{error}"
        );
        assert!(error.message.ends_with('…') && error.message.chars().count() == 301, "{error}");
    }
}
