//! Pairs of schemas that each ask the engine one question, about what chance draws seldom.

use underpin_testkit::schemas::{Engine, Side};

use super::{PRISMA_7, differing};

const DATASOURCE: &str = "datasource db {\n  provider = \"postgresql\"\n}\n";

const PREVIEW: &str = r#"generator client {
  provider = "prisma-client"
  output = "x"
  previewFeatures = ["partialIndexes", "postgresqlExtensions", "views"]
}
"#;

fn files(texts: &[&str]) -> Side {
    Some(
        texts
            .iter()
            .enumerate()
            .map(|(at, text)| (format!("{}.prisma", 9 - at), (*text).to_owned()))
            .collect(),
    )
}

fn plain(blocks: &str) -> Side {
    files(&[&format!("{DATASOURCE}{PREVIEW}{blocks}")])
}

fn with(property: &str, blocks: &str) -> Side {
    let datasource = DATASOURCE.replace("}\n", &format!("  {property}\n}}\n"));
    files(&[&format!("{datasource}{PREVIEW}{blocks}")])
}

/// A model of these fields, with a key and an enum.
fn fields(fields: &[&str]) -> Side {
    let fields: String = fields.iter().map(|field| format!("  {field}\n")).collect();
    plain(&format!("model A {{\n  id Int @id\n{fields}}}\nenum E {{\n  X\n  Y @map(\"y y\")\n}}\n"))
}

fn conditions() -> Side {
    let values = [
        "raw(\"a > 1\")",
        "{ a: -5 }",
        "{ a: { not: 5 } }",
        "{ b: false }",
        "{ b: { not: true } }",
        "{ c: null }",
        "{ c: { not: null } }",
        "{ c: \"it's\" }",
        "{ c: { not: \"x\" } }",
        "{ d: \"2020-01-01T00:00:00Z\" }",
        "{ e: \"y y\" }",
        "{ f: 1.50 }",
        "{ a: 1, c: null, b: true }",
    ];
    let indexes: String = values
        .iter()
        .enumerate()
        .map(|(at, value)| format!("  @@index([a], where: {value}, map: \"i{at}\")\n"))
        .collect();
    plain(&format!(
        "model A {{\n  id Int @id\n  a Int @unique(where: raw(\"a > 0\"))\n  b Boolean\n  c String? @map(\"see\")\n  d DateTime\n  e E\n  f Float\n{indexes}}}\nenum E {{\n  X\n  Y @map(\"y y\")\n}}\n"
    ))
}

