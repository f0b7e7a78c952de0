//! The contract of schemas that are chosen for it. `tests/it` holds it against Prisma's own SQL.

use super::*;
use crate::schema::{Arity, Scalar, Source};

fn contract(text: &str) -> ClientContract {
    let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
    let told: Vec<_> = schema.errors.iter().map(|error| schema.located(error)).collect();
    assert!(told.is_empty(), "{told:?}");
    ClientContract::of(&schema, &Name::new("public"))
}

fn name(name: &str) -> Name {
    Name::new(name)
}

fn relation(written: &str) -> RelationName {
    match written.split_once('.') {
        Some((namespace, name)) => RelationName::qualified(namespace, name),
        None => RelationName::bare(written),
    }
}

const EVERYTHING: &str = r#"
enum Role {
  USER @map("user")
  ADMIN
  @@map("role_type")
}
model User {
  id        Int       @id @default(autoincrement())
  key       String    @default(uuid())
  generated String    @default(dbgenerated("gen_random_uuid()")) @db.Uuid
  role      Role      @default(USER)
  created   DateTime  @default(now()) @map("created_at") @db.Timestamptz(6)
  touched   DateTime  @updatedAt
  nickname  String?
  hint      String?   @default("x")
  tags      String[]
  labels    String[]  @default(["a"])
  fullName  String    @map("full_name")
  area      Unsupported("circle")?
  secret    String?   @ignore
  posts     Post[]
  @@map("users")
}
model Post {
  id       String @id
  authorId Int    @map("author_id")
  author   User   @relation(fields: [authorId], references: [id])
  slug     String
  @@unique([authorId, slug])
}
"#;

#[test]
fn inserts_name_what_the_client_sends() {
    // The INSERT of `user.create({ data: { fullName: "x" } })`, as Prisma Client 6.19 and 7.10 log it,
    // names: key, role, created_at, touched, hint, labels, full_name.
    let contract = contract(EVERYTHING);
    let users = contract.table(&relation("users")).unwrap();
    let sent = users.columns.iter().filter(|column| {
        column.used == ColumnUse::Client
            && matches!(column.on_create, OnCreate::FromApplication | OnCreate::FromClient)
    });
    let sent: Vec<_> = sent.map(|column| column.name.as_str()).collect();
    assert_eq!(sent, ["key", "role", "created_at", "touched", "hint", "labels", "full_name"]);
    let returned = users.columns.iter().filter(|column| column.used == ColumnUse::Client);
    assert_eq!(returned.count(), users.columns.len() - 2, "all but area and secret");
    let touched: Vec<_> = users.columns.iter().filter(|column| column.is_touched).collect();
    assert_eq!(touched.len(), 1);
}

#[test]
fn a_column_is_read_under_the_name_that_the_database_knows() {
    let contract = contract(EVERYTHING);
    let field = |table: &str, column: &str| {
        contract.reads_column(&relation(table), &name(column)).map(|field| field.to_string())
    };
    assert_eq!(field("users", "full_name").as_deref(), Some("field fullName of model User"));
    assert_eq!(field("public.users", "full_name").as_deref(), Some("field fullName of model User"));
    assert_eq!(field("audit.users", "full_name"), None, "another namespace");
    assert_eq!(field("users", "fullName"), None, "the field's name is not the column's");
    assert_eq!(field("users", "posts"), None, "a relation has no column");
    assert_eq!(field("users", "area"), None, "Unsupported");
    assert_eq!(field("users", "secret"), None, "ignored");
    assert_eq!(field("Post", "author_id").as_deref(), Some("field authorId of model Post"));
    let created = contract.reads_column(&relation("users"), &name("created_at")).unwrap().column();
    assert_eq!(created.column_type, ColumnType::Scalar(Scalar::DateTime));
    assert_eq!((created.native_type.as_deref(), created.arity), (Some("Timestamptz(6)"), Arity::Required));
}

