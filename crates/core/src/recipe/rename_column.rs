//! `rename-column`: the new column stands beside the old one, and triggers keep the two equal until nobody
//! names the old one any more. Each may have a type of its own, where one is the other in another form.

use underpin_prisma::migrate::{AlterTable, Column, Default};
use underpin_prisma::schema::Arity;

use super::draft::Draft;
use super::mapping::{Mapping, mapping};
use super::{Refill, columns, counting, enums};
use crate::rollout::{Gone, Phase};

/// Claims the column that goes and the one that comes.
pub(super) fn claim(draft: &mut Draft<'_>, alter: &AlterTable<'_>, old: &Column, new: &Column) {
    let table = &alter.before.name;
    let about = draft.case.shown(table, &old.name);
    // A field that keeps its name and gets another column is told by the column.
    let to = match draft.case.shown(table, &new.name) {
        to if to == about => format!("{}.{}", draft.case.table_shown(table), new.name.as_str()),
        to => to,
    };
    if old.is_autoincrement != new.is_autoincrement {
        return draft.refuse(
            about,
            "it would get another name, and a sequence of its own comes or goes: two releases would number rows differently",
            format!("keep the column's name in the database: @map(\"{}\")", old.name.as_str()),
        );
    }
    if let Some((from, to)) = enums::both(old, new)
        && !enums::is_mapped(draft, from, to)
    {
        return;
    }
    let Some(Mapping { pair, is_total, misfits }) = mapping(old, new, draft) else {
        return draft.refuse(
            about,
            format!("no recipe makes a {} of it and back", draft.case.after.column_type_sql(new)),
            "add the new column, write both in a release of its own, and drop the old one in a rollout of its own",
        );
    };
    if old.is_autoincrement
        && let Err(why) = counting::moved(draft, table, old, new)
    {
        let instead = format!("keep the column's name in the database: @map(\"{}\")", old.name.as_str());
        return draft.refuse(about, why, instead);
    }
    let is_same =
        old.column_type == new.column_type && (old.arity == Arity::List) == (new.arity == Arity::List);
    let recipe = match enums::both(old, new) {
        _ if is_same => "rename-column",
        Some(_) => "replace-enum",
        None => "change-type",
    };
    let becomes_required = (old.arity, new.arity) == (Arity::Optional, Arity::Required);
    // What the new release leaves to the database has no default there before the last phase.
    let is_left_out = new.arity == Arity::Required
        && matches!(new.default, Some(Default::DbGenerated(Some(_))))
        && old.default != new.default;
    let value = match becomes_required || is_left_out {
        true => match columns::stated(draft, alter.before, new, columns::FOR_ROWS_WITHOUT) {
            Some(value) => Some(value),
            None => return,
        },
        false => None,
    };
    draft.uses(recipe, format!("{about} becomes {to}"));
    let beside = Column { arity: nullable(new.arity), default: None, is_autoincrement: false, ..new.clone() };
    draft.alter(Phase::Expand, table, |own| own.columns.push(beside.clone()));
    let arity = new.arity;
    if new.arity == Arity::Required && old.arity == Arity::Required {
        draft.alter_column(Phase::Backfill, table, &new.name, |column| column.arity = arity);
    }
    if !is_total {
        draft.must_survive(table, &pair, &[], misfits);
        draft.note(format!(
            "before the first phase every value of {about} has to have its place in {to}: a query counts those that have none (underpin precheck names them)"
        ));
    }
    let told = pair.misread(|_| old.default.is_some(), |_| new.arity == Arity::Required);
    told.into_iter().for_each(|told| draft.note(told));
    let made = pair.before[0].assigned();
    draft.pairs.push((table.clone(), pair));
    draft.refills.push(Refill { table: table.clone(), column: old.name.clone(), value: made.clone() });
    if let Some(value) = value {
        // The old release reads the value, too: two shapes of one fact say the same.
        if becomes_required {
            draft.uses("make-required", format!("{to} always has a value"));
        }
        columns::keep(draft, alter.before, new, value, vec![(old.name.clone(), made)]);
    }
    draft.gone.push(Gone::Column { table: table.clone(), column: old.name.clone() });
    if (old.arity, new.arity) == (Arity::Required, Arity::Optional) {
        draft.note(format!(
            "until the last phase a NULL in {to} is refused (23502), because {about} has none: let the new release write NULL only behind it"
        ));
    }
}

fn nullable(arity: Arity) -> Arity {
    match arity {
        Arity::Required | Arity::Optional => Arity::Optional,
        Arity::List => Arity::List,
    }
}
