//! A query that counts rows of one table: of which, and which of them. So whoever knows the query can also ask
//! which rows those are, or look at the table a part at a time.

use std::collections::BTreeSet;

use pg_query::protobuf::node::Node as NodeEnum;
use pg_query::protobuf::{LimitOption, Node, RangeVar, SelectStmt, SetOperation, Token};
use underpin_catalog::{Name, RelationName};

use crate::describe::strings;
use crate::expression::Contents;
use crate::parser;
use crate::statement::tokens;

/// `SELECT count(*) FROM table AS own WHERE condition`, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counting {
    /// The table, as it is written.
    pub table: RelationName,
    /// What the condition calls it, where that is not its name.
    pub alias: Option<Name>,
    /// Which rows.
    pub condition: String,
    /// The columns that the condition reads from the table, by the names that stand behind the alias. Without
    /// one, all that it reads without a table in front, at whatever depth.
    pub columns: BTreeSet<Name>,
}

/// The parts of a query of that form; `None` for every other one.
pub fn counting(query: &str) -> Option<Counting> {
    let parsed = parser::parse(query).ok()?;
    let [only] = parsed.protobuf.stmts.as_slice() else { return None };
    let Some(NodeEnum::SelectStmt(select)) = &only.stmt.as_ref()?.node else { return None };
    let from = counted(select)?;
    let alias = from.alias.as_ref().map(|alias| Name::new(&alias.aliasname));
    let condition = select.where_clause.as_ref()?;
    let columns = Contents::of(condition).columns.into_iter().filter_map(|(of, column)| {
        let is_own = of.as_deref() == alias.as_ref().map(Name::as_str);
        is_own.then(|| Name::new(column))
    });
    let columns = columns.collect();
    let table = match from.schemaname.as_str() {
        "" => RelationName::bare(from.relname.as_str()),
        namespace => RelationName::qualified(namespace, from.relname.as_str()),
    };
    Some(Counting { table, alias, condition: behind_where(query)?.to_owned(), columns })
}

/// The one table of which all rows that satisfy a condition are counted.
fn counted(select: &SelectStmt) -> Option<&RangeVar> {
    let is_simple = select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.distinct_clause.is_empty()
        && select.window_clause.is_empty()
        && select.sort_clause.is_empty()
        && select.locking_clause.is_empty()
        && select.with_clause.is_none()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.limit_option() != LimitOption::WithTies
        && select.op() == SetOperation::SetopNone
        && select.into_clause.is_none();
    let ([target], [Node { node: Some(NodeEnum::RangeVar(from)) }], true) =
        (select.target_list.as_slice(), select.from_clause.as_slice(), is_simple)
    else {
        return None;
    };
    let Some(NodeEnum::ResTarget(target)) = &target.node else { return None };
    let Some(NodeEnum::FuncCall(call)) = &target.val.as_ref()?.node else { return None };
    let is_count = strings(&call.funcname).last().map(String::as_str) == Some("count")
        && call.agg_star
        && call.agg_filter.is_none()
        && call.over.is_none();
    let is_whole = from.inh && from.catalogname.is_empty();
    let renames = from.alias.as_ref().is_some_and(|alias| !alias.colnames.is_empty());
    (is_count && is_whole && !renames).then_some(from)
}

/// What stands behind the `WHERE` that is in no parentheses.
fn behind_where(query: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for token in tokens(query) {
        match token.kind {
            Token::Ascii40 => depth += 1,
            Token::Ascii41 => depth = depth.saturating_sub(1),
            Token::Where if depth == 0 => {
                return Some(query[token.end..].trim().trim_end_matches(';').trim_end());
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_counts_is_taken_apart() {
        let found = counting(
            "SELECT count(*) FROM \"public\".\"User\" AS own WHERE (SELECT own.\"a b\" <> x.y FROM (SELECT own.c) AS x WHERE true) ;",
        )
        .unwrap();
        assert_eq!(found.table, RelationName::qualified("public", "User"));
        assert_eq!(found.alias, Some(Name::new("own")));
        assert_eq!(found.condition, "(SELECT own.\"a b\" <> x.y FROM (SELECT own.c) AS x WHERE true)");
        assert_eq!(found.columns, ["a b", "c"].map(Name::new).into());
        let bare = counting("select pg_catalog.count(*) from t where a is distinct from B").unwrap();
        assert_eq!((bare.condition.as_str(), bare.alias), ("a is distinct from B", None));
        assert_eq!(bare.columns, ["a", "b"].map(Name::new).into());
    }

    #[test]
    fn every_other_query_is_none() {
        for other in [
            "SELECT 1",
            "SELECT count(*) FROM t",
            "SELECT count(a) FROM t WHERE a",
            "SELECT count(*) FILTER (WHERE b) FROM t WHERE a",
            "SELECT count(*), 1 FROM t WHERE a",
            "SELECT count(*) FROM ONLY t WHERE a",
            "SELECT count(*) FROM t, u WHERE a",
            "SELECT count(*) FROM t JOIN u USING (id) WHERE a",
            "SELECT count(*) FROM t WHERE a GROUP BY b",
            "SELECT count(*) FROM t WHERE a LIMIT 1",
            "SELECT count(*) FROM t AS x (y) WHERE y",
            "WITH t AS (SELECT 1) SELECT count(*) FROM t WHERE a",
            "SELECT count(*) FROM t WHERE a UNION SELECT 2",
            "SELECT count(*) FROM (SELECT 1) AS t WHERE a",
            "SELECT count(*) FROM t WHERE a; SELECT 1",
            "SELECT",
            "SELECT count(*) FROM t WHERE",
        ] {
            assert_eq!(counting(other), None, "{other}");
        }
    }
}
