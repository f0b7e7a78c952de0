//! What is known of one object: values by name.
//!
//! A database of ten thousand tables has two hundred thousand objects of ten attributes each, and few
//! different names among them. So the attributes of an object are one list, and the names are shared.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The attributes of an object in the order of their names. One that is absent is `false` or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(Arc<str>, Value)>);

impl Attributes {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.place(name).ok().map(|at| &self.0[at].1)
    }

    /// The value of an attribute, when it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Gives an attribute another value, or one at all.
    pub fn set(&mut self, name: &str, value: Value) {
        self.set_shared(Arc::from(name), value);
    }

    /// The names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    pub(crate) fn set_shared(&mut self, name: Arc<str>, value: Value) {
        match self.place(&name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    pub(crate) fn reserve(&mut self, more: usize) {
        self.0.reserve_exact(more);
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// The names of attributes, one copy of each.
#[derive(Debug, Default)]
pub(crate) struct SharedNames(HashSet<Arc<str>>);

impl SharedNames {
    /// The one copy of a name.
    pub(crate) fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(name);
        self.0.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_in_order_and_set_once() {
        let mut attributes = Attributes::default();
        for (name, value) in [("type", "text"), ("default", "1"), ("not_null", "x"), ("default", "2")] {
            attributes.set(name, Value::from(value));
        }
        assert_eq!(attributes.names().collect::<Vec<_>>(), ["default", "not_null", "type"]);
        assert_eq!((attributes.text("default"), attributes.get("a")), (Some("2"), None));
        let mut names = SharedNames::default();
        assert!(Arc::ptr_eq(&names.of("type"), &names.of("type")));
    }
}
