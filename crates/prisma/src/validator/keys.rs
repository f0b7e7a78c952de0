//! `@id`, `@unique` and the keys and indexes of blocks, as they are written.

use super::attributes::{Arguments, boolean, described, number, word};
use super::condition;
use super::entity::{Entity, Key, KeyColumn, KeyKind, OperatorClass, listed};
use super::error::Errors;
use super::fields::is_relation;
use super::index_types::is_operator_class;
use crate::schema::{Argument, Arity, Expression, Field, Names, Span};

/// `@id`
pub(super) fn id_of_field<'a>(
    mut arguments: Arguments<'a>,
    field: &'a Field,
    entity: &mut Entity<'a>,
    errors: &mut Errors,
) {
    if entity.id.is_some() {
        let message = format!("`{}` has more than one field with @id", entity.name());
        errors.tell(entity.model.span, message, "write @@id([a, b]) for a key of several fields");
    } else {
        entity.id = Some(key_of_field(&mut arguments, KeyKind::Primary, field, errors));
    }
    arguments.finish(errors);
}

/// `@unique`
pub(super) fn unique_of_field<'a>(
    mut arguments: Arguments<'a>,
    field: &'a Field,
    entity: &Entity<'a>,
    names: &Names<'a>,
    errors: &mut Errors,
) -> Key<'a> {
    let mut key = key_of_field(&mut arguments, KeyKind::Unique, field, errors);
    key.condition = condition::read(&mut arguments, entity, names, errors);
    arguments.finish(errors);
    key
}

fn key_of_field<'a>(
    arguments: &mut Arguments<'a>,
    kind: KeyKind,
    field: &'a Field,
    errors: &mut Errors,
) -> Key<'a> {
    let mapped = arguments.text("map", errors);
    let length = arguments.named("length");
    if let Some(length) = length {
        number(length, errors);
    }
    let sort = arguments.named("sort");
    if let Some(other) = sort.and_then(|sort| word(sort, errors)).filter(|word| !is_order(word)) {
        let message = format!("there is no order `{other}`");
        errors.tell(arguments.span(), message, "write sort: Asc or sort: Desc");
    }
    let says_clustered = clustered(arguments, errors);
    Key {
        attribute: arguments.attribute,
        kind,
        is_of_block: false,
        columns: vec![KeyColumn {
            field,
            is_sorted: sort.is_some(),
            has_length: length.is_some(),
            operator_class: None,
        }],
        name: None,
        mapped,
        method: "BTree",
        says_clustered,
        condition: None,
    }
}

/// `@@id`
pub(super) fn id_of_block<'a>(
    mut arguments: Arguments<'a>,
    entity: &mut Entity<'a>,
    names: &Names<'a>,
    errors: &mut Errors,
) {
    let span = arguments.span();
    let list = arguments.main("fields", errors);
    let listed_fields = list.and_then(|list| columns(list, "key", list.span(), span, entity, names, errors));
    let Some(columns) = listed_fields else {
        arguments.finish(errors);
        return;
    };
    let optional: Vec<&Field> = columns
        .iter()
        .map(|column| column.field)
        .filter(|field| field.field_type.arity != Arity::Required)
        .collect();
    if !optional.is_empty() && !entity.is_ignored {
        let message = format!("a primary key cannot be optional, nor a list: `{}`", listed(optional));
        errors.tell(span, message, "remove `?` or `[]` from the types, or use @@unique");
    }
    if entity.id.is_some() {
        let message = format!("`{}` has both @id and @@id", entity.name());
        errors.tell(entity.model.span, message, "keep one of them");
    }
    let mapped = arguments.text("map", errors);
    let name = client_name(&mut arguments, errors);
    let says_clustered = clustered(&mut arguments, errors);
    entity.id = Some(Key {
        attribute: arguments.attribute,
        kind: KeyKind::Primary,
        is_of_block: true,
        columns,
        name,
        mapped,
        method: "BTree",
        says_clustered,
        condition: None,
    });
    arguments.finish(errors);
}

/// `@@index`, `@@unique`, `@@fulltext`
pub(super) fn index_of_block<'a>(
    mut arguments: Arguments<'a>,
    kind: KeyKind,
    entity: &Entity<'a>,
    names: &Names<'a>,
    errors: &mut Errors,
) -> Key<'a> {
    let span = arguments.span();
    let columns = arguments
        .main("fields", errors)
        .and_then(|list| columns(list, "index", span, span, entity, names, errors))
        .unwrap_or_default();
    let mut key = Key {
        attribute: arguments.attribute,
        kind,
        is_of_block: true,
        columns,
        name: None,
        mapped: None,
        method: "BTree",
        says_clustered: false,
        condition: None,
    };
    match kind {
        KeyKind::Unique => {
            key.name = client_name(&mut arguments, errors);
            key.mapped = arguments.text("map", errors);
            key.says_clustered = clustered(&mut arguments, errors);
            key.condition = condition::read(&mut arguments, entity, names, errors);
        }
        KeyKind::Index => {
            // The name of an index was once said by `name`.
            let old = arguments.text("name", errors);
            let mapped = arguments.text("map", errors);
            if old.is_some() && mapped.is_some() {
                errors.tell(span, "`name` and `map` of an index are the same thing", "keep `map`");
            }
            key.mapped = old.or(mapped);
            if let Some(method) = arguments.named("type").and_then(|method| word(method, errors)) {
                key.method = method;
                if !["BTree", "Hash", "Gist", "Gin", "SpGist", "Brin"].contains(&method) {
                    let hint = "the types are BTree, Hash, Gist, Gin, SpGist and Brin";
                    errors.tell(span, format!("there is no index type `{method}`"), hint);
                }
            }
            key.says_clustered = clustered(&mut arguments, errors);
            key.condition = condition::read(&mut arguments, entity, names, errors);
        }
        KeyKind::FullText | KeyKind::Primary => key.mapped = arguments.text("map", errors),
    }
    arguments.finish(errors);
    key
}

