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
