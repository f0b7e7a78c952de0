//! `underpin plan`: phases that every Prisma applies, on an empty database and on one with rows, and between which
//! real clients of both releases run.

mod another_key;
mod clients;
mod in_the_way;
mod lossy;
mod namespaces;
mod releases;

use std::path::Path;

use serde_json::Value;
use underpin_catalog::Name;
use underpin_prisma::migrate::Migration;
use underpin_prisma::{PrismaCatalog, PrismaVersion, Schema, Source};
use underpin_testkit::{CaseFile, Database, Oracle, ProjectFolder, workspace_root};

use crate::support::{server, underpin};

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

/// A project whose history ends at these models.
fn begun(models: &str) -> ProjectFolder {
    let project = ProjectFolder::prisma7().models(models);
    let schema = Source::new("schema.prisma", read(project.path().join("prisma/schema.prisma")));
    let version = PrismaVersion::new(7, 10, 0);
    let (nothing, namespace) = (PrismaCatalog::default(), Name::new("public"));
    let after = PrismaCatalog::of_schema(&Schema::parse(vec![schema]), &namespace, version).unwrap();
    let script = Migration::between(&nothing, &after, version).script();
    project.migration("20260101000000_init", &script)
}

async fn plan(project: &ProjectFolder, arguments: &[&str]) -> Value {
    // A way back has the words of the server that it was tried on.
    let major = server().await.major().to_string();
    let own = ["plan", "--json", "--prisma", "7.10.0", "--pg-version", &major, "--name", "change"];
    let arguments = [&own, arguments].concat();
    let said = underpin(project.path(), "", &arguments).await;
    assert_eq!(said.code, 0, "{}", said.all());
    serde_json::from_str(&said.stdout).unwrap()
}

/// Executes a file of a migration as it is, whose folder's name ends so.
async fn execute(project: &ProjectFolder, database: &Database<'_>, ending: &str, file: &str) {
    let folder = folders(project).into_iter().find(|folder| folder.ends_with(ending)).unwrap();
    database.run(&read(project.migrations().join(folder).join(file))).await;
}

const SHOP: &str = r#"
model User {
  id       Int     @id @default(autoincrement())
  fullName String  @unique @map("full_name")
  nick     String?
  orders   Order[]

  @@index([nick, fullName])
}

model Order {
  number Int
  shop   Int
  buyer  String
  user   User   @relation(fields: [buyer], references: [fullName], onDelete: Cascade)

  @@id([shop, number])
  @@index([buyer])
  @@map("orders of the shop with a name that is nearly as long as one")
}
"#;

const RENAMED: &str = r#"
model User {
  id          Int     @id @default(autoincrement())
  displayName String  @unique @map("display name, which is another one of sixty-three bytes, or so")
  alias       String?
  orders      Order[]

  @@index([alias, displayName])
}

model Order {
  number Int
  shop   Int
  buyer  String @map("its buyer")
  user   User   @relation(fields: [buyer], references: [displayName], onDelete: Cascade)

  @@id([shop, number])
  @@index([buyer])
  @@map("orders of the shop with a name that is nearly as long as one")
}
"#;

const ROWS: &str = r#"
INSERT INTO "User" ("full_name", "nick") VALUES ('Ada', 'a'), ('Bob', NULL), ('it''s', '');
INSERT INTO "orders of the shop with a name that is nearly as long as one" ("number", "shop", "buyer") VALUES (1, 1, 'Ada'), (2, 1, 'Bob');
"#;

const RENAMES: [&str; 6] = [
    "--rename",
    "User.fullName:displayName",
    "--rename",
    "User.nick:alias",
    "--rename",
    "Order.buyer:its buyer",
];

/// Nothing of ours is left in a database.
async fn assert_clean(database: &Database<'_>) {
    let ours = "SELECT proname::text FROM pg_proc WHERE proname LIKE '%underpin%' \
        UNION ALL SELECT tgname::text FROM pg_trigger WHERE tgname LIKE '%underpin%'";
    assert_eq!(database.rows(ours).await, Vec::<String>::new());
}

