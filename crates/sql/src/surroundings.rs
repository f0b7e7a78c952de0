//! What the live database is like around the statements: the facts that the planner asks for.
//!
//! The engine looks them up ([`crate::mentioned`] says which) before a file is planned. All keys are
//! qualified names; [`Surroundings::resolve`] says what a bare name means.

mod indexes;
mod relations;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use underpin_catalog::{Name, RelationName, ServerVersion};

use crate::bounds::Comparison;
use crate::effect::{Deferral, OnDelete, Persistence, RoutineBody, TypeKind, Volatility};

pub use indexes::Indexes;
pub use relations::Relations;

/// The namespace of the session's temporary relations, whatever its name is: it is looked in first.
pub(crate) const TEMPORARY: &str = "pg_temp";

/// Facts about the database that a file will run on.
#[derive(Clone, Debug, Serialize)]
pub struct Surroundings {
    /// The server.
    pub version: ServerVersion,
    /// The namespaces that a bare name is looked for in, `pg_catalog` left out. New objects go to
    /// the first.
    pub search_path: Vec<Name>,
    /// The session's time zone, where somebody looked it up or a file set it.
    pub time_zone: Option<String>,
    /// Tables, views and sequences.
    pub relations: Relations,
    /// Indexes, those of the tables above included.
    pub indexes: Indexes,
    /// Types that are not built in.
    pub types: BTreeMap<RelationName, TypeFacts>,
    /// Functions that are not built in, all of one name together.
    pub routines: BTreeMap<RelationName, RoutineFacts>,
    /// What is absent does not exist. Otherwise nobody knows.
    pub complete: bool,
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
    /// How long its rows live.
    pub persistence: Persistence,
    /// The size of its main fork; for a partitioned table the sum over all partitions. `None` when
    /// nobody looked.
    pub bytes: Option<u64>,
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
    /// Of a partitioned table: the columns by which its rows are divided.
    pub partition_key: Vec<Name>,
    /// How its rows are stored, where that is known: `heap` where a history made it without saying.
    pub access_method: Option<Name>,
    /// Of a partitioned table: the partition of the rows that no other takes.
    pub default_partition: Option<RelationName>,
    /// Tables that it inherits from, without being their partition.
    pub inherits: Vec<RelationName>,
    /// All partitions at any depth, and all tables that inherit from it.
    pub descendants: Vec<RelationName>,
    /// Tables with a foreign key to this one.
    pub referenced_by: Vec<RelationName>,
    /// Of a sequence: the column whose values it makes.
    pub owned_by: Option<(RelationName, Name)>,
    /// Of a view: what it reads.
    pub reads: Vec<ReadFacts>,
    /// Its triggers, and the columns that each of them names.
    pub triggers: BTreeMap<Name, Vec<Name>>,
    /// The functions that its triggers call, by trigger.
    pub trigger_functions: BTreeMap<Name, RelationName>,
    /// Its policies, and the columns that each of them reads.
    pub policies: BTreeMap<Name, Vec<Name>>,
    /// Row security is on.
    pub row_security: bool,
    /// Columns by which publications pick its rows.
    pub published: Vec<Name>,
    /// Every column, constraint, trigger and policy that it has is here. Not so where a history takes columns
    /// from a query or another table.
    pub whole: bool,
}

/// A relation that a view reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadFacts {
    /// The relation.
    pub relation: RelationName,
    /// The columns of it.
    pub columns: Vec<Name>,
    /// These and no others: the server said so, or the text leaves no doubt.
    pub exact: bool,
}

/// A column as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnFacts {
    /// Its name.
    pub name: Name,
    /// As `format_type` prints it.
    pub type_sql: String,
    /// Its type, without array brackets, when it is not built in.
    pub type_name: Option<RelationName>,
    /// NULL is refused.
    pub not_null: bool,
    /// It has a default, an identity or a generation expression.
    pub has_default: bool,
    /// Where its values come from.
    pub values: ColumnValues,
}

/// Where the values of a column come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnValues {
    /// From clients, or its default.
    #[default]
    Given,
    /// `GENERATED … AS IDENTITY`.
    Identity,
    /// Computed from these columns and stored.
    Stored(Vec<Name>),
    /// Computed from these columns when it is read (PostgreSQL 18).
    Virtual(Vec<Name>),
}

