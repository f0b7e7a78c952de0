//! SQL that may be executed. It comes from a user's file, unchanged, or is composed of parts that
//! know how to print themselves ([`sql!`](crate::sql)); a plain string cannot become part of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{LockMode, Name, RelationName};

/// The text of one statement, or of several separated by semicolons.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sql(String);

impl Sql {
    /// Text that somebody wrote to be executed as it is: a migration file or a part of one, or
    /// text that the server deparsed for us (`pg_get_expr` and its kin).
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What the server receives.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What may stand in a hole of [`sql!`](crate::sql).
pub trait SqlPart {
    /// The part as SQL text.
    fn part(&self) -> String;
}

macro_rules! printed_as_sql {
    ($($part:ty),*) => {$(
        impl SqlPart for $part {
            fn part(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
printed_as_sql!(Name, RelationName, Sql, LockMode, Literal<'_>, i16, i32, i64, u16, u32, u64, usize);

impl<T: SqlPart + ?Sized> SqlPart for &T {
    fn part(&self) -> String {
        (**self).part()
    }
}

/// Parts separated by commas.
impl<T: SqlPart> SqlPart for [T] {
    fn part(&self) -> String {
        self.iter().map(SqlPart::part).collect::<Vec<_>>().join(", ")
    }
}

impl<T: SqlPart> SqlPart for Vec<T> {
    fn part(&self) -> String {
        self.as_slice().part()
    }
}

/// A string constant. Backslashes stay what they are: the sessions that execute our SQL run with
/// `standard_conforming_strings = on`.
#[derive(Debug)]
pub struct Literal<'a>(pub &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

/// Composes [`Sql`] from a template and parts: `sql!("LOCK TABLE {} IN {} MODE", table, mode)`.
#[macro_export]
macro_rules! sql {
    ($template:literal $(, $part:expr)* $(,)?) => {
        $crate::Sql::verbatim(format!($template $(, $crate::SqlPart::part(&$part))*))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_is_composed_of_parts_that_quote_themselves() {
        let tables = vec![RelationName::bare("Order"), RelationName::qualified("s", "t\"x")];
        let made = sql!("LOCK TABLE {} IN {} MODE", tables, LockMode::ShareUpdateExclusive);
        assert_eq!(made.as_str(), "LOCK TABLE \"Order\", \"s\".\"t\"\"x\" IN SHARE UPDATE EXCLUSIVE MODE");
        assert_eq!(sql!("SELECT {}", Literal("it's")).as_str(), "SELECT 'it''s'");
    }
}
