//! A statement exactly as it stands in the file, as a step.

use underpin_catalog::Sql;

use crate::draft::{Draft, duration_of, locks_of, numbered};
use crate::effect::{Effect, Setting, SettingScope};
use crate::intent::intent;
use crate::names::index_name;
use crate::statement::Statement;
use crate::step::{Action, Probe, Step, Transaction};
use crate::surroundings::Surroundings;

/// The step that executes the statement as written. `ordinal` is its place in the file, from 0.
pub fn as_written(statement: &Statement, ordinal: usize, surroundings: &Surroundings) -> Step {
    let draft = draft(statement, surroundings);
    let mut steps = numbered(vec![draft], ordinal, statement.line);
    steps.pop().expect("one draft gives one step")
}

pub(crate) fn draft(statement: &Statement, surroundings: &Surroundings) -> Draft {
    let alone = statement.effects.iter().any(|effect| effect.refuses_transaction(surroundings));
    let (action, done) = match statement.effects.as_slice() {
        [Effect::CreateIndex(created)] if created.concurrently => match index_name(created) {
            Some(name) => {
                let index = surroundings.resolve(&created.table).sibling(name);
                let sql = Sql::verbatim(&statement.text);
                (Action::BuildIndex { sql, index: index.clone() }, Probe::IndexValid { index })
            }
            None => (execute(statement), Probe::Nobody),
        },
        [Effect::DropIndex { index, concurrently: true, .. }] => {
            (execute(statement), Probe::IndexAbsent { index: surroundings.resolve(index) })
        }
        [Effect::Vacuum { .. } | Effect::Reindex { .. } | Effect::Cluster { .. }] if alone => {
            (execute(statement), Probe::Repeat)
        }
        _ if alone => (execute(statement), Probe::Nobody),
        _ => (execute(statement), Probe::Journal),
    };
    Draft {
        intent: intent(statement),
        action,
        transaction: if alone { Transaction::Alone } else { Transaction::Shared },
        locks: locks_of(&statement.effects, surroundings),
        duration: duration_of(&statement.effects, surroundings),
        done,
    }
}

fn execute(statement: &Statement) -> Action {
    Action::Execute { sql: Sql::verbatim(&statement.text) }
}

/// The step for a `SET LOCAL` that stands outside a transaction block, if `statement` is one.
///
/// Such a setting was meant for the rest of the file: Prisma up to 7.3 sends a file as one
/// transaction. A plan has several, so the setting becomes one of the session; the executor resets
/// the session behind every file.
pub fn for_the_rest_of_the_file(
    statement: &Statement,
    ordinal: usize,
    surroundings: &Surroundings,
) -> Option<Step> {
    let [Effect::Set(Setting { scope: SettingScope::Transaction, .. })] = statement.effects.as_slice() else {
        return None;
    };
    let pg_query::NodeEnum::VariableSetStmt(set) = statement.node.as_ref() else { return None };
    if !set.is_local {
        return None;
    }
    let mut set = set.clone();
    set.is_local = false;
    let sql = crate::render::statement(pg_query::NodeEnum::VariableSetStmt(set)).ok()?;
    let mut draft = draft(statement, surroundings);
    draft.action = Action::Execute { sql };
    numbered(vec![draft], ordinal, statement.line).pop()
}
