//! The second round: models, views, enums, and what they are together.

use std::collections::HashMap;

use super::config::Facts;
use super::constraint_names::ConstraintNames;
use super::entity::{Column, ColumnKind, Entities, Entity, Key, KeyKind};
use super::error::Errors;
use super::relations::Relation;
use super::{defaults, indexes, native_types, relation_rules};
use crate::schema::{Arity, Block, Enum, Expression, ModelKind, Schema, Span};

/// Checks everything. Where relation fields cannot be told apart, nothing behind them is told, as with Prisma:
/// most of it would be about the wrong pairs.
pub(super) fn check(
    schema: &Schema,
    entities: &Entities<'_>,
    relations: &[Relation],
    config: &Facts<'_>,
    errors: &mut Errors,
) {
    let names = ConstraintNames::of(entities, relations);
    composite_types(schema, errors);
    if let Some(span) = config.extensions.filter(|_| !config.has_extensions) {
        let message = "extensions are a preview feature";
        errors.tell(span, message, "add \"postgresqlExtensions\" to previewFeatures of the generator");
    }
    if let Some(span) = config.list_of_namespaces.filter(|_| !config.has_namespaces) {
        errors.tell(span, "`schemas` is a preview feature before Prisma 6.13", MULTI_SCHEMA);
    }
    database_names(entities, errors);
    for span in entities.all.iter().flat_map(|entity| &entity.shard_keys) {
        errors.tell(*span, "PostgreSQL has no shard keys", "remove the attribute");
    }
    for entity in entities.all.iter().filter(|entity| !entity.is_view()) {
        identity(entity, errors);
        if let Some(key) = &entity.id {
            indexes::check_id(entity, key, &names, errors);
        }
        if !fields(entities, entity, config, errors) {
            return;
        }
        for key in &entity.indexes {
            indexes::check_index(entity, key, &names, config, errors);
        }
        namespace(entity, config, errors);
    }
    for entity in entities.all.iter().filter(|entity| entity.is_view()) {
        view(entity, config, errors);
        if !fields(entities, entity, config, errors) {
            return;
        }
        namespace(entity, config, errors);
    }
    enums(entities, config, errors);
    relation_rules::check(entities, relations, config, &names, errors);
}

const MULTI_SCHEMA: &str = "add \"multiSchema\" to previewFeatures of the generator";

fn composite_types(schema: &Schema, errors: &mut Errors) {
    for block in &schema.blocks {
        let Block::Model(model) = block else { continue };
        if model.kind == ModelKind::CompositeType {
            let message =
                format!("`{}` is a composite type, which PostgreSQL has none of here", model.name.name);
            errors.tell(model.span, message, "use a model and a relation, or a field of type Json");
        }
    }
}

/// A model needs a unique key that is never null: its client could not find a row.
fn identity(entity: &Entity<'_>, errors: &mut Errors) {
    let is_strict = |key: &Key<'_>| {
        key.columns.iter().all(|column| {
            let is_known = entity
                .column(column.field)
                .is_none_or(|column| !matches!(column.kind, ColumnKind::Unsupported(_)));
            column.field.field_type.arity != Arity::Optional && is_known
        })
    };
    if entity.is_ignored || entity.unique_keys().any(is_strict) {
        return;
    }
    let message = format!("model `{}` has no unique key of required fields", entity.name());
    let hint =
        "mark a field with @id or @unique, or write @@id([a, b]) or @@unique([a, b]); or @@ignore the model";
    errors.tell(entity.model.span, message, hint);
}

/// The fields of a model or a view. Whether its relations can be told apart.
fn fields(entities: &Entities<'_>, entity: &Entity<'_>, config: &Facts<'_>, errors: &mut Errors) -> bool {
    for column in &entity.columns {
        client_names(entity, &column.field.name.name, errors);
        native_types::check(column, config.name, errors);
        default(column, errors);
        unsupported(column, config, errors);
    }
    for at in 0..entity.relations.len() {
        if !relation_rules::is_told_apart(entities, entity, at, errors) {
            return false;
        }
        let relation = &entity.relations[at];
        client_names(entity, &relation.field.name.name, errors);
        relation_rules::check_field(entities, entity, relation, config, errors);
    }
    true
}

/// A field whose name the client gives to a key.
fn client_names(entity: &Entity<'_>, field: &str, errors: &mut Errors) {
    for key in entity.id.iter().chain(&entity.indexes).filter(|key| key.name == Some(field)) {
        let message = format!("`{}` has both a field and a {} called `{field}`", entity.name(), key.sign());
        errors.tell(entity.model.span, message, "give the key another name");
    }
}

