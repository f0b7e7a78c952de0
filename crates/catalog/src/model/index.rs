//! Indexes, part by part.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{About, as_shown, as_shown_option};
use crate::{Name, RelationName};

/// An index of a table or a materialized view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Index {
    /// `btree`, `gin` …
    pub method: Name,
    /// Two equal keys are refused.
    pub unique: bool,
    /// NULLs count as equal (PostgreSQL 15).
    pub nulls_not_distinct: bool,
    /// Equal keys are refused at the end of the statement or later: the index of a deferrable constraint.
    pub deferred: bool,
    /// What it is ordered by.
    pub keys: Vec<IndexKey>,
    /// `INCLUDE`: columns that are only kept in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included: Vec<Name>,
    /// `WHERE`, as the server deparses it.
    pub predicate: Option<String>,
    /// Whether queries use it.
    pub state: IndexState,
    /// `CLUSTER` follows it.
    pub clustered: bool,
    /// The constraint that it enforces, of the same table.
    pub constraint: Option<Name>,
    /// The index of the partitioned parent that it is a part of.
    #[serde(serialize_with = "as_shown_option")]
    pub part_of: Option<RelationName>,
    /// `WITH (…)`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// The tablespace, when it is not the database's.
    pub tablespace: Option<Name>,
    /// Its comment.
    #[serde(flatten)]
    pub about: About,
}

/// One key of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexKey {
    /// What is indexed.
    #[serde(flatten)]
    pub part: KeyPart,
    /// How it is compared.
    #[serde(serialize_with = "as_shown")]
    pub operator_class: RelationName,
    /// It is the operator class that its type has unless another is asked for.
    #[serde(skip)]
    pub operator_class_is_default: bool,
    /// What the operator class is told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operator_class_options: BTreeMap<String, String>,
    /// Its collation, when it is not that of the column or the expression's type.
    #[serde(serialize_with = "as_shown_option")]
    pub collation: Option<RelationName>,
    /// Of methods that have an order.
    pub order: SortOrder,
    /// `ALTER INDEX … SET STATISTICS`; of expressions alone.
    pub statistics_target: Option<i16>,
}

impl IndexKey {
    /// A column in the usual order of its type.
    pub fn column(name: Name, operator_class: RelationName) -> Self {
        Self {
            part: KeyPart::Column(name),
            operator_class,
            operator_class_is_default: true,
            operator_class_options: BTreeMap::new(),
            collation: None,
            order: SortOrder::default(),
            statistics_target: None,
        }
    }
}

/// What a key of an index is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPart {
    /// A column of the table.
    Column(Name),
    /// An expression, as the server deparses it.
    Expression(String),
}

/// The order of a key. NULLs are first when it is descending, unless it is said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SortOrder {
    /// Ascending, NULLs last.
    #[default]
    Ascending,
    /// Ascending, NULLs first.
    AscendingNullsFirst,
    /// Descending, NULLs first.
    Descending,
    /// Descending, NULLs last.
    DescendingNullsLast,
}

/// Whether queries may use an index, and writes keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexState {
    /// It is whole.
    #[default]
    Valid,
    /// Writes keep it, queries do not use it: a concurrent build that failed late, or an index of a
    /// partitioned table that lacks some partitions.
    Invalid,
    /// Writes do not keep it yet: a concurrent build that failed early.
    NotReady,
    /// A concurrent drop began and did not end.
    Dropping,
}
