//! What the tree holds, and what is told about text that is not the language.

use super::*;

fn read(text: &str) -> Schema {
    Schema::parse(vec![Source::new("schema.prisma", text)])
}

fn clean(text: &str) -> Schema {
    let schema = read(text);
    let told: Vec<_> = schema.errors.iter().map(|error| schema.located(error)).collect();
    assert!(told.is_empty(), "{told:?}");
    schema
}

/// What is told about a text, with the places.
fn told(text: &str) -> Vec<String> {
    let schema = read(text);
    schema.errors.iter().map(|error| format!("{} {error}", schema.place(error.span))).collect()
}

/// What is told about one line of a model, which is line 2; the model's other lines must be read.
fn told_of_field(line: &str) -> Vec<String> {
    let text = format!("model A {{\n{line}\nlast Int @id\n}}\nmodel B {{\nid Int @id\n}}");
    let schema = read(&text);
    let models: Vec<_> = schema.models().map(|model| model.name.name.as_str()).collect();
    assert_eq!(models, ["A", "B"], "{line}");
    let fields = &schema.models().next().unwrap().fields;
    assert_eq!(fields.last().unwrap().name.name, "last", "{line}");
    told(&text)
}

#[test]
fn a_model_is_read_whole() {
    let schema = clean(
        r#"
/// People.
/// Who pay.
model User { // not for robots
  id    Int      @id @default(autoincrement()) @map("user_id")
  /// As they write it.
  email String   @unique(map: "uniq") @db.VarChar(191) /// lower case
  tags  String[]
  geo   Unsupported("geometry(Point, 4326)")?
  posts Post[]   @relation("author", fields: [id], references: [authorId], onDelete: Cascade)

  @@unique([email, id(sort: Desc)], name: "both") // why
  @@map("users")
}
"#,
    );
    let user = schema.models().next().unwrap();
    assert_eq!(user.documentation.as_deref(), Some("People.\nWho pay."));
    assert_eq!(user.database_name(), "users");
    let names: Vec<_> =
        user.fields.iter().map(|field| (field.name.name.as_str(), field.database_name())).collect();
    let expected =
        [("id", "user_id"), ("email", "email"), ("tags", "tags"), ("geo", "geo"), ("posts", "posts")];
    assert_eq!(names, expected);
    let arities: Vec<_> = user.fields.iter().map(|field| field.field_type.arity).collect();
    assert_eq!(arities, [Arity::Required, Arity::Required, Arity::List, Arity::Optional, Arity::List]);
    let email = user.field("email").unwrap();
    assert_eq!(email.documentation.as_deref(), Some("As they write it.\nlower case"));
    let native = email.native_type().unwrap();
    assert_eq!((native.name.name.as_str(), schema.text(native.span)), ("db.VarChar", "@db.VarChar(191)"));
    assert!(matches!(&user.field("geo").unwrap().field_type.name,
        TypeName::Unsupported(literal) if literal.value == "geometry(Point, 4326)"));
    let relation = user.field("posts").unwrap().attribute("relation").unwrap();
    assert_eq!(relation.argument("name", 0).unwrap().as_str(), Some("author"));
    assert_eq!(relation.named("onDelete").unwrap().word(), Some("Cascade"));
    let unique = user.attribute("unique").unwrap();
    let fields: Vec<_> =
        unique.argument("fields", 0).unwrap().items().iter().map(|item| item.word()).collect();
    assert_eq!(fields, [Some("email"), Some("id")]);
    assert_eq!(schema.text(email.span), r#"email String   @unique(map: "uniq") @db.VarChar(191)"#);
    assert_eq!(schema.place(email.span), Place { line: 7, column: 3 });
    assert!(schema.text(user.span).starts_with("model User {") && schema.text(user.span).ends_with('}'));
    assert_eq!(schema.comments.len(), 6);
}

#[test]
fn every_kind_of_block_is_read() {
    let schema = clean(
        r#"datasource db {
  provider   = "postgresql" // here
  extensions = [citext, hstore(schema: "public", version: "1.4")]
}
generator client {
  provider        = "prisma-client"
  previewFeatures = ["views", "partialIndexes"]
}
/* model Old {
   } */
view Totals {
  id  Int @unique
  sum Decimal @db.Decimal(10, 2)
}
type Address {
  street String
}
enum Role {
  USER @map("user") /// everybody
  // nobody
  ADMIN
  @@map("roles")
  @@schema("auth")
}
model T {
  a Int
  @@index([a], where: { a: { not: null }, b: true })
}"#,
    );
    let datasource = schema.datasource().unwrap();
    assert_eq!(datasource.value("provider").unwrap().as_str(), Some("postgresql"));
    let extensions: Vec<_> =
        datasource.value("extensions").unwrap().items().iter().map(Expression::word).collect();
    assert_eq!(extensions, [Some("citext"), Some("hstore")]);
    assert_eq!(schema.generators().next().unwrap().value("previewFeatures").unwrap().items().len(), 2);
    assert_eq!(schema.views().next().unwrap().fields.len(), 2);
    assert_eq!(schema.models().count(), 1);
    let role = schema.enums().next().unwrap();
    assert_eq!((role.database_name(), role.namespace()), ("roles", Some("auth")));
    let values: Vec<_> = role.values.iter().map(EnumValue::database_name).collect();
    assert_eq!(values, ["user", "ADMIN"]);
    assert_eq!(role.values[0].documentation.as_deref(), Some("everybody"));
    let index = schema.models().next().unwrap().attribute("index").unwrap();
    assert!(matches!(index.named("where"), Some(Expression::Object { entries, .. }) if entries.len() == 2));
}

