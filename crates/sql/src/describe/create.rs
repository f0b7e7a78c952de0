//! `CREATE …`.

use std::collections::BTreeSet;

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{
    ColumnDef, ConstrType, Constraint, CreateStmt, IndexStmt, Node, ObjectType, RangeVar,
};
use underpin_catalog::{Name, RelationName};

use super::program::routine_body;
use super::rename::owner;
use super::tree::{from_parts, named, names, relation, relations, strings};
use super::types::{is_serial, type_text};
use crate::effect::{
    AddColumn, AddConstraint, ColumnDefault, ConstraintKind, CreateIndex, CreateTable, CreateTrigger,
    CreateView, Deferral, Effect, ObjectKind, OnDelete, Persistence, PolicyChange, RoutineBody, RunsAs,
    TypeKind, TypeText, Volatility,
};
use crate::expression::Contents;
use crate::predicate::not_null_columns;

pub(super) fn describe(node: &NodeEnum) -> Option<Vec<Effect>> {
    let plain = |kind, name| Effect::Create { kind, name, if_not_exists: false };
    Some(match node {
        NodeEnum::CreateStmt(statement) => vec![Effect::CreateTable(create_table(statement))],
        NodeEnum::CreateForeignTableStmt(statement) => match &statement.base_stmt {
            Some(base) => vec![Effect::CreateTable(create_table(base))],
            None => Vec::new(),
        },
        NodeEnum::CreateTableAsStmt(statement) => {
            let into = statement.into.as_ref();
            let range = into.and_then(|into| into.rel.as_ref());
            let contents = Contents::of(&statement.query);
            if statement.objtype() == ObjectType::ObjectMatview {
                vec![Effect::CreateView(CreateView {
                    view: named(range),
                    materialized: true,
                    replace: false,
                    if_not_exists: statement.if_not_exists,
                    with_data: into.is_none_or(|into| !into.skip_data),
                    columns: named_columns(&contents),
                    flat: is_flat(statement.query.as_deref(), &contents),
                    outputs: into.and_then(|into| outputs(&into.col_names, statement.query.as_deref())),
                    reads: contents.relations.into_iter().collect(),
                })]
            } else {
                vec![Effect::CreateTableAs {
                    table: named(range),
                    reads: contents.relations.into_iter().collect(),
                    persistence: persistence(range),
                    with_data: into.is_none_or(|into| !into.skip_data),
                }]
            }
        }
        NodeEnum::IndexStmt(statement) => vec![Effect::CreateIndex(create_index(statement))],
        NodeEnum::ViewStmt(statement) => {
            let contents = Contents::of(&statement.query);
            vec![Effect::CreateView(CreateView {
                view: named(statement.view.as_ref()),
                materialized: false,
                replace: statement.replace,
                if_not_exists: false,
                with_data: true,
                columns: named_columns(&contents),
                flat: is_flat(statement.query.as_deref(), &contents),
                outputs: outputs(&statement.aliases, statement.query.as_deref()),
                reads: contents.relations.into_iter().collect(),
            })]
        }
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
        NodeEnum::CreateFunctionStmt(statement) => vec![Effect::CreateRoutine {
            name: from_parts(&strings(&statement.funcname)),
            replace: statement.replace,
            volatility: volatility(&statement.options),
            runs_as: runs_as(&statement.options),
            body: routine_body(statement),
        }],
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
            let mut reads = names(&statement.columns);
            reads.extend(read_by(&statement.when_clause));
            vec![Effect::CreateTrigger(CreateTrigger {
                table: named(statement.relation.as_ref()),
                trigger: Name::new(&statement.trigname),
                function: from_parts(&strings(&statement.funcname)),
                replace: statement.replace,
                each_row: statement.row,
                reads,
            })]
        }
        NodeEnum::CreatePolicyStmt(statement) => {
            let mut reads = read_by(&statement.qual);
            reads.extend(read_by(&statement.with_check));
            let table = named(statement.table.as_ref());
            let conditions = statement.qual.iter().chain(&statement.with_check);
            let asks: BTreeSet<_> =
                conditions.flat_map(|condition| Contents::of(condition).relations).collect();
            vec![Effect::Policy {
                policy: Name::new(&statement.policy_name),
                how: PolicyChange::Create {
                    reads,
                    asks: asks.into_iter().filter(|asked| *asked != table).collect(),
                },
                table,
            }]
        }
        NodeEnum::AlterPolicyStmt(statement) => vec![Effect::Policy {
            table: named(statement.table.as_ref()),
            policy: Name::new(&statement.policy_name),
            how: PolicyChange::Alter,
        }],
        NodeEnum::RuleStmt(statement) => {
            let table = named(statement.relation.as_ref());
            let (mut reads, mut writes) = (Vec::new(), Vec::new());
            for action in &statement.actions {
                let target = written(action);
                let others = Contents::of(action).relations.into_iter();
                reads.extend(others.filter(|other| *other != table && Some(other) != target.as_ref()));
                writes.extend(target);
            }
            vec![Effect::Rule { table, reads, writes }]
        }
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

/// One `Register` for each table, or a change of something that concerns none.
fn registered(tables: impl IntoIterator<Item = (RelationName, Vec<Name>)>) -> Vec<Effect> {
    let effects: Vec<_> =
        tables.into_iter().map(|(table, reads)| Effect::Register { table, reads }).collect();
    if effects.is_empty() {
        return vec![Effect::Alter { kind: ObjectKind::Other, name: RelationName::bare("") }];
    }
    effects
}

/// The tables of a publication, with the columns that pick their rows.
fn published(objects: &[Node]) -> Vec<(RelationName, Vec<Name>)> {
    objects
        .iter()
        .filter_map(|object| match &object.node {
            Some(NodeEnum::PublicationObjSpec(object)) => {
                let published = object.pubtable.as_ref()?;
                let mut reads = read_by(&published.where_clause);
                reads.extend(names(&published.columns));
                Some((published.relation.as_ref().map(relation)?, reads))
            }
            _ => None,
        })
        .collect()
}

/// The columns that an expression reads.
fn read_by<T: serde::Serialize>(expression: &Option<T>) -> Vec<Name> {
    match expression {
        Some(expression) => Contents::of(expression).column_names().into_iter().collect(),
        None => Vec::new(),
    }
}

/// The columns that a query names, unless a star makes them all.
fn named_columns(contents: &Contents) -> Option<Vec<Name>> {
    (!contents.star).then(|| contents.column_names().into_iter().collect())
}

/// The table that an action of a rule writes.
fn written(action: &Node) -> Option<RelationName> {
    let range = match action.node.as_ref()? {
        NodeEnum::InsertStmt(statement) => statement.relation.as_ref(),
        NodeEnum::UpdateStmt(statement) => statement.relation.as_ref(),
        NodeEnum::DeleteStmt(statement) => statement.relation.as_ref(),
        _ => None,
    };
    range.map(relation)
}

/// `SECURITY DEFINER`, and `SET search_path` beside it.
fn runs_as(options: &[Node]) -> RunsAs {
    let option = |name: &'static str| {
        options.iter().filter_map(move |option| match &option.node {
            Some(NodeEnum::DefElem(option)) if option.defname == name => option.arg.as_ref()?.node.as_ref(),
            _ => None,
        })
    };
    let is_owner = option("security").any(|value| matches!(value, NodeEnum::Boolean(set) if set.boolval));
    let has_search_path = option("set")
        .any(|value| matches!(value, NodeEnum::VariableSetStmt(set) if set.name == "search_path"));
    if is_owner { RunsAs::Owner { has_search_path } } else { RunsAs::Caller }
}

/// `IMMUTABLE` or `STABLE`; `VOLATILE` is also what PostgreSQL takes when nothing is said.
fn volatility(options: &[Node]) -> Volatility {
    let said = options.iter().find_map(|option| match &option.node {
        Some(NodeEnum::DefElem(option)) if option.defname == "volatility" => {
            match option.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
                Some(NodeEnum::String(word)) => Some(word.sval.as_str()),
                _ => None,
            }
        }
        _ => None,
    });
    match said {
        Some("immutable") => Volatility::Immutable,
        Some("stable") => Volatility::Stable,
        _ => Volatility::Volatile,
    }
}

