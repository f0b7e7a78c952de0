//! The parts that statements are made of: types, expressions, lists, options.

use std::collections::BTreeMap;

use crate::model::{RoutineKind, RoutineName, SequenceOptions, TypeRef};
use crate::sql::{Literal, Sql, SqlPart};
use crate::{Name, RelationName, sql};

/// Text that the server deparsed, or a word of SQL out of the catalog.
pub(super) fn deparsed(text: &str) -> Sql {
    // What pg_get_viewdef and pg_get_ruledef print ends with a semicolon.
    Sql::verbatim(text.trim().trim_end_matches(';'))
}

/// A statement and what follows it when there is something.
pub(super) fn and(statement: Sql, more: Option<Sql>) -> Sql {
    match more {
        Some(more) => sql!("{} {}", statement, more),
        None => statement,
    }
}

/// Clauses one behind the other.
pub(super) fn joined(clauses: impl IntoIterator<Item = Sql>) -> Sql {
    clauses.into_iter().reduce(|all, next| sql!("{} {}", all, next)).unwrap_or_else(|| sql!(""))
}

/// A type as a statement names it: PostgreSQL's own by their words, all others quoted and qualified.
pub(super) fn type_of(of: &TypeRef) -> Sql {
    let own = of.name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog");
    if own {
        return Sql::verbatim(of.to_string());
    }
    let modifiers: Vec<Sql> = of.modifiers.iter().map(Sql::verbatim).collect();
    let name = match modifiers.is_empty() {
        true => sql!("{}", of.name),
        false => sql!("{}({})", of.name, modifiers),
    };
    if of.array { sql!("{}[]", name) } else { name }
}

/// `COLLATE …`, when one is said.
pub(super) fn collate(collation: Option<&RelationName>) -> Option<Sql> {
    collation.map(|collation| sql!("COLLATE {}", collation))
}

/// A routine with the types that tell it from its namesakes.
pub(super) fn routine(name: &RoutineName) -> Sql {
    let arguments: Vec<Sql> = name.arguments.iter().map(type_of).collect();
    sql!("{}({})", name.name, arguments)
}

/// What a routine is called in `DROP`, `ALTER`, `GRANT` and `COMMENT`.
pub(super) fn routine_word(kind: RoutineKind) -> Sql {
    match kind {
        RoutineKind::Function | RoutineKind::Window => sql!("FUNCTION"),
        RoutineKind::Procedure => sql!("PROCEDURE"),
        RoutineKind::Aggregate => sql!("AGGREGATE"),
    }
}

/// A list in parentheses.
pub(super) fn columns(names: &[Name]) -> Sql {
    sql!("({})", names)
}

/// The name of an option. `toast.` before it is no part of an identifier.
pub(super) fn option_name(name: &str) -> Sql {
    match name.strip_prefix("toast.") {
        Some(rest) => sql!("toast.{}", Name::new(rest)),
        None => sql!("{}", Name::new(name)),
    }
}

/// `(name = 'value', …)`.
pub(super) fn options(options: &BTreeMap<String, String>) -> Sql {
    let pairs: Vec<Sql> =
        options.iter().map(|(name, value)| sql!("{} = {}", option_name(name), Literal(value))).collect();
    sql!("({})", pairs)
}

/// `WITH (…)`, when there are options.
pub(super) fn with(given: &BTreeMap<String, String>) -> Option<Sql> {
    (!given.is_empty()).then(|| sql!("WITH {}", options(given)))
}

/// The clauses that turn options into others: `SET (…)` and `RESET (…)`.
pub(super) fn option_changes(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<Sql> {
    let set: BTreeMap<String, String> = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let reset: Vec<Sql> =
        before.keys().filter(|name| !after.contains_key(*name)).map(|name| option_name(name)).collect();
    let mut clauses = Vec::new();
    if !set.is_empty() {
        clauses.push(sql!("SET {}", options(&set)));
    }
    if !reset.is_empty() {
        clauses.push(sql!("RESET ({})", reset));
    }
    clauses
}

/// All that a sequence counts, as `CREATE SEQUENCE`, `ALTER SEQUENCE` and `AS IDENTITY (…)` take it. The
/// type of an identity is its column's.
pub(super) fn sequence_options(options: &SequenceOptions) -> Sql {
    let SequenceOptions { type_ref: _, start, increment, min, max, cache, cycle } = options;
    let cycle = if *cycle { sql!("CYCLE") } else { sql!("NO CYCLE") };
    sql!(
        "INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} CACHE {} {}",
        increment,
        min,
        max,
        start,
        cache,
        cycle
    )
}

/// `SET TABLESPACE` to the database's own has a name too.
pub(super) fn tablespace(name: Option<&Name>) -> Sql {
    name.map_or_else(|| sql!("pg_default"), |name| sql!("{}", name))
}

/// Parts with commas between, whatever they are.
pub(super) fn list<T: SqlPart>(parts: impl IntoIterator<Item = T>) -> Sql {
    let parts: Vec<T> = parts.into_iter().collect();
    sql!("{}", parts)
}
