//! What is wrong with the text of a schema, said to the person who edits it.

use thiserror::Error;

use super::Span;

/// A stretch of text that is not the Prisma schema language. Prisma reports all of them as P1012.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{kind}")]
pub struct SyntaxError {
    /// What is wrong.
    pub kind: SyntaxErrorKind,
    /// Where.
    pub span: Span,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SyntaxErrorKind {
    /// A line outside all blocks that begins none.
    #[error("this line begins no block")]
    NotABlock,
    /// A block with a word in front that Prisma does not know.
    #[error("there is no block called `{0}`")]
    UnknownBlock(String),
    /// A keyword without a name behind it.
    #[error("this {0} has no name")]
    NameMissing(&'static str),
    /// No `{` on the line of the block's name.
    #[error("the `{{` of {0} must stand on this line")]
    BraceMissing(String),
    /// `model A { id Int @id }`
    #[error("{0} is written on one line")]
    OneLine(String),
    /// The file ends, or another block begins, within a block.
    #[error("{0} is not closed")]
    Unclosed(String),
    /// `type Name = String`, which Prisma had before 2.0.
    #[error("a type cannot be given another name")]
    TypeAlias,
    /// A name that does not begin with a letter, or has a dash.
    #[error("`{0}` cannot be a name here")]
    Name(String),
    /// A line of a block that is no member of it.
    #[error("this line is not {0}")]
    NotAMember(&'static str),
    /// A field with a name and no type.
    #[error("field `{0}` has no type")]
    TypeMissing(String),
    /// `name: String`
    #[error("there is no `:` between a field's name and its type")]
    Colon,
    /// `String!`
    #[error("fields are required without the `!`")]
    Bang,
    /// `[String]`
    #[error("a list is written `{0}[]`, not `[{0}]`")]
    LegacyList(String),
    /// `String[]?`
    #[error("a list cannot be optional")]
    OptionalList,
    /// A property without a value.
    #[error("property `{0}` has no value")]
    ValueMissing(String),
    /// An argument with a name and no value.
    #[error("argument `{0}` has no value")]
    ArgumentMissing(String),
    /// `(a, )`
    #[error("there is a comma and nothing behind it")]
    TrailingComma,
    /// A parenthesis, bracket or brace that is not closed on its line.
    #[error("this `{0}` is not closed on its line")]
    OpenBracket(char),
    /// Something else than what must come here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What must come.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Brackets in brackets, deeper than any schema.
    #[error("this is nested too deeply")]
    Nested,
    /// A string without its second quote.
    #[error("this string is not closed on its line")]
    OpenString,
    /// A tab or another control character in a string.
    #[error("a string cannot hold this character")]
    ControlCharacter,
    /// `\q`
    #[error("`\\{0}` is no escape")]
    Escape(char),
    /// `\u12`, or half of a surrogate pair.
    #[error("this is no character's number")]
    UnicodeEscape,
    /// `/*` without `*/`.
    #[error("this comment is not closed")]
    OpenComment,
    /// A character that the language does not have.
    #[error("unexpected {0}")]
    Character(String),
    /// The file begins with U+FEFF.
    #[error("the file begins with a byte order mark")]
    ByteOrderMark,
}

impl SyntaxError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match &self.kind {
            SyntaxErrorKind::NotABlock => "a block begins with its kind, its name and `{`: model User {",
            SyntaxErrorKind::UnknownBlock(_) => {
                "the blocks are model, view, enum, type, datasource and generator"
            }
            SyntaxErrorKind::NameMissing(_) => "give it a name that begins with a letter",
            SyntaxErrorKind::BraceMissing(_) => "write kind, name and `{` on one line: model User {",
            SyntaxErrorKind::OneLine(_) => {
                "Prisma goes by lines: begin a new one behind `{` and for each member"
            }
            SyntaxErrorKind::Unclosed(_) => "close it with `}`",
            SyntaxErrorKind::TypeAlias => "write the type out in each field",
            SyntaxErrorKind::Name(_) => {
                "a name begins with a letter and has letters, digits and `_`; the database's name can be another, \
                 with @map or @@map"
            }
            SyntaxErrorKind::NotAMember(_) => "one member is one line; see https://pris.ly/d/data-model",
            SyntaxErrorKind::TypeMissing(_) => "write the type behind the name: email String",
            SyntaxErrorKind::Colon => "remove the `:`",
            SyntaxErrorKind::Bang => "remove the `!`",
            SyntaxErrorKind::LegacyList(_) => "write the brackets behind the type",
            SyntaxErrorKind::OptionalList => "write `[]` or `?`; a list without elements is empty",
            SyntaxErrorKind::ValueMissing(_) | SyntaxErrorKind::ArgumentMissing(_) => {
                "write the value on the same line, or remove the name"
            }
            SyntaxErrorKind::TrailingComma => "remove the comma",
            SyntaxErrorKind::OpenBracket(_) => "Prisma goes by lines: write all of it on one line",
            SyntaxErrorKind::Expected { .. } => {
                "write the line as Prisma's reference shows it, or comment it out"
            }
            SyntaxErrorKind::Nested => "write fewer brackets",
            SyntaxErrorKind::OpenString => "close it with `\"`; a line break in a string is written \\n",
            SyntaxErrorKind::ControlCharacter => "write it as an escape: \\t, \\n, \\u0007",
            SyntaxErrorKind::Escape(_) => {
                "the escapes are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX; a backslash is written \\\\"
            }
            SyntaxErrorKind::UnicodeEscape => {
                "write four hexadecimal digits, and a surrogate with its other half"
            }
            SyntaxErrorKind::OpenComment => "close it with `*/`",
            SyntaxErrorKind::Character(_) => "remove it, or write it within a string",
            SyntaxErrorKind::ByteOrderMark => {
                "save the file as UTF-8 without a byte order mark: Prisma refuses it"
            }
        }
    }
}
