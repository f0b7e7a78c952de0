//! What a migration may do on the throwaway server, on every major.

use std::collections::BTreeMap;
use underpin_sql::Step;

use underpin_testkit::majors;

use super::*;

/// A history of one migration that starts on nothing, and a session on a copy of it.
async fn session(major: u32) -> (ShadowHistory, Session) {
    let settings = ShadowSettings { keep_mb: 0, ..ShadowSettings::default() };
    let version = ServerVersion::from_number(major * 10_000);
    let mut history = ShadowHistory::new(wanted(version, &settings, None), Name::new("public"));
    history.replay(&[]).await.unwrap();
    let session = history.copy("tried").await.unwrap();
    (history, session)
}

fn steps(major: u32, script: &str) -> Vec<Step> {
    let version = ServerVersion::from_number(major * 10_000);
    let nothing = Surroundings::empty(version, Name::new("public"));
    Replayed::unread("m", script).execution(&nothing).unwrap().steps.clone()
}

async fn refused(session: &Session, major: u32, script: &str) -> bool {
    let refused = match apply(session, &steps(major, script)).await {
        Ok(()) => false,
        Err(Refused { error, .. }) => {
            assert!(is_refusal(&error), "{script} on {major}: {error:?}");
            true
        }
    };
    session.batch_execute("ROLLBACK; RESET ROLE").await.unwrap();
    refused
}

/// Reaching out of the database: programs, files, libraries, other servers, settings of the server, and the
/// rights that lead there.
const REACH_OUT: &[&str] = &[
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "CREATE TABLE lines (line text); COPY lines FROM PROGRAM 'true'",
    "CREATE TABLE lines (line text); COPY lines FROM '/etc/passwd'",
    "COPY (SELECT 1) TO '/tmp/underpin-reached-out'",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(lo_create(0), '/tmp/underpin-reached-out')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "LOAD 'auto_explain'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'plpgsql', 'plpgsql_call_handler'",
    "CREATE FUNCTION f(internal) RETURNS internal LANGUAGE internal AS 'pg_read_file'",
    "CREATE TABLESPACE t LOCATION '/tmp'",
    "CREATE DATABASE other",
    "CREATE SUBSCRIPTION s CONNECTION 'dbname=postgres' PUBLICATION p WITH (connect = false)",
    "CREATE OPERATOR CLASS wrong FOR TYPE int4 USING btree AS OPERATOR 1 <, FUNCTION 1 btint8cmp(int8, int8)",
    "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
    "CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw",
    "SET session_replication_role = replica",
    "SET session_preload_libraries = 'x'",
    "ALTER ROLE postgres SET session_preload_libraries = 'x'",
    "ALTER SYSTEM SET archive_command = 'true'",
    "SELECT pg_reload_conf()",
    "ALTER ROLE postgres SUPERUSER",
    "CREATE ROLE more SUPERUSER",
    "CREATE ROLE more IN ROLE pg_execute_server_program",
    "GRANT pg_execute_server_program TO postgres",
    "GRANT underpin_superuser TO postgres",
    "SET ROLE underpin_superuser",
    "SET SESSION AUTHORIZATION underpin_superuser",
    "ALTER FUNCTION pg_read_file(text) OWNER TO postgres",
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO postgres",
    "ALTER TABLE pg_catalog.pg_authid OWNER TO postgres",
    "ALTER TABLE pg_catalog.pg_class OWNER TO somebody",
    "ALTER SCHEMA pg_catalog OWNER TO somebody",
    "CREATE FUNCTION f() RETURNS text SECURITY DEFINER LANGUAGE sql AS 'SELECT ''x'''; \
     ALTER FUNCTION f() OWNER TO underpin_superuser",
    "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''true'''; END $$",
    // The connection that a server makes to itself would be a superuser's, without a password.
    "CREATE EXTENSION dblink; SELECT dblink_connect_u('dbname=postgres user=underpin_superuser')",
    // What runs with the superuser's statement.
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE EXTENSION pg_buffercache",
    "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; \
     CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f(); \
     CREATE PUBLICATION p FOR ALL TABLES",
];

