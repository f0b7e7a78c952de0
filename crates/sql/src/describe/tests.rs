//! Each statement of the vocabulary, and what is told beside it.

#![allow(clippy::unwrap_used)]

use underpin_catalog::{Name, RelationName};

use crate::effect::{
    ColumnDefault, ConstraintKind, Effect, Rows, RunsAs, SettingScope, TransactionControl, Using,
};
use crate::read;

fn effects(sql: &str) -> Vec<Effect> {
    read(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .into_iter()
        .flat_map(|one| one.effects)
        .collect()
}

fn effect(sql: &str) -> Effect {
    let mut all = effects(sql);
    assert_eq!(all.len(), 1, "{sql}: {all:?}");
    all.pop().unwrap()
}

/// The words of the vocabulary, as the journal and `--json` spell them.
fn words(sql: &str) -> Vec<String> {
    effects(sql)
        .iter()
        .map(|effect| match serde_json::to_value(effect).unwrap() {
            serde_json::Value::Object(fields) => fields.keys().next().unwrap().clone(),
            other => other.as_str().unwrap().to_owned(),
        })
        .collect()
}

#[test]
fn each_statement_has_its_word() {
    for (sql, expected) in [
        ("CREATE TABLE a (i int)", "create_table"),
        ("CREATE TABLE a AS SELECT 1", "create_table_as"),
        ("SELECT 1 AS i INTO a", "create_table_as"),
        ("DROP TABLE a, b CASCADE", "drop_table drop_table"),
        ("ALTER TABLE a RENAME TO b", "rename_table"),
        ("ALTER TABLE a SET SCHEMA s", "move_table"),
        ("ALTER TABLE a ADD x int, DROP y, RENAME TO b", ""),
        ("ALTER TABLE a ADD x int, DROP y, ALTER z TYPE int", "add_column drop_column change_column_type"),
        ("ALTER TABLE a RENAME x TO y", "rename_column"),
        ("ALTER TABLE a ALTER x SET NOT NULL, ALTER x DROP NOT NULL", "set_not_null drop_not_null"),
        ("ALTER TABLE a ALTER x SET DEFAULT 1, ALTER x DROP DEFAULT", "set_default drop_default"),
        ("ALTER TABLE a ALTER x ADD GENERATED ALWAYS AS IDENTITY", "change_generation"),
        ("ALTER TABLE a ADD UNIQUE (x), VALIDATE CONSTRAINT c", "add_constraint validate_constraint"),
        ("ALTER TABLE a ALTER CONSTRAINT c DEFERRABLE", "alter_constraint"),
        ("ALTER TABLE a DROP CONSTRAINT c", "drop_constraint"),
        ("ALTER TABLE a RENAME CONSTRAINT c TO d", "rename_constraint"),
        ("CREATE INDEX ON a (x)", "create_index"),
        ("DROP INDEX CONCURRENTLY i", "drop_index"),
        ("ALTER INDEX i RENAME TO j", "rename_index"),
        ("ALTER INDEX i SET (fillfactor = 70)", "alter_index"),
        ("ALTER TABLE a SET (fillfactor = 70), ENABLE ROW LEVEL SECURITY", "alter_table alter_table"),
        ("ALTER TABLE a SET UNLOGGED", "move_storage"),
        ("ALTER TABLE a ATTACH PARTITION b DEFAULT", "attach_partition"),
        ("ALTER TABLE a DETACH PARTITION b CONCURRENTLY", "detach_partition"),
        ("ALTER TABLE a INHERIT b", "inherit"),
        ("CREATE TYPE e AS ENUM ('a')", "create_type"),
        ("CREATE VIEW v AS SELECT 1", "create_view"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "create_routine"),
        ("CREATE EXTENSION IF NOT EXISTS citext", "create"),
        ("CREATE SCHEMA s", "create"),
        ("ALTER SEQUENCE s OWNED BY a.x", "alter_sequence"),
        ("ALTER TYPE e RENAME TO f", "rename"),
        ("ALTER VIEW v SET SCHEMA s", "move"),
        ("DROP TYPE e, f", "drop drop"),
        ("DROP FUNCTION f(int)", "drop"),
        ("ALTER TYPE e ADD VALUE 'b'", "add_enum_value"),
        ("ALTER TYPE e RENAME VALUE 'a' TO 'b'", "rename_enum_value"),
        ("ALTER DOMAIN d ADD CHECK (VALUE > 0)", "constrain_domain"),
        ("ALTER DOMAIN d ADD CHECK (VALUE > 0) NOT VALID", "constrain_domain"),
        ("CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()", "create_trigger"),
        ("DROP TRIGGER t ON a", "drop_trigger"),
        ("ALTER TABLE a DISABLE TRIGGER t", "switch_trigger"),
        ("CREATE POLICY p ON a", "policy"),
        ("DROP POLICY p ON a", "policy"),
        ("CREATE RULE r AS ON INSERT TO a DO NOTHING", "rule"),
        ("CREATE STATISTICS s ON x, y FROM a", "register"),
        ("COMMENT ON COLUMN a.x IS 'x'", "comment"),
        ("GRANT SELECT ON a TO PUBLIC", "grant"),
        ("SET lock_timeout = '1s'", "set"),
        ("BEGIN", "transaction_control"),
        ("INSERT INTO a VALUES (1)", "insert"),
        ("UPDATE a SET x = 1", "update"),
        ("DELETE FROM a", "delete"),
        ("MERGE INTO a USING b ON a.i = b.i WHEN MATCHED THEN DELETE", "merge"),
        ("TRUNCATE a, b", "truncate truncate"),
        ("SELECT 1", "select"),
        ("WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x", "delete select"),
        ("COPY a FROM STDIN", "copy"),
        ("LOCK TABLE a", "lock_table"),
        ("VACUUM a", "vacuum"),
        ("ANALYZE", "analyze"),
        ("REINDEX INDEX i", "reindex"),
        ("CLUSTER a USING i", "cluster"),
        ("REFRESH MATERIALIZED VIEW v", "refresh_view"),
        ("DO $$ BEGIN END $$", "do"),
        ("CALL p()", "call"),
        ("CREATE DATABASE d", "server"),
        ("PREPARE p AS SELECT 1", "unknown"),
    ] {
        if expected.is_empty() {
            // RENAME is a statement of its own in PostgreSQL's grammar.
            assert!(read(sql).is_err(), "{sql}");
        } else {
            assert_eq!(words(sql).join(" "), expected, "{sql}");
        }
    }
}

#[test]
fn where_the_values_of_a_new_column_come_from_is_told() {
    use ColumnDefault::{Calls, Constant, Identity, None, Serial, Stored, Virtual, Volatile};
    for (definition, expected, not_null) in [
        ("int", None, false),
        ("int NOT NULL DEFAULT 5", Constant, true),
        ("int DEFAULT NULL", None, false),
        ("text DEFAULT NULL::text", None, false),
        ("timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP", Constant, true),
        ("timestamptz DEFAULT now() + interval '1 day'", Constant, false),
        ("text[] DEFAULT ARRAY[]::text[]", Constant, false),
        ("\"Role\" NOT NULL DEFAULT 'admin'", Constant, true),
        ("uuid DEFAULT gen_random_uuid()", Volatile, false),
        ("text DEFAULT concat('x', my_ulid())", Calls(vec![RelationName::bare("my_ulid")]), false),
        ("serial", Serial, true),
        ("bigserial PRIMARY KEY", Serial, true),
        ("int GENERATED BY DEFAULT AS IDENTITY", Identity, true),
        ("int GENERATED ALWAYS AS (a * 2) STORED", Stored, false),
        ("int GENERATED ALWAYS AS (a * 2) VIRTUAL", Virtual, false),
    ] {
        let Effect::AddColumn(added) = effect(&format!("ALTER TABLE t ADD COLUMN c {definition}")) else {
            panic!("{definition}");
        };
        assert_eq!((added.default, added.not_null), (expected, not_null), "{definition}");
    }
}

#[test]
fn types_are_spelled_as_the_catalog_spells_them() {
    for (written, expected, user_defined) in [
        ("int", "integer", None),
        ("VARCHAR(20)", "character varying(20)", None),
        ("TIMESTAMP(3)", "timestamp(3) without time zone", None),
        ("timestamptz", "timestamp with time zone", None),
        ("DECIMAL(65,30)", "numeric(65,30)", None),
        ("double precision", "double precision", None),
        ("char(3)", "character(3)", None),
        ("TEXT[]", "text[]", None),
        ("pg_catalog.int8", "bigint", None),
        ("jsonb", "jsonb", None),
        ("\"Role\"[]", "Role[]", Some("Role")),
        ("auth.\"Role\"", "auth.Role", Some("auth.Role")),
        ("interval", "interval", None),
    ] {
        let Effect::ChangeColumnType { to, using, .. } =
            effect(&format!("ALTER TABLE t ALTER c TYPE {written}"))
        else {
            panic!("{written}");
        };
        assert_eq!(to.text, expected, "{written}");
        assert_eq!(to.user_defined.map(|name| name.shown()).as_deref(), user_defined, "{written}");
        assert_eq!(using, Using::Absent);
    }
    let using = |sql: &str| match effect(sql) {
        Effect::ChangeColumnType { using, .. } => using,
        other => panic!("{other:?}"),
    };
    assert_eq!(using("ALTER TABLE t ALTER c TYPE text USING c::text"), Using::Cast);
    assert_eq!(using("ALTER TABLE t ALTER c TYPE text USING lower(c)"), Using::Expression);
    assert_eq!(using("ALTER TABLE t ALTER c TYPE text USING d::text"), Using::Expression);
}

#[test]
fn constraints_keep_what_they_say() {
    let constraint = |sql: &str| match effect(sql) {
        Effect::AddConstraint(added) => added,
        other => panic!("{other:?}"),
    };
    let key = constraint("ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a, b) REFERENCES s.p (x, y) NOT VALID");
    assert_eq!(key.columns, [Name::new("a"), Name::new("b")]);
    assert!(key.not_valid && !key.not_enforced);
    assert!(matches!(key.kind, ConstraintKind::ForeignKey { references, .. } if references.shown() == "s.p"));
    let check = constraint("ALTER TABLE t ADD CHECK (a > 0 AND t.b < 3) NOT ENFORCED");
    assert_eq!(check.columns, [Name::new("a"), Name::new("b")]);
    assert!(check.not_enforced && check.name.is_none());
    let index = constraint("ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i");
    assert_eq!(index.using_index, Some(Name::new("i")));
    assert!(!index.not_enforced);
}

#[test]
fn rows_that_a_statement_reaches_are_told() {
    let rows = |condition: &str| match effect(&format!("DELETE FROM t {condition}")) {
        Effect::Delete(changed) => changed.rows,
        other => panic!("{other:?}"),
    };
    assert_eq!(rows(""), Rows::All);
    assert_eq!(rows("WHERE a > 3"), Rows::Filtered);
    assert_eq!(rows("WHERE a = b"), Rows::Filtered);
    assert_eq!(rows("WHERE a = 1 OR b = 2"), Rows::Filtered);
    assert_eq!(rows("WHERE a IN (SELECT 1)"), Rows::Filtered);
    assert_eq!(
        rows("WHERE t.a = 'x'::uuid AND b IN (1, 2) AND c > 0"),
        Rows::Constants(vec![Name::new("a"), Name::new("b")])
    );
}

#[test]
fn sessions_and_transactions_are_told_apart() {
    let setting = |sql: &str| match effect(sql) {
        Effect::Set(setting) => setting,
        other => panic!("{other:?}"),
    };
    let path = setting("SET search_path TO \"$user\", s, 'T'");
    assert_eq!((path.name.as_str(), path.scope), ("search_path", SettingScope::Session));
    assert_eq!(path.values, ["$user", "s", "T"]);
    assert_eq!(setting("SET LOCAL lock_timeout = 5").scope, SettingScope::Transaction);
    assert_eq!(setting("RESET ALL").scope, SettingScope::Reset);
    let control = |sql: &str| match effect(sql) {
        Effect::TransactionControl(control) => control,
        other => panic!("{other:?}"),
    };
    assert_eq!(control("START TRANSACTION"), TransactionControl::Begin);
    assert_eq!(control("BEGIN ISOLATION LEVEL SERIALIZABLE"), TransactionControl::BeginWith);
    assert_eq!(control("END"), TransactionControl::Commit);
    assert_eq!(control("ROLLBACK TO x"), TransactionControl::Savepoint);
    assert_eq!(control("PREPARE TRANSACTION 'x'"), TransactionControl::TwoPhase);
    let commits = |sql| match effect(sql) {
        Effect::Do(program) => program.commits,
        other => panic!("{other:?}"),
    };
    assert!(commits("DO $$ BEGIN UPDATE a SET x = 1; COMMIT; END $$"));
    assert!(!commits("DO $$ BEGIN PERFORM 'COMMIT'; END $$"));
}

#[test]
fn whose_rights_a_function_has_and_who_is_given_rights_are_told() {
    let runs_as =
        |options: &str| match effect(&format!("CREATE FUNCTION f() RETURNS int {options} AS 'SELECT 1'")) {
            Effect::CreateRoutine { runs_as, .. } => runs_as,
            other => panic!("{other:?}"),
        };
    assert_eq!(runs_as("LANGUAGE sql"), RunsAs::Caller);
    assert_eq!(runs_as("LANGUAGE sql SECURITY INVOKER"), RunsAs::Caller);
    assert_eq!(runs_as("LANGUAGE sql SECURITY DEFINER"), RunsAs::Owner { has_search_path: false });
    let own = runs_as("LANGUAGE sql SECURITY DEFINER SET work_mem = '1MB' SET search_path = ''");
    assert_eq!(own, RunsAs::Owner { has_search_path: true });
    let to_public = |sql: &str| match effect(sql) {
        Effect::Grant { to_public, .. } => to_public,
        other => panic!("{other:?}"),
    };
    assert!(to_public("GRANT SELECT ON a TO app, PUBLIC"));
    assert!(!to_public("GRANT SELECT ON a TO app"));
    assert!(!to_public("REVOKE SELECT ON a FROM PUBLIC"));
}
