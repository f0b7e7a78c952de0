//! What is looked up is what the server has, on every major.

use underpin_prisma::DatabaseUrl;
use underpin_sql::{Surroundings, mentioned, read};
use underpin_testkit::{Database, Server, majors};

use super::*;

const SHOP: &str = r#"
CREATE TABLE "User" ("id" INT PRIMARY KEY, "name" TEXT);
CREATE TABLE "Order" ("id" INT PRIMARY KEY, "userId" INT CONSTRAINT "Order_userId_fkey" REFERENCES "User" ON DELETE CASCADE,
    "payerId" INT CONSTRAINT "Order_payerId_fkey" REFERENCES "User" ON DELETE SET NULL,
    "sellerId" INT CONSTRAINT "Order_sellerId_fkey" REFERENCES "User" ON DELETE SET DEFAULT,
    "agentId" INT CONSTRAINT "Order_agentId_fkey" REFERENCES "User" ON DELETE RESTRICT);
CREATE TABLE "Item" ("id" INT PRIMARY KEY, "orderId" INT CONSTRAINT "Item_orderId_fkey" REFERENCES "Order");
CREATE UNLOGGED TABLE "Cache" ("key" TEXT);
CREATE TABLE "Event" ("id" INT, "at" DATE) PARTITION BY RANGE ("at");
CREATE TABLE "Event_rest" PARTITION OF "Event" DEFAULT;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "Order_stamp" BEFORE INSERT ON "Order" FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE POLICY "own" ON "Order" USING (true);
ALTER TABLE "Order" ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION fixed() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION mixed() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION mixed(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT 1';
CREATE SCHEMA "other";
CREATE FUNCTION "other".fixed() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION "other".far() RETURNS int LANGUAGE sql AS 'SELECT 1';
"#;

fn public(own: &str) -> RelationName {
    RelationName::qualified("public", own)
}

async fn found(database: &Database<'_>, sql: &str, small_bytes: u64) -> Surroundings {
    let url = DatabaseUrl::parse(&database.url()).unwrap();
    let connection = crate::session::open(&url, "underpin-test").await.unwrap();
    let version = connection.server_version;
    look(&connection, version, &mentioned(&read(sql).unwrap()), Some(small_bytes)).await.unwrap()
}

#[tokio::test]
async fn what_hangs_on_a_table_is_found() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("surroundings").await;
        database.run(SHOP).await;
        let sql = r#"DELETE FROM "User"; ALTER TABLE "Cache" SET LOGGED; ALTER TABLE "Order" SET ACCESS METHOD heap;
                     DROP TRIGGER IF EXISTS "Order_stamp" ON "Order"; ALTER TABLE "Event" ADD COLUMN "what" TEXT"#;
        // Of small tables as of large ones, whose details come from another query.
        for small_bytes in [u64::MAX, 0] {
            let found = found(&database, sql, small_bytes).await;
            let order = &found.relations[&public("Order")];
            let mut acts: Vec<_> = order
                .constraints
                .iter()
                .filter(|constraint| constraint.kind == ConstraintFactsKind::ForeignKey)
                .map(|constraint| (constraint.name.as_str(), constraint.on_delete.unwrap()))
                .collect();
            acts.sort_unstable_by_key(|(name, _)| *name);
            assert_eq!(
                acts,
                [
                    ("Order_agentId_fkey", OnDelete::Refuse),
                    ("Order_payerId_fkey", OnDelete::SetNull),
                    ("Order_sellerId_fkey", OnDelete::SetDefault),
                    ("Order_userId_fkey", OnDelete::Cascade),
                ],
                "{major}"
            );
            assert_eq!(order.access_method, Some(Name::new("heap")), "{major}");
            assert_eq!(order.persistence, Persistence::Permanent);
            assert!(order.row_security && order.policies.contains_key(&Name::new("own")), "{major}");
            assert!(order.triggers.contains_key(&Name::new("Order_stamp")) && order.triggers.len() == 1);
            assert_eq!(found.relations[&public("Cache")].persistence, Persistence::Unlogged, "{major}");
            let rest = public("Event_rest");
            assert_eq!(found.relations[&public("Event")].default_partition, Some(rest.clone()), "{major}");
            assert!(found.relations.contains_key(&rest), "{major}");
        }
    }
}

#[tokio::test]
async fn functions_are_found_where_their_names_are_looked_for() {
    for major in majors() {
        let server = Server::shared(major).await;
        let database = server.database("surroundings").await;
        database.run(SHOP).await;
        let sql = r#"ALTER TABLE "User" ADD COLUMN "a" INT DEFAULT fixed(), ADD COLUMN "b" INT DEFAULT mixed(),
                        ADD COLUMN "c" INT DEFAULT "other".far(), ADD COLUMN "d" TIMESTAMP DEFAULT now();
                     DROP FUNCTION stamp() CASCADE"#;
        let found = found(&database, sql, u64::MAX).await;
        let names: Vec<String> = found.routines.keys().map(RelationName::shown).collect();
        assert_eq!(names, ["other.far", "public.fixed", "public.mixed", "public.stamp"], "{major}");
        let volatility = |name: &str| found.volatility(&RelationName::bare(name));
        assert_eq!(volatility("fixed"), Some(Volatility::Immutable));
        // A call does not tell which of them it means.
        assert_eq!(volatility("mixed"), Some(Volatility::Stable));
        assert_eq!(found.routines[&public("stamp")].trigger_of, [public("Order")], "{major}");
        assert!(found.relations.contains_key(&public("Order")), "its table is locked by the CASCADE");
        let elsewhere =
            self::found(&database, r#"SET search_path = "other"; SELECT fixed()"#, u64::MAX).await;
        assert!(elsewhere.routines.contains_key(&RelationName::qualified("other", "fixed")), "{major}");
    }
}
