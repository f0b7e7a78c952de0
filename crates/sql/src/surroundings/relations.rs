//! Relations by their names, and who names whom: whoever asks what depends on a table does not look through all
//! tables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use serde::{Serialize, Serializer};
use underpin_catalog::RelationName;

use super::RelationFacts;

/// Facts about relations. They are read like the map by name that they are.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    by_name: BTreeMap<RelationName, RelationFacts>,
    /// By name, whose facts name it: a relation, a type or a function. Has no empty set.
    named_by: BTreeMap<RelationName, BTreeSet<RelationName>>,
    /// What the facts of a relation named when they were last read for `named_by`.
    names: BTreeMap<RelationName, BTreeSet<RelationName>>,
    /// Relations that were handed out to be changed since.
    changed: BTreeSet<RelationName>,
}

impl Relations {
    /// Relations whose facts may name a relation, a type or a function, in the order of their names. Those that
    /// do are among them.
    pub(crate) fn naming<'a>(
        &'a self,
        name: &RelationName,
    ) -> impl Iterator<Item = (&'a RelationName, &'a RelationFacts)> + use<'a> {
        let known = self.named_by.get(name);
        let mut all: Vec<_> = known.into_iter().flatten().chain(&self.changed).collect();
        if !self.changed.is_empty() {
            all.sort_unstable();
            all.dedup();
        }
        all.into_iter().filter_map(|name| self.by_name.get_key_value(name))
    }

    /// Changes the facts of relations that name a relation, a type or a function, and perhaps of others.
    pub(crate) fn change_naming(&mut self, name: &RelationName, mut change: impl FnMut(&mut RelationFacts)) {
        self.settle();
        let Some(naming) = self.named_by.get(name) else { return };
        for other in naming {
            if let Some(facts) = self.by_name.get_mut(other) {
                change(facts);
            }
        }
        self.changed.extend(naming.iter().cloned());
    }

    /// Facts, to change them.
    pub fn get_mut(&mut self, name: &RelationName) -> Option<&mut RelationFacts> {
        let facts = self.by_name.get_mut(name)?;
        if !self.changed.contains(name) {
            self.changed.insert(name.clone());
        }
        Some(facts)
    }

    /// Puts one in; gives what had its name.
    pub fn insert(&mut self, name: RelationName, facts: RelationFacts) -> Option<RelationFacts> {
        self.changed.insert(name.clone());
        self.by_name.insert(name, facts)
    }

    /// Puts one in where there is none of its name.
    pub(crate) fn insert_new(&mut self, name: RelationName, facts: impl FnOnce() -> RelationFacts) {
        if !self.by_name.contains_key(&name) {
            self.insert(name, facts());
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &RelationName) -> Option<RelationFacts> {
        let facts = self.by_name.remove(name)?;
        self.changed.remove(name);
        self.forget(name);
        Some(facts)
    }

    /// What was empty when it was made may have grown since: no size is known any more.
    pub(crate) fn forget_sizes(&mut self) {
        for facts in self.by_name.values_mut() {
            facts.bytes = None;
            facts.rows_estimate = None;
        }
    }

    /// Reads the facts that may have changed for whom they name.
    pub(crate) fn settle(&mut self) {
        for name in std::mem::take(&mut self.changed) {
            let Some(facts) = self.by_name.get(&name) else { continue };
            let now = named_in(facts);
            if self.names.get(&name).into_iter().flatten().eq(now.iter().copied()) {
                continue;
            }
            let now: BTreeSet<RelationName> = now.into_iter().cloned().collect();
            self.forget(&name);
            for other in &now {
                self.named_by.entry(other.clone()).or_default().insert(name.clone());
            }
            if !now.is_empty() {
                self.names.insert(name, now);
            }
        }
    }

    fn forget(&mut self, name: &RelationName) {
        for other in self.names.remove(name).into_iter().flatten() {
            if let Some(naming) = self.named_by.get_mut(&other) {
                naming.remove(name);
                if naming.is_empty() {
                    self.named_by.remove(&other);
                }
            }
        }
    }
}

