//! Reading names out of parse-tree nodes.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{Node, RangeVar};
use underpin_catalog::{Name, RelationName};

use crate::expression::Contents;

/// A relation as the statement names it. A database name before it (`db.schema.table`) can only be
/// the current one and says nothing.
pub(crate) fn relation(range: &RangeVar) -> RelationName {
    if range.schemaname.is_empty() {
        RelationName::bare(&range.relname)
    } else {
        RelationName::qualified(&range.schemaname, &range.relname)
    }
}

/// The relation, or one without a name where the grammar guarantees that there is one.
pub(crate) fn named(range: Option<&RangeVar>) -> RelationName {
    range.map_or_else(|| RelationName::bare(""), relation)
}

/// The strings of a list of string nodes.
pub(crate) fn strings(nodes: &[Node]) -> Vec<String> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::String(text)) => Some(text.sval.clone()),
            _ => None,
        })
        .collect()
}

/// The names of a list of string nodes.
pub(crate) fn names(nodes: &[Node]) -> Vec<Name> {
    strings(nodes).into_iter().map(Name::new).collect()
}

/// An object's name from its parts: the last is its own, the one before its namespace.
pub(crate) fn from_parts(parts: &[String]) -> RelationName {
    match parts {
        [] => RelationName::bare(""),
        [name] => RelationName::bare(name),
        [.., namespace, name] => RelationName::qualified(namespace, name),
    }
}

/// The name of any object that a `DROP`, `COMMENT` or `RENAME` names.
pub(crate) fn object(node: &Node) -> RelationName {
    match &node.node {
        Some(NodeEnum::List(list)) => from_parts(&strings(&list.items)),
        Some(NodeEnum::TypeName(name)) => from_parts(&strings(&name.names)),
        Some(NodeEnum::ObjectWithArgs(object)) => from_parts(&strings(&object.objname)),
        Some(NodeEnum::String(text)) => RelationName::bare(&text.sval),
        Some(NodeEnum::RangeVar(range)) => relation(range),
        _ => RelationName::bare(""),
    }
}

/// The strings of an object's name, for objects that belong to a table: the last names the object
/// (a trigger, a policy, a column), the ones before it the table.
pub(crate) fn owned_object(node: &Node) -> (RelationName, Name) {
    let parts = match &node.node {
        Some(NodeEnum::List(list)) => strings(&list.items),
        _ => Vec::new(),
    };
    match parts.split_last() {
        Some((own, table)) => (from_parts(table), Name::new(own)),
        None => (RelationName::bare(""), Name::new("")),
    }
}

/// The relations of a list of range nodes.
pub(crate) fn relations(nodes: &[Node]) -> Vec<RelationName> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RangeVar(range)) => Some(relation(range)),
            _ => None,
        })
        .collect()
}

/// The columns that an expression reads.
pub(crate) fn read_by<T: serde::Serialize>(expression: &Option<T>) -> Vec<Name> {
    match expression {
        Some(expression) => Contents::of(expression).column_names().into_iter().collect(),
        None => Vec::new(),
    }
}

/// Whether an option list (`VACUUM (FULL, ANALYZE off)`) switches `name` on.
pub(crate) fn option_is_on(options: &[Node], name: &str) -> bool {
    options.iter().any(|option| match &option.node {
        Some(NodeEnum::DefElem(option)) if option.defname == name => {
            match option.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
                None => true,
                Some(NodeEnum::String(text)) => !matches!(text.sval.as_str(), "off" | "false" | "0"),
                Some(NodeEnum::Boolean(value)) => value.boolval,
                Some(NodeEnum::Integer(value)) => value.ival != 0,
                Some(_) => true,
            }
        }
        _ => false,
    })
}
