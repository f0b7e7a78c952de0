//! Which relation fields belong together, and to what kind of relation.
//!
//! Two fields belong together when each leads to the other's model under the same name, or both
//! without one. One that finds no partner is a relation by itself, and told.

use underpin_catalog::Name;

use super::entity::{Entities, Entity, RelationField};
use crate::client::constraint_name;
use crate::schema::{Arity, Field};

/// A relation between two models, or of one with itself.
pub(super) struct Relation {
    pub(super) kind: RelationKind,
    /// The model that holds the foreign key; of a many-to-many relation, the one whose name comes first.
    pub(super) from: usize,
    pub(super) to: usize,
    /// The model on which the relation was met.
    pub(super) seen_from: usize,
    /// The position of the field on `from`, among its relations.
    forward: Option<usize>,
    /// The position of the field on `to`.
    back: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RelationKind {
    OneToOne,
    OneToMany,
    /// With whether one of the fields lists columns, as document databases have it.
    ManyToMany {
        is_embedded: bool,
    },
}

impl Relation {
    pub(super) fn is_many_to_many(&self) -> bool {
        matches!(self.kind, RelationKind::ManyToMany { .. })
    }

    pub(super) fn forward<'e, 'a>(&self, entities: &'e Entities<'a>) -> Option<&'e RelationField<'a>> {
        Some(&entities.all[self.from].relations[self.forward?])
    }

    pub(super) fn back<'e, 'a>(&self, entities: &'e Entities<'a>) -> Option<&'e RelationField<'a>> {
        Some(&entities.all[self.to].relations[self.back?])
    }

    /// The name of the foreign key's constraint.
    pub(super) fn constraint(&self, entities: &Entities<'_>) -> String {
        let forward = self.forward(entities);
        if let Some(mapped) = forward.and_then(|forward| forward.mapped) {
            return mapped.to_owned();
        }
        let fields = forward.and_then(|forward| forward.fields.as_deref()).unwrap_or_default();
        let columns: Vec<Name> = fields.iter().map(|field| Name::new(field.database_name())).collect();
        let table = entities.all[self.from].model.database_name();
        constraint_name(table, &columns, "_fkey").as_str().to_owned()
    }
}

/// All relations, in the order of the fields that they are met at.
pub(super) fn of(entities: &Entities<'_>) -> Vec<Relation> {
    let mut relations = Vec::new();
    for (position, entity) in entities.all.iter().enumerate() {
        for at in 0..entity.relations.len() {
            relations.extend(relation(entities, position, at));
        }
    }
    relations
}

/// The relation of a field, unless it is met at the other field.
fn relation(entities: &Entities<'_>, own: usize, at: usize) -> Option<Relation> {
    let field = &entities.all[own].relations[at];
    let target = field.target;
    let other = opposite(entities, own, at);
    let opposite = other.map(|other| &entities.all[target].relations[other]);
    let made = |kind, forward, back| Relation { kind, from: own, to: target, seen_from: own, forward, back };
    let both = |kind| Some(made(kind, Some(at), other));
    let Some(opposite) = opposite else {
        return Some(match field.field.field_type.arity {
            Arity::List => {
                Relation { from: target, to: own, ..made(RelationKind::OneToMany, None, Some(at)) }
            }
            Arity::Required | Arity::Optional => {
                let is_unique =
                    field.fields.as_deref().is_some_and(|fields| is_unique_index(&entities.all[own], fields));
                let kind = if is_unique { RelationKind::OneToOne } else { RelationKind::OneToMany };
                made(kind, Some(at), None)
            }
        });
    };
    let (one, two) = (entities.all[own].name(), entities.all[target].name());
    let comes_first = (one, &field.field.name.name) <= (two, &opposite.field.name.name);
    match (field.field.field_type.arity, opposite.field.field_type.arity) {
        (Arity::List, Arity::List) => {
            let is_first = one < two || (one == two && comes_first);
            let is_embedded = field.fields.is_some() || opposite.fields.is_some();
            is_first.then(|| both(RelationKind::ManyToMany { is_embedded })).flatten()
        }
        // Met at the field that is no list.
        (Arity::List, _) => None,
        (_, Arity::List) => both(RelationKind::OneToMany),
        (Arity::Required, Arity::Optional) => both(RelationKind::OneToOne),
        (Arity::Optional, Arity::Required) => None,
        (Arity::Required, Arity::Required) => comes_first.then(|| both(RelationKind::OneToOne)).flatten(),
        (Arity::Optional, Arity::Optional) => {
            let is_forward = field.fields.is_some() || (opposite.fields.is_none() && comes_first);
            is_forward.then(|| both(RelationKind::OneToOne)).flatten()
        }
    }
}

/// The position of the field on the other model that belongs to this one.
fn opposite(entities: &Entities<'_>, own: usize, at: usize) -> Option<usize> {
    let field = &entities.all[own].relations[at];
    entities.all[field.target].relations.iter().enumerate().position(|(position, other)| {
        let is_itself = field.target == own && position == at;
        other.target == own && !is_itself && other.name == field.name
    })
}

fn is_unique_index(entity: &Entity<'_>, fields: &[&Field]) -> bool {
    entity.indexes.iter().filter(|index| index.kind == super::entity::KeyKind::Unique).any(|index| {
        let columns = index.columns.iter().map(|column| column.field);
        columns.len() == fields.len() && columns.zip(fields).all(|(one, other)| std::ptr::eq(one, *other))
    })
}