fn default(column: &Column<'_>, errors: &mut Errors) {
    let Some((attribute, value, is_named)) = column.default else { return };
    if is_named {
        let message = "defaults have no names in PostgreSQL";
        errors.tell(attribute.span, message, "remove `map`");
    }
    if let Expression::Function { name, span, .. } = value {
        let name = name.name.as_str();
        if name == "auto" {
            errors.tell(*span, "PostgreSQL has no auto()", "use autoincrement() or dbgenerated(\"…\")");
        } else if !defaults::is_function(name) && matches!(column.kind, ColumnKind::Scalar(_)) {
            let message = format!("Prisma has no function {name}()");
            errors.tell(
                *span,
                message,
                "see https://pris.ly/d/attribute-functions, or write dbgenerated(\"…\")",
            );
        }
    }
    if let ColumnKind::Scalar(scalar) = column.kind {
        defaults::check_value(scalar, value, errors);
    }
}

fn unsupported(column: &Column<'_>, config: &Facts<'_>, errors: &mut Errors) {
    let (ColumnKind::Unsupported(text), Some(datasource)) = (column.kind, config.name) else { return };
    if let Some(native) = native_types::of_unsupported(text, datasource) {
        let message = format!("Prisma knows the type of `{}`", column.name());
        errors.tell(column.field.span, message, format!("write {native}"));
    }
}

/// Tables and views with the same name in the database.
fn database_names(entities: &Entities<'_>, errors: &mut Errors) {
    let mut seen: HashMap<(Option<&str>, &str), &Entity<'_>> = HashMap::new();
    let (models, views): (Vec<_>, Vec<_>) = entities.all.iter().partition(|entity| !entity.is_view());
    for entity in models.into_iter().chain(views) {
        let name = entity.model.database_name();
        let key = (entity.namespace.map(|(name, _)| name), name);
        let Some(other) = seen.insert(key, entity) else { continue };
        let told = entity.model.attribute("map").or_else(|| other.model.attribute("map"));
        let span = told.map_or(entity.model.name.span, |attribute| attribute.span);
        let message =
            format!("`{}` and `{}` are both called `{name}` in the database", other.name(), entity.name());
        errors.tell(span, message, "map one of them to a name of its own");
    }
}

/// What views are not: tables.
fn view(entity: &Entity<'_>, config: &Facts<'_>, errors: &mut Errors) {
    if !config.has_views {
        let message = "views are a preview feature";
        errors.tell(entity.model.span, message, "add \"views\" to previewFeatures of the generator");
    }
    if let Some(key) = &entity.id {
        errors.tell(
            key.attribute.span,
            "a view has no primary key",
            "use @unique: it tells the client alone",
        );
    }
    for key in &entity.indexes {
        if key.kind != KeyKind::Unique {
            errors.tell(key.attribute.span, "a view has no index", "remove it");
        } else if key.mapped.is_some() {
            let message = "a unique key of a view is not in the database and has no name there";
            errors.tell(key.attribute.span, message, "remove `map`");
        }
    }
}

fn namespace(entity: &Entity<'_>, config: &Facts<'_>, errors: &mut Errors) {
    said_namespace(entity.kind(), entity.model.span, entity.namespace, config, errors);
}

fn said_namespace(
    kind: &str,
    block: Span,
    said: Option<(&str, Span)>,
    config: &Facts<'_>,
    errors: &mut Errors,
) {
    match said {
        Some((_, span)) if !config.has_namespaces => {
            errors.tell(span, "@@schema is a preview feature before Prisma 6.13", MULTI_SCHEMA);
        }
        Some((name, span)) => {
            let is_listed = config.namespaces.as_ref().is_some_and(|listed| listed.contains(&name));
            if config.name.is_some() && !is_listed {
                let message = format!("the datasource does not list the schema `{name}`");
                errors.tell(span, message, format!("add it to the datasource: schemas = [\"{name}\"]"));
            }
        }
        None if config.namespaces.is_some() && config.has_namespaces => {
            let message = format!("this {kind} does not say its schema");
            errors.tell(block, message, "add @@schema(\"…\"): the datasource lists its schemas");
        }
        None => {}
    }
}

fn enums(entities: &Entities<'_>, config: &Facts<'_>, errors: &mut Errors) {
    let mut seen: HashMap<(Option<&str>, &str), &Enum> = HashMap::new();
    for (found, said) in &entities.enums {
        let key = (said.map(|(name, _)| name), found.database_name());
        if seen.insert(key, found).is_some() {
            let message = format!("another enum is called `{}` in the database, too", found.database_name());
            errors.tell(found.span, message, "map one of them to a name of its own");
        }
        said_namespace("enum", found.span, *said, config, errors);
    }
}
