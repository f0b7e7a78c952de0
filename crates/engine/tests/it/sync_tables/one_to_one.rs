//! What each kind of statement means, for columns that are in a table of their own too.

use underpin_catalog::Sql;
use underpin_core::sync_tables::{Across, Moved, OneToOne};
use underpin_testkit::{Database, Server, majors};

use super::{ADDRESSES, USERS, addresses, all, code, does, on, profiles};

const PROFILES: &str = "
    CREATE TABLE \"User\" (id int PRIMARY KEY, bio text);
    CREATE TABLE \"Profile\" (id serial PRIMARY KEY, avatar text, bio text,
      \"userId\" int NOT NULL UNIQUE REFERENCES \"User\" ON UPDATE CASCADE ON DELETE CASCADE);
    INSERT INTO \"User\" VALUES (1, 'b1'), (2, 'b2'), (3, NULL), (4, NULL);
    INSERT INTO \"Profile\" (avatar, \"userId\") VALUES ('a1', 1), ('a3', 3);";

/// Of a user: the columns, those of the row in the other table, and whether there is one.
async fn both(database: &Database<'_>, user: i32) -> String {
    let query = format!(
        "SELECT u.street, u.city, a.street, a.city, a.id IS NOT NULL FROM \"User\" u \
         LEFT JOIN \"Address\" a ON a.\"userId\" = u.id WHERE u.id = {user}"
    );
    database.rows(&query).await.pop().unwrap_or_else(|| "gone".to_owned())
}

async fn extracted<'a>(server: &'a Server, pair: &OneToOne) -> (Database<'a>, Across) {
    let database = server.database("across_extract").await;
    database.run(USERS).await;
    database.run(ADDRESSES).await;
    let across = Across::OneToOne(pair.clone());
    database.run(&on(&across)).await;
    (database, across)
}

#[tokio::test]
async fn who_writes_the_columns_writes_the_row() {
    for major in majors() {
        let server = Server::shared(major).await;
        let (database, across) = extracted(server, &addresses(false)).await;
        database.run(across.fill().as_str()).await;
        does(&database, &across, across.fill().as_str()).await;
        assert_eq!(both(&database, 1).await, "s1|c1|s1|c1|t", "{major}");
        assert_eq!(both(&database, 2).await, "-|-|-|-|f", "{major}: nothing to say makes no row");
        for (statement, user, expected) in [
            ("INSERT INTO \"User\" VALUES (4, 'Dov', 's4', NULL)", 4, "s4|-|s4|-|t"),
            ("INSERT INTO \"User\" (id, name) VALUES (5, 'Eli')", 5, "-|-|-|-|f"),
            ("UPDATE \"User\" SET street = 'x' WHERE id = 2", 2, "x|-|x|-|t"),
            ("UPDATE \"User\" SET name = 'y', city = 'k' WHERE id = 1", 1, "s1|k|s1|k|t"),
            ("UPDATE \"User\" SET street = NULL, city = NULL WHERE id = 1", 1, "-|-|-|-|t"),
            ("UPDATE \"User\" SET street = street || '!'", 3, "s3!|-|s3!|-|t"),
            ("UPDATE \"User\" SET id = 40 WHERE id = 4", 40, "s4!|-|s4!|-|t"),
            (
                "INSERT INTO \"User\" VALUES (5, 'E', 'a', 'b'), (6, 'F', 'c', 'd') \
                 ON CONFLICT (id) DO UPDATE SET street = EXCLUDED.street",
                5,
                "a|-|a|-|t",
            ),
            ("INSERT INTO \"User\" VALUES (5, 'E', 'no', 'no') ON CONFLICT DO NOTHING", 5, "a|-|a|-|t"),
            (
                "COPY \"User\" (id, name, street) FROM PROGRAM 'printf \"7\\tGil\\tcopied\\n8\\tHal\\t\\\\\\\\N\\n\"'",
                7,
                "copied|-|copied|-|t",
            ),
            ("DELETE FROM \"User\" WHERE id = 7", 7, "gone"),
            ("TRUNCATE \"Address\"", 3, "-|-|-|-|f"),
            ("UPDATE \"User\" SET street = 'again' WHERE id = 3", 3, "again|-|again|-|t"),
            ("TRUNCATE \"User\" CASCADE", 3, "gone"),
        ] {
            does(&database, &across, statement).await;
            assert_eq!(both(&database, user).await, expected, "{major}: {statement}");
        }
        assert_eq!(
            database.rows("SELECT count(*) FROM \"Address\" WHERE \"userId\" = 7").await,
            ["0"],
            "{major}"
        );
    }
}

