//! What else is on the table: its own triggers, row security, partitions, generated columns, foreign keys,
//! replication.

use std::time::{Duration, Instant};

use underpin_catalog::{Name, Sql};
use underpin_core::sync::{Others, int_to_bigint, renamed, switch_on};
use underpin_shadow::StartOptions;
use underpin_testkit::{Server, majors, outer_majors};

use super::{all, expand, fill_all, rename, synced};

const ADD: &str = "ALTER TABLE \"User\" ADD COLUMN \"displayName\" text";

#[tokio::test]
async fn the_tables_own_triggers_fire_first_and_what_they_assign_is_seen() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_own").await;
        database
            .run(
                "CREATE TABLE \"User\" (id int PRIMARY KEY, \"fullName\" text, \"updatedAt\" timestamp, note text);
                 CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
                   NEW.\"fullName\" := btrim(NEW.\"fullName\"); RETURN NEW; END$$;
                 CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
                   NEW.\"updatedAt\" := coalesce(OLD.\"updatedAt\", '2026-01-01') + '1 day'; RETURN NEW; END$$;
                 CREATE TRIGGER zzz_tidy BEFORE INSERT OR UPDATE ON \"User\" FOR EACH ROW EXECUTE FUNCTION tidy();
                 CREATE TRIGGER \"_touch\" BEFORE UPDATE ON \"User\" FOR EACH ROW EXECUTE FUNCTION touch();
                 INSERT INTO \"User\" VALUES (1, 'Ada', NULL), (2, 'Bea', NULL)",
            )
            .await;
        let (updated, changed) = (Name::new("updatedAt"), Name::new("changedAt"));
        let mut synced =
            synced(vec![rename("text"), renamed(&updated, &changed, &Sql::verbatim("timestamp"))]);
        synced.others = Others::Triggers;
        database.run(&expand(&format!("{ADD}, ADD COLUMN \"changedAt\" timestamp"), &synced)).await;
        database
            .run(
                "UPDATE \"User\" SET note = 'x' WHERE id = 1;
                 UPDATE \"User\" SET \"fullName\" = ' Ann ' WHERE id = 2;
                 INSERT INTO \"User\" (id, \"fullName\") VALUES (3, ' Cem ')",
            )
            .await;
        let query = "SELECT \"fullName\", \"displayName\", \"updatedAt\"::date, \"changedAt\"::date FROM \"User\" \
                     ORDER BY id";
        let expected = ["Ada|Ada|2026-01-02|2026-01-02", "Ann|Ann|2026-01-02|2026-01-02", "Cem|Cem|-|-"];
        assert_eq!(database.rows(query).await, expected, "{major}");
        database.run("UPDATE \"User\" SET \"displayName\" = 'Amy', note = NULL WHERE id = 2").await;
        assert_eq!(database.rows(query).await[1], "Amy|Amy|2026-01-03|2026-01-03", "{major}");
        let order =
            "SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgname > 'zzz_tidy'";
        let last = database.rows(order).await.remove(0);
        assert_eq!(last.split(' ').count(), 6, "{major}: ours are behind the table's own: {last}");
        database.run(&super::contract(&synced, "SELECT 1")).await;
    }
}

/// Why [`Others`] is asked: `UPDATE OF` is about what the statement sets, not about what changes.
#[tokio::test]
async fn what_a_trigger_assigns_is_not_what_a_statement_sets() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_unseen").await;
        database
            .run(
                "CREATE TABLE \"User\" (id int, \"fullName\" text);
                 CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
                   NEW.\"fullName\" := upper(NEW.\"fullName\"); RETURN NEW; END$$;
                 CREATE TRIGGER shout BEFORE UPDATE ON \"User\" FOR EACH ROW EXECUTE FUNCTION shout()",
            )
            .await;
        database.run(&expand(ADD, &synced(vec![rename("text")]))).await;
        database.run("INSERT INTO \"User\" VALUES (1, 'Ada'); UPDATE \"User\" SET id = 2").await;
        let rows = database.rows("SELECT \"fullName\", \"displayName\" FROM \"User\"").await;
        assert_eq!(rows, ["ADA|Ada"], "{major}: with Others::None it is not followed");
    }
}