fn operator_classes() -> Side {
    let types = [
        ("Bit", "bit String @db.Bit(3)", "MinMaxOps"),
        ("VarBit", "varbit String @db.VarBit(3)", "MinMaxOps"),
        ("Bpchar", "bpchar String @db.Char(3)", "BloomOps MinMaxOps"),
        ("Bytea", "bytea Bytes", "BloomOps MinMaxOps"),
        ("Date", "date DateTime @db.Date", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Float4", "float4 Float @db.Real", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Float8", "float8 Float", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Inet", "inet String @db.Inet", "InclusionOps BloomOps MinMaxOps MinMaxMultiOps"),
        ("Int2", "int2 Int @db.SmallInt", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Int4", "int4 Int", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Int8", "int8 BigInt", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Numeric", "numeric Decimal", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Oid", "oid Int @db.Oid", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Text", "text String", "BloomOps MinMaxOps"),
        ("Timestamp", "timestamp DateTime", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("TimestampTz", "timestamptz DateTime @db.Timestamptz", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Time", "time DateTime @db.Time", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("TimeTz", "timetz DateTime @db.Timetz", "BloomOps MinMaxOps MinMaxMultiOps"),
        ("Uuid", "uuid String @db.Uuid", "BloomOps MinMaxOps MinMaxMultiOps"),
    ];
    let mut lines = Vec::new();
    for (prefix, field, classes) in types {
        let name = field.split(' ').next().unwrap();
        lines.push(format!("  {field}\n"));
        for class in classes.split(' ') {
            lines.push(format!(
                "  @@index([{name}(ops: {prefix}{class})], type: Brin, map: \"{prefix}{class}\")\n"
            ));
        }
    }
    plain(&format!("model A {{\n  id Int @id\n{}}}\n", lines.concat()))
}

fn pairs() -> Vec<(&'static str, Side, Side)> {
    let model = |fields: &str| format!("model A {{\n  id Int @id\n{fields}}}\n");
    let long = "x".repeat(58);
    vec![
        (
            "numbers",
            None,
            fields(&[
                "a Float @default(1.50)",
                "b Float @default(-0.0)",
                "c Float @default(100000000000000000000000)",
                "d Float @default(0.000000000000001)",
                "e Decimal @default(123456789012345678901234567890.123)",
                "f Decimal[] @default([1.0, 2])",
                "g Float @default(00012.30)",
                "h Int @default(007)",
                "i Int @default(-0)",
            ]),
        ),
        (
            "points in time",
            None,
            fields(&[
                "a DateTime @default(\"2020-01-02T03:04:05Z\")",
                "b DateTime @default(\"2020-01-02T03:04:05.123456+02:00\")",
                "c DateTime @default(\"2020-01-02T03:04:05.1-05:30\") @db.Timestamptz",
                "d DateTime[] @default([\"2020-01-02T03:04:05.000Z\"])",
                "e DateTime @default(\"1900-12-31T23:59:59.999999999Z\")",
            ]),
        ),
        (
            "columns come and go by name",
            fields(&["z Int", "y Int", "m Int"]),
            fields(&["b Int", "a Int", "m Int?", "c Int"]),
        ),
        (
            "an enum gone from columns with defaults",
            plain(
                "model B {\n  id Int @id\n  e E @default(X)\n  f E @default(X)\n}\nmodel G {\n  id Int @id\n  e E @default(X)\n}\nenum E {\n  X\n  Y\n}\n",
            ),
            plain(
                "model B {\n  id Int @id\n  e E @default(Z)\n  g E[]\n}\nmodel N {\n  id Int @id\n  e E\n}\nenum E {\n  X\n  Z\n}\n",
            ),
        ),
        (
            "autoincrement comes and goes",
            plain(&model("  b Int\n  d Int @default(autoincrement())\n")),
            plain(&model("  b Int @default(autoincrement())\n  d Int @default(5)\n")),
        ),
        (
            "the last autoincrement goes",
            plain(&model("  d Int @default(autoincrement())\n")),
            plain(&model("  d Int\n")),
        ),
        (
            "autoincrement in a namespace",
            with("schemas = [\"one\"]", &model("  b Int\n  @@schema(\"one\")\n")),
            with("schemas = [\"one\"]", &model("  b Int @default(autoincrement())\n  @@schema(\"one\")\n")),
        ),
        (
            "a renamed key among changes",
            plain("model A {\n  id Int @id\n  x Int\n}\n"),
            plain("model A {\n  id BigInt @id(map: \"np\")\n}\n"),
        ),
        (
            "a renamed index that is made again",
            plain(&model("  b String\n  @@index([b])\n")),
            plain(&model("  b Int\n  @@index([b], map: \"new\")\n")),
        ),
        (
            "several indexes on the same columns",
            plain(&model(
                "  a Int\n  b Int\n  @@index([a])\n  @@index([a], map: \"two\")\n  @@index([b], map: \"x\")\n",
            )),
            plain(&model(
                "  a Int\n  b Int\n  @@index([a], map: \"three\")\n  @@index([b], map: \"y\")\n  @@index([b], map: \"z\")\n",
            )),
        ),
        (
            "an index by its old argument",
            None,
            plain(&model("  a Int\n  @@index([a], name: \"nm\")\n  @@unique([a], name: \"un\")\n")),
        ),
        (
            "orders and classes",
            None,
            plain(&model(
                "  x String\n  a Int @unique(sort: Desc)\n  @@index([x(ops: raw(\"text_pattern_ops\"), sort: Desc), a(sort: Asc)])\n",
            )),
        ),
        ("conditions", None, conditions()),
        ("operator classes", None, operator_classes()),
        (
            "long names between",
            None,
            plain(&format!(
                "model A{long} {{\n  id Int @id\n  b B{long}[]\n  c C[] @relation(\"{}\")\n}}\nmodel B{long} {{\n  id Int @id\n  a A{long}[]\n}}\nmodel C {{\n  id Int @id\n  a A{long}[] @relation(\"{}\")\n}}\n",
                "r".repeat(57),
                "r".repeat(57)
            )),
        ),
        (
            "files",
            None,
            files(&[
                "model B {\n  id Int @id\n  as A[]\n}\nenum Eb {\n  X\n}\n",
                &format!("{DATASOURCE}model A {{\n  id Int @id\n  bs B[]\n  e Eb\n}}\nenum Ea {{\n  X\n}}\n"),
            ]),
        ),
        (
            "extensions come",
            plain(""),
            with(
                "extensions = [zz(version: \"2\"), citext, hstore(schema: \"public\", version: \"1.4\"), uuidOssp(map: \"uuid-ossp\")]",
                "",
            ),
        ),
        (
            "extensions change",
            with(
                "extensions = [citext(version: \"1\"), hstore(schema: \"public\"), uuidOssp(map: \"uuid-ossp\")]",
                "",
            ),
            with(
                "extensions = [citext(version: \"2\"), hstore(schema: \"other\", version: \"1.5\"), bb]",
                "",
            ),
        ),
        (
            "namespaces that nothing lives in",
            None,
            with("schemas = [\"two\", \"public\", \"ten\"]", &model("  @@schema(\"two\")\n")),
        ),
        (
            "views",
            None,
            plain(
                "model A {\n  id Int @id\n  vs V[]\n}\nview V {\n  id Int @unique\n  aid Int\n  a A @relation(fields: [aid], references: [id])\n}\n",
            ),
        ),
        ("all goes", fields(&["a Int @default(autoincrement())"]), None),
    ]
}

#[tokio::test]
async fn the_engine_answers_as_we_do() {
    let pairs: Vec<_> =
        pairs().into_iter().map(|(name, before, after)| (name.to_owned(), before, after)).collect();
    let differing = differing(Engine::Prisma7, &pairs, PRISMA_7).await;
    assert!(differing.is_empty(), "{} differ\n{}", differing.len(), differing.join("\n\n"));
}
