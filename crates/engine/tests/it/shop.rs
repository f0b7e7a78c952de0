//! A small shop whose tables have rows, and changes to it: one migration for each kind of twin.

use underpin_core::plan::Mode;
use underpin_testkit::Database;

/// The migration that makes the tables.
pub(crate) const BASE: (&str, &str) = (
    "20260101000000_base",
    r#"
CREATE TYPE "Mood" AS ENUM ('calm', 'curious', 'cross');
CREATE TABLE "User" (
    "id" SERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT,
    "mood" "Mood" NOT NULL DEFAULT 'calm',
    "referrerId" INTEGER,
    "visits" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "Order" (
    "id" TEXT NOT NULL,
    "userId" INTEGER NOT NULL,
    "total" INTEGER,
    "note" TEXT,
    "placedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Order_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "Setting" ("key" TEXT, "value" TEXT);
CREATE TABLE "Log" ("what" TEXT);
CREATE INDEX "Order_note_idx" ON "Order"("note");
"#,
);

/// Rows that are the same on every server, and this many times as many as a test needs that looks at
/// each of them.
pub(crate) fn rows(times: u32) -> String {
    let (users, orders) = (3_000 * times, 6_000 * times);
    format!(
        r#"
INSERT INTO "User" ("email", "name", "mood", "referrerId", "createdAt")
SELECT 'user' || n || '@example.org', CASE WHEN n % 3 > 0 THEN 'User ' || n END,
       (ARRAY['calm', 'curious', 'cross'])[1 + n % 3]::"Mood", nullif(n / 2, 0), timestamp '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, {users}) n;
INSERT INTO "Order" ("id", "userId", "total", "note", "placedAt")
SELECT md5(n::text), 1 + n % {users}, n, 'note ' || n % 7, timestamp '2026-01-02' + n * interval '1 second'
FROM generate_series(1, {orders}) n;
INSERT INTO "Log" VALUES ('opened');
INSERT INTO "Setting" SELECT 'key ' || n, n::text FROM generate_series(1, 500) n;
"#
    )
}

/// A migration, and what of its journal shows that it went online.
pub(crate) struct Change {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    /// The kinds of twin that it needs: the modules of the crate that makes them.
    pub(crate) twins: &'static [&'static str],
    /// Words of the intents of its steps, in order.
    pub(crate) steps: &'static [&'static str],
}

