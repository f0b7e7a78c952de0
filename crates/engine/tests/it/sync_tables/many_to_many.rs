//! What each kind of statement means, for a foreign key that is a table of pairs too.

use underpin_catalog::Sql;
use underpin_core::sync_tables::{Across, ManyToMany};
use underpin_testkit::{Database, Server, majors};

use super::{authors, does, on};

async fn database<'a>(server: &'a Server, on_delete: &str, pairs: &ManyToMany) -> (Database<'a>, Across) {
    let database = server.database("across_pairs").await;
    database
        .run(&format!(
            "CREATE TABLE \"User\" (id int PRIMARY KEY);
             CREATE TABLE \"Post\" (id int PRIMARY KEY, title text,
               \"authorId\" int REFERENCES \"User\" ON UPDATE CASCADE ON DELETE {on_delete});
             CREATE TABLE \"_PostToUser\" (\"A\" int NOT NULL REFERENCES \"Post\" ON UPDATE CASCADE ON DELETE CASCADE,
               \"B\" int NOT NULL REFERENCES \"User\" ON UPDATE CASCADE ON DELETE CASCADE, PRIMARY KEY (\"A\", \"B\"));
             INSERT INTO \"User\" SELECT generate_series(1, 9);
             INSERT INTO \"Post\" VALUES (1, 'x', 5), (2, 'y', NULL), (3, 'z', 6)"
        ))
        .await;
    let across = Across::ManyToMany(pairs.clone());
    database.run(&on(&across)).await;
    (database, across)
}

/// Of a post: its one author, and all of them.
async fn post(database: &Database<'_>, post: i32) -> String {
    let query = format!(
        "SELECT \"authorId\", (SELECT string_agg(\"B\"::text, ',' ORDER BY \"B\") FROM \"_PostToUser\" WHERE \"A\" = p.id) \
         FROM \"Post\" p WHERE id = {post}"
    );
    database.rows(&query).await.pop().unwrap_or_else(|| "gone".to_owned())
}

#[tokio::test]
async fn the_key_is_one_of_the_pairs_or_there_are_none() {
    for major in majors() {
        let server = Server::shared(major).await;
        let (database, across) = database(server, "SET NULL", &authors()).await;
        database.run(across.fill().as_str()).await;
        does(&database, &across, across.fill().as_str()).await;
        for (statement, one, expected) in [
            ("SELECT 1", 1, "5|5"),
            ("UPDATE \"Post\" SET \"authorId\" = 7, title = 'q' WHERE id = 1", 1, "7|7"),
            (
                "INSERT INTO \"_PostToUser\" VALUES (1, 3), (1, 9), (1, 7) ON CONFLICT DO NOTHING",
                1,
                "7|3,7,9",
            ),
            ("UPDATE \"Post\" SET title = 'r'", 1, "7|3,7,9"),
            ("UPDATE \"Post\" SET \"authorId\" = 8 WHERE id = 1", 1, "8|3,8,9"),
            ("UPDATE \"Post\" SET \"authorId\" = 9 WHERE id = 1", 1, "9|3,9"),
            ("DELETE FROM \"_PostToUser\" WHERE \"A\" = 1 AND \"B\" = 9", 1, "3|3"),
            ("DELETE FROM \"_PostToUser\" WHERE \"A\" = 1", 1, "-|-"),
            ("INSERT INTO \"_PostToUser\" VALUES (1, 4), (1, 2)", 1, "4|2,4"),
            ("UPDATE \"Post\" SET \"authorId\" = NULL WHERE id = 1", 1, "-|-"),
            ("INSERT INTO \"Post\" VALUES (4, 'n', 2), (5, 'm', NULL)", 4, "2|2"),
            ("INSERT INTO \"_PostToUser\" SELECT 5, generate_series(3, 6)", 5, "3|3,4,5,6"),
            ("UPDATE \"_PostToUser\" SET \"B\" = 8 WHERE \"A\" = 5 AND \"B\" = 3", 5, "4|4,5,6,8"),
            ("TRUNCATE \"_PostToUser\"", 5, "-|-"),
            ("INSERT INTO \"_PostToUser\" SELECT 5, generate_series(4, 6)", 5, "4|4,5,6"),
            ("UPDATE \"Post\" SET \"authorId\" = 8 WHERE id = 5", 5, "8|5,6,8"),
            ("INSERT INTO \"_PostToUser\" VALUES (5, 4)", 5, "8|4,5,6,8"),
            ("UPDATE \"Post\" SET \"authorId\" = 4 WHERE id = 5", 5, "4|4,5,6"),
            ("INSERT INTO \"_PostToUser\" VALUES (5, 8)", 5, "4|4,5,6,8"),
            // What is led to goes, or gets another key.
            ("DELETE FROM \"User\" WHERE id = 4", 5, "5|5,6,8"),
            ("DELETE FROM \"User\" WHERE id = 6", 3, "-|-"),
            ("SELECT 1", 5, "5|5,8"),
            ("UPDATE \"User\" SET id = 55 WHERE id = 5", 5, "55|8,55"),
            ("UPDATE \"Post\" SET id = 50 WHERE id = 5", 50, "55|8,55"),
            ("DELETE FROM \"Post\" WHERE id = 50", 50, "gone"),
            (
                "INSERT INTO \"Post\" VALUES (4, 'n', 3) ON CONFLICT (id) DO UPDATE SET \"authorId\" = EXCLUDED.\"authorId\"",
                4,
                "3|3",
            ),
            ("COPY \"_PostToUser\" FROM PROGRAM 'printf \"2\\t7\\n2\\t1\\n\"'", 2, "7|1,7"),
        ] {
            does(&database, &across, statement).await;
            assert_eq!(post(&database, one).await, expected, "{major}: {statement}");
        }
        let orphans = "SELECT count(*) FROM \"_PostToUser\" WHERE \"A\" = 50";
        assert_eq!(database.rows(orphans).await, ["0"], "{major}");
    }
}

