//! What a database has and no Prisma schema can say, and what a migration would do to it.
//!
//! Prisma compares what it sees. An index that it misreads it drops, because the schema does not have it; the
//! expression of a generated column is a default to it, which the schema lacks; and of views, triggers,
//! policies and functions it knows nothing when it drops or changes what they use. What would be dropped for
//! its own sake is spared ([`Migration::spare`]): nobody asked for it. What goes with a table or a column that
//! the schema gave up goes, and what stands in a step's way makes PostgreSQL refuse it; both are told.
//!
//! Texts are searched for the names of columns, because PostgreSQL's dependencies are read by object: a view
//! that has a column of the same name from elsewhere is told too.

mod gone;
mod mention;

use underpin_catalog::model::{self, ConstraintKind, Deferral, KeyPart, TableKind};
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Catalog, Name, RelationName};

use self::gone::Gone;
pub use self::mention::mentions;
use super::{Migration, Preview, Scope, Step, TableChange};

/// An object that no Prisma schema can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// The object.
    pub object: ObjectKey,
    /// What of it cannot be said.
    pub cause: Cause,
    /// What a migration does to it.
    pub fate: Fate,
}

/// What of an object a schema has no words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// All of it: the language has no such kind.
    Kind,
    /// The condition of a partial index.
    Condition,
    /// An expression in place of a column.
    Expression,
    /// Columns that an index only keeps.
    Included,
    /// How an index compares: a class, a collation, where NULLs stand and whether they are equal.
    Comparison,
    /// The access method.
    Method,
    /// That a constraint is checked later.
    Deferral,
    /// That a column is generated.
    Generated,
}

/// What a migration does to a protected object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Untouched,
    /// A step drops it, or its being generated, for its own sake.
    Dropped,
    /// It goes with this object, which the schema does not have.
    GoesWith(ObjectKey),
    /// It uses this object, which a step drops or changes: as long as it does, PostgreSQL refuses the step
    /// (2BP01, 0A000); or it has the name of what a step makes (42P07).
    InTheWay(ObjectKey),
}

impl Cause {
    /// As words behind "because Prisma cannot say".
    pub fn words(self) -> &'static str {
        match self {
            Self::Kind => "such an object",
            Self::Condition => "its condition",
            Self::Expression => "its expression",
            Self::Included => "the columns that it includes",
            Self::Comparison => "how it compares",
            Self::Method => "its access method",
            Self::Deferral => "that it is deferrable",
            Self::Generated => "that it is generated",
        }
    }
}

impl Migration<'_> {
    /// All protected objects of the namespaces that Prisma looks at, and those elsewhere that a step touches, by
    /// kind and name. `catalog` is the database that `before` describes.
    pub fn protected(&self, catalog: &Catalog, scope: &Scope) -> Vec<Protected> {
        let mut search = Search { catalog, scope, gone: Gone::of(self), found: Vec::new() };
        search.tables();
        search.views();
        search.others();
        let mut found = search.found;
        let is_seen = |key: &ObjectKey| self.before.namespaces.iter().any(|name| is_in(key, name));
        found.retain(|protected| protected.fate != Fate::Untouched || is_seen(&protected.object));
        found.sort_by(|one, other| one.object.cmp(&other.object));
        found
    }

    /// Takes out of the steps what drops a protected object for its own sake, and tells all protected objects.
    pub fn spare(&mut self, catalog: &Catalog, scope: &Scope) -> Vec<Protected> {
        let found = self.protected(catalog, scope);
        let is_spared = |key: &ObjectKey| {
            found.iter().any(|protected| protected.object == *key && protected.fate == Fate::Dropped)
        };
        let steps = std::mem::take(&mut self.steps);
        self.steps = steps
            .into_iter()
            .filter_map(|step| match step {
                // One of the same name cannot be made while the other is there.
                Step::DropIndex { table, index } | Step::CreateIndex { table, index, .. }
                    if is_spared(&index_key(&table.name, &index.name)) =>
                {
                    None
                }
                Step::AlterTable(mut alter) => {
                    for change in &mut alter.changes {
                        if let TableChange::AlterColumn(change) = change
                            && is_spared(&column_key(&alter.before.name, &change.before.name))
                        {
                            change.has_other_default = false;
                        }
                    }
                    alter.changes.retain(|change| match change {
                        TableChange::AlterColumn(change) => change.is_any(),
                        TableChange::DropPrimaryKey
                        | TableChange::RenamePrimaryKey
                        | TableChange::DropColumn(_)
                        | TableChange::AddColumn(_)
                        | TableChange::RecreateColumn(_)
                        | TableChange::AddPrimaryKey => true,
                    });
                    (!alter.changes.is_empty()).then_some(Step::AlterTable(alter))
                }
                other => Some(other),
            })
            .collect();
        found
    }
}

