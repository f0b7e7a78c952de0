//! Tables: how they are made, and what turns one into another. What they own has files of its own.

use super::about::{self, Called, Rights, Usual};
use super::column;
use super::inventory::Owner;
use super::loss::Loss;
use super::part::{and, deparsed, option_changes, tablespace, with};
use super::written::Written;
use crate::model::{Column, Persistence, ReplicaIdentity, Table, TableKind};
use crate::sql::{Literal, Sql};
use crate::{Name, RelationName, sql};

pub(super) fn called(name: &RelationName, table: &Table) -> Called {
    let altered = match table.kind {
        TableKind::Foreign { .. } => sql!("FOREIGN TABLE {}", name),
        TableKind::Ordinary | TableKind::Partitioned { .. } => sql!("TABLE {}", name),
    };
    Called { altered, granted: sql!("TABLE {}", name), usual: Usual::Relation }
}

/// The columns that stand in `CREATE TABLE`: those of a parent come with `INHERITS`. A partition has all,
/// because it is made alone and attached when it has its indexes.
fn declared(table: &Table) -> impl Iterator<Item = (&Name, &Column)> {
    let own =
        |column: &Column| table.inherits.is_empty() || column.inherited_from == 0 || column.declared_too;
    table.columns.iter().filter(move |(_, column)| own(column))
}

pub(super) fn create(written: &mut Written<'_>, name: &RelationName, table: &Table) {
    let context = written.context;
    let owner = Owner::Table(name, table);
    let definitions: Vec<Sql> = declared(table)
        .map(|(column_name, column)| {
            let with_default = !context.default_is_later(owner, column_name);
            let column = match table.partition_of {
                // A partition gets the identity of its parent when it is attached.
                Some(_) if context.major >= 17 => &Column { identity: None, ..column.clone() },
                _ => column,
            };
            column::definition(column_name, column, table, with_default, context.major)
        })
        .collect();
    let mut statement = match (&table.kind, table.persistence) {
        (TableKind::Foreign { .. }, _) => sql!("CREATE FOREIGN TABLE {}", name),
        (_, Persistence::Unlogged) => sql!("CREATE UNLOGGED TABLE {}", name),
        (_, Persistence::Permanent) => sql!("CREATE TABLE {}", name),
    };
    // The columns of a table of a type are the type's; what they have besides follows.
    statement = match &table.of_type {
        Some(of) => sql!("{} OF {}", statement, of),
        None => sql!("{} ({})", statement, definitions),
    };
    if !table.inherits.is_empty() {
        statement = sql!("{} INHERITS ({})", statement, table.inherits);
    }
    match &table.kind {
        TableKind::Partitioned { partition_key } => {
            statement = sql!("{} PARTITION BY {}", statement, deparsed(partition_key));
        }
        TableKind::Foreign { server, server_options } => {
            let options: Vec<Sql> = server_options
                .iter()
                .map(|(option, value)| sql!("{} {}", Name::new(option), Literal(value)))
                .collect();
            statement = sql!("{} SERVER {}", statement, server);
            statement = and(statement, (!options.is_empty()).then(|| sql!("OPTIONS ({})", options)));
        }
        TableKind::Ordinary => {}
    }
    let method = table.access_method.as_ref().filter(|method| method.as_str() != "heap");
    statement = and(statement, method.map(|method| sql!("USING {}", method)));
    statement = and(statement, with(&table.options));
    statement = and(statement, table.tablespace.as_ref().map(|name| sql!("TABLESPACE {}", name)));
    let empty = matches!(table.kind, TableKind::Foreign { .. });
    written.lose(if empty { Loss::Nothing } else { Loss::NotRestored }, statement);
    if table.of_type.is_some() {
        for (column_name, column) in &table.columns {
            if let Some(default) = &column.default {
                let set = sql!("ALTER COLUMN {} SET DEFAULT {}", column_name, deparsed(default));
                written.say(sql!("ALTER TABLE {} {}", name, set));
            }
            if column.not_null {
                written.say(sql!("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", name, column_name));
            }
        }
    }
    inherited_defaults(written, owner, table);
    row_security(written, name, (false, false), (table.row_security, table.force_row_security));
    let (namespace, session) = (name.namespace.as_ref(), context.session);
    let catalog = context.before.catalog;
    written.say_all(about::at_birth(&called(name, table), &table.about, namespace, catalog, session));
    for (column_name, column) in &table.columns {
        column::at_birth(written, owner, column_name, column);
    }
}

/// Of columns that come from a parent, the child may have another default.
fn inherited_defaults(written: &mut Written<'_>, owner: Owner<'_>, table: &Table) {
    let context = written.context;
    for (name, column) in &table.columns {
        let comes = !table.inherits.is_empty() && column.inherited_from > 0 && !column.declared_too;
        let parent = context.after.parents(owner.name()).find_map(|(_, parent)| parent.columns.get(name));
        if let (true, Some(parent)) = (comes, parent)
            && parent.default != column.default
        {
            let default = match &column.default {
                Some(default) => sql!("SET DEFAULT {}", deparsed(default)),
                None => sql!("DROP DEFAULT"),
            };
            written.say(sql!("ALTER TABLE {} ALTER COLUMN {} {}", owner.name(), name, default));
        }
    }
}

fn row_security(written: &mut Written<'_>, name: &RelationName, before: (bool, bool), after: (bool, bool)) {
    if before.0 != after.0 {
        let word = if after.0 { sql!("ENABLE") } else { sql!("DISABLE") };
        written.say(sql!("ALTER TABLE {} {} ROW LEVEL SECURITY", name, word));
    }
    if before.1 != after.1 {
        let word = if after.1 { sql!("FORCE") } else { sql!("NO FORCE") };
        written.say(sql!("ALTER TABLE {} {} ROW LEVEL SECURITY", name, word));
    }
}

