//! What pending migrations presuppose of the rows that are there: no NULL, no equal keys, no reference to
//! nothing, no value that does not fit or does not survive; and what the first phase of a rollout says of itself.
//!
//! How a statement is refused, and for which rows, [`underpin_sql::failure`] says; here it is chosen which of it
//! can be asked before the first migration runs. Rows of a table that a pending migration makes are not there
//! yet. What a pending migration writes beforehand may mend what it finds, or make it: the question is asked all
//! the same, and the answer then proves nothing. Nothing is asked here.

mod loss;
mod verify;

use std::collections::BTreeMap;

use serde::Serialize;
use underpin_catalog::{Name, RelationName};
use underpin_sql::effect::{ChangeRows, ConstraintKind, Program};
use underpin_sql::failure::{Culprits, Failure, FailureKind, TransactionSoFar, failures};
use underpin_sql::{Effect, Statement, Surroundings};

use crate::exit;
use crate::world::World;

/// A pending migration.
#[derive(Clone, Copy, Debug)]
pub struct Pending<'a> {
    /// Its folder.
    pub name: &'a str,
    /// Its text: what it says of itself in comments.
    pub text: &'a str,
    /// Its statements.
    pub statements: &'a [Statement],
}

/// Something that a statement presupposes of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Precondition {
    /// Where the statement is.
    pub place: Place,
    /// Its text.
    pub statement: String,
    /// What about.
    pub kind: Kind,
    /// What PostgreSQL answers when it is not so; `None` when it answers nothing and values are lost.
    pub sqlstate: Option<&'static str>,
    /// The table.
    pub table: RelationName,
    /// The columns that it is about.
    pub columns: Vec<Name>,
    /// What may be so, as a clause.
    pub why: String,
    /// Which rows stand against it; or why they cannot be asked for.
    pub culprits: Result<Culprits, &'static str>,
    /// The columns of the primary key, by which rows are named.
    pub key: Vec<Name>,
    /// A statement before it that changes rows of the table.
    pub behind: Option<Place>,
}

/// A statement of a pending migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The migration's folder.
    pub migration: String,
    /// The line in its `migration.sql`.
    pub line: u32,
}

/// What a precondition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// NULL where it is to be refused.
    Null,
    /// Equal keys.
    Duplicate,
    /// References to rows that are not there.
    Orphan,
    /// Values that do not become values of another type; values of an enum that go.
    Cast,
    /// Rows that a check refuses.
    Check,
    /// Values that become others without an error.
    Loss,
    /// Rows of which a phase says that there must be none.
    Verify,
    /// Rows that belong to no partition, or exclude each other.
    Other,
}

