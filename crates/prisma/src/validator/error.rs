//! One thing that is wrong with a schema, and the list of them.

use crate::schema::{Schema, Span, SyntaxError};

/// Something that Prisma refuses a schema for. [`Schema::place`] and [`Schema::path`] tell where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaError {
    /// What is wrong, for the person who wrote the schema.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Where.
    pub span: Span,
}

impl SchemaError {
    /// The code under which Prisma reports all of them.
    pub const CODE: &'static str = "P1012";
}

impl From<&SyntaxError> for SchemaError {
    fn from(error: &SyntaxError) -> Self {
        Self { message: error.to_string(), hint: error.hint().to_owned(), span: error.span }
    }
}

/// What has been told so far.
pub(super) struct Errors(Vec<SchemaError>);

impl Errors {
    /// What could not be read.
    pub(super) fn of(schema: &Schema) -> Self {
        Self(schema.errors.iter().map(SchemaError::from).collect())
    }

    pub(super) fn tell(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(SchemaError { message: message.into(), hint: hint.into(), span });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of the places, each once: both ends of a relation find the same fault.
    pub(super) fn sorted(mut self) -> Vec<SchemaError> {
        self.0.sort_by_key(|error| error.span);
        let mut all: Vec<SchemaError> = Vec::with_capacity(self.0.len());
        for error in self.0 {
            let same = all.iter().rev().take_while(|other| other.span == error.span);
            if !same.into_iter().any(|other| *other == error) {
                all.push(error);
            }
        }
        all
    }
}
