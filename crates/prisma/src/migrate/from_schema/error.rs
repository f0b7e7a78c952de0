//! What in a schema has no meaning.

use crate::schema::{Span, SyntaxError, SyntaxErrorKind};

/// Something in a schema that cannot be understood, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Unreadable {
    /// What is wrong.
    pub kind: UnreadableKind,
    /// Where.
    pub span: Span,
}

/// Why something cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableKind {
    /// It is not the language.
    #[error(transparent)]
    Syntax(SyntaxErrorKind),
    /// The type of a field.
    #[error("there is no type `{0}`: no scalar, enum, model or view has this name")]
    Type(String),
    /// The type behind `@db.`.
    #[error("PostgreSQL has no type that Prisma calls `{0}`")]
    NativeType(String),
    /// A field that a key, an index or a relation names.
    #[error("model {model} has no field `{field}`")]
    Field {
        /// The model.
        model: String,
        /// The name that no field has.
        field: String,
    },
    /// A value behind `@default`.
    #[error("this is no value of the field's type")]
    Value,
    /// A relation between lists, to a model without a key of one field.
    #[error("model {0} needs an `@id` of one field for this relation")]
    Key(String),
    /// A relation that says `fields` and not `references`.
    #[error("a relation with `fields` needs `references`")]
    References,
    /// The condition of an index.
    #[error(
        "this is no condition: write `raw(\"…\")`, or `{{ field: value }}` with a string, a number, true, false, null or `{{ not: … }}`"
    )]
    Predicate,
}

impl From<&SyntaxError> for Unreadable {
    fn from(error: &SyntaxError) -> Self {
        Self { kind: UnreadableKind::Syntax(error.kind.clone()), span: error.span }
    }
}
