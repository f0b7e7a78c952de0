//! The way from one catalog to another, as SQL.
//!
//! [`between`] decides what becomes of each object (`fate`), which steps that takes and in which order
//! they execute (`steps`), and writes each step's statements; a file for each kind of object knows them.
//! What is not to be altered goes and comes back, with all that needs it; what is the same is left alone.
//!
//! Names are always quoted and qualified, and the only other text comes out of the catalog, as the server
//! deparsed it. The statements are meant for one transaction; where PostgreSQL wants a commit in between,
//! the change says so. Nothing here asks about locks: what the statements lock is known by who reads them.
//!
//! What no statement brings about is told as [`Impossible`], never left out. A rename is never guessed:
//! it is a drop and an addition, and [`Way::renames`] says that somebody should be asked.

mod about;
mod along;
mod cast;
mod column;
mod constraint;
mod fate;
mod idle;
mod index;
mod inventory;
mod loss;
mod part;
mod questions;
mod reaction;
mod routine;
mod sequence;
mod small;
mod steps;
mod table;
mod types;
mod view;
mod write;
mod written;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::{Serialize, Serializer};

pub use self::loss::Loss;
pub use self::questions::Rename;

use self::about::Session;
use self::fate::{Fate, Fates};
use self::idle::idle;
use self::inventory::{Inventory, Object, Owner};
use self::steps::ordered;
use crate::model::{Catalog, TableKind};
use crate::object::{ObjectKey, ObjectKind};
use crate::sql::Sql;
use crate::{Name, RelationName, sql};

/// How one catalog becomes another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Way {
    /// The statements, in an order that executes.
    pub changes: Vec<Change>,
    /// What no statement brings about.
    pub impossible: Vec<Impossible>,
    /// What is dropped and added here, and may have been renamed instead.
    pub renames: Vec<Rename>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The object that it is about.
    pub key: ObjectKey,
    /// What is executed.
    pub statement: Sql,
    /// What it does to the rows.
    pub loss: Loss,
    /// It has to be committed before a later statement uses what it makes: a new value of an enum.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub committed: bool,
}

/// A difference that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Impossible {
    /// The object that stays different.
    pub key: ObjectKey,
    /// Why.
    pub why: Why,
}

/// Why no statement brings a difference about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The kind of object is not described, so there is nothing to make it of.
    Unmodelled,
    /// How a table is divided is said when it is made.
    PartitionKey,
    /// A table with rows of its own does not become one that is divided, nor the other way round.
    KindOfTable,
    /// A column that is added is the last.
    OrderOfColumns,
    /// A parent that is added is the last.
    OrderOfParents,
    /// What a table declared itself stays its own when a parent has it, too.
    Declared,
    /// The functions of a range have its name, and are not renamed with it while its successor is made.
    RangeInUse,
    /// A broken index is not made on purpose.
    InvalidIndex,
    /// Whether a foreign key is enforced at all is switched by a superuser.
    InternalTriggers,
    /// A right that somebody else than the owner gave would be given in the owner's name.
    Grantor,
}

impl Why {
    /// Whether only the order of things differs, or who has declared them, and no query can tell.
    pub fn is_note(self) -> bool {
        matches!(self, Self::OrderOfColumns | Self::OrderOfParents | Self::Declared)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unmodelled => "objects of this kind are not described: what it is made of is not known",
            Self::PartitionKey => {
                "the partition key is another, and is said when a table is made: copy the rows into a new one"
            }
            Self::KindOfTable => {
                "a table with rows of its own and a divided one do not become each other: copy the rows into a new one"
            }
            Self::OrderOfColumns => "a column that is added is the last, wherever it stood before",
            Self::OrderOfParents => "a parent that is added is the last, wherever it stood before",
            Self::RangeInUse => {
                "a range that columns are made of is not replaced: give the columns another type first"
            }
            Self::Declared => {
                "columns that a table declared itself stay its own, and do not go when those of its parent go"
            }
            Self::InvalidIndex => "an index is not made invalid on purpose",
            Self::InternalTriggers => "a superuser has switched triggers of a foreign key on or off",
            Self::Grantor => "the right was given by another role than the owner, which alone can give it so",
        })
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What both catalogs are asked while a step is written.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    before: Inventory<'a>,
    after: Inventory<'a>,
    fates: Fates,
    session: Session<'a>,
    major: u32,
    /// The tables that nobody looks into.
    idle: HashSet<&'a RelationName>,
    /// Where types lie while their successors are made, by key.
    set_aside: BTreeMap<ObjectKey, RelationName>,
}

