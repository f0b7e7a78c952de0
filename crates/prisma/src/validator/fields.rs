//! Attributes of fields.

use super::attributes::{Attributes, text, word};
use super::entity::{Action, Column, ColumnKind, Entity, RelationField, listed, mapped_name, span_of};
use super::error::Errors;
use super::{defaults, keys};
use crate::migrate::ReferentialAction;
use crate::schema::{Arity, Expression, Field, Model, Names, Scalar, Span, TypeOf};

/// Reads the attributes of a column; keys that it declares go to the entity.
pub(super) fn column<'a>(
    field: &'a Field,
    kind: ColumnKind<'a>,
    entity: &mut Entity<'a>,
    names: &Names<'a>,
    errors: &mut Errors,
) -> Column<'a> {
    let mut column = Column { field, kind, native: None, default: None, is_ignored: false, mapped: None };
    let mut attributes = Attributes::of_field(&field.attributes);
    if let Some(mut arguments) = attributes.single("map", errors) {
        column.mapped = mapped_name(&mut arguments, errors);
        arguments.finish(errors);
    }
    if let Some(arguments) = attributes.single("ignore", errors) {
        column.is_ignored = true;
        if matches!(kind, ColumnKind::Unsupported(_)) {
            column.is_ignored = false;
            let message = "an Unsupported field is ignored by the client anyway";
            errors.tell(arguments.span(), message, "remove @ignore");
        }
        arguments.finish(errors);
    }
    if let Some(arguments) = attributes.single("relation", errors) {
        let message = format!("`{}` is no relation: its type is no model", field.name.name);
        let hint = "put @relation on the field whose type is the other model";
        errors.tell(arguments.span(), message, hint);
        arguments.finish(errors);
    }
    if let Some(arguments) = attributes.single("id", errors) {
        keys::id_of_field(arguments, field, entity, errors);
    }
    if let Some(arguments) = attributes.single("updatedAt", errors) {
        if kind != ColumnKind::Scalar(Scalar::DateTime) {
            errors.tell(
                arguments.span(),
                "@updatedAt goes with DateTime alone",
                "change the type, or remove it",
            );
        }
        if field.field_type.arity == Arity::List {
            errors.tell(arguments.span(), "@updatedAt cannot be on a list", "remove `[]` or the attribute");
        }
        arguments.finish(errors);
    }
    if let Some(arguments) = attributes.single("default", errors) {
        column.default = defaults::read(arguments, field, kind, errors);
    }
    if matches!(kind, ColumnKind::Scalar(_)) {
        column.native = attributes.native(errors);
    }
    if let Some(arguments) = attributes.single("unique", errors) {
        let key = keys::unique_of_field(arguments, field, entity, names, errors);
        entity.indexes.push(key);
    }
    for arguments in attributes.repeated("shardKey", errors) {
        entity.shard_keys.push(arguments.span());
    }
    attributes.finish(errors);
    column
}

/// Whether `@map` gives a column a name that another has.
///
/// Prisma goes through the fields once: two fields may swap their names only where the other one has been renamed
/// by then.
pub(super) fn check_name<'a>(
    column: &Column<'a>,
    all: &[(&'a Field, ColumnKind<'a>)],
    entity: &Entity<'a>,
    errors: &mut Errors,
) {
    let Some(name) = column.mapped.filter(|name| *name != column.name()) else { return };
    let is_taken = entity.columns.iter().any(|before| before.mapped == Some(name));
    let is_renamed = |field: &Field| {
        entity.columns.iter().any(|before| std::ptr::eq(before.field, field) && before.mapped.is_some())
    };
    let stays = all.iter().any(|(other, _)| other.name.name == name && !is_renamed(other));
    if is_taken || stays {
        let message = format!("another field of `{}` has the column `{name}`", entity.name());
        errors.tell(column.field.span, message, "map it to a column of its own");
    }
}

/// A relation field, as it is read.
pub(super) struct Relation<'a, 'n> {
    pub(super) model: &'a Model,
    pub(super) target: &'a Model,
    pub(super) names: &'n Names<'a>,
}

