//! What each kind of statement means, for a column under two names.

use underpin_catalog::{Name, Sql};
use underpin_core::sync::{Others, renamed, switch_on};
use underpin_testkit::{Database, Server, majors};

use super::{all, contract, expand, fill_all, rename, synced};

/// Three rows from before. The old name is required and the row has a key besides.
const USERS: &str = "
    CREATE TABLE \"User\" (id int PRIMARY KEY, email text UNIQUE, \"fullName\" text NOT NULL, score int);
    INSERT INTO \"User\" VALUES (1, 'a@x', 'Ada', 1), (2, 'b@x', 'Bea', 2), (3, 'c@x', 'Cem', 3);";
/// The same, when the old name may be NULL.
const NULLABLE: &str = "
    CREATE TABLE \"User\" (id int PRIMARY KEY, email text UNIQUE, \"fullName\" text, score int);
    INSERT INTO \"User\" VALUES (1, 'a@x', 'Ada', 1), (2, 'b@x', NULL, 2), (3, 'c@x', 'Cem', 3);";
const ADD: &str = "ALTER TABLE \"User\" ADD COLUMN \"displayName\" text";

/// Rows 4 and up, both names.
async fn new_rows(database: &Database<'_>) -> Vec<String> {
    database.rows("SELECT id, \"fullName\", \"displayName\" FROM \"User\" WHERE id > 3 ORDER BY id").await
}

/// Row 1, both names.
async fn first(database: &Database<'_>) -> String {
    database.rows("SELECT \"fullName\", \"displayName\" FROM \"User\" WHERE id = 1").await.remove(0)
}

async fn database<'a>(server: &'a Server, table: &str) -> Database<'a> {
    let database = server.database("sync_meaning").await;
    database.run(table).await;
    database.run(&expand(ADD, &synced(vec![rename("text")]))).await;
    database
}

#[tokio::test]
async fn a_row_of_either_client_has_both_names_however_it_is_inserted() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = database(server, USERS).await;
        // The old name refuses NULL: that is asked behind the triggers.
        database
            .run(
                "INSERT INTO \"User\" (id, \"fullName\") VALUES (4, 'Dov');
                 INSERT INTO \"User\" (id, \"displayName\") VALUES (5, 'Eli');
                 INSERT INTO \"User\" (id, \"displayName\") VALUES (6, 'Fay'), (7, 'Gil');
                 INSERT INTO \"User\" (id, \"displayName\") SELECT id + 100, 'again' FROM \"User\" WHERE id = 4;
                 INSERT INTO \"User\" (id, \"fullName\", \"displayName\") VALUES (8, 'old', 'new')",
            )
            .await;
        let expected = ["4|Dov|Dov", "5|Eli|Eli", "6|Fay|Fay", "7|Gil|Gil", "8|new|new", "104|again|again"];
        assert_eq!(new_rows(&database).await, expected, "{major}");

        let returned = database
            .rows("INSERT INTO \"User\" (id, \"displayName\") VALUES (9, 'Hal') RETURNING \"fullName\"")
            .await;
        assert_eq!(returned, ["Hal"], "{major}: the client reads what the triggers wrote");
        for (row, column) in [("10\\tIan", "fullName"), ("11\\tJoe", "displayName")] {
            let copy = format!("COPY \"User\" (id, \"{column}\") FROM PROGRAM 'printf \"{row}\\n\"'");
            database.run(&copy).await;
        }
        let copied = &new_rows(&database).await[6..8];
        assert_eq!(copied, ["10|Ian|Ian", "11|Joe|Joe"], "{major}: COPY");
        let neither = "INSERT INTO \"User\" (id) VALUES (12)";
        let refused = database.client().await.batch_execute(neither).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "23502", "{major}: neither name is still refused");
    }
}

