//! Columns that come, go and change: `add-column`, `drop-column`, `make-required`, `make-optional`,
//! `change-default`.

use underpin_catalog::{Name, Sql};
use underpin_prisma::migrate::{Column, ColumnChange, Default, Table};
use underpin_prisma::schema::Arity;

use super::draft::{Draft, Keep};
use super::fill::{Filling, filling};
use super::names::quoted;
use super::{Question, Refill, counting, retype};
use crate::rollout::{Gone, Phase};

/// A column that comes.
pub(super) fn added(draft: &mut Draft<'_>, table: &Table, column: &Column) {
    let about = draft.case.shown(&table.name, &column.name);
    let place = (table.name.clone(), column.name.clone());
    let is_said = draft.answered.fills.contains_key(&place);
    let is_constant = matches!(column.default, Some(Default::Value(_) | Default::Now));
    if column.is_autoincrement {
        return counting::added(draft, table, column);
    }
    if !is_said && (is_constant || (column.default.is_none() && column.arity != Arity::Required)) {
        // PostgreSQL notes the default and touches no row.
        let column = column.clone();
        draft.uses("add-column", format!("{about} comes"));
        return draft.alter(Phase::Expand, &table.name, |own| own.columns.push(column.clone()));
    }
    let Some(value) = stated(draft, table, column, FOR_ALL_ROWS) else { return };
    draft.uses("add-column", format!("{about} comes and is filled"));
    let beside = Column { arity: nullable(column.arity), default: None, ..column.clone() };
    draft.alter(Phase::Expand, &table.name, |own| own.columns.push(beside.clone()));
    keep(draft, table, column, value, Vec::new());
}

/// A column that goes.
pub(super) fn dropped(draft: &mut Draft<'_>, table: &Table, column: &Column) {
    let about = draft.case.shown(&table.name, &column.name);
    let place = (table.name.clone(), column.name.clone());
    draft.uses("drop-column", format!("{about} goes"));
    draft.gone.push(Gone::Column { table: table.name.clone(), column: column.name.clone() });
    let is_left_out = column.arity != Arity::Required || column.default.is_some() || column.is_autoincrement;
    if is_left_out {
        return;
    }
    match draft.answered.fills.get(&place).cloned() {
        Some(value) if value.as_str().eq_ignore_ascii_case("null") => {
            draft.alter_column(Phase::Expand, &table.name, &column.name, |own| own.arity = Arity::Optional);
            draft.note(format!(
                "rows that the new release makes have NULL in {about}: a release that reads the field as required cannot read them"
            ));
        }
        Some(value) => {
            draft.refills.push(Refill {
                table: table.name.clone(),
                column: column.name.clone(),
                value: value.clone(),
            });
            let default = Default::DbGenerated(Some(value.as_str().to_owned()));
            draft.alter_column(Phase::Expand, &table.name, &column.name, |own| {
                own.default = Some(default.clone());
            });
        }
        None => {
            let flags = [
                format!("--fill {}", quoted(&format!("{about}=EXPRESSION"))),
                format!("--fill {}", quoted(&format!("{about}=NULL"))),
            ];
            draft.ask(Question {
                asks: "it must have a value, and the new release gives none: what do its rows get, for the release that still reads it? NULL when none reads it any more (@ignore)".to_owned(),
                about,
                flags: flags.to_vec(),
            });
        }
    }
}

/// A column that stays and changes.
pub(super) fn altered(draft: &mut Draft<'_>, table: &Table, change: &ColumnChange<'_>) {
    let about = draft.case.shown(&table.name, &change.before.name);
    if change.cast.is_some()
        || (change.has_other_arity && change.before.arity == Arity::List)
        || (change.has_other_arity && change.after.arity == Arity::List)
    {
        return retype::claim(draft, table, change);
    }
    if change.has_other_autoincrement {
        return draft.refuse(
            about,
            "a sequence of its own comes or goes, and two releases would number rows differently",
            "write this part as a migration by hand, behind a release that names the numbers itself",
        );
    }
    if change.has_other_default {
        default(draft, table, change);
    }
    match (change.before.arity, change.after.arity) {
        (Arity::Optional, Arity::Required) => required(draft, table, change),
        (Arity::Required, Arity::Optional) => {
            draft.uses("make-optional", format!("{about} may be without a value"));
            draft.gone.push(Gone::Column { table: table.name.clone(), column: change.before.name.clone() });
            draft.note(format!(
                "a release that reads {about} as required cannot read a row without it: NULL is refused (23502) until the last phase, so let the new release write it only behind that"
            ));
        }
        _ => {}
    }
}

/// The old release sends its own defaults where the schema states them; what it leaves to the database it needs
/// until the end.
fn default(draft: &mut Draft<'_>, table: &Table, change: &ColumnChange<'_>) {
    let about = draft.case.shown(&table.name, &change.before.name);
    if change.has_other_arity && change.after.arity == Arity::Required {
        // It comes with the last phase: as long as the trigger is there, nobody misses it.
        return;
    }
    draft.uses("change-default", format!("{about} has another default"));
    if change.after.default.is_some() {
        let default = change.after.default.clone();
        draft.alter_column(Phase::Expand, &table.name, &change.before.name, |own| {
            own.default.clone_from(&default)
        });
    }
}

/// `make-required`
fn required(draft: &mut Draft<'_>, table: &Table, change: &ColumnChange<'_>) {
    let column = change.after;
    let about = draft.case.shown(&table.name, &column.name);
    let Some(value) = stated(draft, table, column, FOR_ROWS_WITHOUT) else { return };
    draft.uses("make-required", format!("{about} always has a value"));
    keep(draft, table, column, value, Vec::new());
}

/// Fills a column and keeps NULL out of it; `also` has columns that are the same fact, each with what it is made
/// of.
pub(super) fn keep(
    draft: &mut Draft<'_>,
    table: &Table,
    column: &Column,
    value: Sql,
    also: Vec<(Name, Sql)>,
) {
    let keep = Keep { table: draft.bare(&table.name), column: column.name.clone(), value, also };
    draft.fills.push(keep.fill());
    draft.keeps.push(keep);
    let arity = column.arity;
    draft.alter_column(Phase::Backfill, &table.name, &column.name, |own| own.arity = arity);
}

/// For a column that comes.
const FOR_ALL_ROWS: &str =
    "which value do the rows get that are there, and those that the old release makes?";

/// For a column that becomes required.
pub(super) const FOR_ROWS_WITHOUT: &str =
    "which value do rows get that have none, now and from the old release?";

/// What stands in a column where there is no value: as a person says it, or the schema does. Else it is asked.
pub(super) fn stated(draft: &mut Draft<'_>, table: &Table, column: &Column, asks: &str) -> Option<Sql> {
    let place = (table.name.clone(), column.name.clone());
    if let Some(said) = draft.answered.fills.get(&place) {
        return Some(said.clone());
    }
    let suggestion = match filling(draft, table, column) {
        Filling::Value(value) => return Some(value),
        Filling::Unknown(suggestion) => suggestion.unwrap_or_else(|| "EXPRESSION".to_owned()),
    };
    let about = draft.case.shown(&table.name, &column.name);
    draft.ask(Question {
        asks: asks.to_owned(),
        flags: vec![format!("--fill {}", quoted(&format!("{about}={suggestion}")))],
        about,
    });
    None
}

fn nullable(arity: Arity) -> Arity {
    match arity {
        Arity::Required | Arity::Optional => Arity::Optional,
        Arity::List => Arity::List,
    }
}
