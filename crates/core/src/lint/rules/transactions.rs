//! What the file's own `BEGIN` and `COMMIT` come to: `left-open-transaction` and `transaction-control`.

use underpin_sql::sending::{Cut, RemarkKind};

use super::super::case::{FileCase, Seen};
use super::super::finding::{Finding, Severity};

pub(super) fn left_open(file: &FileCase<'_>, _: &[Seen], found: &mut Vec<Finding>) {
    for remark in file.sending.remarks.iter().filter(|remark| remark.kind == RemarkKind::LeftOpen) {
        let message = "the transaction that begins here is still open when the file ends: Prisma records the \
                       migration inside it, says that all went well, and loses both when it disconnects";
        found.push(
            file.tell_at(remark.statement, "left-open-transaction", Severity::Blocker, message)
                .instead("end it with COMMIT, or leave BEGIN out where the file is one transaction anyway")
                .done(),
        );
    }
}

pub(super) fn control(file: &FileCase<'_>, _: &[Seen], found: &mut Vec<Finding>) {
    let whole = matches!(file.sending.cut, Cut::Whole | Cut::Fallback(_));
    for remark in &file.sending.remarks {
        let (severity, message, advice) = match remark.kind {
            RemarkKind::LeftOpen => continue,
            // The file is one transaction, and says so: nothing is lost.
            RemarkKind::BeginTakesIn => continue,
            RemarkKind::BeginInside => (
                Severity::Caution,
                "BEGIN inside a transaction does nothing, and the COMMIT that was meant for it ends the outer one",
                "leave out the inner BEGIN and its COMMIT",
            ),
            RemarkKind::CommitOutside if whole => (
                Severity::Danger,
                "COMMIT without BEGIN commits what is before it in the file: if a later statement fails, that stays, \
                 while Prisma takes the migration for not applied",
                "leave it out, or begin the transaction with BEGIN",
            ),
            RemarkKind::RollbackOutside if whole => (
                Severity::Blocker,
                "ROLLBACK without BEGIN undoes what is before it in the file, and Prisma records the migration as applied",
                "leave it out",
            ),
            RemarkKind::CommitOutside | RemarkKind::RollbackOutside => (
                Severity::Caution,
                "there is no transaction to end: this version of Prisma sends each statement by itself",
                "leave it out, or put BEGIN where the transaction is to begin",
            ),
            RemarkKind::ChainOutside | RemarkKind::SavepointOutside => (
                Severity::Blocker,
                "without BEGIN there is no transaction that it could be in: PostgreSQL refuses it",
                "begin a transaction with BEGIN, and end it with COMMIT",
            ),
        };
        let mut telling =
            file.tell_at(remark.statement, "transaction-control", severity, message).instead(advice);
        if let (true, Some(sqlstate)) = (remark.kind.is_refused(), remark.kind.sqlstate()) {
            telling = telling.failing(sqlstate);
        }
        found.push(telling.done());
    }
}
