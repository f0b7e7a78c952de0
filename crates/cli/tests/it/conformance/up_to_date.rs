//! Whoever deploys, the other finds nothing to do, and the ledgers are equal.

use underpin_engine::introspect;
use underpin_testkit::{Database, Oracle, ProjectFolder, corpus};

use super::{INIT, Projects, SECOND, SHOP, prisma_agrees, we_agree};
use crate::support::{Row, ledger, server, underpin};

/// Names and files as they come: line endings of Windows, text that is not UTF-8, nothing at all.
fn odd(project: ProjectFolder) -> ProjectFolder {
    project
        .migration(INIT, SHOP)
        .migration(
            "20260102000000_crlf",
            "CREATE TABLE \"b\" (\"x\" int);\r\nALTER TABLE \"b\" ADD COLUMN \"y\" text;\r\n",
        )
        .migration("20260103000000_comment", "-- This is an empty migration.")
        .migration("20260104000000_empty", "")
        .file(
            "prisma/migrations/20260105000000_latin1/migration.sql",
            b"-- caf\xe9\nCREATE TABLE \"c\" ();\n",
        )
        .migration("20260106000000-B", "CREATE TABLE \"d\" ();")
        .migration(
            "20260106000000_a",
            "CREATE INDEX \"Shop_name_idx\" ON \"Shop\"(\"name\");\nALTER TABLE \"b\" ADD COLUMN \"z\" int;",
        )
        .migration("9_x", "ALTER TABLE \"c\" ADD COLUMN \"z\" int;")
        .migration("Sp ace", "DO $$ BEGIN PERFORM 1; END $$;")
        .file("prisma/migrations/notes.txt", "not a migration")
        .file("prisma/migrations/9_x/down.sql", "DROP TABLE \"c\";")
}

