//! A migration that failed: under Prisma we explain it and keep off, under us Prisma sees nothing of it.

use underpin_testkit::{Oracle, ProjectFolder};

use super::{INIT, Projects, SECOND, SHOP, prisma_agrees};
use crate::support::{ledger, server, underpin};

/// Its first statement works.
pub(super) const FAILS: &str = "CREATE TABLE \"Left\" ();\nINSERT INTO \"Missing\" VALUES (1);\n";

#[tokio::test]
async fn a_failure_of_prisma_is_explained_and_blocks_us() {
    let server = server().await;
    let projects = Projects::with(|project| project.migration(INIT, SHOP).migration(SECOND, FAILS));
    for (prisma, project) in projects.prismas().await {
        let database = server.database("failed").await;
        let url = database.url();
        let failed = prisma.deploy(project.path(), &url).await;
        assert!(failed.code == 1 && failed.stderr.contains("P3018"), "{}", failed.all());
        let before = ledger(&database).await;

        let status = underpin(project.path(), &url, &["status"]).await;
        assert_eq!(status.code, 14, "{}", status.all());
        assert!(
            status.stdout.contains(&format!("Following migration have failed:\n{SECOND}")),
            "{}",
            status.all()
        );
        let theirs = prisma.status(project.path(), &url).await;
        assert!(
            theirs.stderr.contains(&format!("Following migration have failed:\n{SECOND}")),
            "{}",
            theirs.all()
        );

        let deploy = underpin(project.path(), &url, &["deploy"]).await;
        assert!(deploy.code == 14 && deploy.stderr.contains("P3009"), "{}", deploy.all());
        for words in [SECOND, "underpin recover", "resolve --applied", "resolve --rolled-back"] {
            assert!(deploy.stderr.contains(words), "{words}: {}", deploy.all());
        }
        let theirs = prisma.deploy(project.path(), &url).await;
        assert!(theirs.code == 1 && theirs.stderr.contains("P3009"), "{}", theirs.all());

        let recover = underpin(project.path(), &url, &["recover"]).await;
        assert_eq!(recover.code, 14, "{}", recover.all());
        for words in [SECOND, "relation \"Missing\" does not exist", "did not run it"] {
            assert!(recover.stdout.contains(words), "{words}: {}", recover.all());
        }
        assert_eq!(ledger(&database).await, before);
    }
}

/// A killed Prisma leaves a row without logs.
#[tokio::test]
async fn a_killed_prisma_is_a_failure_too() {
    let server = server().await;
    let database = server.database("killed").await;
    let url = database.url();
    let project = ProjectFolder::prisma7().migration(INIT, SHOP).migration(SECOND, "SELECT pg_sleep(600);\n");
    let mut prisma = tokio::process::Command::new(Oracle::prisma7().await.program())
        .args(["migrate", "deploy"])
        .current_dir(project.path())
        .env("DATABASE_URL", &url)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let client = database.client().await;
    let sleeps = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid())";
    crate::support::until(&client, "Prisma runs the migration", sleeps).await;
    // The shim runs in a process of its own, so the whole group goes.
    let group = nix::unistd::Pid::from_raw(i32::try_from(prisma.id().unwrap()).unwrap());
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).unwrap();
    prisma.wait().await.unwrap();

    let status = underpin(project.path(), &url, &["status"]).await;
    assert_eq!(status.code, 14, "{}", status.all());
    let backend = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
    client.query(backend, &[]).await.unwrap();
    let deploy = underpin(project.path(), &url, &["deploy"]).await;
    assert!(deploy.code == 14 && deploy.stderr.contains("P3009"), "{}", deploy.all());
    let rows = ledger(&database).await;
    assert_eq!((rows.len(), rows[1].finished, &rows[1].logs), (2, false, &None));
}

/// Our transaction takes the ledger's row back together with what the file did: nobody has to resolve anything.
#[tokio::test]
async fn a_failure_of_ours_leaves_nothing() {
    let server = server().await;
    let database = server.database("ours").await;
    let url = database.url();
    let projects = Projects::with(|project| project.migration(INIT, SHOP).migration(SECOND, FAILS));
    let failed = underpin(projects.seven.path(), &url, &["deploy"]).await;
    assert_eq!(failed.code, 2, "{}", failed.all());
    for words in [SECOND, "line 2", "42P01", "relation \"Missing\" does not exist", "Nothing of it is left"] {
        assert!(failed.stderr.contains(words), "{words}: {}", failed.all());
    }
    assert_eq!(ledger(&database).await.len(), 1);
    let left = "SELECT to_regclass('\"Left\"') IS NULL";
    assert!(database.client().await.query_one(left, &[]).await.unwrap().get::<_, bool>(0));
    for (prisma, project) in projects.prismas().await {
        let status = prisma.status(project.path(), &url).await;
        assert!(status.code == 1 && status.stdout.contains("not yet been applied"), "{}", status.all());
    }
    let projects = Projects {
        seven: projects.seven.migration(SECOND, "CREATE TABLE \"Left\" ();\n"),
        six: projects.six.migration(SECOND, "CREATE TABLE \"Left\" ();\n"),
    };
    let deployed = underpin(projects.seven.path(), &url, &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    prisma_agrees(&projects, &database).await;
}
