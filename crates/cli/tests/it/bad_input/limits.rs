//! Limits that a role or a database sets for its sessions: they are for the application, and a deploy that takes its time
//! is not ended by them.

use std::time::Duration;

use underpin_testkit::ProjectFolder;

use super::{INIT, SECOND, SHOP};
use crate::support::{ended, server, start, underpin, until};

#[tokio::test]
async fn the_databases_limits_do_not_end_a_deploy() {
    let server = server().await;
    let database = server.database("limits").await;
    let url = database.url();
    let deployed = underpin(super::project().path(), &url, &["deploy"]).await;
    assert_eq!(deployed.code, 0, "{}", deployed.all());
    database.run("INSERT INTO \"Shop\" (\"name\") SELECT n::text FROM generate_series(1, 2000) n").await;
    let mut limits =
        vec!["idle_session_timeout = '400ms'", "lock_timeout = '50ms'", "statement_timeout = '400ms'"];
    limits.extend(["default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on"]);
    if server.major() >= 17 {
        limits.push("transaction_timeout = '400ms'");
    }
    // Sessions that are open already keep what they have.
    let writer = database.client().await;
    let looker = database.client().await;
    for limit in limits {
        database.run(&format!("ALTER DATABASE \"{}\" SET {limit}", database.name())).await;
    }
    let project = ProjectFolder::prisma7()
        .migration(INIT, SHOP)
        .migration(
            SECOND,
            "CREATE INDEX \"Shop_name_idx\" ON \"Shop\"(\"name\");\n\
             ALTER TABLE \"Shop\" ALTER COLUMN \"name\" SET NOT NULL;\n\
             UPDATE \"Shop\" SET \"name\" = 'a shop';\n",
        )
        .file("underpin.toml", "[deploy]\nsmall_table_kb = 0\n");
    // The build waits for the writer, and everybody else of us waits for the build.
    writer.batch_execute("BEGIN; UPDATE \"Shop\" SET \"name\" = 'writing' WHERE \"id\" = 1").await.unwrap();
    let deploy = start(project.path(), &url, &["deploy"]);
    let builds =
        "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database())";
    until(&looker, "the index is being built", builds).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    writer.batch_execute("COMMIT").await.unwrap();
    let said = ended(deploy).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(!said.stderr.contains("lost"), "{}", said.all());
    let done = "SELECT bool_and(name = 'a shop') FROM \"Shop\"";
    assert_eq!(database.rows(done).await, ["t"]);
}
