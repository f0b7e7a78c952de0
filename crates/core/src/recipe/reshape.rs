//! `split-column` and `merge-columns`: several columns on one side or the other, which triggers keep equal by
//! expressions that a person has stated, both ways. None is guessed: what is missing is asked.
//!
//! An expression is executed for every row that a client of either release writes. So it reads the columns of the
//! other side alone, asks no table, and answers the same each time; that it answers at all for the rows that are
//! there, and that they come back as they were, queries find out before the first phase.

mod answer;

use underpin_catalog::{Name, RelationName, Sql, sql};
use underpin_prisma::migrate::{AlterTable, Column, ColumnType, Default, NativeType, Table};
use underpin_prisma::schema::Arity;
use underpin_sql::{comments, ingredients};

pub use self::answer::ReshapeAnswer;
use super::draft::Draft;
use super::names::quoted;
use super::{Case, Question, Refill};
use crate::rollout::{Gone, Phase};
use crate::sync::{Pair, Shape, Value};

/// What becomes of what, by the names of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reshape {
    pub(super) table: RelationName,
    /// The columns that go.
    pub(super) from: Vec<Name>,
    /// The columns that come.
    pub(super) to: Vec<Name>,
}

impl Reshape {
    /// Finds what an answer is about, among the tables before and behind the change.
    ///
    /// # Errors
    /// Why it fits nothing.
    pub(super) fn of(
        answer: &ReshapeAnswer,
        case: &Case<'_>,
        pairs: &[(&Table, &Table)],
    ) -> Result<Self, String> {
        let mut table = None;
        let mut from = Vec::new();
        for said in &answer.from {
            let (of, column) = case.column_that_goes(said, pairs)?;
            if table.get_or_insert_with(|| of.clone()) != &of || from.contains(&column) {
                return Err("name columns of one table, each of them once".to_owned());
            }
            from.push(column);
        }
        let table = table.ok_or("name the columns that go")?;
        let mut to = Vec::new();
        for said in &answer.to {
            let column = case.column_that_comes(&table, said, pairs)?;
            if to.contains(&column) {
                return Err(format!("{said} stands there twice"));
            }
            to.push(column);
        }
        Ok(Self { table, from, to })
    }
}

/// Claims the columns that go and those that come.
pub(super) fn claim(draft: &mut Draft<'_>, alter: &AlterTable<'_>, reshape: &Reshape) {
    let found = |table: &'_ Table, names: &[Name]| -> Vec<Column> {
        names.iter().filter_map(|name| table.column(name).cloned()).collect()
    };
    let (old, new) = (found(alter.before, &reshape.from), found(alter.after, &reshape.to));
    let table = &reshape.table;
    if is_refused(draft, table, &old, &new) {
        return;
    }
    let Some(pair) = pair(draft, table, &old, &new) else { return };
    let shown = |columns: &[Column]| -> String {
        let names: Vec<_> =
            columns.iter().map(|column| draft.case.field_shown(table, &column.name)).collect();
        names.join(", ")
    };
    let (from, to) = (shown(&old), shown(&new));
    let recipe = if old.len() == 1 { "split-column" } else { "merge-columns" };
    draft.uses(recipe, format!("{}.{from} becomes {to}", draft.case.table_shown(table)));
    for column in &new {
        let arity = column.arity;
        let beside = Column { arity: nullable(arity), default: None, ..column.clone() };
        draft.alter(Phase::Expand, table, |own| own.columns.push(beside.clone()));
        draft.alter_column(Phase::Backfill, table, &column.name, |own| own.arity = arity);
    }
    let is_required = |column: &&Column| column.arity == Arity::Required;
    let required: Vec<Name> = new.iter().filter(is_required).map(|column| column.name.clone()).collect();
    draft.must_survive(table, &pair, &required, None);
    draft.note(format!(
        "rows whose {from} does not come back from {to} would lose something: the first phase is not executed while there are any (underpin precheck names them)"
    ));
    let all_optional = |columns: &[Column]| columns.iter().all(|column| column.arity != Arity::Required);
    if !required.is_empty() && all_optional(&old) {
        draft.note(format!(
            "from the second phase on {from} has to give {to} a value even when the release that is out writes NULL: else that is refused (23502)"
        ));
    }
    if !all_optional(&old) && all_optional(&new) {
        draft.note(format!(
            "until the last phase {to} has to give {from} a value even when the new release writes NULL: else that is refused (23502)"
        ));
    }
    let has_default = |name: &Name| old.iter().any(|column| column.name == *name && column.default.is_some());
    let told = pair.misread(has_default, |name| required.contains(name));
    told.into_iter().for_each(|told| draft.note(told));
    for shape in &pair.before {
        draft.refills.push(Refill {
            table: table.clone(),
            column: shape.column.clone(),
            value: shape.assigned(),
        });
        draft.gone.push(Gone::Column { table: table.clone(), column: shape.column.clone() });
    }
    draft.pairs.push((table.clone(), pair));
}

