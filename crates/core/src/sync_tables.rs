//! Sync across tables: a fact that one release keeps in one table and the other release in another, kept equal
//! while clients of both are out.
//!
//! [`crate::sync`] keeps two shapes of a fact equal within a row, by assigning before the row is stored. Here the
//! other shape is another row, which has to be read, locked, made or removed. So this is a module of its own, and
//! its triggers are others: they fire behind the statement (`AFTER … FOR EACH ROW`) and write into the other table.
//!
//! - [`OneToOne`]: columns of a table, and columns of another one with a unique foreign key to it.
//! - [`ManyToMany`]: a foreign key, and a table of pairs. The key is one of the pairs, or NULL where there is none.
//!
//! What holds of both:
//!
//! - A trigger never writes what its row was when it was queued: it reads both rows as they are, and writes where
//!   they do not agree. So the triggers of both sides end, whoever begins, and triggers of the user's own which
//!   write once more are followed. Ours fire behind those, as PostgreSQL goes by the names and ours begin with a
//!   tilde.
//! - They act as their owner (`SECURITY DEFINER`), as a foreign key's actions do: a client of the one release
//!   may have no rights on a table that only the other one knows. Tables are named with their namespaces and keys
//!   compared with `OPERATOR(pg_catalog.=)`; the `search_path` is that of the moment at which they were made. No
//!   setting of a client changes what they do. Owners whom row security binds too (`FORCE`) are not served.
//! - They do not fire for what logical replication applies; the publisher's have done that.
//! - `TRUNCATE` of the second table is what a `DELETE` of all its rows is. The first one's takes the second with it,
//!   because a foreign key leads there.
//! - Rows are locked in this order: the row that is led to, then the one that leads there. Whoever inserts into the
//!   second table locks the first row before; so two clients that make the same fact in both shapes at once wait for
//!   each other and both go on. An `UPDATE` or a `DELETE` has its own row locked before any trigger can act: two
//!   clients that change one fact in both shapes in the same instant can meet crosswise. PostgreSQL ends that after
//!   `deadlock_timeout` with 40P01 for one of the two, whose transaction has changed nothing then; Prisma calls it
//!   P2034 and says to try again. A lock taken first thing in a `BEFORE` trigger keeps the instant short.

mod many_to_many;
mod names;
mod one_to_one;

use underpin_catalog::{Name, RelationName, Sql, SqlPart, sql};

pub use self::many_to_many::ManyToMany;
pub use self::one_to_one::{Moved, OneToOne, Row};
use crate::sync::Others;

/// A fact in two tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Across {
    /// Columns of one are columns of the other.
    OneToOne(OneToOne),
    /// A foreign key of one is a table of pairs.
    ManyToMany(ManyToMany),
}

impl Across {
    /// What creates the functions and the triggers, in one transaction behind both tables, their columns and their
    /// unique keys.
    pub fn switch_on(&self) -> Vec<Sql> {
        let made = self.made();
        let columns = made.columns.iter();
        let mut statements: Vec<Sql> = columns
            .map(|(table, column)| sql!("ALTER TABLE {} ADD COLUMN {} boolean", table, column))
            .collect();
        statements.extend(made.functions.iter().map(|(name, body)| function(name, body)));
        statements.extend(made.triggers.iter().map(|trigger| {
            sql!(
                "CREATE TRIGGER {} {} ON {} FOR EACH {} {}EXECUTE FUNCTION {}()",
                trigger.name,
                trigger.event,
                trigger.table,
                Sql::verbatim(trigger.each),
                trigger.when,
                trigger.function
            )
        }));
        statements
    }

    /// What drops them again, in one transaction with what goes.
    pub fn switch_off(&self) -> Vec<Sql> {
        let made = self.made();
        let triggers =
            made.triggers.iter().map(|trigger| sql!("DROP TRIGGER {} ON {}", trigger.name, trigger.table));
        let functions = made.functions.iter().map(|(name, _)| sql!("DROP FUNCTION {}()", name));
        let columns = made.columns.iter();
        let columns = columns.map(|(table, column)| sql!("ALTER TABLE {} DROP COLUMN {}", table, column));
        triggers.chain(functions).chain(columns).collect()
    }

    /// The columns that are there for so long.
    pub fn columns(&self) -> Vec<(RelationName, Name)> {
        self.made().columns
    }

