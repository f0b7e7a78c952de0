//! Reading a migration file: its statements in order, where each stands, and what each does.
//!
//! The grammar is PostgreSQL 18's own. Reading never looks at a database: whether a table is there
//! and how large it is comes later, in [`crate::Surroundings`].

mod each;
mod pieces;
mod together;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use pg_query::protobuf;
use pg_query::protobuf::node::Node as NodeEnum;

use crate::describe::describe;
use crate::effect::{Effect, ProgramStatement};
use crate::expression::Contents;
use crate::parser;
use crate::syntax_error::{self, SyntaxError};

pub use each::read_each;
use pieces::Limits;

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
    fn new(
        text: &str,
        span: Range<usize>,
        lines: &LineStarts,
        node: NodeEnum,
        describe: impl FnOnce(&NodeEnum, &str) -> Vec<Effect>,
    ) -> Self {
        let slice = &text[span.clone()];
        Self {
            text: slice.to_owned(),
            line: lines.line_of(span.start),
            effects: describe(&node, slice),
            span,
            node: Arc::new(node),
            contents: Arc::default(),
        }
    }

    /// Whether the statement says `value` as a string constant, or in a body of code that it carries.
    /// For enum values, which cannot be used in the transaction that adds them (55P04).
    pub fn says(&self, value: &str) -> bool {
        if self.has_no_tree() {
            return self.text.contains(value);
        }
        let quoted = format!("'{value}'");
        self.contents().strings.iter().any(|text| text == value || text.contains(&quoted))
    }

    /// The bytes of the file that a statement inside this one's program is: its own when they are known,
    /// and otherwise all of this one.
    pub fn place_of(&self, inner: &ProgramStatement) -> Range<usize> {
        match &inner.bytes {
            Some(bytes) => self.span.start + bytes.start..self.span.start + bytes.end,
            None => self.span.clone(),
        }
    }

    /// Whether the tree is not there: it was too deep, or the file is too large to keep it.
    pub(crate) fn has_no_tree(&self) -> bool {
        matches!(self.node.as_ref(), NodeEnum::List(_))
    }

    /// A statement that is told and not read.
    fn unread(text: &str, span: Range<usize>, lines: &LineStarts, what: impl Into<String>) -> Self {
        let what = what.into();
        Self::new(text, span, lines, no_tree(), |_, _| vec![Effect::Unknown { what }])
    }

    /// What the whole statement contains. Each tree is walked once.
    pub(crate) fn contents(&self) -> &Contents {
        self.contents.get_or_init(|| Contents::of(self.node.as_ref()))
    }
}

/// The statements of `text`, to be executed: all of them, however many. A file without any (empty, or
/// comments alone) is fine.
///
/// The effect of a statement is unknown when its tree is deeper than the parser hands out (some 50 operators in a
/// row, 30 sub-selects in each other).
///
/// # Errors
///
/// When PostgreSQL's grammar refuses the text. Nothing of it would run: the server parses a whole
/// message before it executes the first statement of it.
pub fn read(text: &str) -> Result<Vec<Statement>, SyntaxError> {
    read_within(text, &Limits::EXECUTED)
}

/// The statements of `text`, to be judged and not to be executed, in bounded memory. [`read_each`] is for many
/// files.
///
/// Unknown are also the effects of a statement of more than 1 MB and, behind 100,000 statements or 20,000
/// that do more than insert rows, of all that follow, as one.
///
/// # Errors
///
/// When PostgreSQL's grammar refuses the text.
pub fn read_to_judge(text: &str) -> Result<Vec<Statement>, SyntaxError> {
    read_within(text, &Limits::USUAL)
}

/// What reading makes of a text.
type Read = Result<Vec<Statement>, SyntaxError>;

fn read_within(text: &str, limits: &Limits) -> Read {
    if text.starts_with('\u{feff}') {
        return Err(syntax_error::byte_order_mark());
    }
    let lines = LineStarts::of(text);
    if text.len() > limits.whole {
        return pieces::read(text, &lines, limits);
    }
    let all = 0..text.len();
    match parse(text, all.clone(), &lines) {
        Ok(statements) => Ok(pieces::bounded(statements, text, text.len(), &lines, limits)),
        Err(error) => Err(syntax_error::locate(text, all, &error)),
    }
}