/// What pending migrations, in their order, presuppose of the rows of a database of these facts.
pub fn preconditions(pending: &[Pending<'_>], around: &Surroundings) -> Vec<Precondition> {
    let mut ahead = Ahead { world: World::around(around, 0), written: BTreeMap::new(), anything: None };
    let mut found = Vec::new();
    for migration in pending {
        ahead.world.begin_file(false, &around.search_path);
        found.extend(ahead.verified(migration));
        let mut so_far = TransactionSoFar::default();
        for statement in migration.statements {
            let place = Place { migration: migration.name.to_owned(), line: statement.line };
            for failure in failures(statement, ahead.world.facts(), false, &so_far) {
                if failure.kind == FailureKind::Rows {
                    found.extend(ahead.asked_by(&failure, statement, &place));
                }
            }
            for effect in &statement.effects {
                found.extend(ahead.loss_by(effect, statement, &place));
            }
            so_far.note(statement, ahead.world.facts());
            for effect in &statement.effects {
                ahead.note(effect, &place);
                ahead.world.apply(effect);
            }
        }
    }
    found
}

/// What the statements so far have made of the database.
struct Ahead {
    world: World,
    /// Where rows of a table were changed last.
    written: BTreeMap<RelationName, Place>,
    /// Where something happened of which nobody knows what it writes.
    anything: Option<Place>,
}

impl Ahead {
    fn asked_by(&self, failure: &Failure, statement: &Statement, place: &Place) -> Option<Precondition> {
        let table = failure.table.as_ref().filter(|table| !self.world.is_new(table))?;
        let behind = self.behind(table);
        let mut culprits = failure.culprits.clone().ok_or("no query asks for them");
        let is_new = |column: &Name| self.world.is_new_column(table, column);
        if failure.columns.iter().any(is_new) {
            // One NULL is enough to be equal to nothing and to refer to nothing; and what was written into it since
            // is not there yet.
            if failure.sqlstate != "23502" || behind.is_some() {
                return None;
            }
            let has_default = |column: &Name| {
                let facts = self.world.facts().relation(table).and_then(|facts| facts.column(column));
                facts.is_none_or(|facts| facts.has_default)
            };
            if failure.columns.iter().any(has_default) {
                return None;
            }
            culprits = Ok(Culprits::All);
        }
        if let Some(Effect::AddConstraint(added)) = statement.effects.get(failure.effect)
            && let ConstraintKind::ForeignKey { references, .. } = &added.kind
            && self.world.is_new(references)
        {
            culprits = Err("the table that it refers to is made by a pending migration");
        }
        Some(Precondition {
            kind: Kind::of(failure.sqlstate),
            sqlstate: Some(failure.sqlstate),
            why: failure.why.clone(),
            culprits,
            columns: failure.columns.clone(),
            ..self.about(table, statement, place, behind)
        })
    }

    fn loss_by(&self, effect: &Effect, statement: &Statement, place: &Place) -> Option<Precondition> {
        let Effect::ChangeColumnType { table, column, to, using, .. } = effect else { return None };
        let facts = self.world.facts();
        let table = facts.resolve(table);
        if self.world.is_new(&table) || self.world.is_new_column(&table, column) {
            return None;
        }
        let (loss, culprits) = loss::of(facts.relation(&table)?.column(column)?, &to.text, *using)?;
        Some(Precondition {
            kind: Kind::Loss,
            sqlstate: None,
            why: format!("{} of {} becomes {}: {loss}", column.as_str(), table.shown(), to.text),
            culprits: Ok(culprits),
            columns: vec![column.clone()],
            ..self.about(&table, statement, place, self.behind(&table))
        })
    }

    /// All but what it presupposes.
    fn about(
        &self,
        table: &RelationName,
        statement: &Statement,
        place: &Place,
        behind: Option<Place>,
    ) -> Precondition {
        Precondition {
            place: place.clone(),
            statement: statement.text.clone(),
            behind,
            ..self.nothing_of(table)
        }
    }

    /// A table and its key.
    fn nothing_of(&self, table: &RelationName) -> Precondition {
        let facts = self.world.facts().relation(table);
        Precondition {
            place: Place { migration: String::new(), line: 0 },
            statement: String::new(),
            kind: Kind::Other,
            sqlstate: None,
            table: table.clone(),
            columns: Vec::new(),
            why: String::new(),
            culprits: Err("nobody asked"),
            key: facts.map(|facts| facts.primary_key.clone()).unwrap_or_default(),
            behind: None,
        }
    }

    fn behind(&self, table: &RelationName) -> Option<Place> {
        self.written.get(table).or(self.anything.as_ref()).cloned()
    }

    fn note(&mut self, effect: &Effect, place: &Place) {
        let written = match effect {
            Effect::Insert { table, .. }
            | Effect::Update(ChangeRows { table, .. })
            | Effect::Delete(ChangeRows { table, .. })
            | Effect::Merge { table, .. }
            | Effect::Truncate { table, .. }
            | Effect::Copy { table: Some(table), writes: true } => table,
            Effect::Do(program) => return self.note_program(program, place),
            Effect::Call { .. } | Effect::Unknown { .. } => {
                self.anything = Some(place.clone());
                return;
            }
            _ => return,
        };
        self.written.insert(self.world.facts().resolve(written), place.clone());
    }

    fn note_program(&mut self, program: &Program, place: &Place) {
        if !program.opaque.is_empty() {
            self.anything = Some(place.clone());
        }
        for statement in &program.statements {
            statement.effects.iter().for_each(|effect| self.note(effect, place));
        }
    }
}

impl Kind {
    fn of(sqlstate: &str) -> Self {
        match sqlstate {
            "23502" => Self::Null,
            "23505" => Self::Duplicate,
            "23503" => Self::Orphan,
            "23514" => Self::Check,
            _ if sqlstate.starts_with("22") => Self::Cast,
            _ => Self::Other,
        }
    }

    /// What is so of so many rows, behind their number: `2 rows … have NULL`.
    pub fn words(self, rows: u64) -> &'static str {
        match (self, rows) {
            (Self::Null, 0 | 1) => "has NULL",
            (Self::Null, _) => "have NULL",
            (Self::Duplicate, 0 | 1) => "is equal to another one",
            (Self::Duplicate, _) => "are equal to another one",
            (Self::Orphan, 0 | 1) => "refers to a row that is not there",
            (Self::Orphan, _) => "refer to a row that is not there",
            (Self::Cast, 0 | 1) => "has a value that does not fit",
            (Self::Cast, _) => "have a value that does not fit",
            (Self::Check, 0 | 1) => "fails the condition",
            (Self::Check, _) => "fail the condition",
            (Self::Loss, _) => "would have another value",
            (Self::Verify, 0 | 1) => "is counted by a query that must answer 0",
            (Self::Verify, _) => "are counted by a query that must answer 0",
            (Self::Other, 0 | 1) => "stands against it",
            (Self::Other, _) => "stand against it",
        }
    }
}

