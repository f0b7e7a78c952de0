//! What a check constraint's condition proves.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{BoolExprType, Node, NullTestType};
use underpin_catalog::Name;

use crate::describe::strings;

/// Whether rows that satisfy `condition` never have NULL in `column`, in the one way that PostgreSQL
/// accepts as a proof for `SET NOT NULL` and that we recognise: a conjunct `column IS NOT NULL`.
/// `column > 0` is none, because a check passes when it is NULL.
pub(crate) fn proves_not_null(condition: &str, column: &Name) -> bool {
    let Ok(parsed) = pg_query::parse(&format!("SELECT 1 WHERE {condition}"), 0) else { return false };
    let Some(statement) = parsed.protobuf.stmts.first().and_then(|raw| raw.stmt.as_ref()) else {
        return false;
    };
    match &statement.node {
        Some(NodeEnum::SelectStmt(select)) => {
            select.where_clause.as_deref().is_some_and(|condition| conjunct(condition, column))
        }
        _ => false,
    }
}

/// Whether a conjunct of `condition` is `column IS NULL`: rows that the condition picks have none yet.
pub(crate) fn demands_null(condition: &Node, column: &Name) -> bool {
    null_test(condition, column, NullTestType::IsNull)
}

fn conjunct(condition: &Node, column: &Name) -> bool {
    null_test(condition, column, NullTestType::IsNotNull)
}

fn null_test(condition: &Node, column: &Name, wanted: NullTestType) -> bool {
    match &condition.node {
        Some(NodeEnum::BoolExpr(expression)) if expression.boolop() == BoolExprType::AndExpr => {
            expression.args.iter().any(|argument| null_test(argument, column, wanted))
        }
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == wanted => {
            match test.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
                Some(NodeEnum::ColumnRef(reference)) => {
                    strings(&reference.fields).last().is_some_and(|last| last == column.as_str())
                }
                _ => false,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_test_for_null_proves_that_there_is_none() {
        let c = Name::new("c");
        assert!(proves_not_null("(c IS NOT NULL)", &c));
        assert!(proves_not_null("((c IS NOT NULL) AND (a > 0))", &c));
        assert!(proves_not_null("(\"C\" IS NOT NULL)", &Name::new("C")));
        for other in ["(c > 0)", "((c IS NOT NULL) OR (a > 0))", "(a IS NOT NULL)", "nonsense ("] {
            assert!(!proves_not_null(other, &c), "{other}");
        }
    }
}
