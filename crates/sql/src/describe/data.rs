//! Statements about rows.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, Node, OnConflictAction, WithClause};
use underpin_catalog::{Name, RelationName};

use super::create::persistence;
use super::program;
use super::tree::{from_parts, named, strings};
use crate::effect::{ChangeRows, Effect, Rows};
use crate::expression::Contents;

pub(super) fn describe(node: &NodeEnum, text: &str) -> Option<Vec<Effect>> {
    let reads = |table: &RelationName| -> Vec<RelationName> {
        Contents::of(node).relations.into_iter().filter(|read| read != table).collect()
    };
    Some(match node {
        NodeEnum::SelectStmt(statement) => {
            let found = Contents::of(statement);
            if let Some(into) = &statement.into_clause {
                let table = named(into.rel.as_ref());
                let reads = found.relations.into_iter().filter(|read| *read != table).collect();
                let persistence = persistence(into.rel.as_ref());
                return Some(vec![Effect::CreateTableAs {
                    table,
                    reads,
                    persistence,
                    with_data: !into.skip_data,
                }]);
            }
            with_changes(
                statement.with_clause.as_ref(),
                text,
                Effect::Select {
                    calls: found.unknown_functions(),
                    locks_rows: found.locks_rows,
                    rows: rows(statement.where_clause.as_deref()),
                    sequences: found.sequences(),
                    reads: found.relations.into_iter().filter(|read| !found.written.contains(read)).collect(),
                },
            )
        }
        NodeEnum::InsertStmt(statement) => {
            let table = named(statement.relation.as_ref());
            with_changes(
                statement.with_clause.as_ref(),
                text,
                Effect::Insert {
                    columns: columns_of(&statement.cols),
                    arbitrates: statement.on_conflict_clause.as_ref().is_some_and(|clause| {
                        clause.action() == OnConflictAction::OnconflictUpdate || clause.infer.is_some()
                    }),
                    reads: reads(&table),
                    table,
                },
            )
        }
        NodeEnum::UpdateStmt(statement) => {
            let table = named(statement.relation.as_ref());
            with_changes(
                statement.with_clause.as_ref(),
                text,
                Effect::Update(ChangeRows {
                    columns: columns_of(&statement.target_list),
                    rows: rows(statement.where_clause.as_deref()),
                    reads: reads(&table),
                    table,
                }),
            )
        }
        NodeEnum::DeleteStmt(statement) => {
            let table = named(statement.relation.as_ref());
            with_changes(
                statement.with_clause.as_ref(),
                text,
                Effect::Delete(ChangeRows {
                    columns: Vec::new(),
                    rows: rows(statement.where_clause.as_deref()),
                    reads: reads(&table),
                    table,
                }),
            )
        }
        NodeEnum::MergeStmt(statement) => {
            let table = named(statement.relation.as_ref());
            let own = Effect::Merge { reads: reads(&table), table };
            with_changes(statement.with_clause.as_ref(), text, own)
        }
        NodeEnum::CopyStmt(statement) => {
            // Of a query what that does: it may write.
            let query = statement.query.as_ref().and_then(|query| describe(query.node.as_ref()?, text));
            query.unwrap_or_else(|| {
                vec![Effect::Copy {
                    table: statement.relation.as_ref().map(super::tree::relation),
                    writes: statement.is_from,
                }]
            })
        }
        NodeEnum::DoStmt(statement) => vec![Effect::Do(program::read(statement, text))],
        NodeEnum::CallStmt(statement) => vec![Effect::Call {
            procedure: from_parts(
                &statement.funccall.as_ref().map(|call| strings(&call.funcname)).unwrap_or_default(),
            ),
        }],
        _ => return None,
    })
}

/// The changes of data that `WITH` makes, and then the statement's own.
fn with_changes(with: Option<&WithClause>, text: &str, own: Effect) -> Vec<Effect> {
    let queries =
        with.map(|with| with.ctes.as_slice()).unwrap_or_default().iter().filter_map(|cte| match &cte.node {
            Some(NodeEnum::CommonTableExpr(cte)) => cte.ctequery.as_ref()?.node.as_ref(),
            _ => None,
        });
    let changes = queries.filter(|query| !matches!(query, NodeEnum::SelectStmt(_)));
    changes.filter_map(|query| describe(query, text)).flatten().chain([own]).collect()
}

/// The columns that a list of targets names.
fn columns_of(targets: &[Node]) -> Vec<Name> {
    let names = targets.iter().filter_map(|target| match &target.node {
        Some(NodeEnum::ResTarget(target)) => Some(Name::new(&target.name)),
        _ => None,
    });
    names.collect()
}

/// Which rows a condition can reach, as far as its own text tells.
pub(crate) fn rows(condition: Option<&Node>) -> Rows {
    let Some(condition) = condition else { return Rows::All };
    let mut columns = Vec::new();
    collect_constants(condition, &mut columns);
    if columns.is_empty() { Rows::Filtered } else { Rows::Constants(columns) }
}

/// Columns that a conjunction holds to constants: `a = 1 AND b IN ('x', 'y')`.
fn collect_constants(condition: &Node, columns: &mut Vec<Name>) {
    match &condition.node {
        Some(NodeEnum::BoolExpr(expression)) if expression.boolop() == BoolExprType::AndExpr => {
            expression.args.iter().for_each(|argument| collect_constants(argument, columns));
        }
        Some(NodeEnum::AExpr(expression))
            if matches!(expression.kind(), AExprKind::AexprOp | AExprKind::AexprIn)
                && strings(&expression.name) == ["="] =>
        {
            let (Some(left), Some(right)) = (&expression.lexpr, &expression.rexpr) else { return };
            if let (Some(NodeEnum::ColumnRef(reference)), true) = (&left.node, is_constant(right))
                && let Some(column) = strings(&reference.fields).pop()
            {
                columns.push(Name::new(column));
            }
        }
        _ => {}
    }
}

fn is_constant(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_constant),
        Some(NodeEnum::List(list)) => list.items.iter().all(is_constant),
        _ => false,
    }
}
