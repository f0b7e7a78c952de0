//! Comments of a text, as PostgreSQL's scanner finds them: what looks like one inside a string, a quoted
//! name or a dollar-quoted body is none. And the opposite, a statement's words without its comments.
//!
//! What a comment means is the caller's business.

use std::ops::Range;

use pg_query::protobuf;

use crate::parser;

/// A comment of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The bytes of the file, with the marks (`--`, `/*` and `*/`) and without the end of the line.
    pub span: Range<usize>,
    /// What it says, without the marks and without space around.
    pub text: String,
}

/// The comments of `text`, in order. None when the text is not even words (an open string, a zero
/// byte): [`crate::read`] says where.
pub fn comments(text: &str) -> Vec<Comment> {
    let Ok(found) = parser::scan(text) else { return Vec::new() };
    found
        .tokens
        .iter()
        .filter_map(|token| {
            let span = usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?;
            let whole = text.get(span.clone())?;
            let says = match protobuf::Token::try_from(token.token).ok()? {
                protobuf::Token::SqlComment => whole.strip_prefix("--")?,
                protobuf::Token::CComment => whole.strip_prefix("/*")?.strip_suffix("*/")?,
                _ => return None,
            };
            // A carriage return before the line's end belongs to the comment for the scanner.
            let end = span.start + whole.trim_end().len();
            Some(Comment { span: span.start..end, text: says.trim().to_owned() })
        })
        .collect()
}

/// The words of a statement with one space between them: equal for two statements that differ in
/// comments, indentation and line ends alone. Space within quotes counts as one, too, so this is for
/// recognising a statement and not for executing it.
pub fn words(text: &str) -> String {
    // Scanning takes a hundred times as long as looking for what may be a comment.
    if !text.contains("--") && !text.contains("/*") {
        return spaced_once(text);
    }
    let mut without = String::with_capacity(text.len());
    let mut from = 0;
    for comment in comments(text) {
        without.push_str(&text[from..comment.span.start]);
        without.push(' ');
        from = comment.span.end;
    }
    without.push_str(&text[from..]);
    spaced_once(&without)
}

fn spaced_once(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        comments(text).into_iter().map(|comment| comment.text).collect()
    }

    #[test]
    fn strings_names_and_bodies_hold_no_comments() {
        let text = "-- one\r\nSELECT '-- no', \"/* no */\", E'\\'-- no', $a$ -- no $a$; /* two /* nested */ é */ -- three";
        assert_eq!(texts(text), ["one", "two /* nested */ é", "three"]);
        let spans: Vec<&str> =
            comments(text).into_iter().map(|comment| &text[comment.span.start..comment.span.end]).collect();
        assert_eq!(spans, ["-- one", "/* two /* nested */ é */", "-- three"]);
        assert!(texts("SELECT 'open -- no").is_empty());
    }

    #[test]
    fn words_are_what_is_left_without_comments_and_layout() {
        assert_eq!(words("DROP  TABLE\r\n  \"a  b\" -- why\n"), "DROP TABLE \"a b\"");
        assert_eq!(words("DROP/* a\n b */TABLE a(b)-- c\n;"), "DROP TABLE a(b) ;");
        assert_eq!(words("SELECT '--  no'"), "SELECT '-- no'");
        assert_eq!(words("SELECT 'open\n -- x"), "SELECT 'open -- x");
    }
}