fn index_key(table: &RelationName, index: &Name) -> ObjectKey {
    ObjectKey::of(ObjectKind::Index, &table.sibling(index.clone()))
}

fn column_key(table: &RelationName, column: &Name) -> ObjectKey {
    ObjectKey::within(ObjectKind::Column, table, column)
}

/// Whether an object lives in a namespace, by its identity; one that lives in none is in all.
fn is_in(key: &ObjectKey, namespace: &Name) -> bool {
    let own = ObjectKey::global(ObjectKind::Namespace, namespace).identity;
    match key.kind {
        ObjectKind::EventTrigger | ObjectKind::Publication => true,
        _ => key.identity.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('.')),
    }
}

struct Search<'a> {
    catalog: &'a Catalog,
    scope: &'a Scope,
    gone: Gone,
    found: Vec<Protected>,
}

impl<'a> Search<'a> {
    fn add(&mut self, object: ObjectKey, cause: Cause, fate: Fate) {
        self.found.push(Protected { object, cause, fate });
    }

    fn tables(&mut self) {
        for (name, table) in &self.catalog.tables {
            self.parts(name, table);
            let key = ObjectKey::of(ObjectKind::Table, name);
            let parent = table.partition_of.as_ref().filter(|parent| self.gone.tables.contains(*parent));
            let inherited = table.inherits.iter().find(|parent| self.gone.tables.contains(*parent));
            match (parent, inherited) {
                (Some(parent), _) => {
                    self.add(key, Cause::Kind, Fate::GoesWith(ObjectKey::of(ObjectKind::Table, parent)));
                }
                (None, Some(parent)) if !self.gone.tables.contains(name) => {
                    self.add(key, Cause::Kind, Fate::InTheWay(ObjectKey::of(ObjectKind::Table, parent)));
                }
                _ if table.partition_of.is_some() || matches!(table.kind, TableKind::Foreign { .. }) => {
                    self.add(key, Cause::Kind, Fate::Untouched);
                }
                _ => {}
            }
        }
    }

