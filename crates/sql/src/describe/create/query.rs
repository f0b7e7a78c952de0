//! `CREATE VIEW` and `CREATE TABLE … AS`: what stands for a query, and what of that query it depends on.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{CreateTableAsStmt, Node, ObjectType, ViewStmt};
use underpin_catalog::Name;

use super::table::persistence;
use crate::describe::tree::{named, names};
use crate::effect::{CreateView, Effect};
use crate::expression::Contents;

/// A table that is filled at once, or a materialized view: the grammar has one statement for both.
pub(super) fn create_table_as(statement: &CreateTableAsStmt) -> Effect {
    let into = statement.into.as_ref();
    let range = into.and_then(|into| into.rel.as_ref());
    let contents = Contents::of(&statement.query);
    if statement.objtype() == ObjectType::ObjectMatview {
        Effect::CreateView(CreateView {
            view: named(range),
            materialized: true,
            replace: false,
            if_not_exists: statement.if_not_exists,
            with_data: into.is_none_or(|into| !into.skip_data),
            columns: named_columns(&contents),
            flat: is_flat(statement.query.as_deref(), &contents),
            outputs: into.and_then(|into| outputs(&into.col_names, statement.query.as_deref())),
            reads: contents.relations.into_iter().collect(),
        })
    } else {
        Effect::CreateTableAs {
            table: named(range),
            reads: contents.relations.into_iter().collect(),
            persistence: persistence(range),
            with_data: into.is_none_or(|into| !into.skip_data),
        }
    }
}

/// What a `CREATE VIEW` asks for.
pub(super) fn create_view(statement: &ViewStmt) -> CreateView {
    let contents = Contents::of(&statement.query);
    CreateView {
        view: named(statement.view.as_ref()),
        materialized: false,
        replace: statement.replace,
        if_not_exists: false,
        with_data: true,
        columns: named_columns(&contents),
        flat: is_flat(statement.query.as_deref(), &contents),
        outputs: outputs(&statement.aliases, statement.query.as_deref()),
        reads: contents.relations.into_iter().collect(),
    }
}

/// The columns that a query names, unless a star makes them all.
fn named_columns(contents: &Contents) -> Option<Vec<Name>> {
    (!contents.star).then(|| contents.column_names().into_iter().collect())
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
