//! `data-loss`: a column or table that no running release uses goes, and what is in it.
//!
//! Where a running release uses it, or nobody knows, `drop-column` and `drop-table` are told, and this is not:
//! the reader hears once of a drop.

use underpin_sql::Effect;

use super::super::case::Case;
use super::super::finding::{Finding, Severity};

pub(super) const NAME: &str = "data-loss";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let (table, what) = match act.effect {
            Effect::DropTable { table, .. } => (table, "the rows of".to_owned()),
            Effect::DropColumn { table, column, .. } if !case.world.is_new_column(table, column) => {
                (table, format!("the values of {} in", column.as_str()))
            }
            _ => continue,
        };
        let facts = case.world.facts();
        let table = facts.resolve(table);
        if let Effect::DropColumn { column, .. } = act.effect
            && facts.complete
            && facts.relation(&table).is_some_and(|known| known.column(column).is_none())
        {
            continue;
        }
        let is_told = |finding: &Finding| {
            finding.object.as_ref() == Some(&case.shown(&table))
                && matches!(finding.rule.as_str(), "drop-column" | "drop-table" | "column-recreated")
        };
        let is_told_as_one = super::table_recreated::covers(case, act.effect);
        if !case.is_used(&table) || !case.may_have_rows(&table) || is_told_as_one || found.iter().any(is_told)
        {
            continue;
        }
        let rows = case.rows(&table);
        let severity = if rows.is_empty() { Severity::Info } else { Severity::Caution };
        let message = format!("{what} {} are gone for good{rows}", case.shown(&table));
        found.push(
            case.tell(NAME, severity, message)
                .about(case.shown(&table))
                .sure(case.confidence(&table))
                .instead("see that there is a copy that somebody can read, and that nobody asks for them: reports, exports")
                .done(),
        );
    }
}