#[tokio::test]
async fn an_update_means_what_it_sets_also_null() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = database(server, NULLABLE).await;
        let set = async |set: &str| {
            database.run(&format!("UPDATE \"User\" SET {set} WHERE id = 1")).await;
            first(&database).await
        };
        assert_eq!(set("score = 9").await, "Ada|-", "{major}: a row without the new name stays as it is");
        assert_eq!(set("\"displayName\" = NULL").await, "-|-", "{major}: a new client means NULL");
        assert_eq!(set("\"fullName\" = 'Ann'").await, "Ann|Ann", "{major}");
        assert_eq!(set("\"displayName\" = 'Amy'").await, "Amy|Amy", "{major}");
        assert_eq!(set("\"fullName\" = NULL").await, "-|-", "{major}: an old client means NULL");
        assert_eq!(
            set("\"fullName\" = 'x', \"displayName\" = 'y'").await,
            "y|y",
            "{major}: both, the new is taken"
        );
        assert_eq!(set("score = score + 1, \"fullName\" = \"fullName\" || '!'").await, "y!|y!", "{major}");
        assert_eq!(set("\"displayName\" = \"displayName\"").await, "y!|y!", "{major}");
        database.run("UPDATE \"User\" SET \"displayName\" = 'all'").await;
        let rows = database.rows("SELECT count(*) FROM \"User\" WHERE \"fullName\" = 'all'").await;
        assert_eq!(rows, ["3"], "{major}: many rows");
    }
}

#[tokio::test]
async fn upserts_of_either_client_find_the_row_of_the_other() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = database(server, USERS).await;
        database
            .run(
                "CREATE UNIQUE INDEX ON \"User\" (\"fullName\");
                 UPDATE \"User\" SET \"displayName\" = \"fullName\";
                 CREATE UNIQUE INDEX ON \"User\" (\"displayName\");
                 INSERT INTO \"User\" (id, email, \"displayName\") VALUES (1, 'a@x', 'other')
                   ON CONFLICT (email) DO UPDATE SET \"displayName\" = EXCLUDED.\"displayName\";
                 INSERT INTO \"User\" (id, \"fullName\") VALUES (1, 'Anna')
                   ON CONFLICT (id) DO UPDATE SET \"fullName\" = EXCLUDED.\"fullName\";
                 INSERT INTO \"User\" (id, \"displayName\") VALUES (20, 'Bea')
                   ON CONFLICT (\"displayName\") DO UPDATE SET score = 22;
                 INSERT INTO \"User\" (id, \"fullName\") VALUES (30, 'Cem')
                   ON CONFLICT (\"fullName\") DO UPDATE SET \"fullName\" = 'Can';
                 INSERT INTO \"User\" (id, \"displayName\") VALUES (40, 'Can') ON CONFLICT DO NOTHING",
            )
            .await;
        let rows =
            database.rows("SELECT id, \"fullName\", \"displayName\", score FROM \"User\" ORDER BY id").await;
        assert_eq!(rows, ["1|Anna|Anna|1", "2|Bea|Bea|22", "3|Can|Can|3"], "{major}");
        if major >= 15 {
            let merge =
                "MERGE INTO \"User\" u USING (VALUES (3, 'Cy'), (4, 'Dov')) AS v (id, name) ON u.id = v.id
                WHEN MATCHED THEN UPDATE SET \"displayName\" = v.name
                WHEN NOT MATCHED THEN INSERT (id, \"displayName\") VALUES (v.id, v.name)";
            database.run(merge).await;
            let rows = database.rows("SELECT id, \"fullName\" FROM \"User\" WHERE id > 2 ORDER BY id").await;
            assert_eq!(rows, ["3|Cy", "4|Dov"], "{major}");
        }
    }
}

#[tokio::test]
async fn filling_and_switching_off_leave_the_new_column_and_nothing_else() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = database(server, USERS).await;
        let synced = synced(vec![rename("text")]);
        fill_all(&database, &synced).await;
        database.run("ALTER TABLE \"User\" ALTER COLUMN \"displayName\" SET NOT NULL").await;
        database.run(&contract(&synced, "ALTER TABLE \"User\" DROP COLUMN \"fullName\"")).await;
        let rows = database.rows("SELECT id, \"displayName\" FROM \"User\" ORDER BY id").await;
        assert_eq!(rows, ["1|Ada", "2|Bea", "3|Cem"], "{major}");
        let left = "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), \
                    (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)";
        assert_eq!(database.rows(left).await, ["0|0"], "{major}");
    }
}