    /// What a table owns.
    fn parts(&mut self, name: &'a RelationName, table: &'a model::Table) {
        for (index_name, index) in &table.indexes {
            let Some(cause) = self.unsayable(table, index) else { continue };
            let texts = index.keys.iter().map(|key| match &key.part {
                KeyPart::Column(name) => Text::Name(name),
                KeyPart::Expression(expression) => Text::Sql(expression),
            });
            let texts = texts.chain(index.included.iter().map(Text::Name));
            let texts: Vec<Text<'_>> = texts.chain(index.predicate.as_deref().map(Text::Sql)).collect();
            let key = index_key(name, index_name);
            let fate = match self.goes_with(name, &texts) {
                // Without its own drop it would go as well.
                goes @ Fate::GoesWith(_) if self.gone.indexes.contains(&key) => goes,
                _ if self.gone.indexes.contains(&key) => Fate::Dropped,
                // Prisma does not see it and makes another one of its name.
                _ if self.gone.made.contains(&key) => Fate::InTheWay(key.clone()),
                other => other,
            };
            self.add(key, cause, fate);
        }
        for (constraint_name, constraint) in &table.constraints {
            let key = ObjectKey::within(ObjectKind::Constraint, name, constraint_name);
            let texts = match &constraint.kind {
                ConstraintKind::Check { expression } => vec![Text::Sql(expression)],
                ConstraintKind::Exclusion { index, .. } => {
                    let index = table.indexes.get(index);
                    let names =
                        index.into_iter().flat_map(|index| &index.keys).filter_map(|key| match &key.part {
                            KeyPart::Column(name) => Some(Text::Name(name)),
                            KeyPart::Expression(_) => None,
                        });
                    names.collect()
                }
                ConstraintKind::Unique { index, .. } => {
                    // Prisma drops its index, and PostgreSQL refuses that.
                    let index = index_key(name, index);
                    if self.gone.indexes.contains(&index) && constraint.deferral == Deferral::NotDeferrable {
                        self.add(key, Cause::Kind, Fate::InTheWay(index));
                    }
                    continue;
                }
                ConstraintKind::PrimaryKey { .. }
                | ConstraintKind::ForeignKey(_)
                | ConstraintKind::NotNull { .. }
                | ConstraintKind::Trigger => continue,
            };
            let fate = self.goes_with(name, &texts);
            self.add(key, Cause::Kind, fate);
        }
        for (column_name, column) in &table.columns {
            let Some(generated) = &column.generated else { continue };
            let key = column_key(name, column_name);
            let fate = match self.gone.defaults.contains(&key) {
                true => Fate::Dropped,
                false => match self.gone.has_column(name, column_name) {
                    true => Fate::Untouched,
                    false => self.in_the_way(name, &[Text::Sql(&generated.expression)]),
                },
            };
            self.add(key, Cause::Generated, fate);
        }
        for (trigger_name, trigger) in &table.triggers {
            let mut texts: Vec<Text<'_>> = trigger.columns.iter().map(Text::Name).collect();
            texts.extend(trigger.definition.split_once(" WHEN ").map(|(_, condition)| Text::Sql(condition)));
            let key = ObjectKey::within(ObjectKind::Trigger, name, trigger_name);
            self.owned(key, name, &texts);
        }
        for (policy_name, policy) in &table.policies {
            let texts = [policy.using.as_deref(), policy.check.as_deref()];
            let texts: Vec<Text<'_>> = texts.into_iter().flatten().map(Text::Sql).collect();
            let key = ObjectKey::within(ObjectKind::Policy, name, policy_name);
            self.owned(key, name, &texts);
        }
        for (rule_name, rule) in &table.rules {
            let key = ObjectKey::within(ObjectKind::Rule, name, rule_name);
            self.owned(key, name, &[Text::Sql(&rule.definition)]);
        }
    }

