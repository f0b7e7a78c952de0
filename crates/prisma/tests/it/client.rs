//! The contract against the statements of the real Prisma Client.

use std::collections::BTreeSet;

use underpin_catalog::{Name, RelationName};
use underpin_prisma::ClientContract;
use underpin_prisma::client::{ColumnUse, Gap, OnCreate, Table};
use underpin_testkit::schemas::{Created, create};
use underpin_testkit::{Client, Server, majors};

use crate::schemas::read;

const MODELS: &str = r#"
enum Role {
  USER @map("user")
  ADMIN
  @@map("role_type")
}
model User {
  id        Int       @id @default(autoincrement())
  number    Int       @default(autoincrement())
  key       String    @default(uuid())
  cuid      String    @default(cuid())
  ulid      String    @default(ulid())
  nano      String    @default(nanoid())
  generated String    @default(dbgenerated("gen_random_uuid()")) @db.Uuid
  maybe     String?   @default(dbgenerated())
  role      Role      @default(USER)
  active    Boolean   @default(true)
  count     Int       @default(5)
  data      Json      @default("{}")
  created   DateTime  @default(now()) @map("created_at")
  touched   DateTime  @updatedAt
  seen      DateTime? @updatedAt
  nickname  String?
  hint      String?   @default("x")
  tags      String[]
  labels    String[]  @default(["a"])
  fullName  String    @map("full_name")
  area      Unsupported("circle")?
  secret    String?   @ignore
  groups    Group[]
  @@map("users")
}
model Group {
  id    String @id
  name  String?
  users User[]
}
"#;

/// The quoted words between two marks of a statement.
fn names(statement: &str, from: &str, to: &str) -> Vec<String> {
    let (_, rest) = statement.split_once(from).unwrap_or_else(|| panic!("no {from} in {statement}"));
    let part = rest.split_once(to).map_or(rest, |(part, _)| part);
    // `"public"."users"."id"` is a column by its last word.
    let last = part.split(',').map(|name| name.trim().rsplit('.').next().unwrap());
    last.map(|name| name.split('"').nth(1).unwrap().to_owned()).collect()
}

fn columns<'a>(
    table: &'a Table,
    is_meant: impl Fn(OnCreate) -> bool + 'a,
) -> impl Iterator<Item = String> + 'a {
    let used = table.columns.iter().filter(|column| column.used == ColumnUse::Client);
    used.filter(move |column| is_meant(column.on_create)).map(|column| column.name.as_str().to_owned())
}

fn one<'a>(sent: &'a [String], beginning: &str) -> &'a str {
    let found: Vec<_> = sent.iter().filter(|statement| statement.starts_with(beginning)).collect();
    assert_eq!(found.len(), 1, "{beginning} in {sent:#?}");
    found[0]
}

#[tokio::test]
async fn the_real_client_sends_what_the_contract_says() {
    let text = format!("datasource db {{\n  provider = \"postgresql\"\n}}\n{MODELS}");
    let contract = ClientContract::of(&read(&text), &Name::new("public"));
    let users = contract.table(&RelationName::bare("users")).unwrap();
    let server = Server::shared(majors()[0]).await;
    let database = server.database("contract").await;
    match &create(&[text]).await[0] {
        Created::Sql(sql) => database.run(sql).await,
        Created::Error(error) => panic!("{error}"),
    }
    let client = Client::of(7, MODELS);

    let sent = client.statements(&database, "await db.user.create({ data: { fullName: 'x' } })").await;
    let insert = one(&sent, "INSERT");
    let written =
        columns(users, |on_create| matches!(on_create, OnCreate::FromApplication | OnCreate::FromClient));
    assert_eq!(sorted(names(insert, "(", ")")), written.collect());
    let known: Vec<String> = columns(users, |_| true).collect();
    assert_eq!(names(insert, "RETURNING ", ";"), known, "in the order of the fields");

    // NULL in so many words: for each column that the contract says can be without a value.
    let optional = users.columns.iter().filter(|column| {
        let gap = contract.writes_without(&users.name, &column.name);
        matches!(gap, Some(Gap::Optional(_))) && !matches!(column.field.as_str(), "tags")
    });
    let data: Vec<String> = optional.map(|column| format!("{}: null", column.field)).collect();
    assert_eq!(data, ["maybe: null", "seen: null", "nickname: null", "hint: null"]);
    let script = format!("await db.user.create({{ data: {{ fullName: 'x', {} }} }})", data.join(", "));
    client.statements(&database, &script).await;

    let sent =
        client.statements(&database, "await db.user.update({ where: { id: 1 }, data: { count: 6 } })").await;
    let update = one(&sent, "UPDATE");
    let touched = users.columns.iter().filter(|column| column.is_touched).map(|column| column.name.as_str());
    let set = update.split_once(" SET ").unwrap().1.split_once(" WHERE ").unwrap().0;
    assert_eq!(names(set, "", ";"), ["count"].into_iter().chain(touched).collect::<Vec<_>>());
    assert_eq!(names(update, "RETURNING ", ";"), known);

    let sent = client.statements(&database, "await db.user.findMany()").await;
    assert_eq!(names(one(&sent, "SELECT"), "SELECT ", " FROM"), known);

    let script = "await db.group.upsert({ where: { id: 'g' }, create: { id: 'g' }, update: { name: 'n' } });
                  await db.user.update({ where: { id: 1 }, data: { groups: { connect: { id: 'g' } } } })";
    let sent = client.statements(&database, script).await;
    let upsert = one(&sent, "INSERT INTO \"public\".\"Group\"");
    let key: Vec<Name> = names(upsert, "ON CONFLICT (", ")").into_iter().map(Name::new).collect();
    assert!(contract.key_of(&RelationName::bare("Group"), &key).is_some());
    let between = RelationName::bare("_GroupToUser");
    let connect = one(&sent, "INSERT INTO \"public\".\"_GroupToUser\"");
    let table = contract.table(&between).unwrap();
    assert_eq!(sorted(names(connect, "(", ")")), columns(table, |_| true).collect::<BTreeSet<_>>());
}

fn sorted(names: Vec<String>) -> BTreeSet<String> {
    names.into_iter().collect()
}
