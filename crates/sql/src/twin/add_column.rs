//! `ADD COLUMN` is an instant with a constant default, and writes the table anew with a volatile one.
//! The twin adds the column empty, sets the default for new rows, fills the rows that are there in
//! batches, and then refuses NULL where the statement does. A constraint that is written beside the
//! column is added afterwards, by its own twin and under the name that PostgreSQL would choose.
//!
//! Not for serial, identity and stored generated columns: their sequences and expressions cannot be
//! brought to the same end in parts.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableType, ColumnDef, ConstrType, Constraint, DropBehavior, Node, RangeVar,
};
use underpin_catalog::sql;

use super::alter_table::constraint_twin;
use super::{NoTwin, not_null};
use crate::describe::relation;
use crate::draft::Draft;
use crate::effect::{AddColumn, ColumnDefault};
use crate::render;
use crate::step::{BatchWork, Batches, Transaction};
use crate::surroundings::Surroundings;
use crate::work::any_volatile;

pub(super) fn twin(
    table: &RangeVar,
    definition: &ColumnDef,
    added: &AddColumn,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let fills = match &added.default {
        ColumnDefault::None | ColumnDefault::Constant => false,
        ColumnDefault::Volatile => true,
        ColumnDefault::Calls(functions) => any_volatile(functions, surroundings),
        ColumnDefault::Serial | ColumnDefault::Identity => {
            return Err(NoTwin::because(
                "a column with a sequence of its own is filled while nobody uses the table",
            ));
        }
        ColumnDefault::Stored | ColumnDefault::Virtual => {
            return Err(NoTwin::because("a generated column is computed while nobody uses the table"));
        }
    };
    let domain = added.to.user_defined.as_ref().and_then(|name| surroundings.type_facts(name));
    if domain.is_some_and(|facts| facts.constrained_domain) {
        return Err(NoTwin::because(
            "the type is a domain with a constraint, for which PostgreSQL writes every row",
        ));
    }
    let (attributes, constraints) = split(definition, fills)?;

    let mut drafts = vec![Draft::execute(
        format!("add column {} to {}", added.column.as_str(), added.table.shown()),
        render::alter_table(table, vec![add(definition, attributes)])?,
        Transaction::Shared,
        surroundings,
    )?];
    if fills {
        drafts.extend(fill(table, definition, added, surroundings)?);
        if added.not_null {
            drafts.extend(not_null::twin(table, &added.column, surroundings)?);
        }
    }
    for constraint in constraints {
        drafts.extend(constraint_twin(table, &constraint, surroundings)?);
    }
    Ok(drafts)
}

/// What may stay beside the column in an instant, and the constraints that are added afterwards.
fn split(definition: &ColumnDef, fills: bool) -> Result<(Vec<Node>, Vec<Constraint>), NoTwin> {
    let mut attributes = Vec::new();
    let mut constraints = Vec::new();
    for node in &definition.constraints {
        let Some(NodeEnum::Constraint(constraint)) = &node.node else { continue };
        match constraint.contype() {
            ConstrType::ConstrDefault | ConstrType::ConstrNotnull if !fills => attributes.push(node.clone()),
            ConstrType::ConstrNotnull if !constraint.conname.is_empty() => {
                return Err(NoTwin::because("its NOT NULL has a name of its own"));
            }
            ConstrType::ConstrDefault | ConstrType::ConstrNotnull | ConstrType::ConstrNull => {}
            ConstrType::ConstrCheck | ConstrType::ConstrForeign | ConstrType::ConstrUnique => {
                constraints.push(of_table(constraint, definition));
            }
            ConstrType::ConstrPrimary => constraints.push(of_table(constraint, definition)),
            _ => {
                return Err(NoTwin::because(
                    "a constraint beside the column says how it is checked or enforced",
                ));
            }
        }
    }
    // PostgreSQL builds indexes before it adds other constraints.
    constraints.sort_by_key(|constraint| {
        !matches!(constraint.contype(), ConstrType::ConstrUnique | ConstrType::ConstrPrimary)
    });
    Ok((attributes, constraints))
}

/// The constraint as it reads when it stands in the table's list.
fn of_table(constraint: &Constraint, definition: &ColumnDef) -> Constraint {
    let mut own = constraint.clone();
    let column = || vec![render::string(&definition.colname)];
    match constraint.contype() {
        ConstrType::ConstrForeign => own.fk_attrs = column(),
        ConstrType::ConstrUnique | ConstrType::ConstrPrimary => own.keys = column(),
        _ => {}
    }
    own
}

/// `IF NOT EXISTS` is gone: the column is known not to be there, and the steps that follow count on
/// having made it.
fn add(definition: &ColumnDef, attributes: Vec<Node>) -> AlterTableCmd {
    let column = ColumnDef { constraints: attributes, ..definition.clone() };
    AlterTableCmd {
        subtype: AlterTableType::AtAddColumn.into(),
        def: Some(Box::new(render::node(NodeEnum::ColumnDef(Box::new(column))))),
        behavior: DropBehavior::DropRestrict.into(),
        ..AlterTableCmd::default()
    }
}

fn fill(
    table: &RangeVar,
    definition: &ColumnDef,
    added: &AddColumn,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let Some(facts) = surroundings.relation(&added.table).filter(|facts| !facts.primary_key.is_empty())
    else {
        return Err(NoTwin::because(format!(
            "{} has no primary key to fill the column along",
            relation(table).shown()
        )));
    };
    let expression = definition.constraints.iter().find_map(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) if constraint.contype() == ConstrType::ConstrDefault => {
            constraint.raw_expr.clone()
        }
        _ => None,
    });
    let default = AlterTableCmd {
        subtype: AlterTableType::AtColumnDefault.into(),
        name: definition.colname.clone(),
        def: expression,
        behavior: DropBehavior::DropRestrict.into(),
        ..AlterTableCmd::default()
    };
    let column = &added.column;
    let sets = Draft::execute(
        format!("set the default of {}.{}, for new rows", added.table.shown(), column.as_str()),
        render::alter_table(table, vec![default])?,
        Transaction::EndsHere,
        surroundings,
    )?;
    let fills = Draft::batches(
        format!("fill {}.{} in batches", added.table.shown(), column.as_str()),
        Batches {
            table: surroundings.resolve(&added.table),
            key: facts.primary_key.clone(),
            work: BatchWork::Set(sql!("{} = DEFAULT", column)),
            filter: Some(sql!("{} IS NULL", column)),
            alias: None,
        },
        surroundings,
    );
    Ok(vec![sets, fills])
}
