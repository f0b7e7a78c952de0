//! Folders without their file, lock files of another provider, scripts that Prisma stumbles over: who stops, and what is
//! in the database then.

use underpin_testkit::{Oracle, ProjectFolder};

use super::{INIT, Projects, SECOND, SHOP, prisma_agrees};
use crate::support::{ledger, server, underpin};

/// A folder without `migration.sql` that is pending: Prisma applies what stands before it and then stops; we stop before
/// anything is changed.
#[tokio::test]
async fn a_pending_folder_without_its_file_stops_both() {
    let database = server().await.database("missing").await;
    let url = database.url();
    let project = ProjectFolder::prisma7()
        .migration(INIT, SHOP)
        .file(&format!("prisma/migrations/{SECOND}/down.sql"), "SELECT 1;\n");
    let ours = underpin(project.path(), &url, &["deploy"]).await;
    assert!(
        ours.code == 2 && ours.stderr.contains("P3015") && ours.stderr.contains(SECOND),
        "{}",
        ours.all()
    );
    let nothing = "SELECT to_regclass('_prisma_migrations') IS NULL AND to_regclass('\"Shop\"') IS NULL";
    assert!(database.client().await.query_one(nothing, &[]).await.unwrap().get::<_, bool>(0));
    let theirs = Oracle::prisma7().await.deploy(project.path(), &url).await;
    assert!(theirs.code == 1 && theirs.stderr.contains("P3015"), "{}", theirs.all());
    let status = underpin(project.path(), &url, &["status"]).await;
    assert!(
        status.code == 10 && status.stdout.contains(&format!("yet been applied:\n{SECOND}")),
        "{}",
        status.all()
    );
}

