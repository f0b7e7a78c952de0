//! What a primary key that gives way to another rests on: which index a foreign key hangs on, what becomes of the
//! replica identity, and whom `ON CONFLICT` finds.

use std::time::{Duration, Instant};

use underpin_shadow::StartOptions;
use underpin_testkit::{Database, Server, majors, outer_majors};

const BEFORE: &str = r#"
    CREATE TABLE "User" ("id" serial PRIMARY KEY, "uuid" uuid NOT NULL DEFAULT gen_random_uuid(), "name" text);
    CREATE TABLE "Post" ("id" serial PRIMARY KEY, "authorId" int NOT NULL
        CONSTRAINT "Post_authorId_fkey" REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE);
    INSERT INTO "User" ("name") SELECT 'u' || n FROM generate_series(1, 100) AS n;
    INSERT INTO "Post" ("authorId") SELECT "id" FROM "User";
    CREATE UNIQUE INDEX "User_id_key" ON "User" ("id");
    CREATE UNIQUE INDEX "User_pkey_next" ON "User" ("uuid")"#;

const EXCHANGE: &str = r#"
    ALTER TABLE "User" DROP CONSTRAINT "User_pkey",
    ADD CONSTRAINT "User_pkey" PRIMARY KEY USING INDEX "User_pkey_next""#;

const ADD: &str = r#"ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User" ("id")
    ON DELETE RESTRICT ON UPDATE CASCADE NOT VALID"#;

const HANGS_ON: &str = "SELECT conindid::regclass FROM pg_constraint WHERE conname = 'Post_authorId_fkey'";

/// The SQLSTATE of a statement, or nothing.
async fn refused(database: &Database<'_>, sql: &str) -> Option<String> {
    let error = database.client().await.batch_execute(sql).await.err()?;
    Some(error.code().expect("the server said no").code().to_owned())
}

#[tokio::test]
async fn a_foreign_key_hangs_on_the_index_that_was_there_first() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("keys").await;
        database.run(BEFORE).await;
        assert_eq!(database.rows(HANGS_ON).await, ["\"User_pkey\""], "{major}");
        assert_eq!(refused(&database, EXCHANGE).await.as_deref(), Some("2BP01"), "{major}");
        // Made anew it hangs on the old key again, as long as that is there.
        database.run(&format!("ALTER TABLE \"Post\" DROP CONSTRAINT \"Post_authorId_fkey\"; {ADD}")).await;
        assert_eq!(database.rows(HANGS_ON).await, ["\"User_pkey\""], "{major}");

        let client = database.client().await;
        let upsert = |key: &str| {
            format!(
                "INSERT INTO \"User\" (\"id\", \"uuid\") VALUES (1, '00000000-0000-4000-8000-000000000001') ON CONFLICT (\"{key}\") DO UPDATE SET \"name\" = 'twice' RETURNING \"id\""
            )
        };
        database
            .run("UPDATE \"User\" SET \"uuid\" = '00000000-0000-4000-8000-000000000001' WHERE \"id\" = 1")
            .await;
        let (old, new) =
            (client.prepare(&upsert("id")).await.unwrap(), client.prepare(&upsert("uuid")).await.unwrap());
        for statement in [&old, &new] {
            assert_eq!(client.query(statement, &[]).await.unwrap().len(), 1, "{major}");
        }
        database
            .run(&format!(
                "BEGIN; ALTER TABLE \"Post\" DROP CONSTRAINT \"Post_authorId_fkey\"; {EXCHANGE}; {ADD}; COMMIT;
                 ALTER TABLE \"Post\" VALIDATE CONSTRAINT \"Post_authorId_fkey\""
            ))
            .await;
        assert_eq!(database.rows(HANGS_ON).await, ["\"User_id_key\""], "{major}");
        for statement in [&old, &new] {
            assert_eq!(client.query(statement, &[]).await.unwrap().len(), 1, "{major}: prepared before");
        }
        let orphan = "INSERT INTO \"Post\" (\"authorId\") VALUES (0)";
        assert_eq!(refused(&database, orphan).await.as_deref(), Some("23503"), "{major}");
        let indexes = "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = '\"User\"'::regclass ORDER BY 1::text";
        assert_eq!(database.rows(indexes).await, ["\"User_id_key\"", "\"User_pkey\""], "{major}");
    }
}

/// A table that is published tells its rows apart by the primary key, whichever it is, unless an index is named.
#[tokio::test]
async fn a_replica_identity_follows_the_key_unless_it_names_it() {
    for major in majors() {
        let server = Server::shared(major).await;
        for (identity, code) in
            [("DEFAULT", None), ("FULL", None), ("USING INDEX \"User_pkey\"", Some("55000"))]
        {
            let database = server.database("identity").await;
            database.run(BEFORE).await;
            database.run("DROP TABLE \"Post\"; CREATE PUBLICATION everything FOR ALL TABLES").await;
            database.run(&format!("ALTER TABLE \"User\" REPLICA IDENTITY {identity}")).await;
            database.run("UPDATE \"User\" SET \"name\" = 'before'").await;
            database.run(EXCHANGE).await;
            let update = "UPDATE \"User\" SET \"name\" = 'behind'";
            assert_eq!(refused(&database, update).await.as_deref(), code, "{major}: {identity}");
        }
    }
}

/// A subscriber that tells rows apart by another key than the publisher waits until it has the same, and needs all
/// columns of a row to do without.
#[tokio::test]
async fn a_subscriber_waits_for_the_same_key() {
    for major in outer_majors() {
        let settings = [
            ("wal_level", "logical"),
            ("max_wal_senders", "4"),
            ("max_replication_slots", "4"),
            ("wal_retrieve_retry_interval", "100ms"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let server =
            Server::start(major, StartOptions { settings, ..StartOptions::default() }).await.unwrap();
        let (source, copy) = (server.database("keys_source").await, server.database("keys_copy").await);
        for database in [&source, &copy] {
            database.run(BEFORE).await;
            database.run("TRUNCATE \"User\", \"Post\"; DROP TABLE \"Post\"").await;
        }
        source.run("CREATE PUBLICATION users FOR TABLE \"User\"").await;
        source.run("SELECT pg_create_logical_replication_slot('users', 'pgoutput')").await;
        copy.run(&format!(
            "CREATE SUBSCRIPTION users CONNECTION '{}' PUBLICATION users \
             WITH (create_slot = false, slot_name = users, copy_data = false)",
            source.url()
        ))
        .await;
        let arrives = async |name: &str| {
            let begun = Instant::now();
            while copy.rows("SELECT \"name\" FROM \"User\"").await != [name] {
                assert!(begun.elapsed() < Duration::from_secs(60), "{major}: {name}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        source.run("INSERT INTO \"User\" (\"name\") VALUES ('Ada')").await;
        arrives("Ada").await;
        source.run(&format!("ALTER TABLE \"User\" REPLICA IDENTITY FULL; {EXCHANGE}")).await;
        source.run("UPDATE \"User\" SET \"name\" = 'Bea'").await;
        arrives("Bea").await;
        source
            .run("ALTER TABLE \"User\" REPLICA IDENTITY DEFAULT; UPDATE \"User\" SET \"name\" = 'Cem'")
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(copy.rows("SELECT \"name\" FROM \"User\"").await, ["Bea"], "{major}");
        copy.run(EXCHANGE).await;
        arrives("Cem").await;
        copy.run("ALTER SUBSCRIPTION users DISABLE").await;
        copy.run("ALTER SUBSCRIPTION users SET (slot_name = NONE)").await;
        copy.run("DROP SUBSCRIPTION users").await;
    }
}
