//! Plans where not everything is in `public` under short names: namespaces of the schema, that of the URL, names that
//! have to be quoted and names as long as names can be.

use underpin_testkit::schemas::{Created, create};
use underpin_testkit::{Database, Oracle, ProjectFolder};

use super::assert_clean;
use crate::support::{server, underpin};

/// A change, with rows and writes of both releases.
struct Change<'a> {
    /// What the datasource says besides its provider.
    datasource: &'a str,
    before: &'a str,
    after: &'a str,
    /// Behind the database's address.
    parameters: &'a str,
    said: &'a [&'a str],
    /// Rows that are there.
    rows: &'a str,
    /// Behind the second phase, in the words of both releases.
    writes: &'a str,
    /// What is to be read in the end, and by which query.
    read: &'a str,
    expected: &'a [&'a str],
}

impl Change<'_> {
    async fn is_made(&self, stem: &str) {
        let schema = |models: &str| {
            format!("datasource db {{\n  provider = \"postgresql\"\n{}}}\n{models}", self.datasource)
        };
        let Created::Sql(init) = create(&[schema(self.before)]).await.remove(0) else { panic!("{stem}") };
        let project = ProjectFolder::prisma7()
            .file("prisma/schema.prisma", schema(self.before))
            .file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n")
            .migration("20260101000000_init", &init);
        let database = server().await.database(stem).await;
        let url = format!("{}{}", database.url(), self.parameters);
        succeeds(&project, &url, &["deploy"]).await;
        database.run(self.rows).await;

        let project = project.file("prisma/schema.prisma", schema(self.after));
        let major = server().await.major().to_string();
        let plan = ["plan", "--pg-version", &major, "--name", "change"];
        succeeds(&project, &url, &[&plan, self.said].concat()).await;
        succeeds(&project, &url, &["precheck"]).await;
        succeeds(&project, &url, &["deploy"]).await;
        database.run(self.writes).await;
        let release = ["rollout", "release", "change", "--now", "--database", database.name()];
        succeeds(&project, &url, &[&release[..], &["--attest", "the test: they are stopped"]].concat()).await;
        succeeds(&project, &url, &["deploy"]).await;
        assert_eq!(database.rows(self.read).await, self.expected, "{stem}");
        assert_clean(&database).await;
        agrees(&project, &url).await;

        // A new database gets all of it from Prisma itself.
        let new = server().await.database(&format!("{stem}_new")).await;
        self.is_deployed_by_prisma(&project, &new).await;
    }

    async fn is_deployed_by_prisma(&self, project: &ProjectFolder, database: &Database<'_>) {
        let url = format!("{}{}", database.url(), self.parameters);
        let said = Oracle::prisma7().await.deploy(project.path(), &url).await;
        assert_eq!(said.code, 0, "{}", said.all());
        assert_clean(database).await;
        agrees(project, &url).await;
    }
}

async fn succeeds(project: &ProjectFolder, url: &str, arguments: &[&str]) {
    let said = underpin(project.path(), url, arguments).await;
    assert_eq!(said.code, 0, "{arguments:?}: {}", said.all());
}

