//! Reading a text that is too large to be parsed at once.
//!
//! A tree is fifty times as large as its text, so what is parsed at a time is bounded, and of what was parsed no
//! more is kept than others need: a file of 50 MB is read in a few hundred MB. PostgreSQL's scanner tells where
//! statements may end; the parser decides whether they do, because a body between `BEGIN ATOMIC` and `END` has
//! semicolons of its own.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use pg_query::protobuf::node::Node as NodeEnum;

use super::{LineStarts, Statement, is_space, no_tree, parse};
use crate::effect::Effect;
use crate::expression::Contents;
use crate::parser;
use crate::syntax_error::{SyntaxError, locate};

/// How much is done at a time, in bytes of text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A text up to here is parsed at once, and all of its trees are kept.
    pub(super) whole: usize,
    /// A piece of a larger one.
    pub(super) piece: usize,
    /// A longer statement is not read.
    pub(super) statement: usize,
    /// Statements of a text. Each takes about 2 kB until the report is written.
    pub(super) statements: usize,
    /// Statements that do more than insert rows. Whoever judges one may look at all of its file.
    pub(super) changes: usize,
    /// Trees of a larger text are kept for so many bytes of it, rows to insert not counted.
    pub(super) trees: usize,
}

impl Limits {
    /// For who executes what was read: nothing may be left out, and twins are made of the trees. A large file is
    /// read in pieces all the same, and the trees of its inserts go: 10 MB of them, parsed at once, take 1.3 GB.
    pub(super) const EXECUTED: Self = Self {
        whole: 1 << 20,
        piece: 256 << 10,
        statement: usize::MAX,
        statements: usize::MAX,
        changes: usize::MAX,
        trees: usize::MAX,
    };

    /// For who only judges.
    pub(super) const USUAL: Self = Self {
        whole: 1 << 20,
        piece: 256 << 10,
        statement: 1 << 20,
        statements: 100_000,
        changes: 20_000,
        trees: 1 << 20,
    };

    /// How many of these statements there may be, when there are more.
    fn exceeded(&self, statements: &[Statement]) -> Option<usize> {
        let inserts = |one: &Statement| matches!(one.effects[..], [Effect::Insert { .. }]);
        let changes = statements.iter().enumerate().filter(|(_, one)| !inserts(one));
        let one_too_many = changes.map(|(at, _)| at).nth(self.changes);
        let beyond = (statements.len() > self.statements).then_some(self.statements);
        one_too_many.into_iter().chain(beyond).min()
    }
}

/// What there is too much of, as one statement that is not read: it goes to byte `end`.
pub(super) fn bounded(
    mut statements: Vec<Statement>,
    text: &str,
    end: usize,
    lines: &LineStarts,
    limits: &Limits,
) -> Vec<Statement> {
    if let Some(most) = limits.exceeded(&statements) {
        let from = statements[most].span.start;
        statements.truncate(most);
        let what = format!("what follows {most} statements");
        statements.push(Statement::unread(text, trimmed_end(text, from..end), lines, what));
    }
    statements
}

/// The statements of a text, a piece at a time.
pub(super) fn read(text: &str, lines: &LineStarts, limits: &Limits) -> Result<Vec<Statement>, SyntaxError> {
    // What is not even words is refused where it begins, unless the grammar refuses something before.
    let (ends, unscannable) = match ends(text) {
        Ok(ends) => (ends, None),
        Err(error) => {
            let error = locate(text, 0..text.len(), &error);
            (ends(&text[..error.offset]).unwrap_or_default(), Some(error))
        }
    };
    let readable = if unscannable.is_some() { ends.last().map_or(0, |end| end + 1) } else { text.len() };
    let mut keeping = Keeping { left: limits.trees, last: None };
    let mut all: Vec<Statement> = Vec::new();
    let mut from = 0;
    while from < readable {
        let (to, statements) = piece(text, from..readable, &ends, lines, limits)?;
        all.extend(statements.into_iter().map(|statement| keeping.keep(statement)));
        if limits.exceeded(&all).is_some() {
            break;
        }
        from = to;
    }
    let all = bounded(all, text, readable, lines, limits);
    match unscannable {
        None => Ok(all),
        Some(error) => Err(begun(text, readable..error.offset, lines, limits).unwrap_or(error)),
    }
}

