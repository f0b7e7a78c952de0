//! How a file reaches the server, and which transactions it becomes there.
//!
//! The same text is one transaction or twenty, and that depends on who sends it. Prisma up to 7.3 sends a
//! file as one message (a simple query), and PostgreSQL runs the statements of one message in one
//! transaction. Prisma since 7.4 sends a message for each statement, unless the parser inside its engine
//! cannot read one of them ([`Unreadable`]): then the file goes whole, as before. `psql` sends each
//! statement by itself. underpin groups what may share a transaction.
//!
//! What `BEGIN`, `COMMIT` and savepoints then do is PostgreSQL's business, the same for all
//! senders, and told here for each statement. Nothing is said about statements that fail: what is told
//! holds as long as none does.

mod block;
mod splitter;

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use underpin_catalog::{Name, ServerVersion};

pub(crate) use self::block::{control, is_discard_all};
pub use self::splitter::Unreadable;
use self::splitter::{Until, judge};
use crate::statement::Statement;
use crate::surroundings::Surroundings;

/// Who sends a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// Prisma up to 7.3: the file is one message.
    PrismaWhole,
    /// Prisma since 7.4: a message for each statement, if its parser can read them all.
    PrismaSplit,
    /// underpin: statements that may share a transaction do, others stand alone, and `BEGIN … COMMIT`
    /// of the file is kept.
    Underpin,
    /// `psql` and other clients that send one statement at a time.
    Autocommit,
}

/// How a file is sent and what becomes of each statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sending {
    /// Who sends it.
    pub sender: Sender,
    /// How it is cut into messages.
    pub cut: Cut,
    /// Where each statement stands, in the order of the file.
    pub statements: Vec<Standing>,
    /// The transactions, in order.
    pub transactions: Vec<Transaction>,
    /// What PostgreSQL warns about or refuses in the file's own transaction control.
    pub remarks: Vec<Remark>,
}

/// How a file is cut into messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cut {
    /// One message, because this sender never cuts.
    Whole,
    /// One message, because Prisma's parser cannot read this statement. It is the first of its kind:
    /// [`unreadable`] tells all.
    Fallback(Unreadable),
    /// A message for each statement.
    Statements,
    /// Taken to be a message for each statement. Prisma's parser was not asked about a statement of more than
    /// 1 MiB, one with very many operators in a row or function calls nested more than about 15 deep, or what
    /// is behind the first 16 MiB of a file: if it cannot read one of those, the file is sent whole.
    StatementsAssumed {
        /// The first statement that it was not asked about, from 0.
        not_asked: usize,
    },
}

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The message that carries it, from 0.
    pub message: usize,
    /// Its transaction, an index of [`Sending::transactions`]. `BEGIN` belongs to the transaction that it
    /// begins, `COMMIT` to the one that it ends.
    pub transaction: usize,
    /// What it finds itself in when it begins.
    pub block: Block,
    /// Nothing of it stays: the file itself rolls it back, or ends inside its transaction.
    pub undone: bool,
}

/// What PostgreSQL takes a statement to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// No block: the statement is its own transaction.
    None,
    /// The block that several statements of one message make, also after an inner `COMMIT`.
    Implicit,
    /// The block that `BEGIN` opened.
    Explicit,
}

impl Block {
    /// Whether statements that must stand alone are refused here (SQLSTATE 25001): `CREATE INDEX
    /// CONCURRENTLY`, `VACUUM`, `DISCARD ALL` and others. Also whether `SET LOCAL` and `LOCK TABLE` mean
    /// anything here.
    pub fn is_block(self) -> bool {
        self != Self::None
    }
}

/// A transaction of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// Its statements, `BEGIN` and `COMMIT` among them.
    pub statements: Range<usize>,
    /// What made it. `BEGIN` in the middle of a message takes the message's earlier statements in, and
    /// makes the whole explicit.
    pub kind: Block,
    /// How it ends.
    pub end: End,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With its message, or by `COMMIT`.
    Committed,
    /// By `ROLLBACK`.
    RolledBack,
    /// By `PREPARE TRANSACTION`: somebody else commits it, in this session or another.
    Prepared,
    /// Not in this file. Prisma runs the next file, and its own bookkeeping, in it, says that all went
    /// well, and loses everything when it disconnects.
    LeftOpen,
}

/// What PostgreSQL says about the file's transaction control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The statement, from 0.
    pub statement: usize,
    /// What is to be said.
    pub kind: RemarkKind,
}

