//! Namespaces, extensions, extended statistics, publications, default privileges.

use std::collections::BTreeSet;

use super::Context;
use super::about::{self, Called, Usual};
use super::part::{columns, deparsed, list};
use super::written::Written;
use crate::model::{DefaultPrivileges, Extension, Grant, Namespace, Publication, PublishedTable, Statistics};
use crate::object::ObjectKey;
use crate::sql::{Literal, Sql};
use crate::{Name, RelationName, sql};

fn called_namespace(name: &Name) -> Called {
    let altered = sql!("SCHEMA {}", name);
    let usual = if name.as_str() == "public" { Usual::PublicNamespace } else { Usual::Namespace };
    Called { granted: altered.clone(), altered, usual }
}

pub(super) fn create_namespace(written: &mut Written<'_>, name: &Name, namespace: &Namespace) {
    written.say(sql!("CREATE SCHEMA {}", name));
    let (catalog, session) = (written.context.before.catalog, written.context.session);
    let mut called = called_namespace(name);
    // One that is made by hand begins like any other.
    called.usual = Usual::Namespace;
    written.say_all(about::at_birth(&called, &namespace.about, None, catalog, session));
}

pub(super) fn alter_namespace(written: &mut Written<'_>, name: &Name, before: &Namespace, after: &Namespace) {
    let (major, session) = (written.context.major, written.context.session);
    let called = called_namespace(name);
    written.say_all(about::changes(&called, &before.about, &after.about, major, session));
}

pub(super) fn create_extension(written: &mut Written<'_>, name: &Name, extension: &Extension) {
    written.say(sql!("CREATE EXTENSION {} WITH SCHEMA {}", name, extension.namespace));
}

fn called_statistics(name: &RelationName) -> Called {
    let altered = sql!("STATISTICS {}", name);
    Called { granted: altered.clone(), altered, usual: Usual::Nothing }
}

pub(super) fn create_statistics(written: &mut Written<'_>, name: &RelationName, statistics: &Statistics) {
    written.say(deparsed(&statistics.definition));
    let (catalog, session) = (written.context.before.catalog, written.context.session);
    written.say_all(about::at_birth(&called_statistics(name), &statistics.about, None, catalog, session));
    if let Some(target) = statistics.target {
        written.say(sql!("ALTER STATISTICS {} SET STATISTICS {}", name, target));
    }
}

pub(super) fn alter_statistics(
    written: &mut Written<'_>,
    name: &RelationName,
    before: &Statistics,
    after: &Statistics,
) {
    if before.target != after.target {
        written.say(sql!("ALTER STATISTICS {} SET STATISTICS {}", name, after.target.unwrap_or(-1)));
    }
    let (major, session) = (written.context.major, written.context.session);
    written.say_all(about::changes(&called_statistics(name), &before.about, &after.about, major, session));
}

fn called_publication(name: &Name) -> Called {
    let altered = sql!("PUBLICATION {}", name);
    Called { granted: altered.clone(), altered, usual: Usual::Nothing }
}

fn published(context: &Context<'_>, name: &RelationName, table: &PublishedTable) -> Sql {
    let mut made = sql!("TABLE {}", context.told_alone(name));
    if !table.columns.is_empty() {
        made = sql!("{} {}", made, columns(&table.columns));
    }
    if let Some(filter) = &table.filter {
        made = sql!("{} WHERE ({})", made, deparsed(filter));
    }
    made
}

fn publish_options(publication: &Publication, major: u32) -> Sql {
    let operations: Vec<&str> = publication.operations.iter().copied().collect();
    let mut options = vec![
        sql!("publish = {}", Literal(&operations.join(", "))),
        if publication.via_root {
            sql!("publish_via_partition_root = true")
        } else {
            sql!("publish_via_partition_root = false")
        },
    ];
    if major >= 18 {
        let what = Literal(publication.generated_columns.unwrap_or("none"));
        options.push(sql!("publish_generated_columns = {}", what));
    }
    sql!("({})", options)
}

pub(super) fn create_publication(written: &mut Written<'_>, name: &Name, publication: &Publication) {
    let mut statement = sql!("CREATE PUBLICATION {}", name);
    if publication.all_tables {
        statement = sql!("{} FOR ALL TABLES", statement);
    } else if !publication.tables.is_empty() || !publication.namespaces.is_empty() {
        statement = sql!("{} FOR {}", statement, grouped(publication, written.context));
    }
    let options = publish_options(publication, written.context.major);
    written.say(sql!("{} WITH {}", statement, options));
    let (catalog, session) = (written.context.before.catalog, written.context.session);
    written.say_all(about::at_birth(&called_publication(name), &publication.about, None, catalog, session));
}

