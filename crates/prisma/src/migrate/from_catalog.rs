//! From a live database to what Prisma's engine sees of it when it describes one.
//!
//! It looks at the connection's namespace, or at those that the datasource lists, and at nothing else:
//! ordinary and partitioned tables with their columns, keys, plain indexes and foreign keys, and enums with
//! values. Views, routines, triggers, policies, checks, exclusion constraints, partitions and foreign tables
//! are not there for it. Some of what it does see, it sees as something else:
//! - An index with an expression is not there; one with `INCLUDE` has all columns as keys; classes of
//!   B-trees, collations, the place of NULLs and storage parameters are left out.
//! - A partial index is not there before 7.4; since 7.5 it is one *without* a condition unless the schema
//!   turns `partialIndexes` on. 7.4, 7.5 and a schema that turns it on make Prisma drop what the schema does
//!   not name.
//! - A domain is the type below it; the expression of a generated column is a default.
//! - A unique constraint is a unique index; whether a constraint is deferrable or validated is not seen.
//!
//! What belongs to an extension is not in a [`Catalog`], so it is not here either, while Prisma sees an
//! extension's own tables and enums like anybody's. It would drop them; nobody wants that.

mod column;
mod default;
mod index;
mod list;
mod relative;
mod token;

use underpin_catalog::model::{self, ConstraintKind, TableKind, TypeKind};
use underpin_catalog::{Catalog, Name, RelationName};

use super::catalog::{Enum, Extension, ForeignKey, PrimaryKey, PrismaCatalog, ReferentialAction, Table};
use crate::PrismaVersion;
use crate::schema::{Config, Expression, Schema};

/// What of a database Prisma's engine looks at: its connection and its schema decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The namespace of the connection: `schema` in its URL, else `public`.
    pub namespace: Name,
    /// The namespaces that the datasource lists. With none it is that of the connection alone.
    pub listed: Vec<Name>,
    /// What the schema's generators turn on, as far as it makes a difference here.
    pub previews: Vec<Preview>,
    /// Whose engine.
    pub version: PrismaVersion,
}

/// A feature that Prisma takes part in only when a generator lists it among `previewFeatures`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preview {
    /// `partialIndexes`: indexes with a condition.
    PartialIndexes,
    /// `postgresqlExtensions`: extensions.
    Extensions,
}

/// A foreign key leads out of the namespaces that Prisma looks at. It refuses to describe such a database
/// (P4002), whatever it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the foreign key {} of {} leads to {}, which is in none of the namespaces that the schema lists",
    key.as_str(),
    table.shown(),
    references.shown()
)]
pub struct LeadsOut {
    /// Its name.
    pub key: Name,
    /// Its table.
    pub table: RelationName,
    /// The table that it leads to.
    pub references: RelationName,
}

impl LeadsOut {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let namespace = self.references.namespace.as_ref()?.as_str();
        Some(format!(
            "add \"{namespace}\" to `schemas` of the datasource; Prisma refuses the database without it"
        ))
    }
}

impl Scope {
    /// That of a connection without a schema.
    pub fn of_connection(namespace: Name, version: PrismaVersion) -> Self {
        Self { namespace, listed: Vec::new(), previews: Vec::new(), version }
    }

    /// That of a schema.
    pub fn of_schema(schema: &Schema, namespace: Name, version: PrismaVersion) -> Self {
        let listed = schema.datasource().and_then(|datasource| datasource.value("schemas"));
        let listed = listed.map_or(&[][..], Expression::items).iter();
        let features = |generator: &'_ Config| -> Vec<String> {
            let listed = generator.value("previewFeatures").map_or(&[][..], Expression::items);
            listed.iter().filter_map(Expression::as_str).map(str::to_owned).collect()
        };
        let turned_on: Vec<String> = schema.generators().flat_map(features).collect();
        let previews =
            [("partialIndexes", Preview::PartialIndexes), ("postgresqlExtensions", Preview::Extensions)];
        Self {
            namespace,
            listed: listed.filter_map(Expression::as_str).map(Name::new).collect(),
            previews: previews
                .into_iter()
                .filter(|(name, _)| turned_on.iter().any(|feature| feature == name))
                .map(|(_, preview)| preview)
                .collect(),
            version,
        }
    }

    fn is_seen(&self, namespace: &Name) -> bool {
        if self.listed.is_empty() { *namespace == self.namespace } else { self.listed.contains(namespace) }
    }

    fn sees(&self, name: &RelationName) -> bool {
        name.namespace.as_ref().is_some_and(|namespace| self.is_seen(namespace))
    }
}

/// What is asked while a database is read.
struct Reading<'a> {
    catalog: &'a Catalog,
    scope: &'a Scope,
    /// The enums that are seen, by name.
    enums: Vec<(&'a RelationName, &'a [String])>,
}

impl PrismaCatalog {
    /// What Prisma's engine sees of a database.
    ///
    /// # Errors
    /// When a foreign key leads out of what it looks at: Prisma says P4002 and does nothing.
    pub fn of_database(catalog: &Catalog, scope: &Scope) -> Result<Self, LeadsOut> {
        let reading = Reading { catalog, scope, enums: enums(catalog, scope) };
        let mut names: Vec<&RelationName> = catalog.tables.keys().filter(|name| scope.sees(name)).collect();
        names.sort();
        if let Some(out) = names.iter().find_map(|name| reading.leads_out(name)) {
            return Err(out);
        }
        let tables = names.into_iter().filter_map(|name| reading.table(name)).collect();
        let enums = reading.enums.iter();
        let has_namespaces = scope.version.sees_namespaces() || !scope.listed.is_empty();
        Ok(Self {
            namespaces: if has_namespaces { reading.namespaces() } else { Vec::new() },
            // It is the other side of a comparison that knows it.
            default_namespace: (!has_namespaces).then(|| scope.namespace.clone()),
            says_default_namespace: false,
            extensions: reading.extensions(),
            enums: enums
                .map(|(name, values)| Enum { name: (*name).clone(), values: values.to_vec() })
                .collect(),
            tables,
        })
    }
}

