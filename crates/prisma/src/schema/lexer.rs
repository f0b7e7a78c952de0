//! Words, numbers, strings, signs, line ends and comments of one file. White space is nothing.
//!
//! Every byte is looked at once or twice, so the time is linear in the text, whatever it is.

use super::literal;
use super::{Comment, CommentKind, Span, SyntaxError, SyntaxErrorKind};

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits, `_` and `-`; not a number.
    Word,
    /// Digits, perhaps with a sign in front and a fraction.
    Number,
    /// A string: what it means, and whether its second quote is there.
    String { value: String, is_closed: bool },
    /// `@@`
    AtAt,
    /// Any other sign, also one that the language does not have.
    Sign(char),
    /// The end of a line.
    Newline,
    /// A comment. One that spans lines ends none of them.
    Comment(CommentKind),
    /// The end of the file; always the last.
    End,
}

/// The pieces of a file. Errors within strings and comments are told, and the piece is there all the same.
pub(super) fn tokens(file: usize, text: &str, errors: &mut Vec<SyntaxError>) -> Vec<Token> {
    let mut lexer = Lexer { file, text, at: 0, errors, tokens: Vec::with_capacity(text.len() / 4) };
    if text.starts_with('\u{feff}') {
        lexer.take(Kind::Newline, '\u{feff}'.len_utf8());
        lexer.tokens.clear();
        let span = Span { file, start: 0, end: lexer.at };
        lexer.errors.push(SyntaxError { kind: SyntaxErrorKind::ByteOrderMark, span });
    }
    while let Some(first) = lexer.rest().chars().next() {
        lexer.step(first);
    }
    lexer.take(Kind::End, 0);
    lexer.tokens
}

/// All comments among the tokens.
pub(super) fn comments(tokens: &[Token]) -> impl Iterator<Item = Comment> {
    tokens.iter().filter_map(|token| match token.kind {
        Kind::Comment(kind) => Some(Comment { kind, span: token.span }),
        _ => None,
    })
}

struct Lexer<'a, 'e> {
    file: usize,
    text: &'a str,
    at: usize,
    errors: &'e mut Vec<SyntaxError>,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a, '_> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn step(&mut self, first: char) {
        let rest = self.rest();
        if first == '\n' || first == '\r' {
            self.take(Kind::Newline, if rest.starts_with("\r\n") { 2 } else { 1 });
        } else if rest.starts_with("/*") {
            let length = rest.find("*/").map(|found| found + 2);
            if length.is_none() {
                let span = Span { file: self.file, start: self.at, end: self.at + 2 };
                self.errors.push(SyntaxError { kind: SyntaxErrorKind::OpenComment, span });
            }
            let length = length.unwrap_or(rest.len());
            self.take(Kind::Comment(CommentKind::Block), length);
        } else if rest.starts_with("//") {
            let kind = if rest.starts_with("///") { CommentKind::Documentation } else { CommentKind::Line };
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
            self.take(Kind::Comment(kind), length);
        } else if first == '"' {
            let literal = literal::read(self.file, self.text, self.at, self.errors);
            self.take(Kind::String { value: literal.value, is_closed: literal.is_closed }, literal.length);
        } else if rest.starts_with("@@") {
            self.take(Kind::AtAt, 2);
        } else if let Some(length) = number(rest) {
            self.take(Kind::Number, length);
        } else if is_word_start(first) {
            let length = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
            self.take(Kind::Word, length);
        } else if is_space(first) {
            self.at += first.len_utf8();
        } else {
            self.take(Kind::Sign(first), first.len_utf8());
        }
    }

    fn take(&mut self, kind: Kind, length: usize) {
        let span = Span { file: self.file, start: self.at, end: self.at + length };
        self.tokens.push(Token { kind, span });
        self.at = span.end;
    }
}

/// Space separators of Unicode, and the tab; form feeds and other controls are errors for Prisma.
fn is_space(character: char) -> bool {
    character == '\t'
        || matches!(
            character,
            ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
        )
}

/// An underscore is let in so that the message can be about the name.
fn is_word_start(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '-'
}

/// The length of the number at the start of `text`; `None` for `1a`, which is a word.
fn number(text: &str) -> Option<usize> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with('-'));
    let whole = digits(&text[sign..]);
    if whole == 0 {
        return None;
    }
    let mut length = sign + whole;
    if let Some(fraction) = text[length..].strip_prefix('.').map(digits).filter(|&count| count > 0) {
        length += 1 + fraction;
    }
    let ends = !text[length..].starts_with(is_word);
    ends.then_some(length)
}
