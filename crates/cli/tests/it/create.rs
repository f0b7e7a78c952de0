//! `underpin create`: folders that the real Prisma would have made, and takes without a word.

mod down;
mod stopped;

use std::path::Path;

use serde_json::Value;
use underpin_testkit::schemas::create_migration;
use underpin_testkit::{Oracle, ProjectFolder, workspace_root};

use crate::support::{server, underpin};

/// A shop as it grows: what each change is called, and the models behind it.
const CHANGES: [(&str, &str); 10] = [
    ("init", "model User {\n  id    Int    @id @default(autoincrement())\n  email String @unique\n}\n"),
    (
        "profiles and posts",
        "model User {\n  id    Int    @id @default(autoincrement())\n  email String @unique\n  name  String?\n  posts Post[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  title     String\n  author    User     @relation(fields: [authorId], references: [id], onDelete: Cascade)\n  authorId  Int\n  createdAt DateTime @default(now())\n\n  @@index([authorId, createdAt(sort: Desc)])\n}\n",
    ),
    (
        "AddStatus",
        "enum Status {\n  DRAFT\n  LIVE\n}\n\n\
         model User {\n  id    Int    @id @default(autoincrement())\n  email String @unique\n  name  String?\n  posts Post[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  title     String\n  status    Status   @default(DRAFT)\n  author    User     @relation(fields: [authorId], references: [id], onDelete: Cascade)\n  authorId  Int\n  createdAt DateTime @default(now())\n\n  @@index([authorId, createdAt(sort: Desc)])\n}\n",
    ),
    (
        "tags, many to many",
        "enum Status {\n  DRAFT\n  LIVE\n  GONE\n}\n\n\
         model User {\n  id    Int    @id @default(autoincrement())\n  email String @unique\n  name  String?\n  posts Post[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  title     String\n  status    Status   @default(DRAFT)\n  author    User     @relation(fields: [authorId], references: [id], onDelete: Cascade)\n  authorId  Int\n  createdAt DateTime @default(now())\n  tags      Tag[]\n\n  @@index([authorId, createdAt(sort: Desc)])\n}\n\n\
         model Tag {\n  name  String @id @db.VarChar(40)\n  posts Post[]\n}\n",
    ),
    (
        "name required",
        "enum Status {\n  DRAFT\n  LIVE\n  GONE\n}\n\n\
         model User {\n  id    Int    @id @default(autoincrement())\n  email String @unique\n  name  String @default(\"it's nobody\")\n  posts Post[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  title     String   @db.VarChar(200)\n  status    Status   @default(DRAFT)\n  author    User     @relation(fields: [authorId], references: [id], onDelete: Cascade)\n  authorId  Int\n  createdAt DateTime @default(now())\n  tags      Tag[]\n\n  @@index([authorId, createdAt(sort: Desc)])\n}\n\n\
         model Tag {\n  name  String @id @db.VarChar(40)\n  posts Post[]\n}\n",
    ),
    (
        "slugs",
        "enum Status {\n  DRAFT\n  LIVE\n  GONE\n}\n\n\
         model User {\n  id    Int    @id @default(autoincrement())\n  email String @unique\n  name  String @default(\"it's nobody\")\n  posts Post[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  slug      String   @unique\n  title     String   @db.VarChar(200)\n  status    Status   @default(DRAFT)\n  author    User     @relation(fields: [authorId], references: [id], onDelete: Cascade)\n  authorId  Int\n  createdAt DateTime @default(now())\n  tags      Tag[]\n\n  @@index([authorId, createdAt(sort: Desc)])\n}\n\n\
         model Tag {\n  name  String @id @db.VarChar(40)\n  posts Post[]\n}\n",
    ),
    (
        "a status goes",
        "enum Status {\n  DRAFT\n  LIVE\n}\n\n\
         model User {\n  id    Int    @id @default(autoincrement())\n  email String @unique\n  name  String @default(\"it's nobody\")\n  posts Post[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  slug      String   @unique\n  title     String   @db.VarChar(200)\n  status    Status   @default(DRAFT)\n  author    User     @relation(fields: [authorId], references: [id], onDelete: Cascade)\n  authorId  Int\n  createdAt DateTime @default(now())\n  tags      Tag[]\n\n  @@index([authorId, createdAt(sort: Desc)])\n}\n\n\
         model Tag {\n  name  String @id @db.VarChar(40)\n  posts Post[]\n}\n",
    ),
    (
        "orders",
        "enum Status {\n  DRAFT\n  LIVE\n}\n\n\
         model User {\n  id     Int     @id @default(autoincrement())\n  email  String  @unique\n  name   String  @default(\"it's nobody\")\n  posts  Post[]\n  orders Order[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  slug      String   @unique\n  title     String   @db.VarChar(200)\n  status    Status   @default(DRAFT)\n  author    User     @relation(fields: [authorId], references: [id], onDelete: Cascade)\n  authorId  Int\n  createdAt DateTime @default(now())\n  tags      Tag[]\n\n  @@index([authorId, createdAt(sort: Desc)])\n}\n\n\
         model Tag {\n  name  String @id @db.VarChar(40)\n  posts Post[]\n}\n\n\
         model Order {\n  buyerId Int      @map(\"buyer_id\")\n  number  Int\n  total   Decimal  @db.Decimal(12, 2)\n  paidAt  DateTime? @db.Timestamptz(3)\n  meta    Json     @default(\"{}\")\n  labels  String[] @default([\"new\"])\n  buyer   User     @relation(fields: [buyerId], references: [id], onDelete: Restrict)\n\n  @@id([buyerId, number])\n  @@map(\"orders\")\n}\n",
    ),
    (
        "tags go, slugs may lack",
        "enum Status {\n  DRAFT\n  LIVE\n}\n\n\
         model User {\n  id     Int     @id @default(autoincrement())\n  email  String  @unique\n  name   String  @default(\"it's nobody\")\n  posts  Post[]\n  orders Order[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  slug      String?  @unique\n  title     String   @db.VarChar(200)\n  status    Status   @default(LIVE)\n  author    User     @relation(fields: [authorId], references: [id])\n  authorId  Int\n  createdAt DateTime @default(now())\n\n  @@index([authorId, createdAt(sort: Desc)])\n}\n\n\
         model Order {\n  buyerId Int      @map(\"buyer_id\")\n  number  BigInt\n  total   Decimal  @db.Decimal(12, 2)\n  paidAt  DateTime? @db.Timestamptz(3)\n  meta    Json     @default(\"{}\")\n  labels  String[] @default([\"new\"])\n  buyer   User     @relation(fields: [buyerId], references: [id], onDelete: Restrict)\n\n  @@id([buyerId, number])\n  @@map(\"orders\")\n}\n",
    ),
    (
        "order keys of their own",
        "enum Status {\n  DRAFT\n  LIVE\n}\n\n\
         model User {\n  id     Int     @id @default(autoincrement())\n  email  String  @unique(map: \"one_account_per_email\")\n  name   String  @default(\"it's nobody\")\n  posts  Post[]\n  orders Order[]\n}\n\n\
         model Post {\n  id        String   @id @default(cuid())\n  slug      String?  @unique\n  title     String   @db.VarChar(200)\n  status    Status   @default(LIVE)\n  author    User     @relation(fields: [authorId], references: [id])\n  authorId  Int\n  createdAt DateTime @default(now())\n}\n\n\
         model Order {\n  id      String   @id @default(dbgenerated(\"gen_random_uuid()\")) @db.Uuid\n  buyerId Int      @map(\"buyer_id\")\n  number  BigInt\n  total   Decimal  @db.Decimal(12, 2)\n  paidAt  DateTime? @db.Timestamptz(3)\n  meta    Json     @default(\"{}\")\n  buyer   User     @relation(fields: [buyerId], references: [id], onDelete: Restrict)\n\n  @@unique([buyerId, number])\n  @@map(\"orders\")\n}\n",
    ),
];

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// The migrations, in order.
fn folders(project: &ProjectFolder) -> Vec<String> {
    let entries = std::fs::read_dir(project.migrations()).unwrap();
    let entries = entries.map(Result::unwrap).filter(|entry| entry.path().is_dir());
    let mut folders: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    folders.sort();
    folders
}

