use underpin_catalog::Name;

use crate::migrate::{Migration, PrismaCatalog};
use crate::schema::{Schema, Source};
use crate::{PrismaVersion, migrate::Unreadable};

const VERSION: PrismaVersion = PrismaVersion::new(7, 10, 0);

fn read(text: &str) -> (Schema, Result<PrismaCatalog, Vec<Unreadable>>) {
    let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
    let catalog = PrismaCatalog::of_schema(&schema, &Name::new("public"), VERSION);
    (schema, catalog)
}

/// What is told, with the lines.
fn told(text: &str) -> Vec<String> {
    let (schema, catalog) = read(text);
    let problems = catalog.expect_err("something has no meaning");
    problems.iter().map(|problem| format!("{}: {problem}", schema.place(problem.span).line)).collect()
}

#[test]
fn everything_without_a_meaning_is_told_in_one_pass() {
    let text = "\
model A {
  id Int @id
  a Strnig
  b String @db.Text2
  c Int @default(\"x\")
  d E @default(Z)
  e Bytes @default(\"?\")
  f DateTime @default(\"today\")
  g B @relation(fields: [x], references: [id])
  h B @relation(\"h\", fields: [id])
  i C[]
  @@index([nothing])
  @@index([id], where: { id: X })
  @@
}
model B {
  id Int @id
}
model C {
  id Int @unique
  as A[]
}
enum E {
  X
}
";
    assert_eq!(
        told(text),
        [
            "3: there is no type `Strnig`: no scalar, enum, model or view has this name",
            "4: PostgreSQL has no type that Prisma calls `Text2`",
            "5: this is no value of the field's type",
            "6: this is no value of the field's type",
            "7: this is no value of the field's type",
            "8: this is no value of the field's type",
            "9: model A has no field `x`",
            "10: a relation with `fields` needs `references`",
            "12: model A has no field `nothing`",
            "13: this is no condition: write `raw(\"…\")`, or `{ field: value }` with a string, a number, true, \
             false, null or `{ not: … }`",
            "14: expected an attribute's name, found the end of the line",
            "21: model C needs an `@id` of one field for this relation",
        ]
    );
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
    let schema = Schema::parse(vec![Source::new("schema.prisma", "model A {\n  id Int @id\n}\n")]);
    let catalog = PrismaCatalog::of_schema(&schema, &Name::new("app"), VERSION).expect("it has a meaning");
    let empty = PrismaCatalog::default();
    let script = Migration::between(&empty, &catalog, VERSION).script();
    assert!(script.starts_with("-- CreateSchema\nCREATE SCHEMA IF NOT EXISTS \"app\";\n"), "{script}");
    assert!(script.contains("CREATE TABLE \"A\" ("), "{script}");
    let script = Migration::between(&catalog, &empty, VERSION).script();
    assert_eq!(script, "-- DropTable\nDROP TABLE \"app\".\"A\";\n");
}
