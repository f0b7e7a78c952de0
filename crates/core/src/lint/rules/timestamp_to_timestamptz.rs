//! `timestamp-to-timestamptz`: Prisma's way from `DateTime` to a time zone writes every row anew, and another
//! one does not.
//!
//! Observed on PostgreSQL 12 to 18: under a TimeZone of UTC the change is one of the catalog, unless the new
//! type has a precision below 6, which `@db.Timestamptz(3)` has; then every row is written, whatever the old
//! precision was.

use underpin_sql::effect::Using;
use underpin_sql::{Duration, Effect};

use super::super::case::Case;
use super::super::cost;
use super::super::finding::{Finding, Severity};

pub(super) const NAME: &str = "timestamp-to-timestamptz";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts.iter().filter(|act| covers(case, act.effect)) {
        let Effect::ChangeColumnType { table, column, to, using, .. } = act.effect else { continue };
        let table = case.world.facts().resolve(table);
        let estimate = case.estimate(act, &table);
        let takes = match &estimate {
            Some((estimate, size)) => format!(", {}", cost::sentence(estimate, size)),
            None => String::new(),
        };
        let zone = match (using, case.world.facts().time_zone.as_deref()) {
            (Using::Expression, _) => String::new(),
            (_, Some(zone)) => format!("; the times that are there are taken for times of {zone}"),
            (_, None) => {
                "; the times that are there are taken for times of the session's TimeZone, and Prisma has \
                          written UTC"
                    .to_owned()
            }
        };
        let message = format!(
            "column {} of {} becomes {}: every row is written anew{takes}, while nobody can read the table{zone}; prepared \
             statements that return it fail until their connection is replaced (0A000)",
            column.as_str(),
            case.shown(&table),
            to.text,
        );
        found.push(
            case.tell(NAME, Severity::Danger, message)
                .about(case.shown(&table))
                .sure(case.confidence(&table))
                .locking(&act.locks)
                .lasting(estimate)
                .instead(
                    "declare it @db.Timestamptz(6), and let the file say SET TimeZone = 'UTC', ALTER COLUMN … TYPE \
                     TIMESTAMPTZ(6) without USING, RESET TimeZone: then no row is written",
                )
                .done(),
        );
    }
}

/// A change from `timestamp` to `timestamptz` that writes rows.
pub(super) fn covers(case: &Case<'_>, effect: &Effect) -> bool {
    let Effect::ChangeColumnType { table, column, to, .. } = effect else { return false };
    let facts = case.world.facts();
    let is_stamp = facts.relation(table).and_then(|facts| facts.column(column)).is_some_and(|known| {
        known.type_sql.starts_with("timestamp") && known.type_sql.ends_with("without time zone")
    });
    is_stamp
        && to.text.starts_with("timestamp")
        && to.text.ends_with("with time zone")
        && !to.text.ends_with("without time zone")
        && effect.duration(facts) == Duration::Rewrite
        && case.is_used(&facts.resolve(table))
        && !case.world.is_new_column(table, column)
}