#[tokio::test]
async fn who_writes_the_row_writes_the_columns() {
    for major in majors() {
        let server = Server::shared(major).await;
        let (database, across) = extracted(server, &addresses(false)).await;
        database.run(across.fill().as_str()).await;
        for (statement, user, expected) in [
            ("INSERT INTO \"Address\" (street, \"userId\") VALUES ('n', 2)", 2, "n|-|n|-|t"),
            ("UPDATE \"Address\" SET city = 'k' WHERE \"userId\" = 2", 2, "n|k|n|k|t"),
            ("UPDATE \"Address\" SET city = NULL, street = NULL WHERE \"userId\" = 1", 1, "-|-|-|-|t"),
            ("DELETE FROM \"Address\" WHERE \"userId\" = 2", 2, "-|-|-|-|f"),
            (
                "INSERT INTO \"Address\" (street, \"userId\") VALUES ('u', 2) ON CONFLICT (\"userId\") DO UPDATE SET street = 'no'",
                2,
                "u|-|u|-|t",
            ),
            (
                "INSERT INTO \"Address\" (street, \"userId\") VALUES ('no', 2) ON CONFLICT (\"userId\") DO UPDATE SET street = 'yes'",
                2,
                "yes|-|yes|-|t",
            ),
            ("INSERT INTO \"User\" (id) VALUES (9), (10)", 9, "-|-|-|-|f"),
            (
                "UPDATE \"Address\" SET \"userId\" = 9, city = 'moved' WHERE \"userId\" = 2",
                9,
                "yes|moved|yes|moved|t",
            ),
            ("SELECT 1", 2, "-|-|-|-|f"),
            (
                "INSERT INTO \"Address\" (street, \"userId\") SELECT 'many', id FROM \"User\" WHERE id IN (2, 10)",
                10,
                "many|-|many|-|t",
            ),
            ("UPDATE \"Address\" SET street = upper(street)", 9, "YES|moved|YES|moved|t"),
            (
                "COPY \"Address\" (street, \"userId\") FROM PROGRAM 'printf \"copied\\t11\\n\"'",
                11,
                "copied|-|copied|-|t",
            ),
            ("DELETE FROM \"Address\"", 9, "-|-|-|-|f"),
        ] {
            if user == 11 {
                database.run("INSERT INTO \"User\" (id) VALUES (11)").await;
            }
            does(&database, &across, statement).await;
            assert_eq!(both(&database, user).await, expected, "{major}: {statement}");
        }
        // What the schema says holds: a second address is refused, and one of nobody.
        does(&database, &across, "UPDATE \"User\" SET street = 's' WHERE id = 1").await;
        let second = "INSERT INTO \"Address\" (street, \"userId\") VALUES ('2', 1)";
        assert_eq!(code(&database, second).await, "23505", "{major}");
        assert_eq!(code(&database, &second.replace("1)", "77)")).await, "23503", "{major}");
        database.run(&format!("BEGIN; {} COMMIT", all(&across.switch_off()))).await;
        let left = "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), \
                    (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)";
        assert_eq!(database.rows(left).await, ["0|0"], "{major}");
    }
}

/// A required column of the old release has a value where the new one has no row, and the new columns may refuse
/// NULL.
#[tokio::test]
async fn what_stands_for_nothing_makes_no_row() {
    for major in majors() {
        let server = Server::shared(major).await;
        let absent = |column: Moved| Moved { absent: Some(Sql::verbatim("''")), ..column };
        let pair = addresses(false);
        let columns = pair.columns.iter().cloned().map(absent).collect();
        let pair = OneToOne { columns, ..pair };
        let (database, across) = extracted(server, &pair).await;
        database
            .run(
                "UPDATE \"User\" SET street = coalesce(street, ''), city = coalesce(city, '');
                 DELETE FROM \"Address\"; UPDATE \"User\" SET street = 's1', city = 'c1' WHERE id = 1;
                 ALTER TABLE \"User\" ALTER street SET NOT NULL, ALTER street SET DEFAULT '',
                   ALTER city SET NOT NULL, ALTER city SET DEFAULT ''",
            )
            .await;
        for (statement, user, expected) in [
            ("INSERT INTO \"User\" (id) VALUES (4)", 4, "||-|-|f"),
            ("INSERT INTO \"Address\" (street, \"userId\") VALUES ('n', 4)", 4, "n||n|-|t"),
            ("UPDATE \"Address\" SET street = NULL WHERE \"userId\" = 4", 4, "||-|-|t"),
            ("UPDATE \"User\" SET city = 'k' WHERE id = 4", 4, "|k||k|t"),
            ("DELETE FROM \"Address\" WHERE \"userId\" = 4", 4, "||-|-|f"),
        ] {
            does(&database, &across, statement).await;
            assert_eq!(both(&database, user).await, expected, "{major}: {statement}");
        }

        let (database, across) = extracted(server, &addresses(true)).await;
        database.run("ALTER TABLE \"Address\" ALTER street SET NOT NULL").await;
        does(&database, &across, across.fill().as_str()).await;
        for (statement, expected) in [
            ("UPDATE \"User\" SET street = NULL, city = NULL WHERE id = 1", "-|-|-|-|f"),
            ("UPDATE \"User\" SET street = 'back' WHERE id = 1", "back|-|back|-|t"),
        ] {
            does(&database, &across, statement).await;
            assert_eq!(both(&database, 1).await, expected, "{major}: {statement}");
        }
        let instead = |column: Moved| Moved { instead: Some(Sql::verbatim("'?'")), ..column };
        let pair = addresses(true);
        let columns = pair.columns.iter().cloned().map(instead).collect();
        let (database, across) = extracted(server, &OneToOne { columns, ..pair }).await;
        database.run("ALTER TABLE \"Address\" ALTER street SET NOT NULL, ALTER city SET NOT NULL").await;
        does(&database, &across, across.fill().as_str()).await;
        assert_eq!(both(&database, 3).await, "s3|-|s3|?|t", "{major}: the old columns stay as they are");
        for (statement, expected) in [
            ("UPDATE \"User\" SET street = 'x' WHERE id = 3", "x|-|x|?|t"),
            ("UPDATE \"Address\" SET street = 'y' WHERE \"userId\" = 3", "y|?|y|?|t"),
            ("UPDATE \"User\" SET city = NULL WHERE id = 3", "y|-|y|?|t"),
            ("UPDATE \"User\" SET street = NULL WHERE id = 3", "-|-|-|-|f"),
        ] {
            does(&database, &across, statement).await;
            assert_eq!(both(&database, 3).await, expected, "{major}: {statement}");
        }
    }
}

