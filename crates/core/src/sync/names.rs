//! What the functions and the triggers of a table's pairs are called.
//!
//! Each name ends in a hash of the namespace, the table and the columns, so that names that were cut at 63
//! bytes, or put together of the same pieces, are never two things' own.

use sha2::{Digest, Sha256};
use underpin_catalog::{Name, RelationName};

use super::{Pair, Synced};

/// The names of a table.
pub(super) struct Names {
    /// The trigger for every new row, and its function.
    pub(super) on_insert: Name,
    pub(super) insert: RelationName,
    /// The trigger for what the table's own triggers change, and its function.
    pub(super) on_update: Name,
    pub(super) update: RelationName,
    /// In the order of the pairs.
    pub(super) pairs: Vec<PairNames>,
}

/// The names of a pair.
pub(super) struct PairNames {
    /// The trigger for updates that set the new shape, and the function that makes the old of it.
    pub(super) on_after: Name,
    pub(super) take_after: RelationName,
    /// The same for the old shape.
    pub(super) on_before: Name,
    pub(super) take_before: RelationName,
    /// What the functions of single values begin with.
    stem: RelationName,
    hash: String,
}

impl Names {
    pub(super) fn of(synced: &Synced) -> Self {
        let hash = hash(&synced.table, &synced.pairs);
        let stem = stem(&synced.table);
        let named = |role: &str| with_hash(&stem, &hash, role);
        Self {
            on_insert: trigger(&hash, "1_insert"),
            insert: named("insert"),
            on_update: trigger(&hash, "4_update"),
            update: named("update"),
            pairs: synced.pairs.iter().map(|pair| PairNames::of(&synced.table, pair)).collect(),
        }
    }
}

impl PairNames {
    fn of(table: &RelationName, pair: &Pair) -> Self {
        let hash = hash(table, std::slice::from_ref(pair));
        let stem = stem(table);
        Self {
            on_after: trigger(&hash, AFTER),
            take_after: with_hash(&stem, &hash, "after"),
            on_before: trigger(&hash, BEFORE),
            take_before: with_hash(&stem, &hash, "before"),
            stem,
            hash,
        }
    }

    /// The function that makes the value of the column at this place.
    pub(super) fn value(&self, direction: &str, at: usize) -> RelationName {
        with_hash(&self.stem, &self.hash, &format!("{direction}_{}", at + 1))
    }
}

/// Triggers fire in the order of their names, by bytes: behind those of the table, and by number among ours.
fn trigger(hash: &str, role: &str) -> Name {
    Name::new(format!("{TRIGGER}{role}_{hash}"))
}

/// Of the triggers for updates that set the new shape, and the old.
const AFTER: &str = "2_after";
const BEFORE: &str = "3_before";

/// Which shape a trigger of a pair takes, with what is the pair's own in its name.
pub(super) enum Role<'a> {
    /// The new one.
    After(&'a str),
    /// The old one.
    Before(&'a str),
}

/// The role of a trigger, by its name.
pub(super) fn role(trigger: &Name) -> Option<Role<'_>> {
    let (role, hash) = trigger.as_str().strip_prefix(TRIGGER)?.rsplit_once('_')?;
    match role {
        AFTER => Some(Role::After(hash)),
        BEFORE => Some(Role::Before(hash)),
        _ => None,
    }
}

/// What the names of triggers begin with.
pub(crate) const TRIGGER: &str = "~underpin_";

/// What the names of those begin with that fire before all others.
pub(crate) const EARLY_TRIGGER: &str = "!underpin_";

/// Whether a trigger has such a name.
pub(super) fn is_ours(trigger: &Name) -> bool {
    [TRIGGER, EARLY_TRIGGER].iter().any(|begin| trigger.as_str().starts_with(begin))
}

fn stem(table: &RelationName) -> RelationName {
    table.sibling(Name::new(format!("underpin_{}", table.name.as_str())))
}

fn with_hash(stem: &RelationName, hash: &str, role: &str) -> RelationName {
    stem.sibling(stem.name.with_suffix(&format!("_{role}_{hash}")))
}

fn hash(table: &RelationName, pairs: &[Pair]) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        // The length keeps parts apart whatever they contain.
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    };
    part(table.namespace.as_ref().map_or("", Name::as_str));
    part(table.name.as_str());
    for pair in pairs {
        for shapes in [&pair.before, &pair.after] {
            part(&shapes.len().to_string());
            shapes.iter().for_each(|shape| part(shape.column.as_str()));
        }
    }
    hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}
