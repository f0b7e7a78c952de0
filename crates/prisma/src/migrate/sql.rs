//! Names and strings as Prisma writes them into SQL.

use underpin_catalog::{Name, RelationName};

/// A name in quotes. A quote inside is *not* doubled: Prisma does not do it either, and the text of its
/// scripts is what is written here. Such a script fails, with Prisma as with us.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{name}\"")
}

/// A string, single quotes doubled; a backslash is a backslash.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value of an enum. Here Prisma does not double single quotes either.
pub(super) fn enum_value(text: &str) -> String {
    format!("'{text}'")
}

/// Names in quotes, with a separator.
pub(super) fn identifiers<'a>(names: impl IntoIterator<Item = &'a Name>, separator: &str) -> String {
    let names: Vec<String> = names.into_iter().map(|name| identifier(name.as_str())).collect();
    names.join(separator)
}

/// A name with its namespace, unless that is the one left out.
pub(super) fn qualified(name: &RelationName, left_out: Option<&Name>) -> String {
    let own = identifier(name.name.as_str());
    match name.namespace.as_ref().filter(|namespace| Some(*namespace) != left_out) {
        Some(namespace) => format!("{}.{own}", identifier(namespace.as_str())),
        None => own,
    }
}
