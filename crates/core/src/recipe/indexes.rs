//! Indexes and foreign keys: what comes is made behind the fills, what goes stays to the end. Where one takes
//! the place of another under its name, it has another name meanwhile.

use underpin_catalog::{Name, Sql, sql};
use underpin_prisma::migrate::{ForeignKey, Index, PrimaryKey, Table};

use super::draft::Draft;
use crate::rollout::{Gone, Phase};
use crate::sync::{Pair, Shape, Value};

/// An index of a table that was there.
pub(super) fn created(draft: &mut Draft<'_>, table: &Table, index: &Index) {
    if draft.base.catalog.table(&table.name).is_none() {
        // It came with its table.
        return;
    }
    if index.columns.iter().any(|column| draft.is_swapped(&table.name, &column.name)) {
        let before = draft.base.catalog.table(&table.name);
        let was_there = before.is_some_and(|before| before.indexes.iter().any(|own| own.name == index.name));
        return over_swapped(draft, &index.name, was_there);
    }
    let made = draft.beside(table, index);
    let columns: Vec<Name> = index.columns.iter().map(|column| column.name.clone()).collect();
    let is_asked = || !is_carried_over(draft, table, &columns) && rows(draft, table, &columns).is_some();
    if index.is_unique && (columns_are_old(draft, table, columns.iter()) || is_asked()) {
        let shown: Vec<&str> = columns.iter().map(Name::as_str).collect();
        draft.uses(
            "add-unique",
            format!("{} is unique by {}", draft.case.table_shown(&table.name), shown.join(", ")),
        );
        made_unique(draft, table, index);
    }
    draft.alter(Phase::Backfill, &table.name, |own| own.indexes.push(made.clone()));
}

/// Where an index makes columns unique that were not, nobody has looked at the rows, and the release that is out
/// does not know.
pub(super) fn made_unique(draft: &mut Draft<'_>, table: &Table, index: &Index) {
    let columns: Vec<Name> = index.columns.iter().map(|column| column.name.clone()).collect();
    if is_carried_over(draft, table, &columns) {
        return;
    }
    let Some((rows, phase)) = rows(draft, table, &columns) else { return };
    let rows = if phase == Phase::Expand { sql!("{} AS own", rows) } else { rows };
    draft.verify.push((phase, duplicates(&rows, &columns, index.predicate.as_deref())));
    let shown: Vec<&str> = columns.iter().map(Name::as_str).collect();
    draft.note(format!(
        "from the second phase on a second row with the same {} in {} is refused (23505), also to the release that is out",
        shown.join(", "),
        draft.case.table_shown(&table.name)
    ));
}

/// Whether no two rows have the same in these columns, by a key of them or of some of them.
pub(super) fn is_unique(table: &Table, columns: &[Name]) -> bool {
    keys(table).iter().any(|key| key.iter().all(|name| columns.contains(name)))
}

/// Whether `ON CONFLICT` of these columns finds a key.
pub(super) fn is_found_by(table: &Table, columns: &[Name]) -> bool {
    keys(table).iter().any(|key| is_same(key, columns))
}

/// The columns of the primary key, and of the unique indexes of all rows.
fn keys(table: &Table) -> Vec<Vec<Name>> {
    let primary = table.primary_key.iter().map(|key| key.columns.clone());
    let others = table.indexes.iter().filter(|index| index.is_unique && index.predicate.is_none());
    let columns = |index: &Index| index.columns.iter().map(|column| column.name.clone()).collect();
    primary.chain(others.map(columns)).collect()
}

/// Whether two keys are of the same columns, in any order.
pub(super) fn is_same(one: &[Name], other: &[Name]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.contains(name))
}

/// What has the rows as they will be in these columns, and the phase before which it can be asked. What new
/// columns are filled with elsewhere than from columns that go, nobody knows beforehand.
fn rows(draft: &Draft<'_>, table: &Table, columns: &[Name]) -> Option<(Sql, Phase)> {
    let own = draft.bare(&table.name);
    if columns_are_old(draft, table, columns.iter()) {
        return Some((sql!("{}", own), Phase::Backfill));
    }
    let before = draft.base.catalog.table(&table.name)?;
    let mut made = Vec::new();
    for column in columns.iter().filter(|column| before.column(column).is_none()) {
        let shape = shape_of(draft, table, column).filter(|_| !draft.has_new_type(&table.name, column))?;
        made.push(sql!("{} AS {}", shape.made(), column));
    }
    Some((sql!("(SELECT *, {} FROM {})", made, own), Phase::Expand))
}

/// What a new column is made of.
fn shape_of<'a>(draft: &'a Draft<'_>, table: &Table, column: &Name) -> Option<&'a Shape> {
    pair_of(draft, table, column)?.after.iter().find(|shape| shape.column == *column)
}

