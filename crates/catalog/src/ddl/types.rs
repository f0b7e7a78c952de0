//! Enums, domains, composites and ranges.

use super::about::{self, Called, Usual};
use super::loss::Loss;
use super::part::{and, collate, deparsed, joined, type_of};
use super::written::Written;
use crate::model::{CompositeAttribute, RangeType, Type, TypeKind};
use crate::sql::{Literal, Sql};
use crate::{RelationName, sql};

fn word(of: &Type) -> Sql {
    match of.kind {
        TypeKind::Domain { .. } => sql!("DOMAIN"),
        TypeKind::Enum { .. } | TypeKind::Composite { .. } | TypeKind::Range(_) => sql!("TYPE"),
    }
}

pub(super) fn called(name: &RelationName, of: &Type) -> Called {
    let altered = sql!("{} {}", word(of), name);
    Called { granted: altered.clone(), altered, usual: Usual::Type }
}

pub(super) fn create(written: &mut Written<'_>, name: &RelationName, of: &Type) {
    let statement = match &of.kind {
        TypeKind::Enum { labels } => {
            let labels: Vec<Literal<'_>> = labels.iter().map(|label| Literal(label)).collect();
            sql!("CREATE TYPE {} AS ENUM ({})", name, labels)
        }
        TypeKind::Domain { base, collation, not_null, default, constraints: _ } => {
            let mut clauses = vec![sql!("CREATE DOMAIN {} AS {}", name, type_of(base))];
            clauses.extend(collate(collation.as_ref()));
            clauses.extend(default.as_ref().map(|default| sql!("DEFAULT {}", deparsed(default))));
            // From 17 on it is a constraint with a name, which is made by itself.
            clauses.extend((*not_null && written.context.major < 17).then(|| sql!("NOT NULL")));
            joined(clauses)
        }
        TypeKind::Composite { attributes } => {
            let attributes: Vec<Sql> = attributes.iter().map(attribute).collect();
            sql!("CREATE TYPE {} AS ({})", name, attributes)
        }
        TypeKind::Range(range) => sql!("CREATE TYPE {} AS RANGE ({})", name, range_parts(range)),
    };
    written.say(statement);
    let (namespace, session) = (name.namespace.as_ref(), written.context.session);
    let catalog = written.context.before.catalog;
    written.say_all(about::at_birth(&called(name, of), &of.about, namespace, catalog, session));
    if let TypeKind::Composite { attributes } = &of.kind {
        for attribute in attributes {
            attribute_comment(written, name, None, attribute);
        }
    }
}

fn attribute(attribute: &CompositeAttribute) -> Sql {
    and(sql!("{} {}", attribute.name, type_of(&attribute.type_ref)), collate(attribute.collation.as_ref()))
}

fn attribute_comment(
    written: &mut Written<'_>,
    name: &RelationName,
    before: Option<&CompositeAttribute>,
    after: &CompositeAttribute,
) {
    let called = sql!("COLUMN {}.{}", name, after.name);
    let before = before.and_then(|attribute| attribute.comment.as_ref());
    written.say_all(about::comment(&called, before, after.comment.as_ref()));
}

fn range_parts(range: &RangeType) -> Vec<Sql> {
    let RangeType { subtype, operator_class, collation, canonical, difference, multirange } = range;
    let mut parts = vec![sql!("SUBTYPE = {}", type_of(subtype))];
    parts.extend(operator_class.as_ref().map(|class| sql!("SUBTYPE_OPCLASS = {}", class)));
    parts.extend(collation.as_ref().map(|collation| sql!("COLLATION = {}", collation)));
    // The catalog tells functions with their arguments; here they stand without.
    let function = |text: &String| Sql::verbatim(text.split('(').next().unwrap_or(text));
    parts.extend(canonical.as_ref().map(|text| sql!("CANONICAL = {}", function(text))));
    parts.extend(difference.as_ref().map(|text| sql!("SUBTYPE_DIFF = {}", function(text))));
    parts.extend(multirange.as_ref().map(|name| sql!("MULTIRANGE_TYPE_NAME = {}", name)));
    parts
}

pub(super) fn drop(written: &mut Written<'_>, name: &RelationName, of: &Type) {
    written.say(sql!("DROP {} {}", word(of), name));
}