fn create_table(statement: &CreateStmt) -> CreateTable {
    let table = named(statement.relation.as_ref());
    let mut references = Vec::new();
    let mut like = Vec::new();
    let mut columns = Vec::new();
    let mut constraints = Vec::new();
    let parents = relations(&statement.inh_relations);
    let elements = statement.table_elts.iter().chain(&statement.constraints);
    for element in elements.filter_map(|element| element.node.as_ref()) {
        match element {
            NodeEnum::ColumnDef(column) => {
                references.extend(column.constraints.iter().filter_map(referenced));
                columns.push(added_column(&table, column, false));
            }
            NodeEnum::Constraint(added) => {
                references.extend(added.pktable.as_ref().map(relation));
                constraints.push(constraint(&table, added, None));
            }
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
        access_method: (!statement.access_method.is_empty()).then(|| Name::new(&statement.access_method)),
        partition_key: statement
            .partspec
            .iter()
            .flat_map(|spec| &spec.part_params)
            .filter_map(key_column)
            .collect(),
        default_partition: statement.partbound.as_ref().is_some_and(|bound| bound.is_default),
        persistence: persistence(statement.relation.as_ref()),
        columns,
        constraints,
    }
}

/// A column of a partition key; an expression has no name.
fn key_column(node: &Node) -> Option<Name> {
    match &node.node {
        Some(NodeEnum::PartitionElem(element)) if !element.name.is_empty() => Some(Name::new(&element.name)),
        _ => None,
    }
}

/// Whether a query reads nothing but relations, side by side.
fn is_flat(query: Option<&Node>, contents: &Contents) -> bool {
    fn reads_relations(node: &Node) -> bool {
        match &node.node {
            Some(NodeEnum::RangeVar(_)) => true,
            Some(NodeEnum::JoinExpr(join)) => {
                join.larg.as_deref().is_some_and(reads_relations)
                    && join.rarg.as_deref().is_some_and(reads_relations)
            }
            _ => false,
        }
    }
    match query.map(|query| &query.node) {
        Some(Some(NodeEnum::SelectStmt(select))) => {
            !contents.subselect
                && select.with_clause.is_none()
                && select.larg.is_none()
                && select.from_clause.iter().all(reads_relations)
        }
        _ => false,
    }
}

/// The columns that a view will have, where its text names each of them.
fn outputs(aliases: &[Node], query: Option<&Node>) -> Option<Vec<Name>> {
    let mut select = match query.map(|query| &query.node) {
        Some(Some(NodeEnum::SelectStmt(select))) => select.as_ref(),
        _ => return None,
    };
    // The first branch of a UNION names its columns.
    while let Some(first) = select.larg.as_deref() {
        select = first;
    }
    let mut columns: Vec<Name> = select.target_list.iter().map(output).collect::<Option<_>>()?;
    for (column, alias) in columns.iter_mut().zip(names(aliases)) {
        *column = alias;
    }
    (!columns.is_empty()).then_some(columns)
}

fn output(target: &Node) -> Option<Name> {
    let Some(NodeEnum::ResTarget(target)) = &target.node else { return None };
    if !target.name.is_empty() {
        return Some(Name::new(&target.name));
    }
    match target.val.as_ref().and_then(|value| value.node.as_ref()) {
        Some(NodeEnum::ColumnRef(reference)) => match reference.fields.last().map(|field| &field.node) {
            Some(Some(NodeEnum::String(text))) => Some(Name::new(&text.sval)),
            _ => None,
        },
        _ => None,
    }
}

/// The letters of the grammar's tree: `t` for `TEMP` and `TEMPORARY`, `u` for `UNLOGGED`.
pub(super) fn persistence(relation: Option<&RangeVar>) -> Persistence {
    match relation.map(|relation| relation.relpersistence.as_str()) {
        Some("t") => Persistence::Temporary,
        Some("u") => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}

fn referenced(node: &Node) -> Option<RelationName> {
    match &node.node {
        Some(NodeEnum::Constraint(constraint)) => constraint.pktable.as_ref().map(relation),
        _ => None,
    }
}

/// What a `CREATE INDEX` asks for.
pub(crate) fn create_index(statement: &IndexStmt) -> CreateIndex {
    let mut reads = BTreeSet::new();
    for param in statement.index_params.iter().chain(&statement.index_including_params) {
        match &param.node {
            Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => {
                reads.insert(Name::new(&element.name));
            }
            Some(NodeEnum::IndexElem(element)) => reads.extend(read_by(&element.expr)),
            _ => {}
        }
    }
    reads.extend(read_by(&statement.where_clause));
    CreateIndex {
        reads: reads.into_iter().collect(),
        method: statement.access_method.clone(),
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
    let serial = definition.type_name.as_ref().is_some_and(is_serial);
    let mut default = if serial { ColumnDefault::Serial } else { ColumnDefault::None };
    let mut not_null = serial;
    let mut constraints: Vec<AddConstraint> = Vec::new();
    let mut reads = Vec::new();
    let mut sequences = Vec::new();
    for added in definition.constraints.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(added)) => Some(added),
        _ => None,
    }) {
        match added.contype() {
            ConstrType::ConstrNotnull => not_null = true,
            ConstrType::ConstrDefault => {
                default = match added.raw_expr.as_deref() {
                    None => ColumnDefault::None,
                    Some(expression) if is_null(expression) => ColumnDefault::None,
                    Some(expression) => {
                        sequences = Contents::of(expression).sequences();
                        values_of(expression)
                    }
                };
            }
            ConstrType::ConstrIdentity => {
                default = ColumnDefault::Identity;
                not_null = true;
            }
            // The grammar writes `s` for STORED and `v` for VIRTUAL, which 18 takes when neither is said.
            ConstrType::ConstrGenerated => {
                reads = read_by(&added.raw_expr);
                default = match added.generated_kind.as_str() {
                    "v" => ColumnDefault::Virtual,
                    _ => ColumnDefault::Stored,
                };
            }
            ConstrType::ConstrPrimary => {
                not_null = true;
                constraints.push(constraint(table, added, Some(&column)));
            }
            ConstrType::ConstrCheck
            | ConstrType::ConstrUnique
            | ConstrType::ConstrForeign
            | ConstrType::ConstrExclusion => constraints.push(constraint(table, added, Some(&column))),
            // Beside a column the grammar hands out what is said of a constraint as constraints of their own,
            // each about the one before it.
            ConstrType::ConstrAttrDeferrable => {
                if let Some(last) = constraints.last_mut().filter(|last| last.deferral == Deferral::Never) {
                    last.deferral = Deferral::Possible;
                }
            }
            ConstrType::ConstrAttrDeferred => {
                if let Some(last) = constraints.last_mut() {
                    last.deferral = Deferral::Initially;
                }
            }
            ConstrType::ConstrAttrNotEnforced => {
                if let Some(last) = constraints.last_mut() {
                    last.not_enforced = true;
                }
            }
            ConstrType::Undefined
            | ConstrType::ConstrNull
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced => {}
        }
    }
    let to = match &definition.type_name {
        Some(name) => type_text(name),
        None => TypeText::unknown(),
    };
    AddColumn {
        table: table.clone(),
        column,
        to,
        not_null,
        default,
        constraints,
        if_not_exists,
        reads,
        sequences,
    }
}