impl<'a> Relation<'a, '_> {
    pub(super) fn read(&self, field: &'a Field, target: usize, errors: &mut Errors) -> RelationField<'a> {
        let mut relation = RelationField {
            field,
            target,
            attribute: None,
            name: None,
            fields: None,
            references: None,
            on_delete: None,
            on_update: None,
            mapped: None,
            is_ignored: false,
        };
        let mut attributes = Attributes::of_field(&field.attributes);
        if let Some(mut arguments) = attributes.single("relation", errors) {
            let span = arguments.span();
            relation.attribute = Some(arguments.attribute);
            if let Some(list) = arguments.named("fields") {
                relation.fields = Some(self.fields(list, self.model, list.span(), span, errors));
            }
            if let Some(list) = arguments.named("references") {
                relation.references = Some(self.fields(list, self.target, span, span, errors));
            }
            if let Ok(Some(name)) = arguments.main_if_any("name") {
                relation.name = text(name, errors);
                if relation.name == Some("") {
                    errors.tell(span, "the relation's name is empty", "give it a name, or leave it away");
                    relation.name = None;
                }
            }
            relation.on_delete = arguments.argument("onDelete").and_then(|found| action(found, errors));
            relation.on_update = arguments.argument("onUpdate").and_then(|found| action(found, errors));
            relation.mapped = arguments.text("map", errors);
            arguments.finish(errors);
        }
        if let Some(arguments) = attributes.single("ignore", errors) {
            relation.is_ignored = true;
            arguments.finish(errors);
        }
        for (name, what) in
            [("id", "be a key"), ("default", "have a default"), ("map", "have a column's name")]
        {
            if let Some(arguments) = attributes.single(name, errors) {
                let message = format!("`{}` is a relation and cannot {what}", field.name.name);
                errors.tell(arguments.span(), message, "put the attribute on the field that holds the key");
            }
        }
        if let Some(arguments) = attributes.single("unique", errors) {
            let message = format!("`{}` is a relation and cannot be unique", field.name.name);
            let hint = match relation.fields.as_deref() {
                Some([one]) => format!("put @unique on `{}`", one.name.name),
                Some(several) if !several.is_empty() => {
                    format!("write @@unique([{}])", listed(several.iter().copied()))
                }
                _ => "put @unique on the field that holds the key".to_owned(),
            };
            errors.tell(arguments.span(), message, hint);
        }
        attributes.finish(errors);
        relation
    }

    /// Columns that a list names; none if it names anything else, which is told at `place`.
    fn fields(
        &self,
        list: &'a Expression,
        of: &'a Model,
        place: Span,
        attribute: Span,
        errors: &mut Errors,
    ) -> Vec<&'a Field> {
        let words: Vec<Option<&str>> = list.items().iter().map(|item| word(item, errors)).collect();
        let Some(words) = words.into_iter().collect::<Option<Vec<&str>>>() else { return Vec::new() };
        let mut fields: Vec<&Field> = Vec::new();
        let (mut unknown, mut relations) = (Vec::new(), Vec::new());
        for name in words {
            match of.fields.iter().rev().find(|field| field.name.name == name) {
                None => unknown.push(name),
                Some(field) if is_relation(field, self.names) => relations.push(name),
                Some(field) if fields.iter().any(|other| std::ptr::eq(*other, field)) => {
                    errors.tell(attribute, format!("`{name}` is listed twice"), "list each field once");
                    return Vec::new();
                }
                Some(field) => fields.push(field),
            }
        }
        let title = &of.name.name;
        if !unknown.is_empty() {
            let message = format!("`{title}` has no field `{}`", unknown.join("`, `"));
            errors.tell(place, message, format!("list fields of `{title}` that hold values"));
        }
        if !relations.is_empty() {
            let message = format!("`{}` of `{title}` holds no value of its own", relations.join("`, `"));
            errors.tell(place, message, "list the fields that hold the key, not the relation");
        }
        if unknown.is_empty() && relations.is_empty() { fields } else { Vec::new() }
    }
}

/// Whether a field is no column: a relation, or of a type that does not exist.
pub(super) fn is_relation<'a>(field: &'a Field, names: &Names<'a>) -> bool {
    matches!(names.type_of(field), TypeOf::Model(_) | TypeOf::Unknown(_))
}

fn action(argument: &crate::schema::Argument, errors: &mut Errors) -> Option<Action> {
    let span = argument.value.span();
    let action = match word(&argument.value, errors)? {
        "Cascade" => ReferentialAction::Cascade,
        "Restrict" => ReferentialAction::Restrict,
        "NoAction" => ReferentialAction::NoAction,
        "SetNull" => ReferentialAction::SetNull,
        "SetDefault" => ReferentialAction::SetDefault,
        other => {
            let message = format!("there is no referential action `{other}`");
            let hint = "the actions are Cascade, Restrict, NoAction, SetNull and SetDefault";
            errors.tell(span, message, hint);
            return None;
        }
    };
    Some(Action { action, value: span, argument: argument.span })
}

/// Where the name of the foreign key stands, or the relation.
pub(super) fn place_of_name(relation: &RelationField<'_>) -> Span {
    match relation.attribute {
        Some(attribute) if relation.mapped.is_some() => span_of(attribute, &["map"]),
        _ => relation.field.span,
    }
}
