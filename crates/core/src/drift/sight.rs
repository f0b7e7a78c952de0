//! What an object is to people and to Prisma: the word for it, the relation that it belongs to, the order in
//! which it is told, and whether Prisma's own comparison sees it.

use serde_json::Value;
use underpin_catalog::object::{ObjectKey, ObjectKind};
use underpin_catalog::{Attributes, Difference, Facts};

/// The word for an object: what its kind is called, and where a kind has several forms, the form.
pub(super) fn word(key: &ObjectKey, attributes: &Attributes) -> String {
    let form = |attribute: &str| attributes.text(attribute);
    match (&key.kind, form("form"), form("kind")) {
        (ObjectKind::Table, Some("partitioned"), _) => "partitioned table".to_owned(),
        (ObjectKind::Table, Some("foreign"), _) => "foreign table".to_owned(),
        (ObjectKind::Type, Some("composite"), _) => "composite type".to_owned(),
        (ObjectKind::Type, Some(form), _) => form.to_owned(),
        (ObjectKind::Routine, _, Some("window")) => "function".to_owned(),
        (ObjectKind::Routine, _, Some(kind)) => kind.to_owned(),
        (kind, _, _) => kind.to_string(),
    }
}

/// The place of a kind among those that are told of one relation.
pub(super) fn rank(kind: &ObjectKind) -> usize {
    const ORDER: [ObjectKind; 10] = [
        ObjectKind::Table,
        ObjectKind::View,
        ObjectKind::MaterializedView,
        ObjectKind::Column,
        ObjectKind::Constraint,
        ObjectKind::Index,
        ObjectKind::Trigger,
        ObjectKind::Rule,
        ObjectKind::Policy,
        ObjectKind::Sequence,
    ];
    ORDER.iter().position(|known| known == kind).unwrap_or(ORDER.len())
}

/// Kinds that own others. Of a type these are the constraints of a domain.
pub(super) fn owns_others(kind: &ObjectKind) -> bool {
    matches!(kind, ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Type)
}

/// The relation, or the domain, that an object belongs to; a relation belongs to itself.
pub(super) fn relation_of(key: &ObjectKey, attributes: &Attributes) -> Option<String> {
    match key.kind {
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView => Some(key.identity.clone()),
        ObjectKind::Index | ObjectKind::Statistics => attributes.text("table").map(str::to_owned),
        ObjectKind::Column
        | ObjectKind::Constraint
        | ObjectKind::Trigger
        | ObjectKind::Rule
        | ObjectKind::Policy => Some(key.owner().to_owned()),
        ObjectKind::Sequence => {
            let column = ObjectKey::new(ObjectKind::Column, attributes.text("owned_by")?);
            Some(column.owner().to_owned())
        }
        _ => None,
    }
}

/// The columns that a NOT NULL constraint is about. Since PostgreSQL 18 what a column says of itself is a
/// constraint too.
pub(super) fn column_of_not_null(key: &ObjectKey, attributes: &Attributes) -> Option<(String, String)> {
    let is_one = key.kind == ObjectKind::Constraint && attributes.text("demands") == Some("not_null");
    let column = attributes.text("column").filter(|_| is_one)?;
    Some((key.owner().to_owned(), column.to_owned()))
}

/// Attributes of columns that Prisma reads. It takes an identity for a default.
const COLUMN: [&str; 4] = ["type", "not_null", "default", "identity"];
const KEY: [&str; 6] = ["columns", "referenced", "referenced_columns", "on_update", "on_delete", "demands"];
const INDEX: [&str; 4] = ["method", "unique", "keys", "table"];

/// Whether Prisma's own comparison of a database with a history sees the difference. Prisma 5 to 7 describe
/// tables, columns, enums, primary, unique and foreign keys, and indexes that are neither partial nor on
/// expressions; nothing else of a database exists for them.
pub(super) fn prisma_sees(
    key: &ObjectKey,
    differences: &[Difference],
    history: &Facts,
    database: &Facts,
) -> bool {
    let sides = [history.get(key), database.get(key)];
    let any = |test: &dyn Fn(&Attributes) -> bool| sides.iter().flatten().any(|side| test(side));
    let reads = |attributes: &[&str]| {
        let read = |one: &Difference| one.attribute.as_deref().is_none_or(|name| attributes.contains(&name));
        differences.iter().any(read)
    };
    match key.kind {
        ObjectKind::Table => any(&|side| side.text("form") != Some("foreign")) && reads(&[]),
        ObjectKind::Column => {
            let table = ObjectKey::new(ObjectKind::Table, key.owner());
            (history.get(&table).is_some() || database.get(&table).is_some()) && reads(&COLUMN)
        }
        ObjectKind::Type => any(&|side| side.text("form") == Some("enum")) && reads(&["labels"]),
        ObjectKind::Constraint => {
            let is_key = |side: &Attributes| {
                matches!(side.text("demands"), Some("primary_key" | "unique" | "foreign_key"))
            };
            any(&is_key) && reads(&KEY)
        }
        ObjectKind::Index => any(&is_plain) && reads(&INDEX),
        _ => false,
    }
}

/// Whether an index has no condition and no expression among its keys.
fn is_plain(index: &Attributes) -> bool {
    let keys = index.get("keys").and_then(Value::as_array);
    index.get("predicate").is_none()
        && keys.is_none_or(|keys| keys.iter().all(|key| key.get("expression").is_none()))
}
