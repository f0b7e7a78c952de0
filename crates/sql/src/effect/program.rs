//! Programs: the body of a `DO`, and what the body of a function reads.
//!
//! Both are text to PostgreSQL until they run. What is here was read without running them, so it is exact
//! about what a program says and modest about how often it does it.

use std::ops::Range;

use serde::Serialize;
use underpin_catalog::{Name, RelationName};

use super::Effect;

/// What is known of a program that PostgreSQL runs, the body of a `DO`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Program {
    /// It ends transactions itself, so it must not be in one of ours.
    pub commits: bool,
    /// The statements that it has as text, in their order. Queries that read no table and call nothing
    /// unknown are left out.
    pub statements: Vec<ProgramStatement>,
    /// What it does that its text does not tell: statements that it composes while it runs, another
    /// language. Fits after "it contains".
    pub opaque: Vec<String>,
}

/// A statement inside a program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProgramStatement {
    /// What it does, in the order in which it does it. Never empty.
    pub effects: Vec<Effect>,
    /// The relations that it names, without those of the system.
    pub relations: Vec<RelationName>,
    /// Where it stands, in bytes of the text of the statement that carries the program; see
    /// [`crate::Statement::place_of`]. `None` where the body is a constant that does not show its text
    /// as it is (`'… '' …'`).
    pub bytes: Option<Range<usize>>,
    /// How often it runs.
    pub reach: Reach,
}

/// How often a statement of a program runs, when the program comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Exactly once.
    Once,
    /// At most once, and what it leaves behind is there in any case: the condition asks the system
    /// catalogs (`IF NOT EXISTS (SELECT … FROM pg_constraint …)`), or the error that it is there already
    /// is caught (`EXCEPTION WHEN duplicate_object`).
    IfNeeded,
    /// At most once.
    Perhaps,
    /// In a loop: as often as it turns, or never.
    Repeatedly,
}

impl Program {
    /// The effects of its statements, whether it reaches them or not. A DO inside is one of them; see
    /// [`Effect::flattened`].
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.statements.iter().flat_map(|statement| &statement.effects)
    }

    /// Nothing is hidden, and everything that is more than a query happens exactly once: as good as its
    /// statements one after the other.
    pub fn is_straight(&self) -> bool {
        self.opaque.is_empty()
            && self.changes().all(|statement| statement.reach == Reach::Once)
            && self.effects().all(|effect| match effect {
                Effect::Do(inner) => inner.is_straight(),
                _ => true,
            })
    }

    /// Nothing is hidden, and the database behind it is the one behind its statements one after the other,
    /// whether each of them had to run or not.
    pub fn leaves_behind_what_it_says(&self) -> bool {
        self.opaque.is_empty()
            && self.changes().all(|statement| statement.reach <= Reach::IfNeeded)
            && self.effects().all(|effect| match effect {
                Effect::Do(inner) => inner.leaves_behind_what_it_says(),
                _ => true,
            })
    }

    /// The statements that are more than queries.
    fn changes(&self) -> impl Iterator<Item = &ProgramStatement> {
        self.statements.iter().filter(|statement| !statement.only_reads())
    }
}

impl Effect {
    /// The effect itself; of a program the effects of its statements instead, at any depth and whether it
    /// reaches them or not.
    pub fn flattened(&self) -> Vec<&Effect> {
        match self {
            Self::Do(program) => program.effects().flat_map(Self::flattened).collect(),
            other => vec![other],
        }
    }
}

impl ProgramStatement {
    /// Nothing but queries that call no unknown function.
    pub fn only_reads(&self) -> bool {
        self.effects.iter().all(|effect| matches!(effect, Effect::Select { calls, .. } if calls.is_empty()))
    }
}

/// What the body of a function names. PostgreSQL keeps a body as text and looks for its tables and columns
/// when it runs, so that nothing stops a migration which takes them away: the next call fails
/// (42P01, 42703), unless [`Binding`] says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoutineBody {
    /// For each of its statements that names relations: which, and the columns that it names.
    pub reads: Vec<BodyRead>,
    /// The columns that a trigger function takes from `NEW` and `OLD`.
    pub row_columns: Vec<Name>,
    /// When the server looks for them.
    pub binding: Binding,
    /// What the text does not tell, as in [`Program::opaque`].
    pub opaque: Vec<String>,
}

/// What one statement of a body names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BodyRead {
    /// Its relations, also those that it writes to.
    pub relations: Vec<RelationName>,
    /// Those that it writes to.
    pub written: Vec<RelationName>,
    /// Columns, of whichever of them. Variables and parameters are left out.
    pub columns: Vec<Name>,
}

/// When the server looks for the relations and columns that a body names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// At each call: every language but SQL.
    #[default]
    Late,
    /// At each call, and once when the function is made, which locks them as a query does: a body in SQL
    /// that is a string. With `check_function_bodies` off it is `Late`.
    Checked,
    /// When the function is made. What the body depends on cannot be dropped then (2BP01): SQL in `BEGIN
    /// ATOMIC` or behind `RETURN` (PostgreSQL 14).
    Bound,
}
