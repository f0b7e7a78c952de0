//! Real clients of both releases on the states of a plan: each reads what the other writes.

use underpin_testkit::{Client, Node, Prepared};

use super::{assert_clean, begun, execute, folders, plan};
use crate::support::server;

/// How often each release does its work in each state.
const RUNS: u32 = 30;

const BEFORE: &str = r#"
model User {
  id       Int     @id @default(autoincrement())
  fullName String  @unique @map("full_name")
  nick     String?
}

model Shop {
  id     Int     @id @default(autoincrement())
  name   String
  slug   String?
  legacy String
}

model Log {
  id   Int    @id @default(autoincrement())
  text String @unique
}

model Item {
  id    Int      @id @default(autoincrement())
  count Int
  kind  String
  at    DateTime
  tag   String?
}
"#;

const AFTER: &str = r#"
model User {
  id          Int     @id @default(autoincrement())
  displayName String  @unique
  alias       String?
}

model Shop {
  id        Int      @id @default(autoincrement())
  name      String
  slug      String
  token     String   @unique @default(uuid())
  updatedAt DateTime @updatedAt
}

model Event {
  id   Int    @id @default(autoincrement())
  text String @unique
}

model Item {
  id    Int      @id @default(autoincrement())
  count BigInt   @map("count_big")
  kind  Kind     @map("kind_known")
  at    DateTime @map("at_tz") @db.Timestamptz(3)
  tag   String[] @map("tags")
}

enum Kind {
  IN
  OUT
}
"#;

const ANSWERS: [&str; 20] = [
    "--rename",
    "User.fullName:displayName",
    "--rename",
    "User.nick:alias",
    "--fill",
    "Shop.slug=lower(name)",
    "--fill",
    "Shop.legacy='none'",
    "--drop",
    "Shop.legacy",
    "--rename",
    "Log:Event",
    "--rename",
    "Item.count:count_big",
    "--rename",
    "Item.kind:kind_known",
    "--rename",
    "Item.at:at_tz",
    "--rename",
    "Item.tag:tags",
];

const ROWS: &str = r#"
INSERT INTO "User" ("full_name") SELECT 'row ' || n FROM generate_series(1, 500) AS n;
INSERT INTO "Shop" ("name", "legacy") VALUES ('Here', 'x'), ('There', 'y');
INSERT INTO "Log" ("text") VALUES ('first');
INSERT INTO "Item" ("count", "kind", "at", "tag") VALUES (7, 'IN', '2026-03-01 12:00:00', 'a'), (8, 'OUT', '2026-03-01 13:00:00', NULL);
"#;

/// Creates, reads, updates, upserts and deletes, in the words of one release.
fn users(name: &str, nick: &str, who: &str) -> String {
    format!(
        "const a = await db.user.create({{ data: {{ {name}: `{who}-${{turn}}`, {nick}: 'n' }} }});
         await db.user.update({{ where: {{ id: a.id }}, data: {{ {nick}: null }} }});
         await db.user.update({{ where: {{ {name}: `{who}-${{turn}}` }}, data: {{ {name}: `{who}=${{turn}}` }} }});
         const b = await db.user.upsert({{ where: {{ {name}: `{who}=${{turn}}` }}, create: {{ {name}: 'never' }}, update: {{ {nick}: 'up' }} }});
         if (b.id !== a.id || b.{name} !== `{who}=${{turn}}`) throw new Error('wrong value: ' + JSON.stringify(b));
         await db.user.upsert({{ where: {{ {name}: `{who}+${{turn}}` }}, create: {{ {name}: `{who}+${{turn}}` }}, update: {{}} }});
         const c = await db.user.findMany({{ where: {{ {name}: {{ in: [`{who}=${{turn}}`, `{who}+${{turn}}`] }} }} }});
         if (c.length !== 2) throw new Error('wrong rows: ' + JSON.stringify(c));
         await db.user.delete({{ where: {{ {name}: `{who}+${{turn}}` }} }});"
    )
}