/// One change for each kind of twin. Each may count on those before it.
pub(crate) const CHANGES: &[Change] = &[
    Change {
        name: "20260201000000_index",
        sql: "-- CreateIndex\nCREATE INDEX \"Order_userId_idx\" ON \"Order\"(\"userId\");\n",
        twins: &["index"],
        steps: &["build index Order_userId_idx"],
    },
    Change {
        name: "20260202000000_index_with_everything",
        sql: r#"CREATE INDEX "Order_total_idx" ON "Order" USING btree ("total" DESC NULLS LAST) INCLUDE ("note") WITH (fillfactor = 80) WHERE ("total" > 100);
CREATE INDEX "User_lower_idx" ON "User" (lower("email"), ("visits" + 1));
CREATE INDEX "User_mood_idx" ON "User" USING hash ("mood");"#,
        twins: &["index"],
        steps: &["build index Order_total_idx", "build index User_lower_idx", "build index User_mood_idx"],
    },
    Change {
        name: "20260203000000_unique_index",
        sql: "-- CreateIndex\nCREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");\n",
        twins: &["index"],
        steps: &["build index User_email_key"],
    },
    Change {
        name: "20260204000000_unique_constraint",
        sql: r#"ALTER TABLE "Order" ADD CONSTRAINT "Order_total_key" UNIQUE ("total") INCLUDE ("note") DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE "Setting" ADD UNIQUE ("value");"#,
        twins: &["alter_table", "unique"],
        steps: &[
            "build index Order_total_key",
            "make constraint Order_total_key",
            "build index Setting_value_key",
            "make constraint Setting_value_key",
        ],
    },
    Change {
        name: "20260205000000_primary_key",
        sql: "ALTER TABLE \"Setting\" ADD CONSTRAINT \"Setting_pkey\" PRIMARY KEY (\"key\");\n",
        twins: &["alter_table", "not_null", "unique"],
        steps: &[
            "refuse NULL in Setting.key",
            "validate",
            "set Setting.key NOT NULL",
            "drop the check",
            "build index Setting_pkey",
            "make constraint Setting_pkey",
        ],
    },
    Change {
        name: "20260206000000_drop_index",
        sql: "-- DropIndex\nDROP INDEX \"Order_note_idx\";\n",
        twins: &["drop_index"],
        steps: &["Order_note_idx while the table is in use"],
    },
    Change {
        name: "20260207000000_foreign_keys",
        sql: r#"-- AddForeignKey
ALTER TABLE "Order" ADD CONSTRAINT "Order_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "User" ADD CONSTRAINT "User_referrerId_fkey" FOREIGN KEY ("referrerId") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;
"#,
        twins: &["alter_table", "foreign_key"],
        steps: &[
            "add foreign key Order_userId_fkey",
            "validate Order_userId_fkey",
            "add foreign key User_referrerId_fkey",
            "validate User_referrerId_fkey",
        ],
    },
    Change {
        name: "20260208000000_checks",
        sql: r#"ALTER TABLE "User" ADD CONSTRAINT "User_visits_check" CHECK ("visits" >= 0);
ALTER TABLE "User" ADD CHECK ("email" LIKE '%@%');"#,
        twins: &["alter_table", "check"],
        steps: &[
            "add check User_visits_check",
            "validate User_visits_check",
            "add check User_email_check",
            "validate User_email_check",
        ],
    },
    Change {
        name: "20260209000000_not_null",
        sql: "-- AlterTable\nALTER TABLE \"Order\" ALTER COLUMN \"total\" SET NOT NULL;\n",
        twins: &["alter_table", "not_null"],
        steps: &["refuse NULL in Order.total", "validate", "set Order.total NOT NULL", "drop the check"],
    },
    Change {
        name: "20260210000000_volatile_defaults",
        sql: r#"ALTER TABLE "User" ADD COLUMN "token" UUID NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE "Order" ADD COLUMN "seenAt" TIMESTAMP(3) DEFAULT clock_timestamp();"#,
        twins: &["add_column", "alter_table", "not_null"],
        steps: &[
            "add column token",
            "set the default of User.token",
            "fill User.token",
            "refuse NULL in User.token",
            "validate",
            "set User.token NOT NULL",
            "drop the check",
            "add column seenAt",
            "set the default of Order.seenAt",
            "fill Order.seenAt",
        ],
    },
    Change {
        name: "20260211000000_several_actions",
        sql: r#"-- AlterTable
ALTER TABLE "User" ADD COLUMN     "displayName" TEXT,
ADD COLUMN     "score" INTEGER NOT NULL DEFAULT 0,
ALTER COLUMN "visits" SET DEFAULT 1,
ALTER COLUMN "createdAt" DROP NOT NULL,
ADD COLUMN     "nonce" TEXT NOT NULL DEFAULT md5(random()::text),
ADD CONSTRAINT "User_score_check" CHECK ("score" > -1);
"#,
        twins: &["add_column", "alter_table", "check", "not_null"],
        steps: &[
            "add column displayName to User",
            "add column nonce",
            "set the default of User.nonce",
            "fill User.nonce",
            "refuse NULL in User.nonce",
            "validate",
            "set User.nonce NOT NULL",
            "drop the check",
            "set the default of User.visits",
            "add check User_score_check",
            "validate User_score_check",
        ],
    },
    Change {
        name: "20260212000000_update",
        sql: r#"ALTER TABLE "Order" ADD COLUMN "cents" BIGINT;
UPDATE "Order" SET "cents" = "total" * 100 WHERE "cents" IS NULL;
UPDATE "User" AS u SET "displayName" = coalesce(u."name", u."email");"#,
        twins: &["update"],
        steps: &["add column cents", "update Order in batches", "update User in batches"],
    },
    Change {
        name: "20260213000000_logged",
        sql: r#"INSERT INTO "Log" VALUES ('first');
CREATE INDEX "Order_placedAt_idx" ON "Order" ("placedAt");
INSERT INTO "Log" SELECT 'second';
ALTER TABLE "Order" ADD CONSTRAINT "Order_cents_check" CHECK ("cents" > 0);
INSERT INTO "Log" VALUES ('third');"#,
        twins: &["alter_table", "check", "index"],
        steps: &[
            "",
            "build index Order_placedAt_idx",
            "",
            "add check Order_cents_check",
            "validate Order_cents_check",
            "",
        ],
    },
    Change {
        name: "20260214000000_reindex",
        sql: "REINDEX INDEX \"Order_userId_idx\";\nREINDEX TABLE \"Setting\";\n",
        twins: &["reindex"],
        steps: &["rebuild Order_userId_idx", "rebuild Setting"],
    },
    Change {
        name: "20260215000000_constraints_beside_columns",
        sql: r#"ALTER TABLE "Order" ADD CONSTRAINT "Order_note_check" CHECK ("note" <> '') NOT VALID;
ALTER TABLE "Order" VALIDATE CONSTRAINT "Order_note_check", ALTER COLUMN "note" SET NOT NULL,
    ADD COLUMN "giverId" INTEGER REFERENCES "User" ("id"), ADD COLUMN "code" TEXT UNIQUE;"#,
        twins: &["add_column", "alter_table", "not_null", "unique"],
        steps: &[
            "add check Order_note_check",
            "add column giverId",
            "add column code",
            "build index Order_code_key",
            "make constraint Order_code_key",
            "refuse NULL in Order.note",
            "validate",
            "set Order.note NOT NULL",
            "drop the check",
            "validate Order_note_check",
        ],
    },
    Change {
        name: "20260216000000_another_primary_key",
        sql: r#"CREATE UNIQUE INDEX "Setting_key_key" ON "Setting"("key");
ALTER TABLE "Setting" DROP CONSTRAINT "Setting_pkey", ADD CONSTRAINT "Setting_pkey" PRIMARY KEY ("value");"#,
        twins: &["alter_table", "index", "not_null", "primary_key", "unique"],
        steps: &[
            "build index Setting_key_key",
            "refuse NULL in Setting.value",
            "validate",
            "set Setting.value NOT NULL",
            "drop the check",
            "build index Setting_pkey_next",
            "make the primary key of Setting",
        ],
    },
    Change {
        name: "20260217000000_insert",
        sql: r#"CREATE TABLE "Receipt" (
    "orderId" TEXT NOT NULL,
    "total" INTEGER,
    CONSTRAINT "Receipt_pkey" PRIMARY KEY ("orderId")
);
INSERT INTO "Receipt" ("orderId", "total") SELECT "id", "total" FROM "Order" FOR UPDATE ON CONFLICT DO NOTHING;"#,
        twins: &["insert"],
        steps: &["", "insert into Receipt for Order in batches"],
    },
];

