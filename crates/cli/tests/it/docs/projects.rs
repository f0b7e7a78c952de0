//! The projects that the pages' commands run in: a shop with an applied history, and something
//! that is pending, wrong or in the way.

use std::path::PathBuf;

use tokio_postgres::Client;
use underpin_core::rollout::guard;
use underpin_testkit::corpus::histories;
use underpin_testkit::git::committed;
use underpin_testkit::{Database, ProjectFolder, Server, installation};

use super::shell::underpin;
use super::tutorial;

/// A project with its database.
pub(super) struct Given {
    project: ProjectFolder,
    /// Where in its folder the reader works; elsewhere in it are programs and copies.
    working_in: &'static str,
    pub(super) database: Database<'static>,
    /// Sessions of others, open as long as this value.
    _others: Vec<Client>,
}

impl Given {
    /// The database's address, as the project's `.env` would have it.
    pub(super) fn url(&self) -> String {
        self.database.url()
    }

    /// The reader's working folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.project.path().join(self.working_in)
    }

    /// Where programs are that the project has installed.
    pub(super) fn programs(&self) -> PathBuf {
        self.project.path().join(tutorial::PROGRAMS)
    }

    /// Makes an edit, which is told as a patch.
    pub(super) fn edit(&self, patch: &str) {
        tutorial::edit(&self.folder(), patch);
    }

    /// A line with the reader's names for the server, the database and the role.
    pub(super) fn redacted(&self, line: &str) -> String {
        let config = self.database.config();
        let user = config.get_user().unwrap_or_default();
        let url = self.url();
        let line = &self.dated(line);
        let host = url.rsplit_once('@').and_then(|(_, rest)| rest.split('/').next()).unwrap_or(&url);
        line.replace(host, "localhost:5432")
            .replace(self.database.name(), "shop")
            .replace(&format!("role {user}"), "role app")
    }

    /// A line with the page's own name for the last commit of the branch `main`, and with its times in the names of
    /// folders that a command has just made: a second apart.
    fn dated(&self, line: &str) -> String {
        let folders = std::fs::read_dir(self.folder().join("prisma/migrations")).into_iter().flatten();
        let names = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let times = names.filter_map(|name| Some(name.split_once('_')?.0.to_owned()));
        let mut made: Vec<String> =
            times.filter(|time| time.as_str() > WRITTEN_UNTIL && time.len() == 14).collect();
        made.sort();
        let is_hash = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
        let line = match line
            .split_once("main (")
            .and_then(|(before, rest)| Some((before, rest.split_once(')')?)))
        {
            Some((before, (hash, after))) if is_hash(hash) => format!("{before}main ({COMMIT}){after}"),
            _ => line.to_owned(),
        };
        made.iter()
            .enumerate()
            .fold(line, |line, (at, time)| line.replace(&format!("{time}_"), &format!("2026031609000{at}_")))
    }
}

/// How the pages call the last commit of the branch `main`.
const COMMIT: &str = "4f1c2d9ab";

/// The migrations of the pages are older than any that a test makes.
const WRITTEN_UNTIL: &str = "20260401000000";

const INIT: &str = "CREATE TABLE \"Order\" (
    \"id\" INTEGER PRIMARY KEY,
    \"reference\" TEXT,
    \"channel\" TEXT,
    \"status\" TEXT NOT NULL DEFAULT 'open',
    \"createdAt\" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
";

const CONCURRENTLY: &str = "ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT;
CREATE INDEX CONCURRENTLY \"by_status\" ON \"Order\"(\"status\");
";

/// Twenty thousand orders: large enough to be noticed, small enough to be made at once.
const ROWS: &str = "INSERT INTO \"Order\" (\"id\", \"reference\", \"channel\")
    SELECT n, 'R-' || n, 'web' FROM generate_series(1, 20000) AS n;
VACUUM ANALYZE \"Order\";
";