/// What a look at the rows has found.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// They were counted.
    Counted(Counted),
    /// Nobody can tell; why.
    Unknown(String),
}

/// Rows, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// So many stand against it.
    pub rows: u64,
    /// Among so many.
    pub looked_at: u64,
    /// Whether these were all.
    pub all: bool,
    /// Some of them, by their keys.
    pub samples: Vec<Sample>,
}

/// A row that stands against a precondition; of equal ones, a group of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Its key, as text; of a group, those of some. Empty when the table has none.
    pub keys: Vec<String>,
    /// The values of the columns that it is about, where somebody asked for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Option<String>>,
}

/// What an answer means for the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No row stands against it.
    Holds,
    /// Rows do.
    Violated,
    /// Rows do now, and a statement before it changes rows of the table.
    MayBeMended,
    /// No row does among those that were looked at, which are not all; or nobody could look; or a statement before
    /// it may make some.
    Unknown,
}

/// 10 when rows stand against a statement; 2 when none does and a question that can be asked was not answered in
/// full; else 0. What a pending migration writes beforehand nobody can count, so that is told and no more.
pub fn exit_code(answers: &[(Precondition, Answer)]) -> u8 {
    let verdicts = || answers.iter().map(|(asked, answer)| (asked, asked.verdict(answer)));
    let is_open = |asked: &Precondition| asked.culprits.is_ok() && asked.behind.is_none();
    if verdicts().any(|(_, verdict)| verdict == Verdict::Violated) {
        exit::FINDINGS
    } else if verdicts().any(|(asked, verdict)| verdict == Verdict::Unknown && is_open(asked)) {
        exit::COULD_NOT_RUN
    } else {
        exit::CLEAN
    }
}

impl Precondition {
    /// What an answer means.
    pub fn verdict(&self, answer: &Answer) -> Verdict {
        match (answer, &self.behind) {
            (Answer::Unknown(_), _) => Verdict::Unknown,
            (Answer::Counted(counted), None) if counted.rows > 0 => Verdict::Violated,
            (Answer::Counted(counted), Some(_)) if counted.rows > 0 => Verdict::MayBeMended,
            (Answer::Counted(Counted { all: true, .. }), None) => Verdict::Holds,
            (Answer::Counted(_), _) => Verdict::Unknown,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
