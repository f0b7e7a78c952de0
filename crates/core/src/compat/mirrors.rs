//! Columns that sync triggers keep equal to others of their row. What is demanded of such a column, beside others that
//! a client knows, is no news to it when the same was demanded of the column that it mirrors.
//!
//! That holds where two values that differ in the one differ in the other: between columns of one type, and between
//! whole numbers. Several texts or values of an enum may become one.

use underpin_catalog::model::{Catalog, Column, ForeignKey};
use underpin_catalog::{Name, RelationName};

use crate::sync::kept_equal;

/// These columns, each that is a mirror by the name of what it mirrors.
pub(super) fn mirrored(catalog: &Catalog, table: &RelationName, columns: &[Name]) -> Vec<Name> {
    let Some(found) = catalog.tables.get(table) else { return columns.to_vec() };
    let triggers = found.triggers.iter().map(|(name, trigger)| (name, trigger.columns.as_slice()));
    let mut pairs = kept_equal(triggers);
    let column = |name: &Name| found.columns.get(name);
    pairs.retain(|(old, new)| column(old).zip(column(new)).is_some_and(|(old, new)| tell_apart(old, new)));
    let of = |name: &Name| pairs.iter().find(|(_, new)| *new == name).map_or(name, |(old, _)| *old).clone();
    columns.iter().map(of).collect()
}

/// A foreign key by the columns that its own and those that it leads to mirror.
pub(super) fn mirrored_key(catalog: &Catalog, table: &RelationName, key: &ForeignKey) -> ForeignKey {
    ForeignKey {
        columns: mirrored(catalog, table, &key.columns),
        referenced_columns: mirrored(catalog, &key.referenced, &key.referenced_columns),
        ..key.clone()
    }
}

/// Whether two rows that differ in the one differ in the other.
fn tell_apart(one: &Column, other: &Column) -> bool {
    let is_whole = |column: &Column| {
        let name = &column.type_ref.name;
        let is_own = name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog");
        is_own && !column.type_ref.array && ["int2", "int4", "int8"].contains(&name.name.as_str())
    };
    (one.type_ref == other.type_ref && one.collation == other.collation) || (is_whole(one) && is_whole(other))
}
