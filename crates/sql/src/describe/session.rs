//! Statements about the session and its transaction.

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{Node, TransactionStmtKind, VariableSetKind, VariableSetStmt};

use crate::effect::{Effect, Setting, SettingScope, TransactionControl};

pub(super) fn describe(node: &NodeEnum) -> Option<Vec<Effect>> {
    let nothing = || vec![Effect::nothing()];
    Some(match node {
        NodeEnum::VariableSetStmt(statement) => vec![Effect::Set(setting(statement))],
        NodeEnum::DiscardStmt(_) => vec![Effect::Set(Setting {
            name: "all".to_owned(),
            values: Vec::new(),
            scope: SettingScope::Reset,
        })],
        NodeEnum::ConstraintsSetStmt(_) => vec![Effect::Set(Setting {
            name: "constraints".to_owned(),
            values: Vec::new(),
            scope: SettingScope::Transaction,
        })],
        NodeEnum::TransactionStmt(statement) => {
            use TransactionStmtKind as Kind;
            vec![Effect::TransactionControl(match statement.kind() {
                Kind::TransStmtBegin | Kind::TransStmtStart if !statement.options.is_empty() => {
                    TransactionControl::BeginWith
                }
                Kind::TransStmtBegin | Kind::TransStmtStart => TransactionControl::Begin,
                Kind::TransStmtCommit => TransactionControl::Commit,
                Kind::TransStmtRollback | Kind::Undefined => TransactionControl::Rollback,
                Kind::TransStmtSavepoint | Kind::TransStmtRelease | Kind::TransStmtRollbackTo => {
                    TransactionControl::Savepoint
                }
                Kind::TransStmtPrepare | Kind::TransStmtCommitPrepared | Kind::TransStmtRollbackPrepared => {
                    TransactionControl::TwoPhase
                }
            })]
        }
        NodeEnum::VariableShowStmt(_)
        | NodeEnum::NotifyStmt(_)
        | NodeEnum::ListenStmt(_)
        | NodeEnum::UnlistenStmt(_)
        | NodeEnum::DeallocateStmt(_)
        | NodeEnum::CheckPointStmt(_)
        | NodeEnum::LoadStmt(_) => nothing(),
        _ => return None,
    })
}

fn setting(statement: &VariableSetStmt) -> Setting {
    let scope = match statement.kind() {
        VariableSetKind::VarReset | VariableSetKind::VarResetAll => SettingScope::Reset,
        VariableSetKind::VarSetMulti if statement.name.starts_with("TRANSACTION") => {
            SettingScope::Transaction
        }
        _ if statement.is_local => SettingScope::Transaction,
        _ => SettingScope::Session,
    };
    Setting {
        name: if statement.name.is_empty() { "all".to_owned() } else { statement.name.to_lowercase() },
        values: statement.args.iter().filter_map(value).collect(),
        scope,
    }
}

fn value(node: &Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(Val::Sval(text)) => Some(text.sval.clone()),
            Some(Val::Ival(number)) => Some(number.ival.to_string()),
            Some(Val::Fval(number)) => Some(number.fval.clone()),
            Some(Val::Boolval(value)) => Some(value.boolval.to_string()),
            _ => None,
        },
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().and_then(value),
        _ => None,
    }
}
