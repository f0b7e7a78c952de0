//! What attributes say about names: tables, columns, namespaces, what is ignored, and what a
//! field's type is one of.

use std::collections::HashMap;

use super::Schema;
use super::tree::{
    Argument, Attribute, Block, Config, Enum, EnumValue, Expression, Field, Model, ModelKind, TypeName,
};

/// Whether a field holds one value, one or none, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arity {
    /// `String`
    Required,
    /// `String?`
    Optional,
    /// `String[]`
    List,
}

/// The scalar types of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scalar {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// 32 bits.
    Int,
    /// 64 bits.
    BigInt,
    /// Double precision.
    Float,
    /// Any precision.
    Decimal,
    /// A point in time.
    DateTime,
    /// JSON.
    Json,
    /// Bytes.
    Bytes,
}

/// What a field's type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeOf<'a> {
    /// A scalar.
    Scalar(Scalar),
    /// An enum.
    Enum(&'a Enum),
    /// A model or a view: the field is a relation and has no column.
    Model(&'a Model),
    /// A composite type.
    Composite(&'a Model),
    /// A type of the database that the client does not know, as the database writes it.
    Unsupported(&'a str),
    /// Nothing that the schema has.
    Unknown(&'a str),
}

/// Models, views, types and enums by their names.
pub(crate) struct Names<'a>(HashMap<&'a str, &'a Block>);

impl Scalar {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::String,
        Self::Boolean,
        Self::Int,
        Self::BigInt,
        Self::Float,
        Self::Decimal,
        Self::DateTime,
        Self::Json,
        Self::Bytes,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Boolean => "Boolean",
            Self::Int => "Int",
            Self::BigInt => "BigInt",
            Self::Float => "Float",
            Self::Decimal => "Decimal",
            Self::DateTime => "DateTime",
            Self::Json => "Json",
            Self::Bytes => "Bytes",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scalar| scalar.as_str() == name)
    }
}

impl<'a> Names<'a> {
    pub(crate) fn of(schema: &'a Schema) -> Self {
        let mut names = HashMap::new();
        for block in &schema.blocks {
            let name = match block {
                Block::Model(model) => &model.name.name,
                Block::Enum(found) => &found.name.name,
                Block::Config(_) => continue,
            };
            names.entry(name.as_str()).or_insert(block);
        }
        Self(names)
    }

    /// All of them, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'a str> {
        self.0.keys().copied()
    }

    pub(crate) fn type_of(&self, field: &'a Field) -> TypeOf<'a> {
        let name = match &field.field_type.name {
            TypeName::Unsupported(literal) => return TypeOf::Unsupported(&literal.value),
            TypeName::Named(name) => name.name.as_str(),
        };
        match (Scalar::of(name), self.0.get(name)) {
            (Some(scalar), _) => TypeOf::Scalar(scalar),
            (None, Some(Block::Enum(found))) => TypeOf::Enum(found),
            (None, Some(Block::Model(model))) if model.kind == ModelKind::CompositeType => {
                TypeOf::Composite(model)
            }
            (None, Some(Block::Model(model))) => TypeOf::Model(model),
            (None, Some(Block::Config(_)) | None) => TypeOf::Unknown(name),
        }
    }
}

impl Attribute {
    /// The argument of a name, or the one without a name at a position from 0.
    pub fn argument(&self, name: &str, position: usize) -> Option<&Expression> {
        let named = self.arguments.iter().find(|argument| argument.is_called(name));
        let positional = || self.arguments.get(position).filter(|argument| argument.name.is_none());
        named.or_else(positional).map(|argument| &argument.value)
    }

    /// The argument of a name.
    pub fn named(&self, name: &str) -> Option<&Expression> {
        self.arguments.iter().find(|argument| argument.is_called(name)).map(|argument| &argument.value)
    }
}

impl Argument {
    fn is_called(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.name == name)
    }
}

impl Expression {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(literal) => Some(&literal.value),
            Self::Number { .. }
            | Self::Constant(_)
            | Self::Function { .. }
            | Self::Array { .. }
            | Self::Object { .. } => None,
        }
    }

    /// A word, or a word with arguments: a field in a list of fields, with or without its sort order.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Constant(name) | Self::Function { name, .. } => Some(&name.name),
            Self::String(_) | Self::Number { .. } | Self::Array { .. } | Self::Object { .. } => None,
        }
    }

    /// The elements of an array, or the value itself: Prisma takes `previewFeatures = "views"` too.
    pub fn items(&self) -> &[Expression] {
        match self {
            Self::Array { items, .. } => items,
            other => std::slice::from_ref(other),
        }
    }
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.name == name)
}

fn mapped(attributes: &[Attribute]) -> Option<&str> {
    find(attributes, "map")?.argument("name", 0)?.as_str()
}

impl Model {
    /// The first `@@` attribute of a name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }

    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.name == name)
    }

    /// The table's or the view's name in the database.
    pub fn database_name(&self) -> &str {
        mapped(&self.attributes).unwrap_or(&self.name.name)
    }

    /// The namespace, where `@@schema` says one; else that of the connection.
    pub fn namespace(&self) -> Option<&str> {
        self.attribute("schema")?.argument("map", 0)?.as_str()
    }

    /// Whether the client leaves it out.
    pub fn is_ignored(&self) -> bool {
        self.attribute("ignore").is_some()
    }
}

impl Field {
    /// The first `@` attribute of a name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }

    /// The column's name in the database.
    pub fn database_name(&self) -> &str {
        mapped(&self.attributes).unwrap_or(&self.name.name)
    }

    /// Whether the client leaves it out.
    pub fn is_ignored(&self) -> bool {
        self.attribute("ignore").is_some()
    }

    /// The native type, `@db.VarChar(191)`, as its attribute.
    pub fn native_type(&self) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.name.contains('.'))
    }

    /// What `@default(…)` holds.
    pub fn default(&self) -> Option<&Expression> {
        self.attribute("default")?.argument("value", 0)
    }
}

impl Enum {
    /// The type's name in the database.
    pub fn database_name(&self) -> &str {
        mapped(&self.attributes).unwrap_or(&self.name.name)
    }

    /// The namespace, where `@@schema` says one; else that of the connection.
    pub fn namespace(&self) -> Option<&str> {
        find(&self.attributes, "schema")?.argument("map", 0)?.as_str()
    }
}

impl EnumValue {
    /// The value in the database.
    pub fn database_name(&self) -> &str {
        mapped(&self.attributes).unwrap_or(&self.name.name)
    }
}

impl Config {
    /// The value of a key; the first counts.
    pub fn value(&self, key: &str) -> Option<&Expression> {
        self.properties.iter().find(|property| property.key.name == key).map(|property| &property.value)
    }
}
