//! `extract-table`, `move-column` and `one-to-many-to-many`: what is in one table is in another one too, and triggers
//! on both keep them equal until nobody names the old place any more.

use underpin_catalog::model::{Firing, Trigger, TriggerTiming};
use underpin_catalog::{Name, RelationName, Sql};
use underpin_prisma::migrate::{Column, ColumnType, ForeignKey, NativeType, ReferentialAction, Table};
use underpin_prisma::schema::Arity;

use super::Refill;
use super::draft::Draft;
use super::moved_columns::{comes, instead, left, made, qualified, untouched};
use super::moves::{Move, Path, is_unique};
use crate::rollout::{Gone, Phase};
use crate::sync::Others;
use crate::sync_tables::{Across, ManyToMany, Moved, OneToOne, Row};

/// A fact in two tables, with what only the last phase and a way back need to know.
#[derive(Clone, Debug)]
pub(super) struct Crossing {
    /// What is kept equal.
    pub(super) across: Across,
    /// The table that loses its columns.
    pub(super) loses: RelationName,
    /// What fills the new place.
    pub(super) fill: Sql,
}

/// Claims columns that are another table's from now on.
pub(super) fn claim(draft: &mut Draft<'_>, moved: &Move) {
    let (case, base) = (draft.case, draft.base);
    let (Some(before), Some(to)) = (base.catalog.table(&moved.from), case.after.table(&moved.to)) else {
        return;
    };
    let known = match &moved.path {
        Path::ToOther(key) => to_other(draft, moved, before, to, key),
        Path::ToOwner(key) => to_owner(draft, moved, before, to, key),
        Path::Pairs { old, near, far } => {
            pairs(draft, moved, before, to, [old.as_ref(), near.as_ref(), far.as_ref()])
        }
    };
    let Some(crossing) = known else { return };
    for (column, _) in &moved.columns {
        draft.gone.push(Gone::Column { table: moved.from.clone(), column: column.clone() });
    }
    for (table, column) in crossing.across.columns() {
        draft.gone.push(Gone::Column { table, column });
    }
    let named = crossing.across.named(|name| draft.bare(name));
    draft.verify.push((Phase::Contract, named.disagree()));
    draft.crossings.push(crossing);
}

/// The columns go to the table that leads here.
fn to_other(
    draft: &mut Draft<'_>,
    moved: &Move,
    before: &Table,
    to: &Table,
    key: &ForeignKey,
) -> Option<Crossing> {
    let is_new = draft.base.catalog.table(&to.name).is_none();
    let recipe = if is_new { "extract-table" } else { "move-column" };
    let columns = columns(draft, moved, before, to)?;
    fits(draft, recipe, key, before, to)?;
    let mut kept = Vec::new();
    for (old, new) in &columns {
        let about = draft.case.shown(&before.name, &old.name);
        draft.uses(recipe, format!("{about} becomes {}", draft.case.shown(&to.name, &new.name)));
        let instead = match (old.arity, new.arity) {
            (Arity::Optional, Arity::Required) if !is_new => {
                draft.refuse(
                    about,
                    "it would move and become required at once",
                    "move it first, and make it required in a rollout of its own",
                );
                return None;
            }
            (Arity::Optional, Arity::Required) if columns.len() > 1 => Some(instead(draft, to, new)?),
            _ => None,
        };
        let absent = left(draft, before, old)?;
        kept.push(Moved {
            owner: old.name.clone(),
            other: new.name.clone(),
            data_type: Sql::verbatim(draft.case.after.column_type_sql(old)),
            absent,
            instead,
        });
        if !is_new {
            comes(draft, to, new, old.arity == Arity::Required);
        }
    }
    let made = made(draft, to, &key.columns, &columns)?;
    let goes = kept
        .iter()
        .zip(&columns)
        .any(|(kept, (_, new))| kept.absent.is_none() && new.arity == Arity::Required);
    let row = match is_new {
        true => Row::Fact { goes },
        false => Row::Own { mark: mark(), untouched: untouched(draft, to, &key.columns, &columns, &made) },
    };
    let pair = OneToOne {
        owner: qualified(draft, &before.name),
        key: key.referenced.clone(),
        other: qualified(draft, &to.name),
        link: key.columns.clone(),
        columns: kept,
        made,
        row,
        keeps_owner: is_new && refuses(key),
        owner_others: others(draft, &before.name),
        other_others: others(draft, &to.name),
    };
    for column in &pair.columns {
        let value = pair.owner_value(column);
        draft.refills.push(Refill { table: before.name.clone(), column: column.owner.clone(), value });
    }
    tell(draft, &pair, is_new);
    let across = Across::OneToOne(pair);
    let fill = across.named(|name| draft.bare(name)).fill();
    Some(Crossing { across, loses: before.name.clone(), fill })
}