/// What the grammar refuses in a statement that was begun, before the place where it is no more words.
fn begun(text: &str, part: Range<usize>, lines: &LineStarts, limits: &Limits) -> Option<SyntaxError> {
    if part.len() > limits.statement {
        return None;
    }
    let error = parse(text, part.clone(), lines).err()?;
    let error = locate(text, part, &error);
    (!error.message.ends_with("at end of input")).then_some(error)
}

/// The bytes of semicolons that may end a statement. The scanner's own list leaves out what has no keyword, which
/// is a syntax error or nothing; between two places of this list there is all of the text.
fn ends(text: &str) -> Result<Vec<usize>, pg_query::Error> {
    let found = parser::split_with_scanner(text)?;
    let end = |one: &str| one.as_ptr() as usize - text.as_ptr() as usize + one.len();
    Ok(found.into_iter().map(end).filter(|end| *end < text.len()).collect())
}

/// Reads as many statements as fit into a piece, and tells where they end.
fn piece(
    text: &str,
    rest: Range<usize>,
    ends: &[usize],
    lines: &LineStarts,
    limits: &Limits,
) -> Result<(usize, Vec<Statement>), SyntaxError> {
    // Comments before a statement do not make it too long.
    let rest = rest.start + blank(&text[rest.clone()])..rest.end;
    if rest.is_empty() {
        return Ok((rest.end, Vec::new()));
    }
    let behind = |size: usize| {
        let from = ends.partition_point(|end| *end < rest.start);
        let fit = ends[from..].partition_point(|end| *end < rest.start + size);
        // One at least, however long.
        ends.get(from + fit.saturating_sub(1)).map_or(rest.end, |end| end + 1).min(rest.end)
    };
    let mut size = limits.piece;
    loop {
        let to = behind(size);
        let part = rest.start..to;
        if part.len() > limits.statement.max(size) {
            let what = format!("a statement of {} MB", part.len().div_ceil(1 << 20));
            return Ok((to, vec![Statement::unread(text, trimmed_end(text, part), lines, what)]));
        }
        match parse(text, part.clone(), lines) {
            Ok(statements) => return Ok((to, statements)),
            Err(_) if to < rest.end && size < limits.statement && has_atomic(&text[part.clone()]) => {
                size = (part.len() * 2).min(limits.statement).max(size * 2);
            }
            Err(error) => return Err(locate(text, part, &error)),
        }
    }
}

/// How many bytes of space and comments a text begins with. A comment that does not end is not among them.
fn blank(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes[at..].iter().take_while(|byte| is_space(char::from(**byte))).count();
        let rest = &bytes[at..];
        if rest.starts_with(b"--") {
            at += rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        } else if let Some(length) = block_comment(rest) {
            at += length;
        } else {
            return at;
        }
    }
}