/// The statements of some bytes of `text`.
fn parse(text: &str, part: Range<usize>, lines: &LineStarts) -> Result<Vec<Statement>, pg_query::Error> {
    let within = &text[part.clone()];
    match parser::parse(within) {
        Ok(parsed) => Ok(statements(parsed.protobuf, &text[..part.end], part.start, lines)),
        Err(pg_query::Error::Decode(_)) => one_by_one(text, part, lines),
        Err(error) => Err(error),
    }
}

/// The statements of bytes that are too deep somewhere: they can be parsed, and their tree cannot be handed out.
fn one_by_one(text: &str, part: Range<usize>, lines: &LineStarts) -> Result<Vec<Statement>, pg_query::Error> {
    let mut all = Vec::new();
    for one in parser::split_with_parser(&text[part])? {
        let from = one.as_ptr() as usize - text.as_ptr() as usize;
        let to = from + one.len();
        match parser::parse(one) {
            Ok(parsed) => all.extend(statements(parsed.protobuf, &text[..to], from, lines)),
            Err(_) => {
                let what = "a statement that is nested too deeply to be read";
                all.push(Statement::unread(text, trimmed(text, from..to), lines, what));
            }
        }
    }
    Ok(all)
}

/// What stands for a tree that is not there.
fn no_tree() -> NodeEnum {
    NodeEnum::List(protobuf::List::default())
}

/// The statements of a tree whose text begins at byte `base` of `text` and ends with it.
fn statements(parsed: protobuf::ParseResult, text: &str, base: usize, lines: &LineStarts) -> Vec<Statement> {
    let mut statements = Vec::with_capacity(parsed.stmts.len());
    for raw in parsed.stmts {
        let from = base + usize::try_from(raw.stmt_location).unwrap_or(0);
        let to = match usize::try_from(raw.stmt_len) {
            Ok(length) if length > 0 => from + length,
            // The last statement, when no semicolon ends it.
            _ => text.len(),
        };
        let Some(node) = raw.stmt.and_then(|node| node.node) else { continue };
        statements.push(Statement::new(text, trimmed(text, from..to), lines, node, describe));
    }
    statements
}

/// The tokens of `text` without comments, in order. Empty when the text cannot be scanned, which a
/// text that parses always can.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let Ok(found) = parser::scan(text) else { return Vec::new() };
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

/// The words that stand outside all parentheses.
pub(crate) fn outer_level(words: &[Token]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut outer = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match word.kind {
            protobuf::Token::Ascii40 => depth += 1,
            protobuf::Token::Ascii41 => depth = depth.saturating_sub(1),
            _ if depth == 0 => outer.push(at),
            _ => {}
        }
    }
    outer
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
fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let slice = &text[span.clone()];
    // Scanning takes longer than all else that is done here, and few statements have a comment inside.
    let (first, last) = if slice.contains("--") || slice.contains("/*") {
        let tokens = tokens(slice);
        match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => (first.start, last.end),
            _ => return span,
        }
    } else {
        (slice.len() - slice.trim_start_matches(is_space).len(), slice.trim_end_matches(is_space).len())
    };
    span.start + first..span.start + last
}

/// What PostgreSQL's scanner takes for space between tokens.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
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
    fn one_statement_that_is_too_deep_hides_no_other() {
        let sums = |count: usize| format!("SELECT 1{}", " + 1".repeat(count));
        let text = format!("-- é\nDROP TABLE a; /* b */ {} ;\n\nDROP TABLE c -- bye", sums(60));
        let read = read(&text).unwrap();
        let seen: Vec<_> = read.iter().map(|s| (s.text.clone(), s.line)).collect();
        assert_eq!(seen, [("DROP TABLE a".to_owned(), 2), (sums(60), 2), ("DROP TABLE c".to_owned(), 4)],);
        assert!(matches!(read[1].effects[..], [Effect::Unknown { .. }]));
        assert!(matches!(read[2].effects[..], [Effect::DropTable { .. }]));
        for statement in &read {
            assert_eq!(text[statement.span.clone()], statement.text);
        }
        assert!(matches!(super::read(&sums(20)).unwrap()[0].effects[..], [Effect::Select { .. }]));
    }

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