    /// What goes with its table, and keeps the columns that it uses from going.
    fn owned(&mut self, key: ObjectKey, table: &RelationName, texts: &[Text<'_>]) {
        let fate = match self.gone.tables.contains(table) {
            true => Fate::GoesWith(ObjectKey::of(ObjectKind::Table, table)),
            false => self.in_the_way(table, texts),
        };
        self.add(key, Cause::Kind, fate);
    }

    /// What goes with a column that it uses, or with its table.
    fn goes_with(&self, table: &RelationName, texts: &[Text<'_>]) -> Fate {
        if self.gone.tables.contains(table) {
            return Fate::GoesWith(ObjectKey::of(ObjectKind::Table, table));
        }
        let mut gone = self.gone.columns_of(table);
        match gone.find(|column| texts.iter().any(|text| text.names(column))) {
            Some(column) => Fate::GoesWith(column_key(table, column)),
            None => Fate::Untouched,
        }
    }

    fn in_the_way(&self, table: &RelationName, texts: &[Text<'_>]) -> Fate {
        let mut touched = self.gone.columns_of(table).chain(self.gone.retyped_of(table));
        match touched.find(|column| texts.iter().any(|text| text.names(column))) {
            Some(column) => Fate::InTheWay(column_key(table, column)),
            None => Fate::Untouched,
        }
    }

    fn views(&mut self) {
        for (name, view) in &self.catalog.views {
            let kind = match view.kind {
                model::ViewKind::Plain => ObjectKind::View,
                model::ViewKind::Materialized { .. } => ObjectKind::MaterializedView,
            };
            let key = ObjectKey::of(kind, name);
            let fate = self.used_by(&key, Some(&view.definition));
            self.add(key, Cause::Kind, fate);
        }
    }

    fn others(&mut self) {
        for name in self.catalog.routines.keys() {
            let key = ObjectKey::new(ObjectKind::Routine, name.to_string());
            let fate = self.used_by(&key, None);
            self.add(key, Cause::Kind, fate);
        }
        for (name, found) in &self.catalog.types {
            if matches!(found.kind, model::TypeKind::Enum { .. }) {
                continue;
            }
            let key = ObjectKey::of(ObjectKind::Type, name);
            let fate = self.used_by(&key, None);
            self.add(key, Cause::Kind, fate);
        }
        for (name, sequence) in &self.catalog.sequences {
            if sequence.owned_by.is_none() {
                self.add(ObjectKey::of(ObjectKind::Sequence, name), Cause::Kind, Fate::Untouched);
            }
        }
        for (name, statistics) in &self.catalog.statistics {
            let fate = self.goes_with(&statistics.table, &[Text::Sql(&statistics.definition)]);
            self.add(ObjectKey::of(ObjectKind::Statistics, name), Cause::Kind, fate);
        }
        for name in self.catalog.event_triggers.keys() {
            self.add(ObjectKey::global(ObjectKind::EventTrigger, name), Cause::Kind, Fate::Untouched);
        }
        for name in self.catalog.publications.keys() {
            self.add(ObjectKey::global(ObjectKind::Publication, name), Cause::Kind, Fate::Untouched);
        }
    }

    /// What a step touches that an object cannot be without; `text` tells which columns it reads.
    fn used_by(&self, key: &ObjectKey, text: Option<&str>) -> Fate {
        let uses = self.catalog.dependencies.iter().filter(|dependency| dependency.dependent == *key);
        for on in uses.map(|dependency| &dependency.on) {
            if self.gone.types.contains(on) || self.gone.is_table_of(on) {
                return Fate::InTheWay(on.clone());
            }
            let Some(text) = text else { continue };
            let read = self.gone.touched().find(|(table, column)| {
                *on == ObjectKey::of(ObjectKind::Table, table) && mentions(text, column)
            });
            if let Some((table, column)) = read {
                return Fate::InTheWay(column_key(table, column));
            }
        }
        Fate::Untouched
    }

    /// What of an index a schema has no words for.
    fn unsayable(&self, table: &model::Table, index: &model::Index) -> Option<Cause> {
        let constraint = index.constraint.as_ref().and_then(|name| table.constraints.get(name));
        match constraint.map(|constraint| (&constraint.kind, constraint.deferral)) {
            // Told as the constraint.
            Some((ConstraintKind::Exclusion { .. }, _)) => return None,
            Some((ConstraintKind::PrimaryKey { .. }, _)) => return None,
            Some((_, Deferral::InitiallyImmediate | Deferral::InitiallyDeferred)) => {
                return Some(Cause::Deferral);
            }
            _ => {}
        }
        let method = index.method.as_str();
        let is_plain = matches!(method, "btree" | "hash");
        let compares = |key: &model::IndexKey| {
            key.collation.is_some()
                || !key.operator_class_options.is_empty()
                || (is_plain && !key.operator_class_is_default)
                || matches!(
                    key.order,
                    model::SortOrder::AscendingNullsFirst | model::SortOrder::DescendingNullsLast
                )
        };
        if index.keys.iter().any(|key| matches!(key.part, KeyPart::Expression(_))) {
            Some(Cause::Expression)
        } else if index.predicate.is_some() && !self.scope.previews.contains(&Preview::PartialIndexes) {
            Some(Cause::Condition)
        } else if !index.included.is_empty() {
            Some(Cause::Included)
        } else if !matches!(method, "btree" | "hash" | "gist" | "gin" | "spgist" | "brin") {
            Some(Cause::Method)
        } else if index.nulls_not_distinct || index.keys.iter().any(compares) {
            Some(Cause::Comparison)
        } else {
            None
        }
    }
}

/// Something that may name a column.
enum Text<'a> {
    Name(&'a Name),
    Sql(&'a str),
}

impl Text<'_> {
    fn names(&self, column: &Name) -> bool {
        match self {
            Self::Name(name) => *name == column,
            Self::Sql(text) => mentions(text, column),
        }
    }
}
