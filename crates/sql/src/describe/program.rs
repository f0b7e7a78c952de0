//! Programs that a statement carries as text: the body of a `DO`, and of a function.
//!
//! What is static in them is read: SQL between the words of PL/pgSQL, and constants that `EXECUTE` takes.
//! What a program composes while it runs, and what is written in another language, is named as
//! [opaque](Program::opaque) instead. Whether a condition holds is never guessed; a statement says how often
//! it can run ([`Reach`](crate::effect::Reach)).
//!
//! A DO runs, so its statements have effects. A function does not, so of its body only the names count that
//! it will look for later.

mod catalogs;
mod composed;
mod plpgsql;
mod reach;
mod routine;
mod statements;

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{DoStmt, Node};

pub(super) use self::routine::routine_body;
use crate::effect::Program;
use crate::statement::tokens;

/// DO blocks inside DO blocks, of which nobody has ever written three.
const DEPTH_MAX: usize = 3;

/// What is known of the program of a `DO`. `text` is the statement as written.
pub(super) fn read(statement: &DoStmt, text: &str) -> Program {
    read_do(statement, text, Some(0), 0)
}

/// The same for one that stands `at` some byte of the text that places are counted in, inside `depth` others.
fn read_do(statement: &DoStmt, text: &str, at: Option<usize>, depth: usize) -> Program {
    let Some(body) = string_option(&statement.args, "as") else { return Program::default() };
    let language = string_option(&statement.args, "language").unwrap_or("plpgsql");
    if language != "plpgsql" {
        return Program {
            commits: says_commit(body),
            statements: Vec::new(),
            opaque: vec![in_language(language)],
        };
    }
    match plpgsql::read(body) {
        Ok(read) => {
            let at = at.and_then(|at| Some(at + place_of(body, text)?));
            statements::program(&read, at, depth)
        }
        Err(refused) => Program {
            commits: says_commit(body),
            statements: Vec::new(),
            opaque: vec![unreadable(body, &refused)],
        },
    }
}

/// Where `body` stands in `text` as it is: between dollar signs, or between quotes when nothing in it had
/// to be escaped.
fn place_of(body: &str, text: &str) -> Option<usize> {
    if body.is_empty() {
        return None;
    }
    text.match_indices(body).map(|(at, _)| at).find(|at| {
        let (before, behind) = (text[..*at].chars().next_back(), text[at + body.len()..].chars().next());
        match (before, behind) {
            (Some('$'), Some('$')) => true,
            (Some('\''), Some('\'')) => !body.contains(['\'', '\\']),
            _ => false,
        }
    })
}

/// An option of `DO` or `CREATE FUNCTION` that is a string.
fn string_option<'a>(options: &'a [Node], name: &str) -> Option<&'a str> {
    options.iter().find_map(|option| match &option.node {
        Some(NodeEnum::DefElem(option)) if option.defname == name => {
            match option.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
                Some(NodeEnum::String(text)) => Some(text.sval.as_str()),
                // The source of a function, which for one in C is a file and a symbol.
                Some(NodeEnum::List(list)) => match list.items.as_slice() {
                    [Node { node: Some(NodeEnum::String(text)) }] => Some(text.sval.as_str()),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    })
}

fn in_language(language: &str) -> String {
    format!("a program in {language}")
}

fn unreadable(body: &str, refused: &plpgsql::Refused) -> String {
    match statements::beginning(body.get(refused.at..).unwrap_or_default()) {
        rest if rest.is_empty() => "a body that ends before its time".to_owned(),
        rest => format!("a body that cannot be read at \"{rest}\""),
    }
}

/// Whether a body that could not be read ends transactions: its text is scanned for the words.
fn says_commit(body: &str) -> bool {
    tokens(body).iter().any(|token| {
        matches!(token.kind, pg_query::protobuf::Token::Commit | pg_query::protobuf::Token::Rollback)
    })
}

#[cfg(test)]
mod tests;
