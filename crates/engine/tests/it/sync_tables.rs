//! Sync across tables on real servers: what each kind of statement of either release does to the other table, and
//! that nobody's statement fails while the triggers are there.

mod load;
mod many_to_many;
mod neighbours;
mod one_to_one;

use underpin_catalog::{Name, RelationName, Sql};
use underpin_core::sync::Others;
use underpin_core::sync_tables::{Across, ManyToMany, Moved, OneToOne, Row};
use underpin_testkit::Database;

const USERS: &str = "
    CREATE TABLE \"User\" (id int PRIMARY KEY, name text, street text, city text);
    INSERT INTO \"User\" VALUES (1, 'Ada', 's1', 'c1'), (2, 'Bea', NULL, NULL), (3, 'Cem', 's3', NULL);";
const ADDRESSES: &str = "
    CREATE TABLE \"Address\" (id serial PRIMARY KEY, street text, city text,
      \"userId\" int NOT NULL UNIQUE REFERENCES \"User\" ON UPDATE CASCADE ON DELETE RESTRICT);";

fn moved(columns: &[&str]) -> Vec<Moved> {
    let column = |name: &&str| Moved {
        owner: Name::new(*name),
        other: Name::new(*name),
        data_type: Sql::verbatim("text"),
        absent: None,
        instead: None,
    };
    columns.iter().map(column).collect()
}

/// `"User"."street", "city"` and `"Address"`.
fn addresses(goes: bool) -> OneToOne {
    OneToOne {
        owner: RelationName::qualified("public", "User"),
        key: vec![Name::new("id")],
        other: RelationName::qualified("public", "Address"),
        link: vec![Name::new("userId")],
        columns: moved(&["street", "city"]),
        made: Vec::new(),
        row: Row::Fact { goes },
        keeps_owner: true,
        owner_others: Others::None,
        other_others: Others::None,
    }
}

/// `"User".bio` and `"Profile".bio`, a table that both releases know.
fn profiles() -> OneToOne {
    OneToOne {
        other: RelationName::qualified("public", "Profile"),
        columns: moved(&["bio"]),
        row: Row::Own { mark: Name::new("made"), untouched: Sql::verbatim("t.avatar IS NULL") },
        keeps_owner: false,
        ..addresses(false)
    }
}

/// `"Post"."authorId"` and `"_PostToUser"`.
fn authors() -> ManyToMany {
    ManyToMany {
        table: RelationName::qualified("public", "Post"),
        key: Name::new("id"),
        column: Name::new("authorId"),
        data_type: Sql::verbatim("integer"),
        absent: None,
        target: RelationName::qualified("public", "User"),
        target_key: Name::new("id"),
        pairs: RelationName::qualified("public", "_PostToUser"),
        near: Name::new("A"),
        far: Name::new("B"),
        made: Vec::new(),
        others: Others::None,
    }
}

/// One transaction.
fn on(across: &Across) -> String {
    format!("BEGIN; {} COMMIT;", all(&across.switch_on()))
}

fn all(statements: &[Sql]) -> String {
    statements.iter().map(|sql| format!("{sql}; ")).collect()
}

/// Runs a statement, and asserts that both tables agree behind it.
async fn does(database: &Database<'_>, across: &Across, statement: &str) {
    database.run(statement).await;
    let left = database.rows(across.disagree().as_str()).await;
    assert_eq!(left, ["0"], "{}: {statement}", database.major());
}

/// The SQLSTATE that a statement ends with.
async fn code(database: &Database<'_>, statement: &str) -> String {
    let ended = database.client().await.batch_execute(statement).await;
    ended.err().map_or_else(|| "00000".to_owned(), |error| error.code().unwrap().code().to_owned())
}