/// Which columns an `INSERT` named, nobody tells a trigger. With a default on the old name, NULL in the new
/// one looks like nothing; without it, both clients are served, because theirs send their defaults.
#[tokio::test]
async fn a_default_of_the_old_column_hides_the_null_of_a_new_client() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_default").await;
        database.run(NULLABLE).await;
        database.run("ALTER TABLE \"User\" ALTER COLUMN \"fullName\" SET DEFAULT 'nobody'").await;
        database.run(&expand(ADD, &synced(vec![rename("text")]))).await;
        let inserts = "INSERT INTO \"User\" (id, \"displayName\") VALUES (4, 'Dov');
            INSERT INTO \"User\" (id, \"displayName\") VALUES (5, NULL);
            INSERT INTO \"User\" (id) VALUES (6);
            INSERT INTO \"User\" (id, \"fullName\") VALUES (7, NULL)";
        database.run(inserts).await;
        let rows = new_rows(&database).await;
        assert_eq!(rows, ["4|Dov|Dov", "5|nobody|nobody", "6|nobody|nobody", "7|-|-"], "{major}");
        database.run("ALTER TABLE \"User\" ALTER COLUMN \"fullName\" DROP DEFAULT").await;
        database.run(&format!("DELETE FROM \"User\" WHERE id > 3; {inserts}")).await;
        assert_eq!(new_rows(&database).await, ["4|Dov|Dov", "5|-|-", "6|-|-", "7|-|-"], "{major}");
    }
}

#[tokio::test]
async fn every_name_that_postgresql_keeps_is_a_name() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_names").await;
        let (long, other) = (format!("{}a", "ä".repeat(31)), format!("{}b", "ä".repeat(31)));
        let quoted = "Us\"er $underpin$";
        for table in [&long, &other, quoted] {
            let name = underpin_catalog::RelationName::qualified("My \"app", table);
            let pair = underpin_core::sync::renamed(
                &underpin_catalog::Name::new(long.clone()),
                &underpin_catalog::Name::new(other.clone()),
                &underpin_catalog::Sql::verbatim("text"),
            );
            let one =
                underpin_core::sync::Synced { table: name.clone(), pairs: vec![pair], others: Others::None };
            database
                .run(&format!(
                    "CREATE SCHEMA IF NOT EXISTS \"My \"\"app\"; CREATE TABLE {name} (\"{long}\" text, \"{other}\" text); {}
                     INSERT INTO {name} (\"{long}\") VALUES ('1'); INSERT INTO {name} (\"{other}\") VALUES ('2')",
                    all(&switch_on(&one))
                ))
                .await;
            let rows = database.rows(&format!("SELECT * FROM {name} ORDER BY 1")).await;
            assert_eq!(rows, ["1|1", "2|2"], "{major}: {table}");
            database.run(&contract(&one, &format!("DROP TABLE {name}"))).await;
        }
    }
}

