//! Whether two indexes are the same but for the name.

use super::predicates;
use crate::migrate::catalog::{Index, IndexColumn, OperatorClass, SortOrder};

pub(super) fn match_each_other(one: &Index, other: &Index) -> bool {
    one.is_unique == other.is_unique
        && one.method == other.method
        && one.columns.len() == other.columns.len()
        && one.columns.iter().zip(&other.columns).all(|(one, other)| columns_match(one, other))
        && predicates_match(one.predicate.as_deref(), other.predicate.as_deref())
}

fn columns_match(one: &IndexColumn, other: &IndexColumn) -> bool {
    let order = |column: &IndexColumn| column.order.unwrap_or(SortOrder::Ascending);
    one.name == other.name
        && order(one) == order(other)
        && classes_match(one.operator_class.as_ref(), other.operator_class.as_ref())
}

/// A class that the method takes anyway need not be said.
fn classes_match(one: Option<&OperatorClass>, other: Option<&OperatorClass>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(said), None) | (None, Some(said)) => said.is_default,
        (Some(one), Some(other)) => one.name == other.name && one.is_known == other.is_known,
    }
}

fn predicates_match(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => predicates::are_the_same(one, other),
        _ => one == other,
    }
}
