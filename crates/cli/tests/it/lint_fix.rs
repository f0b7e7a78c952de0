//! `underpin lint --fix` on a project in a repository: what it writes, what it refuses, and that the real
//! Prisma, before 7.4 and since, deploys what it wrote to where it would have deployed the original.

use std::path::{Path, PathBuf};

use serde_json::Value;
use underpin_catalog::differences;
use underpin_testkit::git::committed;
use underpin_testkit::{Database, Oracle, ProjectFolder, Said, Server};

use crate::support::underpin;

const INIT: &str = "20260101000000_init";
const NEXT: &str = "20260302120000_next";

const SHOP: &str = r#"CREATE TABLE "Team" ("id" SERIAL NOT NULL, "name" TEXT, CONSTRAINT "Team_pkey" PRIMARY KEY ("id"));
CREATE TABLE "User" ("id" SERIAL NOT NULL, "email" TEXT, "teamId" INTEGER, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));
CREATE INDEX "User_teamId_idx" ON "User"("teamId");
"#;

/// Rows that are there when the migration comes.
const ROWS: &str = r#"INSERT INTO "Team" ("name") SELECT 'team ' || n FROM generate_series(1, 5) n;
INSERT INTO "User" ("email", "teamId") SELECT CASE WHEN n % 7 > 0 THEN n || '@example.com' END, 1 + n % 5 FROM generate_series(1, 500) n;"#;

/// As Prisma generates it and people complete it: new and old tables, all kinds of slow statements.
const MIGRATION: &str = r#"/*
  Warnings:

  - Made the column `email` required.
*/
-- CreateTable
CREATE TABLE "Note" (
    "id" SERIAL NOT NULL,
    "userId" INTEGER NOT NULL, -- the author

    CONSTRAINT "Note_pkey" PRIMARY KEY ("id")
);

-- DropIndex
DROP INDEX "User_teamId_idx";

-- Backfill
UPDATE "User" SET "email" = 'nobody@example.com' WHERE "email" IS NULL;

-- AlterTable
ALTER TABLE "User" ALTER COLUMN "email" SET NOT NULL;

-- CreateIndex
CREATE INDEX "Note_userId_idx" ON "Note"("userId");

-- CreateIndex
CREATE INDEX "User_email_idx" ON "User"("email");

-- AddForeignKey
ALTER TABLE "Note" ADD CONSTRAINT "Note_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "User" ADD CONSTRAINT "User_teamId_fkey" FOREIGN KEY ("teamId") REFERENCES "Team"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AlterTable
ALTER TABLE "Team" ADD CONSTRAINT "Team_name_check" CHECK (length("name") < 100), ADD COLUMN "note" TEXT;
"#;

/// Rules whose findings are done away with.
const FIXED: [&str; 3] = ["index-build", "index-drop", "table-scan"];

fn with_history(project: ProjectFolder) -> ProjectFolder {
    project.migration(INIT, SHOP)
}

async fn lint(project: &Path, arguments: &[&str]) -> Said {
    let all: Vec<&str> = ["lint", "--pg-version", "16"].iter().chain(arguments).copied().collect();
    // Nothing listens there: a database that is not named is not asked.
    underpin(project, "postgresql://nobody@127.0.0.1:1/none", &all).await
}