/// Everything that the facts of a relation name. Written out, so that no fact is forgotten here.
fn named_in(facts: &RelationFacts) -> BTreeSet<&RelationName> {
    let RelationFacts {
        kind: _,
        persistence: _,
        bytes: _,
        rows_estimate: _,
        primary_key: _,
        columns,
        constraints,
        partition_of,
        partition_key: _,
        access_method: _,
        default_partition,
        inherits,
        descendants,
        referenced_by,
        owned_by,
        reads,
        triggers: _,
        trigger_functions,
        policies: _,
        row_security: _,
        published: _,
        whole: _,
    } = facts;
    let all = columns
        .iter()
        .filter_map(|column| column.type_name.as_ref())
        .chain(constraints.iter().filter_map(|constraint| constraint.referenced.as_ref()))
        .chain(partition_of)
        .chain(default_partition)
        .chain(inherits)
        .chain(descendants)
        .chain(referenced_by)
        .chain(owned_by.iter().map(|(table, _)| table))
        .chain(reads.iter().map(|read| &read.relation))
        .chain(trigger_functions.values());
    let mut named = BTreeSet::new();
    let mut last = None;
    for name in all {
        // A table may reference another one by thousands of constraints.
        if last != Some(name) {
            named.insert(name);
            last = Some(name);
        }
    }
    named
}

/// They are equal when their facts are.
impl PartialEq for Relations {
    fn eq(&self, other: &Self) -> bool {
        self.by_name == other.by_name
    }
}

impl Deref for Relations {
    type Target = BTreeMap<RelationName, RelationFacts>;

    fn deref(&self) -> &Self::Target {
        &self.by_name
    }
}

impl<'a> IntoIterator for &'a Relations {
    type Item = (&'a RelationName, &'a RelationFacts);
    type IntoIter = std::collections::btree_map::Iter<'a, RelationName, RelationFacts>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_name.iter()
    }
}

impl Extend<(RelationName, RelationFacts)> for Relations {
    fn extend<T: IntoIterator<Item = (RelationName, RelationFacts)>>(&mut self, all: T) {
        for (name, facts) in all {
            self.insert(name, facts);
        }
    }
}

impl Serialize for Relations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_name.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use underpin_catalog::Name;

    use super::*;
    use crate::surroundings::RelationKind;

    fn named(name: &str) -> RelationName {
        RelationName::qualified("public", name)
    }

    fn naming(relations: &Relations, name: &str) -> Vec<String> {
        relations.naming(&named(name)).map(|(name, _)| name.name.as_str().to_owned()).collect()
    }

    #[test]
    fn whoever_names_another_is_found_before_and_behind_a_change() {
        let mut relations = Relations::default();
        for name in ["a", "b", "c"] {
            relations.insert(named(name), RelationFacts::empty_table());
        }
        relations.change_naming(&named("a"), |_| panic!("nobody names it"));
        assert_eq!(naming(&relations, "a"), [""; 0]);
        relations.get_mut(&named("b")).unwrap().inherits.push(named("a"));
        relations.get_mut(&named("c")).unwrap().owned_by = Some((named("a"), Name::new("x")));
        assert_eq!(naming(&relations, "a"), ["b", "c"]);
        let mut seen = 0;
        relations.change_naming(&named("a"), |facts| {
            facts.inherits.clear();
            seen += 1;
        });
        assert_eq!(seen, 2);
        relations.settle();
        assert_eq!(naming(&relations, "a"), ["c"]);
        relations.remove(&named("c"));
        assert_eq!(naming(&relations, "a"), [""; 0]);
        assert!(relations.named_by.is_empty() && relations.names.is_empty());
    }

    #[test]
    fn a_relation_of_the_same_name_is_another() {
        let mut relations = Relations::default();
        let facts = RelationFacts { descendants: vec![named("a")], ..RelationFacts::empty_table() };
        relations.insert(named("b"), facts);
        relations.settle();
        relations.insert(named("b"), RelationFacts::empty(RelationKind::Sequence));
        relations.settle();
        assert_eq!(naming(&relations, "a"), [""; 0]);
        relations.insert_new(named("b"), || panic!("it is there"));
        relations
            .insert_new(named("d"), || RelationFacts { reads: Vec::new(), ..RelationFacts::empty_table() });
        assert_eq!(relations.len(), 2);
    }
}
