//! `CREATE INDEX`: its key, and every column that it reads.

use std::collections::BTreeSet;

use pg_query::protobuf::IndexStmt;
use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::Name;

use crate::describe::tree::{named, read_by};
use crate::effect::CreateIndex;

/// What a `CREATE INDEX` asks for.
pub(crate) fn create_index(statement: &IndexStmt) -> CreateIndex {
    let mut reads = BTreeSet::new();
    for param in statement.index_params.iter().chain(&statement.index_including_params) {
        match &param.node {
            Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => {
                reads.insert(Name::new(&element.name));
            }
            Some(NodeEnum::IndexElem(element)) => reads.extend(read_by(&element.expr)),
            _ => {}
        }
    }
    reads.extend(read_by(&statement.where_clause));
    CreateIndex {
        reads: reads.into_iter().collect(),
        method: statement.access_method.clone(),
        table: named(statement.relation.as_ref()),
        name: (!statement.idxname.is_empty()).then(|| Name::new(&statement.idxname)),
        unique: statement.unique,
        concurrently: statement.concurrent,
        if_not_exists: statement.if_not_exists,
        only: statement.relation.as_ref().is_some_and(|relation| !relation.inh),
        columns: statement
            .index_params
            .iter()
            .map(|param| match &param.node {
                Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => {
                    Some(Name::new(&element.name))
                }
                _ => None,
            })
            .collect(),
        including: statement
            .index_including_params
            .iter()
            .filter_map(|param| match &param.node {
                Some(NodeEnum::IndexElem(element)) => Some(Name::new(&element.name)),
                _ => None,
            })
            .collect(),
        partial: statement.where_clause.is_some(),
    }
}
