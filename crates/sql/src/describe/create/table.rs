//! `CREATE TABLE`: the table with its columns and constraints, and the tables that it touches.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{CreateStmt, Node, RangeVar};
use underpin_catalog::{Name, RelationName};

use super::column::added_column;
use super::constraint::constraint;
use crate::describe::tree::{from_parts, named, relation, relations, strings};
use crate::effect::{CreateTable, Persistence};

pub(super) fn create_table(statement: &CreateStmt) -> CreateTable {
    let table = named(statement.relation.as_ref());
    let mut references = Vec::new();
    let mut like = Vec::new();
    let mut columns = Vec::new();
    let mut constraints = Vec::new();
    let parents = relations(&statement.inh_relations);
    let elements = statement.table_elts.iter().chain(&statement.constraints);
    for element in elements.filter_map(|element| element.node.as_ref()) {
        match element {
            NodeEnum::ColumnDef(column) => {
                references.extend(column.constraints.iter().filter_map(referenced));
                columns.push(added_column(&table, column, false));
            }
            NodeEnum::Constraint(added) => {
                references.extend(added.pktable.as_ref().map(relation));
                constraints.push(constraint(&table, added, None));
            }
            NodeEnum::TableLikeClause(clause) => like.extend(clause.relation.as_ref().map(relation)),
            _ => {}
        }
    }
    references.retain(|referenced| *referenced != table);
    references.sort();
    references.dedup();
    let partition = statement.partbound.is_some();
    CreateTable {
        table,
        references,
        partition_of: if partition { parents.first().cloned() } else { None },
        of_type: statement.of_typename.as_ref().map(|of| from_parts(&strings(&of.names))),
        inherits: if partition { Vec::new() } else { parents },
        like,
        if_not_exists: statement.if_not_exists,
        partitioned: statement.partspec.is_some(),
        access_method: (!statement.access_method.is_empty()).then(|| Name::new(&statement.access_method)),
        partition_key: statement
            .partspec
            .iter()
            .flat_map(|spec| &spec.part_params)
            .filter_map(key_column)
            .collect(),
        default_partition: statement.partbound.as_ref().is_some_and(|bound| bound.is_default),
        persistence: persistence(statement.relation.as_ref()),
        columns,
        constraints,
    }
}

/// A column of a partition key; an expression has no name.
fn key_column(node: &Node) -> Option<Name> {
    match &node.node {
        Some(NodeEnum::PartitionElem(element)) if !element.name.is_empty() => Some(Name::new(&element.name)),
        _ => None,
    }
}

fn referenced(node: &Node) -> Option<RelationName> {
    match &node.node {
        Some(NodeEnum::Constraint(constraint)) => constraint.pktable.as_ref().map(relation),
        _ => None,
    }
}

/// The letters of the grammar's tree: `t` for `TEMP` and `TEMPORARY`, `u` for `UNLOGGED`.
pub(in crate::describe) fn persistence(relation: Option<&RangeVar>) -> Persistence {
    match relation.map(|relation| relation.relpersistence.as_str()) {
        Some("t") => Persistence::Temporary,
        Some("u") => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}