const OLD: &str = "
    const shop = await db.shop.create({ data: { name: `Old ${turn}`, legacy: 'l' } });
    await db.shop.update({ where: { id: shop.id }, data: { slug: null, legacy: 'm' } });
    for (const one of await db.shop.findMany()) if (typeof one.legacy !== 'string') throw new Error('no legacy');
    const log = await db.log.upsert({ where: { text: `old ${turn}` }, create: { text: `old ${turn}` }, update: {} });
    await db.log.update({ where: { id: log.id }, data: { text: `old: ${turn}` } });
    await db.log.findMany();
    await db.log.delete({ where: { id: log.id } });
    const item = await db.item.create({ data: { count: 1, kind: 'IN', at: new Date('2026-01-02T03:04:05.678Z'), tag: 't' } });
    await db.item.update({ where: { id: item.id }, data: { count: { increment: 1 }, kind: 'OUT' } });
    const read = await db.item.findUnique({ where: { id: item.id } });
    if (read.count !== 2 || read.kind !== 'OUT' || read.at.toISOString() !== '2026-01-02T03:04:05.678Z') throw new Error('wrong item: ' + JSON.stringify(read));
    for (const one of await db.item.findMany()) if (one.at.getUTCFullYear() !== 2026) throw new Error('wrong time');";

const NEW: &str = "
    const shop = await db.shop.create({ data: { name: `New ${turn}`, slug: 's' } });
    await db.shop.update({ where: { token: shop.token }, data: { name: `New: ${turn}` } });
    for (const one of await db.shop.findMany()) if (!one.slug || !one.token || !one.updatedAt) throw new Error('no value');
    const event = await db.event.upsert({ where: { text: `new ${turn}` }, create: { text: `new ${turn}` }, update: {} });
    await db.event.delete({ where: { id: event.id } });
    const item = await db.item.create({ data: { count: 1n, kind: 'IN', at: new Date('2026-01-02T03:04:05.678Z'), tag: ['t', 'u'] } });
    await db.item.update({ where: { id: item.id }, data: { count: { increment: 1 }, kind: 'OUT' } });
    const read = await db.item.findUnique({ where: { id: item.id } });
    if (read.count !== 2n || read.kind !== 'OUT' || read.tag.length !== 2 || read.at.toISOString() !== '2026-01-02T03:04:05.678Z') throw new Error('wrong item: ' + read.at.toISOString());
    for (const one of await db.item.findMany()) if (one.at.getUTCFullYear() !== 2026) throw new Error('wrong time');";

/// The old release goes on through the first two phases and the new one beside it behind them; then the new one
/// alone through the last. The files are executed as they are, as Prisma does; nobody notices anything, and both
/// shapes agree.
#[tokio::test(flavor = "multi_thread")]
async fn both_releases_run_through_a_change_of_many_recipes() {
    let project = begun(BEFORE);
    let init = folders(&project).pop().unwrap();
    let project = project.models(AFTER);
    plan(&project, &ANSWERS).await;
    let database = server().await.database("both_releases").await;
    execute(&project, &database, &init, "migration.sql").await;
    database.run(ROWS).await;

    let node = Node::start().await;
    let mut old = node.open(&Client::of(7, BEFORE), &database.url(), Prepared::Kept).await;
    let mut new = node.open(&Client::of(6, AFTER), &database.url(), Prepared::Kept).await;
    old.begin(&users("fullName", "nick", "old"), 2).await;
    old.begin(OLD, 2).await;
    old.go_on(RUNS).await;
    execute(&project, &database, "_1_expand", "migration.sql").await;
    old.go_on(RUNS).await;
    execute(&project, &database, "_2_backfill", "migration.sql").await;
    new.begin(&users("displayName", "alias", "new"), 2).await;
    new.begin(NEW, 2).await;
    old.go_on(RUNS).await;
    new.go_on(RUNS).await;
    let read =
        new.run("return db.user.count({ where: { displayName: { startsWith: 'old=' } } })").await.unwrap();
    assert!(read.value.as_u64().unwrap() > 0, "the new release reads what the old one writes");
    let noticed = old.end().await;
    assert!(noticed.failures.is_empty(), "{:#?}", noticed.failures.first());
    let differ = "SELECT count(*) FROM \"User\" WHERE \"full_name\" IS DISTINCT FROM \"displayName\" OR \"nick\" IS DISTINCT FROM \"alias\"";
    assert_eq!(database.rows(differ).await, ["0"]);
    execute(&project, &database, "_3_contract", "migration.sql").await;
    new.go_on(RUNS).await;
    let noticed = new.end().await;
    assert!(noticed.failures.is_empty(), "{:#?}", noticed.failures.first());
    assert_clean(&database).await;
    assert_eq!(
        database.rows("SELECT count(*) FROM \"User\" WHERE \"displayName\" LIKE 'row %'").await,
        ["500"]
    );
}
