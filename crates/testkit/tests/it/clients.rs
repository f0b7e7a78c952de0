//! Real clients that go on running while their database changes.

use std::time::Duration;

use underpin_testkit::{Client, Prepared, Server, majors};

const MODELS: &str =
    "model Note {\n  id   Int    @id @default(autoincrement())\n  text String @db.VarChar(20)\n}\n";
const TABLE: &str = "CREATE TABLE \"Note\" (\"id\" SERIAL PRIMARY KEY, \"text\" VARCHAR(20) NOT NULL);
    INSERT INTO \"Note\" (\"text\") VALUES ('one'), ('two')";
const READ: &str = "return db.note.findMany({ orderBy: { id: 'asc' } })";

/// Both majors, by both ways to prepare: a wider type breaks the statements that a connection keeps, once, and no
/// others.
#[tokio::test]
async fn a_kept_statement_does_not_survive_another_type() {
    let server = Server::shared(majors()[0]).await;
    for (major, client) in [(7, Client::generate(MODELS).await), (6, Client::generate6(MODELS).await)] {
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

#[tokio::test]
async fn what_fails_meanwhile_is_noticed() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("noticing").await;
    database.run(TABLE).await;
    let client = Client::generate(MODELS).await;
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
