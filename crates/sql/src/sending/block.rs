//! What PostgreSQL makes of messages and of `BEGIN`, `COMMIT` and savepoints in them.
//!
//! The rules are the server's (`xact.c`), the same in PostgreSQL 10 to 18, and each is held against a
//! server by a test:
//!
//! - a message of one statement, outside a block, is a transaction of its own;
//! - the statements of a longer message are an implicit block. `BEGIN` in it turns all of it so far into an
//!   explicit one. After `COMMIT` or `ROLLBACK` the next statement of the message opens a new implicit block,
//!   so nothing behind `COMMIT;` in a message stands alone;
//! - an implicit block ends with its message, an explicit one goes on in the next.

use std::ops::Range;

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{DiscardMode, TransactionStmt, TransactionStmtKind as Kind};

use super::{Block, End, Remark, RemarkKind, Standing, Transaction};
use crate::statement::Statement;

/// What is told about a file.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) statements: Vec<Standing>,
    pub(super) transactions: Vec<Transaction>,
    pub(super) remarks: Vec<Remark>,
}

/// The statement as transaction control, if it is that.
pub(crate) fn control(statement: &Statement) -> Option<&TransactionStmt> {
    match statement.node.as_ref() {
        NodeEnum::TransactionStmt(control) => Some(control),
        _ => None,
    }
}

/// `DISCARD ALL`, which is refused in a block; its effect is that of `RESET ALL`, which is not.
pub(crate) fn is_discard_all(statement: &Statement) -> bool {
    matches!(statement.node.as_ref(), NodeEnum::DiscardStmt(discard) if discard.target() == DiscardMode::DiscardAll)
}

/// The file in messages, each a range of its statements.
pub(super) fn in_messages(statements: &[Statement], messages: impl Iterator<Item = Range<usize>>) -> Told {
    let mut server = Server::default();
    for (number, message) in messages.enumerate() {
        for at in message.clone() {
            server.execute(at, &statements[at], number, message.len() > 1);
        }
        server.end_message(message.end);
    }
    server.end_session(statements.len())
}

/// The file as underpin runs it: neighbours share a transaction unless one of them is to stand alone or the
/// file begins or ends one, and what the file leaves open is committed at its end.
pub(super) fn grouped(statements: &[Statement], stands_alone: impl Fn(&Statement) -> bool) -> Told {
    let mut server = Server::default();
    for (at, statement) in statements.iter().enumerate() {
        let control = control(statement).map(TransactionStmt::kind);
        let begins = matches!(control, Some(Kind::TransStmtBegin | Kind::TransStmtStart));
        let alone = control.is_none() && stands_alone(statement);
        if (begins || alone) && !server.explicit {
            server.close(at, End::Committed);
        } else if server.open.is_none() && !server.chained {
            server.open = Some((at, Block::Explicit));
        }
        server.execute(at, statement, at, false);
        if alone && !server.explicit {
            server.close(at + 1, End::Committed);
        }
    }
    server.close(statements.len(), End::Committed);
    server.told
}

/// A session's transaction state.
#[derive(Debug, Default)]
struct Server {
    told: Told,
    /// The first statement of the open transaction, and what it is.
    open: Option<(usize, Block)>,
    /// It was opened by the file's `BEGIN`.
    explicit: bool,
    /// `AND CHAIN`: the next statement is in a new explicit transaction.
    chained: bool,
    savepoints: Vec<(String, usize)>,
}

impl Server {
    fn execute(&mut self, at: usize, statement: &Statement, message: usize, among_others: bool) {
        if self.open.is_none() {
            let kind = match (std::mem::take(&mut self.chained), among_others) {
                (true, _) => Block::Explicit,
                (false, true) => Block::Implicit,
                (false, false) => Block::None,
            };
            self.open = Some((at, kind));
        }
        let (_, block) = self.open.unwrap_or((at, Block::None));
        self.told.statements.push(Standing {
            message,
            transaction: self.told.transactions.len(),
            block,
            undone: false,
        });
        if let Some(control) = control(statement) {
            self.control(at, control);
        }
    }

