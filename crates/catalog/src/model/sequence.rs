//! Sequences.

use serde::Serialize;

use super::{About, Persistence, TypeRef};
use crate::{Name, RelationName};

/// A sequence that is not behind an identity column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sequence {
    /// What it counts.
    #[serde(flatten)]
    pub options: SequenceOptions,
    /// Whether it survives a crash (PostgreSQL 15 has unlogged sequences).
    pub persistence: Persistence,
    /// The column that it is dropped with: `OWNED BY`, which `serial` sets.
    #[serde(serialize_with = "owner")]
    pub owned_by: Option<(RelationName, Name)>,
    /// Owner, privileges, comment.
    #[serde(flatten)]
    pub about: About,
}

/// What a sequence counts. All are said, whether they are the usual ones or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SequenceOptions {
    /// `smallint`, `integer` or `bigint`.
    #[serde(rename = "type")]
    pub type_ref: TypeRef,
    /// The first value.
    pub start: i64,
    /// The step.
    pub increment: i64,
    /// The least value.
    pub min: i64,
    /// The greatest value.
    pub max: i64,
    /// How many values a session takes at once.
    pub cache: i64,
    /// It begins again at its end.
    pub cycle: bool,
}

fn owner<S: serde::Serializer>(
    owner: &Option<(RelationName, Name)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let column =
        owner.as_ref().map(|(table, column)| format!("{}.{}", super::shown(table), super::quoted(column)));
    column.serialize(serializer)
}