/// In the order of their names; one without values is not seen.
fn enums<'a>(catalog: &'a Catalog, scope: &Scope) -> Vec<(&'a RelationName, &'a [String])> {
    let mut enums: Vec<_> = catalog
        .types
        .iter()
        .filter(|(name, _)| scope.sees(name))
        .filter_map(|(name, found)| match &found.kind {
            TypeKind::Enum { labels } if !labels.is_empty() => Some((name, labels.as_slice())),
            TypeKind::Enum { .. }
            | TypeKind::Domain { .. }
            | TypeKind::Composite { .. }
            | TypeKind::Range(_) => None,
        })
        .collect();
    enums.sort();
    enums
}

impl<'a> Reading<'a> {
    /// Those that are there. The connection's always is, because the engine makes it when it connects.
    fn namespaces(&self) -> Vec<Name> {
        let own = &self.scope.namespace;
        let mut names: Vec<Name> = match self.scope.listed.is_empty() {
            true => vec![own.clone()],
            false => {
                let is_there = |name: &&Name| *name == own || self.catalog.namespaces.contains_key(*name);
                self.scope.listed.iter().filter(is_there).cloned().collect()
            }
        };
        names.sort();
        names.dedup();
        names
    }

    fn extensions(&self) -> Vec<Extension> {
        if !self.scope.previews.contains(&Preview::Extensions) {
            return Vec::new();
        }
        let extension = |(name, found): (&Name, &model::Extension)| Extension {
            name: name.clone(),
            namespace: Some(found.namespace.clone()),
            version: Some(found.version.clone()),
            is_relocatable: found.relocatable,
        };
        let mut extensions: Vec<Extension> = self.catalog.extensions.iter().map(extension).collect();
        extensions.sort_by(|one, other| one.name.cmp(&other.name));
        extensions
    }

    /// The first foreign key of a table that leads out, by name.
    fn leads_out(&self, name: &RelationName) -> Option<LeadsOut> {
        let keys = foreign_keys(self.catalog.tables.get(name)?);
        let (key, leading) = keys.into_iter().find(|(_, key)| !self.scope.sees(&key.referenced))?;
        Some(LeadsOut { key: key.clone(), table: name.clone(), references: leading.referenced.clone() })
    }

    fn table(&self, name: &RelationName) -> Option<Table> {
        let found = self.catalog.tables.get(name).filter(|table| is_seen(table))?;
        let (primary_key, indexes) = self.indexes(found);
        let foreign_keys = foreign_keys(found);
        Some(Table {
            name: name.clone(),
            columns: found.columns.iter().map(|(name, column)| self.column(name, column)).collect(),
            primary_key: primary_key.map(|index| PrimaryKey {
                columns: index.columns.into_iter().map(|column| column.name).collect(),
                name: index.name,
            }),
            indexes,
            foreign_keys: foreign_keys
                .into_iter()
                .filter_map(|(name, key)| self.foreign_key(name, key))
                .collect(),
        })
    }

    /// One that leads to a table that is not seen, a partition, is not seen either.
    fn foreign_key(&self, name: &Name, key: &model::ForeignKey) -> Option<ForeignKey> {
        self.catalog.tables.get(&key.referenced).filter(|table| is_seen(table))?;
        Some(ForeignKey {
            name: name.clone(),
            columns: key.columns.clone(),
            references: key.referenced.clone(),
            referenced: key.referenced_columns.clone(),
            on_delete: action(key.on_delete),
            on_update: action(key.on_update),
        })
    }
}

/// A partition is not seen, unless it has partitions itself.
fn is_seen(table: &model::Table) -> bool {
    match table.kind {
        TableKind::Ordinary => table.partition_of.is_none(),
        TableKind::Partitioned { .. } => true,
        TableKind::Foreign { .. } => false,
    }
}

/// By name.
fn foreign_keys(table: &model::Table) -> Vec<(&Name, &model::ForeignKey)> {
    let keys = table.constraints.iter().filter_map(|(name, constraint)| match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some((name, key)),
        ConstraintKind::PrimaryKey { .. }
        | ConstraintKind::Unique { .. }
        | ConstraintKind::Check { .. }
        | ConstraintKind::Exclusion { .. }
        | ConstraintKind::NotNull { .. }
        | ConstraintKind::Trigger => None,
    });
    let mut keys: Vec<_> = keys.collect();
    keys.sort_by_key(|(name, _)| *name);
    keys
}

fn action(action: model::ReferentialAction) -> ReferentialAction {
    match action {
        model::ReferentialAction::NoAction => ReferentialAction::NoAction,
        model::ReferentialAction::Restrict => ReferentialAction::Restrict,
        model::ReferentialAction::Cascade => ReferentialAction::Cascade,
        model::ReferentialAction::SetNull => ReferentialAction::SetNull,
        model::ReferentialAction::SetDefault => ReferentialAction::SetDefault,
    }
}