/// A name for a type that is about to be replaced, which nobody has.
pub(super) fn name_aside(name: &RelationName, is_taken: impl Fn(&RelationName) -> bool) -> RelationName {
    let mut aside = name.sibling(name.name.with_suffix("_replaced"));
    let mut tried = 1;
    while is_taken(&aside) {
        tried += 1;
        aside = name.sibling(name.name.with_suffix(&format!("_replaced_{tried}")));
    }
    aside
}

/// Renames a type that is about to be replaced.
pub(super) fn set_aside(written: &mut Written<'_>, name: &RelationName, of: &Type, to: &RelationName) {
    written.say(sql!("ALTER {} {} RENAME TO {}", word(of), name, to.name));
}

/// Whether a type becomes another without being made again.
pub(super) fn is_alterable(before: &TypeKind, after: &TypeKind) -> bool {
    match (before, after) {
        (TypeKind::Enum { labels: before }, TypeKind::Enum { labels: after }) => {
            let mut rest = after.iter();
            before.iter().all(|label| rest.any(|other| other == label))
        }
        (
            TypeKind::Domain { base: old, collation: collated, .. },
            TypeKind::Domain { base: new, collation, .. },
        ) => old == new && collated == collation,
        (TypeKind::Composite { attributes: before }, TypeKind::Composite { attributes: after }) => {
            let definition = |attribute: &&CompositeAttribute| {
                (attribute.name.clone(), attribute.type_ref.clone(), attribute.collation.clone())
            };
            let kept: Vec<_> = before
                .iter()
                .filter(|old| after.iter().any(|new| new.name == old.name))
                .map(|old| definition(&old))
                .collect();
            // What is new comes last.
            after.iter().take(kept.len()).map(|new| definition(&new)).eq(kept)
        }
        (TypeKind::Range(before), TypeKind::Range(after)) => before == after,
        _ => false,
    }
}

/// What turns a type into another.
pub(super) fn alter(written: &mut Written<'_>, name: &RelationName, before: &Type, after: &Type) {
    match (&before.kind, &after.kind) {
        (TypeKind::Enum { labels: before }, TypeKind::Enum { labels: after }) => {
            add_labels(written, name, before, after);
        }
        (
            TypeKind::Domain { default: old_default, not_null: was, .. },
            TypeKind::Domain { default, not_null, .. },
        ) => {
            if old_default != default {
                let change = match default {
                    Some(default) => sql!("SET DEFAULT {}", deparsed(default)),
                    None => sql!("DROP DEFAULT"),
                };
                written.say(sql!("ALTER DOMAIN {} {}", name, change));
            }
            if was != not_null && written.context.major < 17 {
                let (word, loss) = match not_null {
                    true => (sql!("SET"), Loss::NothingIf(format!("no column of {} has NULL", name.shown()))),
                    false => (sql!("DROP"), Loss::Nothing),
                };
                written.lose(loss, sql!("ALTER DOMAIN {} {} NOT NULL", name, word));
            }
        }
        (TypeKind::Composite { attributes: before }, TypeKind::Composite { attributes: after }) => {
            for old in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
                written.lose(Loss::Contents, sql!("ALTER TYPE {} DROP ATTRIBUTE {}", name, old.name));
            }
            for new in after {
                let old = before.iter().find(|old| old.name == new.name);
                if old.is_none() {
                    written.lose(
                        Loss::NotRestored,
                        sql!("ALTER TYPE {} ADD ATTRIBUTE {}", name, attribute(new)),
                    );
                }
                attribute_comment(written, name, old, new);
            }
        }
        _ => {}
    }
    let (major, session) = (written.context.major, written.context.session);
    written.say_all(about::changes(&called(name, after), &before.about, &after.about, major, session));
}

/// Labels that are new, each beside one that is there.
fn add_labels(written: &mut Written<'_>, name: &RelationName, before: &[String], after: &[String]) {
    for (at, label) in after.iter().enumerate().filter(|(_, label)| !before.contains(label)) {
        // Before the next that is there already, else at the end: what comes earlier was added earlier.
        let next = after[at + 1..].iter().find(|label| before.contains(label));
        let place = next.map(|next| sql!("BEFORE {}", Literal(next)));
        written.commit(and(sql!("ALTER TYPE {} ADD VALUE {}", name, Literal(label)), place));
    }
}
