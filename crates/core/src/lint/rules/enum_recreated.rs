//! `enum-recreated`: how Prisma takes a value out of an enum, as the one thing that it is.
//!
//! PostgreSQL cannot drop a value. Prisma makes a second type, moves every column to it by way of text, and
//! swaps the names: seven statements, of which each alone would be told as a type change, a rename or a drop.
//! What belongs to such a swap is told here, once for an enum, at the first column that moves.

use underpin_catalog::{Literal, Name, RelationName};
use underpin_sql::Effect;
use underpin_sql::effect::TypeKind;

use super::super::case::{Act, Case};
use super::super::cost;
use super::super::enum_swap::EnumSwap;
use super::super::finding::{Blocks, Confidence, Estimate, Finding, Severity};
use crate::quantity::duration;

pub(super) const NAME: &str = "enum-recreated";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    let begin = case.file.enum_swaps().iter().filter(|swap| swap.begins() == case.at);
    found.extend(begin.filter_map(|swap| tell(case, swap)));
}

/// Whether the effect is one of a swap.
pub(super) fn covers(case: &Case<'_>, effect: &Effect) -> bool {
    case.file.enum_swaps().iter().any(|swap| swap.covers(effect))
}

/// Whether the effect moves a column of a swap that takes values away, so that [`judge`] tells which rows refuse it.
pub(super) fn tells_of_values(case: &Case<'_>, effect: &Effect) -> bool {
    let mut swaps = case.file.enum_swaps().iter().filter(|swap| swap.covers(effect));
    swaps.any(|swap| !removed(had(case, swap), swap).is_empty())
}

/// The values before the swap, where they are known.
fn had<'a>(case: &Case<'a>, swap: &EnumSwap) -> Option<&'a [String]> {
    let facts = case.world.facts();
    let before = facts.type_facts(&swap.name).filter(|_| !swap.is_made_in_place());
    match before.or_else(|| facts.type_facts(&swap.old))?.kind.as_ref() {
        Some(TypeKind::Enum { values }) => Some(values),
        _ => None,
    }
}

/// The values that the swap takes away.
fn removed<'a>(had: Option<&'a [String]>, swap: &EnumSwap) -> Vec<&'a str> {
    had.into_iter().flatten().filter(|value| !swap.values.contains(value)).map(String::as_str).collect()
}

fn tell(case: &Case<'_>, swap: &EnumSwap) -> Option<Finding> {
    let facts = case.world.facts();
    let had = had(case, swap);
    let removed = removed(had, swap);

    let mut acts = Vec::new();
    let mut columns = Vec::new();
    for effect in swap.moves(case.file.statements) {
        let Effect::ChangeColumnType { table, column, .. } = effect else { continue };
        let table = facts.resolve(table);
        if case.is_used(&table) && !case.world.is_new_column(&table, column) {
            acts.push(Act::of(effect, case.place.clone(), case.world));
            columns.push((table, column));
        }
    }
    let (first, _) = columns.first()?;
    let estimate =
        acts.iter().zip(&columns).filter_map(|(act, (table, _))| case.estimate(act, table)).reduce(
            |(sum, mut size), (one, more)| {
                size.assumptions.extend(more.assumptions);
                let (least_ms, most_ms) = (sum.least_ms + one.least_ms, sum.most_ms + one.most_ms);
                (Estimate { least_ms, most_ms, source: sum.source }, size)
            },
        );
    let clients = case.file.around.deployed;
    let resolved = facts.resolve_type(&swap.name);
    let knows = clients.iter().any(|client| !client.fields_of_enum(&resolved).is_empty());
    let breaks = clients.is_empty() || knows || !clients.iter().all(|client| client.is_whole);
    let severity = match breaks || !removed.is_empty() {
        true => Severity::Danger,
        false => cost::judge(
            Blocks::ReadsAndWrites,
            estimate.as_ref().map(|(estimate, _)| estimate),
            case.heat(first, Blocks::ReadsAndWrites),
            case.queue(),
            &case.file.around.settings.budgets(),
        ),
    };
    let mut tables: Vec<String> = columns.iter().map(|(table, _)| case.shown(table)).collect();
    tables.dedup();
    let takes = match &estimate {
        Some((estimate, _)) => format!(", {}", duration(estimate.least_ms, estimate.most_ms)),
        None => String::new(),
    };
    let loses = match removed.is_empty() {
        true => String::new(),
        false => format!("; a row that holds {} makes it fail (22P02)", removed.join(" or ")),
    };
    let clients_fail = match (breaks, removed.is_empty()) {
        (false, _) => "",
        (true, true) => {
            "; prepared statements that return it fail until their connection is replaced (0A000)"
        }
        (true, false) => {
            "; the running release fails where it writes such a value, and its prepared statements fail until they are \
             made again (0A000)"
        }
    };
    let message = format!(
        "enum {} is made anew: every row of {} is written anew while nobody can read it{takes}{loses}{clients_fail}",
        case.shown(&swap.name),
        tables.join(", "),
    );
    let only_more = had.is_some_and(|had| !had.is_empty()) && removed.is_empty();
    let instead = match only_more {
        true => "ALTER TYPE … ADD VALUE adds a value, also BEFORE another, in an instant",
        false => {
            "leave the value in the database and stop using it; or move to a text column with a check, in the steps of a \
             type change"
        }
    };
    let mut telling = case
        .tell(NAME, severity, message)
        .about(case.shown(&swap.name))
        .sure(if had.is_some() { Confidence::High } else { Confidence::Medium })
        .locking(acts.iter().flat_map(|act| &act.locks))
        .lasting(estimate)
        .instead(instead);
    if !removed.is_empty() {
        telling = telling.failing("22P02").checked_by(rows_with(&removed, &columns));
    }
    Some(telling.done())
}

/// A query that finds rows with a value that goes.
fn rows_with(removed: &[&str], columns: &[(RelationName, &Name)]) -> String {
    let values: Vec<_> = removed.iter().map(|value| Literal(value).to_string()).collect();
    let list = values.join(", ");
    let one = |(table, column): &(RelationName, &Name)| {
        format!("(SELECT {} FROM {table} WHERE {column}::text IN ({list}) LIMIT 1)", Literal(&table.shown()))
    };
    columns.iter().map(one).collect::<Vec<_>>().join(" UNION ALL ")
}
