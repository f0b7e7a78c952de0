//! From the parse tree to effects. A file for each family of statements; this one chooses.
//!
//! A statement that none of them knows becomes [`Effect::Unknown`], with the words that it begins
//! with: it is planned as something that may do anything.

mod alter;
mod create;
mod data;
mod drop;
mod maintain;
mod program;
mod rename;
mod session;
mod tree;
mod types;

use pg_query::protobuf::node::Node;

use crate::effect::Effect;

pub(crate) use alter::action;
pub(crate) use create::{constraint, create_index};
pub(crate) use tree::{named, names, object, relation, strings};
pub(crate) use types::type_text;

/// What the statement does. `text` is the statement as written.
pub(crate) fn describe(node: &Node, text: &str) -> Vec<Effect> {
    let effects = alter::describe(node)
        .or_else(|| create::describe(node))
        .or_else(|| drop::describe(node))
        .or_else(|| rename::describe(node))
        .or_else(|| data::describe(node, text))
        .or_else(|| maintain::describe(node))
        .or_else(|| session::describe(node))
        .unwrap_or_default();
    if effects.is_empty() { vec![Effect::Unknown { what: first_words(text) }] } else { effects }
}

/// `ALTER COLLATION`: enough to recognise the statement in a message.
fn first_words(text: &str) -> String {
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ").to_uppercase()
}

#[cfg(test)]
mod tests;
