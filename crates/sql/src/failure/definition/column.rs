//! Columns whose values come from somewhere, so that they cannot be given a default, an identity, or NULL.

use underpin_catalog::{Name, RelationName};

use super::refuse;
use crate::effect::{Effect, Generation};
use crate::failure::{Asked, Found};
use crate::surroundings::{ColumnValues, ConstraintFactsKind};

/// NULL in a key or an identity column.
pub(super) fn nullable(asked: &Asked<'_>, table: &RelationName, column: &Name, found: &mut Found<'_>) {
    let Some(facts) = asked.around.relation(table) else { return };
    let drops_key = asked.also(|other| match other {
        Effect::DropConstraint { constraint, .. } => {
            facts.constraint(constraint).is_some_and(|own| own.kind == ConstraintFactsKind::PrimaryKey)
        }
        _ => false,
    });
    if facts.primary_key.contains(column) && !drops_key {
        refuse(found, "42P16", table, column, "it is part of the primary key");
    } else if facts.column(column).is_some_and(|own| own.values == ColumnValues::Identity) {
        refuse(found, "42601", table, column, "it is an identity column");
    }
}

/// A default, or its end, where values are numbered or computed.
pub(super) fn default(asked: &Asked<'_>, table: &RelationName, column: &Name, found: &mut Found<'_>) {
    // An ALTER TABLE ends both before it looks at defaults.
    let ends = asked.also(|other| {
        matches!(other, Effect::ChangeGeneration { column: other, how, .. }
            if other == column && matches!(how, Generation::DropIdentity | Generation::DropExpression))
    });
    let values = asked.around.relation(table).and_then(|facts| facts.column(column)).filter(|_| !ends);
    match values.map(|own| &own.values) {
        Some(ColumnValues::Identity) => refuse(found, "42601", table, column, "it is an identity column"),
        Some(ColumnValues::Stored(_) | ColumnValues::Virtual(_)) => {
            refuse(found, "42601", table, column, "it is a generated column");
        }
        Some(ColumnValues::Given) | None => {}
    }
}

/// Identity and computation, begun where they cannot be or ended where they are not.
pub(super) fn generation(
    asked: &Asked<'_>,
    table: &RelationName,
    column: &Name,
    how: Generation,
    found: &mut Found<'_>,
) {
    let Some(facts) = asked.around.relation(table) else { return };
    let Some(own) = facts.column(column) else { return };
    let tolerant = asked.command(found.at).is_some_and(|command| command.missing_ok);
    let computed = matches!(own.values, ColumnValues::Stored(_) | ColumnValues::Virtual(_));
    match how {
        Generation::AddIdentity => {
            let made_not_null = asked
                .also(|other| matches!(other, Effect::SetNotNull { column: other, .. } if other == column));
            if own.values == ColumnValues::Identity {
                refuse(found, "55000", table, column, "it is an identity column already");
            } else if !own.not_null && !made_not_null {
                refuse(found, "55000", table, column, "it may be NULL, and an identity column may not");
            } else if own.has_default {
                let drops = asked.also(
                    |other| matches!(other, Effect::DropDefault { column: other, .. } if other == column),
                );
                if !drops {
                    refuse(found, "55000", table, column, "it has a default");
                }
            }
        }
        Generation::DropIdentity | Generation::SetIdentity
            if own.values != ColumnValues::Identity && !tolerant =>
        {
            refuse(found, "55000", table, column, "it is not an identity column");
        }
        Generation::DropExpression if !computed && !tolerant => {
            refuse(found, "55000", table, column, "it is not a generated column");
        }
        Generation::Expression if !computed && asked.around.version.major() >= 17 => {
            refuse(found, "55000", table, column, "it is not a generated column");
        }
        Generation::Expression
            if matches!(own.values, ColumnValues::Virtual(_))
                && facts.constraints.iter().any(|own| own.kind == ConstraintFactsKind::Check) =>
        {
            let why = "it is computed when it is read, and the table has check constraints";
            refuse(found, "0A000", table, column, why);
        }
        _ => {}
    }
}
