//! Names of constraints that meet: keys and indexes in their namespace, foreign keys with the primary key and the
//! indexes of their table.

use std::collections::HashMap;

use super::entity::{Entities, Entity, Key, KeyKind};
use super::error::Errors;
use super::relations::Relation;
use crate::client::constraint_name;
use crate::schema::Span;
use underpin_catalog::Name;

/// What PostgreSQL keeps of a name, bytes.
pub(super) const LENGTH_MAX: usize = 63;

/// How often each name is given.
pub(super) struct ConstraintNames<'a> {
    /// Of keys and indexes, by namespace.
    global: HashMap<(Option<&'a str>, String), usize>,
    /// Of keys, indexes and foreign keys, by model.
    local: HashMap<(*const crate::schema::Model, String), usize>,
    /// The client's, by model.
    client: HashMap<(*const crate::schema::Model, &'a str), usize>,
}

impl<'a> ConstraintNames<'a> {
    pub(super) fn of(entities: &Entities<'a>, relations: &[Relation]) -> Self {
        let mut names = Self { global: HashMap::new(), local: HashMap::new(), client: HashMap::new() };
        for entity in &entities.all {
            for key in entity.id.iter().chain(&entity.indexes) {
                let name = name_of(entity, key);
                *names.global.entry((namespace(entity), name.clone())).or_default() += 1;
                *names.local.entry((entity.model, name)).or_default() += 1;
                if let Some(name) = key.name {
                    *names.client.entry((entity.model, name)).or_default() += 1;
                }
            }
        }
        for relation in relations.iter().filter(|relation| !relation.is_many_to_many()) {
            let owner = &entities.all[relation.seen_from];
            *names.local.entry((owner.model, relation.constraint(entities))).or_default() += 1;
        }
        names
    }

    pub(super) fn check_key(&self, entity: &Entity<'a>, key: &Key<'a>, errors: &mut Errors) {
        let name = name_of(entity, key);
        let global = self.global.get(&(namespace(entity), name.clone()));
        let is_local = key.kind == KeyKind::Primary && self.is_twice_in(entity, &name);
        if global.is_some_and(|count| *count > 1) || is_local {
            tell(&name, key.span_of(&["map", "name"]), errors);
        }
    }

    pub(super) fn check_foreign_key(&self, entity: &Entity<'a>, name: &str, span: Span, errors: &mut Errors) {
        if self.is_twice_in(entity, name) {
            tell(name, span, errors);
        }
    }

    fn is_twice_in(&self, entity: &Entity<'a>, name: &str) -> bool {
        let model: *const crate::schema::Model = entity.model;
        self.local.get(&(model, name.to_owned())).is_some_and(|count| *count > 1)
    }

    pub(super) fn check_client_name(&self, entity: &Entity<'a>, key: &Key<'a>, errors: &mut Errors) {
        let Some(name) = key.name else { return };
        let model: *const crate::schema::Model = entity.model;
        if self.client.get(&(model, name)).is_some_and(|count| *count > 1) {
            let message = format!("two keys of `{}` are called `{name}`", entity.name());
            errors.tell(key.span_of(&["name"]), message, "give each a name of its own");
        }
    }
}

fn tell(name: &str, span: Span, errors: &mut Errors) {
    let message = format!("`{name}` is the name of another key or index, too");
    errors.tell(span, message, "give it a name of its own with `map`, or remove what is there twice");
}

fn namespace<'a>(entity: &Entity<'a>) -> Option<&'a str> {
    entity.namespace.map(|(name, _)| name)
}

/// The name in the database, given or derived.
fn name_of(entity: &Entity<'_>, key: &Key<'_>) -> String {
    if let Some(mapped) = key.mapped {
        return mapped.to_owned();
    }
    let table = entity.model.database_name();
    let columns =
        || key.columns.iter().map(|column| Name::new(column.field.database_name())).collect::<Vec<_>>();
    let name = match key.kind {
        KeyKind::Primary => Name::new(table).with_suffix("_pkey"),
        KeyKind::Unique => constraint_name(table, &columns(), "_key"),
        KeyKind::Index | KeyKind::FullText => constraint_name(table, &columns(), "_idx"),
    };
    name.as_str().to_owned()
}
