//! The body of a `DO`, as far as its text tells what it does.

use pg_query::protobuf::Node;
use pg_query::protobuf::node::Node as NodeEnum;

use crate::effect::Program;
use crate::statement::tokens;

/// What is known of the program in the arguments of a `DO`.
pub(super) fn read(arguments: &[Node]) -> Program {
    let body = arguments.iter().find_map(|argument| match &argument.node {
        Some(NodeEnum::DefElem(option)) if option.defname == "as" => {
            match option.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
                Some(NodeEnum::String(body)) => Some(body.sval.as_str()),
                _ => None,
            }
        }
        _ => None,
    });
    let body = body.unwrap_or_default();
    Program {
        commits: commits(body),
        effects: Vec::new(),
        straight: false,
        opaque: vec!["a program in a DO block".to_owned()],
    }
}

/// Whether the body ends transactions. Its text is scanned for the words, so `COMMIT` in a
/// string of dynamic SQL is not seen; the server would refuse that in any case.
fn commits(body: &str) -> bool {
    tokens(body).iter().any(|token| {
        matches!(token.kind, pg_query::protobuf::Token::Commit | pg_query::protobuf::Token::Rollback)
    })
}