fn folders(project: &ProjectFolder) -> Vec<PathBuf> {
    let listing = std::fs::read_dir(project.migrations()).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = listing.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn script(project: &ProjectFolder, folder: &str) -> String {
    std::fs::read_to_string(project.migrations().join(folder).join("migration.sql")).unwrap()
}

async fn catalog(database: &Database<'_>) -> underpin_catalog::Catalog {
    underpin_engine::introspect(&database.client().await).await.unwrap()
}

async fn deployed(prisma: &Oracle, project: &ProjectFolder, database: &Database<'_>) {
    let said = prisma.deploy(project.path(), &database.url()).await;
    assert_eq!(said.code, 0, "{}", said.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_deployed_by_prisma_to_the_same_end() {
    let server = Server::shared(16).await;
    for (prisma, project) in [
        (Oracle::prisma6().await, ProjectFolder::prisma6()),
        (Oracle::prisma7().await, ProjectFolder::prisma7()),
    ] {
        let project = with_history(project);
        committed(project.path());
        let seeded = server.database("fix_seeded").await;
        deployed(&prisma, &project, &seeded).await;
        seeded.run(ROWS).await;
        let project = project.migration(NEXT, MIGRATION);

        let original = server.copy_of(&seeded, "fix_original").await;
        deployed(&prisma, &project, &original).await;

        let fixed = lint(project.path(), &["--fix", "--json"]).await;
        let told: Value = serde_json::from_str(&fixed.stdout).unwrap_or_else(|_| panic!("{}", fixed.all()));
        let schema = underpin_testkit::workspace_root().join("docs/schema/lint-fix.schema.json");
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
        jsonschema::validate(&schema, &told).unwrap_or_else(|error| panic!("{error}: {}", fixed.all()));
        assert_eq!(told["proof"]["outcome"], "proven", "{}", fixed.all());
        assert_eq!(told["exit_code"], fixed.code);
        let rules: Vec<&str> = told["migrations"][0]["fixed"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["rule"].as_str().unwrap())
            .collect();
        for rule in FIXED {
            assert!(rules.contains(&rule), "{rule} is not among {rules:?}");
        }
        let written = told["migrations"][0]["files"].as_array().unwrap();
        assert_eq!(folders(&project).len(), 1 + written.len());
        for file in written {
            let path = project.path().join(file["path"].as_str().unwrap());
            assert_eq!(std::fs::read_to_string(path).unwrap(), file["text"].as_str().unwrap());
        }

        // A look without any option of --fix finds them gone.
        let again = lint(project.path(), &["--json"]).await;
        for rule in FIXED {
            assert!(
                !again.stdout.contains(&format!("\"rule\": \"{rule}\"")),
                "{rule} again: {}",
                again.all()
            );
        }
        let first = script(&project, NEXT);
        assert!(
            first.starts_with("/*\n  Warnings:")
                && first.contains("\"userId\" INTEGER NOT NULL, -- the author\n")
        );
        assert!(first.contains("Note_userId_idx") && first.contains("Note_userId_fkey"), "{first}");

        let safe = server.copy_of(&seeded, "fix_safe").await;
        deployed(&prisma, &project, &safe).await;
        assert_eq!(differences(&catalog(&original).await, &catalog(&safe).await), []);
        let filled = r#"SELECT count(*) FROM "User" WHERE "email" = 'nobody@example.com'"#;
        let counts = [original.rows(filled).await, safe.rows(filled).await];
        assert_eq!(counts[0], counts[1]);

        // And underpin itself has nothing to say against them.
        let ours = server.copy_of(&seeded, "fix_ours").await;
        let said = underpin(project.path(), &ours.url(), &["deploy"]).await;
        assert_eq!(said.code, 0, "{}", said.all());
        assert_eq!(differences(&catalog(&original).await, &catalog(&ours).await), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_a_diff_and_writes_nothing() {
    let project = with_history(ProjectFolder::prisma6());
    committed(project.path());
    let project = project.migration(NEXT, "-- CreateIndex\nCREATE INDEX \"i\" ON \"User\"(\"email\");\n");
    let before = script(&project, NEXT);
    let shown = lint(project.path(), &["--fix", "--dry-run"]).await;
    assert_eq!((script(&project, NEXT), folders(&project).len()), (before.clone(), 2));
    for line in [
        "--- a/prisma/migrations/20260302120000_next/migration.sql",
        "-CREATE INDEX \"i\" ON \"User\"(\"email\");",
        "+CREATE INDEX CONCURRENTLY i ON \"User\" USING btree (email);",
        "  would fix: index-build (line 2)",
        "proven on PostgreSQL 16: the files end in the same catalog, sent by Prisma before 7.4 and since",
    ] {
        assert!(shown.stdout.lines().any(|said| said == line), "{line}\n{}", shown.all());
    }

    // Without a server there is no proof.
    let without = lint(project.path(), &["--fix", "--dry-run", "--postgres-bin", "/nowhere"]).await;
    assert!(without.stdout.contains("+CREATE INDEX CONCURRENTLY"), "{}", without.all());
    assert!(without.stdout.contains("not proven: no throwaway PostgreSQL"), "{}", without.all());
    let refused = lint(project.path(), &["--fix", "--postgres-bin", "/nowhere"]).await;
    assert_eq!(refused.code, 2, "{}", refused.all());
    assert!(refused.stderr.contains("nothing is written without a proof"), "{}", refused.all());
    assert!(refused.stderr.contains("--dry-run"), "{}", refused.all());
    assert_eq!(script(&project, NEXT), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_somewhere_is_never_changed() {
    let index = "CREATE INDEX \"i\" ON \"User\"(\"email\");\n";
    let project = with_history(ProjectFolder::prisma6()).migration(NEXT, index);
    let named = format!("prisma/migrations/{NEXT}");

    // Without a repository nobody knows, unless the one who calls does.
    let unknown = lint(project.path(), &["--fix"]).await;
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("nobody can tell"), "{}", unknown.all());
    let unknown = lint(project.path(), &["--fix", "--dry-run", "--not-applied", &named]).await;
    assert!(unknown.stdout.contains("would fix: index-build"), "{}", unknown.all());

    // A database knows.
    let server = Server::shared(16).await;
    let database = server.database("fix_applied").await;
    let without = lint(project.path(), &["--fix", "--dry-run", "--url", &database.url(), &named]).await;
    assert!(without.stdout.contains("would fix: index-build"), "{}", without.all());
    deployed(&Oracle::prisma6().await, &project, &database).await;
    let refused = lint(project.path(), &["--fix", "--not-applied", "--url", &database.url(), &named]).await;
    assert_eq!(refused.code, 2, "{}", refused.all());
    assert!(refused.stderr.contains("the database has it already"), "{}", refused.all());

    // What is merged is applied, whatever somebody says.
    committed(project.path());
    let refused = lint(project.path(), &["--fix", "--not-applied", &named]).await;
    assert_eq!(refused.code, 2, "{}", refused.all());
    assert!(refused.stderr.contains("main has it already"), "{}", refused.all());
    let nothing = lint(project.path(), &["--fix"]).await;
    assert_eq!(nothing.code, 0, "{}", nothing.all());
    assert!(nothing.stdout.contains("nothing to write for what is new since main"), "{}", nothing.all());
    assert_eq!(script(&project, NEXT), index);
}

/// A run that was killed while it wrote: lint says so, and the next run puts it right before anything else.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_has_left_is_taken_back() {
    let project = with_history(ProjectFolder::prisma6());
    committed(project.path());
    let index =
        "CREATE INDEX \"i\" ON \"User\"(\"email\");\nCREATE INDEX \"j\" ON \"User\"(\"email\", \"id\");\n";
    let project = project.migration(NEXT, index);
    let own = project.migrations().join(NEXT);
    let other = project.migrations().join("20260302120001_next_2");
    std::fs::write(own.join("migration.sql.underpin"), "half").unwrap();
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("migration.sql.underpin"), "half").unwrap();

    let told = lint(project.path(), &[]).await;
    assert!(
        told.stderr.contains("_next_2 has no migration.sql, because `underpin lint --fix` was interrupted"),
        "{}",
        told.all()
    );
    let shown = lint(project.path(), &["--fix", "--dry-run"]).await;
    assert!(shown.stderr.contains("was interrupted") && other.exists(), "{}", shown.all());
    let fixed = lint(project.path(), &["--fix"]).await;
    assert_eq!(fixed.code, 0, "{}", fixed.all());
    assert!(fixed.stderr.contains("took back what an interrupted"), "{}", fixed.all());
    assert!(script(&project, "20260302120001_next_2").contains("CREATE INDEX CONCURRENTLY j"));
    let staged =
        folders(&project).into_iter().filter(|folder| folder.join("migration.sql.underpin").exists());
    assert_eq!(staged.count(), 0);
}

/// Two at once: one writes, and the other sees that what it has proven is not what is there.
#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_write_once() {
    let project = with_history(ProjectFolder::prisma6());
    committed(project.path());
    let index =
        "CREATE INDEX \"i\" ON \"User\"(\"email\");\nCREATE INDEX \"j\" ON \"User\"(\"email\", \"id\");\n";
    let project = project.migration(NEXT, index);
    let (one, two) = tokio::join!(lint(project.path(), &["--fix"]), lint(project.path(), &["--fix"]));
    let mut codes = [one.code, two.code];
    codes.sort_unstable();
    // The slower one may also have begun when all was done.
    assert!(codes == [0, 2] || codes == [0, 0], "{}\n{}", one.all(), two.all());
    if let Some(late) = [&one, &two].into_iter().find(|said| said.code == 2) {
        assert!(late.stderr.contains("nothing is written, because a migration changed"), "{}", late.all());
    }
    assert_eq!(folders(&project).len(), 3);
    assert_eq!(script(&project, NEXT), "CREATE INDEX CONCURRENTLY i ON \"User\" USING btree (email);\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_told() {
    let project = with_history(ProjectFolder::prisma6());
    committed(project.path());
    let text = "ALTER TABLE \"User\" ALTER COLUMN \"email\" TYPE VARCHAR(20);\n";
    let project = project.migration(NEXT, text);
    let said = lint(project.path(), &["--fix"]).await;
    assert_eq!(said.code, 10, "{}", said.all());
    assert!(
        said.stdout.contains("left change-type (line 1): PostgreSQL writes every row anew"),
        "{}",
        said.all()
    );
    assert_eq!((script(&project, NEXT), folders(&project).len()), (text.to_owned(), 2));

    // Files of other tools have no history to be proven behind.
    std::fs::write(project.path().join("other.sql"), text).unwrap();
    let other = lint(project.path(), &["--fix", "other.sql"]).await;
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("this is none"), "{}", other.all());
    let form = lint(project.path(), &["--fix", "--format", "sarif"]).await;
    assert_eq!(form.code, 2, "{}", form.all());
}
