//! Constraints of tables and domains.

use serde::Serialize;

use super::{About, as_shown};
use crate::{Name, RelationName};

/// A constraint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Constraint {
    /// What it demands.
    #[serde(flatten)]
    pub kind: ConstraintKind,
    /// When it is checked.
    pub deferral: Deferral,
    /// Of which rows it is known to hold.
    pub enforcement: Enforcement,
    /// It is not passed on to inheriting tables.
    pub no_inherit: bool,
    /// From how many parents it is inherited.
    #[serde(skip_serializing_if = "super::table::is_zero")]
    pub inherited_from: u32,
    /// It is inherited, and was declared in the table itself as well.
    pub declared_too: bool,
    /// Of a foreign key whose internal triggers do not fire as usual: the function of each and its
    /// state, `RI_FKey_check_ins: disabled`. Then rows may break it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub switched: Vec<String>,
    /// Its comment.
    #[serde(flatten)]
    pub about: About,
}

impl Constraint {
    /// A constraint that is checked at once and holds of all rows.
    pub fn of(kind: ConstraintKind) -> Self {
        Self {
            kind,
            deferral: Deferral::NotDeferrable,
            enforcement: Enforcement::Valid,
            no_inherit: false,
            inherited_from: 0,
            declared_too: false,
            switched: Vec::new(),
            about: About::default(),
        }
    }
}

/// What a constraint demands. Columns are in the constraint's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "demands", rename_all = "snake_case")]
pub enum ConstraintKind {
    /// `PRIMARY KEY`.
    PrimaryKey {
        /// Its columns.
        columns: Vec<Name>,
        /// The last column holds ranges that must not overlap (PostgreSQL 18).
        without_overlaps: bool,
        /// The index that enforces it, of the same table.
        index: Name,
    },
    /// `UNIQUE`.
    Unique {
        /// Its columns.
        columns: Vec<Name>,
        /// The last column holds ranges that must not overlap (PostgreSQL 18).
        without_overlaps: bool,
        /// The index that enforces it, of the same table. Whether NULLs are distinct is told there.
        index: Name,
    },
    /// `FOREIGN KEY`.
    ForeignKey(ForeignKey),
    /// `CHECK`, of a table or a domain.
    Check {
        /// What must not be false, as the server deparses it.
        expression: String,
    },
    /// `EXCLUDE`.
    Exclusion {
        /// The operator of each key with the types that it takes, `&&(anyrange,anyrange)`. The keys
        /// themselves are the index's.
        operators: Vec<String>,
        /// The index that enforces it, of the same table.
        index: Name,
    },
    /// `NOT NULL` as a constraint of a name (PostgreSQL 18; of domains 17).
    NotNull {
        /// Its column; `None` of a domain.
        column: Option<Name>,
    },
    /// A constraint trigger; the trigger of the same name says the rest.
    Trigger,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignKey {
    /// The columns that reference.
    pub columns: Vec<Name>,
    /// The table that is referenced.
    #[serde(serialize_with = "as_shown")]
    pub referenced: RelationName,
    /// The columns there, one for each of `columns`.
    pub referenced_columns: Vec<Name>,
    /// What partly NULL keys mean.
    #[serde(rename = "match")]
    pub match_kind: MatchKind,
    /// What happens to the rows when a referenced key changes.
    pub on_update: ReferentialAction,
    /// What happens to the rows when a referenced row is deleted.
    pub on_delete: ReferentialAction,
    /// `ON DELETE SET NULL (…)`: these columns alone (PostgreSQL 15); empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on_delete_columns: Vec<Name>,
    /// The last column is a `PERIOD` (PostgreSQL 18).
    pub period: bool,
}

/// `MATCH`. `PARTIAL` was never implemented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// A key with any NULL references nothing.
    #[default]
    Simple,
    /// A key is NULL in all columns or in none.
    Full,
}

/// What happens to referencing rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferentialAction {
    /// The statement is refused when it or the transaction ends.
    #[default]
    NoAction,
    /// The statement is refused.
    Restrict,
    /// They change or go too.
    Cascade,
    /// Their columns become NULL.
    SetNull,
    /// Their columns become their defaults.
    SetDefault,
}

/// When a constraint is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Deferral {
    /// With each statement.
    #[default]
    NotDeferrable,
    /// With each statement, unless a transaction defers it.
    InitiallyImmediate,
    /// When the transaction ends, unless it asks for more.
    InitiallyDeferred,
}

/// Of which rows a constraint is known to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// Of all.
    #[default]
    Valid,
    /// Of those that were written since; nobody looked at the others.
    NotValid,
    /// Of none: it is a note (`NOT ENFORCED`, PostgreSQL 18).
    NotEnforced,
}
