//! Columns: their definition in `CREATE TABLE`, and what turns one into another.

use std::collections::BTreeMap;

use super::Context;
use super::about::{self, Called, Rights, Usual};
use super::cast::{self, Cast};
use super::inventory::Owner;
use super::loss::Loss;
use super::part::{collate, deparsed, joined, option_changes, sequence_options, type_of};
use super::written::Written;
use crate::model::{
    Column, ConstraintKind, Enforcement, Identity, IdentityKind, SequenceOptions, Storage, Table, TypeRef,
};
use crate::sql::{Literal, Sql};
use crate::{Name, RelationName, sql};

/// The first major whose not-null constraints are objects with names.
pub(super) const NAMED_NOT_NULL: u32 = 18;

/// A column as `CREATE TABLE` and `ADD COLUMN` take it. The default is left out when something that is made
/// later has to be there first.
pub(super) fn definition(name: &Name, column: &Column, table: &Table, with_default: bool, major: u32) -> Sql {
    let mut clauses = vec![sql!("{} {}", name, type_of(&column.type_ref))];
    if let Some(method) = column.compression {
        clauses.push(sql!("COMPRESSION {}", Sql::verbatim(method)));
    }
    let foreign = foreign_options(column);
    if !foreign.is_empty() {
        clauses.push(sql!("OPTIONS ({})", foreign));
    }
    clauses.extend(collate(column.collation.as_ref()));
    if let Some(generated) = &column.generated {
        let kept = if generated.stored { sql!("STORED") } else { sql!("VIRTUAL") };
        clauses.push(sql!("GENERATED ALWAYS AS ({}) {}", deparsed(&generated.expression), kept));
    }
    if let Some(identity) = &column.identity {
        clauses.push(sql!("GENERATED {} AS IDENTITY {}", given(identity.generated), of_identity(identity)));
    }
    match not_null_constraint(name, table) {
        Some((constraint, false)) => clauses.push(sql!("CONSTRAINT {} NOT NULL", constraint)),
        Some((constraint, true)) => clauses.push(sql!("CONSTRAINT {} NOT NULL NO INHERIT", constraint)),
        None if column.not_null && major < NAMED_NOT_NULL => clauses.push(sql!("NOT NULL")),
        None => {}
    }
    if let Some(default) = column.default.as_ref().filter(|_| with_default) {
        clauses.push(sql!("DEFAULT {}", deparsed(default)));
    }
    joined(clauses)
}

/// The name of the constraint that refuses NULL in a column and stands in its definition, and whether it is
/// kept from children. One that was not validated stands by itself.
pub(super) fn not_null_constraint<'a>(column: &Name, table: &'a Table) -> Option<(&'a Name, bool)> {
    table.constraints.iter().find_map(|(name, constraint)| match &constraint.kind {
        ConstraintKind::NotNull { column: Some(of) }
            if of == column && constraint.enforcement == Enforcement::Valid =>
        {
            Some((name, constraint.no_inherit))
        }
        _ => None,
    })
}

fn foreign_options(column: &Column) -> Vec<Sql> {
    let pairs =
        column.options.iter().filter_map(|(name, value)| Some((name.strip_prefix("foreign.")?, value)));
    pairs.map(|(name, value)| sql!("{} {}", Name::new(name), Literal(value))).collect()
}

fn given(kind: IdentityKind) -> Sql {
    match kind {
        IdentityKind::Always => sql!("ALWAYS"),
        IdentityKind::ByDefault => sql!("BY DEFAULT"),
    }
}

fn of_identity(identity: &Identity) -> Sql {
    sql!("(SEQUENCE NAME {} {})", identity.sequence, sequence_options(&identity.options))
}

