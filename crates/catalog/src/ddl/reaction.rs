//! Triggers, rules and policies, and event triggers.

use super::about::{self, Called, Usual};
use super::inventory::Owner;
use super::part::{deparsed, joined, routine};
use super::written::Written;
use crate::model::{About, EventTrigger, Firing, Policy, PolicyCommand, Rule, Trigger};
use crate::sql::{Literal, Sql};
use crate::{Name, sql};

/// `ENABLE`, `DISABLE` and what is between them.
fn firing(fires: Firing) -> Sql {
    match fires {
        Firing::Origin => sql!("ENABLE"),
        Firing::Disabled => sql!("DISABLE"),
        Firing::Replica => sql!("ENABLE REPLICA"),
        Firing::Always => sql!("ENABLE ALWAYS"),
    }
}

/// A trigger or a rule as it comes from `CREATE`: it fires as usual, and nobody wrote anything about it.
fn state(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    word: Sql,
    before: (Firing, &About),
    after: (Firing, &About),
) {
    if before.0 != after.0 {
        written.say(sql!("ALTER TABLE {} {} {} {}", owner.name(), firing(after.0), word, name));
    }
    let called = sql!("{} {} ON {}", word, name, owner.name());
    written.say_all(about::comment(&called, before.1.comment.as_ref(), after.1.comment.as_ref()));
}

pub(super) fn create_trigger(written: &mut Written<'_>, owner: Owner<'_>, name: &Name, trigger: &Trigger) {
    if !trigger.inherited {
        written.say(deparsed(&trigger.definition));
    }
    let plain = (Firing::Origin, &About::default());
    state(written, owner, name, sql!("TRIGGER"), plain, (trigger.fires, &trigger.about));
}

pub(super) fn alter_trigger(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    (before, after): (&Trigger, &Trigger),
) {
    let (old, new) = ((before.fires, &before.about), (after.fires, &after.about));
    state(written, owner, name, sql!("TRIGGER"), old, new);
}

pub(super) fn drop_trigger(written: &mut Written<'_>, owner: Owner<'_>, name: &Name) {
    written.say(sql!("DROP TRIGGER {} ON {}", name, owner.name()));
}

/// Whether a trigger becomes another without being dropped.
pub(super) fn is_alterable_trigger(before: &Trigger, after: &Trigger) -> bool {
    let same = Trigger { fires: after.fires, about: after.about.clone(), ..before.clone() };
    same == *after
}

pub(super) fn create_rule(written: &mut Written<'_>, owner: Owner<'_>, name: &Name, rule: &Rule) {
    written.say(deparsed(&rule.definition));
    let plain = (Firing::Origin, &About::default());
    state(written, owner, name, sql!("RULE"), plain, (rule.fires, &rule.about));
}

pub(super) fn alter_rule(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    (before, after): (&Rule, &Rule),
) {
    let (old, new) = ((before.fires, &before.about), (after.fires, &after.about));
    state(written, owner, name, sql!("RULE"), old, new);
}

pub(super) fn drop_rule(written: &mut Written<'_>, owner: Owner<'_>, name: &Name) {
    written.say(sql!("DROP RULE {} ON {}", name, owner.name()));
}

pub(super) fn create_policy(written: &mut Written<'_>, owner: Owner<'_>, name: &Name, policy: &Policy) {
    let Policy { command, permissive, roles, using, check, about } = policy;
    let kind = if *permissive { sql!("PERMISSIVE") } else { sql!("RESTRICTIVE") };
    let command = match command {
        PolicyCommand::All => sql!("ALL"),
        PolicyCommand::Select => sql!("SELECT"),
        PolicyCommand::Insert => sql!("INSERT"),
        PolicyCommand::Update => sql!("UPDATE"),
        PolicyCommand::Delete => sql!("DELETE"),
    };
    let session = written.context.session;
    let to: Vec<Sql> = match roles.is_empty() {
        true => vec![sql!("PUBLIC")],
        false => roles.iter().map(|role| session.role(role)).collect(),
    };
    let mut clauses =
        vec![sql!("CREATE POLICY {} ON {} AS {} FOR {} TO {}", name, owner.name(), kind, command, to)];
    clauses.extend(using.as_ref().map(|using| sql!("USING ({})", deparsed(using))));
    clauses.extend(check.as_ref().map(|check| sql!("WITH CHECK ({})", deparsed(check))));
    written.say(joined(clauses));
    policy_comment(written, owner, name, None, about.comment.as_ref());
}

pub(super) fn policy_comment(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    before: Option<&String>,
    after: Option<&String>,
) {
    let called = sql!("POLICY {} ON {}", name, owner.name());
    written.say_all(about::comment(&called, before, after));
}

pub(super) fn drop_policy(written: &mut Written<'_>, owner: Owner<'_>, name: &Name) {
    written.say(sql!("DROP POLICY {} ON {}", name, owner.name()));
}

fn called_event_trigger(name: &Name) -> Called {
    let altered = sql!("EVENT TRIGGER {}", name);
    Called { granted: altered.clone(), altered, usual: Usual::Nothing }
}

pub(super) fn create_event_trigger(written: &mut Written<'_>, name: &Name, trigger: &EventTrigger) {
    let mut statement = sql!("CREATE EVENT TRIGGER {} ON {}", name, Sql::verbatim(&trigger.event));
    if !trigger.tags.is_empty() {
        let tags: Vec<Literal<'_>> = trigger.tags.iter().map(|tag| Literal(tag)).collect();
        statement = sql!("{} WHEN TAG IN ({})", statement, tags);
    }
    written.say(sql!("{} EXECUTE FUNCTION {}", statement, routine(&trigger.function)));
    let session = written.context.session;
    let called = called_event_trigger(name);
    written.say_all(about::at_birth(&called, &trigger.about, None, written.context.before.catalog, session));
    if trigger.fires != Firing::Origin {
        written.say(sql!("ALTER EVENT TRIGGER {} {}", name, firing(trigger.fires)));
    }
}

pub(super) fn alter_event_trigger(
    written: &mut Written<'_>,
    name: &Name,
    before: &EventTrigger,
    after: &EventTrigger,
) {
    if before.fires != after.fires {
        written.say(sql!("ALTER EVENT TRIGGER {} {}", name, firing(after.fires)));
    }
    let (major, session) = (written.context.major, written.context.session);
    let called = called_event_trigger(name);
    written.say_all(about::changes(&called, &before.about, &after.about, major, session));
}

pub(super) fn drop_event_trigger(written: &mut Written<'_>, name: &Name) {
    written.say(sql!("DROP EVENT TRIGGER {}", name));
}
