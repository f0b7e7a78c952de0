//! Objects other than tables: their kinds, and what makes views, types, triggers and policies.

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use super::column::TypeText;

/// Kinds of objects that are no tables and whose changes we tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// Enum, composite, range or base type.
    Type,
    /// Domain.
    Domain,
    /// Sequence.
    Sequence,
    /// View.
    View,
    /// Materialized view: creating one with data runs its query.
    MaterializedView,
    /// Function, procedure or aggregate.
    Routine,
    /// Namespace.
    Schema,
    /// Extension.
    Extension,
    /// Role.
    Role,
    /// Anything else that touches no table.
    Other,
}

/// What `CREATE VIEW` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateView {
    /// The new view.
    pub view: RelationName,
    /// Its rows are stored.
    pub materialized: bool,
    /// `OR REPLACE`.
    pub replace: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Filled at once: always for a view, and for a materialized one unless `WITH NO DATA`.
    pub with_data: bool,
    /// The relations that it reads.
    pub reads: Vec<RelationName>,
    /// The columns that it names, of whichever of them; `None` for all columns of all of them (`*`).
    pub columns: Option<Vec<Name>>,
    /// It has no sub-select and no `WITH`: whatever column it names is one of these relations'.
    pub flat: bool,
    /// The columns that it has, where the text names each of them.
    pub outputs: Option<Vec<Name>>,
}

/// What kind of type something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// Its values in their order.
    Enum {
        /// The values.
        values: Vec<String>,
    },
    /// Another type with conditions.
    Domain {
        /// The type that it is made of.
        base: TypeText,
        /// It refuses some values, NULL among them.
        constrained: bool,
    },
    /// A row.
    Composite,
    /// A range.
    Range,
    /// A base type.
    Base,
}

/// Where a new value of an enum goes; without one, to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnumPlace {
    /// `BEFORE` that value.
    Before(String),
    /// `AFTER` that value.
    After(String),
}

/// What `CREATE TRIGGER` asks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateTrigger {
    /// The table.
    pub table: RelationName,
    /// The trigger.
    pub trigger: Name,
    /// The function that it calls.
    pub function: RelationName,
    /// `FROM`: the other table of a constraint trigger.
    pub from: Option<RelationName>,
    /// `OR REPLACE`.
    pub replace: bool,
    /// `FOR EACH ROW`: partitions get it too.
    pub each_row: bool,
    /// The columns of `UPDATE OF` and those that `WHEN` reads: none of them can be dropped or change its type.
    pub reads: Vec<Name>,
}

/// What happens to a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyChange {
    /// `CREATE POLICY`.
    Create {
        /// The columns that its conditions read.
        reads: Vec<Name>,
        /// The other relations that they ask.
        asks: Vec<RelationName>,
    },
    /// `ALTER POLICY`, a new name too.
    Alter,
    /// `DROP POLICY`.
    Drop,
}
