//! `CREATE …`.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{
    ColumnDef, ConstrType, Constraint, CreateStmt, IndexStmt, Node, ObjectType, RangeVar,
};
use underpin_catalog::{Name, RelationName};

use super::tree::{from_parts, named, names, relation, relations, strings};
use super::types::{serial, type_text};
use crate::effect::{
    AddColumn, AddConstraint, ColumnDefault, ConstraintKind, CreateIndex, CreateTable, Effect, ObjectKind,
    TypeText,
};
use crate::expression::Contents;

pub(super) fn describe(node: &NodeEnum) -> Option<Vec<Effect>> {
    let plain = |kind, name| Effect::Create { kind, name, replace: false, reads: Vec::new() };
    Some(match node {
        NodeEnum::CreateStmt(statement) => vec![Effect::CreateTable(create_table(statement))],
        NodeEnum::CreateForeignTableStmt(statement) => match &statement.base_stmt {
            Some(base) => vec![Effect::CreateTable(create_table(base))],
            None => Vec::new(),
        },
        NodeEnum::CreateTableAsStmt(statement) => {
            let name = named(statement.into.as_ref().and_then(|into| into.rel.as_ref()));
            let reads: Vec<_> = Contents::of(&statement.query).relations.into_iter().collect();
            if statement.objtype() == ObjectType::ObjectMatview {
                vec![Effect::Create { kind: ObjectKind::MaterializedView, name, replace: false, reads }]
            } else {
                let temporary = is_temporary(statement.into.as_ref().and_then(|into| into.rel.as_ref()));
                vec![Effect::CreateTableAs { table: name, reads, temporary }]
            }
        }
        NodeEnum::IndexStmt(statement) => vec![Effect::CreateIndex(create_index(statement))],
        NodeEnum::ViewStmt(statement) => vec![Effect::Create {
            kind: ObjectKind::View,
            name: named(statement.view.as_ref()),
            replace: statement.replace,
            reads: Contents::of(&statement.query).relations.into_iter().collect(),
        }],
        NodeEnum::CreateEnumStmt(statement) => {
            vec![plain(ObjectKind::Type, from_parts(&strings(&statement.type_name)))]
        }
        NodeEnum::CreateRangeStmt(statement) => {
            vec![plain(ObjectKind::Type, from_parts(&strings(&statement.type_name)))]
        }
        NodeEnum::CompositeTypeStmt(statement) => {
            vec![plain(ObjectKind::Type, named(statement.typevar.as_ref()))]
        }
        NodeEnum::CreateDomainStmt(statement) => {
            vec![plain(ObjectKind::Domain, from_parts(&strings(&statement.domainname)))]
        }
        NodeEnum::CreateSeqStmt(statement) => {
            vec![plain(ObjectKind::Sequence, named(statement.sequence.as_ref()))]
        }
        NodeEnum::CreateFunctionStmt(statement) => vec![Effect::Create {
            kind: ObjectKind::Routine,
            name: from_parts(&strings(&statement.funcname)),
            replace: statement.replace,
            reads: Vec::new(),
        }],
        NodeEnum::CreateSchemaStmt(statement) => {
            let mut effects = vec![plain(ObjectKind::Schema, RelationName::bare(&statement.schemaname))];
            for element in statement.schema_elts.iter().filter_map(|element| element.node.as_ref()) {
                effects.extend(super::describe(element, "CREATE SCHEMA element"));
            }
            effects
        }
        NodeEnum::CreateExtensionStmt(statement) => {
            vec![plain(ObjectKind::Extension, RelationName::bare(&statement.extname))]
        }
        NodeEnum::CreateRoleStmt(statement) => {
            vec![plain(ObjectKind::Role, RelationName::bare(&statement.role))]
        }
        NodeEnum::CreateTrigStmt(statement) => vec![Effect::CreateTrigger {
            table: named(statement.relation.as_ref()),
            trigger: Name::new(&statement.trigname),
        }],
        NodeEnum::CreatePolicyStmt(statement) => {
            vec![Effect::Policy { table: named(statement.table.as_ref()) }]
        }
        NodeEnum::AlterPolicyStmt(statement) => {
            vec![Effect::Policy { table: named(statement.table.as_ref()) }]
        }
        NodeEnum::RuleStmt(statement) => vec![Effect::Rule { table: named(statement.relation.as_ref()) }],
        NodeEnum::CreateStatsStmt(statement) => registered(relations(&statement.relations)),
        NodeEnum::CreatePublicationStmt(statement) => registered(published(&statement.pubobjects)),
        NodeEnum::AlterPublicationStmt(statement) => registered(published(&statement.pubobjects)),
        NodeEnum::DefineStmt(statement) => vec![plain(
            match statement.kind() {
                ObjectType::ObjectType => ObjectKind::Type,
                ObjectType::ObjectAggregate => ObjectKind::Routine,
                _ => ObjectKind::Other,
            },
            from_parts(&strings(&statement.defnames)),
        )],
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

/// One `Register` for each table, or a change of something that concerns none.
fn registered(tables: Vec<RelationName>) -> Vec<Effect> {
    if tables.is_empty() {
        return vec![Effect::Alter { kind: ObjectKind::Other, name: RelationName::bare("") }];
    }
    tables.into_iter().map(|table| Effect::Register { table }).collect()
}

fn published(objects: &[Node]) -> Vec<RelationName> {
    objects
        .iter()
        .filter_map(|object| match &object.node {
            Some(NodeEnum::PublicationObjSpec(object)) => {
                object.pubtable.as_ref().and_then(|table| table.relation.as_ref()).map(relation)
            }
            _ => None,
        })
        .collect()
}

fn create_table(statement: &CreateStmt) -> CreateTable {
    let table = named(statement.relation.as_ref());
    let mut references = Vec::new();
    let mut like = Vec::new();
    let parents = relations(&statement.inh_relations);
    let elements = statement.table_elts.iter().chain(&statement.constraints);
    for element in elements.filter_map(|element| element.node.as_ref()) {
        match element {
            NodeEnum::ColumnDef(column) => {
                references.extend(column.constraints.iter().filter_map(referenced));
            }
            NodeEnum::Constraint(constraint) => references.extend(constraint.pktable.as_ref().map(relation)),
            NodeEnum::TableLikeClause(clause) => like.extend(clause.relation.as_ref().map(relation)),
            _ => {}
        }
    }
    references.retain(|referenced| *referenced != table);
    references.sort();
    references.dedup();
    let partition = statement.partbound.is_some();
    CreateTable {
        table,
        references,
        partition_of: if partition { parents.first().cloned() } else { None },
        inherits: if partition { Vec::new() } else { parents },
        like,
        if_not_exists: statement.if_not_exists,
        partitioned: statement.partspec.is_some(),
        temporary: is_temporary(statement.relation.as_ref()),
    }
}

/// `TEMP` and `TEMPORARY` are the letter `t` in the grammar's tree.
pub(super) fn is_temporary(relation: Option<&RangeVar>) -> bool {
    relation.is_some_and(|relation| relation.relpersistence == "t")
}

fn referenced(node: &Node) -> Option<RelationName> {
    match &node.node {
        Some(NodeEnum::Constraint(constraint)) => constraint.pktable.as_ref().map(relation),
        _ => None,
    }
}

/// What a `CREATE INDEX` asks for.
pub(crate) fn create_index(statement: &IndexStmt) -> CreateIndex {
    CreateIndex {
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

/// What an `ADD COLUMN` asks for.
pub(super) fn added_column(table: &RelationName, definition: &ColumnDef, if_not_exists: bool) -> AddColumn {
    let column = Name::new(&definition.colname);
    let serial = definition.type_name.as_ref().and_then(serial);
    let mut default = serial.unwrap_or(ColumnDefault::None);
    let mut not_null = serial.is_some();
    let mut constraints = Vec::new();
    for added in definition.constraints.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(added)) => Some(added),
        _ => None,
    }) {
        match added.contype() {
            ConstrType::ConstrNotnull => not_null = true,
            ConstrType::ConstrDefault => {
                default = if added.raw_expr.as_deref().is_none_or(is_null) {
                    ColumnDefault::None
                } else if Contents::of(&added.raw_expr).is_volatile() {
                    ColumnDefault::Volatile
                } else {
                    ColumnDefault::Constant
                };
            }
            ConstrType::ConstrIdentity => {
                default = ColumnDefault::Identity;
                not_null = true;
            }
            // The grammar writes `s` for STORED and `v` for VIRTUAL, which 18 takes when neither is said.
            ConstrType::ConstrGenerated if added.generated_kind == "v" => default = ColumnDefault::Virtual,
            ConstrType::ConstrGenerated => default = ColumnDefault::Stored,
            ConstrType::ConstrPrimary => {
                not_null = true;
                constraints.push(constraint(table, added, Some(&column)));
            }
            ConstrType::ConstrCheck
            | ConstrType::ConstrUnique
            | ConstrType::ConstrForeign
            | ConstrType::ConstrExclusion => constraints.push(constraint(table, added, Some(&column))),
            ConstrType::Undefined
            | ConstrType::ConstrNull
            | ConstrType::ConstrAttrDeferrable
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrDeferred
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced
            | ConstrType::ConstrAttrNotEnforced => {}
        }
    }
    let to = match &definition.type_name {
        Some(name) => type_text(name),
        None => TypeText { text: String::new(), user_defined: None },
    };
    AddColumn { table: table.clone(), column, to, not_null, default, constraints, if_not_exists }
}

/// `DEFAULT NULL` is no default.
fn is_null(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => constant.isnull,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_null),
        _ => false,
    }
}

