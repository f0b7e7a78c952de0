//! `change-key-type`: a column that rows are found or led to by gets another type under its own name, and with it
//! each column that leads to it.
//!
//! They are one swap ([`swap`](super::swap)) of all of them. Behind the second phase the hidden columns are unique and
//! lead to each other as those do that the clients know. In the last phase, and in one transaction, the foreign keys
//! to the old columns go, the primary key is made of the index that is there, and the sequence goes over. There must
//! be no instant at which one table is swapped and another is not: a client that gets a number from one and a text
//! from the other finds no relation between the two, and says nothing.
//!
//! Which columns belong together is told by the foreign keys that are there ([`Group`]). Those that come or go at
//! once, and those that a Prisma schema cannot say, are refused.

use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{
    Column, ColumnType, ForeignKey, Index, IndexColumn, IndexMethod, PrimaryKey, Table,
};

use super::draft::Draft;
use super::names::quoted;
use super::{Refusal, indexes, keys};
use crate::rollout::Phase;

/// A column with its table.
type Place = (RelationName, Name);

/// A primary key that is made of hidden columns.
#[derive(Clone, Debug)]
pub(super) struct KeySwap {
    /// Its table.
    table: RelationName,
    /// As it is.
    old: PrimaryKey,
    /// As it shall be, of the hidden columns.
    new: PrimaryKey,
    /// The unique index that becomes it.
    index: Name,
}

/// Columns that get another type together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Those first that lead to no other.
    places: Vec<Place>,
}

impl Group {
    /// The columns that have to change with this one; `None` for a column that is no part of a key, and that
    /// nothing leads to.
    pub(super) fn of(draft: &Draft<'_>, table: &RelationName, column: &Name) -> Option<Self> {
        let links = links(draft);
        let mut places = vec![(table.clone(), column.clone())];
        let mut at = 0;
        while let Some(place) = places.get(at).cloned() {
            for (own, led) in &links {
                let next = if *own == place { led } else { own };
                let is_linked = *own == place || *led == place;
                if is_linked && !places.contains(next) && changed(draft, next).is_some() {
                    places.push(next.clone());
                }
            }
            at += 1;
        }
        let is_led_to = places.iter().any(|place| links.iter().any(|(_, led)| led == place));
        if !is_led_to && !places.iter().any(|(table, column)| is_of_key(draft, table, column)) {
            return None;
        }
        let leads = |place: &Place| {
            links.iter().any(|(own, led)| own == place && led != place && places.contains(led))
        };
        let mut sorted = places.clone();
        sorted.sort_by_key(|place| (leads(place), place.clone()));
        Some(Self { places: sorted })
    }

    /// Whether somebody says that they are swapped: of one is of all.
    pub(super) fn is_said(&self, draft: &Draft<'_>) -> bool {
        self.places.iter().any(|place| draft.answered.swaps.contains(place))
    }

    /// The one that the others lead to: what is said of all is said of it.
    pub(super) fn first(&self) -> &Place {
        &self.places[0]
    }

    /// All of them, as the schema calls them.
    pub(super) fn shown(&self, draft: &Draft<'_>) -> Vec<String> {
        self.places.iter().map(|(table, column)| draft.case.shown(table, column)).collect()
    }

    /// The answers by which each gets a column of its own beside it. The table between two models has no field that
    /// could be mapped: then there are none.
    pub(super) fn renames(&self, draft: &Draft<'_>) -> Option<String> {
        let flag = |(table, column): &Place| {
            let is_between = draft.base.catalog.table(table).is_some_and(Table::is_many_to_many);
            if is_between {
                return None;
            }
            let (table, column) = (draft.case.table_shown(table), column.as_str());
            Some(format!("--rename {}", quoted(&format!("{table}.{column}:{column}_next"))))
        };
        let flags: Option<Vec<String>> = self.places.iter().map(flag).collect();
        flags.map(|flags| flags.join(" "))
    }

