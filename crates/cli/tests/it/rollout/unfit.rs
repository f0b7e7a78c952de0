//! Databases and tables that do not fit the plan: it stops before it does harm, says why, and goes on when they fit.

use underpin_testkit::{Database, ProjectFolder, Said};

use crate::support::{ledger, server, underpin};

const INIT: &str = "20260101000000_init";

/// A project with a plan, and a database in which the plan has not begun.
struct Stage {
    project: ProjectFolder,
    database: Database<'static>,
    /// What the plan was told with.
    planned: Said,
}

impl Stage {
    async fn set(before: &str, rows: &str, after: &str, answers: &[&str]) -> Self {
        let begun = || {
            let settings = "[deploy]\nsmall_table_kb = 0\n";
            ProjectFolder::prisma7().migration(INIT, before).file("underpin.toml", settings)
        };
        let database = server().await.database("unfit").await;
        let first = underpin(begun().path(), &database.url(), &["deploy"]).await;
        assert_eq!(first.code, 0, "{}", first.all());
        database.run(rows).await;
        let project = begun().models(after);
        let plan = [&["plan", "--name", "change"], answers].concat();
        let planned = underpin(project.path(), &database.url(), &plan).await;
        assert_eq!(planned.code, 0, "{}", planned.all());
        Self { project, database, planned }
    }

    async fn run(&self, arguments: &[&str]) -> Said {
        underpin(self.project.path(), &self.database.url(), arguments).await
    }

    async fn deployed(&self) {
        let said = self.run(&["deploy"]).await;
        assert_eq!(said.code, 0, "{}", said.all());
    }

    async fn release(&self) -> Said {
        let database = self.database.name();
        self.run(&["rollout", "release", "change", "--now", "--database", database, "--attest", "Ada: gone"])
            .await
    }

    /// The last words of the names of what is applied.
    async fn applied(&self) -> Vec<String> {
        let rows = ledger(&self.database).await;
        assert!(rows.iter().all(|row| row.finished), "{rows:?}");
        let last = |name: &str| name.rsplit('_').next().unwrap().to_owned();
        rows.iter().map(|row| last(&row.name)).collect()
    }
}

const USER: &str = "CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"fullName\" TEXT NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n";
const USERS: &str = "INSERT INTO \"User\" (\"fullName\") SELECT 'user ' || n FROM generate_series(1, 100) n";
const RENAMED: &str =
    "model User {\n  id          Int    @id @default(autoincrement())\n  displayName String\n}\n";
const RENAME: [&str; 2] = ["--rename", "User.fullName:displayName"];

/// With pgroll a value that cannot be cast fails the backfill midway.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_fit_stop_a_phase_with_their_number() {
    let before = "CREATE TABLE \"Event\" (\"id\" SERIAL NOT NULL, \"kind\" TEXT NOT NULL, \"code\" TEXT NOT NULL, CONSTRAINT \"Event_pkey\" PRIMARY KEY (\"id\"));\n";
    let rows = "INSERT INTO \"Event\" (\"kind\", \"code\") SELECT CASE WHEN n % 50 = 7 THEN 'SIDEWAYS' ELSE 'IN' END, 'code ' || greatest(n, 3) FROM generate_series(1, 100) n";
    let after = "model Event {\n  id   Int    @id @default(autoincrement())\n  kind Kind   @map(\"kind_known\")\n  code String @unique\n}\n\nenum Kind {\n  IN\n  OUT\n}\n";
    let stage = Stage::set(before, rows, after, &["--rename", "Event.kind:kind_known"]).await;
    for (told, applied, corrected) in [
        (
            "2 rows are left by: SELECT count(*) FROM \"Event\" WHERE \"kind\" NOT IN",
            ["init"].as_slice(),
            "UPDATE \"Event\" SET \"kind\" = 'OUT' WHERE \"kind\" = 'SIDEWAYS'",
        ),
        (
            "1 row is left by: SELECT count(*) FROM (SELECT 1 FROM \"Event\"",
            ["init", "expand"].as_slice(),
            "UPDATE \"Event\" SET \"code\" = 'code ' || \"id\"",
        ),
    ] {
        let said = stage.run(&["deploy"]).await;
        assert!(said.code == 13 && said.stderr.contains(told), "{told}: {}", said.all());
        assert_eq!(stage.applied().await, applied);
        // Nothing of the phase has happened, so nobody's row is refused.
        let writes = "INSERT INTO \"Event\" (\"kind\", \"code\") VALUES ('SIDEWAYS', 'code 3'); DELETE FROM \"Event\" WHERE \"id\" > 100";
        stage.database.run(writes).await;
        stage.database.run(corrected).await;
    }
    stage.deployed().await;
    assert_eq!(stage.applied().await, ["init", "expand", "backfill"]);
    let filled = "SELECT \"kind_known\", count(*) FROM \"Event\" GROUP BY 1 ORDER BY 1";
    assert_eq!(stage.database.rows(filled).await, ["IN|98", "OUT|2"]);
}

