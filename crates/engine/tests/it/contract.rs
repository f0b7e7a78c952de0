//! What the client of a project needs, in the database that the project's history makes.

use std::collections::BTreeSet;

use underpin_catalog::Name;
use underpin_prisma::client::ClientContract;
use underpin_prisma::schema::{Schema, Source};
use underpin_testkit::Database;
use underpin_testkit::corpus::History;

/// What the client of a project reads or writes as an enum and its database does not have: columns,
/// then enum values.
pub(crate) async fn lacking(database: &Database<'_>, history: &History) -> Vec<String> {
    let schema = Schema::parse(vec![Source::new("schema.prisma", history.schema())]);
    let contract = ClientContract::of(&schema, &Name::new("public"));
    let columns = "SELECT concat_ws('.', nspname, relname, attname) FROM pg_attribute a
        JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
        WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm')";
    let values = "SELECT concat_ws('.', nspname, typname, enumlabel) FROM pg_enum e
        JOIN pg_type t ON t.oid = enumtypid JOIN pg_namespace n ON n.oid = typnamespace";
    let mut there: BTreeSet<String> = database.rows(columns).await.into_iter().collect();
    there.extend(database.rows(values).await);
    let columns = contract.tables.values().flat_map(|table| {
        table.columns.iter().map(|column| format!("{}.{}", table.name.shown(), column.name.as_str()))
    });
    let values = contract.enums.values().flat_map(|found| {
        found.values.iter().map(|value| format!("{}.{}", found.type_name.shown(), value.stored))
    });
    let needed: Vec<String> = columns.chain(values).collect();
    assert!(needed.len() > 100, "{}: hardly anything is compared", history.name);
    needed.into_iter().filter(|one| !there.contains(one)).collect()
}