/// The objects of a publication. Before 15 the word `TABLE` stands once.
fn grouped(publication: &Publication, context: &Context<'_>) -> Sql {
    if context.major < 15 {
        return sql!("TABLE {}", list(publication.tables.keys().map(|table| context.told_alone(table))));
    }
    let tables = publication.tables.iter().map(|(name, table)| published(context, name, table));
    list(tables.chain(publication.namespaces.iter().map(|name| sql!("TABLES IN SCHEMA {}", name))))
}

/// Takes out of a publication what is not told any more, or is told otherwise, so that columns can go.
pub(super) fn alter_publication(
    written: &mut Written<'_>,
    key: &ObjectKey,
    name: &Name,
    before: &Publication,
    after: &Publication,
) {
    let context = written.context;
    for (table, told) in &before.tables {
        let stays = after.tables.get(table) == Some(told) && !context.is_republished(key, table);
        if !stays && !context.is_gone(table) {
            written.say(sql!("ALTER PUBLICATION {} DROP TABLE {}", name, context.told_alone(table)));
        }
    }
    for namespace in before.namespaces.difference(&after.namespaces) {
        written.say(sql!("ALTER PUBLICATION {} DROP TABLES IN SCHEMA {}", name, namespace));
    }
}

/// Puts into a publication what is told from now on.
pub(super) fn finish_publication(
    written: &mut Written<'_>,
    key: &ObjectKey,
    name: &Name,
    before: &Publication,
    after: &Publication,
) {
    let context = written.context;
    for (table, told) in &after.tables {
        let stayed = before.tables.get(table) == Some(told) && !context.is_republished(key, table);
        if !stayed {
            written.say(sql!("ALTER PUBLICATION {} ADD {}", name, published(context, table, told)));
        }
    }
    for namespace in after.namespaces.difference(&before.namespaces) {
        written.say(sql!("ALTER PUBLICATION {} ADD TABLES IN SCHEMA {}", name, namespace));
    }
    let told = |publication: &Publication| {
        (publication.operations.clone(), publication.via_root, publication.generated_columns)
    };
    if told(before) != told(after) {
        let options = publish_options(after, written.context.major);
        written.say(sql!("ALTER PUBLICATION {} SET {}", name, options));
    }
    let (major, session) = (written.context.major, written.context.session);
    let called = called_publication(name);
    written.say_all(about::changes(&called, &before.about, &after.about, major, session));
}

/// What turns default privileges into others. Without any, those that PostgreSQL has by itself are meant.
pub(super) fn default_privileges(
    written: &mut Written<'_>,
    which: &DefaultPrivileges,
    before: Option<&DefaultPrivileges>,
    after: Option<&DefaultPrivileges>,
) {
    let DefaultPrivileges { role, namespace, objects, grants: _ } = which;
    let session = written.context.session;
    let mut head = sql!("ALTER DEFAULT PRIVILEGES FOR ROLE {}", session.role(role));
    if let Some(namespace) = namespace {
        head = sql!("{} IN SCHEMA {}", head, namespace);
    }
    let on = Sql::verbatim(objects.to_uppercase());
    let usual = || usual_defaults(which, written.context.major);
    let rights = |of: Option<&DefaultPrivileges>| of.map_or_else(&usual, |of| of.grants.clone());
    let (old, new) =
        (about::Rights::from_grants(&rights(before)), about::Rights::from_grants(&rights(after)));
    let changes: Vec<Sql> = old.changes(&new, &on, None, session);
    written.say_all(changes.into_iter().map(|change| sql!("{} {}", head, change)));
}

/// In a namespace nothing; everywhere what PostgreSQL grants to the owner and to everybody.
fn usual_defaults(which: &DefaultPrivileges, major: u32) -> BTreeSet<Grant> {
    let usual = match (&which.namespace, which.objects) {
        (Some(_), _) => return BTreeSet::new(),
        (None, "tables") => Usual::Relation,
        (None, "sequences") => Usual::Sequence,
        (None, "functions") => Usual::Routine,
        (None, "types") => Usual::Type,
        (None, "schemas") => Usual::Namespace,
        (None, _) => Usual::Nothing,
    };
    usual.grants(&which.role, major)
}

/// What two publications have by table, told apart.
pub(super) fn is_alterable_publication(before: &Publication, after: &Publication) -> bool {
    before.all_tables == after.all_tables
}
