//! Statements that maintain tables, describe them, or concern the whole server.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{
    CommentStmt, GrantStmt, GrantTargetType, LockStmt, ObjectType, ReindexObjectType, RoleSpecType,
    VacuumStmt,
};
use underpin_catalog::{LockMode, Name, RelationName};

use super::tree::{named, object, option_is_on, owned_object, relation, relations};
use crate::effect::{Effect, ReindexTarget};

pub(super) fn describe(node: &NodeEnum) -> Option<Vec<Effect>> {
    let server = |what: &str| vec![Effect::Server { what: what.to_owned() }];
    Some(match node {
        NodeEnum::VacuumStmt(statement) => vacuum(statement),
        NodeEnum::ReindexStmt(statement) => vec![Effect::Reindex {
            target: match statement.kind() {
                ReindexObjectType::ReindexObjectIndex => {
                    ReindexTarget::Index(named(statement.relation.as_ref()))
                }
                ReindexObjectType::ReindexObjectTable => {
                    ReindexTarget::Table(named(statement.relation.as_ref()))
                }
                ReindexObjectType::ReindexObjectSchema => ReindexTarget::Schema(Name::new(&statement.name)),
                ReindexObjectType::ReindexObjectSystem => ReindexTarget::Catalogs,
                _ => ReindexTarget::Everything,
            },
            concurrently: option_is_on(&statement.params, "concurrently"),
        }],
        NodeEnum::ClusterStmt(statement) => {
            vec![Effect::Cluster { table: statement.relation.as_ref().map(relation) }]
        }
        NodeEnum::RefreshMatViewStmt(statement) => vec![Effect::RefreshView {
            view: named(statement.relation.as_ref()),
            concurrently: statement.concurrent,
            with_data: !statement.skip_data,
        }],
        NodeEnum::LockStmt(statement) => lock(statement),
        NodeEnum::CommentStmt(statement) => vec![commented(statement)],
        NodeEnum::GrantStmt(statement) => vec![granted(statement)],
        NodeEnum::SecLabelStmt(_) => vec![Effect::Comment { relation: None, part: false }],
        NodeEnum::CreatedbStmt(_) => server("CREATE DATABASE"),
        NodeEnum::DropdbStmt(_) => server("DROP DATABASE"),
        NodeEnum::AlterDatabaseStmt(_) => server("ALTER DATABASE"),
        NodeEnum::AlterSystemStmt(_) => server("ALTER SYSTEM"),
        NodeEnum::CreateTableSpaceStmt(_) => server("CREATE TABLESPACE"),
        NodeEnum::DropTableSpaceStmt(_) => server("DROP TABLESPACE"),
        NodeEnum::CreateSubscriptionStmt(_) => server("CREATE SUBSCRIPTION"),
        NodeEnum::AlterSubscriptionStmt(_) => server("ALTER SUBSCRIPTION"),
        NodeEnum::DropSubscriptionStmt(_) => server("DROP SUBSCRIPTION"),
        _ => return None,
    })
}

fn granted(statement: &GrantStmt) -> Effect {
    use ObjectType::{ObjectFunction, ObjectProcedure, ObjectRoutine, ObjectSequence, ObjectTable};
    let is_named = statement.targtype() == GrantTargetType::AclTargetObject;
    let (mut tables, mut routines) = (Vec::new(), Vec::new());
    match statement.objtype() {
        ObjectTable | ObjectSequence if is_named => tables = relations(&statement.objects),
        ObjectFunction | ObjectProcedure | ObjectRoutine if is_named => {
            routines = statement.objects.iter().map(object).collect();
        }
        _ => {}
    }
    let to_public = statement.is_grant
        && statement.grantees.iter().any(|grantee| match &grantee.node {
            Some(NodeEnum::RoleSpec(role)) => role.roletype() == RoleSpecType::RolespecPublic,
            _ => false,
        });
    Effect::Grant { tables, routines, to_public }
}

fn vacuum(statement: &VacuumStmt) -> Vec<Effect> {
    let full = option_is_on(&statement.options, "full");
    let mut tables: Vec<Option<RelationName>> = statement
        .rels
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::VacuumRelation(relation)) => Some(Some(named(relation.relation.as_ref()))),
            _ => None,
        })
        .collect();
    if tables.is_empty() {
        tables.push(None);
    }
    tables
        .into_iter()
        .map(
            |table| {
                if statement.is_vacuumcmd {
                    Effect::Vacuum { table, full }
                } else {
                    Effect::Analyze { table }
                }
            },
        )
        .collect()
}

/// PostgreSQL numbers its lock modes from 1, weakest first, as [`LockMode::ALL`] does.
fn lock(statement: &LockStmt) -> Vec<Effect> {
    let mode = usize::try_from(statement.mode - 1)
        .ok()
        .and_then(|index| LockMode::ALL.get(index).copied())
        .unwrap_or(LockMode::AccessExclusive);
    relations(&statement.relations).into_iter().map(|table| Effect::LockTable { table, mode }).collect()
}

fn commented(statement: &CommentStmt) -> Effect {
    let Some(node) = &statement.object else { return Effect::Comment { relation: None, part: false } };
    let (relation, part) = match statement.objtype() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectIndex => (Some(object(node)), false),
        ObjectType::ObjectColumn => (Some(owned_object(node).0), false),
        ObjectType::ObjectTabconstraint
        | ObjectType::ObjectTrigger
        | ObjectType::ObjectPolicy
        | ObjectType::ObjectRule => (Some(owned_object(node).0), true),
        _ => (None, false),
    };
    Effect::Comment { relation, part }
}
