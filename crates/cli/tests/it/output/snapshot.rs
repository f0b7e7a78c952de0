//! `underpin snapshot`: what its schema says, the same however it is asked for, without a secret.

use serde_json::Value;
use underpin_testkit::workspace_root;

use super::{shop, strict};
use crate::support::underpin;

const MORE: &str = "CREATE VIEW \"Names\" AS SELECT \"name\" FROM \"Shop\"; \
    CREATE TYPE \"Role\" AS ENUM ('USER', 'ADMIN'); CREATE COLLATION \"tree\" FROM \"C\"";

fn schema() -> Value {
    let path = workspace_root().join("docs/schema/snapshot.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn a_snapshot_is_what_the_schema_says() {
    let database = shop(700).await;
    database.run(MORE).await;
    let said = underpin(strict().path(), &database.url(), &["snapshot", "--json"]).await;
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(jsonschema::meta::is_valid(&schema()));
    jsonschema::validate(&schema(), &found).unwrap_or_else(|error| panic!("{error}: {}", said.stdout));
    let objects = found["objects"].as_array().unwrap();
    let of = |kind: &str| -> Vec<&str> {
        let all = objects.iter().filter(|object| object["kind"] == kind);
        all.map(|object| object["identity"].as_str().unwrap()).collect()
    };
    assert_eq!(of("table"), ["public.\"Shop\""], "neither the ledger nor the journal");
    assert_eq!(of("view"), ["public.\"Names\""]);
    assert_eq!(of("namespace"), ["public"]);
    assert_eq!(found["not_compared"][0]["identity"], "public.tree");
    assert!(!said.stdout.contains("shop 7"), "a row of the table: {}", said.stdout);
}

#[tokio::test]
async fn the_hash_follows_the_database_and_the_summary_shows_it() {
    let database = shop(1).await;
    database.run(MORE).await;
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["snapshot", "--url", &database.url(), "--output", "before.json"];
    let said = underpin(folder.path(), "", &arguments).await;
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.all());
    let file = std::fs::read_to_string(folder.path().join("before.json")).unwrap();
    let hash = |text: &str| serde_json::from_str::<Value>(text).unwrap()["hash"].as_str().unwrap().to_owned();
    let before = hash(&file);
    assert!(
        said.stderr.starts_with("before.json:\nPostgreSQL ") && said.stderr.contains(&before),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("1  table\n") && said.stderr.contains("collation public.tree\n"),
        "{}",
        said.stderr
    );
    let password = database.url().split(['@', ':']).nth(2).unwrap().to_owned();
    assert!(!file.contains(&password) && !said.all().contains(&password));

    let again = underpin(folder.path(), "", &["snapshot", "--url", &database.url()]).await;
    assert!(
        again.stdout.ends_with(&format!("hash {before}\n")) && again.stderr.is_empty(),
        "{}",
        again.all()
    );
    database.run("ALTER TABLE \"Shop\" ALTER COLUMN \"name\" SET NOT NULL").await;
    let json = underpin(folder.path(), "", &["snapshot", "--url", &database.url(), "--json"]).await;
    assert_ne!(hash(&json.stdout), before);
}

#[tokio::test]
async fn a_table_that_stays_locked_is_exit_13_with_who_to_look_for() {
    let database = shop(1).await;
    database.run(MORE).await;
    let holder = database.client().await;
    holder.batch_execute("BEGIN; LOCK TABLE \"Shop\" IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let said = underpin(strict().path(), &database.url(), &["snapshot"]).await;
    assert_eq!(said.code, 13, "{}", said.all());
    assert!(said.stderr.contains("locked by another session at each of 25 tries"), "{}", said.stderr);
    assert!(said.stderr.contains("ACCESS EXCLUSIVE"), "{}", said.stderr);
}
