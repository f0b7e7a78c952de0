//! The contract of each schema's client against the tables that Prisma makes for it.
//!
//! Prisma's script has one column a line, so that its words need no SQL parser here.

use std::collections::{BTreeMap, BTreeSet};

use underpin_catalog::{Name, RelationName};
use underpin_prisma::ClientContract;
use underpin_prisma::client::{Column, KeyKind, OnCreate, Origin};
use underpin_prisma::schema::{Arity, ModelKind};
use underpin_testkit::schemas::{Created, create, for_prisma_7};

use crate::schemas::{all, read};

/// What a script makes.
#[derive(Default)]
struct Made {
    /// Tables, with their columns and what stands behind each name.
    tables: BTreeMap<RelationName, BTreeMap<String, String>>,
    enums: BTreeMap<RelationName, Vec<String>>,
    primary_keys: BTreeSet<String>,
    unique_indexes: BTreeSet<String>,
    foreign_keys: BTreeSet<String>,
}

fn relation(written: &str) -> RelationName {
    let parts: Vec<&str> = written.trim_matches('"').split("\".\"").collect();
    match parts[..] {
        [namespace, name] => RelationName::qualified(namespace, name),
        _ => RelationName::qualified("public", parts[0]),
    }
}

fn quoted(text: &str) -> &str {
    text.split('"').nth(1).unwrap_or_default()
}

fn made(sql: &str) -> Made {
    let mut made = Made::default();
    let mut lines = sql.lines();
    while let Some(line) = lines.next() {
        if let Some(table) = line.strip_prefix("CREATE TABLE ") {
            let columns = made.tables.entry(relation(table.trim_end_matches(" ("))).or_default();
            for line in lines.by_ref().take_while(|line| *line != ");") {
                let line = line.trim().trim_end_matches(',');
                if let Some(key) = line.strip_prefix("CONSTRAINT ") {
                    made.primary_keys.insert(quoted(key).to_owned());
                // A default with a line break goes on in a line that is no column.
                } else if let Some(column) = line.strip_prefix('"') {
                    let (_, behind) = column.split_once('"').unwrap();
                    columns.insert(quoted(line).to_owned(), behind.trim().to_owned());
                }
            }
        } else if let Some(rest) = line.strip_prefix("CREATE TYPE ") {
            let (name, values) = rest.split_once(" AS ENUM (").unwrap();
            let values = values.trim_end_matches(");").split(", ").filter(|value| !value.is_empty());
            let values = values.map(|value| value[1..value.len() - 1].to_owned());
            made.enums.insert(relation(name), values.collect());
        } else if let Some(rest) = line.strip_prefix("CREATE UNIQUE INDEX ") {
            if !rest.contains(" WHERE ") {
                made.unique_indexes.insert(quoted(rest).to_owned());
            }
        } else if let Some((_, rest)) = line.split_once(" ADD CONSTRAINT ") {
            made.foreign_keys.insert(quoted(rest).to_owned());
        }
    }
    made
}

#[tokio::test]
async fn the_contract_names_what_prisma_creates() {
    // Prisma does not quote a quote in a name, so that its own script cannot be read.
    let all: Vec<_> = all().await.into_iter().filter(|(name, _)| !name.starts_with("quoting")).collect();
    let texts: Vec<String> = all.iter().map(|(_, text)| for_prisma_7(text)).collect();
    let mut columns = 0;
    for ((name, text), created) in all.iter().zip(create(&texts).await) {
        let sql = match created {
            Created::Sql(sql) => sql,
            Created::Error(error) => panic!("{name}: {error}"),
        };
        let contract = ClientContract::of(&read(text), &Name::new("public"));
        columns += compare(name, &contract, &made(&sql));
    }
    assert_eq!(columns, 5_811, "compared");
}

/// How many columns were compared.
fn compare(schema: &str, contract: &ClientContract, made: &Made) -> usize {
    assert!(contract.is_whole, "{schema}");
    let is_view = |origin: &Origin| matches!(origin, Origin::Model { kind: ModelKind::View, .. });
    let tables: Vec<_> = contract.tables.values().filter(|table| !is_view(&table.origin)).collect();
    let names: Vec<_> = tables.iter().map(|table| &table.name).collect();
    assert_eq!(names, made.tables.keys().collect::<Vec<_>>(), "{schema}");
    let mut keys = [BTreeSet::new(), BTreeSet::new()];
    let mut foreign_keys = BTreeSet::new();
    let mut compared = 0;
    for table in tables {
        let created = &made.tables[&table.name];
        let columns: BTreeSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(columns, created.keys().map(String::as_str).collect(), "{schema}: {}", table.described());
        for column in &table.columns {
            let written = &created[column.name.as_str()];
            assert!(
                agrees(column, written),
                "{schema}: {} {column:?}\nin Prisma's script: {written}",
                table.described()
            );
            compared += 1;
        }
        for key in &table.keys {
            keys[usize::from(key.kind == KeyKind::Unique)].insert(key.name.as_str().to_owned());
        }
        foreign_keys.extend(table.foreign_keys.iter().map(|key| key.name.as_str().to_owned()));
    }
    assert_eq!(keys, [made.primary_keys.clone(), made.unique_indexes.clone()], "{schema}");
    assert_eq!(foreign_keys, made.foreign_keys, "{schema}");
    let enums = contract.enums.values().map(|found| {
        (found.type_name.clone(), found.values.iter().map(|value| value.stored.clone()).collect())
    });
    assert_eq!(enums.collect::<BTreeMap<_, Vec<_>>>(), made.enums, "{schema}");
    compared
}

/// Whether Prisma makes a column for what the contract says of it.
fn agrees(column: &Column, written: &str) -> bool {
    let is_serial = written.contains("SERIAL");
    let has_default = written.contains(" DEFAULT ") || is_serial;
    let required = written.contains("NOT NULL") == (column.arity == Arity::Required);
    let default = match column.on_create {
        // `dbgenerated()` without an expression is whatever the database has.
        OnCreate::LeftToDatabase => true,
        // uuid(), cuid() and their like are the client's alone.
        OnCreate::FromClient => !is_serial,
        OnCreate::FromApplication | OnCreate::Optional => !has_default,
    };
    required && default
}
