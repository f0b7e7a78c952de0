//! `rename-column`: the new column stands beside the old one, and triggers keep the two equal until nobody
//! names the old one any more. Each may have a type of its own, where one is the other in another form.

use underpin_catalog::sql;
use underpin_prisma::migrate::{AlterTable, Column};
use underpin_prisma::schema::Arity;

use super::draft::Draft;
use super::mapping::{Mapping, mapping};
use super::{Refill, counting, enums};
use crate::rollout::{Gone, Phase};
use crate::sync::{Value, lost};

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
    if (old.arity, new.arity) == (Arity::Optional, Arity::Required) {
        return draft.refuse(
            about,
            "it would get another name and become required at once",
            "rename it first, and make it required in a rollout of its own",
        );
    }
    if let Some((from, to)) = enums::both(old, new)
        && !enums::is_mapped(draft, from, to)
    {
        return;
    }
    let Some(Mapping { pair, is_total }) = mapping(old, new, draft) else {
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
    draft.uses(recipe, format!("{about} becomes {to}"));
    let beside = Column { arity: nullable(new.arity), default: None, is_autoincrement: false, ..new.clone() };
    draft.alter(Phase::Expand, table, |own| own.columns.push(beside.clone()));
    let arity = new.arity;
    if new.arity == Arity::Required && old.arity == Arity::Required {
        draft.alter_column(Phase::Backfill, table, &new.name, |column| column.arity = arity);
    }
    if !is_total {
        draft.verify.push((Phase::Backfill, lost(&draft.bare(table), &pair)));
        draft.note(format!(
            "before the second phase every value of {about} has to have its place in {to}: a query counts those that have none"
        ));
    }
    let told = pair.misread(|_| old.default.is_some(), |_| new.arity == Arity::Required);
    told.into_iter().for_each(|told| draft.note(told));
    let value = match &pair.before[0].value {
        Value::Same(column) => sql!("{}", column),
        Value::Expression(expression) => sql!("CAST({} AS {})", expression, pair.before[0].data_type),
    };
    draft.pairs.push((table.clone(), pair));
    draft.refills.push(Refill { table: table.clone(), column: old.name.clone(), value });
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
