//! What a database contains: the one model that a live database, a replayed history and a
//! `schema.prisma` are turned into, so that any two of them can be compared.
//!
//! The types say what PostgreSQL's catalogs say, with names in place of oids: what a renderer or a
//! planner asks for is structure, and only what has no structure of its own (an expression, the body
//! of a view or a function) is text as the server deparses it under an empty `search_path`. Deparsed
//! text differs between majors, so only catalogs of the same major are compared.
//!
//! Left out on purpose: oids, statistics, physical layout, `last_value` of sequences, what belongs to
//! an extension, and PostgreSQL's own objects. An object of a kind that is not modelled here is
//! counted among [`Catalog::unmodelled`] by kind and identity, so that it is never silently equal.
//!
//! Maps keep the order in which things were declared, because what is rendered follows it. Whether
//! two maps are equal does not depend on it; the one order that clients can see, that of a table's
//! columns, is told by [`Facts`](crate::Facts) as the attribute `position`.

mod abouts;
mod column;
mod constraint;
mod database;
mod index;
mod privileges;
mod publication;
mod routine;
mod sequence;
mod table;
mod trigger;
mod type_ref;
mod types;
mod view;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

pub use self::column::{Column, Generated, Identity, IdentityKind, Storage};
pub use self::constraint::{
    Constraint, ConstraintKind, Deferral, Enforcement, ForeignKey, MatchKind, ReferentialAction,
};
pub use self::database::{DefaultPrivileges, EventTrigger, Extension, Namespace, Statistics};
pub use self::index::{Index, IndexKey, IndexState, KeyPart, SortOrder};
pub use self::privileges::{About, Grant, Privileges, UnreadableGrant};
pub use self::publication::{Publication, PublishedTable};
pub use self::routine::{Routine, RoutineBody, RoutineKind, RoutineName};
pub use self::sequence::{Sequence, SequenceOptions};
pub use self::table::{Persistence, ReplicaIdentity, Table, TableKind};
pub use self::trigger::{Firing, Policy, PolicyCommand, Rule, Trigger, TriggerEvent, TriggerTiming};
pub use self::type_ref::TypeRef;
pub use self::types::{CompositeAttribute, RangeType, Type, TypeKind};
pub use self::view::{View, ViewKind};

use crate::object::{ObjectKey, quoted, shown};
use crate::{Name, RelationName};

/// All objects of a database that are not PostgreSQL's own, an extension's or ours.
///
/// Every [`RelationName`] in it has its namespace, that of PostgreSQL's own objects (`pg_catalog`)
/// included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// The server's major version; 0 when nothing was read.
    pub major: u32,
    /// The namespaces ("schemas" in SQL).
    pub namespaces: IndexMap<Name, Namespace>,
    /// The extensions, without their members.
    pub extensions: IndexMap<Name, Extension>,
    /// Enums, domains, composites and ranges.
    pub types: IndexMap<RelationName, Type>,
    /// Sequences, without those behind identity columns.
    pub sequences: IndexMap<RelationName, Sequence>,
    /// Tables: ordinary, partitioned, partitions, foreign.
    pub tables: IndexMap<RelationName, Table>,
    /// Views and materialized views.
    pub views: IndexMap<RelationName, View>,
    /// Functions, procedures and aggregates.
    pub routines: IndexMap<RoutineName, Routine>,
    /// Extended statistics.
    pub statistics: IndexMap<RelationName, Statistics>,
    /// Event triggers.
    pub event_triggers: IndexMap<Name, EventTrigger>,
    /// Publications.
    pub publications: IndexMap<Name, Publication>,
    /// What new objects of a role are granted to others.
    pub default_privileges: Vec<DefaultPrivileges>,
    /// Objects of kinds that the model does not describe: that they are there is all that is known.
    pub unmodelled: BTreeSet<ObjectKey>,
    /// Which object cannot be without which other, beyond what the structure says (a column without its
    /// table). They order work and follow from the definitions, so they are no facts of their own.
    pub dependencies: BTreeSet<Dependency>,
}

/// `dependent` uses `on`: it has to be made after it and dropped before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dependency {
    /// What uses.
    pub dependent: ObjectKey,
    /// What is used.
    pub on: ObjectKey,
}

impl Catalog {
    /// Whether there is no object at all; a namespace alone counts as one.
    pub fn is_empty(&self) -> bool {
        let Self {
            major: _,
            namespaces,
            extensions,
            types,
            sequences,
            tables,
            views,
            routines,
            statistics,
            event_triggers,
            publications,
            default_privileges,
            unmodelled,
            dependencies: _,
        } = self;
        namespaces.is_empty()
            && extensions.is_empty()
            && types.is_empty()
            && sequences.is_empty()
            && tables.is_empty()
            && views.is_empty()
            && routines.is_empty()
            && statistics.is_empty()
            && event_triggers.is_empty()
            && publications.is_empty()
            && default_privileges.is_empty()
            && unmodelled.is_empty()
    }
}

/// For fields that hold a qualified name.
fn as_shown<S: Serializer>(name: &RelationName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&shown(name))
}

/// For fields that may hold a qualified name.
fn as_shown_option<S: Serializer>(name: &Option<RelationName>, serializer: S) -> Result<S::Ok, S::Error> {
    name.as_ref().map(shown).serialize(serializer)
}

/// For fields that hold qualified names.
fn as_shown_list<S: Serializer>(names: &[RelationName], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter().map(shown))
}
