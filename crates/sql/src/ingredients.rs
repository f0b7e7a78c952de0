//! What an expression is made of, for whoever puts it into a place where not everything may stand.

use std::collections::BTreeSet;

use underpin_catalog::Name;

use crate::expression::Contents;
use crate::parser;

/// What an expression is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingredients {
    /// The columns that it reads.
    pub columns: BTreeSet<Name>,
    /// It reads whole rows, or columns behind the name of a table.
    pub names_tables: bool,
    /// A query is in it.
    pub has_query: bool,
    /// A function of PostgreSQL's own is in it that answers something else each time. Of other functions nobody
    /// knows.
    pub is_volatile: bool,
}

/// Takes an expression apart; `None` when it is none.
pub fn ingredients(expression: &str) -> Option<Ingredients> {
    // The query around it is not among what it contains: that is only what stands in parentheses of its own.
    let parsed = parser::parse(&format!("SELECT ({expression}\n)")).ok()?;
    let contents = Contents::of(&parsed.protobuf);
    Some(Ingredients {
        columns: contents.column_names(),
        names_tables: contents.star || contents.columns.iter().any(|(table, _)| table.is_some()),
        has_query: contents.subselect,
        is_volatile: contents.is_known_volatile() && !contents.subselect,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_taken_apart() {
        let of = |text: &str| ingredients(text).unwrap();
        let plain = of("split_part(\"full name\", ' ', 1) || nick");
        assert_eq!(plain.columns, ["full name", "nick"].map(Name::new).into());
        assert!(!plain.names_tables && !plain.has_query && !plain.is_volatile);
        assert!(of("\"User\".name").names_tables && of("row_to_json(t.*)").names_tables);
        assert!(of("(SELECT max(a) FROM t)").has_query && of("EXISTS (SELECT 1)").has_query);
        assert!(of("gen_random_uuid()").is_volatile && of("a || random()").is_volatile);
        assert!(!of("my_own(a)").is_volatile);
        assert_eq!(ingredients("a b c"), None);
    }
}
