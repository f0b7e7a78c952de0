//! A catalog as a flat list: each object with its attributes.
//!
//! Comparing, hashing and the JSON form stand on this list, so none of them knows the kinds of
//! objects. It is made of what the model serialises: a field that is added to the model is an
//! attribute from then on, unless it is said to be an object of its own.
//!
//! An attribute that is absent is `false` or nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::Hash;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::attributes::{Attributes, SharedNames};
use crate::model::{
    Catalog, Column, Constraint, Index, Rule, Table, Trigger, Type, TypeKind, View, ViewKind,
};
use crate::object::{ObjectKey, ObjectKind, quoted, shown};
use crate::{Name, RelationName};

/// Every object of a catalog with its attributes, in the order of kinds and identities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The major version that the texts are deparsed by.
    pub major: u32,
    objects: BTreeMap<ObjectKey, Attributes>,
}

/// The place of a column among those of its table, from 1. It matters to `SELECT *`, `COPY` and
/// `INSERT` without a list of columns, and to nobody else.
const POSITION: &str = "position";

/// Whether an attribute is worth telling and no reason to call two objects different: the place of a
/// column, which depends on the order in which a team's branches were merged, and the version of an
/// extension, which depends on what the server was installed with.
pub(crate) fn is_note(kind: &ObjectKind, attribute: &str) -> bool {
    matches!((kind, attribute), (ObjectKind::Column, POSITION) | (ObjectKind::Extension, "version"))
}

impl Facts {
    /// The objects with their attributes.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectKey, &Attributes)> {
        self.objects.iter()
    }

    /// What is known of one object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Attributes> {
        self.objects.get(key)
    }

    /// The objects of a kind that belong to the one of an identity.
    pub fn within<'a>(
        &'a self,
        kind: &'a ObjectKind,
        owner: &'a str,
    ) -> impl Iterator<Item = (&'a ObjectKey, &'a Attributes)> {
        let first = ObjectKey::new(kind.clone(), format!("{owner}."));
        let prefix = first.identity.clone();
        let fits = move |key: &ObjectKey| key.kind == *kind && key.identity.starts_with(&prefix);
        let from_there = self.objects.range(first..).take_while(move |(key, _)| fits(key));
        from_there.filter(move |(key, _)| key.owner() == owner)
    }

    /// What is known of one object, to be altered.
    pub fn get_mut(&mut self, key: &ObjectKey) -> Option<&mut Attributes> {
        self.objects.get_mut(key)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// SHA-256 over the kind, the identity and the attributes of one object, notes left out, in lower hex.
    pub fn hash_of(&self, key: &ObjectKey) -> Option<String> {
        self.get(key).map(|attributes| hex(&object_hash(key, attributes)))
    }

    /// SHA-256 over the major version and the hashes of all objects, in lower hex. Equal hashes mean
    /// that the catalogs differ in notes at most.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.major.to_be_bytes());
        for (key, attributes) in &self.objects {
            hash.update(object_hash(key, attributes));
        }
        hex(&hash.finalize())
    }
}

/// Facts while they are made.
#[derive(Default)]
struct Making {
    objects: BTreeMap<ObjectKey, Attributes>,
    names: SharedNames,
}

impl Making {
    fn add(&mut self, kind: ObjectKind, identity: String, object: &impl Serialize) -> &mut Attributes {
        let value =
            serde_json::to_value(object).expect("names and texts are what keys of the model are made of");
        let Value::Object(fields) = stripped(value) else { unreachable!("objects of the model are structs") };
        let attributes = self.objects.entry(ObjectKey { kind, identity }).or_default();
        // One more for what is told of an object besides what it says itself.
        attributes.reserve(fields.len() + 1);
        for (name, value) in fields {
            attributes.set_shared(self.names.of(&name), value);
        }
        attributes
    }

    fn columns(&mut self, owner: &str, columns: &IndexMap<Name, Column>) {
        let position = self.names.of(POSITION);
        for (at, (name, column)) in columns.iter().enumerate() {
            let attributes = self.add(ObjectKind::Column, within(owner, name), column);
            attributes.set_shared(Arc::clone(&position), Value::from(at + 1));
        }
    }