/// How `before` becomes `after`, executed by `role`: the role that owns what was made where the catalogs
/// were read. A statement calls it `CURRENT_USER`, because it may have another name where it is executed.
///
/// Both catalogs have to be of the same major version; the statements are for that version.
pub fn between(before: &Catalog, after: &Catalog, role: &Name) -> Way {
    without(idle(before, after), before, after, role)
}

/// The way between two catalogs in which nobody looks into these tables.
fn without<'a>(idle: HashSet<&'a RelationName>, before: &'a Catalog, after: &'a Catalog, role: &Name) -> Way {
    let (before, after) = (Inventory::without(&idle, before), Inventory::without(&idle, after));
    let fates = Fates::of(&before, &after);
    let major = after.catalog.major;
    let set_aside = set_aside(&before, &after, &fates);
    let context = Context { before, after, fates, session: Session { role }, major, idle, set_aside };
    let mut way = Way { impossible: questions::impossible(&context), ..Way::default() };
    way.renames = questions::renames(&context);
    for step in ordered(&context) {
        way.changes.extend(write::statements(&context, &step));
    }
    settle_commits(&mut way.changes);
    way
}

/// Types that columns keep while they are replaced.
fn set_aside(
    before: &Inventory<'_>,
    after: &Inventory<'_>,
    fates: &Fates,
) -> BTreeMap<ObjectKey, RelationName> {
    let replaced = before.catalog.types.keys().filter_map(|name| {
        let key = ObjectKey::of(ObjectKind::Type, name);
        let stays = |dependent: &ObjectKey| {
            dependent.kind == ObjectKind::Type || fates.fate(dependent) == Some(Fate::Altered)
        };
        let used = before.needed_by(&key).any(stays);
        (used && fates.fate(&key) == Some(Fate::Replaced)).then_some((key, name))
    });
    let taken = |name: &RelationName| {
        [before.catalog, after.catalog].iter().any(|catalog| {
            catalog.types.contains_key(name)
                || catalog.tables.contains_key(name)
                || catalog.views.contains_key(name)
        })
    };
    replaced.map(|(key, name)| (key, types::name_aside(name, taken))).collect()
}

/// A new value of an enum is only committed for those that use it.
fn settle_commits(changes: &mut [Change]) {
    for at in 0..changes.len() {
        let (these, later) = changes.split_at_mut(at + 1);
        let Some(change) = these.last_mut().filter(|change| change.committed) else { continue };
        // The value is the first literal of its statement.
        let value = change.statement.as_str().split(" ADD VALUE ").nth(1).unwrap_or_default();
        let value = value.split(" BEFORE '").next().unwrap_or_default();
        change.committed =
            later.iter().any(|other| !other.committed && other.statement.as_str().contains(value));
    }
}

