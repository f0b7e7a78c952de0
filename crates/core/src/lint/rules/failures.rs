//! What PostgreSQL will refuse: one judgement, [`underpin_sql::failure`], under the name of each reason.
//!
//! Nothing is told twice: a required column without a default has a rule of its own, which says more.

use underpin_catalog::{Name, RelationName};
use underpin_sql::Effect;
use underpin_sql::effect::ColumnDefault;
use underpin_sql::failure::{Certainty, Failure, FailureKind, failures};
use underpin_sql::sending::{Block, Cut, Sender};

use super::super::case::Case;
use super::super::effects::{EffectKind, Placed};
use super::super::finding::{Confidence, Finding, Severity};

/// For rows that no query finds before the migration has run.
const NOT_THERE_YET: &str = "no query can tell before the column is there: see that what fills it keeps to this, or try the \
     migration on a copy of production";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    let all = failures(case.statement, case.world.facts(), case.in_block(), case.so_far);
    for failure in &all {
        // underpin commits a new value before it is used, unless the file itself says BEGIN.
        if failure.kind == FailureKind::EnumValue
            && case.file.around.sender == Sender::Underpin
            && !begins_itself(case)
        {
            continue;
        }
        let by_rows = failure.kind == FailureKind::Rows;
        if !by_rows || (concerns_rows(case, failure) && !is_told(case, failure, found)) {
            found.push(tell(case, failure));
        }
    }
}

/// The file's own `BEGIN` is around the statement.
fn begins_itself(case: &Case<'_>) -> bool {
    let transaction = case.file.sending.transaction_of(case.at).statements.clone();
    let control = case.file.effects.with(EffectKind::Transaction, "", "");
    !control.since(transaction.start).before(transaction.end).is_empty()
}

/// The rule of a reason.
fn name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Transaction => "refused-in-transaction",
        FailureKind::EnumValue => "enum-value-used-early",
        FailureKind::TypeChange => "type-change-blocked",
        FailureKind::Dependents => "drop-blocked",
        FailureKind::PendingEvents => "pending-trigger-events",
        FailureKind::Concurrently => "concurrently-unsupported",
        FailureKind::NotValid => "not-valid-unsupported",
        FailureKind::Missing => "missing-object",
        FailureKind::Duplicate => "duplicate-object",
        FailureKind::Newer => "newer-syntax",
        FailureKind::NameTooLong => "name-too-long",
        FailureKind::Definition => "refused-definition",
        FailureKind::Rows => "data-may-refuse",
    }
}

fn tell(case: &Case<'_>, failure: &Failure) -> Finding {
    let severity = match (failure.kind, failure.certainty) {
        (FailureKind::Rows, _) => Severity::Caution,
        (_, Certainty::Certain | Certainty::Likely) => Severity::Blocker,
        (_, Certainty::IfRows) => Severity::Danger,
    };
    let message = match failure.kind {
        FailureKind::Rows => format!("{}: PostgreSQL refuses the statement then", failure.why),
        FailureKind::Transaction if case.in_block() => {
            format!("{}, and {}: PostgreSQL refuses it", failure.why, why_in_block(case))
        }
        _ => format!("{}: PostgreSQL refuses the statement", failure.why),
    };
    let mut telling = case
        .tell(name(failure.kind), severity, message)
        .about(&failure.object)
        .sure(confidence(case, failure))
        .failing(failure.sqlstate)
        .instead(advice(failure));
    match failure.check.as_ref().filter(|check| can_be_asked(case, failure, check)) {
        Some(check) => telling = telling.checked_by(check),
        None if failure.kind == FailureKind::Rows => telling = telling.instead(NOT_THERE_YET),
        None => {}
    }
    if failure.kind == FailureKind::Rows {
        telling = telling.assuming("nobody looked at the rows");
    }
    if let Some(bytes) = &failure.bytes {
        let start = case.statement.span.start;
        telling = telling.at(case.file, start + bytes.start..start + bytes.end);
    }
    telling.done()
}

/// The query is asked before the migration runs: it must not name a column that the migration adds.
fn can_be_asked(case: &Case<'_>, failure: &Failure, check: &str) -> bool {
    let Some(table) = &failure.table else { return true };
    let adds = |column: &Name| {
        case.world.is_new_column(table, column)
            || case.statement.effects.iter().any(|effect| {
                matches!(effect, Effect::AddColumn(added)
                    if added.column == *column && case.world.facts().resolve(&added.table) == *table)
            })
    };
    !failure.columns.iter().any(|column| adds(column) && check.contains(&column.to_string()))
}

