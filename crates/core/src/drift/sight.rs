//! What a kind of object is to people and to Prisma: the relation that it belongs to, the order in which it
//! is told, and whether Prisma's own comparison sees it.

use underpin_catalog::flat::{Difference, Object, ObjectKey};

/// Kinds in the order in which they are told within a relation; others come behind.
const ORDER: [&str; 14] = [
    "table",
    "partitioned table",
    "foreign table",
    "view",
    "materialized view",
    "composite type",
    "column",
    "constraint",
    "index",
    "trigger",
    "rule",
    "policy",
    "sequence",
    "enum",
];

pub(super) fn rank(kind: &str) -> usize {
    ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len())
}

/// Kinds that own others.
pub(super) fn is_relation(kind: &str) -> bool {
    rank(kind) < 6
}

/// The relation that an object belongs to; a relation belongs to itself.
pub(super) fn relation_of(key: &ObjectKey, object: &Object) -> Option<String> {
    match key.kind.as_str() {
        kind if is_relation(kind) => Some(key.identity.clone()),
        "index" => object.0.get("table").cloned(),
        "column" | "constraint" | "trigger" | "rule" | "policy" => {
            Some(first_two_parts(&key.identity).to_owned())
        }
        "constraint trigger" => Some(first_two_parts(&key.identity).to_owned()),
        "sequence" => object.0.get("owned_by").map(|column| first_two_parts(column).to_owned()),
        _ => None,
    }
}

/// The column that a NOT NULL constraint is about. Since PostgreSQL 18 what a column says of itself is a
/// constraint too.
pub(super) fn column_of_not_null(key: &ObjectKey, object: &Object) -> Option<ObjectKey> {
    let definition = object.0.get("definition").filter(|_| key.kind == "constraint")?;
    let column = definition.strip_prefix("NOT NULL ")?;
    let column = column.trim_end_matches(" NOT VALID").trim_end_matches(" NO INHERIT");
    let (relation, _) = split_last(&key.identity);
    Some(ObjectKey { kind: "column".to_owned(), identity: format!("{relation}.{column}") })
}

/// `public."a.b".c` is `public."a.b"`.
fn first_two_parts(identity: &str) -> &str {
    dots(identity).nth(1).map_or(identity, |at| &identity[..at])
}

/// What an object belongs to, and its own name: `public."a.b".c` is `public."a.b"` and `c`. The first is empty
/// for an object that belongs to nothing.
pub fn split_last(identity: &str) -> (&str, &str) {
    dots(identity).last().map_or(("", identity), |at| (&identity[..at], &identity[at + 1..]))
}

/// Where the parts of a name end: the dots outside of quotes.
fn dots(identity: &str) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    identity.char_indices().filter_map(move |(at, character)| {
        quoted ^= character == '"';
        (character == '.' && !quoted).then_some(at)
    })
}

/// Attributes of columns that Prisma reads: type, nullability, default. It takes an identity for a default.
const COLUMN: [&str; 4] = ["type", "not_null", "default", "identity"];

/// Whether Prisma's own comparison of a database with a history sees the difference. Prisma 5 to 7 describe
/// tables, columns, enums, primary, unique and foreign keys, and indexes that are neither partial nor on
/// expressions; nothing else of a database exists for them.
pub(super) fn prisma_sees(
    key: &ObjectKey,
    before: Option<&Object>,
    after: Option<&Object>,
    differences: &[Difference],
) -> bool {
    let any = |test: &dyn Fn(&str) -> bool| {
        [before, after]
            .into_iter()
            .flatten()
            .any(|object| object.0.get("definition").is_some_and(|definition| test(definition)))
    };
    let one_sided = before.is_none() || after.is_none();
    let differs = |attributes: &[&str]| {
        differences.iter().any(|difference| attributes.contains(&difference.attribute.as_str()))
    };
    match key.kind.as_str() {
        "table" | "partitioned table" => one_sided,
        "column" => one_sided || differs(&COLUMN),
        "enum" => one_sided || differs(&["labels"]),
        "constraint" => {
            let key = |definition: &str| {
                ["PRIMARY KEY", "UNIQUE", "FOREIGN KEY"].iter().any(|word| definition.starts_with(word))
            };
            any(&key) && (one_sided || differs(&["definition"]))
        }
        "index" => {
            let plain = |definition: &str| !definition.contains(" WHERE ") && !has_expression(definition);
            any(&plain) && (one_sided || differs(&["definition", "unique"]))
        }
        _ => false,
    }
}

/// Whether the keys of an index, as PostgreSQL prints it, have a call or an expression: both bring a second
/// opening parenthesis.
fn has_expression(definition: &str) -> bool {
    let keys = definition.split_once(" USING ").map_or(definition, |(_, keys)| keys);
    keys.matches('(').count() > 1 + keys.matches(" INCLUDE (").count() + keys.matches(" WITH (").count()
}
