//! `lossy-cast`: a type change that PostgreSQL makes without an error and that values do not survive whole.

use underpin_sql::effect::Using;
use underpin_sql::{ColumnFacts, Effect};

use super::super::case::Case;
use super::super::finding::{Finding, Severity};

pub(super) const NAME: &str = "lossy-cast";

const FRACTIONS: &str = "fractions of seconds are rounded away";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::ChangeColumnType { table, column, to, using, .. } = act.effect else { continue };
        let table = case.world.facts().resolve(table);
        let known = case.world.facts().relation(&table).and_then(|facts| facts.column(column));
        if !case.is_used(&table) || case.world.is_new_column(&table, column) || *using == Using::Expression {
            continue;
        }
        let Some(loss) = known.and_then(|known| loss(known, &to.text, *using)) else { continue };
        let message = format!(
            "column {} of {} becomes {}: {loss}, without an error{}",
            column.as_str(),
            case.shown(&table),
            to.text,
            case.rows(&table)
        );
        // Prisma Client has never shown more than milliseconds.
        let is_below = loss == FRACTIONS && !to.text.starts_with("timestamp(0)");
        let severity = if is_below { Severity::Info } else { Severity::Caution };
        found.push(
            case.tell(NAME, severity, message)
                .about(case.shown(&table))
                .sure(case.confidence(&table))
                .instead("keep the old column until somebody has compared the values")
                .done(),
        );
    }
}

/// What is lost, when the cast says nothing. What it refuses (a number that is too large, a text that is too
/// long) is no loss.
pub(crate) fn loss(from: &ColumnFacts, to: &str, using: Using) -> Option<&'static str> {
    let from = from.type_sql.as_str();
    let (from_base, from_modifiers) = parts(from);
    let (to_base, to_modifiers) = parts(to);
    let is_whole = |base: &str| matches!(base, "smallint" | "integer" | "bigint");
    let is_broken = |base: &str| matches!(base, "numeric" | "real" | "double precision" | "money");
    let is_stamp = |base: &str| base.starts_with("timestamp");
    let precision = |modifiers: &[u32]| modifiers.first().copied().unwrap_or(6);
    Some(match (from_base.as_str(), to_base.as_str()) {
        (from, to) if is_broken(from) && is_whole(to) => "what is behind the decimal point is rounded away",
        ("numeric", "numeric") => match (from_modifiers.as_slice(), to_modifiers.as_slice()) {
            (_, []) => return None,
            ([_, from_scale], [_, to_scale]) if from_scale <= to_scale => return None,
            ([_], _) => return None,
            _ => "digits behind the decimal point are rounded away",
        },
        ("numeric" | "bigint" | "double precision", "real") | ("numeric" | "bigint", "double precision") => {
            "digits that do not fit are rounded away"
        }
        (from, "date") if is_stamp(from) => "the time of day is cut off",
        (from, "time without time zone" | "time with time zone") if is_stamp(from) => "the day is cut off",
        (from, to)
            if is_stamp(from) && is_stamp(to) && precision(&to_modifiers) < precision(&from_modifiers) =>
        {
            FRACTIONS
        }
        ("json", "jsonb") => "the order of keys and all but the last of equal keys are gone",
        // An explicit cast cuts, an assignment refuses.
        ("text" | "character varying" | "character", "character varying" | "character")
            if using == Using::Cast
                && !to_modifiers.is_empty()
                && (from_modifiers.is_empty() || from_modifiers > to_modifiers) =>
        {
            "longer values are cut off"
        }
        _ => return None,
    })
}

/// `numeric(10,2)` as `numeric` and 10, 2.
fn parts(type_sql: &str) -> (String, Vec<u32>) {
    match (type_sql.find('('), type_sql.find(')')) {
        (Some(open), Some(close)) if open < close => (
            format!("{}{}", &type_sql[..open], &type_sql[close + 1..]),
            type_sql[open + 1..close].split(',').filter_map(|part| part.trim().parse().ok()).collect(),
        ),
        _ => (type_sql.to_owned(), Vec::new()),
    }
}
