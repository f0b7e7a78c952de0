//! What differs in a column.

use super::casts::cast_of;
use super::defaults::are_the_same;
use crate::migrate::NativeType;
use crate::migrate::catalog::{Column, ColumnType};
use crate::migrate::step::{Cast, ColumnChange};
use crate::schema::Arity;

pub(super) fn change<'a>(before: &'a Column, after: &'a Column) -> ColumnChange<'a> {
    ColumnChange {
        before,
        after,
        has_other_arity: before.arity != after.arity,
        has_other_default: !are_the_same(before, after),
        cast: type_change(before, after),
        has_other_autoincrement: before.is_autoincrement != after.is_autoincrement,
    }
}

/// How values get from one type to the other; `None` where they are the same to Prisma.
fn type_change(before: &Column, after: &Column) -> Option<Cast> {
    match (&before.column_type, &after.column_type) {
        (ColumnType::Enum(one), ColumnType::Enum(other)) => (one != other).then_some(Cast::Impossible),
        (ColumnType::Enum(_), _) | (_, ColumnType::Enum(_)) => Some(Cast::Impossible),
        _ if before.is_list() != after.is_list() => {
            Some(match after.native_type() {
                // An array has a text; text has no array.
                Some(NativeType::Text | NativeType::VarChar(None)) if before.is_list() => Cast::Safe,
                Some(NativeType::VarChar(_) | NativeType::Char(_)) if before.is_list() => Cast::Risky,
                _ => Cast::Impossible,
            })
        }
        (ColumnType::Native(one), ColumnType::Native(other)) => cast_of(*one, *other),
        (ColumnType::Unsupported(_) | ColumnType::OfExtension { .. }, ColumnType::Native(_))
        | (ColumnType::Native(_), ColumnType::Unsupported(_) | ColumnType::OfExtension { .. }) => {
            Some(Cast::Risky)
        }
        // Prisma does not compare two types that it does not know.
        (
            ColumnType::Unsupported(_) | ColumnType::OfExtension { .. },
            ColumnType::Unsupported(_) | ColumnType::OfExtension { .. },
        ) => None,
    }
}

impl Column {
    /// Whether it may be NULL and is no list.
    pub(in crate::migrate) fn is_optional(&self) -> bool {
        self.arity == Arity::Optional
    }

    pub(in crate::migrate) fn is_required(&self) -> bool {
        self.arity == Arity::Required
    }
}
