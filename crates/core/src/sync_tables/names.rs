//! What the functions and the triggers of a fact in two tables are called: as in [`crate::sync`], each name ends in a
//! hash of the namespaces, the tables and the columns.

use sha2::{Digest, Sha256};
use underpin_catalog::{Name, RelationName};

use crate::sync::{EARLY_TRIGGER, TRIGGER};

/// The names of a fact.
pub(super) struct Names {
    hash: String,
}

impl Names {
    pub(super) fn of<'a>(
        tables: impl IntoIterator<Item = &'a RelationName>,
        columns: impl IntoIterator<Item = &'a Name>,
    ) -> Self {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            // The length keeps parts apart whatever they contain.
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        for table in tables {
            part(table.namespace.as_ref().map_or("", Name::as_str));
            part(table.name.as_str());
        }
        columns.into_iter().for_each(|column| part(column.as_str()));
        Self { hash: hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect() }
    }

    /// A trigger that fires behind all others of its table, and by number among ours.
    pub(super) fn trigger(&self, role: &str) -> Name {
        Name::new(format!("{TRIGGER}{role}_{}", self.hash))
    }

    /// A trigger that fires before all others, those of foreign keys (`RI_…`) among them.
    pub(super) fn early_trigger(&self, role: &str) -> Name {
        Name::new(format!("{EARLY_TRIGGER}{role}_{}", self.hash))
    }

    /// A function that a trigger of this table calls; it lives beside the table.
    pub(super) fn function(&self, table: &RelationName, role: &str) -> RelationName {
        let stem = Name::new(format!("underpin_{}", table.name.as_str()));
        table.sibling(stem.with_suffix(&format!("_{role}_{}", self.hash)))
    }
}