#[tokio::test]
async fn row_security_judges_the_row_with_both_shapes() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_policy").await;
        let role = format!("sync_tenant_{}", database.name());
        database
            .run(&format!(
                "CREATE TABLE \"User\" (id int PRIMARY KEY, \"fullName\" text NOT NULL);
                 CREATE ROLE {role}; ALTER TABLE \"User\" OWNER TO {role};
                 ALTER TABLE \"User\" ENABLE ROW LEVEL SECURITY; ALTER TABLE \"User\" FORCE ROW LEVEL SECURITY;
                 CREATE POLICY mine ON \"User\" USING (\"fullName\" LIKE 'mine%') WITH CHECK (\"fullName\" LIKE 'mine%');
                 INSERT INTO \"User\" VALUES (1, 'mine'), (2, 'theirs')"
            ))
            .await;
        database.run(&expand(ADD, &synced(vec![rename("text")]))).await;
        let client = database.client().await;
        client.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
        client
            .batch_execute(
                "INSERT INTO \"User\" (id, \"displayName\") VALUES (3, 'mine too');
                 UPDATE \"User\" SET \"displayName\" = 'mine!'",
            )
            .await
            .unwrap();
        for refused in [
            "INSERT INTO \"User\" (id, \"displayName\") VALUES (4, 'theirs')",
            "UPDATE \"User\" SET \"displayName\" = 'theirs'",
        ] {
            let error = client.batch_execute(refused).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{major}: {refused}");
        }
        drop(client);
        let rows = database.rows("SELECT \"fullName\", \"displayName\" FROM \"User\" ORDER BY id").await;
        assert_eq!(rows, ["mine!|mine!", "theirs|-", "mine!|mine!"], "{major}");
        database.run(&format!("REASSIGN OWNED BY {role} TO CURRENT_USER; DROP ROLE {role}")).await;
    }
}

#[tokio::test]
async fn partitions_have_the_triggers_and_rows_move_between_them() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_parts").await;
        database
            .run(
                "CREATE TABLE \"User\" (id int, region text, \"fullName\" text, PRIMARY KEY (id, region))
                   PARTITION BY LIST (region);
                 CREATE TABLE user_eu PARTITION OF \"User\" FOR VALUES IN ('eu');
                 CREATE TABLE user_us (note text, \"fullName\" text, region text NOT NULL, id int NOT NULL);
                 ALTER TABLE user_us DROP COLUMN note; ALTER TABLE \"User\" ATTACH PARTITION user_us FOR VALUES IN ('us');
                 INSERT INTO \"User\" VALUES (1, 'eu', 'Ada'), (2, 'us', 'Bea'), (3, 'eu', 'Cem')",
            )
            .await;
        let synced = synced(vec![rename("text")]);
        database.run(&expand(ADD, &synced)).await;
        database
            .run(
                "UPDATE \"User\" SET region = 'us' WHERE id = 1;
                 UPDATE \"User\" SET region = 'us', \"displayName\" = 'Can' WHERE id = 3;
                 UPDATE \"User\" SET \"fullName\" = 'Bo' WHERE id = 2;
                 INSERT INTO \"User\" (id, region, \"displayName\") VALUES (4, 'eu', 'Dov');
                 CREATE TABLE user_asia PARTITION OF \"User\" FOR VALUES IN ('asia');
                 INSERT INTO user_asia (id, region, \"fullName\") VALUES (5, 'asia', 'Eli')",
            )
            .await;
        let query = "SELECT id, region, \"fullName\", \"displayName\" FROM \"User\" ORDER BY id";
        let expected = ["1|us|Ada|Ada", "2|us|Bo|Bo", "3|us|Can|Can", "4|eu|Dov|Dov", "5|asia|Eli|Eli"];
        assert_eq!(database.rows(query).await, expected, "{major}");
        fill_all(&database, &synced).await;
        database.run(&super::contract(&synced, "ALTER TABLE \"User\" DROP COLUMN \"fullName\"")).await;
        let left = database.rows("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal").await;
        assert_eq!(left, ["0"], "{major}: those of the partitions go too");

        // Why no pair has a column of the partition key.
        let key = renamed(&Name::new("region"), &Name::new("zone"), &Sql::verbatim("text"));
        let key = underpin_core::sync::Synced { pairs: vec![key], ..synced };
        database.run(&expand("ALTER TABLE \"User\" ADD COLUMN zone text", &key)).await;
        let insert = "INSERT INTO \"User\" (id, region, zone) VALUES (9, 'eu', 'us')";
        let refused = database.client().await.batch_execute(insert).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "0A000", "{major}: a trigger moves no row");
    }
}

