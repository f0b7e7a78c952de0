//! Reading several short texts as one.
//!
//! A call of the parser costs as much as reading a hundred bytes (it sets up its memory, and puts a pipe in the place
//! of standard error), and most migrations are short. So some are put behind each other with a mark between two of
//! them, and parsed at once. A mark is a statement of its own: when it is found where it was put, the text before it
//! has ended there, in its strings, its comments and its grammar. When one is not found, or anything is refused, each
//! text is read by itself, which tells what is wrong with which of them.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{ParseResult, RawStmt};

use super::pieces::{self, Limits};
use super::{LineStarts, Read, Statement, read_within, statements};
use crate::parser;

/// Stands behind each text: its end, a statement, and the end of that.
const END: &str = "\n;";
const MARK: &str = "COMMIT";
const NEXT: &str = ";\n";

/// As if each had been read by itself.
pub(super) fn read_together(texts: &[&str], limits: &Limits) -> Vec<Read> {
    let is_one = |text: &&str| text.len() > limits.whole || text.starts_with('\u{feff}');
    let together = match texts.len() > 1 && !texts.iter().any(is_one) {
        true => all_at_once(texts, limits),
        false => None,
    };
    match together {
        Some(all) => all.into_iter().map(Ok).collect(),
        None => texts.iter().map(|text| read_within(text, limits)).collect(),
    }
}

fn all_at_once(texts: &[&str], limits: &Limits) -> Option<Vec<Vec<Statement>>> {
    let mut whole = String::new();
    let begins: Vec<usize> = texts
        .iter()
        .map(|text| {
            let begin = whole.len();
            [text, END, MARK, NEXT].into_iter().for_each(|part| whole.push_str(part));
            begin
        })
        .collect();
    let mut all = parser::parse(&whole).ok()?.protobuf.stmts.into_iter();
    let each = texts.iter().zip(begins).map(|(text, begin)| {
        let own = own(&mut all, text, begin)?;
        let lines = LineStarts::of(text);
        let read = statements(ParseResult { version: 0, stmts: own }, text, 0, &lines);
        Some(pieces::bounded(read, text, text.len(), &lines, limits))
    });
    let each: Option<Vec<_>> = each.collect();
    // Behind the last mark there is nothing.
    each.filter(|_| all.next().is_none())
}

/// The statements of the text that begins at a byte of all, placed as in the text itself. `None` when its mark is not
/// behind them.
fn own(all: &mut impl Iterator<Item = RawStmt>, text: &str, begin: usize) -> Option<Vec<RawStmt>> {
    let mark = begin + text.len() + END.len();
    let mut own = Vec::new();
    loop {
        let mut statement = all.next()?;
        let from = usize::try_from(statement.stmt_location).ok()?;
        let length = usize::try_from(statement.stmt_len).ok()?;
        if from >= begin + text.len() {
            let node = statement.stmt.and_then(|node| node.node);
            let is_mark =
                from == mark && length == MARK.len() && matches!(node, Some(NodeEnum::TransactionStmt(_)));
            return is_mark.then_some(own);
        }
        // One that no semicolon ends goes to the end of its text, comments behind it included.
        let to = (from + length).min(begin + text.len());
        let from = from.max(begin);
        statement.stmt_location = i32::try_from(from - begin).ok()?;
        statement.stmt_len = i32::try_from(to.checked_sub(from)?).ok()?;
        own.push(statement);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::read_to_judge;

    /// What there is to be seen of a text that was read. Where a part of a tree stood, nobody asks.
    fn seen(read: &Read) -> String {
        let one = |one: &Statement| {
            let node = format!("{:?}", one.node);
            let node: String =
                node.split("location: ").map(|part| part.trim_start_matches(char::is_numeric)).collect();
            format!("{:?} {} {} {:?} {node}\n", one.span, one.line, one.text, one.effects)
        };
        match read {
            Ok(statements) => statements.iter().map(one).collect(),
            Err(error) => format!("{error:?}"),
        }
    }

    fn is_at_once(texts: &[&str]) -> bool {
        let by_itself: Vec<String> = texts.iter().map(|text| seen(&read_to_judge(text))).collect();
        let together: Vec<String> = read_together(texts, &Limits::USUAL).iter().map(seen).collect();
        assert_eq!(together, by_itself, "{texts:?}");
        all_at_once(texts, &Limits::USUAL).is_some()
    }

    #[test]
    fn texts_are_read_as_if_each_stood_alone() {
        let texts = [
            "-- CreateTable\nCREATE TABLE a (i int);\n\n/* é */ DROP TABLE \"b\" ; -- bye",
            "",
            "-- nothing\n",
            ";;\n;",
            "SELECT 'ß' -- end",
            "\n\nCOMMIT",
            "BEGIN; COMMIT;",
            "SELECT 1;COMMIT;",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
            "DO $$ BEGIN COMMIT; END $$",
            "DROP TABLE c /* why */",
        ];
        assert!(is_at_once(&texts));
        for first in texts {
            for second in texts {
                assert!(is_at_once(&[first, second]));
            }
        }
    }

    /// Whatever is left open takes the next text with it, which must not make the two of them one.
    #[test]
    fn what_is_left_open_is_refused_as_if_it_stood_alone() {
        let open = [
            "SELECT 'a",
            "SELECT \"a",
            "SELECT 1 /* a",
            "/* a",
            "SELECT $$ a",
            "SELECT (1",
            "SELECT E'\\",
            "DROP TABEL t",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1",
            "SELECT U&'a",
            "DO $a$",
            "SELECT 1 +",
            "\u{feff}SELECT 1",
            "SELECT 1\0",
        ];
        let closed =
            ["SELECT 'b", "' b", "*/ SELECT 1", "$$", "\" b", "), 2", "END", "$a$", "COMMIT;", "SELECT 1"];
        for first in open {
            assert!(!is_at_once(&[first, "SELECT 1"]), "{first}");
            for second in closed {
                is_at_once(&[first, second]);
                is_at_once(&["SELECT 1", first, second, "SELECT 2"]);
            }
        }
    }

    #[test]
    fn one_text_that_is_too_deep_hides_no_other() {
        let deep = format!("SELECT 1{}", " + 1".repeat(60));
        assert!(!is_at_once(&["DROP TABLE a", &deep, "DROP TABLE b"]));
    }
}
