//! From a changed parse tree back to SQL, by PostgreSQL's own grammar in reverse. No text of a user
//! is ever searched and replaced.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, Node, RangeVar};
use underpin_catalog::Sql;

use crate::twin::NoTwin;

/// The statement as SQL.
pub(crate) fn statement(node: NodeEnum) -> Result<Sql, NoTwin> {
    node.deparse(pg_query::DeparseOptions::default()).map(Sql::verbatim).map_err(|error| {
        NoTwin::because(format!("the statement cannot be written in another form ({error})"))
    })
}

/// `ALTER TABLE` with these actions.
pub(crate) fn alter_table(table: &RangeVar, commands: Vec<AlterTableCmd>) -> Result<Sql, NoTwin> {
    statement(NodeEnum::AlterTableStmt(AlterTableStmt {
        relation: Some(table.clone()),
        cmds: commands.into_iter().map(|command| node(NodeEnum::AlterTableCmd(Box::new(command)))).collect(),
        objtype: pg_query::protobuf::ObjectType::ObjectTable.into(),
        missing_ok: false,
    }))
}

/// A node around its content.
pub(crate) fn node(content: NodeEnum) -> Node {
    Node { node: Some(content) }
}

/// A string node.
pub(crate) fn string(text: &str) -> Node {
    node(NodeEnum::String(pg_query::protobuf::String { sval: text.to_owned() }))
}
