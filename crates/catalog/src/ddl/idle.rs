//! The tables on which no way between two catalogs has anything to do, so that nobody has to look into them: in a large
//! database all but a few.
//!
//! Idle is what is the same on both sides and needs nothing that differs, over however many between. Only a foreign
//! key passes nothing on: when what it references differs, its own table is looked into, and as nobody needs a foreign
//! key, those that reference that one are not.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::constraint::referenced;
use crate::RelationName;
use crate::model::{Catalog, Dependency, RangeType, Table, Type, TypeKind};
use crate::object::{ObjectKey, ObjectKind, quoted, shown};

/// The idle tables of two catalogs.
pub(super) fn idle<'a>(before: &'a Catalog, after: &'a Catalog) -> HashSet<&'a RelationName> {
    let mut moved = Moved { identities: differing(before, after) };
    let sides = [Side::of(before), Side::of(after)];
    while sides.iter().any(|side| side.spread(&mut moved)) {}
    let same = before.tables.iter().filter(|(name, _)| after.tables.contains_key(*name));
    let has_trouble =
        |table: &Table| table.constraints.values().filter_map(referenced).any(|name| moved.has(name));
    let idle = same.filter(|(name, table)| !moved.has(name) && !has_trouble(table));
    idle.map(|(name, _)| name).collect()
}

/// What differs, or needs what does: tables, views, types and routines as a whole, by their identities.
struct Moved {
    identities: HashSet<String>,
}

impl Moved {
    fn has(&self, name: &RelationName) -> bool {
        !is_built_in(name) && self.identities.contains(&shown(name))
    }

    fn add(&mut self, name: &RelationName) -> bool {
        self.identities.insert(shown(name))
    }
}

fn is_built_in(name: &RelationName) -> bool {
    name.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == "pg_catalog")
}

/// What is on one side alone, or another there. Objects that nobody needs are left out.
fn differing(before: &Catalog, after: &Catalog) -> HashSet<String> {
    let mut found = HashSet::new();
    macro_rules! differ {
        ($list:ident, $same:expr, $identity:expr) => {
            for (name, one) in &before.$list {
                if !after.$list.get(name).is_some_and(|other| $same(one, other)) {
                    found.insert($identity(name));
                }
            }
            let new = after.$list.keys().filter(|name| !before.$list.contains_key(*name));
            found.extend(new.map($identity));
        };
    }
    differ!(extensions, PartialEq::eq, quoted);
    differ!(types, PartialEq::eq, shown);
    differ!(sequences, PartialEq::eq, shown);
    differ!(tables, is_same, shown);
    differ!(views, PartialEq::eq, shown);
    differ!(routines, PartialEq::eq, ToString::to_string);
    let unmodelled = before.unmodelled.symmetric_difference(&after.unmodelled);
    found.extend(unmodelled.map(|key| key.identity.clone()));
    found
}

/// Also in the order of the columns.
fn is_same(one: &Table, other: &Table) -> bool {
    one == other && one.columns.keys().eq(other.columns.keys())
}

/// One of the catalogs.
struct Side<'a> {
    catalog: &'a Catalog,
    /// What needs what, as a whole.
    needs: Vec<(String, String)>,
}

impl<'a> Side<'a> {
    fn of(catalog: &'a Catalog) -> Self {
        let indexes = OnceCell::new();
        let wholes = |dependency: &Dependency| {
            let whole = |key| whole_of(key, || indexes.get_or_init(|| owners_of_indexes(catalog)));
            (whole(&dependency.dependent), whole(&dependency.on))
        };
        let mut needs: Vec<_> =
            catalog.dependencies.iter().filter(|of| !is_of_foreign_key(of)).map(wholes).collect();
        needs.retain(|(dependent, on)| dependent != on);
        for (name, of) in &catalog.types {
            if let Type { kind: TypeKind::Range(RangeType { multirange: Some(multirange), .. }), .. } = of {
                needs.push((shown(multirange), shown(name)));
            }
        }
        needs.sort_unstable();
        needs.dedup();
        Self { catalog, needs }
    }

    /// Adds those who need what is there. Whether there were any.
    fn spread(&self, moved: &mut Moved) -> bool {
        let known = moved.identities.len();
        for (dependent, on) in &self.needs {
            if moved.identities.contains(on) && !moved.identities.contains(dependent) {
                moved.identities.insert(dependent.clone());
            }
        }
        for (name, view) in &self.catalog.views {
            if view.columns.values().any(|column| moved.has(&column.type_ref.name)) {
                moved.add(name);
            }
        }
        for (name, table) in &self.catalog.tables {
            for parent in table.partition_of.iter().chain(&table.inherits) {
                // They share what they have, in both directions.
                if moved.has(parent) != moved.has(name) {
                    moved.add(parent);
                    moved.add(name);
                }
            }
            if self.needs_moved(table, moved) {
                moved.add(name);
            }
        }
        moved.identities.len() > known
    }

    fn needs_moved(&self, table: &Table, moved: &Moved) -> bool {
        let mut columns = table.columns.values();
        columns.any(|column| {
            // Before 15 what a computed column calls is not among the dependencies.
            let calls = column.generated.is_some()
                && self.catalog.routines.keys().any(|name| moved.identities.contains(&name.to_string()));
            calls || moved.has(&column.type_ref.name)
        }) || table.of_type.as_ref().is_some_and(|of| moved.has(of))
            || table.triggers.values().any(|trigger| moved.identities.contains(&trigger.function.to_string()))
    }
}

/// A constraint that uses a part of a table other than its own is a foreign key, or one that nobody needs either.
fn is_of_foreign_key(dependency: &Dependency) -> bool {
    use ObjectKind::{Column, Constraint, Index, Table};
    dependency.dependent.kind == Constraint
        && matches!(dependency.on.kind, Table | Column | Index | Constraint)
}

/// The identity of what an object is a part of, or its own.
fn whole_of<'a>(key: &ObjectKey, indexes: impl FnOnce() -> &'a HashMap<String, String>) -> String {
    match key.kind {
        ObjectKind::Column
        | ObjectKind::Constraint
        | ObjectKind::Trigger
        | ObjectKind::Rule
        | ObjectKind::Policy => key.owner().to_owned(),
        ObjectKind::Index => indexes().get(&key.identity).unwrap_or(&key.identity).clone(),
        _ => key.identity.clone(),
    }
}

fn owners_of_indexes(catalog: &Catalog) -> HashMap<String, String> {
    let tables = catalog.tables.iter().map(|(name, of)| (name, &of.indexes));
    let all = tables.chain(catalog.views.iter().map(|(name, of)| (name, &of.indexes)));
    let owners = all.flat_map(|(name, indexes)| {
        indexes.keys().map(|index| (shown(&name.sibling(index.clone())), shown(name)))
    });
    owners.collect()
}
