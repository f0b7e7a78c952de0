//! The eight table-level lock modes and which exclude each other.
//!
//! PostgreSQL documentation, "Explicit Locking", table "Conflicting Lock Modes"; unchanged from
//! 13 to 18.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A table-level lock mode, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// `SELECT`.
    AccessShare,
    /// `SELECT … FOR UPDATE` and the like.
    RowShare,
    /// `INSERT`, `UPDATE`, `DELETE`, `MERGE`.
    RowExclusive,
    /// `VACUUM`, `ANALYZE`, `CREATE INDEX CONCURRENTLY`, `VALIDATE CONSTRAINT`.
    ShareUpdateExclusive,
    /// `CREATE INDEX`.
    Share,
    /// `CREATE TRIGGER`, adding a foreign key (on both tables).
    ShareRowExclusive,
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    Exclusive,
    /// `DROP TABLE`, most of `ALTER TABLE`.
    AccessExclusive,
}

impl LockMode {
    /// All modes, weakest first.
    pub const ALL: [LockMode; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// Whether a session that holds `self` makes a session that wants `other` wait.
    pub fn conflicts_with(self, other: LockMode) -> bool {
        use LockMode::*;
        let from = match self {
            AccessShare => AccessExclusive,
            RowShare => Exclusive,
            RowExclusive => Share,
            ShareUpdateExclusive => ShareUpdateExclusive,
            Share => {
                return matches!(
                    other,
                    RowExclusive | ShareUpdateExclusive | ShareRowExclusive | Exclusive | AccessExclusive
                );
            }
            ShareRowExclusive => RowExclusive,
            Exclusive => RowShare,
            AccessExclusive => AccessShare,
        };
        other >= from
    }

    /// Whether an application's ordinary statement (a read or a write) has to wait behind it.
    pub fn blocks_application(self) -> bool {
        self.conflicts_with(Self::RowExclusive)
    }

    /// As `pg_locks.mode` spells it: `AccessExclusiveLock`.
    pub fn catalog_name(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// The mode that `pg_locks.mode` names.
    pub fn from_catalog_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.catalog_name() == name)
    }
}

impl fmt::Display for LockMode {
    /// As `LOCK TABLE` spells it: `ACCESS EXCLUSIVE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_symmetric_and_those_of_the_documentation() {
        for a in LockMode::ALL {
            for b in LockMode::ALL {
                assert_eq!(a.conflicts_with(b), b.conflicts_with(a), "{a} against {b}");
            }
        }
        let counts = LockMode::ALL.map(|a| LockMode::ALL.iter().filter(|b| a.conflicts_with(**b)).count());
        assert_eq!(counts, [1, 2, 4, 5, 5, 6, 7, 8]);
        assert!(!LockMode::ShareUpdateExclusive.blocks_application());
        assert!(LockMode::Share.blocks_application());
    }
}
