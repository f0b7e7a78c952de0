//! What `migrate dev` writes: the comment with all losses, and names as from a described database.

use std::collections::BTreeMap;

use underpin_catalog::Name;
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{Default, Migration};
use underpin_testkit::schemas::{pairs, transcript};

use super::{PRISMA_7, catalog, one};

/// What Prisma's engine reads back from a database that was made from a catalog.
fn described(mut catalog: PrismaCatalog) -> PrismaCatalog {
    let mut namespaces: Vec<Name> = vec![Name::new("public")];
    namespaces.append(&mut catalog.namespaces);
    namespaces.sort();
    namespaces.dedup();
    catalog.namespaces = namespaces;
    catalog.default_namespace = None;
    // The engine in WASM does not look for extensions.
    catalog.extensions.clear();
    catalog.enums.sort_by(|one, other| one.name.cmp(&other.name));
    catalog.tables.sort_by(|one, other| one.name.cmp(&other.name));
    for table in &mut catalog.tables {
        table.indexes.sort_by(|one, other| one.name.cmp(&other.name));
        table.foreign_keys.sort_by(|one, other| one.name.cmp(&other.name));
        for column in &mut table.columns {
            column.is_filled_by_client = false;
            if let Some(Default::Sequence(name)) = &mut column.default {
                *name = format!("{}_{}_seq", table.name.name.as_str(), column.name.as_str());
            }
        }
    }
    catalog
}

/// The files of the transcript by the names of the cases; `None` where there was nothing to do.
fn files() -> BTreeMap<String, Option<String>> {
    let text = transcript("dev_battery_7.10.0.txt");
    let file = |case: &str| {
        let (name, rest) = case.split_once('\n').unwrap();
        let (_, rest) = rest.split_once("--- createMigration (").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let file = rest.split_once("\n--- ").map_or(rest, |(file, _)| file).trim_end();
        (name.to_owned(), (file != "(null)").then(|| file.to_owned()))
    };
    text.split("################ ").skip(1).map(file).collect()
}

#[tokio::test]
async fn the_battery_becomes_the_files_of_migrate_dev() {
    let wanted = files();
    let (mut compared, mut with_losses, mut different) = (0, 0, Vec::new());
    for pair in pairs().await {
        let side = |text: &Option<String>| text.as_deref().and_then(one);
        let nothing = "datasource db {\n  provider = \"postgresql\"\n}\n";
        let before = described(catalog(&side(&pair.1), PRISMA_7));
        let after = catalog(&one(pair.2.as_deref().unwrap_or(nothing)), PRISMA_7);
        let migration = Migration::between(&before, &after, PRISMA_7);
        let ours = (!migration.steps.is_empty()).then(|| migration.file().trim_end().to_owned());
        compared += 1;
        with_losses += usize::from(!migration.losses().is_empty());
        if ours != wanted[&pair.0] {
            different.push(format!("{}\n--- Prisma\n{:#?}\n--- we\n{ours:#?}", pair.0, wanted[&pair.0]));
        }
    }
    assert!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n\n"));
    assert_eq!((compared, with_losses), (55, 21));
}