/// Kinds of [`Remark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemarkKind {
    /// `BEGIN` inside a block that `BEGIN` opened: a warning (25001), and nothing happens.
    BeginInside,
    /// `BEGIN` behind other statements of one message: they become part of its transaction. PostgreSQL
    /// says nothing.
    BeginTakesIn,
    /// `COMMIT` without `BEGIN`: a warning (25P01). In a message of several statements it commits what
    /// precedes it there.
    CommitOutside,
    /// `ROLLBACK` without `BEGIN`: a warning (25P01). In a message of several statements it undoes what
    /// precedes it there.
    RollbackOutside,
    /// `AND CHAIN` without `BEGIN`: refused (25P01).
    ChainOutside,
    /// `SAVEPOINT`, `RELEASE` or `ROLLBACK TO` without `BEGIN`: refused (25P01), also in a message of
    /// several statements.
    SavepointOutside,
    /// The transaction that begins here is open when the file ends.
    LeftOpen,
}

impl RemarkKind {
    /// Whether the server refuses the statement, so that nothing behind it runs.
    pub fn is_refused(self) -> bool {
        match self {
            Self::ChainOutside | Self::SavepointOutside => true,
            Self::BeginInside
            | Self::BeginTakesIn
            | Self::CommitOutside
            | Self::RollbackOutside
            | Self::LeftOpen => false,
        }
    }

    /// What PostgreSQL sends with its warning or refusal.
    pub fn sqlstate(self) -> Option<&'static str> {
        match self {
            Self::BeginInside => Some("25001"),
            Self::CommitOutside | Self::RollbackOutside | Self::ChainOutside | Self::SavepointOutside => {
                Some("25P01")
            }
            Self::BeginTakesIn | Self::LeftOpen => None,
        }
    }
}

impl fmt::Display for RemarkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeginInside => "BEGIN inside a transaction does nothing: PostgreSQL warns (25001)",
            Self::BeginTakesIn => "BEGIN takes the statements before it into its transaction",
            Self::CommitOutside => "COMMIT without BEGIN: PostgreSQL warns (25P01)",
            Self::RollbackOutside => "ROLLBACK without BEGIN: PostgreSQL warns (25P01)",
            Self::ChainOutside => "AND CHAIN without BEGIN is refused (25P01)",
            Self::SavepointOutside => "a savepoint without BEGIN is refused (25P01)",
            Self::LeftOpen => "the transaction that begins here is still open when the file ends",
        })
    }
}

impl Sending {
    /// The transaction of a statement.
    ///
    /// # Panics
    /// When the file has no such statement.
    pub fn transaction_of(&self, statement: usize) -> &Transaction {
        &self.transactions[self.statements[statement].transaction]
    }

    /// Whether all of the file takes effect, or nothing of it.
    pub fn is_atomic(&self) -> bool {
        self.transactions.len() <= 1
    }
}

/// How `sender` sends the file `text`, whose statements are `statements`, in a session without an open
/// transaction.
pub fn sending(text: &str, statements: &[Statement], sender: Sender) -> Sending {
    let cut = match sender {
        Sender::PrismaWhole => Cut::Whole,
        // A single statement is the same either way.
        Sender::PrismaSplit if statements.len() > 1 => {
            let judged = judge(text, statements, Until::First);
            match (judged.unreadable.into_iter().next(), judged.not_asked) {
                (Some(unreadable), _) => Cut::Fallback(unreadable),
                (None, Some(not_asked)) => Cut::StatementsAssumed { not_asked },
                (None, None) => Cut::Statements,
            }
        }
        Sender::PrismaSplit | Sender::Underpin | Sender::Autocommit => Cut::Statements,
    };
    let told = match (sender, &cut) {
        (Sender::Underpin, _) => block::grouped(statements, stands_alone),
        (_, Cut::Whole | Cut::Fallback(_)) => {
            block::in_messages(statements, std::iter::once(0..statements.len()))
        }
        (_, Cut::Statements | Cut::StatementsAssumed { .. }) => {
            block::in_messages(statements, (0..statements.len()).map(|at| at..at + 1))
        }
    };
    Sending {
        sender,
        cut,
        statements: told.statements,
        transactions: told.transactions,
        remarks: told.remarks,
    }
}

/// All statements that Prisma's parser (since 7.4) cannot read. One of them in a file of several
/// statements, and the file is sent whole.
pub fn unreadable(text: &str, statements: &[Statement]) -> Vec<Unreadable> {
    judge(text, statements, Until::All).unreadable
}

/// Whether PostgreSQL refuses the statement in any block (25001), as far as its text tells: `REINDEX` of a
/// partitioned table, which only a catalog knows, is not among them.
pub fn stands_alone(statement: &Statement) -> bool {
    let nothing = Surroundings::empty(ServerVersion::of_major(18), Name::new("public"));
    is_discard_all(statement) || statement.effects.iter().any(|effect| effect.refuses_transaction(&nothing))
}

#[cfg(test)]
mod tests;
