//! `many-to-many-key`: what Prisma 6 does to the table of an implicit many-to-many relation.
//!
//! Up to Prisma 5 such a table has a unique index on A and B; since 6 it has a primary key instead, and the
//! upgrade builds that anew and drops the index. The index is the key already: one statement makes it so.

use underpin_catalog::{Name, RelationName};
use underpin_sql::Effect;
use underpin_sql::effect::{AddConstraint, ConstraintKind};

use super::super::case::Case;
use super::super::cost;
use super::super::effects::EffectKind;
use super::super::finding::{Blocks, Finding, Fix, FixStatement};

pub(super) const NAME: &str = "many-to-many-key";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        let Effect::AddConstraint(added) = act.effect else { continue };
        let Some(index) = replaced(case, added) else { continue };
        let table = case.world.facts().resolve(&added.table);
        let estimate = case.estimate(act, &table);
        let severity = cost::judge(
            Blocks::ReadsAndWrites,
            estimate.as_ref().map(|(estimate, _)| estimate),
            case.heat(&table, Blocks::ReadsAndWrites),
            case.queue(),
            &case.file.around.settings.budgets(),
        );
        let takes = match &estimate {
            Some((estimate, size)) => format!(", {}", cost::sentence(estimate, size)),
            None => String::new(),
        };
        let message = format!(
            "the key of {} is built anew while nobody can read the table{takes}, beside {} which is that key already",
            case.shown(&table),
            index.name.as_str(),
        );
        let key = added.name.clone().unwrap_or_else(|| Name::new(format!("{}_AB_pkey", table.name.as_str())));
        let sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {key} PRIMARY KEY USING INDEX {}",
            added.table, index.name
        );
        found.push(
            case.tell(NAME, severity, message)
                .about(case.shown(&table))
                .sure(case.confidence(&table))
                .locking(&act.locks)
                .lasting(estimate)
                .with_fix(Fix {
                    advice: "make the index that is there the key, in an instant; it takes the place of both statements"
                        .to_owned(),
                    statements: vec![FixStatement { sql, alone: false, later: false, in_batches: false }],
                })
                .done(),
        );
    }
}

/// Whether the effect is one of such an upgrade: the key, or the drop of the index behind it.
pub(super) fn covers(case: &Case<'_>, effect: &Effect) -> bool {
    match effect {
        Effect::AddConstraint(added) => replaced(case, added).is_some(),
        Effect::DropIndex { index, .. } => {
            let facts = case.world.facts();
            let index = facts.resolve(index);
            let Some(table) = facts.index(&index).map(|known| known.table.clone()) else { return false };
            let keys = case.file.effects.with(EffectKind::AddKey, table.name.as_str(), "");
            index.name.as_str() == unique_name(&table)
                && keys.before(case.at).any(|earlier| {
                    matches!(earlier, Effect::AddConstraint(added)
                        if is_key(added) && facts.resolve(&added.table) == table)
                })
        }
        _ => false,
    }
}

/// The unique index that the primary key repeats, when the same file drops it.
fn replaced(case: &Case<'_>, added: &AddConstraint) -> Option<RelationName> {
    let facts = case.world.facts();
    let table = facts.resolve(&added.table);
    if !is_key(added) || !case.is_used(&table) {
        return None;
    }
    let index = table.sibling(Name::new(unique_name(&table)));
    let known = facts.index(&index)?;
    let is_the_key = known.unique
        && known.valid
        && !known.partial
        && known.constraint.is_none()
        && known.columns.iter().flatten().eq(&added.columns);
    let drops = case.file.effects.with(EffectKind::DropIndex, index.name.as_str(), "");
    let is_dropped = drops.since(case.at).any(
        |later| matches!(later, Effect::DropIndex { index: dropped, .. } if facts.resolve(dropped) == index),
    );
    (is_the_key && is_dropped).then_some(index)
}

/// A primary key on `A` and `B`.
fn is_key(added: &AddConstraint) -> bool {
    added.kind == ConstraintKind::PrimaryKey
        && added.using_index.is_none()
        && added.columns.iter().map(Name::as_str).eq(["A", "B"])
}

/// As Prisma up to 5 called it.
fn unique_name(table: &RelationName) -> String {
    format!("{}_AB_unique", table.name.as_str())
}