#[test]
fn rows_without_a_value_are_told_with_the_reason() {
    let contract = contract(EVERYTHING);
    let gap = |column: &str| {
        let gap = contract.writes_without(&relation("users"), &name(column));
        gap.map_or_else(|| "never".to_owned(), |gap| gap.to_string())
    };
    assert_eq!(gap("full_name"), "never");
    assert_eq!(gap("key"), "never");
    assert_eq!(gap("labels"), "never", "its default is sent, and a list cannot be NULL");
    assert_eq!(gap("id"), "field id of model User is left to the column's default");
    assert_eq!(gap("generated"), "field generated of model User is left to the column's default");
    assert_eq!(gap("nickname"), "field nickname of model User may be without a value");
    assert_eq!(
        gap("hint"),
        "field hint of model User may be without a value",
        "the application may write NULL"
    );
    assert_eq!(gap("tags"), "field tags of model User may be without a value");
    assert_eq!(gap("secret"), "field secret of model User is left out of all its statements");
    assert_eq!(gap("area"), "field area of model User is left out of all its statements");
    assert_eq!(gap("new"), "its schema does not have the column");
    assert_eq!(contract.writes_without(&relation("nothing"), &name("x")), None);
}

#[test]
fn what_is_ignored_is_known_as_ignored() {
    let contract = contract(
        "model A {\n id Int @id\n x Int? @ignore\n}\nmodel B {\n y Int\n @@ignore\n}\nview V {\n id Int @unique\n}\n\
         model C {\n id Int @id\n g Unsupported(\"circle\")\n}",
    );
    let ignored =
        |table: &str, column: &str| contract.ignores_column(&relation(table), &name(column)).is_some();
    assert!(ignored("A", "x") && ignored("B", "y") && !ignored("A", "id") && !ignored("A", "z"));
    assert!(
        contract.knows_table(&relation("B")).is_none() && contract.table(&relation("B")).unwrap().is_ignored
    );
    let view = contract.knows_table(&relation("V")).unwrap();
    assert_eq!((view.described().as_str(), view.is_written()), ("view V", false));
    let unwritable = contract.knows_table(&relation("C")).unwrap();
    assert!(!unwritable.is_written(), "Prisma offers no create where a required field is Unsupported");
    assert!(contract.reads_column(&relation("C"), &name("id")).is_some());
}

#[test]
fn enums_are_known_by_what_the_database_stores() {
    let contract = contract(EVERYTHING);
    let role = contract.enum_of(&relation("role_type")).unwrap();
    assert_eq!(role.name, "Role");
    let values: Vec<_> =
        role.values.iter().map(|value| (value.name.as_str(), value.stored.as_str())).collect();
    assert_eq!(values, [("USER", "user"), ("ADMIN", "ADMIN")]);
    let fields: Vec<_> =
        contract.fields_of_enum(&relation("role_type")).iter().map(ToString::to_string).collect();
    assert_eq!(fields, ["field role of model User"]);
    assert!(contract.enum_of(&relation("Role")).is_none());
}

#[test]
fn keys_and_foreign_keys_have_the_names_that_prisma_gives() {
    let contract = contract(EVERYTHING);
    let post = contract.table(&relation("Post")).unwrap();
    let keys: Vec<_> = post.keys.iter().map(|key| (key.kind, key.name.as_str())).collect();
    assert_eq!(keys, [(KeyKind::Primary, "Post_pkey"), (KeyKind::Unique, "Post_author_id_slug_key")]);
    let found = contract.key_of(&relation("Post"), &[name("slug"), name("author_id")]).unwrap();
    assert_eq!(found.kind, KeyKind::Unique);
    assert!(contract.key_of(&relation("Post"), &[name("slug")]).is_none());
    let key = &post.foreign_keys[0];
    assert_eq!((key.name.as_str(), key.columns[0].as_str()), ("Post_author_id_fkey", "author_id"));
    assert_eq!((&key.references, key.referenced[0].as_str()), (&relation("public.users"), "id"));
}