/// The file of an applied migration is gone: both deploy on, and `status` says so.
#[tokio::test]
async fn an_applied_folder_without_its_file_is_told() {
    let database = server().await.database("gone").await;
    let url = database.url();
    let project = ProjectFolder::prisma7().migration(INIT, SHOP);
    let deployed = Oracle::prisma7().await.deploy(project.path(), &url).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    std::fs::remove_file(project.migrations().join(INIT).join("migration.sql")).unwrap();
    let theirs = Oracle::prisma7().await.status(project.path(), &url).await;
    assert!(theirs.code == 1 && theirs.stderr.contains("P3015"), "{}", theirs.all());
    let status = underpin(project.path(), &url, &["status"]).await;
    assert!(status.code == 10 && status.stdout.contains("its migration.sql is gone"), "{}", status.all());
    let project = project.migration(SECOND, "CREATE TABLE \"New\" ();\n");
    let deployed = underpin(project.path(), &url, &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    let theirs = Oracle::prisma7().await.deploy(project.path(), &url).await;
    assert!(theirs.stdout.contains("No pending"), "{}", theirs.all());
}

/// P3019, also when the lock file names no provider. No lock file at all is no contradiction.
#[tokio::test]
async fn another_provider_is_refused_by_both() {
    let server = server().await;
    for (content, agrees) in [
        (Some("provider = \"mysql\"\n"), false),
        (Some("provider = \"cockroachdb\"\n"), false),
        (Some("# nothing here\n"), false),
        (Some("provider = 'postgresql'\n"), false),
        (Some("# comment\nprovider = \"postgresql\"\r\n"), true),
        (None, true),
    ] {
        let database = server.database("provider").await;
        let url = database.url();
        let project = ProjectFolder::prisma7().migration(INIT, SHOP);
        let lock = project.migrations().join("migration_lock.toml");
        match content {
            Some(content) => std::fs::write(&lock, content).unwrap(),
            None => std::fs::remove_file(&lock).unwrap(),
        }
        let ours = underpin(project.path(), &url, &["deploy"]).await;
        let theirs = Oracle::prisma7().await.deploy(project.path(), &url).await;
        assert_eq!(theirs.code == 0, agrees, "{content:?}: {}", theirs.all());
        assert_eq!(ours.code, if agrees { 0 } else { 2 }, "{content:?}: {}", ours.all());
        if !agrees {
            assert!(theirs.stderr.contains("P3019"), "{}", theirs.all());
            for words in ["Error: P3019", "migration_lock.toml", "postgresql"] {
                assert!(ours.stderr.contains(words), "{words}: {}", ours.all());
            }
        }
    }
}

/// A byte order mark is sent to the server, which refuses it. Prisma leaves a failed row, we leave nothing.
#[tokio::test]
async fn a_byte_order_mark_stops_both() {
    let database = server().await.database("mark").await;
    let url = database.url();
    let project = ProjectFolder::prisma7().migration(INIT, &format!("\u{feff}{SHOP}"));
    let ours = underpin(project.path(), &url, &["deploy"]).await;
    assert!(ours.code == 2 && ours.stderr.contains("byte order mark"), "{}", ours.all());
    assert!(ours.stderr.contains(&format!("{INIT}/migration.sql:1:1")), "{}", ours.all());
    let nothing = "SELECT to_regclass('_prisma_migrations') IS NULL";
    assert!(database.client().await.query_one(nothing, &[]).await.unwrap().get::<_, bool>(0));
    let theirs = Oracle::prisma7().await.deploy(project.path(), &url).await;
    assert!(theirs.code == 1 && theirs.stderr.contains("42601"), "{}", theirs.all());
}

/// An error inside the file's own transaction: Prisma cannot write its logs any more, and its row stays unfinished
/// without them. We read it as failed, and run such a file so that nothing of it is left.
#[tokio::test]
async fn an_error_inside_the_files_own_transaction() {
    let server = server().await;
    let sql = "BEGIN;\nCREATE TABLE \"t\" ();\nSELECT 1 / 0;\nCOMMIT;\n";
    let projects = Projects::with(|project| project.migration(INIT, SHOP).migration(SECOND, sql));
    for (prisma, project) in projects.prismas().await {
        let database = server.database("begin").await;
        let url = database.url();
        let theirs = prisma.deploy(project.path(), &url).await;
        assert!(theirs.code == 1 && theirs.stderr.contains("transaction is aborted"), "{}", theirs.all());
        let rows = ledger(&database).await;
        assert_eq!((rows.len(), rows[1].finished, &rows[1].logs), (2, false, &None));
        let status = underpin(project.path(), &url, &["status"]).await;
        assert!(status.code == 14 && status.stdout.contains(SECOND), "{}", status.all());
        let deploy = underpin(project.path(), &url, &["deploy"]).await;
        assert!(deploy.code == 14 && deploy.stderr.contains("P3009"), "{}", deploy.all());
    }
    let database = server.database("begin").await;
    let ours = underpin(projects.seven.path(), &database.url(), &["deploy"]).await;
    assert!(ours.code == 2 && ours.stderr.contains("22012"), "{}", ours.all());
    assert_eq!(ledger(&database).await.len(), 1);
}

/// A transaction that is left open: Prisma says that all is applied, and at its end the server takes everything back but
/// the row that says "begun". We end the transaction with the file.
#[tokio::test]
async fn a_transaction_that_is_left_open() {
    let server = server().await;
    let projects = Projects::with(|project| {
        project.migration(INIT, SHOP).migration(SECOND, "BEGIN;\nCREATE TABLE \"t\" ();\n")
    });
    for (prisma, project) in projects.prismas().await {
        let database = server.database("open").await;
        let url = database.url();
        let theirs = prisma.deploy(project.path(), &url).await;
        assert!(theirs.stdout.contains("All migrations have been successfully applied"), "{}", theirs.all());
        let status = underpin(project.path(), &url, &["status"]).await;
        assert!(status.code == 14 && status.stdout.contains(SECOND), "{}", status.all());
        let rows = ledger(&database).await;
        assert_eq!((rows.len(), rows[1].finished), (2, false));
    }
    let database = server.database("open").await;
    let ours = underpin(projects.seven.path(), &database.url(), &["deploy"]).await;
    assert_eq!(ours.code, 0, "{}", ours.all());
    let there = "SELECT to_regclass('t') IS NOT NULL";
    assert!(database.client().await.query_one(there, &[]).await.unwrap().get::<_, bool>(0));
    prisma_agrees(&projects, &database).await;
}
