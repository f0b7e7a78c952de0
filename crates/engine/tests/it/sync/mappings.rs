//! Mappings that change the value: each serves every value of either client, and loses nothing that need not
//! be lost.

use underpin_catalog::{Name, RelationName, Sql};
use underpin_core::sync::{
    Pair, Shape, Value, enum_to_enum, int_to_bigint, lost, scalar_to_list, text_to_enum,
    timestamp_to_timestamptz,
};
use underpin_sql::{Counting, counting};
use underpin_testkit::{Database, Server, majors};

use super::{contract, expand, fill_all, synced};

fn sql(text: &str) -> Sql {
    Sql::verbatim(text)
}

fn old() -> Name {
    Name::new("old")
}

fn new() -> Name {
    Name::new("new")
}

/// One mapping: `"User" (id, old, new)`, where `old` has these values in rows 1, 2, ….
struct Mapping<'a> {
    /// `old` as the table has it, `new` as it is added.
    columns: (&'a str, &'a str),
    before: &'a str,
    pair: Pair,
    old: &'a [&'a str],
    /// What `old` and `new` are behind the fill.
    filled: &'a [&'a str],
    /// Each an update of row 1, and what the row is then.
    updates: &'a [(&'a str, &'a str)],
    /// The keys of rows that do not come back.
    lost: &'a [&'a str],
}

async fn hold(mapping: &Mapping<'_>) {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_mapping").await;
        let (old, new) = mapping.columns;
        let rows: Vec<_> =
            mapping.old.iter().enumerate().map(|(at, value)| format!("({}, {value})", at + 1)).collect();
        database
            .run(&format!(
                "{} CREATE TABLE \"User\" (id int PRIMARY KEY, old {old}); INSERT INTO \"User\" VALUES {}",
                mapping.before,
                rows.join(", ")
            ))
            .await;
        let synced = synced(vec![mapping.pair.clone()]);
        assert_lost(&database, &synced.table, mapping).await;
        database.run(&expand(&format!("ALTER TABLE \"User\" ADD COLUMN new {new}"), &synced)).await;
        fill_all(&database, &synced).await;
        let query = "SELECT old, new FROM \"User\" ORDER BY id";
        assert_eq!(database.rows(query).await, mapping.filled, "{major}: filled");
        for (update, expected) in mapping.updates {
            database.run(&format!("UPDATE \"User\" SET {update} WHERE id = 1")).await;
            assert_eq!(database.rows(query).await[0], *expected, "{major}: {update}");
        }
        database.run(&contract(&synced, "ALTER TABLE \"User\" DROP COLUMN old")).await;
    }
}

async fn assert_lost(database: &Database<'_>, table: &RelationName, mapping: &Mapping<'_>) {
    let query = lost(table, &mapping.pair);
    let count = database.rows(query.as_str()).await;
    assert_eq!(count, [mapping.lost.len().to_string()], "{query}");
    // Taken apart it tells which rows.
    let Counting { table, condition, .. } = counting(query.as_str()).unwrap();
    let keys = format!("SELECT id FROM {table} AS own WHERE {condition} ORDER BY id");
    assert_eq!(database.rows(&keys).await, mapping.lost);
}

#[tokio::test]
async fn an_integer_that_becomes_a_bigint() {
    hold(&Mapping {
        columns: ("int", "bigint"),
        before: "",
        pair: int_to_bigint(&old(), &new()),
        old: &["7", "NULL", "-2147483648"],
        filled: &["7|7", "-|-", "-2147483648|-2147483648"],
        updates: &[
            ("old = 8", "8|8"),
            ("new = 9", "9|9"),
            ("new = 3000000000", "-|3000000000"),
            ("old = 1", "1|1"),
        ],
        lost: &[],
    })
    .await;
}

#[tokio::test]
async fn a_text_that_becomes_an_enum() {
    let status = RelationName::qualified("public", "Status");
    hold(&Mapping {
        columns: ("text", "\"Status\""),
        before: "CREATE TYPE \"Status\" AS ENUM ('NEW', 'it''s PAID');",
        pair: text_to_enum((&old(), &sql("text")), (&new(), &status), &["NEW".into(), "it's PAID".into()]),
        old: &["'NEW'", "'it''s PAID'", "'paid'", "NULL"],
        filled: &["NEW|NEW", "it's PAID|it's PAID", "paid|-", "-|-"],
        updates: &[
            ("new = 'it''s PAID'", "it's PAID|it's PAID"),
            ("old = 'odd'", "odd|-"),
            ("old = 'NEW'", "NEW|NEW"),
        ],
        lost: &["3"],
    })
    .await;
}

