//! A deploy of ours that was killed on its way blocks Prisma, until our next run has finished it.

use super::{INIT, Projects, SECOND, SHOP, prisma_agrees, we_agree};
use crate::support::{ended, ledger, server, start, underpin, until};

const TWO_INDEXES: &str = "-- CreateIndex\nCREATE INDEX \"Shop_name_idx\" ON \"Shop\"(\"name\");\n\n\
                           -- CreateIndex\nCREATE UNIQUE INDEX \"Shop_id_name_key\" ON \"Shop\"(\"id\", \"name\");\n";

#[tokio::test]
async fn a_killed_deploy_of_ours_blocks_prisma_until_it_is_finished() {
    let server = server().await;
    let database = server.database("half").await;
    let url = database.url();
    let projects = Projects::with(|project| {
        project.migration(INIT, SHOP).file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n")
    });
    let first = underpin(projects.seven.path(), &url, &["deploy"]).await;
    assert_eq!(first.code, 0, "{}", first.all());
    database.run("INSERT INTO \"Shop\" (\"name\") SELECT 'shop ' || n FROM generate_series(1, 1000) n").await;
    let projects = Projects {
        seven: projects.seven.migration(SECOND, TWO_INDEXES),
        six: projects.six.migration(SECOND, TWO_INDEXES),
    };

    // A concurrent build waits for the transaction that writes: there is time to kill it.
    let writer = database.client().await;
    writer.batch_execute("BEGIN; UPDATE \"Shop\" SET \"name\" = 'writing' WHERE \"id\" = 1").await.unwrap();
    let mut ours = start(projects.seven.path(), &url, &["deploy"]);
    let looker = database.client().await;
    let builds =
        "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database())";
    until(&looker, "the index is being built", builds).await;
    ours.start_kill().unwrap();
    assert_eq!(ended(ours).await.code, 137);

    for (prisma, project) in projects.prismas().await {
        let blocked = prisma.deploy(project.path(), &url).await;
        assert!(blocked.code == 1 && blocked.stderr.contains("P3009"), "{}", blocked.all());
        let status = prisma.status(project.path(), &url).await;
        assert!(status.code == 1 && status.stderr.contains("have failed"), "{}", status.all());
    }
    let status = underpin(projects.seven.path(), &url, &["status"]).await;
    assert!(status.code == 14 && status.stdout.contains("half applied by underpin"), "{}", status.all());
    writer.batch_execute("COMMIT").await.unwrap();
    let recover = underpin(projects.seven.path(), &url, &["recover"]).await;
    assert!(recover.code == 14 && recover.stdout.contains("Shop_name_idx"), "{}", recover.all());

    let again = underpin(projects.seven.path(), &url, &["deploy"]).await;
    assert_eq!(again.code, 0, "{}", again.all());
    prisma_agrees(&projects, &database).await;
    we_agree(&projects.seven, &database).await;
    let rows = ledger(&database).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[1].finished && rows[1].steps == 1 && rows[1].logs.is_none(), "{rows:?}");
    let valid =
        "SELECT count(*) = 3 AND bool_and(indisvalid) FROM pg_index WHERE indrelid = '\"Shop\"'::regclass";
    assert!(looker.query_one(valid, &[]).await.unwrap().get::<_, bool>(0));
}

/// What is undone by `recover --revert` is pending for both of us, and nothing is left of it.
#[tokio::test]
async fn a_reverted_deploy_of_ours_is_pending_for_prisma() {
    let server = server().await;
    let database = server.database("reverted").await;
    let url = database.url();
    let projects = Projects::with(|project| {
        project.migration(INIT, SHOP).file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n")
    });
    let first = underpin(projects.seven.path(), &url, &["deploy"]).await;
    assert_eq!(first.code, 0, "{}", first.all());
    database.run("INSERT INTO \"Shop\" (\"name\") VALUES ('twice'), ('twice')").await;
    let clash = format!("{TWO_INDEXES}CREATE UNIQUE INDEX \"Shop_name_key\" ON \"Shop\"(\"name\");\n");
    let projects = Projects {
        seven: projects.seven.migration(SECOND, &clash),
        six: projects.six.migration(SECOND, &clash),
    };
    let failed = underpin(projects.seven.path(), &url, &["deploy"]).await;
    assert!(failed.code == 14 && failed.stderr.contains("23505"), "{}", failed.all());
    let reverted = underpin(projects.seven.path(), &url, &["recover", "--revert"]).await;
    assert_eq!(reverted.code, 0, "{}", reverted.all());
    let one = "SELECT count(*) = 1 FROM pg_index WHERE indrelid = '\"Shop\"'::regclass";
    assert!(database.client().await.query_one(one, &[]).await.unwrap().get::<_, bool>(0));
    for (prisma, project) in projects.prismas().await {
        let tried = prisma.deploy(project.path(), &url).await;
        assert!(tried.stderr.contains("P3018") && tried.stderr.contains("23505"), "{}", tried.all());
        let back = prisma.resolve_rolled_back(project.path(), &url, SECOND).await;
        assert_eq!(back.code, 0, "{}", back.all());
        database.run("DROP INDEX IF EXISTS \"Shop_name_idx\", \"Shop_id_name_key\"").await;
    }
    database.run("DELETE FROM \"Shop\" WHERE \"id\" = 2").await;
    let again = underpin(projects.seven.path(), &url, &["deploy"]).await;
    assert_eq!(again.code, 0, "{}", again.all());
    prisma_agrees(&projects, &database).await;
}
