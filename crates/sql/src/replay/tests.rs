//! Facts behind small histories.

#![allow(clippy::unwrap_used)]

use underpin_catalog::{Name, RelationName, ServerVersion};

use crate::surroundings::Surroundings;
use crate::{Effect, read};

fn behind(sql: &str) -> Surroundings {
    let mut facts = Surroundings::empty(ServerVersion::of_major(16), Name::new("public"));
    for statement in read(sql).unwrap() {
        statement.effects.iter().for_each(|effect: &Effect| facts.apply(effect));
    }
    facts
}

fn public(own: &str) -> RelationName {
    RelationName::qualified("public", own)
}

#[test]
fn a_table_has_what_its_statement_gives_it() {
    let facts = behind(
        r#"CREATE TYPE "Role" AS ENUM ('A', 'B');
           CREATE TABLE "Team" ("id" SERIAL NOT NULL, CONSTRAINT "Team_pkey" PRIMARY KEY ("id"));
           CREATE TABLE "User" ("id" TEXT NOT NULL PRIMARY KEY, "role" "Role", "teamId" INT REFERENCES "Team", UNIQUE ("role"));"#,
    );
    let user = &facts.relations[&public("User")];
    assert_eq!(user.primary_key, [Name::new("id")]);
    assert!(user.columns[0].not_null && !user.columns[1].not_null);
    assert_eq!(facts.types[&public("Role")].used_by, [public("User")]);
    assert_eq!(facts.relations[&public("Team")].referenced_by, [public("User")]);
    let indexes: Vec<_> = facts.indexes.keys().map(|name| name.name.as_str()).collect();
    assert_eq!(indexes, ["Team_pkey", "User_pkey", "User_role_key"]);
    assert_eq!(facts.relations[&public("Team_id_seq")].owned_by, Some((public("Team"), Name::new("id"))));
}