#[test]
fn a_relation_between_lists_has_a_table() {
    let contract = contract(
        "model B {\n id String @id @db.Uuid\n as A[]\n @@schema(\"two\")\n}\n\
         model A {\n id Int @id\n bs B[]\n up A[] @relation(\"Follow\")\n down A[] @relation(\"Follow\")\n \
         one One[]\n @@schema(\"one\")\n}\n\
         model One {\n id Int @id\n aId Int\n a A @relation(fields: [aId], references: [id])\n @@schema(\"one\")\n}",
    );
    let tables: Vec<_> = contract.tables.keys().map(RelationName::shown).collect();
    assert_eq!(tables, ["one.A", "one.One", "one._AToB", "one._Follow", "two.B"]);
    let table = contract.table(&relation("one._AToB")).unwrap();
    let types: Vec<_> =
        table.columns.iter().map(|column| (column.name.as_str(), &column.column_type)).collect();
    let expected = [("A", &ColumnType::Scalar(Scalar::Int)), ("B", &ColumnType::Scalar(Scalar::String))];
    assert_eq!(types, expected);
    assert_eq!(table.columns[1].native_type.as_deref(), Some("Uuid"));
    let field = contract.reads_column(&relation("one._AToB"), &name("B")).unwrap();
    assert_eq!(field.to_string(), "the relation between A.bs and B.as");
    let Origin::ManyToMany(follow) = &contract.table(&relation("one._Follow")).unwrap().origin else {
        panic!("a relation's table")
    };
    assert_eq!((follow.a.1.as_str(), follow.b.1.as_str()), ("down", "up"), "by the fields' names");
}

#[test]
fn relation_mode_prisma_means_no_foreign_keys() {
    let text = "datasource db {\n provider = \"postgresql\"\n relationMode = \"prisma\"\n}\n";
    let contract = contract(&format!("{text}{EVERYTHING}"));
    assert!(contract.table(&relation("Post")).unwrap().foreign_keys.is_empty());
}

#[test]
fn a_schema_that_cannot_be_read_whole_says_so() {
    let text = "model A {\n id Int @id\n broken\n b Broken? @relation(fields: [id], references: [id])\n}\nmodl Broken {";
    let schema = Schema::parse(vec![Source::new("schema.prisma", text)]);
    let contract = ClientContract::of(&schema, &Name::new("public"));
    assert!(!contract.is_whole);
    assert_eq!(contract.table(&relation("A")).unwrap().columns.len(), 1);
}

#[test]
fn a_database_tells_the_contract_of_a_client_that_fits_it() {
    use crate::{PrismaCatalog, PrismaVersion};
    let text = EVERYTHING.replace("area      Unsupported(\"circle\")?", "amount Decimal @db.Decimal(8, 2)");
    let text = format!("datasource db {{\n  provider = \"postgresql\"\n}}\n{text}");
    let schema = Schema::parse(vec![Source::new("schema.prisma", text.clone())]);
    let namespace = Name::new("public");
    let database = PrismaCatalog::of_schema(&schema, &namespace, PrismaVersion::new(7, 10, 0)).unwrap();
    let (found, schema) = (ClientContract::of_database(&database, &namespace), contract(&text));
    for (name, table) in &schema.tables {
        let own = found.table(name).unwrap();
        let keys =
            |table: &Table| table.keys.iter().map(|key| (key.kind, key.columns.clone())).collect::<Vec<_>>();
        assert_eq!(keys(own), keys(table), "{name}");
        assert_eq!(own.foreign_keys.len(), table.foreign_keys.len(), "{name}");
        for column in &table.columns {
            let there = own.column(&column.name).unwrap_or_else(|| panic!("{name}: {column:?}"));
            assert_eq!((&there.column_type, there.arity), (&column.column_type, column.arity));
            assert_eq!(there.used, ColumnUse::Client);
            let says = &column.native_type;
            assert!(
                says.is_none()
                    || there.native_type.as_ref().map(|own| own.replace(' ', ""))
                        == says.as_ref().map(|own| own.replace(' ', "")),
                "{there:?}"
            );
        }
    }
    assert_eq!(found.enums.keys().collect::<Vec<_>>(), schema.enums.keys().collect::<Vec<_>>());
    let id = found.table(&relation("users")).unwrap().column(&name("id")).unwrap().clone();
    assert_eq!(id.on_create, OnCreate::LeftToDatabase);
}
