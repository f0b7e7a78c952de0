//! The objects of a catalog by their keys, and which needs which.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use indexmap::IndexMap;

use super::routine::has_parsed_body;
use crate::model::{
    Catalog, Column, Constraint, ConstraintKind, DefaultPrivileges, EventTrigger, Extension, Index, KeyPart,
    Namespace, Policy, Publication, RangeType, Routine, RoutineBody, RoutineName, Rule, Sequence, Statistics,
    Table, Trigger, Type, TypeKind, TypeRef, View, ViewKind,
};
use crate::object::{ObjectKey, ObjectKind, shown};
use crate::{Name, RelationName};

/// One object, with what it is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Object<'a> {
    Namespace(&'a Name, &'a Namespace),
    Extension(&'a Name, &'a Extension),
    Type(&'a RelationName, &'a Type),
    Sequence(&'a RelationName, &'a Sequence),
    Table(&'a RelationName, &'a Table),
    Column(Owner<'a>, &'a Name, &'a Column),
    View(&'a RelationName, &'a View),
    Routine(&'a RoutineName, &'a Routine),
    Constraint(Owner<'a>, &'a Name, &'a Constraint),
    Index(Owner<'a>, &'a Name, &'a Index),
    Trigger(Owner<'a>, &'a Name, &'a Trigger),
    Rule(Owner<'a>, &'a Name, &'a Rule),
    Policy(Owner<'a>, &'a Name, &'a Policy),
    Statistics(&'a RelationName, &'a Statistics),
    EventTrigger(&'a Name, &'a EventTrigger),
    Publication(&'a Name, &'a Publication),
    DefaultPrivileges(&'a DefaultPrivileges),
    Unmodelled,
}

impl<'a> Object<'a> {
    /// The table that it is, or is a part of.
    pub(super) fn table(self) -> Option<&'a RelationName> {
        match self {
            Self::Table(name, _)
            | Self::Column(Owner::Table(name, _), ..)
            | Self::Constraint(Owner::Table(name, _), ..)
            | Self::Index(Owner::Table(name, _), ..)
            | Self::Trigger(Owner::Table(name, _), ..)
            | Self::Rule(Owner::Table(name, _), ..)
            | Self::Policy(Owner::Table(name, _), ..) => Some(name),
            _ => None,
        }
    }
}

/// Whose part an object is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'a> {
    Table(&'a RelationName, &'a Table),
    View(&'a RelationName, &'a View),
    Domain(&'a RelationName),
}

impl<'a> Owner<'a> {
    pub(super) fn name(self) -> &'a RelationName {
        match self {
            Self::Table(name, _) | Self::View(name, _) | Self::Domain(name) => name,
        }
    }

    /// The key of the owner itself.
    pub(super) fn key(self) -> ObjectKey {
        match self {
            Self::Table(name, _) => ObjectKey::of(ObjectKind::Table, name),
            Self::View(name, view) => ObjectKey::of(view_kind(view), name),
            Self::Domain(name) => ObjectKey::of(ObjectKind::Type, name),
        }
    }

    /// The key of a part of it.
    pub(super) fn part(self, kind: ObjectKind, name: &Name) -> ObjectKey {
        match kind {
            ObjectKind::Index => ObjectKey::of(kind, &self.name().sibling(name.clone())),
            _ => ObjectKey::within(kind, self.name(), name),
        }
    }
}

/// As what facts count a view.
pub(super) fn view_kind(view: &View) -> ObjectKind {
    match view.kind {
        ViewKind::Plain => ObjectKind::View,
        ViewKind::Materialized { .. } => ObjectKind::MaterializedView,
    }
}

/// A catalog, looked up by key.
#[derive(Debug)]
pub(super) struct Inventory<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) objects: HashMap<ObjectKey, Object<'a>>,
    /// What an object needs: it is made after that and goes before it.
    needs: HashMap<ObjectKey, BTreeSet<ObjectKey>>,
    /// The same the other way round.
    needed_by: HashMap<ObjectKey, BTreeSet<ObjectKey>>,
    /// The ranges by the types of sets of them.
    multiranges: BTreeMap<&'a RelationName, &'a RelationName>,
    /// The indexes of partitions by the index of the parent that they are parts of.
    index_parts: BTreeMap<ObjectKey, Vec<ObjectKey>>,
    /// The children of tables that are inherited from, partitions among them.
    children: BTreeMap<&'a RelationName, Vec<&'a RelationName>>,
}

impl<'a> Inventory<'a> {
    /// The objects of a catalog but for those of these tables, which neither move nor need what does.
    pub(super) fn without(idle: &HashSet<&RelationName>, catalog: &'a Catalog) -> Self {
        let mut made = Self {
            catalog,
            objects: HashMap::new(),
            needs: HashMap::new(),
            needed_by: HashMap::new(),
            multiranges: BTreeMap::new(),
            index_parts: BTreeMap::new(),
            children: BTreeMap::new(),
        };
        made.list(idle);
        for (name, of) in &catalog.types {
            if let TypeKind::Range(RangeType { multirange: Some(multirange), .. }) = &of.kind {
                made.multiranges.insert(multirange, name);
            }
        }
        for (name, table) in &catalog.tables {
            for parent in table.partition_of.iter().chain(&table.inherits) {
                made.children.entry(parent).or_default().push(name);
            }
        }
        for (key, object) in made.objects.clone() {
            if let Object::Index(_, _, Index { part_of: Some(parent), .. }) = object {
                made.index_parts
                    .entry(ObjectKey::of(ObjectKind::Index, parent))
                    .or_default()
                    .push(key.clone());
            }
            made.structure(&key, object);
        }
        for dependency in &catalog.dependencies {
            made.need(&dependency.dependent, dependency.on.clone());
            made.columns_in(&dependency.dependent, &dependency.on);
        }
        made
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<Object<'a>> {
        self.objects.get(key).copied()
    }

    /// What the object needs.
    pub(super) fn needs(&self, key: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.needs.get(key).into_iter().flatten()
    }

    /// What needs the object.
    pub(super) fn needed_by(&self, key: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.needed_by.get(key).into_iter().flatten()
    }

    /// The indexes of partitions that are parts of an index.
    pub(super) fn index_parts(&self, index: &ObjectKey) -> &[ObjectKey] {
        self.index_parts.get(index).map_or(&[], Vec::as_slice)
    }

    /// All that is needed by those that are told, pair by pair and in no order: who needs, and what.
    pub(super) fn needs_of(
        &self,
        is_told: impl Fn(Option<Object<'a>>) -> bool,
    ) -> impl Iterator<Item = (&ObjectKey, &ObjectKey)> {
        let told = self.needs.iter().filter(move |(key, _)| is_told(self.get(key)));
        told.flat_map(|(key, needs)| needs.iter().map(move |on| (key, on)))
    }

    /// The tables that inherit from this one, partitions among them.
    pub(super) fn children(&self, table: &RelationName) -> &[&'a RelationName] {
        self.children.get(table).map_or(&[], Vec::as_slice)
    }

    /// The tables that a table inherits from.
    pub(super) fn parents(
        &self,
        table: &RelationName,
    ) -> impl Iterator<Item = (&'a RelationName, &'a Table)> {
        let of = self.catalog.tables.get(table);
        let names = of.into_iter().flat_map(|table| table.partition_of.iter().chain(&table.inherits));
        names.filter_map(|name| self.catalog.tables.get_key_value(name))
    }

    fn need(&mut self, dependent: &ObjectKey, on: ObjectKey) {
        if *dependent != on && self.objects.contains_key(&on) && self.objects.contains_key(dependent) {
            self.needed_by.entry(on.clone()).or_default().insert(dependent.clone());
            self.needs.entry(dependent.clone()).or_default().insert(on);
        }
    }

    /// Of a query or a condition that uses a table, the columns that it speaks of.
    fn columns_in(&mut self, dependent: &ObjectKey, on: &ObjectKey) {
        let Some(Object::Table(name, table)) = self.get(on) else { return };
        let texts: Vec<&str> = match self.get(dependent) {
            Some(Object::View(_, view)) => vec![&view.definition],
            Some(Object::Rule(_, _, rule)) => vec![&rule.definition],
            Some(Object::Policy(_, _, policy)) => {
                policy.using.iter().chain(&policy.check).map(String::as_str).collect()
            }
            Some(Object::Routine(_, routine)) => match &routine.body {
                RoutineBody::Definition(text) if has_parsed_body(routine) => vec![text],
                RoutineBody::Definition(_) | RoutineBody::Aggregate(_) => return,
            },
            _ => return,
        };
        for column in table.columns.keys() {
            if texts.iter().any(|text| mentions(text, column)) {
                self.need(dependent, ObjectKey::within(ObjectKind::Column, name, column));
            }
        }
    }

    /// Whether one object needs the other, over however many between.
    pub(super) fn reaches(&self, from: &ObjectKey, to: &ObjectKey) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(key) = open.pop() {
            if key == to {
                return true;
            }
            if seen.insert(key) {
                open.extend(self.needs(key));
            }
        }
        false
    }

    fn add(&mut self, key: ObjectKey, object: Object<'a>) {
        self.objects.insert(key, object);
    }

    fn columns(&mut self, owner: Owner<'a>, columns: &'a IndexMap<Name, Column>) {
        for (name, column) in columns {
            self.add(owner.part(ObjectKind::Column, name), Object::Column(owner, name, column));
        }
    }

    fn parts(
        &mut self,
        owner: Owner<'a>,
        indexes: &'a IndexMap<Name, Index>,
        triggers: &'a IndexMap<Name, Trigger>,
        rules: &'a IndexMap<Name, Rule>,
    ) {
        for (name, index) in indexes {
            self.add(owner.part(ObjectKind::Index, name), Object::Index(owner, name, index));
        }
        for (name, trigger) in triggers {
            self.add(owner.part(ObjectKind::Trigger, name), Object::Trigger(owner, name, trigger));
        }
        for (name, rule) in rules {
            self.add(owner.part(ObjectKind::Rule, name), Object::Rule(owner, name, rule));
        }
    }

    fn list(&mut self, idle: &HashSet<&RelationName>) {
        let catalog = self.catalog;
        for (name, namespace) in &catalog.namespaces {
            self.add(ObjectKey::global(ObjectKind::Namespace, name), Object::Namespace(name, namespace));
        }
        for (name, extension) in &catalog.extensions {
            self.add(ObjectKey::global(ObjectKind::Extension, name), Object::Extension(name, extension));
        }
        for (name, of) in &catalog.types {
            self.add(ObjectKey::of(ObjectKind::Type, name), Object::Type(name, of));
            if let TypeKind::Domain { constraints, .. } = &of.kind {
                let owner = Owner::Domain(name);
                for (name, constraint) in constraints {
                    let key = owner.part(ObjectKind::Constraint, name);
                    self.add(key, Object::Constraint(owner, name, constraint));
                }
            }
        }
        for (name, sequence) in &catalog.sequences {
            self.add(ObjectKey::of(ObjectKind::Sequence, name), Object::Sequence(name, sequence));
        }
        for (name, table) in catalog.tables.iter().filter(|(name, _)| !idle.contains(name)) {
            let owner = Owner::Table(name, table);
            self.add(ObjectKey::of(ObjectKind::Table, name), Object::Table(name, table));
            self.columns(owner, &table.columns);
            self.parts(owner, &table.indexes, &table.triggers, &table.rules);
            for (name, constraint) in &table.constraints {
                let key = owner.part(ObjectKind::Constraint, name);
                self.add(key, Object::Constraint(owner, name, constraint));
            }
            for (name, policy) in &table.policies {
                self.add(owner.part(ObjectKind::Policy, name), Object::Policy(owner, name, policy));
            }
        }
        for (name, view) in &catalog.views {
            let owner = Owner::View(name, view);
            self.add(ObjectKey::of(view_kind(view), name), Object::View(name, view));
            self.columns(owner, &view.columns);
            self.parts(owner, &view.indexes, &view.triggers, &view.rules);
        }
        for (name, routine) in &catalog.routines {
            let key = ObjectKey::new(ObjectKind::Routine, name.to_string());
            self.add(key, Object::Routine(name, routine));
        }
        for (name, statistics) in &catalog.statistics {
            self.add(ObjectKey::of(ObjectKind::Statistics, name), Object::Statistics(name, statistics));
        }
        for (name, trigger) in &catalog.event_triggers {
            self.add(ObjectKey::global(ObjectKind::EventTrigger, name), Object::EventTrigger(name, trigger));
        }
        for (name, publication) in &catalog.publications {
            self.add(
                ObjectKey::global(ObjectKind::Publication, name),
                Object::Publication(name, publication),
            );
        }
        for privileges in &catalog.default_privileges {
            self.add(privileges.key(), Object::DefaultPrivileges(privileges));
        }
        for key in &catalog.unmodelled {
            self.add(key.clone(), Object::Unmodelled);
        }
    }

    /// What the structure says that an object needs. `pg_depend` says the rest.
    fn structure(&mut self, key: &ObjectKey, object: Object<'a>) {
        match object {
            Object::Namespace(..) | Object::DefaultPrivileges(_) | Object::Unmodelled => {}
            Object::Extension(_, extension) => self.in_namespace(key, Some(&extension.namespace)),
            Object::Type(name, _) => self.in_namespace(key, name.namespace.as_ref()),
            Object::Sequence(name, _) => self.in_namespace(key, name.namespace.as_ref()),
            Object::Routine(name, _) => self.in_namespace(key, name.name.namespace.as_ref()),
            Object::View(name, _) => self.in_namespace(key, name.namespace.as_ref()),
            Object::EventTrigger(_, trigger) => {
                self.need(key, ObjectKey::new(ObjectKind::Routine, trigger.function.to_string()));
            }
            Object::Table(name, table) => {
                self.in_namespace(key, name.namespace.as_ref());
                for parent in table.inherits.iter().chain(&table.partition_of) {
                    self.need(key, ObjectKey::of(ObjectKind::Table, parent));
                }
                if let Some(of) = &table.of_type {
                    self.need(key, ObjectKey::of(ObjectKind::Type, of));
                }
            }
            Object::Column(owner, name, column) => {
                self.need(key, owner.key());
                self.of_type(key, &column.type_ref);
                if let Owner::View(..) = owner {
                    self.of_type(&owner.key(), &column.type_ref);
                }
                if let (Owner::Table(_, _), Some(generated)) = (owner, &column.generated) {
                    self.mentioned(key, owner, &generated.expression);
                    // Before 15 a computed column goes with its function without a word, and what it
                    // depends on is not told as of others.
                    for name in self.catalog.routines.keys() {
                        if generated.expression.contains(&shown(&name.name)) {
                            self.need(key, ObjectKey::new(ObjectKind::Routine, name.to_string()));
                        }
                    }
                }
                for (parent, table) in self.parents(owner.name()).collect::<Vec<_>>() {
                    // What a table declares itself is there without its parent.
                    if !column.declared_too && table.columns.contains_key(name) {
                        self.need(key, ObjectKey::within(ObjectKind::Column, parent, name));
                    }
                }
            }
            Object::Constraint(owner, _, constraint) => self.constraint(key, owner, constraint),
            Object::Index(owner, name, index) => self.index(key, owner, name, index),
            Object::Trigger(owner, _, trigger) => {
                self.need(key, owner.key());
                self.need(key, ObjectKey::new(ObjectKind::Routine, trigger.function.to_string()));
                self.mentioned(key, owner, &trigger.definition);
            }
            Object::Rule(owner, _, rule) => {
                self.need(key, owner.key());
                self.mentioned(key, owner, &rule.definition);
            }
            Object::Policy(owner, _, policy) => {
                self.need(key, owner.key());
                for text in policy.using.iter().chain(&policy.check) {
                    self.mentioned(key, owner, text);
                }
            }
            Object::Statistics(name, statistics) => {
                self.in_namespace(key, name.namespace.as_ref());
                if let Some((name, table)) = self.catalog.tables.get_key_value(&statistics.table) {
                    let owner = Owner::Table(name, table);
                    self.need(key, owner.key());
                    self.mentioned(key, owner, &statistics.definition);
                }
            }
            Object::Publication(_, publication) => {
                for (table, published) in &publication.tables {
                    self.need(key, ObjectKey::of(ObjectKind::Table, table));
                    for column in &published.columns {
                        self.need(key, ObjectKey::within(ObjectKind::Column, table, column));
                    }
                    if let (Some((name, table)), Some(filter)) =
                        (self.catalog.tables.get_key_value(table), &published.filter)
                    {
                        self.mentioned(key, Owner::Table(name, table), filter);
                    }
                }
                for namespace in &publication.namespaces {
                    self.in_namespace(key, Some(namespace));
                }
            }
        }
    }

    fn constraint(&mut self, key: &ObjectKey, owner: Owner<'a>, constraint: &'a Constraint) {
        self.need(key, owner.key());
        let column = |name: &Name| owner.part(ObjectKind::Column, name);
        match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                columns.iter().for_each(|name| self.need(key, column(name)));
            }
            ConstraintKind::ForeignKey(foreign) => {
                foreign.columns.iter().for_each(|name| self.need(key, column(name)));
                self.need(key, ObjectKey::of(ObjectKind::Table, &foreign.referenced));
                for name in &foreign.referenced_columns {
                    self.need(key, ObjectKey::within(ObjectKind::Column, &foreign.referenced, name));
                }
            }
            ConstraintKind::Check { expression } => self.mentioned(key, owner, expression),
            ConstraintKind::Exclusion { index, .. } => {
                if let Owner::Table(_, table) = owner
                    && let Some(index) = table.indexes.get(index)
                {
                    self.keys_of(key, owner, index);
                }
            }
            ConstraintKind::NotNull { column: Some(name) } => self.need(key, column(name)),
            ConstraintKind::NotNull { column: None } | ConstraintKind::Trigger => {}
        }
    }

    fn index(&mut self, key: &ObjectKey, owner: Owner<'a>, _name: &Name, index: &'a Index) {
        self.need(key, owner.key());
        self.keys_of(key, owner, index);
        if let Some(constraint) = &index.constraint {
            self.need(key, owner.part(ObjectKind::Constraint, constraint));
        }
    }

    fn keys_of(&mut self, key: &ObjectKey, owner: Owner<'a>, index: &'a Index) {
        for part in &index.keys {
            match &part.part {
                KeyPart::Column(name) => self.need(key, owner.part(ObjectKind::Column, name)),
                KeyPart::Expression(expression) => self.mentioned(key, owner, expression),
            }
        }
        for name in &index.included {
            self.need(key, owner.part(ObjectKind::Column, name));
        }
        if let Some(predicate) = &index.predicate {
            self.mentioned(key, owner, predicate);
        }
    }

    fn in_namespace(&mut self, key: &ObjectKey, namespace: Option<&Name>) {
        if let Some(namespace) = namespace {
            self.need(key, ObjectKey::global(ObjectKind::Namespace, namespace));
        }
    }

    /// A type, or the rows of a table or a view.
    fn of_type(&mut self, key: &ObjectKey, type_ref: &TypeRef) {
        for kind in [ObjectKind::Type, ObjectKind::Table, ObjectKind::View, ObjectKind::MaterializedView] {
            self.need(key, ObjectKey::of(kind, &type_ref.name));
        }
        if let Some(range) = self.multiranges.get(&type_ref.name) {
            self.need(key, ObjectKey::of(ObjectKind::Type, range));
        }
    }

    /// The columns of the owner that a deparsed text speaks of.
    fn mentioned(&mut self, key: &ObjectKey, owner: Owner<'a>, text: &str) {
        let columns = match owner {
            Owner::Table(_, table) => &table.columns,
            Owner::View(_, view) => &view.columns,
            Owner::Domain(_) => return,
        };
        for name in columns.keys().filter(|name| mentions(text, name)) {
            self.need(key, owner.part(ObjectKind::Column, name));
        }
    }
}

/// Whether a deparsed text may speak of a column. `pg_depend` knows it by column, and is read by object:
/// so what has the name in it at all counts, and a whole row counts as every column. Whoever is taken for
/// a user of a column without being one is made again needlessly, and loses nothing.
pub(super) fn mentions(text: &str, column: &Name) -> bool {
    let plain = column.as_str();
    text.contains(".*") || text.contains(plain) || text.contains(&plain.replace('"', "\"\""))
}
