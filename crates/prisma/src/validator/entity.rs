//! Models and views with what their attributes say, once that is understood.

use std::collections::HashMap;

use super::attributes::{Arguments, Attributes};
use super::error::Errors;
use super::{fields, keys};
use crate::PrismaVersion;
use crate::schema::{
    Arity, Attribute, Block, Enum, Expression, Field, Model, ModelKind, Names, Scalar, Schema, Span, TypeOf,
};

/// All models and views, in the order in which they are written.
pub(super) struct Entities<'a> {
    pub(super) all: Vec<Entity<'a>>,
    /// The enums with what `@@schema` says.
    pub(super) enums: Vec<(&'a Enum, Option<(&'a str, Span)>)>,
}

/// A model or a view.
pub(super) struct Entity<'a> {
    pub(super) model: &'a Model,
    /// The fields that are columns.
    pub(super) columns: Vec<Column<'a>>,
    /// The fields that are relations.
    pub(super) relations: Vec<RelationField<'a>>,
    pub(super) is_ignored: bool,
    /// `@id` or `@@id`.
    pub(super) id: Option<Key<'a>>,
    /// `@unique`, `@@unique`, `@@index` and `@@fulltext`; those of fields first.
    pub(super) indexes: Vec<Key<'a>>,
    /// What `@@schema` says.
    pub(super) namespace: Option<(&'a str, Span)>,
    /// Where it says `shardKey`, which is PlanetScale's.
    pub(super) shard_keys: Vec<Span>,
    /// Whether indexes may have conditions: since Prisma 7.4.
    pub(super) has_conditions: bool,
}

/// A field that is a column.
pub(super) struct Column<'a> {
    pub(super) field: &'a Field,
    pub(super) kind: ColumnKind<'a>,
    /// `@db.…`
    pub(super) native: Option<&'a Attribute>,
    /// `@default(…)`: the attribute, its value, and whether it names a constraint.
    pub(super) default: Option<(&'a Attribute, &'a Expression, bool)>,
    pub(super) is_ignored: bool,
    /// What `@map` says.
    pub(super) mapped: Option<&'a str>,
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum ColumnKind<'a> {
    Scalar(Scalar),
    Enum(&'a Enum),
    Composite(&'a Model),
    Unsupported(&'a str),
}

/// A field that is a relation, with what `@relation` says.
pub(super) struct RelationField<'a> {
    pub(super) field: &'a Field,
    /// The position of the model that it leads to.
    pub(super) target: usize,
    pub(super) attribute: Option<&'a Attribute>,
    pub(super) name: Option<&'a str>,
    pub(super) fields: Option<Vec<&'a Field>>,
    pub(super) references: Option<Vec<&'a Field>>,
    pub(super) on_delete: Option<Action>,
    pub(super) on_update: Option<Action>,
    pub(super) mapped: Option<&'a str>,
    pub(super) is_ignored: bool,
}

/// A referential action, where it stands.
#[derive(Clone, Copy)]
pub(super) struct Action {
    pub(super) action: crate::migrate::ReferentialAction,
    /// The value alone.
    pub(super) value: Span,
    /// With the argument's name.
    pub(super) argument: Span,
}

/// A key or an index.
pub(super) struct Key<'a> {
    pub(super) attribute: &'a Attribute,
    pub(super) kind: KeyKind,
    /// Whether it is an attribute of the block, `@@`.
    pub(super) is_of_block: bool,
    pub(super) columns: Vec<KeyColumn<'a>>,
    /// The client's name.
    pub(super) name: Option<&'a str>,
    /// The database's name.
    pub(super) mapped: Option<&'a str>,
    /// `BTree`, unless said.
    pub(super) method: &'a str,
    pub(super) says_clustered: bool,
    /// Where the condition stands, with its name.
    pub(super) condition: Option<Span>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Primary,
    Unique,
    Index,
    FullText,
}

/// A column of a key.
pub(super) struct KeyColumn<'a> {
    pub(super) field: &'a Field,
    pub(super) is_sorted: bool,
    pub(super) has_length: bool,
    pub(super) operator_class: Option<OperatorClass<'a>>,
}

