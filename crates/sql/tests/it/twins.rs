//! Each twin against its original, on every major: the same catalog, the same rows, and no lock that it
//! did not claim.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use underpin_catalog::{LockMode, ServerVersion};
use underpin_sql::{Action, Step, Surroundings, Transaction, read, twin};
use underpin_testkit::{Server, majors};

use crate::facts::surroundings;

const FIXTURE: &str = r#"
    CREATE TYPE "Mood" AS ENUM ('sad', 'ok');
    CREATE TABLE "Team" (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE "User" (
        id text PRIMARY KEY, email text NOT NULL, name text, age int, "teamId" int, mood "Mood", counter int DEFAULT 0,
        "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE "Pair" (a int NOT NULL, b int, c int NOT NULL, label text);
    CREATE TABLE part (id int NOT NULL, k int NOT NULL, team int, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
    CREATE TABLE part_0 PARTITION OF part FOR VALUES FROM (0) TO (100);
    CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (100) TO (200);
    CREATE SCHEMA other;
    CREATE TABLE other.thing (id int PRIMARY KEY, v text);
    INSERT INTO "Team" SELECT g, 'team ' || g FROM generate_series(1, 50) g;
    INSERT INTO "User" (id, email, name, age, "teamId", mood)
        SELECT 'u' || g, g || '@example.org', CASE WHEN g % 3 > 0 THEN 'n' || g END, g, 1 + g % 50, 'ok'
        FROM generate_series(1, 500) g;
    INSERT INTO "Pair" SELECT g, g, g % 7, 'l' || g FROM generate_series(1, 100) g;
    INSERT INTO part SELECT g, g % 200, 1 + g % 50 FROM generate_series(1, 400) g;
    INSERT INTO other.thing SELECT g, 'v' || g FROM generate_series(1, 100) g;
    CREATE INDEX "User_age_idx" ON "User" (age);
    CREATE UNIQUE INDEX "User_email_key" ON "User" (email);
    CREATE INDEX thing_v_idx ON other.thing (v);
    ANALYZE;
"#;

/// Statements that have a twin, and how many steps it has.
const TWINS: &[(&str, usize)] = &[
    (r#"CREATE INDEX "User_name_idx" ON "User"("name")"#, 1),
    (r#"CREATE INDEX ON "User" (name, age DESC NULLS LAST) WHERE age > 3"#, 1),
    (r#"CREATE UNIQUE INDEX ON "User" (id) INCLUDE (age, name)"#, 1),
    (r#"CREATE UNIQUE INDEX IF NOT EXISTS "User_e_key" ON public."User"(lower(email) text_pattern_ops)"#, 1),
    ("CREATE INDEX thing_hash ON other.thing USING hash (v)", 1),
    (r#"DROP INDEX "User_age_idx""#, 1),
    (r#"DROP INDEX "User_age_idx", other.thing_v_idx"#, 2),
    (r#"REINDEX INDEX "User_age_idx""#, 1),
    (r#"REINDEX TABLE "User""#, 1),
    (
        r#"ALTER TABLE "User" ADD CONSTRAINT "User_teamId_fkey" FOREIGN KEY ("teamId") REFERENCES "Team"("id") ON DELETE SET NULL ON UPDATE CASCADE"#,
        2,
    ),
    (r#"ALTER TABLE "User" ADD FOREIGN KEY ("teamId") REFERENCES "Team" DEFERRABLE INITIALLY DEFERRED"#, 2),
    (r#"ALTER TABLE "User" ADD CONSTRAINT adult CHECK (age > 0 AND name <> 'it''s; -- no')"#, 2),
    (r#"ALTER TABLE "User" ADD CHECK (age > 0)"#, 2),
    (r#"ALTER TABLE "User" ADD CHECK (age > 0 OR counter = 0)"#, 2),
    (r#"ALTER TABLE part ADD CONSTRAINT positive CHECK (k >= 0)"#, 2),
    (r#"ALTER TABLE "User" ADD CONSTRAINT "User_id_email" UNIQUE (id, email)"#, 2),
    (r#"ALTER TABLE "User" ADD UNIQUE (age) INCLUDE (name) DEFERRABLE"#, 2),
    (r#"ALTER TABLE "Pair" ADD CONSTRAINT "Pair_pkey" PRIMARY KEY (a, c)"#, 2),
    (r#"ALTER TABLE "Pair" ADD PRIMARY KEY (b)"#, 6),
    (
        "ALTER TABLE other.thing DROP CONSTRAINT thing_pkey, ADD COLUMN w int, ADD CONSTRAINT thing_pkey PRIMARY KEY (v)",
        6,
    ),
    (
        r#"ALTER TABLE "User" DROP CONSTRAINT "User_pkey", DROP COLUMN id, ADD CONSTRAINT "User_key" PRIMARY KEY (email)"#,
        2,
    ),
    (r#"ALTER TABLE "User" ALTER COLUMN "age" SET NOT NULL"#, 4),
    (r#"ALTER TABLE part ALTER COLUMN team SET NOT NULL"#, 4),
    (
        r#"ALTER TABLE "User" ALTER COLUMN "age" SET NOT NULL, ALTER COLUMN "age" SET DEFAULT 0, ALTER mood SET NOT NULL"#,
        9,
    ),
    (r#"ALTER TABLE "User" ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()"#, 7),
    (r#"ALTER TABLE "User" ADD COLUMN IF NOT EXISTS r float8 DEFAULT random() CHECK (r >= 0)"#, 5),
    (r#"ALTER TABLE "User" ADD COLUMN slug text UNIQUE"#, 3),
    (r#"ALTER TABLE "User" ADD COLUMN level int NOT NULL DEFAULT 1 CHECK (level > 0) REFERENCES "Team""#, 5),
    (
        r#"ALTER TABLE "User" DROP COLUMN counter, ADD COLUMN x int, ADD CONSTRAINT q CHECK (age > 0), ADD COLUMN y text COLLATE "C" DEFAULT 'z'"#,
        3,
    ),
    (
        r#"UPDATE "User" SET name = upper(email), "counter" = 7 -- why
        WHERE name IS NULL /* only those */"#,
        1,
    ),
    (r#"UPDATE "User" AS u SET mood = CASE WHEN u.age > 3 THEN 'ok' ELSE 'sad' END::"Mood""#, 1),
    (r#"UPDATE part SET team = id % 3"#, 1),
    (
        r#"UPDATE "User" AS u SET name = (SELECT t.name FROM "Team" t WHERE t.id = u."teamId" FOR SHARE)
        WHERE u.name IS NULL AND EXISTS (SELECT 1 FROM "Team" t WHERE t.id = u."teamId")"#,
        1,
    ),
    (
        r#"INSERT INTO other.thing AS kept (id, v) SELECT u.age + 1000, u.email FROM "User" AS u
        WHERE u.age > 3 AND NOT EXISTS (SELECT 1 FROM other.thing t WHERE t.id = u.age) -- why
        FOR NO KEY UPDATE ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v WHERE kept.v IS NULL"#,
        1,
    ),
    (r#"INSERT INTO other.thing SELECT age + 2000, email FROM "User" FOR UPDATE ON CONFLICT DO NOTHING"#, 1),
    (r#"UPDATE other.thing SET v = gen_random_uuid()::text WHERE v IS NULL"#, 1),
];

/// Statements without, and a part of the reason.
const NONE: &[(&str, &str)] = &[
    ("CREATE INDEX ON part (team)", "is partitioned"),
    (r#"CREATE INDEX ON "User" (lower(name))"#, "depends on its expression"),
    (r#"CREATE INDEX ON "User" (age)"#, "is taken"),
    (r#"DROP INDEX "User_pkey""#, "belongs to a constraint"),
    (r#"DROP INDEX "User_age_idx" CASCADE"#, "CASCADE"),
    (r#"DROP INDEX nowhere"#, "there is no index"),
    ("ALTER TABLE part ADD UNIQUE (id, k)", "is partitioned"),
    (r#"ALTER TABLE "User" ALTER COLUMN age TYPE bigint"#, "writes every row anew"),
    (r#"ALTER TABLE "User" ADD COLUMN n serial"#, "sequence of its own"),
    (r#"ALTER TABLE "User" ADD COLUMN n int GENERATED ALWAYS AS (age * 2) STORED"#, "generated column"),
    (r#"ALTER TABLE "Pair" ADD COLUMN t uuid DEFAULT gen_random_uuid()"#, "no primary key"),
    (r#"ALTER TABLE "User" ADD CONSTRAINT e EXCLUDE USING gist (age WITH =)"#, "exclusion"),
    (
        r#"ALTER TABLE "User" DROP CONSTRAINT "User_pkey", ADD COLUMN t uuid DEFAULT gen_random_uuid(), ADD PRIMARY KEY (t)"#,
        "column of the new key",
    ),
    (
        r#"ALTER TABLE "User" DROP CONSTRAINT "User_pkey", ADD PRIMARY KEY (email), ALTER age SET NOT NULL"#,
        "a statement of its own",
    ),
    (
        "ALTER TABLE part DROP CONSTRAINT part_pkey, ADD CONSTRAINT part_pkey PRIMARY KEY (k, id)",
        "is partitioned",
    ),
    (r#"UPDATE "Pair" SET label = 'x'"#, "no primary key"),
    (r#"UPDATE "User" SET name = t.name FROM "Team" t WHERE t.id = "teamId""#, "FROM"),
    (r#"UPDATE "User" SET name = (SELECT name FROM "Team" LIMIT 1)"#, "sub-select"),
    (r#"UPDATE "User" SET age = age + 1"#, "reads it too"),
    (r#"UPDATE "User" SET name = gen_random_uuid()::text"#, "volatile"),
    (r#"UPDATE "User" SET id = 'x' || id"#, "primary key"),
    (r#"UPDATE "User" SET name = email, email = name"#, "reads it too"),
    (r#"UPDATE "User" SET name = 'x' WHERE "teamId" IN (SELECT id FROM "Team")"#, "sub-select"),
    (r#"UPDATE "User" SET name = (SELECT max(name) FROM "User") WHERE name IS NULL"#, "sub-select"),
    ("INSERT INTO other.thing SELECT 1, email FROM \"User\" ON CONFLICT DO NOTHING", "locks no rows"),
    ("INSERT INTO other.thing SELECT 1, email FROM \"User\" FOR UPDATE", "twice"),
    (
        "INSERT INTO other.thing SELECT 1, email FROM \"User\" FOR UPDATE ON CONFLICT (id) DO UPDATE SET v = thing.v || 'x'",
        "twice",
    ),
    (
        "INSERT INTO other.thing SELECT 1, a.v FROM other.thing a, other.thing b FOR UPDATE ON CONFLICT DO NOTHING",
        "one table",
    ),
    ("INSERT INTO other.thing VALUES (1, 'x')", "one table"),
    ("VACUUM FULL", "as it is"),
];

fn planned(sql: &str, around: &Surroundings) -> Result<Vec<Step>, String> {
    let statements = read(sql).unwrap();
    assert_eq!(statements.len(), 1, "{sql}");
    twin(&statements[0], 4, around).map_err(|none| none.to_string())
}

#[tokio::test]
async fn a_twin_ends_where_its_original_ends() {
    for major in majors() {
        let server = Server::shared(major).await;
        let template = server.database("twins").await;
        template.run(FIXTURE).await;
        let around = {
            let client = template.client().await;
            surroundings(&client, ServerVersion::of_major(major)).await
        };
        for (sql, count) in TWINS {
            let steps = planned(sql, &around).unwrap_or_else(|none| panic!("{major} {sql}: {none}"));
            assert_eq!(steps.len(), *count, "{major} {sql}: {steps:#?}");
            assert_eq!(steps, planned(sql, &around).unwrap(), "planning twice is the same");
            let written = server.copy_of(&template, "written").await;
            written.run(sql).await;
            let online = server.copy_of(&template, "online").await;
            let mut client = online.client().await;
            for step in &steps {
                execute(&mut client, step).await;
            }
            let original = contents(&written.client().await).await;
            let twin = contents(&client).await;
            for (what, rows) in original {
                assert_eq!(rows, twin[&what], "{major} {sql}: {what}");
            }
        }
    }
}

#[tokio::test]
async fn what_has_no_twin_says_why() {
    let server = Server::shared(15).await;
    let database = server.database("no_twins").await;
    database.run(FIXTURE).await;
    let around = surroundings(&database.client().await, ServerVersion::of_major(15)).await;
    for (sql, reason) in NONE {
        match planned(sql, &around) {
            Ok(steps) => panic!("{sql}: {steps:#?}"),
            Err(why) => assert!(why.contains(reason), "{sql}: {why}"),
        }
    }
    let key = r#"ALTER TABLE part ADD FOREIGN KEY (team) REFERENCES "Team""#;
    assert!(planned(key, &around).unwrap_err().contains("NOT VALID"));
    let newer = Surroundings { version: ServerVersion::of_major(18), ..around };
    assert!(planned(key, &newer).is_ok());
}

async fn execute(client: &mut Client, step: &Step) {
    let sql = match &step.action {
        Action::Execute { sql } | Action::BuildIndex { sql, .. } => sql.as_str().to_owned(),
        Action::Batches(batches) => batches.in_one().as_str().to_owned(),
    };
    if step.transaction == Transaction::Alone {
        client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?} in {sql}"));
        return;
    }
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?} in {sql}"));
    let held = transaction
        .query(
            "SELECT n.nspname || '.' || c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE l.pid = pg_backend_pid() AND c.relkind IN ('r', 'p') AND n.nspname IN ('public', 'other')",
            &[],
        )
        .await
        .unwrap();
    for row in held {
        let (table, mode): (String, String) = (row.get(0), row.get(1));
        let mode = LockMode::from_catalog_name(&mode).unwrap();
        let claim =
            step.locks.iter().filter(|claim| claim.relation.shown() == table).map(|claim| claim.mode).max();
        assert!(
            claim >= Some(mode) || mode == LockMode::AccessShare,
            "{sql}: {table} in {mode}, claimed {claim:?}"
        );
    }
    transaction.commit().await.unwrap();
}

/// The catalog and the rows, as text without identities of this one database.
async fn contents(client: &Client) -> BTreeMap<String, Vec<String>> {
    const QUERIES: &[(&str, &str)] = &[
        (
            "columns",
            "SELECT format('%s.%s %s %s %s null=%s default=%s collation=%s', c.relnamespace::regnamespace, c.relname, a.attnum - (
                        SELECT count(*) FROM pg_attribute d WHERE d.attrelid = c.oid AND d.attisdropped AND d.attnum < a.attnum),
                    a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attcollation)
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text IN ('public', 'other')",
        ),
        (
            "constraints",
            "SELECT format('%s %s %s valid=%s deferrable=%s/%s local=%s/%s %s', conrelid::regclass, conname, contype, convalidated,
                    condeferrable, condeferred, conislocal, coninhcount, pg_get_constraintdef(oid))
             FROM pg_constraint WHERE connamespace::regnamespace::text IN ('public', 'other')",
        ),
        (
            "indexes",
            "SELECT format('%s unique=%s primary=%s immediate=%s valid=%s ready=%s', pg_get_indexdef(indexrelid), indisunique,
                    indisprimary, indimmediate, indisvalid, indisready)
             FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE c.relnamespace::regnamespace::text IN ('public', 'other')",
        ),
        ("teams", "SELECT t::text FROM \"Team\" t"),
        (
            "users",
            "SELECT jsonb_strip_nulls(to_jsonb(u) - 'token' - 'r' - 'createdAt')::text || (to_jsonb(u)->>'token' IS NULL)::text FROM \"User\" u",
        ),
        ("pairs", "SELECT p::text FROM \"Pair\" p"),
        ("parts", "SELECT p::text FROM part p"),
        ("things", "SELECT p::text FROM other.thing p"),
    ];
    let mut all = BTreeMap::new();
    for (what, query) in QUERIES {
        let rows = client.query(*query, &[]).await.unwrap();
        let mut texts: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        texts.sort();
        all.insert((*what).to_owned(), texts);
    }
    all
}
