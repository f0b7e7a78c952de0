//! Names in quotes, as directives say them: `"User"`, `"public"."User"."fullName"`.

use underpin_catalog::{Name, RelationName};

/// A relation, with its namespace or without.
pub(super) fn relation(text: &str) -> Option<RelationName> {
    match names(text)?.as_slice() {
        [name] => Some(RelationName { namespace: None, name: name.clone() }),
        [namespace, name] => Some(RelationName { namespace: Some(namespace.clone()), name: name.clone() }),
        _ => None,
    }
}

/// A column with its table.
pub(super) fn column(text: &str) -> Option<(RelationName, Name)> {
    let names = names(text)?;
    let (column, table) = names.split_last()?;
    let table = match table {
        [name] => RelationName { namespace: None, name: name.clone() },
        [namespace, name] => RelationName { namespace: Some(namespace.clone()), name: name.clone() },
        _ => return None,
    };
    Some((table, column.clone()))
}

/// Quoted names with dots between them, and nothing else.
fn names(text: &str) -> Option<Vec<Name>> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (name, behind) = quoted(rest)?;
        found.push(name);
        if behind.is_empty() {
            return Some(found);
        }
        rest = behind.strip_prefix('.')?;
    }
}

/// A name in quotes, and what stands behind it.
fn quoted(text: &str) -> Option<(Name, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut name = String::new();
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (!name.is_empty()).then(|| (Name::new(name), rest)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_quotes() {
        assert_eq!(relation("\"a.b\""), Some(RelationName::bare("a.b")));
        assert_eq!(relation("\"a\".\"b\"\"\""), Some(RelationName::qualified("a", "b\"")));
        assert_eq!(column("\"a\".\"b\".\"c\"").unwrap().0.shown(), "a.b");
        for wrong in ["", "a", "\"a", "\"\"", "\"a\".", "\"a\" \"b\"", "\"a\".\"b\".\"c\""] {
            assert_eq!(relation(wrong), None, "{wrong}");
        }
        assert_eq!(column("\"a\""), None);
    }
}