#[tokio::test]
async fn other_actions_of_the_key_that_goes_end_alike() {
    for major in majors() {
        let server = Server::shared(major).await;
        for (on_delete, expected) in [("CASCADE", "gone"), ("SET NULL", "7|7"), ("SET DEFAULT", "7|7")] {
            let (database, across) = database(server, on_delete, &authors()).await;
            database.run(across.fill().as_str()).await;
            database.run("INSERT INTO \"_PostToUser\" VALUES (1, 7)").await;
            does(&database, &across, "DELETE FROM \"User\" WHERE id = 5").await;
            assert_eq!(post(&database, 1).await, expected, "{major}: {on_delete}");
        }
    }
}

/// A required key leads to somebody who stands for nobody.
#[tokio::test]
async fn who_stands_for_nobody_is_in_no_pair() {
    for major in majors() {
        let server = Server::shared(major).await;
        let nobody = ManyToMany { absent: Some(Sql::verbatim("9")), ..authors() };
        let (database, across) = database(server, "RESTRICT", &nobody).await;
        database
            .run("UPDATE \"Post\" SET \"authorId\" = 9 WHERE \"authorId\" IS NULL; ALTER TABLE \"Post\" ALTER \"authorId\" SET NOT NULL, ALTER \"authorId\" SET DEFAULT 9")
            .await;
        does(&database, &across, across.fill().as_str()).await;
        for (statement, one, expected) in [
            ("SELECT 1", 2, "9|-"),
            ("INSERT INTO \"Post\" (id) VALUES (4)", 4, "9|-"),
            ("INSERT INTO \"_PostToUser\" VALUES (4, 3), (4, 2)", 4, "3|2,3"),
            ("DELETE FROM \"_PostToUser\" WHERE \"B\" = 3", 4, "2|2"),
            ("DELETE FROM \"_PostToUser\"", 4, "9|-"),
        ] {
            does(&database, &across, statement).await;
            assert_eq!(post(&database, one).await, expected, "{major}: {statement}");
        }
    }
}