/// A table that both releases write: where a trigger had to make the row, the client's takes its place.
#[tokio::test]
async fn a_row_that_a_trigger_has_made_gives_way() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("across_move").await;
        database.run(PROFILES).await;
        let across = Across::OneToOne(profiles());
        database.run(&on(&across)).await;
        does(&database, &across, across.fill().as_str()).await;
        let of = async |user: i32| {
            let query = format!(
                "SELECT u.bio, p.bio, p.avatar FROM \"User\" u LEFT JOIN \"Profile\" p ON p.\"userId\" = u.id WHERE u.id = {user}"
            );
            database.rows(&query).await.pop().unwrap_or_else(|| "gone".to_owned())
        };
        assert_eq!([of(1).await, of(2).await, of(3).await], ["b1|b1|a1", "b2|b2|-", "-|-|a3"], "{major}");
        for (statement, user, expected) in [
            ("INSERT INTO \"Profile\" (avatar, \"userId\") VALUES ('a2', 2)", 2, "b2|b2|a2"),
            ("UPDATE \"User\" SET bio = 'x' WHERE id = 3", 3, "x|x|a3"),
            ("UPDATE \"User\" SET bio = NULL WHERE id = 3", 3, "-|-|a3"),
            (
                "BEGIN; INSERT INTO \"User\" VALUES (5, 'b5'); INSERT INTO \"Profile\" (avatar, \"userId\") VALUES ('a5', 5); COMMIT",
                5,
                "b5|b5|a5",
            ),
            (
                "BEGIN; INSERT INTO \"User\" VALUES (6, NULL); INSERT INTO \"Profile\" (avatar, bio, \"userId\") VALUES ('a6', 'b6', 6); COMMIT",
                6,
                "b6|b6|a6",
            ),
            ("UPDATE \"User\" SET bio = 'first' WHERE id = 4", 4, "first|first|-"),
            (
                "INSERT INTO \"Profile\" (avatar, bio, \"userId\") VALUES ('a4', 'second', 4)",
                4,
                "second|second|a4",
            ),
            ("DELETE FROM \"Profile\" WHERE \"userId\" = 4", 4, "-|-|-"),
            ("DELETE FROM \"User\" WHERE id = 5", 5, "gone"),
        ] {
            does(&database, &across, statement).await;
            assert_eq!(of(user).await, expected, "{major}: {statement}");
        }
        let second = "INSERT INTO \"Profile\" (avatar, \"userId\") VALUES ('z', 2)";
        assert_eq!(code(&database, second).await, "23505", "{major}: one that a client has made stays");
    }
}

/// The way to the table that is led to: the fill updates its rows.
#[tokio::test]
async fn columns_that_come_back_to_the_owner_are_filled() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("across_back").await;
        database.run(PROFILES).await;
        database.run("UPDATE \"User\" SET bio = NULL; UPDATE \"Profile\" SET bio = 'p' || id").await;
        let pair = profiles();
        let across = Across::OneToOne(pair.clone());
        database.run(&on(&across)).await;
        database.run(pair.fill_owner().as_str()).await;
        does(&database, &across, pair.fill_owner().as_str()).await;
        let rows = database.rows("SELECT id, bio FROM \"User\" ORDER BY id").await;
        assert_eq!(rows, ["1|p1", "2|-", "3|p2", "4|-"], "{major}");
    }
}
