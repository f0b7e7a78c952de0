//! `change-type` under the column's own name: a swap, when somebody says so.
//!
//! Until the last phase both releases work on the column of the old type, so the release that comes must get along
//! with it. Behind the swap what connections have prepared answers another type and fails (0A000) until they are
//! replaced. Both are told; a column of its own with `@map` has neither.

use underpin_catalog::Sql;
use underpin_prisma::migrate::{Column, ColumnChange, ColumnType, Table};

use super::draft::Draft;
use super::mapping::mapping;
use super::names::quoted;
use super::{Question, keys, swap};
use crate::compat::{Slip, field_in};

/// A column of another type under its name.
pub(super) fn claim(draft: &mut Draft<'_>, table: &Table, change: &ColumnChange<'_>) {
    let (old, new) = (change.before, change.after);
    let about = draft.case.shown(&table.name, &old.name);
    let place = (table.name.clone(), old.name.clone());
    let is_said = draft.answered.swaps.contains(&place);
    let slips = match possible(draft, table, old, new) {
        Ok(slips) => slips,
        Err((why, instead)) => return draft.refuse(about, why, instead),
    };
    if !is_said {
        return ask(draft, table, old, about);
    }
    let hidden = swap::hidden_name(draft, table, &old.name);
    let beside = Column { name: hidden.clone(), ..new.clone() };
    let found = mapping(old, &beside, draft).expect("it was possible");
    let (to, from) = (shown(draft, new), shown(draft, old));
    draft.uses("change-type", format!("{about} is swapped for one of type {to}"));
    if !found.is_total {
        draft.must_survive(&table.name, &found.pair, &[], found.misfits.clone());
        draft.note(format!(
            "before the first phase every value of {about} has to have its place in {to}: a query counts those that have none; behind it a value that has none is NULL in the new type, and refused (23502) where a value is required"
        ));
    }
    for (what, slip) in slips {
        draft.note(match slip.code {
            Some(code) => format!(
                "until the last phase {about} is {from}, and {what} by the new release fails ({code}) with values that are none of that type"
            ),
            None => format!(
                "until the last phase {about} is {from}, and {what} by the new release in a session of another time zone than UTC may be another value than was meant"
            ),
        });
    }
    if !matches!(old.column_type, ColumnType::Enum(_)) {
        draft.note(format!(
            "behind the last phase a statement that a connection has prepared and that returns {about} fails (0A000) until the connection is replaced: Prisma's own engine (until 6) keeps statements prepared unless its URL says statement_cache_size=0, an adapter only when it is told to (statementNameGenerator)"
        ));
    }
    swap::beside(draft, table, (old, new), (hidden, new.column_type.clone()), found.pair);
}

/// What may go wrong for the release that comes while the column has its old type.
type Slips = Vec<(&'static str, Slip)>;

/// Whether it can be swapped; or why not, and what to do instead.
fn possible(draft: &Draft<'_>, table: &Table, old: &Column, new: &Column) -> Result<Slips, (String, String)> {
    let column = old.name.as_str();
    let beside = format!(
        "give the field a column of its own beside it, with @map(\"{column}_next\"), and say that it is the old one: --rename {}",
        quoted(&format!("{}.{column}:{column}_next", draft.case.table_shown(&table.name)))
    );
    if let Some((why, instead)) = swap::obstacle(draft, table, old, new) {
        let instead = match keys::renames(draft, table, &old.name) {
            Some(renames) => format!(
                "give it, and each column that leads to it, a column of its own beside it, with @map, and say which they are: {renames}"
            ),
            None => instead.to_owned(),
        };
        return Err((why.to_owned(), instead));
    }
    let hidden = Column { name: swap::hidden_name(draft, table, &old.name), ..new.clone() };
    let to = shown(draft, new);
    if mapping(old, &hidden, draft).is_none() {
        return Err((
            format!("no recipe makes a {to} of it and back"),
            "add a new column, write both in a release of its own, and drop the old one in a rollout of its own"
                .to_owned(),
        ));
    }
    let field = draft.case.client.table(&table.name).and_then(|found| found.column(&old.name));
    let Some(fit) = field.and_then(|field| field_in(field, old)) else { return Ok(Vec::new()) };
    let from = shown(draft, old);
    // A column is compared with a value of the enum, and PostgreSQL compares no text with one.
    let compares = matches!(new.column_type, ColumnType::Enum(_));
    let mut slips = Vec::new();
    for (what, slip) in [("what is read", fit.read), ("what is written", fit.write)] {
        match slip {
            Some(Slip { always: true, code }) => {
                let code = code.unwrap_or("P2023");
                return Err((
                    format!(
                        "the new release cannot work on a column of type {from}, and the old one not on one of type {to}: {what} fails ({code})"
                    ),
                    beside,
                ));
            }
            Some(slip) => slips.push((what, slip)),
            None => {}
        }
    }
    match compares {
        true => Err((
            format!(
                "the new release cannot look for values in a column of type {from} (42883), nor the old one write to one of type {to}"
            ),
            beside,
        )),
        false => Ok(slips),
    }
}

fn ask(draft: &mut Draft<'_>, table: &Table, old: &Column, about: String) {
    let column = old.name.as_str();
    let own = format!("{}.{column}:{column}_next", draft.case.table_shown(&table.name));
    draft.ask(Question {
        asks: format!("it gets another type: by a swap at the end, behind which what connections keep prepared fails (0A000) until they are replaced, or without that in a column of its own beside it, with @map(\"{column}_next\")?"),
        flags: vec![
            format!("--swap {}", quoted(&about)),
            format!("--rename {}", quoted(&own)),
        ],
        about,
    });
}

fn shown(draft: &Draft<'_>, column: &Column) -> Sql {
    Sql::verbatim(draft.case.after.column_type_sql(column))
}
