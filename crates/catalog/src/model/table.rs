//! Tables of every kind, and what they own.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Serialize;

use super::{About, Column, Constraint, Index, Policy, Rule, Trigger, as_shown_list, as_shown_option};
use crate::{Name, RelationName};

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Ordinary, partitioned or foreign.
    #[serde(flatten)]
    pub kind: TableKind,
    /// How long its rows live.
    pub persistence: Persistence,
    /// Its columns in their order, dropped ones left out.
    #[serde(skip)]
    pub columns: IndexMap<Name, Column>,
    /// Its constraints; the not-null constraints among them from PostgreSQL 18 on.
    #[serde(skip)]
    pub constraints: IndexMap<Name, Constraint>,
    /// Its indexes, which live in its namespace.
    #[serde(skip)]
    pub indexes: IndexMap<Name, Index>,
    /// Its triggers, without those that PostgreSQL makes for foreign keys.
    #[serde(skip)]
    pub triggers: IndexMap<Name, Trigger>,
    /// Its rewrite rules.
    #[serde(skip)]
    pub rules: IndexMap<Name, Rule>,
    /// Its row security policies.
    #[serde(skip)]
    pub policies: IndexMap<Name, Policy>,
    /// Of a partition: the table that it is a part of.
    #[serde(serialize_with = "as_shown_option")]
    pub partition_of: Option<RelationName>,
    /// Of a partition: which rows it takes, `FOR VALUES …` or `DEFAULT`.
    pub partition_bound: Option<String>,
    /// Tables that it inherits from without being their partition, in their order.
    #[serde(serialize_with = "as_shown_list", skip_serializing_if = "Vec::is_empty")]
    pub inherits: Vec<RelationName>,
    /// The composite type that it was made of (`CREATE TABLE … OF`).
    #[serde(serialize_with = "as_shown_option")]
    pub of_type: Option<RelationName>,
    /// How its rows are stored; `None` of what stores none.
    pub access_method: Option<Name>,
    /// The tablespace, when it is not the database's.
    pub tablespace: Option<Name>,
    /// `WITH (…)`; those of its TOAST table begin with `toast.`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Row security is on.
    pub row_security: bool,
    /// Row security holds for the owner too.
    pub force_row_security: bool,
    /// What a subscriber is told of an old row.
    pub replica_identity: ReplicaIdentity,
    /// Owner, privileges, comment.
    #[serde(flatten)]
    pub about: About,
}

impl Table {
    /// An ordinary table without columns.
    pub fn ordinary() -> Self {
        Self {
            kind: TableKind::Ordinary,
            persistence: Persistence::Permanent,
            columns: IndexMap::new(),
            constraints: IndexMap::new(),
            indexes: IndexMap::new(),
            triggers: IndexMap::new(),
            rules: IndexMap::new(),
            policies: IndexMap::new(),
            partition_of: None,
            partition_bound: None,
            inherits: Vec::new(),
            of_type: None,
            access_method: Some(Name::new("heap")),
            tablespace: None,
            options: BTreeMap::new(),
            row_security: false,
            force_row_security: false,
            replica_identity: ReplicaIdentity::Default,
            about: About::default(),
        }
    }

    /// The columns of the primary key in its order; empty without one.
    pub fn primary_key(&self) -> &[Name] {
        use super::ConstraintKind::PrimaryKey;
        self.constraints
            .values()
            .find_map(|constraint| match &constraint.kind {
                PrimaryKey { columns, .. } => Some(columns.as_slice()),
                _ => None,
            })
            .unwrap_or_default()
    }
}

/// What kind of table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum TableKind {
    /// It has rows of its own. Partitions are ordinary tables too, unless they are divided again.
    Ordinary,
    /// Its rows are in its partitions.
    Partitioned {
        /// How they are divided: `RANGE (created_at)`.
        partition_key: String,
    },
    /// Its rows are somewhere else.
    Foreign {
        /// On which server.
        server: Name,
        /// What the server's wrapper is told.
        server_options: BTreeMap<String, String>,
    },
}

/// How long rows live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Persistence {
    /// As long as nobody deletes them.
    Permanent,
    /// Until the server crashes.
    Unlogged,
}

/// `REPLICA IDENTITY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentity {
    /// The primary key, where there is one.
    Default,
    /// Nothing.
    Nothing,
    /// The whole row.
    Full,
    /// The columns of this index of the table. When the index is dropped, nothing is told.
    Index(Name),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}
