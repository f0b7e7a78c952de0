//! The statements of each step: which act on which kind of object is written by whom.

use super::fate::Fate;
use super::inventory::{Object, Owner};
use super::loss::Loss;
use super::steps::{Act, Step};
use super::written::Written;
use super::{
    Change, Context, about, column, constraint, index, part, reaction, routine, sequence, small, table,
    types, view,
};
use crate::model::TableKind;
use crate::object::ObjectKey;
use crate::sql;

/// The statements of one step.
pub(super) fn statements(context: &Context<'_>, step: &Step) -> Vec<Change> {
    let mut written = Written::of(context, step.key.clone());
    let (before, after) = (context.before.get(&step.key), context.after.get(&step.key));
    match (step.act, before, after) {
        (Act::Drop, Some(object), _) => drop(&mut written, &step.key, object),
        (Act::Create, _, Some(object)) => create(&mut written, &step.key, object),
        (Act::Loosen, Some(Object::Column(owner, name, _)), _) => {
            written.say(sql!("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", owner.name(), name));
        }
        (Act::Alter, Some(before), Some(after)) => alter(&mut written, &step.key, before, after),
        (Act::Finish, before, Some(after)) => {
            // What was replaced begins anew.
            let before = before.filter(|_| context.fates.fate(&step.key) == Some(Fate::Altered));
            finish(&mut written, &step.key, before, after);
        }
        _ => {}
    }
    written.done()
}

fn drop(written: &mut Written<'_>, key: &ObjectKey, object: Object<'_>) {
    match object {
        Object::Namespace(name, _) => written.say(sql!("DROP SCHEMA {}", name)),
        Object::Extension(name, _) => written.say(sql!("DROP EXTENSION {}", name)),
        Object::Type(name, of) => {
            let aside = written.context.set_aside.get(key);
            types::drop(written, aside.unwrap_or(name), of);
        }
        Object::Sequence(name, _) => sequence::drop(written, name),
        Object::Table(name, of) => {
            let word = table::called(name, of).altered;
            let loss = match of.kind {
                TableKind::Foreign { .. } => Loss::Nothing,
                _ => Loss::Contents,
            };
            written.lose(loss, sql!("DROP {}", word));
        }
        Object::Column(owner, name, column) => {
            let loss = if column.generated.is_some() { Loss::Nothing } else { Loss::Contents };
            written.lose(loss, sql!("ALTER TABLE {} DROP COLUMN {}", owner.name(), name));
        }
        Object::View(name, of) => view::drop(written, name, of),
        Object::Routine(name, of) => routine::drop(written, name, of),
        Object::Constraint(owner, name, of) => constraint::drop(written, owner, name, of),
        Object::Index(owner, name, _) => index::drop(written, owner, name),
        Object::Trigger(owner, name, _) => reaction::drop_trigger(written, owner, name),
        Object::Rule(owner, name, _) => reaction::drop_rule(written, owner, name),
        Object::Policy(owner, name, _) => reaction::drop_policy(written, owner, name),
        Object::Statistics(name, _) => written.say(sql!("DROP STATISTICS {}", name)),
        Object::EventTrigger(name, _) => reaction::drop_event_trigger(written, name),
        Object::Publication(name, _) => written.say(sql!("DROP PUBLICATION {}", name)),
        Object::DefaultPrivileges(of) => small::default_privileges(written, of, Some(of), None),
        // Told as impossible.
        Object::Unmodelled => {}
    }
}

fn create(written: &mut Written<'_>, key: &ObjectKey, object: Object<'_>) {
    match object {
        Object::Namespace(name, of) => small::create_namespace(written, name, of),
        Object::Extension(name, of) => small::create_extension(written, name, of),
        Object::Type(name, of) => {
            if let (Some(aside), Some(Object::Type(_, old))) =
                (written.context.set_aside.get(key), written.context.before.get(key))
            {
                types::set_aside(written, name, old, aside);
            }
            types::create(written, name, of);
        }
        Object::Sequence(name, of) => sequence::create(written, name, of),
        Object::Table(name, of) => table::create(written, name, of),
        Object::Column(owner, name, column) => {
            let Owner::Table(_, of) = owner else { return };
            let context = written.context;
            let with_default = !context.default_is_later(owner, name);
            let definition = column::definition(name, column, of, with_default, context.major);
            let loss = match (&column.generated, &column.identity) {
                (None, None) => Loss::NotRestored,
                _ => Loss::Nothing,
            };
            written.lose(loss, sql!("ALTER TABLE {} ADD COLUMN {}", owner.name(), definition));
            column::at_birth(written, owner, name, column);
        }
        Object::View(name, of) => view::create(written, name, of),
        Object::Routine(name, of) => routine::create(written, name, of),
        Object::Constraint(owner, name, of) => {
            let rows = match owner {
                Owner::Table(table, _) => written.context.is_kept_table(table),
                Owner::Domain(domain) => written.context.is_kept_type(domain),
                Owner::View(..) => false,
            };
            constraint::create(written, owner, name, of, rows);
            if let Owner::Table(_, table) = owner {
                let made = table.indexes.iter().find(|(_, index)| index.constraint.as_ref() == Some(name));
                if let Some((name, index)) = made {
                    index::at_birth(written, owner, name, index);
                }
            }
        }
        Object::Index(owner, name, of) => {
            index::create(written, owner, name, of);
            index::at_birth(written, owner, name, of);
        }
        Object::Trigger(owner, name, of) => reaction::create_trigger(written, owner, name, of),
        Object::Rule(owner, name, of) => reaction::create_rule(written, owner, name, of),
        Object::Policy(owner, name, of) => reaction::create_policy(written, owner, name, of),
        Object::Statistics(name, of) => small::create_statistics(written, name, of),
        Object::EventTrigger(name, of) => reaction::create_event_trigger(written, name, of),
        Object::Publication(name, of) => small::create_publication(written, name, of),
        Object::DefaultPrivileges(of) => small::default_privileges(written, of, None, Some(of)),
        Object::Unmodelled => {}
    }
}

