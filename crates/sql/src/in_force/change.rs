//! What a statement says about settings.

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{DiscardMode, FuncCall, Node, SelectStmt, VariableSetKind, VariableSetStmt};

use super::Value;
use super::value::quoted_where_needed;
use crate::statement::Statement;

/// A change of one setting or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// `SET`, `RESET`, `set_config`.
    Set {
        /// In lower case.
        name: String,
        /// `None`: what the connection was given.
        value: Option<Value>,
        /// For the transaction alone.
        local: bool,
    },
    /// `RESET ALL`, `DISCARD ALL`.
    ResetAll,
}

/// Settings that decide what a migration does. A program that mentions one of them and may set it leaves it
/// unknown; about others nobody asks.
const WATCHED: &[&str] = &[
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "timezone",
    "search_path",
    "role",
    "session_replication_role",
    "row_security",
];

/// Settings whose value is a list of names: each element of `SET` is quoted, a string as a whole too.
const LISTS_OF_NAMES: &[&str] =
    &["search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"];

/// What the statement changes, in its order.
pub(super) fn changes(statement: &Statement) -> Vec<Change> {
    match statement.node.as_ref() {
        NodeEnum::VariableSetStmt(set) => of_set(set),
        NodeEnum::DiscardStmt(discard) if discard.target() == DiscardMode::DiscardAll => {
            vec![Change::ResetAll]
        }
        NodeEnum::SelectStmt(select) if mentions(&statement.text, "set_config") => {
            of_select(select, statement)
        }
        NodeEnum::DoStmt(_) => unknown(&statement.text),
        NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::CreateTableAsStmt(_)
            if mentions(&statement.text, "set_config") =>
        {
            unknown(&statement.text)
        }
        _ => Vec::new(),
    }
}

/// Watched settings that a text mentions which may set them.
fn unknown(text: &str) -> Vec<Change> {
    let text = text.to_lowercase();
    if !["set", "execute"].iter().any(|word| text.contains(word)) {
        return Vec::new();
    }
    let names = WATCHED.iter().filter(|name| is_word_of(&text, name));
    names
        .map(|name| Change::Set { name: (*name).to_owned(), value: Some(Value::Unknown), local: false })
        .collect()
}

fn is_word_of(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(inside) && !text[at + word.len()..].starts_with(inside))
}

fn mentions(text: &str, word: &str) -> bool {
    text.len() >= word.len()
        && text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

fn of_set(set: &VariableSetStmt) -> Vec<Change> {
    let name = set.name.to_lowercase();
    let change = |value| vec![Change::Set { name: name.clone(), value, local: set.is_local }];
    match set.kind() {
        VariableSetKind::VarSetValue => change(Some(value_of_set(&name, &set.args))),
        VariableSetKind::VarSetDefault | VariableSetKind::VarReset => change(None),
        VariableSetKind::VarResetAll => vec![Change::ResetAll],
        VariableSetKind::VarSetMulti => of_transaction_modes(set),
        // `FROM CURRENT` sets what is.
        VariableSetKind::VarSetCurrent | VariableSetKind::Undefined => Vec::new(),
    }
}

/// `SET TRANSACTION …` and `SET SESSION CHARACTERISTICS AS TRANSACTION …`.
fn of_transaction_modes(set: &VariableSetStmt) -> Vec<Change> {
    let (prefix, local) = match set.name.as_str() {
        "TRANSACTION" => ("", true),
        "SESSION CHARACTERISTICS" => ("default_", false),
        // A snapshot is no setting.
        _ => return Vec::new(),
    };
    let modes = set.args.iter().filter_map(|mode| match &mode.node {
        Some(NodeEnum::DefElem(mode)) => Some(mode),
        _ => None,
    });
    modes
        .map(|mode| {
            let value = mode.arg.as_deref().and_then(constant).map(|text| match text.as_str() {
                "1" if mode.defname != "transaction_isolation" => "on".to_owned(),
                "0" if mode.defname != "transaction_isolation" => "off".to_owned(),
                _ => text,
            });
            Change::Set {
                name: format!("{prefix}{}", mode.defname),
                value: Some(value.map_or(Value::Unknown, Value::Text)),
                local,
            }
        })
        .collect()
}

fn value_of_set(name: &str, arguments: &[Node]) -> Value {
    let texts: Option<Vec<String>> = arguments.iter().map(constant).collect();
    match texts {
        Some(texts) if LISTS_OF_NAMES.contains(&name) => {
            let quoted: Vec<_> = texts.iter().map(|text| quoted_where_needed(text)).collect();
            Value::Text(quoted.join(", "))
        }
        Some(texts) => Value::Text(texts.join(", ")),
        None => Value::Unknown,
    }
}

/// `SELECT set_config('name', 'value', is_local)` as `pg_dump` writes it; calls in any other place are not
/// followed.
fn of_select(select: &SelectStmt, statement: &Statement) -> Vec<Change> {
    let once = select.from_clause.is_empty()
        && select.where_clause.is_none()
        && select.with_clause.is_none()
        && select.larg.is_none();
    let targets: Option<Vec<Change>> = select
        .target_list
        .iter()
        .filter_map(|target| match target.node.as_ref()? {
            NodeEnum::ResTarget(target) => target.val.as_deref()?.node.as_ref(),
            _ => None,
        })
        .filter_map(|target| match target {
            NodeEnum::FuncCall(call) if is_set_config(call) => Some(of_call(call)),
            _ => None,
        })
        .collect();
    match targets {
        Some(changes) if once && !changes.is_empty() => changes,
        _ => unknown(&statement.text),
    }
}

fn is_set_config(call: &FuncCall) -> bool {
    matches!(
        call.funcname.last().and_then(|name| name.node.as_ref()),
        Some(NodeEnum::String(name)) if name.sval == "set_config"
    )
}

fn of_call(call: &FuncCall) -> Option<Change> {
    let [name, value, local] = call.args.as_slice() else { return None };
    let name = constant(name)?.to_lowercase();
    let local = matches!(constant(local)?.as_str(), "true" | "t" | "on" | "yes" | "1");
    let value = match &value.node {
        Some(NodeEnum::AConst(null)) if null.isnull => None,
        _ => Some(constant(value).map_or(Value::Unknown, Value::Text)),
    };
    Some(Change::Set { name, value, local })
}

/// The text of a constant, also of one with a cast.
fn constant(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Sval(text) => Some(text.sval.clone()),
            Val::Ival(number) => Some(number.ival.to_string()),
            Val::Fval(number) => Some(number.fval.clone()),
            Val::Boolval(value) => Some(value.boolval.to_string()),
            Val::Bsval(_) => None,
        },
        NodeEnum::TypeCast(cast) => cast.arg.as_deref().and_then(constant),
        _ => None,
    }
}