/// The length of the comment that a text begins with. It may hold others.
fn block_comment(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") if depth > 0 => (depth, at) = (depth - 1, at + 2),
            Some(_) if depth > 0 => at += 1,
            _ => return None,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Whether a body of SQL may begin in a text.
fn has_atomic(text: &str) -> bool {
    text.as_bytes().windows(6).any(|word| word.eq_ignore_ascii_case(b"atomic"))
}

/// Without the semicolon, and without space around. Comments stay: the scanner is not asked about 50 MB.
fn trimmed_end(text: &str, span: Range<usize>) -> Range<usize> {
    let slice = &text[span.clone()];
    let end = slice.trim_end().trim_end_matches(';').trim_end().len();
    span.start + slice.len() - slice.trim_start().len()..span.start + end
}

/// What is kept of statements.
struct Keeping {
    /// Trees may be kept for so many bytes more.
    left: usize,
    last: Option<Arc<OnceLock<Contents>>>,
}

impl Keeping {
    fn keep(&mut self, statement: Statement) -> Statement {
        let length = statement.text.len();
        match statement.node.as_ref() {
            // Small, or read again by those who follow transactions and settings.
            NodeEnum::TransactionStmt(_)
            | NodeEnum::VariableSetStmt(_)
            | NodeEnum::DiscardStmt(_)
            | NodeEnum::DoStmt(_)
            | NodeEnum::List(_) => statement,
            NodeEnum::InsertStmt(_) => self.without_tree(statement),
            _ if length <= self.left => {
                self.left -= length;
                statement
            }
            _ => self.without_tree(statement),
        }
    }

    /// What a statement contains is told before its tree goes, but for constants, which its text has.
    fn without_tree(&mut self, statement: Statement) -> Statement {
        if statement.text.as_bytes().windows(10).any(|word| word.eq_ignore_ascii_case(b"set_config")) {
            return statement;
        }
        let contents = Contents::of(statement.node.as_ref()).without_strings();
        // Rows that are inserted one by one contain the same, statement after statement.
        let contents = match self.last.as_ref().filter(|last| last.get() == Some(&contents)) {
            Some(last) => Arc::clone(last),
            None => Arc::new(OnceLock::from(contents)),
        };
        self.last = Some(Arc::clone(&contents));
        Statement { node: Arc::new(no_tree()), contents, ..statement }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::read_within;
    use super::*;

    /// Every text is too large, and every statement a piece of its own.
    const TINY: Limits = Limits { whole: 0, piece: 1, ..Limits::USUAL };

    /// Where a statement stands, its line, its text and what it does.
    type Seen = (Range<usize>, u32, String, Vec<Effect>);

    #[test]
    fn what_is_executed_is_read_to_its_end() {
        let text = "DROP TABLE a;\n".repeat(Limits::USUAL.changes + 5);
        let all = crate::read(&text).unwrap();
        assert_eq!(all.len(), Limits::USUAL.changes + 5);
        assert!(all.iter().all(|one| matches!(one.effects[..], [Effect::DropTable { .. }])));
        let judged = read_within(&text, &Limits::USUAL).unwrap();
        assert_eq!(judged.len(), Limits::USUAL.changes + 1);
        assert!(matches!(judged.last().unwrap().effects[..], [Effect::Unknown { .. }]));
        let long = format!("INSERT INTO a VALUES ('{}')", "x".repeat(2 << 20));
        assert!(matches!(crate::read(&long).unwrap()[0].effects[..], [Effect::Insert { .. }]));
    }

    /// What is read: places, texts and effects; or the refusal.
    fn told(text: &str, limits: &Limits) -> Result<Vec<Seen>, SyntaxError> {
        let read = read_within(text, limits)?;
        Ok(read.into_iter().map(|one| (one.span, one.line, one.text, one.effects)).collect())
    }

    fn same(text: &str) {
        let whole = told(text, &Limits { whole: usize::MAX, ..Limits::USUAL });
        for piece in [1, 40, 1_000] {
            assert_eq!(told(text, &Limits { piece, ..TINY }), whole, "{piece} bytes a piece: {text}");
        }
    }

    #[test]
    fn pieces_change_nothing() {
        for text in [
            "",
            ";;\n-- nothing\n",
            "-- é\nDROP TABLE a; /* b; */ SELECT ';' ;\n\nDROP TABLE c -- bye",
            "DO $$ BEGIN DROP TABLE a; END $$; SELECT $x$;$x$;",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;\nDROP TABLE a;",
            "CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2); DROP TABLE b",
            "SELECT 1;\nDROP TABEL a;\nSELECT 'open",
            "SELECT 1;\nfoo bar;\nSELECT 2;",
            "SELECT 1; )); SELECT 2;",
            "SELECT 1;\n\\i other.sql\nSELECT 2;",
            "COPY a FROM stdin;\n1\tit's\n\\.\nDROP TABLE a;",
            "SELECT 1;\n/* open ; SELECT 2;",
            "SELECT 1;\nSELECT 'open; SELECT 2;",
            "SELECT 1;\nSELECT (1",
            "SELECT 1;\n\0",
        ] {
            same(text);
        }
    }

    #[test]
    fn pieces_change_nothing_in_the_corpus() {
        let mut files = 0;
        for history in underpin_testkit::corpus::histories() {
            for name in &history.names {
                let text = history.sql(name);
                let whole = told(&text, &Limits { whole: usize::MAX, ..Limits::USUAL });
                for piece in [1, 700] {
                    assert_eq!(told(&text, &Limits { piece, ..TINY }), whole, "{}/{name}", history.name);
                }
                files += 1;
            }
        }
        assert_eq!(files, 2038);
    }

    #[test]
    fn trees_that_go_leave_what_they_contain() {
        let text =
            "SET lock_timeout = '1s'; INSERT INTO s.a (x) VALUES (lower('é')); ALTER TABLE b ADD c int;";
        let read = read_within(text, &Limits { trees: 0, ..TINY }).unwrap();
        let kept: Vec<bool> = read.iter().map(|one| !one.has_no_tree()).collect();
        assert_eq!(kept, [true, false, false]);
        let whole = super::super::read(text).unwrap();
        for (one, other) in read.iter().zip(&whole) {
            assert_eq!(one.contents().relations, other.contents().relations);
            assert_eq!(one.contents().functions, other.contents().functions);
            assert_eq!((one.says("é"), &one.effects), (other.says("é"), &other.effects));
        }
        let twin = crate::twin(
            &read[2],
            2,
            &crate::Surroundings::empty(
                underpin_catalog::ServerVersion::of_major(18),
                underpin_catalog::Name::new("public"),
            ),
        );
        assert!(twin.is_err());
    }

    #[test]
    fn comments_before_a_statement_are_not_of_it() {
        for (text, length) in [
            ("", 0),
            (" \n\tSELECT 1", 3),
            ("-- a\n-- b\r/* c /* d */ */SELECT 1", 25),
            ("--", 2),
            ("/* open /* */ SELECT 1", 0),
            ("/*/ SELECT 1", 0),
            ("- SELECT", 0),
        ] {
            assert_eq!(blank(text), length, "{text}");
        }
        let text = format!("{}DROP TABLE a;\n{}", "-- é\n".repeat(300_000), "/* b */\n".repeat(200_000));
        let read = read_within(&text, &Limits::USUAL).unwrap();
        assert_eq!(read.len(), 1);
        assert!(matches!(read[0].effects[..], [Effect::DropTable { .. }]));
        assert_eq!((read[0].line, read[0].text.as_str()), (300_001, "DROP TABLE a"));
    }

    #[test]
    fn what_is_too_long_or_too_much_is_there_and_unknown() {
        let row = format!("INSERT INTO t VALUES ('{}')", "x".repeat(3 << 20));
        let text = format!("DROP TABLE a;\n\n{row} ;\nDROP TABLE b;");
        let read = read_within(&text, &Limits::USUAL).unwrap();
        let seen: Vec<_> = read.iter().map(|one| (one.line, &one.effects[0])).collect();
        assert!(
            matches!(seen[1], (3, Effect::Unknown { what }) if what == "a statement of 4 MB"),
            "{seen:?}"
        );
        assert_eq!((read[1].text.as_str(), read[2].line, read.len()), (row.as_str(), 4, 3));

        let text = "DROP TABLE a;\nINSERT INTO a VALUES (1);\n".repeat(10);
        for whole in [0, usize::MAX] {
            for (limits, line) in
                [(Limits { whole, statements: 7, ..TINY }, 8), (Limits { whole, changes: 2, ..TINY }, 5)]
            {
                let read = read_within(&text, &limits).unwrap();
                let last = read.last().unwrap();
                let what = format!("what follows {} statements", line - 1);
                assert_eq!(last.effects, [Effect::Unknown { what }]);
                assert_eq!((last.line, last.span.end), (line, text.len() - 2), "{limits:?}");
            }
        }
    }
}