/// The differences between the majors are in what 14 and 15 let those do who may create roles, which is why
/// nobody may there.
#[tokio::test]
async fn nothing_reaches_out_of_the_database() {
    let mut found: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for major in majors() {
        let (history, mut session) = session(major).await;
        for script in REACH_OUT {
            // What stands before the statement that is refused may stay.
            if script.contains(';') {
                drop(session);
                session = history.copy("tried").await.unwrap();
            }
            if !refused(&session, major, script).await {
                found.entry(script).or_default().push(major);
            }
        }
        history.finish().await;
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// As the owner of a managed database, or a superuser, has it deployed.
const DEPLOYED: &str = r#"
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
    CREATE EXTENSION pgcrypto;
    CREATE TABLE "User" (id int PRIMARY KEY, name text);
    CREATE EXTENSION dblink SCHEMA public;
    ALTER EXTENSION pg_stat_statements UPDATE;
    COMMENT ON EXTENSION dblink IS 'for reports';
    CREATE PUBLICATION everything FOR ALL TABLES;
    CREATE ROLE reporting NOLOGIN;
    GRANT SELECT ON "User" TO reporting, grafana;
    GRANT reporting TO "team-a";
    ALTER DEFAULT PRIVILEGES FOR ROLE reporting GRANT SELECT ON TABLES TO grafana;
    ALTER TABLE "User" ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON "User" TO app USING (true);
    CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER notes ON ddl_command_end EXECUTE FUNCTION note();
    CREATE EVENT TRIGGER more_notes ON ddl_command_end EXECUTE FUNCTION note();
    ALTER EVENT TRIGGER more_notes DISABLE;
    DROP EXTENSION dblink;
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana') THEN CREATE ROLE grafana; END IF;
    END $$;
"#;

#[tokio::test]
async fn what_a_managed_database_allows_is_allowed() {
    for major in majors() {
        let (history, session) = session(major).await;
        apply(&session, &steps(major, DEPLOYED)).await.unwrap_or_else(|error| panic!("{major}: {error:?}"));
        let owned = "SELECT string_agg(name || ' of ' || pg_get_userbyid(owner), ', ' ORDER BY name)
            FROM (SELECT extname, extowner FROM pg_extension WHERE extname <> 'plpgsql'
                  UNION ALL SELECT pubname, pubowner FROM pg_publication
                  UNION ALL SELECT evtname, evtowner FROM pg_event_trigger
                  UNION ALL SELECT relname, relowner FROM pg_class WHERE relname = 'User'
                  UNION ALL SELECT nspname, nspowner FROM pg_namespace
                            WHERE nspname = 'public' AND nspowner = 'postgres'::regrole) all_of (name, owner)";
        let owned: String = session.query_one(owned, &[]).await.unwrap().get(0);
        let expected = format!(
            "User of postgres, everything of postgres, more_notes of postgres, notes of postgres, \
             pg_stat_statements of postgres, pgcrypto of postgres{}",
            if major < 15 { ", public of postgres" } else { "" }
        );
        assert_eq!(owned, expected, "{major}");
        // Up to 15 whoever may create roles may make himself a member of those that execute programs.
        let in_a_block = "DO $$ BEGIN CREATE ROLE in_a_block; END $$";
        assert_eq!(refused(&session, major, in_a_block).await, major < 16, "{major}");
        let may = "SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres'";
        assert!(!session.query_one(may, &[]).await.unwrap().get::<_, bool>(0));
        history.finish().await;
    }
}

/// Objects that are given to somebody else: to a role that nobody has made, which may make nothing here.
const GIVEN: &str = r#"
    CREATE SCHEMA reports;
    CREATE TABLE "User" (id serial PRIMARY KEY);
    CREATE TABLE reports.daily (day date);
    CREATE FUNCTION reports.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TYPE mood AS ENUM ('good');
    CREATE VIEW seen AS SELECT id FROM "User";
    ALTER TABLE "User" OWNER TO app_owner;
    ALTER TABLE reports.daily OWNER TO app_owner;
    ALTER FUNCTION reports.one() OWNER TO app_owner;
    ALTER TYPE mood OWNER TO "App Owner";
    ALTER VIEW seen OWNER TO app_owner;
    ALTER SCHEMA reports OWNER TO app_owner;
    ALTER TABLE "User" ADD COLUMN name text;
    CREATE TABLE reports.more ();
"#;

#[tokio::test]
async fn objects_are_given_to_others_and_nothing_else_is() {
    for major in majors() {
        let (history, session) = session(major).await;
        let privileges = "SELECT coalesce(nspacl, acldefault('n', nspowner))::text FROM pg_namespace WHERE nspname = 'public'
            UNION ALL SELECT coalesce(datacl, acldefault('d', datdba))::text FROM pg_database WHERE datname = current_database()";
        let before = session.query(privileges, &[]).await.unwrap();
        apply(&session, &steps(major, GIVEN)).await.unwrap_or_else(|error| panic!("{major}: {error:?}"));
        let owned = "SELECT string_agg(name || ' of ' || pg_get_userbyid(owner), ', ' ORDER BY name)
            FROM (SELECT relname, relowner FROM pg_class WHERE relname IN ('User', 'daily', 'seen', 'more')
                  UNION ALL SELECT proname, proowner FROM pg_proc WHERE proname = 'one'
                  UNION ALL SELECT typname, typowner FROM pg_type WHERE typname = 'mood'
                  UNION ALL SELECT nspname, nspowner FROM pg_namespace WHERE nspname = 'reports') all_of (name, owner)";
        assert_eq!(
            session.query_one(owned, &[]).await.unwrap().get::<_, String>(0),
            "User of app_owner, daily of app_owner, mood of App Owner, more of postgres, one of app_owner, \
             reports of app_owner, seen of app_owner",
            "{major}"
        );
        let after = session.query(privileges, &[]).await.unwrap();
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.get::<_, String>(0), after.get::<_, String>(0), "{major}");
        }
        // Up to 14 everybody may make tables in `public`.
        let makes = "SET ROLE app_owner; CREATE TABLE public.own ()";
        assert_eq!(refused(&session, major, makes).await, major >= 15, "{major}");
        history.finish().await;
    }
}