/// A constraint as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConstraintFacts {
    /// Its name.
    pub name: Name,
    /// What it demands.
    pub kind: ConstraintFactsKind,
    /// Its columns, in its order; of a check those that it reads.
    pub columns: Vec<Name>,
    /// The table that a foreign key references.
    pub referenced: Option<RelationName>,
    /// The columns that it references there; empty for its primary key.
    pub referenced_columns: Vec<Name>,
    /// Of a foreign key: what happens to its rows when a referenced one is deleted. `None` when nobody looked.
    pub on_delete: Option<OnDelete>,
    /// Of a check: columns in which it lets no NULL pass.
    pub proves_not_null: Vec<Name>,
    /// Of a check: what it demands of columns by comparing them with constants.
    pub compares: Vec<Comparison>,
    /// Every row is known to satisfy it.
    pub validated: bool,
    /// It is checked at all (PostgreSQL 18 has `NOT ENFORCED`).
    pub enforced: bool,
    /// When it is checked.
    pub deferral: Deferral,
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
    /// Every column that it reads, in its keys, expressions and condition.
    pub reads: Vec<Name>,
    /// It has a `WHERE`.
    pub partial: bool,
    /// Queries may use it: no failed concurrent build.
    pub valid: bool,
    /// It is the parent of indexes on partitions.
    pub partitioned: bool,
    /// The index on the parent of its table that it belongs to.
    pub part_of: Option<RelationName>,
}

/// A type as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeFacts {
    /// What it is, where somebody looked.
    pub kind: Option<TypeKind>,
    /// It is a domain that refuses some values.
    pub constrained_domain: bool,
    /// Tables with a column of this type, or of an array or domain of it.
    pub used_by: Vec<RelationName>,
}

/// The functions of one name. They differ in their arguments, which a call does not tell us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoutineFacts {
    /// Of the most volatile of them.
    pub volatility: Volatility,
    /// What their bodies name, as written there: the names are looked for at each call.
    pub body: RoutineBody,
    /// Tables whose triggers call it, with their rows as `NEW` and `OLD`.
    pub trigger_of: Vec<RelationName>,
}

impl Surroundings {
    /// A database without anything.
    pub fn empty(version: ServerVersion, namespace: Name) -> Self {
        Self {
            version,
            search_path: vec![namespace],
            time_zone: None,
            relations: Relations::default(),
            indexes: Indexes::default(),
            types: BTreeMap::new(),
            routines: BTreeMap::new(),
            complete: true,
        }
    }

    /// The relation or index that `name` means: the first namespace of the path that has one, or the
    /// one where it would be created.
    pub fn resolve(&self, name: &RelationName) -> RelationName {
        if name.namespace.is_some() {
            return name.clone();
        }
        let temporary = temporary_in(&self.relations).or_else(|| temporary_in(&self.indexes));
        self.resolve_in(name, temporary, |qualified| {
            self.relations.contains_key(qualified) || self.indexes.contains_key(qualified)
        })
    }

    /// The type that `name` means.
    pub fn resolve_type(&self, name: &RelationName) -> RelationName {
        self.resolve_in(name, temporary_in(&self.types), |qualified| self.types.contains_key(qualified))
    }

    /// The volatility of the function that `name` means, unless it is PostgreSQL's own or unknown.
    pub fn volatility(&self, name: &RelationName) -> Option<Volatility> {
        self.routines.get(&self.resolve_routine(name)).map(|facts| facts.volatility)
    }

    /// The function that `name` means.
    pub(crate) fn resolve_routine(&self, name: &RelationName) -> RelationName {
        self.resolve_in(name, temporary_in(&self.routines), |qualified| self.routines.contains_key(qualified))
    }

    /// `temporary` is the namespace of the session's own objects, while there are any.
    fn resolve_in(
        &self,
        name: &RelationName,
        temporary: Option<&Name>,
        exists: impl Fn(&RelationName) -> bool,
    ) -> RelationName {
        if name.namespace.is_some() {
            return name.clone();
        }
        let within =
            |namespace: &Name| RelationName { namespace: Some(namespace.clone()), name: name.name.clone() };
        if let Some(namespace) = temporary {
            let temporary = within(namespace);
            if exists(&temporary) {
                return temporary;
            }
        }
        let candidates = self.search_path.iter().map(within);
        candidates
            .clone()
            .find(|candidate| exists(candidate))
            .or_else(|| candidates.clone().next())
            .unwrap_or_else(|| name.clone())
    }

    /// The facts of the relation that `name` means.
    pub fn relation(&self, name: &RelationName) -> Option<&RelationFacts> {
        match &name.namespace {
            Some(_) => self.relations.get(name),
            None => self.relations.get(&self.resolve(name)),
        }
    }

    /// The facts of the index that `name` means.
    pub fn index(&self, name: &RelationName) -> Option<&IndexFacts> {
        match &name.namespace {
            Some(_) => self.indexes.get(name),
            None => self.indexes.get(&self.resolve(name)),
        }
    }

    /// The facts of the type that `name` means.
    pub fn type_facts(&self, name: &RelationName) -> Option<&TypeFacts> {
        self.types.get(&self.resolve_type(name))
    }