/// The pair whose new shape a column is a part of.
fn pair_of<'a>(draft: &'a Draft<'_>, table: &Table, column: &Name) -> Option<&'a Pair> {
    let mut pairs = draft.pairs.iter().filter(|(of, _)| *of == table.name).map(|(_, pair)| pair);
    pairs.find(|pair| pair.after.iter().any(|shape| shape.column == *column))
}

/// Whether the rows are unique by these columns already, under the names that they had.
fn is_carried_over(draft: &Draft<'_>, table: &Table, columns: &[Name]) -> bool {
    let before = draft.base.catalog.table(&table.name);
    let old = old_names(draft, table, columns);
    before.zip(old).is_some_and(|(before, old)| is_unique(before, &old))
}

/// What columns were called before, where two rows that differ in the old ones differ in these. So they do in a
/// column that is made of one column alone and leads back to it; but several values of an enum may become one.
fn old_names(draft: &Draft<'_>, table: &Table, columns: &[Name]) -> Option<Vec<Name>> {
    let before = draft.base.catalog.table(&table.name)?;
    let was = |column: &Name| match pair_of(draft, table, column) {
        Some(Pair { before, after }) => match (before.as_slice(), after.as_slice()) {
            ([old], [Shape { value: Value::Same(_), .. }]) => Some(old.column.clone()),
            ([old], [_]) if !draft.is_enum(&table.name, column) => Some(old.column.clone()),
            _ => None,
        },
        None => before.column(column).map(|_| column.clone()),
    };
    columns.iter().map(was).collect()
}

/// How many keys more than one row has.
fn duplicates(rows: &Sql, columns: &[Name], predicate: Option<&str>) -> Sql {
    let known: Vec<Sql> = columns.iter().map(|column| sql!("{} IS NOT NULL", column)).collect();
    let mut condition = known.iter().map(Sql::as_str).collect::<Vec<_>>().join(" AND ");
    if let Some(predicate) = predicate {
        condition.push_str(&format!(" AND ({predicate})"));
    }
    let columns = columns.to_vec();
    sql!(
        "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1) AS duplicates",
        rows,
        Sql::verbatim(condition),
        columns
    )
}

/// An index that goes, alone or with its column.
pub(super) fn dropped(draft: &mut Draft<'_>, table: &Table, index: &Index) {
    if !index.is_unique || !columns_stay(draft, table, index.columns.iter().map(|column| &column.name)) {
        return;
    }
    let columns: Vec<Name> = index.columns.iter().map(|column| column.name.clone()).collect();
    let is_key = |key: &PrimaryKey| key.columns == columns;
    if draft.case.after.table(&table.name).is_some_and(|after| after.primary_key.as_ref().is_some_and(is_key))
    {
        // It becomes the primary key, or leaves that to it.
        return;
    }
    draft.uses("drop-unique", format!("{} goes", index.name.as_str()));
    draft.gone.push(Gone::Index(table.name.sibling(index.name.clone())));
}

/// A foreign key that comes.
pub(super) fn key_added(draft: &mut Draft<'_>, table: &Table, key: &ForeignKey) {
    let case = draft.case;
    let was_there = draft.base.catalog.table(&table.name).is_some();
    if !was_there {
        // It came with its table, unless what it leads to is made behind the fills.
        let target = draft.base.catalog.table(&key.references);
        if target.is_some_and(|target| !is_key(target, &key.referenced)) {
            let name = key.name.clone();
            let of = table.name.clone();
            let without = |catalog: &mut underpin_prisma::PrismaCatalog| {
                for own in catalog.tables.iter_mut().filter(|own| own.name == of) {
                    own.foreign_keys.retain(|own| own.name != name);
                }
            };
            without(&mut draft.expanded);
        }
        return;
    }
    if draft.is_over_swapped(&table.name, key) {
        let before = draft.base.catalog.table(&table.name);
        let was_there =
            before.is_some_and(|before| before.foreign_keys.iter().any(|old| leads_alike(old, key)));
        return over_swapped(draft, &key.name, was_there);
    }
    let made = draft.key_beside(table, key);
    let replaces = replaced(draft, table, key);
    if let Some(old) = &replaces {
        draft.uses(
            "change-on-delete",
            format!("{} does something else when what it leads to goes", key.name.as_str()),
        );
        draft.note(format!(
            "until the last phase both {} and {} hold: of two actions the one that refuses wins",
            old.as_str(),
            made.name.as_str()
        ));
    } else if !leads_there(draft, table, key)
        && target_is_old(draft, key)
        && let Some((rows, phase)) = rows(draft, table, &key.columns)
    {
        draft.uses(
            "add-foreign-key",
            format!("{} leads to {}", columns_shown(draft, table, key), case.table_shown(&key.references)),
        );
        let orphans = orphans(draft, &rows, key);
        draft.verify.push((phase, orphans));
        draft.note(format!(
            "from the second phase on a row of {} without its row in {} is refused (23503), also to the release that is out",
            case.table_shown(&table.name),
            case.table_shown(&key.references)
        ));
    }
    draft.alter(Phase::Backfill, &table.name, |own| own.foreign_keys.push(made.clone()));
}

