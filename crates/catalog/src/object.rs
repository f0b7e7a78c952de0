//! Which object of a database: its kind, and its identity within the kind.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Name, RelationName};

/// A kind of object, in PostgreSQL's words. What comes first is made first, as a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A namespace ("schema" in SQL).
    Namespace,
    /// An extension.
    Extension,
    /// An enum, a domain, a composite or a range.
    Type,
    /// A sequence.
    Sequence,
    /// A table of any form.
    Table,
    /// A column of a table or a view.
    Column,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A function, a procedure or an aggregate.
    Routine,
    /// A constraint of a table or a domain.
    Constraint,
    /// An index.
    Index,
    /// A trigger.
    Trigger,
    /// A rewrite rule.
    Rule,
    /// A row security policy.
    Policy,
    /// Extended statistics.
    Statistics,
    /// An event trigger.
    EventTrigger,
    /// A publication.
    Publication,
    /// What new objects of a role are granted to others.
    DefaultPrivileges,
    /// A kind that the model does not describe, as `pg_identify_object` names it.
    Unmodelled(String),
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespace => "namespace",
            Self::Extension => "extension",
            Self::Type => "type",
            Self::Sequence => "sequence",
            Self::Table => "table",
            Self::Column => "column",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Routine => "routine",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Statistics => "statistics",
            Self::EventTrigger => "event trigger",
            Self::Publication => "publication",
            Self::DefaultPrivileges => "default privileges",
            Self::Unmodelled(kind) => kind,
        })
    }
}

impl Serialize for ObjectKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectKey {
    /// The kind.
    pub kind: ObjectKind,
    /// Unique within the kind: qualified, and quoted where SQL needs it. What a table owns is named
    /// behind the table (`public."User".email`), except for indexes, which live in its namespace.
    pub identity: String,
}

impl ObjectKey {
    /// An object of a kind.
    pub fn new(kind: ObjectKind, identity: impl Into<String>) -> Self {
        Self { kind, identity: identity.into() }
    }

    /// An object that lives in a namespace.
    pub fn of(kind: ObjectKind, name: &RelationName) -> Self {
        Self::new(kind, shown(name))
    }

    /// An object that lives in no namespace.
    pub fn global(kind: ObjectKind, name: &Name) -> Self {
        Self::new(kind, quoted(name))
    }

    /// What a table, a view or a domain owns.
    pub fn within(kind: ObjectKind, owner: &RelationName, name: &Name) -> Self {
        let mut identity = shown(owner);
        identity.push('.');
        push_quoted(&mut identity, name);
        Self { kind, identity }
    }
}

impl ObjectKey {
    /// The names that the identity is made of, from the namespace to the object's own. A routine, which is
    /// told from others by its arguments, and default privileges are not made of names.
    pub fn names(&self) -> Vec<Name> {
        let mut names = Vec::new();
        let mut rest = self.identity.as_str();
        for at in dots(&self.identity).chain([self.identity.len()]) {
            let (name, behind) = rest.split_at(at - (self.identity.len() - rest.len()));
            names.push(unquoted(name));
            rest = behind.strip_prefix('.').unwrap_or_default();
        }
        names
    }

    /// The identity of what the object belongs to: of a column its table, of a table its namespace. Empty
    /// when it belongs to nothing.
    pub fn owner(&self) -> &str {
        dots(&self.identity).last().map_or("", |at| &self.identity[..at])
    }
}

/// Where the names of an identity end: the dots outside of quotes.
fn dots(identity: &str) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    identity.char_indices().filter_map(move |(at, character)| {
        quoted ^= character == '"';
        (character == '.' && !quoted).then_some(at)
    })
}

fn unquoted(text: &str) -> Name {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    Name::new(inner.map_or_else(|| text.to_owned(), |inner| inner.replace("\"\"", "\"")))
}

/// A qualified name as one text: quoted where SQL needs it, whatever the reserved words are.
pub(crate) fn shown(name: &RelationName) -> String {
    let mut shown = String::with_capacity(ROOM);
    if let Some(namespace) = &name.namespace {
        push_quoted(&mut shown, namespace);
        shown.push('.');
    }
    push_quoted(&mut shown, &name.name);
    shown
}

/// What most identities have room in. There are tens of thousands of them.
const ROOM: usize = 64;

/// A name that is quoted unless it is of small letters, digits and underscores. Reserved words stay
/// bare: which they are depends on the version, and the text only has to be unambiguous.
pub(crate) fn quoted(name: &Name) -> String {
    let mut quoted = String::with_capacity(name.as_str().len() + 2);
    push_quoted(&mut quoted, name);
    quoted
}

/// Puts a name behind a text as [`quoted`] writes it.
fn push_quoted(into: &mut String, name: &Name) {
    let text = name.as_str();
    let plain = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit());
    if plain {
        return into.push_str(text);
    }
    into.push('"');
    for (at, part) in text.split('"').enumerate() {
        into.push_str(if at > 0 { "\"\"" } else { "" });
        into.push_str(part);
    }
    into.push('"');
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_as_sql_quotes_it() {
        for name in ["A", "a b", "1a", "", "\"", "a\"b", "\"\"a", "a\"", "ä", "select "] {
            let name = Name::new(name);
            assert_eq!(quoted(&name), name.to_string());
        }
        assert_eq!(shown(&RelationName::bare("a_1")), "a_1");
        assert_eq!(shown(&RelationName::qualified("Ä", "b")), "\"Ä\".b");
    }

    #[test]
    fn an_identity_is_made_of_names_and_read_back() {
        let table = RelationName::qualified("public", "a.b");
        for name in ["c", "a \"quoted\" name", "order", "x.y", ""] {
            let key = ObjectKey::within(ObjectKind::Column, &table, &Name::new(name));
            assert_eq!(key.names(), [Name::new("public"), Name::new("a.b"), Name::new(name)]);
            assert_eq!(key.owner(), "public.\"a.b\"");
        }
        let global = ObjectKey::global(ObjectKind::Extension, &Name::new("uuid-ossp"));
        assert_eq!((global.names(), global.owner()), (vec![Name::new("uuid-ossp")], ""));
    }
}
