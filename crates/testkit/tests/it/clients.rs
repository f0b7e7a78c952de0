//! Real clients that go on running while their database changes.

use std::time::Duration;

use underpin_testkit::{Client, Prepared, Server, majors};

const MODELS: &str =
    "model Note {\n  id   Int    @id @default(autoincrement())\n  text String @db.VarChar(20)\n}\n";
const TABLE: &str = "CREATE TABLE \"Note\" (\"id\" SERIAL PRIMARY KEY, \"text\" VARCHAR(20) NOT NULL);
    INSERT INTO \"Note\" (\"text\") VALUES ('one'), ('two')";

/// Notes on shelves, for what clients do with relations, enums and defaults.
const SHELVES: &str = "
model Note {
  id      Int     @id @default(autoincrement())
  text    String
  shelfId String? @map(\"shelf\")
  shelf   Shelf?  @relation(fields: [shelfId], references: [id])
}

model Shelf {
  id    String @id @default(uuid())
  name  String @unique
  kind  Kind   @default(OPEN)
  tags  String[]
  notes Note[]

  @@map(\"shelves\")
}

enum Kind {
  OPEN @map(\"open\")
  SHUT
}
";
const SHELF: &str = "CREATE TYPE \"Kind\" AS ENUM ('open', 'SHUT');
    CREATE TABLE \"shelves\" (\"id\" TEXT PRIMARY KEY, \"name\" TEXT NOT NULL UNIQUE, \"kind\" \"Kind\" NOT NULL DEFAULT 'open', \"tags\" TEXT[]);
    ALTER TABLE \"Note\" ADD COLUMN \"shelf\" TEXT REFERENCES \"shelves\"";
const EVERYTHING: &str = "
    const shelf = await db.shelf.create({ data: { id: 'a', name: 'A', tags: ['x'], notes: { create: [{ text: 'n' }, { text: 'm' }] } }, include: { notes: true } })
    await db.shelf.upsert({ where: { name: 'B' }, create: { id: 'b', name: 'B', kind: 'SHUT' }, update: { kind: 'OPEN' } })
    await db.note.update({ where: { id: shelf.notes[0].id }, data: { shelf: { connect: { name: 'B' } } } })
    await db.note.findMany({ where: { shelf: { kind: 'OPEN' } }, include: { shelf: true } })
    await db.$transaction([db.note.deleteMany({ where: { shelfId: { in: ['a', 'b'] } } }), db.shelf.deleteMany({})])";
const READ: &str = "return db.note.findMany({ orderBy: { id: 'asc' } })";

/// Both majors, by both ways to prepare: a wider type breaks the statements that a connection keeps, once, and no
/// others.
#[tokio::test]
async fn a_kept_statement_does_not_survive_another_type() {
    let server = Server::shared(majors()[0]).await;
    for major in [7, 6] {
        let client = Client::of(major, MODELS);
        let database = server.database("kept_statement").await;
        database.run(TABLE).await;
        let mut kept = client.open(&database, Prepared::Kept).await;
        let mut anew = client.open(&database, Prepared::Anew).await;
        for client in [&mut kept, &mut anew] {
            let read = client.run(READ).await.unwrap();
            assert_eq!(read.value[1]["text"], "two", "Prisma {major}");
            assert_eq!(read.sent.len(), 1);
        }
        database.run("ALTER TABLE \"Note\" ALTER COLUMN \"text\" TYPE TEXT").await;
        let error = kept.run(READ).await.unwrap_err();
        assert_eq!(error.sqlstate.as_deref(), Some("0A000"), "Prisma {major}: {error:?}");
        assert!(kept.run(READ).await.is_ok(), "the pool throws away a connection that has failed");
        assert_eq!(anew.run(READ).await.unwrap().value[0]["text"], "one", "Prisma {major}");
    }
}

/// What is put together of a schema is the client that a generator makes of it.
#[tokio::test]
async fn a_client_that_is_not_generated_sends_what_a_generated_one_sends() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("assembled").await;
    database.run(&format!("{TABLE}; {SHELF}")).await;
    for major in [7, 6] {
        let generated = Client::generate(major, SHELVES).await.statements(&database, EVERYTHING).await;
        let assembled = Client::of(major, SHELVES).statements(&database, EVERYTHING).await;
        assert_eq!(generated, assembled, "Prisma {major}");
        assert!(generated.len() > 10, "{generated:#?}");
    }
}

#[tokio::test]
async fn what_fails_meanwhile_is_noticed() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("noticing").await;
    database.run(TABLE).await;
    let client = Client::of(7, MODELS);
    let mut running = client.open(&database, Prepared::Anew).await;
    running.begin("await db.note.create({ data: { text: `n${turn}` } })", 2).await;
    running.begin("await db.note.findFirst({ where: { id: 1 } })", 1).await;
    let count = || async {
        let rows = database.rows("SELECT count(*) FROM \"Note\"").await;
        rows[0].parse::<u64>().unwrap()
    };
    while count().await < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let nothing = running.end().await;
    assert!(nothing.failures.is_empty() && nothing.runs > 20, "{nothing:?}");
    assert_eq!(
        database.rows("SELECT count(*) - count(DISTINCT \"text\") FROM \"Note\"").await,
        ["0"],
        "each turn has a number of its own"
    );

    running.begin("await db.note.create({ data: { text: `m${turn}` } })", 2).await;
    database.run("ALTER TABLE \"Note\" RENAME COLUMN \"text\" TO \"words\"").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let failed = running.end().await;
    let error = failed.failures.last().unwrap();
    assert_eq!(error.code.as_deref(), Some("P2022"), "{error:?}");
    assert_eq!(error.sqlstate.as_deref(), Some("42703"), "{error:?}");
}
