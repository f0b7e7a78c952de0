//! Sync triggers on real servers: what each kind of statement does to both shapes of a row, and that nobody's
//! statement fails while they come, work and go.

mod load;
mod mappings;
mod meaning;
mod neighbours;
mod random;

use underpin_catalog::{Name, RelationName, Sql};
use underpin_core::sync::{Others, Pair, Synced, disagree, fill, renamed, switch_off, switch_on};
use underpin_testkit::Database;

/// The pairs of `public."User"`, where nobody else assigns anything.
fn synced(pairs: Vec<Pair>) -> Synced {
    Synced { table: RelationName::qualified("public", "User"), pairs, others: Others::None }
}

/// `"fullName"` becomes `"displayName"`, both of this type.
fn rename(data_type: &str) -> Pair {
    renamed(&Name::new("fullName"), &Name::new("displayName"), &Sql::verbatim(data_type))
}

/// One transaction: `columns`, then the triggers.
fn expand(columns: &str, synced: &Synced) -> String {
    format!("BEGIN; {columns}; {} COMMIT;", all(&switch_on(synced)))
}

/// One transaction: the triggers go, then `columns`.
fn contract(synced: &Synced, columns: &str) -> String {
    format!("BEGIN; {} {columns}; COMMIT;", all(&switch_off(synced)))
}

fn all(statements: &[Sql]) -> String {
    statements.iter().map(|sql| format!("{sql}; ")).collect()
}

/// Fills every pair, and asserts that no row disagrees any more.
async fn fill_all(database: &Database<'_>, synced: &Synced) {
    for pair in &synced.pairs {
        database.run(fill(&synced.table, pair).as_str()).await;
        let query = disagree(&synced.table, pair);
        assert_eq!(database.rows(query.as_str()).await, ["0"], "{}: {query}", database.major());
    }
}
