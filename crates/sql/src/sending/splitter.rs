//! Which statements the parser inside Prisma's engine can read.
//!
//! Since 7.4 the engine sends a file statement by statement, if `sqlparser` 0.61 with its PostgreSQL
//! dialect reads all of it; one statement that it cannot read, and the file is sent whole. So the
//! question here is only ever "read or not", and the parser is pinned to that very release: a later one
//! reads more and would answer wrongly.
//!
//! Each statement is judged by itself, between the places where PostgreSQL's own grammar begins and ends
//! it. That bounds memory by the longest statement, names the statement that is to blame, and can stop at
//! the first. It is not asked about what it might not survive. Its own limit counts nested expressions, but a
//! chain such as `a OR b OR …` builds a tree as deep as it is long; and it reads the argument of a function
//! twice, so that each nested call doubles the time: 20 take two seconds, 40 a month. (Prisma would take as
//! long.)

use serde::Serialize;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::statement::Statement;

/// Longer statements are not asked about. People do not write such; programs do, and what they write is
/// data.
const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// What is asked about in one file, so that 50 MB of rows take no minute.
const FILE_BYTES_MAX: usize = 16 << 20;

/// Chains of operators beyond this are not asked about: dropping the tree takes stack for each link.
const CHAIN_MAX: usize = 50_000;

/// Words that the parser looks at, again and again ones counted each time, beyond four for each word of the
/// statement. A million takes about a second.
const WORK_MAX: u64 = 1 << 17;

/// Up to here any thread's stack is enough. Beyond, the parser gets a stack of its own.
const CHAIN_EASY: usize = 200;
const NESTED_EASY: usize = 4;

/// What the parser's own limit of 50 nested expressions can take, measured without optimisation.
const STACK_BYTES: usize = 32 << 20;
const STACK_BYTES_PER_LINK: usize = 2 << 10;

/// A statement that Prisma's parser cannot read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Which statement of the file, from 0.
    pub statement: usize,
    /// The parser's words, without the place: `Expected: an SQL statement, found: DO`.
    pub message: String,
    /// The line where it gave up, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// What was found about a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// What cannot be read, in order.
    pub(super) unreadable: Vec<Unreadable>,
    /// The first statement that was not asked about.
    pub(super) not_asked: Option<usize>,
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// The first statement decides how the file is sent.
    First,
    /// All that would have to go before the file is sent in another way.
    All,
}

/// Asks about the statements of `text`.
pub(super) fn judge(text: &str, statements: &[Statement], until: Until) -> Judged {
    let mut judged = Judged::default();
    let mut asked = 0;
    for (at, statement) in statements.iter().enumerate() {
        // With the semicolon, which the parser names when it expects more.
        let end = statements.get(at + 1).map_or(text.len(), |next| next.span.start);
        let part = &text[statement.span.start..end];
        let length = statement.text.len();
        if length > STATEMENT_BYTES_MAX || asked + length > FILE_BYTES_MAX {
            judged.not_asked = judged.not_asked.or(Some(at));
            continue;
        }
        asked += length;
        match ask(part) {
            Answer::Read => {}
            Answer::TooDeep => judged.not_asked = judged.not_asked.or(Some(at)),
            Answer::NotRead(refused) => {
                judged.unreadable.push(placed(refused, text, at, statement));
                if until == Until::First {
                    return judged;
                }
            }
        }
    }
    judged
}

enum Answer {
    Read,
    NotRead(Refused),
    TooDeep,
}

/// The parser's words and the place, counted from the statement's first character.
struct Refused {
    message: String,
    at: Option<Location>,
}

fn ask(part: &str) -> Answer {
    let tokens = match Tokenizer::new(&PostgreSqlDialect {}, part).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(error) => {
            return Answer::NotRead(Refused { message: error.message, at: Some(error.location) });
        }
    };
    let shape = Shape::of(&tokens);
    if shape.chain > CHAIN_MAX || shape.work > WORK_MAX + 4 * tokens.len() as u64 {
        return Answer::TooDeep;
    }
    let refused = if shape.chain <= CHAIN_EASY && shape.nested <= NESTED_EASY {
        parse(tokens)
    } else {
        let stack = STACK_BYTES + shape.chain * STACK_BYTES_PER_LINK;
        let parsed = std::thread::scope(|scope| {
            let parser = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, || parse(tokens));
            // No thread to be had, or the parser panicked: it did not say that it cannot read this.
            parser.ok().and_then(|parser| parser.join().ok())
        });
        match parsed {
            Some(refused) => refused,
            None => return Answer::TooDeep,
        }
    };
    refused.map_or(Answer::Read, Answer::NotRead)
}