/// What a constraint asks for; `beside` is the column that it was written beside.
pub(crate) fn constraint(table: &RelationName, added: &Constraint, beside: Option<&Name>) -> AddConstraint {
    let kind = match added.contype() {
        ConstrType::ConstrForeign => ConstraintKind::ForeignKey { references: named(added.pktable.as_ref()) },
        ConstrType::ConstrUnique => ConstraintKind::Unique,
        ConstrType::ConstrPrimary => ConstraintKind::PrimaryKey,
        ConstrType::ConstrExclusion => ConstraintKind::Exclude,
        ConstrType::ConstrNotnull => ConstraintKind::NotNull,
        _ => ConstraintKind::Check,
    };
    let columns = match (&kind, beside) {
        (ConstraintKind::Check, _) => {
            Contents::of(&added.raw_expr).columns.into_iter().map(Name::new).collect()
        }
        (_, Some(column)) => vec![column.clone()],
        (ConstraintKind::ForeignKey { .. }, None) => names(&added.fk_attrs),
        (_, None) => names(&added.keys),
    };
    let enforceable = matches!(kind, ConstraintKind::Check | ConstraintKind::ForeignKey { .. });
    AddConstraint {
        table: table.clone(),
        name: (!added.conname.is_empty()).then(|| Name::new(&added.conname)),
        columns,
        including: names(&added.including),
        not_valid: added.skip_validation,
        not_enforced: enforceable && !added.is_enforced,
        using_index: (!added.indexname.is_empty()).then(|| Name::new(&added.indexname)),
        kind,
    }
}
