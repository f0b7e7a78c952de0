//! `CREATE FUNCTION` and `CREATE PROCEDURE`: what they declare. Their bodies are read elsewhere.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{CreateFunctionStmt, Node};

use crate::describe::program::routine_body;
use crate::describe::tree::{from_parts, strings};
use crate::effect::{Effect, RunsAs, Volatility};

/// A function, with what it promises and with whose rights it runs.
pub(super) fn create_routine(statement: &CreateFunctionStmt) -> Effect {
    Effect::CreateRoutine {
        name: from_parts(&strings(&statement.funcname)),
        replace: statement.replace,
        volatility: volatility(&statement.options),
        runs_as: runs_as(&statement.options),
        body: routine_body(statement),
    }
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
