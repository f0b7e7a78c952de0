//! The types of PostgreSQL that Prisma has a name for: `@db.VarChar(20)`.

use std::fmt;

use crate::schema::{Attribute, Expression, Scalar};

/// A type of a column. Numbers in parentheses are lengths, or digits of a second; `None` where none
/// is said, which means something else for each type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NativeType {
    /// `smallint`
    SmallInt,
    /// `integer`
    Integer,
    /// `bigint`
    BigInt,
    /// `numeric(precision, scale)`
    Decimal(Option<(u32, u32)>),
    /// `money`
    Money,
    /// `inet`
    Inet,
    /// `oid`
    Oid,
    /// `citext`, of the extension
    Citext,
    /// `real`
    Real,
    /// `double precision`
    DoublePrecision,
    /// `varchar(length)`, any length where none is said
    VarChar(Option<u32>),
    /// `char(length)`, one character where none is said
    Char(Option<u32>),
    /// `text`
    Text,
    /// `bytea`
    ByteA,
    /// `timestamp(digits)`
    Timestamp(Option<u32>),
    /// `timestamptz(digits)`
    Timestamptz(Option<u32>),
    /// `date`
    Date,
    /// `time(digits)`
    Time(Option<u32>),
    /// `timetz(digits)`
    Timetz(Option<u32>),
    /// `boolean`
    Boolean,
    /// `bit(length)`, one bit where none is said
    Bit(Option<u32>),
    /// `varbit(length)`, any length where none is said
    VarBit(Option<u32>),
    /// `uuid`
    Uuid,
    /// `xml`
    Xml,
    /// `json`
    Json,
    /// `jsonb`
    JsonB,
}

impl NativeType {
    /// What a scalar is when the schema does not say.
    pub fn of_scalar(scalar: Scalar) -> Self {
        match scalar {
            Scalar::String => Self::Text,
            Scalar::Boolean => Self::Boolean,
            Scalar::Int => Self::Integer,
            Scalar::BigInt => Self::BigInt,
            Scalar::Float => Self::DoublePrecision,
            Scalar::Decimal => Self::Decimal(Some((65, 30))),
            Scalar::DateTime => Self::Timestamp(Some(3)),
            Scalar::Json => Self::JsonB,
            Scalar::Bytes => Self::ByteA,
        }
    }

    /// The type that `@db.…` names; `None` for one that Prisma does not have on PostgreSQL.
    pub fn of_attribute(attribute: &Attribute) -> Option<Self> {
        let (_, name) = attribute.name.name.split_once('.')?;
        let number = |position: usize| match &attribute.arguments.get(position)?.value {
            Expression::Number { text, .. } => text.parse::<u32>().ok(),
            _ => None,
        };
        let one = number(0);
        Some(match name {
            "SmallInt" => Self::SmallInt,
            "Integer" => Self::Integer,
            "BigInt" => Self::BigInt,
            "Decimal" => Self::Decimal(one.zip(number(1))),
            "Money" => Self::Money,
            "Inet" => Self::Inet,
            "Oid" => Self::Oid,
            "Citext" => Self::Citext,
            "Real" => Self::Real,
            "DoublePrecision" => Self::DoublePrecision,
            "VarChar" => Self::VarChar(one),
            "Char" => Self::Char(one),
            "Text" => Self::Text,
            "ByteA" => Self::ByteA,
            "Timestamp" => Self::Timestamp(one),
            "Timestamptz" => Self::Timestamptz(one),
            "Date" => Self::Date,
            "Time" => Self::Time(one),
            "Timetz" => Self::Timetz(one),
            "Boolean" => Self::Boolean,
            "Bit" => Self::Bit(one),
            "VarBit" => Self::VarBit(one),
            "Uuid" => Self::Uuid,
            "Xml" => Self::Xml,
            "Json" => Self::Json,
            "JsonB" => Self::JsonB,
            _ => return None,
        })
    }

    /// Whether it is a date, a time or both.
    pub fn is_temporal(self) -> bool {
        matches!(
            self,
            Self::Timestamp(_) | Self::Timestamptz(_) | Self::Date | Self::Time(_) | Self::Timetz(_)
        )
    }

    /// As Prisma writes it into SQL.
    pub fn sql(self) -> String {
        let (word, arguments) = self.parts();
        match self {
            Self::DoublePrecision => "DOUBLE PRECISION".to_owned(),
            _ => format!("{}{arguments}", word.to_uppercase()),
        }
    }

    /// The name in Prisma's schema language, and the arguments as SQL writes them.
    fn parts(self) -> (&'static str, String) {
        let optional =
            |argument: Option<u32>| argument.map_or_else(String::new, |argument| format!("({argument})"));
        let none = String::new();
        match self {
            Self::SmallInt => ("SmallInt", none),
            Self::Integer => ("Integer", none),
            Self::BigInt => ("BigInt", none),
            Self::Decimal(None) => ("Decimal", none),
            Self::Decimal(Some((precision, scale))) => ("Decimal", format!("({precision},{scale})")),
            Self::Money => ("Money", none),
            Self::Inet => ("Inet", none),
            Self::Oid => ("Oid", none),
            Self::Citext => ("Citext", none),
            Self::Real => ("Real", none),
            Self::DoublePrecision => ("DoublePrecision", none),
            Self::VarChar(length) => ("VarChar", optional(length)),
            Self::Char(length) => ("Char", optional(length)),
            Self::Text => ("Text", none),
            Self::ByteA => ("ByteA", none),
            Self::Timestamp(digits) => ("Timestamp", optional(digits)),
            Self::Timestamptz(digits) => ("Timestamptz", optional(digits)),
            Self::Date => ("Date", none),
            Self::Time(digits) => ("Time", optional(digits)),
            Self::Timetz(digits) => ("Timetz", optional(digits)),
            Self::Boolean => ("Boolean", none),
            Self::Bit(length) => ("Bit", optional(length)),
            Self::VarBit(length) => ("VarBit", optional(length)),
            Self::Uuid => ("Uuid", none),
            Self::Xml => ("Xml", none),
            Self::Json => ("Json", none),
            Self::JsonB => ("JsonB", none),
        }
    }
}

/// As Prisma's warnings name it: the word behind `@db.`, and the arguments without a blank.
impl fmt::Display for NativeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, arguments) = self.parts();
        write!(f, "{word}{arguments}")
    }
}
