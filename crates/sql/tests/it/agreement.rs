//! Whether a claim is what was seen.

use std::collections::{BTreeMap, BTreeSet};

use underpin_catalog::{LockMode, RelationName};
use underpin_sql::{Prediction, Surroundings, WorkKind, read};
use underpin_testkit::observe::Observation;

/// Makes the facts what they are behind a script.
pub(crate) fn replayed(script: &str, around: &mut Surroundings) {
    for statement in read(script).unwrap_or_default() {
        for effect in &statement.effects {
            around.apply(effect);
        }
    }
}

fn shown<'a>(names: impl IntoIterator<Item = &'a RelationName>) -> String {
    let names: Vec<_> = names.into_iter().map(RelationName::shown).collect();
    names.join(", ").replace("public.", "")
}

/// Locks, new files, full reads and transaction block, all equal. What is looked up for the rows of
/// another table may be read in full or not: that is the planner's choice.
pub(crate) fn agrees(claimed: &Prediction, seen: &Observation) -> Result<(), String> {
    // What fails takes nothing, and what nobody can know may take more.
    if seen.sqlstate.is_some() || !claimed.unknown.is_empty() {
        return Ok(());
    }
    if claimed.alone == seen.transactional {
        return Err(format!("alone: claimed {}", claimed.alone));
    }
    let locks: BTreeMap<RelationName, LockMode> =
        claimed.locks.iter().map(|claim| (claim.relation.clone(), claim.mode)).collect();
    if locks != seen.locks {
        let more: Vec<_> = locks
            .iter()
            .filter(|(relation, mode)| seen.locks.get(relation) != Some(mode))
            .map(|(relation, mode)| format!("{mode} {}", shown([relation])))
            .collect();
        let less: Vec<_> = seen
            .locks
            .iter()
            .filter(|(relation, mode)| locks.get(relation) != Some(mode))
            .map(|(relation, mode)| format!("{mode} {}", shown([relation])))
            .collect();
        return Err(format!("locks: too much [{}], lacking [{}]", more.join("; "), less.join("; ")));
    }
    let of = |kinds: &[WorkKind]| -> BTreeSet<RelationName> {
        let work = claimed.work.iter().filter(|work| kinds.contains(&work.kind));
        work.map(|work| work.relation.clone()).collect()
    };
    let rewritten = of(&[WorkKind::Replace, WorkKind::Fill, WorkKind::Rewrite]);
    if rewritten != seen.rewritten {
        return Err(format!("rewrites [{}], claimed [{}]", shown(&seen.rewritten), shown(&rewritten)));
    }
    let tables: BTreeSet<_> = of(&[WorkKind::Rewrite]);
    let must: BTreeSet<_> = of(&[WorkKind::Scan, WorkKind::Build]).into_iter().chain(tables).collect();
    let may: BTreeSet<_> = of(&[WorkKind::LookUp]);
    let reads = |relation: &RelationName| must.contains(relation) || may.contains(relation);
    let missed: Vec<_> = seen.scanned.iter().filter(|relation| !reads(relation)).collect();
    // An index that is written anew is told by its table.
    let idle = must.iter().filter(|relation| !seen.scanned.contains(relation));
    let idle: Vec<_> = idle.filter(|relation| !seen.rewritten.contains(relation)).collect();
    if !missed.is_empty() || !idle.is_empty() {
        return Err(format!("scans: too much [{}], lacking [{}]", shown(idle), shown(missed)));
    }
    Ok(())
}