async fn create(project: &ProjectFolder, arguments: &[&str]) -> Value {
    let arguments = [&["create", "--json", "--prisma", "7.10.0"], arguments].concat();
    let said = underpin(project.path(), "", &arguments).await;
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.all());
    serde_json::from_str(&said.stdout).unwrap()
}

/// Each file is the engine's to the byte; and when all are there, the real commands of both versions apply
/// them, and find nothing to do, nothing to warn of, and nothing that differs.
#[tokio::test(flavor = "multi_thread")]
async fn ten_changes_of_a_shop_are_prismas_own() {
    let mut project = ProjectFolder::prisma7();
    let (mut history, mut proven, mut with_losses) = (String::new(), 0, 0);
    let mut wanted = Vec::new();
    for (name, models) in CHANGES {
        project = project.models(models);
        let schema = read(project.path().join("prisma/schema.prisma"));
        let before = history.clone();
        wanted.push(tokio::spawn(async move {
            let database = server().await.database("create").await;
            create_migration(&database.url(), &before, &schema).await
        }));
        let created = create(&project, &["--name", name]).await;
        let last = folders(&project).pop().unwrap();
        let text = read(project.migrations().join(&last).join("migration.sql"));
        assert_eq!(created["migrations"][0]["folder"], last, "{created}");
        assert!(
            created["rehearsal"].get("again").is_none() && created["rehearsal"].get("fails").is_none(),
            "{created}"
        );
        proven += usize::from(created["rehearsal"]["down"][0]["outcome"] == "returns");
        with_losses += usize::from(text.starts_with("/*\n  Warnings:\n"));
        history.push_str(&text);
        history.push('\n');
    }
    let found = folders(&project);
    assert_eq!(found.len(), 10);
    for (folder, wanted) in found.iter().zip(wanted) {
        let ours = read(project.migrations().join(folder).join("migration.sql"));
        assert_eq!(ours.trim_end(), wanted.await.unwrap().trim_end(), "{folder}");
    }
    assert_eq!((proven, with_losses), (10, 5));
    assert!(found[3].ends_with("_tags_many_to_many") && found[2].ends_with("_add_status"), "{found:?}");

    let six = ProjectFolder::prisma6().models(CHANGES[9].1).migrations_of(&project.migrations());
    for (oracle, project) in [(Oracle::prisma7().await, &project), (Oracle::prisma6().await, &six)] {
        let (deployed, developed) =
            (server().await.database("deployed").await, server().await.database("developed").await);
        let deploy = oracle.deploy(project.path(), &deployed.url()).await;
        assert!(
            deploy.code == 0 && deploy.stdout.contains("All migrations have been successfully applied."),
            "{}",
            deploy.all()
        );
        let status = oracle.status(project.path(), &deployed.url()).await;
        assert!(
            status.code == 0 && status.stdout.contains("Database schema is up to date!"),
            "{}",
            status.all()
        );
        for url in [deployed.url(), developed.url()] {
            let dev = oracle.run(project.path(), &url, &["migrate", "dev"]).await;
            assert_eq!(dev.code, 0, "{}", dev.all());
            assert!(!dev.all().contains('⚠') && !dev.all().contains("have been created"), "{}", dev.all());
            assert!(dev.all().contains("in sync"), "{}", dev.all());
        }
        assert_eq!(folders(project), found);
    }
}

