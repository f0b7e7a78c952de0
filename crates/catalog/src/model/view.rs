//! Views and materialized views.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Serialize;

use super::{About, Column, Index, Rule, Trigger};
use crate::Name;

/// A view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// Whether it keeps its rows.
    #[serde(flatten)]
    pub kind: ViewKind,
    /// The query, as the server deparses it. A column that was renamed has its name there.
    pub definition: String,
    /// Its columns in their order.
    #[serde(skip)]
    pub columns: IndexMap<Name, Column>,
    /// Of a materialized view: its indexes.
    #[serde(skip)]
    pub indexes: IndexMap<Name, Index>,
    /// Of a view: its `INSTEAD OF` triggers.
    #[serde(skip)]
    pub triggers: IndexMap<Name, Trigger>,
    /// Its rules, without the one that makes it a view.
    #[serde(skip)]
    pub rules: IndexMap<Name, Rule>,
    /// `WITH (…)`: `security_barrier`, `security_invoker` (PostgreSQL 15), `check_option`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Owner, privileges, comment.
    #[serde(flatten)]
    pub about: About,
}

impl View {
    /// A view without a query or columns yet.
    pub fn of(kind: ViewKind) -> Self {
        Self {
            kind,
            definition: String::new(),
            columns: IndexMap::new(),
            indexes: IndexMap::new(),
            triggers: IndexMap::new(),
            rules: IndexMap::new(),
            options: BTreeMap::new(),
            about: About::default(),
        }
    }
}

/// Whether a view keeps its rows; as facts, they are two kinds of objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ViewKind {
    /// It does not.
    Plain,
    /// It does.
    Materialized {
        /// It can be read: it was not made `WITH NO DATA`, or was refreshed since.
        populated: bool,
        /// How its rows are stored.
        access_method: Option<Name>,
        /// The tablespace, when it is not the database's.
        tablespace: Option<Name>,
    },
}