impl Context<'_> {
    /// Whether a table is dropped for good.
    fn is_gone(&self, table: &RelationName) -> bool {
        self.fates.goes(&ObjectKey::of(ObjectKind::Table, table))
    }

    /// Whether a table is there all the time, with its rows.
    fn is_kept_table(&self, table: &RelationName) -> bool {
        let fate = self.fates.fate(&ObjectKey::of(ObjectKind::Table, table));
        self.idle.contains(table) || matches!(fate, Some(Fate::Kept | Fate::Altered))
    }

    /// Whether a type is there all the time, with the columns that are made of it.
    fn is_kept_type(&self, name: &RelationName) -> bool {
        let fate = self.fates.fate(&ObjectKey::of(ObjectKind::Type, name));
        matches!(fate, Some(Fate::Kept | Fate::Altered))
    }

    /// Whether a column is there all the time, with its values.
    fn is_kept_column(&self, table: &RelationName, column: &Name) -> bool {
        if self.idle.contains(table) {
            return self.after.catalog.tables.get(table).is_some_and(|of| of.columns.contains_key(column));
        }
        let fate = self.fates.fate(&ObjectKey::within(ObjectKind::Column, table, column));
        matches!(fate, Some(Fate::Kept | Fate::Altered))
    }

    /// Whether a column is dropped and made again.
    fn is_replaced(&self, owner: Owner<'_>, column: &Name) -> bool {
        self.fates.fate(&owner.part(ObjectKind::Column, column)) == Some(Fate::Replaced)
    }

    /// Whether an index is made on the way.
    fn is_index_made(&self, owner: Owner<'_>, index: &Name) -> bool {
        self.fates.comes(&owner.part(ObjectKind::Index, index))
    }

    /// Whether a table is taken out of a publication for a while.
    fn is_republished(&self, publication: &ObjectKey, table: &RelationName) -> bool {
        self.fates.republished.contains(&(publication.clone(), table.clone()))
    }

    /// A table as a publication names it: without those that inherit from it, which are named themselves.
    fn told_alone(&self, table: &RelationName) -> Sql {
        let heirs = [&self.before, &self.after].into_iter().any(|inventory| {
            let of = inventory.catalog.tables.get(table);
            let divided = of.is_some_and(|of| matches!(of.kind, TableKind::Partitioned { .. }));
            !divided && !inventory.children(table).is_empty()
        });
        if heirs { sql!("ONLY {}", table) } else { sql!("{}", table) }
    }

    /// Whether a type is renamed while its successor is made.
    fn is_set_aside(&self, key: &ObjectKey) -> bool {
        self.set_aside.contains_key(key)
    }

    /// Whether the default of a column has to wait for a function that itself needs the table, or that goes
    /// and comes back.
    fn default_is_later(&self, owner: Owner<'_>, column: &Name) -> bool {
        let key = owner.part(ObjectKind::Column, column);
        let table = owner.key();
        let waits = |on: &ObjectKey| {
            let again = self.fates.undefaulted.contains(&key);
            on.kind == ObjectKind::Routine
                && self.fates.comes(on)
                && (again || self.after.reaches(on, &table))
        };
        let has_default =
            matches!(self.after.get(&key), Some(Object::Column(_, _, column)) if column.default.is_some());
        has_default && self.after.needs(&key).any(waits)
    }

    /// Whether a default of a column that goes has to go before: a function that it calls needs the table.
    fn is_loosened(&self, column: &ObjectKey) -> bool {
        let Some(Object::Column(owner @ Owner::Table(..), _, of)) = self.before.get(column) else {
            return false;
        };
        if of.default.is_none() || !self.fates.goes(column) {
            return false;
        }
        let table = owner.key();
        self.before.needs(column).any(|on| self.is_circle(on, &table))
    }

    /// Whether a function that goes needs the table that calls it.
    fn is_circle(&self, on: &ObjectKey, table: &ObjectKey) -> bool {
        on.kind == ObjectKind::Routine && self.fates.goes(on) && self.before.reaches(on, table)
    }

    /// Whether an object stays and becomes another.
    fn is_altered(&self, key: &ObjectKey) -> bool {
        self.fates.fate(key) == Some(Fate::Altered)
    }

    /// Whether a column of a parent is turned as this one is, and takes it along.
    fn follows(&self, owner: Owner<'_>, column: &Name) -> bool {
        let stays = |(parent, table): (&RelationName, &crate::model::Table)| {
            let key = Owner::Table(parent, table).part(ObjectKind::Column, column);
            table.columns.contains_key(column) && self.is_altered(&key)
        };
        let still = |parent: &RelationName| self.after.parents(owner.name()).any(|(name, _)| name == parent);
        self.before.parents(owner.name()).any(|(parent, table)| still(parent) && stays((parent, table)))
    }
}

#[cfg(test)]
mod tests;
