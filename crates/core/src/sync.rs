//! Sync triggers: two shapes of one fact in the same row, kept equal while clients of both are out.
//!
//! While a change goes in phases, old clients read and write the columns that were there (*before*), new
//! clients those that come (*after*). Neither knows the other's. The triggers composed here write the other
//! shape into every row that a client inserts or updates, before it is stored; [`fill`] gives the rows that
//! are there already their new shape, and [`disagree`] counts those whose shapes do not agree. Nothing here
//! decides which columns make a pair, or when a phase comes.
//!
//! What a statement means, for each pair:
//!
//! - What an `UPDATE` sets, it means: the columns of the shape that it sets are taken, also when they are set
//!   to NULL, and the other shape is made of them. When it sets both, the new shape is taken.
//! - An `INSERT` does not tell a trigger which columns it named. A row with a value in the new shape is a new
//!   client's; otherwise it is an old client's. Hence the new columns have no default before the contract
//!   phase, and there is one row that is read wrongly: see [`Pair::misread`].
//! - Where the shapes agree already, nothing is written: they agree when either is what the other becomes.
//!   So a mapping that loses something writes nothing back into the column that it came from, neither in
//!   [`fill`] nor when a client sets what was there before.
//!
//! The triggers fire after the table's own, as PostgreSQL fires them in the order of their names, and ours
//! begin with a tilde, behind all of ASCII. So they see what the others made of a row. They are resolved
//! when they are created and take no part in any setting: no `search_path`, no `application_name`. They do
//! not fire for what logical replication applies (`session_replication_role = replica`): the publisher's
//! triggers have done that.
//!
//! Where both shapes are unique keys, two clients that upsert the same new key at the same moment get what
//! they get on every table with two unique keys: `ON CONFLICT` forgives the key that it names, and one of the
//! two fails on the other (23505). A client of one release alone would have been spared that.
//!
//! No pair can have a column of a partition key, because a `BEFORE` trigger must not move a row to another
//! partition; nor a generated column, to which nothing is assigned.

mod body;
mod mapping;
mod names;
mod query;

use underpin_catalog::{Name, RelationName, Sql, sql};

pub use mapping::{
    enum_to_enum, int_to_bigint, renamed, scalar_to_list, text_to_enum, timestamp_to_timestamptz,
};
pub(crate) use query::is_loss;
pub use query::{disagree, fill, lost, without_value};

use names::Names;
pub(crate) use names::{EARLY_TRIGGER, TRIGGER};

/// The pairs of one table. A column is part of one pair at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The table, with its namespace: what is created lives there too.
    pub table: RelationName,
    /// What is kept equal.
    pub pairs: Vec<Pair>,
    /// Who else assigns columns.
    pub others: Others,
}

/// Whether the table has `BEFORE … FOR EACH ROW` triggers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// It has none: a column changes only when a statement sets it. Statements that set no column of a pair
    /// then run without any call.
    None,
    /// It has some, which may assign columns that the statement does not set. Then every update of a row is
    /// looked at.
    Triggers,
}

/// Two shapes of one fact, each one column or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The columns of the old clients. Their values are made of the new ones ("down").
    pub before: Vec<Shape>,
    /// The columns of the new clients. Their values are made of the old ones ("up").
    pub after: Vec<Shape>,
}

/// A column of a pair, and how its value is made of the other shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The column.
    pub column: Name,
    /// Its type as `CREATE TABLE` says it, with the namespace of a type that is not PostgreSQL's own.
    pub data_type: Sql,
    /// Its value.
    pub value: Value,
}

/// How the value of a column is made of the other shape of its pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The value of that column, whose type converts by assignment and loses nothing on the way.
    Same(Name),
    /// This expression. It reads columns of the other shape alone, by their bare names, has no sub-select, and
    /// answers for every value that a client may write: where it raises an error, that client's statement
    /// fails. A result of another type is cast.
    Expression(Sql),
}

impl Shape {
    /// Its value as an expression over the other shape, as an assignment takes it.
    pub fn assigned(&self) -> Sql {
        match &self.value {
            Value::Same(column) => sql!("{}", column),
            Value::Expression(_) => self.made(),
        }
    }

    /// The same in its own type.
    pub fn made(&self) -> Sql {
        match &self.value {
            Value::Same(column) => sql!("CAST({} AS {})", column, self.data_type),
            Value::Expression(expression) => sql!("CAST({} AS {})", expression, self.data_type),
        }
    }
}

