//! `cascade-empties-more`: the tables that `TRUNCATE … CASCADE` empties besides those that it names.
//!
//! Told by itself, because who says that the rows of one table may go has not said so of the others.

use underpin_catalog::RelationName;
use underpin_sql::Effect;

use super::super::case::Case;
use super::super::finding::{Confidence, Finding, Severity};

pub(super) const NAME: &str = "cascade-empties-more";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    let facts = case.world.facts();
    let truncated = case.acts.iter().filter_map(|act| match act.effect {
        Effect::Truncate { table, cascade: true, .. } => Some(facts.resolve(table)),
        _ => None,
    });
    let named: Vec<RelationName> = truncated.collect();
    if named.is_empty() {
        return;
    }
    let others: Vec<_> = all_emptied(case, &named).split_off(named.len());
    let others: Vec<_> = others.into_iter().filter(|other| case.world.concerns_others(other)).collect();
    let (message, about, confidence) = match others.first() {
        Some(first) => {
            let shown: Vec<_> = others.iter().map(|other| case.shown(other)).collect();
            let confidence = if facts.complete { Confidence::High } else { Confidence::Medium };
            (format!("CASCADE empties {} as well", shown.join(", ")), case.shown(first), confidence)
        }
        None if !facts.complete && case.is_used(&named[0]) => {
            let message = "CASCADE empties every table with a foreign key to what is named, and those that reference them";
            (message.to_owned(), case.shown(&named[0]), Confidence::Low)
        }
        None => return,
    };
    found.push(
        case.tell(NAME, Severity::Blocker, message)
            .about(about)
            .sure(confidence)
            .instead("name each table that is to be emptied, and leave CASCADE out: PostgreSQL then refuses what was forgotten")
            .done(),
    );
}

/// The tables, and behind them all that reference them, at any distance.
fn all_emptied(case: &Case<'_>, named: &[RelationName]) -> Vec<RelationName> {
    let mut all = named.to_vec();
    let mut at = 0;
    while let Some(name) = all.get(at) {
        let known = case.world.facts().relation(name);
        let referencing = known.map(|known| known.referenced_by.clone()).unwrap_or_default();
        let new: Vec<_> = referencing.into_iter().filter(|other| !all.contains(other)).collect();
        all.extend(new);
        at += 1;
    }
    all
}