#[derive(Clone, Copy)]
pub(super) enum OperatorClass<'a> {
    Known(&'a str),
    Raw,
}

impl<'a> Entities<'a> {
    /// Reads all attributes and tells what cannot be understood.
    pub(super) fn of(schema: &'a Schema, version: PrismaVersion, errors: &mut Errors) -> Self {
        let names = Names::of(schema);
        let has_conditions = version >= PrismaVersion::new(7, 4, 0);
        let models: Vec<&Model> = schema
            .blocks
            .iter()
            .filter_map(|block| match block {
                Block::Model(model) if model.kind != ModelKind::CompositeType => Some(model),
                _ => None,
            })
            .collect();
        let mut positions = HashMap::new();
        for (position, model) in models.iter().enumerate() {
            positions.entry(model.name.name.as_str()).or_insert(position);
        }
        let all = models
            .iter()
            .map(|model| entity(model, &names, &positions, &models, has_conditions, errors))
            .collect();
        let enums = schema.enums().map(|found| (found, enum_attributes(found, errors))).collect();
        Self { all, enums }
    }
}

impl<'a> Entity<'a> {
    pub(super) fn name(&self) -> &'a str {
        &self.model.name.name
    }

    pub(super) fn is_view(&self) -> bool {
        self.model.kind == ModelKind::View
    }

    /// `model` or `view`, for messages.
    pub(super) fn kind(&self) -> &'static str {
        if self.is_view() { "view" } else { "model" }
    }

    /// The primary key and the unique indexes.
    pub(super) fn unique_keys(&self) -> impl Iterator<Item = &Key<'a>> {
        self.id.iter().chain(self.indexes.iter().filter(|index| index.kind == KeyKind::Unique))
    }

    pub(super) fn column(&self, field: &Field) -> Option<&Column<'a>> {
        self.columns.iter().find(|column| std::ptr::eq(column.field, field))
    }
}

impl Column<'_> {
    pub(super) fn name(&self) -> &str {
        &self.field.name.name
    }
}

impl Key<'_> {
    /// As it is written, for messages.
    pub(super) fn sign(&self) -> String {
        let sign = if self.is_of_block { "@@" } else { "@" };
        format!("{sign}{}", self.attribute.name.name)
    }

    /// The place of a named argument, or of the whole.
    pub(super) fn span_of(&self, names: &[&str]) -> Span {
        span_of(self.attribute, names)
    }
}

/// The place of the first argument with one of these names, or of the attribute.
pub(super) fn span_of(attribute: &Attribute, names: &[&str]) -> Span {
    let found = names.iter().find_map(|name| {
        attribute
            .arguments
            .iter()
            .find(|argument| argument.name.as_ref().is_some_and(|own| own.name == *name))
    });
    found.map_or(attribute.span, |argument| argument.span)
}