    fn control(&mut self, at: usize, control: &TransactionStmt) {
        let first = self.open.map_or(at, |(first, _)| first);
        match control.kind() {
            Kind::TransStmtBegin | Kind::TransStmtStart => {
                if self.explicit {
                    self.remark(at, RemarkKind::BeginInside);
                    return;
                }
                if first < at {
                    self.remark(at, RemarkKind::BeginTakesIn);
                }
                self.open = Some((first, Block::Explicit));
                self.explicit = true;
            }
            Kind::TransStmtCommit => {
                self.end(at, control, End::Committed, RemarkKind::CommitOutside);
            }
            Kind::TransStmtRollback => {
                self.end(at, control, End::RolledBack, RemarkKind::RollbackOutside);
            }
            Kind::TransStmtPrepare => self.end(at, control, End::Prepared, RemarkKind::CommitOutside),
            Kind::TransStmtSavepoint | Kind::TransStmtRelease | Kind::TransStmtRollbackTo
                if !self.explicit =>
            {
                self.remark(at, RemarkKind::SavepointOutside);
            }
            Kind::TransStmtSavepoint => self.savepoints.push((control.savepoint_name.clone(), at)),
            Kind::TransStmtRelease => {
                if let Some(level) = self.savepoint(control) {
                    self.savepoints.truncate(level);
                }
            }
            Kind::TransStmtRollbackTo => {
                if let Some(level) = self.savepoint(control) {
                    let since = self.savepoints[level].1;
                    self.savepoints.truncate(level + 1);
                    self.undo(since + 1..at);
                }
            }
            // They settle somebody's prepared transaction and touch no transaction of this session.
            Kind::TransStmtCommitPrepared | Kind::TransStmtRollbackPrepared | Kind::Undefined => {}
        }
    }

    fn end(&mut self, at: usize, control: &TransactionStmt, end: End, outside: RemarkKind) {
        if !self.explicit {
            if control.chain {
                self.remark(at, RemarkKind::ChainOutside);
                return;
            }
            self.remark(at, outside);
        }
        let prepared_nothing = end == End::Prepared && !self.explicit;
        self.chained = control.chain;
        self.close(at + 1, if prepared_nothing { End::Committed } else { end });
        self.explicit = self.chained;
    }

    fn savepoint(&self, control: &TransactionStmt) -> Option<usize> {
        self.savepoints.iter().rposition(|(name, _)| *name == control.savepoint_name)
    }

    fn close(&mut self, behind: usize, end: End) {
        let Some((first, kind)) = self.open.take() else { return };
        self.explicit = false;
        self.savepoints.clear();
        if matches!(end, End::RolledBack | End::LeftOpen) {
            self.undo(first..behind);
        }
        self.told.transactions.push(Transaction { statements: first..behind, kind, end });
    }

    fn end_message(&mut self, behind: usize) {
        if !self.explicit {
            self.close(behind, End::Committed);
        }
    }

    fn end_session(mut self, behind: usize) -> Told {
        if self.explicit {
            // After a last `COMMIT AND CHAIN` the open transaction has no statement yet: that one began it.
            let begin = self.open.map_or(behind.saturating_sub(1), |(first, _)| self.begin_of(first));
            self.remark(begin, RemarkKind::LeftOpen);
            self.close(behind, End::LeftOpen);
        }
        self.told
    }

    /// Where an open transaction was begun: at `BEGIN`, which may stand behind statements that it took in.
    fn begin_of(&self, first: usize) -> usize {
        let took_in = self.told.remarks.iter().rev().find(|remark| remark.kind == RemarkKind::BeginTakesIn);
        took_in.map(|remark| remark.statement).filter(|at| *at > first).unwrap_or(first)
    }

    fn undo(&mut self, statements: Range<usize>) {
        for standing in &mut self.told.statements[statements] {
            standing.undone = true;
        }
    }

    fn remark(&mut self, statement: usize, kind: RemarkKind) {
        self.told.remarks.push(Remark { statement, kind });
    }
}
