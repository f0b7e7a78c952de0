//! `DROP …` and `TRUNCATE`.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{DropBehavior, DropStmt, ObjectType};
use underpin_catalog::RelationName;

use super::tree::{object, owned_object, relations};
use crate::effect::{Effect, ObjectKind, PolicyChange};

pub(super) fn describe(node: &NodeEnum) -> Option<Vec<Effect>> {
    Some(match node {
        NodeEnum::DropStmt(statement) => drop(statement),
        NodeEnum::TruncateStmt(statement) => {
            let cascade = statement.behavior() == DropBehavior::DropCascade;
            relations(&statement.relations)
                .into_iter()
                .map(|table| Effect::Truncate { table, cascade, restarts: statement.restart_seqs })
                .collect()
        }
        NodeEnum::DropRoleStmt(statement) => {
            vec![Effect::Drop {
                kind: ObjectKind::Role,
                name: RelationName::bare(""),
                if_exists: statement.missing_ok,
                cascade: false,
            }]
        }
        _ => return None,
    })
}

fn drop(statement: &DropStmt) -> Vec<Effect> {
    let cascade = statement.behavior() == DropBehavior::DropCascade;
    let if_exists = statement.missing_ok;
    statement
        .objects
        .iter()
        .map(|node| match statement.remove_type() {
            ObjectType::ObjectTable | ObjectType::ObjectForeignTable => {
                Effect::DropTable { table: object(node), if_exists, cascade }
            }
            ObjectType::ObjectIndex => Effect::DropIndex {
                index: object(node),
                if_exists,
                concurrently: statement.concurrent,
                cascade,
            },
            ObjectType::ObjectTrigger => {
                let (table, trigger) = owned_object(node);
                Effect::DropTrigger { table, trigger, if_exists }
            }
            ObjectType::ObjectPolicy => {
                let (table, policy) = owned_object(node);
                Effect::Policy { table, policy, how: PolicyChange::Drop }
            }
            ObjectType::ObjectRule => {
                Effect::Rule { table: owned_object(node).0, reads: Vec::new(), writes: Vec::new() }
            }
            other => Effect::Drop { kind: kind(other), name: object(node), if_exists, cascade },
        })
        .collect()
}

/// The kind of an object that is no table.
pub(super) fn kind(object: ObjectType) -> ObjectKind {
    match object {
        ObjectType::ObjectType | ObjectType::ObjectAttribute => ObjectKind::Type,
        ObjectType::ObjectDomain | ObjectType::ObjectDomconstraint => ObjectKind::Domain,
        ObjectType::ObjectSequence => ObjectKind::Sequence,
        ObjectType::ObjectView => ObjectKind::View,
        ObjectType::ObjectMatview => ObjectKind::MaterializedView,
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate => ObjectKind::Routine,
        ObjectType::ObjectSchema => ObjectKind::Schema,
        ObjectType::ObjectExtension => ObjectKind::Extension,
        ObjectType::ObjectRole => ObjectKind::Role,
        _ => ObjectKind::Other,
    }
}
