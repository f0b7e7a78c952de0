//! The swap: a column, or an enum, keeps its name and becomes another one, and no row is written anew under a lock.
//!
//! PostgreSQL changes the type of a column by writing every row while everybody waits. So a hidden column of the
//! other type comes beside it, under a name that no client knows; sync triggers keep it equal; the backfill gives
//! the rows that are there its values, its indexes, its foreign keys and its NOT NULL. The last phase is an
//! instant: in one transaction the triggers go, the old column goes with all that is of it, and the hidden one gets
//! its name. What is over the hidden column has names of its own meanwhile: foreign keys get those of the schema at
//! once, indexes by Prisma's own renames behind it. A type is swapped in the same transaction as the columns of it,
//! so that there is no instant at which a client casts to another type than the column has. Keys, and what leads to
//! them, are [`swap_keys`]'.
//!
//! A recipe that wants a swap calls [`beside`] with the pair of the two columns, and for an enum [`type_beside`]
//! before. It has made sure that the release that comes can work on the old column until then: only one column has
//! the name, so both releases use it. Whether a column can be swapped at all is told by [`obstacle`].
//!
//! A column that was swapped stands behind all others of its table. Prisma names its columns wherever it speaks of
//! them, so nobody notices.

use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Column, ColumnType, Enum, ForeignKey, Index, Table};
use underpin_prisma::schema::Arity;

use super::draft::Draft;
use super::{Refill, swap_about, swap_keys};
use crate::rollout::{Gone, Phase};
use crate::sync::{Pair, Value};

/// A column that gives its name to another one of its table.
#[derive(Clone, Debug)]
pub(super) struct Swap {
    /// The table, with its namespace.
    pub(super) table: RelationName,
    /// The column, by the name that stays.
    pub(super) column: Name,
    /// The one that gets its name.
    pub(super) hidden: Name,
}

/// An enum that gives its name to another one.
#[derive(Clone, Debug)]
pub(super) struct TypeSwap {
    /// The type, by the name that stays.
    pub(super) name: RelationName,
    /// The one that gets its name.
    pub(super) hidden: RelationName,
}

/// Why a column cannot be swapped, and what to do instead; of keys [`swap_keys`] knows more.
pub(super) fn obstacle(old: &Column, new: &Column) -> Option<(&'static str, &'static str)> {
    if old.is_autoincrement != new.is_autoincrement {
        return Some((
            "a sequence of its own comes or goes at once, and two releases would number rows differently",
            "take the sequence away in a migration of its own, behind a release that names the numbers itself",
        ));
    }
    match (old.arity, new.arity) {
        (Arity::Optional, Arity::Required) => Some((
            "it would get another type and become required at once",
            "change its type first, and make it required in a rollout of its own",
        )),
        _ => None,
    }
}

/// A name for a column beside another one.
pub(super) fn hidden_name(draft: &Draft<'_>, table: &Table, column: &Name) -> Name {
    let tables = [&draft.base.catalog, draft.case.after, &draft.filled];
    let is_taken = |name: &Name| {
        tables.iter().filter_map(|catalog| catalog.table(&table.name)).any(|own| own.column(name).is_some())
    };
    free(column, is_taken)
}

/// An enum beside another one, which gets its name in the last phase. Returns its name until then.
pub(super) fn type_beside(draft: &mut Draft<'_>, name: &RelationName, after: &Enum) -> RelationName {
    let catalogs = [&draft.base.catalog, draft.case.after, &draft.filled];
    let is_taken = |own: &Name| {
        let own = name.sibling(own.clone());
        let is_it = |catalog: &&PrismaCatalog| {
            catalog.enums.iter().any(|found| found.name == own) || catalog.table(&own).is_some()
        };
        catalogs.iter().any(is_it) || draft.case.catalog.types.contains_key(&own)
    };
    let hidden = name.sibling(free(&name.name, is_taken));
    let beside = Enum { name: hidden.clone(), values: after.values.clone() };
    draft.in_both(|catalog| catalog.enums.push(beside.clone()));
    draft.gone.push(Gone::SwappedType { name: name.clone(), by: hidden.name.clone() });
    draft.type_swaps.push(TypeSwap { name: name.clone(), hidden: hidden.clone() });
    hidden
}

