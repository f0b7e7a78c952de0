//! Folder and ledger side by side: what is pending, and where the two disagree.
//!
//! `deploy` asks only for failed rows and for folders without a live row; it looks neither at
//! checksums nor at the order, nor for folders that are gone. `status` compares both ways, and
//! differently before 7.9. This module computes all of it; who stops for what is the caller's.

use std::collections::{HashMap, HashSet};

use crate::{History, LedgerRow, Migration, PrismaVersion, RowState};

/// What comparing a folder with a ledger gives. Names keep the folder's order where they stand in
/// the folder, else the ledger's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alignment {
    /// Folders without a live row: what `deploy` of every version would run, in this order.
    pub pending: Vec<String>,
    /// Folders with a row that says applied.
    pub applied: Vec<String>,
    /// Rows begun and not done, of any name. One is enough to stop `deploy` (P3009).
    pub failed: Vec<LedgerRow>,
    /// Applied or failed migrations whose script is no longer what the row was written for.
    pub edited: Vec<Edited>,
    /// Names with a live row and no folder: the ledger knows more than the folder.
    pub unknown: Vec<String>,
    /// Pending folders that stand before an applied one. `deploy` runs them without a word,
    /// although they were not written for this state.
    pub out_of_order: Vec<String>,
    /// Names whose rows are all rolled back.
    pub rolled_back: Vec<String>,
    /// Names with several live rows, which Prisma itself never writes.
    pub duplicates: Vec<String>,
    /// Applied folders whose `migration.sql` is gone. `deploy` does not care, `status` says P3015.
    pub scripts_missing: Vec<String>,
    /// How far folder and ledger are apart as `prisma migrate status` sees it.
    pub gap: Option<Gap>,
}

/// A script that differs from the one that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The migration.
    pub name: String,
    /// The checksum in the ledger.
    pub stored: String,
    /// The checksum of the file as it is now.
    pub found: String,
}

/// The three ways in which histories differ, in the words of Prisma's engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// Some folders have not been applied.
    DatabaseIsBehind {
        /// Folders that `status` lists.
        unapplied: Vec<String>,
    },
    /// Some rows have no folder, and nothing is unapplied. `status` finds this fine.
    DirectoryIsBehind {
        /// The rows' names, as often as they occur.
        unpersisted: Vec<String>,
    },
    /// Both.
    Diverged {
        /// The folder before the first unapplied one.
        last_common: Option<String>,
        /// Folders that `status` lists.
        unapplied: Vec<String>,
        /// The rows' names, as often as they occur.
        unpersisted: Vec<String>,
    },
}

/// Compares a folder with a ledger's rows, which are in the order of their `started_at`.
///
/// `version` is that of the installed Prisma and changes only [`Alignment::gap`]; unknown counts
/// as current. To the ledger of a database that has none, pass no rows.
pub fn align(history: &History, rows: &[LedgerRow], version: Option<PrismaVersion>) -> Alignment {
    let live: Vec<&LedgerRow> = rows.iter().filter(|row| row.state() != RowState::RolledBack).collect();
    let mut live_by_name: HashMap<&str, Vec<&LedgerRow>> = HashMap::new();
    for &row in &live {
        live_by_name.entry(&row.migration_name).or_default().push(row);
    }
    let folders: HashSet<&str> = history.migrations().iter().map(|m| m.name.as_str()).collect();
    let rows_of = |migration: &Migration| live_by_name.get(migration.name.as_str());
    let is_applied = |migration: &Migration| {
        rows_of(migration).is_some_and(|rows| rows.iter().any(|row| row.state() == RowState::Applied))
    };
    let names = |wanted: &dyn Fn(&Migration) -> bool| -> Vec<String> {
        history.migrations().iter().filter(|m| wanted(m)).map(|m| m.name.clone()).collect()
    };

    let pending = names(&|migration| rows_of(migration).is_none());
    let last_applied = history.migrations().iter().rposition(is_applied);
    let out_of_order = history.migrations()[..last_applied.unwrap_or(0)]
        .iter()
        .filter(|migration| rows_of(migration).is_none())
        .map(|migration| migration.name.clone())
        .collect();
    let edited =
        history.migrations().iter().filter_map(|migration| edited(migration, rows_of(migration)?)).collect();

    Alignment {
        pending,
        applied: names(&is_applied),
        failed: live.iter().filter(|row| row.state() == RowState::Failed).map(|&row| row.clone()).collect(),
        edited,
        unknown: distinct(live.iter().map(|row| &row.migration_name))
            .filter(|name| !folders.contains(name.as_str()))
            .cloned()
            .collect(),
        out_of_order,
        rolled_back: distinct(rows.iter().map(|row| &row.migration_name))
            .filter(|name| !live_by_name.contains_key(name.as_str()))
            .cloned()
            .collect(),
        duplicates: distinct(live.iter().map(|row| &row.migration_name))
            .filter(|name| live_by_name[name.as_str()].len() > 1)
            .cloned()
            .collect(),
        scripts_missing: names(&|migration| migration.script.is_none() && is_applied(migration)),
        gap: gap(history, rows, version),
    }
}

/// Like Prisma, only the first live row of a name is compared.
fn edited(migration: &Migration, live_rows: &[&LedgerRow]) -> Option<Edited> {
    let script = migration.script.as_ref()?;
    let row = live_rows.first()?;
    (!script.matches_checksum(&row.checksum)).then(|| Edited {
        name: migration.name.clone(),
        stored: row.checksum.clone(),
        found: script.checksum().to_string(),
    })
}

/// Up to 7.8 a rolled-back row counts like any other: after `resolve --rolled-back`, `status`
/// calls the database up to date although `deploy` would run the migration again.
fn gap(history: &History, rows: &[LedgerRow], version: Option<PrismaVersion>) -> Option<Gap> {
    let leaves_out = version.is_none_or(PrismaVersion::ignores_rolled_back_rows);
    let counted: Vec<&str> = rows
        .iter()
        .filter(|row| !(leaves_out && row.state() == RowState::RolledBack))
        .map(|row| row.migration_name.as_str())
        .collect();
    let recorded: HashSet<&str> = counted.iter().copied().collect();

    let folders = history.migrations();
    let first_unapplied = folders.iter().position(|m| !recorded.contains(m.name.as_str()));
    let unapplied: Vec<String> =
        folders.iter().map(|m| &m.name).filter(|n| !recorded.contains(n.as_str())).cloned().collect();
    let unpersisted: Vec<String> =
        counted.iter().filter(|name| history.get(name).is_none()).map(|&name| name.to_owned()).collect();

    match (unapplied.is_empty(), unpersisted.is_empty()) {
        (true, true) => None,
        (false, true) => Some(Gap::DatabaseIsBehind { unapplied }),
        (true, false) => Some(Gap::DirectoryIsBehind { unpersisted }),
        (false, false) => Some(Gap::Diverged {
            last_common: first_unapplied
                .and_then(|index| index.checked_sub(1))
                .map(|index| folders[index].name.clone()),
            unapplied,
            unpersisted,
        }),
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> impl Iterator<Item = &'a String> {
    let mut seen = HashSet::new();
    names.filter(move |name| seen.insert(name.as_str()))
}

#[cfg(test)]
#[path = "alignment_tests.rs"]
mod tests;