#[test]
fn dropping_a_table_takes_what_cannot_be_without_it() {
    let facts = behind(
        "CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a (id));
         CREATE VIEW v AS SELECT id FROM a; DROP TABLE a CASCADE;",
    );
    assert_eq!(facts.relations.keys().map(|name| name.name.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(facts.relations[&public("b")].constraints.iter().all(|known| known.referenced.is_none()));
    assert_eq!(facts.indexes.len(), 1);
}

#[test]
fn a_new_name_reaches_everywhere() {
    let facts = behind(
        "CREATE TABLE a (id int PRIMARY KEY, x int); CREATE TABLE b (a int REFERENCES a (id));
         CREATE INDEX i ON a (x) WHERE id > 0; CREATE VIEW v AS SELECT x FROM a;
         ALTER TABLE a RENAME TO c; ALTER TABLE c RENAME COLUMN x TO y; ALTER INDEX i RENAME TO j;",
    );
    assert_eq!(facts.relations[&public("b")].constraints[0].referenced, Some(public("c")));
    assert_eq!(facts.indexes[&public("j")].table, public("c"));
    assert_eq!(facts.indexes[&public("j")].reads, [Name::new("id"), Name::new("y")]);
    assert_eq!(facts.relations[&public("v")].reads[0].relation, public("c"));
    assert_eq!(facts.relations[&public("v")].reads[0].columns, [Name::new("y")]);
}

#[test]
fn a_key_made_of_an_index_takes_it_over() {
    let facts = behind(
        "CREATE TABLE a (id int); CREATE UNIQUE INDEX i ON a (id);
         ALTER TABLE a ADD CONSTRAINT p PRIMARY KEY USING INDEX i;",
    );
    let table = &facts.relations[&public("a")];
    assert_eq!(table.primary_key, [Name::new("id")]);
    assert!(table.columns[0].not_null);
    assert_eq!(facts.indexes.keys().next(), Some(&public("p")));
}

#[test]
fn partitions_get_the_indexes_of_their_parent() {
    let facts = behind(
        "CREATE TABLE p (id int, k int) PARTITION BY RANGE (k);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE INDEX i ON p (id); CREATE TABLE p2 PARTITION OF p DEFAULT;",
    );
    assert_eq!(facts.relations[&public("p")].descendants, [public("p1"), public("p2")]);
    assert_eq!(facts.relations[&public("p")].default_partition, Some(public("p2")));
    let indexes: Vec<_> = facts.indexes.keys().map(|name| name.name.as_str()).collect();
    assert_eq!(indexes, ["i", "p1_id_idx", "p2_id_idx"]);
}

#[test]
fn values_of_an_enum_stand_where_they_were_put() {
    let facts = behind(
        "CREATE TYPE e AS ENUM ('b', 'd'); ALTER TYPE e ADD VALUE 'a' BEFORE 'b';
         ALTER TYPE e ADD VALUE 'c' AFTER 'b'; ALTER TYPE e ADD VALUE 'e';",
    );
    let values = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    assert_eq!(facts.types[&public("e")].kind, Some(crate::effect::TypeKind::Enum { values }));
}

#[test]
fn temporary_tables_are_gone_with_their_session() {
    let mut facts =
        behind("CREATE TABLE t (id int); CREATE TEMP TABLE t (other int); ALTER TABLE t ADD COLUMN x int;");
    assert_eq!(facts.relations[&public("t")].columns.len(), 1);
    facts.end_session();
    assert_eq!(facts.relations.keys().collect::<Vec<_>>(), [&public("t")]);
}

#[test]
fn a_program_leaves_behind_what_its_statements_do() {
    let guarded = behind(
        "CREATE TABLE a (id int PRIMARY KEY);
         DO $$ BEGIN CREATE TYPE mood AS ENUM ('ok'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'u') THEN
           ALTER TABLE a ADD COLUMN x int CONSTRAINT u UNIQUE; END IF; END $$;",
    );
    assert!(guarded.complete && guarded.types.contains_key(&public("mood")));
    assert!(guarded.indexes.contains_key(&public("u")));
    for unknown in [
        "DO $$ BEGIN IF (SELECT count(*) FROM a) = 0 THEN DROP TABLE a; END IF; END $$",
        "DO $$ BEGIN EXECUTE format('DROP TABLE %I', x); END $$",
        "DO $$ BEGIN DO 'BEGIN EXECUTE x; END'; END $$",
    ] {
        assert!(!behind(unknown).complete, "{unknown}");
    }
}

#[test]
fn a_function_is_known_by_what_its_body_names() {
    let facts = behind(
        r#"CREATE TABLE "Order" (id int, total int, note text);
           CREATE FUNCTION sums() RETURNS int LANGUAGE sql AS 'SELECT sum(total) FROM "Order"';
           CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.note := 'changed'; RETURN NEW; END $$;
           CREATE TRIGGER t BEFORE UPDATE ON "Order" FOR EACH ROW EXECUTE FUNCTION touch();
           CREATE FUNCTION twice() RETURNS int LANGUAGE sql AS 'SELECT id FROM "Order"';
           CREATE OR REPLACE FUNCTION twice() RETURNS int LANGUAGE sql AS 'SELECT 1';"#,
    );
    let order = RelationName::bare("Order");
    let naming = |column: Option<&str>| -> Vec<String> {
        let found = facts.routines_naming(&order, column.map(Name::new).as_ref());
        found.map(|(name, _)| name.name.as_str().to_owned()).collect()
    };
    assert_eq!(naming(None), ["sums"]);
    assert_eq!(naming(Some("total")), ["sums"]);
    assert_eq!(naming(Some("note")), ["touch"]);
    assert_eq!(naming(Some("id")), Vec::<String>::new());
}

#[test]
fn a_type_is_used_as_long_as_a_domain_over_it_is() {
    let made =
        "CREATE TYPE e AS ENUM ('a'); CREATE DOMAIN d AS e; CREATE TABLE t (a d, b d); CREATE TABLE u (a e);";
    let used_by = |more: &str| -> Vec<String> {
        let facts = behind(&format!("{made} {more}"));
        facts.types[&public("e")].used_by.iter().map(|name| name.name.as_str().to_owned()).collect()
    };
    assert_eq!(used_by("ALTER TABLE t DROP COLUMN a;"), ["t", "u"]);
    assert_eq!(used_by("ALTER TABLE t DROP COLUMN a, DROP COLUMN b;"), ["u"]);
    assert_eq!(used_by("ALTER TABLE t ALTER COLUMN a TYPE int USING 1; DROP TABLE t;"), ["u"]);
    assert_eq!(used_by("ALTER TABLE t RENAME TO v; DROP TABLE u;"), ["v"]);
}

#[test]
fn what_names_itself_is_renamed_and_dropped() {
    let made = "CREATE TABLE t (id serial PRIMARY KEY, up int REFERENCES t); ALTER TABLE t RENAME TO u;";
    let facts = behind(made);
    assert_eq!(facts.relations[&public("u")].constraints[1].referenced, Some(public("u")));
    assert_eq!(facts.relations[&public("t_id_seq")].owned_by, Some((public("u"), Name::new("id"))));
    assert!(behind(&format!("{made} DROP TABLE u;")).relations.is_empty());
}

#[test]
fn the_indexes_of_partitions_go_and_are_renamed_with_that_of_their_parent() {
    let made = "CREATE TABLE t (a int) PARTITION BY LIST (a); CREATE TABLE p PARTITION OF t FOR VALUES IN (1) PARTITION BY LIST (a);
         CREATE TABLE q PARTITION OF p FOR VALUES IN (1); CREATE INDEX i ON t (a);";
    let parents = |more: &str| -> Vec<Option<String>> {
        let facts = behind(&format!("{made} {more}"));
        facts
            .indexes
            .values()
            .map(|index| index.part_of.as_ref().map(|name| name.name.as_str().to_owned()))
            .collect()
    };
    assert_eq!(parents("").len(), 3);
    assert!(parents("ALTER INDEX i RENAME TO j;").contains(&Some("j".to_owned())));
    assert!(!parents("ALTER INDEX i RENAME TO j;").contains(&Some("i".to_owned())));
    assert_eq!(parents("DROP INDEX i;"), []);
}
