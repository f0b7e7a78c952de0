//! The small objects: namespaces, extensions, extended statistics, event triggers, default privileges.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{About, Firing, Grant, RoutineName, as_shown};
use crate::object::{ObjectKey, ObjectKind, quoted};
use crate::{Name, RelationName};

/// A namespace. That of an extension is the extension's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Namespace {
    /// Owner, privileges, comment.
    #[serde(flatten)]
    pub about: About,
}

/// An extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Extension {
    /// The installed version. Two servers seldom have the same, so differences in it are notes.
    pub version: String,
    /// Where its objects live.
    pub namespace: Name,
    /// Whether they can move to another namespace, as the extension's own files say: no difference of databases.
    #[serde(skip)]
    pub relocatable: bool,
}

/// Extended statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// The table that they are of.
    #[serde(serialize_with = "as_shown")]
    pub table: RelationName,
    /// The whole of it, as the server deparses it.
    pub definition: String,
    /// `SET STATISTICS`.
    pub target: Option<i16>,
    /// Owner and comment.
    #[serde(flatten)]
    pub about: About,
}

/// An event trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventTrigger {
    /// `ddl_command_start` …
    pub event: String,
    /// The commands that it fires for; empty for all.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// What it calls.
    pub function: RoutineName,
    /// Whether it fires.
    pub fires: Firing,
    /// Owner and comment.
    #[serde(flatten)]
    pub about: About,
}

/// What new objects of a role are granted to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefaultPrivileges {
    /// Whose objects.
    #[serde(skip)]
    pub role: Name,
    /// Objects in this namespace; `None` for everywhere.
    #[serde(skip)]
    pub namespace: Option<Name>,
    /// `tables`, `sequences`, `functions`, `types`, `schemas`, `large objects` (PostgreSQL 18).
    #[serde(skip)]
    pub objects: &'static str,
    /// In a namespace, what is granted besides; everywhere, all that is granted.
    pub grants: BTreeSet<Grant>,
}

impl DefaultPrivileges {
    /// They have no name: what they are of and for tells them apart.
    pub fn key(&self) -> ObjectKey {
        let Self { role, namespace, objects, grants: _ } = self;
        let place = namespace.as_ref().map_or_else(String::new, |name| format!(" in {}", quoted(name)));
        ObjectKey::new(ObjectKind::DefaultPrivileges, format!("of {} on {objects}{place}", quoted(role)))
    }
}