fn clustered(arguments: &mut Arguments<'_>, errors: &mut Errors) -> bool {
    let found = arguments.named("clustered");
    if let Some(value) = found {
        boolean(value, errors);
    }
    found.is_some()
}

/// `name`, which becomes a word of the client's.
fn client_name<'a>(arguments: &mut Arguments<'a>, errors: &mut Errors) -> Option<&'a str> {
    let name = arguments.text("name", errors)?;
    if !name.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric()) {
        let message = format!("`{name}` cannot be a name in the client");
        let hint = "use letters, digits and `_`; the database's name is said by `map`";
        errors.tell(arguments.span(), message, hint);
    }
    Some(name)
}

fn is_order(word: &str) -> bool {
    matches!(word, "Asc" | "Desc")
}

/// The columns of a list; nothing if it lists anything else, which is told.
fn columns<'a>(
    list: &'a Expression,
    what: &str,
    place: Span,
    attribute: Span,
    entity: &Entity<'a>,
    names: &Names<'a>,
    errors: &mut Errors,
) -> Option<Vec<KeyColumn<'a>>> {
    let items: Vec<Option<(&str, KeyColumnArguments<'_>)>> =
        list.items().iter().map(|item| item_of(item, errors)).collect();
    let items = items.into_iter().collect::<Option<Vec<_>>>()?;
    let mut columns: Vec<KeyColumn<'a>> = Vec::new();
    let (mut unknown, mut relations) = (Vec::new(), Vec::new());
    for (path, arguments) in items {
        let name = path.split('.').next().unwrap_or(path);
        match entity.model.fields.iter().rev().find(|field| field.name.name == name) {
            None => unknown.push(path),
            Some(field) if is_relation(field, names) => relations.push(name),
            // A path into a document, which PostgreSQL has none of; the type is told elsewhere.
            Some(field) if name.len() < path.len() => {
                if !matches!(names.type_of(field), crate::schema::TypeOf::Composite(_)) {
                    unknown.push(path);
                }
            }
            Some(field) if columns.iter().any(|column| std::ptr::eq(column.field, field)) => {
                let message = format!("the {what} lists `{name}` twice");
                errors.tell(attribute, message, "list each field once");
                return None;
            }
            Some(field) => columns.push(KeyColumn {
                field,
                is_sorted: arguments.is_sorted,
                has_length: arguments.has_length,
                operator_class: arguments.operator_class,
            }),
        }
    }
    let title = entity.name();
    if !unknown.is_empty() {
        let message = format!("`{title}` has no field `{}`", unknown.join("`, `"));
        errors.tell(place, message, format!("list fields of `{title}` that hold values"));
    }
    if !relations.is_empty() {
        let message = format!("`{}` of `{title}` holds no value of its own", relations.join("`, `"));
        errors.tell(attribute, message, "list the fields that hold the key, not the relation");
    }
    (unknown.is_empty() && relations.is_empty()).then_some(columns)
}

/// What stands in the parentheses behind a column.
#[derive(Default)]
struct KeyColumnArguments<'a> {
    is_sorted: bool,
    has_length: bool,
    operator_class: Option<OperatorClass<'a>>,
}

fn item_of<'a>(item: &'a Expression, errors: &mut Errors) -> Option<(&'a str, KeyColumnArguments<'a>)> {
    match item {
        Expression::Constant(name) => Some((&name.name, KeyColumnArguments::default())),
        Expression::Function { name, arguments, .. } => Some((&name.name, arguments_of(arguments, errors))),
        other => {
            let message = format!("expected a field, found {}", described(other));
            errors.tell(other.span(), message, "write the field's name without quotes");
            None
        }
    }
}

/// `sort`, `length` and `ops`; Prisma passes over all others.
fn arguments_of<'a>(arguments: &'a [Argument], errors: &mut Errors) -> KeyColumnArguments<'a> {
    let named = |name: &str| {
        arguments.iter().find(|argument| argument.name.as_ref().is_some_and(|own| own.name == name))
    };
    let mut read = KeyColumnArguments::default();
    if let Some(argument) = named("sort") {
        read.is_sorted = true;
        if word(&argument.value, errors).is_some_and(|order| !is_order(order)) {
            errors.tell(argument.span, "there is no such order", "write sort: Asc or sort: Desc");
        }
    }
    if let Some(argument) = named("length") {
        read.has_length = true;
        number(&argument.value, errors);
    }
    read.operator_class = named("ops").and_then(|argument| operator_class(argument, errors));
    read
}

fn operator_class<'a>(argument: &'a Argument, errors: &mut Errors) -> Option<OperatorClass<'a>> {
    let hint = "write one of Prisma's, such as JsonbPathOps, or raw(\"…\")";
    match &argument.value {
        Expression::Constant(name) if is_operator_class(&name.name) => Some(OperatorClass::Known(&name.name)),
        Expression::Constant(name) => {
            errors.tell(name.span, format!("there is no operator class `{}`", name.name), hint);
            None
        }
        Expression::Function { name, arguments, span } if name.name == "raw" => match &arguments[..] {
            [only] if only.value.as_str().is_some() => Some(OperatorClass::Raw),
            _ => {
                errors.tell(*span, "raw takes the name of an operator class, as a string", hint);
                None
            }
        },
        other => {
            let message = format!("expected an operator class, found {}", described(other));
            errors.tell(other.span(), message, hint);
            None
        }
    }
}
