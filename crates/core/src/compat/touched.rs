//! What a client is asked about again: which of its statements a server can take in one state of a database and
//! refuse in another.
//!
//! A statement of a client is about one table. What a server says to it follows from that table, and where the table
//! leads elsewhere (a view, a policy, a rule, a partition, a function in a default) from what is there too. Which of
//! these a change reaches is not followed: a table that leads anywhere counts as touched by every change. So does all
//! of it when something has changed that no table owns, like a type; new functions and sequences alone change
//! nothing for what was there before them.

use std::collections::BTreeSet;

use underpin_catalog::RelationName;
use underpin_catalog::model::{Catalog, Table};
use underpin_catalog::object::{ObjectKey, ObjectKind};

/// Relations whose statements can fare otherwise in one state than in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Any.
    All,
    /// These.
    Only(BTreeSet<RelationName>),
}

impl Touched {
    /// None.
    pub fn nothing() -> Self {
        Self::Only(BTreeSet::new())
    }

    /// What two states of a database do not have just the same.
    pub fn between(one: &Catalog, other: &Catalog) -> Self {
        if !is_same_beside_tables(one, other) {
            return Self::All;
        }
        let differs = |(name, table): (&RelationName, &Table), there: &Catalog| {
            let same = there
                .tables
                .get(name)
                .is_some_and(|there| there == table && there.columns.keys().eq(table.columns.keys()));
            (!same).then(|| name.clone())
        };
        let here = one.tables.iter().filter_map(|table| differs(table, other));
        let there = other.tables.iter().filter_map(|table| differs(table, one));
        let mut touched: BTreeSet<RelationName> = here.chain(there).collect();
        if !touched.is_empty() {
            touched.extend([one, other].into_iter().flat_map(leading_elsewhere));
        }
        Self::Only(touched)
    }

    /// Whether a relation is among them.
    pub fn has(&self, relation: &RelationName) -> bool {
        match self {
            Self::All => true,
            Self::Only(touched) => touched.contains(relation),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Only(touched) if touched.is_empty())
    }

    /// These and others.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut touched), Self::Only(other)) => {
                touched.extend(other);
                Self::Only(touched)
            }
            _ => Self::All,
        }
    }
}

/// Whether all is the same that statements of a client may need and that no table owns.
fn is_same_beside_tables(one: &Catalog, other: &Catalog) -> bool {
    let keeps = |one: &Catalog, other: &Catalog| {
        let routines = one.routines.iter().all(|(name, routine)| {
            // What was made for one of the two alone is in nobody's definition in the other.
            other.routines.get(name).is_none_or(|there| there == routine)
        });
        let sequences = one
            .sequences
            .iter()
            .all(|(name, sequence)| other.sequences.get(name).is_none_or(|there| there == sequence));
        routines && sequences
    };
    one.major == other.major
        && one.namespaces == other.namespaces
        && one.extensions == other.extensions
        && one.types == other.types
        && one.views == other.views
        && one.unmodelled == other.unmodelled
        && keeps(one, other)
}

/// The relations in whose statements others can have a part.
fn leading_elsewhere(catalog: &Catalog) -> BTreeSet<RelationName> {
    let parents = catalog.tables.values().flat_map(|table| table.partition_of.iter().chain(&table.inherits));
    let mut found: BTreeSet<RelationName> = catalog.views.keys().chain(parents).cloned().collect();
    // By their identities: what has a function in it is a part of a table, or one of its indexes.
    let users: BTreeSet<&str> = catalog
        .dependencies
        .iter()
        .filter(|dependency| dependency.on.kind == ObjectKind::Routine)
        .flat_map(|dependency| [dependency.dependent.identity.as_str(), dependency.dependent.owner()])
        .collect();
    for (name, table) in &catalog.tables {
        let mut own = std::iter::once(ObjectKey::of(ObjectKind::Table, name)).chain(
            table.indexes.keys().map(|index| ObjectKey::of(ObjectKind::Index, &name.sibling(index.clone()))),
        );
        let calls = !users.is_empty() && own.any(|key| users.contains(key.identity.as_str()));
        if !table.policies.is_empty() || !table.rules.is_empty() || calls {
            found.insert(name.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use underpin_catalog::Name;
    use underpin_catalog::model::{Column, Dependency, Policy, PolicyCommand, Type, TypeKind, TypeRef};

    use super::*;

    fn public(name: &str) -> RelationName {
        RelationName::qualified("public", name)
    }

    fn database() -> Catalog {
        let mut table = Table::ordinary();
        for name in ["a", "b"] {
            table.columns.insert(Name::new(name), Column::of(TypeRef::built_in("text")));
        }
        let tables = ["one", "two", "three"].map(|name| (public(name), table.clone()));
        Catalog { major: 17, tables: tables.into_iter().collect(), ..Catalog::default() }
    }

    fn touched(change: impl Fn(&mut Catalog)) -> Touched {
        let before = database();
        let mut after = before.clone();
        change(&mut after);
        let there = Touched::between(&before, &after);
        assert_eq!(Touched::between(&after, &before), there);
        there
    }

    fn only(names: &[&str]) -> Touched {
        Touched::Only(names.iter().map(|name| public(name)).collect())
    }

    #[test]
    fn a_table_is_touched_by_what_becomes_of_it() {
        assert!(touched(|_| {}).is_empty());
        assert_eq!(touched(|after| after.tables[&public("one")].columns.reverse()), only(&["one"]));
        assert_eq!(touched(|after| after.tables[&public("one")].row_security = true), only(&["one"]));
        assert_eq!(touched(|after| drop(after.tables.shift_remove(&public("two")))), only(&["two"]));
    }

    #[test]
    fn a_table_that_leads_elsewhere_is_touched_by_every_change() {
        let policy = Policy {
            permissive: true,
            command: PolicyCommand::All,
            roles: BTreeSet::new(),
            using: Some("(EXISTS ( SELECT FROM public.one))".to_owned()),
            check: None,
            about: Default::default(),
        };
        let mut before = database();
        before.tables[&public("two")].policies.insert(Name::new("own"), policy);
        before.tables[&public("three")].inherits.push(public("parent"));
        let default = ObjectKey::within(ObjectKind::Column, &public("three"), &Name::new("a"));
        let on = ObjectKey::new(ObjectKind::Routine, "public.next()");
        before.dependencies.insert(Dependency { dependent: default, on });
        assert!(Touched::between(&before, &before).is_empty());
        let mut after = before.clone();
        after.tables[&public("one")].row_security = true;
        assert_eq!(Touched::between(&before, &after), only(&["one", "two", "three", "parent"]));
    }

    #[test]
    fn what_no_table_owns_touches_all() {
        let state = |labels: &[&str]| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            Type { kind: TypeKind::Enum { labels }, about: Default::default() }
        };
        let all = touched(|after| drop(after.types.insert(public("state"), state(&["open"]))));
        assert_eq!(all, Touched::All);
        assert!(all.has(&public("anything")) && !all.is_empty());
        assert_eq!(only(&["one"]).and(Touched::All), Touched::All);
        assert_eq!(only(&["one"]).and(only(&["two"])), only(&["one", "two"]));
    }
}
