//! Rollouts and the real Prisma on one database: Prisma stops at what is held and passes where nothing is, and what it
//! leaves behind is cleared.

mod led_back;
mod unfit;

use underpin_core::rollout::guard;
use underpin_testkit::{Database, Oracle, ProjectFolder};

use crate::support::{ledger, server, underpin};

const INIT: &str = "20260101000000_init";
const EXPAND: &str = "20260301000000_rename_1_expand";
const BACKFILL: &str = "20260301000001_rename_2_backfill";
const CONTRACT: &str = "20260301000002_rename_3_contract";

const BEFORE: &str = "-- CreateTable\nCREATE TABLE \"User\" (\n    \"id\" SERIAL NOT NULL,\n    \"fullName\" TEXT NOT NULL,\n\n    CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\")\n);\n";

fn init(project: ProjectFolder) -> ProjectFolder {
    project.migration(INIT, BEFORE)
}

fn phases(project: ProjectFolder) -> ProjectFolder {
    let head = |phase: &str| format!("-- underpin: rollout rename\n-- underpin: phase {phase}\n");
    let expand = format!(
        r#"{}BEGIN;
ALTER TABLE "User" ADD COLUMN "displayName" TEXT;
CREATE FUNCTION "User_sync"() RETURNS trigger LANGUAGE plpgsql AS $sync$
BEGIN
  NEW."displayName" := coalesce(NEW."displayName", NEW."fullName");
  NEW."fullName" := NEW."displayName";
  RETURN NEW;
END $sync$;
CREATE TRIGGER "zz_User_sync" BEFORE INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION "User_sync"();
COMMIT;
"#,
        head("expand")
    );
    let backfill = format!(
        "{}UPDATE \"User\" SET \"displayName\" = \"fullName\" WHERE \"displayName\" IS NULL;\n",
        head("backfill after expand")
    );
    let contract = format!(
        r#"{}-- underpin: gone column "User"."fullName"
-- underpin: verify SELECT count(*) FROM "User" WHERE "displayName" IS DISTINCT FROM "fullName"
{};
-- AlterTable
ALTER TABLE "User" ALTER COLUMN "displayName" SET NOT NULL;
BEGIN;
DROP TRIGGER "zz_User_sync" ON "User";
DROP FUNCTION "User_sync"();
ALTER TABLE "User" DROP COLUMN "fullName";
COMMIT;
"#,
        head("contract after backfill"),
        guard(CONTRACT)
    );
    init(project)
        .migration(EXPAND, &expand)
        .migration(BACKFILL, &backfill)
        .migration(CONTRACT, &contract)
        .models("model User {\n  id          Int    @id @default(autoincrement())\n  displayName String\n}\n")
}

async fn each_prisma() -> [(Oracle, fn() -> ProjectFolder); 2] {
    [(Oracle::prisma6().await, ProjectFolder::prisma6), (Oracle::prisma7().await, ProjectFolder::prisma7)]
}

async fn columns(database: &Database<'_>) -> Vec<String> {
    let query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'User' ORDER BY 1";
    database.rows(query).await
}

#[tokio::test]
async fn prisma_stops_at_a_held_contract_and_the_next_deploy_clears_what_it_left() {
    for (prisma, folder) in each_prisma().await {
        let database = server().await.database("guarded").await;
        let url = database.url();
        let began = underpin(init(folder()).path(), &url, &["deploy"]).await;
        assert_eq!(began.code, 0, "{}", began.all());
        database
            .run("INSERT INTO \"User\" (\"fullName\") SELECT 'u' || n FROM generate_series(1, 9) n")
            .await;
        let project = phases(folder());
        let project = project.path();
        let held = underpin(project, &url, &["deploy"]).await;
        assert!(
            held.code == 0 && held.stdout.contains("Held: the contract of rollout rename"),
            "{}",
            held.all()
        );

        let stopped = prisma.deploy(project, &url).await;
        let said = stopped.all();
        assert!(stopped.code == 1 && said.contains("P3018") && said.contains("UPH01"), "{said}");
        assert!(said.contains("this migration is held: rollout rename is not released"), "{said}");
        assert_eq!(columns(&database).await, ["displayName", "fullName", "id"]);
        let again = prisma.deploy(project, &url).await;
        assert!(again.all().contains("P3009"), "{}", again.all());

        let status = underpin(project, &url, &["status"]).await;
        assert!(
            status.code == 10 && status.stdout.contains(&format!("Prisma was stopped at {CONTRACT}")),
            "{}",
            status.all()
        );
        let cleared = underpin(project, &url, &["deploy"]).await;
        assert!(
            cleared.code == 0 && cleared.stderr.contains("its row is taken out of the ledger"),
            "{}",
            cleared.all()
        );
        let names: Vec<String> = ledger(&database).await.into_iter().map(|row| row.name).collect();
        assert_eq!(names, [INIT, EXPAND, BACKFILL]);
        let pending = prisma.status(project, &url).await;
        assert!(pending.all().contains(CONTRACT) && !pending.all().contains(BACKFILL), "{}", pending.all());

        // Once more, and then it is released: what Prisma left does not stand in the way of that either.
        assert_eq!(prisma.deploy(project, &url).await.code, 1);
        let named = database.name();
        let release =
            ["rollout", "release", "rename", "--now", "--database", named, "--attest", "Ada: it is gone"];
        let released = underpin(project, &url, &release).await;
        assert_eq!(released.code, 0, "{}", released.all());
        let done = underpin(project, &url, &["deploy"]).await;
        assert_eq!(done.code, 0, "{}", done.all());
        assert_eq!(columns(&database).await, ["displayName", "id"]);
        let after = prisma.deploy(project, &url).await;
        assert!(
            after.code == 0 && after.stdout.contains("No pending migrations to apply"),
            "{}",
            after.all()
        );
        let after = prisma.status(project, &url).await;
        assert!(after.code == 0 && after.all().contains("Database schema is up to date"), "{}", after.all());
        let rows = ledger(&database).await;
        assert!(
            rows.len() == 4 && rows.iter().all(|row| row.finished && !row.rolled_back && row.steps == 1),
            "{rows:?}"
        );
    }
}

#[tokio::test]
async fn prisma_passes_through_all_phases_where_nothing_is_held() {
    for (prisma, folder) in each_prisma().await {
        for filled in [false, true] {
            let database = server().await.database("unguarded").await;
            let url = database.url();
            if filled {
                let began = prisma.deploy(init(folder()).path(), &url).await;
                assert_eq!(began.code, 0, "{}", began.all());
                database.run("INSERT INTO \"User\" (\"fullName\") VALUES ('a'), ('b')").await;
            }
            let project = phases(folder());
            let deployed = prisma.deploy(project.path(), &url).await;
            assert_eq!(deployed.code, 0, "{}", deployed.all());
            assert_eq!(columns(&database).await, ["displayName", "id"]);
            let lost = "SELECT count(*) FROM \"User\" WHERE \"displayName\" IS NULL";
            assert_eq!(database.rows(lost).await, ["0"]);
            // The replay of the history ends in what the schema says.
            let developed = prisma.run(project.path(), &url, &["migrate", "dev"]).await;
            assert!(
                developed.code == 0 && developed.stdout.contains("Already in sync"),
                "{}",
                developed.all()
            );
            let ours = underpin(project.path(), &url, &["deploy"]).await;
            assert!(ours.code == 0 && ours.stdout.contains("No pending migrations"), "{}", ours.all());
        }
    }
}
