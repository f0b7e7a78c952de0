//! `ADD COLUMN` and a column of `CREATE TABLE`: its type, its constraints, and what its default gives to rows.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType, Node};
use underpin_catalog::{Name, RelationName};

use super::constraint::constraint;
use crate::describe::tree::{from_parts, read_by, strings};
use crate::describe::types::{is_serial, type_text};
use crate::effect::{AddColumn, AddConstraint, ColumnDefault, Deferral, TypeText};
use crate::expression::Contents;

/// What an `ADD COLUMN` asks for.
pub(in crate::describe) fn added_column(
    table: &RelationName,
    definition: &ColumnDef,
    if_not_exists: bool,
) -> AddColumn {
    let column = Name::new(&definition.colname);
    let serial = definition.type_name.as_ref().is_some_and(is_serial);
    let mut default = if serial { ColumnDefault::Serial } else { ColumnDefault::None };
    let mut not_null = serial;
    let mut constraints: Vec<AddConstraint> = Vec::new();
    let mut reads = Vec::new();
    let mut sequences = Vec::new();
    for added in definition.constraints.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(added)) => Some(added),
        _ => None,
    }) {
        match added.contype() {
            ConstrType::ConstrNotnull => not_null = true,
            ConstrType::ConstrDefault => {
                default = match added.raw_expr.as_deref() {
                    None => ColumnDefault::None,
                    Some(expression) if is_null(expression) => ColumnDefault::None,
                    Some(expression) => {
                        sequences = Contents::of(expression).sequences();
                        values_of(expression)
                    }
                };
            }
            ConstrType::ConstrIdentity => {
                default = ColumnDefault::Identity;
                not_null = true;
            }
            // The grammar writes `s` for STORED and `v` for VIRTUAL, which 18 takes when neither is said.
            ConstrType::ConstrGenerated => {
                reads = read_by(&added.raw_expr);
                default = match added.generated_kind.as_str() {
                    "v" => ColumnDefault::Virtual,
                    _ => ColumnDefault::Stored,
                };
            }
            ConstrType::ConstrPrimary => {
                not_null = true;
                constraints.push(constraint(table, added, Some(&column)));
            }
            ConstrType::ConstrCheck
            | ConstrType::ConstrUnique
            | ConstrType::ConstrForeign
            | ConstrType::ConstrExclusion => constraints.push(constraint(table, added, Some(&column))),
            // Beside a column the grammar hands out what is said of a constraint as constraints of their own,
            // each about the one before it.
            ConstrType::ConstrAttrDeferrable => {
                if let Some(last) = constraints.last_mut().filter(|last| last.deferral == Deferral::Never) {
                    last.deferral = Deferral::Possible;
                }
            }
            ConstrType::ConstrAttrDeferred => {
                if let Some(last) = constraints.last_mut() {
                    last.deferral = Deferral::Initially;
                }
            }
            ConstrType::ConstrAttrNotEnforced => {
                if let Some(last) = constraints.last_mut() {
                    last.not_enforced = true;
                }
            }
            ConstrType::Undefined
            | ConstrType::ConstrNull
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced => {}
        }
    }
    let to = match &definition.type_name {
        Some(name) => type_text(name),
        None => TypeText::unknown(),
    };
    AddColumn {
        table: table.clone(),
        column,
        to,
        not_null,
        default,
        constraints,
        if_not_exists,
        reads,
        sequences,
    }
}

/// What rows that are there get from a default.
fn values_of(expression: &Node) -> ColumnDefault {
    let contents = Contents::of(expression);
    if contents.is_known_volatile() {
        return ColumnDefault::Volatile;
    }
    let calls: Vec<_> = contents.user_functions().chain(overload(expression)).collect();
    if calls.is_empty() { ColumnDefault::Constant } else { ColumnDefault::Calls(calls) }
}

/// Functions that PostgreSQL has without arguments alone.
const WITHOUT_ARGUMENTS: &[&str] = &["now", "statement_timestamp", "transaction_timestamp"];

/// A call of one of these with arguments: a function of the user's own that has its name.
fn overload(expression: &Node) -> Option<RelationName> {
    match &expression.node {
        Some(NodeEnum::FuncCall(call)) if !call.args.is_empty() => {
            let name = from_parts(&strings(&call.funcname));
            WITHOUT_ARGUMENTS.contains(&name.name.as_str()).then_some(name)
        }
        Some(NodeEnum::TypeCast(cast)) => overload(cast.arg.as_deref()?),
        _ => None,
    }
}

/// `DEFAULT NULL` is no default.
fn is_null(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => constant.isnull,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_null),
        _ => false,
    }
}