/// Prisma finds the database to be what the schema says.
async fn agrees(project: &ProjectFolder, url: &str) {
    let diff = ["migrate", "diff", "--exit-code", "--from-config-datasource"];
    let to = ["--to-schema", "prisma/schema.prisma"];
    let said = Oracle::prisma7().await.run(project.path(), url, &[&diff[..], &to].concat()).await;
    assert_eq!(said.code, 0, "{}", said.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_namespaces_of_the_schema_with_long_and_quoted_names() {
    let change = Change {
        datasource: "  schemas = [\"billing\", \"shop floor\"]\n",
        parameters: "",
        before: r#"
model Payer {
  id       Int       @id @default(autoincrement())
  name     String
  nr       Int       @unique @default(autoincrement()) @map("the number that a payer's letters show, and nobody else's, ever")
  invoices Invoice[]

  @@map("the payers, who have paid or not, and whom nobody has asked yet")
  @@schema("billing")
}

model Invoice {
  id      Int     @id @default(autoincrement())
  payerId Int
  payer   Payer   @relation(fields: [payerId], references: [nr])
  note    String?
  kind    String

  @@schema("shop floor")
}
"#,
        after: r#"
model Payer {
  id        Int       @id @default(autoincrement())
  firstName String    @map("first 'name'")
  lastName  String    @map("last 'name'")
  number    Int       @unique @default(autoincrement())
  invoices  Invoice[]

  @@map("the payers, who have paid or not, and whom nobody has asked yet")
  @@schema("billing")
}

model Invoice {
  id       Int    @id @default(autoincrement())
  payerNr  Int
  payer    Payer  @relation(fields: [payerNr], references: [number])
  note     String
  kindOf   Kind

  @@schema("shop floor")
}

enum Kind {
  SENT
  PAID

  @@schema("billing")
}
"#,
        said: &[
            "--split",
            "Payer.name:firstName,lastName",
            "--fill",
            "Payer.firstName=split_part(name, ' ', 1)",
            "--fill",
            "Payer.lastName=substr(name, strpos(name || ' ', ' ') + 1)",
            "--fill",
            "Payer.name=concat_ws(' ', \"first 'name'\", nullif(\"last 'name'\", ''))",
            "--rename",
            "Payer.the number that a payer's letters show, and nobody else's, ever:number",
            "--rename",
            "Invoice.payerId:payerNr",
            "--fill",
            "Invoice.note='no. ' || id",
            "--rename",
            "Invoice.kind:kindOf",
        ],
        rows: r#"
INSERT INTO billing."the payers, who have paid or not, and whom nobody has asked yet" (name) VALUES ('Ada Lovelace'), ('Plato');
INSERT INTO "shop floor"."Invoice" ("payerId", kind) VALUES (1, 'SENT'), (2, 'PAID');
"#,
        writes: r#"
INSERT INTO billing."the payers, who have paid or not, and whom nobody has asked yet" (name) VALUES ('Alan Turing');
INSERT INTO billing."the payers, who have paid or not, and whom nobody has asked yet" ("first 'name'", "last 'name'") VALUES ('Grace', 'Hopper');
INSERT INTO "shop floor"."Invoice" ("payerId", kind) VALUES (3, 'SENT');
INSERT INTO "shop floor"."Invoice" ("payerNr", "kindOf", note) VALUES (4, 'PAID', 'new');
UPDATE billing."the payers, who have paid or not, and whom nobody has asked yet" SET "last 'name'" = 'Byron' WHERE number = 1;
"#,
        read: r#"
SELECT number, "first 'name'", "last 'name'", note, "kindOf"::text
FROM billing."the payers, who have paid or not, and whom nobody has asked yet"
JOIN "shop floor"."Invoice" ON "payerNr" = number ORDER BY number
"#,
        expected: &[
            "1|Ada|Byron|no. 1|SENT",
            "2|Plato||no. 2|PAID",
            "3|Alan|Turing|no. 3|SENT",
            "4|Grace|Hopper|new|PAID",
        ],
    };
    change.is_made("namespaces").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_the_namespace_of_the_url() {
    let change = Change {
        datasource: "",
        parameters: "?schema=The_Other",
        before: "
model Order {
  id     Int     @id @default(autoincrement())
  nr     Int     @default(autoincrement())
  first  String?
  second String?
  state  String
  slug   String?
}
",
        after: "
model Order {
  id     Int     @id @default(autoincrement())
  number Int     @default(autoincrement())
  both   String
  is     State
  slug   String  @unique
}

enum State {
  OPEN
  SHUT
}
",
        said: &[
            "--rename",
            "Order.nr:number",
            "--merge",
            "Order.first,second:both",
            "--fill",
            "Order.both=coalesce(first, '') || '/' || coalesce(second, '')",
            "--fill",
            "Order.first=nullif(split_part(\"both\", '/', 1), '')",
            "--fill",
            "Order.second=nullif(split_part(\"both\", '/', 2), '')",
            "--rename",
            "Order.state:is",
            "--fill",
            "Order.slug=lower(state) || id",
        ],
        rows: r#"
SET search_path = "The_Other";
INSERT INTO "Order" (first, second, state) VALUES ('a', 'b', 'OPEN'), (NULL, 'c', 'SHUT'), (NULL, NULL, 'OPEN');
"#,
        writes: r#"
SET search_path = "The_Other";
INSERT INTO "Order" (first, state) VALUES ('d', 'SHUT');
INSERT INTO "Order" ("both", "is", slug) VALUES ('e/', 'OPEN', 'new');
RESET search_path;
UPDATE "The_Other"."Order" SET "both" = 'f/g' WHERE id = 1;
"#,
        read: r#"SELECT number, "both", "is"::text, slug FROM "The_Other"."Order" ORDER BY id"#,
        expected: &[
            "1|f/g|OPEN|open1",
            "2|/c|SHUT|shut2",
            "3|/|OPEN|open3",
            "4|d/|SHUT|shut4",
            "5|e/|OPEN|new",
        ],
    };
    change.is_made("other_namespace").await;
}