/// What turns a table into another, its parts left out.
pub(super) fn alter(written: &mut Written<'_>, name: &RelationName, before: &Table, after: &Table) {
    let context = written.context;
    if let Some(parent) = &before.partition_of
        && (before.partition_of != after.partition_of || before.partition_bound != after.partition_bound)
        && !context.is_gone(parent)
    {
        written.say(sql!("ALTER TABLE {} DETACH PARTITION {}", parent, name));
    }
    for parent in before.inherits.iter().filter(|parent| !after.inherits.contains(parent)) {
        written.say(sql!("ALTER TABLE {} NO INHERIT {}", name, parent));
    }
    if before.of_type.is_some() && before.of_type != after.of_type {
        written.say(sql!("ALTER TABLE {} NOT OF", name));
    }
    match (before.persistence, after.persistence) {
        (Persistence::Permanent, Persistence::Unlogged) => {
            let loss = Loss::NothingIf("the server does not crash: then the table is empty".to_owned());
            written.lose(loss, sql!("ALTER TABLE {} SET UNLOGGED", name));
        }
        (Persistence::Unlogged, Persistence::Permanent) => {
            written.say(sql!("ALTER TABLE {} SET LOGGED", name));
        }
        (Persistence::Permanent, Persistence::Permanent) | (Persistence::Unlogged, Persistence::Unlogged) => {
        }
    }
    if let (true, Some(method)) = (before.access_method != after.access_method, &after.access_method) {
        written.say(sql!("ALTER TABLE {} SET ACCESS METHOD {}", name, method));
    }
    if before.tablespace != after.tablespace {
        written.say(sql!("ALTER TABLE {} SET TABLESPACE {}", name, tablespace(after.tablespace.as_ref())));
    }
    for change in option_changes(&before.options, &after.options) {
        written.say(sql!("ALTER TABLE {} {}", name, change));
    }
    foreign_options(written, name, &before.kind, &after.kind);
    let security = |table: &Table| (table.row_security, table.force_row_security);
    row_security(written, name, security(before), security(after));
    // What is granted on the table as a whole is taken from its columns with it, so both are told here.
    let (major, session) = (context.major, context.session);
    written.say_all(about::changes(&called(name, after), &before.about, &after.about, major, session));
    let owned = |about| Rights::of(about, Usual::Relation, major);
    let (old, new) = (owned(&before.about), owned(&after.about));
    let lost: Vec<_> = old.lost(&new).cloned().collect();
    for (column_name, column) in &after.columns {
        let Some(was) = before.columns.get(column_name) else { continue };
        if context.is_replaced(Owner::Table(name, after), column_name) {
            continue;
        }
        let rights = Rights::of_column(&was.about).without(lost.iter());
        let wanted = Rights::of_column(&column.about);
        column::privileges(written, Owner::Table(name, after), column_name, rights, &wanted);
    }
}

fn foreign_options(written: &mut Written<'_>, name: &RelationName, before: &TableKind, after: &TableKind) {
    let (TableKind::Foreign { server_options: before, .. }, TableKind::Foreign { server_options: after, .. }) =
        (before, after)
    else {
        return;
    };
    let options = column::server_option_changes(before, after);
    if !options.is_empty() {
        written.say(sql!("ALTER FOREIGN TABLE {} OPTIONS ({})", name, options));
    }
}

/// What a table can be told when its parts are there: of what it is a part, and which index tells a
/// subscriber its rows apart.
pub(super) fn finish(written: &mut Written<'_>, name: &RelationName, before: Option<&Table>, after: &Table) {
    let same_place = before.is_some_and(|before| {
        before.partition_of == after.partition_of && before.partition_bound == after.partition_bound
    });
    if let (false, Some(parent), Some(bound)) = (same_place, &after.partition_of, &after.partition_bound) {
        let loss = match before {
            Some(_) => Loss::NothingIf(format!("every row of {} is in its bounds", name.shown())),
            None => Loss::Nothing,
        };
        written.lose(loss, sql!("ALTER TABLE {} ATTACH PARTITION {} {}", parent, name, deparsed(bound)));
    }
    if let Some(before) = before {
        for parent in after.inherits.iter().filter(|parent| !before.inherits.contains(parent)) {
            written.say(sql!("ALTER TABLE {} INHERIT {}", name, parent));
        }
        if let Some(of) = after.of_type.as_ref().filter(|_| before.of_type != after.of_type) {
            written.say(sql!("ALTER TABLE {} OF {}", name, of));
        }
    }
    let was = before.map_or(&ReplicaIdentity::Default, |before| &before.replica_identity);
    let context = written.context;
    // An index that is made on the way says so itself.
    let by_new_index = matches!(&after.replica_identity, ReplicaIdentity::Index(index)
        if context.is_index_made(Owner::Table(name, after), index));
    if *was != after.replica_identity && !by_new_index {
        let identity = match &after.replica_identity {
            ReplicaIdentity::Default => sql!("DEFAULT"),
            ReplicaIdentity::Nothing => sql!("NOTHING"),
            ReplicaIdentity::Full => sql!("FULL"),
            ReplicaIdentity::Index(index) => sql!("USING INDEX {}", index),
        };
        written.say(sql!("ALTER TABLE {} REPLICA IDENTITY {}", name, identity));
    }
}