/// Without a primary key there is nothing to go along in batches. The plan tells it, and the deploy before the first phase.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_primary_key_is_not_locked_unasked() {
    let before = "CREATE TABLE \"User\" (\"email\" TEXT NOT NULL, \"fullName\" TEXT NOT NULL);\nCREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");\n";
    let rows = "INSERT INTO \"User\" SELECT 'mail ' || n, 'user ' || n FROM generate_series(1, 100) n";
    let after = "model User {\n  email       String @unique\n  displayName String\n}\n";
    let stage = Stage::set(before, rows, after, &RENAME).await;
    let told = stage.planned.all().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("User has no primary key, so its rows cannot be filled in batches"), "{told}");
    assert!(told.contains("give the model an @id in a plan of its own first"), "{told}");
    let said = stage.run(&["deploy"]).await;
    assert!(said.code == 10, "{}", said.all());
    assert!(said.stderr.contains("User has no primary key to update along [bulk-update]"), "{}", said.all());
    assert_eq!(stage.applied().await, ["init"]);
    let said = stage.run(&["deploy", "--allow", "bulk-update"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let left = "SELECT count(*) FROM \"User\" WHERE \"displayName\" IS DISTINCT FROM \"fullName\"";
    assert_eq!(stage.database.rows(left).await, ["0"]);
}

/// Somebody has added the very column by hand. Nothing of the first phase is left, and clients write as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_there_already_stops_the_first_phase() {
    let stage = Stage::set(USER, USERS, RENAMED, &RENAME).await;
    stage.database.run("ALTER TABLE \"User\" ADD COLUMN \"displayName\" TEXT").await;
    let said = stage.run(&["deploy"]).await;
    assert!(said.code == 2 && said.stderr.contains("42701"), "{}", said.all());
    assert!(said.stderr.contains("Nothing of it is left in the database"), "{}", said.all());
    assert_eq!(stage.applied().await, ["init"]);
    assert_eq!(
        stage.database.rows("SELECT tgname FROM pg_trigger WHERE tgname LIKE '%underpin%'").await,
        [""; 0]
    );
    stage.database.run("ALTER TABLE \"User\" DROP COLUMN \"displayName\"").await;
    stage.deployed().await;
    assert_eq!(stage.applied().await, ["init", "expand", "backfill"]);
}

/// Somebody's view, of which the history knows nothing, needs the old column. The last phase fails as a whole, and
/// both shapes are kept equal as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_nobody_knows_of_stops_the_last_phase() {
    let stage = Stage::set(USER, USERS, RENAMED, &RENAME).await;
    stage.database.run("CREATE VIEW names AS SELECT \"fullName\" FROM \"User\"").await;
    stage.deployed().await;
    let said = stage.release().await;
    assert_eq!(said.code, 0, "{}", said.all());
    let said = stage.run(&["deploy"]).await;
    assert!(
        said.code == 2 && said.stderr.contains("view names depends on column fullName"),
        "{}",
        said.all()
    );
    assert_eq!(stage.applied().await, ["init", "expand", "backfill"]);
    stage.database.run("INSERT INTO \"User\" (\"displayName\") VALUES ('new')").await;
    assert_eq!(stage.database.rows("SELECT count(*) FROM names WHERE \"fullName\" = 'new'").await, ["1"]);
    stage.database.run("DROP VIEW names").await;
    stage.deployed().await;
    assert_eq!(stage.applied().await, ["init", "expand", "backfill", "contract"]);
}

/// Somebody has taken the new column away between the phases, and with it what the new release wrote.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_gone_keeps_the_last_phase_shut() {
    let stage = Stage::set(USER, USERS, RENAMED, &RENAME).await;
    stage.deployed().await;
    stage.database.run("ALTER TABLE \"User\" DROP COLUMN \"displayName\" CASCADE").await;
    let said = stage.release().await;
    assert_eq!(said.code, 12, "{}", said.all());
    assert!(said.stdout.contains("column \"displayName\" does not exist"), "{}", said.all());
    assert!(said.stdout.contains("shut     intact    User.displayName is not there"), "{}", said.all());
    stage.deployed().await;
    assert_eq!(stage.database.rows("SELECT count(\"fullName\") FROM \"User\"").await, ["100"]);
}