#[test]
fn strings_mean_what_json_says() {
    let schema = clean(
        r#"model A { 
 a String @default("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é")
}"#,
    );
    let field = &schema.models().next().unwrap().fields[0];
    assert_eq!(field.default().unwrap().as_str(), Some("a\"\\/\u{8}\u{c}\n\r\té😀é"));
}

#[test]
fn a_slip_is_told_with_its_place_and_hides_nothing_else() {
    let cases = [
        ("a", "2:1 field `a` has no type"),
        ("a @id", "2:1 field `a` has no type"),
        ("a: Int", "2:2 there is no `:` between a field's name and its type"),
        ("a Int!", "2:6 fields are required without the `!`"),
        ("a [Int]", "2:3 a list is written `Int[]`, not `[Int]`"),
        ("a Int[]?", "2:3 a list cannot be optional"),
        ("a Int;", "2:6 expected the end of the line, found `;`"),
        ("a Int @", "2:8 expected an attribute's name, found the end of the line"),
        ("a Int @default(5,)", "2:17 there is a comma and nothing behind it"),
        ("a Int @unique(,)", "2:15 there is a comma and nothing behind it"),
        ("a Int @uni-que", "2:8 `uni-que` cannot be a name here"),
        ("a Int @default(value: )", "2:16 argument `value` has no value"),
        ("a Int @default(5 6)", "2:18 expected `,` or `)`, found `6`"),
        ("a Int @default(+5)", "2:16 expected a value, found `+`"),
        ("a Int @default(\n5\n)", "2:15 this `(` is not closed on its line"),
        ("@@index([a, // b\nc])", "2:9 this `[` is not closed on its line"),
        ("@@index([a], where: {\n a: 5\n})", "2:21 this `{` is not closed on its line"),
        ("a Int @default(5", "2:15 this `(` is not closed on its line"),
        ("a String @default(\"x)", "2:19 this string is not closed on its line"),
        ("a String @default(\"x\\q\")", "2:21 `\\q` is no escape"),
        ("a String @default(\"x\\ud83d\")", "2:21 this is no character's number"),
        ("a String @default(\"x\ty\")", "2:21 a string cannot hold this character"),
        ("a-b Int", "2:1 `a-b` cannot be a name here"),
        ("1a Int", "2:1 `1a` cannot be a name here"),
        ("_a Int", "2:1 `_a` cannot be a name here"),
        ("# note", "2:1 unexpected `#`"),
        ("a\u{c}Int", "2:2 expected a type, found character U+000C"),
        ("\"a\" Int", "2:1 this line is not a field or an attribute"),
        ("a Unsupported(circle)", "2:15 expected a type, found `circle`"),
        ("@@index([a], where: { 5 })", "2:23 expected a name and `:`, found a value"),
    ];
    for (line, expected) in cases {
        let told = told_of_field(line);
        assert_eq!(told.first().map(String::as_str), Some(expected), "{line}: {told:?}");
        assert_eq!(told.len(), 1, "{line}: {told:?}");
    }
}