/// Name, folder and every byte, with the real command's clock.
#[tokio::test]
async fn the_first_migration_is_the_real_commands() {
    let database = server().await.database("create").await;
    let name = "FooBar Ärger & it's 3";
    let theirs = ProjectFolder::prisma7().models(CHANGES[1].1);
    std::fs::remove_dir_all(theirs.migrations()).unwrap();
    let ours = ProjectFolder::prisma7().models(CHANGES[1].1);
    std::fs::remove_dir_all(ours.migrations()).unwrap();
    let oracle = Oracle::prisma7().await;
    let said = oracle
        .run(theirs.path(), &database.url(), &["migrate", "dev", "--create-only", "--name", name])
        .await;
    assert_eq!(said.code, 0, "{}", said.all());
    create(&ours, &["--name", name]).await;
    let (their, our) = (folders(&theirs).pop().unwrap(), folders(&ours).pop().unwrap());
    assert_eq!(our[14..], their[14..]);
    assert_eq!(our[..8], their[..8]);
    let of = |project: &ProjectFolder, path: &str| read(project.migrations().join(path));
    assert_eq!(of(&ours, &format!("{our}/migration.sql")), of(&theirs, &format!("{their}/migration.sql")));
    assert_eq!(of(&ours, "migration_lock.toml"), of(&theirs, "migration_lock.toml"));
    let left: Vec<_> = std::fs::read_dir(ours.path().join("prisma")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// Prisma has no right statement for a number that is to be larger and counts by itself. Its file is written as it
/// is, and that it fails is said.
#[tokio::test]
async fn a_file_that_cannot_run_is_written_and_told() {
    let larger = CHANGES[0].1.replace("Int ", "BigInt ");
    let project = ProjectFolder::prisma7().models(&larger).migration(
        "20260101000000_init",
        "CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"email\" TEXT NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n\
         CREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");\n",
    );
    let said = underpin(project.path(), "", &["create", "--name", "larger"]).await;
    assert_eq!(said.code, 10, "{}", said.all());
    assert!(
        said.stdout.contains("it fails as Prisma writes it: type \"bigserial\" does not exist"),
        "{}",
        said.all()
    );
    assert!(said.stdout.contains("underpin plan"), "{}", said.all());
    let last = project.migrations().join(folders(&project).pop().unwrap());
    assert!(read(last.join("migration.sql")).contains("SET DATA TYPE BIGSERIAL"));
    assert!(!last.join("down.sql").exists());
}

#[tokio::test]
async fn what_is_created_is_told_and_nothing_is_created_twice() {
    let project = ProjectFolder::prisma7()
        .models(CHANGES[0].1)
        .migration("20260101000000_init", "CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"email\" TEXT NOT NULL, \"old\" TEXT, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n\
            ALTER TABLE \"User\" ADD CONSTRAINT \"old_known\" CHECK (\"old\" <> '');\n");
    let dry = underpin(project.path(), "", &["create", "--name", "tidy", "--dry-run"]).await;
    assert_eq!(dry.code, 0, "{}", dry.all());
    for part in [
        "User\n  - column old: TEXT\n",
        "[drop-column]: ",
        "  + unique index User_email_key: (email)\n",
        "down.sql leads back to the same\ncatalog.\n",
        "_tidy/migration.sql:\n    /*\n      Warnings:\n",
        "_tidy/down.sql:\n    -- Takes back",
        "    -- It cannot bring back:\n    --   - the values of column public.\"User\".old\n",
        "    ALTER TABLE \"public\".\"User\" ADD CONSTRAINT \"old_known\" CHECK ((old <> ''::text));\n",
        "\nprotected: what no Prisma schema can say\n  constraint public.\"User\".old_known goes with column \
         public.\"User\".old, and no schema brings it\n    back\n",
    ] {
        assert!(dry.stdout.contains(part), "no {part:?} in:\n{}", dry.stdout);
    }
    assert_eq!(folders(&project).len(), 1);

    let created = create(&project, &["--name", "tidy"]).await;
    let schema = read(workspace_root().join("docs/schema/create.schema.json"));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&created).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{created:#}");

    let again = underpin(project.path(), "", &["create", "--name", "tidy"]).await;
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (0, "Nothing is written: the migrations end where the schema is.\n")
    );
    assert_eq!(created["protected"][0]["fate"], "goes_with", "{created:#}");
    let again = create(&project, &["--name", "tidy"]).await;
    assert!(again["empty"] == true && validator.is_valid(&again), "{again:#}");
    assert_eq!(folders(&project).len(), 2);
}

