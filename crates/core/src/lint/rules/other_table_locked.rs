//! `other-table-locked`: a statement locks a table that it does not name, or names only by the way.
//!
//! The other end of a foreign key, the parent of a partition, the default partition, the tables that use a
//! domain. PostgreSQL needs the lock for an instant of work; what hurts is waiting for it behind somebody's
//! long transaction, and keeping it until the transaction ends.

use underpin_catalog::RelationName;
use underpin_sql::{Effect, LockClaim, RelationKind};

use super::super::case::{Act, Case};
use super::super::cost;
use super::super::finding::{Blocks, Finding};

pub(super) const NAME: &str = "other-table-locked";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        for claim in act.locks.iter().filter(|claim| is_other(case, act, claim)) {
            // A statement of several actions says it once.
            let shown = case.shown(&claim.relation);
            if found.iter().any(|finding| finding.rule == NAME && finding.object.as_ref() == Some(&shown)) {
                continue;
            }
            found.push(tell(case, act, claim));
        }
    }
}

fn is_other(case: &Case<'_>, act: &Act<'_>, claim: &LockClaim) -> bool {
    let facts = case.world.facts();
    let is_table = facts.relation(&claim.relation).is_none_or(|known| {
        matches!(known.kind, RelationKind::Table | RelationKind::Partitioned | RelationKind::MaterializedView)
    });
    let named: Vec<RelationName> = named(act.effect).into_iter().map(|table| facts.resolve(table)).collect();
    let below = |table: &RelationName| {
        facts.relation(table).is_some_and(|known| known.descendants.contains(&claim.relation))
    };
    claim.mode.blocks_application()
        && is_table
        && facts.index(&claim.relation).is_none()
        // Work on it is another rule's.
        && case.worked_on(act.effect).as_ref() != Some(&claim.relation)
        && !named.iter().any(|table| *table == claim.relation || below(table))
}

/// The tables that an effect is about, as a reader sees it.
fn named(effect: &Effect) -> Vec<&RelationName> {
    match effect {
        Effect::AttachPartition { table, partition, .. }
        | Effect::DetachPartition { table, partition, .. } => {
            vec![table, partition]
        }
        Effect::Inherit { table, parent, .. } => vec![table, parent],
        // It cannot be overlooked that the referenced table takes part; that it is locked while the other is
        // searched is what `table-scan` says.
        _ => effect.table().into_iter().collect(),
    }
}

fn tell(case: &Case<'_>, act: &Act<'_>, claim: &LockClaim) -> Finding {
    let blocks = Blocks::of(claim.mode);
    let table = &claim.relation;
    let severity = cost::judge(
        blocks,
        Some(&cost::instant()),
        case.heat(table, blocks),
        case.queue(),
        &case.file.around.settings.budgets(),
    );
    let until = match case.in_block() {
        true => "until its transaction ends",
        false => "while it runs",
    };
    let message = format!(
        "{} takes {} on {}{}: {blocks} of it wait {until}",
        what(act.effect),
        claim.mode,
        case.shown(table),
        why(act.effect),
    );
    case.tell(NAME, severity, message)
        .about(case.shown(table))
        .sure(case.confidence(table))
        .locking([claim])
        .instead(
            "give it a migration of its own with a lock_timeout, when the other table is quiet; several foreign keys \
             in several migrations; `underpin deploy` asks for such locks in short tries",
        )
        .done()
}

fn what(effect: &Effect) -> String {
    let of = |verb: &str| match effect.table() {
        Some(table) => format!("{verb} {}", table.shown()),
        None => verb.to_owned(),
    };
    match effect {
        Effect::CreateTable(_) => of("creating"),
        Effect::DropTable { .. } => of("dropping"),
        Effect::DropColumn { column, .. } => of(&format!("dropping column {} of", column.as_str())),
        Effect::DropConstraint { constraint, .. } => of(&format!("dropping {} of", constraint.as_str())),
        Effect::AddConstraint(_) => of("adding a foreign key to"),
        Effect::AddColumn(_) => of("adding a column with a foreign key to"),
        Effect::ChangeColumnType { column, .. } => {
            of(&format!("changing the type of {} of", column.as_str()))
        }
        Effect::AttachPartition { partition, .. } => format!("attaching {}", partition.shown()),
        Effect::Truncate { .. } => of("truncating"),
        Effect::ConstrainDomain { name, .. } => format!("a constraint of domain {}", name.shown()),
        _ => of("changing"),
    }
}

fn why(effect: &Effect) -> &'static str {
    match effect {
        Effect::CreateTable(created) if created.partition_of.is_some() => {
            ", which it becomes a partition of or whose rows it searches"
        }
        Effect::AttachPartition { .. } => ", the default partition, whose rows it searches",
        Effect::CreateTable(_) | Effect::AddConstraint(_) | Effect::AddColumn(_) => {
            ", which gets the triggers of the foreign key"
        }
        Effect::DropTable { .. }
        | Effect::DropColumn { .. }
        | Effect::DropConstraint { .. }
        | Effect::ChangeColumnType { .. } => ", at the other end of a foreign key",
        Effect::ConstrainDomain { .. } => ", which has a column of it",
        _ => "",
    }
}
