//! The steps of a twin as statements that stand in files, for anybody to execute.
//!
//! A check that proves a column NOT NULL has another name there. Under its own name `deploy` takes it for
//! what an earlier try left behind, and proves the column once more; in a file it is a check like any other,
//! and the `SET NOT NULL` behind it an instant.

use pg_query::protobuf::node::Node as NodeEnum;

use crate::names::proof_in_file;
use crate::render;
use crate::step::{Action, Step};

/// What a step executes, and what it is for.
pub fn in_file(step: &Step) -> (String, String) {
    let sql = match &step.action {
        Action::Execute { sql } | Action::BuildIndex { sql, .. } => sql.as_str().to_owned(),
        Action::Batches(batches) => batches.in_one().as_str().to_owned(),
    };
    match renamed(&sql) {
        Some((renamed, from, to)) => (renamed, step.intent.replace(&from, &to)),
        // Who executes a file knows no batches.
        None => (sql, step.intent.strip_suffix(" in batches").unwrap_or(&step.intent).to_owned()),
    }
}

/// The statement with the check's other name, if it is about such a check; and both names.
fn renamed(sql: &str) -> Option<(String, String, String)> {
    let statement = crate::read(sql).ok()?.into_iter().next()?;
    let NodeEnum::AlterTableStmt(alter) = statement.node.as_ref() else { return None };
    let mut alter = alter.clone();
    let mut names = None;
    for node in &mut alter.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &mut node.node else { continue };
        let added = match command.def.as_mut().and_then(|node| node.node.as_mut()) {
            Some(NodeEnum::Constraint(constraint)) => Some(&mut constraint.conname),
            _ => None,
        };
        for name in [Some(&mut command.name), added].into_iter().flatten() {
            if let Some(other) = proof_in_file(name) {
                names = Some((std::mem::replace(name, other.clone()), other));
            }
        }
    }
    let (from, to) = names?;
    let sql = render::statement(NodeEnum::AlterTableStmt(alter)).ok()?;
    Some((sql.as_str().to_owned(), from, to))
}