    fn indexes(&mut self, owner: &RelationName, indexes: &IndexMap<Name, Index>) {
        let table = self.names.of("table");
        for (name, index) in indexes {
            let attributes = self.add(ObjectKind::Index, shown(&owner.sibling(name.clone())), index);
            attributes.set_shared(Arc::clone(&table), Value::from(shown(owner)));
        }
    }

    fn constraints(&mut self, owner: &str, constraints: &IndexMap<Name, Constraint>) {
        for (name, constraint) in constraints {
            self.add(ObjectKind::Constraint, within(owner, name), constraint);
        }
    }

    fn reactions(&mut self, owner: &str, triggers: &IndexMap<Name, Trigger>, rules: &IndexMap<Name, Rule>) {
        for (name, trigger) in triggers {
            self.add(ObjectKind::Trigger, within(owner, name), trigger);
        }
        for (name, rule) in rules {
            self.add(ObjectKind::Rule, within(owner, name), rule);
        }
    }

    // The functions below name every field, so that a new collection of objects cannot be forgotten:
    // what is skipped when the struct is serialised has to be added here.

    fn table(&mut self, name: &RelationName, table: &Table) {
        let Table {
            kind: _,
            persistence: _,
            columns,
            constraints,
            indexes,
            triggers,
            rules,
            policies,
            partition_of: _,
            partition_bound: _,
            inherits: _,
            of_type: _,
            access_method: _,
            tablespace: _,
            options: _,
            row_security: _,
            force_row_security: _,
            replica_identity: _,
            about: _,
        } = table;
        let identity = shown(name);
        self.columns(&identity, columns);
        self.constraints(&identity, constraints);
        self.indexes(name, indexes);
        self.reactions(&identity, triggers, rules);
        for (name, policy) in policies {
            self.add(ObjectKind::Policy, within(&identity, name), policy);
        }
        self.add(ObjectKind::Table, identity, table);
    }

    fn view(&mut self, name: &RelationName, view: &View) {
        let View { kind, definition: _, columns, indexes, triggers, rules, options: _, about: _ } = view;
        let identity = shown(name);
        self.columns(&identity, columns);
        self.indexes(name, indexes);
        self.reactions(&identity, triggers, rules);
        let kind = match kind {
            ViewKind::Plain => ObjectKind::View,
            ViewKind::Materialized { .. } => ObjectKind::MaterializedView,
        };
        self.add(kind, identity, view);
    }

    fn type_of(&mut self, name: &RelationName, of: &Type) {
        let Type { kind, about: _ } = of;
        let identity = shown(name);
        match kind {
            TypeKind::Domain { base: _, collation: _, not_null: _, default: _, constraints } => {
                self.constraints(&identity, constraints);
            }
            TypeKind::Enum { .. } | TypeKind::Composite { .. } | TypeKind::Range(_) => {}
        }
        self.add(ObjectKind::Type, identity, of);
    }
}

impl Catalog {
    /// The catalog as a flat list.
    pub fn facts(&self) -> Facts {
        self.facts_unlike(&Self::default())
    }

    /// The catalog as a flat list, without what another one has just the same: nearly everything, where the two are
    /// states of one database.
    pub(crate) fn facts_unlike(&self, other: &Self) -> Facts {
        let mut making = self.facts_beside_tables(other);
        for (name, table) in
            unlike(&self.tables, &other.tables, |one, two| one.columns.keys().eq(two.columns.keys()))
        {
            making.table(name, table);
        }
        Facts { major: self.major, objects: making.objects }
    }

    /// The same of a catalog that nobody needs any more: its tables go one by one.
    pub fn into_facts(mut self) -> Facts {
        self.dependencies.clear();
        let mut making = self.facts_beside_tables(&Self::default());
        for (name, table) in self.tables {
            making.table(&name, &table);
        }
        Facts { major: self.major, objects: making.objects }
    }