/// The columns go to the table that is led to.
fn to_owner(
    draft: &mut Draft<'_>,
    moved: &Move,
    before: &Table,
    to: &Table,
    key: &ForeignKey,
) -> Option<Crossing> {
    let columns = columns(draft, moved, before, to)?;
    fits(draft, "move-column", key, to, before)?;
    let mut kept = Vec::new();
    for (old, new) in &columns {
        let about = draft.case.shown(&before.name, &old.name);
        draft.uses("move-column", format!("{about} becomes {}", draft.case.shown(&to.name, &new.name)));
        if new.arity == Arity::Required {
            draft.refuse(
                about,
                format!(
                    "a row of {} without one in {} would have no value",
                    draft.case.table_shown(&to.name),
                    draft.case.table_shown(&before.name)
                ),
                "let it be optional there, and make it required in a rollout of its own",
            );
            return None;
        }
        let instead = left(draft, before, old)?;
        kept.push(Moved {
            owner: new.name.clone(),
            other: old.name.clone(),
            data_type: Sql::verbatim(draft.case.after.column_type_sql(old)),
            absent: None,
            instead,
        });
        comes(draft, to, new, false);
    }
    let turned: Vec<(Column, Column)> = columns.iter().map(|(old, new)| (new.clone(), old.clone())).collect();
    let made = made(draft, before, &key.columns, &turned)?;
    let pair = OneToOne {
        owner: qualified(draft, &to.name),
        key: key.referenced.clone(),
        other: qualified(draft, &before.name),
        link: key.columns.clone(),
        columns: kept,
        row: Row::Own { mark: mark(), untouched: untouched(draft, before, &key.columns, &turned, &made) },
        made,
        keeps_owner: false,
        owner_others: others(draft, &to.name),
        other_others: others(draft, &before.name),
    };
    for column in &pair.columns {
        let value = pair.other_value(column);
        draft.refills.push(Refill { table: before.name.clone(), column: column.other.clone(), value });
    }
    tell(draft, &pair, false);
    let fill = pair.named(|name| draft.bare(name)).fill_owner();
    Some(Crossing { across: Across::OneToOne(pair), loses: before.name.clone(), fill })
}

/// The foreign key becomes a table of pairs.
fn pairs(
    draft: &mut Draft<'_>,
    moved: &Move,
    before: &Table,
    to: &Table,
    [old, near, far]: [&ForeignKey; 3],
) -> Option<Crossing> {
    let column = before.column(&moved.columns.first()?.0)?;
    let about = draft.case.shown(&before.name, &column.name);
    let shown = draft.case.table_shown(&to.name).to_owned();
    let pair = [near.columns.clone(), far.columns.clone()].concat();
    if !is_unique(to, &pair) {
        draft.refuse(
            about,
            format!("{shown} may have the same pair twice"),
            "give it @@id or @@unique of its two keys",
        );
        return None;
    }
    if [near, far].iter().any(|key| key.on_delete != ReferentialAction::Cascade) {
        draft.refuse(
            about,
            format!("the rows of {shown} would keep the release that is out from deleting what they lead to"),
            "write onDelete: Cascade on both of its relations",
        );
        return None;
    }
    let referenced = [&near.referenced, &far.referenced, &old.referenced].map(Vec::as_slice);
    let [[key], [target_key], [_]] = referenced else { return None };
    let target = draft.case.after.table(&old.references)?;
    if [before.column(key), target.column(target_key)].into_iter().flatten().any(is_citext)
        || far.referenced != old.referenced
    {
        draft.refuse(
            about,
            "its keys cannot be compared as they are",
            "write this part as a migration by hand",
        );
        return None;
    }
    draft.uses("one-to-many-to-many", format!("{about} becomes a row of {shown}"));
    let absent = left(draft, before, column)?;
    let made = made(draft, to, &pair, &[])?;
    let pairs = ManyToMany {
        table: qualified(draft, &before.name),
        key: key.clone(),
        column: column.name.clone(),
        data_type: Sql::verbatim(draft.case.after.column_type_sql(column)),
        absent,
        target: qualified(draft, &target.name),
        target_key: target_key.clone(),
        pairs: qualified(draft, &to.name),
        near: near.columns.first()?.clone(),
        far: far.columns.first()?.clone(),
        made,
        others: others(draft, &before.name),
    };
    draft.refills.push(Refill {
        table: before.name.clone(),
        column: column.name.clone(),
        value: pairs.value(),
    });
    let (one, many) =
        (draft.case.table_shown(&before.name).to_owned(), draft.case.table_shown(&target.name).to_owned());
    draft.note(format!(
        "until the last phase {about} is one of several: it stays as long as the row of {many} is among those of the {one}, else it becomes the least; a release that sets another takes the place of the one that it saw, and one that sets NULL means nobody and takes them all away"
    ));
    if old.on_delete != ReferentialAction::SetNull {
        draft.note(format!(
            "until the last phase {} holds: a row of {many} that {about} leads to is deleted as before",
            old.name.as_str()
        ));
    }
    let across = Across::ManyToMany(pairs);
    let fill = across.named(|name| draft.bare(name)).fill();
    Some(Crossing { across, loses: before.name.clone(), fill })
}

