//! From the schema's tree to the contract.

use std::collections::BTreeMap;

use underpin_catalog::{Name, RelationName};

use super::column::{Column, ColumnType, ColumnUse, OnCreate};
use super::{ClientContract, ClientEnum, ClientEnumValue, Key, KeyKind, Origin, Table, relation};
use crate::schema::{Arity, Attribute, Enum, Expression, Field, Model, Names, Schema, TypeOf};

/// Functions of `@default` that the database carries out; the client carries out all others.
const BY_DATABASE: [&str; 3] = ["autoincrement", "sequence", "dbgenerated"];

pub(super) fn contract(schema: &Schema, namespace: &Name) -> ClientContract {
    let names = Names::of(schema);
    let has_foreign_keys = schema
        .datasource()
        .and_then(|datasource| datasource.value("relationMode")?.as_str())
        .is_none_or(|mode| mode != "prisma");
    let mut tables = BTreeMap::new();
    let models = schema.models().chain(schema.views()).map(|model| table(model, &names, namespace));
    let between = relation::many_to_many(schema, &names, namespace);
    for mut table in models.chain(between) {
        if !has_foreign_keys {
            table.foreign_keys.clear();
        }
        tables.entry(table.name.clone()).or_insert(table);
    }
    let enums = schema.enums().map(|found| {
        let found = client_enum(found, namespace);
        (found.type_name.clone(), found)
    });
    ClientContract {
        namespace: namespace.clone(),
        tables,
        enums: enums.collect(),
        is_whole: schema.errors.is_empty(),
    }
}

pub(crate) fn relation_name(namespace: Option<&str>, name: &str, default: &Name) -> RelationName {
    let namespace = namespace.map_or_else(|| default.clone(), Name::new);
    RelationName { namespace: Some(namespace), name: Name::new(name) }
}

/// The name that Prisma gives a constraint: table and columns, cut so that it fits with its ending.
pub(crate) fn constraint_name(table: &str, columns: &[Name], suffix: &str) -> Name {
    let parts = std::iter::once(table).chain(columns.iter().map(Name::as_str));
    Name::new(parts.collect::<Vec<_>>().join("_")).with_suffix(suffix)
}

/// The columns of a list of fields, in order.
pub(super) fn columns_of(model: &Model, fields: &Expression) -> Vec<Name> {
    let words = fields.items().iter().filter_map(Expression::word);
    words.map(|word| Name::new(model.field(word).map_or(word, Field::database_name))).collect()
}

pub(super) fn native_type(field: &Field) -> Option<String> {
    let attribute = field.native_type()?;
    let (_, name) = attribute.name.name.split_once('.')?;
    let arguments: Vec<&str> = attribute
        .arguments
        .iter()
        .filter_map(|argument| match &argument.value {
            Expression::Number { text, .. } => Some(text.as_str()),
            other => other.as_str().or_else(|| other.word()),
        })
        .collect();
    Some(match arguments.is_empty() {
        true => name.to_owned(),
        false => format!("{name}({})", arguments.join(", ")),
    })
}

fn table<'a>(model: &'a Model, names: &Names<'a>, namespace: &Name) -> Table {
    Table {
        name: relation_name(model.namespace(), model.database_name(), namespace),
        origin: Origin::Model { kind: model.kind, name: model.name.name.clone() },
        is_ignored: model.is_ignored(),
        columns: model.fields.iter().filter_map(|field| column(field, names, namespace)).collect(),
        keys: keys(model),
        foreign_keys: model
            .fields
            .iter()
            .filter_map(|field| relation::foreign_key(model, field, names, namespace))
            .collect(),
    }
}

/// The column of a field; a relation has none.
fn column<'a>(field: &'a Field, names: &Names<'a>, namespace: &Name) -> Option<Column> {
    let (column_type, mut used) = match names.type_of(field) {
        TypeOf::Model(_) | TypeOf::Composite(_) => return None,
        TypeOf::Scalar(scalar) => (ColumnType::Scalar(scalar), ColumnUse::Client),
        TypeOf::Enum(found) => {
            let name = relation_name(found.namespace(), found.database_name(), namespace);
            (ColumnType::Enum(name), ColumnUse::Client)
        }
        TypeOf::Unsupported(text) => (ColumnType::Unsupported(text.to_owned()), ColumnUse::Unsupported),
        // A model whose block could not be read looks like this too; then it has `@relation` more often than not.
        TypeOf::Unknown(_) if field.attribute("relation").is_some() => return None,
        TypeOf::Unknown(_) => (ColumnType::Unknown, ColumnUse::Client),
    };
    if field.is_ignored() {
        used = ColumnUse::Ignored;
    }
    Some(Column {
        name: Name::new(field.database_name()),
        field: field.name.name.clone(),
        used,
        column_type,
        native_type: native_type(field),
        arity: field.field_type.arity,
        on_create: on_create(field),
        is_touched: field.attribute("updatedAt").is_some(),
    })
}

fn on_create(field: &Field) -> OnCreate {
    match field.default() {
        Some(Expression::Function { name, .. }) if BY_DATABASE.contains(&name.name.as_str()) => {
            OnCreate::LeftToDatabase
        }
        Some(_) => OnCreate::FromClient,
        None if field.attribute("updatedAt").is_some() => OnCreate::FromClient,
        None if field.field_type.arity == Arity::Required => OnCreate::FromApplication,
        None => OnCreate::Optional,
    }
}

fn keys(model: &Model) -> Vec<Key> {
    let table = model.database_name();
    let of_kind = |attribute: &Attribute| match attribute.name.name.as_str() {
        "id" => Some(KeyKind::Primary),
        "unique" => Some(KeyKind::Unique),
        _ => None,
    };
    let key = |kind: KeyKind, attribute: &Attribute, columns: Vec<Name>| {
        let name = match attribute.named("map").and_then(Expression::as_str) {
            Some(name) => Name::new(name),
            None if kind == KeyKind::Primary => Name::new(table).with_suffix("_pkey"),
            None => constraint_name(table, &columns, "_key"),
        };
        Key { kind, name, columns }
    };
    let of_fields = model.fields.iter().flat_map(|field| {
        let column = || vec![Name::new(field.database_name())];
        field.attributes.iter().filter_map(move |found| Some(key(of_kind(found)?, found, column())))
    });
    let of_blocks = model.attributes.iter().filter_map(|found| {
        // A condition makes the index partial: `ON CONFLICT` does not find it.
        let kind = of_kind(found).filter(|_| found.named("where").is_none())?;
        Some(key(kind, found, columns_of(model, found.argument("fields", 0)?)))
    });
    of_fields.chain(of_blocks).collect()
}

fn client_enum(found: &Enum, namespace: &Name) -> ClientEnum {
    let value = |value: &crate::schema::EnumValue| ClientEnumValue {
        name: value.name.name.clone(),
        stored: value.database_name().to_owned(),
    };
    ClientEnum {
        type_name: relation_name(found.namespace(), found.database_name(), namespace),
        name: found.name.name.clone(),
        values: found.values.iter().map(value).collect(),
    }
}
