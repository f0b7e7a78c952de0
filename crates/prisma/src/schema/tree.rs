//! The tree: what is written, with its place on every node.

use super::Span;

/// A block of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// `model`, `view` or `type`.
    Model(Model),
    /// `enum`
    Enum(Enum),
    /// `datasource` or `generator`.
    Config(Config),
}

/// A `model`, a `view`, or a composite `type`: blocks of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Which of the three.
    pub kind: ModelKind,
    /// Its name.
    pub name: Identifier,
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// The `@@` attributes, in order.
    pub attributes: Vec<Attribute>,
    /// The `///` lines above it.
    pub documentation: Documentation,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// What a block of fields stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelKind {
    /// A table.
    Model,
    /// A view of the database; Prisma neither makes nor changes it.
    View,
    /// A composite type: part of a document, on databases that have them. Not on PostgreSQL.
    CompositeType,
}

/// A field of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: Identifier,
    /// Its type.
    pub field_type: FieldType,
    /// The `@` attributes, in order.
    pub attributes: Vec<Attribute>,
    /// The `///` lines above it, and the one behind it.
    pub documentation: Documentation,
    /// From the name to the last attribute.
    pub span: Span,
}

/// The type of a field, with `?` or `[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldType {
    /// What it is one of, or several of.
    pub name: TypeName,
    /// `?`, `[]` or neither.
    pub arity: super::Arity,
    /// With the sign.
    pub span: Span,
}

/// The name in a field's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeName {
    /// A scalar, an enum, a model or a composite type.
    Named(Identifier),
    /// `Unsupported("…")`: a type of the database, as the database writes it.
    Unsupported(StringLiteral),
}

/// An `enum`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enum {
    /// Its name.
    pub name: Identifier,
    /// The values, in order.
    pub values: Vec<EnumValue>,
    /// The `@@` attributes, in order.
    pub attributes: Vec<Attribute>,
    /// The `///` lines above it.
    pub documentation: Documentation,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// A value of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumValue {
    /// Its name in the client.
    pub name: Identifier,
    /// The `@` attributes, in order.
    pub attributes: Vec<Attribute>,
    /// The `///` lines above it, and the one behind it.
    pub documentation: Documentation,
    /// From the name to the last attribute.
    pub span: Span,
}

/// A `datasource` or a `generator`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Which of the two.
    pub kind: ConfigKind,
    /// Its name.
    pub name: Identifier,
    /// The lines `key = value`, in order.
    pub properties: Vec<Property>,
    /// The `///` lines above it.
    pub documentation: Documentation,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// Which block of configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigKind {
    /// `datasource`
    Datasource,
    /// `generator`
    Generator,
}

/// `key = value`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The key.
    pub key: Identifier,
    /// The value.
    pub value: Expression,
    /// The whole line, without a comment.
    pub span: Span,
}

/// `@name(…)` or `@@name(…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, with dots: `id`, `db.VarChar`.
    pub name: Identifier,
    /// The arguments; none also where there are no parentheses.
    pub arguments: Vec<Argument>,
    /// From the `@` on.
    pub span: Span,
}

/// An argument of an attribute or of a function, or an entry of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The name in front of the colon.
    pub name: Option<Identifier>,
    /// The value.
    pub value: Expression,
    /// Name and value.
    pub span: Span,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// `"text"`
    String(StringLiteral),
    /// `-1.5`, as it is written: decimals and 64-bit numbers do not fit a float.
    Number {
        /// The digits.
        text: String,
        /// Where.
        span: Span,
    },
    /// A word, perhaps with dots: `true`, `Cascade`, `authorId`, `address.street`.
    Constant(Identifier),
    /// `name(…)`
    Function {
        /// `env`, `now`, `dbgenerated`, or a field with its sort order: `title(sort: Desc)`.
        name: Identifier,
        /// What stands in the parentheses.
        arguments: Vec<Argument>,
        /// The whole.
        span: Span,
    },
    /// `[a, b]`
    Array {
        /// The elements.
        items: Vec<Expression>,
        /// With the brackets.
        span: Span,
    },
    /// `{ deletedAt: null }`, the condition of a partial index since Prisma 7.4.
    Object {
        /// The entries, each with a name.
        entries: Vec<Argument>,
        /// With the braces.
        span: Span,
    },
}

/// A string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringLiteral {
    /// What it means, escapes resolved.
    pub value: String,
    /// With the quotes.
    pub span: Span,
}

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The name.
    pub name: String,
    /// Where.
    pub span: Span,
}

/// The text of documentation comments, lines joined, without the slashes; `None` where there are none.
pub type Documentation = Option<String>;

/// A comment, anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment {
    /// Its kind.
    pub kind: CommentKind,
    /// With its slashes.
    pub span: Span,
}

/// How a comment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommentKind {
    /// `//`
    Line,
    /// `///`
    Documentation,
    /// `/* */`
    Block,
    /// What stands behind a block's `{` on the same line, which Prisma passes over.
    PassedOver,
}

impl Expression {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::String(literal) => literal.span,
            Self::Constant(name) => name.span,
            Self::Number { span, .. }
            | Self::Function { span, .. }
            | Self::Array { span, .. }
            | Self::Object { span, .. } => *span,
        }
    }
}
