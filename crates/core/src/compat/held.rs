//! Types, as far as it matters for a client: what it can read of a column, and what it can write.

use std::fmt;

use underpin_catalog::model::{Catalog, Column as CatalogColumn, Table, TypeKind, TypeRef, View};
use underpin_catalog::{Name, RelationName};
use underpin_prisma::client::{Column, ColumnType};
use underpin_prisma::migrate::{self, NativeType};
use underpin_prisma::schema::{Arity, Scalar};

/// What a column holds, or a field expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Each value.
    pub(super) kind: Kind,
    /// Several.
    pub(super) list: bool,
    /// How many characters fit; `None` for any number.
    pub(super) length_max: Option<u32>,
}

/// Types that a client treats alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `text`, `varchar`, `char`, `citext`.
    Text,
    /// A type with a form of its own that the client knows as text: `uuid`, `inet`, `xml`, `bit`.
    Word(String),
    Small,
    Int,
    Big,
    Oid,
    Float,
    Numeric,
    Money,
    Bool,
    Timestamp,
    TimestampTz,
    Date,
    Time,
    TimeTz,
    Json,
    Bytes,
    /// By its type's name.
    Enum(RelationName),
    /// Of which no client knows.
    Other(String),
}

impl Held {
    /// What a field expects; `None` where the schema does not say.
    pub(super) fn expected(column: &Column) -> Option<Self> {
        let native = column.native_type.as_deref().unwrap_or_default();
        let (word, argument) = native.split_once('(').unwrap_or((native, ""));
        let kind = match &column.column_type {
            ColumnType::Unknown | ColumnType::Unsupported(_) => return None,
            ColumnType::Enum(name) => Kind::Enum(name.clone()),
            ColumnType::Scalar(scalar) => match (scalar, word) {
                (Scalar::String, "" | "Text" | "VarChar" | "Char" | "Citext") => Kind::Text,
                (Scalar::String, word) => Kind::Word(word.to_lowercase()),
                (Scalar::Int, "SmallInt") => Kind::Small,
                (Scalar::Int, "Oid") => Kind::Oid,
                (Scalar::Int, _) => Kind::Int,
                (Scalar::BigInt, _) => Kind::Big,
                (Scalar::Float, _) => Kind::Float,
                (Scalar::Decimal, "Money") => Kind::Money,
                (Scalar::Decimal, _) => Kind::Numeric,
                (Scalar::Boolean, _) => Kind::Bool,
                (Scalar::DateTime, "Timestamptz") => Kind::TimestampTz,
                (Scalar::DateTime, "Date") => Kind::Date,
                (Scalar::DateTime, "Time") => Kind::Time,
                (Scalar::DateTime, "Timetz") => Kind::TimeTz,
                (Scalar::DateTime, _) => Kind::Timestamp,
                (Scalar::Json, _) => Kind::Json,
                (Scalar::Bytes, _) => Kind::Bytes,
            },
        };
        let length_max = match word {
            "VarChar" | "Char" => argument.trim_end_matches(')').parse().ok(),
            _ => None,
        };
        Some(Self { kind, list: column.arity == Arity::List, length_max })
    }

    /// What a column holds that Prisma has words for.
    pub(super) fn of_prisma(column: &migrate::Column) -> Option<Self> {
        let kind = match &column.column_type {
            migrate::ColumnType::Enum(name) => Kind::Enum(name.clone()),
            migrate::ColumnType::Unsupported(_) | migrate::ColumnType::OfExtension { .. } => return None,
            migrate::ColumnType::Native(native) => match native {
                NativeType::SmallInt => Kind::Small,
                NativeType::Integer => Kind::Int,
                NativeType::BigInt => Kind::Big,
                NativeType::Oid => Kind::Oid,
                NativeType::Decimal(_) => Kind::Numeric,
                NativeType::Money => Kind::Money,
                NativeType::Real | NativeType::DoublePrecision => Kind::Float,
                NativeType::Citext | NativeType::VarChar(_) | NativeType::Char(_) | NativeType::Text => {
                    Kind::Text
                }
                NativeType::Uuid => Kind::Word("uuid".to_owned()),
                NativeType::Xml => Kind::Word("xml".to_owned()),
                NativeType::Inet => Kind::Word("inet".to_owned()),
                NativeType::Bit(_) => Kind::Word("bit".to_owned()),
                NativeType::VarBit(_) => Kind::Word("varbit".to_owned()),
                NativeType::ByteA => Kind::Bytes,
                NativeType::Timestamp(_) => Kind::Timestamp,
                NativeType::Timestamptz(_) => Kind::TimestampTz,
                NativeType::Date => Kind::Date,
                NativeType::Time(_) => Kind::Time,
                NativeType::Timetz(_) => Kind::TimeTz,
                NativeType::Boolean => Kind::Bool,
                NativeType::Json | NativeType::JsonB => Kind::Json,
            },
        };
        let length_max = match &column.column_type {
            migrate::ColumnType::Native(NativeType::VarChar(length) | NativeType::Char(length)) => *length,
            _ => None,
        };
        Some(Self { kind, list: column.arity == Arity::List, length_max })
    }

