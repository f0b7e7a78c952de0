//! A database as facts alone, each a text: what drift compares.
//!
//! An object is its key (kind and identity) and its attributes, each a text that PostgreSQL itself
//! deparsed or a catalog value. Two catalogs of the same major version are equal exactly when their
//! objects are; oids, physical layout and statistics are not facts about what a database *is*.
//! [`model`](crate::model) describes more, with structure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which object: its kind (`table`, `index`, `constraint` …) and its identity within the kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The kind, in PostgreSQL's words.
    pub kind: String,
    /// Unique within the kind; names are quoted where SQL would quote them.
    pub identity: String,
}

/// What is known of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(pub BTreeMap<String, String>);

/// All objects of a database that are not PostgreSQL's own or ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    objects: BTreeMap<ObjectKey, Object>,
}

impl Catalog {
    /// Puts an object in; a second one of the same key replaces the first.
    pub fn insert(&mut self, key: ObjectKey, object: Object) {
        self.objects.insert(key, object);
    }

    /// The objects, ordered by key.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectKey, &Object)> {
        self.objects.iter()
    }

    /// One object.
    pub fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// SHA-256 over all facts, lower hex.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (key, object) in &self.objects {
            hash.update([0]);
            hash.update(&key.kind);
            hash.update([0]);
            hash.update(&key.identity);
            for (attribute, value) in &object.0 {
                hash.update([1]);
                hash.update(attribute);
                hash.update([1]);
                hash.update(value);
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// One fact on which two catalogs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The object.
    pub key: ObjectKey,
    /// The attribute; empty when the whole object is there on one side alone.
    pub attribute: String,
    /// The value in `before`.
    pub before: Option<String>,
    /// The value in `after`.
    pub after: Option<String>,
}

/// All differences, ordered by object. Empty exactly when the catalogs are equal.
pub fn differences(before: &Catalog, after: &Catalog) -> Vec<Difference> {
    let mut keys: Vec<_> = before.objects.keys().chain(after.objects.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut found = Vec::new();
    for key in keys {
        let (old, new) = (before.objects.get(key), after.objects.get(key));
        let (Some(old), Some(new)) = (old, new) else {
            let shown = |object: Option<&Object>| object.map(|object| format!("{:?}", object.0));
            let (before, after) = (shown(old), shown(new));
            found.push(Difference { key: key.clone(), attribute: String::new(), before, after });
            continue;
        };
        let mut attributes: Vec<_> = old.0.keys().chain(new.0.keys()).collect();
        attributes.sort();
        attributes.dedup();
        for attribute in attributes {
            let (before, after) = (old.0.get(attribute), new.0.get(attribute));
            if before != after {
                found.push(Difference {
                    key: key.clone(),
                    attribute: attribute.clone(),
                    before: before.cloned(),
                    after: after.cloned(),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(objects: &[(&str, &str, &str)]) -> Catalog {
        let mut catalog = Catalog::default();
        for (identity, attribute, value) in objects {
            let key = ObjectKey { kind: "table".into(), identity: (*identity).into() };
            catalog.insert(key, Object([((*attribute).into(), (*value).into())].into()));
        }
        catalog
    }

    #[test]
    fn differences_name_the_object_and_the_attribute() {
        let before = catalog(&[("a", "x", "1"), ("b", "x", "1")]);
        let after = catalog(&[("a", "x", "2"), ("c", "x", "1")]);
        let found = differences(&before, &after);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].key.identity.as_str(), found[0].attribute.as_str()), ("a", "x"));
        assert!(found[1].after.is_none() && found[2].before.is_none());
        assert_ne!(before.digest(), after.digest());
        assert!(differences(&before, &before).is_empty());
    }
}
