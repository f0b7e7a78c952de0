#![allow(clippy::unwrap_used)]

use super::*;
use crate::read;

/// Each statement as its transaction and what it finds: `a` alone, `i` implicit, `e` explicit, with `!` when
/// nothing of it stays. Then the ends of the transactions, then what is remarked.
fn told(text: &str, sender: Sender) -> String {
    let statements = read(text).unwrap();
    let sent = sending(text, &statements, sender);
    assert_eq!(sent.statements.len(), statements.len());
    let mut words: Vec<String> = Vec::new();
    for standing in &sent.statements {
        let block = match standing.block {
            Block::None => "a",
            Block::Implicit => "i",
            Block::Explicit => "e",
        };
        words.push(format!("{block}{}{}", standing.transaction, if standing.undone { "!" } else { "" }));
    }
    let ends = sent.transactions.iter().map(|transaction| match transaction.end {
        End::Committed => 'c',
        End::RolledBack => 'r',
        End::Prepared => 'p',
        End::LeftOpen => 'o',
    });
    words.push(ends.collect());
    words.extend(sent.remarks.iter().map(|remark| format!("{}:{:?}", remark.statement, remark.kind)));
    let mut next = 0;
    for transaction in &sent.transactions {
        assert_eq!(transaction.statements.start, next, "transactions have no gaps");
        next = transaction.statements.end;
    }
    assert_eq!(next, statements.len());
    words.join(" ")
}

#[test]
fn a_message_is_a_transaction_unless_the_file_says_otherwise() {
    let of = |text| told(text, Sender::PrismaWhole);
    assert_eq!(of(""), "");
    assert_eq!(of("-- nothing\n"), "");
    assert_eq!(of("SELECT 1"), "a0 c");
    assert_eq!(of("SELECT 1; SELECT 2"), "i0 i0 c");
    assert_eq!(of("SELECT 1; COMMIT; SELECT 2; SELECT 3"), "i0 i0 i1 i1 cc 1:CommitOutside");
    assert_eq!(of("SELECT 1; ROLLBACK; SELECT 2"), "i0! i0! i1 rc 1:RollbackOutside");
    assert_eq!(of("BEGIN; SELECT 1; COMMIT"), "i0 e0 e0 c");
    assert_eq!(of("BEGIN; SELECT 1; COMMIT; SELECT 2"), "i0 e0 e0 i1 cc");
    assert_eq!(of("SELECT 1; BEGIN; SELECT 2; COMMIT"), "i0 i0 e0 e0 c 1:BeginTakesIn");
    assert_eq!(of("BEGIN; SELECT 1; ROLLBACK; SELECT 2"), "i0! e0! e0! i1 rc");
    assert_eq!(of("SELECT 1; SAVEPOINT a"), "i0 i0 c 1:SavepointOutside");
}

#[test]
fn statement_by_statement_each_is_its_own_until_begin() {
    for sender in [Sender::PrismaSplit, Sender::Autocommit] {
        let of = |text| told(text, sender);
        assert_eq!(of("SELECT 1; SELECT 2"), "a0 a1 cc");
        assert_eq!(of("BEGIN; SELECT 1; COMMIT; SELECT 2"), "a0 e0 e0 a1 cc");
        assert_eq!(of("COMMIT; SELECT 1"), "a0 a1 cc 0:CommitOutside");
        assert_eq!(of("BEGIN; BEGIN; END"), "a0 e0 e0 c 1:BeginInside");
        assert_eq!(of("SELECT 1; BEGIN; SELECT 2"), "a0 a1! e1! co 1:LeftOpen");
        assert_eq!(
            of("START TRANSACTION; SELECT 1; ROLLBACK AND CHAIN; SELECT 2; COMMIT"),
            "a0! e0! e0! e1 e1 rc"
        );
        assert_eq!(of("BEGIN; COMMIT AND CHAIN"), "a0 e0 c 1:LeftOpen");
        assert_eq!(of("COMMIT AND CHAIN; SELECT 1"), "a0 a1 cc 0:ChainOutside");
    }
}