/// A role that is made because it is named gives way to the migration that makes it.
#[tokio::test]
async fn roles_are_made_when_they_are_named() {
    let major = majors()[0];
    let (history, session) = session(major).await;
    let named = "CREATE TABLE t (id int); GRANT SELECT ON t TO reader";
    apply(&session, &steps(major, named)).await.unwrap();
    let made = apply(&session, &steps(major, "CREATE ROLE reader LOGIN")).await.unwrap_err();
    session.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(said(&made.error), "role \"reader\" already exists (42710)", "it has a grant");
    apply(&session, &steps(major, "DROP TABLE t")).await.unwrap();
    apply(&session, &steps(major, "CREATE ROLE reader LOGIN")).await.unwrap();
    let again = apply(&session, &steps(major, "CREATE ROLE reader LOGIN")).await.unwrap_err();
    assert_eq!(said(&again.error), "role \"reader\" already exists (42710)", "the migration's own");
    history.finish().await;
}

#[tokio::test]
async fn with_the_rights_of_a_superuser_when_that_is_wanted() {
    let settings = ShadowSettings { keep_mb: 0, superuser: true, ..ShadowSettings::default() };
    let major = majors()[0];
    let version = ServerVersion::from_number(major * 10_000);
    let mut history = ShadowHistory::new(wanted(version, &settings, None), Name::new("public"));
    history.replay(&[]).await.unwrap();
    let session = history.copy("tried").await.unwrap();
    apply(
        &session,
        &steps(major, "SET session_replication_role = replica; COPY (SELECT 1) TO PROGRAM 'cat >&2'"),
    )
    .await
    .unwrap();
    history.finish().await;
}