    fn facts_beside_tables(&self, other: &Self) -> Making {
        let Self {
            major: _,
            namespaces,
            extensions,
            types,
            sequences,
            tables: _,
            views,
            routines,
            statistics,
            event_triggers,
            publications,
            default_privileges,
            unmodelled,
            dependencies: _,
        } = self;
        let mut facts = Making::default();
        for (name, namespace) in unlike(namespaces, &other.namespaces, always) {
            facts.add(ObjectKind::Namespace, quoted(name), namespace);
        }
        for (name, extension) in unlike(extensions, &other.extensions, always) {
            facts.add(ObjectKind::Extension, quoted(name), extension);
        }
        for (name, of) in unlike(types, &other.types, always) {
            facts.type_of(name, of);
        }
        for (name, sequence) in unlike(sequences, &other.sequences, always) {
            facts.add(ObjectKind::Sequence, shown(name), sequence);
        }
        for (name, view) in unlike(views, &other.views, |one, two| one.columns.keys().eq(two.columns.keys()))
        {
            facts.view(name, view);
        }
        for (name, routine) in unlike(routines, &other.routines, always) {
            facts.add(ObjectKind::Routine, name.to_string(), routine);
        }
        for (name, statistics) in unlike(statistics, &other.statistics, always) {
            facts.add(ObjectKind::Statistics, shown(name), statistics);
        }
        for (name, trigger) in unlike(event_triggers, &other.event_triggers, always) {
            facts.add(ObjectKind::EventTrigger, quoted(name), trigger);
        }
        for (name, publication) in unlike(publications, &other.publications, always) {
            facts.add(ObjectKind::Publication, quoted(name), publication);
        }
        for privileges in default_privileges {
            let ObjectKey { kind, identity } = privileges.key();
            facts.add(kind, identity, privileges);
        }
        for key in unmodelled {
            facts.objects.insert(key.clone(), Attributes::default());
        }
        facts
    }
}

/// What of a map is not the same in another. Maps are equal whatever their order is: where an order is a fact,
/// `is_ordered_alike` tells.
fn unlike<'a, K: Eq + Hash, V: PartialEq>(
    map: &'a IndexMap<K, V>,
    other: &'a IndexMap<K, V>,
    is_ordered_alike: impl Fn(&V, &V) -> bool,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    let is_same = move |name: &K, value: &V| {
        other.get(name).is_some_and(|there| there == value && is_ordered_alike(there, value))
    };
    map.iter().filter(move |(name, value)| !is_same(name, value))
}

fn always<V>(_: &V, _: &V) -> bool {
    true
}

fn within(owner: &str, name: &Name) -> String {
    let name = quoted(name);
    [owner, ".", &name].concat()
}

/// The value without what is false or nothing, at any depth.
fn stripped(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept =
                fields.into_iter().filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false)));
            Value::Object(kept.map(|(name, value)| (name, stripped(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(stripped).collect()),
        other => other,
    }
}

fn object_hash(key: &ObjectKey, attributes: &Attributes) -> impl AsRef<[u8]> + use<> {
    let mut text = String::new();
    canonical(&Value::from(key.kind.to_string()), &mut text);
    canonical(&Value::from(key.identity.as_str()), &mut text);
    for (name, value) in attributes.iter().filter(|(name, _)| !is_note(&key.kind, name)) {
        canonical(&Value::from(name), &mut text);
        canonical(value, &mut text);
    }
    Sha256::digest(text)
}

/// JSON with its keys in order, whatever order the map keeps.
fn canonical(value: &Value, into: &mut String) {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            into.push('{');
            for (name, value) in fields {
                canonical(&Value::from(name.as_str()), into);
                canonical(value, into);
            }
            into.push('}');
        }
        Value::Array(items) => {
            into.push('[');
            items.iter().for_each(|item| canonical(item, into));
            into.push(']');
        }
        // A string ends with its quote, the rest with this comma, so no two values make one text.
        other => write!(into, "{other},").expect("a string takes what is written to it"),
    }
}

fn hex(bytes: &impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