#[test]
fn savepoints_undo_a_part() {
    let of = |text| told(text, Sender::Autocommit);
    assert_eq!(of("BEGIN; SAVEPOINT a; SELECT 1; ROLLBACK TO a; SELECT 2; COMMIT"), "a0 e0 e0! e0 e0 e0 c");
    assert_eq!(
        of("BEGIN; SAVEPOINT a; SELECT 1; SAVEPOINT b; SELECT 2; RELEASE a; ROLLBACK TO b; COMMIT"),
        "a0 e0 e0 e0 e0 e0 e0 e0 c"
    );
    assert_eq!(of("BEGIN; SELECT 1; PREPARE TRANSACTION 'x'; COMMIT PREPARED 'x'"), "a0 e0 e0 a1 pc");
}

#[test]
fn prisma_sends_a_file_whole_when_its_parser_cannot_read_it() {
    let text =
        "CREATE TABLE a (i int);\n-- é\nCREATE INDEX i ON a (i); DO $$ BEGIN END $$;\nVACUUM (ANALYZE) a;";
    let statements = read(text).unwrap();
    let sent = sending(text, &statements, Sender::PrismaSplit);
    let first = Unreadable {
        statement: 2,
        message: "Expected: an SQL statement, found: DO".to_owned(),
        line: 3,
        column: 26,
    };
    assert_eq!(sent.cut, Cut::Fallback(first.clone()));
    assert_eq!(sent.transactions.len(), 1);
    assert!(sent.statements.iter().all(|standing| standing.block == Block::Implicit));
    let all = unreadable(text, &statements);
    assert_eq!(all[0], first);
    assert_eq!((all[1].statement, all[1].line, all[1].column), (3, 4, 8));
    assert_eq!(all[1].message, "Expected: end of statement, found: (");
    assert_eq!(all.len(), 2);
}

#[test]
fn underpin_puts_neighbours_together_and_leaves_the_others_alone() {
    let of = |text: &str| told(text, Sender::Underpin);
    let build = "CREATE INDEX CONCURRENTLY i ON t (a)";
    assert_eq!(of(&format!("SELECT 1; SELECT 2; {build}; SELECT 3")), "e0 e0 a1 e2 ccc");
    assert_eq!(of("SELECT 1; BEGIN; SELECT 2; COMMIT; SELECT 3"), "e0 a1 e1 e1 e2 ccc");
    assert_eq!(of("BEGIN; SELECT 2"), "a0 e0 c");
    assert_eq!(of(&format!("BEGIN; {build}; COMMIT")), "a0 e0 e0 c");
}

#[test]
fn deep_and_long_statements_have_an_answer() {
    let split = |text: &str| sending(text, &read(text).unwrap(), Sender::PrismaSplit).cut;
    // Its own limit is 50.
    let nested = |depth| format!("SELECT 1; SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(split(&nested(20)), Cut::Statements);
    assert!(
        matches!(split(&nested(60)), Cut::Fallback(Unreadable { message, .. }) if message == "recursion limit exceeded")
    );
    // It reads each argument twice.
    let calls = |depth| format!("SELECT 1; SELECT {}a{}", "f(".repeat(depth), ")".repeat(depth));
    assert_eq!(split(&calls(10)), Cut::Statements);
    assert_eq!(split(&calls(30)), Cut::StatementsAssumed { not_asked: 1 });
    let casts = |depth| format!("SELECT 1; SELECT {}a{}", "CAST(".repeat(depth), " AS int)".repeat(depth));
    assert_eq!(split(&casts(30)), Cut::StatementsAssumed { not_asked: 1 });
    let cases =
        |depth| format!("SELECT 1; SELECT {}a{}", "CASE WHEN a THEN ".repeat(depth), " END".repeat(depth));
    assert_eq!(split(&cases(18)), Cut::StatementsAssumed { not_asked: 1 });
    // PostgreSQL keeps these in a list, Prisma's parser in a tree.
    let chain = |length| format!("SELECT 1; DELETE FROM t WHERE a = 1{}", " OR a = 1".repeat(length));
    assert_eq!(split(&chain(100)), Cut::Statements);
    assert_eq!(split(&chain(10_000)), Cut::Statements);
    assert_eq!(split(&chain(20_000)), Cut::StatementsAssumed { not_asked: 1 });
    let row = format!("INSERT INTO t VALUES ('{}')", "x".repeat(2 << 20));
    assert_eq!(split(&format!("SELECT 1; {row}")), Cut::StatementsAssumed { not_asked: 1 });
    assert!(matches!(
        split(&format!("{row}; REINDEX TABLE t")),
        Cut::Fallback(Unreadable { statement: 1, .. })
    ));
}