#[tokio::test]
async fn an_enum_that_becomes_another() {
    let named = |name: &str| RelationName::qualified("public", name);
    let values = [("BASIC", "FREE"), ("TRIAL", "FREE"), ("PRO", "PAID")];
    hold(&Mapping {
        columns: ("\"Plan\"", "\"Plan_new\""),
        before: "CREATE TYPE \"Plan\" AS ENUM ('BASIC', 'TRIAL', 'PRO'); \
                 CREATE TYPE \"Plan_new\" AS ENUM ('FREE', 'PAID', 'TEAM');",
        pair: enum_to_enum(
            (&old(), &named("Plan")),
            (&new(), &named("Plan_new")),
            &values.map(|(old, new)| (old.to_owned(), new.to_owned())),
        ),
        old: &["'TRIAL'", "'BASIC'", "'PRO'"],
        // The fill writes nothing back, although FREE becomes BASIC for whoever writes it.
        filled: &["TRIAL|FREE", "BASIC|FREE", "PRO|PAID"],
        updates: &[
            ("new = 'FREE'", "TRIAL|FREE"),
            ("new = 'PAID'", "PRO|PAID"),
            ("new = 'FREE'", "BASIC|FREE"),
            ("new = 'TEAM'", "-|TEAM"),
            ("old = 'PRO'", "PRO|PAID"),
        ],
        lost: &["1"],
    })
    .await;
}

#[tokio::test]
async fn a_timestamp_that_becomes_a_timestamptz_whatever_the_clients_time_zone_is() {
    hold(&Mapping {
        columns: ("timestamp(3)", "timestamptz(3)"),
        before: "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone TO ''Asia/Tokyo''', \
                 current_database()); END$$;",
        pair: timestamp_to_timestamptz(&old(), &new(), Some(3)),
        old: &["'2026-01-02 03:04:05.678'"],
        filled: &["2026-01-02 03:04:05.678|2026-01-02 12:04:05.678+09"],
        updates: &[
            ("new = '2026-07-01 12:00:00+02'", "2026-07-01 10:00:00|2026-07-01 19:00:00+09"),
            ("old = '2026-03-29 02:30:00'", "2026-03-29 02:30:00|2026-03-29 11:30:00+09"),
        ],
        lost: &[],
    })
    .await;
}

#[tokio::test]
async fn a_value_that_becomes_a_list() {
    hold(&Mapping {
        columns: ("text", "text[]"),
        before: "",
        pair: scalar_to_list(&old(), &new(), &sql("text")),
        old: &["'a'", "NULL"],
        filled: &["a|{a}", "-|-"],
        updates: &[
            ("new = '{x,y}'", "x|{x,y}"),
            // What the old client has seen and writes again takes nothing away.
            ("old = 'x'", "x|{x,y}"),
            ("old = 'z'", "z|{z}"),
            ("new = '{}'", "-|{}"),
        ],
        lost: &[],
    })
    .await;
}

fn shape(column: &str, data_type: &str, value: &str) -> Shape {
    Shape { column: Name::new(column), data_type: sql(data_type), value: Value::Expression(sql(value)) }
}

#[tokio::test]
async fn a_column_that_is_split_into_two() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_split").await;
        database
            .run(
                "CREATE TABLE \"User\" (id int PRIMARY KEY, name text NOT NULL);
                 INSERT INTO \"User\" VALUES (1, 'Ada Lovelace'), (2, 'Plato'), (3, 'Ada  King')",
            )
            .await;
        let pair = Pair {
            before: vec![shape("name", "text", "concat_ws(' ', \"first\", \"last\")")],
            after: vec![
                shape("first", "varchar(20)", "split_part(\"name\", ' ', 1)"),
                shape("last", "text", "nullif(substr(\"name\", strpos(\"name\" || ' ', ' ') + 1), '')"),
            ],
        };
        let synced = synced(vec![pair.clone()]);
        assert_eq!(database.rows(lost(&synced.table, &pair).as_str()).await, ["0"], "{major}");
        let add = "ALTER TABLE \"User\" ADD COLUMN \"first\" varchar(20), ADD COLUMN \"last\" text";
        database.run(&expand(add, &synced)).await;
        fill_all(&database, &synced).await;
        database
            .run(
                "INSERT INTO \"User\" (id, name) VALUES (4, 'Alan Turing');
                 INSERT INTO \"User\" (id, \"first\", \"last\") VALUES (5, 'Grace', 'Hopper'), (6, 'Sappho', NULL);
                 UPDATE \"User\" SET \"last\" = 'Byron' WHERE id = 1;
                 UPDATE \"User\" SET name = 'Plato of Athens' WHERE id = 2",
            )
            .await;
        let rows = database.rows("SELECT name, \"first\", \"last\" FROM \"User\" ORDER BY id").await;
        let expected = [
            "Ada Byron|Ada|Byron",
            "Plato of Athens|Plato|of Athens",
            "Ada  King|Ada| King",
            "Alan Turing|Alan|Turing",
            "Grace Hopper|Grace|Hopper",
            "Sappho|Sappho|-",
        ];
        assert_eq!(rows, expected, "{major}");
    }
}

