//! A view that takes a table's old name in the transaction in which the table gets another: whoever says the old name
//! reads and writes on, so nobody's statement fails.
//!
//! Only a view that is the table, all of its columns and nothing else, can be written to like it; what `underpin plan`
//! writes is one. Any other is no reason to run the rename.

use std::collections::BTreeSet;

use underpin_catalog::RelationName;
use underpin_sql::effect::TransactionControl;
use underpin_sql::{Effect, Statement, Surroundings};

/// Whether a statement renames a table for which one of those that follow, in the same transaction, is such a view.
pub(super) fn follows(statement: &Statement, rest: &[Statement], facts: &Surroundings) -> bool {
    let [Effect::RenameTable { table, to }] = statement.effects.as_slice() else { return false };
    let Some(relation) = facts.relation(table) else { return false };
    let columns: BTreeSet<String> = relation.columns.iter().map(|column| column.name.to_string()).collect();
    let mut together = rest.iter().take_while(|statement| !ends_transaction(statement));
    together.any(|view| is_all_of(view, table, &table.sibling(to.clone()), &columns))
}

fn ends_transaction(statement: &Statement) -> bool {
    let ends = |effect: &Effect| match effect {
        Effect::TransactionControl(control) => *control != TransactionControl::Savepoint,
        _ => false,
    };
    statement.effects.iter().any(ends)
}

fn is_all_of(view: &Statement, old: &RelationName, new: &RelationName, columns: &BTreeSet<String>) -> bool {
    let selected = view
        .text
        .strip_prefix(&format!("CREATE VIEW {old} AS SELECT "))
        .and_then(|rest| rest.strip_suffix(&format!(" FROM {new}")));
    selected.is_some_and(|selected| {
        let named: Vec<&str> = selected.split(", ").collect();
        named.len() == columns.len() && columns.iter().all(|column| named.contains(&column.as_str()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use underpin_catalog::{Name, ServerVersion};
    use underpin_sql::read;

    use super::*;

    fn is_followed(text: &str) -> bool {
        let mut facts = Surroundings::empty(ServerVersion::of_major(16), Name::new("public"));
        for statement in read("CREATE TABLE \"User\" (\"id\" INTEGER, \"email\" TEXT)").unwrap() {
            for effect in &statement.effects {
                facts.apply(effect);
            }
        }
        let statements = read(text).unwrap();
        follows(&statements[0], &statements[1..], &facts)
    }

    #[test]
    fn a_view_that_is_the_whole_table_stands_for_it() {
        let rename = "ALTER TABLE \"User\" RENAME TO \"Account\";\n";
        let with = |view: &str| is_followed(&format!("{rename}{view};\nCOMMIT;"));
        assert!(with("CREATE VIEW \"User\" AS SELECT \"id\", \"email\" FROM \"Account\""));
        assert!(with(
            "ALTER SEQUENCE \"s\" RENAME TO \"t\";\nCREATE VIEW \"User\" AS SELECT \"email\", \"id\" FROM \"Account\""
        ));
        for other in [
            "CREATE VIEW \"User\" AS SELECT \"id\" FROM \"Account\"",
            "CREATE VIEW \"User\" AS SELECT \"id\", \"id\" FROM \"Account\"",
            "CREATE VIEW \"User\" AS SELECT \"id\", \"email\" FROM \"Account\" WHERE \"id\" > 0",
            "CREATE VIEW \"User\" AS SELECT \"id\", \"email\" FROM \"Another\"",
            "COMMIT;\nCREATE VIEW \"User\" AS SELECT \"id\", \"email\" FROM \"Account\"",
        ] {
            assert!(!with(other), "{other}");
        }
    }
}
