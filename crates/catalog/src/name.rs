//! Identifiers. A [`Name`] prints itself quoted and in no other way, so SQL that is composed of
//! names is right for every identifier that PostgreSQL allows.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One identifier as the catalog stores it: case kept, no quotes, at most 63 bytes in PostgreSQL.
///
/// Facts, effects and findings hand the same few names to each other all the time, so copies share their text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The longest identifier that PostgreSQL keeps, in bytes (`NAMEDATALEN - 1`).
    pub const BYTES_MAX: usize = 63;

    /// A name from its stored form.
    pub fn new(stored: impl Into<String>) -> Self {
        Self(Arc::from(stored.into()))
    }

    /// The stored form, for looking it up or showing it to a person.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name derived from this one, cut at a character boundary so that it fits with `suffix`.
    pub fn with_suffix(&self, suffix: &str) -> Self {
        let mut end = self.0.len().min(Self::BYTES_MAX.saturating_sub(suffix.len()));
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        Self::new(format!("{}{suffix}", &self.0[..end]))
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    /// By bytes. Most comparisons are of names in one namespace, whose text is the same copy.
    fn cmp(&self, other: &Self) -> Ordering {
        match Arc::ptr_eq(&self.0, &other.0) {
            true => Ordering::Equal,
            false => self.0.cmp(&other.0),
        }
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Display for Name {
    /// Always quoted: whether a word is reserved depends on the server's version.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A relation (or another object that lives in a namespace), perhaps left to the search path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelationName {
    /// The namespace ("schema" in SQL), when it was said.
    pub namespace: Option<Name>,
    /// The object's own name.
    pub name: Name,
}

impl RelationName {
    /// A name that the search path resolves.
    pub fn bare(name: impl Into<String>) -> Self {
        Self { namespace: None, name: Name::new(name) }
    }

    /// A name in a namespace.
    pub fn qualified(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: Some(Name::new(namespace)), name: Name::new(name) }
    }

    /// Another object in the same namespace.
    pub fn sibling(&self, name: Name) -> Self {
        Self { namespace: self.namespace.clone(), name }
    }

    /// The name as a person writes it, without quotes.
    pub fn shown(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{}.{}", namespace.as_str(), self.name.as_str()),
            None => self.name.as_str().to_owned(),
        }
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}.{}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl fmt::Debug for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_prints_quoted_whatever_is_in_it() {
        assert_eq!(Name::new("user").to_string(), "\"user\"");
        assert_eq!(Name::new("a\"; DROP TABLE x; --").to_string(), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(RelationName::qualified("My Schema", "User").to_string(), "\"My Schema\".\"User\"");
    }

    #[test]
    fn a_suffix_never_cuts_a_character_or_the_limit() {
        let long = Name::new("é".repeat(40));
        let cut = long.with_suffix("_idx");
        assert!(cut.as_str().len() <= Name::BYTES_MAX);
        assert!(cut.as_str().ends_with("é_idx"));
        assert_eq!(Name::new("t").with_suffix("_x").as_str(), "t_x");
    }
}