    /// Why they cannot be swapped together, and what to do instead.
    pub(super) fn obstacle(&self, draft: &Draft<'_>) -> Option<(String, &'static str)> {
        let (base, after) = (&draft.base.catalog, draft.case.after);
        for (name, column) in &self.places {
            let (Some(was), Some(is)) = (base.table(name), after.table(name)) else { continue };
            let columns = |table: &Table| table.primary_key.as_ref().map(|key| key.columns.clone());
            let is_of_one =
                [was, is].into_iter().any(|table| columns(table).is_some_and(|own| own.contains(column)));
            if is_of_one && columns(was) != columns(is) {
                return Some((
                    format!("{} gets a key of other columns at once", draft.case.table_shown(name)),
                    "change the type first, and the key in a rollout of its own",
                ));
            }
        }
        let all = base.tables.iter().flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)));
        for (table, key) in all {
            let pairs: Vec<(Place, Place)> = pairs(table, key).collect();
            let is_in = |place: &Place| self.places.contains(place);
            if !pairs.iter().any(|(own, led)| is_in(own) || is_in(led)) {
                continue;
            }
            if after
                .table(&table.name)
                .is_none_or(|after| !after.foreign_keys.iter().any(|other| indexes::leads_alike(other, key)))
            {
                return Some((
                    format!("the foreign key {} goes at once, or gets other columns", key.name.as_str()),
                    "change the type first, and the foreign key in a rollout of its own; or give each of the columns another one beside it, with @map",
                ));
            }
            for (own, led) in pairs.iter().filter(|(own, led)| is_in(own) != is_in(led)) {
                let type_of = |place: &Place| after.table(&place.0)?.column(&place.1).map(is_whole_number);
                if (type_of(own), type_of(led)) != (Some(true), Some(true)) {
                    let stays = if is_in(own) { led } else { own };
                    return Some((
                        format!(
                            "{} keeps its type, and no foreign key leads from the one type to the other",
                            draft.case.shown(&stays.0, &stays.1)
                        ),
                        "give both the same type in the database",
                    ));
                }
            }
        }
        None
    }

    /// The tables that are swapped in one instant, when there are several.
    pub(super) fn told(&self, draft: &Draft<'_>) -> Option<String> {
        let mut tables: Vec<&str> =
            self.places.iter().map(|(table, _)| draft.case.table_shown(table)).collect();
        tables.sort_unstable();
        tables.dedup();
        let (last, others) = tables.split_last()?;
        (!others.is_empty()).then(|| {
            format!(
                "the last phase takes {} and {last} together for an instant, because they lead to each other",
                others.join(", ")
            )
        })
    }

    /// What becomes of a relation that a client reads on both sides of the instant, where its adapter has the values
    /// of one type as numbers and those of the other as texts.
    pub(super) fn torn(&self, draft: &Draft<'_>, (old, new): (&Column, &Column)) -> Option<String> {
        let (at, of) = (|one: &Place| self.places.contains(one), links(draft));
        let is_related = of.iter().any(|(own, led)| at(own) && at(led));
        let is_text = |column: &Column| is_big(&column.column_type);
        (is_related && is_text(old) != is_text(new)).then(|| {
            "a relation that is read in two statements, one on each side of that instant, is found empty, because an adapter of Prisma's tells the numbers of the one type from those of the other: read it in a transaction where an empty one would do harm".to_owned()
        })
    }
}

fn is_big(column_type: &ColumnType) -> bool {
    *column_type == ColumnType::Native(underpin_prisma::migrate::NativeType::BigInt)
}

fn is_whole_number(column: &Column) -> bool {
    use underpin_prisma::migrate::NativeType::{BigInt, Integer, SmallInt};
    matches!(column.column_type, ColumnType::Native(SmallInt | Integer | BigInt))
}

/// The columns of a foreign key, each with the one that it leads to.
fn pairs<'a>(table: &'a Table, key: &'a ForeignKey) -> impl Iterator<Item = (Place, Place)> + 'a {
    let pairs = key.columns.iter().zip(&key.referenced);
    pairs.map(|(own, led)| ((table.name.clone(), own.clone()), (key.references.clone(), led.clone())))
}

/// Those of all foreign keys that are there.
fn links(draft: &Draft<'_>) -> Vec<(Place, Place)> {
    let tables = draft.base.catalog.tables.iter();
    tables.flat_map(|table| table.foreign_keys.iter().flat_map(|key| pairs(table, key))).collect()
}

/// A column that gets another type.
fn changed<'a>(draft: &'a Draft<'_>, (table, column): &Place) -> Option<&'a Column> {
    let was = draft.base.catalog.table(table)?.column(column)?;
    let is = draft.case.after.table(table)?.column(column)?;
    (was.column_type != is.column_type).then_some(is)
}

fn is_of_key(draft: &Draft<'_>, table: &RelationName, column: &Name) -> bool {
    let key = draft.base.catalog.table(table).and_then(|table| table.primary_key.as_ref());
    key.is_some_and(|key| key.columns.contains(column))
}

