//! What a statement can do to a running application, by stable codes.
//!
//! One vocabulary for what deploy refuses and what lint warns of: teams write the codes into `--allow`, into
//! settings and into comments that ignore a finding.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
/// A reason, by its stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// `drop-table`.
    DropTable,
    /// `rename-table`: also a move to another namespace.
    RenameTable,
    /// `drop-column`.
    DropColumn,
    /// `rename-column`.
    RenameColumn,
    /// `change-type`.
    ChangeType,
    /// `required-column-without-default`.
    RequiredColumnWithoutDefault,
    /// `drop-unique`.
    DropUnique,
    /// `drop-type`.
    DropType,
    /// `rename-type`.
    RenameType,
    /// `rename-enum-value`.
    RenameEnumValue,
    /// `truncate`.
    Truncate,
    /// `rewrite`.
    Rewrite,
    /// `table-scan`.
    TableScan,
    /// `index-build`.
    IndexBuild,
    /// `bulk-update`.
    BulkUpdate,
    /// `bulk-delete`.
    BulkDelete,
    /// `lock-table`.
    LockTable,
    /// `transaction-block`.
    TransactionBlock,
    /// `transaction-control`: cannot be allowed, because it cannot be done.
    TransactionControl,
    /// `edited-migration`: a file that is applied is not what it was.
    EditedMigration,
    /// `unknown-migration`: the ledger has a migration that the folder has not.
    UnknownMigration,
    /// `unproven-twin`: the online form could not be compared with the file as written.
    UnprovenTwin,
    /// `not-parked`: a file says that something is put away before it is dropped, and it cannot be.
    NotParked,
}

