//! What is told beside the statements: what they do not bring about, and what somebody should be asked.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fate::Fate;
use super::index::is_alone;
use super::inventory::{Object, Owner};
use super::{Context, Impossible, Why, about};
use crate::model::{About, Column, IndexState};
use crate::object::{ObjectKey, ObjectKind};

/// An object that is dropped where another of the same kind is added. Whether it was renamed, the
/// catalogs cannot tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rename {
    /// What is dropped.
    pub from: ObjectKey,
    /// What is added and looks like it; more than one when it cannot be told.
    pub to: Vec<ObjectKey>,
}

/// What no statement brings about.
pub(super) fn impossible(context: &Context<'_>) -> Vec<Impossible> {
    let mut found = context.fates.impossible.clone();
    for (key, fate) in context.fates.moved() {
        if let (ObjectKind::Unmodelled(_), Fate::Created | Fate::Dropped) = (&key.kind, fate) {
            found.push(Impossible { key: key.clone(), why: Why::Unmodelled });
        }
        if let (Some(Object::Index(owner, _, index)), Fate::Created | Fate::Replaced) =
            (context.after.get(key), fate)
            && index.state != IndexState::Valid
            && !matches!(owner, Owner::Table(_, table) if is_alone(table, index))
        {
            found.push(Impossible { key: key.clone(), why: Why::InvalidIndex });
        }
        if let (Some(object), true) = (context.after.get(key), fate != Fate::Kept)
            && let Some(about) = about_of(object)
            && about::foreign_grants(about).next().is_some()
            && !has_same_grants(context, key, about)
        {
            found.push(Impossible { key: key.clone(), why: Why::Grantor });
        }
    }
    for (name, after) in &context.after.catalog.tables {
        let Some(before) = context.before.catalog.tables.get(name) else { continue };
        if !context.fates.is_touched(name) && before.columns.keys().eq(after.columns.keys()) {
            continue;
        }
        let key = ObjectKey::of(ObjectKind::Table, name);
        let kept = |column: &crate::Name| {
            let fate = context.fates.fate(&ObjectKey::within(ObjectKind::Column, name, column));
            matches!(fate, Some(Fate::Kept | Fate::Altered))
        };
        // What stays keeps its order, and what comes is behind it.
        let mut reached: Vec<_> = before.columns.keys().filter(|column| kept(column)).collect();
        let wanted: Vec<_> = after.columns.keys().collect();
        let new: Vec<_> = wanted.iter().copied().filter(|column| !kept(column)).collect();
        reached.extend(new);
        let undeclared = |(name, column): (&crate::Name, &Column)| {
            let was = before.columns.get(name);
            let own = was.is_some_and(|was| was.inherited_from == 0 || was.declared_too);
            own && column.inherited_from > 0 && !column.declared_too
        };
        if after.partition_of.is_none() && after.columns.iter().any(undeclared) {
            found.push(Impossible { key: key.clone(), why: Why::Declared });
        }
        if reached != wanted && context.fates.fate(&key) != Some(Fate::Replaced) {
            found.push(Impossible { key, why: Why::OrderOfColumns });
        }
    }
    found.sort_by(|one, other| (&one.key, one.why).cmp(&(&other.key, other.why)));
    found.dedup();
    found
}

fn about_of(object: Object<'_>) -> Option<&About> {
    Some(match object {
        Object::Namespace(_, of) => &of.about,
        Object::Type(_, of) => &of.about,
        Object::Sequence(_, of) => &of.about,
        Object::Table(_, of) => &of.about,
        Object::View(_, of) => &of.about,
        Object::Routine(_, of) => &of.about,
        _ => return None,
    })
}

fn has_same_grants(context: &Context<'_>, key: &ObjectKey, after: &About) -> bool {
    let before = context.before.get(key).and_then(about_of);
    let kept = matches!(context.fates.fate(key), Some(Fate::Altered));
    kept && before.is_some_and(|before| before.privileges == after.privileges)
}

/// Tables and columns that go where others come that could be they.
pub(super) fn renames(context: &Context<'_>) -> Vec<Rename> {
    let fates = &context.fates;
    let mut found = Vec::new();
    let going = |key: &ObjectKey| fates.fate(key) == Some(Fate::Dropped);
    let coming = |key: &ObjectKey| fates.fate(key) == Some(Fate::Created);
    for (name, before) in context.before.catalog.tables.iter().filter(|(name, _)| fates.is_touched(name)) {
        let key = ObjectKey::of(ObjectKind::Table, name);
        if going(&key) {
            let shape = shape(&before.columns);
            let alike = context.after.catalog.tables.iter().filter(|(other, after)| {
                coming(&ObjectKey::of(ObjectKind::Table, other)) && self::shape(&after.columns) == shape
            });
            let to: Vec<_> = alike.map(|(other, _)| ObjectKey::of(ObjectKind::Table, other)).collect();
            if !to.is_empty() && !before.columns.is_empty() {
                found.push(Rename { from: key, to });
            }
            continue;
        }
        let Some(after) = context.after.catalog.tables.get(name) else { continue };
        let (old, new) = (Owner::Table(name, before), Owner::Table(name, after));
        for (column_name, column) in &before.columns {
            let key = old.part(ObjectKind::Column, column_name);
            if !going(&key) {
                continue;
            }
            let alike = after.columns.iter().filter(|(other, candidate)| {
                coming(&new.part(ObjectKind::Column, other)) && candidate.type_ref == column.type_ref
            });
            let to: Vec<_> = alike.map(|(other, _)| new.part(ObjectKind::Column, other)).collect();
            if !to.is_empty() {
                found.push(Rename { from: key, to });
            }
        }
    }
    found
}

/// What two tables have in common when one is the other renamed.
fn shape(
    columns: &indexmap::IndexMap<crate::Name, Column>,
) -> BTreeMap<&crate::Name, &crate::model::TypeRef> {
    columns.iter().map(|(name, column)| (name, &column.type_ref)).collect()
}
