//! Work on a table that others use, while they wait for it: `index-build`, `table-scan`, `rewrite`,
//! `bulk-update`, `bulk-delete`, `lock-table`, and `change-type` where the type change works.
//!
//! One judgement for all of them, the same that deploy makes; what differs is the word. Severity comes from
//! how long it takes at the table's size, how busy the table is and whether the queue is bounded.

use underpin_catalog::RelationName;
use underpin_sql::effect::ReindexTarget;
use underpin_sql::{Duration, Effect};

use super::super::case::{Act, Case, strongest};
use super::super::cost;
use super::super::effects::EffectKind;
use super::super::finding::{Blocks, Confidence, Finding, Severity};
use crate::notice::{Noticed, noticed_while};
use crate::reason::ReasonCode;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    found.extend(case.acts.iter().filter_map(|act| many_tables(case, act)));
    for act in case.acts.iter().filter(|act| !super::is_told_as_one(case, act.effect)) {
        if let Some(noticed) = noticed_while(act.effect, case.world, || (act.blocks, act.duration)) {
            // The type change itself is told already, and how long it works with it.
            let told = |finding: &Finding| {
                finding.rule == noticed.code.as_str()
                    && finding.span.as_ref().is_some_and(|span| span.bytes == case.place)
            };
            if !found.iter().any(told) {
                found.push(tell(case, act, &noticed));
            }
        }
    }
}

/// `REINDEX SCHEMA` and `REINDEX DATABASE`, which name no table.
fn many_tables(case: &Case<'_>, act: &Act<'_>) -> Option<Finding> {
    let Effect::Reindex { target, concurrently: false } = act.effect else { return None };
    let (of, whose) = match target {
        ReindexTarget::Schema(name) => (Some(name), format!("schema {}", name.as_str())),
        ReindexTarget::Everything => (None, "the database".to_owned()),
        ReindexTarget::Index(_) | ReindexTarget::Table(_) | ReindexTarget::Catalogs => return None,
    };
    let facts = case.world.facts();
    let is_used = |table: &&RelationName| {
        of.is_none_or(|name| table.namespace.as_ref() == Some(name)) && case.world.concerns_others(table)
    };
    let known = facts.indexes.values().map(|index| &index.table).find(is_used);
    if known.is_none() && facts.complete {
        return None;
    }
    let message = format!(
        "the indexes of every table of {whose} are built anew, one table after the other: writes to a table wait for \
         all of its own, and so do the reads that would use one"
    );
    let finding = case
        .tell(ReasonCode::IndexBuild.as_str(), Severity::Danger, message)
        .about(whose)
        .sure(if known.is_some() { Confidence::High } else { Confidence::Low })
        .instead("REINDEX INDEX CONCURRENTLY for the indexes that need it, each alone in its migration");
    Some(finding.done())
}

fn tell(case: &Case<'_>, act: &Act<'_>, noticed: &Noticed) -> Finding {
    let table = case.world.facts().resolve(&noticed.relation);
    let estimate = case.estimate(act, &table);
    let blocks = match act.effect {
        // SHARE, on whichever tables use it.
        Effect::ConstrainDomain { .. } => Blocks::Writes,
        _ => strongest(&act.locks).map_or(Blocks::Maintenance, Blocks::of),
    };
    let severity = match noticed.code {
        // Its locks are those of rows, and rows are what the application writes.
        ReasonCode::BulkUpdate | ReasonCode::BulkDelete => cost::judge(
            Blocks::Writes,
            estimate.as_ref().map(|(estimate, _)| estimate),
            case.heat(&table, Blocks::Writes),
            case.queue(),
            &case.file.around.settings.budgets(),
        ),
        ReasonCode::LockTable => Severity::Danger,
        _ => cost::judge(
            blocks,
            estimate.as_ref().map(|(estimate, _)| estimate),
            case.heat(&table, blocks),
            case.queue(),
            &case.file.around.settings.budgets(),
        ),
    };
    let takes = match &estimate {
        Some((estimate, size)) => format!(", {}", cost::sentence(estimate, size)),
        None => String::new(),
    };
    let message = format!("{} on {}: {}{takes}", what(act), case.shown(&table), noticed.code.harm());
    let twin = case.twin();
    let instead = match (&twin, case.in_explicit_block()) {
        (Some(_), false) => {
            format!("{}, as `underpin deploy` does by itself", noticed.code.instead())
        }
        _ => noticed.code.instead().to_owned(),
    };
    let proof = perhaps_proven(case, act);
    let severity = if proof.is_some() { Severity::Info } else { severity };
    let telling = case
        .tell(noticed.code.as_str(), severity, message)
        .about(case.shown(&table))
        .sure(case.confidence(&table))
        .locking(&act.locks)
        .lasting(estimate)
        .instead(instead)
        .with_twin(twin);
    match proof {
        Some(constraint) => telling.assuming(format!(
            "constraint {constraint}, which nobody has seen, does not say that the column is not NULL"
        )),
        None => telling,
    }
    .done()
}

/// The constraint that the file has validated on a table that nobody has looked at, before `SET NOT NULL`: a
/// check that no value is NULL, as a rule, and then PostgreSQL looks at no row.
fn perhaps_proven<'c>(case: &'c Case<'_>, act: &Act<'_>) -> Option<&'c str> {
    let Effect::SetNotNull { table, .. } = act.effect else { return None };
    let facts = case.world.facts();
    if facts.complete {
        return None;
    }
    let known = facts.relation(table);
    let validated = case.file.effects.with(EffectKind::ValidateConstraint, table.name.as_str(), "");
    validated.before(case.at).iter().find_map(|effect| match effect {
        Effect::ValidateConstraint { table: other, constraint }
            if other == table && known.is_none_or(|known| known.constraint(constraint).is_none()) =>
        {
            Some(constraint.as_str())
        }
        _ => None,
    })
}

/// What the statement does, as the beginning of a sentence.
fn what(act: &Act<'_>) -> &'static str {
    match (act.effect, act.duration) {
        (Effect::AddColumn(_), Duration::Rewrite) => "the new column's values are computed row by row",
        (Effect::AddColumn(_), _) => "a column with a constraint is added",
        (Effect::AddConstraint(_), Duration::Build) => "the constraint builds an index",
        (Effect::AddConstraint(_), _) => "a constraint is added",
        (Effect::ChangeColumnType { .. }, Duration::Build) => "the type change builds indexes anew",
        (Effect::ChangeColumnType { .. }, Duration::Scan) => "the type change checks every row",
        (Effect::ChangeColumnType { .. }, _) => "the type change writes every row anew",
        (Effect::ConstrainDomain { .. }, _) => "the domain's constraint looks at every row that uses it",
        (Effect::SetNotNull { .. }, _) => "SET NOT NULL",
        (Effect::CreateIndex(_), _) => "an index is built",
        (Effect::Reindex { .. }, _) => "indexes are built anew",
        (Effect::AttachPartition { .. }, _) => "the partition is searched for rows that do not belong to it",
        (Effect::RefreshView { .. }, _) => "the view's query runs",
        (Effect::Update(_), _) => "rows are updated in one statement",
        (Effect::Delete(_), _) => "rows are deleted in one statement",
        (Effect::Merge { .. }, _) => "rows are merged in one statement",
        (Effect::LockTable { .. }, _) => "the file takes a lock itself",
        (_, Duration::Rewrite) => "every row is written anew",
        (_, _) => "every row is looked at",
    }
}
