//! The Prisma schema language, of Prisma 5, 6 and 7: from the texts of a schema's files to a tree.
//!
//! One pass over each file. What cannot be read becomes a [`SyntaxError`] with its place, and
//! reading goes on with the next line, so that one slip hides nothing else; nothing panics. The
//! tree holds what is written, with its place, whatever the database. What it means for a database
//! is the business of those who ask ([`crate::client`]).
//!
//! Prisma's grammar goes by lines: a field, a value, an attribute, a property is one line each, and
//! a block begins behind the line of its `{`. We hold to that, because a schema that Prisma refuses
//! is in no release.

mod error;
mod lexer;
mod literal;
mod meaning;
mod parser;
mod span;
mod tree;

pub use error::{SyntaxError, SyntaxErrorKind};
pub(crate) use meaning::Names;
pub use meaning::{Arity, Scalar, TypeOf};
pub use span::Span;
pub use tree::{
    Argument, Attribute, Block, Comment, CommentKind, Config, ConfigKind, Documentation, Enum, EnumValue,
    Expression, Field, FieldType, Identifier, Model, ModelKind, Property, StringLiteral, TypeName,
};

use crate::Place;

/// A file of a schema.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path, as it shall be shown.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A schema, read: one file or several that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The files.
    pub sources: Vec<Source>,
    /// The blocks of all files, in the order in which they are written.
    pub blocks: Vec<Block>,
    /// All comments, in order, none within another; those that document something are there as well.
    pub comments: Vec<Comment>,
    /// What could not be read, in order of the places.
    pub errors: Vec<SyntaxError>,
}

impl Source {
    /// A file from its path and text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// `{:?}` leaves the text out: it may hold a URL with a password.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Schema {
    /// Reads a schema. There is always a tree; [`Schema::errors`] tells what it lacks.
    pub fn parse(sources: Vec<Source>) -> Self {
        let mut schema =
            Self { sources: Vec::new(), blocks: Vec::new(), comments: Vec::new(), errors: Vec::new() };
        for (file, source) in sources.iter().enumerate() {
            parser::parse(file, &source.text, &mut schema);
        }
        schema.sources = sources;
        schema.errors.sort_by_key(|error| error.span);
        schema.comments.sort_by_key(|comment| comment.span);
        // What Prisma passes over may be anything, half a string too; a comment without end reaches further.
        let comments = &schema.comments;
        schema.errors.retain(|error| {
            let is_passed_over = |comment: &Comment| {
                let (outer, span) = (comment.span, error.span);
                let is_within = outer.file == span.file && outer.start <= span.start && span.end <= outer.end;
                comment.kind == CommentKind::PassedOver && is_within
            };
            error.kind == SyntaxErrorKind::OpenComment || !comments.iter().any(is_passed_over)
        });
        // A comment within what Prisma passes over is passed over with it.
        let mut outer: Option<Span> = None;
        schema.comments.retain(|comment| {
            let span = comment.span;
            let is_within = outer.is_some_and(|outer| outer.file == span.file && span.end <= outer.end);
            if comment.kind == CommentKind::PassedOver {
                outer = Some(span);
            }
            !is_within
        });
        schema
    }

    /// Where a span begins.
    pub fn place(&self, span: Span) -> Place {
        self.sources
            .get(span.file)
            .map_or(Place { line: 1, column: 1 }, |source| Place::of(&source.text, span.start))
    }

    /// The path of the file that a span lies in.
    pub fn path(&self, span: Span) -> &str {
        self.sources.get(span.file).map_or("", |source| &source.path)
    }

    /// What is written at a span.
    pub fn text(&self, span: Span) -> &str {
        self.sources
            .get(span.file)
            .and_then(|source| source.text.get(span.start..span.end))
            .unwrap_or_default()
    }

    /// An error with its file and place, for a person: `prisma/schema.prisma:4:3: field …`.
    pub fn located(&self, error: &SyntaxError) -> String {
        format!("{}:{}: {error}", self.path(error.span), self.place(error.span))
    }

    /// The models, without views and composite types.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.of_kind(ModelKind::Model)
    }

    /// The views.
    pub fn views(&self) -> impl Iterator<Item = &Model> {
        self.of_kind(ModelKind::View)
    }

    fn of_kind(&self, kind: ModelKind) -> impl Iterator<Item = &Model> {
        self.blocks.iter().filter_map(move |block| match block {
            Block::Model(model) if model.kind == kind => Some(model),
            Block::Model(_) | Block::Enum(_) | Block::Config(_) => None,
        })
    }

    /// The enums.
    pub fn enums(&self) -> impl Iterator<Item = &Enum> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Enum(found) => Some(found),
            Block::Model(_) | Block::Config(_) => None,
        })
    }

    /// The datasource. Prisma allows one; the first counts.
    pub fn datasource(&self) -> Option<&Config> {
        self.configs(ConfigKind::Datasource).next()
    }

    /// The generators.
    pub fn generators(&self) -> impl Iterator<Item = &Config> {
        self.configs(ConfigKind::Generator)
    }

    pub(crate) fn configs(&self, kind: ConfigKind) -> impl Iterator<Item = &Config> {
        self.blocks.iter().filter_map(move |block| match block {
            Block::Config(config) if config.kind == kind => Some(config),
            Block::Model(_) | Block::Enum(_) | Block::Config(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