fn alter(written: &mut Written<'_>, key: &ObjectKey, before: Object<'_>, after: Object<'_>) {
    match (before, after) {
        (Object::Namespace(name, before), Object::Namespace(_, after)) => {
            small::alter_namespace(written, name, before, after);
        }
        (Object::Extension(name, _), Object::Extension(_, after)) => {
            written.say(sql!("ALTER EXTENSION {} SET SCHEMA {}", name, after.namespace));
        }
        (Object::Type(name, before), Object::Type(_, after)) => types::alter(written, name, before, after),
        (Object::Sequence(name, before), Object::Sequence(_, after)) => {
            sequence::alter(written, name, before, after);
        }
        (Object::Table(name, before), Object::Table(_, after)) => table::alter(written, name, before, after),
        (Object::Column(owner @ Owner::View(..), name, before), Object::Column(_, _, after)) => {
            view::turn_column(written, owner, name, Some(before), after);
        }
        (Object::Column(_, name, before), Object::Column(owner, _, after)) => {
            let context = written.context;
            let turn = column::Turn {
                retyped: context.fates.retyped.contains(key),
                undefaulted: context.fates.undefaulted.contains(key),
                default_later: context.default_is_later(owner, name),
                follows: context.follows(owner, name),
            };
            column::turn(written, owner, name, (before, after), turn);
            let (old, new) = (before.about.comment.as_ref(), after.about.comment.as_ref());
            column::comment(written, owner.name(), name, old, new);
            if !context.is_altered(&owner.key()) {
                let rights = about::Rights::of_column(&before.about);
                let wanted = about::Rights::of_column(&after.about);
                column::privileges(written, owner, name, rights, &wanted);
            }
        }
        (Object::View(name, before), Object::View(_, after)) => view::alter(written, name, before, after),
        (Object::Routine(name, before), Object::Routine(_, after)) => {
            routine::alter(written, name, before, after);
        }
        (Object::Constraint(owner, name, before), Object::Constraint(_, _, after)) => {
            constraint::alter(written, owner, name, (before, after));
        }
        (Object::Index(_, name, before), Object::Index(owner, _, after)) => {
            index::alter(written, owner, name, (before, after));
        }
        (Object::Trigger(owner, name, before), Object::Trigger(_, _, after)) => {
            reaction::alter_trigger(written, owner, name, (before, after));
        }
        (Object::Rule(owner, name, before), Object::Rule(_, _, after)) => {
            reaction::alter_rule(written, owner, name, (before, after));
        }
        (Object::Policy(owner, name, before), Object::Policy(_, _, after)) => {
            let (old, new) = (before.about.comment.as_ref(), after.about.comment.as_ref());
            reaction::policy_comment(written, owner, name, old, new);
        }
        (Object::Statistics(name, before), Object::Statistics(_, after)) => {
            small::alter_statistics(written, name, before, after);
        }
        (Object::EventTrigger(name, before), Object::EventTrigger(_, after)) => {
            reaction::alter_event_trigger(written, name, before, after);
        }
        (Object::Publication(name, before), Object::Publication(_, after)) => {
            small::alter_publication(written, key, name, before, after);
        }
        (Object::DefaultPrivileges(before), Object::DefaultPrivileges(after)) => {
            small::default_privileges(written, after, Some(before), Some(after));
        }
        _ => {}
    }
}

fn finish(written: &mut Written<'_>, key: &ObjectKey, before: Option<Object<'_>>, after: Object<'_>) {
    match (before, after) {
        (Some(Object::Table(name, before)), Object::Table(_, after)) => {
            table::finish(written, name, Some(before), after);
        }
        (None, Object::Table(name, after)) => table::finish(written, name, None, after),
        (Some(Object::Sequence(_, before)), Object::Sequence(name, after)) => {
            sequence::finish(written, name, Some(before), after);
        }
        (None, Object::Sequence(name, after)) => sequence::finish(written, name, None, after),
        (Some(Object::Publication(name, before)), Object::Publication(_, after)) => {
            small::finish_publication(written, key, name, before, after);
        }
        (before, Object::Column(owner @ Owner::Table(..), name, column)) => {
            let context = written.context;
            let was = match before {
                Some(Object::Column(_, _, before)) => Some(before),
                _ => None,
            };
            let again = was.is_none_or(|was| {
                was.default != column.default
                    || was.type_ref != column.type_ref
                    || context.fates.undefaulted.contains(key)
                    || context.fates.retyped.contains(key)
            });
            if let Some(default) =
                column.default.as_ref().filter(|_| again && context.default_is_later(owner, name))
            {
                let default = part::deparsed(default);
                written.say(sql!(
                    "ALTER TABLE ONLY {} ALTER COLUMN {} SET DEFAULT {}",
                    owner.name(),
                    name,
                    default
                ));
            }
        }
        _ => {}
    }
}
