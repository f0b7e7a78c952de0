//! Publications.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::{About, shown};
use crate::{Name, RelationName};

/// A publication: which changes subscribers receive.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Publication {
    /// Of every table, those to come included.
    pub all_tables: bool,
    /// `insert`, `update`, `delete`, `truncate`.
    pub operations: BTreeSet<&'static str>,
    /// Changes of partitions are told as the root's.
    pub via_root: bool,
    /// What is told of generated columns, when it is not nothing (PostgreSQL 18).
    pub generated_columns: Option<&'static str>,
    /// The tables that were named.
    #[serde(serialize_with = "by_table", skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<RelationName, PublishedTable>,
    /// The namespaces of which all tables are told (PostgreSQL 15).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub namespaces: BTreeSet<Name>,
    /// Owner and comment.
    #[serde(flatten)]
    pub about: About,
}

/// A table in a publication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PublishedTable {
    /// These columns alone (PostgreSQL 15); empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Name>,
    /// The rows for which this holds (PostgreSQL 15), as the server deparses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

fn by_table<S: Serializer>(
    tables: &BTreeMap<RelationName, PublishedTable>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(tables.iter().map(|(name, table)| (shown(name), table)))
}
