//! Tables that are filled and have no primary key: there is nothing to go along in batches. A unique key is not taken
//! for one: its values change, and a row whose value does while it is filled could be passed over.

use std::collections::BTreeSet;

use underpin_catalog::RelationName;
use underpin_sql::{Effect, read};

use super::PhaseText;
use super::draft::Draft;

/// What a person should know of them before the files are committed.
pub(super) fn notes(draft: &Draft<'_>, phases: &[PhaseText]) -> Vec<String> {
    let mut filled: BTreeSet<RelationName> = BTreeSet::new();
    for phase in phases.iter().filter(|phase| !phase.phase().is_held()) {
        let statements = read(&phase.body).unwrap_or_default();
        for effect in statements.iter().flat_map(|statement| &statement.effects) {
            match effect {
                Effect::Update(rows) => {
                    filled.insert(rows.table.clone());
                }
                Effect::Insert { reads, .. } => filled.extend(reads.iter().cloned()),
                _ => {}
            }
        }
    }
    let old = draft.base.catalog.tables.iter();
    old.filter(|own| own.primary_key.is_none() && filled.contains(&draft.bare(&own.name)))
        .map(|own| note(draft.case.table_shown(&own.name), &own.name.shown()))
        .collect()
}

fn note(model: &str, table: &str) -> String {
    format!(
        "{model} has no primary key, so its rows cannot be filled in batches: underpin deploy fills them in one statement \
         while {table} is small ([deploy] small_table_kb), and refuses that when it is not, because every row would stay \
         locked until the end; give the model an @id in a plan of its own first"
    )
}