impl ReasonCode {
    /// All codes, in the order of the documentation.
    pub const ALL: [Self; 23] = [
        Self::DropTable,
        Self::RenameTable,
        Self::DropColumn,
        Self::RenameColumn,
        Self::ChangeType,
        Self::RequiredColumnWithoutDefault,
        Self::DropUnique,
        Self::DropType,
        Self::RenameType,
        Self::RenameEnumValue,
        Self::Truncate,
        Self::Rewrite,
        Self::TableScan,
        Self::IndexBuild,
        Self::BulkUpdate,
        Self::BulkDelete,
        Self::LockTable,
        Self::TransactionBlock,
        Self::TransactionControl,
        Self::EditedMigration,
        Self::UnknownMigration,
        Self::UnprovenTwin,
        Self::NotParked,
    ];

    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DropTable => "drop-table",
            Self::RenameTable => "rename-table",
            Self::DropColumn => "drop-column",
            Self::RenameColumn => "rename-column",
            Self::ChangeType => "change-type",
            Self::RequiredColumnWithoutDefault => "required-column-without-default",
            Self::DropUnique => "drop-unique",
            Self::DropType => "drop-type",
            Self::RenameType => "rename-type",
            Self::RenameEnumValue => "rename-enum-value",
            Self::Truncate => "truncate",
            Self::Rewrite => "rewrite",
            Self::TableScan => "table-scan",
            Self::IndexBuild => "index-build",
            Self::BulkUpdate => "bulk-update",
            Self::BulkDelete => "bulk-delete",
            Self::LockTable => "lock-table",
            Self::TransactionBlock => "transaction-block",
            Self::TransactionControl => "transaction-control",
            Self::EditedMigration => "edited-migration",
            Self::UnknownMigration => "unknown-migration",
            Self::UnprovenTwin => "unproven-twin",
            Self::NotParked => "not-parked",
        }
    }

    /// What happens to the application.
    pub(crate) fn harm(self) -> &'static str {
        match self {
            Self::DropTable | Self::RenameTable => {
                "every statement of the running release that names the table fails (42P01)"
            }
            Self::DropColumn | Self::RenameColumn => {
                "the running release names every column in its reads and writes, so they fail (42703), also where the \
                 code does not use this one"
            }
            Self::ChangeType => {
                "prepared statements that return the column fail until their connection is replaced (0A000), and a \
                 type that is not binary compatible is written anew while nobody can read the table"
            }
            Self::RequiredColumnWithoutDefault => {
                "inserts of the running release, which does not know the column, fail (23502), and so does the \
                 statement itself on rows that the file has not filled"
            }
            Self::DropUnique => "upserts of the running release that rely on it fail (42P10)",
            Self::DropType | Self::RenameType => {
                "statements of the running release that cast to the type fail (42704)"
            }
            Self::RenameEnumValue => {
                "the running release neither can write the old value nor knows the new one"
            }
            Self::Truncate => "the rows are gone, and nobody can read the table meanwhile",
            Self::Rewrite => "all reads and writes of the table wait while PostgreSQL writes every row anew",
            Self::TableScan => "reads or writes of the table wait while PostgreSQL looks at every row",
            Self::IndexBuild => "writes to the table wait while PostgreSQL builds the index",
            Self::BulkUpdate => {
                "every row that it has updated is locked until it commits, and the table grows by as much as it changes"
            }
            Self::BulkDelete => "every row that it has deleted is locked until it commits",
            Self::LockTable => "all others wait until the transaction ends",
            Self::TransactionBlock => {
                "between BEGIN and COMMIT it would hold its locks while it works, and split up it would not be all or \
                 nothing"
            }
            Self::TransactionControl => "it would end or divide the transaction that the step is recorded in",
            Self::EditedMigration => "the file does not say any more what was executed",
            Self::UnknownMigration => "the folder is not the history of this database",
            Self::UnprovenTwin => {
                "without the proof nobody knows that the online form ends in the same schema"
            }
            Self::NotParked => "what was to be kept for a while would be gone at once",
        }
    }

    /// What to do instead.
    pub(crate) fn instead(self) -> &'static str {
        match self {
            Self::DropTable | Self::DropColumn => {
                "release a version that does not use it first, then drop it: underpin plan holds the drop until then"
            }
            Self::RenameTable => {
                "keep the name in the database with @@map, or let underpin plan write it in phases"
            }
            Self::RenameColumn => {
                "keep the name in the database with @map, or let underpin plan write it in phases"
            }
            Self::ChangeType => {
                "let underpin plan write a column of the new type beside the old one, in phases"
            }
            Self::RequiredColumnWithoutDefault => {
                "let underpin plan write it in phases, or add it with a default"
            }
            Self::DropUnique => {
                "release a version that does not upsert by it first, then drop it: underpin plan holds the drop until then"
            }
            Self::DropType | Self::RenameType => {
                "add a column of the new type beside the old one and move over"
            }
            Self::RenameEnumValue => "add the new value, move rows and releases over, and leave the old one",
            Self::Truncate => "delete in batches, or fill a new table",
            Self::Rewrite => "add a new column or table beside it, fill it in batches, and move over",
            Self::TableScan => "add the constraint NOT VALID and validate it in a later migration",
            Self::IndexBuild => "build the index CONCURRENTLY, in a migration of its own",
            Self::BulkUpdate => "update in parts, each of them by primary key or with a condition of its own",
            Self::BulkDelete => "delete in parts by primary key, outside the migration",
            Self::LockTable => "leave the lock out; underpin takes the locks that each step needs",
            Self::TransactionBlock => "take BEGIN and COMMIT out of the file",
            Self::TransactionControl => "take the statement out of the file",
            Self::EditedMigration => "restore the file and put the change into a new migration",
            Self::UnknownMigration => "deploy from the commit that has the migration",
            Self::UnprovenTwin => {
                "make the history replay on an empty database, or give a server with --postgres-bin"
            }
            Self::NotParked => {
                "drop it in a statement of its own outside BEGIN and COMMIT, or take the comment `park` out"
            }
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ReasonCode {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|code| code.as_str() == text).ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

/// Not one of the codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no reason called {0}; a refusal tells the code to allow")]
pub struct UnknownReason(String);
