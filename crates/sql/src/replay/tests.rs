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
