//! What two catalogs differ in, fact by fact.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::attributes::Attributes;
use crate::facts::{Facts, is_note};
use crate::model::Catalog;
use crate::object::{ObjectKey, ObjectKind};

/// One fact on which two catalogs differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The object.
    pub key: ObjectKey,
    /// The attribute; `None` when the whole object is there on one side alone.
    pub attribute: Option<String>,
    /// The value in `before`, or all attributes of the object; `None` when it is not there.
    pub before: Option<Value>,
    /// The same in `after`.
    pub after: Option<Value>,
}

impl Difference {
    /// Whether it is worth telling and no reason to call the catalogs different: the place of a
    /// column among the others, the version of an extension.
    pub fn is_note(&self) -> bool {
        self.attribute.as_ref().is_some_and(|attribute| is_note(&self.key.kind, attribute))
    }
}

impl std::fmt::Display for Difference {
    /// `column public."User".email: not_null true, then none`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown =
            |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), Value::to_string);
        let attribute = self.attribute.as_deref().unwrap_or("there");
        write!(f, "{}: {attribute} {}, then {}", self.key, shown(&self.before), shown(&self.after))
    }
}

/// All differences, notes included, ordered by object and attribute. Empty exactly when no fact differs.
/// Texts are deparsed by the server, so the catalogs have to be of one major.
pub fn differences(before: &Catalog, after: &Catalog) -> Vec<Difference> {
    before.facts_unlike(after).differences_to(&after.facts_unlike(before))
}

impl Facts {
    /// As [`differences`] of the catalogs that the facts are of.
    pub fn differences_to(&self, after: &Self) -> Vec<Difference> {
        let keys: BTreeSet<_> = self.objects().chain(after.objects()).map(|(key, _)| key).collect();
        let mut found = Vec::new();
        for key in keys {
            match (self.get(key), after.get(key)) {
                (Some(before), Some(after)) => compare(key, before, after, &mut found),
                (before, after) => found.push(Difference {
                    key: key.clone(),
                    attribute: None,
                    before: before.map(whole),
                    after: after.map(whole),
                }),
            }
        }
        found
    }
}

fn whole(attributes: &Attributes) -> Value {
    Value::Object(attributes.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
}

fn compare(key: &ObjectKey, before: &Attributes, after: &Attributes, found: &mut Vec<Difference>) {
    let names: BTreeSet<_> = before.names().chain(after.names()).collect();
    for name in names {
        let (before, after) = (before.get(name), after.get(name));
        if before != after {
            found.push(Difference {
                key: key.clone(),
                attribute: Some(name.to_owned()),
                before: before.cloned(),
                after: after.cloned(),
            });
        }
    }
}

/// Objects of kinds that the model does not describe: two catalogs that both have one may still differ
/// in it.
pub fn not_compared(facts: &Facts) -> impl Iterator<Item = &ObjectKey> {
    facts.objects().map(|(key, _)| key).filter(|key| matches!(key.kind, ObjectKind::Unmodelled(_)))
}
