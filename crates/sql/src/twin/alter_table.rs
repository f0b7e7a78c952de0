//! `ALTER TABLE` with several actions holds the strongest lock of all of them for the longest work of
//! any. The twin gives the actions that need it their own twins and keeps the instant ones together.
//!
//! PostgreSQL does not execute actions in the order of the text but in passes: drops first, then
//! types, new columns, attributes, indexes, other constraints. The parts follow the same passes.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ConstrType, Constraint, ObjectType, RangeVar,
};

use super::{NoTwin, add_column, check, foreign_key, not_null, primary_key, unique};
use crate::added_constraint::validate;
use crate::describe::{action, relation};
use crate::draft::Draft;
use crate::effect::Effect;
use crate::render;
use crate::step::{Duration, Transaction};
use crate::surroundings::Surroundings;

pub(super) fn twin(statement: &AlterTableStmt, surroundings: &Surroundings) -> Result<Vec<Draft>, NoTwin> {
    if statement.objtype() != ObjectType::ObjectTable {
        return Err(NoTwin::because("only tables are altered in parts"));
    }
    let Some(table) = &statement.relation else {
        return Err(NoTwin::because("the statement names no table"));
    };
    if !table.inh {
        return Err(NoTwin::because("ALTER TABLE ONLY concerns one level of an inheritance tree"));
    }
    let mut commands: Vec<(usize, &AlterTableCmd)> = statement
        .cmds
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::AlterTableCmd(command)) => Some(command.as_ref()),
            _ => None,
        })
        .enumerate()
        .collect();
    if let Some(exchange) = primary_key::twin(table, &commands, surroundings) {
        return exchange;
    }
    commands.sort_by_key(|(_, command)| pass(command));

    let mut parts = Parts { table, surroundings, instant: Vec::new(), drafts: Vec::new() };
    for (at, command) in commands {
        let effect = action(&relation(table), command);
        if effect.duration(surroundings) == Duration::Instant {
            parts.instant.push(command.clone());
        } else {
            parts.flush()?;
            let twin = part(table, command, &effect, surroundings).map_err(|none| none.about(at))?;
            parts.drafts.extend(twin);
        }
    }
    parts.flush()?;
    Ok(parts.drafts)
}

struct Parts<'a> {
    table: &'a RangeVar,
    surroundings: &'a Surroundings,
    instant: Vec<AlterTableCmd>,
    drafts: Vec<Draft>,
}

impl Parts<'_> {
    /// The instant actions since the last twin, in one statement.
    fn flush(&mut self) -> Result<(), NoTwin> {
        if self.instant.is_empty() {
            return Ok(());
        }
        let sql = render::alter_table(self.table, std::mem::take(&mut self.instant))?;
        let intent = crate::read(sql.as_str())
            .ok()
            .and_then(|statements| statements.first().map(crate::intent::intent))
            .unwrap_or_default();
        self.drafts.push(Draft::execute(intent, sql, Transaction::Shared, self.surroundings)?);
        Ok(())
    }
}

/// The twin of one action that would keep the application waiting.
fn part(
    table: &RangeVar,
    command: &AlterTableCmd,
    effect: &Effect,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let definition = command.def.as_ref().and_then(|node| node.node.as_ref());
    match (effect, definition) {
        (Effect::AddConstraint(_), Some(NodeEnum::Constraint(wanted))) => {
            constraint_twin(table, wanted, surroundings)
        }
        (Effect::SetNotNull { column, .. }, _) => not_null::twin(table, column, surroundings),
        (Effect::AddColumn(added), Some(NodeEnum::ColumnDef(definition))) => {
            add_column::twin(table, definition, added, surroundings)
        }
        // A scan that lets reads and writes pass.
        (Effect::ValidateConstraint { constraint, .. }, _) => {
            Ok(vec![validate(table, constraint, surroundings)?])
        }
        (Effect::ChangeColumnType { column, to, .. }, _) => Err(NoTwin::because(format!(
            "PostgreSQL writes every row anew to change {} to {}",
            column.as_str(),
            to.text
        ))),
        _ => Err(NoTwin::because("PostgreSQL has no way to do this in parts")),
    }
}

/// The twin of a constraint that is added to a table.
pub(super) fn constraint_twin(
    table: &RangeVar,
    wanted: &Constraint,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    match wanted.contype() {
        ConstrType::ConstrForeign => foreign_key::twin(table, wanted, surroundings),
        ConstrType::ConstrCheck => check::twin(table, wanted, surroundings),
        ConstrType::ConstrUnique | ConstrType::ConstrPrimary if wanted.indexname.is_empty() => {
            unique::twin(table, wanted, surroundings)
        }
        ConstrType::ConstrPrimary => Err(NoTwin::because(
            "a column of the index allows NULL, and PostgreSQL looks at every row for one; set it NOT NULL before",
        )),
        ConstrType::ConstrExclusion => {
            Err(NoTwin::because("PostgreSQL builds an exclusion constraint only while nobody uses the table"))
        }
        _ => Err(NoTwin::because("PostgreSQL has no way to add this constraint in parts")),
    }
}

/// The pass in which PostgreSQL executes an action (`ATPrepCmd`, PostgreSQL 14 to 18).
fn pass(command: &AlterTableCmd) -> u8 {
    use AlterTableType as At;
    match command.subtype() {
        At::AtDropColumn
        | At::AtDropConstraint
        | At::AtDropNotNull
        | At::AtDropExpression
        | At::AtDropIdentity => 0,
        At::AtColumnDefault if command.def.is_none() => 0,
        At::AtAlterColumnType => 1,
        At::AtSetExpression => 2,
        At::AtAddColumn => 3,
        At::AtAddIdentity | At::AtSetIdentity | At::AtSetNotNull => 4,
        At::AtAddConstraint => match command.def.as_ref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::Constraint(constraint)) if !constraint.indexname.is_empty() => 5,
            Some(NodeEnum::Constraint(constraint))
                if matches!(
                    constraint.contype(),
                    ConstrType::ConstrUnique | ConstrType::ConstrPrimary | ConstrType::ConstrExclusion
                ) =>
            {
                6
            }
            _ => 7,
        },
        At::AtColumnDefault => 7,
        _ => 8,
    }
}