/// What no expression helps with.
fn is_refused(draft: &mut Draft<'_>, table: &RelationName, old: &[Column], new: &[Column]) -> bool {
    let mut refused = false;
    for column in old.iter().chain(new) {
        let about = draft.case.shown(table, &column.name);
        if column.is_autoincrement {
            draft.refuse(
                about,
                "its numbers come from a sequence",
                "leave it as it is; a column that counts is no part of another one",
            );
            refused = true;
        } else if matches!(column.default, Some(Default::DbGenerated(_))) && new.contains(column) {
            draft.refuse(
                about,
                "the new release leaves it to the database, which has no default for it as long as both releases run",
                "let the client give the value (a constant, now(), uuid()), or add the default in a migration of its own behind the rollout",
            );
            refused = true;
        }
    }
    refused
}

/// The pair, when every expression is there and may stand in a trigger.
fn pair(draft: &mut Draft<'_>, table: &RelationName, old: &[Column], new: &[Column]) -> Option<Pair> {
    let before = shapes(draft, table, old, new, "for the release that is out");
    let after = shapes(draft, table, new, old, "for the release that comes");
    Some(Pair { before: before?, after: after? })
}

fn shapes(
    draft: &mut Draft<'_>,
    table: &RelationName,
    columns: &[Column],
    others: &[Column],
    whose: &str,
) -> Option<Vec<Shape>> {
    let mut shapes = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let about = draft.case.shown(table, &column.name);
        let Some(value) = draft.answered.fills.get(&(table.clone(), column.name.clone())).cloned() else {
            draft.ask(Question {
                asks: format!("how is it made of {}, {whose}?", read_as(others)),
                flags: vec![format!(
                    "--fill {}",
                    quoted(&format!("{about}={}", suggestion(at, columns, others)))
                )],
                about,
            });
            continue;
        };
        if let Some((why, instead)) = unfit(&value, others) {
            draft.refuse(about, why, instead);
            continue;
        }
        shapes.push(Shape {
            column: column.name.clone(),
            data_type: Sql::verbatim(draft.case.after.column_type_sql(column)),
            value: Value::Expression(value),
        });
    }
    (shapes.len() == columns.len()).then_some(shapes)
}

/// Why an expression may not stand in a trigger, and what may.
fn unfit(value: &Sql, others: &[Column]) -> Option<(String, String)> {
    let over = || format!("write it over {} alone", read_as(others));
    let text = value.as_str();
    if text.contains(['\n', '\r']) || !comments(text).is_empty() {
        return Some((
            "its expression has a line end or a comment, and stands in lines of the files that may have none"
                .to_owned(),
            "write it on one line; chr(10) is a line end".to_owned(),
        ));
    }
    let Some(found) = ingredients(text) else {
        return Some(("its expression cannot be read".to_owned(), over()));
    };
    if found.has_query {
        return Some((
            "its expression asks a table, and is executed for every row that anybody writes".to_owned(),
            over(),
        ));
    }
    if found.is_volatile {
        return Some((
            "its expression answers something else each time, so that the two releases never agree"
                .to_owned(),
            over(),
        ));
    }
    let is_other = |name: &Name| others.iter().any(|column| column.name == *name);
    match found.columns.iter().find(|name| !is_other(name)) {
        Some(strange) => {
            Some((format!("its expression reads {strange}, which is no column that it is made of"), over()))
        }
        None if found.names_tables => Some(("its expression names a table".to_owned(), over())),
        None => None,
    }
}

/// Two texts with a space between them are what is split most often; for all else there is no example.
fn suggestion(at: usize, columns: &[Column], others: &[Column]) -> String {
    let is_text = |column: &Column| {
        column.arity != Arity::List
            && matches!(column.column_type, ColumnType::Native(NativeType::Text | NativeType::VarChar(_)))
    };
    if !columns.iter().chain(others).all(is_text) {
        return "EXPRESSION".to_owned();
    }
    match (columns, others) {
        ([_], [one, two]) => sql!("concat_ws(' ', {}, nullif({}, ''))", one.name, two.name).to_string(),
        ([_, last], [one]) => {
            let name = &one.name;
            let rest = sql!("substr({}, strpos({} || ' ', ' ') + 1)", name, name);
            match (at, last.arity) {
                (0, _) => sql!("split_part({}, ' ', 1)", name).to_string(),
                (_, Arity::Required) => rest.to_string(),
                _ => sql!("nullif({}, '')", rest).to_string(),
            }
        }
        _ => "EXPRESSION".to_owned(),
    }
}

fn read_as(columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|column| column.name.to_string()).collect();
    names.join(", ")
}

fn nullable(arity: Arity) -> Arity {
    match arity {
        Arity::Required | Arity::Optional => Arity::Optional,
        Arity::List => Arity::List,
    }
}
