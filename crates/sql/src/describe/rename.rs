//! New names, namespaces, owners, and changes of objects that are no tables.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{AlterDomainStmt, Node, ObjectType, RenameStmt};
use underpin_catalog::{Name, RelationName};

use super::drop::kind;
use super::tree::{from_parts, named, object, owned_object, strings};
use crate::effect::{Effect, EnumPlace, ObjectKind, PolicyChange, TableOption};

pub(super) fn describe(node: &NodeEnum) -> Option<Vec<Effect>> {
    let alter = |kind, name| vec![Effect::Alter { kind, name }];
    Some(match node {
        NodeEnum::RenameStmt(statement) => vec![rename(statement)],
        NodeEnum::AlterObjectSchemaStmt(statement) => {
            let to = Name::new(&statement.newschema);
            match statement.object_type() {
                ObjectType::ObjectTable | ObjectType::ObjectForeignTable => {
                    vec![Effect::MoveTable { table: named(statement.relation.as_ref()), namespace: to }]
                }
                other => {
                    let name = match (&statement.relation, &statement.object) {
                        (Some(_), _) => named(statement.relation.as_ref()),
                        (None, Some(node)) => object(node),
                        (None, None) => RelationName::bare(""),
                    };
                    vec![Effect::Move { kind: kind(other), name, namespace: to }]
                }
            }
        }
        NodeEnum::AlterOwnerStmt(statement) => match (&statement.relation, statement.object_type()) {
            (Some(_), ObjectType::ObjectTable) => {
                vec![Effect::AlterTable {
                    table: named(statement.relation.as_ref()),
                    what: TableOption::Owner,
                }]
            }
            (_, other) => alter(
                kind(other),
                statement.object.as_ref().map_or_else(|| RelationName::bare(""), |node| object(node)),
            ),
        },
        NodeEnum::AlterEnumStmt(statement) => {
            let name = from_parts(&strings(&statement.type_name));
            vec![if statement.old_val.is_empty() {
                Effect::AddEnumValue {
                    name,
                    value: statement.new_val.clone(),
                    if_not_exists: statement.skip_if_new_val_exists,
                    place: (!statement.new_val_neighbor.is_empty()).then(|| {
                        let neighbour = statement.new_val_neighbor.clone();
                        if statement.new_val_is_after {
                            EnumPlace::After(neighbour)
                        } else {
                            EnumPlace::Before(neighbour)
                        }
                    }),
                }
            } else {
                Effect::RenameEnumValue {
                    name,
                    value: statement.old_val.clone(),
                    to: statement.new_val.clone(),
                }
            }]
        }
        NodeEnum::AlterDomainStmt(statement) => vec![domain(statement)],
        NodeEnum::AlterSeqStmt(statement) => vec![Effect::AlterSequence {
            sequence: named(statement.sequence.as_ref()),
            owned_by: owner(&statement.options),
            renumbers: statement.options.iter().any(|option| match &option.node {
                Some(NodeEnum::DefElem(option)) => option.defname != "owned_by",
                _ => true,
            }),
        }],
        NodeEnum::AlterTypeStmt(statement) => {
            alter(ObjectKind::Type, from_parts(&strings(&statement.type_name)))
        }
        NodeEnum::AlterFunctionStmt(statement) => alter(
            ObjectKind::Routine,
            from_parts(&statement.func.as_ref().map(|func| strings(&func.objname)).unwrap_or_default()),
        ),
        NodeEnum::AlterExtensionStmt(statement) => {
            alter(ObjectKind::Extension, RelationName::bare(&statement.extname))
        }
        NodeEnum::AlterRoleStmt(_) | NodeEnum::AlterRoleSetStmt(_) | NodeEnum::GrantRoleStmt(_) => {
            alter(ObjectKind::Role, RelationName::bare(""))
        }
        NodeEnum::AlterDefaultPrivilegesStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::AlterEventTrigStmt(_)
        | NodeEnum::AlterFdwStmt(_)
        | NodeEnum::AlterForeignServerStmt(_)
        | NodeEnum::AlterUserMappingStmt(_)
        | NodeEnum::AlterCollationStmt(_)
        | NodeEnum::AlterOperatorStmt(_)
        | NodeEnum::AlterOpFamilyStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::AlterTsdictionaryStmt(_)
        | NodeEnum::AlterTsconfigurationStmt(_)
        | NodeEnum::AlterExtensionContentsStmt(_)
        | NodeEnum::AlterObjectDependsStmt(_) => alter(ObjectKind::Other, RelationName::bare("")),
        _ => return None,
    })
}

/// The column of `OWNED BY`.
pub(super) fn owner(options: &[Node]) -> Option<(RelationName, Name)> {
    options.iter().find_map(|option| match &option.node {
        Some(NodeEnum::DefElem(option)) if option.defname == "owned_by" => {
            let (table, column) = owned_object(option.arg.as_ref()?);
            (!table.name.as_str().is_empty()).then_some((table, column))
        }
        _ => None,
    })
}

fn rename(statement: &RenameStmt) -> Effect {
    let to = Name::new(&statement.newname);
    let table = named(statement.relation.as_ref());
    let sub = Name::new(&statement.subname);
    match statement.rename_type() {
        ObjectType::ObjectTable | ObjectType::ObjectForeignTable => Effect::RenameTable { table, to },
        ObjectType::ObjectIndex => Effect::RenameIndex { index: table, to },
        ObjectType::ObjectColumn => Effect::RenameColumn { table, column: sub, to },
        ObjectType::ObjectTabconstraint => Effect::RenameConstraint { table, constraint: sub, to },
        ObjectType::ObjectTrigger => Effect::RenameTrigger { table, trigger: sub, to },
        ObjectType::ObjectPolicy => Effect::Policy { table, policy: sub, how: PolicyChange::Alter },
        ObjectType::ObjectRule => Effect::Rule { table, reads: Vec::new(), writes: Vec::new() },
        // A constraint of a domain or an attribute of a composite type: the type keeps its name.
        other @ (ObjectType::ObjectDomconstraint | ObjectType::ObjectAttribute) => Effect::Alter {
            kind: kind(other),
            name: statement.object.as_ref().map_or(table, |node| object(node)),
        },
        other => Effect::Rename {
            kind: kind(other),
            name: match (&statement.relation, &statement.object) {
                (Some(_), _) => table,
                (None, Some(node)) => object(node),
                (None, None) => RelationName::bare(&statement.subname),
            },
            to,
        },
    }
}

/// `ADD CONSTRAINT`, `VALIDATE` and `SET NOT NULL` look at every row of every table that uses the
/// domain, under SHARE; `NOT VALID` and the rest look at none (observed on 11 to 18).
fn domain(statement: &AlterDomainStmt) -> Effect {
    let name = from_parts(&strings(&statement.type_name));
    let not_valid = match statement.def.as_ref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::Constraint(added)) => added.skip_validation,
        _ => false,
    };
    match statement.subtype.as_str() {
        "C" | "V" | "O" => Effect::ConstrainDomain { name, checks: !not_valid },
        _ => Effect::Alter { kind: ObjectKind::Domain, name },
    }
}
