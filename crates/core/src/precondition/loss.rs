//! Type changes that values do not survive whole, and for which values that is so.

use underpin_sql::ColumnFacts;
use underpin_sql::effect::Using;
use underpin_sql::failure::Culprits;

use crate::lint::cast_loss;

/// What is lost, and the rows in which it is: there and back, a value is another one.
pub(super) fn of(from: &ColumnFacts, to: &str, using: Using) -> Option<(&'static str, Culprits)> {
    if using == Using::Expression {
        return None;
    }
    let loss = cast_loss(from, to, using)?;
    let (column, before) = (&from.name, &from.type_sql);
    let condition = match to {
        // No cast leads back; and what is equal as JSON may be another text.
        "time without time zone" | "time with time zone" => format!("{column} IS NOT NULL"),
        "jsonb" => format!("{column}::text IS DISTINCT FROM {column}::jsonb::text"),
        _ => format!("{column} IS DISTINCT FROM ({column}::{to})::{before}"),
    };
    Some((loss, Culprits::Where(condition)))
}