/// `name_next`, or the first one like it that is free.
fn free(name: &Name, is_taken: impl Fn(&Name) -> bool) -> Name {
    let suffixes = std::iter::once("_next".to_owned()).chain((2..).map(|number| format!("_next{number}")));
    let mut names = suffixes.map(|suffix| name.with_suffix(&suffix));
    names.find(|name| !is_taken(name)).unwrap_or_else(|| name.clone())
}

/// A hidden column beside one, of this type until the last phase, kept equal by this pair.
pub(super) fn beside(
    draft: &mut Draft<'_>,
    table: &Table,
    (old, new): (&Column, &Column),
    (hidden, column_type): (Name, ColumnType),
    pair: Pair,
) {
    let arity = match new.arity {
        Arity::List => Arity::List,
        Arity::Required | Arity::Optional => Arity::Optional,
    };
    let beside = Column {
        name: hidden.clone(),
        column_type,
        arity,
        default: None,
        is_autoincrement: false,
        ..new.clone()
    };
    draft.alter(Phase::Expand, &table.name, |own| own.columns.push(beside.clone()));
    if (old.arity, new.arity) == (Arity::Required, Arity::Required) {
        draft.alter_column(Phase::Backfill, &table.name, &hidden, |own| own.arity = Arity::Required);
    }
    let value = match &pair.before[0].value {
        Value::Same(column) => sql!("{}", column),
        Value::Expression(expression) => sql!("CAST({} AS {})", expression, pair.before[0].data_type),
    };
    draft.refills.push(Refill { table: table.name.clone(), column: old.name.clone(), value });
    draft.pairs.push((table.name.clone(), pair));
    draft.gone.push(Gone::SwappedColumn {
        table: table.name.clone(),
        column: old.name.clone(),
        by: hidden.clone(),
    });
    draft.swaps.push(Swap { table: table.name.clone(), column: old.name.clone(), hidden });
}

/// Makes what the schema has over swapped columns, over the hidden ones; when all swaps are known.
pub(super) fn over_hidden(draft: &mut Draft<'_>) {
    if draft.swaps.is_empty() {
        return;
    }
    for after in &draft.case.after.tables {
        let name = &after.name;
        let Some(before) = draft.base.catalog.table(name) else { continue };
        let indexes: Vec<Index> = after
            .indexes
            .iter()
            .filter(|index| index.columns.iter().any(|column| draft.is_swapped(name, &column.name)))
            .map(|index| {
                let mut columns = index.columns.clone();
                columns.iter_mut().for_each(|column| column.name = draft.hidden(name, &column.name));
                Index { columns, ..index.clone() }
            })
            .collect();
        let keys: Vec<ForeignKey> = after
            .foreign_keys
            .iter()
            .filter(|key| draft.is_over_swapped(name, key))
            .map(|key| ForeignKey {
                columns: key.columns.iter().map(|column| draft.hidden(name, column)).collect(),
                referenced: key.referenced.iter().map(|led| draft.hidden(&key.references, led)).collect(),
                ..key.clone()
            })
            .collect();
        let indexes: Vec<Index> = indexes.iter().map(|index| draft.beside(after, index)).collect();
        let mut beside = Vec::new();
        for key in &keys {
            let made = draft.key_beside(after, key);
            if made.name != key.name {
                draft.foreign_keys_beside.push((name.clone(), made.name.clone(), key.name.clone()));
            }
            beside.push(made);
        }
        draft.alter(Phase::Backfill, name, |own| {
            own.indexes.extend(indexes.iter().cloned());
            own.foreign_keys.extend(beside.iter().cloned());
        });
        swap_keys::over_hidden(draft, before, after);
    }
    swap_keys::around(draft);
}

impl Draft<'_> {
    /// Whether a column gives its name to a hidden one.
    pub(super) fn is_swapped(&self, table: &RelationName, column: &Name) -> bool {
        self.swaps.iter().any(|swap| swap.table == *table && swap.column == *column)
    }

    /// Whether a foreign key is of such a column, or leads to one.
    pub(super) fn is_over_swapped(&self, table: &RelationName, key: &ForeignKey) -> bool {
        key.columns.iter().any(|column| self.is_swapped(table, column))
            || key.referenced.iter().any(|column| self.is_swapped(&key.references, column))
    }

    /// The hidden column that gets the name of this one, else the column itself.
    pub(super) fn hidden(&self, table: &RelationName, column: &Name) -> Name {
        let swap = self.swaps.iter().find(|swap| swap.table == *table && swap.column == *column);
        swap.map_or_else(|| column.clone(), |swap| swap.hidden.clone())
    }
}

