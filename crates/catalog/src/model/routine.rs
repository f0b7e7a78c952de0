//! Functions, procedures and aggregates.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::{About, TypeRef, shown};
use crate::{Name, RelationName};

/// What tells a routine from the others of its name: the types of the arguments that a call gives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoutineName {
    /// Its name.
    pub name: RelationName,
    /// The types of its input arguments, `INOUT` and `VARIADIC` ones included.
    pub arguments: Vec<TypeRef>,
}

impl fmt::Display for RoutineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.arguments.iter().map(TypeRef::to_string).collect();
        write!(f, "{}({})", shown(&self.name), arguments.join(", "))
    }
}

impl fmt::Debug for RoutineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for RoutineName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A routine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Routine {
    /// What it is.
    pub kind: RoutineKind,
    /// In which language it is written; an aggregate is `internal`.
    pub language: Name,
    /// What it says.
    #[serde(flatten)]
    pub body: RoutineBody,
    /// Owner, privileges, comment.
    #[serde(flatten)]
    pub about: About,
}

/// What kind of routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutineKind {
    /// It is called in an expression.
    Function,
    /// It is called over a window of rows.
    Window,
    /// It is called by `CALL`.
    Procedure,
    /// It makes one value of many.
    Aggregate,
}

/// What a routine says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutineBody {
    /// The whole `CREATE OR REPLACE` as the server deparses it: arguments, result, volatility, cost,
    /// settings and text.
    Definition(String),
    /// Of an aggregate: its result, its functions and its state, by the words of `CREATE AGGREGATE`.
    Aggregate(BTreeMap<String, String>),
}
