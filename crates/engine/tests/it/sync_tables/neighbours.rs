//! What else is there: triggers of the user's own, rights, row security, settings of a client, replication.

use underpin_core::sync::Others;
use underpin_core::sync_tables::{Across, OneToOne};
use underpin_testkit::{Database, Server, majors};

use super::{ADDRESSES, USERS, addresses, does, on};

async fn database<'a>(server: &'a Server, pair: OneToOne, own: &str) -> (Database<'a>, Across) {
    let database = server.database("across_beside").await;
    database.run(USERS).await;
    database.run(ADDRESSES).await;
    database.run(own).await;
    let across = Across::OneToOne(pair);
    database.run(&on(&across)).await;
    database.run(across.fill().as_str()).await;
    (database, across)
}

async fn first(database: &Database<'_>) -> String {
    let query =
        "SELECT u.street, a.street FROM \"User\" u JOIN \"Address\" a ON a.\"userId\" = u.id WHERE u.id = 1";
    database.rows(query).await.remove(0)
}

#[tokio::test]
async fn what_the_users_own_triggers_make_of_a_row_is_followed() {
    for major in majors() {
        let server = Server::shared(major).await;
        // One assigns before, whatever the statement sets; one writes the row once more behind it.
        for (own, of, expected) in [
            (
                "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.street := upper(NEW.street); RETURN NEW; END$$;
                 CREATE TRIGGER zzz BEFORE INSERT OR UPDATE ON \"T\" FOR EACH ROW EXECUTE FUNCTION own()",
                Others::Triggers,
                "NEW|NEW",
            ),
            (
                "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
                   UPDATE \"T\" SET street = upper(street) WHERE id = NEW.id AND street <> upper(street); RETURN NULL; END$$;
                 CREATE TRIGGER zzz AFTER INSERT OR UPDATE ON \"T\" FOR EACH ROW EXECUTE FUNCTION own()",
                Others::None,
                "NEW|NEW",
            ),
        ] {
            for (table, written) in [("User", "User"), ("User", "Address"), ("Address", "User"), ("Address", "Address")] {
                let pair = OneToOne { owner_others: of, other_others: of, ..addresses(false) };
                let (database, across) = database(server, pair, &own.replace("\"T\"", &format!("\"{table}\""))).await;
                let key = if written == "User" { "id" } else { "\"userId\"" };
                let update = format!("UPDATE \"{written}\" SET street = 'new' WHERE {key} = 1");
                does(&database, &across, &update).await;
                assert_eq!(first(&database).await, expected, "{major}: trigger on {table}, {update}");
            }
        }
        let pair = OneToOne { owner_others: Others::Triggers, ..addresses(false) };
        let unseen = "CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.street := 'by name'; RETURN NEW; END$$;
            CREATE TRIGGER zzz BEFORE UPDATE OF name ON \"User\" FOR EACH ROW EXECUTE FUNCTION own()";
        let (database, across) = database(server, pair, unseen).await;
        does(&database, &across, "UPDATE \"User\" SET name = 'x' WHERE id = 1").await;
        assert_eq!(
            first(&database).await,
            "by name|by name",
            "{major}: a column that the statement does not set"
        );
    }
}

/// A client of the one release may have no rights on what only the other knows, and row security that is not its own.
#[tokio::test]
async fn the_triggers_act_as_their_owner_whatever_a_client_sets() {
    for major in majors() {
        let server = Server::shared(major).await;
        let (database, across) = database(
            server,
            addresses(false),
            "CREATE SCHEMA trap; CREATE TABLE trap.\"Address\" (LIKE \"Address\"); CREATE TABLE trap.\"User\" (LIKE \"User\");
             CREATE FUNCTION trap.never(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT false';
             CREATE OPERATOR trap.= (LEFTARG = int, RIGHTARG = int, FUNCTION = trap.never)",
        )
        .await;
        let role = format!("across_old_{}", database.name());
        database
            .run(&format!(
                "CREATE ROLE {role}; GRANT USAGE ON SCHEMA public, trap TO {role}; GRANT SELECT, INSERT, UPDATE, DELETE ON \"User\" TO {role};
                 ALTER TABLE \"Address\" ENABLE ROW LEVEL SECURITY"
            ))
            .await;
        let client = database.client().await;
        client
            .batch_execute(&format!(
                "SET ROLE {role}; SET search_path = trap, pg_catalog, public; CREATE TEMP TABLE \"Address\" (id int, street text, city text, \"userId\" int);
                 UPDATE public.\"User\" SET street = 'old' WHERE id OPERATOR(pg_catalog.=) 1;
                 INSERT INTO public.\"User\" VALUES (8, 'h', 's8', NULL)"
            ))
            .await
            .unwrap();
        drop(client);
        does(&database, &across, "SELECT 1").await;
        assert_eq!(first(&database).await, "old|old", "{major}");
        assert_eq!(database.rows("SELECT count(*) FROM trap.\"Address\"").await, ["0"], "{major}");
        database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    }
}

#[tokio::test]
async fn what_replication_applies_is_not_made_again() {
    for major in majors() {
        let server = Server::shared(major).await;
        let (database, _) = database(server, addresses(false), "").await;
        database
            .run(
                "SET session_replication_role = replica; UPDATE \"User\" SET street = 'applied' WHERE id = 1",
            )
            .await;
        assert_eq!(first(&database).await, "applied|s1", "{major}: the publisher's own row comes too");
    }
}