/// The clauses that turn options for a foreign server into others.
pub(super) fn server_option_changes(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<Sql> {
    let mut changes = Vec::new();
    for (option, value) in after {
        let name = Name::new(option);
        match before.get(option) {
            Some(old) if old == value => {}
            Some(_) => changes.push(sql!("SET {} {}", name, Literal(value))),
            None => changes.push(sql!("ADD {} {}", name, Literal(value))),
        }
    }
    let gone = before.keys().filter(|option| !after.contains_key(*option));
    changes.extend(gone.map(|option| sql!("DROP {}", Name::new(option))));
    changes
}

/// What a column has that its definition cannot say, once it is there: settings, privileges, comment.
pub(super) fn at_birth(written: &mut Written<'_>, owner: Owner<'_>, name: &Name, column: &Column) {
    let plain = Column::of(column.type_ref.clone());
    // What CREATE TABLE said is not said again.
    let said = column.options.iter().filter(|(name, _)| name.starts_with("foreign."));
    let options = said.map(|(name, value)| (name.clone(), value.clone())).collect();
    let made = Column { compression: column.compression, options, ..plain };
    let subcommands = settings(&made, column);
    let relation = owner.name();
    let altered: Vec<Sql> =
        subcommands.into_iter().map(|change| sql!("ALTER COLUMN {} {}", name, change)).collect();
    if !altered.is_empty() {
        written.say(sql!("ALTER TABLE ONLY {} {}", relation, altered));
    }
    if let Some(identity) = &column.identity {
        let called = called_sequence(&identity.sequence);
        let owner_of_table = match owner {
            Owner::Table(_, table) => table.about.owner.clone(),
            Owner::View(..) | Owner::Domain(_) => None,
        };
        let usual = crate::model::About { owner: owner_of_table.clone(), ..Default::default() };
        let wanted = crate::model::About { owner: owner_of_table, ..identity.about.clone() };
        let changes =
            about::changes(&called, &usual, &wanted, written.context.major, written.context.session);
        written.say_all(changes);
    }
    privileges(written, owner, name, Rights::default(), &Rights::of_column(&column.about));
    comment(written, relation, name, None, column.about.comment.as_ref());
}

fn called_sequence(name: &RelationName) -> Called {
    let altered = sql!("SEQUENCE {}", name);
    Called { granted: altered.clone(), altered, usual: Usual::Sequence }
}

/// `GRANT` and `REVOKE` on one column.
pub(super) fn privileges(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    before: Rights,
    after: &Rights,
) {
    let on = sql!("TABLE {}", owner.name());
    let column = sql!("({})", name);
    let session = written.context.session;
    written.say_all(before.changes(after, &on, Some(&column), session));
}

pub(super) fn comment(
    written: &mut Written<'_>,
    relation: &RelationName,
    name: &Name,
    before: Option<&String>,
    after: Option<&String>,
) {
    let called = sql!("COLUMN {}.{}", relation, name);
    written.say_all(about::comment(&called, before, after));
}

/// Storage, compression, statistics and options.
fn settings(before: &Column, after: &Column) -> Vec<Sql> {
    let mut changes = Vec::new();
    if before.storage != after.storage {
        let storage = after.storage.unwrap_or_else(|| usual_storage(&after.type_ref));
        changes.push(sql!("SET STORAGE {}", storage_word(storage)));
    }
    if before.compression != after.compression {
        changes.push(sql!("SET COMPRESSION {}", Sql::verbatim(after.compression.unwrap_or("default"))));
    }
    if before.statistics_target != after.statistics_target {
        changes.push(sql!("SET STATISTICS {}", after.statistics_target.unwrap_or(-1)));
    }
    let own = |column: &Column| {
        let own = column.options.iter().filter(|(name, _)| !name.starts_with("foreign."));
        own.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    changes.extend(option_changes(&own(before), &own(after)));
    let foreign = foreign_option_changes(before, after);
    if !foreign.is_empty() {
        changes.push(sql!("OPTIONS ({})", foreign));
    }
    changes
}

fn foreign_option_changes(before: &Column, after: &Column) -> Vec<Sql> {
    let of = |column: &Column| -> BTreeMap<String, String> {
        let own =
            column.options.iter().filter_map(|(name, value)| Some((name.strip_prefix("foreign.")?, value)));
        own.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    };
    server_option_changes(&of(before), &of(after))
}

fn storage_word(storage: Storage) -> Sql {
    match storage {
        Storage::Plain => sql!("PLAIN"),
        Storage::External => sql!("EXTERNAL"),
        Storage::Main => sql!("MAIN"),
        Storage::Extended => sql!("EXTENDED"),
    }
}

/// How long values of a type are stored unless something else is said. `SET STORAGE DEFAULT` is new in 16.
fn usual_storage(of: &TypeRef) -> Storage {
    if of.array {
        return Storage::Extended;
    }
    match of.name.name.as_str() {
        "numeric" | "inet" | "cidr" => Storage::Main,
        "text" | "varchar" | "bpchar" | "bytea" | "json" | "jsonb" | "xml" | "tsvector" | "bit"
        | "varbit" | "path" | "polygon" | "citext" => Storage::Extended,
        _ => Storage::Plain,
    }
}

/// How a column is turned into another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Its type goes and comes back, though its name stays the same.
    pub(super) retyped: bool,
    /// What its default needs goes and comes back.
    pub(super) undefaulted: bool,
    /// Its default is set later, when what it needs is there.
    pub(super) default_later: bool,
    /// A column of a parent is turned in the same way, and takes this one along.
    pub(super) follows: bool,
}

/// The statement that turns a column of a table into another, and what it may lose.
pub(super) fn turn(
    written: &mut Written<'_>,
    owner: Owner<'_>,
    name: &Name,
    (before, after): (&Column, &Column),
    turn: Turn,
) {
    let relation = owner.name();
    let major = written.context.major;
    let retyped = turn.retyped || before.type_ref != after.type_ref || before.collation != after.collation;
    if let (Some(old), Some(new)) = (&before.identity, &after.identity) {
        written.say_all(super::sequence::within(&old.sequence, &old.options, &new.options));
    }
    let (mut first, mut added, mut shared, mut own) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut losses = Vec::new();
    if before.identity.is_some() && after.identity.is_none() {
        shared.push(sql!("DROP IDENTITY"));
    }
    if before.generated.is_some() && after.generated.is_none() && !turn.follows {
        shared.push(sql!("DROP EXPRESSION"));
    }
    let default_changes = before.default != after.default || turn.undefaulted || retyped;
    if before.default.is_some()
        && default_changes
        && (after.default.is_none() || turn.default_later || turn.undefaulted || retyped)
    {
        first.push(sql!("DROP DEFAULT"));
    }
    if retyped && !turn.follows {
        let Cast { using, loss } = cast::between(name, before, after, turn.retyped);
        let collation = collate(after.collation.as_ref()).map_or_else(|| sql!(""), |sql| sql!(" {}", sql));
        shared.push(sql!("TYPE {}{}{}", type_of(&after.type_ref), collation, using));
        losses.extend(loss);
    }
    if let (Some(old), Some(new)) = (&before.generated, &after.generated)
        && old.expression != new.expression
    {
        shared.push(sql!("SET EXPRESSION AS ({})", deparsed(&new.expression)));
    }
    if major < NAMED_NOT_NULL && !turn.follows {
        match (before.not_null, after.not_null) {
            (false, true) => {
                shared.push(sql!("SET NOT NULL"));
                losses.push(Loss::NothingIf(format!("no row has NULL in {}", shown(relation, name))));
            }
            (true, false) => shared.push(sql!("DROP NOT NULL")),
            _ => {}
        }
    }
    match (&before.identity, &after.identity) {
        (None, Some(identity)) => {
            shared.push(sql!(
                "ADD GENERATED {} AS IDENTITY {}",
                given(identity.generated),
                of_identity(identity)
            ));
        }
        (Some(old), Some(new)) => shared.extend(identity_changes(old, new)),
        (_, None) => {}
    }
    if let Some(default) = after.default.as_ref().filter(|_| default_changes && !turn.default_later) {
        own.push(sql!("SET DEFAULT {}", deparsed(default)));
    }
    if retyped {
        // PostgreSQL stores values as the new type says, whatever was set.
        own.extend(settings(&Column { storage: None, compression: None, ..before.clone() }, after));
    } else {
        own.extend(settings(before, after));
    }
    if before.identity.is_none() && after.identity.is_some() {
        // The column refuses NULL before it gives values of its own.
        added.extend(added_not_null(owner, name, written.context));
    }
    let context = written.context;
    let has_children =
        !context.before.children(relation).is_empty() || !context.after.children(relation).is_empty();
    if retyped && has_children && before.generated.is_none() && before.identity.is_none() {
        // The type of the children's columns changes with it, and a default of theirs would stand in the way.
        added.push(sql!("ALTER COLUMN {} DROP DEFAULT", name));
    }
    let altered = |changes: Vec<Sql>| {
        changes.into_iter().map(|change| sql!("ALTER COLUMN {} {}", name, change)).collect::<Vec<_>>()
    };
    let loss = Loss::of_all(losses);
    if has_children {
        // A type is the children's, too; a default is the table's own.
        let (first, last) = (altered(first), altered(own));
        if !first.is_empty() {
            written.say(sql!("ALTER TABLE ONLY {} {}", relation, first));
        }
        added.extend(altered(shared));
        if !added.is_empty() {
            written.lose(loss, sql!("ALTER TABLE {} {}", relation, added));
        }
        if !last.is_empty() {
            written.say(sql!("ALTER TABLE ONLY {} {}", relation, last));
        }
    } else {
        first.extend(shared);
        first.extend(own);
        added.extend(altered(first));
        if !added.is_empty() {
            written.lose(loss, sql!("ALTER TABLE {} {}", relation, added));
        }
    }
    if let (Some(old), Some(new)) = (&before.identity, &after.identity) {
        identity_sequence(written, owner, old, new);
    }
    if let (None, Some(identity)) = (&before.identity, &after.identity) {
        go_on(written, &identity.sequence, &identity.options, relation, name);
    }
}

fn added_not_null(owner: Owner<'_>, name: &Name, context: &Context<'_>) -> Option<Sql> {
    let after = context.after.catalog.tables.get(owner.name())?;
    let before = context.before.catalog.tables.get(owner.name())?;
    let (constraint, _) = not_null_constraint(name, after)?;
    (not_null_constraint(name, before).map(|(name, _)| name) != Some(constraint))
        .then(|| sql!("ADD CONSTRAINT {} NOT NULL {}", constraint, name))
}

fn identity_changes(before: &Identity, after: &Identity) -> Vec<Sql> {
    let mut set = Vec::new();
    if before.generated != after.generated {
        set.push(sql!("SET GENERATED {}", given(after.generated)));
    }
    let (old, new) = (&before.options, &after.options);
    let numbers = [
        (old.increment != new.increment, sql!("SET INCREMENT BY {}", new.increment)),
        (old.min != new.min, sql!("SET MINVALUE {}", new.min)),
        (old.max != new.max, sql!("SET MAXVALUE {}", new.max)),
        (old.start != new.start, sql!("SET START WITH {}", new.start)),
        (old.cache != new.cache, sql!("SET CACHE {}", new.cache)),
    ];
    set.extend(numbers.into_iter().filter(|(changed, _)| *changed).map(|(_, clause)| clause));
    if old.cycle != new.cycle {
        set.push(if new.cycle { sql!("SET CYCLE") } else { sql!("SET NO CYCLE") });
    }
    if set.is_empty() { set } else { vec![joined(set)] }
}

fn identity_sequence(written: &mut Written<'_>, owner: Owner<'_>, before: &Identity, after: &Identity) {
    if before.sequence != after.sequence {
        written.say(sql!("ALTER SEQUENCE {} RENAME TO {}", before.sequence, after.sequence.name));
    }
    let owner_of_table = match owner {
        Owner::Table(_, table) => table.about.owner.clone(),
        Owner::View(..) | Owner::Domain(_) => None,
    };
    let of =
        |identity: &Identity| crate::model::About { owner: owner_of_table.clone(), ..identity.about.clone() };
    let (major, session) = (written.context.major, written.context.session);
    let called = called_sequence(&after.sequence);
    written.say_all(about::changes(&called, &of(before), &of(after), major, session));
}

/// A sequence for a column that has rows goes on behind the last of them.
pub(super) fn go_on(
    written: &mut Written<'_>,
    sequence: &RelationName,
    options: &SequenceOptions,
    table: &RelationName,
    column: &Name,
) {
    if options.increment > 0 {
        let name = sequence.to_string();
        written.say(sql!(
            "SELECT pg_catalog.setval({}, max({})) FROM ONLY {} HAVING max({}) >= {}",
            Literal(&name),
            column,
            table,
            column,
            options.min
        ));
    }
}

/// A column as a person reads it.
pub(super) fn shown(relation: &RelationName, column: &Name) -> String {
    format!("{}.{}", relation.shown(), column.as_str())
}