/// What the parser has against the statement. Like the engine, it demands a semicolon between two
/// statements and none behind the last.
fn parse(tokens: Vec<TokenWithSpan>) -> Option<Refused> {
    let dialect = PostgreSqlDialect {};
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        if parser.peek_token().token == Token::EOF {
            return None;
        }
        if let Err(error) = parser.parse_statement() {
            return Some(refused(error));
        }
        let next = parser.peek_token();
        if !matches!(next.token, Token::SemiColon | Token::EOF) {
            return Some(Refused {
                message: format!("Expected: end of statement, found: {next}"),
                at: Some(next.span.start),
            });
        }
    }
}

fn refused(error: ParserError) -> Refused {
    match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            let place = text.rsplit_once(" at Line: ").and_then(|(message, place)| {
                let (line, column) = place.split_once(", Column: ")?;
                let at = Location { line: line.parse().ok()?, column: column.parse().ok()? };
                Some(Refused { message: message.to_owned(), at: Some(at) })
            });
            place.unwrap_or(Refused { message: text, at: None })
        }
        ParserError::RecursionLimitExceeded => {
            Refused { message: "recursion limit exceeded".to_owned(), at: None }
        }
    }
}

/// From a place in the statement to a place in the file. Without one (the text ended, or it is nested
/// too deeply) it is the statement's first word.
fn placed(refused: Refused, text: &str, statement: usize, stands: &Statement) -> Unreadable {
    let line_start = text[..stands.span.start].rfind('\n').map_or(0, |at| at + 1);
    let first_column = text[line_start..stands.span.start].chars().count() + 1;
    let (line, column) = match refused.at {
        Some(Location { line: 0, .. }) | None => (0, first_column as u64),
        Some(Location { line: 1, column }) => (0, first_column as u64 + column - 1),
        Some(Location { line, column }) => (line - 1, column),
    };
    Unreadable {
        statement,
        message: refused.message,
        line: stands.line.saturating_add(u32::try_from(line).unwrap_or(u32::MAX)),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    }
}

/// What reading the tokens can take.
#[derive(Debug, Default)]
struct Shape {
    /// Tokens in a row without a comma, summed over the open brackets, at most: how deep the tree can be.
    chain: usize,
    /// Open brackets, CASEs without their END and NOTs, at most: what takes the most stack.
    nested: usize,
    /// Tokens, each counted twice for every bracket behind a word and every CASE around it.
    work: u64,
}

impl Shape {
    fn of(tokens: &[TokenWithSpan]) -> Self {
        let mut shape = Self::default();
        let mut open: Vec<(usize, bool)> = Vec::new();
        let (mut own, mut around) = (0, 0);
        let (mut doubled, mut cases, mut nots) = (0_u32, 0_usize, 0_usize);
        let mut behind_word = false;
        for TokenWithSpan { token, .. } in tokens {
            let mut is_word = false;
            match token {
                Token::Whitespace(_) => continue,
                Token::LParen | Token::LBracket | Token::LBrace => {
                    open.push((own, behind_word));
                    around += own;
                    own = 0;
                    doubled += u32::from(behind_word);
                }
                Token::RParen | Token::RBracket | Token::RBrace => {
                    let (outer, doubles) = open.pop().unwrap_or_default();
                    around -= outer;
                    own = outer;
                    doubled = doubled.saturating_sub(u32::from(doubles));
                }
                Token::Comma | Token::SemiColon => (own, nots) = (0, 0),
                Token::Word(word) => {
                    is_word = true;
                    match word.keyword {
                        Keyword::CASE => {
                            doubled += 1;
                            cases += 1;
                        }
                        Keyword::END => {
                            doubled = doubled.saturating_sub(1);
                            cases = cases.saturating_sub(1);
                        }
                        // Most are the end of a column's definition, and none is in the next.
                        Keyword::NOT => nots += 1,
                        _ => {}
                    }
                }
                _ => {}
            }
            behind_word = is_word;
            own += 1;
            shape.chain = shape.chain.max(around + own);
            shape.nested = shape.nested.max(open.len() + cases + nots);
            shape.work = shape.work.saturating_add(1 << doubled.min(32));
        }
        shape
    }
}