#[test]
fn blocks_that_are_none_are_told_and_the_next_is_read() {
    let cases: &[(&str, &[&str])] = &[
        ("hello", &["1:1 this line begins no block"]),
        ("@@foo", &["1:1 this line begins no block"]),
        ("modl A {\n id Int @id\n}", &["1:1 there is no block called `modl`"]),
        ("model {\n id Int @id\n}", &["1:1 this model has no name"]),
        ("model A\n{\n id Int @id\n}", &["1:1 the `{` of model `A` must stand on this line"]),
        ("model A { id Int @id }", &["1:1 model `A` is written on one line"]),
        ("model A {\n id Int @id }", &["2:13 expected a new line for `}`, found `}`"]),
        ("model A {\n id Int @id", &["1:1 model `A` is not closed"]),
        ("type A = String", &["1:1 a type cannot be given another name"]),
        ("}", &["1:1 this line begins no block"]),
        ("enum E {\n A,\n B\n}", &["2:3 expected the end of the line, found `,`"]),
        ("generator c {\n a = [\n \"b\"\n ]\n}", &["2:6 this `[` is not closed on its line"]),
        ("generator c {\n a =\n}", &["2:2 property `a` has no value"]),
        ("generator c {\n a \"b\"\n}", &["2:4 expected `=`, found a string"]),
        ("generator c {\n @@map(\"b\")\n}", &["2:2 this line is not a property"]),
    ];
    for (text, expected) in cases {
        let text = format!("{text}\nmodel Z {{\nid Int @id\n}}");
        assert_eq!(told(&text), *expected, "{text}");
        assert_eq!(read(&text).models().last().unwrap().name.name, "Z", "{text}");
    }
    assert_eq!(told("/* x\nmodel A {\n}"), ["1:1 this comment is not closed"]);
    assert_eq!(told("\u{feff}model A {\n}"), ["1:1 the file begins with a byte order mark"]);
}

#[test]
fn what_prisma_passes_over_is_passed_over() {
    let schema = clean(
        "generator a-b {\n out-put = \"x\"\n}\nmodelA {\n a String @db.VarChar(5,)\n b String @db.VarChar(,)\n}\n\
         model B { a Int }\n id Int @id\n} model C {\n}\nmodel D {\"\n}",
    );
    let models: Vec<_> =
        schema.models().map(|model| (model.name.name.as_str(), model.fields.len())).collect();
    assert_eq!(models, [("A", 2), ("B", 1), ("C", 0), ("D", 0)]);
    let passed_over = schema.comments.iter().map(|comment| schema.text(comment.span));
    assert_eq!(passed_over.collect::<Vec<_>>(), ["a Int }", "\""]);
}

#[test]
fn every_error_has_a_hint() {
    for text in ["hello", "modl A {\n}", "model A {\n a\n b Int[]?\n c String @default(\"\\q\")"] {
        for error in read(text).errors {
            assert!(!error.hint().is_empty() && !error.hint().ends_with('.'), "{error}");
        }
    }
}

#[test]
fn line_ends_of_all_kinds() {
    let text = "model A {\n id Int @id\n b Int // x\n}\n";
    for line_end in ["\r\n", "\r"] {
        let schema = clean(&text.replace('\n', line_end));
        assert_eq!(schema.models().next().unwrap().fields.len(), 2);
    }
}

#[test]
fn a_comment_within_what_is_passed_over_is_no_other() {
    let schema = read("model A { id /* a\n */ Int // b\n id Int @id // c\n}\nmodel B {\n}\n// d\n");
    let comments: Vec<_> = schema.comments.iter().map(|comment| schema.text(comment.span)).collect();
    assert_eq!(comments, ["id /* a\n */ Int // b", "// c", "// d"]);
}

#[test]
fn several_files_are_one_schema() {
    let schema = Schema::parse(vec![
        Source::new("a.prisma", "model A {\n e E\n}\n"),
        Source::new("b.prisma", "enum E {\n X\n}\nmodl"),
    ]);
    assert_eq!(schema.blocks.len(), 2);
    assert_eq!(schema.located(&schema.errors[0]), "b.prisma:4:1: this line begins no block");
}

#[test]
fn brackets_without_end_are_refused_without_a_stack() {
    for bracket in ["[", "f(", "{a:"] {
        let text = format!("model A {{\n a Int @default({}\n}}", bracket.repeat(100_000));
        assert!(told(&text).iter().any(|error| error.ends_with("nested too deeply")));
    }
    let lines = format!("model A {{\n{}", "a a @a(\n".repeat(2_000));
    assert_eq!(told(&lines).len(), 2_001);
}
