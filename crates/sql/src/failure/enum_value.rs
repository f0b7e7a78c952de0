//! A value that the same transaction added to an enum, used before it is committed (55P04).
//!
//! PostgreSQL refuses it wherever the text becomes the value: in a default, a condition, a cast, a function
//! in SQL. A body of PL/pgSQL is text until it runs.

use pg_query::protobuf::Node;
use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use super::{Asked, Certainty, Failure, FailureKind, Found};
use crate::effect::Effect;
use crate::surroundings::Surroundings;

pub(super) fn find(asked: &Asked<'_>, found: &mut Vec<Failure>) {
    let adds_only = |effect: &Effect| {
        matches!(
            effect,
            Effect::AddEnumValue { .. } | Effect::RenameEnumValue { .. } | Effect::Comment { .. }
        )
    };
    if asked.so_far.enum_values.is_empty()
        || asked.statement.effects.iter().all(adds_only)
        || is_text_until_it_runs(asked.statement.node.as_ref())
    {
        return;
    }
    for (name, value) in &asked.so_far.enum_values {
        if !asked.statement.says(value) {
            continue;
        }
        let Some(certainty) = used(asked, name) else { continue };
        let why = format!(
            "value {value} of {} is added by the same transaction, and cannot be used before that is committed",
            name.shown()
        );
        Found { all: found, at: 0 }.push(FailureKind::EnumValue, "55P04", certainty, name.shown(), why);
    }
}

/// How sure it is that the text is the value: a default of such a column, or a word beside the type's name. In
/// a statement that merely reads or writes a table with such a column it may be meant for another.
fn used(asked: &Asked<'_>, name: &RelationName) -> Option<Certainty> {
    let around = asked.around;
    let is_type =
        |other: Option<&RelationName>| other.is_some_and(|other| around.resolve_type(other) == *name);
    let has_column = |table: &RelationName| has_column_of(around, table, name);
    let mut certainty = None;
    for effect in &asked.statement.effects {
        let one = match effect {
            Effect::AddColumn(added) if is_type(added.to.user_defined.as_ref()) => Some(Certainty::Certain),
            Effect::CreateTable(created)
                if created.columns.iter().any(|column| is_type(column.to.user_defined.as_ref())) =>
            {
                Some(Certainty::Certain)
            }
            Effect::SetDefault { column, .. } if changes_type(asked, column) => None,
            Effect::SetDefault { table, column } => {
                match around.relation(table).and_then(|facts| facts.column(column)) {
                    Some(column) => is_type(column.type_name.as_ref()).then_some(Certainty::Certain),
                    None => (!around.complete).then_some(Certainty::Likely),
                }
            }
            Effect::ChangeColumnType { to, .. } if is_type(to.user_defined.as_ref()) => {
                Some(Certainty::Likely)
            }
            Effect::AddColumn(_) | Effect::CreateTable(_) | Effect::ChangeColumnType { .. } => None,
            _ => {
                let contents = asked.statement.contents();
                let casts = asked.statement.text.contains(name.name.as_str());
                let reads = contents.relations.iter().any(has_column);
                let works_on = effect.table().is_some_and(has_column);
                let program = matches!(effect, Effect::Do(_) | Effect::CreateRoutine { .. });
                (casts || reads || works_on || program).then_some(Certainty::Likely)
            }
        };
        certainty = certainty.max(one);
    }
    certainty
}

/// The column is of another type when its default is set.
fn changes_type(asked: &Asked<'_>, column: &Name) -> bool {
    asked.also(|other| matches!(other, Effect::ChangeColumnType { column: changed, .. } if changed == column))
}

fn has_column_of(around: &Surroundings, table: &RelationName, name: &RelationName) -> bool {
    around
        .relation(table)
        .is_some_and(|facts| facts.columns.iter().any(|column| column.type_name.as_ref() == Some(name)))
}

/// A function in another language than SQL is not looked into when it is made.
fn is_text_until_it_runs(node: &NodeEnum) -> bool {
    let NodeEnum::CreateFunctionStmt(statement) = node else { return false };
    let language = statement.options.iter().find_map(|option: &Node| match &option.node {
        Some(NodeEnum::DefElem(option)) if option.defname == "language" => {
            match option.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
                Some(NodeEnum::String(word)) => Some(word.sval.as_str()),
                _ => None,
            }
        }
        _ => None,
    });
    language.is_some_and(|language| !language.eq_ignore_ascii_case("sql"))
}
