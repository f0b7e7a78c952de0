//! A mapping that would lose something is found before anything begins, and told by the keys of the rows.

use super::{begun, folders, plan};
use crate::support::{server, underpin};

const BEFORE: &str = "model User {\n  id   Int    @id\n  name String\n}\n";
const AFTER: &str = "model User {\n  id    Int    @id\n  first String\n  last  String\n}\n";

const SPLIT: [&str; 8] = [
    "--split",
    "User.name:first,last",
    "--fill",
    "User.first=split_part(name, ' ', 1)",
    "--fill",
    "User.last=nullif(split_part(name, ' ', 2), '-')",
    "--fill",
    "User.name=first || ' ' || last",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_come_back_is_told_before_the_start() {
    let database = server().await.database("lossy").await;
    let url = database.url();
    let project = begun(BEFORE);
    assert_eq!(underpin(project.path(), &url, &["deploy"]).await.code, 0);
    database
        .run(
            "INSERT INTO \"User\" SELECT n, 'First Last' FROM generate_series(1, 2000) n;
             UPDATE \"User\" SET name = 'Ludwig van Beethoven' WHERE id IN (7, 1900);
             UPDATE \"User\" SET name = 'Plato -' WHERE id = 8",
        )
        .await;
    let project = project.models(AFTER);
    let told = plan(&project, &SPLIT).await;
    assert!(told["notes"][0].as_str().unwrap().contains("does not come back"), "{told:#}");

    let said = underpin(project.path(), &url, &["precheck"]).await;
    assert_eq!(said.code, 10, "{}", said.all());
    for part in [
        "  FAIL  3 rows of public.User would have another value in (name)\n        rows: 7; 1900; 8\n",
        "  FAIL  1 row of public.User is counted by a query that must answer 0\n        rows: 8\n",
    ] {
        assert!(said.stdout.contains(part), "no {part:?} in:\n{}", said.all());
    }
    let said = underpin(project.path(), &url, &["deploy"]).await;
    assert!(said.code == 13 && said.all().contains("3 rows are left by: SELECT count(*)"), "{}", said.all());
    let columns =
        "SELECT attname::text FROM pg_attribute WHERE attrelid = '\"User\"'::regclass AND attnum > 0";
    assert_eq!(database.rows(columns).await, ["id", "name"]);

    database.run("UPDATE \"User\" SET name = 'First Last'").await;
    let said = underpin(project.path(), &url, &["precheck"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    // What comes while both releases run is found before the old column goes.
    assert_eq!(underpin(project.path(), &url, &["deploy"]).await.code, 0);
    database.run("UPDATE \"User\" SET name = 'Three Words Now' WHERE id = 3").await;
    let release = ["rollout", "release", "change", "--now", "--database", database.name()];
    let attested = ["--attest", "the test: they are stopped"];
    let said = underpin(project.path(), &url, &[&release[..], &attested].concat()).await;
    assert!(said.code == 12 && said.all().contains("1 row is left by"), "{}", said.all());
    assert_eq!(folders(&project).len(), 4);
}
