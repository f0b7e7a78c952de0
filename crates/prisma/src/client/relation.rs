//! Relations: foreign keys, and the tables behind implicit many-to-many relations.

use std::collections::BTreeMap;

use underpin_catalog::{Name, RelationName};

use super::column::{Column, ColumnType, ColumnUse, OnCreate};
use super::derive::{columns_of, constraint_name, relation_name};
use super::{Key, KeyKind, Origin, Table};
use crate::schema::{Arity, Field, Model, ModelKind, Schema, TypeOf};
use crate::schema::{Expression, Names};

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: Name,
    /// The relation field's name in the schema.
    pub field: String,
    /// The columns, in order.
    pub columns: Vec<Name>,
    /// The table that they lead to.
    pub references: RelationName,
    /// The columns that they lead to, in order.
    pub referenced: Vec<Name>,
}

/// An implicit many-to-many relation. Its table has the columns `A` and `B`; `A` leads to the model
/// whose name comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyToMany {
    /// The relation's name: as `@relation` says, else `AToB`.
    pub relation: String,
    /// The model that `A` leads to, and its field.
    pub a: (String, String),
    /// The model that `B` leads to, and its field.
    pub b: (String, String),
}

impl ManyToMany {
    pub(super) fn described(&self) -> String {
        format!("the relation between {}.{} and {}.{}", self.a.0, self.a.1, self.b.0, self.b.1)
    }
}

/// The foreign key of a relation field, if the field holds one.
pub(super) fn foreign_key<'a>(
    model: &'a Model,
    field: &'a Field,
    names: &Names<'a>,
    namespace: &Name,
) -> Option<ForeignKey> {
    let TypeOf::Model(target) = names.type_of(field) else { return None };
    let relation = field.attribute("relation")?;
    let columns = columns_of(model, relation.named("fields")?);
    let referenced = columns_of(target, relation.named("references")?);
    let name = match relation.named("map").and_then(Expression::as_str) {
        Some(name) => Name::new(name),
        None => constraint_name(model.database_name(), &columns, "_fkey"),
    };
    let references = relation_name(target.namespace(), target.database_name(), namespace);
    Some(ForeignKey { name, field: field.name.name.clone(), columns, references, referenced })
}

/// One end of a relation between lists.
#[derive(Clone, Copy)]
struct End<'a> {
    model: &'a Model,
    field: &'a Field,
}

/// The tables of all implicit many-to-many relations.
pub(super) fn many_to_many(schema: &Schema, names: &Names<'_>, namespace: &Name) -> Vec<Table> {
    let mut ends: BTreeMap<(String, &str, &str), Vec<End<'_>>> = BTreeMap::new();
    for model in schema.models() {
        for field in model.fields.iter().filter(|field| field.field_type.arity == Arity::List) {
            let TypeOf::Model(target) = names.type_of(field) else { continue };
            if target.kind != ModelKind::Model {
                continue;
            }
            let (own, other) = (model.name.name.as_str(), target.name.name.as_str());
            let (first, second) = if own <= other { (own, other) } else { (other, own) };
            let relation = relation_of(field).map_or_else(|| format!("{first}To{second}"), str::to_owned);
            ends.entry((relation, first, second)).or_default().push(End { model, field });
        }
    }
    let pairs = ends.into_iter().filter_map(|((relation, ..), ends)| match ends[..] {
        [one, two] => Some(table(relation, in_order(one, two), names, namespace)),
        _ => None,
    });
    pairs.collect()
}

/// The name that `@relation` gives.
fn relation_of(field: &Field) -> Option<&str> {
    field.attribute("relation")?.argument("name", 0)?.as_str()
}

/// By the models' names; in a relation of a model with itself, by the fields'.
fn in_order<'a>(one: End<'a>, two: End<'a>) -> (End<'a>, End<'a>) {
    let key = |end: End<'a>| (&end.model.name.name, &end.field.name.name);
    if key(one) <= key(two) { (one, two) } else { (two, one) }
}

fn table(relation: String, (a, b): (End<'_>, End<'_>), names: &Names<'_>, namespace: &Name) -> Table {
    // PostgreSQL cuts the name that Prisma sends, here and in each statement of the client.
    let name = Name::new(format!("_{relation}")).with_suffix("");
    // The table lives where the model does that `A` leads to.
    let own = relation_name(a.model.namespace(), name.as_str(), namespace);
    let ends = [("A", a), ("B", b)];
    let columns = ends.map(|(letter, end)| column(letter, end, names)).to_vec();
    let foreign_keys = ends.map(|(letter, end)| ForeignKey {
        name: Name::new(format!("_{relation}")).with_suffix(&format!("_{letter}_fkey")),
        field: end.field.name.name.clone(),
        columns: vec![Name::new(letter)],
        references: relation_name(end.model.namespace(), end.model.database_name(), namespace),
        referenced: id(end.model).map(|field| Name::new(field.database_name())).into_iter().collect(),
    });
    let key = Key {
        kind: KeyKind::Primary,
        name: Name::new(format!("_{relation}")).with_suffix("_AB_pkey"),
        columns: vec![Name::new("A"), Name::new("B")],
    };
    let is_left_out = |end: End<'_>| end.field.is_ignored() || end.model.is_ignored();
    let described = |end: End<'_>| (end.model.name.name.clone(), end.field.name.name.clone());
    Table {
        name: own,
        origin: Origin::ManyToMany(ManyToMany { relation, a: described(a), b: described(b) }),
        is_ignored: is_left_out(a) && is_left_out(b),
        columns,
        keys: vec![key],
        foreign_keys: foreign_keys.to_vec(),
    }
}

fn column(letter: &str, end: End<'_>, names: &Names<'_>) -> Column {
    let id = id(end.model);
    let column_type = match id.map(|id| names.type_of(id)) {
        Some(TypeOf::Scalar(scalar)) => ColumnType::Scalar(scalar),
        _ => ColumnType::Unknown,
    };
    Column {
        name: Name::new(letter),
        field: letter.to_owned(),
        used: ColumnUse::Client,
        column_type,
        native_type: id.and_then(super::derive::native_type),
        arity: Arity::Required,
        on_create: OnCreate::FromApplication,
        is_touched: false,
    }
}

/// The field that such a relation leads to: it must be a single one.
fn id(model: &Model) -> Option<&Field> {
    model.fields.iter().find(|field| field.attribute("id").is_some())
}