    /// What a column holds. A domain is what it narrows.
    pub(super) fn of(column: &CatalogColumn, catalog: &Catalog) -> Self {
        Self::of_type(&column.type_ref, catalog)
    }

    fn of_type(type_ref: &TypeRef, catalog: &Catalog) -> Self {
        let list = type_ref.array;
        if let Some(found) = catalog.types.get(&type_ref.name) {
            return match &found.kind {
                TypeKind::Enum { .. } => {
                    Self { kind: Kind::Enum(type_ref.name.clone()), list, length_max: None }
                }
                TypeKind::Domain { base, .. } => {
                    let base = Self::of_type(base, catalog);
                    Self { list: list || base.list, ..base }
                }
                TypeKind::Composite { .. } | TypeKind::Range(_) => Self::other(type_ref),
            };
        }
        let own =
            type_ref.name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog");
        let name = type_ref.name.name.as_str();
        let kind = match name {
            // An extension's type, wherever it lives.
            "citext" => Kind::Text,
            _ if !own => return Self::other(type_ref),
            "text" | "varchar" | "bpchar" | "name" => Kind::Text,
            "uuid" | "xml" | "inet" | "cidr" | "bit" | "varbit" => Kind::Word(name.to_owned()),
            "int2" => Kind::Small,
            "int4" => Kind::Int,
            "int8" => Kind::Big,
            "oid" => Kind::Oid,
            "float4" | "float8" => Kind::Float,
            "numeric" => Kind::Numeric,
            "money" => Kind::Money,
            "bool" => Kind::Bool,
            "timestamp" => Kind::Timestamp,
            "timestamptz" => Kind::TimestampTz,
            "date" => Kind::Date,
            "time" => Kind::Time,
            "timetz" => Kind::TimeTz,
            "json" | "jsonb" => Kind::Json,
            "bytea" => Kind::Bytes,
            _ => return Self::other(type_ref),
        };
        let length_max = match name {
            "varchar" | "bpchar" => type_ref.modifiers.first().and_then(|length| length.parse().ok()),
            _ => None,
        };
        Self { kind, list, length_max }
    }

    fn other(type_ref: &TypeRef) -> Self {
        let element = TypeRef { array: false, ..type_ref.clone() };
        Self { kind: Kind::Other(element.to_string()), list: type_ref.array, length_max: None }
    }
}

/// Whether NULL is refused, by the column or by its domain.
pub(super) fn refuses_null(column: &CatalogColumn, catalog: &Catalog) -> bool {
    let by_domain = catalog.types.get(&column.type_ref.name).is_some_and(|found| match &found.kind {
        TypeKind::Domain { not_null, .. } => *not_null && !column.type_ref.array,
        TypeKind::Enum { .. } | TypeKind::Composite { .. } | TypeKind::Range(_) => false,
    });
    column.not_null || by_domain
}

/// Whether a row that leaves the column out gets a value from the column itself.
pub(super) fn fills_itself(column: &CatalogColumn, catalog: &Catalog) -> bool {
    let by_domain = catalog.types.get(&column.type_ref.name).is_some_and(|found| match &found.kind {
        TypeKind::Domain { default, .. } => default.is_some() && !column.type_ref.array,
        TypeKind::Enum { .. } | TypeKind::Composite { .. } | TypeKind::Range(_) => false,
    });
    column.default.is_some() || column.identity.is_some() || column.generated.is_some() || by_domain
}

/// A table or a view of a catalog.
#[derive(Clone, Copy)]
pub(super) enum Relation<'a> {
    Table(&'a Table),
    View(&'a View),
}

impl<'a> Relation<'a> {
    /// The relation of a name.
    pub(super) fn of(catalog: &'a Catalog, name: &RelationName) -> Option<Self> {
        let table = catalog.tables.get(name).map(Self::Table);
        table.or_else(|| catalog.views.get(name).map(Self::View))
    }

    /// Its column of a name.
    pub(super) fn column(self, name: &Name) -> Option<&'a CatalogColumn> {
        match self {
            Self::Table(table) => table.columns.get(name),
            Self::View(view) => view.columns.get(name),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Word(word) | Self::Other(word) => word,
            Self::Small => "smallint",
            Self::Int => "integer",
            Self::Big => "bigint",
            Self::Oid => "oid",
            Self::Float => "double precision",
            Self::Numeric => "numeric",
            Self::Money => "money",
            Self::Bool => "boolean",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Date => "date",
            Self::Time => "time",
            Self::TimeTz => "timetz",
            Self::Json => "json",
            Self::Bytes => "bytea",
            Self::Enum(name) => return write!(f, "enum {}", name.name.as_str()),
        })
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if let Some(length) = self.length_max {
            write!(f, "({length})")?;
        }
        f.write_str(if self.list { "[]" } else { "" })
    }
}
