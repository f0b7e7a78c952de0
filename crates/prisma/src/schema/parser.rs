//! From pieces to blocks. What lines of blocks hold is in [`member`], their values in [`value`].
//!
//! A line that cannot be read is told and passed over. A block that is not closed ends where the
//! next one begins.

mod member;
mod value;

use super::lexer::{self, Kind, Token};
use super::tree::{
    Attribute, Block, Config, ConfigKind, Documentation, Enum, EnumValue, Field, Identifier, Model,
    ModelKind, Property,
};
use super::{Comment, CommentKind, Schema, Span, SyntaxError, SyntaxErrorKind};

/// Reads a file and adds what is in it to the schema.
pub(super) fn parse(file: usize, text: &str, schema: &mut Schema) {
    let tokens = lexer::tokens(file, text, &mut schema.errors);
    schema.comments.extend(lexer::comments(&tokens));
    // Prisma takes a `/* */` wherever a line may begin or end; we take it everywhere.
    let is_read = |token: &Token| token.kind != Kind::Comment(CommentKind::Block);
    let tokens: Vec<Token> = tokens.into_iter().filter(is_read).collect();
    let mut parser =
        Parser { text, tokens, at: 0, depth: 0, is_across: false, documentation: Vec::new(), schema };
    parser.blocks();
}

/// What a block is, from its keyword.
#[derive(Clone, Copy)]
enum Keyword {
    Fields(ModelKind),
    Enum,
    Config(ConfigKind),
}

impl Keyword {
    const ALL: [&str; 6] = ["model", "view", "type", "enum", "datasource", "generator"];

    fn of(word: &str) -> Option<(Self, &'static str)> {
        Some(match word {
            "model" => (Self::Fields(ModelKind::Model), "model"),
            "view" => (Self::Fields(ModelKind::View), "view"),
            "type" => (Self::Fields(ModelKind::CompositeType), "type"),
            "enum" => (Self::Enum, "enum"),
            "datasource" => (Self::Config(ConfigKind::Datasource), "datasource"),
            "generator" => (Self::Config(ConfigKind::Generator), "generator"),
            _ => return None,
        })
    }

    /// What a line of such a block is.
    fn member(self) -> &'static str {
        match self {
            Self::Fields(_) => "a field or an attribute",
            Self::Enum => "a value or an attribute",
            Self::Config(_) => "a property",
        }
    }
}

/// The lines of a block.
#[derive(Default)]
struct Members {
    fields: Vec<Field>,
    values: Vec<EnumValue>,
    properties: Vec<Property>,
    attributes: Vec<Attribute>,
}

struct Parser<'a> {
    text: &'a str,
    /// Without block comments; the last one is [`Kind::End`].
    tokens: Vec<Token>,
    at: usize,
    /// How many brackets the value is in that is being read.
    depth: usize,
    /// The line being read goes on over line ends, which has been told.
    is_across: bool,
    /// The `///` lines that nothing has claimed yet.
    documentation: Vec<String>,
    schema: &'a mut Schema,
}

