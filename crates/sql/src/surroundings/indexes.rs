//! Indexes by their names, and those of each table: whoever asks for a table's indexes does not look through
//! all that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use serde::{Serialize, Serializer};
use underpin_catalog::RelationName;

use super::IndexFacts;

/// Facts about indexes. They are read like the map by name that they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Indexes {
    by_name: BTreeMap<RelationName, IndexFacts>,
    /// The names of a table's indexes. Has no empty set.
    of_table: BTreeMap<RelationName, BTreeSet<RelationName>>,
}

impl Indexes {
    /// The indexes of a table, in the order of their names.
    pub fn of<'a>(
        &'a self,
        table: &RelationName,
    ) -> impl Iterator<Item = (&'a RelationName, &'a IndexFacts)> + use<'a> {
        let names = self.of_table.get(table).into_iter().flatten();
        names.filter_map(|name| self.by_name.get_key_value(name))
    }

    /// Puts one in; gives what had its name.
    pub fn insert(&mut self, name: RelationName, facts: IndexFacts) -> Option<IndexFacts> {
        let before = self.remove(&name);
        self.of_table.entry(facts.table.clone()).or_default().insert(name.clone());
        self.by_name.insert(name, facts);
        before
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &RelationName) -> Option<IndexFacts> {
        let facts = self.by_name.remove(name)?;
        if let Some(names) = self.of_table.get_mut(&facts.table) {
            names.remove(name);
            if names.is_empty() {
                self.of_table.remove(&facts.table);
            }
        }
        Some(facts)
    }

    /// Takes those of a table out that are like this.
    pub(crate) fn remove_of(&mut self, table: &RelationName, is: impl Fn(&IndexFacts) -> bool) {
        let gone: Vec<_> =
            self.of(table).filter(|(_, facts)| is(facts)).map(|(name, _)| name.clone()).collect();
        for name in gone {
            self.remove(&name);
        }
    }

    /// Changes the indexes of a table; they stay its own.
    pub(crate) fn change_of(
        &mut self,
        table: &RelationName,
        mut change: impl FnMut(&RelationName, &mut IndexFacts),
    ) {
        for name in self.of_table.get(table).into_iter().flatten() {
            if let Some(facts) = self.by_name.get_mut(name) {
                change(name, facts);
                facts.table.clone_from(table);
            }
        }
    }

    /// Makes an index belong to a partitioned one.
    pub(crate) fn adopt(&mut self, name: &RelationName, parent: &RelationName) {
        if let Some(facts) = self.by_name.get_mut(name) {
            facts.part_of = Some(parent.clone());
        }
    }

    /// The table has another name.
    pub(crate) fn rename_table(&mut self, from: &RelationName, to: &RelationName) {
        let Some(names) = self.of_table.remove(from) else { return };
        for name in &names {
            if let Some(facts) = self.by_name.get_mut(name) {
                facts.table.clone_from(to);
            }
        }
        self.of_table.entry(to.clone()).or_default().extend(names);
    }
}

impl Deref for Indexes {
    type Target = BTreeMap<RelationName, IndexFacts>;

    fn deref(&self) -> &Self::Target {
        &self.by_name
    }
}

impl FromIterator<(RelationName, IndexFacts)> for Indexes {
    fn from_iter<T: IntoIterator<Item = (RelationName, IndexFacts)>>(all: T) -> Self {
        let mut indexes = Self::default();
        for (name, facts) in all {
            indexes.insert(name, facts);
        }
        indexes
    }
}

impl Serialize for Indexes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_name.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use underpin_catalog::Name;

    use super::*;

    #[test]
    fn a_table_has_its_indexes_whatever_happens_to_them() {
        let named = |name: &str| RelationName::qualified("public", name);
        let on = |table: &str| IndexFacts::plain(named(table), vec![Name::new("c")]);
        let mut indexes: Indexes = [("j", "a"), ("i", "a"), ("k", "b")]
            .map(|(name, table)| (named(name), on(table)))
            .into_iter()
            .collect();
        let of = |indexes: &Indexes, table: &str| -> Vec<String> {
            indexes.of(&named(table)).map(|(name, _)| name.name.as_str().to_owned()).collect()
        };
        assert_eq!((of(&indexes, "a"), of(&indexes, "c")), (vec!["i".into(), "j".into()], vec![]));
        // The name goes from one table to another.
        assert_eq!(indexes.insert(named("i"), on("b")), Some(on("a")));
        assert_eq!(of(&indexes, "b"), ["i", "k"]);
        indexes.rename_table(&named("b"), &named("c"));
        assert_eq!((of(&indexes, "b"), of(&indexes, "c")), (vec![], vec!["i".into(), "k".into()]));
        assert_eq!(indexes[&named("k")].table, named("c"));
        indexes.change_of(&named("c"), |name, facts| facts.unique = name.name.as_str() == "k");
        indexes.remove_of(&named("c"), |facts| facts.unique);
        assert_eq!(of(&indexes, "c"), ["i"]);
        assert_eq!(indexes.remove(&named("i")).map(|facts| facts.table), Some(named("c")));
        assert_eq!((of(&indexes, "c"), indexes.len()), (vec![], 1));
    }
}
