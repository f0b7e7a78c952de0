//! `ALTER TABLE` and the statements that share its grammar. One effect for each action.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint, DropBehavior, Node,
    ObjectType,
};
use underpin_catalog::{Name, RelationName};

use super::create::{added_column, constraint};
use super::tree::{named, relation};
use super::types::type_text;
use crate::bounds::{PartitionBounds, bounds};
use crate::effect::{Detach, Effect, Generation, IndexChange, ObjectKind, Storage, TableOption, Using};

pub(super) fn describe(node: &NodeEnum) -> Option<Vec<Effect>> {
    match node {
        NodeEnum::AlterTableStmt(statement) => Some(alter_table(statement)),
        _ => None,
    }
}

fn alter_table(statement: &AlterTableStmt) -> Vec<Effect> {
    let table = named(statement.relation.as_ref());
    let commands = statement.cmds.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => Some(command),
        _ => None,
    });
    match statement.objtype() {
        ObjectType::ObjectIndex => commands
            .map(|command| {
                let how = match (command.subtype(), partition(command)) {
                    (AlterTableType::AtSetTableSpace, _) => IndexChange::Tablespace,
                    (AlterTableType::AtAttachPartition, Some((partition, _))) => {
                        IndexChange::Attach { partition }
                    }
                    _ => IndexChange::Parameters,
                };
                Effect::AlterIndex { index: table.clone(), how }
            })
            .collect(),
        ObjectType::ObjectSequence => commands
            .map(|command| match storage(command) {
                Some(to) => Effect::MoveStorage { table: table.clone(), to },
                None => Effect::Alter { kind: ObjectKind::Sequence, name: table.clone() },
            })
            .collect(),
        ObjectType::ObjectView => vec![Effect::Alter { kind: ObjectKind::View, name: table }],
        ObjectType::ObjectType => vec![Effect::ChangeAttributes { name: table }],
        ObjectType::ObjectTable | ObjectType::ObjectMatview | ObjectType::ObjectForeignTable => {
            commands.map(|command| action(&table, command)).collect()
        }
        _ => Vec::new(),
    }
}

