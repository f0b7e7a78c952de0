//! Syntax and functions that the server is too old for (42601, 42883).
//!
//! The grammar that reads a file is PostgreSQL 18's, so all of it is understood here; a server refuses what
//! came after it, before it runs anything of the message.

use pg_query::protobuf::Token as Kind;
use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::RelationName;

use super::{Asked, Certainty, Failure, FailureKind};
use crate::effect::{AddColumn, AddConstraint, ColumnDefault, ConstraintKind, Effect};
use crate::statement::{Token, tokens};

/// Words that stand in a row nowhere else.
struct Clause {
    words: &'static [&'static str],
    since: u32,
    sqlstate: &'static str,
    what: &'static str,
}

const fn clause(words: &'static [&'static str], since: u32, what: &'static str) -> Clause {
    Clause { words, since, sqlstate: "42601", what }
}

/// Newest first: of two clauses of one statement the one that more servers refuse is told.
const CLAUSES: &[Clause] = &[
    clause(&["NOT", "ENFORCED"], 18, "NOT ENFORCED"),
    clause(&["WITHOUT", "OVERLAPS"], 18, "WITHOUT OVERLAPS"),
    Clause { words: &["RETURNING", "OLD", "."], since: 18, sqlstate: "42P01", what: "RETURNING OLD" },
    Clause { words: &["RETURNING", "NEW", "."], since: 18, sqlstate: "42P01", what: "RETURNING NEW" },
    clause(&["SET", "EXPRESSION", "AS"], 17, "SET EXPRESSION"),
    clause(&["NOT", "MATCHED", "BY", "SOURCE"], 17, "WHEN NOT MATCHED BY SOURCE"),
    clause(&["GRANT", "MAINTAIN"], 17, "the privilege MAINTAIN"),
    clause(&["JSON_TABLE", "("], 17, "JSON_TABLE"),
    clause(&["JSON_EXISTS", "("], 17, "JSON_EXISTS"),
    clause(&["JSON_VALUE", "("], 17, "JSON_VALUE"),
    clause(&["JSON_QUERY", "("], 17, "JSON_QUERY"),
    clause(&["SET", "STORAGE", "DEFAULT"], 16, "SET STORAGE DEFAULT"),
    clause(&["JSON_ARRAYAGG", "("], 16, "JSON_ARRAYAGG"),
    clause(&["JSON_OBJECTAGG", "("], 16, "JSON_OBJECTAGG"),
    clause(&["IS", "JSON"], 16, "IS JSON"),
    clause(&["NULLS", "NOT", "DISTINCT"], 15, "NULLS NOT DISTINCT"),
    clause(&["SET", "ACCESS", "METHOD"], 15, "SET ACCESS METHOD"),
    clause(&["FOR", "TABLES", "IN", "SCHEMA"], 15, "FOR TABLES IN SCHEMA"),
    clause(&["ADD", "TABLES", "IN", "SCHEMA"], 15, "ADD TABLES IN SCHEMA"),
    Clause { words: &["security_invoker"], since: 15, sqlstate: "22023", what: "security_invoker" },
    clause(&["MERGE", "INTO"], 15, "MERGE"),
];

/// Functions by the version that has them first.
const FUNCTIONS: &[(&str, u32)] = &[
    ("uuidv7", 18),
    ("uuidv4", 18),
    ("array_sort", 18),
    ("array_reverse", 18),
    ("casefold", 18),
    ("crc32", 18),
    ("crc32c", 18),
    ("to_bin", 17),
    ("to_oct", 17),
    ("uuid_extract_timestamp", 17),
    ("uuid_extract_version", 17),
    ("any_value", 16),
    ("array_shuffle", 16),
    ("array_sample", 16),
    ("date_add", 16),
    ("date_subtract", 16),
    ("pg_input_is_valid", 16),
    ("random_normal", 16),
    ("regexp_count", 15),
    ("regexp_instr", 15),
    ("regexp_like", 15),
    ("regexp_substr", 15),
];

