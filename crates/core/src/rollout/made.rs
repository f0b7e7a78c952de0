//! What the phases of a rollout have made, and what of it is not as they made it any more.
//!
//! Between its phases a rollout counts on what the earlier ones have put there: a column that refuses NULL, a key, a
//! trigger that fires. A hand that changes one of them meanwhile changes what the contract leaves behind, and mostly
//! what the two releases may write. So as long as a rollout is on its way, all of it has to stand. Only what a file
//! says outright is looked for; what a `DO` block does depends on what it finds.

mod making;
#[cfg(test)]
mod tests;

use std::fmt;

use underpin_catalog::{Name, RelationName};

use self::making::Making;
pub use self::making::{Act, names_made};
use super::history::PhaseFile;

/// Something that a phase has made, and how it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What.
    pub what: Thing,
    /// The phase that made it so; `None` when a later one counts on it without having made it.
    pub by: Option<String>,
}

/// An object, and what of it a file decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A table or a view is there.
    Relation(RelationName),
    /// A type is there.
    Type(RelationName),
    /// An enum has a value.
    Value {
        /// The enum.
        of: RelationName,
        /// The value.
        value: String,
    },
    /// A column is there, with this type where the file says one.
    Column {
        /// Its table.
        table: RelationName,
        /// Its name.
        column: Name,
        /// As `to_regtype` reads it.
        data_type: Option<String>,
    },
    /// A column refuses NULL, or lets it in.
    NotNull {
        /// Its table.
        table: RelationName,
        /// Its name.
        column: Name,
        /// It refuses.
        refuses: bool,
    },
    /// A column has a default, an identity or an expression, or has none.
    Default {
        /// Its table.
        table: RelationName,
        /// Its name.
        column: Name,
        /// It has.
        has: bool,
    },
    /// A constraint is there.
    Constraint {
        /// Its table.
        table: RelationName,
        /// Its name.
        name: Name,
        /// All rows are known to satisfy it.
        validated: bool,
    },
    /// An index is there, and queries may use it.
    Index {
        /// Its name.
        name: RelationName,
        /// Its table.
        table: RelationName,
    },
    /// A trigger is there and fires.
    Trigger {
        /// Its table.
        table: RelationName,
        /// Its name.
        trigger: Name,
    },
    /// A function is there.
    Routine {
        /// Its name.
        name: RelationName,
        /// The statement that creates it, where its body stands there as it is.
        text: Option<String>,
    },
}

/// How something differs from what was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is not there.
    Gone,
    /// It is the opposite: NULL is let in, or refused; there is a default, or none.
    Turned,
    /// Its type or its body is another one.
    Another,
    /// It is there and without effect: a trigger that is switched off, an index that is not valid, a constraint that
    /// is not validated.
    Idle,
}

/// What these phases have made together and not taken away again, in a namespace where they name none.
pub fn made<'a>(phases: impl IntoIterator<Item = &'a PhaseFile>, namespace: &Name) -> Vec<Made> {
    let mut making = Making::new(namespace);
    for phase in phases {
        making.phase(&phase.folder, &phase.acts);
    }
    making.made
}

/// What this phase takes away of what keeps the two shapes equal, which therefore has to be in force until then, as
/// these phases have made it; and the rest of what they have made.
pub fn counted_on<'a>(
    file: &PhaseFile,
    before: impl IntoIterator<Item = &'a PhaseFile>,
    namespace: &Name,
) -> (Vec<Made>, Vec<Made>) {
    let triggers: Vec<Thing> = file
        .drops_triggers
        .iter()
        .map(|(table, trigger)| Thing::Trigger {
            table: qualified(table, namespace),
            trigger: trigger.clone(),
        })
        .collect();
    let (mut sync, rest): (Vec<Made>, Vec<Made>) =
        made(before, namespace).into_iter().partition(|made| triggers.contains(&made.what));
    for what in triggers {
        if !sync.iter().any(|made| made.what == what) {
            sync.push(Made { what, by: None });
        }
    }
    (sync, rest)
}

fn qualified(name: &RelationName, namespace: &Name) -> RelationName {
    let namespace = name.namespace.clone().unwrap_or_else(|| namespace.clone());
    RelationName { namespace: Some(namespace), name: name.name.clone() }
}