/// The tables of which columns are swapped, in the order of their names.
pub(super) fn tables(draft: &Draft<'_>) -> Vec<RelationName> {
    let mut tables: Vec<RelationName> = draft.swaps.iter().map(|swap| swap.table.clone()).collect();
    tables.sort();
    tables.dedup();
    tables
}

/// What makes of the filled database the [`swapped`] one.
pub(super) fn statements(draft: &Draft<'_>) -> Vec<Sql> {
    let mut statements = swap_keys::statements(draft);
    for table in tables(draft) {
        let of_table = || draft.swaps.iter().filter(|swap| swap.table == table);
        let named = draft.bare(&table);
        let dropped: Vec<Sql> = of_table().map(|swap| sql!("DROP COLUMN {}", swap.column)).collect();
        statements.push(sql!("ALTER TABLE {} {}", named, dropped));
        statements.extend(
            of_table()
                .map(|swap| sql!("ALTER TABLE {} RENAME COLUMN {} TO {}", named, swap.hidden, swap.column)),
        );
    }
    // Prisma leaves foreign keys of tables between models as they are called.
    statements.extend(draft.foreign_keys_beside.iter().map(|(table, from, to)| {
        sql!("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", draft.bare(table), from, to)
    }));
    statements.extend(draft.swaps.iter().flat_map(|swap| swap_about::statements(draft, swap)));
    for TypeSwap { name, hidden } in &draft.type_swaps {
        statements.push(sql!("DROP TYPE {}", draft.bare(name)));
        statements.push(sql!("ALTER TYPE {} RENAME TO {}", draft.bare(hidden), name.name));
    }
    statements
}

/// The filled database behind the swap.
pub(super) fn swapped(draft: &Draft<'_>) -> PrismaCatalog {
    let mut catalog = without_old(draft);
    for swap in &draft.swaps {
        let renamed = |name: &mut Name| {
            if *name == swap.hidden {
                name.clone_from(&swap.column);
            }
        };
        for table in &mut catalog.tables {
            let leading = table.foreign_keys.iter_mut().filter(|key| key.references == swap.table);
            leading.flat_map(|key| &mut key.referenced).for_each(renamed);
            if table.name != swap.table {
                continue;
            }
            table.columns.iter_mut().for_each(|column| renamed(&mut column.name));
            let of_indexes = table.indexes.iter_mut().flat_map(|index| &mut index.columns);
            of_indexes.for_each(|column| renamed(&mut column.name));
            table.primary_key.iter_mut().flat_map(|key| &mut key.columns).for_each(renamed);
            table.foreign_keys.iter_mut().flat_map(|key| &mut key.columns).for_each(renamed);
        }
    }
    for (table, from, to) in &draft.foreign_keys_beside {
        let tables = catalog.tables.iter_mut().filter(|own| own.name == *table);
        let keys = tables.flat_map(|own| &mut own.foreign_keys).filter(|key| key.name == *from);
        keys.for_each(|key| key.name.clone_from(to));
    }
    for TypeSwap { name, hidden } in &draft.type_swaps {
        catalog.enums.iter_mut().filter(|found| found.name == *hidden).for_each(|found| {
            found.name.clone_from(name);
        });
        for column in catalog.tables.iter_mut().flat_map(|table| &mut table.columns) {
            if column.column_type == ColumnType::Enum(hidden.clone()) {
                column.column_type = ColumnType::Enum(name.clone());
            }
        }
    }
    catalog
}

/// The filled database without what gives its name away, and without what goes with that.
pub(super) fn without_old(draft: &Draft<'_>) -> PrismaCatalog {
    let (_, mut catalog) = draft.exchanged();
    swap_keys::take_place(draft, &mut catalog);
    for Swap { table, column, .. } in &draft.swaps {
        for own in catalog.tables.iter_mut().filter(|own| own.name == *table) {
            own.columns.retain(|own| own.name != *column);
            own.indexes.retain(|index| index.columns.iter().all(|own| own.name != *column));
            own.foreign_keys.retain(|key| !key.columns.contains(column));
        }
    }
    catalog.enums.retain(|found| draft.type_swaps.iter().all(|swap| swap.name != found.name));
    catalog
}
