//! What a check constraint's condition proves.

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{BoolExprType, Node, NullTest, NullTestType};
use underpin_catalog::Name;

use crate::describe::strings;
use crate::parser;

/// The columns in which rows that satisfy `condition` never have NULL, in the one way that PostgreSQL
/// accepts as a proof for `SET NOT NULL` and that we recognise: a conjunct `column IS NOT NULL`.
/// `column > 0` is none, because a check passes when it is NULL.
pub(crate) fn not_null_columns(condition: &Node) -> Vec<Name> {
    match &condition.node {
        Some(NodeEnum::BoolExpr(expression)) if expression.boolop() == BoolExprType::AndExpr => {
            expression.args.iter().flat_map(not_null_columns).collect()
        }
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == NullTestType::IsNotNull => {
            tested(test).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// A condition out of its text.
pub(crate) fn condition(text: &str) -> Option<Node> {
    let parsed = parser::parse(&format!("SELECT 1 WHERE {text}")).ok()?;
    match parsed.protobuf.stmts.into_iter().next()?.stmt?.node? {
        NodeEnum::SelectStmt(select) => select.where_clause.map(|condition| *condition),
        _ => None,
    }
}

/// Whether a conjunct of `condition` is `column IS NULL`: rows that the condition picks have none yet.
pub(crate) fn demands_null(condition: &Node, column: &Name) -> bool {
    match &condition.node {
        Some(NodeEnum::BoolExpr(expression)) if expression.boolop() == BoolExprType::AndExpr => {
            expression.args.iter().any(|argument| demands_null(argument, column))
        }
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == NullTestType::IsNull => {
            tested(test).as_ref() == Some(column)
        }
        _ => false,
    }
}

/// The column that a test for NULL is about.
fn tested(test: &NullTest) -> Option<Name> {
    match test.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::ColumnRef(reference)) => strings(&reference.fields).last().map(Name::new),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_test_for_null_proves_that_there_is_none() {
        let c = Name::new("c");
        let proves_not_null = |text: &str, column: &Name| {
            condition(text).is_some_and(|found| not_null_columns(&found).contains(column))
        };
        assert!(proves_not_null("(c IS NOT NULL)", &c));
        assert!(proves_not_null("((c IS NOT NULL) AND (a > 0))", &c));
        assert!(proves_not_null("(\"C\" IS NOT NULL)", &Name::new("C")));
        for other in ["(c > 0)", "((c IS NOT NULL) OR (a > 0))", "(a IS NOT NULL)", "nonsense ("] {
            assert!(!proves_not_null(other, &c), "{other}");
        }
    }
}