/// A limit of PostgreSQL, which every table with two unique keys has: `ON CONFLICT` forgives a conflict in the
/// key that it names, and of two sessions that insert the same row at the same moment one meets the other key
/// too. With one key both succeed; with the keys of both shapes one fails with 23505. An index whose expression
/// waits keeps both between the look for a conflict and the insertion.
#[tokio::test]
async fn of_two_upserts_of_one_new_key_at_once_one_fails_while_both_shapes_are_unique() {
    for major in majors() {
        let server = Server::shared(major).await;
        for (unique, expected) in [("", "-"), ("CREATE UNIQUE INDEX ON \"User\" (\"displayName\");", "23505")]
        {
            let database = server.database("sync_upserts").await;
            database
                .run(
                    "CREATE TABLE \"User\" (id serial, \"fullName\" text, score int DEFAULT 0);
                     CREATE FUNCTION hold(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN
                       PERFORM pg_advisory_lock_shared(7), pg_advisory_unlock_shared(7); RETURN value; END$$;
                     CREATE INDEX ON \"User\" (hold(\"fullName\"));
                     CREATE UNIQUE INDEX ON \"User\" (\"fullName\")",
                )
                .await;
            database.run(&expand(ADD, &synced(vec![rename("text")]))).await;
            database.run(unique).await;
            let gate = database.client().await;
            gate.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();
            let upsert = "INSERT INTO \"User\" (\"fullName\") VALUES ('Ada') \
                          ON CONFLICT (\"fullName\") DO UPDATE SET score = \"User\".score + 1";
            let mut both = Vec::new();
            for _ in 0..2 {
                let client = database.client().await;
                both.push(tokio::spawn(async move { client.batch_execute(upsert).await }));
            }
            let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            while database.rows(waiting).await != ["2"] {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            gate.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
            let mut codes = Vec::new();
            for one in both {
                if let Err(error) = one.await.unwrap() {
                    codes.push(error.code().unwrap().code().to_owned());
                }
            }
            let found = if codes.is_empty() { "-".to_owned() } else { codes.join(" ") };
            assert_eq!(found, expected, "{major}: {unique}");
        }
    }
}

/// Which release writes is told by what it writes. With pgroll and reshape it is told by the text of the search path:
/// two namespaces in it, or one that is quoted, and what the new release wrote is overwritten with NULL.
#[tokio::test]
async fn no_search_path_makes_one_release_the_other() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_path").await;
        // Names that are within each other, that are quoted, and that are words of the language.
        database
            .run(
                "CREATE SCHEMA public_v2; CREATE SCHEMA \"public_n-3\"; CREATE SCHEMA \"Public\";
                 CREATE TABLE \"User\" (\"id\" int PRIMARY KEY, \"paid\" text, \"unpaidAt\" text, \"order\" text)",
            )
            .await;
        let (old, new) = (Name::new("paid"), Name::new("paidAt"));
        let synced = synced(vec![
            renamed(&old, &new, &Sql::verbatim("text")),
            renamed(&Name::new("order"), &Name::new("Order"), &Sql::verbatim("text")),
        ]);
        let columns = "ALTER TABLE \"User\" ADD COLUMN \"paidAt\" text, ADD COLUMN \"Order\" text";
        database.run(&expand(columns, &synced)).await;
        let paths = [
            "public",
            "public_v2, public",
            "\"public_n-3\", public",
            "\"public_n-3\"",
            "\"Public\", pg_temp, public",
            "''",
            "pg_catalog",
        ];
        for (at, path) in paths.into_iter().enumerate() {
            database
                .run(&format!(
                    "SET search_path = {path};
                     INSERT INTO public.\"User\" (\"id\", \"paidAt\", \"Order\", \"unpaidAt\") VALUES ({at}, 'new', 'N', '-');
                     INSERT INTO public.\"User\" (\"id\", \"paid\", \"order\", \"unpaidAt\") VALUES (100 + {at}, 'old', 'O', '-');
                     UPDATE public.\"User\" SET \"paidAt\" = \"paidAt\" || '!' WHERE \"id\" = {at};
                     UPDATE public.\"User\" SET \"order\" = \"order\" || '!' WHERE \"id\" = 100 + {at}"
                ))
                .await;
            let rows = "SELECT \"paid\", \"paidAt\", \"order\", \"Order\", \"unpaidAt\" FROM \"User\" ORDER BY \"id\"";
            let rows = database.rows(&format!("{rows}; TRUNCATE \"User\"")).await;
            assert_eq!(rows, ["new!|new!|N|N|-", "old|old|O!|O!|-"], "{major}: {path}");
        }
    }
}
