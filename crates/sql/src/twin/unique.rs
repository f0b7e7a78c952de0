//! `ADD UNIQUE` and `ADD PRIMARY KEY` stop all reads and writes while they build their index. The
//! twin builds the index concurrently under the constraint's own name and then makes the constraint
//! of it, an instant.
//!
//! A primary key needs columns that are NOT NULL; `ADD PRIMARY KEY USING INDEX` would look at every
//! row for those that are not, so they go the way of `SET NOT NULL` first.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{
    ConstrType, Constraint, IndexElem, IndexStmt, Node, RangeVar, SortByDir, SortByNulls,
};
use underpin_catalog::Name;

use super::{NoTwin, index, not_null};
use crate::added_constraint::{add_constraint, refuse_taken};
use crate::describe::{constraint, relation, strings};
use crate::draft::Draft;
use crate::names::constraint_name;
use crate::render;
use crate::step::{Duration, Transaction};
use crate::surroundings::Surroundings;

pub(super) fn twin(
    table: &RangeVar,
    wanted: &Constraint,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let name = relation(table);
    if wanted.without_overlaps {
        return Err(NoTwin::because("WITHOUT OVERLAPS takes no index that is there"));
    }
    index::refuse_partitioned(&name, surroundings)?;
    let added = constraint(&name, wanted, None);
    refuse_taken(&added, surroundings)?;
    let own = constraint_name(&added);

    let mut drafts = made_ready(table, wanted, &own, surroundings)?;
    let adopts = Draft::execute(
        format!("make constraint {} of {} of the index", own.as_str(), name.shown()),
        add_constraint(table, using(wanted, &own, &own))?,
        Transaction::EndsHere,
        surroundings,
    )?
    // The columns of a primary key are NOT NULL by now.
    .lasting(Duration::Instant);
    drafts.push(adopts);
    Ok(drafts)
}

/// What a constraint needs before it is made of an index of this name: that one, and of a primary key columns that
/// are NOT NULL.
pub(super) fn made_ready(
    table: &RangeVar,
    wanted: &Constraint,
    index: &Name,
    surroundings: &Surroundings,
) -> Result<Vec<Draft>, NoTwin> {
    let mut drafts = Vec::new();
    if wanted.contype() == ConstrType::ConstrPrimary {
        let facts = surroundings.relation(&relation(table));
        for column in strings(&wanted.keys).iter().map(Name::new) {
            let not_null =
                facts.and_then(|facts| facts.column(&column)).is_some_and(|column| column.not_null);
            if !not_null {
                drafts.extend(not_null::twin(table, &column, surroundings)?);
            }
        }
    }
    drafts.push(index::build(index_of(table, wanted), index, surroundings)?);
    Ok(drafts)
}

/// The constraint, made of an index that is there.
pub(super) fn using(wanted: &Constraint, own: &Name, index: &Name) -> Constraint {
    Constraint {
        contype: wanted.contype,
        conname: own.as_str().to_owned(),
        indexname: index.as_str().to_owned(),
        deferrable: wanted.deferrable,
        initdeferred: wanted.initdeferred,
        is_enforced: wanted.is_enforced,
        ..Constraint::default()
    }
}

/// The index that PostgreSQL would build for the constraint.
fn index_of(table: &RangeVar, wanted: &Constraint) -> IndexStmt {
    IndexStmt {
        relation: Some(table.clone()),
        access_method: "btree".to_owned(),
        index_params: elements(&wanted.keys),
        index_including_params: elements(&wanted.including),
        options: wanted.options.clone(),
        table_space: wanted.indexspace.clone(),
        unique: true,
        nulls_not_distinct: wanted.nulls_not_distinct,
        ..IndexStmt::default()
    }
}

fn elements(columns: &[Node]) -> Vec<Node> {
    strings(columns)
        .into_iter()
        .map(|name| {
            render::node(NodeEnum::IndexElem(Box::new(IndexElem {
                name,
                ordering: SortByDir::SortbyDefault.into(),
                nulls_ordering: SortByNulls::SortbyNullsDefault.into(),
                ..IndexElem::default()
            })))
        })
        .collect()
}
