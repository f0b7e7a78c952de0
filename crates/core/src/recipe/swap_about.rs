//! What is written about a column that is swapped, and who may do what with it: PostgreSQL keeps both with the column,
//! so they would go with the old one. Who may read the table by the names of its columns alone would fail from then on
//! (42501).

use std::collections::BTreeSet;

use underpin_catalog::model::{Grant, Privileges};
use underpin_catalog::{Literal, Sql, sql};

use super::draft::Draft;
use super::swap::Swap;

/// The statements that say the same of the column that has got its name.
pub(super) fn statements(draft: &Draft<'_>, swap: &Swap) -> Vec<Sql> {
    let table = draft.case.catalog.tables.get(&swap.table);
    let Some(column) = table.and_then(|table| table.columns.get(&swap.column)) else { return Vec::new() };
    let named = draft.bare(&swap.table);
    let comment = column.about.comment.iter();
    let mut said: Vec<Sql> = comment
        .map(|text| sql!("COMMENT ON COLUMN {}.{} IS {}", named, swap.column, Literal(text)))
        .collect();
    if let Privileges::Granted(grants) = &column.about.privileges {
        let granted = |grant: &Grant| {
            let grantee = match &grant.grantee {
                Some(role) => sql!("{}", role),
                None => Sql::verbatim("PUBLIC"),
            };
            let option = Sql::verbatim(if grant.grantable { " WITH GRANT OPTION" } else { "" });
            let privilege = Sql::verbatim(grant.privilege);
            sql!("GRANT {} ({}) ON {} TO {}{}", privilege, swap.column, named, grantee, option)
        };
        // Several may have granted the same.
        said.extend(grants.iter().map(granted).collect::<BTreeSet<Sql>>());
    }
    said
}