pub(super) fn find(asked: &Asked<'_>, found: &mut Vec<Failure>) {
    let major = asked.around.version.major();
    if major < 18
        && let Some((what, since)) = by_effect(asked).filter(|(_, since)| *since > major)
    {
        found.push(failure("42601", what, since, major, 0..asked.statement.text.len()));
        return;
    }
    if major >= 18 || !mentions(&asked.statement.text) {
        return;
    }
    let text = &asked.statement.text;
    let tokens = tokens(text);
    let own = |token: &Token| &text[token.start..token.end];
    for clause in CLAUSES.iter().filter(|clause| clause.since > major) {
        let at = (0..tokens.len()).find(|at| {
            clause.words.iter().enumerate().all(|(offset, word)| {
                tokens
                    .get(at + offset)
                    .is_some_and(|token| token.kind != Kind::Sconst && own(token).eq_ignore_ascii_case(word))
            })
        });
        if let Some(at) = at {
            let last = tokens[at + clause.words.len() - 1].end;
            let bytes = tokens[at].start..last;
            found.push(failure(clause.sqlstate, clause.what, clause.since, major, bytes));
            return;
        }
    }
    let returning_merge = text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("MERGE"))
        && tokens.iter().any(|token| own(token).eq_ignore_ascii_case("RETURNING"));
    if major < 17 && returning_merge {
        found.push(failure("42601", "MERGE … RETURNING", 17, major, 0..text.len()));
        return;
    }
    let makes_functions =
        asked.statement.effects.iter().any(|effect| matches!(effect, Effect::CreateRoutine { .. }));
    if makes_functions {
        return;
    }
    for (at, token) in tokens.iter().enumerate() {
        let name = own(token);
        let Some((function, since)) =
            FUNCTIONS.iter().find(|(function, since)| *since > major && function.eq_ignore_ascii_case(name))
        else {
            continue;
        };
        let is_call = tokens.get(at + 1).is_some_and(|next| own(next) == "(");
        let qualified = at > 0 && own(&tokens[at - 1]) == ".";
        // Many bring the function along until the server has it.
        let brought = asked.around.volatility(&RelationName::bare(*function)).is_some();
        if is_call && !qualified && !brought {
            let mut failure =
                failure("42883", &format!("{function}()"), *since, major, token.start..token.end);
            // An extension may have it.
            failure.certainty = Certainty::Likely;
            found.push(failure);
            return;
        }
    }
}

fn failure(
    sqlstate: &'static str,
    what: &str,
    since: u32,
    major: u32,
    bytes: std::ops::Range<usize>,
) -> Failure {
    Failure {
        kind: FailureKind::Newer,
        sqlstate,
        certainty: Certainty::Certain,
        object: what.to_owned(),
        why: format!("{what} is new in PostgreSQL {since}, and the server is {major}"),
        check: None,
        culprits: None,
        table: None,
        columns: Vec::new(),
        effect: 0,
        bytes: Some(bytes),
    }
}

/// What the effects say without a word of its own.
fn by_effect(asked: &Asked<'_>) -> Option<(&'static str, u32)> {
    let column = |added: &AddColumn| {
        (added.default == ColumnDefault::Virtual).then_some(("a generated column without STORED", 18))
    };
    let constraint = |added: &AddConstraint| {
        (added.kind == ConstraintKind::NotNull).then_some(("NOT NULL as a constraint of a table", 18))
    };
    asked.statement.effects.iter().enumerate().find_map(|(at, effect)| match effect {
        Effect::AddColumn(added) => column(added),
        Effect::AddConstraint(added) => constraint(added),
        Effect::CreateTable(created) => created
            .columns
            .iter()
            .find_map(column)
            .or_else(|| created.constraints.iter().find_map(constraint)),
        Effect::AlterConstraint { .. } => match asked.command(at)?.def.as_ref()?.node.as_ref()? {
            NodeEnum::AtalterConstraint(altered) if altered.alter_enforceability => {
                Some(("ALTER CONSTRAINT … ENFORCED", 18))
            }
            _ => None,
        },
        Effect::Register { reads, .. } if !reads.is_empty() => {
            Some(("columns or a condition in a publication", 15))
        }
        _ => None,
    })
}

/// Words by which a statement is worth looking closer: one of each clause.
const WORDS: &[&str] = &[
    "enforced",
    "overlaps",
    "returning",
    "expression",
    "matched",
    "maintain",
    "json_table",
    "json_exists",
    "json_value",
    "json_query",
    "storage",
    "json_arrayagg",
    "json_objectagg",
    "json",
    "nulls",
    "access",
    "tables",
    "security_invoker",
    "merge",
];

/// Which lengths words of a first letter have. Every word of every statement is looked up, and few are further
/// compared.
const LENGTHS: [u32; 26] = {
    let mut lengths = [0; 26];
    let mut at = 0;
    while at < WORDS.len() {
        let word = WORDS[at].as_bytes();
        lengths[(word[0] - b'a') as usize] |= 1 << word.len();
        at += 1;
    }
    at = 0;
    while at < FUNCTIONS.len() {
        let word = FUNCTIONS[at].0.as_bytes();
        lengths[(word[0] - b'a') as usize] |= 1 << word.len();
        at += 1;
    }
    lengths
};

/// Whether the text has such a word: taking it apart costs more than all else here.
fn mentions(text: &str) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.as_bytes().split(|byte| !is_part(byte)).any(|word| {
        let could_be = word.first().is_some_and(|first| {
            let letter = first.to_ascii_lowercase().wrapping_sub(b'a');
            word.len() < 32
                && LENGTHS.get(usize::from(letter)).is_some_and(|lengths| lengths >> word.len() & 1 == 1)
        });
        could_be
            && (WORDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
                || FUNCTIONS.iter().any(|(function, _)| word.eq_ignore_ascii_case(function.as_bytes())))
    })
}