impl Parser<'_> {
    fn blocks(&mut self) {
        loop {
            match &self.peek().kind {
                Kind::End => return,
                Kind::Newline | Kind::Comment(_) => self.between(),
                Kind::Word => self.block(),
                _ => self.pass_over_line(SyntaxErrorKind::NotABlock),
            }
        }
    }

    /// A line end or a comment where a line begins.
    fn between(&mut self) {
        let token = self.advance();
        match token.kind {
            Kind::Comment(CommentKind::Documentation) => {
                self.documentation.push(self.comment_text(token.span));
                self.take_newline();
            }
            Kind::Comment(_) => self.take_newline(),
            // An empty line: what was documented is not what follows.
            _ => self.documentation.clear(),
        }
    }

    fn block(&mut self) {
        let documentation = self.documentation();
        let first = self.advance();
        let word = self.word(first.span);
        let Some((keyword, spelling)) = Keyword::of(&word).or_else(|| self.grown_together(&word)) else {
            self.unknown_block(first.span, &word);
            return;
        };
        let is_grown_together = word.len() > spelling.len();
        if is_grown_together {
            self.at -= 1;
        } else if self.peek().kind != Kind::Word {
            self.error(SyntaxErrorKind::NameMissing(spelling), first.span);
            match self.peek().kind {
                Kind::Sign('{') => self.pass_over_block(),
                _ => self.leave_line(),
            }
            return;
        }
        let mut name = self.word_here();
        if is_grown_together {
            name.name.drain(..spelling.len());
            name.span.start += spelling.len();
        }
        if !matches!(keyword, Keyword::Config(_)) {
            self.check(&name);
        }
        let title = format!("{spelling} `{}`", name.name);
        let header = first.span.to(name.span);
        if !self.open(&title, header) {
            return;
        }
        let (members, end) = self.members(keyword, &title, header);
        let span = first.span.to(end);
        let Members { fields, values, properties, attributes } = members;
        self.schema.blocks.push(match keyword {
            Keyword::Fields(kind) => {
                Block::Model(Model { kind, name, fields, attributes, documentation, span })
            }
            Keyword::Enum => Block::Enum(Enum { name, values, attributes, documentation, span }),
            Keyword::Config(kind) => Block::Config(Config { kind, name, properties, documentation, span }),
        });
    }

    /// `modelUser {` is a model called User: Prisma's grammar needs no space there.
    fn grown_together(&self, word: &str) -> Option<(Keyword, &'static str)> {
        let follows = self.peek().kind == Kind::Sign('{');
        let found = Keyword::ALL.into_iter().find(|keyword| {
            word.strip_prefix(keyword).is_some_and(|name| name.starts_with(char::is_alphanumeric))
        });
        found.filter(|_| follows).and_then(Keyword::of)
    }

    /// A word that is no keyword at the beginning of a line: a block all the same, if a `{` follows.
    fn unknown_block(&mut self, word: Span, text: &str) {
        if self.peek().kind == Kind::Word {
            self.advance();
        }
        if self.peek().kind == Kind::Sign('{') {
            self.error(SyntaxErrorKind::UnknownBlock(text.to_owned()), word);
            self.pass_over_block();
        } else {
            self.error(SyntaxErrorKind::NotABlock, word);
            self.leave_line();
        }
    }

    /// The `{` of a block, with the rest of its line. Whether there are members to read.
    fn open(&mut self, title: &str, header: Span) -> bool {
        match self.peek().kind {
            Kind::Sign('{') => {}
            Kind::Sign('=') if title.starts_with("type ") => {
                self.error(SyntaxErrorKind::TypeAlias, header);
                self.leave_line();
                return false;
            }
            _ => {
                self.error(SyntaxErrorKind::BraceMissing(title.to_owned()), header);
                self.leave_line();
                if self.peek().kind != Kind::Sign('{') {
                    return false;
                }
            }
        }
        self.advance();
        let line = self.line();
        let Some(first) = line.iter().find(|token| !matches!(token.kind, Kind::Comment(_))) else {
            self.leave_line();
            return true;
        };
        let close = line.iter().position(|token| token.kind == Kind::Sign('}'));
        let passed_over = first.span.to(line[line.len() - 1].span);
        match close {
            Some(close) if !self.closes_later() => {
                self.error(SyntaxErrorKind::OneLine(title.to_owned()), header);
                self.at += close + 1;
                false
            }
            _ => {
                self.schema.comments.push(Comment { kind: CommentKind::PassedOver, span: passed_over });
                self.leave_line();
                true
            }
        }
    }

    /// Whether a line that begins with `}` comes before the next block.
    fn closes_later(&self) -> bool {
        let mut at = self.at + self.line().len();
        while let Kind::Newline = self.tokens[at].kind {
            at += 1;
            match self.tokens[at].kind {
                Kind::Sign('}') => return true,
                Kind::Word if self.is_block_at(at) => return false,
                _ => {}
            }
            let rest = &self.tokens[at..];
            at += rest.iter().take_while(|token| !matches!(token.kind, Kind::Newline | Kind::End)).count();
        }
        false
    }

    /// The lines of a block, and where it ends.
    fn members(&mut self, keyword: Keyword, title: &str, header: Span) -> (Members, Span) {
        let mut members = Members::default();
        self.documentation.clear();
        loop {
            match &self.peek().kind {
                Kind::Sign('}') => {
                    self.documentation.clear();
                    return (members, self.advance().span);
                }
                Kind::Newline | Kind::Comment(_) => self.between(),
                Kind::End => break,
                Kind::Word if self.begins_block() => break,
                Kind::Word | Kind::AtAt => self.member(keyword, &mut members),
                _ => self.pass_over_line(SyntaxErrorKind::NotAMember(keyword.member())),
            }
        }
        self.error(SyntaxErrorKind::Unclosed(title.to_owned()), header);
        let end = self.tokens[self.at.saturating_sub(1)].span;
        (members, end)
    }

    /// Whether the line that begins here is a block's first: keyword, name and `{`.
    fn begins_block(&self) -> bool {
        self.is_block_at(self.at)
    }

    fn is_block_at(&self, at: usize) -> bool {
        match &self.tokens[at..] {
            [first, name, brace, ..] => {
                Keyword::of(self.text_at(first.span)).is_some()
                    && name.kind == Kind::Word
                    && brace.kind == Kind::Sign('{')
            }
            _ => false,
        }
    }

    /// To the line behind the `}` that begins a line, or to the next block.
    fn pass_over_block(&mut self) {
        self.leave_line();
        loop {
            match self.peek().kind {
                Kind::End => return,
                Kind::Sign('}') => {
                    self.advance();
                    return;
                }
                Kind::Word if self.begins_block() => return,
                _ => self.leave_line(),
            }
        }
    }

    // The pieces, one by one.

    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn peek_second(&self) -> &Token {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)]
    }

    /// The piece at hand, and on to the next; the end of the file stays.
    fn advance(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    /// The pieces up to the end of the line.
    fn line(&self) -> &[Token] {
        let rest = &self.tokens[self.at..];
        let end = rest.iter().position(|token| matches!(token.kind, Kind::Newline | Kind::End));
        &rest[..end.unwrap_or(rest.len())]
    }

    fn leave_line(&mut self) {
        self.at += self.line().len();
        self.take_newline();
    }

    fn take_newline(&mut self) {
        if self.peek().kind == Kind::Newline {
            self.advance();
        }
    }

    fn text_at(&self, span: Span) -> &str {
        &self.text[span.bytes()]
    }

    fn word(&self, span: Span) -> String {
        self.text_at(span).to_owned()
    }

    /// The word at hand.
    fn word_here(&mut self) -> Identifier {
        let span = self.advance().span;
        Identifier { name: self.word(span), span }
    }

    /// The word at hand as a name of the schema, which it may be badly.
    fn name(&mut self) -> Identifier {
        let name = self.word_here();
        self.check(&name);
        name
    }

    fn check(&mut self, name: &Identifier) {
        if !name.name.starts_with(char::is_alphabetic) || name.name.contains('-') {
            self.error(SyntaxErrorKind::Name(name.name.clone()), name.span);
        }
    }

    fn comment_text(&self, span: Span) -> String {
        self.text_at(span).trim_start_matches('/').trim().to_owned()
    }

    fn documentation(&mut self) -> Documentation {
        let lines = std::mem::take(&mut self.documentation);
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn error(&mut self, kind: SyntaxErrorKind, span: Span) {
        self.schema.errors.push(SyntaxError { kind, span });
    }

    fn pass_over_line(&mut self, kind: SyntaxErrorKind) {
        let token = self.peek().clone();
        let kind = match token.kind {
            Kind::Sign(sign) if !"@{}[]()=:,.?!".contains(sign) => self.character(sign),
            _ => kind,
        };
        self.error(kind, token.span);
        self.documentation.clear();
        self.leave_line();
    }

    fn character(&self, sign: char) -> SyntaxErrorKind {
        SyntaxErrorKind::Character(match sign.is_control() || sign.is_whitespace() {
            true => format!("character U+{:04X}", u32::from(sign)),
            false => format!("`{sign}`"),
        })
    }
}
