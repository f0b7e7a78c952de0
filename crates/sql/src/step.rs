//! What we do to a database: a list of steps, each with the locks it takes and the fact that tells
//! that it is complete.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use underpin_catalog::{LockMode, Name, RelationName, Sql, sql};

/// Identifies a step by what it does and where in the migration it stands, so that the same file
/// gives the same ids whenever and wherever it is planned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The id of the step that executes `sql` as the `part`th part of the `statement`th statement.
    pub fn of(statement: usize, part: usize, sql: &Sql) -> Self {
        let digest = Sha256::digest(sql.as_str().as_bytes());
        let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{}.{}-{short}", statement + 1, part + 1))
    }

    /// As the journal stores it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id that the journal gave back.
    pub fn from_journal(stored: String) -> Self {
        Self(stored)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing that we do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Stable across planning again.
    pub id: StepId,
    /// For people: "build index User_email_key on User without blocking writes".
    pub intent: String,
    /// How it is executed.
    pub action: Action,
    /// How it shares transactions with its neighbours.
    pub transaction: Transaction,
    /// Table locks that it takes and holds to the end of its transaction.
    pub locks: Vec<LockClaim>,
    /// How long it works while it holds them.
    pub duration: Duration,
    /// The catalog fact that is true exactly when the step is complete.
    pub done: Probe,
    /// The line in the migration file where the statement begins that this step serves, from 1.
    pub line: u32,
}

/// How a step is executed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Action {
    /// Send the text as it is.
    Execute {
        /// One statement.
        sql: Sql,
    },
    /// Build an index concurrently; an invalid leftover that our journal owns is dropped first.
    BuildIndex {
        /// `CREATE [UNIQUE] INDEX CONCURRENTLY …`
        sql: Sql,
        /// The index, in the namespace of its table.
        index: RelationName,
    },
    /// Update a table in batches along its primary key, the cursor committed with each batch.
    Batches(Batches),
}

/// A table-wide `UPDATE`, or an `INSERT` of something for each row of a table, in batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batches {
    /// The table whose rows the batches go along.
    pub table: RelationName,
    /// Its primary key, in order.
    pub key: Vec<Name>,
    /// What is done, verbatim from the file.
    pub work: BatchWork,
    /// The file's own condition, verbatim.
    pub filter: Option<Sql>,
    /// The table's alias in the statement, when it has one.
    pub alias: Option<Name>,
}

/// What a batch does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchWork {
    /// `"a" = …, "b" = …`: updates the rows.
    Set(Sql),
    /// Inserts something for each row.
    Insert {
        /// `INSERT INTO … SELECT …`, up to `FROM`.
        head: Sql,
        /// `FOR UPDATE ON CONFLICT …`
        tail: Sql,
    },
}

impl Batches {
    /// The same rows in one statement.
    pub fn in_one(&self) -> Sql {
        self.statement(self.filter.as_ref())
    }

    /// The statement for rows that meet a condition, which stands in place of the file's own.
    pub fn statement(&self, condition: Option<&Sql>) -> Sql {
        let part = |text: Option<Sql>| text.unwrap_or_else(|| Sql::verbatim(""));
        let alias = part(self.alias.as_ref().map(|alias| sql!(" AS {}", alias)));
        let condition = part(condition.map(|condition| sql!(" WHERE {}", condition)));
        match &self.work {
            BatchWork::Set(set) => sql!("UPDATE {}{} SET {}{}", self.table, alias, set, condition),
            BatchWork::Insert { head, tail } => {
                sql!("{} FROM {}{}{} {}", head, self.table, alias, condition, tail)
            }
        }
    }
}

/// How a step shares a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transaction {
    /// May share one transaction with its neighbours.
    Shared,
    /// Must commit before the next step begins (its locks must not be held any longer, or the next
    /// statement needs to see it committed).
    EndsHere,
    /// A transaction of its own, nothing before it and nothing after it in the same.
    Own,
    /// Cannot run in a transaction block at all (SQLSTATE 25001).
    Alone,
}

/// A table lock that a step takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockClaim {
    /// The relation.
    pub relation: RelationName,
    /// The strongest mode.
    pub mode: LockMode,
}

/// How long a statement works while it holds its locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duration {
    /// Changes the catalog alone: milliseconds whatever the size of the table.
    Instant,
    /// Reads the whole table.
    Scan,
    /// Builds an index.
    Build,
    /// Writes the whole table anew.
    Rewrite,
    /// Waits for old snapshots, holding nothing that blocks the application.
    WaitsForSnapshots,
    /// Not known.
    Unknown,
}

/// A question to the catalog whose answer tells whether a step is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum Probe {
    /// The step commits its journal row with its effect: the journal is the answer.
    Journal,
    /// The index is there, valid and ready.
    IndexValid {
        /// The index.
        index: RelationName,
    },
    /// No index of this name is there.
    IndexAbsent {
        /// The index.
        index: RelationName,
    },
    /// Running it a second time does no harm and is the way to know: `VACUUM`, `REINDEX`.
    Repeat,
    /// Nothing in the catalog tells; a person has to look.
    Nobody,
}