/// Indexes that the schema could say and does not go, as with Prisma, and their way back makes them again, operator
/// classes of an extension included.
#[tokio::test]
async fn an_index_of_another_kind_comes_back() {
    let history = "CREATE EXTENSION IF NOT EXISTS pg_trgm;\n\
        CREATE TABLE \"Doc\" (\"id\" SERIAL NOT NULL, \"body\" JSONB NOT NULL, \"title\" TEXT NOT NULL, \
        CONSTRAINT \"Doc_pkey\" PRIMARY KEY (\"id\"));\n\
        CREATE INDEX \"Doc_body_idx\" ON \"Doc\" USING GIN (\"body\" jsonb_path_ops);\n\
        CREATE INDEX \"Doc_title_idx\" ON \"Doc\" USING GIN (\"title\" gin_trgm_ops);\n";
    let project = ProjectFolder::prisma7()
        .models("model Doc {\n  id Int @id @default(autoincrement())\n  body Json\n  title String\n}\n")
        .migration("20260101000000_init", history);
    let created = create(&project, &["--name", "schema alone"]).await;
    assert_eq!(created["rehearsal"]["down"][0]["outcome"], "returns", "{created:#}");
    let last = project.migrations().join(folders(&project).pop().unwrap());
    let up = read(last.join("migration.sql"));
    assert!(
        up.contains("DROP INDEX \"Doc_body_idx\"") && up.contains("DROP INDEX \"Doc_title_idx\""),
        "{up}"
    );
    let down = read(last.join("down.sql"));
    assert!(down.contains("USING \"gin\" (\"body\" \"pg_catalog\".\"jsonb_path_ops\")"), "{down}");
    assert!(down.contains("USING \"gin\" (\"title\" \"public\".\"gin_trgm_ops\")"), "{down}");
}