/// Sets up the project that a page names.
pub(super) async fn given(name: &str, server: &'static Server) -> Given {
    if name == "umami" {
        return Given {
            project: umami(),
            working_in: "",
            database: server.database("shop").await,
            _others: Vec::new(),
        };
    }
    if let Some(until) = tutorial::Until::of(name) {
        let database = server.database("shop").await;
        let project = tutorial::project(until, server, &database).await;
        return Given { project, working_in: tutorial::WORKING_IN, database, _others: Vec::new() };
    }
    let project = ProjectFolder::prisma6().migration("20260105090000_init", INIT);
    let database = server.database("shop").await;
    let mut others = Vec::new();
    apply_init(&project, &database).await;
    let pending = |project: ProjectFolder, name: &str, sql: &str| {
        project.migration(&format!("20260302143000_{name}"), sql)
    };
    let project = match name {
        "shop" => pending(
            project,
            "order_overview",
            "ALTER TABLE \"Order\" ADD COLUMN \"currency\" TEXT NOT NULL DEFAULT 'EUR',\n\
             ALTER COLUMN \"channel\" SET NOT NULL;\n\
             CREATE UNIQUE INDEX \"Order_reference_key\" ON \"Order\"(\"reference\");\n\
             CREATE INDEX \"Order_status_createdAt_idx\" ON \"Order\"(\"status\", \"createdAt\");\n",
        ),
        "refused" => pending(project, "tidy_orders", "ALTER TABLE \"Order\" DROP COLUMN \"channel\";\n"),
        "transactions" => pending(project, "order_lookup", CONCURRENTLY).migration(
            "20260309090000_order_lookup_checked",
            &format!("{CONCURRENTLY}DO $$ BEGIN END $$;\n"),
        ),
        "fixable" => pending(
            project,
            "order_lookup",
            "-- Orders are looked up by status, and each reference is there once.\n\
             ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT;\n\
             CREATE INDEX \"Order_status_idx\" ON \"Order\"(\"status\");\n\
             CREATE UNIQUE INDEX \"Order_reference_key\" ON \"Order\"(\"reference\");\n",
        ),
        "phases" => phases(project),
        "expanded" => {
            let project = phases(project);
            let (said, code) = underpin(["deploy"].into_iter(), project.path(), &database.url());
            assert_eq!(code, 0, "{said}");
            project
        }
        "expand-blocked" => {
            others.push(reader(&database).await);
            phases(project).file("underpin.toml", "[lock]\npatience_ms = 1\nbudget_ms = 1000\n")
        }
        "backfill-refused" => {
            database.run("UPDATE \"Order\" SET \"reference\" = 'R-1' WHERE \"id\" = 2").await;
            let project = phases(project);
            let backfill = "20260302143001_rename_reference_2_backfill";
            let script = project.migrations().join(backfill).join("migration.sql");
            let script = std::fs::read_to_string(script).expect("it was just written");
            let unique = "CREATE UNIQUE INDEX \"Order_code_key\" ON \"Order\"(\"code\");\n";
            project.migration(backfill, &format!("{script}{unique}"))
        }
        "parked" => parked(project, &database),
        "misspelt" => project.file("underpin.toml", "[lock]\ntry_timout_ms = 50\n"),
        "blocked" => {
            others.push(reader(&database).await);
            pending(project, "note", "ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT;\n")
                .file("underpin.toml", "[lock]\npatience_ms = 1\nbudget_ms = 1000\n")
        }
        "held" => {
            others.push(migrator(&database).await);
            pending(project, "note", "ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT;\n")
                .file("underpin.toml", "[lock]\nadvisory_budget_ms = 1000\n")
        }
        "duplicates" => {
            database.run("UPDATE \"Order\" SET \"reference\" = 'R-1' WHERE \"id\" = 2").await;
            pending(
                project,
                "unique_reference",
                "CREATE INDEX \"Order_status_idx\" ON \"Order\"(\"status\");\n\
                 CREATE UNIQUE INDEX \"Order_reference_key\" ON \"Order\"(\"reference\");\n",
            )
        }
        "preconditions" => {
            database
                .run(
                    "UPDATE \"Order\" SET \"channel\" = NULL WHERE \"id\" IN (7, 8, 9);
                     UPDATE \"Order\" SET \"reference\" = 'R-1' WHERE \"id\" = 2;
                     UPDATE \"Order\" SET \"status\" = 'done' WHERE \"id\" = 5",
                )
                .await;
            pending(
                project,
                "tidy_orders",
                "ALTER TABLE \"Order\" ALTER COLUMN \"channel\" SET NOT NULL;\n\
                 CREATE UNIQUE INDEX \"Order_reference_key\" ON \"Order\"(\"reference\");\n\
                 ALTER TABLE \"Order\" ALTER COLUMN \"status\" SET DATA TYPE VARCHAR(20);\n",
            )
            .migration(
                "20260309090000_paid_orders",
                "UPDATE \"Order\" SET \"status\" = 'paid' WHERE \"status\" = 'done';\n\
                 ALTER TABLE \"Order\" ADD CONSTRAINT \"Order_status_known\" CHECK (\"status\" IN ('open', 'paid'));\n",
            )
        }
        "drifted" => {
            database
                .run(
                    "ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT, ALTER COLUMN \"channel\" SET DEFAULT 'web';
                     ALTER TABLE \"Order\" ADD CONSTRAINT status_known CHECK (status IN ('open', 'paid'));
                     CREATE EXTENSION pg_trgm",
                )
                .await;
            project
        }
        "unwritten" => unwritten(project, server).await,
        "rename" => rename(project, server, &database).await,
        "protected" => protected(project, server).await,
        // Applied by hand to a server whose superuser did it, or that has what the machine lacks.
        "reaching-out" | "extension-missing" => {
            let (name, sql) = match name {
                "reaching-out" => (
                    "20260106090000_report",
                    "-- The report of the month.\nCOPY \"Order\" TO PROGRAM 'gzip > /tmp/orders.gz';\n",
                ),
                _ => ("20260106090000_places", "CREATE EXTENSION IF NOT EXISTS postgis;\n"),
            };
            let project = project.migration(name, sql);
            underpin(["resolve", "--applied", name].into_iter(), project.path(), &database.url());
            project
        }
        "checked" => checked(project),
        "renaming" => renaming(project, true),
        "renaming-in-phases" => renaming(project, false),
        "edited" => project.migration("20260105090000_init", &format!("{INIT}-- a second thought\n")),
        other => panic!("no project is called {other}"),
    };
    Given { project, working_in: "", database, _others: others }
}