#[tokio::test]
async fn what_depends_on_a_shape_follows_it() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_follow").await;
        database
            .run(
                "CREATE TABLE \"Team\" (name text PRIMARY KEY);
                 CREATE TABLE \"User\" (id int PRIMARY KEY, \"fullName\" text
                   REFERENCES \"Team\" ON UPDATE CASCADE ON DELETE SET NULL,
                   length int GENERATED ALWAYS AS (length(\"fullName\")) STORED);
                 CREATE INDEX ON \"User\" (lower(\"fullName\"));
                 INSERT INTO \"Team\" VALUES ('red'), ('green'), ('blue');
                 INSERT INTO \"User\" VALUES (1, 'red'), (2, 'green')",
            )
            .await;
        database.run(&expand(ADD, &synced(vec![rename("text")]))).await;
        database
            .run(
                "UPDATE \"User\" SET \"displayName\" = 'blue' WHERE id = 1;
                 UPDATE \"Team\" SET name = 'lime' WHERE name = 'green';
                 INSERT INTO \"User\" (id, \"displayName\") VALUES (3, 'red');
                 DELETE FROM \"Team\" WHERE name = 'red'",
            )
            .await;
        let query = "SELECT \"fullName\", \"displayName\", length FROM \"User\" ORDER BY id";
        assert_eq!(database.rows(query).await, ["blue|blue|4", "lime|lime|4", "-|-|-"], "{major}");
        let absent = "INSERT INTO \"User\" (id, \"displayName\") VALUES (4, 'none')";
        let refused = database.client().await.batch_execute(absent).await.unwrap_err();
        assert_eq!(
            refused.code().unwrap().code(),
            "23503",
            "{major}: the foreign key holds for new clients too"
        );
    }
}

#[tokio::test]
async fn keys_that_the_database_makes_are_in_both_shapes() {
    for major in majors() {
        let server = Server::shared(major).await;
        for made in ["serial", "int GENERATED BY DEFAULT AS IDENTITY", "int GENERATED ALWAYS AS IDENTITY"] {
            let database = server.database("sync_key").await;
            database.run(&format!("CREATE TABLE \"User\" (id {made} PRIMARY KEY, note text)")).await;
            let pair = int_to_bigint(&Name::new("id"), &Name::new("id_new"));
            database.run(&expand("ALTER TABLE \"User\" ADD COLUMN id_new bigint", &synced(vec![pair]))).await;
            database
                .run(
                    "INSERT INTO \"User\" (note) VALUES ('a'), ('b');
                     INSERT INTO \"User\" (note) SELECT 'c' FROM generate_series(1, 2);
                     INSERT INTO \"User\" (id_new) VALUES (70)",
                )
                .await;
            let rows = database.rows("SELECT id, id_new FROM \"User\" ORDER BY 1").await;
            assert_eq!(rows, ["1|1", "2|2", "3|3", "4|4", "70|70"], "{major}: {made}");
        }
    }
}

