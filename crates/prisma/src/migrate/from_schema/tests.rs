use underpin_catalog::Name;

use crate::migrate::{Migration, PrismaCatalog};
use crate::schema::{Schema, Source};
use crate::{PrismaVersion, SchemaError};

const VERSION: PrismaVersion = PrismaVersion::new(7, 10, 0);
const DATASOURCE: &str = "datasource db {\n  provider = \"postgresql\"\n}\n";

fn read(text: &str) -> (Schema, Result<PrismaCatalog, Vec<SchemaError>>) {
    let text = format!("{DATASOURCE}{text}");
    let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
    let catalog = PrismaCatalog::of_schema(&schema, &Name::new("public"), VERSION);
    (schema, catalog)
}

#[test]
fn what_prisma_refuses_has_no_catalog() {
    let (schema, catalog) = read("model A {\n  id Int @id\n  a Strnig\n  b B @relation(fields: [id])\n}\n");
    let told = catalog.expect_err("it has unknown types");
    let told: Vec<_> = told.iter().map(|error| format!("{} {error}", schema.place(error.span))).collect();
    assert_eq!(
        told,
        [
            "6:5 there is no type `Strnig`: no scalar, enum, model or view has this name",
            "7:5 there is no type `B`: no scalar, enum, model or view has this name",
        ]
    );
    let schema = Schema::parse(vec![Source::new("schema.prisma", "model A {\n  id Int @id\n}\n")]);
    let told = PrismaCatalog::of_schema(&schema, &Name::new("public"), VERSION).expect_err("no datasource");
    assert_eq!(told[0].message, "the schema has no datasource");
}

#[test]
fn a_schema_is_the_same_as_itself() {
    let text = "model A {\n  id Int @id @default(autoincrement())\n  at DateTime @default(now())\n  bs B[]\n}\nmodel B {\n  id Int @id\n  as A[]\n}\n";
    let catalog = read(text).1.expect("it has a meaning");
    let same = Migration::between(&catalog, &catalog, VERSION);
    assert!(same.steps.is_empty() && same.losses().is_empty());
    assert_eq!(same.file(), "-- This is an empty migration.");
}

#[test]
fn the_connections_namespace_is_left_out() {
    let text = format!("{DATASOURCE}model A {{\n  id Int @id\n}}\n");
    let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
    let catalog = PrismaCatalog::of_schema(&schema, &Name::new("app"), VERSION).expect("it has a meaning");
    let empty = PrismaCatalog::default();
    let script = Migration::between(&empty, &catalog, VERSION).script();
    assert!(script.starts_with("-- CreateSchema\nCREATE SCHEMA IF NOT EXISTS \"app\";\n"), "{script}");
    assert!(script.contains("CREATE TABLE \"A\" ("), "{script}");
    let script = Migration::between(&catalog, &empty, VERSION).script();
    assert_eq!(script, "-- DropTable\nDROP TABLE \"app\".\"A\";\n");
}

/// Which names say the connection's namespace: how many lines of each script do, as with the engines of these
/// versions.
#[test]
fn what_says_the_namespace_depends_on_the_version() {
    const BEFORE: &str = "enum E {\n  a\n  b\n}\nenum Gone {\n  x\n}\nmodel T {\n  id Int @id\n  e E @default(a)\n  n Int @unique\n}\nmodel G {\n  id Int @id\n  x Gone\n}\n";
    const AFTER: &str =
        "enum E {\n  b\n}\nmodel T {\n  id Int @id\n  e E @default(b)\n}\nmodel U {\n  id Int @id\n}\n";
    for ((major, minor), counts) in [
        ((5, 22), [0, 0, 0, 0]),
        ((6, 12), [0, 0, 0, 0]),
        ((6, 13), [8, 12, 4, 12]),
        ((6, 16), [8, 12, 4, 12]),
        ((6, 17), [0, 0, 0, 5]),
        ((6, 18), [0, 0, 0, 5]),
        ((6, 19), [0, 0, 4, 2]),
        ((7, 10), [1, 0, 4, 2]),
    ] {
        let version = PrismaVersion::new(major, minor, 0);
        let url = if major < 7 { "  url = \"postgres://x\"\n" } else { "" };
        let read = |models: &str| {
            let text = format!("datasource db {{\n  provider = \"postgresql\"\n{url}}}\n{models}");
            let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
            PrismaCatalog::of_schema(&schema, &Name::new("public"), version).expect("it has a meaning")
        };
        let (empty, before, after) = (PrismaCatalog::default(), read(BEFORE), read(AFTER));
        let lines = |before: &PrismaCatalog, after: &PrismaCatalog| {
            let script = Migration::between(before, after, version).script();
            script.lines().filter(|line| line.contains("\"public\"")).count()
        };
        // As it is described.
        let mut database = before.clone();
        if version.sees_namespaces() {
            database.default_namespace = None;
        }
        let found = [
            lines(&empty, &before),
            lines(&before, &after),
            lines(&before, &empty),
            lines(&database, &after),
        ];
        assert_eq!(found, counts, "{version}: made, changed, dropped, changed in a database");
    }
}
