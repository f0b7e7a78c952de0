//! What the live database is like around the statements: the facts that the planner asks for.
//!
//! The engine looks them up ([`crate::mentioned`] says which) before a file is planned. All keys are
//! qualified names; [`Surroundings::resolve`] says what a bare name means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use underpin_catalog::{Name, RelationName, ServerVersion};

/// Facts about the database that a file will run on.
#[derive(Clone, Debug, Serialize)]
pub struct Surroundings {
    /// The server.
    pub version: ServerVersion,
    /// The namespaces that a bare name is looked for in, `pg_catalog` left out. New objects go to
    /// the first.
    pub search_path: Vec<Name>,
    /// Tables, views and sequences. One that is absent does not exist.
    pub relations: BTreeMap<RelationName, RelationFacts>,
    /// Indexes, those of the tables above included. One that is absent does not exist.
    pub indexes: BTreeMap<RelationName, IndexFacts>,
    /// Types that are not built in.
    pub types: BTreeMap<RelationName, TypeFacts>,
}

/// What kind of relation something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// An ordinary table, or one partition.
    Table,
    /// A partitioned table: it has no rows of its own.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    Foreign,
    /// A sequence.
    Sequence,
}

/// A table as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RelationFacts {
    /// What it is.
    pub kind: RelationKind,
    /// The size of its main fork; for a partitioned table the sum over all partitions.
    pub bytes: u64,
    /// `pg_class.reltuples`, unless the table was never analyzed.
    pub rows_estimate: Option<f64>,
    /// The columns of the primary key in their order; empty without one.
    pub primary_key: Vec<Name>,
    /// The columns in their order, dropped ones left out.
    pub columns: Vec<ColumnFacts>,
    /// Its constraints.
    pub constraints: Vec<ConstraintFacts>,
    /// The table that it is a partition of.
    pub partition_of: Option<RelationName>,
    /// All partitions at any depth, and all tables that inherit from it.
    pub descendants: Vec<RelationName>,
    /// Tables with a foreign key to this one.
    pub referenced_by: Vec<RelationName>,
}

/// A column as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnFacts {
    /// Its name.
    pub name: Name,
    /// As `format_type` prints it.
    pub type_sql: String,
    /// NULL is refused.
    pub not_null: bool,
    /// It has a default, an identity or a generation expression.
    pub has_default: bool,
}

/// A constraint as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConstraintFacts {
    /// Its name.
    pub name: Name,
    /// What it demands.
    pub kind: ConstraintFactsKind,
    /// Its columns, in its order.
    pub columns: Vec<Name>,
    /// The table that a foreign key references.
    pub referenced: Option<RelationName>,
    /// The condition of a check, as `pg_get_expr` prints it.
    pub check: Option<String>,
    /// Every row is known to satisfy it.
    pub validated: bool,
}

/// `pg_constraint.contype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintFactsKind {
    /// `c`.
    Check,
    /// `f`.
    ForeignKey,
    /// `n` (PostgreSQL 18).
    NotNull,
    /// `p`.
    PrimaryKey,
    /// `u`.
    Unique,
    /// `x`.
    Exclude,
}

/// An index as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexFacts {
    /// Its table.
    pub table: RelationName,
    /// Two equal keys are refused.
    pub unique: bool,
    /// It belongs to the primary key.
    pub primary: bool,
    /// The constraint that owns it.
    pub constraint: Option<Name>,
    /// Its key columns in their order, `None` for an expression.
    pub columns: Vec<Option<Name>>,
    /// It has a `WHERE`.
    pub partial: bool,
    /// Queries may use it: no failed concurrent build.
    pub valid: bool,
    /// It is the parent of indexes on partitions.
    pub partitioned: bool,
}

/// A type as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeFacts {
    /// It is a domain that refuses some values.
    pub constrained_domain: bool,
    /// Tables with a column of this type, or of an array or domain of it.
    pub used_by: Vec<RelationName>,
}

impl Surroundings {
    /// A server of which nothing is known but its version: no table exists.
    pub fn empty(version: ServerVersion, namespace: Name) -> Self {
        Self {
            version,
            search_path: vec![namespace],
            relations: BTreeMap::new(),
            indexes: BTreeMap::new(),
            types: BTreeMap::new(),
        }
    }

    /// The relation or index that `name` means: the first namespace of the path that has one, or the
    /// one where it would be created.
    pub fn resolve(&self, name: &RelationName) -> RelationName {
        self.resolve_in(name, |qualified| {
            self.relations.contains_key(qualified) || self.indexes.contains_key(qualified)
        })
    }

    /// The type that `name` means.
    pub fn resolve_type(&self, name: &RelationName) -> RelationName {
        self.resolve_in(name, |qualified| self.types.contains_key(qualified))
    }

    fn resolve_in(&self, name: &RelationName, exists: impl Fn(&RelationName) -> bool) -> RelationName {
        if name.namespace.is_some() {
            return name.clone();
        }
        let candidates = self
            .search_path
            .iter()
            .map(|namespace| RelationName { namespace: Some(namespace.clone()), name: name.name.clone() });
        candidates
            .clone()
            .find(|candidate| exists(candidate))
            .or_else(|| candidates.clone().next())
            .unwrap_or_else(|| name.clone())
    }

    /// The facts of the relation that `name` means.
    pub fn relation(&self, name: &RelationName) -> Option<&RelationFacts> {
        self.relations.get(&self.resolve(name))
    }

    /// The facts of the index that `name` means.
    pub fn index(&self, name: &RelationName) -> Option<&IndexFacts> {
        self.indexes.get(&self.resolve(name))
    }

    /// The facts of the type that `name` means.
    pub fn type_facts(&self, name: &RelationName) -> Option<&TypeFacts> {
        self.types.get(&self.resolve_type(name))
    }

    /// The indexes of a table.
    pub fn indexes_of<'a>(
        &'a self,
        table: &RelationName,
    ) -> impl Iterator<Item = (&'a RelationName, &'a IndexFacts)> + use<'a> {
        let table = self.resolve(table);
        self.indexes.iter().filter(move |(_, index)| index.table == table)
    }
}

impl RelationFacts {
    /// The facts of a table without anything, to build others from.
    pub fn empty_table() -> Self {
        Self {
            kind: RelationKind::Table,
            bytes: 0,
            rows_estimate: None,
            primary_key: Vec::new(),
            columns: Vec::new(),
            constraints: Vec::new(),
            partition_of: None,
            descendants: Vec::new(),
            referenced_by: Vec::new(),
        }
    }

    /// A column.
    pub fn column(&self, name: &Name) -> Option<&ColumnFacts> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// A constraint.
    pub fn constraint(&self, name: &Name) -> Option<&ConstraintFacts> {
        self.constraints.iter().find(|constraint| constraint.name == *name)
    }
}
