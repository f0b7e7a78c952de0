//! Reading a migration file: its statements in order, where each stands, and what each does.
//!
//! The grammar is PostgreSQL 18's own. Reading never looks at a database: whether a table is there
//! and how large it is comes later, in [`crate::Surroundings`].

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use pg_query::protobuf;
use pg_query::protobuf::node::Node as NodeEnum;

use crate::describe::describe;
use crate::effect::Effect;
use crate::expression::Contents;
use crate::syntax_error::{self, SyntaxError};

/// One statement of a file.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The statement as it stands in the file, without the comments before it and without the
    /// semicolon.
    pub text: String,
    /// The bytes of the file that [`Statement::text`] is.
    pub span: Range<usize>,
    /// The line of its first word, from 1.
    pub line: u32,
    /// What it does, in the order in which it does it. Never empty.
    pub effects: Vec<Effect>,
    /// The parse tree, for the rest of this crate. Shared, because statements are cloned from plan to plan.
    pub(crate) node: Arc<NodeEnum>,
    contents: Arc<OnceLock<Contents>>,
}

impl Statement {
    /// Whether the statement says `value` as a string constant, or in a body of code that it carries.
    /// For enum values, which cannot be used in the transaction that adds them (55P04).
    pub fn says(&self, value: &str) -> bool {
        let quoted = format!("'{value}'");
        self.contents().strings.iter().any(|text| text == value || text.contains(&quoted))
    }

    /// What the whole statement contains. Walking a tree is slow beside everything else that is done with
    /// it, so each is walked once.
    pub(crate) fn contents(&self) -> &Contents {
        self.contents.get_or_init(|| Contents::of(self.node.as_ref()))
    }
}

/// The statements of `text`. A file without any (empty, or comments alone) is fine.
///
/// # Errors
///
/// When PostgreSQL's grammar refuses the text. Nothing of it would run: the server parses a whole
/// message before it executes the first statement of it.
pub fn read(text: &str) -> Result<Vec<Statement>, SyntaxError> {
    if text.starts_with('\u{feff}') {
        return Err(syntax_error::byte_order_mark());
    }
    let parsed = pg_query::parse(text, 0).map_err(|error| syntax_error::locate(text, &error))?;
    let tokens = tokens(text);
    let lines = LineStarts::of(text);
    let mut statements = Vec::with_capacity(parsed.protobuf.stmts.len());
    for raw in parsed.protobuf.stmts {
        let from = usize::try_from(raw.stmt_location).unwrap_or(0);
        let to = match usize::try_from(raw.stmt_len) {
            Ok(length) if length > 0 => from + length,
            // The last statement, when no semicolon ends it.
            _ => text.len(),
        };
        let span = trimmed(&tokens, from..to);
        let Some(node) = raw.stmt.and_then(|node| node.node) else { continue };
        let slice = &text[span.clone()];
        statements.push(Statement {
            text: slice.to_owned(),
            line: lines.line_of(span.start),
            effects: describe(&node, slice),
            span,
            node: Arc::new(node),
            contents: Arc::default(),
        });
    }
    Ok(statements)
}

/// The tokens of `text` without comments, in order. Empty when the text cannot be scanned, which a
/// text that parses always can.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let Ok(found) = pg_query::scan(text) else { return Vec::new() };
    found
        .tokens
        .iter()
        .filter_map(|token| {
            let kind = protobuf::Token::try_from(token.token).ok()?;
            if matches!(kind, protobuf::Token::SqlComment | protobuf::Token::CComment) {
                return None;
            }
            let start = usize::try_from(token.start).ok()?;
            let end = usize::try_from(token.end).ok()?;
            Some(Token { kind, start, end })
        })
        .collect()
}

/// A word, constant or sign of a text, by its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    /// What PostgreSQL's scanner takes it for.
    pub(crate) kind: protobuf::Token,
    /// Its first byte.
    pub(crate) start: usize,
    /// The byte behind it.
    pub(crate) end: usize,
}

/// From the first to the last token inside `span`: no comment before and none behind.
fn trimmed(tokens: &[Token], span: Range<usize>) -> Range<usize> {
    let first = tokens.partition_point(|token| token.start < span.start);
    let behind = tokens.partition_point(|token| token.end <= span.end);
    match (tokens.get(first), behind.checked_sub(1).and_then(|last| tokens.get(last))) {
        (Some(first), Some(last)) if first.start < last.end => first.start..last.end,
        _ => span,
    }
}

/// Where lines begin, to tell lines from offsets in a large file without reading it again.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect())
    }

    fn line_of(&self, offset: usize) -> u32 {
        let before = self.0.partition_point(|start| *start <= offset);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_statement_is_its_text_without_comments_around_it_and_without_the_semicolon() {
        let text = "-- CreateTable\nCREATE TABLE a (i int /* why */);\n\n/* é */ DROP TABLE \"b\" ; -- bye\nSELECT 1 -- end\n";
        let read = read(text).unwrap();
        let seen: Vec<_> = read.iter().map(|s| (s.text.as_str(), s.line)).collect();
        assert_eq!(seen, [("CREATE TABLE a (i int /* why */)", 2), ("DROP TABLE \"b\"", 4), ("SELECT 1", 5)]);
        for statement in &read {
            assert_eq!(&text[statement.span.clone()], statement.text);
        }
    }

    #[test]
    fn a_file_may_be_empty() {
        assert!(read("").unwrap().is_empty());
        assert!(read("-- This is an empty migration.\n\n;;\n").unwrap().is_empty());
    }
}