/// The schema is ahead of the history, and a history of a person's own hand is behind it. The throwaway server is the
/// test's.
async fn unwritten(project: ProjectFolder, server: &Server) -> ProjectFolder {
    let bin = installation(server.major()).await.unwrap().bin.display().to_string();
    project
        .migration(
            "20260119100000_open_orders",
            "CREATE INDEX \"Order_open_idx\" ON \"Order\"(\"createdAt\") WHERE \"status\" = 'open';\n",
        )
        .models(
            "model Order {\n  id        Int      @id\n  reference String?  @unique\n  status    String   @default(\"open\")\n  \
             currency  String   @default(\"EUR\")\n  createdAt DateTime @default(now())\n}\n",
        )
        .file("underpin.toml", format!("[shadow]\npostgres_bin = \"{bin}\"\n"))
}

/// The schema gives a column up that more than Prisma knows of depends on. The throwaway server is the test's.
async fn protected(project: ProjectFolder, server: &Server) -> ProjectFolder {
    let bin = installation(server.major()).await.unwrap().bin.display().to_string();
    project
        .migration(
            "20260119100000_by_hand",
            "CREATE VIEW \"OpenOrder\" AS SELECT \"id\", \"channel\" FROM \"Order\" WHERE \"status\" = 'open';\n\
             ALTER TABLE \"Order\" ADD CONSTRAINT channel_known CHECK (\"channel\" IN ('web', 'shop'));\n\
             CREATE INDEX \"Order_status_idx\" ON \"Order\"(\"status\") INCLUDE (\"reference\");\n\
             CREATE INDEX \"Order_open_idx\" ON \"Order\"(\"createdAt\") WHERE \"status\" = 'open';\n\
             CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n\
             CREATE TRIGGER touched BEFORE UPDATE ON \"Order\" FOR EACH ROW EXECUTE FUNCTION touched();\n",
        )
        .models(
            "model Order {\n  id        Int      @id\n  reference String?\n  status    String   @default(\"open\")\n  \
             createdAt DateTime @default(now())\n}\n",
        )
        .file("underpin.toml", format!("[shadow]\npostgres_bin = \"{bin}\"\n"))
}

/// The phases whose files `docs/rollouts.md` shows.
fn phases(project: ProjectFolder) -> ProjectFolder {
    let page = super::console::read("docs/rollouts.md");
    let files = page.split("\n`202").skip(1).filter_map(|part| {
        let (path, rest) = part.split_once("`:\n\n```sql\n")?;
        Some((format!("prisma/migrations/202{path}"), rest.split("```").next()?.to_owned()))
    });
    let files: Vec<_> = files.collect();
    assert_eq!(files.len(), 5, "docs/rollouts.md shows three phases and two ways back");
    files.iter().fold(project, |project, (path, sql)| project.file(path, sql))
}

/// A column was dropped by a contract, and is parked.
fn parked(project: ProjectFolder, database: &Database<'_>) -> ProjectFolder {
    let name = "20260302143000_reference_3_contract";
    let contract = format!(
        "-- underpin: rollout reference\n-- underpin: phase contract\n\
         -- underpin: gone column \"Order\".\"reference\"\n-- underpin: park column \"Order\".\"reference\"\n\
         {};\nALTER TABLE \"Order\" DROP COLUMN \"reference\";\n",
        guard(name)
    );
    let project = project.migration(name, &contract);
    let attest = ["--attest", "Ada: no release names it"];
    let release = ["rollout", "release", "reference", "--now", "--database", database.name()];
    let release: Vec<&str> = release.into_iter().chain(attest).collect();
    for command in [vec!["deploy"], release, vec!["deploy"]] {
        let (said, code) = underpin(command.into_iter(), project.path(), &database.url());
        assert_eq!(code, 0, "{said}");
    }
    project
}

