//! Sequences that are not behind identity columns.

use super::about::{self, Called, Usual};
use super::loss::Loss;
use super::part::{joined, sequence_options, type_of};
use super::written::Written;
use crate::model::{Persistence, Sequence, SequenceOptions};
use crate::sql::{Literal, Sql};
use crate::{RelationName, sql};

pub(super) fn called(name: &RelationName) -> Called {
    let altered = sql!("SEQUENCE {}", name);
    Called { granted: altered.clone(), altered, usual: Usual::Sequence }
}

pub(super) fn create(written: &mut Written<'_>, name: &RelationName, sequence: &Sequence) {
    let word = match sequence.persistence {
        Persistence::Unlogged => sql!("CREATE UNLOGGED SEQUENCE"),
        Persistence::Permanent => sql!("CREATE SEQUENCE"),
    };
    let counts = sequence_options(&sequence.options);
    let loss = match sequence.owned_by {
        // It goes on behind the greatest value of its column.
        Some(_) => Loss::Nothing,
        None => Loss::NotRestored,
    };
    written.lose(loss, sql!("{} {} AS {} {}", word, name, type_of(&sequence.options.type_ref), counts));
    let (namespace, session) = (name.namespace.as_ref(), written.context.session);
    let catalog = written.context.before.catalog;
    written.say_all(about::at_birth(&called(name), &sequence.about, namespace, catalog, session));
}

pub(super) fn drop(written: &mut Written<'_>, name: &RelationName) {
    written.lose(Loss::Contents, sql!("DROP SEQUENCE {}", name));
}

/// What turns a sequence into another, the column that owns it left out.
pub(super) fn alter(written: &mut Written<'_>, name: &RelationName, before: &Sequence, after: &Sequence) {
    if before.owned_by.is_some() && before.owned_by != after.owned_by {
        // First, so that it does not go with its column.
        written.say(sql!("ALTER SEQUENCE {} OWNED BY NONE", name));
    }
    let (old, new) = (&before.options, &after.options);
    let mut changes = Vec::new();
    if old.type_ref != new.type_ref {
        changes.push(sql!("AS {}", type_of(&new.type_ref)));
    }
    if old != new {
        written.say_all(within(name, old, new));
        changes.push(sequence_options(new));
        written.say(sql!("ALTER SEQUENCE {} {}", name, joined(changes)));
    }
    if before.persistence != after.persistence {
        let word = match after.persistence {
            Persistence::Unlogged => sql!("UNLOGGED"),
            Persistence::Permanent => sql!("LOGGED"),
        };
        written.say(sql!("ALTER SEQUENCE {} SET {}", name, word));
    }
    let (major, session) = (written.context.major, written.context.session);
    written.say_all(about::changes(&called(name), &before.about, &after.about, major, session));
}

/// Where a sequence stands has to be in its new bounds, else they are refused: what is outside of them is
/// brought to the nearer one.
pub(super) fn within(name: &RelationName, before: &SequenceOptions, after: &SequenceOptions) -> Option<Sql> {
    (after.min > before.min || after.max < before.max).then(|| {
        sql!(
            "SELECT pg_catalog.setval({}, LEAST(GREATEST(last_value, {}), {}), \
             is_called AND last_value BETWEEN {} AND {}) FROM {}",
            Literal(&name.to_string()),
            after.min,
            after.max,
            after.min,
            after.max,
            name
        )
    })
}

/// Gives a sequence to its column, when both are there.
pub(super) fn finish(
    written: &mut Written<'_>,
    name: &RelationName,
    before: Option<&Sequence>,
    after: &Sequence,
) {
    let Some((table, column)) = &after.owned_by else { return };
    if before.is_some_and(|before| before.owned_by == after.owned_by) {
        return;
    }
    if before.is_none() && written.context.is_kept_column(table, column) {
        super::column::go_on(written, name, &after.options, table, column);
    }
    written.say(sql!("ALTER SEQUENCE {} OWNED BY {}.{}", name, table, column));
}
