//! The keys that a client says in `ON CONFLICT`.

use underpin_catalog::Name;
use underpin_catalog::model::{Catalog, Index, IndexState, KeyPart, Table as CatalogTable};
use underpin_prisma::client::{Key, Origin, Table};

use super::breakage::{Break, Operation, Reason};

/// Which keys of the client have no index that `ON CONFLICT` finds.
pub(super) fn judge(table: &Table, catalog: &Catalog, found: &mut Vec<Break>) {
    // Rows of an implicit relation are inserted with `ON CONFLICT DO NOTHING`, which needs no key.
    let Origin::Model { .. } = &table.origin else { return };
    let Some(here) = catalog.tables.get(&table.name).filter(|_| table.is_written()) else { return };
    for key in &table.keys {
        let is_there = key.columns.iter().all(|column| here.columns.contains_key(column));
        if !is_there || here.indexes.values().any(|index| arbitrates(index, &key.columns)) {
            continue;
        }
        let code = match only_deferrable(here, key) {
            true => "55000",
            false => "42P10",
        };
        let columns: Vec<&str> = key.columns.iter().map(Name::as_str).collect();
        let message = format!(
            "{} of {} has no unique index: an upsert by it fails, and two rows may have the same",
            columns.join(", "),
            table.name.shown()
        );
        let mut one =
            Break::of_table(Reason::NoUniqueIndex, table, &[Operation::Upsert], Some(code), message);
        if let [column] = &key.columns[..] {
            one.field = table.column(column).map(|column| column.field.clone());
            one.column = Some(column.clone());
        }
        found.push(one);
    }
}

/// Whether an index is found by `ON CONFLICT` with these columns.
fn arbitrates(index: &Index, columns: &[Name]) -> bool {
    index.unique
        && !index.deferred
        && index.predicate.is_none()
        && index.state == IndexState::Valid
        && is_over(index, columns)
}

/// Whether the keys are exactly these columns, in any order.
pub(super) fn is_over(index: &Index, columns: &[Name]) -> bool {
    index.keys.len() == columns.len()
        && index.keys.iter().all(|key| match &key.part {
            KeyPart::Column(column) => columns.contains(column),
            KeyPart::Expression(_) => false,
        })
}

fn only_deferrable(table: &CatalogTable, key: &Key) -> bool {
    table.indexes.values().any(|index| index.unique && index.deferred && is_over(index, &key.columns))
}
