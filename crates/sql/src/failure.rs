//! How a statement fails, as far as the facts around it tell: with which SQLSTATE, and why.
//!
//! PostgreSQL refuses for three kinds of reasons: what the statement says (a clause that the server does not
//! know), what is there already or is not (a table of that name, a view that reads the column), and what the
//! rows hold. The first two are told as certain; for the third there is a query that asks the rows.
//!
//! Each refusal was provoked on PostgreSQL 14 to 18; `failures/` of this crate has them, and a test provokes
//! them again. What is absent counts as missing only where the facts are complete, so an unknown database
//! is never told that it lacks something. Waiting is no failure here: a lock that does not come is `locks`.

mod cast;
mod columns;
mod concurrently;
mod definition;
mod dependents;
mod duplicate;
mod enum_value;
mod lookup;
mod missing;
mod newer;
mod pending;
mod proofs;
mod repeated;
mod rows;
mod so_far;
mod too_long;
mod transaction;
mod type_change;

use std::ops::Range;

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use crate::effect::Effect;
use crate::statement::Statement;
use crate::surroundings::Surroundings;

pub(crate) use dependents::cascaded;
pub use dependents::{Dependent, taken_along};
pub use rows::Culprits;
pub use so_far::TransactionSoFar;
pub use too_long::{LongName, long_names};

/// A way in which a statement fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What it is about.
    pub kind: FailureKind,
    /// What PostgreSQL answers.
    pub sqlstate: &'static str,
    /// How sure that is.
    pub certainty: Certainty,
    /// The object, as people write it.
    pub object: String,
    /// One clause: `table Order exists already`.
    pub why: String,
    /// A read-only query that returns rows if it will fail.
    pub check: Option<String>,
    /// Which rows those are, for whoever counts them.
    #[serde(skip)]
    pub culprits: Option<Culprits>,
    /// The table whose rows decide.
    pub table: Option<RelationName>,
    /// The columns of it that decide.
    pub columns: Vec<Name>,
    /// Which effect of the statement, from 0.
    pub effect: usize,
    /// The bytes of the statement's text that it is about, when it is not all of it.
    pub bytes: Option<Range<usize>>,
}

/// Reasons for which PostgreSQL refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It may not be in a transaction block, or must be in one.
    Transaction,
    /// An enum value is used in the transaction that adds it.
    EnumValue,
    /// The type of a column cannot change.
    TypeChange,
    /// Something else depends on what is to go.
    Dependents,
    /// Checks of rows that the same transaction changed are still to be done.
    PendingEvents,
    /// `CONCURRENTLY` is not available for it.
    Concurrently,
    /// `NOT VALID` is not available for it.
    NotValid,
    /// It names something that is not there, or is something else.
    Missing,
    /// It makes something that is there.
    Duplicate,
    /// The server is older than the syntax.
    Newer,
    /// A name is longer than PostgreSQL keeps.
    NameTooLong,
    /// It asks for something that PostgreSQL does not do: a foreign key to columns that are not unique.
    Definition,
    /// Rows may violate it.
    Rows,
}

/// How sure a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The rows decide.
    IfRows,
    /// The text does not say all that it depends on.
    Likely,
    /// It follows from the facts.
    Certain,
}

/// A statement at its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) statement: &'a Statement,
    pub(crate) around: &'a Surroundings,
    /// PostgreSQL takes it to be in a transaction block.
    pub(crate) in_block: bool,
    pub(crate) so_far: &'a TransactionSoFar,
}

/// How the statement fails on a database like `around`, where `in_block` says whether PostgreSQL finds it in
/// a transaction block and `so_far` what the same transaction did before it.
pub fn failures(
    statement: &Statement,
    around: &Surroundings,
    in_block: bool,
    so_far: &TransactionSoFar,
) -> Vec<Failure> {
    let asked = Asked { statement, around, in_block, so_far };
    let mut found = Vec::new();
    newer::find(&asked, &mut found);
    too_long::find(&asked, &mut found);
    transaction::find(&asked, &mut found);
    enum_value::find(&asked, &mut found);
    for (at, effect) in statement.effects.iter().enumerate() {
        let mut all = Found { all: &mut found, at };
        missing::find(&asked, effect, &mut all);
        columns::find(&asked, effect, &mut all);
        duplicate::find(&asked, effect, &mut all);
        dependents::find(&asked, effect, &mut all);
        type_change::find(&asked, effect, &mut all);
        definition::find(&asked, effect, &mut all);
        repeated::find(&asked, effect, &mut all);
        concurrently::find(&asked, effect, &mut all);
        pending::find(&asked, effect, &mut all);
        // What fails whatever the rows hold needs no query about them.
        if !all.says_certainly() {
            rows::find(&asked, effect, &mut all);
        }
    }
    found
}

/// The failures of one effect, as they are put together.
struct Found<'v> {
    all: &'v mut Vec<Failure>,
    at: usize,
}

impl Found<'_> {
    fn certain(
        &mut self,
        kind: FailureKind,
        sqlstate: &'static str,
        object: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.push(kind, sqlstate, Certainty::Certain, object, why);
    }

    fn push(
        &mut self,
        kind: FailureKind,
        sqlstate: &'static str,
        certainty: Certainty,
        object: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.all.push(Failure {
            kind,
            sqlstate,
            certainty,
            object: object.into(),
            why: why.into(),
            check: None,
            culprits: None,
            table: None,
            columns: Vec::new(),
            effect: self.at,
            bytes: None,
        });
    }

    fn says_certainly(&self) -> bool {
        self.all.iter().any(|failure| failure.effect == self.at && failure.certainty == Certainty::Certain)
    }
}

impl Asked<'_> {
    /// Whether another action of the same statement is of this kind: `DROP CONSTRAINT` goes before everything
    /// else in an `ALTER TABLE`.
    fn also(&self, is: impl Fn(&Effect) -> bool) -> bool {
        self.statement.effects.iter().any(is)
    }
}