/// Whether rows are found by a column, or led to.
pub(super) fn is_of_one(draft: &Draft<'_>, table: &RelationName, column: &Name) -> bool {
    is_of_key(draft, table, column)
        || links(draft).iter().any(|(_, (led, own))| led == table && own == column)
}

/// Makes the index that becomes the primary key, over the hidden columns.
pub(super) fn over_hidden(draft: &mut Draft<'_>, before: &Table, after: &Table) {
    let (Some(old), Some(new)) = (&before.primary_key, &after.primary_key) else { return };
    if !new.columns.iter().any(|column| draft.is_swapped(&after.name, column)) {
        return;
    }
    let columns: Vec<Name> = new.columns.iter().map(|column| draft.hidden(&after.name, column)).collect();
    let column = |name: &Name| IndexColumn { name: name.clone(), order: None, operator_class: None };
    let index = Index {
        name: draft.free(after, &new.name),
        is_unique: true,
        method: IndexMethod::BTree,
        columns: columns.iter().map(column).collect(),
        predicate: None,
        is_left_alone: false,
    };
    draft.alter(Phase::Backfill, &after.name, |own| own.indexes.push(index.clone()));
    draft.key_swaps.push(KeySwap {
        table: after.name.clone(),
        old: old.clone(),
        new: PrimaryKey { columns, ..new.clone() },
        index: index.name,
    });
}

/// What Prisma's own migration cannot do: a foreign key whose own columns keep their type it leaves where it is, and
/// fails at the key that it leads to (2BP01).
pub(super) fn around(draft: &mut Draft<'_>) {
    let base = &draft.base.catalog;
    let all = base.tables.iter().flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)));
    for (table, key) in all {
        let is_own = key.columns.iter().any(|column| draft.is_swapped(&table.name, column));
        if leads_to_swapped(draft, key) && !is_own {
            draft.around.0.push(sql!("ALTER TABLE {} DROP CONSTRAINT {}", table.name, key.name));
            draft.around.1.push(keys::added_key(draft, table, key));
        }
    }
}

/// What comes in the last phase before the old columns go.
pub(super) fn statements(draft: &Draft<'_>) -> Vec<Sql> {
    let mut statements = Vec::new();
    for table in &draft.filled.tables {
        let led = table.foreign_keys.iter().filter(|key| leads_to_swapped(draft, key));
        statements.extend(
            led.map(|key| sql!("ALTER TABLE {} DROP CONSTRAINT {}", draft.bare(&table.name), key.name)),
        );
    }
    for KeySwap { table, old, new, index } in &draft.key_swaps {
        let (dropped, added) = (
            sql!("DROP CONSTRAINT {}", old.name),
            sql!("ADD CONSTRAINT {} PRIMARY KEY USING INDEX {}", new.name, index),
        );
        let both = Sql::verbatim(format!("{dropped},\n{added}"));
        statements.push(sql!("ALTER TABLE {} {}", draft.bare(table), both));
    }
    statements
}

/// Takes out of a database what leads to columns that are swapped, and gives it the primary keys of the hidden ones.
pub(super) fn take_place(draft: &Draft<'_>, catalog: &mut PrismaCatalog) {
    for table in &mut catalog.tables {
        table.foreign_keys.retain(|key| !leads_to_swapped(draft, key));
        for swap in draft.key_swaps.iter().filter(|swap| swap.table == table.name) {
            table.primary_key = Some(swap.new.clone());
            table.indexes.retain(|index| index.name != swap.index);
        }
    }
}

/// Whether a foreign key leads to a column that is swapped, by the name that stays.
fn leads_to_swapped(draft: &Draft<'_>, key: &ForeignKey) -> bool {
    key.referenced.iter().any(|column| draft.is_swapped(&key.references, column))
}

/// What stands in the way of keys that are swapped, and is not Prisma's.
pub(super) fn in_the_way(draft: &Draft<'_>) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = Vec::new();
    for swap in &draft.key_swaps {
        refusals.extend(keys::table_in_the_way(draft, &swap.table, Some(&swap.old)));
    }
    for swap in &draft.swaps {
        let leads = |key: &underpin_catalog::model::ForeignKey| {
            key.referenced == swap.table && key.referenced_columns.contains(&swap.column)
        };
        let about = draft.case.shown(&swap.table, &swap.column);
        refusals.extend(keys::leading_in_the_way(draft, &about, leads));
    }
    refusals
}
