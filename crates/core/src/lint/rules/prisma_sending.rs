//! How Prisma sends the file: `not-atomic` and `batch-fallback`.

use underpin_sql::sending::Cut;
use underpin_sql::{Effect, Statement};

use super::super::case::{FileCase, Seen};
use super::super::finding::{Finding, Severity};

/// Since Prisma 7.4 each statement is a transaction of its own, so a file that fails in the middle is half done;
/// and so is one that divides itself.
pub(super) fn not_atomic(file: &FileCase<'_>, _: &[Seen], found: &mut Vec<Finding>) {
    if file.sending.is_atomic() {
        return;
    }
    let divided_by = match file.sending.cut {
        Cut::Statements | Cut::StatementsAssumed { .. } => "this version of Prisma sends",
        _ => "the file's own BEGIN and COMMIT divide",
    };
    let changing: Vec<usize> =
        (0..file.statements.len()).filter(|at| changes_something(&file.statements[*at])).collect();
    let [first, .., last] = changing.as_slice() else { return };
    let transactions = |at: &usize| file.sending.statements[*at].transaction;
    if transactions(first) == transactions(last) {
        return;
    }
    let message = format!(
        "{divided_by} {} statements {}: when one fails, those before it stay, the migration is marked failed (P3018), and \
         running it again fails at the first of them",
        changing.len(),
        if matches!(file.sending.cut, Cut::Statements | Cut::StatementsAssumed { .. }) {
            "one by one"
        } else {
            "into several transactions"
        },
    );
    found.push(
        file.tell_at(changing[1], "not-atomic", Severity::Info, message)
            .instead(
                "put BEGIN and COMMIT around what belongs together, or make each statement safe to repeat; `underpin \
                 deploy` remembers which statements took effect and goes on behind them",
            )
            .done(),
    );
}

/// One statement decides how the whole file is sent.
pub(super) fn batch_fallback(file: &FileCase<'_>, seen: &[Seen], found: &mut Vec<Finding>) {
    let Cut::Fallback(unreadable) = &file.sending.cut else { return };
    if file.statements.len() < 2 || seen.iter().all(|one| one.locks.is_empty()) {
        return;
    }
    let message = format!(
        "the SQL parser inside Prisma does not read this statement ({}), so the whole file is sent as one transaction: \
         all its locks are held to its end",
        unreadable.message
    );
    found.push(
        file.tell_at(unreadable.statement, "batch-fallback", Severity::Info, message)
            .instead(
                "move the statement into a migration of its own when the others should commit one by one",
            )
            .done(),
    );
}

fn changes_something(statement: &Statement) -> bool {
    statement.effects.iter().any(|effect| {
        !matches!(effect, Effect::Set(_) | Effect::TransactionControl(_) | Effect::Select { .. })
    })
}
