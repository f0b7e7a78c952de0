//! What is made on a table that is there: triggers, policies, rules, and the lists that a publication or
//! extended statistics put it on.

use std::collections::BTreeSet;

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{CreatePolicyStmt, CreateTrigStmt, Node, RuleStmt};
use underpin_catalog::{Name, RelationName};

use crate::describe::tree::{from_parts, named, names, read_by, relation, strings};
use crate::effect::{CreateTrigger, Effect, ObjectKind, PolicyChange};
use crate::expression::Contents;

/// What a `CREATE TRIGGER` asks for.
pub(super) fn create_trigger(statement: &CreateTrigStmt) -> CreateTrigger {
    let mut reads = names(&statement.columns);
    reads.extend(read_by(&statement.when_clause));
    CreateTrigger {
        table: named(statement.relation.as_ref()),
        trigger: Name::new(&statement.trigname),
        function: from_parts(&strings(&statement.funcname)),
        from: statement.constrrel.as_ref().map(relation),
        replace: statement.replace,
        each_row: statement.row,
        reads,
    }
}

/// A policy, with what its conditions read of the table and ask of others.
pub(super) fn create_policy(statement: &CreatePolicyStmt) -> Effect {
    let mut reads = read_by(&statement.qual);
    reads.extend(read_by(&statement.with_check));
    let table = named(statement.table.as_ref());
    let conditions = statement.qual.iter().chain(&statement.with_check);
    let asks: BTreeSet<_> = conditions.flat_map(|condition| Contents::of(condition).relations).collect();
    Effect::Policy {
        policy: Name::new(&statement.policy_name),
        how: PolicyChange::Create { reads, asks: asks.into_iter().filter(|asked| *asked != table).collect() },
        table,
    }
}

/// A rule, with the other relations that its actions read and write.
pub(super) fn create_rule(statement: &RuleStmt) -> Effect {
    let table = named(statement.relation.as_ref());
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for action in &statement.actions {
        let target = written(action);
        let others = Contents::of(action).relations.into_iter();
        reads.extend(others.filter(|other| *other != table && Some(other) != target.as_ref()));
        writes.extend(target);
    }
    Effect::Rule { table, reads, writes }
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

/// One `Register` for each table, or a change of something that concerns none.
pub(super) fn registered(tables: impl IntoIterator<Item = (RelationName, Vec<Name>)>) -> Vec<Effect> {
    let effects: Vec<_> =
        tables.into_iter().map(|(table, reads)| Effect::Register { table, reads }).collect();
    if effects.is_empty() {
        return vec![Effect::Alter { kind: ObjectKind::Other, name: RelationName::bare("") }];
    }
    effects
}

/// The tables of a publication, with the columns that pick their rows.
pub(super) fn published(objects: &[Node]) -> Vec<(RelationName, Vec<Name>)> {
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