#[tokio::test]
async fn we_deploy_what_prisma_would_and_both_agree() {
    let server = server().await;
    let projects = Projects::with(odd);
    let (ours, theirs) = (server.database("ours").await, server.database("theirs").await);

    let deployed = underpin(projects.seven.path(), &ours.url(), &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    assert!(deployed.stdout.contains("All migrations have been successfully applied."), "{}", deployed.all());
    let oracle = Oracle::prisma7().await.deploy(projects.seven.path(), &theirs.url()).await;
    assert_eq!(oracle.code, 0, "{}", oracle.all());

    assert_eq!(ledger(&ours).await, ledger(&theirs).await);
    assert_eq!(table(&ours).await, table(&theirs).await);
    assert_eq!(
        introspect(&ours.client().await).await.unwrap(),
        introspect(&theirs.client().await).await.unwrap()
    );
    prisma_agrees(&projects, &ours).await;
    we_agree(&projects.six, &ours).await;
}

/// Everything that the catalog knows about the ledger's table, its columns and its index.
async fn table(database: &Database<'_>) -> Vec<String> {
    let query = "
        SELECT concat_ws(' ', ordinal_position, column_name, udt_name, character_maximum_length, datetime_precision,
                         is_nullable, coalesce(column_default, '-'), collation_name, is_identity)
        FROM information_schema.columns WHERE table_name = '_prisma_migrations'
        UNION ALL SELECT concat_ws(' ', conname, contype::text, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE conrelid = '_prisma_migrations'::regclass
        UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = '_prisma_migrations'::regclass
        UNION ALL SELECT concat_ws(' ', relkind::text, relpersistence::text, relrowsecurity, reloptions::text, relowner::regrole)
        FROM pg_class WHERE oid = '_prisma_migrations'::regclass
        ORDER BY 1";
    let rows = database.client().await.query(query, &[]).await.unwrap();
    assert!(rows.len() >= 11, "eight columns, a key, an index and the table itself: {rows:?}");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn either_prisma_deploys_and_we_find_nothing_to_do() {
    let server = server().await;
    let projects = Projects::with(odd);
    for (prisma, project) in projects.prismas().await {
        let database = server.database("theirs").await;
        let deployed = prisma.deploy(project.path(), &database.url()).await;
        assert_eq!(deployed.code, 0, "{}", deployed.all());
        we_agree(project, &database).await;
        let audit = "SELECT to_regnamespace('underpin') IS NULL";
        assert!(database.client().await.query_one(audit, &[]).await.unwrap().get::<_, bool>(0));
    }
}

#[tokio::test]
async fn we_take_turns_in_a_namespace_of_its_own() {
    let server = server().await;
    let database = server.database("turns").await;
    let url = format!("{}?schema=shop", database.url());
    let prisma = Oracle::prisma7().await;
    let project = ProjectFolder::prisma7().migration(INIT, SHOP);
    let first = underpin(project.path(), &url, &["deploy"]).await;
    assert_eq!(first.code, 0, "{}", first.all());
    let project = project.migration(SECOND, "CREATE INDEX \"Shop_name_idx\" ON \"Shop\"(\"name\");\n");
    let second = prisma.deploy(project.path(), &url).await;
    assert!(second.code == 0 && second.stdout.contains(SECOND), "{}", second.all());
    assert!(!second.stdout.contains(&format!("`{INIT}`")), "{}", second.all());
    // Somebody added a column to the ledger: Prisma reads on, and so do we.
    database.run("ALTER TABLE shop._prisma_migrations ADD COLUMN note text").await;
    let third = "20260103000000_third";
    let project = project.migration(third, "ALTER TABLE \"Shop\" ADD COLUMN \"city\" TEXT;\n");
    let deployed = underpin(project.path(), &url, &["deploy"]).await;
    assert!(deployed.code == 0 && deployed.stdout.contains(third), "{}", deployed.all());
    let status = prisma.status(project.path(), &url).await;
    assert_eq!(status.code, 0, "{}", status.all());

    let client = database.client().await;
    let strays =
        "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    assert_eq!(client.query_one(strays, &[]).await.unwrap().get::<_, i64>(0), 0);
    let rows = client
        .query("SELECT migration_name FROM shop._prisma_migrations ORDER BY started_at", &[])
        .await
        .unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, [INIT, SECOND, third]);
}

/// The whole corpus in both directions. What Prisma has deployed we call applied and unedited; what we deploy Prisma
/// calls up to date; and the ledgers are equal, row by row: names, order, checksums, counts, logs.
#[tokio::test]
async fn the_corpus_has_the_same_ledger_from_either() {
    let server = server().await;
    let prisma = Oracle::prisma7().await;
    for history in corpus::histories() {
        let of = &history.name;
        let (theirs, ours) = (server.database(of).await, server.database(of).await);
        let project = ProjectFolder::prisma7().migrations_of(&history.migrations);
        let deployed = prisma.deploy(project.path(), &theirs.url()).await;
        let status = underpin(project.path(), &theirs.url(), &["status", "--json"]).await;
        let report: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!(report["edited"], serde_json::json!([]), "{of}");
        let finished: Vec<Row> = ledger(&theirs).await.into_iter().filter(|row| row.finished).collect();
        assert_eq!(report["applied"].as_array().unwrap().len(), finished.len(), "{of}: {}", deployed.all());

        // One history cannot be replayed to its end, by anybody: it is deployed as far as Prisma came.
        assert!(deployed.code == 0 || of == "civitai", "{of}: {}", deployed.all());
        let reached = finished.iter().fold(ProjectFolder::prisma7(), |project, row| {
            let file = history.migrations.join(&row.name).join("migration.sql");
            project
                .file(&format!("prisma/migrations/{}/migration.sql", row.name), std::fs::read(file).unwrap())
        });
        let deployed = underpin(reached.path(), &ours.url(), &["deploy"]).await;
        assert_eq!(deployed.code, 0, "{of}: {}", deployed.all());
        let rows = ledger(&ours).await;
        assert_eq!(rows, finished, "{of}");
        let status = prisma.status(reached.path(), &ours.url()).await;
        assert!(status.stdout.contains("Database schema is up to date!"), "{of}: {}", status.all());
        let again = prisma.deploy(reached.path(), &ours.url()).await;
        assert!(again.stdout.contains("No pending migrations to apply."), "{of}: {}", again.all());
        assert_eq!(ledger(&ours).await, rows, "{of}");
    }
}
