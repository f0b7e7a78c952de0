//! Types that somebody made: enums, domains, composites, ranges.

use indexmap::IndexMap;
use serde::Serialize;

use super::{About, Constraint, TypeRef, as_shown_option};
use crate::{Name, RelationName};

/// A type. That of a table's rows is no object of its own, nor is the array of a type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Type {
    /// What it is.
    #[serde(flatten)]
    pub kind: TypeKind,
    /// Owner, privileges, comment.
    #[serde(flatten)]
    pub about: About,
}

/// What a type is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum TypeKind {
    /// `CREATE TYPE … AS ENUM`.
    Enum {
        /// Its labels in their order.
        labels: Vec<String>,
    },
    /// `CREATE DOMAIN`.
    Domain {
        /// The type that it narrows.
        base: TypeRef,
        /// Its collation, when it is not that of the type.
        #[serde(serialize_with = "as_shown_option")]
        collation: Option<RelationName>,
        /// NULL is refused.
        not_null: bool,
        /// The default, as the server deparses it.
        default: Option<String>,
        /// Its constraints.
        #[serde(skip)]
        constraints: IndexMap<Name, Constraint>,
    },
    /// `CREATE TYPE … AS (…)`.
    Composite {
        /// Its attributes in their order, which values depend on.
        attributes: Vec<CompositeAttribute>,
    },
    /// `CREATE TYPE … AS RANGE`.
    Range(RangeType),
}

/// An attribute of a composite type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CompositeAttribute {
    /// Its name.
    pub name: Name,
    /// Its type.
    #[serde(rename = "type")]
    pub type_ref: TypeRef,
    /// Its collation, when it is not that of the type.
    #[serde(serialize_with = "as_shown_option")]
    pub collation: Option<RelationName>,
    /// Its comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A range and its multirange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RangeType {
    /// What its bounds are.
    pub subtype: TypeRef,
    /// How bounds are compared.
    #[serde(serialize_with = "as_shown_option")]
    pub operator_class: Option<RelationName>,
    /// Their collation, when it is not that of the type.
    #[serde(serialize_with = "as_shown_option")]
    pub collation: Option<RelationName>,
    /// The function that brings equal ranges to one form.
    pub canonical: Option<String>,
    /// The function that tells how far two bounds are apart.
    pub difference: Option<String>,
    /// The type of sets of such ranges (PostgreSQL 14).
    #[serde(serialize_with = "as_shown_option")]
    pub multirange: Option<RelationName>,
}