fn why_in_block(case: &Case<'_>) -> &'static str {
    match (case.standing().block, &case.file.sending.cut) {
        (Block::Explicit, _) => "the file itself is in a transaction here",
        (_, Cut::Fallback(_)) => {
            "this file goes to the server whole, as one transaction, because Prisma's parser cannot read all of it"
        }
        _ => "this version of Prisma sends a file of several statements as one transaction",
    }
}

fn confidence(case: &Case<'_>, failure: &Failure) -> Confidence {
    let facts = case.world.facts();
    let by_text = matches!(
        failure.kind,
        FailureKind::Transaction | FailureKind::Newer | FailureKind::NotValid | FailureKind::NameTooLong
    );
    match (failure.certainty, &failure.table) {
        (_, Some(table)) => case.confidence(table).min(Confidence::Medium),
        (Certainty::Certain, None) if by_text || facts.complete => Confidence::High,
        (Certainty::Certain | Certainty::Likely | Certainty::IfRows, None) => Confidence::Medium,
    }
}

/// What to do.
fn advice(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::Transaction if failure.sqlstate == "25P01" => {
            "put it between BEGIN and COMMIT together with what needs it"
        }
        FailureKind::Transaction => {
            "give it a migration of its own, with nothing else in the file; `underpin deploy` runs it outside a \
             transaction wherever it stands"
        }
        FailureKind::EnumValue => "use the value in a later migration than the one that adds it",
        FailureKind::TypeChange => match failure.sqlstate {
            "42804" | "42846" => {
                "say with USING what becomes of a value, and drop a default before the change and set it behind"
            }
            _ => "drop what reads the column, change the type, and make it again, in one migration",
        },
        FailureKind::Dependents => match failure.sqlstate {
            "0A000" => "truncate the referencing tables in the same statement, or delete the rows",
            _ => "drop what depends on it first, by its name, so that the migration says all that goes",
        },
        FailureKind::PendingEvents => {
            "change rows and tables in different migrations, or say SET CONSTRAINTS ALL IMMEDIATE between them"
        }
        FailureKind::Concurrently => {
            "leave CONCURRENTLY out, or for a partitioned table: build the index ON ONLY the parent, concurrently on \
             each partition, and attach them"
        }
        FailureKind::NotValid => {
            "for a unique constraint build the index CONCURRENTLY and add the constraint USING INDEX; for a \
             partitioned table add the foreign key to its partitions"
        }
        FailureKind::Missing => "correct the name, or say IF EXISTS where its absence is as good",
        FailureKind::Duplicate => {
            "if another migration makes it, leave it out here; IF NOT EXISTS keeps whatever is there, alike or not"
        }
        FailureKind::Newer => "write it for the server that runs, or upgrade that first",
        FailureKind::NameTooLong => "choose a shorter value",
        FailureKind::Definition => "correct the definition",
        FailureKind::Rows => {
            "run the query on production before deploying, and correct the rows that it finds"
        }
    }
}

/// Whether rows that somebody else wrote are concerned: not those of a table that the file makes, and not a
/// column that it adds and that is still NULL everywhere.
fn concerns_rows(case: &Case<'_>, failure: &Failure) -> bool {
    let Some(table) = &failure.table else { return true };
    if !case.is_used(table) || !case.may_have_rows(table) {
        return false;
    }
    if failure.columns.iter().any(|column| is_required_by_file(case, table, column)) {
        return false;
    }
    let is_added_before = |column: &Name| case.file.added_before.contains(&(table.clone(), column.clone()));
    if failure.columns.iter().any(is_added_before) {
        // What the triggers and the phases write into it is not there yet. What it presupposes, a plan verifies by
        // the old column before its first phase.
        return failure.sqlstate == "23502" && !is_filled(case, table);
    }
    let is_null = |column: &Name| {
        case.world.is_new_column(table, column)
            && case
                .world
                .facts()
                .relation(table)
                .and_then(|facts| facts.column(column))
                .is_some_and(|column| !column.has_default)
            && !is_filled(case, table)
    };
    match failure.sqlstate {
        // One NULL is enough to be equal to nothing and to refer to nothing.
        "23505" | "23503" => !failure.columns.iter().any(is_null),
        "23514" => failure.columns.is_empty() || !failure.columns.iter().all(is_null),
        _ => true,
    }
}

/// Whether the file has added the column NOT NULL and without a default, which only a table without rows takes,
/// and has put no row in since.
fn is_required_by_file(case: &Case<'_>, table: &RelationName, column: &Name) -> bool {
    let facts = case.world.facts();
    let is_table = |name: &RelationName| facts.resolve(name) == *table;
    let effects = &case.file.effects;
    let name = table.name.as_str();
    let additions = effects.with(EffectKind::AddColumn, name, column.as_str()).before(case.at);
    let is_addition = |one: &Placed<'_>| one.effect.table().is_some_and(is_table);
    let Some(added) = additions.placed().rfind(is_addition) else { return false };
    let is_required = matches!(added.effect, Effect::AddColumn(added)
        if added.not_null && added.default == ColumnDefault::None);
    let puts_in = |effect: &Effect| match effect {
        Effect::Insert { table, .. } | Effect::Merge { table, .. } => is_table(table),
        Effect::Copy { table: Some(table), writes } => *writes && is_table(table),
        _ => false,
    };
    is_required
        && effects.with(EffectKind::Run, "", "").before(case.at).behind(added).is_empty()
        && !effects.with(EffectKind::Write, name, "").before(case.at).behind(added).any(puts_in)
}

/// Whether the file has written to the table so far.
fn is_filled(case: &Case<'_>, table: &RelationName) -> bool {
    let facts = case.world.facts();
    let effects = &case.file.effects;
    let is_table = |effect: &Effect| effect.table().is_some_and(|written| facts.resolve(written) == *table);
    !effects.with(EffectKind::Run, "", "").before(case.at).is_empty()
        || effects.with(EffectKind::Write, table.name.as_str(), "").before(case.at).any(is_table)
}

/// `required-column-without-default` was told of this statement, or `enum-recreated` tells of the values that go.
fn is_told(case: &Case<'_>, failure: &Failure, found: &[Finding]) -> bool {
    let effect = case.statement.effects.get(failure.effect);
    found.iter().any(|one| one.rule == "required-column-without-default")
        || failure.sqlstate == "22P02"
            && effect.is_some_and(|effect| super::enum_recreated::tells_of_values(case, effect))
}