/// What rows that are there get from a default.
fn values_of(expression: &Node) -> ColumnDefault {
    let contents = Contents::of(expression);
    if contents.is_known_volatile() {
        return ColumnDefault::Volatile;
    }
    let calls: Vec<_> = contents.user_functions().collect();
    if calls.is_empty() { ColumnDefault::Constant } else { ColumnDefault::Calls(calls) }
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
        ConstrType::ConstrForeign => ConstraintKind::ForeignKey {
            references: named(added.pktable.as_ref()),
            columns: names(&added.pk_attrs),
            on_delete: match added.fk_del_action.as_str() {
                "c" => OnDelete::Cascade,
                "n" => OnDelete::SetNull,
                "d" => OnDelete::SetDefault,
                _ => OnDelete::Refuse,
            },
        },
        ConstrType::ConstrUnique => ConstraintKind::Unique,
        ConstrType::ConstrPrimary => ConstraintKind::PrimaryKey,
        ConstrType::ConstrExclusion => ConstraintKind::Exclude,
        ConstrType::ConstrNotnull => ConstraintKind::NotNull,
        _ => ConstraintKind::Check,
    };
    let columns = match (&kind, beside) {
        (ConstraintKind::Check, _) => read_by(&added.raw_expr),
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
        no_inherit: added.is_no_inherit,
        deferral: match (added.deferrable, added.initdeferred) {
            (_, true) => Deferral::Initially,
            (true, false) => Deferral::Possible,
            (false, false) => Deferral::Never,
        },
        proves_not_null: match &kind {
            ConstraintKind::Check => added.raw_expr.as_deref().map(not_null_columns).unwrap_or_default(),
            _ => Vec::new(),
        },
        kind,
    }
}