    /// The functions whose bodies name the relation and, when one is asked for, its column. PostgreSQL does
    /// not know of most of these, and breaks them without a word.
    pub fn routines_naming<'a>(
        &'a self,
        relation: &RelationName,
        column: Option<&Name>,
    ) -> impl Iterator<Item = (&'a RelationName, &'a RoutineFacts)> + use<'a> {
        let relation = self.resolve(relation);
        let column = column.cloned();
        self.routines.iter().filter(move |(_, facts)| {
            let said = facts.body.reads.iter().any(|read| {
                read.relations.iter().any(|name| self.resolve(name) == relation)
                    && column.as_ref().is_none_or(|column| read.columns.contains(column))
            });
            let of_row = column.as_ref().is_some_and(|column| facts.body.row_columns.contains(column));
            said || (of_row && facts.trigger_of.contains(&relation))
        })
    }

    /// Whether a trigger of the table speaks of the column in the row that it is called for. Then a row may get
    /// its value there, although no statement gives it one.
    pub fn trigger_names_column(&self, table: &RelationName, column: &Name) -> bool {
        let table = self.resolve(table);
        self.routines
            .values()
            .any(|facts| facts.trigger_of.contains(&table) && facts.body.row_columns.contains(column))
    }

    /// The indexes of a table.
    pub fn indexes_of<'a>(
        &'a self,
        table: &RelationName,
    ) -> impl Iterator<Item = (&'a RelationName, &'a IndexFacts)> + use<'a> {
        self.indexes.of(&self.resolve(table))
    }
}

/// The namespace of the session's own objects, where there is one among these. Few files make any, and each
/// bare name would be looked for there first.
fn temporary_in<T>(all: &BTreeMap<RelationName, T>) -> Option<&Name> {
    static FIRST: LazyLock<RelationName> = LazyLock::new(|| RelationName::qualified(TEMPORARY, ""));
    let (first, _) = all.range::<RelationName, _>(&*FIRST..).next()?;
    first.namespace.as_ref().filter(|namespace| namespace.as_str() == TEMPORARY)
}

impl RelationFacts {
    /// The facts of a table without anything, to build others from.
    pub fn empty_table() -> Self {
        Self::empty(RelationKind::Table)
    }

    /// The facts of a relation without anything, to build others from.
    pub fn empty(kind: RelationKind) -> Self {
        Self {
            kind,
            persistence: Persistence::Permanent,
            bytes: None,
            rows_estimate: None,
            primary_key: Vec::new(),
            columns: Vec::new(),
            constraints: Vec::new(),
            partition_of: None,
            partition_key: Vec::new(),
            access_method: None,
            default_partition: None,
            inherits: Vec::new(),
            descendants: Vec::new(),
            referenced_by: Vec::new(),
            owned_by: None,
            reads: Vec::new(),
            triggers: BTreeMap::new(),
            trigger_functions: BTreeMap::new(),
            policies: BTreeMap::new(),
            row_security: false,
            published: Vec::new(),
            whole: true,
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

impl TypeFacts {
    /// It is a row: PostgreSQL keeps a relation for it.
    pub(crate) fn is_composite(&self) -> bool {
        self.kind == Some(TypeKind::Composite)
    }
}

impl ColumnFacts {
    /// A column that may be NULL and has no default.
    pub fn plain(name: Name, type_sql: impl Into<String>) -> Self {
        Self {
            name,
            type_sql: type_sql.into(),
            type_name: None,
            not_null: false,
            has_default: false,
            values: ColumnValues::Given,
        }
    }
}

impl ConstraintFacts {
    /// A constraint that every row satisfies.
    pub fn plain(name: Name, kind: ConstraintFactsKind, columns: Vec<Name>) -> Self {
        Self {
            name,
            kind,
            columns,
            referenced: None,
            referenced_columns: Vec::new(),
            on_delete: None,
            proves_not_null: Vec::new(),
            compares: Vec::new(),
            validated: true,
            enforced: true,
            deferral: Deferral::Never,
        }
    }

    /// With what a check of this text, as `pg_get_expr` prints it, proves and demands.
    #[must_use]
    pub fn checking(mut self, check: &str) -> Self {
        if let Some(condition) = crate::predicate::condition(check) {
            self.proves_not_null = crate::predicate::not_null_columns(&condition);
            self.compares = crate::bounds::comparisons(&condition);
        }
        self
    }
}

impl IndexFacts {
    /// A valid index on columns, without anything else.
    pub fn plain(table: RelationName, columns: Vec<Name>) -> Self {
        Self {
            table,
            unique: false,
            primary: false,
            constraint: None,
            reads: columns.clone(),
            columns: columns.into_iter().map(Some).collect(),
            partial: false,
            valid: true,
            partitioned: false,
            part_of: None,
        }
    }

    /// It has an expression among its keys.
    pub fn has_expression(&self) -> bool {
        self.columns.iter().any(Option::is_none)
    }
}