/// One action of an `ALTER TABLE`.
pub(crate) fn action(table: &RelationName, command: &AlterTableCmd) -> Effect {
    use AlterTableType as At;
    let table = table.clone();
    let column = Name::new(&command.name);
    let cascade = command.behavior() == DropBehavior::DropCascade;
    match command.subtype() {
        At::AtAddColumn => match definition(command) {
            Some(definition) => Effect::AddColumn(added_column(&table, definition, command.missing_ok)),
            None => Effect::Unknown { what: "ADD COLUMN".to_owned() },
        },
        At::AtDropColumn => Effect::DropColumn { table, column, if_exists: command.missing_ok, cascade },
        At::AtColumnDefault if command.def.is_some() => Effect::SetDefault { table, column },
        At::AtColumnDefault => Effect::DropDefault { table, column },
        At::AtSetNotNull => Effect::SetNotNull { table, column },
        At::AtDropNotNull => Effect::DropNotNull { table, column },
        At::AtAlterColumnType => change_type(table, column, command),
        At::AtSetExpression => Effect::ChangeGeneration { table, column, how: Generation::Expression },
        At::AtDropExpression => Effect::ChangeGeneration { table, column, how: Generation::DropExpression },
        At::AtAddIdentity => Effect::ChangeGeneration { table, column, how: Generation::AddIdentity },
        At::AtSetIdentity => {
            let renumbers = match inner(command) {
                Some(NodeEnum::List(list)) => list.items.iter().any(|item| {
                    matches!(&item.node, Some(NodeEnum::DefElem(option)) if option.defname != "generated")
                }),
                _ => false,
            };
            let how = if renumbers { Generation::RenumberIdentity } else { Generation::SetIdentity };
            Effect::ChangeGeneration { table, column, how }
        }
        At::AtDropIdentity => Effect::ChangeGeneration { table, column, how: Generation::DropIdentity },
        At::AtAddConstraint => match constraint_of(command) {
            Some(added) => Effect::AddConstraint(constraint(&table, added, None)),
            None => Effect::Unknown { what: "ADD CONSTRAINT".to_owned() },
        },
        At::AtAlterConstraint => match inner(command) {
            Some(NodeEnum::AtalterConstraint(altered)) => Effect::AlterConstraint {
                table,
                constraint: Name::new(&altered.conname),
                enforced: altered.alter_enforceability.then_some(altered.is_enforced),
            },
            _ => Effect::Unknown { what: "ALTER CONSTRAINT".to_owned() },
        },
        At::AtValidateConstraint => Effect::ValidateConstraint { table, constraint: column },
        At::AtDropConstraint => {
            Effect::DropConstraint { table, constraint: column, if_exists: command.missing_ok, cascade }
        }
        At::AtSetStatistics => Effect::AlterTable { table, what: TableOption::Statistics },
        At::AtSetOptions | At::AtResetOptions | At::AtDropCluster => {
            Effect::AlterTable { table, what: TableOption::Parameters }
        }
        At::AtClusterOn => Effect::AlterTable { table, what: TableOption::ClusterOn(column) },
        At::AtSetRelOptions | At::AtResetRelOptions | At::AtReplaceRelOptions => {
            Effect::AlterTable { table, what: rel_options(command) }
        }
        At::AtSetStorage | At::AtSetCompression => Effect::AlterTable { table, what: TableOption::Storage },
        At::AtChangeOwner => Effect::AlterTable { table, what: TableOption::Owner },
        At::AtReplicaIdentity => {
            let index = match inner(command) {
                Some(NodeEnum::ReplicaIdentityStmt(identity)) if !identity.name.is_empty() => {
                    Some(Name::new(&identity.name))
                }
                _ => None,
            };
            Effect::AlterTable { table, what: TableOption::ReplicaIdentity(index) }
        }
        At::AtEnableRowSecurity => {
            Effect::AlterTable { table, what: TableOption::RowSecurity { enabled: true } }
        }
        At::AtDisableRowSecurity => {
            Effect::AlterTable { table, what: TableOption::RowSecurity { enabled: false } }
        }
        At::AtForceRowSecurity | At::AtNoForceRowSecurity => {
            Effect::AlterTable { table, what: TableOption::ForceRowSecurity }
        }
        At::AtDropOids
        | At::AtAddOf
        | At::AtDropOf
        | At::AtGenericOptions
        | At::AtAlterColumnGenericOptions => Effect::AlterTable { table, what: TableOption::Other },
        At::AtSetLogged | At::AtSetUnLogged | At::AtSetAccessMethod | At::AtSetTableSpace => {
            match storage(command) {
                Some(to) => Effect::MoveStorage { table, to },
                None => Effect::Unknown { what: "ALTER TABLE".to_owned() },
            }
        }
        At::AtEnableTrig
        | At::AtEnableAlwaysTrig
        | At::AtEnableReplicaTrig
        | At::AtDisableTrig
        | At::AtEnableTrigAll
        | At::AtDisableTrigAll
        | At::AtEnableTrigUser
        | At::AtDisableTrigUser => Effect::SwitchTrigger { table },
        At::AtEnableRule | At::AtEnableAlwaysRule | At::AtEnableReplicaRule | At::AtDisableRule => {
            Effect::Rule { table, reads: Vec::new(), writes: Vec::new() }
        }
        At::AtAddInherit | At::AtDropInherit => match inner(command) {
            Some(NodeEnum::RangeVar(parent)) => Effect::Inherit {
                table,
                parent: relation(parent),
                ends: command.subtype() == At::AtDropInherit,
            },
            _ => Effect::Unknown { what: "INHERIT".to_owned() },
        },
        At::AtAttachPartition => match partition(command) {
            Some((partition, _)) => {
                let bounds = match inner(command) {
                    Some(NodeEnum::PartitionCmd(attached)) => attached.bound.as_ref().map(bounds),
                    _ => None,
                };
                Effect::AttachPartition { table, partition, bounds: bounds.unwrap_or(PartitionBounds::Other) }
            }
            None => Effect::Unknown { what: "ATTACH PARTITION".to_owned() },
        },
        At::AtDetachPartition | At::AtDetachPartitionFinalize => match partition(command) {
            Some((partition, concurrently)) => Effect::DetachPartition {
                table,
                partition,
                how: match (command.subtype(), concurrently) {
                    (At::AtDetachPartitionFinalize, _) => Detach::Finalize,
                    (_, true) => Detach::Concurrently,
                    (_, false) => Detach::AtOnce,
                },
            },
            None => Effect::Unknown { what: "DETACH PARTITION".to_owned() },
        },
        // Forms that PostgreSQL makes for itself and its grammar does not.
        At::Undefined
        | At::AtAddColumnToView
        | At::AtCookedColumnDefault
        | At::AtAddIndex
        | At::AtReAddIndex
        | At::AtReAddConstraint
        | At::AtReAddDomainConstraint
        | At::AtAddIndexConstraint
        | At::AtReAddComment
        | At::AtReAddStatistics => Effect::Unknown { what: "ALTER TABLE".to_owned() },
    }
}