impl Pair {
    /// The rows that an `INSERT` of a new client means differently from how they are read, in words for a
    /// person, given the default that the old columns have.
    ///
    /// A new client that writes NULL into the new shape looks like an old client that left it out, and an old
    /// column's default then looks like a value that somebody wrote. Prisma Clients send the defaults that
    /// their schema states as values, and leave only `autoincrement()`, `sequence()` and `dbgenerated()` to
    /// the database.
    pub fn misread(
        &self,
        default_of: impl Fn(&Name) -> bool,
        refuses_null: impl Fn(&Name) -> bool,
    ) -> Option<String> {
        let defaulted = self.before.iter().find(|shape| default_of(&shape.column))?;
        let nullable = self.after.iter().all(|shape| !refuses_null(&shape.column));
        nullable.then(|| {
            let after: Vec<_> = self.after.iter().map(|shape| shape.column.as_str()).collect();
            format!(
                "a new row with NULL in {} gets the default of {} instead, until the contract phase: drop that \
                 default first if clients of the new schema create rows with NULL there",
                after.join(", "),
                defaulted.column.as_str(),
            )
        })
    }
}

/// What creates the functions and the triggers, in the transaction that adds the new columns and behind it.
pub fn switch_on(synced: &Synced) -> Vec<Sql> {
    let names = Names::of(synced);
    let mut made = body::values(synced, &names);
    let table = &synced.table;
    let mut trigger = |name: &Name, event: Sql, function: &RelationName, body: Sql| {
        made.push(body::function(function, &body));
        made.push(sql!(
            "CREATE TRIGGER {} BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION {}()",
            name,
            event,
            table,
            function
        ));
    };
    trigger(&names.on_insert, Sql::verbatim("INSERT"), &names.insert, body::insert(synced, &names));
    for (pair, of) in synced.pairs.iter().zip(&names.pairs) {
        // The new shape's first: when a statement sets both, the second finds that they agree.
        trigger(
            &of.on_after,
            sql!("UPDATE OF {}", columns(&pair.after)),
            &of.take_after,
            body::take_after(pair, of),
        );
        trigger(
            &of.on_before,
            sql!("UPDATE OF {}", columns(&pair.before)),
            &of.take_before,
            body::take_before(pair, of),
        );
    }
    if synced.others == Others::Triggers {
        trigger(&names.on_update, Sql::verbatim("UPDATE"), &names.update, body::changed(synced, &names));
    }
    made
}

/// Whether a trigger is one of these, or of those across tables, by its name.
pub fn is_sync_trigger(trigger: &Name) -> bool {
    names::is_ours(trigger)
}

/// The columns that triggers of a table keep equal one with one, the old before the new, by the names of the triggers
/// and the columns that they fire for.
pub(crate) fn kept_equal<'a>(
    triggers: impl Iterator<Item = (&'a Name, &'a [Name])>,
) -> Vec<(&'a Name, &'a Name)> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for (trigger, columns) in triggers {
        match (names::role(trigger), columns) {
            (Some(names::Role::Before(hash)), [column]) => old.push((hash, column)),
            (Some(names::Role::After(hash)), [column]) => new.push((hash, column)),
            _ => {}
        }
    }
    let of =
        |(hash, new): (&str, &'a Name)| old.iter().find(|(own, _)| *own == hash).map(|(_, old)| (*old, new));
    new.into_iter().filter_map(of).collect()
}

/// What drops them again, before the columns in the same transaction.
pub fn switch_off(synced: &Synced) -> Vec<Sql> {
    let names = Names::of(synced);
    let mut triggers = vec![(&names.on_insert, &names.insert)];
    for of in &names.pairs {
        triggers.extend([(&of.on_after, &of.take_after), (&of.on_before, &of.take_before)]);
    }
    if synced.others == Others::Triggers {
        triggers.push((&names.on_update, &names.update));
    }
    let drop_trigger = |(trigger, _): &(&Name, _)| sql!("DROP TRIGGER {} ON {}", trigger, synced.table);
    let mut dropped: Vec<Sql> = triggers.iter().map(drop_trigger).collect();
    dropped.extend(triggers.iter().map(|(_, function)| sql!("DROP FUNCTION {}()", function)));
    for (pair, of) in synced.pairs.iter().zip(&names.pairs) {
        dropped.extend(body::value_functions(pair, of).map(|value| sql!("DROP FUNCTION {}", value.name)));
    }
    dropped
}

fn columns(shapes: &[Shape]) -> Vec<Name> {
    shapes.iter().map(|shape| shape.column.clone()).collect()
}

#[cfg(test)]
mod tests;