    /// The statement that gives the facts that are there already their other shape, for facts that begin in the
    /// first table ([`OneToOne::owner`], [`ManyToMany::table`]). It locks each row that it reads, and leaves what has
    /// its other shape; so it may run in batches beside clients of both.
    pub fn fill(&self) -> Sql {
        match self {
            Self::OneToOne(pair) => pair.fill(),
            Self::ManyToMany(pair) => pair.fill(),
        }
    }

    /// The query that counts the rows of the first table whose other shape does not agree. It answers 0 behind the
    /// fill.
    pub fn disagree(&self) -> Sql {
        match self {
            Self::OneToOne(pair) => pair.disagree(),
            Self::ManyToMany(pair) => pair.disagree(),
        }
    }

    /// The same with other names for the tables: what stands in a file has those that Prisma writes.
    #[must_use]
    pub fn named(&self, name: impl Fn(&RelationName) -> RelationName) -> Self {
        match self {
            Self::OneToOne(pair) => Self::OneToOne(pair.named(name)),
            Self::ManyToMany(pair) => Self::ManyToMany(pair.named(name)),
        }
    }

    /// The two tables that get triggers.
    pub fn tables(&self) -> [&RelationName; 2] {
        match self {
            Self::OneToOne(pair) => [&pair.owner, &pair.other],
            Self::ManyToMany(pair) => [&pair.table, &pair.pairs],
        }
    }

    fn made(&self) -> Made {
        match self {
            Self::OneToOne(pair) => pair.made(),
            Self::ManyToMany(pair) => pair.made(),
        }
    }
}

/// The columns, functions and triggers of a fact.
#[derive(Debug, Default)]
struct Made {
    columns: Vec<(RelationName, Name)>,
    functions: Vec<(RelationName, Sql)>,
    triggers: Vec<Trigger>,
}

#[derive(Debug)]
struct Trigger {
    name: Name,
    /// `AFTER INSERT OR UPDATE OF "street"`
    event: Sql,
    table: RelationName,
    /// `ROW` or `STATEMENT`.
    each: &'static str,
    /// `WHEN (…) `, or nothing.
    when: Sql,
    function: RelationName,
}

/// A trigger function with this body.
fn function(name: &RelationName, body: &Sql) -> Sql {
    let mut tag = "$underpin$".to_owned();
    while body.as_str().contains(&tag) {
        tag.insert(1, '_');
    }
    Sql::verbatim(format!(
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS {tag}\n\
         BEGIN\n{body}\nEND\n{tag}"
    ))
}

impl Trigger {
    /// Behind a statement that empties its table.
    fn on_truncate(name: Name, table: &RelationName, function: &RelationName) -> Self {
        Self {
            name,
            event: Sql::verbatim("AFTER TRUNCATE"),
            table: table.clone(),
            each: "STATEMENT",
            when: Sql::verbatim(""),
            function: function.clone(),
        }
    }
}

/// `UPDATE OF` is about what a statement sets: where the table's own triggers may assign, every update is followed.
fn updates(columns: &[Name], others: Others) -> Sql {
    match others {
        Others::None => sql!("UPDATE OF {}", columns),
        Others::Triggers => Sql::verbatim("UPDATE"),
    }
}

/// `o."id" OPERATOR(pg_catalog.=) NEW."userId" AND …`
fn same(one: &str, ones: &[Name], other: &str, others: &[Name]) -> Sql {
    let equal = |(mine, its): (&Name, &Name)| {
        Sql::verbatim(format!("{one}.{} OPERATOR(pg_catalog.=) {other}.{}", mine.part(), its.part()))
    };
    joined(" AND ", ones.iter().zip(others).map(equal))
}

fn field(row: &str, column: &Name) -> Sql {
    Sql::verbatim(format!("{row}.{}", column.part()))
}

fn fields(row: &str, columns: &[Name]) -> Vec<Sql> {
    columns.iter().map(|column| field(row, column)).collect()
}

fn joined(separator: &str, parts: impl Iterator<Item = Sql>) -> Sql {
    Sql::verbatim(parts.map(|part| part.to_string()).collect::<Vec<_>>().join(separator))
}

/// The `FROM` of rows that expressions read by the bare names of their columns.
fn row_of(expression: &Sql, row: &str) -> Sql {
    Sql::verbatim(format!("(SELECT ({expression}\n) FROM (SELECT {row}.*) AS made)"))
}

#[cfg(test)]
mod tests;