impl Thing {
    fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Column { .. }, Self::Column { .. })
            | (Self::NotNull { .. }, Self::NotNull { .. })
            | (Self::Default { .. }, Self::Default { .. }) => self.column() == other.column(),
            (Self::Constraint { table, name, .. }, Self::Constraint { table: its, name: other, .. }) => {
                (table, name) == (its, other)
            }
            (Self::Routine { name, .. }, Self::Routine { name: other, .. }) => name == other,
            (one, other) => one == other,
        }
    }

    /// The relation that it is or is a part of.
    fn table(&self) -> Option<&RelationName> {
        match self {
            Self::Relation(table)
            | Self::Column { table, .. }
            | Self::NotNull { table, .. }
            | Self::Default { table, .. }
            | Self::Constraint { table, .. }
            | Self::Index { table, .. }
            | Self::Trigger { table, .. } => Some(table),
            Self::Type(_) | Self::Value { .. } | Self::Routine { .. } => None,
        }
    }

    fn table_mut(&mut self) -> Option<&mut RelationName> {
        match self {
            Self::Relation(table)
            | Self::Column { table, .. }
            | Self::NotNull { table, .. }
            | Self::Default { table, .. }
            | Self::Constraint { table, .. }
            | Self::Index { table, .. }
            | Self::Trigger { table, .. } => Some(table),
            Self::Type(_) | Self::Value { .. } | Self::Routine { .. } => None,
        }
    }

    /// The column that it is or says something of.
    fn column(&self) -> Option<(&RelationName, &Name)> {
        match self {
            Self::Column { table, column, .. }
            | Self::NotNull { table, column, .. }
            | Self::Default { table, column, .. } => Some((table, column)),
            _ => None,
        }
    }
}

/// For people: `trigger t on User`.
impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &RelationName| name.name.as_str().to_owned();
        match self {
            Self::Relation(own) => write!(f, "{}", name(own)),
            Self::Type(own) => write!(f, "type {}", name(own)),
            Self::Value { of, value } => write!(f, "value {value} of {}", name(of)),
            Self::Column { table, column, .. }
            | Self::NotNull { table, column, .. }
            | Self::Default { table, column, .. } => write!(f, "{}.{}", name(table), column.as_str()),
            Self::Constraint { table, name: own, .. } => {
                write!(f, "constraint {} on {}", own.as_str(), name(table))
            }
            Self::Index { name: own, .. } => write!(f, "index {}", name(own)),
            Self::Trigger { table, trigger } => write!(f, "trigger {} on {}", trigger.as_str(), name(table)),
            Self::Routine { name: own, .. } => write!(f, "function {}", name(own)),
        }
    }
}

impl Made {
    /// What is not as it was made, and how to put it right, in a sentence.
    pub fn sentence(&self, difference: Difference) -> String {
        let is = match (&self.what, difference) {
            (_, Difference::Gone) => "is not there",
            (Thing::NotNull { refuses: true, .. }, _) => "lets NULL in",
            (Thing::NotNull { refuses: false, .. }, _) => "refuses NULL",
            (Thing::Default { has: true, .. }, _) => "has no default",
            (Thing::Default { has: false, .. }, _) => "has a default",
            (Thing::Column { .. }, _) => "has another type",
            (Thing::Routine { .. }, _) => "has another body",
            (Thing::Trigger { .. }, _) => "is switched off",
            (Thing::Index { .. }, _) => "is not valid",
            (Thing::Constraint { .. }, _) => "is not validated",
            (Thing::Relation(_) | Thing::Type(_) | Thing::Value { .. }, _) => "is another one",
        };
        let right = match (self.remedy(difference), &self.by) {
            (Some(statement), _) => format!("; to put it right: {statement}"),
            (None, Some(by)) => format!("; to put it right, as {by}/migration.sql has it"),
            (None, None) => String::new(),
        };
        format!("{} {is}{right}", self.what)
    }

    /// The statement that makes it so again, where one does that tells all.
    fn remedy(&self, difference: Difference) -> Option<String> {
        let bare = |table: &RelationName| table.to_string();
        Some(match (&self.what, difference) {
            (_, Difference::Gone | Difference::Another) => return None,
            (Thing::NotNull { table, column, refuses }, _) => {
                let verb = if *refuses { "SET" } else { "DROP" };
                format!("ALTER TABLE {} ALTER COLUMN {column} {verb} NOT NULL", bare(table))
            }
            (Thing::Default { table, column, has: false }, _) => {
                format!("ALTER TABLE {} ALTER COLUMN {column} DROP DEFAULT", bare(table))
            }
            (Thing::Trigger { table, trigger }, _) => {
                format!("ALTER TABLE {} ENABLE TRIGGER {trigger}", bare(table))
            }
            (Thing::Index { name, .. }, _) => format!("REINDEX INDEX CONCURRENTLY {}", bare(name)),
            (Thing::Constraint { table, name, .. }, _) => {
                format!("ALTER TABLE {} VALIDATE CONSTRAINT {name}", bare(table))
            }
            _ => return None,
        })
    }
}