/// Where the rows are moved to. An access method without a name (`SET ACCESS METHOD DEFAULT`) is named so.
fn storage(command: &AlterTableCmd) -> Option<Storage> {
    let name = || Name::new(if command.name.is_empty() { "default" } else { &command.name });
    Some(match command.subtype() {
        AlterTableType::AtSetLogged => Storage::Logged,
        AlterTableType::AtSetUnLogged => Storage::Unlogged,
        AlterTableType::AtSetAccessMethod => Storage::AccessMethod(name()),
        AlterTableType::AtSetTableSpace => Storage::Tablespace(name()),
        _ => return None,
    })
}

fn inner(command: &AlterTableCmd) -> Option<&NodeEnum> {
    command.def.as_ref().and_then(|node| node.node.as_ref())
}

fn definition(command: &AlterTableCmd) -> Option<&ColumnDef> {
    match inner(command) {
        Some(NodeEnum::ColumnDef(definition)) => Some(definition),
        _ => None,
    }
}

fn constraint_of(command: &AlterTableCmd) -> Option<&Constraint> {
    match inner(command) {
        Some(NodeEnum::Constraint(constraint)) if constraint.contype() != ConstrType::Undefined => {
            Some(constraint)
        }
        _ => None,
    }
}

fn partition(command: &AlterTableCmd) -> Option<(RelationName, bool)> {
    match inner(command) {
        Some(NodeEnum::PartitionCmd(partition)) => {
            Some((named(partition.name.as_ref()), partition.concurrent))
        }
        _ => None,
    }
}

/// Storage parameters take SHARE UPDATE EXCLUSIVE except `user_catalog_table`.
fn rel_options(command: &AlterTableCmd) -> TableOption {
    let heavy = match inner(command) {
        Some(NodeEnum::List(list)) => list.items.iter().any(|item| {
            matches!(&item.node, Some(NodeEnum::DefElem(option)) if option.defname == "user_catalog_table")
        }),
        _ => true,
    };
    if heavy { TableOption::Other } else { TableOption::Parameters }
}

fn change_type(table: RelationName, column: Name, command: &AlterTableCmd) -> Effect {
    let Some(definition) = definition(command) else {
        return Effect::Unknown { what: "ALTER COLUMN TYPE".to_owned() };
    };
    let Some(name) = &definition.type_name else {
        return Effect::Unknown { what: "ALTER COLUMN TYPE".to_owned() };
    };
    let to = type_text(name);
    let using = match definition.raw_default.as_deref() {
        None => Using::Absent,
        Some(expression) if casts_the_column(expression, &column, &to.text) => Using::Cast,
        Some(_) => Using::Expression,
    };
    Effect::ChangeColumnType { table, column, to, using, collation: definition.coll_clause.is_some() }
}

/// `USING c::type` is the assignment cast in other words, and as cheap.
fn casts_the_column(expression: &Node, column: &Name, to: &str) -> bool {
    let Some(NodeEnum::TypeCast(cast)) = &expression.node else { return false };
    let same_type = cast.type_name.as_ref().is_some_and(|name| type_text(name).text == to);
    let same_column = match cast.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::ColumnRef(reference)) => {
            super::tree::strings(&reference.fields) == [column.as_str().to_owned()]
        }
        _ => false,
    };
    same_type && same_column
}
