//! `CREATE …`, and what `ALTER` does to policies and publications. This file chooses, and has what takes a
//! few lines; what a statement holds in detail is read in a file for each family.

mod column;
mod constraint;
mod index;
mod on_table;
mod query;
mod routine;
mod table;

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{ConstrType, ObjectType};
use underpin_catalog::{Name, RelationName};

use super::rename::owner;
use super::tree::{from_parts, named, relations, strings};
use super::types::type_text;
use crate::effect::{Effect, ObjectKind, PolicyChange, RoutineBody, RunsAs, TypeKind, TypeText, Volatility};

pub(super) use column::added_column;
pub(crate) use constraint::constraint;
pub(crate) use index::create_index;
pub(super) use table::persistence;

use on_table::{published, registered};
use table::create_table;

pub(super) fn describe(node: &NodeEnum) -> Option<Vec<Effect>> {
    let plain = |kind, name| Effect::Create { kind, name, if_not_exists: false };
    Some(match node {
        NodeEnum::CreateStmt(statement) => vec![Effect::CreateTable(create_table(statement))],
        NodeEnum::CreateForeignTableStmt(statement) => match &statement.base_stmt {
            Some(base) => vec![Effect::CreateTable(create_table(base))],
            None => Vec::new(),
        },
        NodeEnum::CreateTableAsStmt(statement) => vec![query::create_table_as(statement)],
        NodeEnum::IndexStmt(statement) => vec![Effect::CreateIndex(create_index(statement))],
        NodeEnum::ViewStmt(statement) => vec![Effect::CreateView(query::create_view(statement))],
        NodeEnum::CreateEnumStmt(statement) => vec![Effect::CreateType {
            name: from_parts(&strings(&statement.type_name)),
            kind: TypeKind::Enum { values: strings(&statement.vals) },
        }],
        NodeEnum::CreateRangeStmt(statement) => vec![Effect::CreateType {
            name: from_parts(&strings(&statement.type_name)),
            kind: TypeKind::Range,
        }],
        NodeEnum::CompositeTypeStmt(statement) => {
            vec![Effect::CreateType { name: named(statement.typevar.as_ref()), kind: TypeKind::Composite }]
        }
        NodeEnum::CreateDomainStmt(statement) => vec![Effect::CreateType {
            name: from_parts(&strings(&statement.domainname)),
            kind: TypeKind::Domain {
                base: statement.type_name.as_ref().map_or_else(TypeText::unknown, type_text),
                constrained: statement.constraints.iter().any(|node| match &node.node {
                    Some(NodeEnum::Constraint(added)) => {
                        matches!(added.contype(), ConstrType::ConstrCheck | ConstrType::ConstrNotnull)
                    }
                    _ => false,
                }),
            },
        }],
        NodeEnum::CreateSeqStmt(statement) => {
            let sequence = named(statement.sequence.as_ref());
            let mut effects = vec![Effect::Create {
                kind: ObjectKind::Sequence,
                name: sequence.clone(),
                if_not_exists: statement.if_not_exists,
            }];
            if let Some(owner) = owner(&statement.options) {
                effects.push(Effect::AlterSequence { sequence, owned_by: Some(owner), renumbers: false });
            }
            effects
        }
        NodeEnum::CreateFunctionStmt(statement) => vec![routine::create_routine(statement)],
        NodeEnum::CreateSchemaStmt(statement) => {
            let mut effects = vec![Effect::Create {
                kind: ObjectKind::Schema,
                name: RelationName::bare(&statement.schemaname),
                if_not_exists: statement.if_not_exists,
            }];
            for element in statement.schema_elts.iter().filter_map(|element| element.node.as_ref()) {
                effects.extend(super::describe(element, "CREATE SCHEMA element"));
            }
            effects
        }
        NodeEnum::CreateExtensionStmt(statement) => vec![Effect::Create {
            kind: ObjectKind::Extension,
            name: RelationName::bare(&statement.extname),
            if_not_exists: statement.if_not_exists,
        }],
        NodeEnum::CreateRoleStmt(statement) => {
            vec![plain(ObjectKind::Role, RelationName::bare(&statement.role))]
        }
        NodeEnum::CreateTrigStmt(statement) => {
            vec![Effect::CreateTrigger(on_table::create_trigger(statement))]
        }
        NodeEnum::CreatePolicyStmt(statement) => vec![on_table::create_policy(statement)],
        NodeEnum::AlterPolicyStmt(statement) => vec![Effect::Policy {
            table: named(statement.table.as_ref()),
            policy: Name::new(&statement.policy_name),
            how: PolicyChange::Alter,
        }],
        NodeEnum::RuleStmt(statement) => vec![on_table::create_rule(statement)],
        NodeEnum::CreateStatsStmt(statement) => {
            registered(relations(&statement.relations).into_iter().map(|table| (table, Vec::new())))
        }
        NodeEnum::CreatePublicationStmt(statement) => registered(published(&statement.pubobjects)),
        NodeEnum::AlterPublicationStmt(statement) => registered(published(&statement.pubobjects)),
        NodeEnum::DefineStmt(statement) => {
            let name = from_parts(&strings(&statement.defnames));
            vec![match statement.kind() {
                ObjectType::ObjectType => Effect::CreateType { name, kind: TypeKind::Base },
                ObjectType::ObjectAggregate => Effect::CreateRoutine {
                    name,
                    replace: statement.replace,
                    volatility: Volatility::Volatile,
                    runs_as: RunsAs::Caller,
                    body: RoutineBody::default(),
                },
                _ => plain(ObjectKind::Other, name),
            }]
        }
        NodeEnum::CreatePlangStmt(_)
        | NodeEnum::CreateCastStmt(_)
        | NodeEnum::CreateEventTrigStmt(_)
        | NodeEnum::CreateFdwStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::CreateTransformStmt(_)
        | NodeEnum::CreateConversionStmt(_)
        | NodeEnum::CreateOpClassStmt(_)
        | NodeEnum::CreateOpFamilyStmt(_)
        | NodeEnum::CreateAmStmt(_) => vec![plain(ObjectKind::Other, RelationName::bare(""))],
        _ => return None,
    })
}
