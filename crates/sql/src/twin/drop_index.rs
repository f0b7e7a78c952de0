//! `DROP INDEX` takes ACCESS EXCLUSIVE on the table for an instant. The twin drops concurrently: it
//! waits until no transaction uses the index and lets nobody wait.
//!
//! Not for an index that a constraint owns (PostgreSQL refuses to drop it at all), not with
//! `CASCADE`, not for the parent index of partitions.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{DropBehavior, DropStmt, ObjectType};

use super::NoTwin;
use crate::describe::object;
use crate::draft::Draft;
use crate::render;
use crate::step::{Duration, Probe, Transaction};
use crate::surroundings::Surroundings;

pub(super) fn twin(statement: &DropStmt, surroundings: &Surroundings) -> Result<Vec<Draft>, NoTwin> {
    if statement.remove_type() != ObjectType::ObjectIndex {
        return Err(NoTwin::because("dropping it is an instant, and cannot be done in parts"));
    }
    if statement.behavior() == DropBehavior::DropCascade {
        return Err(NoTwin::because("DROP INDEX CONCURRENTLY does not take CASCADE"));
    }
    statement
        .objects
        .iter()
        .map(|node| {
            let index = surroundings.resolve(&object(node));
            match surroundings.index(&index) {
                Some(facts) if facts.constraint.is_some() => {
                    return Err(NoTwin::because(format!("{} belongs to a constraint", index.shown())));
                }
                Some(facts) if facts.partitioned => {
                    return Err(NoTwin::because(format!(
                        "{} is the index of a partitioned table",
                        index.shown()
                    )));
                }
                Some(_) => {}
                None => return Err(NoTwin::because(format!("there is no index {}", index.shown()))),
            }
            // CONCURRENTLY takes one index at a time.
            let sql = render::statement(NodeEnum::DropStmt(DropStmt {
                objects: vec![node.clone()],
                concurrent: true,
                ..statement.clone()
            }))?;
            let intent = format!("drop index {} while the table is in use", index.shown());
            let mut draft = Draft::execute(intent, sql, Transaction::Alone, surroundings)?;
            draft.duration = Duration::WaitsForSnapshots;
            draft.done = Probe::IndexAbsent { index };
            Ok(draft)
        })
        .collect()
}