/// Fingerprints of all rows, but for values that are random by intention; for those, how many differ.
pub(crate) const FINGERPRINTS: &str = r#"
SELECT 'User', count(*), count(DISTINCT "token"), count(DISTINCT "nonce"),
       md5(string_agg(concat_ws('|', "id", "email", "name", "mood", "referrerId", "visits", "createdAt", "displayName", "score"), E'\n' ORDER BY "id"))
FROM "User"
UNION ALL
SELECT 'Order', count(*), count("seenAt"), 0,
       md5(string_agg(concat_ws('|', "id", "userId", "total", "note", "placedAt", "cents"), E'\n' ORDER BY "id"))
FROM "Order"
UNION ALL
SELECT 'Receipt', count(*), 0, 0, md5(string_agg(concat_ws('|', "orderId", "total"), E'\n' ORDER BY "orderId")) FROM "Receipt"
UNION ALL
SELECT 'Setting', count(*), 0, 0, md5(string_agg("key" || "value", E'\n' ORDER BY "key")) FROM "Setting"
UNION ALL
SELECT 'Log', count(*), 0, 0, string_agg("what", ', ' ORDER BY "what") FROM "Log"
"#;

/// The shop's history up to and with all changes.
pub(crate) fn history() -> Vec<(&'static str, &'static str)> {
    std::iter::once(BASE).chain(CHANGES.iter().map(|change| (change.name, change.sql))).collect()
}

/// Deploys the first migration and puts rows in.
pub(crate) async fn open(database: &Database<'_>) {
    open_with(database, 1).await;
}

/// The same with this many times the rows.
pub(crate) async fn open_with(database: &Database<'_>, times: u32) {
    let first = crate::setting::target(database, &[BASE]);
    crate::setting::deployed(&first, &crate::setting::request(Mode::Online)).await;
    database.run(&rows(times)).await;
}
