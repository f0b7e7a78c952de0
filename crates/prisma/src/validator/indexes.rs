//! Keys and indexes, each by itself.

use super::config::Facts;
use super::constraint_names::{ConstraintNames, LENGTH_MAX};
use super::entity::{Entity, Key, KeyKind, OperatorClass};
use super::error::Errors;
use super::index_types::takes;
use super::native_types::name_of;

/// The name of a constraint that PostgreSQL would cut.
pub(super) fn check_length(key: &Key<'_>, errors: &mut Errors) {
    check_name_length(key.mapped, key.attribute.span, errors);
}

pub(super) fn check_name_length(name: Option<&str>, span: crate::schema::Span, errors: &mut Errors) {
    if let Some(name) = name.filter(|name| name.len() > LENGTH_MAX) {
        let message = format!("the name `{name}` is longer than {LENGTH_MAX} bytes");
        errors.tell(span, message, "PostgreSQL would cut it: give a shorter one");
    }
}

/// The primary key of a model.
pub(super) fn check_id(entity: &Entity<'_>, key: &Key<'_>, names: &ConstraintNames<'_>, errors: &mut Errors) {
    check_length(key, errors);
    names.check_key(entity, key, errors);
    names.check_client_name(entity, key, errors);
    let span = key.attribute.span;
    if key.columns.is_empty() {
        errors.tell(span, "a key needs at least one field", "list its fields: @@id([a, b])");
    }
    clash(entity, key, errors);
    if key.columns.iter().any(|column| column.has_length) {
        errors.tell(span, "PostgreSQL indexes whole values: there is no `length`", "remove it");
    }
    if key.columns.iter().any(|column| column.is_sorted) {
        errors.tell(span, "a primary key of PostgreSQL has no order", "remove `sort`");
    }
    clustered(key, errors);
}

/// An index of a model.
pub(super) fn check_index(
    entity: &Entity<'_>,
    key: &Key<'_>,
    names: &ConstraintNames<'_>,
    config: &Facts<'_>,
    errors: &mut Errors,
) {
    check_length(key, errors);
    names.check_key(entity, key, errors);
    names.check_client_name(entity, key, errors);
    let span = key.attribute.span;
    if key.columns.is_empty() {
        errors.tell(span, "an index needs at least one field", "list its fields: ([a, b])");
    }
    if key.kind == KeyKind::Unique {
        clash(entity, key, errors);
    }
    if key.columns.iter().any(|column| column.has_length) {
        errors.tell(span, "PostgreSQL indexes whole values: there is no `length`", "remove it");
    }
    if key.method == "Hash" && key.columns.iter().any(|column| column.is_sorted) {
        errors.tell(span, "a hash index has no order", "remove `sort`");
    }
    if key.kind == KeyKind::FullText {
        errors.tell(span, "PostgreSQL has no @@fulltext", "write @@index([…], type: Gin) on a column for it");
    }
    clustered(key, errors);
    let has_class = |column: &super::entity::KeyColumn<'_>| column.operator_class.is_some();
    if key.kind != KeyKind::Index && key.columns.iter().any(has_class) {
        errors.tell(span, "operator classes go with @@index alone", "remove `ops`");
    }
    if let Some(place) = key.condition.filter(|_| !config.has_partial_indexes) {
        let message = "partial indexes are a preview feature";
        errors.tell(place, message, "add \"partialIndexes\" to previewFeatures of the generator");
    }
    types(entity, key, errors);
}

/// Whether the index takes the columns' types.
fn types(entity: &Entity<'_>, key: &Key<'_>, errors: &mut Errors) {
    let columns = || key.columns.iter().filter_map(|indexed| Some((indexed, entity.column(indexed.field)?)));
    if let Some((_, column)) =
        columns().find(|(_, column)| column.native.is_some_and(|native| name_of(native) == "Xml"))
    {
        let message = format!("PostgreSQL cannot index `{}`: Xml has no order", column.name());
        errors.tell(column.field.span, message, "remove it from the index, or change its type");
    }
    for (indexed, column) in columns().filter(|(indexed, column)| !takes(key, indexed, column)) {
        let name = column.name();
        let message = match indexed.operator_class {
            Some(OperatorClass::Known(class)) => {
                format!("a {} index of `{name}` cannot have the operator class {class}", key.method)
            }
            Some(OperatorClass::Raw) | None => {
                format!("a {} index has no operator class of its own for `{name}`", key.method)
            }
        };
        let hint = "use another index type, or say one that PostgreSQL has: ops: raw(\"…\")";
        errors.tell(key.attribute.span, message, hint);
    }
    if key.method == "SpGist" && key.columns.len() > 1 {
        errors.tell(
            key.attribute.span,
            "an SpGist index has one column",
            "list one field, or use another type",
        );
    }
}

/// The client names a key of several fields by joining them, which may be a field's name.
fn clash(entity: &Entity<'_>, key: &Key<'_>, errors: &mut Errors) {
    if key.columns.len() < 2 {
        return;
    }
    let joined =
        key.columns.iter().map(|column| column.field.name.name.as_str()).collect::<Vec<_>>().join("_");
    if entity.columns.iter().any(|column| column.name() == joined) {
        let message = format!("the client would call this `{joined}`, as a field is called");
        errors.tell(key.attribute.span, message, "rename the field; @map keeps the column's name");
    }
}

fn clustered(key: &Key<'_>, errors: &mut Errors) {
    if key.says_clustered {
        errors.tell(key.attribute.span, "PostgreSQL has no clustered keys", "remove `clustered`");
    }
}
