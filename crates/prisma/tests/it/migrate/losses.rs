//! What `migrate dev` writes: the comment with all losses, and names as from a described database.

use std::collections::{BTreeMap, HashSet};

use underpin_catalog::Name;
use underpin_prisma::PrismaCatalog;
use underpin_prisma::migrate::{ColumnType, Default, Migration, NativeType};
use underpin_testkit::schemas::{create_migration, pairs, transcript};
use underpin_testkit::{Server, majors};

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
            if let ColumnType::Native(native) = &mut column.column_type {
                *native = read_back(*native);
            }
            if let Some(Default::Sequence(name)) = &mut column.default {
                *name = format!("{}_{}_seq", table.name.name.as_str(), column.name.as_str());
            }
        }
    }
    catalog
}

/// What was unsaid is there in a database.
fn read_back(native: NativeType) -> NativeType {
    match native {
        NativeType::Bit(None) => NativeType::Bit(Some(1)),
        NativeType::Char(None) => NativeType::Char(Some(1)),
        NativeType::Timestamp(None) => NativeType::Timestamp(Some(6)),
        NativeType::Timestamptz(None) => NativeType::Timestamptz(Some(6)),
        NativeType::Time(None) => NativeType::Time(Some(6)),
        NativeType::Timetz(None) => NativeType::Timetz(Some(6)),
        said => said,
    }
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

const TYPES: [&str; 43] = [
    "Int @db.SmallInt",
    "Int",
    "BigInt",
    "Int @db.Oid",
    "Decimal",
    "Decimal @db.Decimal",
    "Decimal @db.Decimal(4, 2)",
    "Decimal @db.Decimal(2, 0)",
    "Decimal @db.Decimal(9, 0)",
    "Decimal @db.Decimal(18, 0)",
    "Decimal @db.Money",
    "Float",
    "Float @db.Real",
    "Boolean",
    "String",
    "String @db.VarChar",
    "String @db.VarChar(1)",
    "String @db.VarChar(10)",
    "String @db.VarChar(30)",
    "String @db.VarChar(400)",
    "String @db.Char",
    "String @db.Char(1)",
    "String @db.Char(4)",
    "String @db.Char(13)",
    "String @db.Char(36)",
    "String @db.Uuid",
    "String @db.Inet",
    "String @db.Bit",
    "String @db.Bit(4)",
    "String @db.VarBit",
    "String @db.VarBit(4)",
    "String @db.VarBit(20)",
    "String @db.Citext",
    "String @db.Xml",
    "Json",
    "Json @db.Json",
    "Bytes",
    "DateTime",
    "DateTime @db.Timestamptz(6)",
    "DateTime @db.Timestamp",
    "DateTime @db.Date",
    "DateTime @db.Time(3)",
    "DateTime @db.Timetz",
];

/// Columns of each type become columns of each other type. Only the warnings tell a safe cast from a risky one,
/// so that the engine is asked in a database.
#[tokio::test]
async fn every_cast_is_judged_as_prisma_does() {
    let schema = |is_after: bool| {
        let mut text = String::from("datasource db {\n  provider = \"postgresql\"\n}\n");
        for (from, source) in TYPES.iter().enumerate() {
            text.push_str(&format!("model T{from:02} {{\n  id Int @id\n"));
            for (to, target) in TYPES.iter().enumerate() {
                let written = if is_after { target } else { source };
                let (name, native) = written.split_once(' ').unwrap_or((written, ""));
                text.push_str(&format!("  c{to} {name}? {native}\n"));
            }
            text.push_str("}\n");
        }
        text
    };
    let (before, after) = (schema(false), schema(true));
    let server = Server::shared(majors()[0]).await;
    let database = server.database("casts").await;
    let made = catalog(&one(&before), PRISMA_7);
    let history = Migration::between(&PrismaCatalog::default(), &made, PRISMA_7).script();
    let history = format!("CREATE EXTENSION citext;\n\n{history}");
    let wanted = create_migration(&database.url(), &history, &after).await;
    let (described, after) = (described(made), catalog(&one(&after), PRISMA_7));
    let ours = Migration::between(&described, &after, PRISMA_7).file();
    // A paragraph is a table; most of its lines are in others too.
    let lines = |text: &str, other: &str| -> Vec<String> {
        let parts = |text: &str| -> Vec<String> {
            let paragraphs = text.split("\n\n").flat_map(|paragraph| {
                let table =
                    paragraph.lines().nth(1).unwrap_or_default().get(..20).unwrap_or_default().to_owned();
                paragraph.lines().map(move |line| format!("{table}: {}", line.trim_end_matches([',', ';'])))
            });
            paragraphs.collect()
        };
        let other: HashSet<String> = parts(other).into_iter().collect();
        parts(text).into_iter().filter(|line| !other.contains(line)).take(20).collect()
    };
    assert!(
        ours.trim_end() == wanted.trim_end(),
        "in Prisma's alone: {:#?}\nin ours alone: {:#?}",
        lines(&wanted, &ours),
        lines(&ours, &wanted)
    );
    let (risky, recreated) =
        (wanted.matches("will be cast from").count(), wanted.matches("dropped and recreated").count());
    assert_eq!((risky, recreated), (316, 1194));
}
