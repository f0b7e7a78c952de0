//! What the body of a function names: the relations and columns that must be there when it is called.

use std::collections::BTreeSet;

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{CreateFunctionStmt, Node};
use underpin_catalog::{Name, RelationName};

use super::composed::{Composed, composed};
use super::plpgsql::{self, PieceKind};
use super::statements::beginning;
use super::{catalogs, in_language, string_option, unreadable};
use crate::effect::{Binding, BodyRead, RoutineBody};
use crate::expression::Contents;
use crate::parser;

/// What the body names, as far as its text tells.
pub(in crate::describe) fn routine_body(statement: &CreateFunctionStmt) -> RoutineBody {
    let mut body = RoutineBody::default();
    let mut variables: BTreeSet<String> = statement.parameters.iter().filter_map(parameter).collect();
    if let Some(sql) = &statement.sql_body {
        body.binding = Binding::Bound;
        add(&mut body, sql.as_ref(), &variables);
        return body;
    }
    let Some(source) = string_option(&statement.options, "as") else { return body };
    match string_option(&statement.options, "language").unwrap_or("sql") {
        "sql" => {
            body.binding = Binding::Checked;
            add_sql(&mut body, source, &variables);
        }
        "plpgsql" => match plpgsql::read(source) {
            Ok(read) => {
                variables.extend(read.variables.iter().cloned());
                variables.extend(["new", "old", "excluded"].map(str::to_owned));
                for piece in &read.pieces {
                    match piece.kind {
                        PieceKind::Leave => {}
                        // Without a sub-select nothing in it is a column.
                        PieceKind::Expression if !(names_tables(&piece.words)) => {}
                        PieceKind::Expression | PieceKind::Statement => {
                            add_sql(&mut body, &piece.sql, &variables);
                        }
                        PieceKind::Execute => match composed(&piece.sql) {
                            Composed::Constant(text) => add_sql(&mut body, &text, &variables),
                            Composed::Begins(words) => body
                                .opaque
                                .push(format!("EXECUTE of a statement that begins with \"{words}\"")),
                            Composed::Unknown => {
                                body.opaque.push("EXECUTE of a statement that it composes".to_owned());
                            }
                        },
                    }
                }
                body.row_columns = read.row_columns.iter().map(Name::new).collect();
            }
            Err(refused) => body.opaque.push(unreadable(source, &refused)),
        },
        language => body.opaque.push(in_language(language)),
    }
    body.opaque.dedup();
    body
}

fn parameter(node: &Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::FunctionParameter(parameter)) if !parameter.name.is_empty() => {
            Some(parameter.name.clone())
        }
        _ => None,
    }
}

fn names_tables(words: &BTreeSet<String>) -> bool {
    words.contains("from") || words.contains("table")
}

fn add_sql(body: &mut RoutineBody, sql: &str, variables: &BTreeSet<String>) {
    let Ok(parsed) = parser::parse(sql) else {
        body.opaque.push(format!("a statement that cannot be read, \"{}\"", beginning(sql)));
        return;
    };
    for raw in &parsed.protobuf.stmts {
        add(body, &raw.stmt, variables);
    }
}

/// What a statement names, without what belongs to variables: PL/pgSQL refuses what could be a variable
/// and a column (42702).
fn add<T: serde::Serialize>(body: &mut RoutineBody, tree: &T, variables: &BTreeSet<String>) {
    let contents = Contents::of(tree);
    let own = |relation: &&RelationName| !catalogs::contains(relation);
    let relations: Vec<_> = contents.relations.iter().filter(own).cloned().collect();
    if relations.is_empty() {
        return;
    }
    let read = contents
        .columns
        .iter()
        .filter(|(table, column)| !variables.contains(table.as_ref().unwrap_or(column)));
    let columns: BTreeSet<_> = read.map(|(_, column)| column).chain(&contents.targets).collect();
    body.reads.push(BodyRead {
        relations,
        written: contents.written.into_iter().collect(),
        columns: columns.into_iter().map(Name::new).collect(),
    });
}