/// Fields by their names, for a message: `a, b`.
pub(super) fn listed<'a>(fields: impl IntoIterator<Item = &'a Field>) -> String {
    fields.into_iter().map(|field| field.name.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn entity<'a>(
    model: &'a Model,
    names: &Names<'a>,
    positions: &HashMap<&str, usize>,
    models: &[&'a Model],
    has_conditions: bool,
    errors: &mut Errors,
) -> Entity<'a> {
    let mut entity = Entity {
        model,
        columns: Vec::new(),
        relations: Vec::new(),
        is_ignored: false,
        id: None,
        indexes: Vec::new(),
        namespace: None,
        shard_keys: Vec::new(),
        has_conditions,
    };
    let scalars: Vec<(&Field, ColumnKind<'_>)> =
        model.fields.iter().filter_map(|field| Some((field, kind_of(field, names)?))).collect();
    for field in &model.fields {
        // What has an unknown type is told already; its attributes say nothing without it.
        if let TypeOf::Model(target) = names.type_of(field) {
            let target = positions.get(target.name.name.as_str()).copied().unwrap_or_default();
            let reading = fields::Relation { model, target: models[target], names };
            entity.relations.push(reading.read(field, target, errors));
        }
    }
    for (field, kind) in &scalars {
        let column = fields::column(field, *kind, &mut entity, names, errors);
        fields::check_name(&column, &scalars, &entity, errors);
        entity.columns.push(column);
    }
    block_attributes(&mut entity, names, errors);
    entity
}

fn kind_of<'a>(field: &'a Field, names: &Names<'a>) -> Option<ColumnKind<'a>> {
    Some(match names.type_of(field) {
        TypeOf::Scalar(scalar) => ColumnKind::Scalar(scalar),
        TypeOf::Enum(found) => ColumnKind::Enum(found),
        TypeOf::Composite(model) => ColumnKind::Composite(model),
        TypeOf::Unsupported(text) => ColumnKind::Unsupported(text),
        TypeOf::Model(_) | TypeOf::Unknown(_) => return None,
    })
}

fn block_attributes<'a>(entity: &mut Entity<'a>, names: &Names<'a>, errors: &mut Errors) {
    let model = entity.model;
    let mut attributes = Attributes::of_block(&model.attributes);
    if let Some(arguments) = attributes.single("ignore", errors) {
        entity.is_ignored = true;
        for column in entity.columns.iter().filter(|column| column.is_ignored) {
            let message = format!("`{}` is ignored as a whole: its fields need no @ignore", model.name.name);
            errors.tell(column.field.span, message, "remove @ignore from the field");
        }
        arguments.finish(errors);
    }
    if let Some(arguments) = attributes.single("id", errors) {
        keys::id_of_block(arguments, entity, names, errors);
    }
    if let Some(mut arguments) = attributes.single("map", errors) {
        mapped_name(&mut arguments, errors);
        arguments.finish(errors);
    }
    entity.namespace = namespace(&mut attributes, errors);
    for (name, kind) in
        [("index", KeyKind::Index), ("unique", KeyKind::Unique), ("fulltext", KeyKind::FullText)]
    {
        for arguments in attributes.repeated(name, errors) {
            let key = keys::index_of_block(arguments, kind, entity, names, errors);
            entity.indexes.push(key);
        }
    }
    for arguments in attributes.repeated("shardKey", errors) {
        entity.shard_keys.push(arguments.span());
    }
    let of_field = entity.id.as_ref().filter(|key| !key.is_of_block && !entity.is_ignored);
    let is_optional = |column: &KeyColumn<'_>| column.field.field_type.arity != Arity::Required;
    if let Some(key) = of_field.filter(|key| key.columns.iter().any(is_optional)) {
        let message = "a primary key cannot be optional, nor a list";
        errors.tell(key.attribute.span, message, "remove `?` or `[]` from the type, or use @unique");
    }
    attributes.finish(errors);
}

/// `@map` or `@@map`: the name, once it is a text.
pub(super) fn mapped_name<'a>(arguments: &mut Arguments<'a>, errors: &mut Errors) -> Option<&'a str> {
    super::attributes::text(arguments.main("name", errors)?, errors)
}

fn namespace<'a>(attributes: &mut Attributes<'a>, errors: &mut Errors) -> Option<(&'a str, Span)> {
    let mut arguments = attributes.single("schema", errors)?;
    let found = arguments.main("map", errors);
    let found = found.and_then(|value| Some((super::attributes::text(value, errors)?, value.span())));
    arguments.finish(errors);
    found
}

fn enum_attributes<'a>(found: &'a Enum, errors: &mut Errors) -> Option<(&'a str, Span)> {
    for value in &found.values {
        let mut attributes = Attributes::of_field(&value.attributes);
        if let Some(mut arguments) = attributes.single("map", errors) {
            mapped_name(&mut arguments, errors);
            arguments.finish(errors);
        }
        attributes.finish(errors);
    }
    let mut attributes = Attributes::of_block(&found.attributes);
    if let Some(mut arguments) = attributes.single("map", errors) {
        mapped_name(&mut arguments, errors);
        arguments.finish(errors);
    }
    let namespace = namespace(&mut attributes, errors);
    attributes.finish(errors);
    namespace
}