#[tokio::test]
async fn columns_that_are_merged_and_a_null_that_has_a_meaning() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_merge").await;
        database
            .run(
                "CREATE TABLE \"User\" (id int PRIMARY KEY, street text, town text, bio text);
                 INSERT INTO \"User\" VALUES (1, 'High St 1', 'Bath', NULL), (2, NULL, NULL, 'tall')",
            )
            .await;
        let address = Pair {
            before: vec![
                shape("street", "text", "address ->> 'street'"),
                shape("town", "text", "address ->> 'town'"),
            ],
            after: vec![shape(
                "address",
                "jsonb",
                "CASE WHEN num_nonnulls(street, town) > 0 THEN jsonb_build_object('street', street, 'town', town) END",
            )],
        };
        // Required from now on: nothing becomes an empty text, and an empty text nothing.
        let about = Pair {
            before: vec![shape("bio", "text", "nullif(about, '')")],
            after: vec![shape("about", "text", "coalesce(bio, '')")],
        };
        let synced = synced(vec![address, about]);
        let add = "ALTER TABLE \"User\" ADD COLUMN address jsonb, ADD COLUMN about text";
        database.run(&expand(add, &synced)).await;
        fill_all(&database, &synced).await;
        database
            .run(
                "INSERT INTO \"User\" (id, town) VALUES (3, 'Ulm');
                 INSERT INTO \"User\" (id, address, about) VALUES (4, '{\"town\": \"Rome\"}', '');
                 UPDATE \"User\" SET town = 'Wells' WHERE id = 1;
                 UPDATE \"User\" SET address = NULL, about = 'short' WHERE id = 2;
                 ALTER TABLE \"User\" ALTER COLUMN about SET NOT NULL",
            )
            .await;
        let rows = database
            .rows("SELECT street, town, address ->> 'town', bio, about FROM \"User\" ORDER BY id")
            .await;
        let expected = ["High St 1|Wells|Wells|-|", "-|-|-|short|short", "-|Ulm|Ulm|-|", "-|Rome|Rome|-|"];
        assert_eq!(rows, expected, "{major}");
    }
}

#[tokio::test]
async fn an_expression_is_resolved_when_it_is_created_and_belongs_to_everybody() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("sync_resolved").await;
        database
            .run(
                "CREATE TABLE \"User\" (id int PRIMARY KEY, old text);
                 CREATE FUNCTION public.tidy(value text) RETURNS text LANGUAGE sql IMMUTABLE RETURN btrim(value);
                 CREATE SCHEMA evil;
                 CREATE FUNCTION evil.tidy(value text) RETURNS text LANGUAGE sql RETURN 'evil';
                 CREATE FUNCTION evil.lower(value text) RETURNS text LANGUAGE sql RETURN 'evil';
                 CREATE FUNCTION evil.same(one text, other text) RETURNS boolean LANGUAGE sql RETURN true;
                 CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
                 CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.textcat);
                 ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
            )
            .await;
        let pair = Pair {
            before: vec![shape("old", "text", "lower(tidy(new)) || ''")],
            after: vec![shape("new", "text", "upper(tidy(old))")],
        };
        let synced = synced(vec![pair]);
        database.run(&expand("ALTER TABLE \"User\" ADD COLUMN new text", &synced)).await;
        let role = format!("sync_app_{}", database.name());
        database
            .run(&format!(
                "CREATE ROLE {role}; GRANT USAGE ON SCHEMA public, evil TO {role};
                 GRANT SELECT, INSERT (id, new), UPDATE (new) ON \"User\" TO {role};
                 SET ROLE {role}; SET search_path = evil, pg_catalog, public;
                 INSERT INTO \"User\" (id, new) VALUES (1, ' ADA ');
                 UPDATE \"User\" SET new = ' BEA ';
                 RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}"
            ))
            .await;
        assert_eq!(database.rows("SELECT * FROM \"User\"").await, ["1|bea| BEA "], "{major}");
    }
}

#[tokio::test]
async fn an_expression_of_what_is_not_there_fails_before_any_client_does() {
    let server = Server::shared(majors()[0]).await;
    let database = server.database("sync_wrong").await;
    database.run("CREATE TABLE \"User\" (id int, old text, new text, other text)").await;
    for (wrong, code) in [("upper(other)", "42703"), ("no_such(old)", "42883"), ("old::no_such", "42704")] {
        let pair =
            Pair { before: vec![shape("old", "text", "new")], after: vec![shape("new", "text", wrong)] };
        let made = database.client().await.batch_execute(&expand("SELECT 1", &synced(vec![pair]))).await;
        assert_eq!(made.unwrap_err().code().unwrap().code(), code, "{wrong}");
    }
}