/// What goes and what comes, of equal types.
fn columns(draft: &mut Draft<'_>, moved: &Move, before: &Table, to: &Table) -> Option<Vec<(Column, Column)>> {
    let mut columns = Vec::new();
    for (from, to_name) in &moved.columns {
        let (old, new) = (before.column(from)?, to.column(to_name)?);
        let same_type =
            old.column_type == new.column_type && (old.arity == Arity::List) == (new.arity == Arity::List);
        if !same_type || old.is_autoincrement || new.is_autoincrement {
            let about = draft.case.shown(&before.name, from);
            draft.refuse(
                about,
                "it would move and change its type at once",
                "move it with the type that it has, and change that in a rollout of its own",
            );
            return None;
        }
        columns.push((old.clone(), new.clone()));
    }
    Some(columns)
}

/// Whether the triggers can follow the foreign key from `other` to `owner`.
fn fits(
    draft: &mut Draft<'_>,
    recipe: &'static str,
    key: &ForeignKey,
    owner: &Table,
    other: &Table,
) -> Option<()> {
    let is_there = |table: &Table| {
        let was = draft.base.catalog.table(&table.name);
        was.is_none_or(|was| {
            was.foreign_keys.iter().any(|old| old.columns == key.columns) && is_unique(was, &key.columns)
        })
    };
    let about = draft.case.table_shown(&other.name).to_owned();
    if !is_there(other) {
        draft.refuse(
            about,
            "its unique foreign key comes in the same change",
            "add the relation in a migration of its own first, and move the columns behind it",
        );
        return None;
    }
    if key.referenced.iter().filter_map(|column| owner.column(column)).any(is_citext) {
        draft.refuse(
            about,
            format!("{recipe} compares keys as they are, and those of this type are equal in other letters"),
            "write this part as a migration by hand",
        );
        return None;
    }
    Some(())
}

fn tell(draft: &mut Draft<'_>, pair: &OneToOne, is_new: bool) {
    let (owner, other) =
        (draft.case.table_shown(&pair.owner).to_owned(), draft.case.table_shown(&pair.other).to_owned());
    if pair.keeps_owner {
        draft.note(format!(
            "until the last phase a row of {owner} is deleted with its row in {other}, whichever release deletes it; behind it the foreign key refuses that, as the schema says"
        ));
    }
    if !is_new {
        let columns: Vec<&str> = pair.columns.iter().map(|column| column.owner.as_str()).collect();
        draft.note(format!(
            "until the last phase who deletes a row of {other} deletes {} of its {owner} too; and where a {owner} without such a row gets a value, one is made, which gives way to the one that a client makes",
            columns.join(", ")
        ));
    }
}

/// What tells the rows that a trigger has made. No schema has such a name.
fn mark() -> Name {
    Name::new("_underpin_made")
}

fn refuses(key: &ForeignKey) -> bool {
    matches!(key.on_delete, ReferentialAction::Restrict | ReferentialAction::NoAction)
}

fn is_citext(column: &Column) -> bool {
    column.column_type == ColumnType::Native(NativeType::Citext)
}

/// Whether the table has triggers of its own that may assign.
fn others(draft: &Draft<'_>, table: &RelationName) -> Others {
    let fires = |trigger: &Trigger| {
        trigger.timing == TriggerTiming::Before && trigger.for_each_row && trigger.fires != Firing::Disabled
    };
    let found = draft.case.catalog.tables.get(&qualified(draft, table));
    match found.is_some_and(|found| found.triggers.values().any(fires)) {
        true => Others::Triggers,
        false => Others::None,
    }
}
