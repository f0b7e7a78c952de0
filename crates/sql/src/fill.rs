//! Filling a column again before NULL is refused in it for good.
//!
//! A file often fills a column and then sets it NOT NULL. Executed online, the application goes on
//! writing between the two, and may write a NULL that the batches have already passed; the check would
//! then fail to validate however often it is tried. So the batches go along once more when the check
//! is there and refuses new NULLs, for the rows that are still NULL.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName, sql};

use crate::draft::{Draft, numbered};
use crate::effect::Effect;
use crate::names::proof_name;
use crate::statement::Statement;
use crate::step::{Action, Batches, Step, StepId};
use crate::surroundings::Surroundings;

/// What a file has filled so far, and could fill again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fills(Vec<Fill>);

/// Batches that gave a column its values.
#[derive(Clone, Debug, PartialEq)]
struct Fill {
    column: Name,
    batches: Batches,
    /// Columns of the table without which the batches are refused (42703).
    needs: BTreeSet<Name>,
}

impl Fills {
    /// Takes in a statement that is executed as `steps`: what it fills in batches, and what can no longer be
    /// filled behind it. `surroundings` are those before it.
    pub fn follow(&mut self, statement: &Statement, steps: &[Step], surroundings: &Surroundings) {
        self.0.retain(|fill| !statement.effects.iter().any(|effect| fill.ends_with(effect, surroundings)));
        let [Effect::Update(changed)] = statement.effects.as_slice() else { return };
        let [Step { action: Action::Batches(batches), .. }] = steps else { return };
        let contents = statement.contents();
        // Batches read no other table, so every column is the table's own.
        let read = contents.columns.iter().map(|(_, column)| column).chain(&contents.targets);
        let needs: BTreeSet<Name> = read.map(Name::new).chain(batches.key.iter().cloned()).collect();
        let fill =
            |column: &Name| Fill { column: column.clone(), batches: batches.clone(), needs: needs.clone() };
        self.0.extend(changed.columns.iter().map(fill));
    }

    /// The steps of the `ordinal`th statement, with the columns that they make NOT NULL filled once more at the
    /// right moment. Not where a step before that moment drops what the batches read: then a NULL that was
    /// written meanwhile is found by the check.
    pub fn again(&self, steps: Vec<Step>, ordinal: usize, surroundings: &Surroundings) -> Vec<Step> {
        let mut part = steps.len();
        let mut all = Vec::with_capacity(part);
        let mut possible = self.clone();
        for step in steps {
            let effects = effects(&step);
            possible.0.retain(|fill| !effects.iter().any(|effect| fill.ends_with(effect, surroundings)));
            let begins = |fill: &&Fill| effects.iter().any(|effect| fill.is_refused_by(effect, surroundings));
            let again: Vec<&Fill> = possible.0.iter().filter(begins).collect();
            let line = step.line;
            all.push(step);
            for fill in again {
                // Numbered behind the others: their ids do not depend on what else the file does.
                let mut pass = numbered(vec![fill.second_pass(surroundings)], ordinal, line);
                for pass in &mut pass {
                    pass.id = StepId::of(ordinal, part, &sql!("{} {}", fill.batches.table, fill.column));
                    part += 1;
                }
                all.extend(pass);
            }
        }
        all
    }

    /// The next statement is one of another file.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn effects(step: &Step) -> Vec<Effect> {
    let Action::Execute { sql } = &step.action else { return Vec::new() };
    let statements = crate::read(sql.as_str()).unwrap_or_default();
    statements.into_iter().flat_map(|statement| statement.effects).collect()
}

impl Fill {
    /// Whether the batches cannot run, or would fill something else, after `effect`.
    fn ends_with(&self, effect: &Effect, surroundings: &Surroundings) -> bool {
        let own = |table: &RelationName| surroundings.resolve(table) == self.batches.table;
        match effect {
            Effect::DropColumn { table, column, .. } | Effect::RenameColumn { table, column, .. } => {
                own(table) && self.needs.contains(column)
            }
            Effect::DropTable { table, .. } | Effect::RenameTable { table, .. } => own(table),
            _ => false,
        }
    }

    /// Whether `effect` adds the check that proves the column NOT NULL.
    fn is_refused_by(&self, effect: &Effect, surroundings: &Surroundings) -> bool {
        match effect {
            Effect::AddConstraint(added) => {
                added.name == Some(proof_name(&added.table, &self.column))
                    && surroundings.resolve(&added.table) == self.batches.table
            }
            _ => false,
        }
    }

    fn second_pass(&self, surroundings: &Surroundings) -> Draft {
        let column = &self.column;
        let filter = match &self.batches.filter {
            Some(filter) => sql!("({}) AND {} IS NULL", filter, column),
            None => sql!("{} IS NULL", column),
        };
        Draft::batches(
            format!("fill {}.{} where it is still NULL", self.batches.table.shown(), column.as_str()),
            Batches { filter: Some(filter), ..self.batches.clone() },
            surroundings,
        )
    }
}
