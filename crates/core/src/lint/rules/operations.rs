//! What the machine and its replicas bear: `heavy-write`, `missing-analyze`.

use underpin_sql::effect::Rows;
use underpin_sql::{Duration, Effect};

use super::super::case::Case;
use super::super::effects::EffectKind;
use super::super::finding::{Finding, Severity};
use crate::quantity::bytes;

/// From here on a statement's writing is worth a word: a replica on a small cloud volume (125 MB/s) is behind by
/// eight seconds.
const WRITTEN_BYTES_MIN: f64 = 1_073_741_824.0;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    for act in case.acts {
        heavy_write(case, act, found);
        missing_analyze(case, act.effect, found);
    }
}

fn heavy_write(case: &Case<'_>, act: &super::super::case::Act<'_>, found: &mut Vec<Finding>) {
    let Some(table) = case.worked_on(act.effect) else { return };
    if !case.is_used(&table) {
        return;
    }
    let name = case.world.facts().resolve(&table);
    // Only what somebody has measured or said; an assumed size would be told for every table.
    let Some(known) = case.file.around.stats.table(&name).filter(|known| known.heap_bytes > 0) else {
        return;
    };
    let heap = known.heap_bytes as f64 + known.toast_bytes as f64;
    let indexes: f64 = known.indexes.iter().map(|index| index.bytes as f64).sum();
    let (written, free) = match (act.duration, act.effect) {
        // The old files go when the transaction commits.
        (
            Duration::Rewrite,
            Effect::AddColumn(_)
            | Effect::ChangeColumnType { .. }
            | Effect::MoveStorage { .. }
            | Effect::Cluster { .. }
            | Effect::Vacuum { .. }
            | Effect::ChangeGeneration { .. },
        ) => (heap + indexes, heap + indexes),
        // Old and new versions of rows stand side by side until VACUUM, and the log has both and the index entries.
        (_, Effect::Update(changed)) if changed.rows == Rows::All => {
            (2.0 * known.heap_bytes as f64 + indexes, known.heap_bytes as f64 + indexes)
        }
        _ => return,
    };
    if written < WRITTEN_BYTES_MIN {
        return;
    }
    let message = format!(
        "this writes about {} of {} into the log and needs {} of free disk meanwhile: replicas fall behind, and a disk that \
         fills stops the server",
        bytes(written as u64),
        case.shown(&table),
        bytes(free as u64),
    );
    found.push(
        case.tell("heavy-write", Severity::Caution, message)
            .about(case.shown(&table))
            .sure(case.confidence(&table))
            .instead("see that disk and replicas can bear it, or do it in batches, as underpin does where there is a twin")
            .done(),
    );
}

fn missing_analyze(case: &Case<'_>, effect: &Effect, found: &mut Vec<Finding>) {
    let Effect::CreateIndex(created) = effect else { return };
    let facts = case.world.facts();
    let table = facts.resolve(&created.table);
    if created.columns.iter().all(Option::is_some) || !case.is_used(&table) {
        return;
    }
    let analyzing = |table: &str| case.file.effects.with(EffectKind::Analyze, table, "").since(case.at);
    let is_it = |later: &Effect| later.table().is_some_and(|other| facts.resolve(other) == table);
    if !analyzing("").is_empty() || analyzing(table.name.as_str()).any(is_it) {
        return;
    }
    let message = format!(
        "PostgreSQL knows nothing about the values of the expression until {} is analyzed, which autovacuum does when a \
         tenth of its rows has changed: until then it guesses how many rows a query finds by the index",
        case.shown(&table)
    );
    found.push(
        case.tell("missing-analyze", Severity::Info, message)
            .about(case.shown(&table))
            .sure(case.confidence(&table))
            .instead(format!(
                "ANALYZE {} behind the build, in a migration of its own when that must be alone",
                created.table
            ))
            .done(),
    );
}
