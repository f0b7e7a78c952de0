//! `CREATE INDEX` blocks every write to its table while it reads it. The twin builds the same index
//! with `CONCURRENTLY`, which waits for others and lets nobody wait.
//!
//! `IF NOT EXISTS` is left out: PostgreSQL takes the invalid leftover of a failed build for the index
//! and says that all is well. The executor asks the catalog itself.
//!
//! Not for partitioned tables: PostgreSQL refuses it there (0A000).

use pg_query::protobuf::IndexStmt;
use pg_query::protobuf::node::Node as NodeEnum;
use underpin_catalog::{Name, RelationName};

use super::NoTwin;
use crate::describe::{create_index, named};
use crate::draft::Draft;
use crate::effect::CreateIndex;
use crate::names::index_name;
use crate::render;
use crate::surroundings::{RelationKind, Surroundings};

pub(super) fn twin(statement: &IndexStmt, surroundings: &Surroundings) -> Result<Vec<Draft>, NoTwin> {
    let created = create_index(statement);
    refuse_partitioned(&created.table, surroundings)?;
    let name = name(&created, surroundings)?;
    Ok(vec![build(statement.clone(), &name, surroundings)?])
}

/// The concurrent build of the index that `statement` describes, under `name`.
pub(super) fn build(
    mut statement: IndexStmt,
    name: &Name,
    surroundings: &Surroundings,
) -> Result<Draft, NoTwin> {
    let table = named(statement.relation.as_ref());
    name.as_str().clone_into(&mut statement.idxname);
    statement.concurrent = true;
    statement.if_not_exists = false;
    let sql = render::statement(NodeEnum::IndexStmt(Box::new(statement)))?;
    let intent = format!("build index {} on {} while the table is in use", name.as_str(), table.shown());
    // The index lives where its table lives, wherever the search path points.
    let index = surroundings.resolve(&table).sibling(name.clone());
    Draft::build_index(intent, sql, index, surroundings)
}

/// An index can be built concurrently on a table, not on the parent of partitions.
pub(super) fn refuse_partitioned(table: &RelationName, surroundings: &Surroundings) -> Result<(), NoTwin> {
    match surroundings.relation(table) {
        Some(facts) if facts.kind == RelationKind::Partitioned => Err(NoTwin::because(format!(
            "{} is partitioned and PostgreSQL builds no index concurrently on a partitioned table; create it ON ONLY \
             the parent, CONCURRENTLY on each partition, and attach them",
            table.shown()
        ))),
        _ => Ok(()),
    }
}

fn name(created: &CreateIndex, surroundings: &Surroundings) -> Result<Name, NoTwin> {
    let name = index_name(created)
        .ok_or_else(|| NoTwin::because("the index has no name and the one that PostgreSQL chooses depends on its expression; give it a name"))?;
    // PostgreSQL would count up: `t_c_idx1`.
    let taken = surroundings.resolve(&created.table).sibling(name.clone());
    if created.name.is_none()
        && (surroundings.index(&taken).is_some() || surroundings.relation(&taken).is_some())
    {
        return Err(NoTwin::because(format!(
            "the index has no name and {} is taken; give it a name",
            name.as_str()
        )));
    }
    Ok(name)
}
