//! `change-type` under the column's own name: a swap, when somebody says so. Columns of keys and those that lead to
//! them are swapped together, and asked about once (`change-key-type`, [`super::swap_keys`]).
//!
//! Until the last phase both releases work on the column of the old type, so the release that comes must get along
//! with it. Behind the swap what connections have prepared answers another type and fails (0A000) until they are
//! replaced. Both are told; a column of its own with `@map` has neither.

use underpin_catalog::Sql;
use underpin_prisma::migrate::{Column, ColumnChange, ColumnType, Table};

use super::draft::Draft;
use super::mapping::mapping;
use super::names::quoted;
use super::swap_keys::Group;
use super::{Question, counting, swap};
use crate::compat::{Slip, field_in};

/// A column of another type under its name.
pub(super) fn claim(draft: &mut Draft<'_>, table: &Table, change: &ColumnChange<'_>) {
    let (old, new) = (change.before, change.after);
    let about = draft.case.shown(&table.name, &old.name);
    let place = (table.name.clone(), old.name.clone());
    let group = Group::of(draft, &table.name, &old.name);
    // What is said of all is said of one.
    let is_first = group.as_ref().is_none_or(|group| *group.first() == place);
    if let Some((why, instead)) = group.as_ref().and_then(|group| group.obstacle(draft)) {
        if is_first {
            draft.refuse(about, why, instead);
        }
        return;
    }
    let slips = match possible(draft, table, (old, new), group.as_ref()) {
        Ok(slips) => slips,
        Err((why, instead)) => return draft.refuse(about, why, instead),
    };
    let is_said =
        group.as_ref().map_or_else(|| draft.answered.swaps.contains(&place), |group| group.is_said(draft));
    if !is_said {
        if is_first {
            ask(draft, table, old, group.as_ref());
        }
        return;
    }
    let hidden = swap::hidden_name(draft, table, &old.name);
    let beside = Column { name: hidden.clone(), ..new.clone() };
    let found = mapping(old, &beside, draft).expect("it was possible");
    let (to, from) = (shown(draft, new), shown(draft, old));
    let recipe = if group.is_some() { "change-key-type" } else { "change-type" };
    draft.uses(recipe, format!("{about} is swapped for one of type {to}"));
    if !found.is_total {
        draft.must_survive(&table.name, &found.pair, &[], found.misfits.clone());
        draft.note(format!(
            "before the first phase every value of {about} has to have its place in {to}: a query counts those that have none; behind it a value that has none is NULL in the new type, and refused (23502) where a value is required"
        ));
    }
    if old.is_autoincrement
        && let Err(why) = counting::swapped(draft, &table.name, old, &beside)
    {
        return draft.refuse(about, why, OWN_SEQUENCE);
    }
    if is_first {
        let names = group.as_ref().map_or_else(|| vec![about], |group| group.shown(draft));
        tell_slips(draft, &names, &from, slips);
        if !matches!(old.column_type, ColumnType::Enum(_)) {
            draft.note(format!(
                "behind the last phase a statement that a connection has prepared and that returns {} fails (0A000) until the connection is replaced: Prisma's own engine (until 6) keeps statements prepared unless its URL says statement_cache_size=0, an adapter only when it is told to (statementNameGenerator)",
                listed(&names, "or")
            ));
        }
        let told = group.iter().flat_map(|group| [group.told(draft), group.torn(draft, (old, new))]);
        told.flatten().collect::<Vec<_>>().into_iter().for_each(|told| draft.note(told));
    }
    swap::beside(draft, table, (old, new), (hidden, new.column_type.clone()), found.pair);
}

/// For a column that is numbered in a way that no Prisma schema can say.
const OWN_SEQUENCE: &str = "give it a sequence of its own that counts one by one, in a migration before: CREATE SEQUENCE … OWNED BY the column, and SET DEFAULT nextval(…)";

/// What the release that comes has to get along with until the last phase.
fn tell_slips(draft: &mut Draft<'_>, names: &[String], from: &Sql, slips: Slips) {
    let (about, are) = (listed(names, "and"), if names.len() == 1 { "is" } else { "are" });
    for (what, slip) in slips {
        draft.note(match slip.code {
            Some(code) => format!(
                "until the last phase {about} {are} {from}, and {what} by the new release fails ({code}) with values that are none of that type"
            ),
            None => format!(
                "until the last phase {about} {are} {from}, and {what} by the new release in a session of another time zone than UTC may be another value than was meant"
            ),
        });
    }
}

/// `a, b and c`
fn listed(names: &[String], word: &str) -> String {
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} {word} {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// What may go wrong for the release that comes while the column has its old type.
type Slips = Vec<(&'static str, Slip)>;

/// Whether it can be swapped; or why not, and what to do instead.
fn possible(
    draft: &Draft<'_>,
    table: &Table,
    (old, new): (&Column, &Column),
    group: Option<&Group>,
) -> Result<Slips, (String, String)> {
    let column = old.name.as_str();
    let beside = match group.map(|group| group.renames(draft)) {
        None => format!(
            "give the field a column of its own beside it, with @map(\"{column}_next\"), and say that it is the old one: --rename {}",
            quoted(&format!("{}.{column}:{column}_next", draft.case.table_shown(&table.name)))
        ),
        Some(Some(renames)) => format!(
            "give it, and each column that leads to it, a column of its own beside it, with @map, and say which they are: {renames}"
        ),
        Some(None) => "make a model of the table between the two models first, so that each of its columns can get another one beside it, with @map".to_owned(),
    };
    if let Some((why, instead)) = swap::obstacle(old, new) {
        return Err((why.to_owned(), instead.to_owned()));
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

fn ask(draft: &mut Draft<'_>, table: &Table, old: &Column, group: Option<&Group>) {
    let column = old.name.as_str();
    let about = draft.case.shown(&table.name, &old.name);
    let swap = format!("--swap {}", quoted(&about));
    let Some(group) = group else {
        let own = format!("{}.{column}:{column}_next", draft.case.table_shown(&table.name));
        return draft.ask(Question {
            asks: format!("it gets another type: by a swap at the end, behind which what connections keep prepared fails (0A000) until they are replaced, or without that in a column of its own beside it, with @map(\"{column}_next\")?"),
            flags: vec![swap, format!("--rename {}", quoted(&own))],
            about,
        });
    };
    let others = match &group.shown(draft)[1..] {
        [] => String::new(),
        others => {
            format!(", and so {} {}", if others.len() == 1 { "does" } else { "do" }, listed(others, "and"))
        }
    };
    let renames = group.renames(draft);
    let or = match renames {
        Some(_) => ", or without that in columns of their own beside them, with @map?",
        None => {
            "? (In columns of their own beside them, with @map, there would be no such instant; the table between two models has no field for that.)"
        }
    };
    draft.ask(Question {
        asks: format!("it gets another type{others}: by a swap at the end, behind which what connections keep prepared fails (0A000) until they are replaced{or}"),
        flags: std::iter::once(swap).chain(renames).collect(),
        about,
    });
}

/// Prisma's word for a column that counts is no type.
fn shown(draft: &Draft<'_>, column: &Column) -> Sql {
    let column = Column { is_autoincrement: false, ..column.clone() };
    Sql::verbatim(draft.case.after.column_type_sql(&column))
}