/// A foreign key that goes.
pub(super) fn key_dropped(draft: &mut Draft<'_>, table: &Table, key: &ForeignKey) {
    let after = draft.case.after.table(&table.name);
    let stays = columns_stay(draft, table, key.columns.iter());
    let is_replaced =
        after.is_some_and(|after| after.foreign_keys.iter().any(|other| other.columns == key.columns));
    if stays && !is_replaced && draft.case.after.table(&key.references).is_some() {
        draft.uses("drop-foreign-key", format!("{} goes", key.name.as_str()));
    }
}

/// What is over a swapped column is made over the one that gets its name; what comes besides is another change.
fn over_swapped(draft: &mut Draft<'_>, name: &Name, was_there: bool) {
    if !was_there {
        draft.refuse(
            name.as_str().to_owned(),
            "it comes over a column that gets another type at once",
            "change the type first, and add it in a rollout of its own",
        );
    }
}

/// Whether two foreign keys lead from the same columns to the same, whatever they do then.
pub(super) fn leads_alike(one: &ForeignKey, other: &ForeignKey) -> bool {
    one.columns == other.columns && one.references == other.references && one.referenced == other.referenced
}

/// The name of the foreign key of the same columns that goes.
fn replaced(draft: &Draft<'_>, table: &Table, key: &ForeignKey) -> Option<Name> {
    let before = draft.base.catalog.table(&table.name)?;
    let old = before.foreign_keys.iter().find(|old| leads_alike(old, key))?;
    Some(old.name.clone())
}

/// Whether the rows lead there already, by columns under the names that they had.
fn leads_there(draft: &Draft<'_>, table: &Table, key: &ForeignKey) -> bool {
    let (Some(before), Some(old)) =
        (draft.base.catalog.table(&table.name), old_names(draft, table, &key.columns))
    else {
        return false;
    };
    before.foreign_keys.iter().any(|other| {
        other.columns == old && other.references == key.references && other.referenced == key.referenced
    })
}

/// How many rows lead nowhere.
fn orphans(draft: &Draft<'_>, rows: &Sql, key: &ForeignKey) -> Sql {
    let known: Vec<String> =
        key.columns.iter().map(|column| sql!("o.{} IS NOT NULL", column).as_str().to_owned()).collect();
    let met: Vec<String> = key
        .columns
        .iter()
        .zip(&key.referenced)
        .map(|(own, other)| sql!("t.{} = o.{}", other, own).as_str().to_owned())
        .collect();
    sql!(
        "SELECT count(*) FROM {} AS o WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS t WHERE {})",
        rows,
        Sql::verbatim(known.join(" AND ")),
        draft.bare(&key.references),
        Sql::verbatim(met.join(" AND "))
    )
}

fn columns_shown(draft: &Draft<'_>, table: &Table, key: &ForeignKey) -> String {
    let names: Vec<&str> = key.columns.iter().map(Name::as_str).collect();
    format!("{}.{}", draft.case.table_shown(&table.name), names.join(", "))
}

/// Whether all of these columns were there before, so that nobody has looked at their rows.
fn columns_are_old<'n>(draft: &Draft<'_>, table: &Table, mut names: impl Iterator<Item = &'n Name>) -> bool {
    let before = draft.base.catalog.table(&table.name);
    names.all(|name| before.is_some_and(|before| before.column(name).is_some()))
}

/// Whether the columns that a foreign key leads to were there before.
fn target_is_old(draft: &Draft<'_>, key: &ForeignKey) -> bool {
    let target = draft.base.catalog.table(&key.references);
    key.referenced.iter().all(|name| target.is_some_and(|target| target.column(name).is_some()))
}

/// Whether all of these columns stay.
fn columns_stay<'n>(draft: &Draft<'_>, table: &Table, mut names: impl Iterator<Item = &'n Name>) -> bool {
    let after = draft.case.after.table(&table.name);
    names.all(|name| after.is_some_and(|after| after.column(name).is_some()))
}

/// Whether foreign keys can lead to these columns.
fn is_key(table: &Table, columns: &[Name]) -> bool {
    let is_primary = table.primary_key.as_ref().is_some_and(|key| key.columns == columns);
    is_primary
        || table
            .indexes
            .iter()
            .any(|index| index.is_unique && index.columns.iter().map(|column| &column.name).eq(columns))
}
