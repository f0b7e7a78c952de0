//! Statements that refuse a transaction block (25001), and those that need one (25P01).

use pg_query::protobuf::node::Node as NodeEnum;

use super::{Asked, Certainty, Failure, FailureKind, Found};
use crate::effect::{Effect, Reach};
use crate::sending::is_discard_all;

pub(super) fn find(asked: &Asked<'_>, found: &mut Vec<Failure>) {
    let words = first_words(&asked.statement.text);
    if asked.in_block && is_discard_all(asked.statement) {
        Found { all: found, at: 0 }.certain(FailureKind::Transaction, "25001", "DISCARD ALL", IN_BLOCK);
    }
    if !asked.in_block && needs_block(asked.statement.node.as_ref()) {
        let why = "outside a transaction it has no effect that could last, so PostgreSQL refuses it";
        Found { all: found, at: 0 }.certain(FailureKind::Transaction, "25P01", &words, why);
    }
    for (at, effect) in asked.statement.effects.iter().enumerate() {
        let mut found = Found { all: found, at };
        match effect {
            Effect::Do(program) => {
                if program.commits && asked.in_block {
                    let why = "a program that commits must not run inside a transaction";
                    found.certain(FailureKind::Transaction, "2D000", "DO", why);
                }
                let refusing: Vec<Reach> = program
                    .statements
                    .iter()
                    .filter(|inner| {
                        inner.effects.iter().any(|effect| effect.refuses_transaction(asked.around))
                    })
                    .map(|inner| inner.reach)
                    .collect();
                if let Some(reach) = refusing.iter().min() {
                    let certainty =
                        if *reach == Reach::Once { Certainty::Certain } else { Certainty::Likely };
                    let why =
                        "a statement that must not be in a transaction cannot be run by a program either";
                    found.push(FailureKind::Transaction, "25001", certainty, "DO", why);
                }
            }
            _ if asked.in_block
                && effect.refuses_transaction(asked.around)
                && !makes_no_slot(asked.statement.node.as_ref()) =>
            {
                found.certain(FailureKind::Transaction, "25001", &words, IN_BLOCK);
                // The others of the statement fail with it.
                return;
            }
            _ => {}
        }
    }
}

const IN_BLOCK: &str = "it must not be in a transaction";

/// A subscription that makes no replication slot may be made in a transaction.
fn makes_no_slot(node: &NodeEnum) -> bool {
    let NodeEnum::CreateSubscriptionStmt(statement) = node else { return false };
    statement.options.iter().any(|option| match &option.node {
        Some(NodeEnum::DefElem(option)) => matches!(option.defname.as_str(), "connect" | "create_slot"),
        _ => false,
    })
}

/// A cursor or a lock ends with its transaction.
fn needs_block(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::LockStmt(_) => true,
        // The grammar's bit for `WITH HOLD`, which outlives its transaction.
        NodeEnum::DeclareCursorStmt(cursor) => cursor.options & 0x0020 == 0,
        _ => false,
    }
}

/// `CREATE INDEX CONCURRENTLY`: the keywords that a statement begins with.
fn first_words(text: &str) -> String {
    let is_keyword = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let words: Vec<_> =
        text.split_whitespace().take_while(is_keyword).take(4).map(str::to_ascii_uppercase).collect();
    let known =
        ["CREATE", "DROP", "UNIQUE", "INDEX", "TABLE", "CONCURRENTLY", "REINDEX", "DATABASE", "SCHEMA"];
    match words.as_slice() {
        [first, rest @ ..] => {
            let rest = rest.iter().take_while(|word| known.contains(&word.as_str()));
            std::iter::once(first).chain(rest).cloned().collect::<Vec<_>>().join(" ")
        }
        [] => String::new(),
    }
}
