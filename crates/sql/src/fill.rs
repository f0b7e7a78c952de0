//! Filling a column again before NULL is refused in it for good.
//!
//! A file often fills a column and then sets it NOT NULL. Executed online, the application goes on
//! writing between the two, and may write a NULL that the batches have already passed; the check would
//! then fail to validate however often it is tried. So the batches go along once more when the check
//! is there and refuses new NULLs, for the rows that are still NULL.

use underpin_catalog::{Name, RelationName, sql};

use crate::draft::{Draft, numbered};
use crate::effect::Effect;
use crate::names::proof_name;
use crate::statement::Statement;
use crate::step::{Action, Batches, Step, StepId};
use crate::surroundings::Surroundings;

/// Batches that gave a column its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    /// The table.
    table: RelationName,
    /// The column.
    column: Name,
    /// How.
    batches: Batches,
}

/// The columns that a statement fills, when `steps` do it in batches.
pub fn fills(statement: &Statement, steps: &[Step]) -> Vec<Fill> {
    let [Effect::Update(changed)] = statement.effects.as_slice() else { return Vec::new() };
    let [Step { action: Action::Batches(batches), .. }] = steps else { return Vec::new() };
    let fill = |column: &Name| Fill {
        table: batches.table.clone(),
        column: column.clone(),
        batches: batches.clone(),
    };
    changed.columns.iter().map(fill).collect()
}

/// The steps of the `ordinal`th statement, with the columns of `fills` that they make NOT NULL filled
/// once more at the right moment.
pub fn fill_again(
    steps: Vec<Step>,
    fills: &[Fill],
    ordinal: usize,
    surroundings: &Surroundings,
) -> Vec<Step> {
    let mut part = steps.len();
    let mut all = Vec::with_capacity(part);
    for step in steps {
        let again: Vec<_> = fills.iter().filter(|fill| begins_to_refuse(&step, fill, surroundings)).collect();
        let line = step.line;
        all.push(step);
        for fill in again {
            // Numbered behind the others: their ids do not depend on what else the file does.
            let mut pass = numbered(vec![second_pass(fill, surroundings)], ordinal, line);
            for pass in &mut pass {
                pass.id = StepId::of(ordinal, part, &sql!("{} {}", fill.table, fill.column));
                part += 1;
            }
            all.extend(pass);
        }
    }
    all
}

/// Whether the step adds the check that proves the column NOT NULL.
fn begins_to_refuse(step: &Step, fill: &Fill, surroundings: &Surroundings) -> bool {
    let Action::Execute { sql } = &step.action else { return false };
    let Ok(statements) = crate::read(sql.as_str()) else { return false };
    statements.iter().flat_map(|statement| &statement.effects).any(|effect| match effect {
        Effect::AddConstraint(added) => {
            added.name == Some(proof_name(&added.table, &fill.column))
                && surroundings.resolve(&added.table) == fill.table
        }
        _ => false,
    })
}

fn second_pass(fill: &Fill, surroundings: &Surroundings) -> Draft {
    let column = &fill.column;
    let filter = match &fill.batches.filter {
        Some(filter) => sql!("({}) AND {} IS NULL", filter, column),
        None => sql!("{} IS NULL", column),
    };
    Draft::batches(
        format!("fill {}.{} where it is still NULL", fill.table.shown(), column.as_str()),
        Batches { filter: Some(filter), ..fill.batches.clone() },
        surroundings,
    )
}
