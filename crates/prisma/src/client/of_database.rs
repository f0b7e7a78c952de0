//! The contract of a client that fits a database, where no schema of the release that is out is at hand.
//!
//! It is that of the schema which Prisma would write for the database: every table a model under its own name,
//! every column a field. What only a schema says is not in it: fields that are ignored, `@updatedAt`, and whether
//! a required field without a default is given by the application or by the client.

use underpin_catalog::{Name, RelationName};

use super::column::{Column, ColumnType, ColumnUse, OnCreate};
use super::{ClientContract, ClientEnum, ClientEnumValue, ForeignKey, Key, KeyKind, Origin, Table};
use crate::migrate::{self, NativeType, PrismaCatalog};
use crate::schema::{Arity, ModelKind, Scalar};

pub(super) fn contract(database: &PrismaCatalog, namespace: &Name) -> ClientContract {
    let tables = database.tables.iter().map(|found| table(found, namespace));
    let enums = database.enums.iter().map(|found| {
        let value = |value: &String| ClientEnumValue { name: value.clone(), stored: value.clone() };
        ClientEnum {
            type_name: full(&found.name, namespace),
            name: found.name.name.as_str().to_owned(),
            values: found.values.iter().map(value).collect(),
        }
    });
    ClientContract {
        namespace: namespace.clone(),
        tables: tables.map(|table| (table.name.clone(), table)).collect(),
        enums: enums.map(|found| (found.type_name.clone(), found)).collect(),
        is_whole: true,
    }
}

fn full(name: &RelationName, namespace: &Name) -> RelationName {
    let namespace = name.namespace.clone().unwrap_or_else(|| namespace.clone());
    RelationName { namespace: Some(namespace), name: name.name.clone() }
}

fn table(found: &migrate::Table, namespace: &Name) -> Table {
    let primary = found.primary_key.iter().map(|key| Key {
        kind: KeyKind::Primary,
        name: key.name.clone(),
        columns: key.columns.clone(),
    });
    // A condition makes the index partial: `ON CONFLICT` does not find it.
    let unique = found.indexes.iter().filter(|index| index.is_unique && index.predicate.is_none());
    let unique = unique.map(|index| Key {
        kind: KeyKind::Unique,
        name: index.name.clone(),
        columns: index.columns.iter().map(|column| column.name.clone()).collect(),
    });
    let leads = |key: &migrate::ForeignKey| ForeignKey {
        name: key.name.clone(),
        field: key.name.as_str().to_owned(),
        columns: key.columns.clone(),
        references: full(&key.references, namespace),
        referenced: key.referenced.clone(),
    };
    Table {
        name: full(&found.name, namespace),
        origin: Origin::Model { kind: ModelKind::Model, name: found.name.name.as_str().to_owned() },
        is_ignored: false,
        columns: found.columns.iter().map(|found| column(found, namespace)).collect(),
        keys: primary.chain(unique).collect(),
        foreign_keys: found.foreign_keys.iter().map(leads).collect(),
    }
}

fn column(found: &migrate::Column, namespace: &Name) -> Column {
    let (column_type, native_type, used) = match &found.column_type {
        migrate::ColumnType::Native(native) => {
            (ColumnType::Scalar(scalar(*native)), Some(native.to_string()), ColumnUse::Client)
        }
        migrate::ColumnType::Enum(name) => (ColumnType::Enum(full(name, namespace)), None, ColumnUse::Client),
        migrate::ColumnType::Unsupported(text) => {
            (ColumnType::Unsupported(text.clone()), None, ColumnUse::Unsupported)
        }
        migrate::ColumnType::OfExtension { name, .. } => {
            (ColumnType::Unsupported(name.clone()), None, ColumnUse::Unsupported)
        }
    };
    let on_create = match &found.default {
        _ if found.is_autoincrement => OnCreate::LeftToDatabase,
        Some(migrate::Default::Sequence(_) | migrate::Default::DbGenerated(_)) => OnCreate::LeftToDatabase,
        Some(migrate::Default::Value(_) | migrate::Default::Now) => OnCreate::FromClient,
        None if found.arity == Arity::Required => OnCreate::FromApplication,
        None => OnCreate::Optional,
    };
    Column {
        name: found.name.clone(),
        field: found.name.as_str().to_owned(),
        used,
        column_type,
        native_type,
        arity: found.arity,
        on_create,
        is_touched: false,
    }
}

/// What Prisma makes a field of such a type.
fn scalar(native: NativeType) -> Scalar {
    match native {
        NativeType::SmallInt | NativeType::Integer | NativeType::Oid => Scalar::Int,
        NativeType::BigInt => Scalar::BigInt,
        NativeType::Decimal(_) | NativeType::Money => Scalar::Decimal,
        NativeType::Real | NativeType::DoublePrecision => Scalar::Float,
        NativeType::Boolean => Scalar::Boolean,
        NativeType::ByteA => Scalar::Bytes,
        NativeType::Json | NativeType::JsonB => Scalar::Json,
        NativeType::Timestamp(_)
        | NativeType::Timestamptz(_)
        | NativeType::Date
        | NativeType::Time(_)
        | NativeType::Timetz(_) => Scalar::DateTime,
        NativeType::Inet
        | NativeType::Citext
        | NativeType::VarChar(_)
        | NativeType::Char(_)
        | NativeType::Text
        | NativeType::Bit(_)
        | NativeType::VarBit(_)
        | NativeType::Uuid
        | NativeType::Xml => Scalar::String,
    }
}