/// The example of the requirements: people have a full name, and shall have a display name.
async fn rename(project: ProjectFolder, server: &Server, database: &Database<'_>) -> ProjectFolder {
    let bin = installation(server.major()).await.unwrap().bin.display().to_string();
    let project = project
        .migration(
            "20260119100000_users",
            "CREATE TABLE \"User\" (\"id\" SERIAL NOT NULL, \"full_name\" TEXT NOT NULL, CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\"));\n\
             CREATE UNIQUE INDEX \"User_full_name_key\" ON \"User\"(\"full_name\");\n",
        )
        .models(
            "model Order {\n  id        Int      @id\n  reference String?\n  channel   String?\n  status    String   \
             @default(\"open\")\n  createdAt DateTime @default(now())\n}\n\n\
             model User {\n  id          Int    @id @default(autoincrement())\n  displayName String @unique @map(\"display_name\")\n}\n",
        )
        .file("underpin.toml", format!("[shadow]\npostgres_bin = \"{bin}\"\n"));
    let (said, code) = underpin(["deploy"].into_iter(), project.path(), &database.url());
    assert_eq!(code, 0, "{said}");
    project
}

/// A column has another name, in a migration that is not merged, or in none yet.
fn renaming(project: ProjectFolder, has_migration: bool) -> ProjectFolder {
    let models = |field: &str| {
        format!(
            "model Order {{\n  id        Int      @id\n  {field} String?\n  channel   String?\n  status    String   \
             @default(\"open\")\n  createdAt DateTime @default(now())\n}}\n"
        )
    };
    let query = "export const open = (db) => db.$queryRaw`SELECT \"reference\" FROM \"Order\" WHERE status = ${'open'}`\n\
                 export const sorted = (db, by) => db.$queryRawUnsafe(`SELECT * FROM \"Order\" ORDER BY ${by}`)\n";
    let project = project.models(&models("reference")).file("src/orders.mjs", query);
    committed(project.path());
    let project = project.file("src/orders.mjs", query.replace("reference", "number"));
    if !has_migration {
        return project.models(&models("number   "));
    }
    project
        .migration(
            "20260302143000_order_number",
            "ALTER TABLE \"Order\" RENAME COLUMN \"reference\" TO \"number\";\n",
        )
        .models(&models("number   "))
}

/// A repository whose default branch has the first migration; behind it a new one, and a field that came later.
fn checked(project: ProjectFolder) -> ProjectFolder {
    let models = |more: &str| {
        format!(
            "model Order {{\n  id        Int      @id\n  reference String?\n  channel   String?\n  status    String   \
             @default(\"open\")\n  createdAt DateTime @default(now())\n{more}}}\n"
        )
    };
    let project = project.models(&models(""));
    committed(project.path());
    pending_note(project).models(&models("  note      String?\n  currency  String?\n"))
}

fn pending_note(project: ProjectFolder) -> ProjectFolder {
    let name = "20260302143000_order_note";
    project
        .migration(name, "ALTER TABLE \"Order\" ADD COLUMN \"note\" TEXT;\n")
        .file(&format!("prisma/migrations/{name}/down.sql"), "ALTER TABLE \"Order\" DROP COLUMN \"note\";\n")
}

/// A real project with its history, which no database has yet.
fn umami() -> ProjectFolder {
    let history = histories().into_iter().find(|history| history.name == "umami").expect("in the corpus");
    let package = r#"{ "name": "umami", "devDependencies": { "prisma": "6.19.0" } }"#;
    let project = ProjectFolder::prisma6().file("package.json", package);
    history.names.iter().fold(project, |project, name| project.migration(name, &history.sql(name)))
}

async fn apply_init(project: &ProjectFolder, database: &Database<'_>) {
    let (said, code) = underpin(["deploy"].into_iter(), project.path(), &database.url());
    assert_eq!(code, 0, "{said}");
    // VACUUM refuses to be one of several statements.
    for statement in ROWS.split_inclusive(";\n") {
        database.run(statement).await;
    }
}

/// Somebody who has read the table and not ended the transaction.
async fn reader(database: &Database<'_>) -> Client {
    let client = database.client().await;
    // The last statement is what others see of it, so it goes alone.
    client.batch_execute("SET application_name = 'nightly-report'; BEGIN").await.unwrap();
    client.batch_execute("SELECT count(*) FROM \"Order\"").await.unwrap();
    client
}

/// Somebody who holds Prisma's advisory lock.
async fn migrator(database: &Database<'_>) -> Client {
    let client = database.client().await;
    let script = "SET application_name = 'prisma'; SELECT pg_advisory_lock(72707369)";
    client.batch_execute(script).await.unwrap();
    client
}
