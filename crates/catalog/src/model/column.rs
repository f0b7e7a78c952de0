//! A column of a table or a view.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{About, SequenceOptions, TypeRef, as_shown, as_shown_option};
use crate::RelationName;

/// A column. Its place among the others is its place in the map that holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its type.
    #[serde(rename = "type")]
    pub type_ref: TypeRef,
    /// Its collation, when it is not that of the type.
    #[serde(serialize_with = "as_shown_option")]
    pub collation: Option<RelationName>,
    /// NULL is refused, by whatever constraint.
    pub not_null: bool,
    /// The default, as the server deparses it.
    pub default: Option<String>,
    /// `GENERATED … AS IDENTITY`.
    pub identity: Option<Identity>,
    /// `GENERATED ALWAYS AS (…)`.
    pub generated: Option<Generated>,
    /// How long values are stored, when it is not as the type says.
    pub storage: Option<Storage>,
    /// `pglz` or `lz4`, when it was said.
    pub compression: Option<&'static str>,
    /// `SET STATISTICS`.
    pub statistics_target: Option<i16>,
    /// `SET (n_distinct = …)`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// From how many parents it is inherited.
    #[serde(skip_serializing_if = "super::table::is_zero")]
    pub inherited_from: u32,
    /// It is inherited, and was declared in the table itself as well.
    pub declared_too: bool,
    /// Privileges and comment.
    #[serde(flatten)]
    pub about: About,
}

impl Column {
    /// A column that has a type and nothing else.
    pub fn of(type_ref: TypeRef) -> Self {
        Self {
            type_ref,
            collation: None,
            not_null: false,
            default: None,
            identity: None,
            generated: None,
            storage: None,
            compression: None,
            statistics_target: None,
            options: BTreeMap::new(),
            inherited_from: 0,
            declared_too: false,
            about: About::default(),
        }
    }
}

/// An identity and the sequence behind it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Identity {
    /// When it gives the value.
    pub generated: IdentityKind,
    /// The sequence that PostgreSQL made for it.
    #[serde(serialize_with = "as_shown")]
    pub sequence: RelationName,
    /// What the sequence counts.
    #[serde(flatten)]
    pub options: SequenceOptions,
    /// The sequence's privileges and comment; its owner is the table's.
    #[serde(flatten)]
    pub about: About,
}

/// When an identity gives the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// Always; a client that gives one is refused.
    Always,
    /// When the client gives none.
    ByDefault,
}

/// A value that is computed from the other columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Generated {
    /// The expression, as the server deparses it.
    pub expression: String,
    /// Computed when the row is written and stored; otherwise computed when it is read (PostgreSQL 18).
    pub stored: bool,
}

/// `ALTER COLUMN … SET STORAGE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// In the row, as it is.
    Plain,
    /// Out of the row when long, as it is.
    External,
    /// In the row, compressed when long.
    Main,
    /// Compressed, then out of the row.
    Extended,
}