/// The real commands of both versions apply the folders, find nothing to do behind them, and keep every value.
#[tokio::test(flavor = "multi_thread")]
async fn renames_go_through_every_prisma() {
    let project = begun(SHOP);
    let init = folders(&project).pop().unwrap();
    let project = project.models(RENAMED);
    let planned = plan(&project, &RENAMES).await;
    let phases: Vec<_> = planned["phases"].as_array().unwrap().iter().map(|phase| &phase["phase"]).collect();
    assert_eq!(phases, ["expand", "backfill", "contract"]);
    for phase in planned["phases"].as_array().unwrap() {
        assert_eq!(phase["down_leaves"], serde_json::json!([]), "{phase:#}");
    }
    let schema = read(workspace_root().join("docs/schema/plan.schema.json"));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&planned).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");

    let six = ProjectFolder::prisma6().models(RENAMED).migrations_of(&project.migrations());
    for (oracle, project) in [(Oracle::prisma7().await, &project), (Oracle::prisma6().await, &six)] {
        let (empty, filled, developed) = (
            server().await.database("empty").await,
            server().await.database("filled").await,
            server().await.database("developed").await,
        );
        execute(project, &filled, &init, "migration.sql").await;
        filled.run(ROWS).await;
        let known = oracle.resolve_applied(project.path(), &filled.url(), &init).await;
        assert_eq!(known.code, 0, "{}", known.all());
        for database in [&empty, &filled] {
            let deploy = oracle.deploy(project.path(), &database.url()).await;
            assert!(deploy.code == 0, "{}", deploy.all());
            assert_clean(database).await;
        }
        let names = r#"SELECT "display name, which is another one of sixty-three bytes, or so" || coalesce(':' || "alias", '') FROM "User" ORDER BY id"#;
        assert_eq!(filled.rows(names).await, ["Ada:a", "Bob", "it's:"]);
        let buyers = r#"SELECT "its buyer" FROM "orders of the shop with a name that is nearly as long as one" ORDER BY 1"#;
        assert_eq!(filled.rows(buyers).await, ["Ada", "Bob"]);
        for url in [filled.url(), developed.url()] {
            let dev = oracle.run(project.path(), &url, &["migrate", "dev"]).await;
            assert_eq!(dev.code, 0, "{}", dev.all());
            assert!(
                !dev.all().contains("have been created") && dev.all().contains("in sync"),
                "{}",
                dev.all()
            );
        }
    }

    // And the way back, phase by phase, with rows that were written behind each.
    let database = server().await.database("back").await;
    execute(&project, &database, &init, "migration.sql").await;
    database.run(ROWS).await;
    for phase in ["_1_expand", "_2_backfill", "_3_contract"] {
        execute(&project, &database, phase, "migration.sql").await;
    }
    database.run(r#"UPDATE "User" SET "alias" = 'new' WHERE id = 2"#).await;
    execute(&project, &database, "_3_contract", "down.sql").await;
    database.run(r#"UPDATE "User" SET "full_name" = 'Eve' WHERE id = 1"#).await;
    execute(&project, &database, "_2_backfill", "down.sql").await;
    execute(&project, &database, "_1_expand", "down.sql").await;
    assert_clean(&database).await;
    let was = r#"SELECT u."full_name" || coalesce(':' || u."nick", '') || coalesce('/' || o."buyer", '') FROM "User" u
        LEFT JOIN "orders of the shop with a name that is nearly as long as one" o ON o."buyer" = u."full_name" ORDER BY u.id"#;
    assert_eq!(database.rows(was).await, ["Eve:a/Eve", "Bob:new/Bob", "it's:"]);
}

/// Every plan of every page runs, ends where Prisma's own migration ends, and leads back.
#[tokio::test(flavor = "multi_thread")]
async fn the_plans_of_the_pages_are_proven() {
    let mut planned = 0;
    for page in CaseFile::all_in(&workspace_root().join("crates/core/recipes")) {
        for case in page.cases("plan") {
            if !case.own("plan").unwrap().text.contains("=== ") {
                continue;
            }
            let models = |info: &str| page.nearest(case, info).unwrap().text.clone();
            let project = begun(&models("prisma before")).models(&models("prisma after"));
            let given = page.inherited(case, "given");
            let lines = given.iter().flat_map(|fence| fence.text.lines());
            let given: Vec<&str> = lines.flat_map(|line| line.splitn(2, ' ')).collect();
            let told = plan(&project, &given).await;
            for phase in told["phases"].as_array().unwrap() {
                assert_eq!(phase["down_leaves"], serde_json::json!([]), "{}: {phase:#}", page.place(case));
            }
            planned += 1;
        }
    }
    assert!(planned > 3, "{planned}");
}

#[tokio::test]
async fn what_only_a_person_knows_is_asked_with_flags_to_paste() {
    let project = begun(SHOP).models(RENAMED);
    let said = underpin(project.path(), "", &["plan", "--name", "change"]).await;
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.all());
    for part in
        ["there are 3 things that only you know", "--rename User.full_name:displayName", "--drop User.nick"]
    {
        assert!(said.stderr.contains(part), "no {part:?} in:\n{}", said.stderr);
    }
    assert_eq!(folders(&project).len(), 1);

    let dry =
        underpin(project.path(), "", &[&["plan", "--name", "change", "--dry-run"], &RENAMES[..]].concat())
            .await;
    assert_eq!(dry.code, 0, "{}", dry.all());
    assert!(
        dry.stdout.contains("_change_3_contract/migration.sql:\n    -- underpin: rollout change\n"),
        "{}",
        dry.all()
    );
    assert_eq!(folders(&project).len(), 1);

    plan(&project, &RENAMES).await;
    let again = underpin(project.path(), "", &["plan", "--name", "change"]).await;
    assert!(again.code == 0 && again.stdout.starts_with("Nothing is planned"), "{}", again.all());
    assert_eq!(folders(&project).len(), 4);
}