#[tokio::test]
async fn whoever_waits_for_a_row_goes_on_from_what_the_other_client_made_of_it() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_wait").await;
        database
            .run("CREATE TABLE \"User\" (id int, \"fullName\" text); INSERT INTO \"User\" VALUES (1, 'Ada')")
            .await;
        database.run(&expand(ADD, &synced(vec![rename("text")]))).await;
        for (first, second) in [("fullName", "displayName"), ("displayName", "fullName")] {
            let (holder, waiter) = (database.client().await, database.client().await);
            let append = |column: &str, text: &str| {
                format!(
                    "UPDATE \"User\" SET \"{column}\" = coalesce(\"{column}\", '') || '{text}' WHERE id = 1"
                )
            };
            holder.batch_execute(&format!("BEGIN; {}", append(first, "1"))).await.unwrap();
            let waiting = tokio::spawn(async move { waiter.batch_execute(&append(second, "2")).await });
            tokio::time::sleep(Duration::from_millis(50)).await;
            holder.batch_execute("COMMIT").await.unwrap();
            waiting.await.unwrap().unwrap();
        }
        let rows = database.rows("SELECT \"fullName\", \"displayName\" FROM \"User\"").await;
        assert_eq!(rows, ["Ada1212|Ada1212"], "{major}");
    }
}

#[tokio::test]
async fn what_replication_applies_is_not_made_again() {
    for major in outer_majors() {
        let settings = [("wal_level", "logical"), ("max_wal_senders", "4"), ("max_replication_slots", "4")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let server =
            Server::start(major, StartOptions { settings, ..StartOptions::default() }).await.unwrap();
        let (source, copy) = (server.database("sync_source").await, server.database("sync_copy").await);
        let synced = synced(vec![rename("text")]);
        for database in [&source, &copy] {
            database.run("CREATE TABLE \"User\" (id int PRIMARY KEY, \"fullName\" text)").await;
            database.run(&expand(ADD, &synced)).await;
        }
        // A row that the publisher's triggers have not seen shows whether the subscriber's have.
        source
            .run(
                "CREATE PUBLICATION users FOR TABLE \"User\";
                 SET session_replication_role = replica; INSERT INTO \"User\" VALUES (1, 'Ada')",
            )
            .await;
        assert_eq!(source.rows("SELECT * FROM \"User\"").await, ["1|Ada|-"], "{major}");
        // On one server the slot has to be there before: its creation waits for transactions to end.
        source.run("SELECT pg_create_logical_replication_slot('users', 'pgoutput')").await;
        source.run("INSERT INTO \"User\" (id, \"displayName\") VALUES (2, 'Bea')").await;
        copy.run(&format!(
            "CREATE SUBSCRIPTION users CONNECTION '{}' PUBLICATION users \
             WITH (create_slot = false, slot_name = users, copy_data = false)",
            source.url()
        ))
        .await;
        source
            .run(
                "UPDATE \"User\" SET \"displayName\" = 'Bo' WHERE id = 2;
                 SET session_replication_role = replica; INSERT INTO \"User\" VALUES (3, 'Cem')",
            )
            .await;
        let begun = Instant::now();
        let expected = ["2|Bo|Bo", "3|Cem|-"];
        while copy.rows("SELECT * FROM \"User\" ORDER BY id").await != expected {
            let found = copy.rows("SELECT * FROM \"User\" ORDER BY id").await;
            assert!(begun.elapsed() < Duration::from_secs(60), "{major}: {found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        copy.run("ALTER SUBSCRIPTION users DISABLE").await;
        copy.run("ALTER SUBSCRIPTION users SET (slot_name = NONE)").await;
        copy.run("DROP SUBSCRIPTION users").await;
    }
}

#[tokio::test]
async fn a_table_has_its_triggers_in_one_transaction_or_not_at_all() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("sync_atomic").await;
    database.run("CREATE TABLE \"User\" (id int, \"fullName\" text)").await;
    let made = all(&switch_on(&synced(vec![rename("text")])));
    let without_column = database.client().await.batch_execute(&format!("BEGIN; {made} COMMIT")).await;
    assert_eq!(
        without_column.unwrap_err().code().unwrap().code(),
        "42703",
        "UPDATE OF a column that is not there"
    );
    let left = database.rows("SELECT count(*) FROM pg_proc WHERE proname LIKE 'underpin%'").await;
    assert_eq!(left, ["0"]);
    database.run(&expand(ADD, &synced(vec![rename("text")]))).await;
    let alone = "ALTER TABLE \"User\" DROP COLUMN \"fullName\"";
    let alone = database.client().await.batch_execute(alone).await.unwrap_err();
    assert_eq!(alone.code().unwrap().code(), "2BP01", "no column goes before its triggers");
}
