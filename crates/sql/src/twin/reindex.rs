//! `REINDEX` blocks writes to the table, and reads that would use the index, while it builds. The
//! twin says `CONCURRENTLY`.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{DefElem, DefElemAction, ReindexObjectType, ReindexStmt};

use super::NoTwin;
use crate::describe::named;
use crate::draft::Draft;
use crate::render;
use crate::step::{Probe, Transaction};
use crate::surroundings::Surroundings;

pub(super) fn twin(statement: &ReindexStmt, surroundings: &Surroundings) -> Result<Vec<Draft>, NoTwin> {
    let one = matches!(
        statement.kind(),
        ReindexObjectType::ReindexObjectIndex | ReindexObjectType::ReindexObjectTable
    );
    if !one {
        return Err(NoTwin::because("it rebuilds the indexes of many tables; name one table or index"));
    }
    let mut twin = statement.clone();
    twin.params.push(render::node(NodeEnum::DefElem(Box::new(DefElem {
        defname: "concurrently".to_owned(),
        defaction: DefElemAction::DefelemUnspec.into(),
        ..DefElem::default()
    }))));
    let sql = render::statement(NodeEnum::ReindexStmt(twin))?;
    let intent = format!("rebuild {} while the table is in use", named(statement.relation.as_ref()).shown());
    let mut draft = Draft::execute(intent, sql, Transaction::Alone, surroundings)?;
    draft.done = Probe::Repeat;
    Ok(vec![draft])
}
